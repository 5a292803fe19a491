#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "check/check.h"

/* One judgement: a result and what was expected of it. */
struct given {
	struct arena arena;
	struct checker *checker;
	struct wire_result result;
	struct expect expect;
	struct check check[4];
	struct stream_check spec[4];
	const char *xfail;
	bool is_partial;
	struct judgement out;
};

static int open_given(void **state)
{
	struct given *g = calloc(1, sizeof(*g));

	g->checker = checker_open();
	g->result = (struct wire_result){ .has_extras = true, .status = WIRE_COMPLETED };
	*state = g;
	return 0;
}

static int close_given(void **state)
{
	struct given *g = *state;

	checker_close(g->checker);
	arena_free(&g->arena);
	free(g);
	return 0;
}

static struct bytes text(const char *s)
{
	return (struct bytes){ s, strlen(s) };
}

static void expect_stdout(struct given *g, enum comparator c, const char *want)
{
	size_t i = g->expect.ncheck++;

	g->spec[i] = (struct stream_check){ .stream = STREAM_STDOUT, .comparator = c };
	g->check[i] = (struct check){ .spec = &g->spec[i], .want = text(want) };
}

static void judge(struct given *g)
{
	struct check_question q = { .result = &g->result,
				    .expect = &g->expect,
				    .check = g->check,
				    .xfail = g->xfail,
				    .is_partial = g->is_partial };

	check_judge(g->checker, &g->arena, &q, &g->out);
}

#define JUDGED(g, want_verdict, want_reason)                                        \
	do {                                                                        \
		judge(g);                                                           \
		assert_string_equal(verdict_names[(g)->out.verdict], want_verdict); \
		assert_string_equal((g)->out.reason, want_reason);                  \
	} while (0)

static void a_program_that_ends_with_0_passes(void **state)
{
	JUDGED((struct given *)*state, "passed", "");
}

static void another_exit_code_fails_and_is_named(void **state)
{
	struct given *g = *state;

	g->result.exit_code = 1;
	JUDGED(g, "failed", "exit code 1, wanted 0");
	assert_int_equal(g->out.nfailure, 1);
}

static void one_of_several_exit_codes_passes(void **state)
{
	struct given *g = *state;
	int codes[] = { 0, 2, 3 };

	g->expect.exit_code = codes;
	g->expect.nexit_code = 3;
	g->result.exit_code = 3;
	JUDGED(g, "passed", "");
	g->result.exit_code = 1;
	JUDGED(g, "failed", "exit code 1, wanted 0, 2 or 3");
}

static void any_exit_code_passes_if_any_is_wanted(void **state)
{
	struct given *g = *state;

	g->expect.any_exit_code = true;
	g->result.exit_code = 77;
	JUDGED(g, "passed", "");
}

static void a_signal_is_named(void **state)
{
	struct given *g = *state;

	g->result.exit_code = 139;
	g->result.signal = 11;
	JUDGED(g, "failed", "killed by signal 11 (SIGSEGV)");
}

static void a_signal_that_is_expected_passes(void **state)
{
	struct given *g = *state;
	int codes[] = { 139 };

	g->result.exit_code = 139;
	g->result.signal = 11;
	g->expect.exit_code = codes;
	g->expect.nexit_code = 1;
	JUDGED(g, "passed", "");
}

static void several_failures_are_counted_behind_the_first(void **state)
{
	struct given *g = *state;

	g->result.exit_code = 1;
	expect_stdout(g, COMPARE_CONTAINS, "a");
	expect_stdout(g, COMPARE_CONTAINS, "b");
	JUDGED(g, "failed", "exit code 1, wanted 0 (and 2 more)");
	assert_int_equal(g->out.nfailure, 3);
}

static void a_program_over_its_memory_limit_fails_with_the_limit_named(void **state)
{
	struct given *g = *state;

	g->result.exit_code = -1;
	g->result.limit = WIRE_LIMIT_MEMORY;
	JUDGED(g, "failed", "over its memory limit: killed");
}

static void a_program_over_its_process_limit_fails_even_if_it_ends_with_0(void **state)
{
	struct given *g = *state;

	g->result.limit = WIRE_LIMIT_PROCESSES;
	JUDGED(g, "failed", "over its process limit (exit code 0)");
}

static void a_killed_program_passes_where_minus_1_or_any_is_wanted(void **state)
{
	struct given *g = *state;
	int codes[] = { -1 };

	g->result.exit_code = -1;
	g->result.limit = WIRE_LIMIT_MEMORY;
	g->expect.exit_code = codes;
	g->expect.nexit_code = 1;
	JUDGED(g, "passed", "");
	g->expect.nexit_code = 0;
	g->expect.any_exit_code = true;
	JUDGED(g, "passed", "");
}

