#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"

static cJSON *parse(const char *text, struct err *e)
{
	return json_parse(text, strlen(text), JSON_NUL_REFUSE, e);
}

static void what_rfc_8259_allows_is_parsed(void **state)
{
	static const char *const right[] = {
		"{}",
		"[]",
		" [ ] ",
		"null",
		"true",
		"-0",
		"0.5e-7",
		"1E+2",
		"\"\"",
		"{\"a\":{\"b\":[1,2,{\"c\":null}]},\"A\":1}",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		"\"\\u00e9\\ud83d\\ude00\"",
		"\"\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\x7f\"",
		"\t\n\r [1]",
		"\"long enough for eight bytes at a time\"",
	};
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++) {
		CLEAN_JSON cJSON *value = parse(right[i], &e);

		if (!value)
			fail_msg("%s: %s", right[i], e.msg);
	}
}

static void mistakes_are_told_with_their_byte(void **state)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{ "", "JSON must have a value at byte 0, not its end" },
		{ "{", "JSON must have a key in quotes at byte 1, not its end" },
		{ "[1,]", "JSON must have a value at byte 3, not ']'" },
		{ "{\"a\":1,}", "JSON must have a key in quotes at byte 7, not '}'" },
		{ "{\"a\" 1}", "JSON must have ':' after a key at byte 5, not '1'" },
		{ "{\"a\":1]", "JSON must have ',' or '}' at byte 6, not ']'" },
		{ "[1 2]", "JSON must have ',' or ']' at byte 3, not '2'" },
		{ "{a:1}", "JSON must have a key in quotes at byte 1, not 'a'" },
		{ "1 2", "JSON must have nothing more at byte 2, not '2'" },
		{ "01", "JSON must have nothing more at byte 1, not '1'" },
		{ "[-]", "JSON must have a digit at byte 2, not ']'" },
		{ "1.", "JSON must have a digit at byte 2, not its end" },
		{ "1e+", "JSON must have a digit at byte 3, not its end" },
		{ "+1", "JSON must have a value at byte 0, not '+'" },
		{ "tru", "JSON must have a value at byte 0, not 't'" },
		{ "NaN", "JSON must have a value at byte 0, not 'N'" },
		{ "\"a", "JSON must have the closing '\"' of a string at byte 2, not its end" },
		{ "\"a\n\"", "JSON must have control characters escaped in a string at byte 2, not "
			     "byte 0x0a" },
		{ "\"\\x\"", "JSON must have an escape (\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u) "
			     "at byte 2, not 'x'" },
		{ "\"\\u12g4\"", "JSON must have four hexadecimal digits at byte 3, not '1'" },
		{ "\"\\ud800\"",
		  "JSON must have both halves of a surrogate pair at byte 3, not 'd'" },
		{ "\"\\ud800\\u0041\"",
		  "JSON must have both halves of a surrogate pair at byte 3, not 'd'" },
		{ "\"\\udc00\"",
		  "JSON must have both halves of a surrogate pair at byte 3, not 'd'" },
		{ "\"\xff\"", "JSON must be UTF-8, which it is not before byte 2" },
		{ "\"\xc0\x80\"", "JSON must be UTF-8, which it is not before byte 2" },
		{ "\"\xed\xa0\x80\"", "JSON must be UTF-8, which it is not before byte 2" },
		{ "\"\xf4\x90\x80\x80\"", "JSON must be UTF-8, which it is not before byte 2" },
		{ "\"\xe2\x82\"", "JSON must be UTF-8, which it is not before byte 3" },
		{ "\"\\u0000\"", "JSON must not have the character NUL (\\u0000)" },
		{ "\xef\xbb\xbf{}", "JSON must have a value at byte 0, not byte 0xef" },
		{ "[{\"a\":1,\"\\u0061\":2}]", "JSON must have each key once in an object, not "
					       "'a' twice" },
		{ "[0.00000000000000000000000000000000000000000000000000000000000001]",
		  "the number at byte 1 of the JSON must have at most 63 characters" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct err e = { 0 };

		assert_null(parse(row[i].text, &e));
		assert_int_equal(e.kind, ERR_MALFORMED);
		assert_string_equal(e.msg, row[i].want);
	}
}

