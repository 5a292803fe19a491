/* check_world -- one comparison after the other, told as people see it, for the tests of check. */
#ifndef TESTS_UNIT_CHECK_WORLD_H
#define TESTS_UNIT_CHECK_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fs.h"
#include "check/check.h"

/* One comparison, as it is told. */
struct case_row {
	const char *title;
	enum comparator comparator;
	const char *want, *found;
	bool is_exact, is_cut, ignores_case, any_order;
	double abs_error, rel_error;
	const char *name;
};

#define ROW(title_, comparator_, want_, found_, ...)                                        \
	{                                                                                   \
		.title = title_, .comparator = comparator_, .want = want_, .found = found_, \
		__VA_ARGS__                                                                 \
	}

static inline struct bytes text(const char *s)
{
	return (struct bytes){ s, strlen(s) };
}

static inline void judge(struct checker *c, struct arena *a, const struct case_row *row,
			 struct bytes found, struct judgement *out)
{
	struct stream_check spec = { .stream = STREAM_STDOUT,
				     .comparator = row->comparator,
				     .is_file = row->name != NULL,
				     .is_exact = row->is_exact,
				     .ignores_case = row->ignores_case,
				     .any_order = row->any_order,
				     .abs_error = row->abs_error,
				     .rel_error = row->rel_error };
	struct check check = { .spec = &spec, .want = text(row->want), .name = row->name };
	struct expect expect = { .check = &spec, .ncheck = 1 };
	struct wire_result result = { .has_extras = true,
				      .status = WIRE_COMPLETED,
				      .out = found,
				      .out_truncated = row->is_cut };
	struct check_question q = { .result = &result, .expect = &expect, .check = &check };

	check_judge(c, a, &q, out);
}

static inline void tell(struct buf *b, const char *title, const struct judgement *j)
{
	buf_printf(b, "== %s: %s\n", title, verdict_names[j->verdict]);
	for (size_t i = 0; i < j->nfailure; i++)
		buf_printf(b, "%s\n%s%s", j->failure[i].what,
			   j->failure[i].detail ? j->failure[i].detail : "",
			   j->failure[i].detail ? "\n" : "");
}

/* The text must be that of the golden file; with UPDATE_GOLDEN set it becomes so. */
static inline void assert_golden(const struct buf *b, const char *path)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct err e = { 0 };
	char *golden;
	size_t n;

	if (getenv("UPDATE_GOLDEN"))
		assert_true(fs_write(AT_FDCWD, path, b->data, b->len, &e));
	if (!fs_read(&a, AT_FDCWD, path, 1 << 20, &golden, &n, &e))
		fail_msg("%s", e.msg);
	assert_string_equal(buf_text(b), golden);
}

/* Judge each row and hold all that is told against the golden file. */
static inline void assert_told(const struct case_row *row, size_t n, const char *path)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf b = BUF(1 << 20);
	struct checker *c = checker_open();
	struct judgement out;

	for (size_t i = 0; i < n; i++) {
		judge(c, &a, &row[i], text(row[i].found), &out);
		tell(&b, row[i].title, &out);
	}
	checker_close(c);
	assert_golden(&b, path);
}

/* Each row must hold. */
static inline void assert_all_hold(const struct case_row *row, size_t n)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct checker *c = checker_open();
	struct judgement out;

	for (size_t i = 0; i < n; i++) {
		judge(c, &a, &row[i], text(row[i].found), &out);
		assert_string_equal(out.reason, "");
		assert_int_equal(out.verdict, VERDICT_PASSED);
	}
	checker_close(c);
}

/* Each row must not. */
static inline void assert_none_holds(const struct case_row *row, size_t n)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct checker *c = checker_open();
	struct judgement out;

	for (size_t i = 0; i < n; i++) {
		judge(c, &a, &row[i], text(row[i].found), &out);
		if (out.verdict != VERDICT_FAILED)
			fail_msg("'%s' passes for '%s'", row[i].found, row[i].want);
	}
	checker_close(c);
}

#define EACH(rows) rows, sizeof(rows) / sizeof((rows)[0])

#endif
