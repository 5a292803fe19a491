#include "tests/attacks/attacks.h"

#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

static char room[4096]; /* for calls that want some */

/* Attacks that are one system call. */
#define CALL(name, ...)                            \
	static long name(void)                     \
	{                                          \
		return syscall(SYS_##__VA_ARGS__); \
	}

CALL(mount_tmpfs, mount, "none", "/tmp", "tmpfs", 0, 0)
CALL(mount_bind, mount, "/", "/tmp", 0, 4096 /* MS_BIND */, 0)
CALL(remount, mount, 0, "/", 0, 32 | 4096 /* MS_REMOUNT, MS_BIND */, 0)
CALL(unmount, umount2, "/tmp", 2 /* MNT_DETACH */)
CALL(pivot, pivot_root, ".", ".")
CALL(new_mount_api, fsopen, "tmpfs", 0)
CALL(open_a_tree, open_tree, AT_FDCWD, "/", 1)
CALL(moved_mount, move_mount, 0, "", AT_FDCWD, "/tmp", 4)
CALL(mount_attributes, mount_setattr, AT_FDCWD, "/", 0, room, 32)
CALL(unshare_user, unshare, CLONE_NEWUSER)
CALL(unshare_all, unshare, CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID)
CALL(join_namespace, setns, 0, 0)
CALL(handle_of, name_to_handle_at, AT_FDCWD, "/", room, room, 0)
CALL(open_handle, open_by_handle_at, AT_FDCWD, room, 0)
CALL(read_process, process_vm_readv, 1, room, 1, room, 1, 0)
CALL(write_process, process_vm_writev, 1, room, 1, room, 1, 0)
CALL(steal_fd, pidfd_getfd, 0, 0, 0)
CALL(compare, kcmp, 1, 1, 0, 0, 0)
CALL(bpf_program, bpf, 5 /* BPF_PROG_LOAD */, room, 64)
CALL(bpf_map, bpf, 0, room, 64)
CALL(perf, perf_event_open, room, 0, -1, -1, 0)
CALL(fault_fd, userfaultfd, 1)
CALL(ring, io_uring_setup, 8, room)
CALL(ring_enter, io_uring_enter, 0, 0, 0, 0, 0, 0)
CALL(session_keyring, keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0)
CALL(add_a_key, add_key, "user", "left", "x", 1, KEY_SPEC_USER_KEYRING)
CALL(ask_for_key, request_key, "user", "left", 0, KEY_SPEC_USER_KEYRING)
CALL(watch_all_files, fanotify_init, 0, 0)
CALL(segments, modify_ldt, 1, room, 16)
CALL(secret_memory, memfd_secret, 0)
CALL(new_kernel, kexec_load, 0, 0, 0, 0)
CALL(new_kernel_file, kexec_file_load, -1, -1, 0, 0, 0)
CALL(load_module, init_module, room, 0, "")
CALL(load_module_file, finit_module, -1, "", 0)
CALL(unload_module, delete_module, "none", 0)
CALL(restart, reboot, 0xfee1dead, 672274793, 0 /* CAD off: the harmless one */, 0)
CALL(kernel_log, syslog, 3, room, sizeof(room))
CALL(set_day, settimeofday, 0, room)
CALL(adjust_clock, adjtimex, (*room = 1, room))
CALL(host_name, sethostname, "left", 4)
CALL(swap, swapon, "/tmp/none", 0)
CALL(accounting, acct, "/tmp/none")
CALL(quota, quotactl, 0x80000100 /* Q_SYNC of users */, 0, 0, 0)
CALL(hang_up, vhangup)
CALL(shared_memory, shmget, 1, 4096, 01666)
CALL(shared_queue, msgget, 1, 01666)
CALL(shared_semaphore, semget, 1, 1, 01666)
CALL(named_queue, mq_open, "left", O_RDWR | O_CREAT, 0666, 0)
CALL(type_keys, ioctl, 0, TIOCSTI, "x")
CALL(type_keys_64, ioctl, 0, TIOCSTI | 1UL << 32, "x")
CALL(console_selection, ioctl, 0, TIOCLINUX, room)
CALL(take_terminal, ioctl, 0, TIOCSCTTY, 1)
CALL(netlink, socket, AF_NETLINK, SOCK_RAW, 0)
CALL(netlink_64, socket, AF_NETLINK | 1UL << 32, SOCK_RAW, 0)
CALL(packets, socket, AF_PACKET, SOCK_RAW, 0)
CALL(vsock, socket, AF_VSOCK, SOCK_STREAM, 0)
CALL(kernel_crypto, socket, AF_ALG, SOCK_SEQPACKET, 0)
CALL(xdp, socket, 44 /* AF_XDP */, SOCK_RAW, 0)
CALL(tipc, socket, AF_TIPC, SOCK_SEQPACKET, 0)
CALL(bluetooth, socket, AF_BLUETOOTH, SOCK_RAW, 0)
CALL(sctp, socket, AF_INET, SOCK_STREAM, 132)
CALL(mptcp, socket, AF_INET, SOCK_STREAM, 262)
CALL(be_root, setuid, 0)
CALL(root_group, setgid, 0)
CALL(more_groups, setgroups, 1, (gid_t[]){ 0 })
CALL(file_user, setresuid, 0, 0, 0)
CALL(other_personality, personality, READ_IMPLIES_EXEC)
CALL(fixed_addresses, personality, ADDR_NO_RANDOMIZE)
CALL(nicer, setpriority, PRIO_PROCESS, 0, -5)
CALL(idle_disk, ioprio_set, 1, 0, 1 << 13 /* real time */)
CALL(fifo, sched_setscheduler, 0, SCHED_FIFO, &(struct sched_param){ 1 })
CALL(ptrace_self, ptrace, PTRACE_TRACEME, 0, 0, 0)
CALL(ptrace_init, ptrace, PTRACE_SEIZE, 1, 0, 0)
CALL(dump_cookie, lookup_dcookie, 0, room, sizeof(room))
CALL(raise_files, prlimit64, 0, RLIMIT_NOFILE, (uint64_t[]){ 1 << 20, 1 << 20 }, 0)
CALL(raise_file_size, prlimit64, 0, RLIMIT_FSIZE, (int64_t[]){ -1, -1 }, 0)
CALL(own_brk, prctl, PR_SET_MM, PR_SET_MM_EXE_FILE, 0, 0, 0)
CALL(bare_new_user, clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)
CALL(bare_new_net, clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0)

static long deadline(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} a = { sizeof(a), 6 /* SCHED_DEADLINE */, 0, 0, 0, 10000000, 20000000, 20000000 };
	return syscall(SYS_sched_setattr, 0, &a, 0);
}

