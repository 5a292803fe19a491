#include "run/run.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/fs.h"
#include "keep/keep.h"
#include "pack/pack.h"
#include "run/archive.h"
#include "run/journal.h"
#include "run/expected.h"

#define NO_CELL      UINT32_MAX
#define BODY_MAX     ((size_t)WIRE_BODY_MAX)
#define SHOWN_BYTES  8192 /* of each stream of a cell that is not as expected */
#define SPEC_MAX     ((size_t)64 << 20)
#define STOP_WAIT_MS 5000 /* for the service to say that what ran is cancelled */

enum cell_state {
	CELL_WAITING,    /* for cells it depends on */
	CELL_READY,      /* in the queue */
	CELL_SUBMITTING, /* the service has not given an id yet */
	CELL_AWAITING,   /* the service has it */
	CELL_CANCELLING, /* we asked the service to stop it */
	CELL_ENDED,
};

struct cell_run {
	enum cell_state state;
	uint32_t left;    /* cells it depends on that have not ended */
	uint32_t blocker; /* one of these that did not pass, or NO_CELL */
	struct flight *flight;
};

/* A cell that is at the service; as many as may be in flight at once. */
struct flight {
	struct run *run;
	uint32_t cell;
	struct arena arena; /* of this cell's attempt */
	struct api_call *call;
	const struct api_answer *answer; /* while cell_step handles it */
	struct flight *next_free;
};

struct run {
	const struct plan *plan;
	struct run_options o;
	struct arena arena; /* of the whole run */
	struct sources sources;
	struct keep *keep;
	struct checker *checker;
	struct summary sum;
	struct cell_run *cell;
	uint32_t *child,
		*child_at; /* cell i's dependents are child[child_at[i]] up to child_at[i + 1] */
	uint32_t *queue;   /* cells whose dependencies have ended, in that order: each once */
	size_t queue_head, queue_tail, nended;
	struct flight *flights, *free_flight;
	struct timer stop_timer;
	const char *stop_why; /* not NULL: nothing new is started */
	bool stop_told;       /* what was in flight has been told */
	struct err failure;   /* the system failed us */
};

static void cell_step(struct run *r, uint32_t i);

/* ---- the end of a cell ---- */

static void fail_run(struct run *r, const struct err *e)
{
	if (r->failure.kind)
		return;
	r->failure = *e;
	run_stop(r, "the run could not go on", false);
}

/* Whether what is at the service can and should be cancelled there: somebody still answers. */
static bool stop_cancels(const struct run *r)
{
	return r->stop_why && (r->sum.is_interrupted || r->failure.kind);
}

static enum verdict stop_verdict(const struct run *r)
{
	return r->sum.is_interrupted ? VERDICT_CANCELLED : VERDICT_ERROR;
}

static bool is_good(enum verdict v)
{
	return v == VERDICT_PASSED || v == VERDICT_XPASS;
}

static void free_flight(struct run *r, struct cell_run *c)
{
	struct flight *f = c->flight;

	if (!f)
		return;
	if (f->call)
		api_drop(f->call);
	f->call = NULL;
	arena_free(&f->arena);
	f->next_free = r->free_flight;
	r->free_flight = f;
	c->flight = NULL;
}

static void release_children(struct run *r, uint32_t i)
{
	bool good = is_good(r->sum.row[i].verdict);

	for (uint32_t k = r->child_at[i]; k < r->child_at[i + 1]; k++) {
		struct cell_run *c = &r->cell[r->child[k]];

		if (!good && c->blocker == NO_CELL)
			c->blocker = i;
		if (--c->left == 0) {
			c->state = CELL_READY;
			r->queue[r->queue_tail++] = r->child[k];
		}
	}
}

