/* log -- the files of the cache: reading events, and appending them. Internal to cache. */
#ifndef ENGINE_CACHE_LOG_H
#define ENGINE_CACHE_LOG_H

#include <stdio.h>
#include <sys/types.h>

#include "base/json.h"
#include "cache/cache.h"

enum event_kind { EVENT_PUT, EVENT_HIT, EVENT_MISS };

/* One event, as its line tells it; text is borrowed from the line. */
struct event {
	enum event_kind kind;
	int64_t at_ms;
	const char *spec, *cell, *key; /* spec and cell "": of a hit that trimming carried over */
	const cJSON *inputs;           /* [[NAME,VALUE],...] */
	/* of EVENT_PUT: the bytes behind the line, and their digest */
	const char *sha256;
	int64_t size;
	off_t start, payload, end; /* where the line, the bytes, the next line begin */
};

/* One event of a file; false ends reading. */
typedef bool event_fn(void *ctx, const char *path, const struct event *event);
/* Read one file up to its end or to where it is damaged; false when fn said so. */
bool log_read(const char *path, event_fn *fn, void *ctx);
/* The names of the cache's files below dirfd, the oldest first. */
bool log_list(struct arena *a, const char *folder, const char ***path, size_t *n, struct err *e);
/* Append the event's line; the bytes behind it are the caller's to append. */
bool log_print(struct buf *b, const struct event *event, const struct cache_key *key);
/* A new file in folder, open to append and locked; its path in the arena. -1 with e. */
int log_make(struct arena *a, const char *folder, int64_t now_ms, const char **path, struct err *e);

#endif
