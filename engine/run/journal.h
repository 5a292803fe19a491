/*
 * journal -- the events of a run as lines of JSON (format version 1).
 *
 *   {"event":"run","version":1,"spec":PATH,"spec_sha256":HEX,"name":NAME,"cells":N,"endpoint":E,
 *    "started_at":MS,"service":FOLDER,"args":[TEXT,...]}
 *                                                     a second one: a run that goes on
 *   {"event":"submit","cell":ID,"key":UUID}           before it is sent
 *   {"event":"submitted","cell":ID,"job_id":UUID}
 *   {"event":"again","cell":ID,"job":NAME,"index":N,"verdict":V,"reason":TEXT,"attempts":N,
 *    "job_id":UUID,"wait_ms":N}                       so an attempt came out; another follows
 *   {"event":"ended","cell":ID,"job":NAME,"index":N,"verdict":V,"reason":TEXT,"exit_code":N,
 *    "duration_ms":N,"queue_ms":N,"attempts":N,"points":X,"max_points":X,"artifacts":N,
 *    "job_id":UUID,"first":TEXT,"allowed":BOOL,"failures":[{"what":TEXT,"detail":TEXT},...]}
 *                                                     on disk before anything depends on it
 *   {"event":"left","cell":ID,"job":NAME,"index":N,"verdict":V,"reason":TEXT}
 *                                                     never started: the run was stopped
 *   {"event":"done","interrupted":BOOL,"duration_ms":N,"execution_mode":TEXT}
 *
 * index is the cell's place in the plan. Who reads (history.h) takes no notice of other events, nor
 * of other members.
 */
#ifndef ENGINE_RUN_JOURNAL_H
#define ENGINE_RUN_JOURNAL_H

#include "keep/keep.h"
#include "run/run.h"

bool journal_run(struct keep *k, const struct summary *s, const struct run_options *o,
		 struct err *e);
bool journal_submit(struct keep *k, const char *cell, const char *key, struct err *e);
bool journal_submitted(struct keep *k, const char *cell, const char *job_id, struct err *e);
bool journal_ended(struct keep *k, const struct row *r, struct err *e);
bool journal_again(struct keep *k, const struct row *r, int64_t wait_ms, struct err *e);
bool journal_left(struct keep *k, const struct row *r, struct err *e);
bool journal_done(struct keep *k, const struct summary *s, struct err *e);

#endif