/* The cell's row is complete: write it down, tell, let go. */
static void end_cell(struct run *r, uint32_t i, enum verdict v, const char *reason)
{
	struct row *row = &r->sum.row[i];
	struct err e = { 0 };

	assert(r->cell[i].state != CELL_ENDED);
	row->verdict = v;
	row->reason = arena_strdup(&r->arena, reason);
	r->sum.count[v]++;
	r->nended++;
	r->cell[i].state = CELL_ENDED;
	free_flight(r, &r->cell[i]);
	if (!journal_ended(r->keep, row, &e))
		fail_run(r, &e);
	release_children(r, i);
	if (r->o.progress)
		r->o.progress(r->o.progress_ctx, RUN_ENDED, i, row);
}

static struct bytes shown(struct run *r, struct bytes b)
{
	size_t n = b.len < SHOWN_BYTES ? b.len : SHOWN_BYTES;

	return (struct bytes){ n ? arena_strndup(&r->arena, b.data, n) : NULL, n };
}

/* A judgement lives with its flight; what reports need of it is copied. */
static void keep_failures(struct run *r, struct row *row, const struct judgement *j)
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

static void fill_row(struct run *r, uint32_t i, const struct wire_result *res)
{
	struct row *row = &r->sum.row[i];

	row->exit_code = res->exit_code;
	row->queue_ms = res->queue_time_ms;
	row->duration_ms = res->total_time_ms;
	row->nartifact = res->nartifact;
	if (!r->sum.execution_mode && res->execution_mode)
		r->sum.execution_mode = arena_strdup(&r->arena, res->execution_mode);
}

/* The result has come: kept first, judged then. */
static void judge_cell(struct run *r, uint32_t i, const struct wire_result *res)
{
	const struct cell *cell = &r->plan->cell[i];
	struct arena *a = &r->cell[i].flight->arena;
	struct check_question q = { .result = res, .expect = &cell->job->expect };
	struct judgement j = { 0 };
	struct check *check;
	struct scope scope = { .spec = r->plan->spec,
			       .matrix = cell->matrix,
			       .nmatrix = cell->nmatrix };
	struct err e = { 0 };

	fill_row(r, i, res);
	if (!keep_result(r->keep, cell->id, res, &e)) {
		if (e.kind == ERR_SYSTEM) /* else it is this one result that cannot be kept */
			fail_run(r, &e);
		end_cell(r, i, VERDICT_ERROR, e.msg);
		return;
	}
	if (!expected_checks(a, &r->sources, cell, &check, &e)) {
		end_cell(r, i, VERDICT_ERROR, e.msg);
		return;
	}
	q.check = check;
	if (cell->job->xfail.s)
		q.xfail = spec_expand(a, &scope, &cell->job->xfail).s;
	check_judge(r->checker, a, &q, &j);
	keep_failures(r, &r->sum.row[i], &j);
	if (j.verdict != VERDICT_PASSED) {
		r->sum.row[i].out = shown(r, res->out);
		r->sum.row[i].err = shown(r, res->err);
	}
	end_cell(r, i, j.verdict, j.reason);
}

/* ---- the steps of a cell ---- */

static void on_answer(void *ctx, const struct api_answer *answer)
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
static void end_refused(struct run *r, uint32_t i, const struct api_answer *answer)
{
	if (answer->http_status == 0 || answer->http_status == 401 || answer->http_status == 403)
		run_stop(r, answer->err.msg, false);
	end_cell(r, i, VERDICT_ERROR, answer->err.msg);
}

static void skip_cell(struct run *r, uint32_t i)
{
	const struct row *b = &r->sum.row[r->cell[i].blocker];

	end_cell(r, i, VERDICT_SKIPPED,
		 arena_printf(&r->arena, "needs %s, which %s %s", b->cell,
			      b->verdict == VERDICT_FAILED ? "has" : "is",
			      verdict_names[b->verdict]));
}

