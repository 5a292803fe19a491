#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/json.h"
#include "report/report.h"

#define BYTES(text)                    \
	{                              \
		text, sizeof(text) - 1 \
	}

static const struct failure wrong[] = {
	{ "exit code 1, wanted 0", NULL },
	{ "stdout differs from cases/8.out at line 5, column 4",
	  "wanted: Buzz\n found: Buz\\n\n           ^\n@@ line 3 @@\n Fizz\n 4\n-Buzz\n+Buz\n 6\n "
	  "7" },
};
static const struct failure no_compile[] = {
	{ "compile failed (exit code 1)", "main.c:1:1: error: expected ';'\n  int x\n        ^" },
};
static const struct failure slow[] = { { "timeout after 2.0 s (ttl)", NULL } };
static const struct failure crash[] = { { "killed by signal 11 (SIGSEGV)", NULL } };
static const struct failure known[] = { { "exit code 3, wanted 0", NULL } };
static const struct failure noise[] = {
	{ "stderr is not empty", "   1 | \\x1b[2J\\x1b]0;owned\\x07" },
};

static const struct failure sometimes[] = { { "stdout is empty, wanted 'a'", NULL } };

static struct row rows[] = {
	{ .cell = "build",
	  .job = "build",
	  .verdict = VERDICT_PASSED,
	  .reason = "",
	  .duration_ms = 131,
	  .attempts = 1,
	  .job_id = "11111111-1111-4111-8111-111111111111",
	  .nartifact = 1 },
	{ .cell = "case[n=8]",
	  .job = "case",
	  .verdict = VERDICT_FAILED,
	  .reason = "exit code 1, wanted 0 (and 1 more)",
	  .exit_code = 1,
	  .duration_ms = 23,
	  .queue_ms = 4,
	  .attempts = 2,
	  .points = 2.5,
	  .max_points = 10.1,
	  .failure = wrong,
	  .nfailure = 2,
	  .job_id = "22222222-2222-4222-8222-222222222222",
	  .out = BYTES("1\n2\nFizz\n4\nBuz\n"),
	  .err = BYTES("Traceback (most recent call last):\n  File \"main.py\", line 3\n"
		       "\tValueError: \x1b[31mred\x1b[0m & <b> \xff \0 ]]>\r\n") },
	{ .cell = "case[n=\x1b[2J]",
	  .job = "case",
	  .verdict = VERDICT_FAILED,
	  .reason = "stderr is not empty",
	  .exit_code = 0,
	  .duration_ms = 7,
	  .attempts = 1,
	  .failure = noise,
	  .nfailure = 1,
	  .job_id = "33333333-3333-4333-8333-333333333333",
	  .err = BYTES("\x1b[2J\x1b]0;owned\x07") },
	{ .cell = "s07",
	  .job = "s07",
	  .verdict = VERDICT_FAILED,
	  .reason = "compile failed (exit code 1)",
	  .exit_code = 1,
	  .duration_ms = 64,
	  .attempts = 1,
	  .failure = no_compile,
	  .nfailure = 1,
	  .job_id = "44444444-4444-4444-8444-444444444444",
	  .err = BYTES("main.c:1:1: error: expected ';'\n  int x\n\t^\n") },
	{ .cell = "loop",
	  .job = "loop",
	  .verdict = VERDICT_TIMEOUT,
	  .reason = "timeout after 2.0 s (ttl)",
	  .exit_code = -1,
	  .duration_ms = 2004,
	  .attempts = 1,
	  .failure = slow,
	  .nfailure = 1,
	  .job_id = "55555555-5555-4555-8555-555555555555" },
	{ .cell = "crash",
	  .job = "crash",
	  .verdict = VERDICT_FAILED,
	  .reason = "killed by signal 11 (SIGSEGV)",
	  .exit_code = 139,
	  .duration_ms = 3,
	  .attempts = 1,
	  .failure = crash,
	  .nfailure = 1,
	  .job_id = "66666666-6666-4666-8666-666666666666",
	  .out = BYTES("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n") },
	{ .cell = "old",
	  .job = "old",
	  .verdict = VERDICT_XFAIL,
	  .reason = "issue 12: exit code 3, wanted 0",
	  .exit_code = 3,
	  .duration_ms = 5,
	  .attempts = 1,
	  .failure = known,
	  .nfailure = 1,
	  .job_id = "77777777-7777-4777-8777-777777777777" },
	{ .cell = "fixed",
	  .job = "fixed",
	  .verdict = VERDICT_XPASS,
	  .reason = "passed, but was expected to fail: issue 9",
	  .duration_ms = 5,
	  .attempts = 1,
	  .job_id = "88888888-8888-4888-8888-888888888888",
	  .out = BYTES("fine\n") },
	{ .cell = "remote",
	  .job = "remote",
	  .verdict = VERDICT_ERROR,
	  .reason = "http://127.0.0.1:8080: connection refused, six times",
	  .attempts = 6 },
	{ .cell = "after[of=remote,with=a very long value of a matrix key]",
	  .job = "after",
	  .verdict = VERDICT_SKIPPED,
	  .reason = "needs remote, which ended as error" },
	{ .cell = "again",
	  .job = "again",
	  .verdict = VERDICT_PASSED,
	  .reason = "at attempt 2; the first: timeout: timeout after 2.0 s (ttl)",
	  .first = "timeout: timeout after 2.0 s (ttl)",
	  .attempts = 2,
	  .points = 1,
	  .max_points = 1,
	  .job_id = "aaaaaaaa-1111-4111-8111-111111111111" },
	{ .cell = "dice",
	  .job = "dice",
	  .verdict = VERDICT_FLAKY,
	  .reason = "2 of 3 runs were as expected; one was failed: stdout is empty, wanted 'a'",
	  .first = "failed: stdout is empty, wanted 'a'",
	  .attempts = 3,
	  .failure = sometimes,
	  .nfailure = 1,
	  .job_id = "bbbbbbbb-1111-4111-8111-111111111111" },
	{ .cell = "beta",
	  .job = "beta",
	  .verdict = VERDICT_FAILED,
	  .is_allowed = true,
	  .reason = "killed by signal 11 (SIGSEGV)",
	  .first = "error: connection <reset>",
	  .exit_code = 139,
	  .attempts = 3,
	  .failure = crash,
	  .nfailure = 1,
	  .job_id = "cccccccc-1111-4111-8111-111111111111" },
	{ .cell = "last",
	  .job = "last",
	  .verdict = VERDICT_CANCELLED,
	  .reason = "interrupted",
	  .attempts = 1,
	  .job_id = "99999999-9999-4999-8999-999999999999" },
};

