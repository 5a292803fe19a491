/* Several endpoints: who gets a job, what happens when one is gone, and when it is back. */
#include "api_world.h"

#define OTHER_ID       "b1b2c3d4-e5f6-7890-abcd-ef1234567890"
#define OTHER_ACCEPTED "{\"job_id\":\"" OTHER_ID "\",\"status\":\"pending\"}"
#define OTHER_ENDED                                                                           \
	"{\"job_id\":\"" OTHER_ID "\",\"status\":\"completed\",\"result\":{\"success\":true," \
	"\"stdout\":\"\",\"stderr\":\"\",\"error\":null,\"exit_code\":0,"                     \
	"\"language\":\"python\",\"job_id\":\"" OTHER_ID "\",\"artifacts\":[],"               \
	"\"execution_mode\":\"pooled\",\"network_mode\":\"zerotrust\",\"total_time_ms\":1}}"

static const struct reply here[] = { { REPLY, "200 OK", NULL, ACCEPTED }, { .how = END } };
static const struct reply there[] = { { REPLY, "200 OK", NULL, OTHER_ACCEPTED }, { .how = END } };

/* What api told of its endpoints, with ports as 1 and 2. */
static const char *told(struct world *w)
{
	const char *text = buf_text(&w->told), *port[] = { w->endpoint, w->second->endpoint };
	CLEAN_BUF struct buf b = BUF(1 << 16);

	while (*text) {
		int i = 0;

		while (i < 2 && strncmp(text, port[i], strlen(port[i])) != 0)
			i++;
		if (i < 2) {
			buf_printf(&b, "@%d", i + 1);
			text += strlen(port[i]);
		} else {
			buf_add(&b, text++, 1);
		}
	}
	return arena_strdup(&w->arena, buf_text(&b));
}

static void submits_go_where_there_are_the_fewest_jobs_for_the_workers(void **state)
{
	struct world *w = *state, *v = second_server(w, there);

	api_start(w, here, NULL);
	api_workers(w->api, 1, 3);
	for (int i = 0; i < 40; i++)
		api_submit(w->api, "key", "{}", 2, on_done, w);
	await_answers(w, 40);
	assert_int_equal(w->nrequest, 10);
	assert_int_equal(v->nrequest, 30);
}

static void a_job_is_awaited_where_it_was_submitted(void **state)
{
	static const struct reply other[] = { { REPLY, "200 OK", NULL, OTHER_ACCEPTED },
					      { REPLY, "200 OK", NULL, OTHER_ENDED },
					      { .how = END } };
	struct world *w = *state, *v = second_server(w, other);

	api_start(w, here, NULL);
	api_submit(w->api, "key-1", "{}", 2, on_done, w);
	api_submit(w->api, "key-2", "{}", 2, on_done, w);
	await_answers(w, 2);
	api_await(w->api, OTHER_ID, on_done, w);
	await_answers(w, 1);
	assert_true(w->answer.ok);
	assert_int_equal(w->answer.endpoint, 1);
	assert_string_equal(request_lines(v), "POST /execute/async\nGET /jobs/" OTHER_ID "\n");
	assert_string_equal(request_lines(w), "POST /execute/async\n");
}

static void a_job_of_an_earlier_run_is_looked_for_at_each(void **state)
{
	static const struct reply none[] = { { REPLY, "404 No", NULL, "{}" }, { .how = END } };
	static const struct reply other[] = { { REPLY, "200 OK", NULL, OTHER_ENDED },
					      { REPLY, "404 No", NULL, "{}" },
					      { .how = END } };
	struct world *w = *state;

	second_server(w, other);
	api_start(w, none, NULL);
	api_await(w->api, OTHER_ID, on_done, w);
	await_answers(w, 1);
	assert_true(w->answer.ok);
	assert_int_equal(w->answer.endpoint, 1);
	api_await(w->api, JOB_ID, on_done, w);
	await_answers(w, 1);
	assert_true(w->answer.is_refused);
	assert_false(w->answer.is_gone);
	assert_string_equal(
		w->answer.err.msg,
		arena_printf(&w->arena, "%s does not know job " JOB_ID, w->second->endpoint));
	api_cancel(w->api, JOB_ID, on_done, w);
	await_answers(w, 1);
	assert_true(w->answer.ok);
}

