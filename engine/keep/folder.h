/* folder -- where a run's files lie; internal to keep. */
#ifndef ENGINE_KEEP_FOLDER_H
#define ENGINE_KEEP_FOLDER_H

#include "base/arena.h"

/* Make the folder that keep_open speaks of; *path is what was made, *dirfd open on it. */
bool folder_make(struct arena *a, const char *root, const char *wanted, const char **path,
		 int *dirfd, struct err *e);

#endif
