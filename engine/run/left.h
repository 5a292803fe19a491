/* left -- what the cells that a cell needs have left in the run's folder. */
#ifndef ENGINE_RUN_LEFT_H
#define ENGINE_RUN_LEFT_H

#include "run/request.h"

/* Who asks; the answers are put into the arena. */
struct asking {
	struct arena *a;
	struct sources *s;
	const struct cell *cell;
};

/* As scope.needs wants it, ctx being a struct asking: of several cells of the job what each left,
 * one after the other; their verdict is the first that is not passed. */
bool left_tell(void *ctx, const char *job, const char *what, struct text *out);
/* What the one cell of that job that agrees with the asking one printed. */
bool left_printed(const struct asking *q, const char *job, struct bytes *out, struct err *e);

#endif
