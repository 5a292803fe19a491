#include "api_world.h"

static void a_get_gives_the_body_and_its_connection_is_kept(void **state)
{
	struct world *w = *state;

	api_start(w, hello, NULL);
	get(w, "/languages");
	get(w, "/health");
	assert_true(w->answer.ok);
	assert_true(w->answer.has_additions);
	assert_int_equal(w->answer.http_status, 200);
	assert_int_equal(w->answer.tries, 1);
	assert_string_equal(w->answer.body, "hello");
	assert_string_equal(request_lines(w), "GET /languages\nGET /health\n");
	assert_int_equal(w->nconn, 1);
}

static void a_submit_posts_the_body_with_key_and_idempotency_key(void **state)
{
	static const struct reply script[] = { { REPLY, "200 OK", NULL, ACCEPTED },
					       { .how = END } };
	struct world *w = *state;

	api_start(w, script, &(struct api_options){ .api_key = "unsb-sk-1" });
	submit(w);
	assert_true(w->answer.ok);
	assert_false(w->answer.has_additions);
	assert_string_equal(w->answer.job->id, JOB_ID);
	assert_string_equal(buf_text(&w->log),
			    arena_printf(&w->arena,
					 "POST /execute/async HTTP/1.1\r\nHost: %s\r\n"
					 "User-Agent: sandbatch/" VERSION "\r\nAccept: */*\r\n"
					 "Authorization: Bearer unsb-sk-1\r\n"
					 "Content-Type: application/json\r\n"
					 "Idempotency-Key: key-1\r\nContent-Length: 2\r\n\r\n{}\n",
					 w->endpoint + strlen("http://")));
}

static void what_may_pass_is_tried_again_with_the_same_idempotency_key(void **state)
{
	static const struct reply script[] = {
		{ REPLY, "500 Oh", NULL, "" },
		{ .how = DROP },
		{ REPLY, "429 Later", NULL, "" },
		{ REPLY_CHUNKED, "200 OK", NULL, ACCEPTED },
		{ .how = END },
	};
	struct world *w = *state;

	api_start(w, script, &(struct api_options){ .max_tries = 4 });
	submit(w);
	assert_true(w->answer.ok);
	assert_int_equal(w->answer.tries,
			 3); /* curl itself repeats what a kept connection dropped */
	assert_int_equal(count(buf_text(&w->log), "Idempotency-Key: key-1\r\n"), 4);
}

static void it_gives_up_after_max_tries_and_says_what_it_was_told(void **state)
{
	static const struct reply script[] = {
		{ REPLY, "503 Full", NULL,
		  "{\"success\":false,\"error\":\"the queue is\\nfull\",\"code\":\"queue_full\"}" },
		{ .how = END },
	};
	struct world *w = *state;

	api_start(w, script, NULL);
	submit(w);
	expect_failure(w, "@ answered 503 to POST /execute/async: the queue is?full "
			  "(tried 3 times)");
	assert_false(w->answer.is_refused);
	assert_int_equal(w->answer.http_status, 503);
	assert_int_equal(w->answer.tries, 3);
}

static void a_refusal_is_not_tried_again(void **state)
{
	static const struct reply script[] = {
		{ REPLY, "422 No", NULL, "{\"success\":false,\"error\":\"no such language\"}" },
		{ REPLY, "401 No", NULL, "<html>\x1b[31mwho?" },
		{ .how = END },
	};
	struct world *w = *state;

	api_start(w, script, NULL);
	submit(w);
	expect_failure(w, "@ answered 422 to POST /execute/async: no such language");
	assert_true(w->answer.is_refused);
	assert_int_equal(w->answer.tries, 1);
	submit(w);
	expect_failure(w, "@ answered 401 to POST /execute/async: \"<html>\\u001b[31mwho?\"");
}

