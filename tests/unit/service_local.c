/* A job in the sandbox, step by step: its files, the compiler, the program, its limits, what comes
 * back. */
#include "tests/unit/service_bench.h"

/*
 * Programs that print hello and their first argument; tests/languages has those of all languages.
 */
static const struct hello {
	const char *language, *code;
} hellos[] = {
	{ "bash", "echo hello $1" },
	{ "sh", "echo hello $1" },
	{ "python", "import sys; print('hello', sys.argv[1])" },
	{ "javascript", "console.log('hello', process.argv[2])" },
	{ "perl", "print \"hello $ARGV[0]\\n\";" },
	{ "ruby", "puts \"hello #{ARGV[0]}\"" },
	{ "php", "<?php echo \"hello $argv[1]\\n\";" },
	{ "lua", "print('hello ' .. arg[1])" },
	{ "awk", "BEGIN { print \"hello\", ARGV[1] }" },
	{ "tcl", "puts \"hello [lindex $argv 0]\"" },
	{ "c",
	  "#include <stdio.h>\nint main(int c, char **v) { printf(\"hello %s\\n\", v[c - 1]); }" },
	{ "cpp",
	  "#include <iostream>\nint main(int, char **v) { std::cout << \"hello \" << v[1] << "
	  "std::endl; }" },
	{ "fortran", "program p\ncharacter(9) :: a\ncall get_command_argument(1, a)\n"
		     "write(*, '(a)') 'hello '//trim(a)\nend program" },
	{ "java", "class Main { public static void main(String[] a) { "
		  "System.out.println(\"hello \" + a[0]); } }" },
};

static void the_common_languages_that_are_here_say_hello(void **state)
{
	static const char *args[] = { "world" };
	struct bench *b = *state;
	size_t nhello = sizeof(hellos) / sizeof(hellos[0]);

	for (size_t i = 0; i < nhello; i++) {
		struct wire_request r = request(hellos[i].language, hellos[i].code);

		r.arg = args;
		r.narg = 1;
		if (languages_find(&b->languages, r.language)->is_available)
			assert_prints(run(b, &r), "hello world\n");
		else
			print_message("# %s is not installed\n", r.language);
	}
}

static void a_program_sees_stdin_env_and_its_folder(void **state)
{
	struct wire_pair env[] = { { "GREETING", "a b" }, { "LANG", "C" } };
	struct wire_file files[] = {
		{ .name = "data/in/one.txt", .is_path = true, .data = text("one\n") },
		{ .name = "two.txt", .data = text("two\n") },
	};
	struct wire_request r = request(
		"bash",
		"cat; echo \"$GREETING $LANG $HOME $PATH\"; pwd; cat data/in/one.txt /tmp/two.txt");

	r.env = env;
	r.nenv = 2;
	r.file = files;
	r.nfile = 2;
	r.has_stdin = true;
	r.input = text("from stdin\n");
	assert_prints(run(*state, &r), "from stdin\na b C /tmp /usr/local/bin:/usr/bin:/bin\n/tmp\n"
				       "one\ntwo\n");
}

static void without_stdin_it_is_empty_and_bytes_come_back_exact(void **state)
{
	struct wire_request r = request("bash", "wc -c; printf 'a\\0\\377b'; printf '\\0' >&2");
	const struct wire_result *got = run(*state, &r);

	assert_int_equal(got->out.len, 6);
	assert_memory_equal(got->out.data, "0\na\0\377b", 6);
	assert_int_equal(got->err.len, 1);
	assert_string_equal(got->execution_mode, "pooled");
	assert_string_equal(got->job_id, "job-1");
	assert_string_equal(got->language, "bash");
	assert_true(got->has_extras && !got->has_compile);
}

static void an_archive_is_unpacked_before_the_program_runs(void **state)
{
	static const enum pack_format format[] = { PACK_TAR, PACK_TAR_ZSTD };
	struct bench *b = *state;

	for (size_t i = 0; i < 2; i++) {
		CLEAN_BUF struct buf tar = BUF(1 << 20);
		struct pack_list l = { 0 };
		struct wire_request r = request("bash", "cat lib/a/b.txt; echo $0");
		struct wire_file f = { .name = "files.tar", .is_archive = true };
		struct err e;

		pack_add(&b->arena, &l, "lib/a/b.txt", "deep\n", 5);
		pack_add(&b->arena, &l, "main.sh", "exit 9\n", 7);
		assert_true(pack_sort(&l, &e));
		assert_true(pack_to_buf(&l, format[i], &tar, &e));
		f.data = (struct bytes){ tar.data, tar.len };
		r.file = &f;
		r.nfile = 1;
		assert_prints(run(b, &r), "deep\nmain.sh\n");
	}
}

