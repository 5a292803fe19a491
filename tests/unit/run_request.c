/* A cell as the service takes it: what is read, packed, refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "run/request.h"

/* A spec in a folder of its own, planned. */
struct bench {
	struct arena arena;
	char folder[64];
	struct spec spec;
	struct plan plan;
	struct run_options options;
	struct sources sources;
	struct buf tell;
};

static void put(struct bench *b, const char *name, const char *text)
{
	struct err e = { 0 };

	assert_true(fs_write(b->sources.spec_fd, name, text, strlen(text), &e));
}

static void open_bench(struct bench *b, const char *text)
{
	struct err e = { 0 };

	memset(b, 0, sizeof(*b));
	snprintf(b->folder, sizeof(b->folder), "/tmp/run_request.XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	b->tell = BUF(1 << 16);
	b->sources = (struct sources){ .plan = &b->plan, .options = &b->options, .run_fd = -1 };
	b->options.has_additions = true;
	b->sources.spec_fd = open(b->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	put(b, "spec.yaml", text);
	assert_true(fs_mkdirs(b->sources.spec_fd, "lib", &e));
	put(b, "lib/a.txt", "a");
	put(b, "main.py", "print(1)\n");
	put(b, "tool", "#!/usr/bin/env -S python3 -u\nprint(2)\n");
	if (!spec_load(&b->arena, arena_printf(&b->arena, "%s/spec.yaml", b->folder), NULL,
		       &b->tell, &b->spec, &e) ||
	    !plan_build(&b->arena, &b->spec, &b->plan, &e))
		fail_msg("%s\n%s", e.msg, buf_text(&b->tell));
}

static void close_bench(struct bench *b)
{
	struct err e = { 0 };

	fs_close(&b->sources.spec_fd);
	fs_remove_tree(AT_FDCWD, b->folder, &e);
	buf_close(&b->tell);
	arena_free(&b->arena);
}

static const struct toolchains *known(struct bench *b)
{
	static const char answer[] =
		"{\"languages\":[\"python\"],\"details\":["
		"{\"name\":\"python\",\"aliases\":[\"python3\"],\"extensions\":[\"py\"],"
		"\"available\":true},"
		"{\"name\":\"ada\",\"aliases\":[],\"extensions\":[\"adb\"],\"available\":false,"
		"\"package\":\"gnat\",\"missing\":\"gnatmake\"}]}";
	const struct toolchains *t;
	struct err e = { 0 };

	assert_true(toolchains_parse(&b->arena, answer, strlen(answer), &t, &e));
	return t;
}

static void texts_are_expanded_and_small_files_go_flat(void **state)
{
	struct bench b;
	struct wire_request r;
	struct err e = { 0 };

	(void)state;
	open_bench(&b, "version: 1\n"
		       "vars: { who: world }\n"
		       "jobs:\n"
		       "  hi:\n"
		       "    matrix: { n: [1, 2] }\n"
		       "    language: python\n"
		       "    code: print(${{ matrix.n }})\n"
		       "    args: [\"${{ vars.who }}\"]\n"
		       "    stdin: in ${{ matrix.n }}\n"
		       "    env: { N: \"${{ matrix.n }}\" }\n"
		       "    limits: { memory_mb: 64, cpu_seconds: 1.5 }\n"
		       "    files: [main.py, { as: x.txt, content: hi }]\n");
	assert_true(request_build(&b.arena, &b.sources, &b.plan.cell[1], &r, &e));
	assert_string_equal(r.code.data, "print(2)");
	assert_string_equal(r.arg[0], "world");
	assert_string_equal(r.input.data, "in 2");
	assert_string_equal(r.env[0].value, "2");
	assert_int_equal(r.limits.memory_mb, 64);
	assert_int_equal(r.limits.cpu_ms, 1500);
	assert_int_equal(r.ttl_s, WIRE_TTL_DEFAULT);
	assert_int_equal(r.nfile, 2);
	assert_false(r.file[0].is_archive);
	assert_string_equal(r.file[0].name, "main.py");
	assert_string_equal(request_addition(&r),
			    "stdin (but in bash, python, perl, ruby and javascript)");
	close_bench(&b);
}

static void a_folder_goes_as_one_archive(void **state)
{
	struct bench b;
	struct wire_request r;
	struct err e = { 0 };

	(void)state;
	open_bench(
		&b,
		"version: 1\n"
		"jobs: { hi: { language: python, code: x, files: [{ path: lib/, as: l/ }] } }\n");
	assert_true(request_build(&b.arena, &b.sources, &b.plan.cell[0], &r, &e));
	assert_int_equal(r.nfile, 1);
	assert_true(r.file[0].is_archive);
	assert_string_equal(r.file[0].data.data, "l/a.txt"); /* the first tar header's name */
	close_bench(&b);
}

static void the_language_comes_from_extension_or_shebang(void **state)
{
	struct bench b;
	struct wire_request r;
	struct err e = { 0 };

	(void)state;
	open_bench(&b, "version: 1\n"
		       "jobs: { a: { file: main.py }, b: { file: tool }, c: { code: x } }\n");
	b.options.toolchains = known(&b);
	assert_true(request_build(&b.arena, &b.sources, &b.plan.cell[0], &r, &e));
	assert_string_equal(r.language, "python");
	assert_true(request_build(&b.arena, &b.sources, &b.plan.cell[1], &r, &e));
	assert_string_equal(r.language, "python");
	assert_false(request_build(&b.arena, &b.sources, &b.plan.cell[2], &r, &e));
	assert_string_equal(e.msg,
			    "language must be given: neither the name nor a shebang tells it");
	close_bench(&b);
}

static void paths_do_not_leave_the_folder_nor_follow_links(void **state)
{
	struct bench b;
	struct wire_request r;
	struct err e = { 0 };

	(void)state;
	open_bench(&b, "version: 1\n"
		       "jobs:\n"
		       "  up: { language: python, file: ../../etc/passwd }\n"
		       "  link: { language: python, file: link }\n"
		       "  none: { language: python, file: nothing.py }\n");
	assert_int_equal(symlinkat("/etc/passwd", b.sources.spec_fd, "link"), 0);
	assert_false(request_build(&b.arena, &b.sources, &b.plan.cell[0], &r, &e));
	assert_string_equal(e.msg, "'../../etc/passwd' leaves the spec's folder; "
				   "--allow-outside permits that");
	assert_false(request_build(&b.arena, &b.sources, &b.plan.cell[1], &r, &e));
	assert_string_equal(e.msg, "'link' is, or goes through, a symbolic link");
	assert_false(request_build(&b.arena, &b.sources, &b.plan.cell[2], &r, &e));
	assert_string_equal(e.msg, "cannot read 'nothing.py': No such file or directory");
	b.options.allow_outside = true;
	assert_true(request_build(&b.arena, &b.sources, &b.plan.cell[1], &r, &e));
	close_bench(&b);
}

static void mistakes_are_told_before_anything_is_sent(void **state)
{
	struct bench b;
	struct err e = { 0 };
	char want[1024];

	(void)state;
	open_bench(&b,
		   "version: 1\n"
		   "jobs:\n"
		   "  ada: { language: ada, code: x }\n"
		   "  gone: { language: python, file: gone.py }\n"
		   "  bad: { language: python, code: x, expect: { stdout: { matches: '(' } } }\n"
		   "  own: { language: python, file: \"${{ matrix.f }}\", matrix: { f: [no.py, "
		   "main.py] } }\n");
	b.options.toolchains = known(&b);
	b.tell.len = 0;
	assert_false(run_check(&b.plan, &b.options, &b.tell, &e));
	assert_non_null(strstr(e.msg, "3 mistakes"));
	snprintf(want, sizeof(want),
		 "%s/spec.yaml:3:20: the endpoint cannot run ada now: its Debian package gnat is "
		 "missing\n",
		 b.folder);
	assert_non_null(strstr(buf_text(&b.tell), want));
	assert_non_null(strstr(buf_text(&b.tell), ":4:35: cannot read 'gone.py'"));
	assert_non_null(strstr(buf_text(&b.tell), ":5:"));
	assert_null(strstr(buf_text(&b.tell), "no.py"));
	close_bench(&b);
}

/* What a service of part 1 is sent: the program as a file beside the others, a prelude as code. */
static void without_additions_a_prelude_does_what_it_can(void **state)
{
	struct bench b;
	struct wire_request r;
	struct err e = { 0 };

	(void)state;
	open_bench(&b, "version: 1\n"
		       "jobs:\n"
		       "  a:\n"
		       "    language: sh\n"
		       "    code: cat\n"
		       "    stdin: in\n"
		       "    args: [\"it's\", \"$x\"]\n"
		       "    files: [lib/]\n"
		       "  b: { language: c, code: x, args: [y] }\n");
	b.options.has_additions = false;
	assert_true(request_build(&b.arena, &b.sources, &b.plan.cell[0], &r, &e));
	assert_null(request_addition(&r));
	assert_string_equal(r.code.data,
			    "tar -xf .sandbatch.tar && rm .sandbatch.tar || exit 125\n"
			    "exec <.sandbatch.in && rm .sandbatch.in || exit 125\n"
			    "exec \"${BASH:-sh}\" .sandbatch.program 'it'\\''s' '$x'\n");
	assert_int_equal(r.nfile, 3);
	assert_string_equal(r.file[0].name, ".sandbatch.tar");
	assert_false(r.file[0].is_archive);
	assert_string_equal(r.file[1].data.data, "cat");
	assert_string_equal(r.file[2].data.data, "in");
	assert_true(request_build(&b.arena, &b.sources, &b.plan.cell[1], &r, &e));
	assert_string_equal(request_addition(&r),
			    "args (but in bash, python, perl, ruby and javascript)");
	assert_string_equal(r.code.data, "x");
	close_bench(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_additions_a_prelude_does_what_it_can),
		cmocka_unit_test(texts_are_expanded_and_small_files_go_flat),
		cmocka_unit_test(a_folder_goes_as_one_archive),
		cmocka_unit_test(the_language_comes_from_extension_or_shebang),
		cmocka_unit_test(paths_do_not_leave_the_folder_nor_follow_links),
		cmocka_unit_test(mistakes_are_told_before_anything_is_sent),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