static void submit(struct run *r, uint32_t i, const struct wire_request *req)
{
	struct flight *f = r->cell[i].flight;
	CLEAN_BUF struct buf body = BUF(BODY_MAX);
	char key[WIRE_ID_SIZE];
	struct err e = { 0 };

	if (!wire_request_print(req, &body)) {
		end_cell(r, i, VERDICT_FAILED, "its request is larger than the service takes");
		return;
	}
	uuid_make(key);
	if (!journal_submit(r->keep, r->plan->cell[i].id, key, &e)) {
		fail_run(r, &e);
		return;
	}
	r->cell[i].state = CELL_SUBMITTING;
	r->sum.row[i].attempts++;
	f->call = api_submit(r->o.api, key, body.data, body.len, on_answer, f);
	if (r->o.progress)
		r->o.progress(r->o.progress_ctx, RUN_STARTED, i, &r->sum.row[i]);
}

static void start_cell(struct run *r, uint32_t i)
{
	struct flight *f = r->free_flight;
	struct wire_request req;
	struct err e = { 0 };

	r->free_flight = f->next_free;
	f->cell = i;
	r->cell[i].flight = f;
	if (!request_build(&f->arena, &r->sources, &r->plan->cell[i], &req, &e))
		end_cell(r, i, e.kind == ERR_SPEC ? VERDICT_FAILED : VERDICT_ERROR, e.msg);
	else
		submit(r, i, &req);
}

static void take_id(struct run *r, uint32_t i, const struct api_answer *answer)
{
	struct flight *f = r->cell[i].flight;
	struct row *row = &r->sum.row[i];
	struct err e = { 0 };

	if (!answer->ok) {
		end_refused(r, i, answer);
		return;
	}
	row->job_id = arena_strdup(&r->arena, answer->job->id);
	if (!journal_submitted(r->keep, row->cell, row->job_id, &e))
		fail_run(r, &e);
	r->cell[i].state = CELL_AWAITING;
	if (stop_cancels(r)) {
		r->cell[i].state = CELL_CANCELLING;
		f->call = api_cancel(r->o.api, row->job_id, on_answer, f);
		return;
	}
	f->call = api_await(r->o.api, row->job_id, on_answer, f);
}

static void take_result(struct run *r, uint32_t i, const struct api_answer *answer)
{
	if (!answer->ok)
		end_refused(r, i, answer);
	else if (!answer->job->result)
		end_cell(r, i, VERDICT_ERROR, "the service ended the job without a result");
	else
		judge_cell(r, i, answer->job->result);
}

static void cell_step(struct run *r, uint32_t i)
{
	struct cell_run *c = &r->cell[i];

	switch (c->state) {
	case CELL_READY:
		if (c->blocker != NO_CELL)
			skip_cell(r, i);
		else
			start_cell(r, i);
		return;
	case CELL_SUBMITTING:
		take_id(r, i, c->flight->answer);
		return;
	case CELL_AWAITING:
		take_result(r, i, c->flight->answer);
		return;
	case CELL_CANCELLING:
		end_cell(r, i, stop_verdict(r), r->stop_why);
		return;
	case CELL_WAITING:
	case CELL_ENDED:
		assert(!"nothing comes for a cell that waits or has ended");
	}
}

/* ---- the turn of the loop ---- */

static void start_what_can(struct run *r)
{
	while (r->queue_head < r->queue_tail && !r->stop_why) {
		uint32_t i = r->queue[r->queue_head];

		if (r->cell[i].blocker == NO_CELL && !r->free_flight)
			return;
		r->queue_head++;
		cell_step(r, i);
	}
}

/* End what can end at once after run_stop; what is at the service is cancelled there first. */
static void tell_stop(struct run *r)
{
	r->stop_told = true;
	for (uint32_t i = 0; i < r->plan->ncell; i++) {
		struct cell_run *c = &r->cell[i];

		if (c->state == CELL_AWAITING && stop_cancels(r)) {
			api_drop(c->flight->call);
			c->state = CELL_CANCELLING;
			c->flight->call =
				api_cancel(r->o.api, r->sum.row[i].job_id, on_answer, c->flight);
		} else if (c->flight && !stop_cancels(r)) {
			end_cell(r, i, stop_verdict(r), r->stop_why);
		}
	}
}

