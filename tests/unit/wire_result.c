#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "wire/wire.h"

/* The published example, to the letter. */
#define PUBLISHED                                                                                  \
	"\"success\":true,\"stdout\":\"Hello from unsandbox!\\n\",\"stderr\":\"\",\"error\":null," \
	"\"exit_code\":0,\"language\":\"python\","                                                 \
	"\"job_id\":\"a1b2c3d4-e5f6-7890-abcd-ef1234567890\",\"artifacts\":[],"                    \
	"\"execution_mode\":\"pooled\",\"network_mode\":\"zerotrust\",\"total_time_ms\":23"
#define ID "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
#define EXTRAS                                                                                   \
	",\"status\":\"timeout\",\"limit\":\"cpu\",\"signal\":9,\"cpu_time_ms\":1000,"           \
	"\"peak_memory_bytes\":5000000000,\"stdout_truncated\":true,\"stderr_truncated\":false," \
	"\"compile\":{\"exit_code\":1,\"stderr\":\"w\",\"time_ms\":5,\"cached\":true},"          \
	"\"queue_time_ms\":7"
#define NO_EXTRAS                                                                        \
	",\"status\":\"completed\",\"limit\":null,\"signal\":null,\"cpu_time_ms\":0,"    \
	"\"peak_memory_bytes\":0,\"stdout_truncated\":false,\"stderr_truncated\":false," \
	"\"compile\":null,\"queue_time_ms\":0"

static const struct wire_result hello = {
	.success = true,
	.out = { "Hello from unsandbox!\n", 22 },
	.err = { "", 0 },
	.language = "python",
	.job_id = ID,
	.execution_mode = "pooled",
	.total_time_ms = 23,
};

static void a_result_is_printed_as_published_and_ours_behind(void **state)
{
	CLEAN_BUF struct buf b = BUF(4096);
	struct wire_result r = hello;

	(void)state;
	assert_true(wire_result_print(&r, &b));
	assert_string_equal(buf_text(&b), "{" PUBLISHED "}");
	buf_clear(&b);
	r.has_extras = true;
	r.status = WIRE_COMPLETED;
	assert_true(wire_result_print(&r, &b));
	assert_string_equal(buf_text(&b), "{" PUBLISHED NO_EXTRAS "}");
}

static void bytes_that_are_no_text_become_replacement_characters(void **state)
{
	CLEAN_BUF struct buf b = BUF(4096);
	struct wire_result r = hello;

	(void)state;
	r.out = (struct bytes){ "a\0\xff", 3 };
	r.error = "it \"broke\"";
	assert_true(wire_result_print(&r, &b));
	assert_non_null(strstr(b.data, "\"stdout\":\"a\xef\xbf\xbd\xef\xbf\xbd\""));
	assert_non_null(strstr(b.data, "\"error\":\"it \\\"broke\\\"\""));
}

static bool parse(struct arena *a, const char *text, struct wire_job *j, struct err *e)
{
	return wire_job_parse(a, text, strlen(text), j, e);
}

static void printing_what_was_parsed_gives_it_back(void **state)
{
	static const char *const text[] = {
		"{\"job_id\":\"" ID
		"\",\"status\":\"pending\",\"created_at\":5,\"started_at\":null,"
		"\"completed_at\":null,\"result\":null}",
		"{\"job_id\":\"" ID "\",\"status\":\"completed\",\"created_at\":5,\"started_at\":6,"
		"\"completed_at\":7,\"result\":{" PUBLISHED "}}",
		"{\"job_id\":\"" ID "\",\"status\":\"timeout\",\"created_at\":5,\"started_at\":6,"
		"\"completed_at\":7,\"result\":{" PUBLISHED EXTRAS "}}",
		"{\"job_id\":\"" ID "\",\"status\":\"completed\",\"created_at\":5,\"started_at\":6,"
		"\"completed_at\":7,\"result\":{\"success\":false,\"stdout\":\"\",\"stderr\":\"\","
		"\"error\":\"e\",\"exit_code\":139,\"language\":\"c\",\"job_id\":\"x\","
		"\"artifacts\":"
		"[{\"filename\":\"a\",\"content_base64\":\"AAE=\"},{\"filename\":\"b\","
		"\"content_base64\":\"\"}],\"execution_mode\":\"cold\",\"network_mode\":"
		"\"semitrusted\",\"total_time_ms\":1,\"detected_language\":\"c\"" NO_EXTRAS "}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++) {
		CLEAN_ARENA struct arena a = { 0 };
		CLEAN_BUF struct buf b = BUF(1 << 16);
		struct err e = { 0 };
		struct wire_job j;

		if (!parse(&a, text[i], &j, &e))
			fail_msg("%s", e.msg);
		assert_true(wire_job_print(&j, &b));
		assert_string_equal(buf_text(&b), text[i]);
	}
}