static void a_nul_byte_is_no_end(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_null(json_parse("{}\0", 3, JSON_NUL_REPLACE, &e));
	assert_string_equal(e.msg, "JSON must have nothing more at byte 2, not byte 0x00");
	assert_null(json_parse("\"a\0b\"", 5, JSON_NUL_REPLACE, &e));
}

static void an_escaped_nul_can_be_replaced(void **state)
{
	static const char text[] = "[\"a\\u0000b\",\"\\\\u0000\",\"\\\\\\u0000\",\"\\\\\"]";
	struct err e = { 0 };
	CLEAN_JSON cJSON *v = json_parse(text, strlen(text), JSON_NUL_REPLACE, &e);

	(void)state;
	assert_non_null(v);
	assert_string_equal(cJSON_GetArrayItem(v, 0)->valuestring, "a\xef\xbf\xbd"
								   "b");
	assert_string_equal(cJSON_GetArrayItem(v, 1)->valuestring, "\\u0000");
	assert_string_equal(cJSON_GetArrayItem(v, 2)->valuestring, "\\\xef\xbf\xbd");
	assert_string_equal(cJSON_GetArrayItem(v, 3)->valuestring, "\\");
}

static void nesting_is_bounded(void **state)
{
	char text[256] = { 0 };
	struct err e = { 0 };
	cJSON *v;

	(void)state;
	memset(text, '[', 32);
	memset(text + 32, ']', 32);
	v = parse(text, &e);
	assert_non_null(v);
	cJSON_Delete(v);
	memset(text, '[', 33);
	memset(text + 33, ']', 33);
	assert_null(parse(text, &e));
	assert_string_equal(e.msg, "JSON must nest at most 32 deep, which it exceeds at byte 32");
}

static void values_are_bounded(void **state)
{
	CLEAN_BUF struct buf b = BUF(4 << 20);
	struct err e = { 0 };

	(void)state;
	buf_puts(&b, "[0");
	for (int i = 0; i < JSON_MAX_VALUES; i++)
		buf_puts(&b, ",0");
	buf_puts(&b, "]");
	assert_null(json_parse(b.data, b.len, JSON_NUL_REFUSE, &e));
	assert_string_equal(e.msg, "JSON must have at most 1000000 values");
}

/* Either would take minutes if anything were quadratic. */
static void many_keys_and_long_strings_take_linear_time(void **state)
{
	CLEAN_BUF struct buf b = BUF(64 << 20);
	struct err e = { 0 };
	int64_t start = clock_mono_ms();
	cJSON *v;

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_printf(&b, "%c\"key-%d\":0", i ? ',' : '{', i);
	buf_puts(&b, "}");
	v = json_parse(b.data, b.len, JSON_NUL_REFUSE, &e);
	assert_non_null(v);
	cJSON_Delete(v);
	b.data[b.len - 1] = ',';
	buf_puts(&b, "\"key-5\":0}");
	assert_null(json_parse(b.data, b.len, JSON_NUL_REFUSE, &e));
	assert_string_equal(e.msg, "JSON must have each key once in an object, not 'key-5' twice");
	buf_clear(&b);
	buf_puts(&b, "\"");
	for (int i = 0; i < 1 << 19; i++)
		buf_puts(&b, "QUJDREVGR0hJSktMTU5PUA==");
	buf_puts(&b, "\"");
	v = json_parse(b.data, b.len, JSON_NUL_REFUSE, &e);
	assert_non_null(v);
	cJSON_Delete(v);
	assert_true(clock_mono_ms() - start < 60000);
}

/* A JSON string of n bytes of c, with more in front of them. */
static void add_long(struct buf *b, const char *more, char c, size_t n)
{
	CLEAN_BUF struct buf bytes = BUF(n);

	while (bytes.len < n)
		buf_add(&bytes, &c, 1);
	buf_printf(b, "\"%s%s\"", more, buf_text(&bytes));
}

static void assert_long(const cJSON *value, const char *more, char c, size_t n)
{
	size_t nmore = strlen(more);

	assert_true(cJSON_IsString(value));
	assert_int_equal(strlen(value->valuestring), nmore + n);
	assert_memory_equal(value->valuestring, more, nmore);
	for (size_t i = 0; i < n; i++)
		assert_true(value->valuestring[nmore + i] == c);
}

