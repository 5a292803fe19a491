/*
 * What a warden must hold to whatever a service says to it: messages of any bytes with any number
 * of fds; for the fuzzer, and for its seeds as a unit test. The warden's loop is the real one, from
 * the socket down to the strings of a command; it has no slot below it, so nothing is ever run (the
 * functions are replaced by ld --wrap, see the Makefile).
 */
#ifndef TESTS_UNIT_SANDBOX_FUZZ_H
#define TESTS_UNIT_SANDBOX_FUZZ_H

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/warden.h"

#define FUZZ_MESSAGES 32 /* as many as fit the socket's buffer with their answers */
#define FUZZ_FDS      9  /* more than any message may have */

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the names are ld's */
bool __wrap_slot_open(struct slot *s, struct why *w);
void __wrap_slot_close(struct slot *s);
bool __wrap_folder_prepare(struct slot *s, const struct jail_prepare *p, struct why *w);
bool __wrap_folder_clear(struct slot *s, struct why *w);
bool __wrap_inside_start(struct run *r, struct slot *s, const int fd[4]);

bool __wrap_slot_open(struct slot *s, struct why *w)
{
	static struct report none;
	(void)w;
	s->report = &none;
	s->work = s->proc = s->self = -1;
	s->mode = MODE_NONE;
	return true;
}

void __wrap_slot_close(struct slot *s)
{
	if (s->work >= 0)
		close(s->work);
}

bool __wrap_folder_prepare(struct slot *s, const struct jail_prepare *p, struct why *w)
{
	(void)p;
	(void)w;
	if (s->work < 0)
		s->work = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return true;
}

bool __wrap_folder_clear(struct slot *s, struct why *w)
{
	(void)w;
	if (s->work >= 0)
		close(s->work);
	s->work = -1;
	return true;
}

/* Before it would be: what was read of the command is sound. */
bool __wrap_inside_start(struct run *r, struct slot *s, const int fd[4])
{
	(void)s;
	(void)fd;
	for (uint32_t i = 0; i < r->limit.narg; i++)
		assert(strlen(r->strings.argv[i]) < (4u << 20));
	for (uint32_t i = 0; i < r->limit.nenv; i++)
		assert(strlen(r->strings.envp[i]) < (4u << 20));
	assert(!r->strings.argv[r->limit.narg] && !r->strings.envp[r->limit.nenv]);
	errno = EAGAIN;
	return false;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static inline void fuzz_send(int socket, const char *data, size_t len, size_t nfd, int fd)
{
	union {
		char bytes[CMSG_SPACE(FUZZ_FDS * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	char copy[1024];
	struct iovec v = { copy, len };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1 };
	memcpy(copy, data, len);
	if (nfd > 0) {
		h.msg_control = &control;
		h.msg_controllen = CMSG_SPACE(nfd * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfd * sizeof(int));
		for (size_t i = 0; i < nfd; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
	}
	sendmsg(socket, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The lowest fd that is free: the same before and after, or one has leaked. */
static inline int fuzz_free_fd(void)
{
	int fd = dup(STDERR_FILENO);
	close(fd);
	return fd;
}

/* Messages: a byte for the length in steps of 4, one for the number of fds, the bytes. Each fd is a
 * file with all of the input. */
static inline void fuzz_messages(const char *data, size_t n)
{
	struct slot s = { 0 };
	int pair[2], strings = memfd_create("strings", MFD_CLOEXEC), before = fuzz_free_fd();
	if (write(strings, data, n) != (ssize_t)n ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		abort();
	for (int i = 0; i < FUZZ_MESSAGES && n >= 2; i++) {
		size_t len = (size_t)(unsigned char)data[0] * 4,
		       nfd = (unsigned char)data[1] % (FUZZ_FDS + 1);
		data += 2;
		n -= 2;
		len = len < n ? len : n;
		fuzz_send(pair[1], data, len, nfd, strings);
		data += len;
		n -= len;
	}
	dup2(pair[0], JAIL_FD);
	close(pair[0]);
	shutdown(pair[1], SHUT_WR);
	serve(&s);
	close(pair[1]);
	dup2(STDERR_FILENO, JAIL_FD);
	assert(fuzz_free_fd() == before);
	close(strings);
}

/* fd 3 is the warden's socket: taken, so that no other fd lands there. */
static inline void fuzz_start(void)
{
	dup2(STDERR_FILENO, JAIL_FD);
}

#endif
