/* submit -- the endpoints that take jobs: /execute, /run and their kin, one job or a batch. */
#ifndef SERVICE_SUBMIT_H
#define SERVICE_SUBMIT_H

#include "service/routes.h"

#define SUBMIT_KEY_MAX   255 /* bytes of an Idempotency-Key */
#define SUBMIT_BATCH_MAX 1000

/* Handlers of routes.c's table. */
bool execute(struct routes *r, struct call *c, struct err *e);
bool execute_async(struct routes *r, struct call *c, struct err *e);
bool run_source(struct routes *r, struct call *c, struct err *e);
bool run_source_async(struct routes *r, struct call *c, struct err *e);
/* [request, ...] or {"requests":[...]}: all of them are taken, or none. {"job_ids":[...]} in their
 * order, once all are on disk. */
bool submit_batch(struct routes *r, struct call *c, struct err *e);

#endif
