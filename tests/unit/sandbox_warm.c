/* Interpreters that wait: what their forks are, and what they must not be able to do. */
#include "sandbox_box.h"

#include <sys/mount.h>

#include "warm/warm.h"

/* -- an interpreter, and jobs for it -- */

static int library; /* what is loaded into it; like the jail opened before all, since a user may not
		     * be able to reach it */

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
	struct jail_run r = { .op = JAIL_WARM,
			      .memory_bytes = 512 * MIB,
			      .processes = 16,
			      .file_bytes = UINT64_MAX };
	int out[2], fd[6];
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fd[1] = fd[2] = out[1];
	fd[3] = strings_of((const char *[]){ i->path, i->source, NULL }, &r);
	r.nenv += add_strings(fd[3], (const char *[]){ JAIL_PRELOAD, NULL });
	fd[4] = hold_of(i);
	fd[5] = library;
	send_fds(&r, sizeof(r), fd, 6);
	for (int k = 0; k < 5; k++)
		close(fd[k]);
	close(out[0]);
	receive(&warmed, sizeof(warmed), NULL);
	assert_int_equal(warmed.op, JAIL_WARMED);
	return warmed.text;
}

static void put_bytes(const char *name, const char *data, size_t n)
{
	int fd = openat(b.folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0 && write(fd, data, n) == (ssize_t)n);
	if (geteuid() == 0)
		assert_int_equal(fchown(fd, b.ready.uid, b.ready.gid), 0);
	close(fd);
}

/* Run a source, with an argument, as a warm job or not. */
static struct jail_ended run_bytes(const struct interpreter *i, bool is_warm, const char *data,
				   size_t n, const char *arg)
{
	struct limits l = { .is_warm = is_warm };
	box_prepare(&DEFAULT);
	put_bytes(i->source, data, n);
	put_bytes("helper.py", "value = 5\n", 10);
	struct jail_ended e = box_run(&l, (const char *[]){ i->path, i->source, arg, NULL });
	box_clear();
	return e;
}

static struct jail_ended run(const struct interpreter *i, bool is_warm, const char *text,
			     const char *arg)
{
	return run_bytes(i, is_warm, text, strlen(text), arg);
}

/* -- the same as one that was started for the job -- */

static bool is_same(const struct jail_ended *x, const struct jail_ended *y, const char *out,
		    const char *err, const char *name)
{
	bool is_same = x->cause == y->cause && x->status == y->status && strcmp(out, b.out) == 0 &&
		       strcmp(err, b.err) == 0;
	if (!is_same)
		printf("# %s: pooled %u %d, warm %u %d\n# stdout\n%s# or\n%s# stderr\n%s# or\n%s",
		       name, x->cause, x->status, y->cause, y->status, out, b.out, err, b.err);
	return is_same;
}

/* How many of the programs tell the two apart. */
static unsigned count_different(const struct interpreter *i, const char *pattern)
{
	static const char *const MORE[] = { "PATH=/usr/local/bin:/usr/bin:/bin",
					    "HOME=/tmp",
					    "A=1 2",
					    "B=\xc3\xa9",
					    "C=a=b",
					    NULL };
	static char text[65536], out[MAX_OUT], err[MAX_OUT];
	unsigned ndifferent = 0;
	glob_t g;
	assert_string_equal(await_warm(i), "");
	assert_int_equal(glob(pattern, 0, NULL, &g), 0);
	environment = MORE;
	for (size_t k = 0; k < g.gl_pathc; k++) {
		int fd = open(g.gl_pathv[k], O_RDONLY | O_CLOEXEC);
		ssize_t n = read(fd, text, sizeof(text));
		assert_true(n >= 0);
		close(fd);
		struct jail_ended pooled = run_bytes(i, false, text, (size_t)n, "an argument");
		memcpy(out, b.out, sizeof(out));
		memcpy(err, b.err, sizeof(err));
		struct jail_ended warm = run_bytes(i, true, text, (size_t)n, "an argument");
		assert_false(pooled.is_warm);
		assert_true(warm.is_warm);
		ndifferent += !is_same(&pooled, &warm, out, err, g.gl_pathv[k]);
	}
	environment = ENV;
	globfree(&g);
	return ndifferent;
}

