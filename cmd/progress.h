/*
 * progress -- what a run tells on stderr while it goes: on a terminal a line for
 * each running cell and a bar, elsewhere a line for each cell that has ended.
 */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include "base/loop.h"
#include "run/run.h"

struct progress;
struct progress *progress_open(struct loop *l, const struct plan *p);
/* A sentence above the live lines, on which it would be lost; ctx: the progress. */
void progress_say(void *ctx, const char *sentence);
run_progress_fn progress_tell;           /* ctx: the progress */
void progress_close(struct progress *g); /* the live lines are gone from the screen; NULL is fine */

#endif
