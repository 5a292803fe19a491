/*
 * The seccomp filter: what the kernel refuses although it would let any process ask.
 *
 * A list of what is denied, not of what is allowed: the job has no capability, sees nobody
 * else's processes, files or network, so the filter's task is to shut the parts of the kernel
 * that escapes have come through and that no ordinary program needs. An allow-list would break
 * runtimes with every new libc.
 *
 * It is loaded once, by the warden, and inherited: to load one and let it go takes 45 us, a tenth
 * of what a job costs. What jobs are made with it lets those do who know a key.
 */
#include "jail/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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

#define TLS 6 /* of clone: which argument it is depends on the machine */

/*
 * If the first argument has one of these bits, or whatever it is (0), the call is denied to all who
 * do not give the key as that argument, of which the kernel takes no notice: by these the warden,
 * init and an interpreter that waits make namespaces.
 */
static const struct keyed {
	const char *call;
	uint32_t bits;
	enum { MOUNTS, REST } key; /* of struct jail_keys */
	unsigned at;
	unsigned error;
} KEYED[] = {
	{ "mount", 0, MOUNTS, 5, EPERM },
	{ "umount2", 0, MOUNTS, 2, EPERM },
	{ "unshare", 0, MOUNTS, 1, EPERM },
	{ "unshare", CLONE_NEWUSER, REST, 2, EPERM }, /* both */
	{ "clone", CLONE_NEWNS | CLONE_NEWPID, MOUNTS, TLS, EPERM },
	/* libraries then go the older way: which the filter sees into */
	{ "clone3", 0, REST, 2, ENOSYS },
	/* an ordinary user's init has the job's uid */
	{ "prlimit64", LOW_32, REST, 4, EPERM },
};

/* To all in the slot. */
static const struct row DENIED[] = {
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

#define KEYED_SIZE 14 /* instructions each */

#define LOAD(field, more) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field) + (more))

/*
 * By ourselves, for libseccomp compares the halves of a key one after the other: by the time that
 * takes a job could find one half, and then the other. Here all 64 bits are one comparison. False
 * if there is no such call.
 */
static bool demand_key(struct sock_filter out[KEYED_SIZE], const struct keyed *k, uint64_t key,
		       uint32_t arch)
{
	const unsigned low = __BYTE_ORDER == __LITTLE_ENDIAN ? 0 : 4;
	const unsigned at = 8 * (k->at != TLS ? k->at : arch == SCMP_ARCH_X86_64 ? 4 : 3);
	const int call = seccomp_syscall_resolve_name_arch(arch, k->call);
	uint32_t half[2];
	memcpy(half, &key, sizeof(half));
	const struct sock_filter program[KEYED_SIZE] = {
		LOAD(arch, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 0, 12),
		LOAD(nr, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 10),
		LOAD(args, low),
		BPF_JUMP(BPF_JMP | (k->bits ? BPF_JSET : BPF_JGE) | BPF_K, k->bits, 0, 8),
		LOAD(args, at),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, half[0]),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		LOAD(args, at + 4),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, half[1]),
		BPF_STMT(BPF_ALU | BPF_OR | BPF_X, 0),
		/* and on to what is denied to all */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | k->error),
	};
	memcpy(out, program, sizeof(program));
	return call != __NR_SCMP_ERROR;
}

static bool fail(char why[200], const char *what, const char *which)
{
	snprintf(why, 200, "%s %s", what, which);
	return false;
}

static bool deny(scmp_filter_ctx ctx, const struct row *row, struct scmp_arg_cmp besides,
		 char why[200])
{
	struct scmp_arg_cmp given[2] = { row->arg, besides };
	const char *calls = row->calls;
	unsigned first = row->arg.op ? 0 : 1, last = besides.op ? 2 : 1;
	char name[32];
	for (int n; sscanf(calls, " %31s%n", name, &n) == 1; calls += n) {
		int call = seccomp_syscall_resolve_name(name);
		if (call == __NR_SCMP_ERROR ||
		    seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO((unsigned)row->error), call,
					   last - first, given + first) != 0)
			return fail(why, "seccomp filter: cannot deny", name);
	}
	return true;
}

static bool deny_all(scmp_filter_ctx ctx, bool is_counted, char why[200])
{
	/* one that is written, not mapped, is in no resident set: the watcher cannot see it */
	static const struct row UNSEEN = { ENOSYS, ANY, "memfd_create" };
	for (size_t i = 0; i < COUNT(DENIED); i++)
		if (!deny(ctx, &DENIED[i], DENIED[i].error ? ANY : ARG(2, NE, 0, 0), why))
			return false;
	return is_counted || deny(ctx, &UNSEEN, ANY, why);
}

static bool export(scmp_filter_ctx ctx, struct sock_fprog *out, const struct sock_filter *keyed,
		   char why[200])
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	const ssize_t more = COUNT(KEYED) * KEYED_SIZE * sizeof(*keyed);
	ssize_t size = sizeof(YOUNGER);
	if (fd < 0 || write(fd, YOUNGER, size) != size || write(fd, keyed, more) != more ||
	    seccomp_export_bpf(ctx, fd) != 0)
		return fail(why, "seccomp filter: cannot export it:", strerror(errno));
	size = lseek(fd, 0, SEEK_END);
	out->filter = malloc((size_t)size);
	bool is_read = out->filter && pread(fd, out->filter, (size_t)size, 0) == size;
	out->len = (unsigned short)((size_t)size / sizeof(struct sock_filter));
	close(fd);
	return is_read || fail(why, "seccomp filter: cannot read it back:", strerror(errno));
}

bool jail_filter(struct sock_fprog *out, const struct jail_keys *keys, uint32_t arch,
		 bool is_counted, char why[200])
{
	struct sock_filter keyed[COUNT(KEYED) * KEYED_SIZE];
	uint32_t machine = arch == SCMP_ARCH_NATIVE ? seccomp_arch_native() : arch;
	for (size_t i = 0; i < COUNT(KEYED); i++)
		if (!demand_key(keyed + i * KEYED_SIZE, &KEYED[i],
				KEYED[i].key == REST ? keys->rest : keys->mounts, machine))
			return fail(why, "seccomp filter: cannot deny", KEYED[i].call);
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	if (!ctx)
		return fail(why, "seccomp filter: libseccomp cannot start", "");
	bool is_ok = arch == SCMP_ARCH_NATIVE || (seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE) == 0 &&
						  seccomp_arch_add(ctx, arch) == 0);
	/* int 0x80 and x32 number their calls differently: no table of ours would fit. */
	is_ok = is_ok &&
		seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
		seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0;
	is_ok = is_ok ? deny_all(ctx, is_counted, why) && export(ctx, out, keyed, why)
		      : fail(why, "seccomp filter: this libseccomp is too old", "");
	seccomp_release(ctx);
	return is_ok;
}
