/* rules -- what the packets of a semitrusted job may reach, as a ruleset of nftables. */
#ifndef SERVICE_RULES_H
#define SERVICE_RULES_H

#include "base/arena.h"
#include "base/buf.h"

/* Networks that the operator allows, by --allow-net. */
struct rules {
	const char **allowed[2]; /* IPv4, IPv6: "10.1.0.0/16", "fd00::/8" */
	size_t nallowed[2];
};

struct rules_dns {
	const char *address; /* the forwarder's, as jobs see it */
	bool takes_tcp;
};

/* Each of cidr[] is ADDRESS/BITS, or an address alone. The strings live in the arena. */
bool rules_open(struct arena *a, const char *const *cidr, size_t n, struct rules *out,
		struct err *e);
/* This host's own addresses, as rules_print refuses them; to be compared with what they were. */
bool rules_host(struct buf *out, struct err *e);
/* The whole ruleset, for `nft -f -`: it replaces what is there. host: of rules_host. */
bool rules_print(const struct rules *r, const char *host, const struct rules_dns *dns,
		 struct buf *out);

#endif
