/*
 * arena -- memory that is freed all at once, by whoever declared the arena.
 *
 * Nothing in it is freed singly. Running out of memory ends the program.
 * Memory comes zeroed and aligned for any type; small pieces share blocks.
 */
#ifndef ENGINE_BASE_ARENA_H
#define ENGINE_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/err.h"

struct arena {
	struct arena_block *last; /* {0} is an empty arena */
};

/* n zeroed pieces of size bytes each; never NULL, even for none. */
__attribute__((returns_nonnull)) void *arena_zalloc(struct arena *a, size_t n, size_t size);
/* The n bytes at s, then a NUL. */
__attribute__((returns_nonnull)) char *arena_strndup(struct arena *a, const char *s, size_t n);
__attribute__((returns_nonnull)) char *arena_strdup(struct arena *a, const char *s);
__attribute__((returns_nonnull)) char *arena_printf(struct arena *a, const char *fmt, ...)
	PRINTF(2, 3);
/* Free all that was taken; the arena is empty and can be used again. */
void arena_free(struct arena *a);

#define CLEAN_ARENA __attribute__((cleanup(arena_free)))
/* n zeroed objects of one type. */
#define ARENA_NEW(a, n, type) ((type *)arena_zalloc((a), (n), sizeof(type)))

#endif
