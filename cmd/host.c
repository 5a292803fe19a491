#include "cmd/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "service/service.h"

#define CGROUPS "/sys/fs/cgroup"

/* The file's first line in out, "" if it cannot be read. */
static const char *first_line(const char *path, char *out, int size)
{
	FILE *f = fopen(path, "re");

	if (!f || !fgets(out, size, f))
		out[0] = '\0';
	if (f)
		fclose(f);
	out[strcspn(out, "\n")] = '\0';
	return out;
}

/* In a child, for we want to stay where we are: 0, or errno. */
static int try_unshare(int flags)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(flags) == 0 ? 0 : errno);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return EAGAIN;
	return WEXITSTATUS(status);
}

static struct fact namespaces(struct arena *a)
{
	bool is_root = geteuid() == 0;
	int error =
		try_unshare(is_root ? CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET : CLONE_NEWUSER);
	struct fact f = { "namespaces", FACT_GOOD,
			  is_root ? "mount, pid, network, ipc, uts, cgroup"
				  : "in a user namespace of our own",
			  NULL };

	if (!error)
		return f;
	f.state = FACT_BAD;
	f.found = arena_printf(a, "refused: %s", strerror(error));
	f.remedy = "outside of a container, or with --sandbox limits";
	if (!is_root && service_userns_remedy())
		f.remedy = service_userns_remedy();
	return f;
}

/* Of v2: the group whose controllers are ours to give on; of root the topmost. An earlier warden
 * may have moved us to its leaf. */
static bool has_v2(void)
{
	char own[1024] = "0::", path[2048], text[512], *leaf;

	if (geteuid() != 0)
		first_line("/proc/self/cgroup", own, sizeof(own));
	if (strncmp(own, "0::", 3) != 0)
		return false;
	leaf = strstr(own, "/sandbatch.leaf");
	if (leaf)
		*leaf = '\0';
	snprintf(path, sizeof(path), CGROUPS "%s/cgroup.controllers", own + 3);
	first_line(path, text, sizeof(text));
	snprintf(path, sizeof(path), CGROUPS "%s/cgroup.subtree_control", own + 3);
	return strstr(text, "memory") && strstr(text, "pids") && access(path, W_OK) == 0;
}

static bool has_v1(void)
{
	return access(CGROUPS "/memory/cgroup.procs", W_OK) == 0 &&
	       access(CGROUPS "/pids/cgroup.procs", W_OK) == 0 &&
	       access(CGROUPS "/cpuacct/cgroup.procs", W_OK) == 0;
}

bool host_has_cgroup(void)
{
	return has_v2() || has_v1();
}

static struct fact cgroups(void)
{
	struct fact f = { "cgroups", FACT_GOOD, "version 2, delegated to us", NULL };

	if (has_v2())
		return f;
	f.found = "version 1: memory, pids, cpuacct";
	if (has_v1())
		return f;
	f.state = FACT_LESS;
	f.found = "none for us: a watcher counts memory, every 20 ms";
	f.remedy = geteuid() == 0 ? "mount -t cgroup2 none " CGROUPS
				  : "systemd-run --user --scope -p Delegate=yes sandbatch ...";
	return f;
}

static struct fact seccomp(void)
{
	struct fact f = { "seccomp", FACT_GOOD, "filters", NULL };

	/* a NULL filter: EFAULT where there are filters at all */
	if (prctl(PR_SET_SECCOMP, 2 /* SECCOMP_MODE_FILTER */, NULL, 0, 0) < 0 && errno == EFAULT)
		return f;
	return (struct fact){ "seccomp", FACT_BAD, "not in this kernel",
			      "a kernel with CONFIG_SECCOMP_FILTER" };
}

static struct fact landlock(struct arena *a)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi > 0)
		return (struct fact){ "Landlock", FACT_GOOD, arena_printf(a, "ABI %ld", abi),
				      NULL };
	return (struct fact){ "Landlock", FACT_LESS, "not in this kernel; mounts do without it",
			      NULL };
}

static struct fact kernel(struct arena *a)
{
	struct utsname u;
	struct fact f = { "kernel", FACT_GOOD, "unknown", NULL };
	char *minor;

	if (uname(&u) != 0)
		return f;
	f.found = arena_printf(a, "Linux %s, %s", u.release, u.machine);
	if (strtol(u.release, &minor, 10) * 1000 + strtol(minor + (*minor == '.'), NULL, 10) <
	    5014) {
		f.state = FACT_BAD;
		f.remedy = "Linux 5.14 or later";
	}
	return f;
}

size_t host_facts(struct arena *a, struct fact out[HOST_FACTS])
{
	size_t n = 0;

	out[n++] = kernel(a);
	out[n++] = (struct fact){ "user", FACT_GOOD,
				  geteuid() == 0 ? "root: a uid of its own for each slot"
						 : "an ordinary one",
				  NULL };
	out[n++] = namespaces(a);
	out[n++] = cgroups();
	out[n++] = seccomp();
	out[n++] = landlock(a);
	return n;
}
