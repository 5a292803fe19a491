#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "service/command.h"
#include "service/language.h"
#include "service/marks.h"

/* A table of its own in a file that is gone at the end. */
struct table {
	struct arena arena;
	struct buf tell;
	struct languages languages;
	struct err e;
	char path[32];
};

static bool load(struct table *t, const char *text)
{
	int fd;

	*t = (struct table){ .tell = BUF(1 << 20), .path = "/tmp/languages-XXXXXX" };
	fd = mkstemp(t->path);
	assert_true(fd >= 0);
	assert_true(fs_write_all(fd, text, strlen(text)));
	close(fd);
	return languages_load(&t->arena, t->path, NULL, &t->tell, &t->languages, &t->e);
}

static void forget(struct table *t)
{
	unlink(t->path);
	buf_close(&t->tell);
	arena_free(&t->arena);
}

/* Loading fails, and these words are told. */
static void assert_mistake(const char *text, const char *words)
{
	struct table t;

	assert_false(load(&t, text));
	assert_int_equal(t.e.kind, ERR_SPEC);
	assert_non_null(strstr(t.e.msg, "mistake"));
	if (!strstr(buf_text(&t.tell), words))
		fail_msg("'%s' is not told, but: %s", words, buf_text(&t.tell));
	forget(&t);
}

#define ROW "languages:\n  - name: toy\n    filename: main.toy\n    needs: [sh]\n"

static void the_shipped_table_has_the_languages_of_the_readme(void **state)
{
	static const char *const name[] = { "bash", "python", "c", "cpp", "javascript", "perl" };
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf tell = BUF(1 << 20);
	struct languages l;
	struct err e;

	(void)state;
	if (!languages_load(&a, "etc/languages.yml", NULL, &tell, &l, &e))
		fail_msg("%s\n%s", e.msg, buf_text(&tell));
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		assert_non_null(languages_find(&l, name[i]));
	assert_ptr_equal(languages_find(&l, "py"), languages_find(&l, "python"));
	assert_null(languages_find(&l, "Python"));
	assert_true(languages_find(&l, "bash")->is_available);
}

static void programs_are_found_once_and_made_absolute(void **state)
{
	struct table t;
	const struct language *l;

	(void)state;
	assert_true(load(&t, ROW "    run: [sh, \"{source}\"]\n"));
	l = languages_find(&t.languages, "toy");
	assert_true(l->is_available);
	assert_null(l->missing);
	assert_int_equal(l->run.item[0][0], '/');
	forget(&t);
}

static void a_language_whose_program_is_missing_is_told_with_its_package(void **state)
{
	struct table t;
	CLEAN_BUF struct buf b = BUF(1 << 16);

	(void)state;
	assert_true(load(&t,
			 "languages:\n"
			 "  - { name: sh, filename: m, needs: [sh], run: [sh, m] }\n"
			 "  - { name: toy, aliases: [t], extensions: [toy], filename: m,\n"
			 "      needs: [sh, no-such-program], package: toylang, run: [toy] }\n"));
	assert_true(languages_print(&t.languages, &b));
	assert_string_equal(
		buf_text(&b),
		"{\"languages\":[\"sh\"],\"details\":["
		"{\"name\":\"sh\",\"aliases\":[],\"extensions\":[],\"shebangs\":[],\"available\":"
		"true,"
		"\"package\":null,\"npm\":null,\"missing\":null,\"wasm_package\":null,"
		"\"version\":null,\"compiled\":false,\"wasm\":false},"
		"{\"name\":\"toy\",\"aliases\":[\"t\"],\"extensions\":[\"toy\"],\"shebangs\":[],"
		"\"available\":false,\"package\":\"toylang\",\"npm\":null,"
		"\"missing\":\"no-such-program\",\"wasm_package\":null,\"version\":null,"
		"\"compiled\":false,\"wasm\":false}]}");
	forget(&t);
}