static struct summary sample(void)
{
	struct summary s = {
		.name = "hw1 <draft>",
		.spec_path = "specs/hw1.yaml",
		.run_folder = ".sandbatch/runs/20261122-120000-3f2a",
		.endpoint = "http://127.0.0.1:8080",
		.archive = ".sandbatch/runs/20261122-120000-3f2a/artifacts.tar.zst",
		.execution_mode = "pooled",
		.started_at = 1795348800123,
		.duration_ms = 3456,
		.nrow = sizeof(rows) / sizeof(rows[0]),
		.row = rows,
	};

	for (size_t i = 0; i < s.nrow; i++)
		s.count[rows[i].verdict]++;
	return s;
}

/* The text must be that of the golden file; with UPDATE_GOLDEN set it becomes so. */
static void assert_golden(const struct buf *b, const char *path)
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

static void each_format_is_written_as_in_its_golden_file(void **state)
{
	struct summary s = sample();

	(void)state;
	for (const struct report_format *f = report_formats; f->name; f++) {
		CLEAN_ARENA struct arena a = { 0 };
		CLEAN_BUF struct buf b = BUF(1 << 20);

		f->write(&s, &b);
		assert_golden(&b, arena_printf(&a, "fixtures/report/%s", f->file));
	}
}

static void the_summary_is_json_with_totals_and_the_rows(void **state)
{
	CLEAN_BUF struct buf b = BUF(1 << 20);
	struct summary s = sample();
	struct err e = { 0 };
	CLEAN_JSON cJSON *json = NULL;
	int64_t failed = 0;

	(void)state;
	report_find("summary")->write(&s, &b);
	json = json_parse(b.data, b.len, JSON_NUL_REFUSE, &e);
	assert_non_null(json);
	assert_int_equal(cJSON_GetArraySize(json_get(json, "cells")), s.nrow);
	assert_true(json_get_int(json_get(json, "counts"), "failed", 0, 100, &failed, &e));
	assert_int_equal(failed, 5);
}

static void a_summary_without_cells_is_json_too(void **state)
{
	CLEAN_BUF struct buf b = BUF(1 << 20);
	struct summary s = { .name = "none" };
	struct err e = { 0 };
	CLEAN_JSON cJSON *json = NULL;

	(void)state;
	report_find("summary")->write(&s, &b);
	json = json_parse(b.data, b.len, JSON_NUL_REFUSE, &e);
	assert_non_null(json);
}

static void a_format_that_is_not_there_is_not_found(void **state)
{
	(void)state;
	assert_null(report_find("tapestry"));
	assert_null(report_find(""));
	assert_string_equal(report_find("junit")->file, "junit.xml");
}

static void the_console_is_as_in_the_golden_file(void **state)
{
	CLEAN_BUF struct buf b = BUF(1 << 20);
	struct summary s = sample();

	(void)state;
	report_console(&s, false, 0, &b);
	assert_golden(&b, "fixtures/report/console.out");
}

