/*
 * slot -- the service's end of one warden (jail/jail.h): its process, its
 * socket, and that it is there again when it died.
 *
 * Requests never fail: a warden that cannot be told, does not answer in time or
 * says something out of turn is killed, and its end is told like any other.
 */
#ifndef SERVICE_SLOT_H
#define SERVICE_SLOT_H

#include <sys/types.h>

#include "base/err.h"
#include "base/loop.h"
#include "jail/jail.h"
#include "service/service.h"
#include "service/network.h"

#define SLOT_TRIES 3
/* So long a slot with a network is kept for the next job: to start another takes a tenth of a
 * second, to keep one the 29 MB of its forwarder. */
#define SLOT_IDLE_MS 60000

/* What the warden answered, or (op 0) that it is gone. */
struct slot_news {
	uint32_t op; /* JAIL_READY, _PREPARED, _ENDED, _CLEARED, _WARMED, 0 */
	int fd;      /* JAIL_PREPARED: the folder, the listener's to close; else -1 */
	const struct jail_ended *ended; /* JAIL_ENDED */
	const char *why;                /* 0: one sentence; JAIL_WARMED: the same, or "" */
};

typedef void slot_news_fn(void *ctx, const struct slot_news *news);

struct slot_options {
	struct loop *loop;
	int number;
	const char *jail;    /* path of sandbatch-jail */
	const char *sandbox; /* "full", "limits", "none" */
	struct service_view view;
	struct networking *networking; /* NULL: its jobs have no network */
	slot_news_fn *told;            /* from the loop, never from within a call of ours */
	void *ctx;
};

/* Lives in its owner. */
struct slot {
	struct slot_options o;
	pid_t pid; /* 0: none runs */
	int pidfd, sock;
	uint32_t awaits; /* op of the answer that is due; 0: none */
	bool is_used;    /* the folder of a job that is over is still there */
	int nfail;       /* wardens in a row that died before they cleared a job */
	struct jail_ready ready;
	struct network network; /* up before the warden starts, and closed with it */
	struct timer due;       /* what it awaits is late, or it is time to start or to end */
	enum slot_then { SLOT_IS_LOST, SLOT_IS_RENEWED, SLOT_RESTS } then; /* if it ends */
	char why[256]; /* why we killed it, if we did */
};

/* None is started yet. */
void slot_init(struct slot *s, const struct slot_options *o);
/* Start the warden. Its JAIL_READY is to be awaited. */
bool slot_open(struct slot *s, struct err *e);
/* Block until it is ready, and watch it from then on; fails with the warden's own sentence if it is
 * broken. */
bool slot_await(struct slot *s, struct err *e);
/* Instead of opening it: from the loop, and told when it is ready. Nothing if it is up. */
void slot_start_soon(struct slot *s);
/* It was never started, or it has a network and nobody wanted it for SLOT_IDLE_MS: then it is told
 * to be gone. It needs slot_start_soon. */
bool slot_rests(const struct slot *s);
/* Another warden, in another network, in place of the one that runs. Only while no job is in it. */
void slot_renew(struct slot *s);
/* It could take a job at once. */
bool slot_is_idle(const struct slot *s);
/* It is not up, and SLOT_TRIES wardens in a row died. It is still tried, ever more seldom; with a
 * network, at slot_start_soon only. */
bool slot_is_broken(const struct slot *s);

/* A new working folder in the place of the last one. */
void slot_prepare(struct slot *s, uint64_t disk_bytes, uint32_t max_files);
/* fd: stdin, stdout, stderr, strings; they stay the caller's. */
void slot_run(struct slot *s, const struct jail_run *run, const int fd[4]);
void slot_kill(struct slot *s);
/* The job is over: forget its folder, and have an interpreter wait (JAIL_WARM). */
void slot_warm(struct slot *s, const struct jail_run *run, const int fd[6]);
/* The job is over: forget its folder, in a moment, unless slot_prepare is called before that. */
void slot_clear(struct slot *s);

/* Let the warden end; then wait for it (5 s, after that it is killed). All are let go before any is
 * waited for. */
void slot_let_go(struct slot *s);
void slot_close(struct slot *s);

#endif
