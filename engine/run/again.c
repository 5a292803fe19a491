/*
 * Whether a cell runs again: its retries, a timeout that may not be the program's, its repeats.
 * The rules stand in run.h.
 */
#include <inttypes.h>
#include <string.h>

#include "base/digest.h"
#include "run/journal.h"
#include "run/state.h"

#define WAIT_MAX_MS 600000

static const struct job_spec *job_of(const struct run *r, uint32_t i)
{
	return r->plan->cell[i].job;
}

struct again *again_of(struct run *r, uint32_t i)
{
	struct cell_run *c = &r->cell[i];

	if (!c->again) {
		c->again = ARENA_NEW(&r->arena, 1, struct again);
		c->again->run = r;
		c->again->cell = i;
	}
	return c->again;
}

static bool is_found(struct run *r, struct arena *a, const char *pattern, struct bytes stream)
{
	struct stream_check spec = { .stream = STREAM_STDOUT, .comparator = COMPARE_MATCHES };
	struct check check = { .spec = &spec,
			       .want = { pattern, strlen(pattern) },
			       .name = pattern };

	return judge_alone(r, a, &check, stream);
}

static bool has_signature(struct run *r, uint32_t i, const struct wire_result *res)
{
	const struct names *patterns = &job_of(r, i)->retry.patterns;
	CLEAN_ARENA struct arena a = { 0 };

	for (size_t k = 0; k < patterns->n; k++)
		if (is_found(r, &a, patterns->item[k], res->out) ||
		    is_found(r, &a, patterns->item[k], res->err))
			return true;
	return false;
}

static bool is_worth_a_retry(struct run *r, uint32_t i, const struct attempt *at)
{
	const struct retry_spec *s = &job_of(r, i)->retry;
	int64_t begun = r->cell[i].again ? r->cell[i].again->nretry : 0;

	if (begun >= s->max || (at->verdict != VERDICT_FAILED && at->verdict != VERDICT_TIMEOUT &&
				at->verdict != VERDICT_ERROR))
		return false;
	if (at->is_infra && (s->on & RETRY_INFRA))
		return true;
	if (at->verdict == VERDICT_TIMEOUT && (s->on & RETRY_TIMEOUT))
		return true;
	return at->res && has_signature(r, i, at->res);
}

/* Before retry n, counted from 1. */
static int64_t wait_ms(const struct retry_spec *s, int64_t n)
{
	double factor = s->factor > 1 ? s->factor : 1, wait = (double)s->backoff_ms;
	int64_t whole;

	for (int64_t k = 1; k < n && wait < WAIT_MAX_MS && factor > 1; k++)
		wait *= factor;
	whole = wait < WAIT_MAX_MS ? (int64_t)wait : WAIT_MAX_MS;
	if (s->has_jitter)
		whole -= (int64_t)(random_u64() % ((uint64_t)whole / 2 + 1));
	return whole;
}

static int64_t ttl_ms(const struct run *r, uint32_t i)
{
	int64_t ttl_s = job_of(r, i)->ttl_s ? job_of(r, i)->ttl_s : WIRE_TTL_DEFAULT;

	return (r->o.max_ttl_s && ttl_s > r->o.max_ttl_s ? r->o.max_ttl_s : ttl_s) * 1000;
}

/* A timeout that may be the machine's: see run.h. */
static bool is_doubtful(struct run *r, uint32_t i, const struct attempt *at)
{
	const struct wire_result *res = at->res;
	int64_t whole;

	if (at->verdict != VERDICT_TIMEOUT || !res ||
	    (r->cell[i].again && r->cell[i].again->was_late))
		return false;
	if (r->is_slow[job_of(r, i) - r->plan->spec->job])
		return true;
	whole = res->total_time_ms;
	return res->has_extras && res->cpu_time_ms > 0 && res->cpu_time_ms >= whole / 10 &&
	       res->cpu_time_ms < whole - whole / 10;
}

/* What ended by itself within 10 % of its ttl makes timeouts of its job doubtful. */
static void note_slow(struct run *r, uint32_t i, const struct attempt *at)
{
	if (at->res && at->verdict != VERDICT_TIMEOUT &&
	    at->res->total_time_ms >= ttl_ms(r, i) / 10 * 9)
		r->is_slow[job_of(r, i) - r->plan->spec->job] = true;
}

static bool is_as_wanted(enum verdict v)
{
	return v == VERDICT_PASSED || v == VERDICT_XFAIL;
}

static void note_first(struct run *r, uint32_t i, const struct attempt *at)
{
	struct again *g = again_of(r, i);

	if (g->first_reason || is_as_wanted(at->verdict))
		return;
	g->first_reason = arena_printf(&r->arena, "%s: %s", verdict_names[at->verdict], at->reason);
	r->sum.row[i].first = g->first_reason;
}

