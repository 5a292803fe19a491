#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "spec/spec.h"

struct fixture {
	struct arena a;
	struct buf tell;
	struct spec s;
	struct err e;
	bool is_good;
};

/* Load text as a file that is only in memory; "t.yaml" stands for its path in what is told. */
static void load_with(struct fixture *f, const char *text, const char *const *vars)
{
	CLEAN_FD int fd = memfd_create("spec", MFD_CLOEXEC);
	char path[32];

	*f = (struct fixture){ .tell = BUF(1 << 20) };
	assert_true(fs_write_all(fd, text, strlen(text)));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	f->is_good = spec_load(&f->a, path, vars, &f->tell, &f->s, &f->e);
}

static void load(struct fixture *f, const char *text)
{
	load_with(f, text, NULL);
}

static void load_good(struct fixture *f, const char *text)
{
	load(f, text);
	if (!f->is_good)
		print_message("%s%s\n", buf_text(&f->tell), f->e.msg);
	assert_true(f->is_good);
}

static void finish(struct fixture *f)
{
	buf_close(&f->tell);
	arena_free(&f->a);
}

/* One mistake, at that place, in those words. */
static void assert_mistake(const char *text, const char *want)
{
	struct fixture f;
	const char *told;

	load(&f, text);
	assert_false(f.is_good);
	assert_int_equal(f.e.kind, ERR_SPEC);
	assert_non_null(strstr(f.e.msg, ": 1 mistake"));
	told = strchr(buf_text(&f.tell), ':') + 1;
	assert_true(strcspn(told, "\n") == strlen(want));
	assert_memory_equal(told, want, strlen(want));
	finish(&f);
}

static const struct pair *find(const struct pair_list *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->item[i].key, key))
			return &l->item[i];
	fail_msg("no '%s'", key);
	return NULL;
}

static struct text expand(struct fixture *f, const struct text *t, const struct pair *matrix,
			  size_t n)
{
	struct scope scope = { .spec = &f->s, .matrix = matrix, .nmatrix = n };

	return spec_expand(&f->a, &scope, t);
}

static void all_mistakes_are_told_at_once(void **state)
{
	static const char *const golden = "fixtures/spec/mistakes.err";
	CLEAN_BUF struct buf tell = BUF(1 << 20);
	CLEAN_ARENA struct arena a = { 0 };
	struct spec s;
	struct err e;
	char *want;
	size_t len;

	(void)state;
	assert_false(spec_load(&a, "fixtures/spec/mistakes.yaml", NULL, &tell, &s, &e));
	buf_printf(&tell, "%s\n", e.msg);
	if (getenv("UPDATE_GOLDEN"))
		assert_true(fs_write(AT_FDCWD, golden, tell.data, tell.len, &e));
	assert_true(fs_read(&a, AT_FDCWD, golden, 1 << 20, &want, &len, &e));
	assert_string_equal(buf_text(&tell), want);
}

static void a_missing_file_is_no_mistake_but_an_error(void **state)
{
	CLEAN_BUF struct buf tell = BUF(1 << 20);
	CLEAN_ARENA struct arena a = { 0 };
	struct spec s;
	struct err e;

	(void)state;
	assert_false(spec_load(&a, "fixtures/spec/none.yaml", NULL, &tell, &s, &e));
	assert_int_equal(e.kind, ERR_SYSTEM);
	assert_int_equal(tell.len, 0);
}

static void every_key_lands_in_the_model(void **state)
{
	CLEAN_BUF struct buf tell = BUF(1 << 20);
	CLEAN_ARENA struct arena a = { 0 };
	const struct job_spec *j;
	struct spec s;
	struct err e;

	(void)state;
	if (!spec_load(&a, "fixtures/spec/whole.yaml", NULL, &tell, &s, &e))
		fail_msg("%s%s", buf_text(&tell), e.msg);
	assert_string_equal(s.name, "hw1");
	assert_string_equal(s.folder, "fixtures/spec");
	assert_int_equal(s.njob, 2);
	j = spec_job(&s, "build");
	assert_string_equal(j->file.s, "main.c");
	assert_true(j->return_artifact);
	assert_int_equal(j->ttl_s, 10);
	j = spec_job(&s, "case");
	assert_string_equal(j->language.s, "bash");
	assert_string_equal(j->code.s, "./prog ${{ matrix.n }}");
	assert_true(j->code.has_expr);
	assert_int_equal(j->args.n, 2);
	assert_string_equal(j->args.item[1].s, "010");
	assert_string_equal(j->input_file.s, "cases/${{ matrix.n }}.in");
	assert_null(j->input.s);
	assert_int_equal(j->nfiles, 5);
	assert_int_equal(j->files[0].source, FILE_PATH);
	assert_string_equal(j->files[0].value.s, "data.csv");
	assert_null(j->files[0].as.s);
	assert_string_equal(j->files[1].as.s, "lib/");
	assert_int_equal(j->files[2].source, FILE_GLOB);
	assert_int_equal(j->files[3].source, FILE_ARTIFACT);
	assert_string_equal(j->files[3].from, "build");
	assert_string_equal(j->files[3].value.s, "main");
	assert_int_equal(j->files[4].source, FILE_CONTENT);
	assert_int_equal(j->ttl_s, 5);
	assert_int_equal(j->network, 1);
	assert_int_equal(j->limits.memory_mb, 128);
	assert_int_equal(j->limits.processes, 16);
	assert_int_equal(j->limits.disk_mb, 32);
	assert_int_equal(j->limits.output_bytes, 4096);
	assert_int_equal(j->limits.cpu_ms, 1500);
	assert_string_equal(j->artifacts.item[0].s, "out/*.png");
	assert_int_equal(j->needs.n, 1);
	assert_int_equal(j->need[0], 0);
	assert_int_equal(j->matrix.naxis, 1);
	assert_int_equal(j->matrix.ninclude, 1);
	assert_int_equal(j->matrix.nexclude, 1);
	assert_true(j->expect.any_exit_code);
	assert_true(j->expect.is_timeout);
	assert_int_equal(j->expect.ncheck, 6);
	assert_int_equal(j->expect.check[0].comparator, COMPARE_MATCHES);
	assert_int_equal(j->expect.check[4].comparator, COMPARE_EQUALS);
	assert_true(j->expect.check[4].is_file);
	assert_true(j->expect.check[4].is_exact);
	assert_int_equal(j->expect.check[5].stream, STREAM_STDERR);
	assert_int_equal(j->expect.check[5].want.len, 0);
	assert_string_equal(j->xfail.s, "issue 12");
	assert_string_equal(j->tags.item[0], "smoke");
}

