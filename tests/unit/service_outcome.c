#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "service/outcome.h"

static const struct wire_request plain = { .ttl_s = 2 };

static const struct {
	struct jail_ended ended;
	bool is_truncated;
	enum wire_status status;
	enum wire_limit limit;
	int exit_code, signal;
	const char *error;
} rows[] = {
	{ { .cause = JAIL_CAUSE_EXIT }, false, WIRE_COMPLETED, WIRE_NO_LIMIT, 0, 0, NULL },
	{ { .cause = JAIL_CAUSE_EXIT, .status = 3 },
	  true,
	  WIRE_COMPLETED,
	  WIRE_LIMIT_OUTPUT,
	  3,
	  0,
	  NULL },
	{ { .cause = JAIL_CAUSE_EXIT, .status = 1, .hit_disk = 1 },
	  false,
	  WIRE_COMPLETED,
	  WIRE_LIMIT_DISK,
	  1,
	  0,
	  NULL },
	{ { .cause = JAIL_CAUSE_SIGNAL, .status = 11 },
	  false,
	  WIRE_COMPLETED,
	  WIRE_NO_LIMIT,
	  139,
	  11,
	  NULL },
	{ { .cause = JAIL_CAUSE_WALL },
	  false,
	  WIRE_TIMEOUT,
	  WIRE_LIMIT_TTL,
	  -1,
	  0,
	  "the program was stopped after 2 seconds (ttl)" },
	{ { .cause = JAIL_CAUSE_WALL },
	  true,
	  WIRE_TIMEOUT,
	  WIRE_LIMIT_OUTPUT,
	  -1,
	  0,
	  "the program was stopped after 2 seconds (ttl)" },
	{ { .cause = JAIL_CAUSE_WALL, .hit_processes = 1, .hit_disk = 1 },
	  true,
	  WIRE_TIMEOUT,
	  WIRE_LIMIT_PROCESSES,
	  -1,
	  0,
	  "the program was stopped after 2 seconds (ttl)" },
	{ { .cause = JAIL_CAUSE_CPU },
	  false,
	  WIRE_TIMEOUT,
	  WIRE_LIMIT_CPU,
	  -1,
	  0,
	  "the program was stopped after 2 seconds of CPU time" },
	{ { .cause = JAIL_CAUSE_MEMORY },
	  false,
	  WIRE_COMPLETED,
	  WIRE_LIMIT_MEMORY,
	  -1,
	  0,
	  "the program was stopped: it needed more than 1024 MB of memory" },
	{ { .cause = JAIL_CAUSE_KILLED },
	  false,
	  WIRE_CANCELLED,
	  WIRE_NO_LIMIT,
	  -1,
	  0,
	  "Job cancelled by user" },
	{ { .cause = JAIL_CAUSE_FAILED, .text = "no" },
	  false,
	  WIRE_FAILED,
	  WIRE_NO_LIMIT,
	  -1,
	  0,
	  "the program could not be started: no" },
};

static void each_cause_becomes_status_limit_and_exit_code(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire_result r = { .out_truncated = rows[i].is_truncated };

		outcome_tell(&a, OUTCOME_RUN, &rows[i].ended, &plain, &r);
		assert_int_equal(r.status, rows[i].status);
		assert_int_equal(r.limit, rows[i].limit);
		assert_int_equal(r.exit_code, rows[i].exit_code);
		assert_int_equal(r.signal, rows[i].signal);
		assert_int_equal(r.success, i == 0);
		assert_int_equal(!r.error, !rows[i].error);
		if (r.error)
			assert_string_equal(r.error, rows[i].error);
	}
}

static void what_is_not_given_is_the_default(void **state)
{
	struct jail_run run = outcome_limits(OUTCOME_RUN, &plain);

	(void)state;
	assert_int_equal(run.wall_ms, 2000);
	assert_int_equal(run.cpu_ms, 2000);
	assert_int_equal(run.memory_bytes, 1024LL << 20);
	assert_int_equal(run.processes, 128);
	assert_int_equal(run.file_bytes, 256LL << 20);
	assert_int_equal(outcome_folder(&plain).max_files, 16384);
	assert_int_equal(outcome_output_bytes(&plain), 1 << 20);
}

static void a_tool_has_what_it_needs_whatever_the_program_may_use(void **state)
{
	const struct wire_request r = {
		.ttl_s = 1, .limits = { .memory_mb = 16, .processes = 1, .disk_mb = 1, .cpu_ms = 5 }
	};
	struct jail_run tool = outcome_limits(OUTCOME_COMPILE, &r);
	struct jail_run run = outcome_limits(OUTCOME_RUN, &r);

	(void)state;
	assert_int_equal(tool.wall_ms, 60000);
	assert_int_equal(tool.cpu_ms, 0);
	assert_int_equal(tool.memory_bytes, 512LL << 20);
	assert_int_equal(tool.processes, 64);
	assert_int_equal(run.memory_bytes, 16LL << 20);
	assert_int_equal(run.processes, 1);
	assert_int_equal(run.cpu_ms, 5);
	assert_int_equal(outcome_folder(&r).max_files, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cause_becomes_status_limit_and_exit_code),
		cmocka_unit_test(what_is_not_given_is_the_default),
		cmocka_unit_test(a_tool_has_what_it_needs_whatever_the_program_may_use),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
