#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "plan/plan.h"

struct fixture {
	struct arena a;
	struct spec s;
	struct plan p;
};

static const char course[] = "version: 1\n"
			     "jobs:\n"
			     "  tools: { code: x, tags: [setup] }\n"
			     "  build: { code: x, needs: tools, matrix: { s: [a, b] } }\n"
			     "  test:\n"
			     "    code: x\n"
			     "    needs: build\n"
			     "    tags: [slow, all]\n"
			     "    matrix: { s: [a, b], n: [1, 2] }\n"
			     "  lint: { code: x, tags: all }\n";

static void plan(struct fixture *f, const char *text)
{
	CLEAN_BUF struct buf tell = BUF(1 << 20);
	CLEAN_FD int fd = memfd_create("spec", MFD_CLOEXEC);
	char path[32];
	struct err e;

	*f = (struct fixture){ 0 };
	assert_true(fs_write_all(fd, text, strlen(text)));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!spec_load(&f->a, path, NULL, &tell, &f->s, &e) || !plan_build(&f->a, &f->s, &f->p, &e))
		fail_msg("%s%s", buf_text(&tell), e.msg);
}

/* Cells in one line, those that are only needed in brackets; deps must be there, and earlier. */
static void print(const struct fixture *f, const struct plan *p, const uint32_t *from,
		  struct buf *out)
{
	for (size_t i = 0; i < p->ncell; i++) {
		const struct cell *c = &p->cell[i], *old = &f->p.cell[from[i]];

		assert_ptr_equal(c->id, old->id);
		assert_int_equal(c->ndep, old->ndep);
		for (size_t k = 0; k < c->ndep; k++) {
			assert_true(c->dep[k] < i);
			assert_ptr_equal(p->cell[c->dep[k]].id, f->p.cell[old->dep[k]].id);
		}
		buf_printf(out, "%s%s%s%s", i ? " " : "", c->is_only_needed ? "(" : "", c->id,
			   c->is_only_needed ? ")" : "");
	}
}

static void assert_selects(const struct selection *s, const char *want)
{
	CLEAN_BUF struct buf out = BUF(1 << 20);
	const uint32_t *from;
	struct fixture f;
	struct plan p;
	struct err e;

	plan(&f, course);
	if (!plan_select(&f.a, &f.p, s, &p, &from, &e))
		fail_msg("%s", e.msg);
	print(&f, &p, from, &out);
	assert_string_equal(buf_text(&out), want);
	arena_free(&f.a);
}

static void assert_refuses(const struct selection *s, enum err_kind kind, const char *want)
{
	const uint32_t *from;
	struct fixture f;
	struct plan p;
	struct err e;

	plan(&f, course);
	assert_false(plan_select(&f.a, &f.p, s, &p, &from, &e));
	assert_int_equal(e.kind, kind);
	assert_string_equal(e.msg, want);
	arena_free(&f.a);
}

static struct names words(const char **item, size_t n)
{
	return (struct names){ item, n };
}

static void nothing_given_selects_all(void **state)
{
	(void)state;
	assert_selects(&(struct selection){ 0 },
		       "tools build[s=a] build[s=b] test[s=a,n=1] test[s=a,n=2] test[s=b,n=1] "
		       "test[s=b,n=2] lint");
}

static void a_filter_keeps_what_the_cells_depend_on(void **state)
{
	const char *one[] = { "test[s=b,n=?]" }, *two[] = { "*n=2]", "lint" };

	(void)state;
	assert_selects(&(struct selection){ .filters = words(one, 1) },
		       "(tools) (build[s=b]) test[s=b,n=1] test[s=b,n=2]");
	assert_selects(&(struct selection){ .filters = words(two, 2) },
		       "(tools) (build[s=a]) (build[s=b]) test[s=a,n=2] test[s=b,n=2] lint");
}

static void a_tag_selects_by_job(void **state)
{
	const char *all[] = { "all" }, *filter[] = { "*s=a*" };

	(void)state;
	assert_selects(&(struct selection){ .tags = words(all, 1), .filters = words(filter, 1) },
		       "(tools) (build[s=a]) test[s=a,n=1] test[s=a,n=2]");
}

