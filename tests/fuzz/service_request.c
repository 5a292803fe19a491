/* Whatever a stranger sends is taken or refused: requests, headers, base64, sources, and files of
 * keys. */
#include "tests/unit/service_fuzz.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	fuzz_service((const char *)data, n);
	return 0;
}
