/* Whatever a stranger sends to the whole service is answered: request lines, queries, headers,
 * bodies, and what is no HTTP. */
#include "tests/unit/service_talk.h"

static struct talk service;

static void leave(void)
{
	talk_close(&service);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	if (!service.http) {
		talk_open(&service);
		atexit(leave);
	}
	if (n <= 65536)
		talk_check(&service, (const char *)data, n);
	return 0;
}
