/*
 * network -- what connects the slots of semitrusted jobs: outbound, to public addresses.
 *
 * Each such slot has a network namespace of its own, made here and owned by a user namespace that
 * is ours, or if we are root a stranger's: in it a forwarder of Debian's, pasta or slirp4netns,
 * holds the other end of the only interface and makes ordinary sockets of what comes out; nftables
 * has refused by then what must not be reached (rules.h). Neither ever runs as root. The warden is
 * started inside, once all stands; forwarder and rules are out of its jobs' reach.
 */
#ifndef SERVICE_NETWORK_H
#define SERVICE_NETWORK_H

#include <sys/queue.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/loop.h"
#include "service/forwarder.h"
#include "service/rules.h"

struct networking; /* for all slots of an executor */

/* allow: networks of this host's surroundings that may be reached all the same; fails if one is
 * none. What is missing on this host is no failure: see networking_tool. */
struct networking *networking_open(struct loop *loop, const char *const *allow, size_t nallow,
				   struct err *e);
void networking_close(struct networking *n);
/* The forwarder in use: "pasta", "slirp4netns"; NULL: there can be none, *why is a sentence with
 * what to do. */
const char *networking_tool(const struct networking *n, const char **why);

/* From the loop. why NULL: it stands. Else it does not come up, or is down: to be closed. */
typedef void network_told_fn(void *ctx, const char *why);

/* Lives in its owner. {0} is one that is closed. */
struct network {
	struct networking *all; /* NULL: closed */
	network_told_fn *told;
	void *ctx;
	const struct forwarder *tool;
	struct child {
		pid_t pid; /* 0: none */
		int pidfd;
	} forwarder, nft;
	int ready, rules; /* pipes: from the forwarder, once it is up; to nft; -1: closed */
	int user, net;    /* its namespaces; -1: not yet */
	int words;        /* what its children say on stderr; -1: not yet */
	bool is_up;       /* told so */
	struct timer late;
	struct rules_dns dns;
	struct buf host; /* this host's addresses, as its rules refuse them */
	LIST_ENTRY(network) link;
};

bool network_open(struct network *w, struct networking *n, network_told_fn *told, void *ctx,
		  struct err *e);
/* The name server's address for its jobs. It must be up. */
const char *network_dns(const struct network *w);
/* For struct proc: the child joins it; ctx is the network. */
const char *network_enter(const void *ctx);
/* Ends its forwarder. Nothing if it is closed. */
void network_close(struct network *w);

#endif
