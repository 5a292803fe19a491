/*
 * Descendants, by /proc/PID/task/PID/children: no scan of the whole machine. Used
 * where no cgroup counts, and where no pid namespace ends what a program started.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/warden.h"

#define MAX_SEEN 4096 /* processes looked at in one pass; the rest is seen in the next */

struct tree {
	pid_t pid[MAX_SEEN];
	size_t n;
};

static FILE *open_text(int proc, pid_t pid, const char *file)
{
	char path[96];
	snprintf(path, sizeof(path), "%d/%s", (int)pid, file);
	int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? NULL : fdopen(fd, "re");
}

static void add_children(int proc, pid_t parent, struct tree *t)
{
	char file[64];
	long pid;
	snprintf(file, sizeof(file), "task/%d/children", (int)parent);
	FILE *f = open_text(proc, parent, file);
	while (f && t->n < MAX_SEEN && fscanf(f, "%ld", &pid) == 1)
		t->pid[t->n++] = (pid_t)pid;
	if (f)
		fclose(f);
}

/* All descendants of root, parents before children. */
static void find(int proc, pid_t root, struct tree *t)
{
	t->n = 0;
	add_children(proc, root, t);
	for (size_t i = 0; i < t->n; i++)
		add_children(proc, t->pid[i], t);
}

/* CPU time of a process and of its children that it has waited for: fields 14 to 17 of proc(5)
 * stat. */
static uint64_t read_cpu_us(int proc, pid_t pid, bool is_root)
{
	char line[1024] = "";
	unsigned long utime = 0, stime = 0, cutime = 0, cstime = 0;
	FILE *f = open_text(proc, pid, "stat");
	if (!f)
		return 0;
	const char *at = fgets(line, sizeof(line), f) ? strrchr(line, ')')
						      : NULL; /* the name may hold anything */
	if (at)
		sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu", &utime,
		       &stime, &cutime, &cstime);
	fclose(f);
	unsigned long ticks = cutime + cstime + (is_root ? 0 : utime + stime);
	return (uint64_t)ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

/* Memory that is its own: not the files it has mapped, which all processes share. */
static void add_status(int proc, pid_t pid, struct watch_usage *u)
{
	static const char *const MEMORY[] = { "RssAnon:", "RssShmem:", "VmSwap:" };
	char line[256];
	FILE *f = open_text(proc, pid, "status");
	while (f && fgets(line, sizeof(line), f)) {
		for (size_t i = 0; i < sizeof(MEMORY) / sizeof(MEMORY[0]); i++)
			if (strncmp(line, MEMORY[i], strlen(MEMORY[i])) == 0)
				u->memory_bytes +=
					1024 * strtoull(line + strlen(MEMORY[i]), NULL, 10);
		if (strncmp(line, "Threads:", 8) == 0)
			u->tasks += strtoull(line + 8, NULL, 10);
	}
	if (f)
		fclose(f);
}

struct watch_usage watch_read(int proc, pid_t root)
{
	struct watch_usage u = { .cpu_us = read_cpu_us(proc, root, true) };
	struct tree t;
	find(proc, root, &t);
	for (size_t i = 0; i < t.n; i++) {
		u.cpu_us += read_cpu_us(proc, t.pid[i], false);
		add_status(proc, t.pid[i], &u);
	}
	return u;
}

uint64_t watch_count_user(int proc, uid_t uid)
{
	struct watch_usage u = { 0 };
	int again = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	struct stat st;
	for (const struct dirent *e; d && (e = readdir(d));) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		if (pid > 0 && fstatat(proc, e->d_name, &st, 0) == 0 && st.st_uid == uid)
			add_status(proc, pid, &u);
	}
	if (d)
		closedir(d);
	return u.tasks;
}

void watch_kill_all(int proc)
{
	const struct rlimit none = { 0, 0 };
	struct tree t;
	for (;;) {
		find(proc, getpid(), &t);
		for (size_t i = 0; i < t.n; i++) {
			/* first no more forks, or a bomb would outrun us */
			prlimit(t.pid[i], RLIMIT_NPROC, &none, NULL);
			kill(t.pid[i], SIGKILL);
		}
		pid_t pid;
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0 && errno == ECHILD)
			return;
		usleep(1000);
	}
}