static void compare(enum who who)
{
	box_start(who, "full");
	/* as an ordinary user what the sandbox has to do with suffices */
	assert_int_equal(count_different(&PYTHON, who == ROOT ? "fixtures/warm/*.py"
							      : "fixtures/warm/[np]*.py"),
			 0);
	assert_int_equal(count_different(&RUBY, who == ROOT ? "fixtures/warm/*.rb"
							    : "fixtures/warm/[np]*.rb"),
			 0);
	box_end();
}

static void each_user(void (*test)(enum who who))
{
	test(ROOT);
	test(USER);
}

static void no_program_tells_a_warm_start_from_another(void **state)
{
	(void)state;
	each_user(compare);
}

/* -- what a job must not be able to do -- */

static void assert_prints(const struct interpreter *i, const char *text, const char *out)
{
	struct jail_ended e = run(i, true, text, NULL);
	assert_string_equal(b.err, "");
	assert_string_equal(b.out, out);
	assert_int_equal(e.cause, JAIL_CAUSE_EXIT);
	assert_true(e.is_warm);
}

static void reach(enum who who)
{
	box_start(who, "full");
	assert_string_equal(await_warm(&PYTHON), "");
	assert_prints(
		&PYTHON,
		"import ctypes, os, signal\n"
		"libc = ctypes.CDLL(None, use_errno=True)\n"
		"print(sorted(p for p in os.listdir('/proc') if p.isdigit()))\n"
		"os.kill(1, signal.SIGKILL); os.kill(1, signal.SIGSTOP)\n"
		"print(libc.ptrace(16, 1, 0, 0), os.strerror(ctypes.get_errno()))\n"
		"for path in '/proc/1/mem', '/proc/1/environ', '/proc/1/fd/1000':\n"
		"    try: open(path, 'rb').read(1)\n"
		"    except OSError as e: print(type(e).__name__)\n"
		"print(libc.unshare(0x10000000), libc.setns(0, 0), libc.mount(0, 0, 0, 0, 0))\n"
		"print(libc.prctl(23, 21, 0, 0, 0), libc.prctl(39, 0, 0, 0, 0))\n",
		"['2']\n-1 Operation not permitted\nFileNotFoundError\nFileNotFoundError\n"
		"FileNotFoundError\n-1 -1 -1\n0 1\n");
	/* and it waits as before */
	assert_prints(&PYTHON, "print('next')", "next\n");
	box_end();
}

static void a_job_does_not_reach_the_interpreter_that_waits(void **state)
{
	(void)state;
	each_user(reach);
}

static void leave(enum who who)
{
	box_start(who, "full");
	assert_string_equal(await_warm(&PYTHON), "");
	assert_prints(
		&PYTHON,
		"import os, signal, sys, builtins\n"
		"builtins.left = sys.left = 1; sys.modules['left'] = sys; os.environ['LEFT'] = "
		"'1'\n"
		"sys.path.insert(0, '/left'); os.umask(0); signal.signal(signal.SIGTERM, "
		"signal.SIG_IGN)\n"
		"os.dup2(1, 900); open('left', 'w').close(); open('/dev/shm/left', 'w').close()\n"
		"if os.fork() == 0:\n"
		"    os.setsid(); __import__('time').sleep(100)\n",
		"");
	assert_prints(
		&PYTHON,
		"import os, signal, sys, builtins\n"
		"print(hasattr(builtins, 'left'), hasattr(sys, 'left'), 'left' in sys.modules, "
		"sys.path[0])\n"
		"print('LEFT' in os.environ, os.umask(0), signal.getsignal(signal.SIGTERM).name)\n"
		"print(sorted(map(int, os.listdir('/proc/self/fd')))[:3], "
		"os.path.exists('/proc/self/fd/900'))\n"
		"print(sorted(os.listdir('.')), os.listdir('/dev/shm'), len([p for p in "
		"os.listdir('/proc') if p.isdigit()]))\n",
		"False False False /tmp\nFalse 18 SIG_DFL\n[0, 1, 2] False\n"
		"['helper.py', 'main.py'] [] 1\n");
	box_end();
}

