/*
 * The seccomp filter: what the kernel refuses although it would let any process ask.
 *
 * A list of what is denied, not of what is allowed: the job has no capability, sees nobody
 * else's processes, files or network, so the filter's task is to shut the parts of the kernel
 * that escapes have come through and that no ordinary program needs. An allow-list would break
 * runtimes with every new libc.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/warden.h"

#define LOW_32 0xffffffffu /* the kernel takes an int from a 64-bit register: compare no more */

static const int DENIED[] = {
	/* namespaces and mounts */
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount),
	SCMP_SYS(fspick),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_tree),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(name_to_handle_at),
	/* other processes */
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(process_madvise),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(kcmp),
	/* large and young parts of the kernel */
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(fanotify_init),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(keyctl),
	SCMP_SYS(modify_ldt),
	SCMP_SYS(memfd_secret),
	SCMP_SYS(migrate_pages),
	SCMP_SYS(move_pages),
	SCMP_SYS(lookup_dcookie),
	SCMP_SYS(vhangup),
	/* the machine */
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(acct),
	SCMP_SYS(quotactl),
	SCMP_SYS(quotactl_fd),
	SCMP_SYS(syslog),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime),
	SCMP_SYS(clock_adjtime),
	SCMP_SYS(adjtimex),
	SCMP_SYS(sethostname),
	SCMP_SYS(setdomainname),
	/* queues and segments that outlive their process: the ipc namespace is the slot's */
	SCMP_SYS(msgget),
	SCMP_SYS(semget),
	SCMP_SYS(shmget),
	SCMP_SYS(mq_open),
};

/* ENOSYS: libraries then go the older way, which the filter can look into. */
static const int MISSING[] = {
	SCMP_SYS(clone3),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
};

struct arg_rule {
	int call, error;
	struct scmp_arg_cmp arg;
};

#define HAS_BITS(n, bits) SCMP_CMP64(n, SCMP_CMP_MASKED_EQ, (bits), (bits))
#define IS_INT(n, value)  SCMP_CMP64(n, SCMP_CMP_MASKED_EQ, LOW_32, (value))

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
	{ SCMP_SYS(personality), EPERM, SCMP_CMP64(0, SCMP_CMP_NE, LOW_32) },
	/* protocols that would load modules and that nobody here needs */
	{ SCMP_SYS(socket), EPROTONOSUPPORT, IS_INT(2, IPPROTO_SCTP) },
	{ SCMP_SYS(socket), EPROTONOSUPPORT, IS_INT(2, IPPROTO_DCCP) },
	{ SCMP_SYS(socket), EPROTONOSUPPORT, IS_INT(2, IPPROTO_UDPLITE) },
	{ SCMP_SYS(socket), EPROTONOSUPPORT, IS_INT(2, IPPROTO_MPTCP) },
};

static bool add(scmp_filter_ctx ctx, int error, int call, struct why *w)
{
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO((unsigned)error), call, 0);
	if (rc == 0)
		return true;
	errno = -rc;
	return why_sys(w, "seccomp filter: cannot deny call %d", call);
}

static bool add_arg(scmp_filter_ctx ctx, const struct arg_rule *r, struct why *w)
{
	int rc = seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO((unsigned)r->error), r->call, 1,
					&r->arg);
	if (rc == 0)
		return true;
	errno = -rc;
	return why_sys(w, "seccomp filter: cannot limit call %d", r->call);
}

/* Unix, IPv4 and IPv6 are the families left: everything above is a number greater than AF_INET6. */
static bool add_families(scmp_filter_ctx ctx, struct why *w)
{
	static const int CALLS[] = { SCMP_SYS(socket), SCMP_SYS(socketpair) };
	for (size_t i = 0; i < sizeof(CALLS) / sizeof(CALLS[0]); i++) {
		struct arg_rule above = { CALLS[i], EAFNOSUPPORT,
					  SCMP_CMP64(0, SCMP_CMP_GT, AF_INET6) };
		if (!add_arg(ctx, &above, w))
			return false;
		for (unsigned family = 0; family < AF_INET6; family++) {
			struct arg_rule one = { CALLS[i], EAFNOSUPPORT,
						SCMP_CMP64(0, SCMP_CMP_EQ, family) };
			if (family != AF_UNIX && family != AF_INET && !add_arg(ctx, &one, w))
				return false;
		}
	}
	return true;
}

static bool add_all(scmp_filter_ctx ctx, bool is_counted, struct why *w)
{
	for (size_t i = 0; i < sizeof(DENIED) / sizeof(DENIED[0]); i++)
		if (!add(ctx, EPERM, DENIED[i], w))
			return false;
	for (size_t i = 0; i < sizeof(MISSING) / sizeof(MISSING[0]); i++)
		if (!add(ctx, ENOSYS, MISSING[i], w))
			return false;
	for (size_t i = 0; i < sizeof(ARG_RULES) / sizeof(ARG_RULES[0]); i++)
		if (!add_arg(ctx, &ARG_RULES[i], w))
			return false;
	/* A memfd that is written, not mapped, is in no process's resident set: the watcher cannot
	 * see it. */
	if (!is_counted && !add(ctx, ENOSYS, SCMP_SYS(memfd_create), w))
		return false;
	return add_families(ctx, w);
}

static bool export(scmp_filter_ctx ctx, struct sock_fprog *out, struct why *w)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	if (fd < 0 || seccomp_export_bpf(ctx, fd) != 0)
		return why_sys(w, "seccomp filter: cannot export it");
	off_t size = lseek(fd, 0, SEEK_END);
	out->filter = malloc((size_t)size);
	bool is_read = out->filter && pread(fd, out->filter, (size_t)size, 0) == size;
	out->len = (unsigned short)((size_t)size / sizeof(struct sock_filter));
	close(fd);
	return is_read || why_sys(w, "seccomp filter: cannot read it back");
}

bool filter_build(struct sock_fprog *out, bool is_counted, struct why *w)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	if (!ctx)
		return why_set(w, "seccomp filter: libseccomp cannot start");
	/* int 0x80 and x32 number their calls differently: no table of ours would fit. */
	bool is_ok = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
		     seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0;
	if (!is_ok)
		why_set(w, "seccomp filter: this libseccomp is too old");
	is_ok = is_ok && add_all(ctx, is_counted, w) && export(ctx, out, w);
	seccomp_release(ctx);
	return is_ok;
}