/* The first attempt that did not pass stays on disk beside the last. */
static void keep_first(struct run *r, uint32_t i, const struct attempt *at)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct row *row = &r->sum.row[i];
	struct err ignored = { 0 }; /* it is told in any case */

	if (!r->cell[i].again->first_reason && at->res)
		keep_result(r->keep, arena_printf(&a, "%s#%d", row->cell, row->attempts), at->res,
			    &ignored);
}

static void on_rested(void *ctx)
{
	struct again *g = ctx;

	cell_step(g->run, g->cell);
}

static void rest(struct run *r, uint32_t i, const struct attempt *at, int64_t wait)
{
	struct again *g = again_of(r, i);
	struct row *row = &r->sum.row[i];
	struct err e = { 0 };

	row->reason = arena_strdup(&r->arena, at->reason); /* the flight's arena goes */
	cell_land(r, i);
	r->cell[i].state = CELL_RESTING;
	if (!journal_again(r->keep, row, wait, &e))
		stop_failed(r, &e);
	if (r->o.progress)
		r->o.progress(r->o.progress_ctx, RUN_AGAIN, i, row);
	if (wait == 0) {
		ready_push(r, i);
		return;
	}
	g->timer = (struct timer){ .fn = on_rested, .ctx = g };
	timer_set(r->o.loop, &g->timer, loop_now_ms(r->o.loop) + wait);
}

static void keep_worst(struct run *r, uint32_t i, const struct attempt *at)
{
	struct row *worst = &r->cell[i].again->worst;

	*worst = r->sum.row[i];
	worst->reason = arena_strdup(&r->arena, at->reason); /* the flight's arena goes */
}

/* A run that came to a verdict, of those that repeat asks for; whether there are more. */
static bool count_run(struct run *r, uint32_t i, const struct attempt *at)
{
	struct again *g;

	if (job_of(r, i)->repeat <= 1 || at->is_infra || at->verdict == VERDICT_CANCELLED)
		return false;
	g = again_of(r, i);
	if (g->nrun == 0)
		g->verdict = at->verdict;
	else if (g->verdict != at->verdict)
		g->differs = true;
	if (g->npassed == g->nrun && !is_as_wanted(at->verdict))
		keep_worst(r, i, at);
	g->nrun++;
	g->npassed += is_as_wanted(at->verdict);
	g->was_late = false;
	return g->nrun < job_of(r, i)->repeat;
}

bool again_try(struct run *r, uint32_t i, const struct attempt *at)
{
	struct again *g;

	note_slow(r, i, at);
	if (r->stop_why)
		return false;
	if (at->is_gone) { /* no fault of the cell's: not one of its retries */
		note_first(r, i, at);
		rest(r, i, at, 0);
		return true;
	}
	if (is_worth_a_retry(r, i, at)) {
		g = again_of(r, i);
		keep_first(r, i, at);
		note_first(r, i, at);
		rest(r, i, at, wait_ms(&job_of(r, i)->retry, ++g->nretry));
		return true;
	}
	if (is_doubtful(r, i, at)) {
		g = again_of(r, i);
		g->was_late = true;
		keep_first(r, i, at);
		note_first(r, i, at);
		rest(r, i, at, 0);
		return true;
	}
	if (!count_run(r, i, at))
		return false;
	note_first(r, i, at);
	rest(r, i, at, 0);
	return true;
}

static struct attempt flaky(struct run *r, uint32_t i, const struct again *g)
{
	struct row *row = &r->sum.row[i];

	row->failure = g->worst.failure;
	row->nfailure = g->worst.nfailure;
	row->out = g->worst.out;
	row->err = g->worst.err;
	row->exit_code = g->worst.exit_code;
	row->points = 0;
	return (struct attempt){
		.verdict = VERDICT_FLAKY,
		.reason = arena_printf(
			&r->arena, "%" PRId64 " of %" PRId64 " runs %s; one was %s: %s", g->npassed,
			g->nrun, g->npassed == 1 ? "was as expected" : "were as expected",
			verdict_names[g->worst.verdict], g->worst.reason)
	};
}

struct attempt again_sum_up(struct run *r, uint32_t i, const struct attempt *at)
{
	const struct again *g = r->cell[i].again;
	struct attempt out = *at;

	if (!g)
		return out;
	if (g->differs && !at->is_infra && at->verdict != VERDICT_CANCELLED)
		return flaky(r, i, g);
	if (at->verdict == VERDICT_PASSED && g->first_reason)
		out.reason = arena_printf(&r->arena, "at attempt %d; the first: %s",
					  r->sum.row[i].attempts, g->first_reason);
	return out;
}

void again_stop(struct run *r)
{
	for (uint32_t i = 0; i < r->plan->ncell; i++)
		if (r->cell[i].again)
			timer_stop(r->o.loop, &r->cell[i].again->timer);
}