static void a_job_leaves_nothing_for_the_next_fork(void **state)
{
	(void)state;
	each_user(leave);
}

static void limit(enum who who)
{
	struct limits l = { .is_warm = true, .wall_ms = 300 };
	const char *argv[] = { PYTHON.path, PYTHON.source, NULL };
	box_start(who, "full");
	assert_string_equal(await_warm(&PYTHON), "");
	box_prepare(&DEFAULT);
	put_bytes("main.py", "while True: pass", 16);
	struct jail_ended e = box_run(&l, argv);
	assert_int_equal(e.cause, JAIL_CAUSE_WALL);
	assert_true(e.is_warm);
	l = (struct limits){ .is_warm = true, .cpu_ms = 200 };
	e = box_run(&l, argv);
	assert_int_equal(e.cause, JAIL_CAUSE_CPU);
	assert_in_range(e.cpu_us, 200000, 3000000);
	box_clear();
	box_prepare(&DEFAULT);
	put_bytes("main.py", "x = b'x' * (90 << 20)\nprint(len(x))\ny = b'y' * (200 << 20)", 58);
	l = (struct limits){ .is_warm = true, .memory_bytes = 128 * MIB };
	e = box_run(&l, argv);
	assert_int_equal(e.cause, JAIL_CAUSE_MEMORY);
	box_clear();
	assert_prints(&PYTHON, "print('next')", "next\n");
	box_end();
}

static void the_limits_of_a_warm_job_are_its_own(void **state)
{
	(void)state;
	each_user(limit);
}

static void renew(enum who who)
{
	static const char ASK[] = "print(hash('x'), id(object))";
	char first[2][MAX_OUT];
	box_start(who, "full");
	for (int i = 0; i < 2; i++) {
		assert_string_equal(await_warm(&PYTHON), "");
		run(&PYTHON, true, ASK, NULL);
		snprintf(first[i], MAX_OUT, "%s", b.out);
		assert_prints(&PYTHON, ASK, first[i]);
	}
	assert_string_not_equal(first[0], first[1]);
	box_end();
}

static void another_interpreter_has_another_hash_seed(void **state)
{
	(void)state;
	each_user(renew);
}

static void do_without(enum who who)
{
	const struct interpreter none = { "/usr/bin/none", "main.py", PYTHON.script };
	const struct interpreter bad = { PYTHON.path, "main.py", "fixtures/warm/uncaught.py" };
	box_start(who, "full");
	assert_string_not_equal(await_warm(&none), "");
	assert_string_not_equal(await_warm(&bad), "");
	/* it runs all the same */
	struct jail_ended e = run(&PYTHON, true, "print('pooled')", NULL);
	assert_string_equal(b.out, "pooled\n");
	assert_false(e.is_warm);
	box_end();
}

static void where_none_can_wait_a_job_starts_its_own(void **state)
{
	(void)state;
	each_user(do_without);
}

/* As in a container: then only the host's root may mount another /proc. */
static _Noreturn void hide_and_start(int sock)
{
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("/dev/null", "/proc/version", NULL, MS_BIND, NULL) != 0)
		_exit(123);
	become_warden(sock, ROOT, "full");
}

