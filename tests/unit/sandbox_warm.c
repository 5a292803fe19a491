/* Interpreters that wait: what their forks are, and what they must not be able to do. */
#include "sandbox_box.h"

#include "warm/warm.h"

/* -- an interpreter, and jobs for it -- */

struct interpreter {
	const char *path, *source, *script;
};

static const struct interpreter PYTHON = { "/usr/bin/python3", "main.py", "etc/warm/python.py" };
static const struct interpreter RUBY = { "/usr/bin/ruby", "main.rb", "etc/warm/ruby.rb" };

static int hold_of(const struct interpreter *i)
{
	static char text[65536];
	int hold = memfd_create("hold", MFD_CLOEXEC);
	int script = open(i->script, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(script, text, sizeof(text) - 1);
	assert_true(hold >= 0 && n > 0);
	text[n] = '\0';
	close(script);
	assert_int_equal(add_strings(hold, (const char *[]){ i->source, text, NULL }), 2);
	return hold;
}

/* Have it wait; what the warden says about it. */
static const char *await_warm(const struct interpreter *i)
{
	static struct jail_warmed warmed;
	const char *build = getenv("BUILD");
	struct jail_run r = { .op = JAIL_WARM,
			      .memory_bytes = 512 * MIB,
			      .processes = 16,
			      .file_bytes = UINT64_MAX };
	char path[4096];
	int out[2], fd[6];
	snprintf(path, sizeof(path), "%s/sandbatch-warm.so", build ? build : "build");
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fd[1] = fd[2] = out[1];
	fd[3] = strings_of((const char *[]){ i->path, i->source, NULL }, &r);
	r.nenv += add_strings(fd[3], (const char *[]){ JAIL_PRELOAD, NULL });
	fd[4] = hold_of(i);
	fd[5] = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd[5] >= 0);
	send_fds(&r, sizeof(r), fd, 6);
	for (int k = 0; k < 6; k++)
		close(fd[k]);
	close(out[0]);
	receive(&warmed, sizeof(warmed), NULL);
	assert_int_equal(warmed.op, JAIL_WARMED);
	return warmed.text;
}

static void put_text(const char *name, const char *text)
{
	int fd = openat(b.folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	if (geteuid() == 0)
		assert_int_equal(fchown(fd, b.ready.uid, b.ready.gid), 0);
	close(fd);
}

static struct jail_ended run(const struct interpreter *i, bool is_warm, const char *text,
			     const char *arg)
{
	struct limits l = { .is_warm = is_warm };
	box_prepare(&DEFAULT);
	put_text(i->source, text);
	struct jail_ended e = box_run(&l, (const char *[]){ i->path, i->source, arg, NULL });
	box_clear();
	return e;
}

static void each_user(void (*test)(enum who who))
{
	test(ROOT);
	test(USER);
}

static void hello(enum who who)
{
	box_start(who, "full");
	assert_string_equal(await_warm(&PYTHON), "");
	for (int i = 0; i < 3; i++) {
		struct jail_ended e =
			run(&PYTHON, true, "import sys; print('hello', sys.argv)", "x");
		assert_string_equal(b.err, "");
		assert_string_equal(e.text, "");
		assert_string_equal(b.out, "hello ['main.py', 'x']\n");
		assert_int_equal(e.cause, JAIL_CAUSE_EXIT);
		assert_true(e.is_warm);
	}
	assert_string_equal(await_warm(&RUBY), "");
	for (int i = 0; i < 3; i++) {
		struct jail_ended e = run(&RUBY, true, "puts 'hello', ARGV", "x");
		assert_string_equal(b.err, "");
		assert_string_equal(e.text, "");
		assert_string_equal(b.out, "hello\nx\n");
		assert_int_equal(e.cause, JAIL_CAUSE_EXIT);
		assert_true(e.is_warm);
	}
	box_end();
}

static void a_fork_of_an_interpreter_that_waits_runs_a_job(void **state)
{
	(void)state;
	each_user(hello);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_fork_of_an_interpreter_that_waits_runs_a_job, tidy),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return box_find_jail() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
