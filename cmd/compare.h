/* compare -- two runs side by side: verdicts, outputs, artifacts, times. */
#ifndef CMD_COMPARE_H
#define CMD_COMPARE_H

#include "run/run.h"

struct compare_pair {
	const struct summary *was, *is;
};

/*
 * Append a line, or with json an object in a list, for each cell that differs in its verdict, exit
 * code, what it printed, its artifacts (by their SHA-256), or that only one run has; then the
 * totals. *nchanged is how many. Times are told, but make no difference.
 */
bool compare_runs(const struct compare_pair *p, bool json, size_t *nchanged, struct buf *out,
		  struct err *e);

#endif