static void a_redirect_is_told_and_not_followed(void **state)
{
	static const struct reply script[] = {
		{ REPLY, "302 Found", "Location: http://127.0.0.1:1/else\r\n", "" },
		{ .how = END },
	};
	struct world *w = *state;

	api_start(w, script, NULL);
	get(w, "/languages");
	expect_failure(w, "@ redirects GET /languages to http://127.0.0.1:1/else: redirects are "
			  "not followed, give that endpoint");
	assert_int_equal(count(buf_text(&w->log), "GET"), 1);
}

static void nobody_listening_is_one_sentence(void **state)
{
	struct world *w = *state;

	loop_unwatch(w->loop, w->listener);
	fs_close(&w->listener);
	api_start(w, hello, NULL);
	get(w, "/health");
	expect_failure(w, "cannot reach @: Connection refused (tried 3 times)");
	assert_int_equal(w->answer.http_status, 0);
}

static void a_connection_dropped_each_time_is_told(void **state)
{
	static const struct reply script[] = { { .how = DROP }, { .how = END } };
	struct world *w = *state;

	api_start(w, script, NULL);
	get(w, "/health");
	expect_failure(w, "no answer from @ to GET /health: Empty reply from server "
			  "(tried 3 times)");
}

static void a_silent_service_is_not_waited_for_forever(void **state)
{
	static const struct reply script[] = { { .how = HANG }, { .how = END } };
	struct world *w = *state;

	api_start(w, script, &(struct api_options){ .max_tries = 2, .patience_ms = 30 });
	get(w, "/health");
	expect_failure(w, "no answer from @ to GET /health: nothing came for 30 ms "
			  "(tried 2 times)");
}

static void an_answer_that_makes_no_sense_is_shown(void **state)
{
	static const struct reply script[] = {
		{ REPLY, "200 OK", NULL, "<html>\n<title>Login" },
		{ REPLY, "200 OK", NULL, "" },
		{ REPLY, "200 OK", NULL, "{\"status\":\"pending\"}" },
		{ .how = END },
	};
	struct world *w = *state;

	api_start(w, script, NULL);
	submit(w);
	assert_false(w->answer.ok);
	assert_int_equal(w->answer.err.kind, ERR_REMOTE);
	assert_int_equal(w->answer.tries, 1);
	assert_non_null(strstr(w->answer.err.msg, " answered 200 to POST /execute/async with "
						  "\"<html>\\n<title>Login\": "));
	submit(w);
	assert_non_null(strstr(w->answer.err.msg, " with nothing: "));
	submit(w);
	assert_non_null(strstr(w->answer.err.msg, "job_id"));
}

static void an_answer_past_the_maximum_is_cut_off(void **state)
{
	static const struct reply script[] = {
		{ REPLY, "200 OK", NULL, "12345678901" },
		{ REPLY_CHUNKED, "200 OK", NULL, "12345678901" },
		{ REPLY, "200 OK", NULL, "1234567890" },
		{ .how = END },
	};
	struct world *w = *state;

	api_start(w, script, &(struct api_options){ .max_answer_bytes = 10 });
	get(w, "/big");
	expect_failure(w, "no answer from @ to GET /big: the answer is larger than 10 bytes");
	get(w, "/big");
	expect_failure(w, "no answer from @ to GET /big: the answer is larger than 10 bytes");
	get(w, "/big");
	assert_true(w->answer.ok);
}

static void awaiting_polls_a_service_without_our_additions(void **state)
{
	static const struct reply script[] = {
		{ REPLY, "200 OK", NULL, RUNNING },
		{ REPLY, "200 OK", NULL, ENDED },
		{ .how = END },
	};
	struct world *w = *state;

	api_start(w, script, NULL);
	await_job(w);
	assert_true(w->answer.ok);
	assert_int_equal(w->answer.job->status, WIRE_COMPLETED);
	assert_string_equal(request_lines(w), "GET /jobs/" JOB_ID "\nGET /jobs/" JOB_ID "\n");
}

