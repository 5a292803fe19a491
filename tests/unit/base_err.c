#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "base/err.h"

static void each_failure_returns_false_with_its_sentence(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_false(err_set(&e, ERR_SPEC, "ttl must be %d", 5));
	assert_int_equal(e.kind, ERR_SPEC);
	assert_string_equal(e.msg, "ttl must be 5");
	assert_false(err_wrap(&e, "job '%s'", "a"));
	assert_int_equal(e.kind, ERR_SPEC);
	assert_string_equal(e.msg, "job 'a': ttl must be 5");
	errno = ENOENT;
	assert_false(err_sys(&e, "cannot read '%s'", "x"));
	assert_int_equal(e.kind, ERR_SYSTEM);
	assert_string_equal(e.msg, "cannot read 'x': No such file or directory");
}

static void a_long_sentence_is_cut_not_overrun(void **state)
{
	struct err e = { 0 };

	(void)state;
	err_set(&e, ERR_SPEC, "%0600d", 7);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	err_wrap(&e, "%0600d", 8);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_failure_returns_false_with_its_sentence),
		cmocka_unit_test(a_long_sentence_is_cut_not_overrun),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
