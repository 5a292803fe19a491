/*
 * fs -- files. Paths that another program could have changed are opened with
 * fs_open_beneath only.
 */
#ifndef ENGINE_BASE_FS_H
#define ENGINE_BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/arena.h"

/* The whole regular file, NUL behind, in the arena; fails past max bytes. dirfd may be AT_FDCWD. */
bool fs_read(struct arena *a, int dirfd, const char *path, size_t max, char **data, size_t *len,
	     struct err *e);
/* All of fd's remaining bytes, likewise; name is for the message. */
bool fs_read_fd(struct arena *a, int fd, size_t max, const char *name, char **data, size_t *len,
		struct err *e);
/* Create or replace the file in place. */
bool fs_write(int dirfd, const char *path, const void *data, size_t len, struct err *e);
/*
 * Replace the file so that a crash leaves the old or the new one whole: temporary, fsync, rename.
 */
bool fs_write_atomic(int dirfd, const char *path, const void *data, size_t len, struct err *e);
/* Write all n bytes, or fail with errno. */
bool fs_write_all(int fd, const void *data, size_t n);
/* Make the folder and those above it (mode 0777 less umask). */
bool fs_mkdirs(int dirfd, const char *path, struct err *e);
/*
 * openat2(2) with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS and O_CLOEXEC:
 * nothing outside dirfd, no link anywhere on the way. An fd, or -1 with errno.
 */
int fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode);
/* Remove the file or whole tree at path, never following a link; no error if there is none. */
bool fs_remove_tree(int dirfd, const char *path, struct err *e);

/* One thing found by fs_walk: its path below the start ("lib/a.c"), lstat's answer. */
typedef bool fs_visit_fn(void *ctx, const char *path, const struct stat *st, struct err *e);
/*
 * Visit all below path in byte order of names, folders before what is in them, at most max_entries
 * (fails past that), following no link (a link is visited as such). Stops when visit returns false.
 */
bool fs_walk(int dirfd, const char *path, size_t max_entries, fs_visit_fn *visit, void *ctx,
	     struct err *e);
/* Whether the path fits the pattern: * ? [..] within a name as fnmatch(3), ** for any folders. */
bool fs_match(const char *pattern, const char *path);
/*
 * Whether a name is relative, not empty, has no "..", "." or empty part, no control byte, and fits
 * the file system.
 */
bool fs_is_plain_path(const char *path);
/* Whether a path, as it is written, leads out of the folder it starts in: absolute, or too many
 * "..". */
bool fs_leaves(const char *path);

void fs_close(int *fd); /* for CLEAN_FD; closes if >= 0 */

#define CLEAN_FD __attribute__((cleanup(fs_close)))

#endif
