/* service_must -- what a fuzz target holds to; without assert too it ends, and tells where. */
#ifndef TESTS_UNIT_SERVICE_MUST_H
#define TESTS_UNIT_SERVICE_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define MUST(that)                                                                 \
	do {                                                                       \
		if (!(that)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #that); \
			abort();                                                   \
		}                                                                  \
	} while (0)

#endif
