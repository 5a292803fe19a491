/* cells -- what the files of this room share: the cells of one job, and who waits on whom. */
#ifndef ENGINE_PLAN_CELLS_H
#define ENGINE_PLAN_CELLS_H

#include "plan/plan.h"

/* One point of a job's matrix. */
struct combo {
	const struct pair *pair;
	size_t n;
};

struct combos {
	struct combo *item;
	size_t n;
};

/*
 * A pair's value as bytes that end by themselves, appended: joined, the values of some keys in a
 * given order are a map's key, equal when all values are.
 */
void join_value(struct buf *b, const struct pair *p);

/* All combos of a job in order: lists less exclude, then include as GitHub Actions has it. */
bool job_combos(struct arena *a, const struct spec *s, const struct job_spec *job,
		struct combos *out, struct err *e);

/* Where the cells of a job lie in the plan. */
struct range {
	uint32_t first, n;
};

/* Fill dep of all cells. order: the jobs as they lie in the plan; range: by the job's index. */
bool plan_link(struct arena *a, struct plan *p, const uint32_t *order, const struct range *range,
	       struct err *e);

/* "path:line:col: ..." of a job. */
bool plan_mistake(const struct job_spec *job, struct err *e, const char *fmt, ...) PRINTF(3, 4);

#endif