static void long_strings_are_what_they_were(void **state)
{
	CLEAN_BUF struct buf text = BUF(64 << 20);
	CLEAN_JSON cJSON *root = NULL;
	const size_t n = 100000;
	struct err e = { 0 };

	(void)state;
	buf_puts(&text, "{\"a\":[1,{\"b\":");
	add_long(&text, "\xc3\xa9", 'b', n);
	buf_puts(&text, "},[],\"\\u0000\\\\u0000\"],\"c\":");
	add_long(&text, "\\n", 'c', n);
	buf_puts(&text, ",\"");
	for (size_t i = 0; i < n; i++)
		buf_puts(&text, "k");
	buf_puts(&text, "\":\"\",\"d\":[");
	for (int i = 0; i < 20; i++) {
		buf_puts(&text, i ? "," : "");
		add_long(&text, "", (char)('d' + i), n + (size_t)i);
	}
	buf_puts(&text, "]}");
	root = json_parse(buf_text(&text), text.len, JSON_NUL_REPLACE, &e);
	assert_non_null(root);
	assert_long(json_get(cJSON_GetArrayItem(json_get(root, "a"), 1), "b"), "\xc3\xa9", 'b', n);
	assert_string_equal(cJSON_GetArrayItem(json_get(root, "a"), 3)->valuestring,
			    "\xef\xbf\xbd\\u0000");
	assert_long(json_get(root, "c"), "\n", 'c', n);
	for (int i = 0; i < 20; i++)
		assert_long(cJSON_GetArrayItem(json_get(root, "d"), i), "", (char)('d' + i),
			    n + (size_t)i);
}

static void members_are_found_by_exact_name(void **state)
{
	struct err e = { 0 };
	CLEAN_JSON cJSON *v = parse("{\"Key\":1,\"key\":2,\"none\":null}", &e);
	int64_t n = 0;

	(void)state;
	assert_true(json_get_int(v, "key", 0, 9, &n, &e));
	assert_int_equal(n, 2);
	assert_null(json_get(v, "KEY"));
	assert_null(json_get(v, "none"));
	assert_null(json_get(NULL, "key"));
	assert_null(json_get(json_get(v, "key"), "key"));
	n = 7;
	assert_true(json_get_int(v, "none", 0, 9, &n, &e));
	assert_int_equal(n, 7);
}

static void wrong_types_are_told_with_field_found_and_wanted(void **state)
{
	struct err e = { 0 };
	CLEAN_JSON cJSON *v = parse("{\"s\":\"soon\",\"n\":1.5,\"b\":true,\"l\":[],\"o\":{},"
				    "\"big\":9007199254740993,\"huge\":1e999,\"long\":"
				    "\"0123456789012345678901234567890123456789x\","
				    "\"odd\":\"a\\u001bb\"}",
				    &e);
	static const struct {
		const char *key, *want;
	} row[] = {
		{ "s", "s must be an integer from 1 to 900, not 'soon'" },
		{ "n", "n must be an integer from 1 to 900, not 1.5" },
		{ "b", "b must be an integer from 1 to 900, not true" },
		{ "l", "l must be an integer from 1 to 900, not a list" },
		{ "o", "o must be an integer from 1 to 900, not an object" },
		{ "big", "big must be an integer from 1 to 900, not 9.00719925474099e+15" },
		{ "huge", "huge must be an integer from 1 to 900, not inf" },
		{ "long", "long must be an integer from 1 to 900, not "
			  "'0123456789012345678901234567890123456789...'" },
		{ "odd", "odd must be an integer from 1 to 900, not 'a?b'" },
	};
	const char *text = "kept";
	bool flag = true;
	int64_t n = 5;

	(void)state;
	assert_non_null(v);
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		assert_false(json_get_int(v, row[i].key, 1, 900, &n, &e));
		assert_int_equal(e.kind, ERR_MALFORMED);
		assert_string_equal(e.msg, row[i].want);
	}
	assert_false(json_get_int(v, "big", INT64_MIN, INT64_MAX, &n, &e));
	assert_false(json_get_text(v, "n", &text, &e));
	assert_string_equal(e.msg, "n must be a string, not 1.5");
	assert_false(json_get_bool(v, "s", &flag, &e));
	assert_string_equal(e.msg, "s must be true or false, not 'soon'");
	assert_int_equal(n, 5);
	assert_string_equal(text, "kept");
	assert_true(json_get_bool(v, "b", &flag, &e) && flag);
}

