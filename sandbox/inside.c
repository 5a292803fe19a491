/*
 * From clone to execve: what init and the job do in their own processes.
 * inside_job reads as the list of what a job has lost.
 */
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/mount.h>

#include "sandbox/warden.h"

#define STACK_BYTES (8u << 20)
#define MAX_FDS     4096u

static _Noreturn void tell(int report, const struct report *r)
{
	_exit(write(report, r, sizeof(*r)) == sizeof(*r) ? 0 : 1);
}

/* Execve keeps what the warden blocks, and what whoever started it ignored. */
static void reset_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	for (int signo = 1; signo < _NSIG; signo++)
		signal(signo, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* CPU time and memory are the warden's to measure; here only the backstops in case it is late. */
static bool set_limits(const struct slot *s, const struct job *j, struct why *w)
{
	const struct jail_run *want = j->limit;
	rlim_t cpu = want->cpu_ms ? want->cpu_ms / 1000 + 2 : RLIM_INFINITY;
	bool is_counted = s->cgroup.kind != CGROUP_NONE;
	/* Not RLIMIT_AS: node, Java and Go reserve many gigabytes that they never touch. */
	rlim_t data = is_counted ? RLIM_INFINITY : 4 * want->memory_bytes + (1u << 30);
	rlim_t tasks = j->max_tasks ? j->max_tasks : RLIM_INFINITY;
	const struct {
		__rlimit_resource_t which;
		rlim_t soft, hard;
	} table[] = {
		{ RLIMIT_CORE, 0, 0 },
		{ RLIMIT_FSIZE, want->file_bytes, want->file_bytes },
		{ RLIMIT_NOFILE, MAX_FDS, MAX_FDS },
		{ RLIMIT_NPROC, tasks, tasks },
		{ RLIMIT_DATA, data, data },
		{ RLIMIT_CPU, cpu, want->cpu_ms ? cpu + 1 : cpu },
		{ RLIMIT_STACK, STACK_BYTES, RLIM_INFINITY },
		{ RLIMIT_RTPRIO, 0, 0 },
		{ RLIMIT_NICE, 0, 0 },
		{ RLIMIT_MSGQUEUE, 0, 0 },
	};
	for (size_t i = 0; i < COUNT(table); i++) {
		struct rlimit l = { 0, 0 };
		/* never more than what we have: only root may raise it */
		getrlimit(table[i].which, &l);
		l.rlim_cur = table[i].soft < l.rlim_max ? table[i].soft : l.rlim_max;
		l.rlim_max = table[i].hard < l.rlim_max ? table[i].hard : l.rlim_max;
		if (setrlimit(table[i].which, &l) != 0)
			return fail(w, "cannot set resource limit %d: %m", (int)table[i].which);
	}
	return true;
}

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
static bool become_job(const struct slot *s, const struct job *j, struct why *w)
{
	reset_signals();
	/* To be killed for memory before anyone else, which it cannot take back. No harm if not. */
	text_write(s->proc, "self/oom_score_adj", "500");
	for (int i = 0; i < 3; i++)
		if (dup2(j->stdio[i], i) < 0)
			return fail(w, "cannot take fd %d: %m", i);
	if (!set_limits(s, j, w))
		return false;
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
	/* close on exec, not now: a failing execve must still be told */
	if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
		return fail(w, "cannot close fds: %m");
	if (s->mode != MODE_NONE &&
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, &s->filter) != 0)
		return fail(w, "cannot load the seccomp filter: %m");
	execve(j->argv[0], j->argv, j->envp);
	return fail(w, "cannot run %s: %m", j->argv[0]);
}

_Noreturn void inside_job(const struct slot *s, const struct job *j, int report)
{
	struct report r = { .has_failed = true };
	become_job(s, j, &r.why);
	tell(report, &r);
}

bool inside_enter(struct why *w)
{
	/* the warden may be killed at any time: then so are we, and with us all of the namespace */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return fail(w, "cannot tie init to the warden: %m");
	/* here and not in the warden: our group may be this command's own */
	if (unshare(CLONE_NEWCGROUP) != 0)
		return fail(w, "cannot make a cgroup namespace: %m");
	return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		     "hidepid=2,subset=pid") == 0 ||
	       fail(w, "cannot mount /proc: %m");
}

_Noreturn void inside_init(const struct slot *s, const struct job *j, int report)
{
	struct report r = { .has_failed = true };
	struct pollfd p = { report, 0, 0 };
	if (!inside_enter(&r.why))
		tell(report, &r);
	/* A warden that was killed before we were tied to it reads no more. */
	if (poll(&p, 1, 0) != 0)
		_exit(1);
	pid_t job = fork();
	if (job == 0)
		inside_job(s, j, report);
	if (job < 0) {
		fail(&r.why, "cannot fork: %m");
		tell(report, &r);
	}
	/* Nobody but the job may hold its pipes open, or its reader would wait for us. */
	for (int i = 0; i < 3; i++)
		close(j->stdio[i]);
	for (pid_t pid = 0; pid != job;) {
		pid = waitpid(-1, &r.status, 0);
		if (pid < 0 && errno != EINTR)
			_exit(1);
	}
	r.has_failed = false;
	tell(report, &r);
}
