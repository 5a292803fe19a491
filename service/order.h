/*
 * order -- whose turn it is. Two classes, interactive before the rest; in each,
 * the tenants that have something pending stand in a ring and give one job a
 * round, and a tenant's own jobs are first come, first served. A tenant that runs
 * as many as it may is passed over.
 *
 * A tenant is known as long as it has a ticket.
 */
#ifndef SERVICE_ORDER_H
#define SERVICE_ORDER_H

#include <stdbool.h>
#include <sys/queue.h>

#include "base/digest.h"
#include "base/map.h"

#define ORDER_CLASSES 2

struct ticket {
	void *owner;
	struct tenant *tenant;
	int class; /* 0: interactive */
	bool is_pending, is_running;
	TAILQ_ENTRY(ticket) of_tenant, pending;
};

TAILQ_HEAD(tickets, ticket);

struct tenant {
	char name[DIGEST_HEX];
	size_t npending, nrunning;
	struct tickets all, pending[ORDER_CLASSES];
	TAILQ_ENTRY(tenant) ring[ORDER_CLASSES];
};

TAILQ_HEAD(ring, tenant);

/* How many of the tenant's may run at once; 0: any. */
typedef size_t order_most_fn(void *ctx, const char *tenant);

struct order {
	order_most_fn *most; /* NULL: any */
	void *most_ctx;
	struct map tenants;
	struct ring ring[ORDER_CLASSES];
	size_t npending;
};

void order_init(struct order *o);
/* The ticket joins its tenant's, pending, last. owner and class are set by the caller. */
void order_enter(struct order *o, struct ticket *t, const char *tenant);
/* Whose turn it is: it runs now, and its tenant goes to the end of the ring. NULL: nobody's. */
struct ticket *order_next(struct order *o);
/* It gives up its turn, or has run. */
void order_withdraw(struct order *o, struct ticket *t);
/* It is forgotten. */
void order_leave(struct order *o, struct ticket *t);
/* The tenant's tickets in the order they came, or NULL. */
const struct tickets *order_of(const struct order *o, const char *tenant);
/* The tenant, or NULL when it has no ticket. */
const struct tenant *order_tenant(const struct order *o, const char *tenant);
/* After the last ticket left. */
void order_close(struct order *o);

#endif