/* The keys of a slot (jail/jail.h), were they these: none, all, or what is in the tests' own jail
 * when its random numbers are no longer random. Nothing may be had by any, wherever it is put. */
static long guess_keys(void)
{
	static const uint64_t GUESS[] = { 0, 1, ~0ull, ~0u };
	uint64_t weak[2];
	for (size_t i = 0; i < sizeof(weak); i++)
		((unsigned char *)weak)[i] = (unsigned char)(0x9d * (i + 3));
	for (size_t i = 0; i < COUNT(GUESS) + 2; i++) {
		long k = (long)(i < 2 ? weak[i] : GUESS[i - 2]);
		if (syscall(SYS_unshare, CLONE_NEWUSER, k, k, k, k, k) == 0 ||
		    syscall(SYS_unshare, CLONE_FILES, k, k, k, k, k) == 0)
			return reached("unshare");
		if (syscall(SYS_prlimit64, getpid(), RLIMIT_NOFILE, 0, 0, k, k) == 0)
			return reached("prlimit64");
		if (syscall(SYS_clone3, room, 8, k, k, k, k) >= 0 || errno != ENOSYS)
			return reached("clone3");
	}
	return held("EPERM");
}

static long clone3_user(void)
{
	struct clone_args a = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	return syscall(SYS_clone3, &a, sizeof(a));
}

/* 20 is getpid there, and writev in the table of 64 bits. */
static long calls_of_32_bits(void)
{
#ifdef __x86_64__
	long rc = 20;
	__asm__ volatile("int $0x80" : "+a"(rc) : : "memory");
	return rc;
#else
	return untried("a thing of x86");
#endif
}

static long calls_of_x32(void)
{
#ifdef __x86_64__
	return syscall(39 | 0x40000000); /* getpid of the x32 table */
#else
	return untried("a thing of x86");
#endif
}

/* Whether any exec could give us something. */
static long setuid_programs(void)
{
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return reached("no_new_privs is not set");
	return held("no_new_privs");
}

static long capabilities(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, "Cap", 3) == 0 && strcmp(line + 7, "\t0000000000000000\n") != 0)
			return reached("%.30s", line);
	fclose(f);
	return held("all five sets are empty");
}

