/* A result has come: it is kept first and judged then. */
#include "run/expected.h"
#include "run/state.h"

/* It came, but cannot be judged: another try would not help. */
static void finish_broken(struct run *r, uint32_t i, const struct err *e)
{
	struct attempt at = { .verdict = VERDICT_ERROR, .reason = e->msg };

	cell_finish(r, i, &at);
}

static void conclude(struct run *r, uint32_t i, const struct wire_result *res,
		     const struct check *check)
{
	const struct cell *cell = &r->plan->cell[i];
	struct arena *a = &r->cell[i].flight->arena;
	struct scope scope = { .spec = r->plan->spec,
			       .matrix = cell->matrix,
			       .nmatrix = cell->nmatrix };
	struct check_question q = { .result = res, .expect = &cell->job->expect, .check = check };
	struct judgement j = { 0 };
	struct attempt at;

	if (cell->job->xfail.s)
		q.xfail = spec_expand(a, &scope, &cell->job->xfail).s;
	check_judge(r->checker, a, &q, &j);
	at = (struct attempt){ .verdict = j.verdict,
			       .reason = j.reason,
			       .score = j.verdict == VERDICT_PASSED ? 1 : 0,
			       .is_infra = j.verdict == VERDICT_ERROR,
			       .res = res,
			       .judgement = &j };
	cell_finish(r, i, &at);
}

/* Of the runs that repeat asks for, what is on disk is the first that was not as expected. */
static bool is_kept(const struct run *r, uint32_t i)
{
	const struct again *g = r->cell[i].again;

	return g && g->nrun > g->npassed;
}

void judge_result(struct run *r, uint32_t i, const struct wire_result *res)
{
	const struct cell *cell = &r->plan->cell[i];
	struct arena *a = &r->cell[i].flight->arena;
	struct check *check;
	struct err e = { 0 };

	row_fill(r, i, res);
	if (!is_kept(r, i) && !keep_result(r->keep, cell->id, res, &e)) {
		if (e.kind == ERR_SYSTEM) /* else it is this one result that cannot be kept */
			stop_failed(r, &e);
		finish_broken(r, i, &e);
		return;
	}
	if (!expected_checks(a, &r->sources, cell, &check, &e)) {
		finish_broken(r, i, &e);
		return;
	}
	conclude(r, i, res, check);
}
