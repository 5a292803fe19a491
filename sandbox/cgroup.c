/*
 * The seam between cgroup v1 and v2. Everything is reached through fds opened
 * before the root is left, never by path.
 */
#include "sandbox/warden.h"

#define MOUNTED "/sys/fs/cgroup" /* cgroups(7); below it a folder for each of v1's controllers */
#define LEAF    "sandbatch.leaf" /* v2: where the processes of a delegated group go */
#define FOLDER  (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* v1's, in the order of enum CGROUP_*: pids first, for its limit stops a fork bomb that we end. */
static const char *const HIERARCHY[CGROUP_HIERARCHIES] = { MOUNTED "/pids", MOUNTED "/memory",
							   MOUNTED "/cpuacct" };

/* What is read and written: in which of v1's hierarchies, and before which number of the text. */
static const struct {
	int hierarchy;
	const char *v1, *v2, *key;
} FILES[CG_FILES] = {
	[CG_PIDS] = { CGROUP_PIDS, "pids.max", "pids.max", "" },
	[CG_REFUSED] = { CGROUP_PIDS, "pids.events", "pids.events", "max " },
	[CG_MEMORY] = { CGROUP_MEMORY, "memory.limit_in_bytes", "memory.max", "" },
	/* v1 counts memory in, v2 does not; none where the kernel was built without swap */
	[CG_SWAP] = { CGROUP_MEMORY, "memory.memsw.limit_in_bytes", "memory.swap.max", "" },
	/* v2: Linux 5.19 */
	[CG_PEAK] = { CGROUP_MEMORY, "memory.max_usage_in_bytes", "memory.peak", "" },
	[CG_OOMS] = { CGROUP_MEMORY, "memory.oom_control", "memory.events", "oom_kill " },
	[CG_CPU] = { CGROUP_CPUACCT, "cpuacct.usage", "cpu.stat", "usage_usec " },
};

/* Of a group that is new: no limit is set. */
static void open_files(struct cgroup *c)
{
	bool is_v1 = c->kind == CGROUP_V1;
	memset(c->last, 0xff, sizeof(c->last));
	for (size_t i = 0; i < CG_FILES; i++) {
		int group = c->group[is_v1 ? FILES[i].hierarchy : 0];
		const char *name = is_v1 ? FILES[i].v1 : FILES[i].v2;
		c->file[i] = openat(group, name, O_RDWR | O_CLOEXEC);
		if (c->file[i] < 0)
			c->file[i] = openat(group, name, O_RDONLY | O_CLOEXEC);
	}
}

static bool put(const struct cgroup *c, int file, uint64_t n)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	return write(c->file[file], text, (size_t)len) == len;
}

/* Set a limit, unless the last command had the same. */
static bool limit(struct cgroup *c, int file, uint64_t n)
{
	if (c->last[file] == n || (file == CG_SWAP && c->file[file] < 0))
		return true;
	bool is_ok = put(c, file, n);
	c->last[file] = is_ok ? n : c->last[file];
	return is_ok;
}

/* 0 where there is none. */
static uint64_t get(const struct cgroup *c, int file)
{
	char text[2048];
	ssize_t len = pread(c->file[file], text, sizeof(text) - 1, 0);
	text[len > 0 ? len : 0] = '\0';
	const char *at = strstr(text, FILES[file].key);
	return strtoull(at ? at + strlen(FILES[file].key) : text, NULL, 10);
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

/* -- v1 -- */

static bool open_v1(struct cgroup *c, struct why *w)
{
	for (int i = 0; i < CGROUP_HIERARCHIES; i++) {
		c->base[i] = open(HIERARCHY[i], FOLDER);
		if (c->base[i] < 0 || access(HIERARCHY[i], W_OK) != 0)
			return true; /* none, or not for us */
	}
	for (int i = 0; i < CGROUP_HIERARCHIES; i++) {
		/* a namesake is left of the warden before us, which was killed */
		if (!destroy(c->base[i], c->name) || mkdirat(c->base[i], c->name, 0755) != 0)
			return errno == EROFS || errno == EACCES ||
			       fail(w, "cannot make %s/%s: %m", HIERARCHY[i], c->name);
		c->group[i] = openat(c->base[i], c->name, FOLDER);
		if (!text_write(c->group[i], "cgroup.procs", "0"))
			return fail(w, "cannot join %s/%s: %m", HIERARCHY[i], c->name);
	}
	c->kind = CGROUP_V1;
	open_files(c);
	return true;
}

static bool begin_v1(struct cgroup *c, uint64_t memory_bytes, uint64_t processes)
{
	memory_bytes += c->idle.memory_bytes;
	/* memory with swap is never below memory alone: up with the first, down with the other */
	bool is_more = memory_bytes > c->last[CG_MEMORY];
	return limit(c, is_more ? CG_SWAP : CG_MEMORY, memory_bytes) &&
	       limit(c, is_more ? CG_MEMORY : CG_SWAP, memory_bytes) &&
	       limit(c, CG_PIDS, processes + c->idle.tasks + 1) && /* the warden is inside */
	       put(c, CG_PEAK, 0);
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
	/* Again, since the service may fork another warden just then. */
	for (int i = 0; i < 100 && !is_on && errno == EBUSY; i++) {
		mkdirat(base, LEAF, 0755);
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
	/* One victim, and the whole command ends; no swap to hide in, where there is swap. */
	return cgroup_make(c) && text_write(c->group[0], "memory.oom.group", "1") &&
	       limit(c, CG_SWAP, 0) && limit(c, CG_MEMORY, memory_bytes) &&
	       limit(c, CG_PIDS, processes);
}

bool cgroup_make(struct cgroup *c)
{
	if (c->kind != CGROUP_V2 || c->group[0] >= 0)
		return true;
	if (mkdirat(c->base[0], c->name, 0755) != 0 && errno != EEXIST)
		return false;
	c->group[0] = openat(c->base[0], c->name, FOLDER);
	open_files(c);
	return c->group[0] >= 0;
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
	return (struct usage){
		.cpu_us = get(c, CG_CPU) / (c->kind == CGROUP_V1 ? 1000 : 1),
		.memory_bytes = get(c, CG_PEAK),
		.ooms = get(c, CG_OOMS),
		.refused = get(c, CG_REFUSED),
	};
}

bool cgroup_begin(struct cgroup *c, uint64_t memory_bytes, uint64_t processes, struct why *w)
{
	if (c->kind == CGROUP_NONE)
		return true;
	if (!(c->kind == CGROUP_V1 ? begin_v1 : begin_v2)(c, memory_bytes, processes))
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
	if (c->kind == CGROUP_V1 && now.memory_bytes > c->idle.memory_bytes)
		now.memory_bytes -= c->idle.memory_bytes;
	return now;
}

void cgroup_end(struct cgroup *c)
{
	if (c->kind != CGROUP_V2 || c->group[0] < 0)
		return;
	for (size_t i = 0; i < CG_FILES; i++)
		close(c->file[i]);
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
