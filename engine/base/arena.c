#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Blocks double from here. Most arenas stay small: with a head malloc has such pieces at hand. */
#define FIRST_BLOCK ((size_t)992)
#define LAST_BLOCK  ((size_t)64 << 10)
#define OWN_BLOCK   (LAST_BLOCK / 8) /* a piece of this size does not share */

/* Under the address sanitizer no piece shares a block, so that running out of one is seen. */
#if defined(__SANITIZE_ADDRESS__)
#define IS_SHARED false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SHARED false
#endif
#endif
#ifndef IS_SHARED
#define IS_SHARED true
#endif

struct arena_block {
	struct arena_block *prev;
	size_t used, size; /* of data; a block of one piece is full */
	max_align_t data[];
};

static _Noreturn void no_memory(void)
{
	fputs("sandbatch: out of memory\n", stderr);
	abort();
}

void *mem_zalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		no_memory();
	return p;
}

void *mem_resize(void *p, size_t n, size_t size)
{
	void *bigger = reallocarray(p, n ? n : 1, size);

	if (!bigger)
		no_memory();
	return bigger;
}

static struct arena_block *block_open(size_t size)
{
	struct arena_block *b;

	if (size > SIZE_MAX - sizeof(*b))
		no_memory();
	b = mem_zalloc(1, sizeof(*b) + size);
	b->size = size;
	return b;
}

/* A block that is full from the start goes behind the one that is being filled. */
static void *own_block(struct arena *a, size_t bytes)
{
	struct arena_block *b = block_open(bytes);

	b->used = bytes;
	if (!a->last) {
		a->last = b;
		return b->data;
	}
	b->prev = a->last->prev;
	a->last->prev = b;
	return b->data;
}

/* A block for a piece of so many bytes, which are fewer than OWN_BLOCK, and more. */
static void next_block(struct arena *a, size_t bytes)
{
	size_t size = FIRST_BLOCK;
	struct arena_block *b;

	if (a->last && a->last->size >= FIRST_BLOCK)
		size = a->last->size * 2;
	while (size < bytes)
		size *= 2;
	b = block_open(size < LAST_BLOCK ? size : LAST_BLOCK);
	b->prev = a->last;
	a->last = b;
}

static size_t room(const struct arena *a)
{
	return a->last ? a->last->size - a->last->used : 0;
}

void *arena_zalloc(struct arena *a, size_t n, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	size_t bytes;
	char *piece;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX - align)
		no_memory();
	if (!IS_SHARED)
		return own_block(a, bytes);
	bytes = bytes ? (bytes + align - 1) / align * align : align;
	if (bytes >= OWN_BLOCK)
		return own_block(a, bytes);
	if (bytes > room(a))
		next_block(a, bytes);
	piece = (char *)a->last->data + a->last->used;
	a->last->used += bytes;
	return piece;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_zalloc(a, n + 1, 1);

	if (n > 0)
		memcpy(copy, s, n);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		no_memory();
	text = arena_zalloc(a, (size_t)n + 1, 1);
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

void arena_free(struct arena *a)
{
	struct arena_block *b = a->last;

	while (b) {
		struct arena_block *prev = b->prev;

		free(b);
		b = prev;
	}
	a->last = NULL;
}
