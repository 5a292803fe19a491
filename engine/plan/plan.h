/*
 * plan -- the jobs of a spec times their matrices: cells, in an order in which
 * they can run.
 *
 * A cell is small (its texts are expanded when it runs), so that 100,000 of them
 * are built in a second.
 */
#ifndef ENGINE_PLAN_PLAN_H
#define ENGINE_PLAN_PLAN_H

#include <stdbool.h>

#include "spec/spec.h"

struct cell {
	const struct job_spec *job;
	const char *id; /* "case[n=15]", keys in written order; "build" without a matrix; unique in
			   the plan */
	const struct pair *matrix;
	size_t nmatrix;
	const uint32_t *dep; /* indices into plan.cell, each smaller than this cell's own */
	size_t ndep;
	bool is_only_needed; /* kept by plan_select only because a selected cell depends on it */
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

#define PLAN_MAX_SHARDS 1000

/* Which cells to run: those that fit all that is given. */
struct selection {
	struct names filters;   /* on ids, any of them: * any text, ? one byte, else itself */
	struct names tags;      /* any of them */
	const bool *rerun;      /* by cell of the plan: these and what depends on them; NULL: all */
	uint32_t shard, nshard; /* 1 to nshard; nshard 0: all */
	const int64_t *time_ms; /* by cell of the plan: how long it took before, 0: not known;
				   NULL: none is. For shards of equal length */
};

/*
 * The selected cells and, marked is_only_needed, all they depend on, in the plan's order, deps
 * renumbered. Shards: cells that no other selected one depends on are given, the longest first, to
 * the shard that has least (what is not known counts as the average); so every selected cell is in
 * some shard, and not is_only_needed in just one. An empty shard is none's fault; but when no cell
 * fits the filters, tags or rerun, that is ERR_NOT_FOUND, naming a filter or tag that fits none.
 * from: the index in p of each cell of out.
 */
bool plan_select(struct arena *a, const struct plan *p, const struct selection *s, struct plan *out,
		 const uint32_t **from, struct err *e);

#endif
