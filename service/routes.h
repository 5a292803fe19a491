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
	const struct executor_ops *ops;
	const struct executor *executor;
	int slots; /* 0: without limit */
	struct metrics metrics;
};

enum {
	ROUTE_PUBLIC = 1, /* whoever calls */
	ROUTE_JSON = 2,   /* takes a body, which is JSON */
	ROUTE_TEXT = 4,   /* takes a body, which is a source text */
};

struct route {
	const char *method;
	const char *path; /* a part {} stands for any that is not empty, a last {*} for all that is
			     left */
	bool (*run)(struct routes *r, struct call *c, struct err *e);
	unsigned flags;
	const char *takes;   /* parameters that openapi.c knows, a blank between them */
	const char *body;    /* the schema of its JSON */
	const char *answers; /* likewise; with a '/' a media type instead */
	const char *help;
};

/* For struct http_hooks; ctx is a struct routes. */
bool routes_head(void *ctx, struct call *c, struct err *e);
bool routes_run(void *ctx, struct call *c, struct err *e);
void routes_done(void *ctx, const struct call *c);

#endif