/* Its bytes are asked for where it says: nowhere else but where they must be. */
static void an_artifact_may_be_told_by_its_path(void **state)
{
#define TOLD(rest)                                                                           \
	"{\"job_id\":\"" ID "\",\"status\":\"completed\",\"created_at\":5,\"started_at\":6," \
	"\"completed_at\":7,\"result\":{\"success\":true,\"stdout\":\"\",\"stderr\":\"\","   \
	"\"error\":null,\"exit_code\":0,\"language\":\"c\",\"job_id\":\"" ID                 \
	"\",\"artifacts\":[{" rest "}],\"execution_mode\":\"\",\"network_mode\":"            \
	"\"zerotrust\",\"total_time_ms\":1" NO_EXTRAS "}}"
	static const char good[] = TOLD("\"filename\":\"a/b \xc3\xa4%.o\",\"size\":5000000000,"
					"\"path\":\"/jobs/" ID "/artifacts/a/b%20%C3%A4%25.o\"");
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf b = BUF(4096);
	struct err e = { 0 };
	struct wire_job j;

	(void)state;
	if (!parse(&a, good, &j, &e))
		fail_msg("%s", e.msg);
	assert_null(j.result->artifact[0].data.data);
	assert_int_equal(j.result->artifact[0].data.len, 5000000000);
	assert_true(wire_job_print(&j, &b));
	assert_string_equal(buf_text(&b), good);
	assert_true(parse(&a,
			  TOLD("\"filename\":\"a\",\"content_base64\":\"eA==\",\"path\":\"/keys\""),
			  &j, &e));
	assert_string_equal(j.result->artifact[0].data.data, "x");
}

