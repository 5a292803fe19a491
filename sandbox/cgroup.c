/*
 * The seam between cgroup v1 and v2. Everything is reached through fds opened
 * before the root is left, never by path.
 *
 * Groups are called sandbatch.SERVICE.SLOT, so that what a killed service left can
 * be told from what belongs to a living one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/warden.h"

#define LEAF "sandbatch.leaf" /* v2: where the processes of a delegated group go */

/* v1 controllers, in the order of enum CGROUP_*. */
static const char *const CONTROLLER[CGROUP_HIERARCHIES] = { "memory", "pids", "cpuacct" };

static bool write_text(int dir, const char *file, const char *text)
{
	int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = write(fd, text, strlen(text));
	int saved = errno;
	close(fd);
	errno = saved;
	return n == (ssize_t)strlen(text);
}

static bool write_number(int dir, const char *file, uint64_t n)
{
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	return write_text(dir, file, text);
}

static bool read_text(int dir, const char *file, char *out, size_t size)
{
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, out, size - 1);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* The number of the line "key number", or the file's only number when key is "". 0 if there is
 * none. */
static uint64_t read_number(int dir, const char *file, const char *key)
{
	char text[2048];
	if (!read_text(dir, file, text, sizeof(text)))
		return 0;
	size_t n = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) == 0 && (n == 0 || line[n] == ' '))
			return strtoull(line + n, NULL, 10);
	}
	return 0;
}

/* -- finding them -- */

static int open_folder(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The folder where the hierarchy is mounted: of v1 with that controller, or of v2 (NULL). */
static int open_hierarchy(const char *controller, char *path, size_t size)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent m;
	char line[4096];
	int fd = -1;
	while (f && fd < 0 && getmntent_r(f, &m, line, sizeof(line))) {
		bool is_it = controller ? !strcmp(m.mnt_type, "cgroup") && hasmntopt(&m, controller)
					: !strcmp(m.mnt_type, "cgroup2");
		if (!is_it)
			continue;
		snprintf(path, size, "%s", m.mnt_dir);
		fd = open_folder(path);
	}
	if (f)
		endmntent(f);
	return fd;
}

/* Our own group's path in v2, "/user.slice/...", without the leaf that an earlier warden made. */
static bool own_path(char *out, size_t size)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[4096];
	bool is_found = false;
	while (f && !is_found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		is_found = strncmp(line, "0::/", 4) == 0;
		if (is_found)
			snprintf(out, size, "%s", line + 3);
	}
	if (f)
		fclose(f);
	char *last = is_found ? strrchr(out, '/') : NULL;
	if (last && !strcmp(last + 1, LEAF))
		*last = '\0';
	return is_found;
}

/* The v2 folder in which groups are made: the root's when we are root, else the group we were
 * given. */
static int open_v2_base(void)
{
	char path[8192], own[4096];
	int root = open_hierarchy(NULL, path, sizeof(path) / 2);
	if (root < 0 || geteuid() == 0)
		return root;
	close(root);
	if (!own_path(own, sizeof(own)))
		return -1;
	size_t n = strlen(path);
	snprintf(path + n, sizeof(path) - n, "%s", own);
	if (access(path, W_OK) != 0)
		return -1;
	return open_folder(path);
}

/* -- removing them -- */

