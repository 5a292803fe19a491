/*
 * referee -- a custom checker as a job of its own at the service. It is not trusted either; and the
 * answer goes to it alone, so it never enters the sandbox of the program under test.
 */
#ifndef ENGINE_RUN_REFEREE_H
#define ENGINE_RUN_REFEREE_H

#include "run/request.h"

/* What is held together: a cell, all of its checks, what it printed. */
struct hearing {
	const struct cell *cell;
	const struct check *check; /* cell->job->expect.ncheck */
	struct bytes out, err;
};

/*
 * The request that runs the cell's checker check[at]: its program with the arguments input, answer
 * and output, files of these names beside it. input is the cell's stdin; the answer what the first
 * other check that names a file has in it, or else empty.
 */
bool referee_build(struct arena *a, struct sources *s, const struct hearing *h, size_t at,
		   struct wire_request *out, struct err *e);

#endif