static void output_past_its_cap_alone_does_not_fail(void **state)
{
	struct given *g = *state;

	g->result.limit = WIRE_LIMIT_OUTPUT;
	g->result.out_truncated = true;
	JUDGED(g, "passed", "");
}

static void a_timeout_is_its_own_verdict_with_the_time(void **state)
{
	struct given *g = *state;

	g->result.status = WIRE_TIMEOUT;
	g->result.limit = WIRE_LIMIT_TTL;
	g->result.exit_code = -1;
	g->result.total_time_ms = 2604; /* its compile's is in it, its wait is not */
	g->result.queue_time_ms = 9000;
	g->result.has_compile = true;
	g->result.compile_time_ms = 600;
	JUDGED(g, "timeout", "timeout after 2.0 s (ttl)");
	g->result.limit = WIRE_LIMIT_OUTPUT; /* which kills nobody, and came first */
	JUDGED(g, "timeout", "timeout after 2.0 s");
	g->result.limit = WIRE_LIMIT_CPU;
	g->result.cpu_time_ms = 1000;
	JUDGED(g, "timeout", "timeout: CPU time, after 1.0 s of it");
}

static void an_expected_timeout_passes_and_its_output_is_checked(void **state)
{
	struct given *g = *state;

	g->result.status = WIRE_TIMEOUT;
	g->result.exit_code = -1;
	g->expect.is_timeout = true;
	g->result.out = text("tick\n");
	expect_stdout(g, COMPARE_EQUALS, "tick");
	JUDGED(g, "passed", "");
	g->result.out = text("tock\n");
	JUDGED(g, "failed", "stdout differs at line 1, column 2");
}

static void an_expected_timeout_that_does_not_come_fails(void **state)
{
	struct given *g = *state;

	g->expect.is_timeout = true;
	JUDGED(g, "failed", "ended by itself with exit code 0, wanted a timeout");
	g->result.exit_code = -1;
	g->result.limit = WIRE_LIMIT_MEMORY;
	JUDGED(g, "failed", "over its memory limit: killed");
}

static void a_failed_compile_shows_the_compilers_words_and_no_more(void **state)
{
	struct given *g = *state;

	g->result.exit_code = 1;
	g->result.has_compile = true;
	g->result.compile_exit_code = 1;
	g->result.compile_stderr = "main.c:1:1: error: expected ';'\n  int x\n\t^\n";
	expect_stdout(g, COMPARE_EQUALS, "hello");
	JUDGED(g, "failed", "compile failed (exit code 1)");
	assert_string_equal(g->out.failure[0].detail,
			    "main.c:1:1: error: expected ';'\n  int x\n        ^");
}

static void a_failed_compile_that_is_expected_passes(void **state)
{
	struct given *g = *state;
	int codes[] = { 1 };

	g->result.exit_code = 1;
	g->result.has_compile = true;
	g->result.compile_exit_code = 1;
	g->result.err = text("main.c:1:1: error: expected ';'\n");
	g->expect.exit_code = codes;
	g->expect.nexit_code = 1;
	expect_stdout(g, COMPARE_MATCHES, "^main.c:\\d+:\\d+: error:");
	g->spec[0].stream = STREAM_STDERR;
	JUDGED(g, "passed", "");
}

static void what_the_service_could_not_run_is_an_error_in_its_words(void **state)
{
	struct given *g = *state;

	g->result.status = WIRE_FAILED;
	g->xfail = "issue 12";
	JUDGED(g, "error", "the service could not run it");
	g->result.error = "the warden\x1b[2J died";
	JUDGED(g, "error", "the warden\\x1b[2J died");
}

static void a_cancelled_job_is_cancelled(void **state)
{
	struct given *g = *state;

	g->result.status = WIRE_CANCELLED;
	g->result.error = "Job cancelled by user";
	JUDGED(g, "cancelled", "Job cancelled by user");
}

static void a_known_failure_is_xfail_with_why_and_what(void **state)
{
	struct given *g = *state;

	g->xfail = "issue 12";
	g->result.exit_code = 1;
	JUDGED(g, "xfail", "issue 12: exit code 1, wanted 0");
	g->result.status = WIRE_TIMEOUT;
	g->result.total_time_ms = 1000;
	JUDGED(g, "xfail", "issue 12: timeout after 1.0 s (ttl)");
}

