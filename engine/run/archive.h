/* archive -- all artifacts of a run in one file, the same bytes for the same content. */
#ifndef ENGINE_RUN_ARCHIVE_H
#define ENGINE_RUN_ARCHIVE_H

#include "keep/keep.h"
#include "run/run.h"

/* Write artifacts.tar.zst, <cell>/<artifact> of each cell and SHA256SUMS, whose text is
 * added to sums, and set s->archive; nothing where there are none. */
bool archive_artifacts(struct arena *a, struct keep *k, struct summary *s, struct buf *sums,
		       struct err *e);

#endif
