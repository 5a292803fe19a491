/*
 * run -- what happens next: each cell packed, submitted, awaited, judged and
 * kept, as its dependencies end.
 *
 * The only state that changes while a batch is under way is here: one state per
 * cell, changed by cell_step() alone.
 *
 * A cell runs again
 * - as its retry asks for: infra is a service that could not run it or could not be reached (after
 *   what api tries by itself), timeout its ttl, a pattern one that matches stdout or stderr of an
 *   attempt that failed. The wait before retry n is backoff_ms * factor^(n-1), at most 10 minutes,
 *   with jitter less up to half of it by chance. A cell that waits takes no other's place.
 * - once, when its timeout may be the machine's: another cell of its job ended by itself with 90 %
 *   or more of its ttl gone, or it used the CPU for a tenth of its time or more, but for less than
 *   90 % of it: it worked, and did not get the whole CPU. What sleeps or spins is a timeout at
 * once.
 * - as often as repeat says; flaky if the verdicts differ. Retries do not count as repeats.
 * attempts counts all of these. The first attempt that failed is kept below jobs/<cell>#<attempt>.
 */
#ifndef ENGINE_RUN_RUN_H
#define ENGINE_RUN_RUN_H

#include "api/api.h"
#include "base/loop.h"
#include "base/map.h"
#include "check/check.h"
#include "plan/plan.h"

/* One cell's row in every report. */
struct row {
	const char *cell, *job;
	uint32_t index; /* in the plan */
	enum verdict verdict;
	const char *reason; /* one line; "" when passed at once */
	int exit_code;
	int64_t duration_ms; /* the program's own time at the service */
	int64_t queue_ms;
	int attempts;
	double points, max_points;
	bool is_allowed;    /* allow_failure: it fails neither the run nor what needs it */
	const char *first;  /* of a cell that ran again: how its first attempt that was not as
			       expected came out, "timeout: ..."; or NULL */
	const char *job_id; /* at the service; NULL: never submitted */
	const struct failure *failure;
	size_t nfailure;
	struct bytes out,
		err; /* of cells that are not as expected, the first 8 KiB of each: for reports */
	size_t nartifact;
};

struct summary {
	const char *name, *spec_path, *run_folder, *endpoint;
	const char *spec_sha256;         /* of the spec's file in hex; NULL: not known */
	const char *archive;             /* path of artifacts.tar.zst, NULL: no artifacts */
	const char *execution_mode;      /* how the service ran them; NULL: it ran none */
	int64_t started_at, duration_ms; /* Unix ms; ms */
	size_t count[NVERDICT];
	size_t nrow;
	struct row *row; /* in the plan's order */
	bool is_interrupted;
	struct update *update; /* what --update wrote, or why not, in that order */
	size_t nupdate;
};

/* A file of what is expected that a cell's output took the place of. */
struct update {
	const char *path, *cell;
	const char *note; /* what is odd about it, or why it was not written; or NULL */
};

/* One language of the endpoint. */
struct toolchain {
	const char *name;
	struct names aliases, extensions;
	bool is_available;
	const char *package; /* Debian's, that brings it; or NULL */
	const char *missing; /* the program that was not found; or NULL */
	const char *version; /* as the endpoint tells it; or NULL */
};

/* What the endpoint can run. */
struct toolchains {
	struct toolchain *item;
	size_t n;
};

/* From an answer to GET /languages; all in the arena. */
bool toolchains_parse(struct arena *a, const char *text, size_t len, const struct toolchains **out,
		      struct err *e);
/* By name or alias; NULL: unknown there. */
const struct toolchain *toolchains_find(const struct toolchains *t, const char *name);
/* Whether the endpoint can run it now; else e (ERR_SPEC) says what is missing. */
bool toolchains_check(const struct toolchains *t, const char *name, struct err *e);
/* By the extension of the file's name (or NULL), else by the code's shebang line; NULL: neither
 * tells. */
const struct toolchain *toolchains_guess(const struct toolchains *t, const char *file,
					 const struct bytes *code);

/*
 * Progress, for a live display; told in the turn in which it happened. RUN_AGAIN: an attempt came
 * out as the row says, and the cell is tried again.
 */
enum run_event { RUN_STARTED, RUN_AGAIN, RUN_ENDED };
typedef void run_progress_fn(void *ctx, enum run_event event, uint32_t cell, const struct row *row);

/*
 * What the journal of an earlier run tells of each of its cells. Keyed by the cell's id, so that it
 * fits a plan made anew: lines of cells that the plan no longer has do no harm.
 */