static void what_fits_nothing_is_named(void **state)
{
	const char *filters[] = { "lint", "tset*" }, *tags[] = { "quick" }, *setup[] = { "setup" };

	(void)state;
	assert_refuses(&(struct selection){ .filters = words(filters, 2) }, ERR_NOT_FOUND,
		       "no cell fits the filter 'tset*'");
	assert_refuses(&(struct selection){ .tags = words(tags, 1) }, ERR_NOT_FOUND,
		       "no cell has the tag 'quick'");
	assert_refuses(&(struct selection){ .tags = words(setup, 1), .filters = words(filters, 1) },
		       ERR_NOT_FOUND, "no cell is selected");
	assert_refuses(&(struct selection){ .shard = 4, .nshard = 3 }, ERR_USAGE,
		       "a shard must be 1/N to N/N with N up to 1000, not 4/3");
	assert_refuses(&(struct selection){ .nshard = 3 }, ERR_USAGE,
		       "a shard must be 1/N to N/N with N up to 1000, not 0/3");
}

static void what_is_rerun_takes_its_dependents_with_it(void **state)
{
	bool rerun[8] = { false };

	(void)state;
	rerun[2] = true; /* build[s=b] */
	assert_selects(&(struct selection){ .rerun = rerun },
		       "(tools) build[s=b] test[s=b,n=1] test[s=b,n=2]");
	rerun[2] = false;
	rerun[7] = true;
	assert_selects(&(struct selection){ .rerun = rerun }, "lint");
}

static void shards_are_balanced_by_earlier_times(void **state)
{
	static const int64_t times[8] = { 0, 0, 0, 100, 10, 0, 20, 200 };

	(void)state;
	/* lint 200, test[a,1] 100, test[b,1] (average 82), test[b,2] 20, test[a,2] 10 */
	assert_selects(&(struct selection){ .shard = 1, .nshard = 2, .time_ms = times },
		       "tools build[s=a] test[s=a,n=2] lint");
	assert_selects(&(struct selection){ .shard = 2, .nshard = 2, .time_ms = times },
		       "(tools) (build[s=a]) build[s=b] test[s=a,n=1] test[s=b,n=1] test[s=b,n=2]");
}

static void every_cell_is_told_by_just_one_shard(void **state)
{
	const char *all[] = { "all" };
	struct fixture f;

	(void)state;
	plan(&f, course);
	for (uint32_t n = 1; n <= 9; n++) {
		int told[8] = { 0 };

		for (uint32_t i = 1; i <= n; i++) {
			struct selection s = { .tags = words(all, 1), .shard = i, .nshard = n };
			const uint32_t *from;
			struct plan p;
			struct err e;

			assert_true(plan_select(&f.a, &f.p, &s, &p, &from, &e));
			for (size_t k = 0; k < p.ncell; k++)
				told[from[k]] += !p.cell[k].is_only_needed;
		}
		for (size_t k = 0; k < 8; k++)
			assert_int_equal(told[k], k >= 3);
	}
	arena_free(&f.a);
}

static void cells_that_all_wait_on_all_are_split_quickly(void **state)
{
	CLEAN_BUF struct buf text = BUF(1 << 20);
	struct selection s = { .shard = 3, .nshard = 100 };
	const uint32_t *from;
	struct fixture f;
	struct plan p;
	struct err e;
	int64_t start;

	(void)state;
	buf_puts(&text, "version: 1\njobs:\n  a: { code: x, matrix: { i: [0");
	for (int i = 1; i < 20000; i++)
		buf_printf(&text, ",%d", i);
	buf_puts(&text, "] } }\n  b: { code: x, needs: a, matrix: { j: [0");
	for (int i = 1; i < 20000; i++)
		buf_printf(&text, ",%d", i);
	buf_puts(&text, "] } }\n");
	plan(&f, buf_text(&text));
	start = clock_mono_ms();
	assert_true(plan_select(&f.a, &f.p, &s, &p, &from, &e));
	assert_int_equal(p.ncell, 20200);
	assert_in_range(clock_mono_ms() - start, 0, 2000);
	arena_free(&f.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given_selects_all),
		cmocka_unit_test(a_filter_keeps_what_the_cells_depend_on),
		cmocka_unit_test(a_tag_selects_by_job),
		cmocka_unit_test(what_fits_nothing_is_named),
		cmocka_unit_test(what_is_rerun_takes_its_dependents_with_it),
		cmocka_unit_test(shards_are_balanced_by_earlier_times),
		cmocka_unit_test(every_cell_is_told_by_just_one_shard),
		cmocka_unit_test(cells_that_all_wait_on_all_are_split_quickly),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
