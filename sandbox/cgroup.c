/*
 * The seam between cgroup v1 and v2. Everything is reached through fds opened
 * before the root is left, never by path.
 */
#include <dirent.h>

#include "sandbox/warden.h"

#define MOUNTED "/sys/fs/cgroup" /* cgroups(7); below it a folder for each of v1's controllers */
#define LEAF    "sandbatch.leaf" /* v2: where the processes of a delegated group go */
#define FOLDER  (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* v1's, in the order of enum CGROUP_*: pids first, for its limit stops a fork bomb that we end. */
static const char *const HIERARCHY[CGROUP_HIERARCHIES] = { MOUNTED "/pids", MOUNTED "/memory",
							   MOUNTED "/cpuacct" };

static bool put_number(int dir, const char *file, uint64_t n)
{
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	return text_write(dir, file, text);
}

/* The number of the line "key number", or the file's only one when key is ""; 0 without it. */
static uint64_t get_number(int dir, const char *file, const char *key)
{
	char text[2048];
	size_t n = strlen(key);
	for (const char *line = text_read(dir, file, text, sizeof(text)); line;
	     line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) == 0 && (n == 0 || line[n] == ' '))
			return strtoull(line + n, NULL, 10);
	}
	return 0;
}

/*
 * The v2 folder in which groups are made: the hierarchy's root when we are root, else the group
 * that we are in, if it was given to us; an earlier warden may have moved us to its leaf.
 */
static int open_v2_base(void)
{
	char own[4096] = "0::", path[sizeof(MOUNTED) + sizeof(own)];
	if (geteuid() != 0)
		text_read(AT_FDCWD, "/proc/self/cgroup", own, sizeof(own));
	own[strcspn(own, "\n")] = '\0';
	char *leaf = strstr(own, "/" LEAF);
	if (leaf)
		*leaf = '\0';
	if (strncmp(own, "0::", 3) != 0)
		return -1;
	snprintf(path, sizeof(path), MOUNTED "%s", own + 3);
	return access(path, W_OK) == 0 ? open(path, FOLDER) : -1;
}

/* -- emptying and removing them -- */

/* Move the members of a group to its leaf, or kill them all but us. */
static void each_member(int group, bool is_moved)
{
	FILE *f = fdopen(openat(group, "cgroup.procs", O_RDONLY | O_CLOEXEC), "r");
	char line[32];
	while (f && fgets(line, sizeof(line), f)) {
		pid_t pid = (pid_t)strtol(line, NULL, 10);
		if (is_moved)
			text_write(group, LEAF "/cgroup.procs", line);
		else if (pid > 1 && pid != getpid())
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
		int group = openat(base, name, FOLDER);
		text_write(group, "pids.max", "0"); /* no fork outruns us */
		text_write(group, "cgroup.kill", "1");
		each_member(group, false);
		close(group);
		usleep(5000);
	}
	return false;
}

bool cgroup_sweep(const char *prefix, struct why *w)
{
	bool is_ok = true;
	for (int i = 0; i <= CGROUP_HIERARCHIES; i++) {
		int base = i < CGROUP_HIERARCHIES ? open(HIERARCHY[i], FOLDER) : open_v2_base();
		DIR *d = fdopendir(base);
		for (const struct dirent *e; d && (e = readdir(d));)
			if (strncmp(e->d_name, prefix, strlen(prefix)) == 0 &&
			    !destroy(base, e->d_name))
				is_ok = fail(w, "cannot remove the cgroup %s: %m", e->d_name);
		if (d)
			closedir(d);
	}
	return is_ok;
}

/* -- v1 -- */

static bool open_v1(struct cgroup *c, struct why *w)
{
	for (int i = 0; i < CGROUP_HIERARCHIES; i++) {
		c->base[i] = open(HIERARCHY[i], FOLDER);
		if (c->base[i] < 0 || access(HIERARCHY[i], W_OK) != 0)
			return true; /* none, or not for us */
	}
	for (int i = 0; i < CGROUP_HIERARCHIES; i++) {
		/* A namesake is left from a service that is gone and had our service's pid. */
		if (!destroy(c->base[i], c->name) || mkdirat(c->base[i], c->name, 0755) != 0)
			return errno == EROFS || errno == EACCES ||
			       fail(w, "cannot make %s/%s: %m", HIERARCHY[i], c->name);
		c->group[i] = openat(c->base[i], c->name, FOLDER);
		if (!text_write(c->group[i], "cgroup.procs", "0"))
			return fail(w, "cannot join %s/%s: %m", HIERARCHY[i], c->name);
	}
	c->kind = CGROUP_V1;
	return true;
}