static void awaiting_uses_wait_once_the_service_told_of_it(void **state)
{
	static const struct reply script[] = {
		{ REPLY, "200 OK", ADDITIONS, ACCEPTED },
		{ REPLY, "200 OK", ADDITIONS, ENDED },
		{ .how = END },
	};
	struct world *w = *state;

	api_start(w, script, NULL);
	submit(w);
	await_job(w);
	assert_true(w->answer.ok);
	assert_string_equal(request_lines(w), "POST /execute/async\nGET /jobs/" JOB_ID
					      "?inline_bytes=1048576&wait=30\n");
}

static void awaiting_outlives_more_failures_than_max_tries_if_answers_come_between(void **state)
{
	static const struct reply script[] = {
		{ .how = DROP },
		{ REPLY, "503 Restarting", NULL, "" },
		{ REPLY, "200 OK", NULL, RUNNING },
		{ .how = DROP },
		{ .how = DROP },
		{ REPLY, "200 OK", NULL, ENDED },
		{ .how = END },
	};
	struct world *w = *state;

	api_start(w, script, NULL);
	await_job(w);
	assert_true(w->answer.ok);
	assert_int_equal(w->answer.tries, 2); /* the first drop was of a kept connection */
}

static void a_job_that_is_not_known_is_a_refusal(void **state)
{
	static const struct reply script[] = { { REPLY, "404 No", NULL, "{}" }, { .how = END } };
	struct world *w = *state;

	api_start(w, script, NULL);
	await_job(w);
	expect_failure(w, "@ does not know job " JOB_ID);
	assert_true(w->answer.is_refused);
}

static void a_job_that_failed_without_a_result_has_one_that_says_why(void **state)
{
	static const struct reply script[] = {
		{ REPLY, "200 OK", NULL,
		  "{\"job_id\":\"" JOB_ID "\",\"status\":\"failed\",\"error\":\"no slot\"}" },
		{ .how = END },
	};
	struct world *w = *state;

	api_start(w, script, NULL);
	await_job(w);
	assert_true(w->answer.ok);
	assert_int_equal(w->answer.job->status, WIRE_FAILED);
	assert_string_equal(w->answer.job->result->error, "no slot");
}

static void a_job_id_of_a_stranger_stays_in_its_part_of_the_path(void **state)
{
	struct world *w = *state;

	api_start(w, hello, NULL);
	api_cancel(w->api, "../x?y=\r\nz", on_done, w);
	await_answers(w, 1);
	assert_string_equal(request_lines(w), "DELETE /jobs/..%2Fx%3Fy%3D%0D%0Az\n");
}

static void cancelling_what_has_ended_or_is_gone_is_ok(void **state)
{
	static const struct reply script[] = {
		{ REPLY, "200 OK", NULL,
		  "{\"message\":\"Job cancelled\",\"job_id\":\"" JOB_ID "\",\"result\":null}" },
		{ REPLY, "409 Ended", NULL, "{}" },
		{ REPLY, "404 Gone", NULL, "{}" },
		{ REPLY, "403 No", NULL, "{}" },
		{ .how = END },
	};
	struct world *w = *state;

	api_start(w, script, NULL);
	for (int i = 0; i < 4; i++) {
		api_cancel(w->api, JOB_ID, on_done, w);
		await_answers(w, 1);
		assert_int_equal(w->answer.ok, i < 3);
	}
	assert_true(w->answer.is_refused);
	assert_int_equal(count(request_lines(w), "DELETE /jobs/" JOB_ID "\n"), 4);
}

