/*
 * box -- the service's end of jail.h, for the tests that attack the sandbox. Each test has one
 * box: a warden as root or as an ordinary user, and the job in it.
 */
#ifndef TESTS_SANDBOX_BOX_H
#define TESTS_SANDBOX_BOX_H

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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jail/jail.h"
#include "warm/warm.h"

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
	bool is_warm;
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

/* SLOWNESS: how many times longer than ours an emulated processor takes; 1. */
static inline uint64_t slowness(void)
{
	const char *text = getenv("SLOWNESS");
	return text ? strtoul(text, NULL, 10) : 1;
}

/* -- the service's end of the socket -- */

static inline void receive(void *out, size_t size, int *fd)
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

static inline void send_fds(const void *data, size_t size, const int *fd, size_t nfd)
{
	assert_true(jail_send(b.sock, data, size, fd, nfd));
}

static inline void say(enum jail_op op)
{
	struct jail_plain m = { op };
	assert_int_equal(send(b.sock, &m, sizeof(m), MSG_NOSIGNAL), sizeof(m));
}

/* Do what follows as root or as an ordinary user; no more than the effective user, to come back. */
static inline void be(enum who who)
{
	if (getuid() != 0)
		return;
	uid_t id = who == ROOT ? 0 : NOBODY;
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(setegid(id), 0);
	assert_int_equal(seteuid(id), 0);
	/* which the change of user took: a leak checker attaches itself to us at the end */
	if (who == ROOT)
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

/* In a child: for good. */
static inline void become(enum who who)
{
	if (who == USER && getuid() == 0 &&
	    (seteuid(0) != 0 || setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
	     setresuid(NOBODY, NOBODY, NOBODY) != 0))
		_exit(120);
}

/* By its fd: the user may not be able to reach its path. */
static inline _Noreturn void exec_jail(const char *const *argv)
{
	fexecve(jail, (char *const *)(uintptr_t)argv, environ);
	_exit(121);
}

/* As from a service that is careless with its fds. */
static inline _Noreturn void become_warden(int sock, enum who who, const char *mode)
{
	dup2(sock, JAIL_FD);
	dup2(STDERR_FILENO, 77);
	become(who);
	exec_jail((const char *[]){ "jail", "--slot", "7", "--sandbox", mode, NULL });
}

static inline void box_start(enum who who, const char *mode)
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

static inline void box_prepare(const struct limits *l)
{
	struct jail_prepare p = { JAIL_PREPARE, 1000,
				  l->disk_bytes ? l->disk_bytes : DEFAULT.disk_bytes };
	struct jail_plain answer;
	assert_int_equal(send(b.sock, &p, sizeof(p), MSG_NOSIGNAL), sizeof(p));
	receive(&answer, sizeof(answer), &b.folder);
	assert_int_equal(answer.op, JAIL_PREPARED);
}

static inline void box_clear(void)
{
	struct jail_plain answer;
	close(b.folder);
	b.folder = -1;
	say(JAIL_CLEAR);
	receive(&answer, sizeof(answer), NULL);
	assert_int_equal(answer.op, JAIL_CLEARED);
}

static const char *const ENV[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", NULL };

static const char *const *environment = ENV; /* of the commands to come */

/* Into a memfd, each with its NUL; how many. */
static inline uint32_t add_strings(int fd, const char *const *text)
{
	uint32_t n = 0;
	for (; text[n]; n++)
		assert_true(write(fd, text[n], strlen(text[n]) + 1) > 0);
	return n;
}

static inline int strings_of(const char *const *argv, struct jail_run *r)
{
	int fd = memfd_create("strings", MFD_CLOEXEC);
	r->narg = add_strings(fd, argv);
	r->nenv = add_strings(fd, environment);
	return fd;
}

/* Start it; its output comes from out[0] and out[1]. */
static inline void box_launch(const struct limits *l, const char *const *argv, int out[2])
{
#define OR_DEFAULT(field) (l->field ? l->field : DEFAULT.field)
	struct jail_run r = { .op = JAIL_RUN,
			      .processes = OR_DEFAULT(processes),
			      .wall_ms = OR_DEFAULT(wall_ms),
			      .cpu_ms = OR_DEFAULT(cpu_ms),
			      .memory_bytes = OR_DEFAULT(memory_bytes),
			      .file_bytes = OR_DEFAULT(file_bytes),
			      .is_warm = l->is_warm };
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
static inline bool drain(int fd, char *keep)
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
static inline struct jail_ended box_wait(int out[2])
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

static inline struct jail_ended box_run(const struct limits *l, const char *const *argv)
{
	int out[2];
	box_launch(l, argv, out);
	return box_wait(out);
}

/* -- nothing is left -- */

static inline size_t count(const char *folder)
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

static inline void assert_nothing_left(void)
{
	/* We are the reaper of whatever a warden leaves. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(count("/sys/fs/cgroup/*"), 0);
	assert_int_equal(count("/sys/fs/cgroup"), 0);
	assert_int_equal(count("/tmp"), 0);
}

static inline int wait_for(pid_t pid)
{
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static inline void box_end(void)
{
	if (b.folder >= 0)
		close(b.folder);
	close(b.sock);
	assert_int_equal(wait_for(b.pid), 0);
	assert_nothing_left();
}

/* A test that failed half-way must not spoil the next. */
static inline int tidy(void **state)
{
	(void)state;
	be(ROOT);
	close(b.sock);
	while (waitpid(-1, NULL, 0) > 0)
		;
	return 0;
}

/* -- jobs -- */

/* The next job in the slot: the three folders are empty, and no process runs but its own. */
static inline void assert_slot_is_clean(void)
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

/* Open what was built; false with TAP's words if it is not there. */
static inline bool box_open(const char *name, int *out)
{
	char path[4096];
	const char *build = getenv("BUILD");
	snprintf(path, sizeof(path), "%s/%s", build ? build : "build", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		printf("Bail out! cannot open %s\n", path);
		return false;
	}
	*out = fcntl(fd, F_DUPFD_CLOEXEC, 100); /* out of the way of JAIL_FD */
	close(fd);
	return true;
}

/* Find the jail by its name in the folder of what was built, and be the reaper of whatever a warden
 * may leave. */
static inline bool box_find(const char *name)
{
	return box_open(name, &jail) && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
}

static inline bool box_find_jail(void)
{
	return box_find("sandbatch-jail");
}

#endif