enum history_state {
	HISTORY_NOTHING,   /* nothing of it is at the service */
	HISTORY_SENDING,   /* key is known, no answer to it: send it again under the same key */
	HISTORY_SUBMITTED, /* job_id is known: await it */
	HISTORY_ENDED,     /* row is complete, but for out and err: history_outputs */
};

struct history_cell {
	enum history_state state;
	const char *key;    /* of its last submit; NULL: none */
	const char *job_id; /* of its last submit; NULL: not known */
	int attempts;       /* submits that were noted */
	size_t index;       /* its place in the plan of that run, as far as noted */
	struct row row; /* cell and job always; the rest when it ended, or was left at the end */
	bool is_left;   /* row says why it never started: the run was stopped before */
};

struct history {
	const char *folder;
	/* From the journal's first line. has_run false: killed before it was on disk, all is empty.
	 */
	bool has_run;
	const char *spec_path, *name, *endpoint;
	const char *spec_sha256; /* of the spec's file in hex, NULL: not told */
	const char *execution_mode;
	int64_t started_at; /* Unix ms, of the first runner */
	size_t ncell;       /* of its plan */
	/* From its last line: */
	bool is_done, is_interrupted; /* neither: it was killed, or is running */
	int64_t duration_ms;          /* 0: not told */
	struct history_cell **cell;   /* in the order in which they were first told of */
	size_t nseen;
	struct map by_id; /* cell id -> struct history_cell */
};

/* Read the journal of the run in that folder (keep_find); all in the arena but the map:
 * history_close. Fails as keep_replay does, or naming the line that makes no sense. */
bool history_load(struct arena *a, const char *folder, struct history *out, struct err *e);
void history_close(struct history *h);
/* What is known of the cell, or NULL. */
const struct history_cell *history_find(const struct history *h, const char *cell_id);
struct run_options {
	struct loop *loop;
	struct api *api;
	const char *endpoint;                /* as shown */
	const struct toolchains *toolchains; /* NULL: not known */
	bool has_additions;                  /* the endpoint offers part 2 of the contract */
	const char *root;                    /* ".sandbatch" */
	const char *output;                  /* folder for the run, NULL: a new one below root */
	const struct history *history;       /* go on with that run (history.h), which outlives this
						one; NULL: begin one */
	bool reruns_failed;      /* with history: what was not as expected too, and what needs it */
	const char *service;     /* folder of an embedded service, for the journal; or NULL */
	const char *const *args; /* what the user asked for, likewise; NULL at the end; or NULL */
	size_t max_in_flight;    /* at least 1 */
	bool caches; /* cells that passed with the same inputs, below root, are not run again */
	bool allow_outside;
	bool updates; /* write what was printed as the files that are expected, then judge */
	const char
		*sign_key;   /* what provenance.json is signed with (provenance.h); NULL: nothing */
	size_t max_failures; /* so many cells that fail the run, and nothing more is started; 0: any
			      */
	int64_t max_ttl_s;   /* longer ones are cut to this; 0: none */
	run_progress_fn *progress; /* or NULL */
	void *progress_ctx;
};

/*
 * All that can be known before anything is sent: files are there and fit the limits, patterns
 * compile; with an endpoint (o->toolchains): languages are there, and nothing is asked of it that
 * it does not offer. Mistakes as in spec.h, all of them. A path that depends on the matrix is its
 * own cell's: it fails that cell, when it starts, and not the batch.
 */
bool run_check(const struct plan *p, const struct run_options *o, struct buf *tell, struct err *e);

/* A run with its folder and journal begun. p and what o points at outlive it. NULL: e says why. */
struct run *run_open(const struct plan *p, const struct run_options *o, struct err *e);
void run_close(struct run *r);
/*
 * Drive the loop until every cell has ended and is on disk, then archive; what out points at lives
 * until run_close. Fails when the system failed us (ERR_SYSTEM): out then holds what was known.
 */
bool run_go(struct run *r, struct summary *out, struct err *e);
/*
 * End early: what is at the service is cancelled there, cells that have not ended become cancelled
 * (is_interrupt) or error, with why as their reason. Called from a callback of the loop.
 */
void run_stop(struct run *r, const char *why, bool is_interrupt);
/* Put a file of the finished run (a report) into its folder. */
bool run_keep_file(struct run *r, const char *name, const void *data, size_t len, struct err *e);
/*
 * The summary of a run that is on disk, as far as its journal goes: rows in the plan's order; where
 * the runner was killed only of the cells that had begun, those that had not ended as cancelled.
 * All in the arena. Fails as keep_replay does, or (ERR_USAGE) when the run never began.
 */
bool run_load(struct arena *a, const char *folder, struct summary *out, struct err *e);

#endif
