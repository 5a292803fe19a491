/* Artifacts that the answer only names: from their paths into files, whole or not at all. */
#include "api_world.h"

#define JOB_OF(id, artifacts)                                                                   \
	"{\"job_id\":\"" id "\",\"status\":\"completed\",\"result\":{\"status\":\"completed\"," \
	"\"exit_code\":0,\"stdout\":\"hi\",\"artifacts\":[" artifacts "]}}"
#define BIG(size)                                          \
	"{\"filename\":\"out/big one\",\"size\":" size "," \
	"\"path\":\"/jobs/" JOB_ID "/artifacts/out/big%20one\"}"
#define SMALL "{\"filename\":\"small\",\"content_base64\":\"c21hbGw=\"}"
#define EMPTY "{\"filename\":\"e\",\"size\":0,\"path\":\"/jobs/" JOB_ID "/artifacts/e\"}"
#define OTHER "{\"filename\":\"o\",\"size\":2,\"path\":\"/jobs/" JOB_ID "/artifacts/o\"}"
#define NAMES(a)                                              \
	{                                                     \
		REPLY, "200 OK", ADDITIONS, JOB_OF(JOB_ID, a) \
	}
#define PART(range, body)                                                        \
	{                                                                        \
		REPLY, "206 Part", "Content-Range: bytes " range "/10\r\n", body \
	}
#define BIG_LINE "GET /jobs/" JOB_ID "/artifacts/out/big%20one\n"

/* The bytes are there until done returns: what they were goes to told. */
static void on_result(void *ctx, const struct api_answer *answer)
{
	struct world *w = ctx;
	const struct wire_result *r = answer->ok ? answer->job->result : NULL;

	buf_clear(&w->told);
	for (size_t i = 0; r && i < r->nartifact; i++) {
		assert_int_equal(r->artifact[i].data.data[r->artifact[i].data.len], 0);
		buf_printf(&w->told, "%s=%s;", r->artifact[i].name, r->artifact[i].data.data);
		assert_int_equal(strlen(r->artifact[i].data.data), r->artifact[i].data.len);
	}
	w->answer = *answer;
	w->answer.job = NULL;
	if (++w->nanswer >= w->nwanted)
		loop_stop(w->loop);
}

static void fetch(struct world *w, const struct reply *script)
{
	api_start(w, script, NULL);
	api_await(w->api, JOB_ID, on_result, w);
	await_answers(w, 1);
}

static void expect_whole(struct world *w, const char *want)
{
	if (!w->answer.ok)
		fail_msg("%s", w->answer.err.msg);
	assert_string_equal(buf_text(&w->told), want);
	assert_null(w->answer.body);
}

static void what_is_only_named_is_fetched_by_its_path(void **state)
{
	static const struct reply script[] = { NAMES(SMALL "," BIG("10") "," EMPTY "," OTHER),
					       { REPLY, "200 OK", NULL, "0123456789" },
					       { REPLY_CHUNKED, "200 OK", NULL, "ab" },
					       { .how = END } };
	struct world *w = *state;

	fetch(w, script);
	expect_whole(w, "small=small;out/big one=0123456789;e=;o=ab;");
	assert_string_equal(request_lines(w),
			    "GET /jobs/" JOB_ID "\n" BIG_LINE "GET /jobs/" JOB_ID "/artifacts/o\n");
}

static void only_empty_ones_need_no_request(void **state)
{
	static const struct reply script[] = { NAMES(EMPTY), { .how = END } };
	struct world *w = *state;

	fetch(w, script);
	expect_whole(w, "e=;");
	assert_int_equal(w->nrequest, 1);
}

static void what_was_dropped_midway_goes_on_from_there(void **state)
{
	static const struct reply script[] = {
		NAMES(BIG("10")),
		{ REPLY_CUT, "200 OK", NULL, "0123" },
		{ REPLY, "503 Later", NULL, "{}" },
		PART("4-9", "456789"),
		{ .how = END },
	};
	struct world *w = *state;

	fetch(w, script);
	expect_whole(w, "out/big one=0123456789;");
	assert_string_equal(header_of(w, "Range"), "bytes=4-");
	assert_int_equal(count(buf_text(&w->log), "Range: bytes=4-\r\n"), 2);
}

