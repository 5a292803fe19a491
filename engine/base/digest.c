#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SHA256_BYTES 32

/* libcrypto fails here only without memory, or without SHA-256: neither can be gone on with. */
static void must(bool ok)
{
	if (ok)
		return;
	fputs("sandbatch: libcrypto has no SHA-256 or no memory\n", stderr);
	abort();
}

/* EVP_sha256() stands for a search through libcrypto's providers at each use: this is the one
 * found. */
static const EVP_MD *sha256(void)
{
	static EVP_MD *found;

	if (!found)
		found = EVP_MD_fetch(NULL, "SHA256", NULL);
	must(found != NULL);
	return found;
}

/* n bytes as 2 * n digits; no NUL. */
static void put_hex(const unsigned char *raw, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[raw[i] >> 4];
		out[2 * i + 1] = digits[raw[i] & 15];
	}
}

static void to_hex(const unsigned char raw[SHA256_BYTES], char hex[DIGEST_HEX])
{
	put_hex(raw, SHA256_BYTES, hex);
	hex[DIGEST_HEX - 1] = 0;
}

/* struct digest is libcrypto's context under our name: nothing is to be added to it. */
static EVP_MD_CTX *context(struct digest *d)
{
	return (EVP_MD_CTX *)d;
}

struct digest *digest_open(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	must(ctx && EVP_DigestInit_ex(ctx, sha256(), NULL) == 1);
	return (struct digest *)ctx;
}

void digest_add(struct digest *d, const void *data, size_t n)
{
	must(EVP_DigestUpdate(context(d), data, n) == 1);
}

void digest_close(struct digest *d, char hex[DIGEST_HEX])
{
	unsigned char raw[EVP_MAX_MD_SIZE];

	must(EVP_DigestFinal_ex(context(d), raw, NULL) == 1);
	EVP_MD_CTX_free(context(d));
	to_hex(raw, hex);
}

void digest_sha256(const void *data, size_t n, char hex[DIGEST_HEX])
{
	struct digest *d = digest_open();

	digest_add(d, data, n);
	digest_close(d, hex);
}

void digest_hmac(const void *key, size_t nkey, const void *data, size_t n, char hex[DIGEST_HEX])
{
	unsigned char raw[EVP_MAX_MD_SIZE];

	must(nkey <= INT32_MAX);
	must(HMAC(sha256(), key, (int)nkey, data, n, raw, NULL));
	to_hex(raw, hex);
}

bool digest_same(const char *a, size_t na, const char *b, size_t nb)
{
	return na == nb && (na == 0 || CRYPTO_memcmp(a, b, na) == 0);
}

bool base64_encode(struct buf *b, const void *data, size_t n)
{
	const unsigned char *at = data;
	unsigned char piece[4097]; /* EVP_EncodeBlock adds a NUL */

	if (b->len > b->max || n > (b->max - b->len) / 4 * 3)
		return false;
	while (n > 0) {
		size_t step = n < 3072 ? n : 3072;
		int len = EVP_EncodeBlock(piece, at, (int)step);

		if (!buf_add(b, piece, (size_t)len))
			return false;
		at += step;
		n -= step;
	}
	return true;
}

/* What each byte stands for, plus one; 0: not of the alphabet. */
static const unsigned char *sextets(void)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static unsigned char table[256];

	if (table['A'] == 0)
		for (unsigned char i = 0; i < 64; i++)
			table[(unsigned char)alphabet[i]] = i + 1;
	return table;
}

/* The last group: xx== or xxx=, whose unused bits are zero. */
static bool decode_tail(const unsigned char v[4], size_t pad, unsigned char *out)
{
	if (!v[0] || !v[1])
		return false;
	out[0] = (unsigned char)((v[0] - 1) << 2 | (v[1] - 1) >> 4);
	if (pad == 2)
		return ((v[1] - 1) & 15) == 0;
	if (!v[2])
		return false;
	out[1] = (unsigned char)(((v[1] - 1) & 15) << 4 | (v[2] - 1) >> 2);
	return ((v[2] - 1) & 3) == 0;
}

/* Groups of four without padding. */
static bool decode_groups(const unsigned char *in, size_t ngroup, unsigned char *out)
{
	const unsigned char *value = sextets();

	for (; ngroup > 0; ngroup--, in += 4, out += 3) {
		const unsigned a = value[in[0]], b = value[in[1]], c = value[in[2]],
			       d = value[in[3]];

		if (!a || !b || !c || !d)
			return false;
		out[0] = (unsigned char)((a - 1) << 2 | (b - 1) >> 4);
		out[1] = (unsigned char)((b - 1) << 4 | (c - 1) >> 2);
		out[2] = (unsigned char)((c - 1) << 6 | (d - 1));
	}
	return true;
}

char *base64_decode(struct arena *a, const char *text, size_t n, size_t *len)
{
	const unsigned char *in = (const unsigned char *)text, *value = sextets();
	size_t pad = 0, ngroup = n / 4;
	unsigned char *out, last[4];

	if (n % 4)
		return NULL;
	out = arena_zalloc(a, n / 4 * 3 + 1, 1);
	while (n > 0 && pad < 2 && in[n - 1 - pad] == '=')
		pad++;
	ngroup -= pad > 0;
	if (!decode_groups(in, ngroup, out))
		return NULL;
	*len = n / 4 * 3 - pad;
	if (pad > 0) {
		for (size_t i = 0; i < 4; i++)
			last[i] = value[in[n - 4 + i]];
		if (!decode_tail(last, pad, out + ngroup * 3))
			return NULL;
		out[*len] = 0;
	}
	return (char *)out;
}

static void fill_random(void *out, size_t n)
{
	unsigned char *at = out;

	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);

		if (got > 0) {
			at += got;
			n -= (size_t)got;
		}
	}
}

void uuid_make(char out[37])
{
	static const size_t group[] = { 4, 2, 2, 2, 6 };
	unsigned char r[16], *from = r;
	char *at = out;

	fill_random(r, sizeof(r));
	r[6] = (r[6] & 0x0f) | 0x40; /* version 4 */
	r[8] = (r[8] & 0x3f) | 0x80; /* the variant of RFC 9562 */
	for (size_t i = 0; i < sizeof(group) / sizeof(*group); i++) {
		put_hex(from, group[i], at);
		from += group[i];
		at += 2 * group[i];
		*at++ = '-';
	}
	at[-1] = 0;
}

uint64_t random_u64(void)
{
	uint64_t r;

	fill_random(&r, sizeof(r));
	return r;
}
