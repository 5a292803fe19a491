#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"

static void it_grows_and_keeps_a_nul_behind(void **state)
{
	CLEAN_BUF struct buf b = BUF(1 << 20);

	(void)state;
	assert_string_equal(buf_text(&b), "");
	for (int i = 0; i < 1000; i++)
		assert_true(buf_printf(&b, "%d,", i));
	assert_int_equal(b.len, strlen(b.data));
	assert_memory_equal(b.data, "0,1,2,3,", 8);
}

static void what_would_pass_max_is_refused_whole(void **state)
{
	CLEAN_BUF struct buf b = BUF(5);

	(void)state;
	assert_true(buf_puts(&b, "abc"));
	assert_false(buf_puts(&b, "def"));
	assert_false(buf_printf(&b, "%d", 123));
	assert_false(buf_add(&b, "abc", SIZE_MAX));
	assert_string_equal(buf_text(&b), "abc");
	assert_true(buf_puts(&b, "de"));
	assert_string_equal(buf_text(&b), "abcde");
	assert_true(buf_add(&b, NULL, 0));
}

static void capped_output_keeps_what_fits(void **state)
{
	CLEAN_BUF struct buf b = BUF(5);

	(void)state;
	assert_true(buf_add_capped(&b, "abc", 3));
	assert_false(buf_add_capped(&b, "defg", 4));
	assert_string_equal(buf_text(&b), "abcde");
	assert_false(buf_add_capped(&b, "h", 1));
}

static void taken_bytes_are_the_callers(void **state)
{
	CLEAN_BUF struct buf b = BUF(64);
	size_t len = 9;
	char *nothing, *bytes;

	(void)state;
	nothing = buf_take(&b, &len);
	assert_string_equal(nothing, "");
	assert_int_equal(len, 0);
	buf_add(&b, "a\0b", 3);
	bytes = buf_take(&b, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(bytes, "a\0b", 4);
	assert_true(buf_puts(&b, "afresh"));
	assert_string_equal(buf_text(&b), "afresh");
	free(nothing);
	free(bytes);
}

static void clearing_keeps_the_memory(void **state)
{
	CLEAN_BUF struct buf b = BUF(64);
	const char *before;

	(void)state;
	buf_puts(&b, "text");
	before = b.data;
	buf_clear(&b);
	assert_string_equal(buf_text(&b), "");
	assert_ptr_equal(b.data, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_grows_and_keeps_a_nul_behind),
		cmocka_unit_test(what_would_pass_max_is_refused_whole),
		cmocka_unit_test(capped_output_keeps_what_fits),
		cmocka_unit_test(taken_bytes_are_the_callers),
		cmocka_unit_test(clearing_keeps_the_memory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
