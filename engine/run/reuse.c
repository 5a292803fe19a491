/* A cell that passed before with the same inputs is not run again. */
#include "base/clock.h"
#include "cache/cache.h"
#include "run/state.h"

void reuse_open(struct run *r)
{
	struct err ignored = { 0 };

	/* A cache that cannot be read is as good as none. */
	if (r->o.caches && !r->o.updates)
		r->cache = cache_open(r->o.root, r->plan->spec->path, clock_unix_ms(), &ignored);
}

/* What repeats asks for many runs; what uses the network depends on more than its inputs; what must
 * time out says too little of the next time. */
static bool is_reusable(const struct run *r, uint32_t i, const struct wire_request *req)
{
	const struct job_spec *j = r->plan->cell[i].job;

	return r->cache && !j->no_cache && j->repeat <= 1 && !j->expect.is_timeout &&
	       (req->network == WIRE_ZEROTRUST || j->caches_network) && !r->cell[i].is_afresh &&
	       r->sum.row[i].attempts == 0;
}

/* An endpoint that does not tell versions stands for itself. */
static const char *toolchain_of(struct arena *a, const struct run *r, const char *language)
{
	const struct toolchain *t =
		r->o.toolchains && language ? toolchains_find(r->o.toolchains, language) : NULL;

	if (t && t->version)
		return t->version;
	return arena_printf(a, "unknown, at %s", r->o.endpoint ? r->o.endpoint : "");
}

bool reuse_take(struct run *r, uint32_t i, const struct wire_request *req)
{
	struct flight *f = r->cell[i].flight;
	struct cache_key *key;
	struct wire_result res;

	if (!is_reusable(r, i, req))
		return false;
	key = ARENA_NEW(&f->arena, 1, struct cache_key);
	cache_key(&f->arena, req, toolchain_of(&f->arena, r, req->language), key);
	f->key = key;
	if (!cache_get(r->cache, &f->arena, r->plan->cell[i].id, key, &res))
		return false;
	f->is_reused = true;
	r->cell[i].state = CELL_AWAITING;
	judge_result(r, i, &res);
	return true;
}

/* It passed once, but what is expected of it is another thing now: it is run after all. */
bool reuse_refuse(struct run *r, uint32_t i, const struct attempt *at)
{
	struct flight *f = r->cell[i].flight;

	if (!f || !f->is_reused || at->verdict == VERDICT_PASSED || r->stop_why)
		return false;
	cell_land(r, i);
	r->cell[i].is_afresh = true;
	r->cell[i].state = CELL_RESTING;
	ready_push(r, i);
	return true;
}

void reuse_settle(struct run *r, uint32_t i, struct attempt *at)
{
	const struct flight *f = r->cell[i].flight;
	struct err e = { 0 };

	if (f && f->is_reused && at->verdict == VERDICT_PASSED && !*at->reason)
		at->reason = "taken from the cache";
	if (!f || !f->key || f->is_reused || at->verdict != VERDICT_PASSED || !at->res ||
	    r->sum.row[i].attempts != 1)
		return;
	if (cache_put(r->cache, r->plan->cell[i].id, f->key, at->res, &e))
		return;
	cache_close(r->cache); /* no room: the run goes on without */
	r->cache = NULL;
}

void reuse_close(struct run *r)
{
	cache_close(r->cache);
	r->cache = NULL;
}