static bool begin_v1(const struct cgroup *c, uint64_t memory_bytes, uint64_t processes)
{
	int memory = c->group[CGROUP_MEMORY];
	/* never below memory, so out of the way first; a kernel without it has no swap to limit */
	text_write(memory, "memory.memsw.limit_in_bytes", "-1");
	return put_number(memory, "memory.limit_in_bytes", memory_bytes) &&
	       (put_number(memory, "memory.memsw.limit_in_bytes", memory_bytes) ||
		errno == ENOENT) &&
	       text_write(memory, "memory.max_usage_in_bytes", "0") &&
	       /* the warden is inside */
	       put_number(c->group[CGROUP_PIDS], "pids.max", processes + 1);
}

/* -- v2 -- */

static void open_v2(struct cgroup *c)
{
	static const char CONTROL[] = "cgroup.subtree_control", ON[] = "+memory +pids";
	char text[512];
	int base = c->base[0] = open_v2_base();
	text_read(base, "cgroup.controllers", text, sizeof(text));
	if (!strstr(text, "memory") || !strstr(text, "pids"))
		return;
	/* Only groups without processes give controllers on: those of base move to a leaf. */
	bool is_on = text_write(base, CONTROL, ON);
	if (!is_on && errno == EBUSY && (mkdirat(base, LEAF, 0755) == 0 || errno == EEXIST)) {
		each_member(base, true);
		is_on = text_write(base, CONTROL, ON);
	}
	/* Try it: a group of ours tells more than permissions do. */
	if (is_on && destroy(base, c->name) && mkdirat(base, c->name, 0755) == 0 &&
	    destroy(base, c->name))
		c->kind = CGROUP_V2;
}

static bool begin_v2(struct cgroup *c, uint64_t memory_bytes, uint64_t processes)
{
	if (mkdirat(c->base[0], c->name, 0755) != 0 && errno != EEXIST)
		return false;
	int group = c->group[0] = openat(c->base[0], c->name, FOLDER);
	/* One victim, and the whole command ends; no swap to hide in, where there is swap. */
	return put_number(group, "memory.max", memory_bytes) &&
	       put_number(group, "pids.max", processes) &&
	       text_write(group, "memory.oom.group", "1") &&
	       (text_write(group, "memory.swap.max", "0") || errno == ENOENT);
}

/* -- both -- */

bool cgroup_open(struct cgroup *c, const char *name, struct why *w)
{
	*c = (struct cgroup){ .name = name, .base = { -1, -1, -1 }, .group = { -1, -1, -1 } };
	open_v2(c);
	if (c->kind == CGROUP_V2)
		return true;
	close(c->base[0]);
	return open_v1(c, w);
}

/* Since the group was made. */
static struct usage read_total(const struct cgroup *c)
{
	int memory = c->group[CGROUP_MEMORY], group = c->group[0];
	if (c->kind == CGROUP_V1)
		return (struct usage){
			.cpu_us = get_number(c->group[CGROUP_CPU], "cpuacct.usage", "") / 1000,
			.memory_bytes = get_number(memory, "memory.max_usage_in_bytes", ""),
			.ooms = get_number(memory, "memory.oom_control", "oom_kill"),
			.refused = get_number(c->group[CGROUP_PIDS], "pids.events", "max"),
		};
	return (struct usage){
		.cpu_us = get_number(group, "cpu.stat", "usage_usec"),
		.memory_bytes = get_number(group, "memory.peak", ""), /* Linux 5.19 */
		.ooms = get_number(group, "memory.events", "oom_kill"),
		.refused = get_number(group, "pids.events", "max"),
	};
}

bool cgroup_begin(struct cgroup *c, uint64_t memory_bytes, uint64_t processes, struct why *w)
{
	bool is_ok = c->kind == CGROUP_NONE ||
		     (c->kind == CGROUP_V1 ? begin_v1(c, memory_bytes, processes)
					   : begin_v2(c, memory_bytes, processes));
	if (!is_ok)
		return fail(w, "cannot set the limits of the cgroup %s: %m", c->name);
	c->start = read_total(c);
	return true;
}

struct usage cgroup_read(const struct cgroup *c)
{
	struct usage now = read_total(c);
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
		if (c->group[i] >= 0 && text_write(c->base[i], "cgroup.procs", "0"))
			destroy(c->base[i], c->name);
	}
}
