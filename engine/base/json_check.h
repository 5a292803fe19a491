/* json_check -- whether text is JSON, before cJSON sees it. For json.c only. */
#ifndef ENGINE_BASE_JSON_CHECK_H
#define ENGINE_BASE_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define JSON_LONG_LEAST ((size_t)64 << 10)
#define JSON_LONG_MAX   16

/* A string value of many bytes and no escapes: cJSON would look at each of them twice more. */
struct json_long {
	size_t at, len; /* in the text, without quotes */
	size_t nth;     /* the first value of the text, the root, is 1 */
};

struct json_seen {
	size_t nnul; /* escaped NULs (\u0000) */
	struct json_long longs[JSON_LONG_MAX];
	size_t nlong;
};

/* RFC 8259, valid UTF-8, no lone surrogates, bounded depth. */
bool json_check(const char *text, size_t len, struct json_seen *seen, struct err *e);
/*
 * Bytes of the UTF-8 character at s, of at most n > 0; *valid says whether it is one (RFC 3629). If
 * not, the maximal part that starts none, or at least one byte (Unicode, table 3-8).
 */
size_t json_utf8(const unsigned char *s, size_t n, bool *valid);
/*
 * So many bytes at s, a multiple of eight, need no second look: ASCII without control characters,
 * quotes and backslashes.
 */
size_t json_plain(const unsigned char *s, size_t n);

#endif
