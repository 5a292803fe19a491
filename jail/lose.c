/* Both ways to a job, by execve and by an interpreter that waits, go through here: what its init
 * makes for it, and what it loses. */
#include "jail/jail.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK_BYTES (8u << 20)
#define MAX_FDS     4096u

/* Never more than what we have: only root may raise it. */
static bool set(__rlimit_resource_t which, rlim_t soft, rlim_t hard)
{
	struct rlimit now = { 0, 0 };
	getrlimit(which, &now);
	const struct rlimit want = { soft < now.rlim_max ? soft : now.rlim_max,
				     hard < now.rlim_max ? hard : now.rlim_max };
	return (want.rlim_cur == now.rlim_cur && want.rlim_max == now.rlim_max) ||
	       setrlimit(which, &want) == 0;
}

bool jail_limit_all(void)
{
	return set(RLIMIT_CORE, 1, 1) && /* 0 would not keep the host's handler from running */
	       set(RLIMIT_NOFILE, MAX_FDS, MAX_FDS) &&
	       set(RLIMIT_STACK, STACK_BYTES, RLIM_INFINITY) && set(RLIMIT_RTPRIO, 0, 0) &&
	       set(RLIMIT_NICE, 0, 0) && set(RLIMIT_MSGQUEUE, 0, 0) &&
	       set(RLIMIT_SIGPENDING, 4096, 4096); /* timers too */
}

bool jail_limit(const struct jail_limits *l)
{
	rlim_t cpu_end = l->cpu_s == RLIM_INFINITY ? RLIM_INFINITY : l->cpu_s + 1;
	return set(RLIMIT_FSIZE, l->file_bytes, l->file_bytes) &&
	       set(RLIMIT_NPROC, l->tasks, l->tasks) &&
	       set(RLIMIT_DATA, l->data_bytes, l->data_bytes) && set(RLIMIT_CPU, l->cpu_s, cpu_end);
}

/* All of ABI 2, Linux 5.19: with the first nothing could be moved from one folder to another. */
#define ALL    ((__u64)2 * LANDLOCK_ACCESS_FS_REFER - 1)
#define DEVICE (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)

int jail_rules(void)
{
	const struct landlock_ruleset_attr attr = { .handled_access_fs = ALL };
	struct landlock_path_beneath_attr rule = { .allowed_access = ALL & ~(__u64)DEVICE };
	int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (rules < 0)
		return -1;
	rule.parent_fd = open("/", O_PATH | O_CLOEXEC);
	syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
	return rules;
}

int jail_mount(const char *from, const char *to, const char *type, unsigned long flags,
	       const char *options, uint64_t key)
{
	return (int)syscall(SYS_mount, from, to, type, flags, options, key);
}

const char *jail_enter(bool has_group, uint64_t key)
{
	/* which the kernel gives a share of the CPU, that a job can lower for good: autogroup */
	if (setsid() < 0)
		return "cannot make a session";
	if (has_group && syscall(SYS_unshare, CLONE_NEWCGROUP, key) != 0)
		return "cannot make a cgroup namespace";
	/* not where parts of the host's are hidden, as in a container */
	if (jail_mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		       "hidepid=2,subset=pid", key) != 0)
		return "cannot mount /proc";
	/* the second covers the way to both */
	return jail_mount(JAIL_VAR, "/var/tmp", NULL, MS_BIND, NULL, key) == 0 &&
			       jail_mount(JAIL_WORK, JAIL_WORKDIR, NULL, MS_BIND, NULL, key) == 0
		       ? NULL
		       : "cannot show the working folder";
}

const char *jail_detach(bool has_init)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return "cannot tie the program to its init";
	return (has_init ? setpgid(0, 0) : setsid()) < 0 ? "cannot make a process group" : NULL;
}

const char *jail_drop(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[2] = { { 0 } };
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
			       syscall(SYS_capset, &head, none) == 0
		       ? NULL
		       : "cannot drop capabilities";
}

const char *jail_lock(int rules)
{
	return rules < 0 || syscall(SYS_landlock_restrict_self, rules, 0) == 0
		       ? NULL
		       : "cannot load Landlock's rules";
}
