/* The steps of a cell, from waiting to its end. */
#include <assert.h>

#include "base/digest.h"
#include "run/journal.h"
#include "run/resume.h"
#include "run/state.h"

#define BODY_MAX ((size_t)WIRE_BODY_MAX)

void cell_land(struct run *r, uint32_t i)
{
	struct cell_run *c = &r->cell[i];
	struct flight *f = c->flight;

	if (!f)
		return;
	if (f->call)
		api_drop(f->call);
	arena_free(&f->arena);
	*f = (struct flight){ .run = r, .cell = f->cell, .next_free = r->free_flight };
	r->free_flight = f;
	c->flight = NULL;
}

static bool is_bad(const struct row *row)
{
	return row->verdict != VERDICT_PASSED && row->verdict != VERDICT_XFAIL &&
	       row->verdict != VERDICT_SKIPPED;
}

/* Whether it was the last failure that --fail-fast and --max-failures bear. */
static void count_bad(struct run *r, const struct row *row)
{
	if (!is_bad(row) || row->is_allowed || ++r->nbad != r->o.max_failures)
		return;
	r->enough_why = r->o.max_failures == 1
				? arena_printf(&r->arena, "not started: %s was %s", row->cell,
					       verdict_names[row->verdict])
				: arena_printf(&r->arena, "not started: %s was failure number %zu",
					       row->cell, r->nbad);
}

void cell_end(struct run *r, uint32_t i, enum verdict v, const char *reason)
{
	struct row *row = &r->sum.row[i];
	struct err e = { 0 };

	assert(r->cell[i].state != CELL_ENDED);
	row->verdict = v;
	row->reason = arena_strdup(&r->arena, reason);
	row->is_allowed =
		is_bad(row) && v != VERDICT_CANCELLED && r->plan->cell[i].job->allow_failure;
	r->sum.count[v]++;
	r->nended++;
	r->cell[i].state = CELL_ENDED;
	cell_land(r, i);
	if (!journal_ended(r->keep, row, &e))
		stop_failed(r, &e);
	count_bad(r, row);
	ready_release(r, i);
	if (r->o.progress)
		r->o.progress(r->o.progress_ctx, RUN_ENDED, i, row);
}

void cell_finish(struct run *r, uint32_t i, const struct attempt *at)
{
	struct attempt sum;

	row_judge(r, i, at);
	if (reuse_refuse(r, i, at) || again_try(r, i, at))
		return;
	if (at->is_shut)
		run_stop(r, at->reason, false);
	sum = again_sum_up(r, i, at);
	reuse_settle(r, i, &sum);
	cell_end(r, i, sum.verdict, sum.reason);
}

void cell_on_answer(void *ctx, const struct api_answer *answer)
{
	struct flight *f = ctx;
	struct run *r = f->run;
	uint32_t i = f->cell;

	f->call = NULL;
	f->answer = answer;
	cell_step(r, i);
	if (r->cell[i].flight == f)
		f->answer = NULL;
}

/* The call failed. When nobody answers, or we may not come in, no other cell will fare better. */
void cell_refuse(struct run *r, uint32_t i, const struct api_answer *answer)
{
	long status = answer->http_status;
	struct attempt at = { .verdict = VERDICT_ERROR,
			      .reason = answer->err.msg,
			      .is_infra = !answer->is_refused || status == 404,
			      .is_gone = answer->is_gone };

	at.is_shut =
		!at.is_gone && (answer->is_shut || status == 0 || status == 401 || status == 403);
	cell_finish(r, i, &at);
}

static void skip(struct run *r, uint32_t i, uint32_t blocker)
{
	const struct row *b = &r->sum.row[blocker];

	cell_end(r, i, VERDICT_SKIPPED,
		 arena_printf(&r->arena, "needs %s, which %s %s", b->cell,
			      b->verdict == VERDICT_FAILED ? "has" : "is",
			      verdict_names[b->verdict]));
}

/* key: it may have been sent under that one before; NULL: it was not. */
static void submit(struct run *r, uint32_t i, const struct wire_request *req, const char *sent_key)
{
	struct flight *f = r->cell[i].flight;
	CLEAN_BUF struct buf body = BUF(BODY_MAX);
	char key[WIRE_ID_SIZE];
	struct err e = { 0 };

	if (!wire_request_print(req, &body)) {
		cell_end(r, i, VERDICT_FAILED, "its request is larger than the service takes");
		return;
	}
	if (sent_key)
		snprintf(key, sizeof(key), "%s", sent_key);
	else
		uuid_make(key);
	if (!journal_submit(r->keep, r->plan->cell[i].id, key, &e)) {
		stop_failed(r, &e);
		return;
	}
	r->cell[i].state = CELL_SUBMITTING;
	r->sum.row[i].attempts++;
	f->call = api_submit(r->o.api, key, body.data, body.len, cell_on_answer, f);
	if (r->o.progress)
		r->o.progress(r->o.progress_ctx, RUN_STARTED, i, &r->sum.row[i]);
}

/* skip_unless: { language: available } of a language that is not. */
static bool is_without_language(const struct run *r, uint32_t i, const struct wire_request *req,
				struct err *e)
{
	return r->plan->cell[i].job->skips_unless_language && r->o.toolchains && req->language &&
	       !toolchains_check(r->o.toolchains, req->language, e);
}

