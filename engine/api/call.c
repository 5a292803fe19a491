/* Where a call lies, and how it comes and goes. */
#include "api/call.h"

void list_add(struct call_list *l, struct api_call *c)
{
	c->list = l;
	c->next = NULL;
	c->prev = l->last;
	if (l->last)
		l->last->next = c;
	else
		l->first = c;
	l->last = c;
}

void list_add_first(struct call_list *l, struct api_call *c)
{
	c->list = l;
	c->prev = NULL;
	c->next = l->first;
	if (l->first)
		l->first->prev = c;
	else
		l->last = c;
	l->first = c;
}

void list_remove(struct api_call *c)
{
	struct call_list *l = c->list;

	if (c->prev)
		c->prev->next = c->next;
	else
		l->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		l->last = c->prev;
	c->list = NULL;
}

void call_enter(struct api_call *c, struct site *s)
{
	c->site = s;
	s->njob += c->kind->is_job;
}

void call_exit(struct api_call *c)
{
	if (c->site)
		c->site->njob -= c->kind->is_job;
	c->site = NULL;
}

void call_leave(struct api_call *c)
{
	c->transfer = NULL;
	c->site->nactive--;
	c->site->nlong -= c->is_long;
}

const char *call_path(const struct api_call *c)
{
	return c->fetch ? c->fetch->path : c->path;
}

void call_halt(struct api_call *c)
{
	timer_stop(c->api->loop, &c->timer);
	if (!c->transfer)
		return;
	http_stop(c->transfer);
	call_leave(c);
}

void call_free(struct api_call *c)
{
	struct arena a = c->arena;

	fetch_free(c->fetch);
	timer_stop(c->api->loop, &c->timer);
	arena_free(&a);
}

struct api_call *call_make(struct api *api, const struct call_kind *kind, api_done_fn *done,
			   void *ctx)
{
	struct arena a = { 0 };
	struct api_call *c = ARENA_NEW(&a, 1, struct api_call);

	*c = (struct api_call){ .arena = a,
				.api = api,
				.kind = kind,
				.body = { "", 0 },
				.max_tries = api->options.max_tries,
				.poll_ms = CALL_FIRST_POLL_MS,
				.done = done,
				.ctx = ctx };
	c->timer = (struct timer){ .fn = call_go_on, .ctx = c };
	return c;
}