static void a_known_failure_that_passes_is_xpass(void **state)
{
	struct given *g = *state;

	g->xfail = "issue 12";
	JUDGED(g, "xpass", "passed, but was expected to fail: issue 12");
}

static void without_additions_status_and_signal_are_derived(void **state)
{
	struct given *g = *state;

	g->result = (struct wire_result){ .exit_code = 139 };
	JUDGED(g, "failed", "killed by signal 11 (SIGSEGV)");
	g->result = (struct wire_result){ .exit_code = -1, .error = "Execution timed out" };
	JUDGED(g, "timeout", "timeout after 0.0 s (ttl)");
	g->result = (struct wire_result){ .exit_code = -1, .error = "Job cancelled by user" };
	JUDGED(g, "cancelled", "Job cancelled by user");
	g->result = (struct wire_result){ .status = WIRE_TIMEOUT, .total_time_ms = 3000 };
	JUDGED(g, "timeout", "timeout after 3.0 s (ttl)");
	g->result = (struct wire_result){ .success = true };
	JUDGED(g, "passed", "");
}

static void a_program_that_takes_too_long_fails_without_its_wait_and_its_compile(void **state)
{
	struct given *g = *state;

	g->expect.max_duration_ms = 2000;
	g->result.total_time_ms = 2500;
	g->result.queue_time_ms = 100;
	JUDGED(g, "failed", "took 2.500 s, wanted at most 2.000 s");
	g->result.has_compile = true;
	g->result.compile_time_ms = 500;
	JUDGED(g, "passed", "");
	g->result.compile_cached = true;
	JUDGED(g, "failed", "took 2.500 s, wanted at most 2.000 s");
}

static void artifacts_must_be_there_by_glob_and_size(void **state)
{
	struct wire_artifact made[] = { { "out/a.png", { "12345", 5 } },
					{ "log\x1b[2J.txt", { "", 0 } } };
	struct artifact_check wanted[] = { { .name = { .s = "out/*.png" }, .min_bytes = 5 },
					   { .name = { .s = "*.txt" } } };
	const char *names[] = { "out/*.png", "*.csv" };
	struct given *g = *state;
	struct check_question q = { .result = &g->result, .expect = &g->expect, .artifact = names };

	g->result.artifact = made;
	g->result.nartifact = 2;
	g->expect.artifact = wanted;
	g->expect.nartifact = 2;
	JUDGED(g, "passed", "");
	wanted[0].name.s = "*.png";
	JUDGED(g, "passed", "");
	wanted[0].name.s = "other/*.png";
	JUDGED(g, "failed", "no artifact other/*.png of at least 5 bytes");
	wanted[0].name.s = "out/*.png";
	wanted[0].min_bytes = 6;
	JUDGED(g, "failed", "no artifact out/*.png of at least 6 bytes");
	assert_string_equal(g->out.failure[0].detail,
			    "out/a.png, 5 bytes\nlog\\x1b[2J.txt, 0 bytes");
	wanted[0].min_bytes = 0;
	check_judge(g->checker, &g->arena, &q, &g->out);
	assert_string_equal(g->out.reason, "no artifact *.csv");
	g->result.nartifact = 0;
	JUDGED(g, "failed", "no artifact out/*.png (and 1 more)");
	assert_null(g->out.failure[0].detail);
}

/* Expect stdout to please a checker that gave this result. */
static void expect_checker(struct given *g, const struct wire_result *result)
{
	expect_stdout(g, COMPARE_CHECKER, "");
	g->check[g->expect.ncheck - 1].name = "check.py";
	g->check[g->expect.ncheck - 1].checker = result;
}

static struct wire_result ended(int exit_code)
{
	return (struct wire_result){ .has_extras = true,
				     .status = WIRE_COMPLETED,
				     .exit_code = exit_code };
}

static void a_checker_accepts_with_42_and_rejects_with_43(void **state)
{
	struct wire_result checker = ended(42);
	struct given *g = *state;

	expect_checker(g, &checker);
	JUDGED(g, "passed", "");
	assert_true(g->out.score == 1);
	checker.exit_code = 43;
	checker.out = text("line 3: the path\x1b[2J\nis no path\n");
	JUDGED(g, "failed", "the checker 'check.py' rejects stdout");
	assert_string_equal(g->out.failure[0].detail, "line 3: the path\\x1b[2J\nis no path");
	assert_true(g->out.score == 0);
}

