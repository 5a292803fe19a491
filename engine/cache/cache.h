/*
 * cache -- results of cells that passed, found again by all that they depend on.
 *
 * The key is the SHA-256 over a request's inputs (code, files, stdin, env, args, limits, network,
 * what comes back) and the version of its toolchain. With each result lies the list of its inputs'
 * digests, so that it can be said which input changed.
 *
 *   <root>/cache/<time>-<chance>.log   what one process noted, appended: a line of JSON an event, a
 *                                      stored result's bytes behind its line
 *
 * A process appends to a file of its own (under flock(2)) and reads all: runners share a cache
 * without waiting for each other. A result is checked against its digest when it is taken; what is
 * damaged or torn is not there. Nothing is synced: a cache that is lost costs time only.
 */
#ifndef ENGINE_CACHE_CACHE_H
#define ENGINE_CACHE_CACHE_H

#include "base/arena.h"
#include "base/digest.h"
#include "wire/wire.h"

#define CACHE_MAX_BYTES ((int64_t)1 << 30) /* what trimming leaves by default */
#define CACHE_MAX_AGE_S ((int64_t)30 * 24 * 60 * 60)

/* One thing that a result depends on: "stdin", "file data.csv", "env LIMIT"; its value where that
 * is short and no secret, else its digest. */
struct cache_input {
	const char *name, *value;
};

struct cache_key {
	char hex[DIGEST_HEX];
	const struct cache_input *input;
	size_t ninput;
};

/* The key of a request; toolchain is the version that the endpoint tells, "" if it does not. */
void cache_key(struct arena *a, const struct wire_request *r, const char *toolchain,
	       struct cache_key *out);

struct cache;
/* The cache below root (made if absent) for the cells of one spec, whose name tells them from those
 * of others. now_ms is the time, Unix ms. */
struct cache *cache_open(const char *root, const char *spec, int64_t now_ms, struct err *e);
/* Write what is pending, trim to the defaults when it has grown past them. NULL is fine. */
void cache_close(struct cache *c);
/* Whether the cell's result is there: *out, all in the arena. The answer is noted for
 * cache_explain. */
bool cache_get(struct cache *c, struct arena *a, const char *cell, const struct cache_key *key,
	       struct wire_result *out);
/* Store the result of a cell that passed. False: it cannot be written, and why. */
bool cache_put(struct cache *c, const char *cell, const struct cache_key *key,
	       const struct wire_result *r, struct err *e);

struct cache_stats {
	size_t nresult, nfile; /* results that can be taken; files they lie in */
	int64_t bytes;         /* of these files */
	size_t nhit, nmiss;    /* noted since the last trimming */
	int64_t oldest_ms; /* when the oldest result was stored or last taken; 0: there is none */
};
void cache_stats(struct cache *c, struct cache_stats *out);
/* Keep the results last used, up to max_bytes, none unused for longer than max_age_s (-1: any).
 * Files that a runner is writing to are left alone. */
bool cache_trim(struct cache *c, int64_t max_bytes, int64_t max_age_s, struct err *e);
/* Remove all; *nfile (may be NULL) is how many files that were. */
bool cache_clear(const char *root, size_t *nfile, struct err *e);

/* An input that is not what it was; was or is NULL: there was, there is none. */
struct cache_change {
	const char *name, *was, *is;
};

enum cache_answer {
	CACHE_HIT,     /* it was taken */
	CACHE_FIRST,   /* not taken: no pass of the cell had been stored */
	CACHE_CHANGED, /* not taken: inputs differ from those of its last stored pass */
	CACHE_GONE,    /* not taken, though nothing changed: the result is damaged or was trimmed */
};

/* How the cell was last looked up. */
struct cache_story {
	const char *spec;
	int64_t at_ms;
	enum cache_answer answer;
	const struct cache_change *change; /* CACHE_CHANGED */
	size_t nchange;
	bool is_stored; /* a pass with the inputs of then is there now */
};
/* The stories of the cell, one for each spec that has one; none: it was never looked up. */
bool cache_explain(struct cache *c, struct arena *a, const char *cell, struct cache_story **out,
		   size_t *n, struct err *e);

#endif
