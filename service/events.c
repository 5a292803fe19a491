/* Server-sent events (HTML Living Standard, 9.2): `output` events of {"stream","offset","text"} as
 * a job prints, then one `result`. */
#include <string.h>

#include "base/json.h"
#include "service/kept.h"
#include "service/output.h"

#define LOOK_MS     40 /* how often what a job printed is looked at */
#define ALIVE_MS    15000
#define CHUNK_MAX   ((size_t)64 << 10)
#define BACKLOG_MAX ((size_t)1 << 20) /* a slow reader is given no more than this */

/* In its call's arena. */
struct events {
	struct routes *routes;
	struct call *call;
	struct job *job;
	struct waiter waiter;
	struct timer timer;
	int64_t told_ms;
	size_t told[2]; /* bytes of stdout, stderr */
};

/* How many of n bytes can be told: not the beginning of a character whose rest is yet to come. */
static size_t whole_characters(const char *data, size_t n)
{
	size_t back = 0;

	while (back < 3 && back < n && ((unsigned char)data[n - 1 - back] & 0xc0) == 0x80)
		back++;
	if (back < n) {
		unsigned char lead = (unsigned char)data[n - 1 - back];
		size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;

		if (len > back + 1 && n > back + 1)
			return n - back - 1;
		if (len > back + 1)
			return 0;
	}
	return n;
}

static void push(struct events *v, const struct buf *b)
{
	v->told_ms = loop_now_ms(v->routes->loop);
	call_push(v->call, (struct bytes){ buf_text(b), b->len });
}

static void tell_chunk(struct events *v, int stream, const char *data, size_t n)
{
	CLEAN_BUF struct buf b = BUF(CHUNK_MAX * 8);
	size_t *told = &v->told[stream - 1];

	if (buf_printf(&b, "event: output\ndata: {\"stream\":\"%s\",\"offset\":%zu,\"text\":",
		       stream == 1 ? "stdout" : "stderr", *told) &&
	    json_quote(&b, data, n) && buf_puts(&b, "}\n\n"))
		push(v, &b);
	*told += n;
}

/* Tell what is new of all that was printed so far. */
static void tell_stream(struct events *v, int stream, struct bytes all, bool is_last)
{
	size_t *told = &v->told[stream - 1];

	while (*told < all.len && (is_last || call_backlog(v->call) < BACKLOG_MAX)) {
		const char *data = all.data + *told;
		size_t n = all.len - *told;

		if (n > CHUNK_MAX)
			n = whole_characters(data, CHUNK_MAX);
		else if (!is_last)
			n = whole_characters(data, n);
		if (!n)
			return;
		tell_chunk(v, stream, data, n);
	}
}

static void on_look(void *ctx)
{
	CLEAN_BUF struct buf alive = BUF(16);
	struct events *v = ctx;
	int64_t now = loop_now_ms(v->routes->loop);

	for (int stream = 1; stream <= 2; stream++)
		tell_stream(v, stream, queue_output(v->job, stream), false);
	if (now - v->told_ms >= ALIVE_MS && buf_puts(&alive, ": alive\n\n"))
		push(v, &alive);
	timer_set(v->routes->loop, &v->timer, now + LOOK_MS);
}

static void tell_event(struct events *v, const char *name, const struct buf *json)
{
	CLEAN_BUF struct buf b = BUF((size_t)QUEUE_ANSWER_MAX + 64);

	if (buf_printf(&b, "event: %s\ndata: ", name) && buf_add(&b, buf_text(json), json->len) &&
	    buf_puts(&b, "\n\n"))
		push(v, &b);
}

static void tell_failure(struct events *v, const struct err *e)
{
	CLEAN_BUF struct buf json = BUF(8192);

	if (wire_error_print(e->msg, e->kind == ERR_STOPPING ? "shutting_down" : "internal_error",
			     &json))
		tell_event(v, "error", &json);
}

/* All that was not told yet, and the result; the outputs exactly where they are no text. */
static bool tell_end(struct events *v, struct bytes json, struct err *e)
{
	CLEAN_BUF struct buf result = BUF(QUEUE_ANSWER_MAX);
	struct call *c = v->call;
	struct wire_job job = { 0 };

	if (!wire_job_parse(&c->arena, json.data, json.len, &job, e))
		return false;
	if (!job.result)
		return err_set(e, ERR_SYSTEM, "job %s has no result", c->param[0]);
	for (int stream = 1; stream <= 2; stream++) {
		CLEAN_BUF struct buf exact = BUF(QUEUE_ANSWER_MAX);
		struct bytes all = stream == 1 ? job.result->out : job.result->err;
		bool found = false;

		if (!store_exact(v->routes->store, c->param[0], stream, &exact, &found, e))
			return false;
		if (found)
			all = (struct bytes){ buf_text(&exact), exact.len };
		tell_stream(v, stream, all, true);
	}
	if (!wire_result_print(job.result, &result))
		return err_set(e, ERR_SYSTEM, "the result is too large");
	tell_event(v, "result", &result);
	return true;
}

static void on_ended(void *ctx, struct bytes json, const struct err *e)
{
	struct events *v = ctx;
	struct err failed;

	timer_stop(v->routes->loop, &v->timer);
	v->call->on_gone = NULL;
	if (e)
		tell_failure(v, e);
	else if (!tell_end(v, json, &failed))
		tell_failure(v, &failed);
	call_finish(v->call);
}

static void on_gone(void *ctx)
{
	struct events *v = ctx;

	timer_stop(v->routes->loop, &v->timer);
	queue_leave(v->routes->queue, &v->waiter);
}

static bool ended_already(struct routes *r, struct call *c, struct events *v, struct err *e)
{
	const struct kept k = { r->store, c->tenant, c->param[0], INT64_MAX };
	CLEAN_BUF struct buf b = BUF(QUEUE_ANSWER_MAX);
	bool found = false;

	if (!kept_answer(&k, &b, &found, e))
		return false;
	if (!found)
		return err_set(e, ERR_NOT_FOUND, "there is no such job");
	call_stream(c, "text/event-stream");
	on_ended(v, (struct bytes){ buf_text(&b), b.len }, NULL);
	return true;
}

bool output_events(struct routes *r, struct call *c, struct err *e)
{
	struct events *v = ARENA_NEW(&c->arena, 1, struct events);

	*v = (struct events){
		.routes = r,
		.call = c,
		.job = queue_find(r->queue, c->tenant, c->param[0]),
		.waiter = { .what = WAIT_ENDED, .tell = on_ended, .ctx = v },
		.timer = { .fn = on_look, .ctx = v },
		.told_ms = loop_now_ms(r->loop),
	};
	if (!v->job)
		return ended_already(r, c, v, e);
	call_tell(c, "Cache-Control", "no-store");
	call_stream(c, "text/event-stream");
	c->on_gone = on_gone;
	c->gone_ctx = v;
	queue_wait(r->queue, v->job, &v->waiter);
	if (v->waiter.job)
		on_look(v);
	return true;
}
