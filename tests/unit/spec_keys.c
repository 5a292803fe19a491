#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>

#include "base/fs.h"
#include "spec/spec.h"

/* fixtures/spec/keys.yaml, read once. */
struct fixture {
	struct arena a;
	struct spec s;
};

static int setup(void **state)
{
	static struct fixture f;
	CLEAN_BUF struct buf tell = BUF(1 << 20);
	struct err e;

	if (!spec_load(&f.a, "fixtures/spec/keys.yaml", NULL, &tell, &f.s, &e)) {
		print_error("%s%s\n", buf_text(&tell), e.msg);
		return -1;
	}
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(&f->a);
	return 0;
}

static const struct job_spec *job(void **state, const char *name)
{
	const struct fixture *f = *state;
	const struct job_spec *j = spec_job(&f->s, name);

	assert_non_null(j);
	return j;
}

static void retry_says_when_how_often_and_after_what(void **state)
{
	const struct retry_spec *r = &job(state, "all")->retry;

	assert_int_equal(r->max, 3);
	assert_int_equal(r->on, RETRY_INFRA | RETRY_TIMEOUT);
	assert_int_equal(r->patterns.n, 2);
	assert_string_equal(r->patterns.item[0], "reset by peer");
	assert_string_equal(r->patterns.item[1], "refused");
	assert_int_equal(r->backoff_ms, 250);
	assert_true(r->factor == 3);
	assert_false(r->has_jitter);
}

static void retry_lies_over_that_of_defaults_key_by_key(void **state)
{
	const struct retry_spec *r = &job(state, "ref")->retry;

	assert_int_equal(r->max, 1);
	assert_int_equal(r->on, RETRY_TIMEOUT);
	assert_int_equal(r->backoff_ms, 1500);
	assert_true(r->factor == 2);
	assert_true(r->has_jitter);
}

static void without_retry_there_is_none(void **state)
{
	CLEAN_BUF struct buf tell = BUF(1 << 20);
	CLEAN_ARENA struct arena a = { 0 };
	struct spec s;
	struct err e;

	(void)state;
	assert_true(spec_load(&a, "fixtures/spec/nameless.yaml", NULL, &tell, &s, &e));
	assert_int_equal(s.job[0].retry.max, 0);
	assert_int_equal(s.job[0].retry.on, RETRY_INFRA);
}

static void how_the_program_is_built(void **state)
{
	const struct job_spec *j = job(state, "all");

	assert_string_equal(j->filename.s, "Main.java");
	assert_int_equal(j->compile_args.n, 2);
	assert_string_equal(j->compile_args.item[0].s, "-Xlint");
	assert_true(j->return_wasm_artifact);
	assert_false(j->return_artifact);
}

static void what_it_is_worth_and_to_whom_it_is_shown(void **state)
{
	const struct job_spec *j = job(state, "all");

	assert_true(j->points == 2.5);
	assert_true(j->is_partial);
	assert_string_equal(visibility_names[j->visibility], "hidden");
	assert_true(job(state, "plain")->points == 1);
	assert_string_equal(visibility_names[job(state, "plain")->visibility], "visible");
}

static void how_often_and_whether_it_runs(void **state)
{
	const struct job_spec *j = job(state, "all"), *plain = job(state, "plain");

	assert_true(j->allow_failure);
	assert_int_equal(j->repeat, 3);
	assert_true(j->skips_unless_language);
	assert_true(j->caches_network);
	assert_false(j->no_cache);
	assert_false(plain->caches_network);
	assert_true(plain->no_cache);
	assert_false(job(state, "ref")->no_cache);
	assert_false(job(state, "ref")->caches_network);
	assert_false(plain->skips_unless_language);
}