static void where_parts_of_proc_are_hidden_a_job_starts_its_own(void **state)
{
	(void)state;
	int pair[2];
	if (getuid() != 0)
		skip(); /* only root can hide them */
	b = (struct box){ .folder = -1 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	b.pid = fork();
	if (b.pid == 0)
		hide_and_start(pair[1]);
	close(pair[1]);
	b.sock = pair[0];
	receive(&b.ready, sizeof(b.ready), NULL);
	assert_string_equal(await_warm(&PYTHON), "cannot mount /proc: Operation not permitted");
	struct jail_ended e = run(&PYTHON, true, "print('pooled')", NULL);
	assert_string_equal(b.out, "pooled\n");
	assert_false(e.is_warm);
	box_end();
}

/* How often a job finds each of the slot's keys in its memory: half of one is sought by name, the
 * other half compared, so that what seeks is not found. So it is with what is in the environment.
 */
static const char SEEK[] =
	"import os\n"
	"def key(n): return [0x9d * (8 * n + i + 3) & 255 for i in range(8)]\n"
	"def seek(key):\n"
	"    half, n = bytes(key[:4]), 0\n"
	"    for line in open('/proc/self/maps'):\n"
	"        if 'r' not in line.split()[1] or '[v' in line: continue\n"
	"        start, end = (int(x, 16) for x in line.split()[0].split('-'))\n"
	"        with open('/proc/self/mem', 'rb', 0) as f:\n"
	"            f.seek(start)\n"
	"            data = f.read(end - start)\n"
	"        at = data.find(half)\n"
	"        while at >= 0:\n"
	"            n += list(data[at + 4:at + 8]) == key[4:]\n"
	"            at = data.find(half, at + 1)\n"
	"        del data\n"
	"    return n\n"
	"print(seek(key(0)), seek(key(1)), seek(list(os.environb[b'PLANTED'])) > 0)\n";

/* In a jail whose random numbers are known (tests/weak/jail.c). */
static void no_job_finds_a_key_in_its_memory(void **state)
{
	static const char *const PLANTED[] = { "PLANTED=abcdefgh", NULL };
	int real = jail;
	(void)state;
	assert_true(box_open("weak/sandbatch-jail", &jail));
	setenv("WITHOUT", "random", 1);
	box_start(getuid() == 0 ? ROOT : USER, "full");
	unsetenv("WITHOUT");
	assert_string_equal(await_warm(&PYTHON), "");
	environment = PLANTED;
	struct jail_ended e = run(&PYTHON, true, SEEK, NULL);
	assert_string_equal(b.err, "");
	assert_true(e.is_warm);
	assert_string_equal(b.out, "0 0 True\n");
	run(&PYTHON, false, SEEK, NULL);
	assert_string_equal(b.out, "0 0 True\n");
	environment = ENV;
	box_end();
	close(jail);
	jail = real;
}

/* The least of a few: what the machine does besides only adds to it. */
static uint64_t least_cpu_us(bool is_warm)
{
	uint64_t least = UINT64_MAX;
	for (int i = 0; i < 5; i++) {
		struct jail_ended e = run(&PYTHON, is_warm, "print('hello')", NULL);
		assert_int_equal(e.is_warm, is_warm);
		least = e.cpu_us < least ? e.cpu_us : least;
	}
	return least;
}

/* It would not, were Python taken apart at each end. */
static void a_warm_hello_takes_a_third_of_the_cpu_time(void **state)
{
	(void)state;
	box_start(ROOT, "full");
	assert_string_equal(await_warm(&PYTHON), "");
	if (b.ready.has_cgroup) /* else it is counted in ticks of 10 ms */
		assert_in_range(3 * least_cpu_us(true), 1, least_cpu_us(false));
	box_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(no_program_tells_a_warm_start_from_another, tidy),
		cmocka_unit_test_teardown(a_job_does_not_reach_the_interpreter_that_waits, tidy),
		cmocka_unit_test_teardown(a_job_leaves_nothing_for_the_next_fork, tidy),
		cmocka_unit_test_teardown(the_limits_of_a_warm_job_are_its_own, tidy),
		cmocka_unit_test_teardown(another_interpreter_has_another_hash_seed, tidy),
		cmocka_unit_test_teardown(where_none_can_wait_a_job_starts_its_own, tidy),
		cmocka_unit_test_teardown(where_parts_of_proc_are_hidden_a_job_starts_its_own,
					  tidy),
		cmocka_unit_test_teardown(no_job_finds_a_key_in_its_memory, tidy),
		cmocka_unit_test_teardown(a_warm_hello_takes_a_third_of_the_cpu_time, tidy),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return box_find_jail() && box_open("sandbatch-warm.so", &library)
		       ? cmocka_run_group_tests_name("warm", tests, NULL, NULL)
		       : 1;
}
