/* compare -- one stream check: does it hold, and if not, what differs. */
#ifndef ENGINE_CHECK_COMPARE_H
#define ENGINE_CHECK_COMPARE_H

#include "check/check.h"

struct comparison {
	struct checker *checker;
	struct arena *a;
	const struct check *check;
	const char *stream;       /* "stdout" */
	struct bytes want, found; /* data never NULL */
	bool is_cut; /* found ends at the stream's cap, the program's output does not */
};

/* Whether it holds; else *out is filled, in the arena. */
bool compare(const struct comparison *q, struct failure *out);

#endif
