/* resume -- what a run that goes on with an earlier one takes over from it; internal to run. */
#ifndef ENGINE_RUN_RESUME_H
#define ENGINE_RUN_RESUME_H

#include "run/state.h"

/* The cells that need not run again end here, with their rows. Nothing to do for a new run. */
bool resume_settle(struct run *r, struct err *e);

/* Where a cell's last attempt was left: job_id: the service has it; key: it may have it. */
struct left_off {
	const char *key, *job_id;
	int attempts; /* with this one */
};
/* All empty when there is nothing to go on with, and when asked again. */
struct left_off resume_cell(struct run *r, uint32_t i);

#endif
