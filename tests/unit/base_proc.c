#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/proc.h"

static int end_of(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return proc_exit_code(status);
}

/* Start p with stdout to a pipe; its output in the arena, its exit code back. */
static int run(struct arena *a, struct proc *p, char **out)
{
	struct err e = { 0 };
	size_t len;
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	p->fd[1] = ends[1];
	if (!proc_spawn(p, &pid, NULL, &e))
		fail_msg("%s", e.msg);
	close(ends[1]);
	assert_true(fs_read_fd(a, ends[0], 1 << 16, "the pipe", out, &len, &e));
	close(ends[0]);
	return end_of(pid);
}

#define SHELL(script)                                                                \
	((struct proc){ .path = "/bin/sh",                                           \
			.argv = (const char *const[]){ "sh", "-c", (script), NULL }, \
			.fd = { -1, -1, -1 },                                        \
			.nfd = 3 })

static void a_program_runs_with_its_arguments_environment_and_folder(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct proc p = SHELL("echo \"$A $PWD\"; exit 7");
	char *out;

	(void)state;
	p.envp = (const char *const[]){ "A=1", NULL };
	p.cwd = "/usr";
	assert_int_equal(run(&a, &p, &out), 7);
	assert_string_equal(out, "1 /usr\n");
}

static void a_program_that_cannot_be_executed_is_an_error(void **state)
{
	struct proc p = SHELL("");
	struct err e = { 0 };
	pid_t pid;

	(void)state;
	p.path = "/none";
	assert_false(proc_spawn(&p, &pid, NULL, &e));
	assert_string_equal(e.msg,
			    "cannot start '/none': cannot execute it: No such file or directory");
	p.path = "/bin/sh";
	p.cwd = "/none";
	assert_false(proc_spawn(&p, &pid, NULL, &e));
	assert_string_equal(
		e.msg,
		"cannot start '/bin/sh': cannot enter its folder: No such file or directory");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left behind */
}

static void only_the_given_descriptors_are_open(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct proc p = SHELL("for f in 0 1 2 3 4 5 6 7 8 9; do "
			      "[ -e /proc/$$/fd/$f ] && printf '%s ' $f; done; "
			      "readlink /proc/$$/fd/0 /proc/$$/fd/2");
	int stray = open("/dev/zero", O_RDONLY); /* without O_CLOEXEC */
	char *out;

	(void)state;
	assert_true(stray >= 0);
	assert_int_equal(run(&a, &p, &out), 0);
	close(stray);
	assert_string_equal(out, "0 1 2 /dev/null\n/dev/null\n");
}

/* fd 3 and 4 of the child are 4 and 3 of ours, and 5 is one of them again. */
static void descriptors_may_trade_places(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct proc p = SHELL("readlink /proc/$$/fd/3 /proc/$$/fd/4 /proc/$$/fd/5");
	int three = open("/dev/zero", O_RDONLY | O_CLOEXEC), four;
	int spare[16];
	size_t nspare = 0;
	char *out;

	(void)state;
	four = open("/dev/full", O_RDONLY | O_CLOEXEC);
	while (three < 3 || four < 3) { /* tests may run with 0 to 2 closed */
		spare[nspare++] = three;
		three = four;
		four = open("/dev/full", O_RDONLY | O_CLOEXEC);
	}
	p.fd[3] = four;
	p.fd[4] = three;
	p.fd[5] = three;
	p.nfd = 6;
	assert_int_equal(run(&a, &p, &out), 0);
	assert_string_equal(out, "/dev/full\n/dev/zero\n/dev/zero\n");
	while (nspare > 0)
		close(spare[--nspare]);
	close(three);
	close(four);
}