static void the_name_is_the_file_s_unless_given(void **state)
{
	CLEAN_BUF struct buf tell = BUF(1 << 20);
	CLEAN_ARENA struct arena a = { 0 };
	struct spec s;
	struct err e;

	(void)state;
	assert_true(spec_load(&a, "fixtures/spec/nameless.yaml", NULL, &tell, &s, &e));
	assert_string_equal(s.name, "nameless");
}

static void values_stay_the_text_that_was_written(void **state)
{
	static const char *const want[] = { "no", "on", "n", "1e3", "010", "null", "~", "1_000" };
	struct fixture f;

	(void)state;
	load_good(&f, "version: 1\njobs:\n  a:\n    code: x\n    env: { A: no, B: 1e3 }\n"
		      "    matrix: { n: [no, on, n, 1e3, 010, null, ~, 1_000] }\n");
	assert_string_equal(find(&f.s.job[0].env, "A")->value.s, "no");
	assert_string_equal(find(&f.s.job[0].env, "B")->value.s, "1e3");
	for (size_t i = 0; i < 8; i++)
		assert_string_equal(f.s.job[0].matrix.axis[0].values.item[i].s, want[i]);
	finish(&f);
}

static void defaults_lie_under_every_job(void **state)
{
	const struct job_spec *a, *b;
	struct fixture f;

	(void)state;
	load_good(&f, "version: 1\n"
		      "defaults:\n"
		      "  ttl: 7\n"
		      "  args: [x, y]\n"
		      "  env: { A: 1, B: 2 }\n"
		      "  limits: { memory_mb: 64, processes: 4 }\n"
		      "  expect: { exit_code: 3, stdout: hi, stderr: '' }\n"
		      "jobs:\n"
		      "  a: { code: x }\n"
		      "  b:\n"
		      "    code: x\n"
		      "    ttl: 8\n"
		      "    args: [z]\n"
		      "    env: { B: 3, C: 4 }\n"
		      "    limits: { memory_mb: 65 }\n"
		      "    expect: { stdout: { contains: h } }\n");
	a = spec_job(&f.s, "a");
	b = spec_job(&f.s, "b");
	assert_int_equal(a->ttl_s, 7);
	assert_int_equal(a->args.n, 2);
	assert_int_equal(a->env.n, 2);
	assert_string_equal(find(&a->env, "B")->value.s, "2");
	assert_int_equal(a->expect.exit_code[0], 3);
	assert_int_equal(b->ttl_s, 8);
	assert_int_equal(b->args.n, 1);
	assert_int_equal(b->env.n, 3);
	assert_string_equal(find(&b->env, "A")->value.s, "1");
	assert_string_equal(find(&b->env, "B")->value.s, "3");
	assert_int_equal(b->limits.memory_mb, 65);
	assert_int_equal(b->limits.processes, 4);
	assert_int_equal(b->expect.exit_code[0], 3);
	assert_int_equal(b->expect.ncheck, 2);
	assert_int_equal(b->expect.check[0].stream, STREAM_STDERR);
	assert_int_equal(b->expect.check[1].comparator, COMPARE_CONTAINS);
	finish(&f);
}

static void anchors_and_merge_keys_make_jobs(void **state)
{
	struct fixture f;

	(void)state;
	load_good(&f, "version: 1\njobs:\n  a: &a { code: x, ttl: 3 }\n  b: { <<: *a, ttl: 4 }\n");
	assert_string_equal(f.s.job[1].code.s, "x");
	assert_int_equal(f.s.job[1].ttl_s, 4);
	finish(&f);
}

