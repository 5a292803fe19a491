#include "base/map.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"

/* Open addressing with linear probing; an entry without value is free. cap is a power of two. */
struct map_entry {
	const char *key;
	size_t len;
	uint64_t hash;
	void *value;
};

static uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein), keyed: strangers cannot choose keys that collide. */
static uint64_t sip_hash(const uint64_t seed[2], const char *key, size_t len)
{
	uint64_t v[4] = { seed[0] ^ 0x736f6d6570736575, seed[1] ^ 0x646f72616e646f6d,
			  seed[0] ^ 0x6c7967656e657261, seed[1] ^ 0x7465646279746573 };
	uint64_t word, last = 0;
	size_t at;

	for (at = 0; at + 8 <= len; at += 8) {
		memcpy(&word, key + at, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	if (at < len)
		memcpy(&last, key + at, len - at);
	last |= (uint64_t)len << 56;
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint64_t hash_of(const char *key, size_t len)
{
	static uint64_t seed[2]; /* one for the whole program; zero until the first use */

	while (seed[0] == 0)
		for (int i = 0; i < 2; i++)
			seed[i] = random_u64();
	return sip_hash(seed, key, len);
}

/* Where the key is, or the free entry where it would go. */
static struct map_entry *place_of(const struct map *m, const char *key, size_t len, uint64_t hash)
{
	for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct map_entry *at = &m->entry[i];

		if (!at->value)
			return at;
		if (at->hash == hash && at->len == len && (!len || !memcmp(at->key, key, len)))
			return at;
	}
}

static void grow(struct map *m)
{
	struct map bigger = { .n = m->n, .cap = m->cap ? m->cap * 2 : 16 };

	bigger.entry = mem_zalloc(bigger.cap, sizeof(*bigger.entry));
	for (size_t i = 0; i < m->cap; i++) {
		const struct map_entry *old = &m->entry[i];

		if (old->value)
			*place_of(&bigger, old->key, old->len, old->hash) = *old;
	}
	free(m->entry);
	*m = bigger;
}

void *map_get(const struct map *m, const char *key, size_t len)
{
	if (m->n == 0)
		return NULL;
	return place_of(m, key, len, hash_of(key, len))->value;
}

void *map_set(struct map *m, const char *key, size_t len, void *value)
{
	uint64_t hash = hash_of(key, len);
	struct map_entry *at;
	void *before;

	assert(value);
	if ((m->n + 1) * 4 > m->cap * 3)
		grow(m);
	at = place_of(m, key, len, hash);
	before = at->value;
	m->n += !before;
	*at = (struct map_entry){ key, len, hash, value };
	return before;
}

/* Entries behind a hole move into it unless they are at or before their own place (Knuth 6.4 R). */
static void close_hole(struct map *m, size_t hole)
{
	const size_t mask = m->cap - 1;

	for (size_t i = (hole + 1) & mask; m->entry[i].value; i = (i + 1) & mask) {
		size_t home = m->entry[i].hash & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		m->entry[hole] = m->entry[i];
		hole = i;
	}
	m->entry[hole] = (struct map_entry){ 0 };
}

void *map_del(struct map *m, const char *key, size_t len)
{
	struct map_entry *at;
	void *value;

	if (m->n == 0)
		return NULL;
	at = place_of(m, key, len, hash_of(key, len));
	value = at->value;
	if (!value)
		return NULL;
	m->n--;
	close_hole(m, (size_t)(at - m->entry));
	return value;
}

void *map_next(const struct map *m, size_t *at)
{
	while (*at < m->cap) {
		void *value = m->entry[(*at)++].value;

		if (value)
			return value;
	}
	return NULL;
}

void map_close(struct map *m)
{
	free(m->entry);
	*m = (struct map){ 0 };
}
