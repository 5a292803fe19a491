/*
 * run -- what happens next: each cell packed, submitted, awaited, judged and
 * kept, as its dependencies end.
 */
#ifndef ENGINE_RUN_RUN_H
#define ENGINE_RUN_RUN_H

#include "api/api.h"
#include "base/loop.h"
#include "check/check.h"
#include "plan/plan.h"

/* One cell's row in every report. */
struct row {
	const char *cell, *job;
	enum verdict verdict;
	const char *reason; /* one line, "" when passed */
	int exit_code;
	int64_t duration_ms; /* the program's own time at the service */
	int64_t queue_ms;
	int attempts;
	double points, max_points;
	const char *job_id; /* at the service; NULL: never submitted */
	const struct failure *failure;
	size_t nfailure;
	struct bytes out, err; /* of cells that are not as expected, the first 64 KiB of each: for reports */
	size_t nartifact;
};

struct summary {
	const char *name, *spec_path, *run_folder, *endpoint;
	const char *archive; /* path of artifacts.tar.zst, NULL: no artifacts */
	const char *execution_mode; /* how the service ran them */
	int64_t started_at, duration_ms; /* Unix ms; ms */
	size_t count[NVERDICT];
	size_t nrow;
	struct row *row; /* in the plan's order */
	bool is_interrupted;
};

/* Progress, for a live display; told in the turn in which it happened. */
enum run_event { RUN_STARTED, RUN_ENDED };
typedef void run_progress_fn(void *ctx, enum run_event event, const struct plan *plan,
			     uint32_t cell, const struct row *row);

struct run_options {
	const char *endpoint_name; /* as shown */
	const char *keep_root, *output;
	size_t max_in_flight;
	bool allow_outside;
	run_progress_fn *progress;
	void *progress_ctx;
};

/*
 * All that can be known before anything is sent: files are there and fit the service's limits,
 * patterns compile. Mistakes as in spec.h, all of them.
 */
bool run_check(const struct plan *p, bool allow_outside, struct buf *tell, struct err *e);
/*
 * Run the plan against the service of api, driving the loop. *interrupted may turn true at any time
 * (a signal's callback): what runs is cancelled at the service. Fails only when the batch as a whole
 * cannot go on; the summary then holds what was known, and the run folder too.
 */
bool run_batch(struct arena *a, struct loop *l, struct api *api, const struct plan *p,
	       const struct run_options *o, struct summary *out, struct err *e);
/* Stop: cancel what is in flight, end run_batch. why goes into the cells that did not run. */
struct run;
void run_stop(struct run *r, const char *why, bool is_interrupt);

#endif
