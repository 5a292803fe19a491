/* endpoint -- where the service is, and what it is told of us; internal to api. */
#ifndef ENGINE_API_ENDPOINT_H
#define ENGINE_API_ENDPOINT_H

#include "api/api.h"
#include "base/arena.h"

struct endpoint {
	const char *shown;  /* as it was given, for messages */
	const char *base;   /* what a path is put behind: "https://host:8443/prefix" */
	const char *prefix; /* the path in base: "/prefix" or "" */
	const char *socket; /* path of the Unix socket, or NULL */
	const char *bearer; /* key that is sent, or NULL */
	const char *secret; /* key that signs, or NULL */
};

#define ENDPOINT_MAX_HEADERS 4

/* What a signature is made over. */
struct signature {
	int64_t unix_s;
	const char *method, *path; /* path with its query, below the endpoint's prefix */
	struct bytes body;
};

/* Check and take apart an endpoint and the keys of o; fails (ERR_USAGE) with what is wrong of them.
 */
bool endpoint_parse(struct arena *a, const char *text, const struct api_options *o,
		    struct endpoint *out, struct err *e);
/*
 * The header lines that say who asks, and how many: Authorization, and with a secret X-Timestamp
 * and X-Signature, lower-case hex of HMAC-SHA256 over "timestamp:METHOD:path:body". At most
 * ENDPOINT_MAX_HEADERS.
 */
size_t endpoint_sign(struct arena *a, const struct endpoint *p, const struct signature *s,
		     const char **header);

#endif
