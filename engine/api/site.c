/* One endpoint among several: whether it has room, leaving it out, having it back. */
#include <assert.h>

#include "api/call.h"
#include "base/clock.h"

static bool has_room(const struct site *s, int64_t now_ms)
{
	return !s->is_out && s->nactive < s->api->max_active &&
	       window_is_open(&s->window, s->njob, now_ms);
}

struct site *site_with_room(struct api *api)
{
	int64_t now_ms = clock_mono_ms();
	struct site *best = NULL;

	for (int i = 0; i < api->nsite; i++) {
		struct site *s = &api->site[i];

		if (has_room(s, now_ms) &&
		    (!best || s->njob * best->workers < best->njob * s->workers))
			best = s;
	}
	return best;
}

void site_later(struct site *s, const struct api_call *c, int64_t wait_ms)
{
	int64_t now_ms = clock_mono_ms();

	if (!s->busy_since_ms)
		s->busy_since_ms = now_ms;
	window_narrow(&s->window, c->sent, s->njob, now_ms + wait_ms);
	timer_set(s->api->loop, &s->reopen, s->window.closed_until_ms);
}

static void tell(const struct site *s, const char *sentence)
{
	if (s->api->options.tell)
		s->api->options.tell(s->api->options.tell_ctx, sentence);
}

/* ---- leaving out ---- */

/* What was submitted to it goes elsewhere; what waits for its jobs is told. */
static void move_calls(struct call_list *l)
{
	struct api_call *next;

	for (struct api_call *c = l->first; c; c = next) {
		next = c->next;
		if (!c->kind->is_moved)
			continue;
		call_halt(c);
		if (c->kind != &call_submit) {
			call_tell_gone(c);
			continue;
		}
		list_remove(c);
		call_exit(c);
		list_add(&c->api->submits, c);
	}
}

static void leave(struct site *s)
{
	s->is_out = true;
	s->api->nin--;
	move_calls(&s->begun);
	move_calls(&s->queued);
}

bool site_leave(struct site *s, const struct err *why)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct api *api = s->api;

	if (s->is_out)
		return true;
	if (api->nin == 1)
		return false;
	tell(s, arena_printf(&a, "%s is left out, and its jobs go elsewhere: %s", s->endpoint.shown,
			     why->msg));
	leave(s);
	timer_set(api->loop, &s->again, clock_mono_ms() + api->options.again_ms);
	return true;
}

void api_leave_out(struct api *api, int endpoint, const struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct site *s = &api->site[endpoint];

	assert(s->is_out || api->nin > 1);
	tell(s, arena_printf(&a, "%s is left out: %s", s->endpoint.shown, e->msg));
	timer_stop(api->loop, &s->again);
	if (!s->is_out)
		leave(s);
}

/* ---- having it back ---- */

void site_give_up(struct site *s, const char *job_path)
{
	struct given_up *g = ARENA_NEW(&s->api->arena, 1, struct given_up);

	*g = (struct given_up){ s->givenup, arena_strdup(&s->api->arena, job_path) };
	s->givenup = g;
}

static void on_cancelled(void *ctx, const struct api_answer *answer)
{
	(void)ctx;
	(void)answer;
}

static void come_back(struct site *s)
{
	CLEAN_ARENA struct arena a = { 0 };

	s->is_out = false;
	s->busy_since_ms = 0;
	s->api->nin++;
	tell(s, arena_printf(&a, "%s is back", s->endpoint.shown));
	for (struct given_up *g = s->givenup; g; g = g->next) {
		struct api_call *c = call_make(s->api, &call_cancel, on_cancelled, NULL);

		c->path = arena_strdup(&c->arena, g->job_path);
		c->job_id = c->path;
		call_queue(c, s);
	}
	s->givenup = NULL;
	api_begin_queued(s->api);
}

static void on_probed(void *ctx, const struct api_answer *answer)
{
	struct site *s = ctx;

	if (answer->ok)
		come_back(s);
	else
		timer_set(s->api->loop, &s->again, clock_mono_ms() + s->api->options.again_ms);
}

/* Something that asks for the key, so that a key that is refused keeps it out. */
void site_probe(void *ctx)
{
	struct site *s = ctx;
	struct api_call *c = call_make(s->api, &call_get, on_probed, s);

	c->path = "/jobs";
	c->max_tries = 1;
	call_queue(c, s);
}

void site_reopen(void *ctx)
{
	struct site *s = ctx;

	api_begin_queued(s->api);
}
