/*
 * keep -- what stays on disk of a run: the journal, each cell's folder, what the
 * reports are made from.
 *
 *   <run>/journal.jsonl   one line an event, appended; fsync when keep_sync is called. Who writes
 *                         to a run holds flock(2) on it. The first line tells the version.
 *   <run>/jobs/<cell>/    stdout stderr result.json artifacts/; no empty ones
 *   <run>/summary.json    written whole at the end
 *
 * A cell's folder is its id percent-encoded (unreserved of RFC 3986 and "[]=,+@" stay), shortened
 * by a hash past 200 bytes.
 */
#ifndef ENGINE_KEEP_KEEP_H
#define ENGINE_KEEP_KEEP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "wire/wire.h"

struct keep;

/* In a run's folder: what its own service needs while it goes on, where the root cannot be written.
 */
#define KEEP_SERVICE ".service"

/*
 * Make the folder of a new run: folder itself (--output; made, must be empty but for KEEP_SERVICE,
 * or absent), or with folder NULL <root>/runs/<id>, id from time and chance, and point
 * <root>/runs/latest at it.
 */
struct keep *keep_open(const char *root, const char *folder, struct err *e);
/*
 * Go on with a run (as keep_find takes it): its folder, what is appended to its journal following
 * what is there. A last line that was torn by a crash is cut off; a journal that was not made yet
 * is made, in a folder with nothing in it. Fails (ERR_USAGE) when there is no run in the folder, or
 * another runner is at it.
 */
struct keep *keep_resume(const char *root, const char *run, struct err *e);
void keep_close(struct keep *k);
const char *keep_folder(const struct keep *k); /* its path, as it can be shown */
int keep_dirfd(const struct keep *k);

/* Append one event, a JSON object without newline. It is on disk after the next keep_sync. */
bool keep_note(struct keep *k, const char *json, size_t len, struct err *e);
/* Write what was noted since: it outlives the runner, but not a power failure. */
bool keep_write(struct keep *k, struct err *e);
/* Write and fsync what was noted since; nothing to do if nothing was. */
bool keep_sync(struct keep *k, struct err *e);
/* Write a cell's stdout, stderr, result.json (the result as on the wire, less streams and
 * artifacts) and artifacts. Names of artifacts come from the service and are not trusted. */
bool keep_result(struct keep *k, const char *cell_id, const struct wire_result *r, struct err *e);
/* Write a file of the run's folder whole (fs_write_atomic). */
bool keep_file(struct keep *k, const char *name, const void *data, size_t len, struct err *e);
/* The name of a cell's folder below jobs/. */
const char *keep_cell_folder(struct arena *a, const char *cell_id);

/*
 * The folder of an earlier run: by its id below <root>/runs, by the only id that begins so, by a
 * path, or with run NULL (or "latest") the latest. ERR_USAGE when there is none.
 */
bool keep_find(struct arena *a, const char *root, const char *run, const char **folder,
	       struct err *e);

/* The ids of all runs below <root>/runs, the oldest first. */
bool keep_list(struct arena *a, const char *root, const char *const **id, size_t *n, struct err *e);
/* Remove a run (as keep_find takes it), and let <root>/runs/latest lead to the newest of the rest.
 * Fails (ERR_USAGE) when a runner is at it. */
bool keep_remove(const char *root, const char *run, struct err *e);

#define KEEP_VERSION 1 /* of the journal's format */

typedef bool keep_event_fn(void *ctx, const cJSON *event, struct err *e);
/*
 * Call fn with each event of a run's journal, an object; what it answers false to is told with its
 * line. The first must have "version":KEEP_VERSION. A last line without newline was torn by a crash
 * and never happened; any other that is no object is ERR_SYSTEM with its line. No journal: no
 * event.
 */
bool keep_replay(const char *folder, keep_event_fn *fn, void *ctx, struct err *e);

#endif
