/* Messages of jail.h: one struct each, fds beside it. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/warden.h"

union control {
	char bytes[CMSG_SPACE(MESSAGE_FDS * sizeof(int))];
	struct cmsghdr align;
};

bool message_receive(struct message *m)
{
	union control control;
	memset(m, 0, sizeof(*m));
	struct iovec iov = { &m->u, sizeof(m->u) };
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t n;
	do {
		n = recvmsg(JAIL_FD, &h, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&h);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		m->nfd = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(m->fd, CMSG_DATA(c), m->nfd * sizeof(int));
	}
	m->len = n < 0 ? 0 : (size_t)n;
	return m->len >= sizeof(m->u.op) && !(h.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
}

void message_close(struct message *m)
{
	for (size_t i = 0; i < m->nfd; i++)
		close(m->fd[i]);
	m->nfd = 0;
}

bool message_send(const void *data, size_t len, int fd)
{
	union control control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };
	if (fd >= 0) {
		h.msg_controllen = CMSG_SPACE(sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	return sendmsg(JAIL_FD, &h, MSG_NOSIGNAL) == (ssize_t)len;
}
