/* forwarder -- the programs that take a network namespace's packets out, and which of them is here.
 */
#ifndef SERVICE_FORWARDER_H
#define SERVICE_FORWARDER_H

#include <stdbool.h>

#include "base/arena.h"

#define FORWARDER_ARGS 32

/* How to start one: its stdin and stdout are /dev/null, but for fd ready. */
struct forwarder {
	const char *name;
	const char *arg[FORWARDER_ARGS]; /* PID: a process in the namespaces */
	int ready;                       /* on this fd it says that it is up */
	int nfd; /* with more than 4 the user and the network namespace are given, as 4, 5 */
	const char *dns[2]; /* what jobs ask: where the host has it by IPv4, by IPv6 */
	bool dns_takes_tcp;
};

struct forwarders {
	const struct forwarder *use; /* NULL: none can be, why is a sentence with what to do */
	const char *why;
	const char *path, *nft; /* of the one in use; of the program that sets rules */
};

/* What is on this host, the best one in use. */
void forwarders_find(struct arena *a, struct forwarders *out);
/* Use the next best; false if there is none. */
bool forwarders_next(struct arena *a, struct forwarders *f);

#endif
