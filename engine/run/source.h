/* source -- what a cell's texts say, and the bytes of the spec's folder. */
#ifndef ENGINE_RUN_SOURCE_H
#define ENGINE_RUN_SOURCE_H

#include "run/request.h"

#define SOURCE_MAX ((size_t)64 << 20) /* of one file that is read whole */

/* What the text says in that cell; s->at is it, for the place of a mistake. Empty when it cannot be
 * told: source_settle must be asked before it is used. */
struct text source_expand(struct arena *a, struct sources *s, const struct cell *cell,
			  const struct text *t);
/* Whether all texts since it was last asked could be told; else e is why the first could not, and
 * s->at that. */
bool source_settle(struct sources *s, struct err *e);
/* The folder that the paths of the cell's job start from: that of the spec it stands in. Owned by
 * s, or, for an included spec's, put in *opened, too, which is to be closed. */
int source_folder(const struct sources *s, const struct cell *cell, int *opened);
/* Whether the path stays in the spec's folder, as it is written, or may leave it. */
bool source_check(struct sources *s, const char *path, struct err *e);
/* The file of the spec's folder (or of anywhere if that is allowed) whose path the text says, whole
 * and in the arena. ERR_SPEC in words a spec's author understands. */
bool source_read(struct arena *a, struct sources *s, const struct cell *cell, const struct text *t,
		 struct bytes *out, struct err *e);

#endif
