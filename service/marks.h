/*
 * marks -- patterns (PCRE2) of the table of languages, looked for in a source. The patterns are the
 * operator's, the source is anybody's: its first 16 KiB, within PCRE2's limits.
 */
#ifndef SERVICE_MARKS_H
#define SERVICE_MARKS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "wire/wire.h"

/* Whether it is a pattern; ERR_SPEC with the place and PCRE2's sentence. */
bool marks_check(const char *pattern, struct err *e);
/* What the first group of the first match is, or NULL: no match, or none within the limits. */
const char *marks_group(struct arena *a, const char *pattern, const struct bytes *source);
/* How often it matches, counted up to most. */
int marks_count(const char *pattern, const struct bytes *source, int most);

#endif
