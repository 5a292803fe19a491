#include "run/run.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/fs.h"
#include "keep/keep.h"
#include "run/archive.h"
#include "run/history.h"
#include "run/journal.h"
#include "run/provenance.h"
#include "run/resume.h"
#include "run/state.h"

#define SUMS_MAX ((size_t)256 << 20)

/* ---- the turn of the loop ---- */

/* Whether it can leave the queue without being sent. */
static bool needs_no_flight(const struct run *r, uint32_t i)
{
	return ready_blocker(r, i) != NO_CELL || (r->enough_why && r->sum.row[i].attempts == 0);
}

static void start_what_can(struct run *r)
{
	while (r->ready_head != NO_CELL && !r->stop_why) {
		if (!r->free_flight && !needs_no_flight(r, r->ready_head))
			return;
		cell_step(r, ready_pop(r));
	}
}

/*
 * What is sent must be noted on the disk first, or after a power failure a job would be submitted
 * anew that is known there. The service of our own goes down with us: there it is enough that what
 * was written outlives the runner.
 */
static bool save(struct run *r, struct err *e)
{
	return r->o.service ? keep_write(r->keep, e) : keep_sync(r->keep, e);
}

static int on_turn(void *ctx)
{
	struct run *r = ctx;
	struct err e = { 0 };

	if (r->stop_why && !r->stop_told)
		stop_tell(r);
	start_what_can(r);
	if (!save(r, &e))
		stop_failed(r, &e);
	if (stop_is_over(r))
		loop_stop(r->o.loop);
	return r->stop_why && !r->stop_told ? 0 : -1;
}

/* ---- opening, going, closing ---- */

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
		r->keep = o->history ? keep_resume(o->root, o->history->folder, e)
				     : keep_open(o->root, o->output, e);
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
				   .spec_sha256 = spec_digest(&r->arena, p->spec),
				   .started_at = clock_unix_ms() };
	r->cell = ARENA_NEW(&r->arena, p->ncell, struct cell_run);
	r->is_slow = ARENA_NEW(&r->arena, p->spec->njob, bool);
	row_open(r);
	r->sources.row = r->sum.row;
	make_flights(r);
	if (!resume_settle(r, e)) {
		run_close(r);
		return NULL;
	}
	ready_link(r);
	reuse_open(r);
	return r;
}

void run_close(struct run *r)
{
	struct arena a;

	if (!r)
		return;
	for (uint32_t i = 0; r->cell && i < r->plan->ncell; i++)
		cell_land(r, i);
	if (r->cell)
		again_stop(r);
	timer_stop(r->o.loop, &r->stop_timer);
	checker_close(r->checker);
	reuse_close(r);
	if (r->keep)
		keep_close(r->keep);
	fs_close(&r->sources.spec_fd);
	a = r->arena;
	arena_free(&a);
}

/* The artifacts in one file, and where they come from. */
static bool archive(struct run *r, struct err *e)
{
	CLEAN_BUF struct buf sums = BUF(SUMS_MAX);

	if (!archive_artifacts(&r->arena, r->keep, &r->sum, &sums, e))
		return false;
	if (!r->sum.archive)
		return true;
	return provenance_write(r->keep, &r->sources, &r->sum, &sums, e) &&
	       (!r->o.sign_key || provenance_sign(r->sum.run_folder, r->o.sign_key, e));
}

/* What was known is on disk and in the summary, whatever happened. */
static bool finish(struct run *r, struct err *e)
{
	stop_rest(r);
	if (r->failure.kind) {
		*e = r->failure;
		return false;
	}
	return archive(r, e) && journal_done(r->keep, &r->sum, e) && keep_sync(r->keep, e);
}

bool run_go(struct run *r, struct summary *out, struct err *e)
{
	int64_t began = clock_mono_ms();
	bool ok = journal_run(r->keep, &r->sum, &r->o, e) && keep_sync(r->keep, e);

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
