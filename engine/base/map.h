/*
 * map -- names to pointers. Keys are bytes and are borrowed: they must live as
 * long as their entry. {0} is an empty map.
 */
#ifndef ENGINE_BASE_MAP_H
#define ENGINE_BASE_MAP_H

#include <stddef.h>

struct map_entry;
struct map {
	struct map_entry *entry;
	size_t n, cap;
};

/* What was set for the key, or NULL. */
void *map_get(const struct map *m, const char *key, size_t len);
/* Set it (value not NULL); returns what stood there before, or NULL. */
void *map_set(struct map *m, const char *key, size_t len, void *value);
/* Remove it; returns what stood there, or NULL. */
void *map_del(struct map *m, const char *key, size_t len);
/*
 * Visit all: start with *at = 0; NULL when there are no more. Nothing may be set or removed
 * meanwhile.
 */
void *map_next(const struct map *m, size_t *at);
void map_close(struct map *m);

#define CLEAN_MAP __attribute__((cleanup(map_close)))

#endif
