/*
 * bait -- what attacks on this host's network are to find: a port that answers on all of its
 * addresses, an abstract Unix socket, and somebody who knocks where a job might be heard.
 */
#ifndef CMD_BAIT_H
#define CMD_BAIT_H

#include "base/loop.h"
#include "wire/wire.h"

#define BAIT_ENV   3
#define BAIT_DOORS 64

/* Lives in its owner. */
struct bait {
	struct loop *loop;
	int abstract, tcp, udp;
	char host[1024];          /* addresses but the loopback, blanks between */
	char port[8], listens[8]; /* of ours; of the job's, at which we knock */
	struct timer knock;
	int njob; /* that listen */
	int door[BAIT_DOORS];
	size_t ndoor; /* that we stand at, until we knock again */
};

/* On failure it can be closed all the same. */
bool bait_open(struct bait *b, struct loop *l, struct err *e);
void bait_close(struct bait *b);
/* What tests/attacks/semitrusted.c asks for in its environment. */
void bait_env(const struct bait *b, struct wire_pair out[BAIT_ENV]);
/* Knock at all addresses, again and again, while a job listens that is told to. */
void bait_knock(struct bait *b);
void bait_rest(struct bait *b);

#endif