static void kill_members(int group)
{
	write_text(group, "pids.max", "0"); /* no fork outruns us */
	write_text(group, "cgroup.kill", "1");
	int fd = openat(group, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[32];
	while (f && fgets(line, sizeof(line), f)) {
		pid_t pid = (pid_t)strtol(line, NULL, 10);
		if (pid > 1 && pid != getpid())
			kill(pid, SIGKILL);
	}
	if (f)
		fclose(f);
}

/* Remove a group, killing who is in it; false with errno if it stays. */
static bool destroy(int base, const char *name)
{
	for (int i = 0; i < 1000; i++) {
		if (unlinkat(base, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return true;
		if (errno != EBUSY)
			return false;
		int group = openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (group >= 0) {
			kill_members(group);
			close(group);
		}
		usleep(5000);
	}
	return false;
}

static bool destroy_all(int base, const char *prefix, struct why *w)
{
	int again = openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	if (!d)
		return why_sys(w, "cannot list cgroups");
	bool is_ok = true;
	for (const struct dirent *e; (e = readdir(d));) {
		if (strncmp(e->d_name, prefix, strlen(prefix)) == 0 && !destroy(base, e->d_name))
			is_ok = why_sys(w, "cannot remove the cgroup %s", e->d_name);
	}
	closedir(d);
	return is_ok;
}

bool cgroup_sweep(pid_t service, struct why *w)
{
	char prefix[40], path[4096];
	snprintf(prefix, sizeof(prefix), "sandbatch.%d.", (int)service);
	bool is_ok = true;
	/* pids first: its limit is what stops a fork bomb from outrunning us */
	static const int ORDER[] = { CGROUP_PIDS, CGROUP_MEMORY, CGROUP_CPU };
	for (size_t i = 0; i <= CGROUP_HIERARCHIES; i++) {
		int base = i < CGROUP_HIERARCHIES
				   ? open_hierarchy(CONTROLLER[ORDER[i]], path, sizeof(path))
				   : open_v2_base();
		if (base < 0)
			continue;
		is_ok = destroy_all(base, prefix, w) && is_ok;
		close(base);
	}
	return is_ok;
}

/* -- v1 -- */

static bool open_v1(struct cgroup *c, struct why *w)
{
	char path[4096];
	for (int i = 0; i < CGROUP_HIERARCHIES; i++) {
		c->base[i] = open_hierarchy(CONTROLLER[i], path, sizeof(path));
		if (c->base[i] < 0 || access(path, W_OK) != 0)
			return true; /* none, or not for us */
	}
	for (int i = 0; i < CGROUP_HIERARCHIES; i++) {
		/* A namesake is left from a service that is gone and had our service's pid. */
		if (!destroy(c->base[i], c->name) || mkdirat(c->base[i], c->name, 0755) != 0)
			return errno == EROFS || errno == EACCES ||
			       why_sys(w, "cannot make the %s cgroup %s", CONTROLLER[i], c->name);
		c->group[i] = openat(c->base[i], c->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (!write_text(c->group[i], "cgroup.procs", "0"))
			return why_sys(w, "cannot join the %s cgroup %s", CONTROLLER[i], c->name);
	}
	c->kind = CGROUP_V1;
	return true;
}

static bool begin_v1(const struct cgroup *c, uint64_t memory_bytes, uint64_t processes)
{
	int memory = c->group[CGROUP_MEMORY];
	/* memsw may never be below memory, so it goes out of the way first; a kernel without it has
	 * no swap to limit */
	write_text(memory, "memory.memsw.limit_in_bytes", "-1");
	if (!write_number(memory, "memory.limit_in_bytes", memory_bytes))
		return false;
	if (!write_number(memory, "memory.memsw.limit_in_bytes", memory_bytes) && errno != ENOENT)
		return false;
	/* the warden lives inside: one more */
	return write_text(memory, "memory.max_usage_in_bytes", "0") &&
	       write_number(c->group[CGROUP_PIDS], "pids.max", processes + 1);
}

static struct cgroup_usage read_v1(const struct cgroup *c)
{
	int memory = c->group[CGROUP_MEMORY];
	return (struct cgroup_usage){
		.cpu_us = read_number(c->group[CGROUP_CPU], "cpuacct.usage", "") / 1000,
		.peak_bytes = read_number(memory, "memory.max_usage_in_bytes", ""),
		.ooms = read_number(memory, "memory.oom_control", "oom_kill"),
		.refused = read_number(c->group[CGROUP_PIDS], "pids.events", "max"),
	};
}

/* -- v2 -- */

static bool has_controllers(int base)
{
	char text[512];
	return read_text(base, "cgroup.controllers", text, sizeof(text)) &&
	       strstr(text, "memory") && strstr(text, "pids");
}

/* v2 gives controllers only to groups whose parent holds no process: move those of base to a leaf.
 */
static void move_to_leaf(int base)
{
	if (mkdirat(base, LEAF, 0755) != 0 && errno != EEXIST)
		return;
	int fd = openat(base, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[32];
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		write_text(base, LEAF "/cgroup.procs", line);
	}
	if (f)
		fclose(f);
}

static void open_v2(struct cgroup *c)
{
	c->base[0] = open_v2_base();
	if (c->base[0] < 0 || !has_controllers(c->base[0]))
		return;
	bool is_on = write_text(c->base[0], "cgroup.subtree_control", "+memory +pids");
	if (!is_on && errno == EBUSY) {
		move_to_leaf(c->base[0]);
		is_on = write_text(c->base[0], "cgroup.subtree_control", "+memory +pids");
	}
	/* Try it: a group of ours tells more than permissions do. */
	if (!is_on || !destroy(c->base[0], c->name) || mkdirat(c->base[0], c->name, 0755) != 0)
		return;
	if (destroy(c->base[0], c->name))
		c->kind = CGROUP_V2;
}

static bool begin_v2(struct cgroup *c, uint64_t memory_bytes, uint64_t processes)
{
	if (mkdirat(c->base[0], c->name, 0755) != 0 && errno != EEXIST)
		return false;
	int group = openat(c->base[0], c->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	c->group[0] = group;
	if (group < 0 || !write_number(group, "memory.max", memory_bytes) ||
	    !write_number(group, "pids.max", processes))
		return false;
	/* One victim, and the whole command ends; no swap to hide in, where there is swap. */
	return write_text(group, "memory.oom.group", "1") &&
	       (write_text(group, "memory.swap.max", "0") || errno == ENOENT);
}

static struct cgroup_usage read_v2(const struct cgroup *c)
{
	int group = c->group[0];
	return (struct cgroup_usage){
		.cpu_us = read_number(group, "cpu.stat", "usage_usec"),
		.peak_bytes = read_number(group, "memory.peak", ""), /* Linux 5.19 */
		.ooms = read_number(group, "memory.events", "oom_kill"),
		.refused = read_number(group, "pids.events", "max"),
	};
}

/* -- both -- */

bool cgroup_open(struct cgroup *c, pid_t service, unsigned slot, struct why *w)
{
	*c = (struct cgroup){ .base = { -1, -1, -1 }, .group = { -1, -1, -1 } };
	snprintf(c->name, sizeof(c->name), "sandbatch.%d.%u", (int)service, slot);
	open_v2(c);
	if (c->kind != CGROUP_NONE)
		return true;
	if (c->base[0] >= 0)
		close(c->base[0]);
	return open_v1(c, w);
}

static struct cgroup_usage read_total(const struct cgroup *c)
{
	if (c->kind == CGROUP_NONE)
		return (struct cgroup_usage){ 0 };
	return c->kind == CGROUP_V1 ? read_v1(c) : read_v2(c);
}

bool cgroup_begin(struct cgroup *c, uint64_t memory_bytes, uint64_t processes, struct why *w)
{
	if (c->kind == CGROUP_NONE)
		return true;
	bool is_set = c->kind == CGROUP_V1 ? begin_v1(c, memory_bytes, processes)
					   : begin_v2(c, memory_bytes, processes);
	if (!is_set)
		return why_sys(w, "cannot set the limits of the cgroup %s", c->name);
	c->start = read_total(c);
	return true;
}

struct cgroup_usage cgroup_read(const struct cgroup *c)
{
	struct cgroup_usage now = read_total(c);
	now.cpu_us -= c->start.cpu_us;
	now.ooms -= c->start.ooms;
	now.refused -= c->start.refused;
	return now;
}

void cgroup_end(struct cgroup *c)
{
	if (c->kind != CGROUP_V2 || c->group[0] < 0)
		return;
	close(c->group[0]);
	c->group[0] = -1;
	destroy(c->base[0], c->name);
}

void cgroup_close(struct cgroup *c)
{
	cgroup_end(c);
	for (int i = 0; i < CGROUP_HIERARCHIES; i++) {
		if (c->group[i] < 0)
			continue;
		write_text(c->base[i], "cgroup.procs", "0");
		destroy(c->base[i], c->name);
	}
}
