#include "tests/unit/check_world.h"

#define TOKENS COMPARE_TOKENS
#define FLOATS COMPARE_FLOATS
#define LINES  COMPARE_LINES
#define JSON   COMPARE_JSON

static const struct case_row told[] = {
	ROW("another token", TOKENS, "1 2 3\n4 5\n", "1 2\n3 4  6\n", .name = "cases/1.out"),
	ROW("a token too few", TOKENS, "1 2 3\n4 5\n", "1 2\n3\n"),
	ROW("a token too many", TOKENS, "a\n", "a\nb c\n", .name = "cases/1.out"),
	ROW("no tokens", TOKENS, "a b", " \n\n"),
	ROW("nothing printed for tokens", TOKENS, "a b", ""),
	ROW("another case", TOKENS, "Yes no", "YES No"),
	ROW("another word in any case", TOKENS, "Yes no", "YES Nö", .ignores_case = true),
	ROW("tokens that are cut", TOKENS, "12 34", "12 34", .is_cut = true),
	ROW("a token that is cut", TOKENS, "12 34 5678", "12 34 56", .is_cut = true),
	ROW("hostile tokens", TOKENS, "a b", "a \x1b[2J\xff"),
	ROW("a number too far", FLOATS, "x = 3.14159", "x = 3.15", .abs_error = 1e-3),
	ROW("a number too far, both ways", FLOATS, "1000", "1001.5", .abs_error = 1e-3,
	    .rel_error = 1e-3),
	ROW("a number that is none", FLOATS, "3.14", "3,14", .abs_error = 1),
	ROW("another text beside numbers", FLOATS, "x = 1", "y = 1", .abs_error = 1),
	ROW("a decimal where an integer is wanted", FLOATS, "1.5 3", "1.5 3.0", .abs_error = 1,
	    .is_exact = true),
	ROW("a wrong integer", FLOATS, "3", "4", .abs_error = 10, .is_exact = true),
	ROW("nan for a number", FLOATS, "1", "nan", .abs_error = 1),
	ROW("the other infinity", FLOATS, "inf", "-Infinity", .abs_error = 1),
	ROW("large integers", FLOATS, "123456789012345678901234567890",
	    "123456789012345678901234567891", .abs_error = 0.5),
	ROW("another line", LINES, "a\r\nb\nc\n", "a\nx\nc\n", .name = "l.out"),
	ROW("a line too few", LINES, "a\nb\nc\n", "a\nb\n"),
	ROW("a line too many", LINES, "a\n", "a\n\n"),
	ROW("nothing printed for lines", LINES, "a\nb\n", "", .any_order = true),
	ROW("other lines in any order", LINES, "a\nb\nc\nc\n", "c\nb\nx\ny\ny\n", .name = "l.out",
	    .any_order = true),
	ROW("many other lines in any order", LINES, "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n", "0\n",
	    .any_order = true),
	ROW("a line missing in any order", LINES, "a\nb\n", "b\n", .any_order = true),
	ROW("lines too many in any order", LINES, "a\n", "b\na\nb\n", .any_order = true),
	ROW("lines that are cut", LINES, "b\na\n", "a\nb", .any_order = true, .is_cut = true),
	ROW("another number", JSON, "{\"a\":[1,2,{\"b\":3}]}", "{\"a\":[1,2,{\"b\":4}]}",
	    .name = "w.json"),
	ROW("another text", JSON, "[\"grün\"]", "[\n  \"rot\"\n]\n"),
	ROW("another type", JSON, "{\"a\":\"1\"}", "{\"a\":1}"),
	ROW("null for an object", JSON, "{\"a\":{\"b\":1}}", "{\"a\":null}"),
	ROW("a list for an object", JSON, "{}", "[1]"),
	ROW("a key is missing", JSON, "{\"a\":{\"x\":1,\"y\":2}}", "{\"a\":{\"x\":1}}"),
	ROW("a key too many", JSON, "{\"a\":{\"x\":1}}", "{\"a\":{\"y\":2,\"x\":1}}"),
	ROW("an item is missing", JSON, "{\"a\":[1,2,3]}", "{\"a\":[1,2]}"),
	ROW("an item too many", JSON, "[1]", "[1,[2]]"),
	ROW("a key that needs escapes", JSON, "{\"a/b\":{\"m~n\":[1]}}",
	    "{\"a/b\":{\"m~n\":[true]}}"),
	ROW("a hostile key", JSON, "{\"\\u001b[2J\":1}", "{\"\\u001b[2J\":2}"),
	ROW("large integers that a double would mix up", JSON, "[9007199254740993]",
	    "[9007199254740992]"),
	ROW("the whole", JSON, "1", "2"),
	ROW("nothing printed for JSON", JSON, "1", ""),
	ROW("what is found is no JSON", JSON, "[1]", "[1,\n2"),
	ROW("what is wanted is no JSON", JSON, "[1,]", "[1]", .name = "w.json"),
	ROW("a key twice", JSON, "{\"a\":1}", "{\"a\":1,\"a\":1}"),
	ROW("what another printed", COMPARE_SAME_AS, "1\n2\n", "1\n3\n", .name = "fizz[lang=go]"),
	ROW("another printed nothing", COMPARE_SAME_AS, "", "1\n3\n", .name = "fizz"),
	ROW("another printed something", COMPARE_SAME_AS, "1\n", "", .name = "fizz"),
};