static void the_console_is_no_wider_than_the_terminal(void **state)
{
	CLEAN_BUF struct buf b = BUF(1 << 20);
	struct summary s = sample();

	(void)state;
	s.archive = NULL;
	s.run_folder = "kept";
	report_console(&s, false, 44, &b);
	for (const char *p = buf_text(&b); *p; p += strcspn(p, "\n") + 1)
		assert_true(check_width(p, strcspn(p, "\n")) <= 44);
	assert_golden(&b, "fixtures/report/narrow.out");
}

static void colours_are_the_only_escapes_whatever_a_program_prints(void **state)
{
	CLEAN_BUF struct buf b = BUF(1 << 20);
	struct summary s = sample();

	(void)state;
	report_console(&s, true, 80, &b);
	for (const char *p = buf_text(&b); (p = strchr(p, '\033')); p++) {
		size_t n = strspn(p + 2, "0123456789");

		assert_int_equal(p[1], '[');
		assert_true(n > 0 && n < 3 && p[2 + n] == 'm');
	}
	assert_golden(&b, "fixtures/report/colour.out");
}

static void many_failures_are_shown_up_to_a_bound(void **state)
{
	static struct row many[300];
	CLEAN_BUF struct buf b = BUF(1 << 20);
	struct summary s = { .name = "n", .nrow = 300, .row = many, .run_folder = "kept" };

	(void)state;
	for (int i = 0; i < 300; i++)
		many[i] = (struct row){ .cell = "c",
					.job = "c",
					.reason = "exit code 1, wanted 0",
					.verdict = i % 2 ? VERDICT_SKIPPED : VERDICT_FAILED };
	s.count[VERDICT_FAILED] = s.count[VERDICT_SKIPPED] = 150;
	report_console(&s, false, 0, &b);
	assert_non_null(strstr(buf_text(&b), "... and 100 more, all in summary.json\n"));
	assert_non_null(strstr(buf_text(&b), "... and 130 more, all in summary.json\n"));
	assert_true(b.len < 10000);
}

static void a_weakened_sandbox_is_told(void **state)
{
	CLEAN_BUF struct buf b = BUF(1 << 20);
	struct summary s = { .name = "n", .execution_mode = "unsandboxed", .run_folder = "kept" };

	(void)state;
	report_console(&s, false, 0, &b);
	assert_string_equal(buf_text(&b), "no cells in 0 ms\n"
					  "without the full sandbox: unsandboxed\n"
					  "run      kept\n");
}

static void a_line_of_progress_names_verdict_cell_time_and_reason(void **state)
{
	CLEAN_BUF struct buf b = BUF(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		report_line(&rows[i], false, 0, &b);
	assert_golden(&b, "fixtures/report/progress.out");
}

static int code(enum verdict v, bool is_interrupted)
{
	struct summary s = { .is_interrupted = is_interrupted };

	s.count[VERDICT_PASSED] = 3;
	s.count[v]++;
	return report_exit_code(&s);
}

static void exit_codes_follow_the_verdicts(void **state)
{
	static const int want[NVERDICT] = {
		[VERDICT_FAILED] = 1, [VERDICT_TIMEOUT] = 1, [VERDICT_XPASS] = 1,
		[VERDICT_FLAKY] = 1,  [VERDICT_ERROR] = 4,   [VERDICT_CANCELLED] = 4,
	};
	struct row allowed = { .verdict = VERDICT_FAILED, .is_allowed = true };
	struct summary both = { 0 };

	(void)state;
	for (int v = 0; v < NVERDICT; v++) {
		assert_int_equal(code((enum verdict)v, false), want[v]);
		assert_int_equal(code((enum verdict)v, true), 130);
	}
	both.count[VERDICT_ERROR] = both.count[VERDICT_FAILED] = 1;
	assert_int_equal(report_exit_code(&both), 1);
	both.row = &allowed;
	both.nrow = 1;
	assert_int_equal(report_exit_code(&both), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_format_is_written_as_in_its_golden_file),
		cmocka_unit_test(the_summary_is_json_with_totals_and_the_rows),
		cmocka_unit_test(a_summary_without_cells_is_json_too),
		cmocka_unit_test(a_format_that_is_not_there_is_not_found),
		cmocka_unit_test(the_console_is_as_in_the_golden_file),
		cmocka_unit_test(the_console_is_no_wider_than_the_terminal),
		cmocka_unit_test(colours_are_the_only_escapes_whatever_a_program_prints),
		cmocka_unit_test(many_failures_are_shown_up_to_a_bound),
		cmocka_unit_test(a_weakened_sandbox_is_told),
		cmocka_unit_test(a_line_of_progress_names_verdict_cell_time_and_reason),
		cmocka_unit_test(exit_codes_follow_the_verdicts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
