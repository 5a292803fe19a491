#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "service/range.h"

static const struct row {
	const char *header;
	size_t size;
	struct range want;
} rows[] = {
	{ NULL, 10, { RANGE_WHOLE, 0, 0 } },
	{ "bytes=0-", 10, { RANGE_PART, 0, 10 } },
	{ "bytes=0-0", 10, { RANGE_PART, 0, 1 } },
	{ "Bytes=2-5", 10, { RANGE_PART, 2, 4 } },
	{ "bytes=9-99", 10, { RANGE_PART, 9, 1 } },
	{ "bytes=-3", 10, { RANGE_PART, 7, 3 } },
	{ "bytes=-99", 10, { RANGE_PART, 0, 10 } },
	{ "bytes=10-", 10, { RANGE_NONE, 0, 0 } },
	{ "bytes=-0", 10, { RANGE_NONE, 0, 0 } },
	{ "bytes=0-", 0, { RANGE_NONE, 0, 0 } },
	{ "bytes=-1", 0, { RANGE_NONE, 0, 0 } },
	{ "bytes=99999999999999999999-", 10, { RANGE_NONE, 0, 0 } },
	{ "bytes=1-99999999999999999999", 10, { RANGE_PART, 1, 9 } },
	{ "bytes=5-2", 10, { RANGE_WHOLE, 0, 0 } },
	{ "bytes=-", 10, { RANGE_WHOLE, 0, 0 } },
	{ "bytes=", 10, { RANGE_WHOLE, 0, 0 } },
	{ "bytes=a-b", 10, { RANGE_WHOLE, 0, 0 } },
	{ "bytes=0-1,3-4", 10, { RANGE_WHOLE, 0, 0 } },
	{ "lines=0-1", 10, { RANGE_WHOLE, 0, 0 } },
	{ "", 10, { RANGE_WHOLE, 0, 0 } },
};

static void a_range_is_a_part_the_whole_or_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct range got = range_parse(rows[i].header, rows[i].size);

		assert_int_equal(got.kind, rows[i].want.kind);
		assert_int_equal(got.from, rows[i].want.from);
		assert_int_equal(got.n, rows[i].want.n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_is_a_part_the_whole_or_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