static void a_service_without_ranges_sends_it_all_anew(void **state)
{
	static const struct reply script[] = { NAMES(BIG("10")),
					       { REPLY_CUT, "200 OK", NULL, "0123" },
					       { REPLY, "200 OK", NULL, "abcdefghij" },
					       { .how = END } };
	struct world *w = *state;

	fetch(w, script);
	expect_whole(w, "out/big one=abcdefghij;");
}

static void a_part_that_was_not_asked_for_is_refused(void **state)
{
	static const struct reply script[] = { NAMES(BIG("10")),
					       { REPLY_CUT, "200 OK", NULL, "0123" },
					       PART("5-9", "56789"),
					       { .how = END } };
	struct world *w = *state;

	fetch(w, script);
	expect_failure(w, "cannot fetch /jobs/" JOB_ID "/artifacts/out/big%20one from @: the part "
			  "that came is not the one from byte 4 on (tried 2 times)");
}

static void more_bytes_than_were_said_are_not_taken(void **state)
{
	static const struct reply script[] = { NAMES(BIG("9")),
					       { REPLY, "200 OK", NULL, "0123456789" },
					       { .how = END } };
	struct world *w = *state;

	fetch(w, script);
	expect_failure(w, "cannot fetch /jobs/" JOB_ID "/artifacts/out/big%20one from @: more came "
			  "than the 9 bytes it was to have");
}

static void fewer_bytes_than_were_said_are_no_whole(void **state)
{
	static const struct reply script[] = { NAMES(BIG("11")),
					       { REPLY, "200 OK", NULL, "0123456789" },
					       { .how = END } };
	struct world *w = *state;

	fetch(w, script);
	expect_failure(w, "@ ended /jobs/" JOB_ID "/artifacts/out/big%20one after 10 of the 11 "
			  "bytes it was to have (tried 3 times)");
}

static void one_that_is_gone_is_a_refusal(void **state)
{
	static const struct reply script[] = { NAMES(BIG("10")),
					       { REPLY, "404 No", NULL, "{\"error\":\"no such\"}" },
					       { .how = END } };
	struct world *w = *state;

	fetch(w, script);
	expect_failure(w,
		       "@ answered 404 to GET /jobs/" JOB_ID "/artifacts/out/big%20one: no such");
	assert_true(w->answer.is_refused);
}

/* Nothing is asked for, nothing is written. */
static void what_a_hostile_answer_names_is_not_fetched(void **state)
{
	static const struct {
		struct reply reply[2];
		const char *why;
	} row[] = {
		{ { NAMES("{\"filename\":\"a\",\"size\":1,\"path\":\"/keys/validate\"}"),
		    { .how = END } },
		  "result.artifacts[0].path must be '/jobs/" JOB_ID "/artifacts/a'" },
		{ { NAMES("{\"filename\":\"../a\",\"size\":1,\"path\":\"/jobs/" JOB_ID
			  "/artifacts/../a\"}"),
		    { .how = END } },
		  "filename must be a plain relative path" },
		{ { NAMES(BIG("1073741825")), { .how = END } }, "larger than 1073741824 bytes" },
		{ { NAMES(BIG("1073741823") "," OTHER), { .how = END } },
		  "larger than 1073741824 bytes" },
		{ { { REPLY, "200 OK", NULL,
		      JOB_OF("x", "{\"filename\":\"a\",\"size\":1,\"path\":"
				  "\"/jobs/x/artifacts/a\"}") },
		    { .how = END } },
		  "it is job x, not " JOB_ID },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		fetch(w, row[i].reply);
		assert_false(w->answer.ok);
		assert_int_equal(w->answer.err.kind, ERR_REMOTE);
		if (!strstr(w->answer.err.msg, row[i].why))
			fail_msg("%s", w->answer.err.msg);
		assert_int_equal(w->nrequest, i + 1);
		api_close(w->api);
		w->api = NULL;
	}
}

