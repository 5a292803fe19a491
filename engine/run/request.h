/* request -- a cell as the service takes it. */
#ifndef ENGINE_RUN_REQUEST_H
#define ENGINE_RUN_REQUEST_H

#include "run/run.h"

/* Where the bytes of a cell come from. */
struct sources {
	const struct plan *plan;
	const struct run_options *options;
	int spec_fd;           /* the spec's folder */
	int run_fd;            /* the run's folder, -1: artifacts of other jobs are not there yet */
	const struct row *row; /* by cell; NULL: what other jobs left is not known yet */
	/* Set while building: the text that is being looked at, for the place of a mistake. */
	const struct text *at;
	struct err failure; /* of the first text since source_settle that could not be told */
	const struct text *failed_at;
	bool is_unknown; /* the failure is such a text's: it may be known later */
	bool is_mistake; /* the failure is the spec's, whatever the matrix says */
};

/* Everything the service needs to run the cell; all in the arena. Fails with a sentence without
 * place. */
bool request_build(struct arena *a, struct sources *s, const struct cell *cell,
		   struct wire_request *out, struct err *e);
/* The first thing in it that only part 2 of the contract offers, or NULL. */
const char *request_addition(const struct wire_request *r);

#endif