static void a_signed_request_can_be_verified_with_its_prefix_and_query(void **state)
{
	static const struct reply script[] = { { REPLY, "200 OK", ADDITIONS, ACCEPTED },
					       { REPLY, "200 OK", ADDITIONS, ENDED },
					       { .how = END } };
	struct world *w = *state;
	char hex[DIGEST_HEX];
	const char *text, *stamp;

	snprintf(w->endpoint + strlen(w->endpoint), 20, "/api/v1/");
	api_start(w, script,
		  &(struct api_options){ .public_key = "unsb-pk-1", .secret_key = "unsb-sk-1" });
	submit(w);
	stamp = header_of(w, "X-Timestamp");
	assert_non_null(stamp);
	assert_true(llabs(strtoll(stamp, NULL, 10) - clock_unix_ms() / 1000) < 60);
	text = arena_printf(&w->arena, "%s:POST:/api/v1/execute/async:{}", stamp);
	digest_hmac("unsb-sk-1", 9, text, strlen(text), hex);
	assert_string_equal(header_of(w, "X-Signature"), hex);
	assert_string_equal(header_of(w, "Authorization"), "Bearer unsb-pk-1");
	forget_requests(w);
	await_job(w);
	text = arena_printf(&w->arena,
			    "%s:GET:/api/v1/jobs/" JOB_ID "?inline_bytes=1048576&wait=30:",
			    header_of(w, "X-Timestamp"));
	digest_hmac("unsb-sk-1", 9, text, strlen(text), hex);
	assert_string_equal(header_of(w, "X-Signature"), hex);
	assert_string_equal(request_lines(w),
			    "GET /api/v1/jobs/" JOB_ID "?inline_bytes=1048576&wait=30\n");
}

static void a_unix_socket_is_an_endpoint_like_any_other(void **state)
{
	struct world *w = *state;

	listen_unix(w);
	api_start(w, hello, NULL);
	get(w, "/health");
	assert_true(w->answer.ok);
	assert_string_equal(header_of(w, "Host"), "localhost");
	api_close(w->api);
	unlink(w->socket.sun_path);
	api_start(w, hello, &(struct api_options){ .max_tries = 1 });
	get(w, "/health");
	expect_failure(w, "cannot reach @: No such file or directory");
}

static void retry_after_is_obeyed(void **state)
{
	static const struct reply script[] = {
		{ REPLY, "429 Later", "Retry-After: 1\r\n", "" },
		{ REPLY, "200 OK", NULL, "" },
		{ .how = END },
	};
	struct world *w = *state;
	int64_t start = clock_mono_ms();

	api_start(w, script, NULL);
	get(w, "/health");
	assert_true(w->answer.ok);
	assert_true(clock_mono_ms() - start >= 1000);
}

static void being_told_to_wait_is_not_counted_as_tried(void **state)
{
	static const struct reply script[] = {
		{ REPLY, "429 Later", "Retry-After: 1\r\n", "" },
		{ REPLY, "503 Later", "Retry-After: 1\r\n", "" },
		{ REPLY, "200 OK", NULL, ACCEPTED },
		{ .how = END },
	};
	struct world *w = *state;

	api_start(w, script, &(struct api_options){ .max_tries = 1 });
	submit(w);
	assert_true(w->answer.ok);
	assert_int_equal(w->answer.tries, 1);
	assert_int_equal(w->nrequest, 3);
}

static void being_told_to_wait_ends_after_a_while(void **state)
{
	static const struct reply script[] = {
		{ REPLY, "429 Later", "Retry-After: 1\r\n", "{\"error\":\"too many\"}" },
		{ .how = END },
	};
	struct world *w = *state;

	api_start(w, script, &(struct api_options){ .busy_ms = 1000 });
	submit(w);
	expect_failure(w, "@ answered 429 to POST /execute/async: too many (told to wait for 1 s)");
	assert_true(w->answer.is_shut);
	assert_false(w->answer.is_refused);
}

/* The first is refused: until it is time again, none of the others is sent either. */
static void one_refusal_holds_all_submits_back(void **state)
{
	static const struct reply script[] = {
		{ REPLY, "429 Later", "Retry-After: 1\r\n", "" },
		{ REPLY, "200 OK", NULL, ACCEPTED },
		{ .how = END },
	};
	struct world *w = *state;
	int64_t start = clock_mono_ms();

	api_start(w, script, NULL);
	api_submit(w->api, "key-1", "1", 1, on_done, w);
	get(w, "/health"); /* the submit has been answered by now */
	for (int i = 0; i < 10; i++)
		api_submit(w->api, "key-2", "2", 1, on_done, w);
	assert_int_equal(w->nrequest, 2);
	await_answers(w, 11);
	assert_true(clock_mono_ms() - start >= 1000);
	assert_true(w->answer.ok);
	assert_int_equal(w->nrequest, 13);
}