static void bad_bytes_become_replacement_characters(void **state)
{
#define FFFD "\xef\xbf\xbd"
	static const struct {
		const char *bytes;
		size_t len;
		const char *want;
	} row[] = {
		{ "a\0b", 3, "\"a" FFFD "b\"" },
		{ "a\"\\\b\f\n\r\t\x01\x1f\x7f/", 12,
		  "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f/\"" },
		{ "\xc3\xa9", 2, "\"\xc3\xa9\"" },
		{ "\xc3", 1, "\"" FFFD "\"" },
		/* the example of the Unicode standard, table 3-8 */
		{ "a\xf1\x80\x80\xe1\x80\xc2"
		  "b\x80"
		  "c\x80\xbf"
		  "d",
		  13, "\"a" FFFD FFFD FFFD "b" FFFD "c" FFFD FFFD "d\"" },
		{ "\xed\xa0\x80", 3, "\"" FFFD FFFD FFFD "\"" },
		{ "\xf0\x80\x80\x80", 4, "\"" FFFD FFFD FFFD FFFD "\"" },
		{ "", 0, "\"\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		CLEAN_BUF struct buf b = BUF(256);

		assert_true(json_quote(&b, row[i].bytes, row[i].len));
		assert_string_equal(buf_text(&b), row[i].want);
		assert_int_equal(json_is_text(row[i].bytes, row[i].len),
				 !strstr(row[i].want, FFFD));
	}
}

static void every_byte_sequence_is_quoted_into_json(void **state)
{
	struct err e = { 0 };
	unsigned chance = 1;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		CLEAN_BUF struct buf b = BUF(1024);
		unsigned char raw[24];
		cJSON *v;

		for (size_t k = 0; k < sizeof(raw); k++)
			raw[k] = (unsigned char)((chance = chance * 1103515245 + 12345) >> 20);
		assert_true(json_quote(&b, raw, sizeof(raw)));
		v = json_parse(b.data, b.len, JSON_NUL_REFUSE, &e);
		if (!v)
			fail_msg("%s", e.msg);
		cJSON_Delete(v);
	}
}

static void what_does_not_fit_adds_nothing(void **state)
{
	CLEAN_BUF struct buf b = BUF(7);

	(void)state;
	buf_puts(&b, "x");
	assert_false(json_quote(&b, "ab\ncde", 6));
	assert_string_equal(buf_text(&b), "x");
	assert_false(json_quote(&b, "ab\nc", 4));
	assert_true(json_quote(&b, "ab\n", 3));
}

static void objects_are_printed_compact(void **state)
{
	CLEAN_BUF struct buf b = BUF(256);
	CLEAN_JSON cJSON *v = cJSON_CreateObject();

	(void)state;
	json_add_bytes(v, "s", "a\0\xff\n", 4);
	cJSON_AddNumberToObject(v, "n", 1795348800123);
	assert_true(json_print(v, &b));
	assert_string_equal(buf_text(&b), "{\"s\":\"a" FFFD FFFD "\\n\",\"n\":1795348800123}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_rfc_8259_allows_is_parsed),
		cmocka_unit_test(mistakes_are_told_with_their_byte),
		cmocka_unit_test(a_nul_byte_is_no_end),
		cmocka_unit_test(an_escaped_nul_can_be_replaced),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(values_are_bounded),
		cmocka_unit_test(many_keys_and_long_strings_take_linear_time),
		cmocka_unit_test(long_strings_are_what_they_were),
		cmocka_unit_test(members_are_found_by_exact_name),
		cmocka_unit_test(wrong_types_are_told_with_field_found_and_wanted),
		cmocka_unit_test(bad_bytes_become_replacement_characters),
		cmocka_unit_test(every_byte_sequence_is_quoted_into_json),
		cmocka_unit_test(what_does_not_fit_adds_nothing),
		cmocka_unit_test(objects_are_printed_compact),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