static void every_comparator_with_its_options(void **state)
{
	static const struct stream_check want[] = {
		{ .comparator = COMPARE_TOKENS, .want.s = "A b", .ignores_case = true },
		{ .comparator = COMPARE_TOKENS, .want.s = "a.out", .is_file = true },
		{ .comparator = COMPARE_FLOATS,
		  .want.s = "a.out",
		  .is_file = true,
		  .is_exact = true,
		  .abs_error = 1e-6,
		  .rel_error = 0.5 },
		{ .comparator = COMPARE_FLOATS, .want.s = "1.0 2" },
		{ .comparator = COMPARE_LINES, .want.s = "a\nb", .any_order = true },
		{ .comparator = COMPARE_LINES, .want.s = "a" },
		{ .comparator = COMPARE_JSON, .want.s = "${{ matrix.n }}.json", .is_file = true },
		{ .comparator = COMPARE_JSON, .want.s = "{}" },
		{ .comparator = COMPARE_SAME_AS, .want.s = "ref" },
		{ .comparator = COMPARE_CHECKER,
		  .want.s = "check.py",
		  .is_file = true,
		  .language.s = "python" },
		{ .comparator = COMPARE_CHECKER, .want.s = "check.c", .is_file = true },
		{ .comparator = COMPARE_EQUALS,
		  .want.s = "a.out",
		  .is_file = true,
		  .is_exact = true },
	};
	const struct expect *x = &job(state, "all")->expect;

	assert_int_equal(x->ncheck, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < x->ncheck; i++) {
		const struct stream_check *c = &x->check[i], *w = &want[i];

		assert_int_equal(c->comparator, w->comparator);
		assert_string_equal(c->want.s, w->want.s);
		assert_int_equal(c->is_file, w->is_file);
		assert_int_equal(c->is_exact, w->is_exact);
		assert_int_equal(c->ignores_case, w->ignores_case);
		assert_int_equal(c->any_order, w->any_order);
		assert_true(c->abs_error == w->abs_error);
		assert_true(c->rel_error == w->rel_error);
		if (w->language.s)
			assert_string_equal(c->language.s, w->language.s);
		else
			assert_null(c->language.s);
	}
}

static void how_long_it_may_take_and_what_it_must_leave(void **state)
{
	const struct expect *x = &job(state, "all")->expect;

	assert_int_equal(x->max_duration_ms, 1500);
	assert_int_equal(x->nartifact, 2);
	assert_string_equal(x->artifact[0].name.s, "*.png");
	assert_int_equal(x->artifact[0].min_bytes, 100);
	assert_string_equal(x->artifact[1].name.s, "main");
	assert_int_equal(x->artifact[1].min_bytes, 0);
	assert_int_equal(x->artifact[1].mark.line, 40);
}

static void what_it_must_print_the_same_as_is_needed(void **state)
{
	const struct job_spec *j = job(state, "all");

	assert_int_equal(j->needs.n, 1);
	assert_string_equal(j->needs.item[0], "ref");
	assert_int_equal(j->need[0], 0);
}

static void all_mistakes_of_these_keys_are_told(void **state)
{
	static const char *const golden = "fixtures/spec/keys-wrong.err";
	CLEAN_BUF struct buf tell = BUF(1 << 20);
	CLEAN_ARENA struct arena a = { 0 };
	struct spec s;
	struct err e;
	char *want;
	size_t len;

	(void)state;
	assert_false(spec_load(&a, "fixtures/spec/keys-wrong.yaml", NULL, &tell, &s, &e));
	buf_printf(&tell, "%s\n", e.msg);
	if (getenv("UPDATE_GOLDEN"))
		assert_true(fs_write(AT_FDCWD, golden, tell.data, tell.len, &e));
	assert_true(fs_read(&a, AT_FDCWD, golden, 1 << 20, &want, &len, &e));
	assert_string_equal(buf_text(&tell), want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retry_says_when_how_often_and_after_what),
		cmocka_unit_test(retry_lies_over_that_of_defaults_key_by_key),
		cmocka_unit_test(without_retry_there_is_none),
		cmocka_unit_test(how_the_program_is_built),
		cmocka_unit_test(what_it_is_worth_and_to_whom_it_is_shown),
		cmocka_unit_test(how_often_and_whether_it_runs),
		cmocka_unit_test(every_comparator_with_its_options),
		cmocka_unit_test(how_long_it_may_take_and_what_it_must_leave),
		cmocka_unit_test(what_it_must_print_the_same_as_is_needed),
		cmocka_unit_test(all_mistakes_of_these_keys_are_told),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
