/* The executor "local": a warden for each slot of this machine, a job in each. */
#include "service/execution.h"

#include <assert.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "service/compiled.h"

bool executor_is_full(const struct executor *x)
{
	return !strcmp(x->o.sandbox, "full");
}

const char *executor_mode(const struct executor *x)
{
	if (executor_is_full(x))
		return "pooled";
	return !strcmp(x->o.sandbox, "limits") ? "limits" : "unsandboxed";
}

static bool is_free(const struct place *p)
{
	return !p->run && !slot_is_broken(&p->slot);
}

static int local_room(const struct executor *x)
{
	int n = 0;

	for (int i = 0; i < x->nplace; i++)
		n += is_free(&x->place[i]);
	return n;
}

/* A free place, one whose slot is idle already if there is one. */
static struct place *pick_place(struct executor *x)
{
	struct place *best = NULL;

	for (int i = 0; i < x->nplace; i++) {
		struct place *p = &x->place[i];

		if (is_free(p) && (!best || slot_is_idle(&p->slot)))
			best = p;
		if (best && slot_is_idle(&best->slot))
			break;
	}
	return best;
}

static void local_close(struct executor *x)
{
	struct arena arena = x->arena;

	versions_close(x->versions);
	fs_close(&x->compiled);
	for (int i = 0; i < x->nplace; i++)
		slot_let_go(&x->place[i].slot);
	for (int i = 0; i < x->nplace; i++) {
		slot_close(&x->place[i].slot);
		if (x->place[i].run)
			execution_drop(x->place[i].run);
	}
	arena_free(&arena);
}

static struct execution *local_start(struct executor *x, const struct executor_job *job,
				     const struct wire_request *r, const struct language *language,
				     execution_done_fn *done, void *ctx)
{
	struct place *place = pick_place(x);

	assert(place);
	return execution_start(place, job, r, language, done, ctx);
}

static bool has_runs(void *ctx)
{
	const struct executor *x = ctx;

	for (int i = 0; i < x->nplace; i++)
		if (x->place[i].run)
			return true;
	return false;
}

/* All wardens start at once, and are then waited for. */
static bool open_places(struct executor *x, struct err *e)
{
	for (; x->nplace < x->o.slots; x->nplace++) {
		struct place *p = &x->place[x->nplace];
		struct slot_options o = { .loop = x->o.loop,
					  .number = x->nplace + 1,
					  .jail = x->o.jail,
					  .sandbox = x->o.sandbox,
					  .told = execution_news,
					  .ctx = p };

		p->executor = x;
		if (!slot_open(&p->slot, &o, e))
			return false;
	}
	for (int i = 0; i < x->nplace; i++)
		if (!slot_await(&x->place[i].slot, e))
			return false;
	return true;
}

static struct executor *local_open(const struct executor_options *o, struct err *e)
{
	struct arena arena = { 0 };
	struct executor *x = ARENA_NEW(&arena, 1, struct executor);

	assert(o->slots > 0);
	x->o = *o;
	x->compiled = -1;
	x->place = ARENA_NEW(&arena, (size_t)o->slots, struct place);
	x->arena = arena;
	if ((o->data && (x->compiled = compiled_open(o->data, e)) < 0) || !open_places(x, e)) {
		local_close(x);
		return NULL;
	}
	x->versions = versions_open(o->loop, o->languages, has_runs, x);
	if (executor_is_full(x) && !x->place[0].slot.ready.has_cgroup)
		log_warn("no cgroups here: memory and processes are limited by rlimits and a "
			 "watcher");
	return x;
}

const struct executor_ops executor_local = {
	.name = "local",
	.open = local_open,
	.close = local_close,
	.room = local_room,
	.start = local_start,
	.cancel = execution_cancel,
	.peek = execution_peek,
	.mode = executor_mode,
};
