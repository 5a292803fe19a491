/* zalloc -- zeroed memory of its own, for what lives and dies alone; ends the program when there is
 * none. */
#ifndef SERVICE_ZALLOC_H
#define SERVICE_ZALLOC_H

#include <stdlib.h>

static inline __attribute__((returns_nonnull)) void *zalloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

#endif
