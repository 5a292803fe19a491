#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/yaml.h"

struct fixture {
	struct arena a;
	struct buf tell;
	struct yaml y;
};

static void read_bytes(struct fixture *f, const char *text, size_t len)
{
	*f = (struct fixture){ .tell = BUF(1 << 20) };
	yaml_read_text(&f->y, &f->a, "t.yml", text, len, &f->tell);
}

static void read_string(struct fixture *f, const char *text)
{
	read_bytes(f, text, strlen(text));
}

static void finish(struct fixture *f)
{
	buf_close(&f->tell);
	arena_free(&f->a);
}

static void assert_told(const char *text, const char *want)
{
	struct fixture f;

	read_string(&f, text);
	assert_string_equal(buf_text(&f.tell), want);
	finish(&f);
}

static void a_tree_knows_the_place_of_each_node(void **state)
{
	const struct node *list;
	struct fixture f;

	(void)state;
	read_string(&f, "a: 1\nb:\n  - x\n  - \"y\\0z\"\n");
	assert_string_equal(buf_text(&f.tell), "");
	assert_int_equal(f.y.root->kind, NODE_MAP);
	assert_int_equal(f.y.root->n, 2);
	list = yaml_get(f.y.root, "b");
	assert_int_equal(list->kind, NODE_LIST);
	assert_int_equal(list->item[1]->mark.line, 4);
	assert_int_equal(list->item[1]->mark.col, 5);
	assert_int_equal(list->item[1]->len, 3);
	assert_memory_equal(list->item[1]->text, "y\0z", 4);
	assert_null(yaml_get(f.y.root, "c"));
	finish(&f);
}

static void an_empty_file_has_no_root(void **state)
{
	struct fixture f;

	(void)state;
	read_string(&f, "# nothing\n");
	assert_null(f.y.root);
	assert_int_equal(f.y.nmistake, 0);
	finish(&f);
}

static void scalars_stay_text(void **state)
{
	static const char *const want[] = { "no", "1e3", "010", "on", "0x1F", "1.50", "~" };
	const struct node *n;
	struct fixture f;

	(void)state;
	read_string(&f, "[no, 1e3, 010, on, 0x1F, 1.50, ~]");
	n = f.y.root;
	assert_int_equal(n->n, 7);
	for (size_t i = 0; i < n->n; i++)
		assert_string_equal(n->item[i]->text, want[i]);
	finish(&f);
}

static void only_plain_nothing_is_null(void **state)
{
	static const bool want[] = { true, true, true, false, false, false, false };
	struct fixture f;

	(void)state;
	read_string(&f, "- null\n- ~\n-\n- ''\n- \"null\"\n- !!str null\n- |\n");
	for (size_t i = 0; i < f.y.root->n; i++)
		assert_int_equal(yaml_is_null(f.y.root->item[i]), want[i]);
	finish(&f);
}

static void an_alias_shares_its_anchor_s_node(void **state)
{
	struct fixture f;

	(void)state;
	read_string(&f, "a: &x [1, 2]\nb: *x\n");
	assert_ptr_equal(yaml_get(f.y.root, "a"), yaml_get(f.y.root, "b"));
	finish(&f);
}

static void explicit_keys_win_over_merged_ones_and_earlier_over_later(void **state)
{
	const struct node *c;
	struct fixture f;

	(void)state;
	read_string(&f, "a: &a { x: 1, y: 2 }\n"
			"b: &b { y: 3, z: 4 }\n"
			"c: { <<: [*a, *b], x: 5 }\n"
			"d: { <<: *b }\n");
	assert_string_equal(buf_text(&f.tell), "");
	c = yaml_get(f.y.root, "c");
	assert_int_equal(c->n, 3);
	assert_string_equal(yaml_get(c, "x")->text, "5");
	assert_string_equal(yaml_get(c, "y")->text, "2");
	assert_string_equal(yaml_get(c, "z")->text, "4");
	assert_string_equal(yaml_get(yaml_get(f.y.root, "d"), "y")->text, "3");
	finish(&f);
}

static void merging_what_is_no_mapping_is_told(void **state)
{
	(void)state;
	assert_told("a: { <<: 3, b: 1 }\n",
		    "t.yml:1:10: << must be a mapping or a list of mappings, not '3'\n"
		    "  a: { <<: 3, b: 1 }\n"
		    "           ^\n");
}

static void a_key_given_twice_is_told_with_both_places(void **state)
{
	(void)state;
	assert_told("a: 1\nb: 2\na: 3\n", "t.yml:3:1: key 'a' is given twice, first on line 1\n"
					  "  a: 3\n"
					  "  ^\n");
}

