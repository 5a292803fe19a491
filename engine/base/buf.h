/*
 * buf -- bytes that grow, up to a maximum they were born with.
 *
 * Whatever a peer can make grow has such a maximum. The bytes are always
 * followed by a NUL that is not counted, so that text can be printed as it is.
 */
#ifndef ENGINE_BASE_BUF_H
#define ENGINE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct buf {
	char *data; /* NULL while nothing was added */
	size_t len, cap, max;
};

#define BUF(max_bytes) ((struct buf){ .max = (max_bytes) })

/* Append; false, with nothing added, when it would pass max. */
bool buf_add(struct buf *b, const void *data, size_t n);
bool buf_puts(struct buf *b, const char *s);
bool buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
/* As much of it as fits; false if some was dropped. For output past its cap. */
bool buf_add_capped(struct buf *b, const void *data, size_t n);
/* The text so far; "" while nothing was added. */
const char *buf_text(const struct buf *b);
/*
 * Hand the bytes (malloc'ed, NUL behind) to the caller and start afresh. The only transfer of
 * ownership.
 */
char *buf_take(struct buf *b, size_t *len);
/* Forget the bytes, keep the memory. */
void buf_clear(struct buf *b);
void buf_close(struct buf *b);

#define CLEAN_BUF __attribute__((cleanup(buf_close)))

#endif
