/* Knocks on the kernel's doors that must be shut, and prints what each answered. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRY(call) tell(#call, call)

static void tell(const char *what, long rc)
{
	printf("%-60.60s %s\n", what, rc < 0 ? strerrorname_np(errno) : "open");
}

int main(void)
{
	char b[256];
	TRY(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, 0));
	TRY(syscall(SYS_umount2, "/tmp", 0));
	TRY(syscall(SYS_pivot_root, ".", "."));
	TRY(syscall(SYS_chroot, "/tmp"));
	TRY(syscall(SYS_unshare, CLONE_NEWUSER));
	TRY(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
	TRY(syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0));
	TRY(syscall(SYS_clone3, b, 64));
	TRY(syscall(SYS_setns, 0, 0));
	TRY(syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0));
	TRY(syscall(SYS_process_vm_readv, 1, b, 1, b, 1, 0));
	TRY(syscall(SYS_keyctl, 0, 0));
	TRY(syscall(SYS_add_key, "user", "a", "b", 1, -3));
	TRY(syscall(SYS_bpf, 0, b, 64));
	TRY(syscall(SYS_perf_event_open, b, 0, -1, -1, 0));
	TRY(syscall(SYS_userfaultfd, 0));
	TRY(syscall(SYS_io_uring_setup, 8, b));
	TRY(syscall(SYS_open_by_handle_at, 0, b, 0));
	TRY(syscall(SYS_name_to_handle_at, AT_FDCWD, "/", b, b, 0));
	TRY(syscall(SYS_kexec_load, 0, 0, 0, 0));
	TRY(syscall(SYS_init_module, b, 0, ""));
	TRY(syscall(SYS_reboot, 0xfee1dead, 672274793, 0, 0));
	TRY(syscall(SYS_syslog, 3, b, sizeof(b)));
	TRY(syscall(SYS_iopl, 3));
	TRY(syscall(SYS_settimeofday, b, 0));
	TRY(syscall(SYS_personality, 0x0400000));
	TRY(syscall(SYS_shmget, 1, 4096, 01600));
	TRY(syscall(SYS_msgget, 1, 01600));
	TRY(syscall(SYS_semget, 1, 1, 01600));
	TRY(syscall(SYS_mq_open, "q", O_CREAT, 0600, 0));
	TRY(syscall(SYS_ioctl, 0, TIOCSTI, "x"));
	TRY(syscall(SYS_ioctl, 0, TIOCSTI | 1UL << 32, "x"));
	TRY(socket(AF_NETLINK, SOCK_RAW, 0));
	TRY(socket(AF_PACKET, SOCK_RAW, 0));
	TRY(socket(AF_VSOCK, SOCK_STREAM, 0));
	TRY(socket(AF_ALG, SOCK_SEQPACKET, 0));
	TRY(syscall(SYS_socket, AF_NETLINK | 1UL << 32, SOCK_RAW, 0));
	TRY(socket(AF_INET, SOCK_RAW, 1));
	TRY(socket(AF_INET, SOCK_STREAM, 132));
	TRY(setuid(0) == 0 ? 0 : -(errno = EPERM));
	TRY(sethostname("x", 1));
	TRY(prctl(PR_CAPBSET_READ, 21) == 0 ? -(errno = EPERM) : 0);
	TRY(sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ 1 }));
	TRY(setpriority(0, 0, -5));
	TRY(open("/etc/shadow", O_RDONLY));
	TRY(open("/usr/bin/x", O_WRONLY | O_CREAT, 0600));
	TRY(open("/x", O_WRONLY | O_CREAT, 0600));
	TRY(open("/proc/1/environ", O_RDONLY));
	TRY(open("/proc/sysrq-trigger", O_WRONLY));
	TRY(open("/proc/sys/kernel/core_pattern", O_WRONLY));
	TRY(open("/sys/fs/cgroup", O_RDONLY));
	TRY(open("/dev/kmsg", O_RDONLY));
	TRY(open("/dev/vda", O_RDONLY));
	return 0;
}