static void signals_are_as_if_new(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	/* glibc's posix_spawn(3), by which make may have started us, leaves its own signals 32 and
	 * 33 ignored */
	struct proc p = SHELL("grep -E '^Sig(Blk|Ign)' /proc/$$/status | cut -f 2 |"
			      " sed s/0000000180000000/0000000000000000/");
	sigset_t some, before;
	char *out;

	(void)state;
	sigemptyset(&some);
	sigaddset(&some, SIGTERM);
	sigaddset(&some, SIGCHLD);
	sigprocmask(SIG_BLOCK, &some, &before);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(run(&a, &p, &out), 0);
	assert_string_equal(out, "0000000000000000\n0000000000000000\n");
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void it_leads_a_session_of_its_own(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct proc p = SHELL("set -- $(cat /proc/$$/stat); [ $$ = $6 ] && echo leader");
	char *out;

	(void)state;
	assert_int_equal(run(&a, &p, &out), 0);
	assert_string_equal(out, "leader\n");
}

/* valgrind 3.19 does not know pidfd_open(2). cmocka's own skip() is "not ok" to prove. */
static bool has_pidfd(void)
{
	CLEAN_FD int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd < 0)
		print_message("# SKIP: there is no pidfd_open(2) here\n");
	return fd >= 0;
}

static void a_pidfd_tells_its_end(void **state)
{
	struct proc p = SHELL("kill -KILL $$");
	struct err e = { 0 };
	struct pollfd poll_for = { .events = POLLIN };
	pid_t pid;

	(void)state;
	if (!has_pidfd())
		return;
	assert_true(proc_spawn(&p, &pid, &poll_for.fd, &e));
	assert_int_equal(poll(&poll_for, 1, 10000), 1);
	close(poll_for.fd);
	assert_int_equal(end_of(pid), 137);
}

/* A parent, started here, starts a child that sleeps, and dies. */
static void a_child_can_die_with_its_parent(void **state)
{
	struct err e = { 0 };
	int ends[2];
	char byte;
	pid_t parent;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	parent = fork();
	if (parent == 0) {
		struct proc p = SHELL("sleep 1000");
		pid_t pid;

		p.path = "/bin/sleep";
		p.argv = (const char *const[]){ "sleep", "1000", NULL };
		p.fd[1] = ends[1];
		p.dies_with_us = true;
		_exit(!proc_spawn(&p, &pid, NULL, &e));
	}
	close(ends[1]);
	assert_int_equal(end_of(parent), 0);
	assert_int_equal(read(ends[0], &byte, 1), 0); /* the sleeper held the other end */
	close(ends[0]);
}

static void programs_are_found_on_a_path(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };

	(void)state;
	assert_string_equal(proc_find(&a, "sh", "/none::/bin:/usr/bin"), "/bin/sh");
	assert_null(proc_find(&a, "sh", "/none:"));
	assert_null(proc_find(&a, "sh", ""));
	assert_null(proc_find(&a, "passwd", "/etc")); /* no program */
	assert_null(proc_find(&a, "bin", "/usr"));    /* a folder */
	assert_string_equal(proc_find(&a, "/bin/sh", "/none"), "/bin/sh");
}

static void the_programs_own_folder_is_known(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct err e = { 0 };
	const char *folder;

	(void)state;
	assert_true(proc_self_folder(&a, &folder, &e));
	assert_int_equal(*folder, '/');
	assert_int_equal(access(folder, X_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_runs_with_its_arguments_environment_and_folder),
		cmocka_unit_test(a_program_that_cannot_be_executed_is_an_error),
		cmocka_unit_test(only_the_given_descriptors_are_open),
		cmocka_unit_test(descriptors_may_trade_places),
		cmocka_unit_test(signals_are_as_if_new),
		cmocka_unit_test(it_leads_a_session_of_its_own),
		cmocka_unit_test(a_pidfd_tells_its_end),
		cmocka_unit_test(a_child_can_die_with_its_parent),
		cmocka_unit_test(programs_are_found_on_a_path),
		cmocka_unit_test(the_programs_own_folder_is_known),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