static void never(void *ctx, const struct api_answer *answer)
{
	(void)ctx;
	(void)answer;
	fail_msg("a dropped call was answered");
}

static void drop_other(void *ctx, const struct api_answer *answer)
{
	struct world *w = ctx;

	api_drop(w->other);
	api_get(w->api, "/second", on_done, w);
	on_done(ctx, answer);
}

static void done_may_drop_other_calls_and_begin_new_ones(void **state)
{
	static const struct reply script[] = {
		{ .how = HANG },
		{ REPLY, "200 OK", NULL, "one" },
		{ REPLY, "200 OK", NULL, "two" },
		{ .how = END },
	};
	struct world *w = *state;

	api_start(w, script, NULL);
	w->other = api_get(w->api, "/other", never, w);
	api_get(w->api, "/first", drop_other, w);
	await_answers(w, 2);
	assert_string_equal(w->answer.body, "two");
}

static void closing_drops_what_is_under_way(void **state)
{
	static const struct reply script[] = { { REPLY, "500 No", "Retry-After: 9\r\n", "" },
					       { .how = HANG },
					       { REPLY, "200 OK", NULL, "" },
					       { .how = END } };
	struct world *w = *state;

	api_start(w, script, NULL);
	api_get(w->api, "/waits-for-its-timer", never, w);
	api_get(w->api, "/is-at-the-service", never, w);
	get(w, "/ends");
	api_get(w->api, "/has-just-begun", never, w);
	api_close(w->api);
	w->api = NULL;
}

/* With few connections, so that most have to queue. */
static void many_calls_share_the_connections_there_are(void **state)
{
	struct world *w = *state;
	struct rlimit files, few;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	few = files;
	few.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	api_start(w, hello, NULL);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	for (int i = 0; i < 2000; i++)
		api_get(w->api, "/health", on_done, w);
	await_answers(w, 2000);
	assert_true(w->answer.ok);
	assert_true(w->nconn <= 32);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_get_gives_the_body_and_its_connection_is_kept),
		TEST(a_submit_posts_the_body_with_key_and_idempotency_key),
		TEST(what_may_pass_is_tried_again_with_the_same_idempotency_key),
		TEST(it_gives_up_after_max_tries_and_says_what_it_was_told),
		TEST(a_refusal_is_not_tried_again),
		TEST(a_redirect_is_told_and_not_followed),
		TEST(nobody_listening_is_one_sentence),
		TEST(a_connection_dropped_each_time_is_told),
		TEST(a_silent_service_is_not_waited_for_forever),
		TEST(an_answer_that_makes_no_sense_is_shown),
		TEST(an_answer_past_the_maximum_is_cut_off),
		TEST(awaiting_polls_a_service_without_our_additions),
		TEST(awaiting_uses_wait_once_the_service_told_of_it),
		TEST(awaiting_outlives_more_failures_than_max_tries_if_answers_come_between),
		TEST(a_job_that_is_not_known_is_a_refusal),
		TEST(a_job_that_failed_without_a_result_has_one_that_says_why),
		TEST(a_job_id_of_a_stranger_stays_in_its_part_of_the_path),
		TEST(cancelling_what_has_ended_or_is_gone_is_ok),
		TEST(a_signed_request_can_be_verified_with_its_prefix_and_query),
		TEST(a_unix_socket_is_an_endpoint_like_any_other),
		TEST(retry_after_is_obeyed),
		TEST(being_told_to_wait_is_not_counted_as_tried),
		TEST(being_told_to_wait_ends_after_a_while),
		TEST(one_refusal_holds_all_submits_back),
		TEST(done_may_drop_other_calls_and_begin_new_ones),
		TEST(closing_drops_what_is_under_way),
		TEST(many_calls_share_the_connections_there_are),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