/* What is permitted must be inheritable first. */
static long ambient(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct set[2] = { { 0 } };
	syscall(SYS_capget, &head, set);
	for (int i = 0; i < 2; i++)
		set[i].inheritable = set[i].permitted;
	syscall(SYS_capset, &head, set);
	for (unsigned long cap = 0; cap < 41; cap++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) == 0)
			return reached("capability %lu", cap);
	return -1;
}

static long user_id(void)
{
	return geteuid() == 0 || getegid() == 0 ? reached("it is root") : held("not root");
}

static long map_users(void)
{
	int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -1 : write(fd, "0 0 1", 5);
}

static long allow_groups(void)
{
	int fd = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -1 : write(fd, "allow", 5);
}

/* Dirty pages of a file that we may only read must stay ours. */
static long write_read_only_page(void)
{
	char now = 0;
	int file = open("/usr/bin/env", O_RDONLY | O_CLOEXEC);
	char *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
	int self = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	if (file < 0 || p == MAP_FAILED || self < 0)
		return -1;
	pwrite(self, "left", 4, (off_t)(uintptr_t)p);
	if (pread(file, &now, 1, 0) != 1)
		return -1;
	return now == 'l' ? reached("the file has changed") : held("a copy of its own");
}

static long undo_the_filter(void)
{
	return prctl(PR_SET_SECCOMP, 0, 0, 0, 0);
}

#define FILTERED(weak) .answer = "EPERM", .without = weak