/* The rest never ran: it has a row in the summary, and a line for reports made later. */
static void end_unstarted(struct run *r)
{
	struct err ignored = { 0 }; /* resuming needs nothing of it */

	for (uint32_t i = 0; i < r->plan->ncell; i++) {
		struct row *row = &r->sum.row[i];

		if (r->cell[i].state == CELL_ENDED)
			continue;
		free_flight(r, &r->cell[i]);
		r->cell[i].state = CELL_ENDED;
		row->verdict = stop_verdict(r);
		row->reason = r->stop_why;
		r->sum.count[row->verdict]++;
		journal_left(r->keep, row, &ignored);
	}
}

static bool has_flights(const struct run *r)
{
	for (size_t i = 0; i < r->o.max_in_flight; i++)
		if (r->cell[r->flights[i].cell].flight == &r->flights[i])
			return true;
	return false;
}

/* No more waiting for the service to cancel: leave. */
static void on_stop_timer(void *ctx)
{
	struct run *r = ctx;

	for (size_t i = 0; i < r->o.max_in_flight; i++)
		free_flight(r, &r->cell[r->flights[i].cell]);
}

static int on_turn(void *ctx)
{
	struct run *r = ctx;
	struct err e = { 0 };

	if (r->stop_why && !r->stop_told)
		tell_stop(r);
	start_what_can(r);
	if (!keep_sync(r->keep, &e))
		fail_run(r, &e);
	if (r->nended == r->plan->ncell || (r->stop_why && r->stop_told && !has_flights(r)))
		loop_stop(r->o.loop);
	return r->stop_why && !r->stop_told ? 0 : -1;
}

void run_stop(struct run *r, const char *why, bool is_interrupt)
{
	if (r->stop_why)
		return;
	r->stop_why = arena_strdup(&r->arena, why);
	r->sum.is_interrupted = is_interrupt;
	r->stop_timer = (struct timer){ .fn = on_stop_timer, .ctx = r };
	timer_set(r->o.loop, &r->stop_timer, loop_now_ms(r->o.loop) + STOP_WAIT_MS);
}

/* ---- opening, going, closing ---- */

/* The dependents of each cell, from the dependencies: two passes of counting sort. */
static void link_children(struct run *r)
{
	const struct plan *p = r->plan;
	size_t ndep = 0;
	uint32_t *at;

	r->child_at = ARENA_NEW(&r->arena, p->ncell + 2, uint32_t);
	for (size_t i = 0; i < p->ncell; i++)
		for (size_t k = 0; k < p->cell[i].ndep; k++, ndep++)
			r->child_at[p->cell[i].dep[k] + 2]++;
	for (size_t i = 2; i < p->ncell + 2; i++)
		r->child_at[i] += r->child_at[i - 1];
	r->child = ARENA_NEW(&r->arena, ndep, uint32_t);
	at = r->child_at +
	     1; /* where the next dependent goes; afterwards where the next cell's begin */
	for (uint32_t i = 0; i < p->ncell; i++)
		for (size_t k = 0; k < p->cell[i].ndep; k++)
			r->child[at[p->cell[i].dep[k]]++] = i;
}

static void make_cells(struct run *r)
{
	const struct plan *p = r->plan;

	r->cell = ARENA_NEW(&r->arena, p->ncell, struct cell_run);
	r->queue = ARENA_NEW(&r->arena, p->ncell, uint32_t);
	r->sum.nrow = p->ncell;
	r->sum.row = ARENA_NEW(&r->arena, p->ncell, struct row);
	for (uint32_t i = 0; i < p->ncell; i++) {
		r->cell[i] =
			(struct cell_run){ .left = (uint32_t)p->cell[i].ndep, .blocker = NO_CELL };
		r->sum.row[i].cell = p->cell[i].id;
		r->sum.row[i].job = p->cell[i].job->name;
		r->sum.row[i].reason = "";
		r->sum.row[i].index = i;
		if (p->cell[i].ndep == 0) {
			r->cell[i].state = CELL_READY;
			r->queue[r->queue_tail++] = i;
		}
	}
}

