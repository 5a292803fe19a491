/* routes -- the endpoints: one row of the table in routes.c each. */
#ifndef SERVICE_ROUTES_H
#define SERVICE_ROUTES_H

#include "service/http.h"
#include "service/metrics.h"
#include "service/queue.h"

struct routes {
	struct loop *loop;
	struct queue *queue;
	struct keys *keys; /* NULL: anonymous use */
	struct store *store;
	const struct languages *languages;
	const char *executor; /* its name */
	int slots;            /* 0: without limit */
	struct metrics metrics;
};

/* For struct http_hooks; ctx is a struct routes. */
bool routes_head(void *ctx, struct call *c, struct err *e);
bool routes_run(void *ctx, struct call *c, struct err *e);
void routes_done(void *ctx, const struct call *c);

#endif
