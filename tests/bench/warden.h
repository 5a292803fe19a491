/*
 * warden -- the service's end of jail/jail.h as short as a bench can have it: it waits for every
 * answer, and ends at the first that is not the one due.
 */
#ifndef BENCH_WARDEN_H
#define BENCH_WARDEN_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "jail/jail.h"

struct warden {
	pid_t pid;
	int sock;
	struct jail_ready ready;
};

/* A program: its arguments and environment, each with its NUL. */
struct program {
	const char *strings;
	size_t size;
	uint32_t narg, nenv;
	uint32_t is_warm; /* by an interpreter that waits */
};

static inline void must(int is_ok, const char *what)
{
	if (is_ok)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static inline uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline void hear(const struct warden *w, uint32_t op, void *out, size_t size, int *fd)
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
	must(recvmsg(w->sock, &m, MSG_CMSG_CLOEXEC) == (ssize_t)size, "the warden's answer");
	must(memcmp(out, &op, sizeof(op)) == 0, "another answer was due");
	if (fd)
		memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
}

static inline void say(const struct warden *w, void *data, size_t size, const int *fd, size_t nfd)
{
	union {
		char room[CMSG_SPACE(6 * sizeof(int))];
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
	must(sendmsg(w->sock, &m, MSG_NOSIGNAL) == (ssize_t)size, "telling the warden");
}

static inline void warden_start(struct warden *w, const char *jail, unsigned slot)
{
	int pair[2];
	char number[16];
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	snprintf(number, sizeof(number), "%u", slot);
	w->pid = fork();
	if (w->pid == 0) {
		dup2(pair[1], JAIL_FD);
		execl(jail, jail, "--slot", number, NULL);
		_exit(127);
	}
	close(pair[1]);
	w->sock = pair[0];
	hear(w, JAIL_READY, &w->ready, sizeof(w->ready), NULL);
}

static inline int keep(const char *text, size_t size)
{
	int fd = memfd_create("text", MFD_CLOEXEC);
	must(write(fd, text, size) == (ssize_t)size, "memfd");
	return fd;
}

/* Have an interpreter wait: its program with JAIL_PRELOAD in the environment, what it is held with,
 * the path of sandbatch-warm.so. */
static inline void warden_warm(const struct warden *w, const struct program *p, int hold,
			       const char *library)
{
	struct jail_run r = { .op = JAIL_WARM,
			      .narg = p->narg,
			      .nenv = p->nenv,
			      .processes = 64,
			      .memory_bytes = 1u << 30,
			      .file_bytes = UINT64_MAX };
	struct jail_warmed warmed;
	int out[2];
	must(pipe2(out, O_CLOEXEC) == 0, "pipe");
	int fd[] = { open("/dev/null", O_RDONLY | O_CLOEXEC),
		     out[1],
		     out[1],
		     keep(p->strings, p->size),
		     hold,
		     open(library, O_RDONLY | O_CLOEXEC) };
	must(fd[5] >= 0, library);
	say(w, &r, sizeof(r), fd, 6);
	for (int i = 0; i < 6; i++)
		if (i != 2)
			close(fd[i]);
	close(out[0]);
	hear(w, JAIL_WARMED, &warmed, sizeof(warmed), NULL);
	errno = 0;
	must(!warmed.text[0], warmed.text);
}

/* An fd of the new working folder. */
static inline int warden_prepare(const struct warden *w)
{
	struct jail_prepare prepare = { JAIL_PREPARE, 4096, 64u << 20 };
	struct jail_plain answer;
	int folder;
	say(w, &prepare, sizeof(prepare), NULL, 0);
	hear(w, JAIL_PREPARED, &answer, sizeof(answer), &folder);
	return folder;
}

static inline void warden_clear(const struct warden *w)
{
	struct jail_plain clear = { JAIL_CLEAR }, answer;
	say(w, &clear, sizeof(clear), NULL, 0);
	hear(w, JAIL_CLEARED, &answer, sizeof(answer), NULL);
}

/* How much is written there until its end. */
static inline size_t drain(int fd)
{
	char text[4096];
	size_t all = 0;
	for (ssize_t n; (n = read(fd, text, sizeof(text))) > 0;)
		all += (size_t)n;
	close(fd);
	return all;
}

/* Run it in the folder prepared, with pipes for its outputs: how much it wrote to stdout. */
static inline size_t warden_run(const struct warden *w, const struct program *p)
{
	struct jail_run r = { .op = JAIL_RUN,
			      .narg = p->narg,
			      .nenv = p->nenv,
			      .processes = 64,
			      .wall_ms = 60000,
			      .cpu_ms = 60000,
			      .memory_bytes = 256u << 20,
			      .file_bytes = 64u << 20,
			      .is_warm = p->is_warm };
	struct jail_ended ended;
	int out[2], err[2], strings = keep(p->strings, p->size);
	must(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0, "pipe");
	int fd[] = { open("/dev/null", O_RDONLY | O_CLOEXEC), out[1], err[1], strings };
	say(w, &r, sizeof(r), fd, 4);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	size_t told = drain(out[0]);
	drain(err[0]);
	hear(w, JAIL_ENDED, &ended, sizeof(ended), NULL);
	errno = 0;
	must(ended.cause == JAIL_CAUSE_EXIT && ended.status == 0, ended.text);
	must(ended.is_warm == p->is_warm, "the interpreter that waits");
	return told;
}

#endif
