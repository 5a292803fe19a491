#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "service/job.h"

#define MAX 32

/* An executor that does what the test says, when it says so. */
struct execution {
	char code[8];
	execution_done_fn *done;
	void *ctx;
	bool is_over, is_cancelled;
};

struct executor {
	int room;
	struct execution run[MAX];
	size_t nrun;
};

static int toy_room(const struct executor *x)
{
	return x->room;
}

static struct execution *toy_start(struct executor *x, const struct executor_job *job,
				   const struct wire_request *r, const struct language *language,
				   execution_done_fn *done, void *ctx)
{
	struct execution *run = &x->run[x->nrun++];

	(void)job;
	assert_string_equal(language->name, "toy");
	assert_true(x->room-- > 0);
	snprintf(run->code, sizeof(run->code), "%s", r->code.data);
	run->done = done;
	run->ctx = ctx;
	return run;
}

static void toy_cancel(struct execution *run)
{
	run->is_cancelled = true;
}

static const char *toy_mode(const struct executor *x)
{
	(void)x;
	return "toy";
}

static const struct executor_ops toy = {
	.name = "toy", .room = toy_room, .start = toy_start, .cancel = toy_cancel, .mode = toy_mode
};

/* Someone who waits. */
struct hearer {
	struct waiter waiter;
	char json[1024];
	struct err err;
	int ntold;
};

struct fixture {
	char dir[64];
	struct store *store;
	struct queue *queue;
	struct executor x;
	struct language language;
	struct languages languages;
	struct hearer hearer[MAX];
	size_t nhearer, max;
};

static void on_told(void *ctx, struct bytes json, const struct err *e)
{
	struct hearer *h = ctx;

	h->ntold++;
	snprintf(h->json, sizeof(h->json), "%.*s", (int)json.len, json.data);
	if (e)
		h->err = *e;
}

static struct hearer *hearer(struct fixture *f, enum wait_for what)
{
	struct hearer *h = &f->hearer[f->nhearer++];

	h->waiter = (struct waiter){ .what = what, .tell = on_told, .ctx = h };
	return h;
}

static void open_queue(struct fixture *f)
{
	struct err e;
	struct queue_parts parts = {
		.languages = &f->languages, .ops = &toy, .executor = &f->x, .max = f->max
	};

	f->store = store_open(f->dir, &e);
	assert_non_null(f->store);
	parts.store = f->store;
	f->queue = queue_open(&parts, &e);
	assert_non_null(f->queue);
}