static void an_archive_that_is_none_fails_and_is_named(void **state)
{
	struct wire_request r = request("bash", "echo no");
	struct wire_file f = { .name = "x.tar", .is_archive = true, .data = text("no archive") };
	const struct wire_result *got;

	r.file = &f;
	r.nfile = 1;
	got = run(*state, &r);
	assert_int_equal(got->status, WIRE_FAILED);
	assert_non_null(strstr(got->error, "cannot unpack 'x.tar': /usr/bin/tar: "));
	assert_int_equal(got->exit_code, -1);
}

static void a_failed_compile_is_completed_with_the_compilers_words(void **state)
{
	struct wire_request r = request("c", "int main(void) { return oops; }");
	const struct wire_result *got = run(*state, &r);

	assert_int_equal(got->status, WIRE_COMPLETED);
	assert_int_equal(got->exit_code, 1);
	assert_false(got->success);
	assert_null(got->error);
	assert_non_null(strstr(got->err.data, "main.c:1:25: error: "));
	assert_true(got->has_compile);
	assert_int_equal(got->compile_exit_code, 1);
	assert_string_equal(got->compile_stderr, got->err.data);
}

static void warnings_of_the_compiler_are_not_the_programs(void **state)
{
	static const char *flags[] = { "-Wall", "-DN=7" };
	struct wire_request r = request("c", "int main(void) { int unused; return N; }");
	const struct wire_result *got;

	r.compile_arg = flags;
	r.ncompile_arg = 2;
	got = run(*state, &r);
	assert_int_equal(got->exit_code, 7);
	assert_int_equal(got->err.len, 0);
	assert_int_equal(got->compile_exit_code, 0);
	assert_non_null(strstr(got->compile_stderr, "unused variable"));
	assert_true(got->compile_time_ms > 0);
}

static void flags_that_leave_no_program_are_told(void **state)
{
	static const char *flags[] = { "-fsyntax-only" };
	struct wire_request r = request("c", "int main(void) { return 0; }");
	const struct wire_result *got;

	r.compile_arg = flags;
	r.ncompile_arg = 1;
	got = run(*state, &r);
	assert_int_equal(got->status, WIRE_COMPLETED);
	assert_int_equal(got->exit_code, 127);
	assert_string_equal(got->error, "compiling made no file 'main' to run");
}

static void exit_codes_and_signals_are_the_programs_own(void **state)
{
	struct wire_request r = request("bash", "exit 3");
	const struct wire_result *got = run(*state, &r);

	assert_int_equal(got->status, WIRE_COMPLETED);
	assert_int_equal(got->exit_code, 3);
	assert_int_equal(got->signal, 0);
	assert_false(got->success);
	r = request("bash", "kill -SEGV $$");
	got = run(*state, &r);
	assert_int_equal(got->status, WIRE_COMPLETED);
	assert_int_equal(got->exit_code, 128 + SIGSEGV);
	assert_int_equal(got->signal, SIGSEGV);
}

static void a_program_past_its_ttl_keeps_its_output_so_far(void **state)
{
	struct wire_request r = request("bash", "echo so far; sleep 60");
	const struct wire_result *got;

	r.ttl_s = 1;
	got = run(*state, &r);
	assert_int_equal(got->status, WIRE_TIMEOUT);
	assert_int_equal(got->limit, WIRE_LIMIT_TTL);
	assert_int_equal(got->exit_code, -1);
	assert_string_equal(got->out.data, "so far\n");
	assert_string_equal(got->error, "the program was stopped after 1 seconds (ttl)");
}

static void memory_past_its_limit_ends_the_program(void **state)
{
	struct wire_request r = request("python", "x = b'1' * (1 << 30)\nprint('no')");
	const struct wire_result *got;

	r.limits.memory_mb = 64;
	got = run(*state, &r);
	assert_false(got->success);
	assert_int_equal(got->out.len, 0);
	assert_int_equal(got->status, WIRE_COMPLETED);
	assert_int_equal(got->limit, WIRE_LIMIT_MEMORY);
	assert_int_equal(got->exit_code, -1);
}

