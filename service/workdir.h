/*
 * workdir -- the working folder of a job from outside: its files in, its
 * artifacts out. Only through the fd the warden gave, only regular files, never
 * through a link: what lies there may be the work of a hostile program.
 */
#ifndef SERVICE_WORKDIR_H
#define SERVICE_WORKDIR_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "service/language.h"
#include "wire/wire.h"

#define WORKDIR_ENTRIES_MAX 100000 /* looked at for artifacts */
#define WORKDIR_ARTIFACT_MAX \
	((size_t)32 * WIRE_MB) /* bytes of all artifacts; base64 makes them 4/3 of it */

struct workdir {
	int fd;
	uid_t uid; /* whom files in it must belong to */
	gid_t gid;
};

/*
 * Write the source and every input file that is no archive, folders above them too. Before anything
 * untrusted has run there. Fails with ERR_IMPOSSIBLE (naming the file) for a name that is used
 * twice with different bytes, with ERR_TOO_LARGE when the folder is full.
 */
bool workdir_fill(const struct workdir *w, const struct wire_request *r, const struct language *l,
		  struct err *e);
/* Write one file, in place of what is there under that name; folders above it too. */
bool workdir_replace(const struct workdir *w, const char *path, const struct bytes *data,
		     bool is_executable, struct err *e);
/* Whether there is a regular file of that name, reached through no link. */
bool workdir_has(const struct workdir *w, const char *path);

/* What was collected so far. */
struct artifacts {
	struct arena *arena;
	struct wire_artifact *item;
	size_t n, cap;
	size_t room; /* bytes that may still come: at first WORKDIR_ARTIFACT_MAX */
};

/* Add that file; nothing is added, and it is no error, if there is no such regular file.
 * ERR_TOO_LARGE past room. */
bool workdir_take(const struct workdir *w, const char *path, struct artifacts *out, struct err *e);
/* Add all regular files that fit any of the globs (fs_match) and are not there yet, by path. */
bool workdir_collect(const struct workdir *w, const char *const *glob, size_t nglob,
		     struct artifacts *out, struct err *e);

#endif
