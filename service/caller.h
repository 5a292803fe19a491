/*
 * caller -- the connections of http.c, watched for callers who hang up, or close their side.
 *
 * libmicrohttpd is told of new bytes once: where an end came with them, it would hear of that when
 * the connection times out, and does not tell of the end of a suspended one at all.
 */
#ifndef SERVICE_CALLER_H
#define SERVICE_CALLER_H

#include <sys/queue.h>

#include "base/loop.h"

struct caller {
	struct callers *all;
	int fd;
	bool has_ended; /* it is in all->ended */
	TAILQ_ENTRY(caller) ended;
};

struct callers {
	struct loop *loop;
	TAILQ_HEAD(, caller) ended; /* libmicrohttpd may not know */
	struct timer rest;
};

void callers_init(struct callers *all, struct loop *l);
void callers_close(struct callers *all);
/* A request or a connection is over: when for a second none was, memory is given back. */
void callers_rest_later(struct callers *all);
/* Once libmicrohttpd has read what there was, it is told again of those that have ended. */
void callers_tell_ends(struct callers *all);

struct caller *caller_new(struct callers *all, int fd);
/* Before fd is closed. */
void caller_free(struct caller *who);
/* When it ends, fn is called instead, until it is unwatched. */
void caller_watch(struct caller *who, loop_fd_fn *fn, void *ctx);
void caller_unwatch(struct caller *who);

#endif
