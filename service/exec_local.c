/* The executor "local": a warden for each slot of this machine, a job in each. */
#include "service/execution.h"

#include <assert.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "service/compiled.h"

#define SLOTS_MAX 499 /* with those for networks the last is 998; the jail takes up to 999 */

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

const char *executor_network(const struct executor *x, const char **why)
{
	if (executor_is_full(x))
		return networking_tool(x->networking, why);
	*why = "without a full sandbox nothing limits a job's network";
	return NULL;
}

static bool is_free(const struct place *p)
{
	return !p->run && !slot_is_broken(&p->slot);
}

/* As many as there are slots, whatever network they have; where even slots without one are broken,
 * fewer. */
static int local_room(const struct executor *x)
{
	int n = x->o.slots, free = 0;

	for (int i = 0; i < x->nplace; i++) {
		const struct place *p = &x->place[i];

		n -= p->run != NULL;
		free += p->network == WIRE_ZEROTRUST && is_free(p);
	}
	return n < free ? n : free;
}

/* How well the place suits: it works, nothing of another tenant's is in its network, it is idle. */
static int rank(const struct place *p, const char *tenant)
{
	bool is_own = p->network == WIRE_ZEROTRUST || !p->tenant[0] || !strcmp(p->tenant, tenant);

	if (slot_is_broken(&p->slot))
		return 1;
	return 2 + is_own + (is_own && slot_is_idle(&p->slot));
}

static struct place *pick_place(struct executor *x, enum wire_network network, const char *tenant)
{
	struct place *best = NULL;
	int highest = 0;

	for (int i = 0; i < x->nplace; i++) {
		struct place *p = &x->place[i];
		int n = p->run || p->network != network ? 0 : rank(p, tenant);

		if (n > highest) {
			best = p;
			highest = n;
		}
	}
	return best;
}

/* A network remembers: what answers to one tenant's packets must not come to the next one's job. */
static void hand_over(struct place *p, const char *tenant)
{
	if (slot_rests(&p->slot) || slot_is_broken(&p->slot)) {
		slot_start_soon(&p->slot);
		warming_lost(&p->warming);
	} else if (p->network != WIRE_ZEROTRUST && strcmp(p->tenant, tenant) != 0) {
		slot_renew(&p->slot);
		warming_lost(&p->warming);
	}
	snprintf(p->tenant, sizeof(p->tenant), "%s", tenant);
}

static void local_close(struct executor *x)
{
	struct arena arena = x->arena;

	versions_close(x->versions);
	fs_close(&x->compiled);
	for (int i = 0; i < x->nplace; i++) {
		timer_stop(x->o.loop, &x->place[i].warming.idle);
		slot_let_go(&x->place[i].slot);
	}
	for (int i = 0; i < x->nplace; i++) {
		slot_close(&x->place[i].slot);
		if (x->place[i].run)
			execution_drop(x->place[i].run);
	}
	networking_close(x->networking);
	arena_free(&arena);
}

static struct execution *local_start(struct executor *x, const struct executor_job *job,
				     const struct wire_request *r, const struct language *language,
				     execution_done_fn *done, void *ctx)
{
	const char *why;
	/* one without a place to run in is refused in any */
	enum wire_network network = executor_network(x, &why) ? r->network : WIRE_ZEROTRUST;
	struct place *place = pick_place(x, network, job->tenant);

	assert(place);
	hand_over(place, job->tenant);
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

static const char *local_limits(const struct executor *x)
{
	static const char *const by[] = { "watcher", "cgroup v1", "cgroup v2" };
	uint32_t has_cgroup = x->place[0].slot.ready.has_cgroup;

	return by[has_cgroup < sizeof(by) / sizeof(by[0]) ? has_cgroup : 0];
}

/* The library lies beside the jail. */
static struct warming warming_options(struct executor *x, struct place *p)
{
	const char *jail = x->o.jail, *slash = strrchr(jail, '/');
	int n = slash ? (int)(slash - jail) + 1 : 0;
	bool is_wanted = executor_is_full(x) && !x->o.no_warm;

	return (struct warming){
		.slot = &p->slot,
		.library =
			is_wanted ? arena_printf(&x->arena, "%.*ssandbatch-warm.so", n, jail) : NULL
	};
}

/* The next place, whose jobs have that network; its slot has yet to start. */
static struct place *add_place(struct executor *x, enum wire_network network)
{
	struct place *p = &x->place[x->nplace++];
	const struct slot_options o = {
		.loop = x->o.loop,
		.number = x->nplace,
		.jail = x->o.jail,
		.sandbox = x->o.sandbox,
		.view = x->o.view,
		.networking = network == WIRE_SEMITRUSTED ? x->networking : NULL,
		.told = execution_news,
		.ctx = p,
	};

	p->executor = x;
	p->network = network;
	p->warming = warming_options(x, p);
	slot_init(&p->slot, &o);
	return p;
}

/* All wardens start at once, and are then waited for. */
static bool open_places(struct executor *x, struct err *e)
{
	while (x->nplace < x->o.slots)
		if (!slot_open(&add_place(x, WIRE_ZEROTRUST)->slot, e))
			return false;
	for (int i = 0; i < x->nplace; i++)
		if (!slot_await(&x->place[i].slot, e))
			return false;
	return true;
}

/* As many again for semitrusted jobs, each started when the first of them comes to it. */
static bool add_networked(struct executor *x, struct err *e)
{
	const char *why;

	x->networking = networking_open(x->o.loop, x->o.allow_net, x->o.nallow_net, e);
	if (!x->networking)
		return false;
	if (!executor_is_full(x))
		return true;
	if (!executor_network(x, &why)) {
		log_info("semitrusted jobs are refused: %s", why);
		return true;
	}
	while (x->nplace < 2 * x->o.slots)
		add_place(x, WIRE_SEMITRUSTED);
	return true;
}

static struct executor *local_open(const struct executor_options *o, struct err *e)
{
	struct arena arena = { 0 };
	struct executor *x;

	assert(o->slots > 0);
	if (o->slots > SLOTS_MAX) {
		err_set(e, ERR_USAGE, "--slots must be at most %d with sandboxes, not %d",
			SLOTS_MAX, o->slots);
		return NULL;
	}
	x = ARENA_NEW(&arena, 1, struct executor);
	x->o = *o;
	x->compiled = -1;
	x->place = ARENA_NEW(&arena, 2 * (size_t)o->slots, struct place);
	x->arena = arena;
	if ((o->data && (x->compiled = compiled_open(o->data, e)) < 0) || !open_places(x, e) ||
	    !add_networked(x, e)) {
		local_close(x);
		return NULL;
	}
	if (!o->view.rootfs) /* these programs are not for us to start */
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
	.network = executor_network,
	.limits = local_limits,
	.mode = executor_mode,
};