static void what_one_refuses_for_now_goes_to_the_other(void **state)
{
	static const struct reply full[] = { { REPLY, "429 Later", "Retry-After: 100\r\n", "" },
					     { .how = END } };
	struct world *w = *state;

	second_server(w, there);
	api_start(w, full, NULL);
	for (int i = 0; i < 3; i++) {
		submit(w);
		assert_true(w->answer.ok);
		assert_int_equal(w->answer.endpoint, 1);
	}
	assert_int_equal(w->nrequest, 1);
	assert_string_equal(told(w), "");
}

static void submits_of_one_that_is_gone_go_to_the_other_and_it_is_told_once(void **state)
{
	struct world *w = *state;

	second_server(w, there);
	api_start(w, here, NULL);
	server_gone(w);
	for (int i = 0; i < 10; i++)
		api_submit(w->api, "key", "{}", 2, on_done, w);
	await_answers(w, 10);
	assert_true(w->answer.ok);
	assert_int_equal(w->second->nrequest, 10);
	assert_string_equal(told(w), "@1 is left out, and its jobs go elsewhere: cannot reach @1: "
				     "Connection refused\n");
}

static void a_key_that_one_refuses_is_reason_to_leave_it_out(void **state)
{
	static const struct reply strict[] = {
		{ REPLY, "401 No", NULL, "{\"error\":\"who are you\"}" }, { .how = END }
	};
	struct world *w = *state;

	second_server(w, there);
	api_start(w, strict, NULL);
	submit(w);
	assert_true(w->answer.ok);
	assert_string_equal(told(w),
			    "@1 is left out, and its jobs go elsewhere: @1 answered 401 to "
			    "POST /execute/async: who are you\n");
}

/* The last one fails its calls as it would alone. */
static void the_last_one_is_not_left_out(void **state)
{
	struct world *w = *state;

	second_server(w, there);
	api_start(w, here, NULL);
	server_gone(w);
	server_gone(w->second);
	submit(w);
	assert_false(w->answer.ok);
	assert_false(w->answer.is_gone);
	assert_true(w->answer.is_shut);
	assert_int_equal(count(told(w), "\n"), 1);
}

static void jobs_of_one_that_is_gone_are_told_and_cancelled_when_it_is_back(void **state)
{
	static const struct reply hangs[] = { { REPLY, "200 OK", NULL, ACCEPTED },
					      { .how = HANG },
					      { .how = END } };
	static const struct reply back[] = { { REPLY, "200 OK", NULL, "{\"jobs\":[]}" },
					     { .how = END } };
	struct world *w = *state;

	second_server(w, there);
	api_start(w, hangs, &(struct api_options){ .again_ms = 50 });
	submit(w);
	assert_int_equal(w->answer.endpoint, 0);
	api_await(w->api, JOB_ID, on_done, w);
	server_gone(w);
	await_answers(w, 1);
	assert_false(w->answer.ok);
	assert_true(w->answer.is_gone);
	assert_string_equal(
		w->answer.err.msg,
		arena_printf(&w->arena, "%s is left out, and job " JOB_ID " with it", w->endpoint));
	server_back(w);
	forget_requests(w);
	w->script = back;
	while (w->nrequest < 2) {
		forget_requests(w->second);
		api_get_at(w->api, 1, "/health", on_done, w);
		await_answers(w, 1);
	}
	assert_string_equal(request_lines(w), "GET /jobs\nDELETE /jobs/" JOB_ID "\n");
	assert_non_null(strstr(told(w), "\n@1 is back\n"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(submits_go_where_there_are_the_fewest_jobs_for_the_workers),
		TEST(a_job_is_awaited_where_it_was_submitted),
		TEST(a_job_of_an_earlier_run_is_looked_for_at_each),
		TEST(what_one_refuses_for_now_goes_to_the_other),
		TEST(submits_of_one_that_is_gone_go_to_the_other_and_it_is_told_once),
		TEST(a_key_that_one_refuses_is_reason_to_leave_it_out),
		TEST(the_last_one_is_not_left_out),
		TEST(jobs_of_one_that_is_gone_are_told_and_cancelled_when_it_is_back),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
