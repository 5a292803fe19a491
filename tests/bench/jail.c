/*
 * jail [-u] [-n ROUNDS] [-i IDLE_MS] JAIL [COMMAND...] -- how long /bin/true takes, after idling so
 * long: by vfork and execve alone; through a standing warden, as the service does it, from
 * JAIL_PREPARE to JAIL_CLEARED; and, vfork and execve again, by COMMAND. By turns, in one run.
 * Prints the medians in microseconds: "BARE WARDEN [COMMAND]". -u: as nobody.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/jail.h"

#define MOST   100000
#define NOBODY 65534

static void must(int is_ok, const char *what)
{
	if (is_ok)
		return;
	fprintf(stderr, "jail: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* -- the service's end of jail.h -- */

static int sock;

static void hear(uint32_t op, void *out, size_t size, int *fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = { out, size };
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	must(recvmsg(sock, &m, MSG_CMSG_CLOEXEC) == (ssize_t)size, "the warden's answer");
	must(memcmp(out, &op, sizeof(op)) == 0, "another answer was due");
	if (fd)
		memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
}

static void say(void *data, size_t size, const int *fd, size_t nfd)
{
	union {
		char room[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control = { .align = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct iovec part = { data, size };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	if (nfd) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(nfd * sizeof(int));
		control.align.cmsg_len = CMSG_LEN(nfd * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fd, nfd * sizeof(int));
	}
	must(sendmsg(sock, &m, MSG_NOSIGNAL) == (ssize_t)size, "telling the warden");
}

static pid_t start(const char *jail)
{
	struct jail_ready ready;
	int pair[2];
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	pid_t pid = fork();
	if (pid == 0) {
		dup2(pair[1], JAIL_FD);
		execl(jail, jail, "--slot", "1", NULL);
		_exit(127);
	}
	close(pair[1]);
	sock = pair[0];
	hear(JAIL_READY, &ready, sizeof(ready), NULL);
	return pid;
}

/* What is written there until its end. */
static void drain(int fd)
{
	char text[4096];
	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
}

static void run(void)
{
	static const char STRINGS[] = "/bin/true\0PATH=/usr/bin:/bin\0HOME=/tmp";
	struct jail_run r = { .op = JAIL_RUN,
			      .narg = 1,
			      .nenv = 2,
			      .processes = 64,
			      .wall_ms = 60000,
			      .cpu_ms = 60000,
			      .memory_bytes = 256u << 20,
			      .file_bytes = 64u << 20 };
	struct jail_ended ended;
	int out[2], err[2], strings = memfd_create("strings", MFD_CLOEXEC);
	must(write(strings, STRINGS, sizeof(STRINGS)) == sizeof(STRINGS), "memfd");
	must(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0, "pipe");
	int fd[] = { open("/dev/null", O_RDONLY | O_CLOEXEC), out[1], err[1], strings };
	say(&r, sizeof(r), fd, 4);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	drain(out[0]);
	drain(err[0]);
	hear(JAIL_ENDED, &ended, sizeof(ended), NULL);
	errno = 0;
	must(ended.cause == JAIL_CAUSE_EXIT && ended.status == 0, ended.text);
}

static void by_warden(const char *const *argv)
{
	struct jail_prepare prepare = { JAIL_PREPARE, 4096, 64u << 20 };
	struct jail_plain clear = { JAIL_CLEAR }, answer;
	int folder;
	(void)argv;
	say(&prepare, sizeof(prepare), NULL, 0);
	hear(JAIL_PREPARED, &answer, sizeof(answer), &folder);
	run();
	close(folder);
	say(&clear, sizeof(clear), NULL, 0);
	hear(JAIL_CLEARED, &answer, sizeof(answer), NULL);
}

static void by_exec(const char *const *argv)
{
	int status;
	pid_t pid = vfork();
	if (pid == 0) {
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	must(waitpid(pid, &status, 0) == pid && status == 0, argv[0]);
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
	static const char *const TRUE[] = { "/bin/true", NULL };
	static uint64_t took[3][MOST];
	size_t rounds = 500;
	unsigned idle_us = 0;
	for (int c; (c = getopt(argc, argv, "+un:i:")) != -1;) {
		if (c == 'n')
			rounds = strtoul(optarg, NULL, 10);
		else if (c == 'i')
			idle_us = 1000 * (unsigned)strtoul(optarg, NULL, 10);
		else
			must(c == 'u' && setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 &&
				     setuid(NOBODY) == 0,
			     "usage: jail [-u] [-n ROUNDS] [-i IDLE_MS] JAIL [COMMAND...]");
	}
	must(optind < argc && rounds > 0 && rounds <= MOST, "no JAIL, or ROUNDS out of range");
	pid_t warden = start(argv[optind]);
	const char *const *const command = (const char *const *)(uintptr_t)argv + optind + 1;
	const struct {
		void (*run)(const char *const *argv);
		const char *const *argv;
	} way[] = { { by_exec, TRUE }, { by_warden, NULL }, { by_exec, command } };
	const size_t nway = *command ? 3 : 2;
	for (size_t i = 0; i < rounds; i++)
		for (size_t k = 0; k < nway; k++) {
			if (idle_us)
				usleep(idle_us);
			uint64_t began = now_ns();
			way[k].run(way[k].argv);
			took[k][i] = now_ns() - began;
		}
	close(sock);
	waitpid(warden, NULL, 0);
	for (size_t k = 0; k < nway; k++) {
		qsort(took[k], rounds, sizeof(took[k][0]), by_size);
		printf("%.0f%c", (double)took[k][rounds / 2] / 1000, k + 1 < nway ? ' ' : '\n');
	}
	return 0;
}
