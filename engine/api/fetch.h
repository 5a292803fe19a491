/*
 * fetch -- the artifacts of a job that its answer tells by their paths; internal to api.
 *
 * Each goes from the socket into a file without a name below $TMPDIR (or /var/tmp), and is mapped
 * once it is whole: who reads it reads the file's pages, which the kernel may take back, not memory
 * of ours. What was dropped midway goes on from there (Range). What a service tells of a size is
 * not trusted: all of a job are FETCH_BYTES_MAX at most, and no byte past a size is taken.
 */
#ifndef ENGINE_API_FETCH_H
#define ENGINE_API_FETCH_H

#include "api/http.h"

#define FETCH_BYTES_MAX ((int64_t)1 << 30)
#define FETCH_FILES_MAX 1024
#define FETCH_INLINE    (1 << 20) /* larger ones are to be told by their paths */

struct fetch {
	struct wire_job job;   /* its artifacts become whole one after the other */
	size_t at;             /* the one under way */
	const char *path;      /* of it */
	struct http_file file; /* of it */
	int64_t forgiven;      /* bytes of it that there were when tries were last forgiven */
	struct bytes *mapped;
	size_t nmapped;
	bool is_whole; /* nothing is missing any more */
};

/* Whether bytes of some artifact are not here. */
bool fetch_is_needed(const struct wire_job *job);
/* The job as in that answer, which was parsed before; NULL with e if it says too much. The arena
 * must outlive it. */
struct fetch *fetch_begin(struct arena *a, const char *json, size_t len, struct err *e);
/* The bytes of file are all there: map them and turn to the next one that is missing. */
bool fetch_next(struct fetch *f, struct arena *a, struct err *e);
/* Whether so much came since it was last asked that it is worth going on. */
bool fetch_advances(struct fetch *f);
void fetch_free(struct fetch *f); /* NULL too */

#endif