static void more_names_than_can_be_fetched_are_told(void **state)
{
	CLEAN_BUF struct buf b = BUF(1 << 18);
	struct reply script[] = { { REPLY, "200 OK", NULL, NULL }, { .how = END } };
	struct world *w = *state;

	buf_puts(&b, "{\"job_id\":\"" JOB_ID "\",\"status\":\"completed\",\"result\":{"
		     "\"artifacts\":[");
	for (int i = 0; i < 1025; i++)
		buf_printf(&b, "%s" EMPTY, i ? "," : "");
	buf_puts(&b, "]}}");
	script[0].body = buf_text(&b);
	fetch(w, script);
	assert_non_null(strstr(w->answer.err.msg, "more than 1024 artifacts"));
}

static void without_a_place_for_files_that_is_told(void **state)
{
	static const struct reply script[] = { NAMES(BIG("10")), { .how = END } };
	struct world *w = *state;

	assert_int_equal(setenv("TMPDIR", "/nowhere", 1), 0);
	fetch(w, script);
	unsetenv("TMPDIR");
	assert_false(w->answer.ok);
	assert_int_equal(w->answer.err.kind, ERR_SYSTEM);
	assert_non_null(strstr(w->answer.err.msg, "cannot make '/nowhere/sandbatch."));
	assert_false(w->answer.is_shut);
}

/* Its job runs anew elsewhere, and all of it is fetched from there. */
static void an_endpoint_that_goes_away_meanwhile_is_left_out(void **state)
{
	static const struct reply script[] = { NAMES(BIG("10")),
					       { REPLY_CUT, "200 OK", NULL, "0123" },
					       { .how = DROP },
					       { .how = END } };
	static const struct reply other[] = { { REPLY, "404 No", NULL, "{}" }, { .how = END } };
	struct world *w = *state;

	second_server(w, other);
	fetch(w, script);
	assert_false(w->answer.ok);
	assert_true(w->answer.is_gone);
	assert_int_equal(w->second->nrequest, 0);
}

static int until_the_third_request(void *ctx)
{
	struct world *w = ctx;

	if (w->nrequest == 3)
		loop_stop(w->loop);
	return -1;
}

static void dropped_while_bytes_come_it_leaves_nothing(void **state)
{
	static const struct reply script[] = { NAMES(OTHER "," BIG("10")),
					       { REPLY, "200 OK", NULL, "ab" },
					       { .how = HANG },
					       { .how = END } };
	struct world *w = *state;
	struct err e;

	api_start(w, script, NULL);
	w->other = api_await(w->api, JOB_ID, on_result, w);
	loop_each_turn(w->loop, until_the_third_request, w);
	assert_true(loop_run(w->loop, &e));
	loop_drop_turn(w->loop, until_the_third_request, w);
	api_drop(w->other);
	assert_int_equal(w->nanswer, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(what_is_only_named_is_fetched_by_its_path),
		TEST(only_empty_ones_need_no_request),
		TEST(what_was_dropped_midway_goes_on_from_there),
		TEST(a_service_without_ranges_sends_it_all_anew),
		TEST(a_part_that_was_not_asked_for_is_refused),
		TEST(more_bytes_than_were_said_are_not_taken),
		TEST(fewer_bytes_than_were_said_are_no_whole),
		TEST(one_that_is_gone_is_a_refusal),
		TEST(what_a_hostile_answer_names_is_not_fetched),
		TEST(more_names_than_can_be_fetched_are_told),
		TEST(without_a_place_for_files_that_is_told),
		TEST(an_endpoint_that_goes_away_meanwhile_is_left_out),
		TEST(dropped_while_bytes_come_it_leaves_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
