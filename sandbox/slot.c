/* What is built once for a slot, and the working folder of its current job. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "sandbox/warden.h"

/* Linux 6.11, and younger than our headers; without it by /proc, which takes longer. */
#define PIDFD_GET_MNT_NAMESPACE _IO(0xFF, 3)

#define LAST_CAPABILITY 63 /* bits of the kernel's masks; it refuses those it does not know */

static bool userns_refused(const char *step, struct why *w)
{
	return fail(w, "namespaces are refused here, as in a container (%s): %m", step);
}

/*
 * As an ordinary user everything else happens in a user namespace. We are its creator and have
 * all capabilities in it whatever our uid there; jobs have that uid and none of them.
 */
static bool enter_userns(struct slot *s, struct why *w)
{
	char uids[64], gids[64];
	snprintf(uids, sizeof(uids), "%u %u 1\n", INNER_UID, s->outer_uid);
	snprintf(gids, sizeof(gids), "%u %u 1\n", INNER_UID, s->outer_gid);
	if (unshare(CLONE_NEWUSER) != 0)
		return userns_refused("unshare", w);
	/* without it the kernel takes no gid_map from an ordinary user */
	if (!text_write(AT_FDCWD, "/proc/self/setgroups", "deny") ||
	    !text_write(AT_FDCWD, "/proc/self/uid_map", uids) ||
	    !text_write(AT_FDCWD, "/proc/self/gid_map", gids))
		return userns_refused("uid map", w);
	s->uid = s->gid = INNER_UID;
	return true;
}

static bool enter_namespaces(struct slot *s, struct why *w)
{
	if (!s->is_root && !enter_userns(s, w))
		return false;
	/* v2: nobody is born outside of the namespace, so it is init's, in a group of its own */
	int flags = s->cgroup.kind == CGROUP_V2 ? 0 : CLONE_NEWCGROUP;
	/* A new network namespace has a loopback that is down, and nothing else. */
	if (unshare(flags | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS |
		    (s->dns ? 0 : CLONE_NEWNET)) != 0)
		return userns_refused("unshare", w);
	if (sethostname("sandbox", strlen("sandbox")) != 0)
		return fail(w, "cannot set the host name: %m");
	return root_build(s, w);
}

/* What can be dropped here already, since jobs inherit it: no exec can give a capability again. */
static bool drop_for_good(struct why *w)
{
	const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
				   SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
				   SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
	for (unsigned long cap = 0; cap <= LAST_CAPABILITY; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EINVAL)
			return fail(w, "cannot drop capabilities: %m");
	return prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) == 0 ||
	       fail(w, "cannot lock the secure bits: %m");
}

/* What can be denied here already, since jobs inherit it. */
static bool deny_for_good(struct slot *s, struct why *w)
{
	struct sock_fprog filter = { 0 };
	bool is_ok = getrandom(&s->keys, sizeof(s->keys), 0) == sizeof(s->keys) &&
		     jail_filter(&filter, &s->keys, 0, s->cgroup.kind != CGROUP_NONE, w->text);
	if (is_ok && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, &filter) != 0)
		is_ok = fail(w, "cannot load the seccomp filter: %m");
	free(filter.filter);
	return is_ok;
}

void slot_get_ready(struct slot *s)
{
	if (s->mode == MODE_FULL && s->warm.pid <= 0)
		inside_ready(s); /* if not: again when it is needed */
}

bool slot_get_ahead(struct slot *s, struct why *w)
{
	const struct jail_prepare same = s->folder;
	bool is_clear = folder_clear(s, w);
	for (int i = 0; i < 2 && is_clear && s->mode == MODE_FULL && !s->is_ahead; i++) {
		bool is_made = folder_prepare(s, &same, w);
		if (is_made)
			slot_get_ready(s); /* meanwhile the last one's mounts go */
		if (s->ready.pid <= 0)
			slot_hold(s, 0, -1);
		s->is_ahead = is_made && (folder_is_new(s) || fail(w, "a new folder is in use"));
		is_clear = s->is_ahead || folder_leave(s, w);
	}
	return is_clear && (s->is_ahead || s->mode != MODE_FULL);
}

/* Once, and without a command, so that READY promises no more than what works here. */
static bool try_init(struct slot *s, struct why *w)
{
	s->folder = (struct jail_prepare){ .disk_bytes = 1u << 20, .max_files = 16 };
	if (!slot_get_ahead(s, w))
		return false;
	if (s->ready.pid <= 0)
		return fail(w, "cannot make a pid namespace: %m");
	inside_drop(s);
	return !s->report->has_failed || fail(w, "%s", s->report->why.text);
}

bool slot_open(struct slot *s, struct why *w)
{
	s->work = -1;
	s->is_root = geteuid() == 0;
	bool is_own = s->mode == MODE_NONE || !s->is_root;
	s->uid = s->outer_uid = is_own ? geteuid() : SLOT_UID + s->number;
	s->gid = s->outer_gid = is_own ? getegid() : SLOT_UID + s->number;
	s->self = (int)syscall(SYS_pidfd_open, getpid(), 0U);
	s->report = mmap(NULL, sizeof(*s->report), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	s->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s->stacks = malloc(2 * STACK);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s->held) != 0 || !s->stacks ||
	    s->self < 0 || s->report == MAP_FAILED || s->proc < 0)
		return fail(w, "cannot open /proc: %m");
	if (!cgroup_open(&s->cgroup, s->name, w))
		return false;
	/* Inside a v1 group's limit we must not be the victim; only root may ask for that. */
	text_write(AT_FDCWD, "/proc/self/oom_score_adj", "-1000");
	if (!jail_limit_all())
		return fail(w, "cannot set resource limits: %m");
	if (s->mode != MODE_NONE && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail(w, "cannot give up new privileges: %m");
	if (!folder_open(s, w) ||
	    (s->mode == MODE_FULL && (!enter_namespaces(s, w) || !drop_for_good(w))) ||
	    (s->mode != MODE_NONE && !deny_for_good(s, w)))
		return false;
	if (s->mode != MODE_FULL) /* without init orphans come to us */
		return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
	s->rules = jail_rules();
	return try_init(s, w);
}

void slot_hold(struct slot *s, pid_t pid, int pidfd)
{
	char path[32] = "";
	int error = errno;                       /* of who could not make another */
	recv(s->held[0], path, 1, MSG_DONTWAIT); /* and with it the fd */
	errno = error;
	if (pid <= 0)
		return;
	snprintf(path, sizeof(path), "%d/ns/mnt", (int)pid);
	int fd = ioctl(pidfd, PIDFD_GET_MNT_NAMESPACE, 0);
	fd = fd >= 0 ? fd : openat(s->proc, path, O_RDONLY | O_CLOEXEC);
	jail_send(s->held[1], path, 1, &fd, 1);
	close(fd);
}

void slot_close(struct slot *s)
{
	inside_drop(s);
	warm_stop(&s->warm);
	folder_close(s);
	cgroup_close(&s->cgroup);
	free(s->stacks);
}
