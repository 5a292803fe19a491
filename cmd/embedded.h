/*
 * embedded -- the service as a child of ours on a private Unix socket, which
 * ends with us: `sandbatch run` needs nothing set up.
 */
#ifndef CMD_EMBEDDED_H
#define CMD_EMBEDDED_H

#include "base/arena.h"
#include "base/loop.h"

struct embedded_options {
	const char *folder;  /* private; made, and removed at the end */
	const char *sandbox; /* NULL: full */
	bool no_warm;        /* no interpreter waits for jobs */
	int slots;
	const struct strings *bind; /* folders to show jobs too */
	const char *rootfs;         /* a root to show them instead of the host's; NULL: none */
	/* Told once, when its disk is full: it waits for room, and so do those who wait for it. */
	void (*tell)(void *ctx, const char *sentence);
	void *tell_ctx;
};

/* Told when it ended though nobody asked it to. */
typedef void embedded_gone_fn(void *ctx, const char *why);

struct embedded;
/* Start it and wait until it listens; drives the loop. NULL: e says why, in its own words where it
 * had some. */
struct embedded *embedded_open(struct loop *l, const struct embedded_options *o, struct err *e);
const char *embedded_endpoint(const struct embedded *s); /* "unix:..." */
void embedded_on_gone(struct embedded *s, embedded_gone_fn *fn, void *ctx);
/* End it, and leave no process, cgroup or folder behind. NULL is fine. */
void embedded_close(struct embedded *s);

#endif
