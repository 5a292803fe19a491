/* must -- what a fuzz target holds to, in builds without assert too: else it ends, telling where.
 */
#ifndef TESTS_UNIT_MUST_H
#define TESTS_UNIT_MUST_H

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
