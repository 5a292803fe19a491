/* load -- a run that is on disk as the summary it ended with, for reports made again. */
#ifndef ENGINE_RUN_LOAD_H
#define ENGINE_RUN_LOAD_H

#include "run/history.h"

/*
 * The summary of the run that h was read from: its rows in the plan's order, those of the run's
 * journal; where it was killed, only those that had begun, and those that had not ended are
 * cancelled. All in the arena, which also holds the first bytes of each stream (history_outputs).
 */
bool load_summary(struct arena *a, const struct history *h, struct summary *out, struct err *e);

#endif
