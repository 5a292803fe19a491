/* pattern -- PCRE2 with every limit set, and each pattern compiled once. */
#ifndef ENGINE_CHECK_PATTERN_H
#define ENGINE_CHECK_PATTERN_H

#include "check/check.h"

/* Where a pattern matched, as offsets. */
struct place {
	size_t from, to;
};

enum match { MATCH_FOUND, MATCH_NONE, MATCH_GAVE_UP };

/* Search for the pattern. MATCH_GAVE_UP: *why continues the sentence "the pattern 'x' ...". */
enum match pattern_search(struct checker *c, struct arena *a, struct bytes pattern,
			  struct bytes text, struct place *at, const char **why);

#endif
