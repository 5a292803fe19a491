/*
 * The sandbox, attacked: this is the service's end of jail.h, and the programs of
 * tests/attacks/ are the jobs. Each attack runs as root and as an ordinary user; after
 * it the slot must serve an honest job that sees nothing of it, and when the warden has
 * ended nothing may be left: no process, no cgroup, no folder.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/jail.h"

#define NOBODY  65534
#define MIB     ((uint64_t)1 << 20)
#define PATIENT 60000 /* ms; a warden that says nothing for so long is broken */
#define MAX_OUT 65536

enum who { ROOT, USER };

struct box {
	pid_t pid;
	int sock, folder;
	struct jail_ready ready;
	uint64_t noutput; /* bytes of the last run, kept or not */
	char out[MAX_OUT], err[MAX_OUT];
};

/* What is not 0 replaces the default. */
struct limits {
	uint32_t processes;
	uint64_t wall_ms, cpu_ms, memory_bytes, file_bytes, disk_bytes;
};

static const struct limits DEFAULT = {
	.processes = 32,
	.wall_ms = 20000,
	.cpu_ms = 10000,
	.memory_bytes = 128 * MIB,
	.file_bytes = 16 * MIB,
	.disk_bytes = 32 * MIB,
};

static int jail;     /* sandbatch-jail, to be executed */
static struct box b; /* the one of the test that runs */

/* -- the service's end of the socket -- */

static void receive(void *out, size_t size, int *fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { out, size };
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	struct pollfd p = { b.sock, POLLIN, 0 };
	assert_int_equal(poll(&p, 1, PATIENT), 1);
	assert_int_equal(recvmsg(b.sock, &h, MSG_CMSG_CLOEXEC), size);
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	assert_int_equal(c != NULL, fd != NULL);
	if (fd && c)
		memcpy(fd, CMSG_DATA(c), sizeof(int));
}

