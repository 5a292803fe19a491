#include "service/parked.h"

bool answer_buf(struct call *c, bool ok, const struct buf *b, struct err *e)
{
	if (!ok)
		return err_set(e, ERR_SYSTEM, "the answer is larger than %zu bytes", b->max);
	call_answer(c, 200, (struct bytes){ buf_text(b), b->len });
	return true;
}

static void on_told(void *ctx, struct bytes json, const struct err *e)
{
	struct parked *p = ctx;

	timer_stop(p->routes->loop, &p->timer);
	p->call->on_gone = NULL;
	if (e)
		call_fail(p->call, e);
	else
		call_answer(p->call, 200, json);
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
	p->waiter = (struct waiter){ .what = what, .tell = on_told, .ctx = p };
	c->is_brief = what == WAIT_SAVED;
	c->on_gone = on_gone;
	c->gone_ctx = p;
	return p;
}
