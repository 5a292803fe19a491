/* One command, from JAIL_RUN to JAIL_ENDED, as the warden sees it. */
#include <linux/sched.h>
#include <sys/param.h>
#include <sys/statvfs.h>
#include <sys/time.h>

#include "sandbox/warden.h"

#define TICK_MS 20 /* how often counters are looked at */

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t to_us(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_usec;
}

/* A pipe belongs to who made it; the program must be able to open /dev/stdout and /dev/stderr. */
static void give_pipes(const struct run *r)
{
	struct stat st;
	for (int i = 0; i < 3; i++)
		if (fstat(r->stdio[i], &st) == 0 && S_ISFIFO(st.st_mode) &&
		    fchown(r->stdio[i], r->slot->uid, r->slot->gid) != 0)
			continue; /* not ours to give: then it is as it was */
}

/* RLIMIT_NPROC stands in for a pids group, and counts by user: all the processes that are ours. */
static uint64_t count_tasks(const struct slot *s, uint64_t processes)
{
	if (s->mode == MODE_FULL && (!s->is_root || s->warm.pid > 0))
		return processes + 2; /* in the user namespace: init, and the warden or who waits */
	if (s->is_root)
		return processes; /* a uid of its own */
	return processes + watch_count_user(s->proc, s->uid);
}

/* CPU time and memory are ours to measure; here only the backstops in case we are late. */
static struct jail_limits limits_of(const struct slot *s, const struct jail_run *l)
{
	bool is_counted = s->cgroup.kind != CGROUP_NONE;
	return (struct jail_limits){
		.file_bytes = l->file_bytes,
		/* not RLIMIT_AS: node, Java and Go reserve many gigabytes that they never touch */
		.data_bytes = is_counted ? RLIM_INFINITY : 4 * l->memory_bytes + (1u << 30),
		.cpu_s = l->cpu_ms ? l->cpu_ms / 1000 + 2 : RLIM_INFINITY,
		.tasks = is_counted ? RLIM_INFINITY : count_tasks(s, l->processes),
	};
}

static void forget(struct run *r)
{
	free(r->strings.text);
	free(r->strings.argv);
	*r = (struct run){ .pidfd = -1 };
}

/* By the interpreter that waits; false if there is none any more. */
static bool start_warm(struct run *r, struct slot *s, int strings)
{
	char pid[16];
	const int fd[4] = { r->stdio[0], r->stdio[1], r->stdio[2], strings };
	r->pid = warm_job(&s->warm, fd, r->strings.env_at);
	if (r->pid == 0)
		return false;
	*s->report = (struct report){ 0 };
	r->is_warm = true;
	r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0U);
	slot_hold(s, r->pid, r->pidfd);
	snprintf(pid, sizeof(pid), "%d", (int)r->pid);
	if (s->cgroup.kind == CGROUP_V2 && !text_write(s->cgroup.group[0], "cgroup.procs", pid)) {
		s->report->has_failed = !fail(&s->report->why, "cannot enter the cgroup: %m");
		run_kill(r, JAIL_CAUSE_FAILED);
	}
	warm_go(&s->warm, &r->limits);
	return true;
}

static bool tell_unstarted(const struct slot *s, struct why *w)
{
	return s->report->has_failed ? fail(w, "%s", s->report->why.text)
				     : fail(w, "cannot make a process: %m");
}

bool run_start(struct run *r, struct slot *s, const struct jail_run *limit, const int *fd,
	       struct jail_ended *ended)
{
	struct why w;
	*r = (struct run){ .slot = s,
			   .pidfd = -1,
			   .limit = *limit,
			   .stdio = { fd[0], fd[1], fd[2] },
			   .limits = limits_of(s, limit),
			   .start_us = now_us() };
	if (s->mode != MODE_FULL && s->cgroup.kind == CGROUP_NONE)
		r->waited_us = watch_read(s->proc, getpid()).cpu_us;
	give_pipes(r);
	bool is_ok =
		((s->work >= 0 && !s->is_ahead) || fail(&w, "no working folder was prepared")) &&
		jail_strings(&r->strings, fd[3], limit->narg, limit->nenv, w.text) &&
		cgroup_begin(&s->cgroup, limit->memory_bytes,
			     limit->processes + (s->mode == MODE_FULL), &w) &&
		((limit->is_warm && start_warm(r, s, fd[3])) || inside_start(r, s, fd) ||
		 tell_unstarted(s, &w));
	if (is_ok)
		return true;
	cgroup_end(&s->cgroup);
	forget(r);
	*ended = (struct jail_ended){ .op = JAIL_ENDED, .cause = JAIL_CAUSE_FAILED };
	memcpy(ended->text, w.text, sizeof(ended->text));
	return false;
}

bool run_warm(struct slot *s, const struct jail_run *limit, const int *fd, struct why *w)
{
	struct run r = { .slot = s,
			 .limit = *limit,
			 .stdio = { fd[0], fd[1], fd[2] },
			 .limits = { RLIM_INFINITY, RLIM_INFINITY, RLIM_INFINITY, RLIM_INFINITY },
			 .is_waiting = true };
	const struct warm_options o = { .keys = &s->keys,
					.hold = fd[4],
					.library = fd[5],
					.proc = s->proc,
					.ids = s->is_root ? "0 0 4294967295" : "1000 1000 1",
					.become = inside_job,
					.ctx = &r,
					.is_apart = s->cgroup.kind == CGROUP_V2 };
	inside_drop(s);
	warm_stop(&s->warm);
	s->cgroup.idle = (struct usage){ 0 };
	bool is_ok = s->mode == MODE_FULL &&
		     jail_strings(&r.strings, fd[3], limit->narg, limit->nenv, w->text) &&
		     cgroup_begin(&s->cgroup, limit->memory_bytes, limit->processes, w) &&
		     warm_start(&s->warm, &o, w->text);
	if (is_ok)
		s->cgroup.idle = watch_read(s->proc, getpid());
	cgroup_end(&s->cgroup);
	forget(&r);
	return is_ok;
}

