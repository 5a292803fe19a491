/* range -- Range: of a request for bytes (RFC 9110, 14.2). Pure. */
#ifndef SERVICE_RANGE_H
#define SERVICE_RANGE_H

#include <stddef.h>

enum range_kind {
	RANGE_WHOLE, /* none that is understood, or several: all is sent */
	RANGE_PART,
	RANGE_NONE, /* there is nothing there: 416 */
};

struct range {
	enum range_kind kind;
	size_t from, n; /* of RANGE_PART, within size; n > 0 */
};

/* header may be NULL; size is of the whole. */
struct range range_parse(const char *header, size_t size);

#endif
