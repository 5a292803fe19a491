#include "tests/unit/check_fuzz.h"
#include "tests/unit/check_world.h"

static bool replay(void *ctx, const char *path, const struct stat *st, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	int *n = ctx;
	char *data;
	size_t len;

	(void)st;
	if (!fs_read(&a, AT_FDCWD, arena_printf(&a, "fixtures/fuzz/check/%s", path), 1 << 20, &data,
		     &len, e))
		return false;
	fuzz_check(data, len);
	++*n;
	return true;
}

static void what_the_fuzzer_found_or_was_given_is_judged_and_told_safely(void **state)
{
	struct err e = { 0 };
	int n = 0;

	(void)state;
	if (!fs_walk(AT_FDCWD, "fixtures/fuzz/check", 1000, replay, &n, &e))
		fail_msg("%s", e.msg);
	assert_true(n >= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_fuzzer_found_or_was_given_is_judged_and_told_safely),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