static void send_fds(const void *data, size_t size, const int *fd, size_t nfd)
{
	union {
		char bytes[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)data, size };
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = CMSG_SPACE(nfd * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(nfd * sizeof(int));
	memcpy(CMSG_DATA(c), fd, nfd * sizeof(int));
	assert_int_equal(sendmsg(b.sock, &h, MSG_NOSIGNAL), size);
}

static void say(enum jail_op op)
{
	struct jail_plain m = { op };
	assert_int_equal(send(b.sock, &m, sizeof(m), MSG_NOSIGNAL), sizeof(m));
}

/* Do what follows as root or as an ordinary user; no more than the effective user, to come back. */
static void be(enum who who)
{
	if (getuid() != 0)
		return;
	uid_t id = who == ROOT ? 0 : NOBODY;
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(setegid(id), 0);
	assert_int_equal(seteuid(id), 0);
}

/* In a child: for good. */
static void become(enum who who)
{
	if (who == USER && getuid() == 0 &&
	    (seteuid(0) != 0 || setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
	     setresuid(NOBODY, NOBODY, NOBODY) != 0))
		_exit(120);
}

/* By its fd: the user may not be able to reach its path. */
static _Noreturn void exec_jail(const char *const *argv)
{
	fexecve(jail, (char *const *)(uintptr_t)argv, environ);
	_exit(121);
}

static _Noreturn void become_warden(int sock, enum who who, const char *mode)
{
	dup2(sock, JAIL_FD);
	become(who);
	exec_jail((const char *[]){ "jail", "--slot", "7", "--sandbox", mode, NULL });
}

static void box_start(enum who who, const char *mode)
{
	int pair[2];
	be(who);
	b = (struct box){ .folder = -1 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	b.pid = fork();
	if (b.pid == 0)
		become_warden(pair[1], who, mode);
	close(pair[1]);
	b.sock = pair[0];
	receive(&b.ready, sizeof(b.ready), NULL);
}

static void box_prepare(const struct limits *l)
{
	struct jail_prepare p = { JAIL_PREPARE, 1000,
				  l->disk_bytes ? l->disk_bytes : DEFAULT.disk_bytes };
	struct jail_plain answer;
	assert_int_equal(send(b.sock, &p, sizeof(p), MSG_NOSIGNAL), sizeof(p));
	receive(&answer, sizeof(answer), &b.folder);
	assert_int_equal(answer.op, JAIL_PREPARED);
}

static void box_clear(void)
{
	struct jail_plain answer;
	say(JAIL_CLEAR);
	receive(&answer, sizeof(answer), NULL);
	assert_int_equal(answer.op, JAIL_CLEARED);
	close(b.folder);
	b.folder = -1;
}

static int strings_of(const char *const *argv, struct jail_run *r)
{
	static const char *const ENV[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp" };
	int fd = memfd_create("strings", MFD_CLOEXEC);
	for (; argv[r->narg]; r->narg++)
		assert_true(write(fd, argv[r->narg], strlen(argv[r->narg]) + 1) > 0);
	for (; r->nenv < 2; r->nenv++)
		assert_true(write(fd, ENV[r->nenv], strlen(ENV[r->nenv]) + 1) > 0);
	return fd;
}

/* Start it; its output comes from out[0] and out[1]. */
static void box_launch(const struct limits *l, const char *const *argv, int out[2])
{
#define OR_DEFAULT(field) (l->field ? l->field : DEFAULT.field)
	struct jail_run r = { .op = JAIL_RUN,
			      .processes = OR_DEFAULT(processes),
			      .wall_ms = OR_DEFAULT(wall_ms),
			      .cpu_ms = OR_DEFAULT(cpu_ms),
			      .memory_bytes = OR_DEFAULT(memory_bytes),
			      .file_bytes = OR_DEFAULT(file_bytes) };
	int o[2], e[2], fd[4];
	assert_int_equal(pipe2(o, O_CLOEXEC), 0);
	assert_int_equal(pipe2(e, O_CLOEXEC), 0);
	fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fd[1] = o[1];
	fd[2] = e[1];
	fd[3] = strings_of(argv, &r);
	send_fds(&r, sizeof(r), fd, 4);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	out[0] = o[0];
	out[1] = e[0];
}

/* Read what there is, keep what fits; false at the end. */
static bool drain(int fd, char *keep)
{
	static char page[65536];
	size_t have = strlen(keep);
	ssize_t n = read(fd, page, sizeof(page));
	if (n <= 0)
		return false;
	b.noutput += (uint64_t)n;
	size_t fits = MAX_OUT - 1 - have < (size_t)n ? MAX_OUT - 1 - have : (size_t)n;
	memcpy(keep + have, page, fits);
	keep[have + fits] = '\0';
	return true;
}

/* Until the warden has spoken and both pipes are at their end: nobody holds them any more. */
static struct jail_ended box_wait(int out[2])
{
	struct jail_ended ended = { 0 };
	b.out[0] = b.err[0] = '\0';
	b.noutput = 0;
	while (!ended.op || out[0] >= 0 || out[1] >= 0) {
		struct pollfd p[3] = { { out[0], POLLIN, 0 },
				       { out[1], POLLIN, 0 },
				       { ended.op ? -1 : b.sock, POLLIN, 0 } };
		assert_true(poll(p, 3, PATIENT) > 0);
		for (int i = 0; i < 2; i++) {
			if (p[i].revents && !drain(out[i], i ? b.err : b.out)) {
				close(out[i]);
				out[i] = -1;
			}
		}
		if (p[2].revents)
			receive(&ended, sizeof(ended), NULL);
	}
	assert_int_equal(ended.op, JAIL_ENDED);
	return ended;
}

static struct jail_ended box_run(const struct limits *l, const char *const *argv)
{
	int out[2];
	box_launch(l, argv, out);
	return box_wait(out);
}

/* -- nothing is left -- */

static size_t count(const char *folder)
{
	char path[128];
	glob_t g;
	snprintf(path, sizeof(path), "%s/sandbatch.%d.*", folder, (int)getpid());
	if (glob(path, 0, NULL, &g) != 0)
		return 0;
	size_t n = g.gl_pathc;
	globfree(&g);
	return n;
}

static void assert_nothing_left(void)
{
	/* We are the reaper of whatever a warden leaves. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(count("/sys/fs/cgroup/*"), 0);
	assert_int_equal(count("/sys/fs/cgroup"), 0);
	assert_int_equal(count("/tmp"), 0);
}

static int wait_for(pid_t pid)
{
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void box_end(void)
{
	if (b.folder >= 0)
		close(b.folder);
	close(b.sock);
	assert_int_equal(wait_for(b.pid), 0);
	assert_nothing_left();
}

/* A test that failed half-way must not spoil the next. */
static int tidy(void **state)
{
	(void)state;
	be(ROOT);
	close(b.sock);
	while (waitpid(-1, NULL, 0) > 0)
		;
	return 0;
}

/* -- jobs -- */

/* Put tests/attacks/NAME into the working folder, as the service does. */
static void put(const char *name)
{
	static char text[65536];
	char path[128];
	snprintf(path, sizeof(path), "tests/attacks/%s", name);
	int from = open(path, O_RDONLY | O_CLOEXEC);
	int to = openat(b.folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	assert_true(from >= 0 && to >= 0);
	ssize_t n = read(from, text, sizeof(text));
	assert_true(n > 0 && write(to, text, (size_t)n) == n);
	if (geteuid() == 0)
		assert_int_equal(fchown(to, b.ready.uid, b.ready.gid), 0);
	close(from);
	close(to);
}

/* Run the attack, by what its name ends in; C is compiled in the sandbox first. */
static struct jail_ended run_attack(const struct limits *l, const char *name, const char *arg)
{
	const char *interpreter = strstr(name, ".py") ? "/usr/bin/python3" : "/bin/bash";
	put(name);
	if (strstr(name, ".c")) {
		const char *cc[] = { "/usr/bin/cc", "-O1", "-w", "-o", "program", name, NULL };
		struct jail_ended e = box_run(&DEFAULT, cc);
		assert_string_equal(b.err, "");
		assert_int_equal(e.cause, JAIL_CAUSE_EXIT);
		return box_run(l, (const char *[]){ "/tmp/program", arg, NULL });
	}
	return box_run(l, (const char *[]){ interpreter, name, arg, NULL });
}

/* The next job in the slot: the three folders are empty, and no process runs but its own. */
static void assert_slot_is_clean(void)
{
	const char *argv[] = { "/bin/sh", "-c",
			       "ls -A /tmp /dev/shm /var/tmp; cat /proc/[0-9]*/comm", NULL };
	box_prepare(&DEFAULT);
	struct jail_ended e = box_run(&DEFAULT, argv);
	assert_string_equal(b.err, "");
	assert_string_equal(b.out, "/dev/shm:\n\n/tmp:\n\n/var/tmp:\nsh\n");
	assert_int_equal(e.cause, JAIL_CAUSE_EXIT);
	assert_int_equal(e.status, 0);
	box_clear();
}

/* -- the attacks -- */

enum hint { NO_HINT, HIT_PROCESSES, HIT_DISK, FLOODED };

struct attack {
	const char *name; /* a sentence */
	const char *file, *arg;
	struct limits limits;
	enum jail_cause cause, or_cause;
	int status;               /* of JAIL_CAUSE_EXIT and _SIGNAL */
	const char *out, *golden; /* NULL: any; a file that holds it */
	enum hint hint;
};

static const char NETWORK[] = "tcp to the world ENETUNREACH\n"
			      "tcp to a private address ENETUNREACH\n"
			      "tcp to metadata ENETUNREACH\n"
			      "tcp to loopback ENETUNREACH\n"
			      "udp to the world ENETUNREACH\n"
			      "icmp EACCES\n"
			      "a name gaierror\n"
			      "abstract unix socket ECONNREFUSED\n";

static const char LOOK[] = "name sandbox\n"
			   "fds /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2\n"
			   "process bash\n"
			   "CapInh:\t0000000000000000\n"
			   "CapPrm:\t0000000000000000\n"
			   "CapEff:\t0000000000000000\n"
			   "CapBnd:\t0000000000000000\n"
			   "CapAmb:\t0000000000000000\n"
			   "NoNewPrivs:\t1\n"
			   "Seccomp:\t2\n"
			   "/\n"
			   "/dev/shm:\n\n/tmp:\nlook.sh\n\n/var/tmp:\n";

static const struct attack ATTACKS[] = {
	{ "a_fork_bomb",
	  "fork_bomb.c",
	  NULL,
	  { .wall_ms = 1000 },
	  .cause = JAIL_CAUSE_WALL,
	  .or_cause = JAIL_CAUSE_CPU,
	  .hint = HIT_PROCESSES },
	{ "a_thread_bomb",
	  "thread_bomb.c",
	  NULL,
	  { 0 },
	  .cause = JAIL_CAUSE_EXIT,
	  .out = "refused\n",
	  .hint = HIT_PROCESSES },
	{ "a_memory_bomb", "memory_bomb.c", NULL, { 0 }, .cause = JAIL_CAUSE_MEMORY },
	{ "a_memory_bomb_in_a_child", "memory_bomb.c", "child", { 0 }, .cause = JAIL_CAUSE_MEMORY },
	{ "an_endless_loop", "endless_loop.c", NULL, { .cpu_ms = 300 }, .cause = JAIL_CAUSE_CPU },
	{ "an_endless_loop_by_the_clock",
	  "endless_loop.c",
	  NULL,
	  { .wall_ms = 300 },
	  .cause = JAIL_CAUSE_WALL },
	{ "a_sleeper_that_signals_everyone",
	  "stubborn.c",
	  NULL,
	  { .wall_ms = 300 },
	  .cause = JAIL_CAUSE_WALL },
	{ "an_output_flood",
	  "flood.c",
	  NULL,
	  { .wall_ms = 500 },
	  .cause = JAIL_CAUSE_WALL,
	  .hint = FLOODED },
	{ "an_orphan", "orphan.c", NULL, { 0 }, .cause = JAIL_CAUSE_EXIT },
	{ "zombies_by_the_thousand",
	  "zombies.c",
	  NULL,
	  { 0 },
	  .cause = JAIL_CAUSE_EXIT,
	  .out = "reaped\n" },
	{ "the_network", "network.py", NULL, { 0 }, .cause = JAIL_CAUSE_EXIT, .out = NETWORK },
	{ "a_full_disk",
	  "disk_bomb.py",
	  "bytes",
	  { .disk_bytes = 8 * MIB },
	  .cause = JAIL_CAUSE_EXIT,
	  .out = "ENOSPC True\n",
	  .hint = HIT_DISK },
	{ "files_without_end",
	  "disk_bomb.py",
	  "files",
	  { 0 },
	  .cause = JAIL_CAUSE_EXIT,
	  .out = "ENOSPC True\n",
	  .hint = HIT_DISK },
	{ "the_kernels_doors",
	  "surface.c",
	  NULL,
	  { 0 },
	  .cause = JAIL_CAUSE_EXIT,
	  .golden = "fixtures/sandbox/surface.out" },
	{ "the_32_bit_calls",
	  "abi32.c",
	  NULL,
	  { 0 },
	  .cause = JAIL_CAUSE_SIGNAL,
	  .status = SIGSYS },
	{ "a_look_around", "look.sh", NULL, { 0 }, .cause = JAIL_CAUSE_EXIT, .out = LOOK },
	{ "things_left_behind",
	  "leave.sh",
	  NULL,
	  { 0 },
	  .cause = JAIL_CAUSE_EXIT,
	  .out = "left\n" },
};

#define NATTACK (sizeof(ATTACKS) / sizeof(ATTACKS[0]))

struct trial {
	const struct attack *attack;
	enum who who;
	char name[80];
};

/* `make golden` takes what was printed instead. */
static void assert_golden(const char *path, const char *out)
{
	static char text[MAX_OUT];
	bool is_new = getenv("UPDATE_GOLDEN") != NULL;
	int fd =
		open(path, is_new ? O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC : O_RDONLY | O_CLOEXEC,
		     0644);
	assert_true(fd >= 0);
	ssize_t n = is_new ? write(fd, out, strlen(out)) : read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(n > 0);
	text[is_new ? 0 : n] = '\0';
	if (!is_new)
		assert_string_equal(out, text);
}

static void survives(void **state)
{
	const struct trial *t = *state;
	const struct attack *a = t->attack;
	if (t->who == ROOT && getuid() != 0)
		skip();
	box_start(t->who, "full");
	assert_string_equal(b.ready.text, "");
	box_prepare(&a->limits);
	struct jail_ended e = run_attack(&a->limits, a->file, a->arg);
	if (a->out)
		assert_string_equal(b.out, a->out);
	if (a->golden)
		assert_golden(a->golden, b.out);
	if (e.cause != a->or_cause)
		assert_int_equal(e.cause, a->cause);
	if (a->cause == JAIL_CAUSE_EXIT || a->cause == JAIL_CAUSE_SIGNAL)
		assert_int_equal(e.status, a->status);
	if (a->hint == HIT_PROCESSES)
		assert_true(e.hit_processes);
	assert_int_equal(e.hit_disk, a->hint == HIT_DISK);
	if (a->hint == FLOODED)
		assert_true(b.noutput > MAX_OUT);
	box_clear();
	assert_slot_is_clean();
	box_end();
}

/* -- the protocol -- */

static void each_user(void (*test)(enum who who))
{
	if (getuid() == 0)
		test(ROOT);
	test(USER);
}

static void kill_a_run(enum who who)
{
	int out[2];
	box_start(who, "full");
	say(JAIL_KILL); /* nothing runs: ignored */
	box_prepare(&DEFAULT);
	box_launch(&DEFAULT, (const char *[]){ "/bin/sleep", "1000", NULL }, out);
	say(JAIL_KILL);
	assert_int_equal(box_wait(out).cause, JAIL_CAUSE_KILLED);
	box_clear();
	assert_slot_is_clean();
	box_end();
}

static void a_kill_ends_what_runs_and_the_slot_goes_on(void **state)
{
	(void)state;
	each_user(kill_a_run);
}

static void hang_up(enum who who)
{
	static const char *const MODES[] = { "full", "limits", "none" };
	int out[2];
	for (size_t i = 0; i < 3; i++) {
		box_start(who, MODES[i]);
		box_prepare(&DEFAULT);
		box_launch(
			&DEFAULT,
			(const char *[]){ "/bin/sh", "-c", "setsid sleep 1000 & sleep 1000", NULL },
			out);
		struct pollfd p = { out[0], POLLIN, 0 };
		poll(&p, 1, 50);
		box_end();
		close(out[0]);
		close(out[1]);
	}
}

static void a_warden_whose_service_is_gone_leaves_nothing(void **state)
{
	(void)state;
	each_user(hang_up);
}

/* Until somebody else has reaped or left it to us. */
static void reap_all(void)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void sweep(enum who who)
{
	char pid[16];
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	pid_t child = fork();
	if (child == 0) {
		become(who);
		exec_jail((const char *[]){ "jail", "--sweep", pid, NULL });
	}
	assert_int_equal(wait_for(child), 0);
}

static void kill_the_warden(enum who who)
{
	int out[2];
	box_start(who, "full");
	box_prepare(&DEFAULT);
	box_launch(&DEFAULT,
		   (const char *[]){ "/bin/sh", "-c", "echo on; setsid sleep 1000 & sleep 1000",
				     NULL },
		   out);
	assert_true(drain(out[0], b.out));
	kill(b.pid, SIGKILL);
	reap_all();
	assert_false(drain(out[0], b.out)); /* nobody holds the pipe: all are dead */
	close(out[0]);
	close(out[1]);
	close(b.folder);
	close(b.sock);
	sweep(who);
	assert_nothing_left();
}

static void a_killed_warden_takes_its_job_along_and_sweep_removes_the_rest(void **state)
{
	(void)state;
	each_user(kill_the_warden);
}

/* The warden too, had it lived on; without cgroups sweep has nothing to find processes by. */
static void sweep_ends_what_is_left_in_a_cgroup(void **state)
{
	(void)state;
	int out[2];
	box_start(getuid() == 0 ? ROOT : USER, "limits");
	if (!b.ready.has_cgroup) {
		box_end();
		skip();
	}
	box_prepare(&DEFAULT);
	box_launch(&DEFAULT,
		   (const char *[]){ "/bin/sh", "-c", "echo on; setsid sleep 1000 & sleep 1000",
				     NULL },
		   out);
	assert_true(drain(out[0], b.out));
	sweep(ROOT);
	reap_all();
	close(out[0]);
	close(out[1]);
	close(b.folder);
	close(b.sock);
	assert_nothing_left();
}

static void read_after_clear(enum who who)
{
	char text[8] = "";
	box_start(who, "full");
	box_prepare(&DEFAULT);
	const char *argv[] = { "/bin/sh", "-c", "echo kept >file; ln -s /etc/passwd link", NULL };
	assert_int_equal(box_run(&DEFAULT, argv).cause, JAIL_CAUSE_EXIT);
	int kept = dup(b.folder);
	box_clear();
	int fd = openat(kept, "file", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof(text)), 5);
	assert_string_equal(text, "kept\n");
	assert_int_equal(openat(kept, "link", O_RDONLY | O_NOFOLLOW | O_CLOEXEC), -1);
	close(fd);
	close(kept);
	assert_slot_is_clean();
	box_end();
}

static void a_folder_can_be_read_after_it_was_cleared(void **state)
{
	(void)state;
	each_user(read_after_clear);
}

static void refuse(enum who who)
{
	box_start(who, "full");
	struct jail_ended e = box_run(&DEFAULT, (const char *[]){ "/bin/true", NULL });
	assert_int_equal(e.cause, JAIL_CAUSE_FAILED);
	assert_string_equal(e.text, "no working folder was prepared");
	box_prepare(&DEFAULT);
	e = box_run(&DEFAULT, (const char *[]){ "/usr/bin/none", NULL });
	assert_int_equal(e.cause, JAIL_CAUSE_FAILED);
	assert_string_equal(e.text, "cannot run /usr/bin/none: No such file or directory");
	e = box_run(&DEFAULT, (const char *[]){ "/bin/sh", "-c", "kill -SEGV $$", NULL });
	assert_int_equal(e.cause, JAIL_CAUSE_SIGNAL);
	assert_int_equal(e.status, SIGSEGV);
	e = box_run(&DEFAULT,
		    (const char *[]){ "/bin/sh", "-c", "echo x >/dev/stderr; exit 3", NULL });
	assert_int_equal(e.cause, JAIL_CAUSE_EXIT);
	assert_int_equal(e.status, 3);
	assert_string_equal(b.err, "x\n");
	box_end();
}

static void what_cannot_be_run_is_told(void **state)
{
	(void)state;
	each_user(refuse);
}

/* limits and none: no namespaces, but a folder of its own, limits, and no survivors. */
static void without_namespaces(enum who who)
{
	for (int i = 0; i < 2; i++) {
		box_start(who, i ? "none" : "limits");
		assert_string_equal(b.ready.text, "");
		box_prepare(&DEFAULT);
		struct jail_ended e = box_run(
			&DEFAULT, (const char *[]){ "/bin/sh", "-c",
						    "(setsid sleep 1000 &) ; echo x >file; grep "
						    "Seccomp: /proc/self/status",
						    NULL });
		assert_int_equal(e.cause, JAIL_CAUSE_EXIT);
		assert_string_equal(b.out, i ? "Seccomp:\t0\n" : "Seccomp:\t2\n");
		assert_int_equal(faccessat(b.folder, "file", F_OK, 0), 0);
		e = box_run(&(struct limits){ .wall_ms = 200 },
			    (const char *[]){ "/bin/sleep", "1000", NULL });
		assert_int_equal(e.cause, JAIL_CAUSE_WALL);
		e = box_run(&DEFAULT, (const char *[]){ "/usr/bin/python3", "-c",
							"x = b'x' * 1000000000", NULL });
		assert_int_equal(e.cause, JAIL_CAUSE_MEMORY);
		e = box_run(&DEFAULT,
			    (const char *[]){ "/bin/sh", "-c",
					      "mkdir -p a/b/c/d e && echo x >a/b/c/f && ln -s / "
					      "a/b/l && chmod 0 a/b a e",
					      NULL });
		assert_int_equal(e.status, 0);
		box_clear();
		box_prepare(&DEFAULT);
		e = box_run(&DEFAULT, (const char *[]){ "/bin/ls", "-A", NULL });
		assert_string_equal(b.out, "");
		box_end();
	}
}

static void limits_and_none_contain_what_they_can(void **state)
{
	(void)state;
	each_user(without_namespaces);
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(122);
	close(fd);
}

/* An ordinary user on a host that forbids user namespaces: a user namespace whose own limit is 0.
 */
static void turn_off_and_start(int sock)
{
	char map[32];
	uid_t uid = geteuid();
	if (unshare(CLONE_NEWUSER) != 0)
		_exit(123);
	snprintf(map, sizeof(map), "5 %u 1", uid);
	write_to("/proc/self/setgroups", "deny");
	write_to("/proc/self/uid_map", map);
	write_to("/proc/sys/user/max_user_namespaces", "0");
	become_warden(sock, ROOT, "full"); /* whom the map has made an ordinary user */
}

static void where_user_namespaces_are_off_the_sysctl_is_named(void **state)
{
	(void)state;
	int pair[2];
	b = (struct box){ .folder = -1 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	b.pid = fork();
	if (b.pid == 0)
		turn_off_and_start(pair[1]);
	close(pair[1]);
	b.sock = pair[0];
	receive(&b.ready, sizeof(b.ready), NULL);
	assert_int_equal(b.ready.op, JAIL_BROKEN);
	assert_string_equal(b.ready.text,
			    "user namespaces are turned off here: an administrator must run "
			    "sysctl -w user.max_user_namespaces=10000");
	assert_int_equal(WEXITSTATUS(wait_for(b.pid)), 1);
	close(b.sock);
	assert_nothing_left();
}

/* -- all of them -- */

static size_t add_trials(struct CMUnitTest *test, struct trial *trial)
{
	size_t n = 0;
	for (size_t i = 0; i < NATTACK; i++) {
		for (int who = ROOT; who <= USER; who++, n++) {
			trial[n] = (struct trial){ .attack = &ATTACKS[i], .who = (enum who)who };
			snprintf(trial[n].name, sizeof(trial[n].name), "%s_is_survived_as_%s",
				 ATTACKS[i].name, who == ROOT ? "root" : "an_ordinary_user");
			test[n] = (struct CMUnitTest){ .name = trial[n].name,
						       .test_func = survives,
						       .teardown_func = tidy,
						       .initial_state = &trial[n] };
		}
	}
	return n;
}

int main(void)
{
	static const struct CMUnitTest PROTOCOL[] = {
		cmocka_unit_test_teardown(a_kill_ends_what_runs_and_the_slot_goes_on, tidy),
		cmocka_unit_test_teardown(a_warden_whose_service_is_gone_leaves_nothing, tidy),
		cmocka_unit_test_teardown(
			a_killed_warden_takes_its_job_along_and_sweep_removes_the_rest, tidy),
		cmocka_unit_test_teardown(sweep_ends_what_is_left_in_a_cgroup, tidy),
		cmocka_unit_test_teardown(a_folder_can_be_read_after_it_was_cleared, tidy),
		cmocka_unit_test_teardown(what_cannot_be_run_is_told, tidy),
		cmocka_unit_test_teardown(limits_and_none_contain_what_they_can, tidy),
		cmocka_unit_test_teardown(where_user_namespaces_are_off_the_sysctl_is_named, tidy),
	};
	static struct CMUnitTest test[2 * NATTACK + sizeof(PROTOCOL) / sizeof(PROTOCOL[0])];
	static struct trial trial[2 * NATTACK];
	static char path[4096];
	const char *build = getenv("BUILD");
	snprintf(path, sizeof(path), "%s/sandbatch-jail", build ? build : "build");
	jail = open(path, O_RDONLY);
	if (jail < 0) {
		printf("Bail out! cannot open %s\n", path);
		return 1;
	}
	jail = fcntl(jail, F_DUPFD_CLOEXEC, 100); /* out of the way of JAIL_FD */
	cmocka_set_message_output(CM_OUTPUT_TAP);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	memcpy(test, PROTOCOL, sizeof(PROTOCOL));
	add_trials(test + sizeof(PROTOCOL) / sizeof(PROTOCOL[0]), trial);
	return cmocka_run_group_tests_name("sandbox", test, NULL, NULL);
}
