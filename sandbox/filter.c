/*
 * The seccomp filter: what the kernel refuses although it would let any process ask.
 *
 * A list of what is denied, not of what is allowed: the job has no capability, sees nobody
 * else's processes, files or network, so the filter's task is to shut the parts of the kernel
 * that escapes have come through and that no ordinary program needs. An allow-list would break
 * runtimes with every new libc.
 *
 * To load a filter takes the longer the more it denies. So what nobody in the slot needs once it is
 * built is denied to the warden already, and inherited; only the rest is loaded for each job.
 */
#include <netinet/in.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "sandbox/warden.h"

#define LOW_32  0xffffffffu /* the kernel takes an int from a 64-bit register: compare no more */
#define X32_BIT 0x40000000u /* of the number of a call of that ABI */

#define ARG(n, op, a, b)  ((struct scmp_arg_cmp){ (n), SCMP_CMP_##op, (a), (b) })
#define HAS_BITS(n, bits) ARG(n, MASKED_EQ, bits, bits)
#define IS_INT(n, value)  ARG(n, MASKED_EQ, LOW_32, value)
#define ANY               ((struct scmp_arg_cmp){ 0 })

/* What these calls answer, if the argument is such or whatever it is; all others are allowed. */
struct row {
	int error;
	struct scmp_arg_cmp arg;
	const char *calls;
};

/* To jobs: by these the warden, init and an interpreter that waits make their namespaces. */
static const struct row TO_JOBS[] = {
	{ EPERM, ANY, "mount umount2 unshare" },
	{ EPERM, HAS_BITS(0, CLONE_NEWNS), "clone" },
	{ EPERM, HAS_BITS(0, CLONE_NEWPID), "clone" },
	/* libraries then go the older way: which the filter sees into */
	{ ENOSYS, ANY, "clone3" },
	{ EPERM, ARG(0, NE, 0, 0), "prlimit64" }, /* an ordinary user's init has the job's uid */
};

/* To all in the slot, the warden too. */
static const struct row TO_ALL[] = {
	/* namespaces and mounts */
	{ EPERM, ANY,
	  "pivot_root chroot setns fsopen fsconfig fsmount fspick "
	  "move_mount open_tree mount_setattr open_by_handle_at name_to_handle_at" },
	{ EPERM, HAS_BITS(0, CLONE_NEWCGROUP), "clone" },
	{ EPERM, HAS_BITS(0, CLONE_NEWUTS), "clone" },
	{ EPERM, HAS_BITS(0, CLONE_NEWIPC), "clone" },
	{ EPERM, HAS_BITS(0, CLONE_NEWUSER), "clone" },
	{ EPERM, HAS_BITS(0, CLONE_NEWNET), "clone" },
	/* other processes, and what they open in the folders that all see */
	{ EPERM, ANY,
	  "ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp "
	  "inotify_init inotify_init1 inotify_add_watch fanotify_init" },
	{ EPERM, IS_INT(1, F_NOTIFY), "fcntl" },
	/* large, young and forgotten parts of the kernel */
	{ EPERM, ANY,
	  "bpf perf_event_open userfaultfd add_key request_key keyctl "
	  "modify_ldt memfd_secret migrate_pages move_pages lookup_dcookie vhangup" },
	/* only the question may be asked: other personalities weaken address checks */
	{ EPERM, ARG(0, NE, LOW_32, 0), "personality" },
	/* the machine */
	{ EPERM, ANY,
	  "kexec_load kexec_file_load init_module finit_module delete_module reboot swapon "
	  "swapoff acct quotactl quotactl_fd syslog iopl ioperm settimeofday clock_settime "
	  "clock_adjtime adjtimex sethostname setdomainname" },
	/* taken, not done (0: a second condition): at 0 the host's crash handler runs, core(5) */
	{ 0, IS_INT(1, RLIMIT_CORE), "prlimit64" },
	{ EPERM, IS_INT(0, RLIMIT_CORE), "setrlimit" },
	{ EPERM, HAS_BITS(3, MAP_HUGETLB), "mmap" }, /* of a pool that no cgroup of ours counts */
	{ EPERM, HAS_BITS(1, MFD_HUGETLB), "memfd_create" },
	/* typing on the operator's terminal; the kernel takes 32 of the 64 bits */
	{ EPERM, IS_INT(1, TIOCSTI), "ioctl" },
	{ EPERM, IS_INT(1, TIOCLINUX), "ioctl" },
	/* queues and segments that outlive their process: the ipc namespace is the slot's */
	{ EPERM, ANY, "msgget semget shmget mq_open" },
	/* libraries then go the older way; not counted machine-wide */
	{ ENOSYS, ANY, "io_uring_setup io_uring_enter io_uring_register io_setup vmsplice" },
	/* Unix (1), IPv4 (2) and IPv6 (10) are left: not 0, not 3 to 9, and no more */
	{ EAFNOSUPPORT, ARG(0, EQ, AF_UNSPEC, 0), "socket socketpair" },
	{ EAFNOSUPPORT, ARG(0, EQ, 3, 0), "socket socketpair" },
	{ EAFNOSUPPORT, ARG(0, MASKED_EQ, ~3ull, 4), "socket socketpair" },
	{ EAFNOSUPPORT, ARG(0, MASKED_EQ, ~1ull, 8), "socket socketpair" },
	{ EAFNOSUPPORT, ARG(0, GT, AF_INET6, 0), "socket socketpair" },
	/* protocols that would load modules and that nobody here needs */
	{ EPROTONOSUPPORT, IS_INT(2, IPPROTO_DCCP), "socket" },
	{ EPROTONOSUPPORT, ARG(2, GT, IPPROTO_ICMPV6, 0), "socket" }, /* SCTP, UDP-Lite, MPTCP */
};

