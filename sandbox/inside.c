/*
 * From clone to execve: what init and the job do in their own processes. What an interpreter that
 * waits does for its jobs too is in jail/lose.c.
 */
#include <grp.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/socket.h>

#include "sandbox/warden.h"

/* Inside a user namespace there is but one uid, which we have, and setgroups is denied. */
static bool change_user(const struct slot *s, struct why *w)
{
	if (!s->is_root || s->mode == MODE_NONE)
		return true;
	return (setgroups(0, NULL) == 0 && setresgid(s->gid, s->gid, s->gid) == 0 &&
		setresuid(s->uid, s->uid, s->uid) == 0) ||
	       fail(w, "cannot become user %u: %m", s->uid);
}

/* Returns only if it fails. In MODE_FULL init has been locked already, and passes that on. */
static bool become_job(const struct run *r, struct why *w)
{
	const struct slot *s = r->slot;
	const char *what = NULL;
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL); /* execve keeps what the warden blocks */
	umask(022);
	/* To be killed for memory before anyone else, which it cannot take back. No harm if not. */
	text_write(AT_FDCWD, "/proc/self/oom_score_adj", "500");
	for (int i = 0; i < 3; i++)
		if (dup2(r->stdio[i], i) < 0)
			return fail(w, "cannot take fd %d: %m", i);
	if (!jail_limit(&r->limits))
		return fail(w, "cannot set resource limits: %m");
	if (!change_user(s, w))
		return false;
	/* by name: the fd is of the warden's mounts, where ".." would lead to its /proc */
	if ((s->mode == MODE_FULL ? chdir(JAIL_WORKDIR) : fchdir(s->work)) != 0)
		return fail(w, "cannot enter the working folder: %m");
	/* close on exec, not now: a failing execve must still be told */
	if (syscall(SYS_close_range, 3U, r->is_waiting ? WARM_SOCKET - 1 : ~0U,
		    CLOSE_RANGE_CLOEXEC) != 0)
		return fail(w, "cannot close fds: %m");
	if ((what = jail_detach(s->mode == MODE_FULL && !r->is_waiting)) ||
	    (s->mode != MODE_NONE && (what = jail_drop())))
		return fail(w, "%s: %m", what);
	execve(r->strings.argv[0], r->strings.argv, r->strings.envp);
	return fail(w, "cannot run %s: %m", r->strings.argv[0]);
}

int inside_job(void *arg)
{
	const struct run *r = arg;
	struct report *p = r->slot->report;
	p->has_failed = !become_job(r, &p->why);
	return 1;
}

/* Init in memory of its own, where it must be born in a cgroup of its own: so only clone3 can, of
 * which the C library has no form with a stack. */
static bool is_apart(const struct slot *s)
{
	return s->cgroup.kind == CGROUP_V2 && s->cgroup.group[0] >= 0;
}

static pid_t start(const struct slot *s, int flags, int (*fn)(void *), void *arg, int *pidfd)
{
	flags |= CLONE_PIDFD;
	if (!is_apart(s))
		return clone(fn, s->stacks + 2 * STACK, flags | CLONE_VM | SIGCHLD, arg, pidfd,
			     (uintptr_t)s->keys.mounts); /* for its TLS, which it has not */
	struct clone_args a = { .flags = (uint64_t)flags | CLONE_INTO_CGROUP,
				.pidfd = (uint64_t)(uintptr_t)pidfd,
				.exit_signal = SIGCHLD,
				.cgroup = (uint64_t)s->cgroup.group[0] };
	pid_t pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a), s->keys.rest);
	if (pid == 0)
		_exit(fn(arg));
	return pid;
}

static bool enter(const struct slot *s, struct why *w)
{
	struct pollfd p = { s->self, POLLIN, 0 };
	const char *what = NULL;
	/* the warden may be killed at any time: then so are we, and with us all of the namespace */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || poll(&p, 1, 0) != 0)
		return fail(w, "cannot tie init to the warden: %m");
	if ((what = jail_enter(is_apart(s), s->keys.mounts)) || (what = jail_lock(s->rules)))
		return fail(w, "%s: %m", what);
	return true;
}

/*
 * Init: enter, wait for the command, start the job, reap until it ends. Its exit code is 0 if there
 * is a status then, or no command came.
 */
static int be_init(void *arg)
{
	const struct slot *s = arg;
	struct report *p = s->report;
	struct run r;
	int fd[JAIL_FDS];
	size_t nfd = 0;
	close(s->ready.ours); /* or no end of it would be heard here */
	p->has_failed = !enter(s, &p->why);
	if (p->has_failed)
		return 1;
	if (jail_receive(s->ready.theirs, &r, sizeof(r), fd, &nfd) != sizeof(r) || nfd != 4)
		return 0;
	memcpy(r.stdio, fd, sizeof(r.stdio));
	p->has_failed = is_apart(s) &&
			!jail_strings(&r.strings, fd[3], r.limit.narg, r.limit.nenv, p->why.text);
	if (p->has_failed)
		return 1;
	pid_t job = clone(inside_job, s->stacks + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, &r);
	if (job < 0)
		p->has_failed = !fail(&p->why, "cannot make a process: %m");
	/* Nobody but the job may hold its pipes open, or its reader would wait for us. */
	syscall(SYS_close_range, 0U, ~0U, 0U);
	for (pid_t pid = 0; pid != job;) {
		pid = waitpid(-1, &p->status, 0);
		if (pid < 0)
			return 1;
	}
	return 0;
}

bool inside_ready(struct slot *s)
{
	struct ready *y = &s->ready;
	int pair[2];
	if (y->pid > 0)
		return true;
	if (!cgroup_make(&s->cgroup) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	*s->report = (struct report){ 0 };
	*y = (struct ready){ .ours = pair[0], .theirs = pair[1] };
	y->pid = start(s, CLONE_NEWPID | CLONE_NEWNS, be_init, s, &y->pidfd);
	close(pair[1]);
	if (y->pid > 0)
		slot_hold(s, y->pid, y->pidfd);
	else
		close(pair[0]);
	return y->pid > 0;
}

void inside_drop(struct slot *s)
{
	if (s->ready.pid <= 0)
		return;
	close(s->ready.ours);
	waitpid(s->ready.pid, NULL, 0);
	close(s->ready.pidfd);
	s->ready.pid = 0;
	slot_hold(s, 0, -1);
}

/* Let the init that is ready have it; false if it has died. */
static bool go(struct run *r, struct slot *s, const int fd[4])
{
	if (!jail_send(s->ready.ours, r, sizeof(*r), fd, 4))
		return false;
	close(s->ready.ours);
	r->pid = s->ready.pid;
	r->pidfd = s->ready.pidfd;
	s->ready.pid = 0;
	return true;
}

bool inside_start(struct run *r, struct slot *s, const int fd[4])
{
	if (s->mode != MODE_FULL) {
		r->pid = start(s, CLONE_VFORK, inside_job, r, &r->pidfd);
		return r->pid > 0;
	}
	if (inside_ready(s) && go(r, s, fd))
		return true;
	inside_drop(s); /* once more: what made ready may have been killed since, for memory */
	return inside_ready(s) && go(r, s, fd);
}
