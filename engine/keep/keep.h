/*
 * keep -- what stays on disk of a run: the journal, each cell's folder, what the
 * reports are made from.
 *
 *   <run>/journal.jsonl   one line an event, appended; fsync when keep_sync is called
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
#include "wire/wire.h"

struct keep;

/*
 * Make the folder of a new run: folder itself (--output; made, must be empty or absent), or with
 * folder NULL <root>/runs/<id>, id from time and chance, and point <root>/runs/latest at it.
 */
struct keep *keep_open(const char *root, const char *folder, struct err *e);
void keep_close(struct keep *k);
const char *keep_folder(const struct keep *k); /* its path, as it can be shown */
int keep_dirfd(const struct keep *k);

/* Append one event, a JSON object without newline. It is on disk after the next keep_sync. */
bool keep_note(struct keep *k, const char *json, size_t len, struct err *e);
/* Write and fsync what was noted since; nothing to do if nothing was. */
bool keep_sync(struct keep *k, struct err *e);
/* Write a cell's stdout, stderr, result.json (the result as on the wire, less streams and
 * artifacts) and artifacts. Names of artifacts come from the service and are not trusted. */
bool keep_result(struct keep *k, const char *cell_id, const struct wire_result *r, struct err *e);
/* Write a file of the run's folder whole (fs_write_atomic). */
bool keep_file(struct keep *k, const char *name, const void *data, size_t len, struct err *e);
/* The name of a cell's folder below jobs/. */
const char *keep_cell_folder(struct arena *a, const char *cell_id);

#endif
