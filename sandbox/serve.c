/* The service's socket: messages of jail.h, one struct each with fds beside it, and their loop. */
#include <poll.h>
#include <sys/socket.h>

#include "sandbox/warden.h"

struct message {
	union {
		uint32_t op;
		struct jail_prepare prepare;
		struct jail_run run;
	} u;
	size_t len;
	int fd[JAIL_FDS];
	size_t nfd;
};

/* Send a struct with an fd, or none (-1). False if the service is gone. */
static bool message_send(const void *data, size_t len, int fd)
{
	return jail_send(JAIL_FD, data, len, &fd, fd >= 0);
}

static bool tell_broken(const struct why *w)
{
	struct jail_ready r = { .op = JAIL_BROKEN };
	memcpy(r.text, w->text, sizeof(r.text));
	message_send(&r, sizeof(r), -1);
	return false;
}

/* Whether it is a message as jail.h has it, at a time when it may come. */
static bool is_sound(const struct message *m, const struct run *r)
{
	static const struct {
		size_t size, nfd;
	} SHAPE[] = {
		[JAIL_PREPARE] = { sizeof(struct jail_prepare), 0 },
		[JAIL_RUN] = { sizeof(struct jail_run), 4 },
		[JAIL_WARM] = { sizeof(struct jail_run), 6 },
		[JAIL_KILL] = { sizeof(struct jail_plain), 0 },
		[JAIL_CLEAR] = { sizeof(struct jail_plain), 0 },
	};
	return m->u.op < COUNT(SHAPE) && m->len == SHAPE[m->u.op].size &&
	       m->nfd == SHAPE[m->u.op].nfd && (r->pid == 0 || m->u.op == JAIL_KILL);
}

static bool obey(struct slot *s, struct run *r, const struct message *m)
{
	const struct jail_plain prepared = { JAIL_PREPARED }, cleared = { JAIL_CLEARED };
	struct jail_ended ended;
	struct jail_warmed warmed = { .op = JAIL_WARMED };
	struct why w;
	switch (m->u.op) {
	case JAIL_PREPARE:
		if (!slot_get_ahead(s, &w) || !folder_prepare(s, &m->u.prepare, &w))
			return tell_broken(&w);
		if (!message_send(&prepared, sizeof(prepared), s->work))
			return false;
		slot_get_ready(s);
		return true;
	case JAIL_RUN:
		return run_start(r, s, &m->u.run, m->fd, &ended) ||
		       message_send(&ended, sizeof(ended), -1);
	case JAIL_CLEAR:
		if (!message_send(&cleared, sizeof(cleared), -1))
			return false;
		sched_yield(); /* who hears it goes first, though it be on our CPU */
		close(socket(AF_UNIX, SOCK_DGRAM, 0)); /* collects those left in flight */
		return slot_get_ahead(s, &w) || tell_broken(&w);
	case JAIL_WARM:
		if (!slot_get_ahead(s, &w))
			return tell_broken(&w);
		if (!run_warm(s, &m->u.run, m->fd, &w))
			memcpy(warmed.text, w.text, sizeof(warmed.text));
		return message_send(&warmed, sizeof(warmed), -1);
	default:
		run_kill(r, JAIL_CAUSE_KILLED);
		return true;
	}
}

/* False when there is nothing more to serve: the service is gone, or talks nonsense. */
static bool hear(struct slot *s, struct run *r)
{
	struct message m = { 0 };
	m.len = jail_receive(JAIL_FD, &m.u, sizeof(m.u), m.fd, &m.nfd);
	bool is_served = m.len >= sizeof(m.u.op) && is_sound(&m, r) && obey(s, r, &m);
	for (size_t i = 0; i < m.nfd; i++)
		close(m.fd[i]);
	return is_served;
}

static void serve_all(struct slot *s)
{
	struct run r = { .pidfd = -1 };
	struct jail_ended ended;
	bool is_wanted = true;
	while (is_wanted || r.pid > 0) {
		/* after the end of the stream only the kill's result is awaited */
		struct pollfd p[2] = { { is_wanted ? JAIL_FD : -1, POLLIN, 0 },
				       { r.pidfd, POLLIN, 0 } };
		if (poll(p, 2, run_timeout(&r)) < 0 && errno != EINTR)
			return;
		if (r.pid > 0 && p[1].revents) {
			run_finish(&r, s, &ended);
			is_wanted = message_send(&ended, sizeof(ended), -1) && is_wanted;
		} else if (r.pid > 0) {
			run_watch(&r);
		}
		if (p[0].revents && !hear(s, &r)) {
			is_wanted = false;
			run_kill(&r, JAIL_CAUSE_KILLED);
		}
	}
}

bool serve(struct slot *s)
{
	struct why w = { "" };
	bool is_open = slot_open(s, &w) || tell_broken(&w);
	struct jail_ready r = { .op = JAIL_READY,
				.uid = s->outer_uid,
				.gid = s->outer_gid,
				.has_cgroup = s->cgroup.kind };
	if (is_open && message_send(&r, sizeof(r), -1))
		serve_all(s);
	slot_close(s);
	return is_open;
}
