/* Whatever is said to a warden is obeyed or ends it: messages of any bytes, with any number of fds.
 */
#include "tests/unit/sandbox_fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_start();
	return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	fuzz_messages((const char *)data, n);
	return 0;
}
