/* choose -- which cells of a plan a run is to run, and why. */
#ifndef CMD_CHOOSE_H
#define CMD_CHOOSE_H

#include "cmd/options.h"
#include "plan/plan.h"
#include "run/run.h"

struct choice {
	struct strings filters, tags;
	const char *shard; /* "I/N", or NULL */
	const char *root;  /* where earlier runs are, whose times balance shards */
};

/* Whether the words make sense (ERR_USAGE). */
bool choose_check(const struct choice *c, struct err *e);
/*
 * The part of the plan that is chosen; from (of choose_explain): the index in p of each of its
 * cells. Shards are balanced by the times of the last run below root that was of as many cells and
 * not cut short. ERR_NOT_FOUND when no cell fits.
 */
bool choose_cells(struct arena *a, const struct choice *c, const struct plan *p, struct plan *out,
		  const uint32_t **from, struct err *e);
/* What a run goes on with. */
struct earlier {
	const struct history *history; /* NULL: nothing */
	bool reruns_failed;
};
/* A line a cell of the whole plan on stdout: runs, or why not. */
void choose_explain(const struct plan *whole, const struct plan *chosen, const uint32_t *from,
		    const struct earlier *earlier);

#endif
