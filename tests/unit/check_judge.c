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
	struct check_question q = { &g->result, &g->expect, g->check, g->xfail };

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
	g->result.total_time_ms = 2604;
	g->result.queue_time_ms = 600;
	JUDGED(g, "timeout", "timeout after 2.0 s (ttl)");
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
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
