/* digest -- hashes, signatures, base64 and random names, by libcrypto (OpenSSL 3). */
#ifndef ENGINE_BASE_DIGEST_H
#define ENGINE_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

#define DIGEST_HEX 65 /* SHA-256 in lower-case hex, and a NUL */

/* SHA-256 in steps: open, add any number of times, close gives the hex and frees. */
struct digest;
struct digest *digest_open(void);
void digest_add(struct digest *d, const void *data, size_t n);
void digest_close(struct digest *d, char hex[DIGEST_HEX]);

void digest_sha256(const void *data, size_t n, char hex[DIGEST_HEX]);
/* HMAC-SHA256 (RFC 2104) in lower-case hex. */
void digest_hmac(const void *key, size_t nkey, const void *data, size_t n, char hex[DIGEST_HEX]);
/* Equal, in constant time for a given length. */
bool digest_same(const char *a, size_t na, const char *b, size_t nb);

/* Base64 of RFC 4648, padded, one line. */
bool base64_encode(struct buf *b, const void *data, size_t n);
/* Strict: no white space, right padding, no stray bits; NULL if it is not base64. */
char *base64_decode(struct arena *a, const char *text, size_t n, size_t *len);

/* A random UUID (RFC 9562, version 4), from getrandom(2). */
void uuid_make(char out[37]);
uint64_t random_u64(void);

#endif