static void what_cannot_be_had_or_done_is_told(void **state)
{
	struct wire_request r = { .return_wasm_artifact = true };
	struct language l = { .name = "toy", .is_available = true };
	struct err e = { 0 };

	(void)state;
	assert_false(language_can(&l, &r, &e));
	assert_int_equal(e.kind, ERR_IMPOSSIBLE);
	assert_non_null(strstr(e.msg, "toy is not compiled to WebAssembly here"));
	l.wasm = (struct names){ .item = (const char *[]){ "toyc" }, .n = 1 };
	assert_true(language_can(&l, &r, &e));
	l.wasm_missing = "toy-ld";
	l.wasm_package = "toy-wasm";
	assert_false(language_can(&l, &r, &e));
	assert_string_equal(e.msg, "toy to WebAssembly needs 'toy-ld', which is not installed "
				   "here: apt-get install toy-wasm");
	r.return_wasm_artifact = false;
	assert_true(language_can(&l, &r, &e));
	l.missing = "toyc";
	l.is_available = false;
	l.npm = "toy";
	assert_false(language_can(&l, &r, &e));
	assert_string_equal(e.msg, "toy needs 'toyc', which is not installed here: npm install -g "
				   "--prefix /usr/local toy");
	l.unavailable = "nobody makes it";
	assert_false(language_can(&l, &r, &e));
	assert_string_equal(e.msg, "toy cannot be had here: nobody makes it");
}

/* The items of a list with a blank after each. */
static const char *joined(struct arena *a, const struct names *list)
{
	const char *s = "";

	for (size_t i = 0; i < list->n; i++)
		s = arena_printf(a, "%s%s ", s, list->item[i]);
	return s;
}

static void names_are_made_from_the_source(void **state)
{
	static const char *list[] = { "/bin/x", "{stem}", "-m{memory_mb}", "{program}" };
	CLEAN_ARENA struct arena a = { 0 };
	struct language l = { .filename = "Main.java",
			      .program = "{stem}.class",
			      .run = { list, 4 } };
	struct wire_request r = { .limits.memory_mb = 64 };
	struct bytes source = { "// class No\npublic class Yes {}", 31 };
	struct command c;

	(void)state;
	command_make(&a, &l.run, &l, &r, "/tmp", &c);
	assert_string_equal(joined(&a, &c.arg), "/bin/x Main -m64 Main.class ");
	r.filename = "src/App.java";
	assert_string_equal(command_program(&a, &l, &r), "App.class");
	assert_string_equal(marks_group(&a, "public class (\\w+)", &source), "Yes");
	assert_null(marks_group(&a, "enum (\\w+)", &source));
	assert_int_equal(marks_count("class", &source, 9), 2);
	assert_int_equal(marks_count("", &source, 3), 3);
}

static void mistakes_are_told_with_their_place(void **state)
{
	struct table t;

	(void)state;
	assert_false(load(&t, ROW "    run: [sh, \"{sorce}\"]\n    colour: red\n"));
	assert_non_null(strstr(buf_text(&t.tell), ":6:5: unknown key 'colour'"));
	forget(&t);
	assert_mistake(ROW "    run: [sh, \"{sorce}\"]\n",
		       ":5:10: run: '{sorce}' is none of {source} {program} {stem} {memory_mb} "
		       "{args} {compile_args}");
	assert_mistake(ROW "    run: [sh, \"x{args}\"]\n", "{args} must be an item of its own");
	assert_mistake(ROW "    run: []\n", "run must have at least one item");
	assert_mistake(ROW "    run: [sh]\n    compile: [cc]\n", "compile needs a program");
	assert_mistake(ROW "    run: [sh]\n    program: ../x\n", "program must be a relative name");
	assert_mistake(ROW "    run: [sh]\n    source_name: '('\n", "source_name: missing closing");
	assert_mistake("languages:\n  - {name: a, run: [sh], needs: [sh]}\n",
		       "a language must have a filename");
	assert_mistake(ROW "    run: [sh]\n    env: [1]\n", "env must be a mapping");
	assert_mistake(ROW "    run: [sh]\n    env: { A: [1] }\n", "A must be a text");
	assert_mistake("languages: 3\n", "languages must be a list, not '3'");
	assert_mistake("", "the file must have a key 'languages'");
}

