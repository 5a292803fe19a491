/*
 * keys -- who may use the service, from keys.yml: a name, what proves it (the
 * SHA-256 of a Bearer secret, or a public key and the secret that signs), and how
 * much it may ask for. A key is a tenant.
 */
#ifndef SERVICE_KEYS_H
#define SERVICE_KEYS_H

#include "base/digest.h"
#include "wire/wire.h"

struct key {
	const char *name;
	const char *secret_sha256;       /* of a Bearer secret; NULL: signed */
	const char *public_key, *secret; /* of signed requests; NULL: Bearer */
	int64_t rate_per_minute;         /* jobs; 0: any */
	int64_t concurrency;             /* jobs that run at once; 0: any */
	int64_t queue;                   /* jobs that wait; -1: any */
	struct wire_limits limits;       /* the most it may ask for; 0: any */
	char tenant[DIGEST_HEX];
	double tokens; /* of the bucket of rate_per_minute, at filled_ms (CLOCK_MONOTONIC) */
	int64_t filled_ms;
};

struct keys;

/* Read the file; its mistakes are told as in yaml.h. It must not be readable by others when it
 * holds a secret. NULL on failure. */
struct keys *keys_open(const char *path, struct buf *tell, struct err *e);
/* Read it again: all of it, or with a mistake nothing. Buckets keep what is in them. */
bool keys_reload(struct keys *k, struct buf *tell, struct err *e);
void keys_close(struct keys *k);

/* The key whose secret that is, or NULL; in a time that does not depend on which. */
const struct key *keys_of_secret(const struct keys *k, const char *secret);
const struct key *keys_of_public(const struct keys *k, const char *public_key);
/* The tenant's key: NULL if there is none (any more), or k is NULL. */
const struct key *keys_of_tenant(const struct keys *k, const char *tenant);

/* Take n jobs out of the tenant's bucket, or say in *wait_s when they would be there. */
bool keys_take(struct keys *k, const char *tenant, size_t n, int64_t now_ms, int *wait_s);
/* Whether the key may have these limits; ERR_MALFORMED naming the field. */
bool keys_allow(const struct key *k, const struct wire_limits *asked, struct err *e);
/* Bring limits that are not given, or too high since, down to what the key may have. */
void keys_bound(const struct key *k, struct wire_request *r);
/* What POST /keys/validate says of limits: the key's where it has one, else the defaults. */
struct wire_limits keys_limits(const struct key *k);

#endif
