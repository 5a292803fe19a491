/*
 * capture -- one output of a program: kept up to a cap, what comes beyond it
 * read and dropped, so that a flood never blocks the program nor fills memory.
 */
#ifndef SERVICE_CAPTURE_H
#define SERVICE_CAPTURE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/loop.h"

struct capture {
	struct loop *loop;
	int fd; /* -1: not open */
	struct buf kept;
	bool is_truncated;
	struct timer later; /* when it begins to be read */
};

#define CAPTURE_NONE ((struct capture){ .fd = -1 })

/* Start afresh with a new pipe, whose writing end is the caller's to close; max_bytes are kept. -1
 * with e. */
int capture_open(struct capture *c, struct loop *loop, size_t max_bytes, struct err *e);
/* The writers are dead: read what is left in the pipe and close it. The bytes stay. */
void capture_finish(struct capture *c);
void capture_close(struct capture *c);

#endif