static void a_checker_that_ends_otherwise_is_an_error(void **state)
{
	struct wire_result checker = ended(1);
	struct given *g = *state;

	expect_checker(g, &checker);
	checker.err = text("Traceback\n");
	JUDGED(g, "error",
	       "the checker 'check.py' ended with exit code 1, wanted 42 (right) or 43 (wrong)");
	assert_string_equal(g->out.failure[0].detail, "Traceback");
	assert_false(g->out.needs_checkers);
	checker.signal = 11;
	checker.exit_code = 139;
	JUDGED(g, "error", "the checker 'check.py' was killed by signal 11 (SIGSEGV)");
	checker.status = WIRE_TIMEOUT;
	JUDGED(g, "error", "the checker 'check.py' did not end in time");
	checker = ended(1);
	checker.has_compile = true;
	checker.compile_exit_code = 1;
	checker.compile_stderr = "error: expected ';'";
	JUDGED(g, "error", "the checker 'check.py' does not compile");
	assert_string_equal(g->out.failure[0].detail, "error: expected ';'");
}

static void a_checker_is_needed_once_all_else_is_as_expected(void **state)
{
	struct given *g = *state;

	expect_checker(g, NULL);
	JUDGED(g, "error", "the checker 'check.py' has not run");
	assert_true(g->out.needs_checkers);
	g->result.exit_code = 1;
	JUDGED(g, "failed", "exit code 1, wanted 0");
	assert_false(g->out.needs_checkers);
	g->result.exit_code = 0;
	g->result.out_truncated = true;
	JUDGED(g, "failed", "stdout was cut at its cap, after 0 bytes");
	assert_false(g->out.needs_checkers);
}

static void a_checkers_score_counts_where_points_are_partial(void **state)
{
	struct wire_artifact score = { "score.txt", { " 0.25\n", 6 } };
	struct wire_result checker = ended(43);
	struct given *g = *state;

	checker.artifact = &score;
	checker.nartifact = 1;
	expect_checker(g, &checker);
	judge(g);
	assert_true(g->out.score == 0);
	g->is_partial = true;
	judge(g);
	assert_true(g->out.verdict == VERDICT_FAILED && g->out.score == 0.25);
	checker.exit_code = 42;
	judge(g);
	assert_true(g->out.verdict == VERDICT_PASSED && g->out.score == 0.25);
	g->result.exit_code = 1;
	judge(g);
	assert_true(g->out.verdict == VERDICT_FAILED && g->out.score == 0);
	g->result.exit_code = 0;
	score.data = text("1.5");
	JUDGED(g, "error",
	       "the checker 'check.py' wrote '1.5' to score.txt, wanted a number from 0 to 1");
}

#define GIVEN(name) cmocka_unit_test_setup_teardown(name, open_given, close_given)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GIVEN(a_program_that_ends_with_0_passes),
		GIVEN(another_exit_code_fails_and_is_named),
		GIVEN(one_of_several_exit_codes_passes),
		GIVEN(any_exit_code_passes_if_any_is_wanted),
		GIVEN(a_signal_is_named),
		GIVEN(a_signal_that_is_expected_passes),
		GIVEN(several_failures_are_counted_behind_the_first),
		GIVEN(a_program_over_its_memory_limit_fails_with_the_limit_named),
		GIVEN(a_program_over_its_process_limit_fails_even_if_it_ends_with_0),
		GIVEN(a_killed_program_passes_where_minus_1_or_any_is_wanted),
		GIVEN(output_past_its_cap_alone_does_not_fail),
		GIVEN(a_timeout_is_its_own_verdict_with_the_time),
		GIVEN(an_expected_timeout_passes_and_its_output_is_checked),
		GIVEN(an_expected_timeout_that_does_not_come_fails),
		GIVEN(a_failed_compile_shows_the_compilers_words_and_no_more),
		GIVEN(a_failed_compile_that_is_expected_passes),
		GIVEN(what_the_service_could_not_run_is_an_error_in_its_words),
		GIVEN(a_cancelled_job_is_cancelled),
		GIVEN(a_known_failure_is_xfail_with_why_and_what),
		GIVEN(a_known_failure_that_passes_is_xpass),
		GIVEN(without_additions_status_and_signal_are_derived),
		GIVEN(a_program_that_takes_too_long_fails_without_its_wait_and_its_compile),
		GIVEN(artifacts_must_be_there_by_glob_and_size),
		GIVEN(a_checker_accepts_with_42_and_rejects_with_43),
		GIVEN(a_checker_that_ends_otherwise_is_an_error),
		GIVEN(a_checker_is_needed_once_all_else_is_as_expected),
		GIVEN(a_checkers_score_counts_where_points_are_partial),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
