/*
 * auth -- who is calling. Anonymous use: any key or none is accepted, and each
 * key is a tenant of its own.
 */
#ifndef SERVICE_AUTH_H
#define SERVICE_AUTH_H

#include "base/digest.h"

/* What a request says of its caller; NULL where the header is absent. */
struct auth_claim {
	const char *authorization; /* Authorization: Bearer KEY */
	const char *timestamp;     /* X-Timestamp: with a public key */
	const char *signature;     /* X-Signature: likewise */
};

/*
 * tenant becomes the SHA-256 of the key in lower-case hex, or "" for a caller without one.
 * ERR_UNAUTHORIZED when the header is there but is not "Bearer KEY".
 */
bool auth_check(const struct auth_claim *c, char tenant[DIGEST_HEX], struct err *e);

#endif