/* Calls younger than the table: they answer as on a kernel that has not got them. */
static const struct sock_filter YOUNGER[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 451, 0, 2), /* cachestat, Linux 6.5, on all machines */
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 1, 0), /* another ABI */
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
};

static bool deny(scmp_filter_ctx ctx, int error, const char *calls, struct scmp_arg_cmp arg,
		 struct why *w)
{
	const struct scmp_arg_cmp given[] = { arg, ARG(2, NE, 0, 0) };
	char name[32];
	for (int n; sscanf(calls, " %31s%n", name, &n) == 1; calls += n) {
		int call = seccomp_syscall_resolve_name(name);
		if (call == __NR_SCMP_ERROR ||
		    seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO((unsigned)error), call,
					   arg.op ? 1 + !error : 0, given) != 0)
			return fail(w, "seccomp filter: cannot deny %s", name);
	}
	return true;
}

static bool deny_all(scmp_filter_ctx ctx, enum filter_whom whom, bool is_counted, struct why *w)
{
	const struct row *row = whom == FILTER_ALL ? TO_ALL : TO_JOBS;
	size_t n = whom == FILTER_ALL ? COUNT(TO_ALL) : COUNT(TO_JOBS);
	for (size_t i = 0; i < n; i++)
		if (!deny(ctx, row[i].error, row[i].calls, row[i].arg, w))
			return false;
	/* A memfd that is written, not mapped, is in no resident set: the watcher cannot see it. */
	return is_counted || whom == FILTER_ALL || deny(ctx, ENOSYS, "memfd_create", ANY, w);
}

static bool export(scmp_filter_ctx ctx, enum filter_whom whom, struct sock_fprog *out,
		   struct why *w)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	ssize_t size = whom == FILTER_ALL ? sizeof(YOUNGER) : 0;
	if (fd < 0 || write(fd, YOUNGER, size) != size || seccomp_export_bpf(ctx, fd) != 0)
		return fail(w, "seccomp filter: cannot export it: %m");
	size = lseek(fd, 0, SEEK_END);
	out->filter = malloc((size_t)size);
	bool is_read = out->filter && pread(fd, out->filter, (size_t)size, 0) == size;
	out->len = (unsigned short)((size_t)size / sizeof(struct sock_filter));
	close(fd);
	return is_read || fail(w, "seccomp filter: cannot read it back: %m");
}

bool filter_build(struct sock_fprog *out, enum filter_whom whom, uint32_t arch, bool is_counted,
		  struct why *w)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	if (!ctx)
		return fail(w, "seccomp filter: libseccomp cannot start");
	bool is_ok = arch == SCMP_ARCH_NATIVE || (seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE) == 0 &&
						  seccomp_arch_add(ctx, arch) == 0);
	/* int 0x80 and x32 number their calls differently: no table of ours would fit. */
	is_ok = is_ok &&
		seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
		seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0;
	is_ok = is_ok ? deny_all(ctx, whom, is_counted, w) && export(ctx, whom, out, w)
		      : fail(w, "seccomp filter: this libseccomp is too old");
	seccomp_release(ctx);
	return is_ok;
}