/* The service has it since an earlier run. */
static void pick_up(struct run *r, uint32_t i, const struct left_off *left)
{
	struct flight *f = r->cell[i].flight;
	struct row *row = &r->sum.row[i];

	f->is_resumed = true;
	row->job_id = f->job_id = left->job_id;
	row->attempts = left->attempts;
	r->cell[i].state = CELL_AWAITING;
	f->call = api_await(r->o.api, row->job_id, cell_on_answer, f);
	if (r->o.progress)
		r->o.progress(r->o.progress_ctx, RUN_STARTED, i, row);
}

static void start(struct run *r, uint32_t i)
{
	struct flight *f = r->free_flight;
	struct left_off left = resume_cell(r, i);
	struct wire_request req;
	struct err e = { 0 };

	r->free_flight = f->next_free;
	*f = (struct flight){ .run = r, .cell = i };
	r->cell[i].flight = f;
	if (left.attempts > 1)
		again_of(r, i)->nretry = left.attempts - 1;
	if (left.job_id) {
		pick_up(r, i, &left);
		return;
	}
	f->is_resumed = left.key != NULL;
	if (left.key)
		r->sum.row[i].attempts = left.attempts - 1;
	if (!request_build(&f->arena, &r->sources, &r->plan->cell[i], &req, &e)) {
		cell_end(r, i, e.kind == ERR_SPEC ? VERDICT_FAILED : VERDICT_ERROR, e.msg);
		return;
	}
	if (is_without_language(r, i, &req, &e)) {
		cell_end(r, i, VERDICT_SKIPPED, e.msg);
		return;
	}
	if (r->o.max_ttl_s && req.ttl_s > r->o.max_ttl_s)
		req.ttl_s = r->o.max_ttl_s;
	if (left.key || !reuse_take(r, i, &req))
		submit(r, i, &req, left.key);
}

/* The service does not have what an earlier run submitted, or has something else under its key (the
 * spec was changed): it is sent afresh. */
static bool is_lost(struct run *r, uint32_t i, const struct api_answer *answer)
{
	if (!r->cell[i].flight->is_resumed || answer->ok ||
	    (answer->http_status != 404 && answer->http_status != 409 &&
	     answer->http_status != 422))
		return false;
	r->sum.row[i].attempts--;
	if (r->o.progress)
		r->o.progress(r->o.progress_ctx, RUN_AGAIN, i, &r->sum.row[i]);
	cell_land(r, i);
	r->cell[i].state = CELL_RESTING;
	ready_push(r, i);
	return true;
}

static void take_id(struct run *r, uint32_t i, const struct api_answer *answer)
{
	struct flight *f = r->cell[i].flight;
	struct row *row = &r->sum.row[i];
	struct err e = { 0 };

	if (is_lost(r, i, answer))
		return;
	if (!answer->ok) {
		cell_refuse(r, i, answer);
		return;
	}
	row->job_id = f->job_id = arena_strdup(&r->arena, answer->job->id);
	if (!journal_submitted(r->keep, row->cell, row->job_id, &e))
		stop_failed(r, &e);
	r->cell[i].state = CELL_AWAITING;
	if (stop_cancels(r)) {
		r->cell[i].state = CELL_CANCELLING;
		f->call = api_cancel(r->o.api, row->job_id, cell_on_answer, f);
		return;
	}
	f->call = api_await(r->o.api, row->job_id, cell_on_answer, f);
}

static void take_result(struct run *r, uint32_t i, const struct api_answer *answer)
{
	struct attempt none = { .verdict = VERDICT_ERROR,
				.reason = "the service ended the job without a result",
				.is_infra = true };

	if (is_lost(r, i, answer))
		return;
	if (!answer->ok)
		cell_refuse(r, i, answer);
	else if (!answer->job->result)
		cell_finish(r, i, &none);
	else
		judge_result(r, i, answer->job->result);
}

/* Its turn in the queue has come. */
static void leave_queue(struct run *r, uint32_t i)
{
	uint32_t blocker = ready_blocker(r, i);

	if (r->enough_why && r->sum.row[i].attempts == 0)
		cell_end(r, i, VERDICT_SKIPPED, r->enough_why);
	else if (blocker != NO_CELL)
		skip(r, i, blocker);
	else
		start(r, i);
}

void cell_step(struct run *r, uint32_t i)
{
	struct cell_run *c = &r->cell[i];

	switch (c->state) {
	case CELL_READY:
		leave_queue(r, i);
		return;
	case CELL_SUBMITTING:
		take_id(r, i, c->flight->answer);
		return;
	case CELL_AWAITING:
		take_result(r, i, c->flight->answer);
		return;
	case CELL_ASKING:
		judge_take_id(r, i, c->flight->answer);
		return;
	case CELL_CHECKING:
		judge_take_checker(r, i, c->flight->answer);
		return;
	case CELL_RESTING:
		ready_push(r, i);
		return;
	case CELL_CANCELLING:
		cell_end(r, i, stop_verdict(r), r->stop_why);
		return;
	case CELL_WAITING:
	case CELL_ENDED:
		assert(!"nothing comes for a cell that waits or has ended");
	}
}
