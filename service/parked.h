/* parked -- a request that waits for the queue, and what all handlers answer with. */
#ifndef SERVICE_PARKED_H
#define SERVICE_PARKED_H

#include "service/routes.h"

/* In its call's arena. */
struct parked {
	struct routes *routes;
	struct call *call;
	struct waiter waiter;
	struct timer timer;
	struct job *job;      /* of ?wait= */
	int64_t inline_bytes; /* of ?inline_bytes= */
};

/* What the waiter is told will be the call's answer; a caller who hangs up waits no more. */
struct parked *parked_new(struct routes *r, struct call *c, enum wait_for what);
/* Answer 200 with the JSON of an ended job, in which artifacts larger than inline_bytes are told by
 * their paths. */
bool answer_job(struct call *c, struct bytes json, int64_t inline_bytes, struct err *e);
/* Answer 200 with the JSON in b; ok is whether all of it fitted in. */
bool answer_buf(struct call *c, bool ok, const struct buf *b, struct err *e);

#endif