static void close_queue(struct fixture *f)
{
	queue_close(f->queue);
	store_close(f->store);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/service_queue.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->language = (struct language){ .name = "toy", .is_available = true };
	f->languages = (struct languages){ .item = &f->language, .n = 1 };
	f->max = 4;
	open_queue(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	struct err e;

	close_queue(f);
	assert_true(fs_remove_tree(AT_FDCWD, f->dir, &e));
	free(f);
	return 0;
}

static bool try_submit(struct fixture *f, const char *tenant, const char *code, struct hearer *h,
		       struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	char body[100];
	struct submission s = { .tenant = tenant,
				.arena = &a,
				.language = &f->language,
				.is_interactive = h->waiter.what == WAIT_RESULT };

	snprintf(body, sizeof(body), "{\"language\":\"toy\",\"code\":\"%s\"}", code);
	s.body = (struct bytes){ body, strlen(body) };
	s.request = ARENA_NEW(&a, 1, struct wire_request);
	assert_true(wire_request_parse(&a, body, strlen(body), s.request, e));
	return queue_submit(f->queue, &s, &h->waiter, e);
}

static struct hearer *submit(struct fixture *f, const char *tenant, const char *code,
			     enum wait_for what)
{
	struct hearer *h = hearer(f, what);
	struct err e;

	assert_true(try_submit(f, tenant, code, h, &e));
	return h;
}

/* The executor tells that a job is over. */
static void finish(struct fixture *f, size_t i)
{
	struct execution *run = &f->x.run[i];
	const struct wire_result r = {
		.success = !run->is_cancelled,
		.out = { run->code, strlen(run->code) },
		.err = { "", 0 },
		.execution_mode = "toy",
		.status = run->is_cancelled ? WIRE_CANCELLED : WIRE_COMPLETED,
	};

	assert_false(run->is_over);
	run->is_over = true;
	f->x.room++;
	run->done(run->ctx, &r);
}

static struct job *find(struct fixture *f, const char *tenant, const struct hearer *accepted)
{
	char id[WIRE_ID_SIZE];

	/* {"job_id":"... */
	snprintf(id, sizeof(id), "%.36s", accepted->json + strlen("{\"job_id\":\""));
	return queue_find(f->queue, tenant, id);
}

static void assert_started(struct fixture *f, const char *want)
{
	char got[256] = "";

	for (size_t i = 0; i < f->x.nrun; i++) {
		size_t n = strlen(got);

		snprintf(got + n, sizeof(got) - n, "%s ", f->x.run[i].code);
	}
	assert_string_equal(got, want);
}

static void assert_holds(const struct hearer *h, const char *text)
{
	assert_int_equal(h->ntold, 1);
	if (!strstr(h->json, text))
		fail_msg("'%s' is not in '%s' (%s)", text, h->json, h->err.msg);
}

static void nothing_is_told_or_started_before_it_is_on_disk(void **state)
{
	struct fixture *f = *state;
	struct hearer *a = submit(f, "x", "a", WAIT_SAVED);

	f->x.room = 1;
	assert_int_equal(queue_due_ms(f->queue), 0);
	assert_int_equal(a->ntold, 0);
	queue_turn(f->queue);
	assert_holds(a, "\"status\":\"pending\"");
	assert_started(f, "a ");
}

static void an_end_is_told_after_its_commit(void **state)
{
	struct fixture *f = *state;
	struct hearer *a = submit(f, "x", "a", WAIT_RESULT);

	f->x.room = 1;
	queue_turn(f->queue);
	assert_int_equal(queue_count(f->queue).running, 1);
	finish(f, 0);
	assert_int_equal(a->ntold, 0);
	queue_turn(f->queue);
	assert_holds(a, "{\"success\":true,\"stdout\":\"a\"");
	assert_int_equal(queue_count(f->queue).running, 0);
}

static void interactive_jobs_go_first_and_tenants_take_turns(void **state)
{
	struct fixture *f = *state;

	submit(f, "x", "x1", WAIT_SAVED);
	submit(f, "x", "x2", WAIT_SAVED);
	submit(f, "y", "y1", WAIT_SAVED);
	submit(f, "x", "now", WAIT_RESULT);
	f->x.room = 4;
	queue_turn(f->queue);
	assert_started(f, "now x1 y1 x2 ");
}

static void a_full_queue_takes_no_more(void **state)
{
	struct fixture *f = *state;
	struct err e = { 0 };

	for (int i = 0; i < 4; i++)
		submit(f, "x", "a", WAIT_SAVED);
	assert_false(try_submit(f, "y", "b", hearer(f, WAIT_SAVED), &e));
	assert_int_equal(e.kind, ERR_QUEUE_FULL);
	assert_string_equal(e.msg, "4 jobs are waiting, which is as many as are taken");
	f->x.room = 1;
	queue_turn(f->queue);
	submit(f, "y", "b", WAIT_SAVED);
}

static void what_has_not_ended_is_run_by_the_next_queue(void **state)
{
	struct fixture *f = *state;

	submit(f, "x", "a", WAIT_SAVED);
	submit(f, "x", "b", WAIT_SAVED);
	f->x.room = 1;
	queue_turn(f->queue);
	close_queue(f);
	f->x.room = 2;
	open_queue(f);
	queue_turn(f->queue);
	assert_started(f, "a a b ");
}

static void a_cancel_waits_for_the_executor(void **state)
{
	struct fixture *f = *state;
	struct hearer *a = submit(f, "x", "a", WAIT_SAVED), *c = hearer(f, WAIT_CANCELLED);

	f->x.room = 1;
	queue_turn(f->queue);
	queue_cancel(f->queue, find(f, "x", a), &c->waiter);
	assert_true(f->x.run[0].is_cancelled);
	queue_turn(f->queue);
	assert_int_equal(c->ntold, 0);
	finish(f, 0);
	queue_turn(f->queue);
	assert_holds(c, "\"error\":\"Job cancelled by user\"");
	assert_null(find(f, "x", a));
}

static void a_cancel_that_comes_too_late_is_a_conflict(void **state)
{
	struct fixture *f = *state;
	struct hearer *a = submit(f, "x", "a", WAIT_SAVED), *c = hearer(f, WAIT_CANCELLED);

	f->x.room = 1;
	queue_turn(f->queue);
	finish(f, 0);
	queue_cancel(f->queue, find(f, "x", a), &c->waiter);
	queue_turn(f->queue);
	assert_int_equal(c->ntold, 1);
	assert_int_equal(c->err.kind, ERR_CONFLICT);
}

static void only_the_last_caller_to_leave_cancels(void **state)
{
	struct fixture *f = *state;
	struct hearer *a = submit(f, "x", "a", WAIT_RESULT), *b = hearer(f, WAIT_RESULT);

	f->x.room = 1;
	queue_turn(f->queue);
	queue_wait(f->queue, a->waiter.job, &b->waiter);
	queue_leave(f->queue, &a->waiter);
	assert_false(f->x.run[0].is_cancelled);
	queue_leave(f->queue, &b->waiter);
	assert_true(f->x.run[0].is_cancelled);
	finish(f, 0);
	queue_turn(f->queue);
	assert_int_equal(a->ntold + b->ntold, 0);
}

static void a_stopped_queue_leaves_what_ran_to_the_next(void **state)
{
	struct fixture *f = *state;
	struct hearer *a, *b, *w;
	struct err e;

	a = submit(f, "x", "a", WAIT_SAVED);
	b = submit(f, "x", "b", WAIT_RESULT);
	f->x.room = 2;
	queue_turn(f->queue);
	w = hearer(f, WAIT_ENDED);
	queue_wait(f->queue, find(f, "x", a), &w->waiter);
	queue_stop(f->queue);
	assert_int_equal(b->err.kind, ERR_STOPPING);
	assert_int_equal(w->err.kind, ERR_STOPPING);
	assert_false(try_submit(f, "x", "c", hearer(f, WAIT_SAVED), &e));
	assert_int_equal(e.kind, ERR_STOPPING);
	assert_false(queue_is_still(f->queue));
	finish(f, 0);
	finish(f, 1);
	queue_turn(f->queue);
	assert_true(queue_is_still(f->queue));
	close_queue(f);
	open_queue(f);
	queue_turn(f->queue);
	assert_started(f, "b a a ");
}

static void a_language_that_went_away_fails_its_job(void **state)
{
	struct fixture *f = *state;
	struct hearer *a = submit(f, "x", "a", WAIT_RESULT);

	f->language.is_available = false;
	f->x.room = 1;
	queue_turn(f->queue);
	queue_turn(f->queue);
	assert_holds(a, "\"error\":\"toy is not installed any more\"");
}

static void sabotage(struct fixture *f)
{
	const struct store_job twice = {
		.id = "same", .tenant = "", .language = "toy", .key = "k", .digest = ""
	};
	struct err e;
	int64_t seq;

	assert_true(store_add(f->store, &twice, &seq, &e));
	assert_false(store_add(f->store, &twice, &seq, &e));
}

static void a_failed_commit_refuses_new_jobs_and_keeps_ends_for_later(void **state)
{
	struct fixture *f = *state;
	struct hearer *a = submit(f, "x", "a", WAIT_RESULT), *b;

	f->x.room = 1;
	queue_turn(f->queue);
	finish(f, 0);
	b = submit(f, "x", "b", WAIT_SAVED);
	sabotage(f);
	queue_turn(f->queue);
	assert_int_equal(a->ntold, 0);
	assert_int_equal(b->err.kind, ERR_SYSTEM);
	assert_int_equal(queue_count(f->queue).pending, 0);
	assert_in_range(queue_due_ms(f->queue), 1, 1000);
	while (queue_due_ms(f->queue) > 0)
		usleep(20000);
	queue_turn(f->queue);
	assert_holds(a, "{\"success\":true");
}

static void ids_grow_whatever_the_clock_does(void **state)
{
	char was[WIRE_ID_SIZE] = "", id[WIRE_ID_SIZE];
	struct job_ids ids = { 0 };

	(void)state;
	for (int i = 0; i < 20000; i++) {
		job_id(id, &ids, 1795353221000 - (i % 2 ? 60000 : 0) + i / 10000);
		assert_int_equal(strlen(id), WIRE_ID_SIZE - 1);
		assert_true(id[14] == '7' && strchr("89ab", id[19]));
		assert_true(strcmp(was, id) < 0);
		snprintf(was, sizeof(was), "%s", id);
	}
	assert_memory_equal(id, "01a20364-178c", 13);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_told_or_started_before_it_is_on_disk),
		TEST(an_end_is_told_after_its_commit),
		TEST(interactive_jobs_go_first_and_tenants_take_turns),
		TEST(a_full_queue_takes_no_more),
		TEST(what_has_not_ended_is_run_by_the_next_queue),
		TEST(a_cancel_waits_for_the_executor),
		TEST(a_cancel_that_comes_too_late_is_a_conflict),
		TEST(only_the_last_caller_to_leave_cancels),
		TEST(a_stopped_queue_leaves_what_ran_to_the_next),
		TEST(a_language_that_went_away_fails_its_job),
		TEST(a_failed_commit_refuses_new_jobs_and_keeps_ends_for_later),
		cmocka_unit_test(ids_grow_whatever_the_clock_does),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
