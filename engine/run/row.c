/* A cell's row: what every report has of it. */
#include "run/state.h"

#include <math.h>

#define SHOWN_BYTES 8192 /* of each stream of a cell that is not as expected */

void row_open(struct run *r)
{
	const struct plan *p = r->plan;

	r->sum.nrow = p->ncell;
	r->sum.row = ARENA_NEW(&r->arena, p->ncell, struct row);
	for (uint32_t i = 0; i < p->ncell; i++) {
		r->sum.row[i].cell = p->cell[i].id;
		r->sum.row[i].job = p->cell[i].job->name;
		r->sum.row[i].reason = "";
		r->sum.row[i].index = i;
		r->sum.row[i].max_points = p->cell[i].job->points;
	}
}

static struct bytes shown(struct run *r, struct bytes b)
{
	size_t n = b.len < SHOWN_BYTES ? b.len : SHOWN_BYTES;

	return (struct bytes){ n ? arena_strndup(&r->arena, b.data, n) : NULL, n };
}

/* A judgement lives with its flight; what reports need of it is copied. */
static void copy_failures(struct run *r, struct row *row, const struct judgement *j)
{
	struct failure *copy = ARENA_NEW(&r->arena, j->nfailure, struct failure);

	for (size_t i = 0; i < j->nfailure; i++) {
		copy[i].what = arena_strdup(&r->arena, j->failure[i].what);
		if (j->failure[i].detail)
			copy[i].detail = arena_strdup(&r->arena, j->failure[i].detail);
	}
	row->failure = copy;
	row->nfailure = j->nfailure;
}

void row_fill(struct run *r, uint32_t i, const struct wire_result *res)
{
	struct row *row = &r->sum.row[i];

	row->exit_code = res->exit_code;
	row->queue_ms = res->queue_time_ms;
	row->duration_ms = res->total_time_ms;
	row->nartifact = res->nartifact;
	if (!r->sum.execution_mode && res->execution_mode)
		r->sum.execution_mode = arena_strdup(&r->arena, res->execution_mode);
}

void row_judge(struct run *r, uint32_t i, const struct attempt *at)
{
	struct row *row = &r->sum.row[i];

	row->failure = NULL;
	row->nfailure = 0;
	row->out = row->err = (struct bytes){ 0 };
	row->verdict = at->verdict;
	row->reason = at->reason;
	/* 0.3 of 6 points is 1.8, whatever doubles say */
	row->points = round(row->max_points * at->score * 1e6) / 1e6;
	if (at->judgement && at->judgement->nfailure)
		copy_failures(r, row, at->judgement);
	if (at->res && at->verdict != VERDICT_PASSED) {
		row->out = shown(r, at->res->out);
		row->err = shown(r, at->res->err);
	}
}