static uint64_t wall_left_us(const struct run *r)
{
	uint64_t spent = now_us() - r->start_us;
	uint64_t limit = r->limit.wall_ms ? r->limit.wall_ms * 1000 : UINT64_MAX;
	return spent < limit ? limit - spent : 0;
}

int run_timeout(const struct run *r)
{
	uint64_t left = wall_left_us(r) / 1000;
	if (r->pid == 0)
		return -1;
	return left < TICK_MS ? (int)left + 1 : TICK_MS;
}

void run_kill(struct run *r, enum jail_cause cause)
{
	if (r->pid == 0 || r->cause)
		return;
	r->cause = cause;
	/* of a namespace's init: the kernel takes all the others with it */
	syscall(SYS_pidfd_send_signal, r->pidfd, SIGKILL, NULL, 0U);
}

static void measure(struct run *r)
{
	const struct slot *s = r->slot;
	if (s->cgroup.kind != CGROUP_NONE) {
		r->used = cgroup_read(&s->cgroup);
		return;
	}
	struct usage now = watch_read(s->proc, s->mode == MODE_FULL ? r->pid : getpid());
	r->used.cpu_us = now.cpu_us - r->waited_us;
	r->used.memory_bytes = MAX(r->used.memory_bytes, now.memory_bytes);
	r->used.ooms = now.memory_bytes > r->limit.memory_bytes;
	r->used.refused += r->limit.processes > 1 && now.tasks >= r->limit.processes;
}

void run_watch(struct run *r)
{
	measure(r);
	if (r->used.ooms > 0)
		run_kill(r, JAIL_CAUSE_MEMORY);
	if (r->limit.cpu_ms && r->used.cpu_us >= r->limit.cpu_ms * 1000)
		run_kill(r, JAIL_CAUSE_CPU);
	if (wall_left_us(r) == 0)
		run_kill(r, JAIL_CAUSE_WALL);
}

static enum jail_cause find_cause(const struct run *r, const struct report *p)
{
	if (r->cause)
		return r->cause;
	if (p->has_failed)
		return JAIL_CAUSE_FAILED;
	if (r->used.ooms > 0)
		return JAIL_CAUSE_MEMORY;
	if (r->limit.cpu_ms && r->used.cpu_us >= r->limit.cpu_ms * 1000)
		return JAIL_CAUSE_CPU;
	return WIFSIGNALED(p->status) ? JAIL_CAUSE_SIGNAL : JAIL_CAUSE_EXIT;
}

static bool is_full(int folder)
{
	struct statvfs v;
	return fstatvfs(folder, &v) == 0 && (v.f_bfree == 0 || (v.f_files > 0 && v.f_ffree == 0));
}

/* Reap it, and end what it left; returns how it ended. */
static struct report end(struct run *r)
{
	const struct slot *s = r->slot;
	struct rusage ru = { 0 };
	int status = 0;
	wait4(r->pid, &status, 0, &ru);
	struct report p = *s->report;
	if (r->is_warm && warm_last(&s->warm, &p.status, p.why.text) == WARM_FAILED)
		p.has_failed = true;
	if (s->mode != MODE_FULL || s->cgroup.kind != CGROUP_NONE)
		measure(r); /* once more: a bomb may be quicker than the watcher */
	if (s->mode != MODE_FULL)
		watch_kill_all(s->proc, s->keys.rest);
	if (s->cgroup.kind == CGROUP_NONE) {
		/* nothing of whom a killed init left unreaped */
		r->used.cpu_us = MAX(r->used.cpu_us, to_us(&ru.ru_utime) + to_us(&ru.ru_stime));
		r->used.memory_bytes = MAX(r->used.memory_bytes, (uint64_t)ru.ru_maxrss * 1024);
	}
	if (s->mode == MODE_FULL && status != 0 && !p.has_failed) {
		p.has_failed = r->used.ooms == 0;
		fail(&p.why, "the sandbox's init died (wait status %#x)", (unsigned)status);
	}
	if (s->mode != MODE_FULL || status != 0)
		p.status = status;
	return p;
}

void run_finish(struct run *r, struct slot *s, struct jail_ended *ended)
{
	struct report p = end(r);
	*ended = (struct jail_ended){
		.op = JAIL_ENDED,
		.cause = find_cause(r, &p),
		.status = WIFSIGNALED(p.status) ? WTERMSIG(p.status) : WEXITSTATUS(p.status),
		.hit_processes = r->used.refused > 0,
		.hit_disk = s->mode == MODE_FULL && is_full(s->work),
		.is_warm = r->is_warm,
		.wall_us = now_us() - r->start_us,
		.cpu_us = r->used.cpu_us,
		.peak_memory_bytes = r->used.memory_bytes,
	};
	if (ended->cause == JAIL_CAUSE_FAILED)
		memcpy(ended->text, p.why.text, sizeof(ended->text));
	cgroup_end(&s->cgroup);
	close(r->pidfd);
	forget(r);
}
