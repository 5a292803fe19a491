/*
 * history -- what the journal of an earlier run tells of each of its cells: for going on with it
 * (run --resume, --rerun-failed), for its reports (load.h), for balancing shards.
 *
 * Keyed by the cell's id, so that it fits a plan made anew. Lines of cells that the plan no longer
 * has do no harm, events of a name that is not known here neither.
 */
#ifndef ENGINE_RUN_HISTORY_H
#define ENGINE_RUN_HISTORY_H

#include "base/map.h"
#include "run/run.h"

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
/*
 * Fill row->out and row->err with the first 8 KiB of each of the cell's streams below run_fd, as
 * they are in a summary: only of cells that are not as expected. A stream that is not there is
 * empty.
 */
bool history_outputs(struct arena *a, int run_fd, struct row *row, struct err *e);

#endif
