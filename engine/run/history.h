/*
 * history -- what the journal of an earlier run tells of each of its cells: for going on with it
 * (run --resume, --rerun-failed), for its reports (load.h), for balancing shards.
 *
 * Keyed by the cell's id, so that it fits a plan made anew. Lines of cells that the plan no longer
 * has do no harm, events of a name that is not known here neither.
 */
#ifndef ENGINE_RUN_HISTORY_H
#define ENGINE_RUN_HISTORY_H

#include "run/run.h"

/*
 * Fill row->out and row->err with the first 8 KiB of each of the cell's streams below run_fd, as
 * they are in a summary: only of cells that are not as expected. A stream that is not there is
 * empty.
 */
bool history_outputs(struct arena *a, int run_fd, struct row *row, struct err *e);

#endif
