/* Whatever lies where a run's journal should, it is read, or refused in one sentence. */
#include "tests/unit/run_fuzz.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	fuzz_journal((const char *)data, n);
	return 0;
}