static void a_key_that_is_a_list_is_told(void **state)
{
	(void)state;
	assert_told("? [a]\n: 1\n", "t.yml:1:3: a key must be text, not a list\n"
				    "  ? [a]\n"
				    "    ^\n");
}

static void a_billion_laughs_is_a_mistake_with_its_place(void **state)
{
	(void)state;
	assert_told("a: &a [x, x, x, x, x, x, x, x, x, x]\n"
		    "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
		    "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
		    "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
		    "e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n"
		    "f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n",
		    "t.yml:6:36: more than 1000000 nodes, counting what aliases repeat\n"
		    "  f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n"
		    "                                     ^\n");
}

static void an_alias_inside_its_anchor_is_told(void **state)
{
	(void)state;
	assert_told("a: &a [*a]\n", "t.yml:1:8: alias '*a' stands inside what it names\n"
				    "  a: &a [*a]\n"
				    "         ^\n");
	assert_told("a: *b\n", "t.yml:1:4: alias '*b' has no anchor '&b' before it\n"
			       "  a: *b\n"
			       "     ^\n");
}

static void levels_are_bounded_also_through_aliases(void **state)
{
	char text[400];
	struct fixture f;

	(void)state;
	memset(text, '[', 101);
	memset(text + 101, ']', 101);
	read_bytes(&f, text, 202);
	assert_non_null(strstr(buf_text(&f.tell), "t.yml:1:101: more than 100 levels"));
	finish(&f);
	read_bytes(&f, text + 1, 200);
	assert_int_equal(f.y.nmistake, 0);
	finish(&f);
	snprintf(text, sizeof(text), "a: &a %.60s%.60s\nb: %.60s*a%.60s\n",
		 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
		 "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
		 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
		 "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
	read_string(&f, text);
	assert_non_null(strstr(buf_text(&f.tell), "t.yml:2:64: more than 100 levels"));
	finish(&f);
}

static void syntax_errors_are_told_with_their_place(void **state)
{
	(void)state;
	assert_told("a:\n  b: 1\n c: 2\n",
		    "t.yml:3:2: did not find expected key while parsing a block mapping that "
		    "starts on line 1\n"
		    "   c: 2\n"
		    "   ^\n");
	assert_told("a:\n\tb: 1\n", "t.yml:2:1: a tab cannot indent YAML; use spaces\n"
				    "  \tb: 1\n"
				    "  ^\n");
	assert_told("a: 1\n---\nb: 2\n", "t.yml:2:1: a second document; a file holds one\n"
					 "  ---\n"
					 "  ^\n");
	assert_told("a: !secret x\n", "t.yml:1:4: tag '!secret' means nothing here\n"
				      "  a: !secret x\n"
				      "     ^\n");
}

static void bytes_that_are_no_text_are_told_and_not_repeated(void **state)
{
	(void)state;
	assert_told("a: 1\nb: \x1b[2J\n", "t.yml:2:4: control characters are not allowed\n"
					  "  b: ?[2J\n"
					  "     ^\n");
	assert_told("a: 1\nb: \xff\n", "t.yml:2:4: invalid leading UTF-8 octet\n"
				       "  b: ?\n"
				       "     ^\n");
}

static void the_caret_stands_under_the_character(void **state)
{
	struct fixture f;

	(void)state;
	read_string(&f, "é:\t日本 # x\n");
	yaml_mistake(&f.y, (struct mark){ 1, 5 }, "here");
	assert_string_equal(buf_text(&f.tell), "t.yml:1:5: here\n"
					       "  é:\t日本 # x\n"
					       "    \t  ^\n");
	finish(&f);
}

static void a_long_line_is_shown_around_the_place(void **state)
{
	char text[2001];
	struct fixture f;

	(void)state;
	memset(text, 'x', 2000);
	text[1000] = '!';
	read_bytes(&f, text, 2000);
	yaml_mistake(&f.y, (struct mark){ 1, 1001 }, "here");
	assert_string_equal(
		buf_text(&f.tell),
		"t.yml:1:1001: here\n"
		"  ...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx!xxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\n"
		"                                                                ^\n");
	finish(&f);
}

static void the_first_hundred_mistakes_are_told_and_the_rest_counted(void **state)
{
	struct fixture f;
	struct err e;
	size_t n = 0;

	(void)state;
	read_string(&f, "a: 1\n");
	for (unsigned i = 0; i < 123; i++)
		yaml_mistake(&f.y, (struct mark){ 0 }, "no %u", i);
	assert_false(yaml_finish(&f.y, &e));
	assert_int_equal(e.kind, ERR_SPEC);
	assert_string_equal(e.msg, "t.yml: 123 mistakes");
	for (const char *s = buf_text(&f.tell); *s; s++)
		n += *s == '\n';
	assert_int_equal(n, 101);
	assert_non_null(strstr(buf_text(&f.tell), "t.yml: no 99\n... and 23 more\n"));
	finish(&f);
}

static void a_needle_is_found_inside_a_scalar_of_any_style(void **state)
{
	struct mark m;
	struct fixture f;

	(void)state;
	read_string(&f, "a: |\n  echo ${{ x }}\n  é ${{ y }}\n");
	m = yaml_find(&f.y, yaml_get(f.y.root, "a")->mark, "${{", 1);
	assert_int_equal(m.line, 3);
	assert_int_equal(m.col, 5);
	m = yaml_find(&f.y, (struct mark){ 1, 4 }, "${{", 2);
	assert_int_equal(m.line, 1);
	assert_int_equal(m.col, 4);
	finish(&f);
}

static void the_nearest_name_is_near(void **state)
{
	static const char *const names[] = { "expect", "exclude", "env", "ttl", NULL };

	(void)state;
	assert_string_equal(yaml_nearest("expcet", names), "expect");
	assert_string_equal(yaml_nearest("exlude", names), "exclude");
	assert_string_equal(yaml_nearest("tll", names), "ttl");
	assert_null(yaml_nearest("points", names));
	assert_null(yaml_nearest("", names));
}

struct thing {
	const char *name;
	bool flag;
	int64_t ttl, depth;
	int mode;
	struct names tags;
	size_t nother;
};

static void read_other(struct yaml *y, const struct node *n, void *slot, void *ctx)
{
	(void)y;
	(void)ctx;
	*(size_t *)slot = n->n;
}

static const char *const modes[] = { "low", "mid", "high", NULL };

static const struct field thing_fields[] = {
	{ .key = "name", .type = FIELD_TEXT, offsetof(struct thing, name), .is_required = true },
	{ .key = "flag", .type = FIELD_BOOL, offsetof(struct thing, flag) },
	{ .key = "ttl",
	  FIELD_INT,
	  offsetof(struct thing, ttl),
	  .min = 1,
	  .max = 900,
	  .unit = "seconds" },
	{ .key = "depth", FIELD_INT, offsetof(struct thing, depth), .min = 1, .max = INT64_MAX },
	{ .key = "mode", FIELD_CHOICE, offsetof(struct thing, mode), .choice = modes },
	{ .key = "tags", FIELD_NAMES, offsetof(struct thing, tags) },
	{ .key = "other", FIELD_OTHER, offsetof(struct thing, nother), .read = read_other },
	{ 0 },
};

static void a_mapping_fills_a_struct(void **state)
{
	struct thing t = { .depth = 7 };
	struct fixture f;

	(void)state;
	read_string(&f,
		    "{ name: no, flag: true, ttl: 010, mode: high, tags: [a, b], other: [1, 2] }");
	yaml_decode(&f.y, f.y.root, "a thing", thing_fields, &t, NULL);
	assert_string_equal(buf_text(&f.tell), "");
	assert_string_equal(t.name, "no");
	assert_true(t.flag);
	assert_int_equal(t.ttl, 10);
	assert_int_equal(t.depth, 7);
	assert_int_equal(t.mode, 2);
	assert_int_equal(t.tags.n, 2);
	assert_int_equal(t.nother, 2);
	finish(&f);
}

static void wrong_values_are_told_in_words(void **state)
{
	struct thing t = { 0 };
	struct fixture f;

	(void)state;
	read_string(&f,
		    "flag: yes\nttl: soon\ndepth: 0\nmode: top\ntags: { a: 1 }\nnmae: x\nfoo: 1\n");
	yaml_decode(&f.y, f.y.root, "a thing", thing_fields, &t, NULL);
	assert_string_equal(buf_text(&f.tell),
			    "t.yml:1:7: flag must be true or false, not 'yes'\n"
			    "  flag: yes\n"
			    "        ^\n"
			    "t.yml:2:6: ttl must be 1 to 900 seconds, not 'soon'\n"
			    "  ttl: soon\n"
			    "       ^\n"
			    "t.yml:3:8: depth must be at least 1, not '0'\n"
			    "  depth: 0\n"
			    "         ^\n"
			    "t.yml:4:7: mode must be low, mid or high, not 'top'\n"
			    "  mode: top\n"
			    "        ^\n"
			    "t.yml:5:7: tags must be a list of names, not a mapping\n"
			    "  tags: { a: 1 }\n"
			    "        ^\n"
			    "t.yml:6:1: unknown key 'nmae' in a thing; did you mean 'name'?\n"
			    "  nmae: x\n"
			    "  ^\n"
			    "t.yml:7:1: unknown key 'foo' in a thing\n"
			    "  foo: 1\n"
			    "  ^\n"
			    "t.yml:1:1: a thing needs 'name'\n"
			    "  flag: yes\n"
			    "  ^\n");
	finish(&f);
}

static void whole_numbers_only(void **state)
{
	int64_t v = 0;

	(void)state;
	assert_true(parse_int("9223372036854775807", 19, &v));
	assert_true(v == INT64_MAX);
	assert_true(parse_int("-9223372036854775808", 20, &v));
	assert_true(v == INT64_MIN);
	assert_false(parse_int("9223372036854775808", 19, &v));
	assert_false(parse_int("", 0, &v));
	assert_false(parse_int("-", 1, &v));
	assert_false(parse_int("+1", 2, &v));
	assert_false(parse_int("1 ", 2, &v));
	assert_false(parse_int("1\0"
			       "2",
			       3, &v));
}

static void durations_have_a_unit(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: it is none */
	} rows[] = {
		{ "500ms", 500 },  { "2s", 2000 },  { "1.5s", 1500 },
		{ "0.001s", 1 },   { "1m", 60000 }, { "1.5m", 90000 },
		{ "2h", 7200000 }, { "0s", 0 },     { "999999999h", 3599999996400000 },
		{ "", -1 },        { "2", -1 },     { "s", -1 },
		{ "2 s", -1 },     { "-1s", -1 },   { "+1s", -1 },
		{ "1.s", -1 },     { ".5s", -1 },   { "1.2345s", -1 },
		{ "1.5ms", -1 },   { "2sec", -1 },  { "1000000000s", -1 },
		{ "1e3s", -1 },    { "1..5s", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t ms = -1;

		if (!parse_duration(rows[i].text, strlen(rows[i].text), &ms))
			ms = -1;
		if (ms != rows[i].ms)
			fail_msg("'%s' is %lld", rows[i].text, (long long)ms);
	}
}

static void numbers_are_decimal_and_not_negative(void **state)
{
	static const struct {
		const char *text;
		double value; /* -1: it is none */
	} rows[] = {
		{ "0", 0 },     { "2", 2 },    { "2.5", 2.5 }, { ".5", .5 },    { "1e-6", 1e-6 },
		{ "1E3", 1e3 }, { "2.", 2 },   { "", -1 },     { "-1", -1 },    { "+1", -1 },
		{ "inf", -1 },  { "nan", -1 }, { "0x10", -1 }, { "1e999", -1 }, { "1e", -1 },
		{ "1 ", -1 },   { " 1", -1 },  { "1,5", -1 },  { "1.2.3", -1 }, { ".", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double v = -1;

		if (!parse_number(rows[i].text, strlen(rows[i].text), &v))
			v = -1;
		if (v != rows[i].value)
			fail_msg("'%s' is %g", rows[i].text, v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_have_a_unit),
		cmocka_unit_test(numbers_are_decimal_and_not_negative),
		cmocka_unit_test(a_tree_knows_the_place_of_each_node),
		cmocka_unit_test(an_empty_file_has_no_root),
		cmocka_unit_test(scalars_stay_text),
		cmocka_unit_test(only_plain_nothing_is_null),
		cmocka_unit_test(an_alias_shares_its_anchor_s_node),
		cmocka_unit_test(explicit_keys_win_over_merged_ones_and_earlier_over_later),
		cmocka_unit_test(merging_what_is_no_mapping_is_told),
		cmocka_unit_test(a_key_given_twice_is_told_with_both_places),
		cmocka_unit_test(a_key_that_is_a_list_is_told),
		cmocka_unit_test(a_billion_laughs_is_a_mistake_with_its_place),
		cmocka_unit_test(an_alias_inside_its_anchor_is_told),
		cmocka_unit_test(levels_are_bounded_also_through_aliases),
		cmocka_unit_test(syntax_errors_are_told_with_their_place),
		cmocka_unit_test(bytes_that_are_no_text_are_told_and_not_repeated),
		cmocka_unit_test(the_caret_stands_under_the_character),
		cmocka_unit_test(a_long_line_is_shown_around_the_place),
		cmocka_unit_test(the_first_hundred_mistakes_are_told_and_the_rest_counted),
		cmocka_unit_test(a_needle_is_found_inside_a_scalar_of_any_style),
		cmocka_unit_test(the_nearest_name_is_near),
		cmocka_unit_test(a_mapping_fills_a_struct),
		cmocka_unit_test(wrong_values_are_told_in_words),
		cmocka_unit_test(whole_numbers_only),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
