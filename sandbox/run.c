/* One command, from JAIL_RUN to JAIL_ENDED, as the warden sees it. */
#include <linux/sched.h>
#include <sys/statvfs.h>
#include <sys/time.h>

#include "sandbox/warden.h"

#define TICK_MS     20         /* how often counters are looked at */
#define MAX_STRINGS (4u << 20) /* bytes of arguments and environment: execve takes less */

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

/* The strings that came with the message: arguments, then environment, each with its NUL. */
static bool read_strings(struct run *r, int fd, struct why *w)
{
	const uint64_t narg = r->limit.narg, n = narg + r->limit.nenv;
	struct stat st;
	if (narg < 1 || fstat(fd, &st) != 0 || st.st_size < (off_t)n || st.st_size > MAX_STRINGS)
		return fail(w, "arguments and environment must be 1 to %u bytes", MAX_STRINGS);
	size_t size = (size_t)st.st_size;
	r->text = calloc(size + 1, 1);
	r->argv = calloc(n + 2, sizeof(char *));
	if (!r->text || !r->argv || pread(fd, r->text, size, 0) != st.st_size)
		return fail(w, "cannot read the arguments: %m");
	char *at = r->text;
	for (uint64_t i = 0; i <= n && at <= r->text + size; i++) {
		if (i == narg)
			continue; /* the NULL between the two lists */
		r->argv[i] = at;
		at += strlen(at) + 1;
	}
	r->envp = r->argv + narg + 1;
	return at == r->text + size || fail(w, "there are not %llu strings", (unsigned long long)n);
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
	if (s->cgroup.kind != CGROUP_NONE)
		return 0;
	if (s->is_root)
		return processes; /* a uid of its own */
	if (s->mode == MODE_FULL)
		return processes + 2; /* in the user namespace: with warden and init */
	return processes + watch_count_user(s->proc, s->uid);
}

static void forget(struct run *r)
{
	free(r->text);
	free(r->argv);
	free(r->stacks);
	*r = (struct run){ .pidfd = -1 };
}

bool run_start(struct run *r, struct slot *s, const struct jail_run *limit, const int *fd,
	       struct jail_ended *ended)
{
	struct why w;
	*r = (struct run){ .slot = s,
			   .pidfd = -1,
			   .limit = *limit,
			   .stdio = { fd[0], fd[1], fd[2] },
			   .max_tasks = count_tasks(s, limit->processes),
			   .start_us = now_us() };
	give_pipes(r);
	bool is_ok = (s->work >= 0 || fail(&w, "no working folder was prepared")) &&
		     read_strings(r, fd[3], &w) &&
		     cgroup_begin(&s->cgroup, limit->memory_bytes,
				  limit->processes + (s->mode == MODE_FULL), &w) &&
		     (inside_start(r) || fail(&w, "cannot make a process: %m"));
	if (is_ok)
		return true;
	cgroup_end(&s->cgroup);
	forget(r);
	*ended = (struct jail_ended){ .op = JAIL_ENDED, .cause = JAIL_CAUSE_FAILED };
	memcpy(ended->text, w.text, sizeof(ended->text));
	return false;
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

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void measure(struct run *r)
{
	const struct slot *s = r->slot;
	if (s->cgroup.kind != CGROUP_NONE) {
		r->used = cgroup_read(&s->cgroup);
		return;
	}
	struct usage now = watch_read(s->proc, s->mode == MODE_FULL ? r->pid : getpid());
	r->used.cpu_us = now.cpu_us;
	r->used.memory_bytes = most(r->used.memory_bytes, now.memory_bytes);
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
	if (s->mode != MODE_FULL || s->cgroup.kind != CGROUP_NONE)
		measure(r); /* once more: a bomb may be quicker than the watcher */
	if (s->mode != MODE_FULL)
		watch_kill_all(s->proc);
	if (s->cgroup.kind == CGROUP_NONE) {
		/* nothing of whom a killed init left unreaped */
		r->used.cpu_us = most(r->used.cpu_us, to_us(&ru.ru_utime) + to_us(&ru.ru_stime));
		r->used.memory_bytes = most(r->used.memory_bytes, (uint64_t)ru.ru_maxrss * 1024);
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
