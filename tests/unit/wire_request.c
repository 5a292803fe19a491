#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "wire/wire.h"

#define FULL                                                                                      \
	"{\"language\":\"python\",\"code\":\"print(1)\\n\",\"env\":{\"A\":\"1\",\"B\":\"\"},"     \
	"\"network_mode\":\"semitrusted\",\"ttl\":900,\"return_artifact\":true,"                  \
	"\"return_wasm_artifact\":true,\"input_files\":[{\"filename\":\"a.txt\",\"content\":"     \
	"\"AAE=\"},"                                                                              \
	"{\"path\":\"d/b.tar\",\"content\":\"\",\"extract\":true}],\"stdin\":\"in\\n\","          \
	"\"args\":[\"-x\",\"\"],\"compile_args\":[\"-O2\"],\"filename\":\"Main.java\","           \
	"\"artifact_paths\":[\"out/**\",\"*.txt\"],\"limits\":{\"memory_mb\":64,\"processes\":8," \
	"\"disk_mb\":16,\"output_bytes\":1000,\"cpu_seconds\":1.001}}"

static bool parse(struct arena *a, const char *text, struct wire_request *r, struct err *e)
{
	return wire_request_parse(a, text, strlen(text), r, e);
}

static void a_request_has_its_defaults(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct err e = { 0 };
	struct wire_request r;

	(void)state;
	assert_true(parse(&a, "{\"language\":\"c\",\"code\":\"\",\"ttl\":null,\"unknown\":[{}]}",
			  &r, &e));
	assert_string_equal(r.language, "c");
	assert_int_equal(r.code.len, 0);
	assert_int_equal(r.ttl_s, 60);
	assert_int_equal(r.network, WIRE_ZEROTRUST);
	assert_false(r.has_stdin || r.return_artifact || r.return_wasm_artifact);
	assert_int_equal(r.limits.memory_mb, 0);
	assert_null(r.filename);
}

static void every_field_is_read(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct err e = { 0 };
	struct wire_request r;

	(void)state;
	if (!parse(&a, FULL, &r, &e))
		fail_msg("%s", e.msg);
	assert_string_equal(r.code.data, "print(1)\n");
	assert_int_equal(r.nenv, 2);
	assert_string_equal(r.env[0].key, "A");
	assert_string_equal(r.env[0].value, "1");
	assert_int_equal(r.network, WIRE_SEMITRUSTED);
	assert_int_equal(r.ttl_s, 900);
	assert_true(r.return_artifact && r.return_wasm_artifact && r.has_stdin);
	assert_int_equal(r.nfile, 2);
	assert_int_equal(r.file[0].data.len, 2);
	assert_memory_equal(r.file[0].data.data, "\0\1", 3);
	assert_false(r.file[0].is_path || r.file[0].is_archive);
	assert_true(r.file[1].is_path && r.file[1].is_archive);
	assert_string_equal(r.file[1].name, "d/b.tar");
	assert_string_equal(r.input.data, "in\n");
	assert_int_equal(r.narg, 2);
	assert_string_equal(r.compile_arg[0], "-O2");
	assert_string_equal(r.filename, "Main.java");
	assert_string_equal(r.artifact_path[1], "*.txt");
	assert_int_equal(r.limits.memory_mb, 64);
	assert_int_equal(r.limits.cpu_ms, 1001);
}

static void printing_what_was_parsed_gives_it_back(void **state)
{
	static const char *const text[] = {
		FULL,
		"{\"language\":\"c\",\"code\":\"\",\"network_mode\":\"zerotrust\",\"ttl\":60}",
		"{\"language\":\"c\",\"code\":\"\\u001b\xc3\xa9\",\"network_mode\":\"zerotrust\","
		"\"ttl\":1,\"stdin\":{\"base64\":\"AP8=\"},\"limits\":{\"cpu_seconds\":2}}",
		"{\"language\":\"c\",\"code\":\"\",\"network_mode\":\"zerotrust\",\"ttl\":1,"
		"\"stdin\":\"\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++) {
		CLEAN_ARENA struct arena a = { 0 };
		CLEAN_BUF struct buf b = BUF(1 << 20);
		struct err e = { 0 };
		struct wire_request r;

		if (!parse(&a, text[i], &r, &e))
			fail_msg("%s", e.msg);
		assert_true(wire_request_print(&r, &b));
		assert_string_equal(buf_text(&b), text[i]);
	}
}