static void output_past_its_cap_is_dropped_without_killing(void **state)
{
	struct wire_request r = request("bash", "head -c 3000000 /dev/zero; echo well >&2; exit 4");
	const struct wire_result *got;

	r.limits.output_bytes = 1000;
	got = run(*state, &r);
	assert_int_equal(got->status, WIRE_COMPLETED);
	assert_int_equal(got->exit_code, 4);
	assert_int_equal(got->out.len, 1000);
	assert_true(got->out_truncated);
	assert_false(got->err_truncated);
	assert_string_equal(got->err.data, "well\n");
	assert_int_equal(got->limit, WIRE_LIMIT_OUTPUT);
}

static void files_larger_than_the_disk_are_the_jobs_limit(void **state)
{
	struct bench *b = *state;
	size_t size = (size_t)3 << 20;
	struct wire_request r = request("bash", "echo no");
	struct wire_file f = { .name = "big", .data = { arena_zalloc(&b->arena, size, 1), size } };
	const struct wire_result *got;

	r.file = &f;
	r.nfile = 1;
	r.limits.disk_mb = 1;
	got = run(b, &r);
	assert_int_equal(got->status, WIRE_COMPLETED);
	assert_int_equal(got->limit, WIRE_LIMIT_DISK);
	assert_int_equal(got->exit_code, -1);
	assert_non_null(strstr(got->error, "limits.disk_mb"));
}

static void artifacts_and_the_program_come_back(void **state)
{
	static const char *globs[] = { "out/**", "*.log" };
	struct wire_request r =
		request("c", "#include <stdlib.h>\nint main(void) { return system("
			     "\"mkdir -p out/x; echo 1 >out/x/y; echo 2 >a.log; "
			     "ln -s /etc/passwd b.log; mkfifo c.log; rm main\"); }");
	const struct wire_result *got;

	r.artifact_path = globs;
	r.nartifact_path = 2;
	r.return_artifact = true;
	got = run(*state, &r);
	assert_prints(got, "");
	assert_int_equal(got->nartifact, 3);
	assert_string_equal(got->artifact[0].name, "main");
	assert_memory_equal(got->artifact[0].data.data, "\177ELF", 4);
	assert_string_equal(got->artifact[1].name, "a.log");
	assert_string_equal(got->artifact[2].name, "out/x/y");
	assert_string_equal(got->artifact[2].data.data, "1\n");
}

static void the_next_job_sees_nothing_of_the_last(void **state)
{
	struct wire_request r = request("bash", "echo x >left; sleep 1000 & exit 0");

	assert_prints(run(*state, &r), "");
	r = request("bash", "ls -A; pgrep sleep");
	assert_string_equal(run(*state, &r)->out.data, "main.sh\n");
}

static void what_cannot_be_had_is_said(void **state)
{
	struct bench *b = *state;
	struct language absent = *languages_find(&b->languages, "bash");
	struct wire_request r = request("bash", "echo no");

	r.return_wasm_artifact = true;
	assert_int_equal(run(b, &r)->status, WIRE_FAILED);
	absent.is_available = false;
	absent.missing = "nobash";
	executor_local.start(b->executor, &(struct executor_job){ "job-2", "" }, &r, &absent,
			     on_done, b);
	finish(b);
	assert_int_equal(b->result.status, WIRE_FAILED);
	assert_string_equal(
		b->result.error,
		"bash needs 'nobash', which is not installed here: apt-get install bash");
}

static void stop(void *ctx)
{
	struct meddler *m = ctx;

	loop_stop(m->b->loop);
}

static void a_folder_is_forgotten_when_no_job_comes_to_take_its_place(void **state)
{
	struct bench *b = *state;
	const struct slot *slot = &b->executor->place[0].slot;
	struct wire_request r = request("bash", "echo x >left");
	struct meddler m = { .b = b };
	struct err e;

	run(b, &r);
	assert_true(slot->is_used);
	for (int i = 0; slot->is_used && i < 200; i++) {
		meddle(&m, 10, stop);
		assert_true(loop_run(b->loop, &e));
	}
	assert_false(slot->is_used);
	assert_true(slot_is_idle(slot));
}

static void cancel(void *ctx)
{
	struct meddler *m = ctx;

	executor_local.cancel(m->x);
}

