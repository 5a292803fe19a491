#include "tests/unit/check_world.h"

static const struct case_row cases[] = {
	ROW("another word", COMPARE_EQUALS, "Fizz\n", "Fuzz\n"),
	ROW("one line of many", COMPARE_EQUALS, "1\n2\nFizz\n4\nBuzz\n6\n7\n8\n",
	    "1\n2\nFizz\n4\nBuz\n6\n7\n8\n", .name = "cases/8.out"),
	ROW("a line too few", COMPARE_EQUALS, "a\nb\nc\nd\n", "a\nc\nd\n"),
	ROW("a line too many", COMPARE_EQUALS, "a\nb\n", "a\nx\nb\n"),
	ROW("the end is missing", COMPARE_EQUALS, "a\nb\nc\n", "a\nb\n"),
	ROW("an empty line too many", COMPARE_EQUALS, "a\n", "a\n\n"),
	ROW("a part of a line", COMPARE_EQUALS, "Hello world", "Hello"),
	ROW("nothing printed", COMPARE_EQUALS, "1\n2\n", "", .name = "cases/2.out"),
	ROW("something printed", COMPARE_EQUALS, "", "1\n2\n3\n4\n5\n6\n7\n"),
	ROW("white space", COMPARE_EQUALS, "a b\nc\n", "a  b\nc\n"),
	ROW("carriage returns and tabs", COMPARE_EQUALS, "a b\nc\n", "a\tb\r\nc\r\n"),
	ROW("control characters", COMPARE_EQUALS, "plain\\n\n", "pl\x1b[2J\xff\xe2\x80\xaein\n"),
	ROW("characters, not bytes, are counted", COMPARE_EQUALS, "grün über è\n", "grün über é\n"),
	ROW("wide characters", COMPARE_EQUALS, "日本語 a\n", "日本語 b\n"),
	ROW("exact: no final newline", COMPARE_EQUALS, "a\n", "a", .is_exact = true),
	ROW("exact: a final newline", COMPARE_EQUALS, "a", "a\n", .is_exact = true,
	    .name = "a.out"),
	ROW("cut where it is right", COMPARE_EQUALS, "aaa\n", "aaa", .is_cut = true),
	ROW("cut and wrong", COMPARE_EQUALS, "aaab\n", "aaaa", .is_cut = true),
	ROW("two places", COMPARE_EQUALS, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n",
	    "1\nx\n3\n4\n5\n6\n7\n8\ny\n10\n"),
	ROW("all is different", COMPARE_EQUALS, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n",
	    "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\n"),
	ROW("does not contain", COMPARE_CONTAINS, "Buzz", "Fizz\nfizz\n"),
	ROW("does not contain, nothing there", COMPARE_CONTAINS, "two\nlines", ""),
	ROW("does not contain, cut", COMPARE_CONTAINS, "end", "1\n2\n3\n4\n5\n6\n7\n",
	    .is_cut = true),
	ROW("does not match", COMPARE_MATCHES, "^(Fizz|Buzz|\\d+)$", "Fuzz\n12x\n"),
	ROW("does not match, long", COMPARE_MATCHES, "^x$", "1\n2\n3\n4\n5\n6\n"),
	ROW("matches what it must not", COMPARE_NOT_MATCHES, "Trace\\w+",
	    "fine\nso\tfar\nthen Traceback (most\n"),
	ROW("catastrophe with the JIT", COMPARE_MATCHES, "^(a+)+$",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"),
	ROW("catastrophe without the JIT", COMPARE_MATCHES, "(*NO_JIT)^(a+)+$",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"),
	ROW("catastrophe, must not match", COMPARE_NOT_MATCHES, "^(a+)+$",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"),
	ROW("a pattern that is none", COMPARE_MATCHES, "(*UCP)ab(c", "abc"),
};

static void each_difference_is_told_as_in_the_golden_file(void **state)
{
	(void)state;
	assert_told(EACH(cases), "fixtures/check/compare.out");
}

static void a_place_far_into_a_long_line_is_shown_with_what_is_around_it(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf b = BUF(1 << 20), want = BUF(1 << 20), found = BUF(1 << 20);
	struct checker *c = checker_open();
	struct judgement out;
	struct case_row row = ROW("a long line", COMPARE_EQUALS, NULL, NULL);

	(void)state;
	buf_puts(&want, "first\n");
	for (int i = 0; i < 500; i++)
		buf_printf(&want, "%d ", i);
	buf_puts(&want, "\nlast\n");
	buf_add(&found, want.data, want.len);
	found.data[1000] = '#';
	row.want = buf_text(&want);
	judge(c, &a, &row, (struct bytes){ found.data, found.len }, &out);
	tell(&b, row.title, &out);
	row = (struct case_row)ROW("a match in it", COMPARE_NOT_MATCHES, "#.*", NULL);
	judge(c, &a, &row, (struct bytes){ found.data, found.len }, &out);
	tell(&b, row.title, &out);
	memset(found.data, 0x80, found.len);
	row = (struct case_row)ROW("hostile bytes", COMPARE_NOT_MATCHES, "#", NULL);
	found.data[1000] = '#';
	judge(c, &a, &row, (struct bytes){ found.data, found.len }, &out);
	tell(&b, row.title, &out);
	checker_close(c);
	assert_golden(&b, "fixtures/check/long_line.out");
}

/* n bytes of lines. */
static void fill(struct buf *b, size_t n)
{
	for (int i = 0; b->len < n; i++)
		buf_printf(b, "line %d of a large output\n", i);
}

static void ten_megabytes_are_compared_within_a_second(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf want = BUF(11 << 20), found = BUF(11 << 20);
	struct checker *c = checker_open();
	struct case_row row = ROW("", COMPARE_EQUALS, NULL, NULL);
	struct judgement out;
	clock_t start;

	(void)state;
	fill(&want, 10 << 20);
	buf_add(&found, want.data, want.len);
	found.data[found.len - 10] = '#';
	row.want = buf_text(&want);
	start = clock();
	judge(c, &a, &row, (struct bytes){ found.data, found.len }, &out);
	assert_true(clock() - start < CLOCKS_PER_SEC);
	checker_close(c);
	assert_string_equal(out.reason, "stdout differs at line 353229, column 21");
}

static void a_slow_search_over_a_large_output_gives_up(void **state)
{
	static const struct case_row row = ROW("", COMPARE_MATCHES, "\\d+$", "");
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf found = BUF(2 << 20);
	struct checker *c = checker_open();
	struct judgement out;

	(void)state;
	for (int i = 0; i < 1 << 20; i++)
		buf_add(&found, "1", 1);
	buf_puts(&found, "!");
	judge(c, &a, &row, (struct bytes){ found.data, found.len }, &out);
	checker_close(c);
	assert_string_equal(out.reason,
			    "stdout: the pattern '\\d+$' took more than the limit of 2 seconds");
}

static void a_deep_match_that_outgrows_the_stack_says_so(void **state)
{
	static const struct case_row row = ROW("", COMPARE_MATCHES, "^(?:a|b(c))*$", "");
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf found = BUF(2 << 20);
	struct checker *c = checker_open();
	struct judgement out;

	(void)state;
	for (int i = 0; i < 1 << 19; i++)
		buf_add(&found, "a", 1);
	judge(c, &a, &row, (struct bytes){ found.data, found.len }, &out);
	checker_close(c);
	assert_string_equal(
		out.reason,
		"stdout: the pattern '^(?:a|b(c))*$' needed more than the limit of 1 MiB of stack");
}

static void what_is_equal_contained_or_matched_passes(void **state)
{
	static const struct case_row row[] = {
		ROW("", COMPARE_EQUALS, "a\n", "a"),
		ROW("", COMPARE_EQUALS, "a", "a\n"),
		ROW("", COMPARE_EQUALS, "", "\n"),
		ROW("", COMPARE_EQUALS, "", "", .is_exact = true),
		ROW("", COMPARE_EQUALS, "a\n", "a\n", .is_exact = true),
		ROW("", COMPARE_CONTAINS, "", ""),
		ROW("", COMPARE_CONTAINS, "b\nc", "a\nb\nc\n"),
		ROW("", COMPARE_MATCHES, "^b$", "a\nb\nc"),
		ROW("", COMPARE_MATCHES, "", ""),
		ROW("", COMPARE_MATCHES, "^a.c$",
		    "\xff\na\xc3\xa9"
		    "c\n"),
		ROW("", COMPARE_MATCHES, "(*UCP)(*NO_JIT)a|^\\w$", "\xff\n\xc3\xa9\n"),
		ROW("", COMPARE_NOT_MATCHES, "\\Ab", "a\nb\n"),
		ROW("", COMPARE_NOT_MATCHES, "x", ""),
	};

	(void)state;
	assert_all_hold(EACH(row));
}

static void ten_thousand_cells_with_one_pattern_take_under_a_second(void **state)
{
	static const struct case_row row = ROW("", COMPARE_MATCHES, "^(Fizz|Buzz|\\d+)$", "12\n");
	CLEAN_ARENA struct arena a = { 0 };
	struct checker *c = checker_open();
	struct judgement out;
	clock_t start = clock();

	(void)state;
	for (int i = 0; i < 10000; i++)
		judge(c, &a, &row, text(row.found), &out);
	assert_true(clock() - start < CLOCKS_PER_SEC);
	assert_int_equal(out.verdict, VERDICT_PASSED);
	checker_close(c);
}

static void more_patterns_than_are_kept_still_match(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct checker *c = checker_open();
	struct judgement out;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		const char *number = arena_printf(&a, "^%d$", i % 300);
		struct case_row row = ROW("", COMPARE_MATCHES, number, "");

		judge(c, &a, &row, text(arena_printf(&a, "x\n%d\n", i % 300)), &out);
		assert_string_equal(out.reason, "");
	}
	checker_close(c);
}

static void a_wrong_pattern_is_told_with_its_offset(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_true(check_pattern("^a$", 3, &e));
	assert_false(check_pattern("ab(c", 4, &e));
	assert_int_equal(e.kind, ERR_SPEC);
	assert_string_equal(e.msg, "the pattern is wrong at offset 4: missing closing parenthesis");
	assert_false(check_pattern("*a", 2, &e));
	assert_string_equal(e.msg, "the pattern is wrong at offset 0: quantifier does not follow a "
				   "repeatable item");
	assert_false(check_pattern("(*UCP)[z-a]", 11, &e));
	assert_string_equal(e.msg, "the pattern is wrong at offset 9: range out of order in "
				   "character class");
	assert_false(check_pattern("\xff", 1, &e));
	assert_false(check_pattern("a\\C", 3, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_difference_is_told_as_in_the_golden_file),
		cmocka_unit_test(a_place_far_into_a_long_line_is_shown_with_what_is_around_it),
		cmocka_unit_test(ten_megabytes_are_compared_within_a_second),
		cmocka_unit_test(a_slow_search_over_a_large_output_gives_up),
		cmocka_unit_test(a_deep_match_that_outgrows_the_stack_says_so),
		cmocka_unit_test(what_is_equal_contained_or_matched_passes),
		cmocka_unit_test(ten_thousand_cells_with_one_pattern_take_under_a_second),
		cmocka_unit_test(more_patterns_than_are_kept_still_match),
		cmocka_unit_test(a_wrong_pattern_is_told_with_its_offset),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
