#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>

#include "tests/unit/service_fuzz.h"

/* Each of the corpus, whole and cut at every byte. */
static bool replay(void *ctx, const char *path, const struct stat *st, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	int *n = ctx;
	char *data;
	size_t len;

	(void)st;
	if (!fs_read(&a, AT_FDCWD, arena_printf(&a, "fixtures/fuzz/service_request/%s", path),
		     1 << 20, &data, &len, e))
		return false;
	for (size_t cut = 0; cut <= len; cut++)
		fuzz_service(data, cut);
	++*n;
	return true;
}

static void what_the_fuzzer_found_or_was_given_is_taken_or_refused(void **state)
{
	struct err e = { 0 };
	int n = 0;

	(void)state;
	if (!fs_walk(AT_FDCWD, "fixtures/fuzz/service_request", 1000, replay, &n, &e))
		fail_msg("%s", e.msg);
	assert_true(n >= 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_fuzzer_found_or_was_given_is_taken_or_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