static void files_without_a_name_are_numbered(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct err e = { 0 };
	struct wire_request r;

	(void)state;
	assert_true(parse(&a,
			  "{\"language\":\"c\",\"code\":\"\",\"input_files\":[{\"content\":\"\"},"
			  "{\"content\":\"eA==\"}]}",
			  &r, &e));
	assert_string_equal(r.file[0].name, "0");
	assert_string_equal(r.file[1].name, "1");
	assert_string_equal(r.file[1].data.data, "x");
}

/* Each is put behind a language and a code. */
static const struct {
	const char *field, *want;
} mistake[] = {
	{ "\"ttl\":0", "ttl must be an integer from 1 to 900, not 0" },
	{ "\"ttl\":901", "ttl must be an integer from 1 to 900, not 901" },
	{ "\"ttl\":1.5", "ttl must be an integer from 1 to 900, not 1.5" },
	{ "\"ttl\":\"60\"", "ttl must be an integer from 1 to 900, not '60'" },
	{ "\"env\":[]", "env must be an object, not a list" },
	{ "\"env\":{\"A\":1}", "env.A must be a string, not 1" },
	{ "\"env\":{\"A\":null}", "env.A must be a string, not null" },
	{ "\"env\":{\"\":\"x\"}", "env must have names without '=' that are not empty, not ''" },
	{ "\"env\":{\"a=b\":\"x\"}",
	  "env must have names without '=' that are not empty, not 'a=b'" },
	{ "\"network_mode\":\"open\"",
	  "network_mode must be 'zerotrust' or 'semitrusted', not 'open'" },
	{ "\"network_mode\":1", "network_mode must be 'zerotrust' or 'semitrusted', not 1" },
	{ "\"return_artifact\":\"true\"", "return_artifact must be true or false, not 'true'" },
	{ "\"input_files\":{}", "input_files must be a list, not an object" },
	{ "\"input_files\":[1]", "input_files[0] must be an object, not 1" },
	{ "\"input_files\":[{}]", "input_files[0].content must be given" },
	{ "\"input_files\":[{\"content\":\"?\"}]",
	  "input_files[0].content must be base64 (RFC 4648, padded), not '?'" },
	{ "\"input_files\":[{\"content\":1}]",
	  "input_files[0].content must be base64 in a string, not 1" },
	{ "\"input_files\":[{\"content\":\"\",\"filename\":\"a\",\"path\":\"b\"}]",
	  "input_files[0].path must stand in place of filename, not beside it" },
	{ "\"input_files\":[{\"content\":\"\",\"filename\":\"a/b\"}]",
	  "input_files[0].filename must be a name without '/' and '..', not 'a/b'" },
	{ "\"input_files\":[{\"content\":\"\",\"filename\":\"a..b\"}]",
	  "input_files[0].filename must be a name without '/' and '..', not 'a..b'" },
	{ "\"input_files\":[{\"content\":\"\",\"path\":\"../b\"}]",
	  "input_files[0].path must be a relative name without '.', '..' or empty parts, "
	  "at "
	  "most 255 bytes each, not '../b'" },
	{ "\"input_files\":[{\"content\":\"\",\"path\":\"/b\"}]",
	  "input_files[0].path must be a relative name without '.', '..' or empty parts, "
	  "at "
	  "most 255 bytes each, not '/b'" },
	{ "\"input_files\":[{\"content\":\"\"},{\"content\":\"\",\"filename\":\"0\"}]",
	  "input_files[1] must have a name of its own, not '0' once more" },
	{ "\"filename\":\"x\",\"input_files\":[{\"content\":\"\",\"filename\":\"x\"}]",
	  "input_files[0] must have a name of its own, not 'x' once more" },
	{ "\"input_files\":[{\"content\":\"\",\"path\":\"a/b/c\"},"
	  "{\"content\":\"\",\"path\":\"a/b\"}]",
	  "input_files[0] 'a/b/c' must not lie in 'a/b', which is a file" },
	{ "\"stdin\":1", "stdin must be a string or {\"base64\":...}, not 1" },
	{ "\"stdin\":{}", "stdin.base64 must be given" },
	{ "\"stdin\":{\"base64\":\"x\"}",
	  "stdin.base64 must be base64 (RFC 4648, padded), not 'x'" },
	{ "\"args\":\"x\"", "args must be a list, not 'x'" },
	{ "\"args\":[\"x\",1]", "args[1] must be a string, not 1" },
	{ "\"compile_args\":[null]", "compile_args[0] must be a string, not null" },
	{ "\"filename\":\"a/b\"", "filename must be a plain name, not 'a/b'" },
	{ "\"filename\":\"\"", "filename must be a plain name, not ''" },
	{ "\"artifact_paths\":[\"/x\"]",
	  "artifact_paths[0] must be a pattern of 1 to 1024 bytes relative to the working "
	  "directory, not '/x'" },
	{ "\"artifact_paths\":[\"*.txt\",\"x/../../*\"]",
	  "artifact_paths[1] must be a pattern of 1 to 1024 bytes relative to the working "
	  "directory, not 'x/../../*'" },
	{ "\"limits\":[]", "limits must be an object, not a list" },
	{ "\"limits\":{\"memory_mb\":0}",
	  "limits.memory_mb must be an integer from 1 to 1048576, not 0" },
	{ "\"limits\":{\"processes\":65537}",
	  "limits.processes must be an integer from 1 to 65536, not 65537" },
	{ "\"limits\":{\"cpu_seconds\":0}",
	  "limits.cpu_seconds must be a number over 0, at most 900, not 0" },
	{ "\"limits\":{\"cpu_seconds\":900.5}",
	  "limits.cpu_seconds must be a number over 0, at most 900, not 900.5" },
};

