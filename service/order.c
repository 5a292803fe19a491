#include "service/order.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "service/zalloc.h"

void order_init(struct order *o)
{
	*o = (struct order){ 0 };
	for (int c = 0; c < ORDER_CLASSES; c++)
		TAILQ_INIT(&o->ring[c]);
}

static struct tenant *tenant_get(struct order *o, const char *name)
{
	struct tenant *n = map_get(&o->tenants, name, strlen(name));

	if (n)
		return n;
	n = zalloc(sizeof(*n));
	snprintf(n->name, sizeof(n->name), "%s", name);
	TAILQ_INIT(&n->all);
	for (int c = 0; c < ORDER_CLASSES; c++)
		TAILQ_INIT(&n->pending[c]);
	map_set(&o->tenants, n->name, strlen(n->name), n);
	return n;
}

void order_enter(struct order *o, struct ticket *t, const char *tenant)
{
	struct tenant *n = tenant_get(o, tenant);

	assert(strlen(tenant) < DIGEST_HEX);
	t->tenant = n;
	t->is_pending = true;
	TAILQ_INSERT_TAIL(&n->all, t, of_tenant);
	if (TAILQ_EMPTY(&n->pending[t->class]))
		TAILQ_INSERT_TAIL(&o->ring[t->class], n, ring[t->class]);
	TAILQ_INSERT_TAIL(&n->pending[t->class], t, pending);
	n->npending++;
	o->npending++;
}

void order_withdraw(struct order *o, struct ticket *t)
{
	struct tenant *n = t->tenant;

	if (t->is_running)
		n->nrunning--;
	t->is_running = false;
	if (!t->is_pending)
		return;
	t->is_pending = false;
	n->npending--;
	TAILQ_REMOVE(&n->pending[t->class], t, pending);
	if (TAILQ_EMPTY(&n->pending[t->class]))
		TAILQ_REMOVE(&o->ring[t->class], n, ring[t->class]);
	o->npending--;
}

static bool may_run(const struct order *o, const struct tenant *n)
{
	size_t most = o->most ? o->most(o->most_ctx, n->name) : 0;

	return !most || n->nrunning < most;
}

static struct ticket *next_of(struct order *o, int class)
{
	struct tenant *n;
	struct ticket *t;

	TAILQ_FOREACH(n, &o->ring[class], ring[class])
	if (may_run(o, n))
		break;
	if (!n)
		return NULL;
	t = TAILQ_FIRST(&n->pending[class]);
	TAILQ_REMOVE(&o->ring[class], n, ring[class]);
	TAILQ_INSERT_TAIL(&o->ring[class], n, ring[class]);
	order_withdraw(o, t);
	t->is_running = true;
	n->nrunning++;
	return t;
}

struct ticket *order_next(struct order *o)
{
	struct ticket *t = NULL;

	for (int c = 0; c < ORDER_CLASSES && !t; c++)
		t = next_of(o, c);
	return t;
}

void order_leave(struct order *o, struct ticket *t)
{
	struct tenant *n = t->tenant;

	order_withdraw(o, t);
	TAILQ_REMOVE(&n->all, t, of_tenant);
	t->tenant = NULL;
	if (!TAILQ_EMPTY(&n->all))
		return;
	map_del(&o->tenants, n->name, strlen(n->name));
	free(n);
}

const struct tenant *order_tenant(const struct order *o, const char *tenant)
{
	return map_get(&o->tenants, tenant, strlen(tenant));
}

const struct tickets *order_of(const struct order *o, const char *tenant)
{
	const struct tenant *n = order_tenant(o, tenant);

	return n ? &n->all : NULL;
}

void order_close(struct order *o)
{
	assert(o->tenants.n == 0);
	map_close(&o->tenants);
}
