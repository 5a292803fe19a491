/* Whatever lies in a file of the cache, what can be taken is taken and the rest is not there. */
#include "tests/unit/cache_fuzz.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	fuzz_cache((const char *)data, n);
	return 0;
}