static void assert_cancelled(const struct wire_result *r)
{
	assert_int_equal(r->status, WIRE_CANCELLED);
	assert_int_equal(r->exit_code, -1);
	assert_string_equal(r->error, "Job cancelled by user");
	assert_false(r->success);
}

static void a_cancelled_job_ends_soon_with_its_output_so_far(void **state)
{
	struct wire_request r = request("bash", "trap '' TERM; echo so far; sleep 1000");
	struct meddler m = { .b = *state };

	m.x = start(m.b, &r);
	meddle(&m, 500, cancel);
	finish(m.b);
	assert_cancelled(&m.b->result);
	assert_string_equal(m.b->result.out.data, "so far\n");
}

static void a_job_is_cancelled_before_it_began(void **state)
{
	struct bench *b = *state;
	struct wire_request r = request("bash", "echo no");

	executor_local.cancel(start(b, &r));
	finish(b);
	assert_cancelled(&b->result);
	assert_int_equal(b->result.out.len, 0);
	/* its folder is there still: the next job's takes its place, and is cancelled meanwhile */
	executor_local.cancel(start(b, &r));
	finish(b);
	assert_cancelled(&b->result);
	assert_string_equal(run(b, &r)->out.data, "no\n");
}

static void without_namespaces_a_job_lies_in_a_folder_of_its_own(void **state)
{
	static const char *const how[][2] = { { "limits", "limits" }, { "none", "unsandboxed" } };
	struct bench *b = *state;
	struct wire_request r =
		request("c", "#include <stdlib.h>\n"
			     "int main(void) { return system(\"echo $HOME; pwd; ls\"); }");

	for (size_t i = 0; i < 2; i++) {
		const char *out;
		size_t n;

		swap_executor(b, b->jail, how[i][0]);
		out = run(b, &r)->out.data;
		n = strcspn(out, "\n") + 1;
		if (b->result.out.len < 2 * n)
			fail_msg("%s: '%s', %s", how[i][0], out, b->result.error);
		assert_memory_equal(out, out + n, n);
		assert_string_equal(out + 2 * n, "main\nmain.c\n");
		assert_string_equal(b->result.execution_mode, how[i][1]);
	}
	swap_executor(b, b->jail, "full");
}

static void nor_is_there_a_network_without_namespaces(void **state)
{
	struct bench *b = *state;
	struct wire_request r = request("bash", "echo no");

	swap_executor(b, b->jail, "limits");
	r.network = WIRE_SEMITRUSTED;
	assert_int_equal(run(b, &r)->status, WIRE_FAILED);
	assert_string_equal(b->result.error, "network_mode must be zerotrust: without a full "
					     "sandbox nothing limits a job's network");
	swap_executor(b, b->jail, "full");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_common_languages_that_are_here_say_hello),
		cmocka_unit_test(a_program_sees_stdin_env_and_its_folder),
		cmocka_unit_test(without_stdin_it_is_empty_and_bytes_come_back_exact),
		cmocka_unit_test(an_archive_is_unpacked_before_the_program_runs),
		cmocka_unit_test(an_archive_that_is_none_fails_and_is_named),
		cmocka_unit_test(a_failed_compile_is_completed_with_the_compilers_words),
		cmocka_unit_test(warnings_of_the_compiler_are_not_the_programs),
		cmocka_unit_test(flags_that_leave_no_program_are_told),
		cmocka_unit_test(exit_codes_and_signals_are_the_programs_own),
		cmocka_unit_test(a_program_past_its_ttl_keeps_its_output_so_far),
		cmocka_unit_test(memory_past_its_limit_ends_the_program),
		cmocka_unit_test(output_past_its_cap_is_dropped_without_killing),
		cmocka_unit_test(files_larger_than_the_disk_are_the_jobs_limit),
		cmocka_unit_test(artifacts_and_the_program_come_back),
		cmocka_unit_test(the_next_job_sees_nothing_of_the_last),
		cmocka_unit_test(what_cannot_be_had_is_said),
		cmocka_unit_test(a_folder_is_forgotten_when_no_job_comes_to_take_its_place),
		cmocka_unit_test(a_cancelled_job_ends_soon_with_its_output_so_far),
		cmocka_unit_test(a_job_is_cancelled_before_it_began),
		cmocka_unit_test(without_namespaces_a_job_lies_in_a_folder_of_its_own),
		cmocka_unit_test(nor_is_there_a_network_without_namespaces),
	};

	return bench_run(tests);
}
