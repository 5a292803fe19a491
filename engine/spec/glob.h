/* glob -- the files or folders that fit a pattern, following no link. */
#ifndef ENGINE_SPEC_GLOB_H
#define ENGINE_SPEC_GLOB_H

#include "base/arena.h"
#include "base/yaml.h"

struct glob {
	int dirfd;          /* what the pattern is relative to */
	bool allow_outside; /* it may be absolute, or have .. */
	bool wants_folders; /* else regular files */
};

/*
 * What fits the pattern, sorted by bytes, relative as the pattern is: * ? [..] within a name as
 * fnmatch(3), which never fit a leading dot; ** any folders. Nothing is an empty list. Fails
 * (ERR_SPEC) when it leaves the folder, meets a symbolic link that fits, or looks at more than
 * 100,000 entries.
 */
bool glob_find(struct arena *a, const struct glob *g, const char *pattern, struct names *out,
	       struct err *e);
/* One file or folder of it opened, likewise following no link; -1: e says why. */
int glob_open(const struct glob *g, const char *path, int flags, struct err *e);

#endif
