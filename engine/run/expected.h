/* expected -- what a cell's results are held against. */
#ifndef ENGINE_RUN_EXPECTED_H
#define ENGINE_RUN_EXPECTED_H

#include "run/request.h"

/* The cell's checks, texts expanded and files read; an array of job->expect.ncheck. */
bool expected_checks(struct arena *a, struct sources *s, const struct cell *cell,
		     struct check **out, struct err *e);

#endif
