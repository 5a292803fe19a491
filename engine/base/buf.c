#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_CAP 256

/* Room for n more bytes and the NUL; n is known to fit max. */
static void make_room(struct buf *b, size_t n)
{
	size_t need, cap = b->cap ? b->cap : FIRST_CAP;

	if (__builtin_add_overflow(b->len, n, &need) || need > SIZE_MAX / 2 - 1)
		abort();
	need++;
	if (b->data && need <= b->cap)
		return;
	while (cap < need)
		cap *= 2;
	b->data = mem_resize(b->data, cap, 1);
	b->cap = cap;
}

static size_t left(const struct buf *b)
{
	return b->len < b->max ? b->max - b->len : 0;
}

bool buf_add(struct buf *b, const void *data, size_t n)
{
	if (n > left(b))
		return false;
	if (n == 0)
		return true;
	if (n >= b->cap - b->len)
		make_room(b, n);
	memcpy(b->data + b->len, data, n);
	b->len += n;
	b->data[b->len] = 0;
	return true;
}

bool buf_puts(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n > left(b))
		return false;
	make_room(b, (size_t)n);
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return true;
}

bool buf_add_capped(struct buf *b, const void *data, size_t n)
{
	size_t fits = n < left(b) ? n : left(b);
	bool ok = buf_add(b, data, fits);

	assert(ok);
	return fits == n;
}

const char *buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}

char *buf_take(struct buf *b, size_t *len)
{
	char *data;

	make_room(b, 0);
	data = b->data;
	data[b->len] = 0;
	if (len)
		*len = b->len;
	b->data = NULL;
	b->len = b->cap = 0;
	return data;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = 0;
}

void buf_close(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
}
