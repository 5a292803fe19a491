#include "service/parked.h"

bool answer_buf(struct call *c, bool ok, const struct buf *b, struct err *e)
{
	if (!ok)
		return err_set(e, ERR_SYSTEM, "the answer is larger than %zu bytes", b->max);
	call_answer(c, 200, (struct bytes){ buf_text(b), b->len });
	return true;
}

bool answer_job(struct call *c, struct bytes json, int64_t inline_bytes, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf b = BUF(QUEUE_ANSWER_MAX);
	struct wire_job job;

	if (json.len <= (uint64_t)inline_bytes) { /* then none in it is larger either */
		call_answer(c, 200, json);
		return true;
	}
	if (!wire_job_parse(&a, json.data, json.len, &job, e))
		return false;
	for (size_t i = 0; job.result && i < job.result->nartifact; i++)
		if (job.result->artifact[i].data.len > (uint64_t)inline_bytes)
			job.result->artifact[i].data.data = NULL;
	return answer_buf(c, wire_job_print(&job, &b), &b, e);
}

static void on_told(void *ctx, struct bytes json, const struct err *e)
{
	struct parked *p = ctx;
	struct err failure;

	timer_stop(p->routes->loop, &p->timer);
	p->call->on_gone = NULL;
	if (e)
		call_fail(p->call, e);
	else if (!answer_job(p->call, json, p->inline_bytes, &failure))
		call_fail(p->call, &failure);
}

static void on_gone(void *ctx)
{
	struct parked *p = ctx;

	timer_stop(p->routes->loop, &p->timer);
	queue_leave(p->routes->queue, &p->waiter);
}

struct parked *parked_new(struct routes *r, struct call *c, enum wait_for what)
{
	struct parked *p = ARENA_NEW(&c->arena, 1, struct parked);

	p->routes = r;
	p->call = c;
	p->inline_bytes = INT64_MAX;
	p->waiter = (struct waiter){ .what = what, .tell = on_told, .ctx = p };
	/* The commit comes at the end of this turn, unless the store has failed just now. */
	c->is_brief = what == WAIT_SAVED && queue_due_ms(r->queue) <= 0;
	c->on_gone = on_gone;
	c->gone_ctx = p;
	return p;
}