static void make_flights(struct run *r)
{
	if (r->o.max_in_flight > r->plan->ncell)
		r->o.max_in_flight = r->plan->ncell;
	r->flights = ARENA_NEW(&r->arena, r->o.max_in_flight, struct flight);
	for (size_t i = 0; i < r->o.max_in_flight; i++) {
		r->flights[i].run = r;
		r->flights[i].next_free = r->free_flight;
		r->free_flight = &r->flights[i];
	}
}

/* NULL where the spec cannot be read again (a pipe). */
static const char *spec_digest(struct arena *a, const char *path)
{
	CLEAN_ARENA struct arena scratch = { 0 };
	struct err ignored = { 0 };
	char *text, hex[DIGEST_HEX];
	size_t len;

	if (!fs_read(&scratch, AT_FDCWD, path, SPEC_MAX, &text, &len, &ignored))
		return NULL;
	digest_sha256(text, len, hex);
	return arena_strdup(a, hex);
}

struct run *run_open(const struct plan *p, const struct run_options *o, struct err *e)
{
	struct arena first = { 0 };
	struct run *r = ARENA_NEW(&first, 1, struct run);

	r->arena = first; /* the run lives in its own arena */
	r->plan = p;
	r->o = *o;
	r->sources = (struct sources){ .plan = p, .options = &r->o };
	r->sources.spec_fd = open(p->spec->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->sources.spec_fd < 0)
		err_sys(e, "cannot open %s", p->spec->folder);
	else
		r->keep = keep_open(o->root, o->output, e);
	if (!r->keep) {
		run_close(r);
		return NULL;
	}
	r->sources.run_fd = keep_dirfd(r->keep);
	r->checker = checker_open();
	r->sum = (struct summary){ .name = p->spec->name,
				   .spec_path = p->spec->path,
				   .run_folder = keep_folder(r->keep),
				   .endpoint = o->endpoint,
				   .spec_sha256 = spec_digest(&r->arena, p->spec->path),
				   .started_at = clock_unix_ms() };
	make_cells(r);
	make_flights(r);
	link_children(r);
	return r;
}

void run_close(struct run *r)
{
	struct arena a;

	if (!r)
		return;
	for (size_t i = 0; r->cell && i < r->plan->ncell; i++)
		free_flight(r, &r->cell[i]);
	timer_stop(r->o.loop, &r->stop_timer);
	checker_close(r->checker);
	if (r->keep)
		keep_close(r->keep);
	fs_close(&r->sources.spec_fd);
	a = r->arena;
	arena_free(&a);
}

/* What was known is on disk and in the summary, whatever happened. */
static bool finish(struct run *r, struct err *e)
{
	end_unstarted(r);
	if (r->failure.kind) {
		*e = r->failure;
		return false;
	}
	return archive_artifacts(&r->arena, r->keep, &r->sum, e) &&
	       journal_done(r->keep, &r->sum, e) && keep_sync(r->keep, e);
}

bool run_go(struct run *r, struct summary *out, struct err *e)
{
	int64_t began = clock_mono_ms();
	bool ok = journal_run(r->keep, &r->sum, r->plan->ncell, e) && keep_sync(r->keep, e);

	if (ok) {
		loop_each_turn(r->o.loop, on_turn, r);
		ok = loop_run(r->o.loop, e);
		loop_drop_turn(r->o.loop, on_turn, r);
		timer_stop(r->o.loop, &r->stop_timer);
	}
	r->sum.duration_ms = clock_mono_ms() - began;
	ok = ok && finish(r, e);
	*out = r->sum;
	return ok;
}

bool run_keep_file(struct run *r, const char *name, const void *data, size_t len, struct err *e)
{
	return keep_file(r->keep, name, data, len, e);
}
