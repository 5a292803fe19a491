/* A result has come: it is kept first and judged then. */
#include "base/digest.h"
#include "run/expected.h"
#include "run/referee.h"
#include "run/source.h"
#include "run/state.h"

/* It came, but cannot be judged: another try would not help. */
static void finish_broken(struct run *r, uint32_t i, const struct err *e)
{
	struct attempt at = { .verdict = VERDICT_ERROR, .reason = e->msg };

	cell_finish(r, i, &at);
}

/* What outlives the answer it came with. */
static struct wire_result *copy_result(struct arena *a, const struct wire_result *res)
{
	struct wire_result *copy = ARENA_NEW(a, 1, struct wire_result);

	*copy = *res;
	copy->out.data = arena_strndup(a, res->out.len ? res->out.data : "", res->out.len);
	copy->err.data = arena_strndup(a, res->err.len ? res->err.data : "", res->err.len);
	copy->error = res->error ? arena_strdup(a, res->error) : NULL;
	copy->compile_stderr = res->compile_stderr ? arena_strdup(a, res->compile_stderr) : NULL;
	copy->language = copy->detected_language = copy->job_id = copy->execution_mode = NULL;
	copy->artifact = ARENA_NEW(a, res->nartifact, struct wire_artifact);
	for (size_t i = 0; i < res->nartifact; i++) {
		const struct bytes *data = &res->artifact[i].data;

		copy->artifact[i].name = arena_strdup(a, res->artifact[i].name);
		copy->artifact[i].data =
			(struct bytes){ arena_strndup(a, data->len ? data->data : "", data->len),
					data->len };
	}
	return copy;
}

/* Send the first checker that has not run; there is one. */
static void ask_checker(struct run *r, uint32_t i)
{
	const struct cell *cell = &r->plan->cell[i];
	struct flight *f = r->cell[i].flight;
	struct hearing h = { cell, f->check, f->res->out, f->res->err };
	CLEAN_BUF struct buf body = BUF((size_t)WIRE_BODY_MAX);
	struct wire_request req;
	char key[WIRE_ID_SIZE];
	struct err e = { 0 };

	f->checker = 0;
	while (f->check[f->checker].spec->comparator != COMPARE_CHECKER ||
	       f->check[f->checker].checker)
		f->checker++;
	if (!referee_build(&f->arena, &r->sources, &h, f->checker, &req, &e)) {
		finish_broken(r, i, &e);
		return;
	}
	if (!wire_request_print(&req, &body)) {
		err_set(&e, ERR_SPEC, "its checker's request is larger than the service takes");
		finish_broken(r, i, &e);
		return;
	}
	uuid_make(key);
	r->cell[i].state = CELL_ASKING;
	f->call = api_submit(r->o.api, key, body.data, body.len, cell_on_answer, f);
}

static const char **artifact_names(struct run *r, struct arena *a, const struct cell *cell)
{
	const struct expect *x = &cell->job->expect;
	const char **name = ARENA_NEW(a, x->nartifact, const char *);

	for (size_t k = 0; k < x->nartifact; k++)
		name[k] = source_expand(a, &r->sources, cell, &x->artifact[k].name).s;
	return name;
}

bool judge_alone(struct run *r, struct arena *a, const struct check *check, struct bytes stream)
{
	struct stream_check spec = *check->spec;
	struct check alone = *check;
	struct expect expect = { .any_exit_code = true, .check = &spec, .ncheck = 1 };
	struct wire_result res = { .out = stream, .has_extras = true, .status = WIRE_COMPLETED };
	struct check_question q = { .result = &res, .expect = &expect, .check = &alone };
	struct judgement j;

	spec.stream = STREAM_STDOUT;
	alone.spec = &spec;
	check_judge(r->checker, a, &q, &j);
	return j.verdict == VERDICT_PASSED;
}

static void conclude(struct run *r, uint32_t i, const struct wire_result *res, struct check *check)
{
	const struct cell *cell = &r->plan->cell[i];
	struct flight *f = r->cell[i].flight;
	struct check_question q = { .result = res,
				    .expect = &cell->job->expect,
				    .check = check,
				    .is_partial = cell->job->is_partial,
				    .artifact = artifact_names(r, &f->arena, cell) };
	struct judgement j = { 0 };
	struct attempt at;
	struct err e = { 0 };

	if (cell->job->xfail.s)
		q.xfail = source_expand(&f->arena, &r->sources, cell, &cell->job->xfail).s;
	if (!source_settle(&r->sources, &e)) {
		finish_broken(r, i, &e);
		return;
	}
	check_judge(r->checker, &f->arena, &q, &j);
	if (j.needs_checkers) {
		if (!f->res)
			f->res = copy_result(&f->arena, res);
		f->check = check;
		ask_checker(r, i);
		return;
	}
	at = (struct attempt){ .verdict = j.verdict,
			       .reason = j.reason,
			       .score = j.score,
			       .is_infra = j.verdict == VERDICT_ERROR,
			       .res = res,
			       .judgement = &j };
	cell_finish(r, i, &at);
}

void judge_take_id(struct run *r, uint32_t i, const struct api_answer *answer)
{
	struct flight *f = r->cell[i].flight;

	if (!answer->ok) {
		cell_refuse(r, i, answer);
		return;
	}
	f->job_id = arena_strdup(&f->arena, answer->job->id);
	r->cell[i].state = stop_cancels(r) ? CELL_CANCELLING : CELL_CHECKING;
	f->call = stop_cancels(r) ? api_cancel(r->o.api, f->job_id, cell_on_answer, f)
				  : api_await(r->o.api, f->job_id, cell_on_answer, f);
}

void judge_take_checker(struct run *r, uint32_t i, const struct api_answer *answer)
{
	struct flight *f = r->cell[i].flight;
	struct err e = { 0 };

	if (!answer->ok) {
		cell_refuse(r, i, answer);
		return;
	}
	if (!answer->job->result) {
		err_set(&e, ERR_REMOTE, "the service ended its checker without a result");
		finish_broken(r, i, &e);
		return;
	}
	f->check[f->checker].checker = copy_result(&f->arena, answer->job->result);
	conclude(r, i, f->res, f->check);
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
	if (!update_expected(r, i, res, &e) || !expected_checks(a, &r->sources, cell, &check, &e)) {
		finish_broken(r, i, &e);
		return;
	}
	conclude(r, i, res, check);
}
