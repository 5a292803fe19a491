/* Whatever a warden says is an answer that was due, or ends it: any bytes, with any fds. */
#include "tests/unit/service_warden.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	fuzz_warden((const char *)data, n);
	return 0;
}