static void a_name_used_twice_is_a_mistake(void **state)
{
	(void)state;
	assert_mistake(ROW "    run: [sh]\n"
			   "  - { name: b, aliases: [toy], filename: m, needs: [sh], run: [sh] }\n",
		       "'toy' names the language toy already");
	assert_mistake(ROW "    run: [sh]\n    aliases: [x, x]\n",
		       "'x' names the language toy already");
	assert_mistake(ROW "    run: [sh]\n    aliases: [toy]\n",
		       "'toy' names the language toy already");
}

static void a_file_that_is_not_there_is_an_error_of_the_system(void **state)
{
	struct table t = { .tell = BUF(100) };

	(void)state;
	assert_false(languages_load(&t.arena, "/no/such/file", NULL, &t.tell, &t.languages, &t.e));
	assert_int_equal(t.e.kind, ERR_SYSTEM);
	forget(&t);
}

static void placeholders_become_the_requests_words(void **state)
{
	static const char *args[] = { "{source}", "b c" }, *flags[] = { "-O3" };
	static const char *list[] = {
		"{program}", "-o{program}:{source}", "{compile_args}", "{args}", "{", "{}"
	};
	CLEAN_ARENA struct arena a = { 0 };
	struct language l = { .filename = "main.c", .program = "main", .run = { list, 6 } };
	struct wire_request r = { .arg = args,
				  .narg = 2,
				  .compile_arg = flags,
				  .ncompile_arg = 1,
				  .filename = "-x{program}.c" };
	struct command c;

	(void)state;
	command_make(&a, &l.run, &l, &r, "/tmp", &c);
	assert_string_equal(joined(&a, &c.arg),
			    "/tmp/main -omain:./-x{program}.c -O3 {source} b c { {} ");
}

static void the_last_setting_of_a_variable_wins(void **state)
{
	static const char *list[] = { "/bin/true" };
	struct wire_pair own[] = { { "A", "language" }, { "B", "language" } };
	struct wire_pair asked[] = { { "B", "request" }, { "PATH", "/x" }, { "AA", "" } };
	CLEAN_ARENA struct arena a = { 0 };
	struct language l = { .filename = "m", .run = { list, 1 }, .env = own, .nenv = 2 };
	struct wire_request r = { .env = asked, .nenv = 3 };
	struct command c;

	(void)state;
	command_make(&a, &l.run, &l, &r, "/tmp", &c);
	assert_string_equal(joined(&a, &c.env),
			    "PATH=/x HOME=/tmp PWD=/tmp LANG=C.UTF-8 A=language B=request AA= ");
}

static void the_strings_are_argv_then_environment_in_a_memfd(void **state)
{
	static const char *list[] = { "/bin/true", "" }, *env[] = { "A=b" };
	static const char want[] = "/bin/true\0\0A=b";
	struct command c = { { list, 2 }, { env, 1 } };
	char got[64];
	struct err e;
	int fd = command_strings(&c, &e);

	(void)state;
	assert_int_equal(pread(fd, got, sizeof(got), 0), sizeof(want));
	assert_memory_equal(got, want, sizeof(want));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shipped_table_has_the_languages_of_the_readme),
		cmocka_unit_test(programs_are_found_once_and_made_absolute),
		cmocka_unit_test(a_language_whose_program_is_missing_is_told_with_its_package),
		cmocka_unit_test(what_cannot_be_had_or_done_is_told),
		cmocka_unit_test(names_are_made_from_the_source),
		cmocka_unit_test(mistakes_are_told_with_their_place),
		cmocka_unit_test(a_name_used_twice_is_a_mistake),
		cmocka_unit_test(a_file_that_is_not_there_is_an_error_of_the_system),
		cmocka_unit_test(placeholders_become_the_requests_words),
		cmocka_unit_test(the_last_setting_of_a_variable_wins),
		cmocka_unit_test(the_strings_are_argv_then_environment_in_a_memfd),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
