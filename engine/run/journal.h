/*
 * journal -- the events of a run as lines of JSON (format version 1).
 *
 *   {"event":"run","version":1,"spec":PATH,"name":NAME,"cells":N,"endpoint":E,"started_at":MS}
 *   {"event":"submit","cell":ID,"key":UUID}           before it is sent
 *   {"event":"submitted","cell":ID,"job_id":UUID}
 *   {"event":"ended","cell":ID,"verdict":V,"reason":TEXT,"exit_code":N,"duration_ms":N,
 *    "queue_ms":N,"attempts":N,"job_id":UUID}         on disk before anything depends on it
 *   {"event":"done","interrupted":BOOL}
 */
#ifndef ENGINE_RUN_JOURNAL_H
#define ENGINE_RUN_JOURNAL_H

#include "keep/keep.h"
#include "run/run.h"

bool journal_run(struct keep *k, const struct summary *s, size_t ncell, struct err *e);
bool journal_submit(struct keep *k, const char *cell, const char *key, struct err *e);
bool journal_submitted(struct keep *k, const char *cell, const char *job_id, struct err *e);
bool journal_ended(struct keep *k, const struct row *r, struct err *e);
bool journal_done(struct keep *k, const struct summary *s, struct err *e);

#endif