static void a_path_that_is_not_the_artifacts_is_refused(void **state)
{
#define AT "/jobs/" ID "/artifacts/"
	static const char *const row[][2] = {
		{ TOLD("\"filename\":\"a\",\"size\":1,\"path\":\"/jobs/other/artifacts/a\""),
		  "path" },
		{ TOLD("\"filename\":\"a\",\"size\":1,\"path\":\"" AT "b\""), "path" },
		{ TOLD("\"filename\":\"a\",\"size\":1,\"path\":\"" AT "a?x=1\""), "path" },
		{ TOLD("\"filename\":\"a\",\"size\":1,\"path\":\"http://evil" AT "a\""), "path" },
		{ TOLD("\"filename\":\"a\",\"size\":1,\"path\":7"), "path" },
		{ TOLD("\"filename\":\"../x\",\"size\":1,\"path\":\"" AT "../x\""), "filename" },
		{ TOLD("\"filename\":\"\",\"size\":1,\"path\":\"" AT "\""), "filename" },
		{ TOLD("\"filename\":\"a\",\"path\":\"" AT "a\""), "size" },
		{ TOLD("\"filename\":\"a\",\"size\":-1,\"path\":\"" AT "a\""), "size" },
		{ TOLD("\"filename\":\"a\",\"size\":1.5,\"path\":\"" AT "a\""), "size" },
		{ TOLD("\"filename\":\"a\",\"size\":1e300,\"path\":\"" AT "a\""), "size" },
		{ TOLD("\"filename\":\"a\",\"size\":\"1\",\"path\":\"" AT "a\""), "size" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		CLEAN_ARENA struct arena a = { 0 };
		struct err e = { 0 };
		struct wire_job j;

		assert_false(parse(&a, row[i][0], &j, &e));
		assert_int_equal(e.kind, ERR_REMOTE);
		assert_non_null(strstr(
			e.msg, arena_printf(&a, ": result.artifacts[0].%s must be ", row[i][1])));
	}
}

static void an_accepted_submit_is_a_pending_job(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf b = BUF(4096);
	struct err e = { 0 };
	struct wire_job j;

	(void)state;
	assert_true(wire_accepted_print(ID, &b));
	assert_string_equal(buf_text(&b), "{\"job_id\":\"" ID "\",\"status\":\"pending\"}");
	assert_true(parse(&a, b.data, &j, &e));
	assert_string_equal(j.id, ID);
	assert_int_equal(j.status, WIRE_PENDING);
	assert_null(j.result);
}

static void a_cancelled_job_has_its_message_and_result(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf b = BUF(4096);
	struct err e = { 0 };
	struct wire_result r = hello;
	struct wire_job j = { .id = ID, .status = WIRE_CANCELLED, .result = &r };

	(void)state;
	assert_true(wire_cancelled_print(&j, &b));
	assert_string_equal(buf_text(&b), "{\"message\":\"Job cancelled\",\"job_id\":\"" ID
					  "\",\"result\":{" PUBLISHED "}}");
	assert_true(parse(&a, b.data, &j, &e));
	assert_int_equal(j.status, WIRE_CANCELLED);
	assert_int_equal(j.result->status, WIRE_CANCELLED);
	assert_false(j.result->has_extras);
}

static void a_service_without_our_additions_tells_the_jobs_status(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct err e = { 0 };
	struct wire_job j;

	(void)state;
	assert_true(parse(&a,
			  "{\"job_id\":\"x\",\"status\":\"timeout\",\"result\":{\"stdout\":null,"
			  "\"stderr\":\"e\",\"exit_code\":-1}}",
			  &j, &e));
	assert_false(j.result->has_extras);
	assert_int_equal(j.result->status, WIRE_TIMEOUT);
	assert_string_equal(j.result->out.data, "");
	assert_string_equal(j.result->err.data, "e");
	assert_string_equal(j.result->job_id, "x");
	assert_false(j.result->success);
}

static void a_job_that_ended_without_result_is_given_one(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct err e = { 0 };
	struct wire_job j;

	(void)state;
	assert_true(parse(&a, "{\"job_id\":\"x\",\"status\":\"failed\",\"error\":\"no slot\"}", &j,
			  &e));
	assert_string_equal(j.result->error, "no slot");
	assert_int_equal(j.result->exit_code, -1);
	assert_true(
		parse(&a, "{\"job_id\":\"x\",\"status\":\"cancelled\",\"result\":null}", &j, &e));
	assert_string_equal(j.result->error,
			    "the service gave no result for a job that is cancelled");
	assert_false(parse(&a, "{\"job_id\":\"x\",\"status\":\"completed\"}", &j, &e));
	assert_int_equal(e.kind, ERR_REMOTE);
	assert_string_equal(e.msg, "the service answered something that is no job: result must be "
				   "given, for it is completed");
}

static void what_is_no_job_is_told(void **state)
{
#define JOB(rest)    "{\"job_id\":\"x\",\"status\":\"completed\"," rest "}"
#define RESULT(rest) JOB("\"result\":{\"status\":\"completed\",\"exit_code\":0," rest "}")
	static const char *const row[][2] = {
		{ "<html>", "JSON must have a value at byte 0, not '<'" },
		{ "[]", "it must be an object, not a list" },
		{ "{}", "status must be a string, not null" },
		{ "{\"status\":\"pending\"}",
		  "job_id must be a name of letters, digits, '-' and '_', not null" },
		{ "{\"job_id\":\"../x\",\"status\":\"pending\"}",
		  "job_id must be a name of letters, digits, '-' and '_', not '../x'" },
		{ "{\"job_id\":5,\"status\":\"pending\"}", "job_id must be a string, not 5" },
		{ "{\"job_id\":\"x\",\"status\":\"done\"}",
		  "status must be 'pending', 'running', 'completed', 'timeout', 'cancelled' or "
		  "'failed', not 'done'" },
		{ JOB("\"created_at\":\"now\",\"result\":{}"),
		  "created_at must be an integer from 0 to 9007199254740991, not 'now'" },
		{ JOB("\"result\":[]"), "result must be an object, not a list" },
		{ RESULT("\"stdout\":5"), "result.stdout must be a string, not 5" },
		{ JOB("\"result\":{\"exit_code\":1e12}"),
		  "result.exit_code must be an integer from -2147483648 to 2147483647, not "
		  "1000000000000" },
		{ RESULT("\"success\":1"), "result.success must be true or false, not 1" },
		{ RESULT("\"artifacts\":[5]"), "result.artifacts[0] must be an object, not 5" },
		{ RESULT("\"artifacts\":[{\"content_base64\":\"?\"}]"),
		  "result.artifacts[0].content_base64 must be base64 (RFC 4648, padded), not '?'" },
		{ RESULT("\"limit\":\"\""),
		  "result.limit must be 'ttl', 'memory', 'processes', 'disk', 'output' or 'cpu', "
		  "not ''" },
		{ RESULT("\"signal\":-1"),
		  "result.signal must be an integer from 0 to 1024, not -1" },
		{ RESULT("\"compile\":{\"time_ms\":-1}"),
		  "result.compile.time_ms must be an integer from 0 to 9007199254740991, not -1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		CLEAN_ARENA struct arena a = { 0 };
		struct err e = { 0 };
		struct wire_job j;

		assert_false(parse(&a, row[i][0], &j, &e));
		assert_int_equal(e.kind, ERR_REMOTE);
		assert_string_equal(
			e.msg, arena_printf(&a, "the service answered something that is no job: %s",
					    row[i][1]));
	}
}

/* No cut of an answer, and no changed byte, does more harm than an error. */
static void a_spoilt_answer_is_parsed_or_refused(void **state)
{
	static const char text[] = "{\"job_id\":\"" ID "\",\"status\":\"timeout\",\"created_at\":5,"
				   "\"result\":{" PUBLISHED EXTRAS "}}";
	char spoilt[sizeof(text)];
	unsigned chance = 3;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++) {
		CLEAN_ARENA struct arena a = { 0 };
		struct err e = { 0 };
		struct wire_job j;

		assert_int_equal(wire_job_parse(&a, text, i, &j, &e), i == sizeof(text) - 1);
	}
	for (int i = 0; i < 2000; i++) {
		CLEAN_ARENA struct arena a = { 0 };
		struct err e = { 0 };
		struct wire_job j;

		memcpy(spoilt, text, sizeof(text));
		chance = chance * 1103515245 + 12345;
		spoilt[(chance >> 8) % (sizeof(text) - 1)] = (char)(chance >> 24);
		if (!wire_job_parse(&a, spoilt, sizeof(text) - 1, &j, &e))
			assert_int_equal(e.kind, ERR_REMOTE);
	}
}

static void output_of_tens_of_megabytes_passes(void **state)
{
	enum { N = 16 << 20 };
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf b = BUF(64 << 20);
	struct err e = { 0 };
	struct wire_result r = hello;
	struct wire_job j = { .id = ID, .status = WIRE_COMPLETED, .result = &r }, back;
	char *out = arena_zalloc(&a, N, 1);

	(void)state;
	memset(out, 'x', N);
	for (size_t i = 0; i < N; i += 80)
		out[i] = '\n';
	r.out = (struct bytes){ out, N };
	assert_true(wire_job_print(&j, &b));
	if (!wire_job_parse(&a, b.data, b.len, &back, &e))
		fail_msg("%s", e.msg);
	assert_int_equal(back.result->out.len, N);
	assert_memory_equal(back.result->out.data, out, N);
}

static void an_error_goes_both_ways(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf b = BUF(4096);
	static const char odd[] = "{\"error\":\"a\\u001b[31m\\u0000b\\n\"}",
			  other[] = "{\"error\":[]}";

	(void)state;
	assert_true(wire_error_print("ttl must be 1", "bad_request", &b));
	assert_string_equal(buf_text(&b), "{\"success\":false,\"error\":\"ttl must be 1\","
					  "\"code\":\"bad_request\"}");
	assert_string_equal(wire_error_parse(&a, b.data, b.len), "ttl must be 1");
	assert_string_equal(wire_error_parse(&a, odd, strlen(odd)), "a?[31m\xef\xbf\xbd"
								    "b?");
	assert_null(wire_error_parse(&a, other, strlen(other)));
	assert_null(wire_error_parse(&a, "Bad Gateway", 11));
	assert_null(wire_error_parse(&a, "", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_result_is_printed_as_published_and_ours_behind),
		cmocka_unit_test(bytes_that_are_no_text_become_replacement_characters),
		cmocka_unit_test(printing_what_was_parsed_gives_it_back),
		cmocka_unit_test(an_artifact_may_be_told_by_its_path),
		cmocka_unit_test(a_path_that_is_not_the_artifacts_is_refused),
		cmocka_unit_test(an_accepted_submit_is_a_pending_job),
		cmocka_unit_test(a_cancelled_job_has_its_message_and_result),
		cmocka_unit_test(a_service_without_our_additions_tells_the_jobs_status),
		cmocka_unit_test(a_job_that_ended_without_result_is_given_one),
		cmocka_unit_test(what_is_no_job_is_told),
		cmocka_unit_test(a_spoilt_answer_is_parsed_or_refused),
		cmocka_unit_test(output_of_tens_of_megabytes_passes),
		cmocka_unit_test(an_error_goes_both_ways),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
