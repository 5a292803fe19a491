/* entry -- the bytes of one entry, wherever they are; internal to pack. */
#ifndef ENGINE_PACK_ENTRY_H
#define ENGINE_PACK_ENTRY_H

#include "pack/pack.h"

/* Takes the next n bytes of an entry. */
typedef bool entry_sink(void *ctx, const void *data, size_t n, struct err *e);

/* Whether a path may lead out of the folder that it is relative to: only --allow-outside lets one
 * in. */
bool path_is_outside(const char *path);
/* Open path below dirfd as open(2) does, no link followed; an fd, or -1 with errno. */
int path_open(int dirfd, const char *path, int flags);
/*
 * Give sink all bytes of the entry, in pieces. Fails (ERR_SPEC, naming it) when a file is not what
 * it was when it was added: gone, a link, no regular file, of another size.
 */
bool entry_stream(const struct pack_list *l, const struct pack_entry *en, entry_sink *sink,
		  void *ctx, struct err *e);

#endif