static const struct case_row holding[] = {
	ROW("", TOKENS, "1 2\n3\n", "\t1\n\n2   3"),
	ROW("", TOKENS, "", " \r\n"),
	ROW("", TOKENS, "a\vb\fc", "a b c"),
	ROW("", TOKENS, "Yes nO", "YES no\n", .ignores_case = true),
	ROW("", FLOATS, "0.3", "0.4", .abs_error = 0.1),
	ROW("", FLOATS, "0.4", "0.3", .abs_error = 0.1),
	ROW("", FLOATS, "4e-1", "0.3", .abs_error = 0.1),
	ROW("", FLOATS, "-0.05", "0.05", .abs_error = 0.1),
	ROW("", FLOATS, "1e18", "999999999999999999.9", .abs_error = 0.1),
	ROW("", FLOATS, "1e300", "1.01e300", .rel_error = 0.011),
	ROW("", FLOATS, "1e-300", "1.01e-300", .rel_error = 0.011),
	ROW("", FLOATS, ".5", "0.50000000000000000000000000000000000000001", .abs_error = 1e-40),
	ROW("", FLOATS, "100", "101", .rel_error = 0.01),
	ROW("", FLOATS, "-100", "-101", .rel_error = 0.01),
	ROW("", FLOATS, "0", "-0"),
	ROW("", FLOATS, "0", "-0.0e5"),
	ROW("", FLOATS, "x 1 y", "x 1.0000001 y", .abs_error = 1e-6),
	ROW("", FLOATS, "1.0 1e2 .5 5. +7", "1 100 0.5 5 7"),
	ROW("", FLOATS, "1.0e0", "1", .is_exact = true),
	ROW("", FLOATS, "3 -0 007", "+3 0 7", .is_exact = true),
	ROW("", FLOATS, "inf -inf nan", "Infinity -INFINITY NaN"),
	ROW("", FLOATS, "+inf nan", "inf -nan"),
	ROW("", FLOATS, "1e5000 -1e99999999999999999999", "10e4999 -1e99999999999999999999"),
	ROW("", FLOATS, "123456789012345678901234567890", "123456789012345678901234567891",
	    .abs_error = 1),
	ROW("", FLOATS, "123456789012345678901234567890", "1.234567890123456789e29",
	    .rel_error = 1e-9),
	ROW("", FLOATS, "1e-400", "0", .abs_error = 1e-9),
	ROW("", FLOATS, "1e-5000", "0", .abs_error = 1e-9),
	ROW("", LINES, "a\r\nb\n", "a\nb"),
	ROW("", LINES, "", ""),
	ROW("", LINES, "", "", .any_order = true),
	ROW("", LINES, "a\nb\nb\n\nc", "b\nc\r\n\na\nb\n", .any_order = true),
	ROW("", JSON, "{\"a\":1,\"b\":[true,null]}", " {\"b\": [true, null],\n\"a\": 1.0}\n"),
	ROW("", JSON, "[1e2, 0.10, -0, 1E+1]", "[100.0, 0.1, 0, 10]"),
	ROW("", JSON, "0.1", "0.10000000000000001"),
	ROW("", JSON, "[123456789012345678901234567890]", "[123456789012345678901234567890.0]"),
	ROW("", JSON, "\"\\u00e9\\/\"", "\"é/\""),
	ROW("", JSON, "{\"a\":{},\"b\":[]}", "{\"b\":[],\"a\":{}}"),
	ROW("", JSON, "{\"a\\\"]\":\"}\\\\\",\"b\":-1}", "{\"b\":-1,\"a\\\"]\":\"}\\\\\"}"),
	ROW("", COMPARE_SAME_AS, "1\n2\n", "1\n2\n", .name = "fizz"),
};

