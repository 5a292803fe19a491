/* Whatever a stranger sends to the whole service is answered: request lines, queries, headers,
 * bodies, and what is no HTTP. */
#include "tests/unit/service_talk.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	static struct talk *t;

	if (!t) {
		t = calloc(1, sizeof(*t));
		MUST(t);
		talk_open(t);
	}
	if (n <= 65536)
		talk_check(t, (const char *)data, n);
	return 0;
}
