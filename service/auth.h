/*
 * auth -- who is calling. Without keys, anonymous use: any key or none is accepted,
 * and each key is a tenant of its own. With keys, a Bearer secret or a signed request
 * of one of them.
 */
#ifndef SERVICE_AUTH_H
#define SERVICE_AUTH_H

#include "service/keys.h"

#define AUTH_SKEW_S 300 /* how far X-Timestamp may be off */

/* What a request says of its caller; NULL where the header is absent. */
struct auth_claim {
	const char *authorization; /* Authorization: Bearer KEY */
	const char *timestamp;     /* X-Timestamp: with a public key */
	const char *signature;     /* X-Signature: likewise */
};

/*
 * Before the body is read. Without keys, tenant becomes the SHA-256 of the Bearer key in lower-case
 * hex, or "" for a caller without one; with keys, the tenant of the key. ERR_UNAUTHORIZED when the
 * header is not "Bearer KEY", the key is not known, or what signs is missing or too old.
 */
bool auth_check(const struct keys *keys, const struct auth_claim *c, int64_t now_s,
		char tenant[DIGEST_HEX], struct err *e);

/* What is signed, beside the timestamp. */
struct auth_request {
	const char *verb;   /* GET, POST, ... */
	const char *target; /* path and query as sent */
	struct bytes body;  /* empty for GET and DELETE */
};

/*
 * When the body is there, for a caller of auth_check: X-Signature must be the lower-case hex
 * HMAC-SHA256 by the key's secret of "timestamp:METHOD:path?query:body". A Bearer key signs
 * nothing.
 */
bool auth_verify(const struct keys *keys, const char *tenant, const struct auth_claim *c,
		 const struct auth_request *r, struct err *e);

#endif