static const struct case_row failing[] = {
	ROW("", TOKENS, "ab", "a b"),
	ROW("", TOKENS, "a", "A"),
	ROW("", TOKENS, "\xc3\xa9", "\xc3\x89", .ignores_case = true),
	ROW("", FLOATS, "1", "1.1", .abs_error = 0.05, .rel_error = 0.05),
	ROW("", FLOATS, "0", "1e-9", .rel_error = 1),
	ROW("", FLOATS, "1e5000", "inf", .rel_error = 1),
	ROW("", FLOATS, "inf", "1e5000", .rel_error = 1),
	ROW("", FLOATS, "1e5000", "2e5000", .rel_error = 1e-6),
	ROW("", FLOATS, "0.4", "0.2999999999999999", .abs_error = 0.1),
	ROW("", FLOATS, ".5", "0.50000000000000000000000000000000000000001", .abs_error = 1e-42),
	ROW("", FLOATS, "1", "0x1", .abs_error = 1),
	ROW("", FLOATS, "1", "1e", .abs_error = 1),
	ROW("", FLOATS, "1", ".", .abs_error = 1),
	ROW("", FLOATS, "1", "1f", .abs_error = 1),
	ROW("", FLOATS, "1", "infin", .abs_error = 1),
	ROW("", FLOATS, "nan", "1", .abs_error = 1),
	ROW("", FLOATS, "inf", "nan", .abs_error = 1),
	ROW("", FLOATS, "0x10", "16", .abs_error = 1),
	ROW("", FLOATS, "3", "3e0", .is_exact = true),
	ROW("", FLOATS, "9007199254740993", "9007199254740992", .abs_error = 0.5),
	ROW("", LINES, "a\nb\n", "b\na\n"),
	ROW("", LINES, "a\na\nb\n", "a\nb\nb\n", .any_order = true),
	ROW("", LINES, "a \n", "a\n", .any_order = true),
	ROW("", JSON, "[1,2]", "[2,1]"),
	ROW("", JSON, "1", "true"),
	ROW("", JSON, "0.3", "0.30000000000000004"),
	ROW("", JSON, "1e400", "1e500"),
	ROW("", JSON, "{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}"),
	ROW("", JSON, "\"\"", "null"),
	ROW("", JSON, "1", "1 2"),
	ROW("", JSON, "1", "\xff"),
	ROW("", COMPARE_SAME_AS, "1\n2\n", "1\n", .name = "fizz"),
};

static void each_comparator_tells_where_and_what_differs(void **state)
{
	(void)state;
	assert_told(EACH(told), "fixtures/check/options.out");
}

static void what_each_comparator_forgives_passes(void **state)
{
	(void)state;
	assert_all_hold(EACH(holding));
}

static void what_each_comparator_does_not_forgive_fails(void **state)
{
	(void)state;
	assert_none_holds(EACH(failing));
}

/* n bytes of a list of one number a line, which is JSON, tokens and lines. */
static void fill(struct buf *b, size_t n)
{
	buf_puts(b, "[\n");
	for (int i = 0; b->len < n; i++)
		buf_printf(b, "%d.5 ,\n", i % 100000);
	buf_puts(b, "0 ]\n");
}

/* CPU time to judge n bytes twice: once they are the same, once they differ near the end. */
static clock_t time_of(struct checker *c, enum comparator comparator, size_t n)
{
	CLEAN_BUF struct buf want = BUF(n + 4096), found = BUF(n + 4096);
	CLEAN_ARENA struct arena a = { 0 };
	struct judgement out;
	clock_t start;

	fill(&want, n);
	buf_add(&found, want.data, want.len);
	struct case_row r =
		ROW("", comparator, want.data, NULL, .any_order = true, .abs_error = 1e-6);
	start = clock();
	judge(c, &a, &r, (struct bytes){ found.data, found.len }, &out);
	assert_string_equal(out.reason, "");
	found.data[found.len - 10] ^= 1;
	judge(c, &a, &r, (struct bytes){ found.data, found.len }, &out);
	assert_int_equal(out.verdict, VERDICT_FAILED);
	return clock() - start;
}

/* Eight times as much in eight times the time, and three times that for a busy machine's caches;
 * comparing each with each would take 64. */
static void eight_megabytes_take_linear_time_in_each_way(void **state)
{
	static const enum comparator comparators[] = { TOKENS, FLOATS, LINES, JSON };
	struct checker *c = checker_open();

	(void)state;
	for (size_t i = 0; i < sizeof(comparators) / sizeof(comparators[0]); i++) {
		clock_t small = time_of(c, comparators[i], 1 << 20);
		clock_t large = time_of(c, comparators[i], 8 << 20);

		assert_true(large < 24 * small);
	}
	checker_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_comparator_tells_where_and_what_differs),
		cmocka_unit_test(what_each_comparator_forgives_passes),
		cmocka_unit_test(what_each_comparator_does_not_forgive_fails),
		cmocka_unit_test(eight_megabytes_take_linear_time_in_each_way),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