static void a_var_of_the_command_line_wins_and_is_taken_literally(void **state)
{
	static const char *const vars[] = { "who=no one", "who=${{ vars.x }}", NULL };
	struct fixture f;
	struct text t;

	(void)state;
	load_with(&f,
		  "version: 1\nvars: { who: all, hi: \"hello ${{vars.who}}\" }\n"
		  "jobs: { a: { code: '${{ vars.hi }}!' } }\n",
		  vars);
	assert_true(f.is_good);
	assert_string_equal(find(&f.s.vars, "hi")->value.s, "hello ${{ vars.x }}");
	t = expand(&f, &f.s.job[0].code, NULL, 0);
	assert_string_equal(t.s, "hello ${{ vars.x }}!");
	assert_false(t.has_expr);
	finish(&f);
}

static void an_unknown_var_of_the_command_line_names_the_nearest(void **state)
{
	static const char *const vars[] = { "limt=3", NULL }, *const bad[] = { "limit", NULL };
	static const char text[] = "version: 1\nvars: { limit: 1 }\njobs: { a: { code: x } }\n";
	struct fixture f;

	(void)state;
	load_with(&f, text, vars);
	assert_false(f.is_good);
	assert_int_equal(f.e.kind, ERR_USAGE);
	assert_non_null(strstr(f.e.msg, "has no such var; did you mean 'limit'?"));
	finish(&f);
	load_with(&f, text, bad);
	assert_int_equal(f.e.kind, ERR_USAGE);
	assert_string_equal(f.e.msg, "--var must be NAME=VALUE, not 'limit'");
	finish(&f);
}

static void a_text_is_expanded_by_its_cell(void **state)
{
	struct pair matrix[] = { { .key = "n", .value = { .s = "15", .len = 2 } } };
	struct fixture f;
	struct text t;

	(void)state;
	load_good(&f, "version: 1\nvars: { v: x }\njobs:\n  a:\n"
		      "    matrix: { n: [1], include: [{ m: 2 }] }\n"
		      "    code: \"${{ vars.v }}-${{matrix.n}}-${{ matrix.m }}-${{ '${{' }}-"
		      "${{ 'it''s' }}-\\0$\"\n"
		      "    args: [plain]\n");
	t = expand(&f, &f.s.job[0].code, matrix, 1);
	assert_int_equal(t.len, 17);
	assert_memory_equal(t.s, "x-15--${{-it's-\0$", 17);
	t = expand(&f, &f.s.job[0].args.item[0], matrix, 1);
	assert_ptr_equal(t.s, f.s.job[0].args.item[0].s);
	finish(&f);
}

static void a_reference_inside_a_block_is_told_at_its_own_place(void **state)
{
	(void)state;
	assert_mistake("version: 1\njobs:\n  a:\n    matrix: { n: [1] }\n    code: |\n"
		       "      echo\n      echo x ${{ matrix.m }}\n",
		       "7:14: unknown matrix key 'm' in job 'a'");
}

static void defaults_may_refer_to_a_matrix_that_every_job_has(void **state)
{
	struct fixture f;

	(void)state;
	load_good(&f, "version: 1\ndefaults: { args: [\"${{ matrix.n }}\"] }\n"
		      "jobs:\n  a: { code: x, matrix: { n: [1] } }\n  b: { code: x, args: [] }\n");
	finish(&f);
	assert_mistake("version: 1\ndefaults: { args: [\"${{ matrix.n }}\"] }\n"
		       "jobs: { a: { code: x } }\n",
		       "2:21: unknown matrix key 'n'; job 'a' has no matrix");
}

static void billion_laughs_is_one_mistake(void **state)
{
	(void)state;
	assert_mistake("version: 1\n"
		       "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
		       "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
		       "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
		       "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
		       "e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n"
		       "f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n",
		       "7:36: more than 1000000 nodes, counting what aliases repeat");
}

static void an_empty_file_is_one_mistake(void **state)
{
	struct fixture f;

	(void)state;
	load(&f, "");
	assert_false(f.is_good);
	assert_non_null(strstr(buf_text(&f.tell), ": a spec must be a mapping, not nothing\n"));
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_mistakes_are_told_at_once),
		cmocka_unit_test(a_missing_file_is_no_mistake_but_an_error),
		cmocka_unit_test(every_key_lands_in_the_model),
		cmocka_unit_test(the_name_is_the_file_s_unless_given),
		cmocka_unit_test(values_stay_the_text_that_was_written),
		cmocka_unit_test(defaults_lie_under_every_job),
		cmocka_unit_test(anchors_and_merge_keys_make_jobs),
		cmocka_unit_test(a_var_of_the_command_line_wins_and_is_taken_literally),
		cmocka_unit_test(an_unknown_var_of_the_command_line_names_the_nearest),
		cmocka_unit_test(a_text_is_expanded_by_its_cell),
		cmocka_unit_test(a_reference_inside_a_block_is_told_at_its_own_place),
		cmocka_unit_test(defaults_may_refer_to_a_matrix_that_every_job_has),
		cmocka_unit_test(billion_laughs_is_one_mistake),
		cmocka_unit_test(an_empty_file_is_one_mistake),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
