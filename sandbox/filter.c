/*
 * The seccomp filter: what the kernel refuses although it would let any process ask.
 *
 * A list of what is denied, not of what is allowed: the job has no capability, sees nobody
 * else's processes, files or network, so the filter's task is to shut the parts of the kernel
 * that escapes have come through and that no ordinary program needs. An allow-list would break
 * runtimes with every new libc.
 */
#include <netinet/in.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "sandbox/warden.h"

#define LOW_32 0xffffffffu /* the kernel takes an int from a 64-bit register: compare no more */

/* One blank-separated list for each answer. */
static const struct {
	int error;
	const char *calls;
} DENIED[] = {
	/* namespaces and mounts */
	{ EPERM, "mount umount2 pivot_root chroot unshare setns fsopen fsconfig fsmount fspick "
		 "move_mount open_tree mount_setattr open_by_handle_at name_to_handle_at" },
	/* other processes */
	{ EPERM, "ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp" },
	/* large, young and forgotten parts of the kernel */
	{ EPERM, "bpf perf_event_open userfaultfd fanotify_init add_key request_key keyctl "
		 "modify_ldt memfd_secret migrate_pages move_pages lookup_dcookie vhangup" },
	/* the machine */
	{ EPERM, "kexec_load kexec_file_load init_module finit_module delete_module reboot swapon "
		 "swapoff acct quotactl quotactl_fd syslog iopl ioperm settimeofday clock_settime "
		 "clock_adjtime adjtimex sethostname setdomainname" },
	/* queues and segments that outlive their process: the ipc namespace is the slot's */
	{ EPERM, "msgget semget shmget mq_open" },
	/* libraries then go the older way, which the filter can look into */
	{ ENOSYS, "clone3 io_uring_setup io_uring_enter io_uring_register" },
};

struct arg_rule {
	int call, error;
	struct scmp_arg_cmp arg;
};

#define ARG(n, op, a, b)  ((struct scmp_arg_cmp){ (n), SCMP_CMP_##op, (a), (b) })
#define HAS_BITS(n, bits) ARG(n, MASKED_EQ, bits, bits)
#define IS_INT(n, value)  ARG(n, MASKED_EQ, LOW_32, value)

static const struct arg_rule ARG_RULES[] = {
	{ SCMP_SYS(clone), EPERM, HAS_BITS(0, CLONE_NEWNS) },
	{ SCMP_SYS(clone), EPERM, HAS_BITS(0, CLONE_NEWCGROUP) },
	{ SCMP_SYS(clone), EPERM, HAS_BITS(0, CLONE_NEWUTS) },
	{ SCMP_SYS(clone), EPERM, HAS_BITS(0, CLONE_NEWIPC) },
	{ SCMP_SYS(clone), EPERM, HAS_BITS(0, CLONE_NEWUSER) },
	{ SCMP_SYS(clone), EPERM, HAS_BITS(0, CLONE_NEWPID) },
	{ SCMP_SYS(clone), EPERM, HAS_BITS(0, CLONE_NEWNET) },
	/* typing on the operator's terminal */
	{ SCMP_SYS(ioctl), EPERM, IS_INT(1, TIOCSTI) },
	{ SCMP_SYS(ioctl), EPERM, IS_INT(1, TIOCLINUX) },
	/* only the question may be asked: other personalities weaken address checks */
	{ SCMP_SYS(personality), EPERM, ARG(0, NE, LOW_32, 0) },
	/* protocols that would load modules and that nobody here needs */
	{ SCMP_SYS(socket), EPROTONOSUPPORT, IS_INT(2, IPPROTO_SCTP) },
	{ SCMP_SYS(socket), EPROTONOSUPPORT, IS_INT(2, IPPROTO_DCCP) },
	{ SCMP_SYS(socket), EPROTONOSUPPORT, IS_INT(2, IPPROTO_UDPLITE) },
	{ SCMP_SYS(socket), EPROTONOSUPPORT, IS_INT(2, IPPROTO_MPTCP) },
};

static bool add_calls(scmp_filter_ctx ctx, int error, const char *calls, struct why *w)
{
	char name[32];
	for (int n; sscanf(calls, " %31s%n", name, &n) == 1; calls += n) {
		int call = seccomp_syscall_resolve_name(name);
		if (call == __NR_SCMP_ERROR ||
		    seccomp_rule_add(ctx, SCMP_ACT_ERRNO((unsigned)error), call, 0) != 0)
			return fail(w, "seccomp filter: cannot deny %s", name);
	}
	return true;
}

static bool add_arg(scmp_filter_ctx ctx, const struct arg_rule *r, struct why *w)
{
	uint32_t action = SCMP_ACT_ERRNO((unsigned)r->error);
	return seccomp_rule_add_array(ctx, action, r->call, 1, &r->arg) == 0 ||
	       fail(w, "seccomp filter: cannot limit call %d", r->call);
}

/* Unix, IPv4 and IPv6 are the families left: everything above is a number greater than AF_INET6. */
static bool add_families(scmp_filter_ctx ctx, int call, struct why *w)
{
	struct arg_rule r = { call, EAFNOSUPPORT, ARG(0, GT, AF_INET6, 0) };
	bool is_ok = add_arg(ctx, &r, w);
	for (unsigned family = 0; is_ok && family < AF_INET6; family++) {
		r.arg = ARG(0, EQ, family, 0);
		is_ok = family == AF_UNIX || family == AF_INET || add_arg(ctx, &r, w);
	}
	return is_ok;
}

static bool add_all(scmp_filter_ctx ctx, bool is_counted, struct why *w)
{
	for (size_t i = 0; i < COUNT(DENIED); i++)
		if (!add_calls(ctx, DENIED[i].error, DENIED[i].calls, w))
			return false;
	for (size_t i = 0; i < COUNT(ARG_RULES); i++)
		if (!add_arg(ctx, &ARG_RULES[i], w))
			return false;
	/* A memfd that is written, not mapped, is in no resident set: the watcher cannot see it. */
	if (!is_counted && !add_calls(ctx, ENOSYS, "memfd_create", w))
		return false;
	return add_families(ctx, SCMP_SYS(socket), w) && add_families(ctx, SCMP_SYS(socketpair), w);
}

static bool export(scmp_filter_ctx ctx, struct sock_fprog *out, struct why *w)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	if (fd < 0 || seccomp_export_bpf(ctx, fd) != 0)
		return fail(w, "seccomp filter: cannot export it: %m");
	off_t size = lseek(fd, 0, SEEK_END);
	out->filter = malloc((size_t)size);
	bool is_read = out->filter && pread(fd, out->filter, (size_t)size, 0) == size;
	out->len = (unsigned short)((size_t)size / sizeof(struct sock_filter));
	close(fd);
	return is_read || fail(w, "seccomp filter: cannot read it back: %m");
}

bool filter_build(struct sock_fprog *out, bool is_counted, struct why *w)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	if (!ctx)
		return fail(w, "seccomp filter: libseccomp cannot start");
	/* int 0x80 and x32 number their calls differently: no table of ours would fit. */
	bool is_ok = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
		     seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0;
	is_ok = is_ok || fail(w, "seccomp filter: this libseccomp is too old");
	is_ok = is_ok && add_all(ctx, is_counted, w) && export(ctx, out, w);
	seccomp_release(ctx);
	return is_ok;
}
