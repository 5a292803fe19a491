/*
 * Descendants, by /proc/PID/task/PID/children: no scan of the whole machine. Used
 * where no cgroup counts, and where no pid namespace ends what a program started.
 */
#include <dirent.h>

#include "sandbox/warden.h"

#define MAX_SEEN 4096 /* processes looked at in one pass; the rest is seen in the next */

struct tree {
	pid_t pid[MAX_SEEN];
	size_t n;
};

/* A file of a process as text; "" if it is gone. */
static const char *read_text(int proc, pid_t pid, const char *file, char *out, size_t size)
{
	char path[96];
	snprintf(path, sizeof(path), "%d/%s", (int)pid, file);
	return text_read(proc, path, out, size);
}

static void add_children(int proc, pid_t parent, struct tree *t)
{
	char file[64], text[32768], *end;
	snprintf(file, sizeof(file), "task/%d/children", (int)parent);
	const char *at = read_text(proc, parent, file, text, sizeof(text));
	for (long pid; t->n < MAX_SEEN && (pid = strtol(at, &end, 10)) > 0; at = end)
		t->pid[t->n++] = (pid_t)pid;
}

/* All descendants of root, parents before children. */
static void find(int proc, pid_t root, struct tree *t)
{
	t->n = 0;
	add_children(proc, root, t);
	for (size_t i = 0; i < t->n; i++)
		add_children(proc, t->pid[i], t);
}

/* CPU time of a process (not of the root) and of its reaped children: fields 14 to 17 of stat. */
static uint64_t read_cpu_us(int proc, pid_t pid, bool is_root)
{
	char text[1024];
	uint64_t ticks = 0;
	/* the name, field 2, may hold anything */
	const char *at = strrchr(read_text(proc, pid, "stat", text, sizeof(text)), ')');
	for (int field = 2; at && field <= 17; field++, at = strchr(at + 1, ' '))
		if (field >= (is_root ? 16 : 14))
			ticks += strtoull(at, NULL, 10);
	return ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

/* Memory that is its own: not the files it has mapped, which all processes share. */
static void add_status(int proc, pid_t pid, struct usage *u)
{
	static const char *const MEMORY[] = { "\nRssAnon:", "\nRssShmem:", "\nVmSwap:" };
	char text[4096];
	const char *at = read_text(proc, pid, "status", text, sizeof(text));
	const char *threads = strstr(at, "\nThreads:");
	u->tasks += threads ? strtoull(threads + strlen("\nThreads:"), NULL, 10) : 0;
	for (size_t i = 0; i < COUNT(MEMORY); i++) {
		const char *line = strstr(at, MEMORY[i]);
		u->memory_bytes += line ? 1024 * strtoull(line + strlen(MEMORY[i]), NULL, 10) : 0;
	}
}

struct usage watch_read(int proc, pid_t root)
{
	struct usage u = { .cpu_us = read_cpu_us(proc, root, true) };
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
	struct usage u = { 0 };
	DIR *d = fdopendir(openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
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

void watch_kill_all(int proc, uint64_t key)
{
	const struct rlimit none = { 0, 0 };
	struct tree t;
	for (;;) {
		find(proc, getpid(), &t);
		for (size_t i = 0; i < t.n; i++) {
			/* first no more forks, or a bomb would outrun us */
			syscall(SYS_prlimit64, t.pid[i], RLIMIT_NPROC, &none, NULL, key);
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
