/* folder -- what the files of this room share: where a run's files lie, and the run that is open.
 */
#ifndef ENGINE_KEEP_FOLDER_H
#define ENGINE_KEEP_FOLDER_H

#include <sys/types.h>

#include "keep/keep.h"

struct keep {
	struct arena arena; /* holds this struct too */
	const char *folder;
	int dirfd, jobs, journal; /* jobs: -1 until the first result */
	struct buf pending;       /* noted, not yet written */
	off_t written;            /* bytes of the journal that are whole lines */
	bool is_synced;           /* and on the disk */
};

/* Make the folder that keep_open speaks of; *path is what was made, *dirfd open on it. */
bool folder_make(struct arena *a, const char *root, const char *wanted, const char **path,
		 int *dirfd, struct err *e);
/* Whether a run that is to go on lies there: one that was killed before it had a journal has
 * nothing at all. Any folder can be named by its path. */
bool folder_is_run(const char *path, struct err *e);
bool folder_open(const char *path, int *dirfd, struct err *e);

#endif
