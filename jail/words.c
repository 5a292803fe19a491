/* Structs with fds over a SOCK_SEQPACKET socket, and strings beside them. */
#include "jail/jail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_STRINGS (4u << 20) /* bytes of arguments and environment: execve takes less */

union control {
	char bytes[CMSG_SPACE(JAIL_FDS * sizeof(int))];
	struct cmsghdr align;
};

bool jail_send(int socket, const void *data, size_t len, const int *fd, size_t nfd)
{
	union control control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	if (nfd > 0) {
		h.msg_control = &control;
		h.msg_controllen = CMSG_SPACE(nfd * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfd * sizeof(int));
		memcpy(CMSG_DATA(c), fd, nfd * sizeof(int));
	}
	return sendmsg(socket, &h, MSG_NOSIGNAL) == (ssize_t)len;
}

size_t jail_receive(int socket, void *data, size_t size, int fd[JAIL_FDS], size_t *nfd)
{
	union control control;
	struct iovec iov = { data, size };
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t n;
	do {
		n = recvmsg(socket, &h, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&h);
	*nfd = 0;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		*nfd = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fd, CMSG_DATA(c), *nfd * sizeof(int));
	}
	return n < 0 || (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ? 0 : (size_t)n;
}

bool jail_strings(struct jail_strings *s, int fd, uint32_t narg, uint32_t nenv, char why[200])
{
	const uint64_t n = (uint64_t)narg + nenv;
	struct stat st;
	*s = (struct jail_strings){ 0 };
	snprintf(why, 200, "arguments and environment must be 1 to %u bytes", MAX_STRINGS);
	if (narg < 1 || fstat(fd, &st) != 0 || st.st_size < (off_t)n || st.st_size > MAX_STRINGS)
		return false;
	size_t size = (size_t)st.st_size;
	s->text = calloc(size + 1, 1);
	s->argv = calloc(n + 2, sizeof(char *));
	if (!s->text || !s->argv || pread(fd, s->text, size, 0) != st.st_size)
		return false;
	char *at = s->text;
	for (uint64_t i = 0; i <= n && at <= s->text + size; i++) {
		if (i == narg) {
			s->env_at = at - s->text;
			continue; /* the NULL between the two lists */
		}
		s->argv[i] = at;
		at += strlen(at) + 1;
	}
	s->envp = s->argv + narg + 1;
	snprintf(why, 200, "there are not %llu strings", (unsigned long long)n);
	return at == s->text + size;
}
