/*
 * pack -- files and one reproducible archive, either way (libarchive).
 *
 * The same entries give the same bytes whatever the machine, locale or order
 * they came in: ustar (pax where a name or size needs it), sorted by name, owner
 * 0, time SOURCE_DATE_EPOCH (1980 if unset), modes 0644 and 0755, regular files
 * only: unpacking makes the folders. A link, device or pipe below a packed tree
 * is left out, as if it were not there; a path that is one itself is an error.
 */
#ifndef ENGINE_PACK_PACK_H
#define ENGINE_PACK_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

/* One file: its name inside, and its bytes or where they are. */
struct pack_entry {
	const char *name; /* relative, no ".." */
	const char *data; /* the bytes, or NULL: they are in the file at path */
	size_t len;       /* size in bytes either way */
	const char
		*path; /* relative to the list's dirfd; with --allow-outside it may be absolute */
	bool is_executable;
};

struct pack_list {
	int dirfd; /* what paths are relative to */
	struct pack_entry *entry;
	size_t n, cap;
};

/* Add bytes under a name. Names added twice are an error of pack_sort. data is borrowed. */
void pack_add(struct arena *a, struct pack_list *l, const char *name, const char *data, size_t len);
/*
 * Add the regular file, or every regular file of the tree, at path below l->dirfd, as the name as:
 * a tree below that folder, so also a file if as ends in a slash; NULL or "": its own path, less
 * what leads out of dirfd. No link is followed or packed. With allow_outside path may lead
 * anywhere. Fails (ERR_SPEC, naming the path) if there is no such thing.
 */
bool pack_add_path(struct arena *a, struct pack_list *l, const char *path, const char *as,
		   bool allow_outside, struct err *e);
/* Add all regular files that fit the pattern (fs_match), under their own paths or below the folder
 * as. Fails if none does. */
bool pack_add_glob(struct arena *a, struct pack_list *l, const char *pattern, const char *as,
		   struct err *e);
/* Order by name; fails (ERR_SPEC) naming one that came twice, is also a folder's, or is not
 * fs_is_plain_path. */
bool pack_sort(struct pack_list *l, struct err *e);
/* Read the bytes of entries that have only a path; fails past max_bytes in all, and when a file's
 * size changed. */
bool pack_read(struct arena *a, struct pack_list *l, int64_t max_bytes, struct err *e);

enum pack_format { PACK_TAR, PACK_TAR_ZSTD };

/* The sorted list as an archive, streamed to fd. */
bool pack_write(const struct pack_list *l, enum pack_format format, int fd, struct err *e);
/* The same, in memory. */
bool pack_to_buf(const struct pack_list *l, enum pack_format format, struct buf *out,
		 struct err *e);
/* "sha256  name\n" of each entry of the sorted list, as sha256sum(1) -c reads it. */
bool pack_sums(const struct pack_list *l, struct buf *out, struct err *e);

#endif
