/* Whatever a program or its checker prints, it is compared and told in words that are safe. */
#include "tests/unit/check_fuzz.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	fuzz_check((const char *)data, n);
	return 0;
}
