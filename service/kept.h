/* kept -- what an ended job answers, put together from what the store keeps apart. */
#ifndef SERVICE_KEPT_H
#define SERVICE_KEPT_H

#include "service/store.h"

struct kept {
	struct store *store;
	const char *tenant, *id;
	int64_t inline_bytes; /* artifacts larger than that are told by their paths */
};

/* What GET /jobs/{id} says of it; *found says whether there is such a job. An answer of before
 * version 5 of the store has all its artifacts, however large. */
bool kept_answer(const struct kept *k, struct buf *out, bool *found, struct err *e);

#endif
