/*
 * plan -- the jobs of a spec times their matrices: cells, in an order in which
 * they can run.
 *
 * A cell is small (its texts are expanded when it runs), so that 100,000 of them
 * are built in a second.
 */
#ifndef ENGINE_PLAN_PLAN_H
#define ENGINE_PLAN_PLAN_H

#include "spec/spec.h"

struct cell {
	const struct job_spec *job;
	const char *id; /* "case[n=15]", keys in written order; "build" without a matrix; unique in
			   the plan */
	const struct pair *matrix;
	size_t nmatrix;
	const uint32_t *dep; /* indices into plan.cell, each smaller than this cell's own */
	size_t ndep;
};

struct plan {
	const struct spec *spec;
	struct cell *cell;
	size_t ncell;
};

#define PLAN_MAX_CELLS 1000000

/*
 * Jobs keep the spec's order as far as needs allow; cells of a job that of its matrix, the last key
 * changing fastest. A cell depends on those cells of each needed job that agree with it on every
 * matrix key both have. Fails (ERR_SPEC, "path:line:col: ..." ) naming the jobs that wait on each
 * other, two cells with one id, or more than PLAN_MAX_CELLS.
 */
bool plan_build(struct arena *a, const struct spec *s, struct plan *out, struct err *e);

#endif
