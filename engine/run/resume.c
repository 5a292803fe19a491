/*
 * Going on with an earlier run. A cell is settled when it ended there with a verdict on its
 * program: its row comes back from disk. What ended for want of a service, or was cancelled or
 * skipped, is run like what never was. What was at the service when the runner went is awaited by
 * its id; what may or may not have reached it is sent again under the same key.
 */
#include "run/resume.h"

#include "run/history.h"
#include "run/state.h"

static bool is_verdict(enum verdict v)
{
	return v == VERDICT_PASSED || v == VERDICT_FAILED || v == VERDICT_TIMEOUT ||
	       v == VERDICT_XFAIL || v == VERDICT_XPASS || v == VERDICT_FLAKY;
}

static bool is_wanted_again(const struct run *r, const struct history_cell *c)
{
	return r->o.reruns_failed && c->row.verdict != VERDICT_PASSED &&
	       c->row.verdict != VERDICT_XFAIL;
}

/* Whether a cell that this one depends on runs again, and so must this one; asked of one array of
 * deps after the other, which many cells share. */
struct deps_seen {
	const uint32_t *dep;
	size_t ndep;
	bool runs;
};

static bool does_dep_run(const struct run *r, uint32_t i, struct deps_seen *seen)
{
	const struct cell *cell = &r->plan->cell[i];

	if (!r->o.reruns_failed || cell->ndep == 0 || !cell->dep)
		return false;
	if (seen->dep == cell->dep && seen->ndep == cell->ndep)
		return seen->runs;
	*seen = (struct deps_seen){ .dep = cell->dep, .ndep = cell->ndep };
	for (size_t k = 0; k < cell->ndep && !seen->runs; k++)
		seen->runs = r->cell[cell->dep[k]].state != CELL_ENDED;
	return seen->runs;
}

/* The row is the earlier one, in this plan's place. */
static bool settle(struct run *r, uint32_t i, const struct history_cell *c, struct err *e)
{
	struct row *row = &r->sum.row[i], fresh = *row;

	*row = c->row;
	row->cell = fresh.cell;
	row->job = fresh.job;
	row->index = fresh.index;
	row->max_points = fresh.max_points;
	r->cell[i].state = CELL_ENDED;
	r->sum.count[row->verdict]++;
	r->nended++;
	return history_outputs(&r->arena, r->sources.run_fd, row, e);
}

bool resume_settle(struct run *r, struct err *e)
{
	const struct history *h = r->o.history;
	struct deps_seen seen = { 0 };

	if (!h)
		return true;
	if (h->has_run)
		r->sum.started_at = h->started_at;
	r->sum.execution_mode = h->execution_mode;
	for (uint32_t i = 0; i < r->plan->ncell; i++) {
		const struct history_cell *c = history_find(h, r->plan->cell[i].id);

		if (c && c->state == HISTORY_ENDED && is_verdict(c->row.verdict) &&
		    !is_wanted_again(r, c) && !does_dep_run(r, i, &seen) && !settle(r, i, c, e))
			return false;
	}
	return true;
}

struct left_off resume_cell(struct run *r, uint32_t i)
{
	struct cell_run *c = &r->cell[i];
	const struct history_cell *h;

	if (!r->o.history || c->was_resumed)
		return (struct left_off){ 0 };
	c->was_resumed = true;
	h = history_find(r->o.history, r->plan->cell[i].id);
	/* Of repeats it is not known how the earlier ones ended: they begin anew. */
	if (!h || r->plan->cell[i].job->repeat > 1 ||
	    (h->state != HISTORY_SENDING && h->state != HISTORY_SUBMITTED))
		return (struct left_off){ 0 };
	return (struct left_off){ .key = h->state == HISTORY_SENDING ? h->key : NULL,
				  .job_id = h->state == HISTORY_SUBMITTED ? h->job_id : NULL,
				  .attempts = h->attempts };
}
