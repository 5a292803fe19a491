#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"

static void stamps_are_iso_8601_in_utc(void **state)
{
	static const struct {
		int64_t unix_s;
		const char *want;
	} row[] = {
		{ 0, "1970-01-01T00:00:00Z" },         { 1795348800, "2026-11-22T12:00:00Z" },
		{ 951782400, "2000-02-29T00:00:00Z" }, { -5, "1970-01-01T00:00:00Z" },
		{ INT64_MAX, "9999-12-31T23:59:59Z" },
	};
	char out[21];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		clock_iso(row[i].unix_s, out);
		assert_string_equal(out, row[i].want);
	}
}

static void the_clocks_run_forward(void **state)
{
	int64_t before = clock_mono_ms();

	(void)state;
	assert_true(clock_mono_ms() >= before);
	assert_true(clock_unix_ms() > 1700000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stamps_are_iso_8601_in_utc),
		cmocka_unit_test(the_clocks_run_forward),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