const struct attack kernel_attacks[] = {
	/* namespaces and mounts */
	ATTACK("mount", "mounts a tmpfs", "seccomp filter", mount_tmpfs,
	       FILTERED("filter capabilities uid landlock"), .weak_as = "root"),
	ATTACK("mount_bind", "binds / into its folder", "seccomp filter", mount_bind,
	       FILTERED("filter capabilities uid landlock"), .weak_as = "root"),
	ATTACK("remount", "makes / writable again", "seccomp filter", remount,
	       FILTERED("filter capabilities uid landlock"), .weak_as = "root"),
	ATTACK("unmount", "looks below a mount", "seccomp filter", unmount,
	       FILTERED("filter capabilities uid landlock"), .weak_as = "root"),
	ATTACK("pivot_root", "another root", "seccomp filter", pivot, .answer = "EPERM"),
	ATTACK("fsopen", "the new mount calls", "seccomp filter", new_mount_api,
	       FILTERED("filter capabilities uid"), .weak_as = "root"),
	ATTACK("open_tree", "a copy of the mounts", "seccomp filter", open_a_tree,
	       FILTERED("filter capabilities uid"), .weak_as = "root"),
	ATTACK("move_mount", "moves a mount", "seccomp filter", moved_mount, .answer = "EPERM"),
	ATTACK("mount_setattr", "takes off read-only", "seccomp filter", mount_attributes,
	       FILTERED("filter capabilities uid"), .weak_as = "root"),
	ATTACK("unshare_user", "a user namespace", "seccomp filter", unshare_user,
	       FILTERED("filter")),
	ATTACK("clone_user", "the same by clone", "seccomp filter", bare_new_user,
	       FILTERED("filter")),
	ATTACK("clone3_user", "the same by clone3", "seccomp filter", clone3_user,
	       .answer = "ENOSYS", .without = "filter"),
	ATTACK("guess_keys", "keys that a slot might have", "random numbers", guess_keys,
	       FILTERED("random")),
	ATTACK("unshare_all", "other namespaces", "seccomp filter", unshare_all,
	       FILTERED("filter capabilities uid"), .weak_as = "root"),
	ATTACK("clone_net", "a network namespace", "seccomp filter", bare_new_net,
	       FILTERED("filter capabilities uid"), .weak_as = "root"),
	ATTACK("setns", "joins a namespace", "seccomp filter", join_namespace, .answer = "EPERM"),
	ATTACK("name_to_handle", "a handle of a file", "seccomp filter", handle_of,
	       .answer = "EPERM"),
	ATTACK("open_by_handle", "opens by a handle", "seccomp filter", open_handle,
	       .answer = "EPERM"),
	ATTACK("map_users", "maps users (uid_map)", "no capabilities", map_users),
	ATTACK("setgroups", "allows setgroups", "no capabilities", allow_groups),
	/* other processes */
	ATTACK("ptrace", "traces itself", "seccomp filter", ptrace_self, FILTERED("filter")),
	ATTACK("ptrace_init", "traces init", "seccomp filter", ptrace_init, .answer = "EPERM"),
	ATTACK("process_vm_readv", "reads another's memory", "seccomp filter", read_process,
	       .answer = "EPERM"),
	ATTACK("process_vm_writev", "writes another's memory", "seccomp filter", write_process,
	       .answer = "EPERM"),
	ATTACK("pidfd_getfd", "takes another's fds", "seccomp filter", steal_fd, .answer = "EPERM"),
	ATTACK("kcmp", "compares what init has open", "seccomp filter", compare, .answer = "EPERM"),
	/* large, young and forgotten parts */
	ATTACK("bpf", "a BPF program", "seccomp filter", bpf_program, .answer = "EPERM"),
	ATTACK("bpf_map", "a BPF map", "seccomp filter", bpf_map, .answer = "EPERM"),
	ATTACK("perf", "perf_event_open", "seccomp filter", perf, .answer = "EPERM"),
	ATTACK("userfaultfd", "userfaultfd", "seccomp filter", fault_fd, FILTERED("filter")),
	ATTACK("io_uring", "io_uring", "seccomp filter", ring, .answer = "ENOSYS"),
	ATTACK("io_uring_enter", "io_uring, an older ring", "seccomp filter", ring_enter,
	       .answer = "ENOSYS"),
	ATTACK("fanotify", "fanotify", "seccomp filter", watch_all_files, .answer = "EPERM"),
	ATTACK("modify_ldt", "segments of its own", "seccomp filter", segments, .answer = "EPERM"),
	ATTACK("memfd_secret", "memory nobody sees", "seccomp filter", secret_memory,
	       .answer = "EPERM"),
	ATTACK("keyring", "a session keyring", "seccomp filter", session_keyring,
	       FILTERED("filter")),
	ATTACK("add_key", "a key in the user's keyring", "seccomp filter", add_a_key,
	       .answer = "EPERM"),
	ATTACK("request_key", "a key of another job", "seccomp filter", ask_for_key,
	       .answer = "EPERM"),
	ATTACK("dcookie", "lookup_dcookie", "seccomp filter", dump_cookie, .answer = "EPERM"),
	ATTACK("calls_of_32_bits", "calls of 32 bits (int 0x80)", "seccomp filter",
	       calls_of_32_bits, .verdict = "signal exit", .without = "filter"),
	ATTACK("calls_of_x32", "calls of the x32 ABI", "seccomp filter", calls_of_x32,
	       .verdict = "signal exit"),
	/* the machine */
	ATTACK("kexec", "another kernel (kexec)", "seccomp filter", new_kernel, .answer = "EPERM"),
	ATTACK("kexec_file", "the same from a file", "seccomp filter", new_kernel_file,
	       .answer = "EPERM"),
	ATTACK("module", "loads a module", "seccomp filter", load_module, .answer = "EPERM"),
	ATTACK("module_file", "the same from a file", "seccomp filter", load_module_file,
	       .answer = "EPERM"),
	ATTACK("module_unload", "unloads a module", "seccomp filter", unload_module,
	       .answer = "EPERM"),
	ATTACK("reboot", "reboot(2)", "seccomp filter", restart, .answer = "EPERM"),
	ATTACK("kernel_log", "the kernel's log", "seccomp filter", kernel_log, .answer = "EPERM"),
	ATTACK("clock", "sets the clock", "seccomp filter", set_day, .answer = "EPERM"),
	ATTACK("clock_speed", "sets its speed", "seccomp filter", adjust_clock, .answer = "EPERM"),
	ATTACK("host_name", "sets the host name", "seccomp filter", host_name,
	       FILTERED("filter capabilities uid"), .weak_as = "root"),
	ATTACK("swap", "swaps to its file", "seccomp filter", swap, .answer = "EPERM"),
	ATTACK("accounting", "process accounting", "seccomp filter", accounting, .answer = "EPERM"),
	ATTACK("quota", "disk quotas", "seccomp filter", quota, .answer = "EPERM"),
	ATTACK("vhangup", "hangs up the terminal", "seccomp filter", hang_up, .answer = "EPERM"),
	/* what outlives its process */
	ATTACK("sysv_memory", "System V shared memory", "seccomp filter", shared_memory,
	       FILTERED("filter")),
	ATTACK("sysv_queue", "System V queues", "seccomp filter", shared_queue, FILTERED("filter")),
	ATTACK("sysv_semaphore", "System V semaphores", "seccomp filter", shared_semaphore,
	       FILTERED("filter")),
	ATTACK("posix_queue", "POSIX queues", "seccomp filter", named_queue,
	       FILTERED("filter rlimits landlock")),
	/* terminals */
	ATTACK("tiocsti", "types on the terminal (TIOCSTI)", "seccomp filter", type_keys,
	       .answer = "EPERM"),
	ATTACK("tiocsti_64", "the same with 64 bits", "seccomp filter", type_keys_64,
	       .answer = "EPERM"),
	ATTACK("tioclinux", "pastes on the console (TIOCLINUX)", "seccomp filter",
	       console_selection, .answer = "EPERM"),
	ATTACK("tiocsctty", "takes the terminal (TIOCSCTTY)", "no terminal", take_terminal,
	       .answer = "ENOTTY"),
	/* families of sockets */
	ATTACK("netlink", "AF_NETLINK", "seccomp filter", netlink, .answer = "EAFNOSUPPORT",
	       .without = "filter"),
	ATTACK("netlink_64", "the same with 64 bits", "seccomp filter", netlink_64,
	       .answer = "EAFNOSUPPORT", .without = "filter"),
	ATTACK("packet", "AF_PACKET", "seccomp filter", packets, .answer = "EAFNOSUPPORT"),
	ATTACK("vsock", "AF_VSOCK", "seccomp filter", vsock, .answer = "EAFNOSUPPORT"),
	ATTACK("af_alg", "AF_ALG", "seccomp filter", kernel_crypto, .answer = "EAFNOSUPPORT"),
	ATTACK("xdp", "AF_XDP", "seccomp filter", xdp, .answer = "EAFNOSUPPORT"),
	ATTACK("tipc", "AF_TIPC", "seccomp filter", tipc, .answer = "EAFNOSUPPORT"),
	ATTACK("bluetooth", "AF_BLUETOOTH", "seccomp filter", bluetooth, .answer = "EAFNOSUPPORT"),
	ATTACK("sctp", "SCTP", "seccomp filter", sctp, .answer = "EPROTONOSUPPORT"),
	ATTACK("mptcp", "MPTCP", "seccomp filter", mptcp, .answer = "EPROTONOSUPPORT"),
	/* privileges */
	ATTACK("user_id", "is it root", "a uid of its own", user_id, .without = "uid capabilities",
	       .weak_as = "root"),
	ATTACK("setuid", "becomes root", "no capabilities", be_root),
	ATTACK("setgid", "joins root's group", "no capabilities", root_group),
	ATTACK("setresuid", "becomes root for files", "no capabilities", file_user),
	ATTACK("groups", "joins more groups", "no capabilities", more_groups, .answer = "EPERM"),
	ATTACK("setuid_programs", "set-user-ID programs", "no_new_privs", setuid_programs,
	       .without = "no_new_privs"),
	ATTACK("capabilities", "keeps capabilities", "no capabilities", capabilities,
	       .without = "capabilities"),
	ATTACK("ambient", "raises ambient capabilities", "no capabilities", ambient,
	       .answer = "EPERM", .without = "capabilities uid", .weak_as = "root"),
	ATTACK("undo_filter", "takes off the filter", "the kernel", undo_the_filter),
	ATTACK("prctl_mm", "sets its own exe (PR_SET_MM)", "no capabilities", own_brk),
	ATTACK("proc_self_mem", "writes a read-only page", "copy on write", write_read_only_page),
	ATTACK("personality", "READ_IMPLIES_EXEC", "seccomp filter", other_personality,
	       FILTERED("filter")),
	ATTACK("no_aslr", "fixed addresses", "seccomp filter", fixed_addresses, FILTERED("filter")),
	/* more than its share */
	ATTACK("raise_files", "raises its limit of fds", "no capabilities", raise_files,
	       .answer = "EPERM"),
	ATTACK("raise_file_size", "raises its limit of file size", "no capabilities",
	       raise_file_size, .answer = "EPERM", .without = "rlimits"),
	ATTACK("nice", "a better priority", "no capabilities", nicer, .answer = "EACCES"),
	ATTACK("ionice", "a better disk priority", "no capabilities", idle_disk, .answer = "EPERM"),
	ATTACK("fifo", "real time (SCHED_FIFO)", "no capabilities", fifo, .answer = "EPERM",
	       .without = "capabilities uid", .weak_as = "root"),
	ATTACK("deadline", "real time (SCHED_DEADLINE)", "no capabilities", deadline,
	       .answer = "EPERM"),
	{ 0 },
};
