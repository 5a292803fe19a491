/*
 * From clone to execve: what init and the job do in their own processes.
 * inside_job reads as the list of what a job has lost.
 */
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/mount.h>

#include "sandbox/warden.h"

#define STACK ((size_t)65536) /* of init, and of the job until its execve */

/* Inside a user namespace there is but one uid, which we have, and setgroups is denied. */
static bool change_user(const struct slot *s, struct why *w)
{
	if (!s->is_root)
		return true;
	return (setgroups(0, NULL) == 0 && setresgid(s->gid, s->gid, s->gid) == 0 &&
		setresuid(s->uid, s->uid, s->uid) == 0) ||
	       fail(w, "cannot become user %u: %m", s->uid);
}

static bool drop_capabilities(struct why *w)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };
	return (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
		syscall(SYS_capset, &head, none) == 0) ||
	       fail(w, "cannot drop capabilities: %m");
}

/* Returns only if it fails. */
static bool become_job(const struct run *r, struct why *w)
{
	const struct slot *s = r->slot;
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL); /* execve keeps what the warden blocks */
	umask(022);
	/* To be killed for memory before anyone else, which it cannot take back. No harm if not. */
	text_write(s->proc, "self/oom_score_adj", "500");
	for (int i = 0; i < 3; i++)
		if (dup2(r->stdio[i], i) < 0)
			return fail(w, "cannot take fd %d: %m", i);
	if (!warm_limit(&r->limits))
		return fail(w, "cannot set resource limits: %m");
	if (s->mode != MODE_NONE && (!change_user(s, w) || !drop_capabilities(w)))
		return false;
	/* after the change of user, which resets it; without namespaces it alone ties it to us */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return fail(w, "cannot tie the program to the warden: %m");
	/* by name: the fd is of the warden's mounts, where ".." would lead to its /proc */
	if ((s->mode == MODE_FULL ? chdir(JAIL_WORKDIR) : fchdir(s->work)) != 0)
		return fail(w, "cannot enter the working folder: %m");
	if (setsid() < 0)
		return fail(w, "cannot make a session: %m");
	if (s->mode == MODE_FULL && !r->is_waiting && !warm_lock(s->rules))
		return fail(w, "cannot load Landlock's rules: %m");
	/* close on exec, not now: a failing execve must still be told */
	if (syscall(SYS_close_range, 3U, r->is_waiting ? WARM_SOCKET - 1 : ~0U,
		    CLOSE_RANGE_CLOEXEC) != 0)
		return fail(w, "cannot close fds: %m");
	if (s->mode != MODE_NONE && !r->is_waiting && !filter_load(&s->filter))
		return fail(w, "cannot load the seccomp filter: %m");
	sched_setaffinity(0, sizeof(s->cpus), &s->cpus);
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

/* fn(r) in our memory; in a copy where it must be born in a cgroup of its own: so only clone3 can,
 * of which the C library has no form with a stack. */
static pid_t start(struct run *r, int flags, int (*fn)(void *))
{
	const struct cgroup *c = &r->slot->cgroup;
	flags |= CLONE_PIDFD;
	if (c->kind != CGROUP_V2 || c->group[0] < 0)
		return clone(fn, r->stacks + 2 * STACK, flags | CLONE_VM | SIGCHLD, r, &r->pidfd);
	struct clone_args a = { .flags = (uint64_t)flags | CLONE_INTO_CGROUP,
				.pidfd = (uint64_t)(uintptr_t)&r->pidfd,
				.exit_signal = SIGCHLD,
				.cgroup = (uint64_t)c->group[0] };
	pid_t pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));
	if (pid == 0)
		_exit(fn(r));
	return pid;
}

static bool enter(const struct slot *s, struct why *w)
{
	struct pollfd p = { s->self, POLLIN, 0 };
	/* the warden may be killed at any time: then so are we, and with us all of the namespace */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || poll(&p, 1, 0) != 0)
		return fail(w, "cannot tie init to the warden: %m");
	/* here and not in the warden: our group may be this command's own */
	if (unshare(CLONE_NEWCGROUP) != 0)
		return fail(w, "cannot make a cgroup namespace: %m");
	return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		     "hidepid=2,subset=pid") == 0 ||
	       fail(w, "cannot mount /proc%s: %m",
		    errno == EPERM ? " (parts of the host's are hidden, as in a container)" : "");
}

/* Init: enter, start the job, reap until it ends. Its exit code is 0 if there is a status then. */
static int be_init(void *arg)
{
	const struct run *r = arg;
	struct report *p = r->slot->report;
	p->has_failed = !enter(r->slot, &p->why) || (r->strings.argv && !folder_show(&p->why));
	if (p->has_failed || !r->strings.argv)
		return 1;
	pid_t job = clone(inside_job, r->stacks + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, arg);
	sched_setaffinity(0, sizeof(r->slot->cpus), &r->slot->cpus);
	if (job < 0)
		p->has_failed = !fail(&p->why, "cannot make a process: %m");
	/* Nobody but the job may hold its pipes open, or its reader would wait for us. */
	for (int i = 0; i < 3; i++)
		close(r->stdio[i]);
	for (pid_t pid = 0; pid != job;) {
		pid = waitpid(-1, &p->status, 0);
		if (pid < 0)
			return 1;
	}
	return 0;
}

bool inside_start(struct run *r)
{
	const struct slot *s = r->slot;
	cpu_set_t here;
	*s->report = (struct report){ 0 };
	r->stacks = malloc(2 * STACK);
	if (!r->stacks)
		return false;
	/* Until execve all stay on this CPU: to wake another takes longer than what they do. */
	CPU_ZERO(&here);
	CPU_SET((size_t)sched_getcpu(), &here);
	sched_setaffinity(0, sizeof(here), &here);
	r->pid = s->mode == MODE_FULL ? start(r, CLONE_NEWPID | CLONE_NEWNS, be_init)
				      : start(r, CLONE_VFORK, inside_job);
	sched_setaffinity(0, sizeof(s->cpus), &s->cpus);
	return r->pid > 0;
}