static void mistakes_name_the_field_found_and_wanted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistake) / sizeof(*mistake); i++) {
		CLEAN_ARENA struct arena a = { 0 };
		struct err e = { 0 };
		struct wire_request r;

		assert_false(parse(
			&a,
			arena_printf(&a, "{\"language\":\"c\",\"code\":\"\",%s}", mistake[i].field),
			&r, &e));
		assert_string_equal(e.msg, mistake[i].want);
		assert_int_equal(e.kind, ERR_MALFORMED);
	}
}

static void what_is_required_must_be_given(void **state)
{
	static const char *const row[][2] = {
		{ "{\"code\":\"\"}", "language must be given" },
		{ "{\"language\":\"c\"}", "code must be given" },
		{ "{\"language\":null,\"code\":\"\"}", "language must be given" },
		{ "{\"language\":\"\",\"code\":\"\"}",
		  "language must be a name of 1 to 64 bytes, not of 0" },
		{ "{\"language\":\"c\",\"code\":5}", "code must be a string, not 5" },
		{ "{\"language\":\"c\",\"code\":\"\\u0000\"}",
		  "JSON must not have the character NUL (\\u0000)" },
		{ "[]", "the request must be an object, not a list" },
		{ "{", "JSON must have a key in quotes at byte 1, not its end" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		CLEAN_ARENA struct arena a = { 0 };
		struct err e = { 0 };
		struct wire_request r;

		assert_false(parse(&a, row[i][0], &r, &e));
		assert_string_equal(e.msg, row[i][1]);
		assert_int_equal(e.kind, ERR_MALFORMED);
	}
}

/* A request that is right, to be spoilt. */
static struct wire_request plain(struct arena *a, size_t nfile, size_t len)
{
	struct wire_request r = { .language = "c", .code = { "", 0 }, .ttl_s = 60 };
	const char *data = arena_zalloc(a, len + 1, 1);

	r.nfile = nfile;
	r.file = ARENA_NEW(a, nfile, struct wire_file);
	for (size_t i = 0; i < nfile; i++)
		r.file[i] = (struct wire_file){ .name = arena_printf(a, "%zu", i),
						.data = { data, len } };
	return r;
}

static void assert_too_large(const struct wire_request *r, int64_t mb, const char *want)
{
	struct err e = { 0 };

	assert_false(wire_request_check(r, mb, &e));
	assert_string_equal(e.msg, want);
	assert_int_equal(e.kind, ERR_TOO_LARGE);
}

static void too_much_is_told_with_both_numbers(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct wire_request r = plain(&a, 11, 0);
	struct err e = { 0 };
	char *arg = arena_zalloc(&a, 1, 140000);
	const char *args[1025];

	(void)state;
	assert_too_large(&r, WIRE_MB, "input_files must be at most 10 files, not 11");
	r = plain(&a, 2, 5 << 20);
	assert_true(wire_request_check(&r, WIRE_MB, &e));
	assert_too_large(&r, 1000000,
			 "input_files[0] '0' must be at most 5000000 bytes, not 5242880");
	r = plain(&a, 3, 5 << 20);
	assert_too_large(&r, WIRE_MB,
			 "input_files must be at most 10485760 bytes together, not 15728640");
	r = plain(&a, 0, 0);
	memset(arg, 'x', 139999);
	for (size_t i = 0; i < 1025; i++)
		args[i] = arg;
	r.arg = args;
	r.narg = 1;
	assert_too_large(&r, WIRE_MB, "args [0] must be under 131072 bytes, not 139999");
	r.narg = 1025;
	assert_too_large(&r, WIRE_MB, "args must have at most 1024 items, not 1025");
	arg[100000] = 0;
	r.narg = 11;
	assert_too_large(&r, WIRE_MB,
			 "args, compile_args and env must be at most 1048576 bytes "
			 "together, not 1100099");
	r.narg = 10;
	assert_true(wire_request_check(&r, WIRE_MB, &e));
}

static void too_many_files_are_refused_before_they_are_decoded(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct err e = { 0 };
	struct wire_request r;

	(void)state;
	assert_false(parse(&a,
			   "{\"language\":\"c\",\"code\":\"\",\"input_files\":"
			   "[0,1,2,3,4,5,6,7,8,9,10]}",
			   &r, &e));
	assert_string_equal(e.msg, "input_files must have at most 10 items, not 11");
	assert_int_equal(e.kind, ERR_TOO_LARGE);
}

static void a_request_of_our_own_is_held_to_the_same_rules(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct wire_request r = plain(&a, 1, 0);
	struct err e = { 0 };
	char name[300] = { 0 };

	(void)state;
	r.language = NULL; /* to be detected */
	assert_true(wire_request_check(&r, WIRE_MB, &e));
	r.code = (struct bytes){ "a\0b", 3 };
	assert_false(wire_request_check(&r, WIRE_MB, &e));
	assert_string_equal(e.msg, "code must be UTF-8 without NUL");
	r.code = (struct bytes){ "\xff", 1 };
	assert_false(wire_request_check(&r, WIRE_MB, &e));
	r.code = (struct bytes){ "", 0 };
	r.ttl_s = 0;
	assert_false(wire_request_check(&r, WIRE_MB, &e));
	assert_string_equal(e.msg, "ttl must be an integer from 1 to 900, not 0");
	r.ttl_s = 1;
	r.limits.memory_mb = 1 << 21;
	assert_false(wire_request_check(&r, WIRE_MB, &e));
	assert_string_equal(e.msg, "limits.memory_mb must be an integer from 1 to 1048576, "
				   "not 2097152");
	r.limits.memory_mb = -1;
	assert_true(wire_request_check(&r, WIRE_MB, &e));
	memset(name, 'n', 255);
	r.file[0].name = name;
	assert_true(wire_request_check(&r, WIRE_MB, &e));
	name[255] = 'n';
	assert_false(wire_request_check(&r, WIRE_MB, &e));
	memset(name, 'n', 257);
	assert_false(wire_request_check(&r, WIRE_MB, &e));
	assert_string_equal(e.msg,
			    "input_files[0] must have a name of at most 256 characters, not 257");
}

static void what_does_not_fit_is_not_printed(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf b = BUF(40);
	struct wire_request r = plain(&a, 1, 100);

	(void)state;
	assert_false(wire_request_print(&r, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_has_its_defaults),
		cmocka_unit_test(every_field_is_read),
		cmocka_unit_test(printing_what_was_parsed_gives_it_back),
		cmocka_unit_test(files_without_a_name_are_numbered),
		cmocka_unit_test(mistakes_name_the_field_found_and_wanted),
		cmocka_unit_test(what_is_required_must_be_given),
		cmocka_unit_test(too_much_is_told_with_both_numbers),
		cmocka_unit_test(too_many_files_are_refused_before_they_are_decoded),
		cmocka_unit_test(a_request_of_our_own_is_held_to_the_same_rules),
		cmocka_unit_test(what_does_not_fit_is_not_printed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
