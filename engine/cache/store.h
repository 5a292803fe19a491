/* store -- an open cache, as the files of this room share it. */
#ifndef ENGINE_CACHE_STORE_H
#define ENGINE_CACHE_STORE_H

#include "base/map.h"
#include "cache/log.h"

/* Where a result lies. */
struct stored {
	const char *key;
	const char *path; /* NULL: the file that this process writes */
	off_t start, payload, end;
	int64_t at_ms, used_ms;
	char sha256[DIGEST_HEX];
};

struct cache {
	struct arena arena; /* holds this struct too */
	const char *folder, *spec;
	int64_t now_ms;
	const char **file; /* of others, as they were found */
	size_t nfile;
	struct map by_key; /* key -> struct stored */
	struct cache_stats stats;
	int fd; /* our own file; -1 until something is written */
	const char *own;
	off_t written;
	struct buf pending;
};

/* List the files and read them anew; or read those that are listed. */
bool store_index(struct cache *c, struct err *e);
void store_read_all(struct cache *c);
/* Write what is pending. */
bool store_flush(struct cache *c, struct err *e);
/* The bytes of a result, as they were stored; false: not there, or damaged. */
bool store_read(struct cache *c, const struct stored *s, struct buf *out);

#endif
