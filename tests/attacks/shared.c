/* What a job shares with others though no namespace says so: open files, inodes, the user's quotas.
 */
#include "tests/attacks/attacks.h"

#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

static long leaked_fds(void)
{
	for (int fd = 3; fd < 4096; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return reached("fd %d", fd);
	return held("0, 1 and 2 alone");
}

/* Who reads our output has the other end of these pipes, and must not care. */
static long odd_pipes(void)
{
	signal(SIGIO, SIG_IGN);
	for (int fd = 0; fd < 3; fd++) {
		fcntl(fd, F_SETOWN, getpid());
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK | O_ASYNC);
		fcntl(fd, F_SETPIPE_SZ, 4096);
	}
	return held("its own ends alone");
}

static long huge_pipes(void)
{
	for (int fd = 1; fd < 3; fd++)
		fcntl(fd, F_SETPIPE_SZ, 1 << 20);
	return held("until they are closed");
}

/* Pages that are in the pipe and still ours to change. */
static long lent_pages(void)
{
	static _Alignas(4096) char page[65536];
	struct iovec v = { page, sizeof(page) };
	memset(page, 'a', sizeof(page));
	for (int i = 0; i < 8; i++)
		if (vmsplice(1, &v, 1, SPLICE_F_GIFT) < 0)
			return -1;
	memset(page, 'b', sizeof(page));
	return HELD;
}

static long splice_zero(void)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < 16; i++)
		if (splice(fd, NULL, 1, NULL, 65536, 0) < 0)
			return -1;
	return HELD;
}

/* A stdin of the service's making must not be changed for whoever reads it after us. */
static long rewrite_input(void)
{
	int fd = open("/proc/self/fd/0", O_RDWR | O_CLOEXEC);
	struct stat st;
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return write(fd, "left", 4);
	return held("no file");
}

/* It would tell us what every other job, and the host, opens in /usr. */
static long watch_others(void)
{
	int fd = inotify_init1(IN_CLOEXEC);
	return fd < 0 ? -1 : inotify_add_watch(fd, "/usr/bin", IN_OPEN | IN_ACCESS);
}

static long lease(void)
{
	return fcntl(open("/usr/bin/env", O_RDONLY | O_CLOEXEC), F_SETLEASE, F_RDLCK);
}

static long dnotify(void)
{
	signal(SIGIO, SIG_IGN); /* which tells of others' doings at once */
	return fcntl(open("/usr/bin", O_RDONLY | O_DIRECTORY | O_CLOEXEC), F_NOTIFY,
		     DN_ACCESS | DN_MULTISHOT);
}

/* Locks on what all jobs can open go with the job. */
static long locks(void)
{
	int a = open("/usr/bin/env", O_RDONLY | O_CLOEXEC);
	int b = open("/usr/bin/env", O_RDONLY | O_CLOEXEC);
	struct flock l = { .l_type = F_RDLCK };
	if (flock(b, LOCK_EX | LOCK_NB) != 0)
		return reached("the last job's lock is held on");
	fcntl(a, F_OFD_SETLK, &l);
	return held("until its end");
}

/* Sockets that hold each other, in flight, and with them a file: only the kernel's collector ends
 * them. */
static long fds_in_flight(void)
{
	for (int i = 0; i < 64; i++) {
		union {
			char bytes[CMSG_SPACE(3 * sizeof(int))];
			struct cmsghdr align;
		} control = { 0 };
		struct iovec v = { (char[]){ 'x' }, 1 };
		struct msghdr h = { .msg_iov = &v,
				    .msg_iovlen = 1,
				    .msg_control = &control,
				    .msg_controllen = sizeof(control) };
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		int s[3];
		if (socketpair(AF_UNIX, SOCK_DGRAM, 0, s) != 0)
			return -1;
		s[2] = open("/tmp/in-flight", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (ftruncate(s[2], 4 << 20) != 0 || fallocate(s[2], 0, 0, 4 << 20) != 0)
			return -1;
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(s));
		memcpy(CMSG_DATA(c), s, sizeof(s));
		if (sendmsg(s[0], &h, 0) < 0 || sendmsg(s[1], &h, 0) < 0)
			return -1;
		for (int n = 0; n < 3; n++)
			close(s[n]);
	}
	return held("until they are collected");
}

/* The host's handler of crashes would run for us, outside of every limit. */
static void crash(void)
{
	abort();
}

static long core_dump(void)
{
	int status = 0;
	waitpid(in_child(crash), &status, 0);
	return WCOREDUMP(status) ? reached("a core was dumped") : held("no core");
}

/* A limit of 0 does not keep a handler behind a pipe from being run; of 1 does (core(5)). */
static long core_handler(void)
{
	struct rlimit l = { 0, 0 };
	syscall(SYS_prlimit64, 0, RLIMIT_CORE, &l, NULL);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, &l);
	return l.rlim_cur == 1 ? held("a limit of 1 byte stays")
			       : reached("a limit of %lu bytes", (unsigned long)l.rlim_cur);
}

/* Signals that wait are counted for the user on the whole machine. */
static long queued_signals(void)
{
	sigset_t all;
	long n = 0;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	while (n < 10000 && sigqueue(getpid(), SIGRTMIN, (union sigval){ 0 }) == 0)
		n++;
	return n < 10000 ? -1 : reached("%ld signals", n);
}

static long timers(void)
{
	timer_t t;
	long n = 0;
	while (n < 10000 && timer_create(CLOCK_REALTIME, NULL, &t) == 0)
		n++;
	return n < 10000 ? -1 : reached("%ld timers", n);
}

/* A second filter whose listener never answers: a process that waits in the kernel. */
static long unanswered_call(void)
{
	struct {
		unsigned short code;
		unsigned char jt, jf;
		uint32_t k;
	} program[] = { { 0x20, 0, 0, 0 }, /* load the number of the call */
			{ 0x15, 0, 1, SYS_getppid },
			{ 0x06, 0, 0, 0x7fc00000 }, /* SECCOMP_RET_USER_NOTIF */
			{ 0x06, 0, 0, 0x7fff0000 } };
	struct {
		unsigned short len;
		void *filter;
	} prog = { COUNT(program), program };
	if (syscall(SYS_seccomp, 1, 8 /* NEW_LISTENER */, &prog) < 0)
		return -1;
	return syscall(SYS_getppid);
}

static long cgroup_path(void)
{
	char line[512];
	FILE *f = fopen("/proc/self/cgroup", "r");
	while (f && fgets(line, sizeof(line), f))
		if ((strstr(line, ":memory:") || strstr(line, ":pids:") || line[0] == '0') &&
		    strcmp(strrchr(line, ':'), ":/\n") != 0)
			return reached("%s", line);
	if (f)
		fclose(f);
	return held("/");
}

static long names_of_host(void)
{
	char name[256] = "";
	return gethostname(name, sizeof(name)) == 0 && strcmp(name, "sandbox") != 0
		       ? reached("%s", name)
		       : held("sandbox");
}

static long autogroup(void)
{
	int fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -1 : write(fd, "-10", 3);
}

/* Whom it shares the session with has then as little. */
static long autogroup_left(void)
{
	int fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, "19", 2) < 0 ? -1 : held("of its own session");
}

const struct attack shared_attacks[] = {
	ATTACK("leaked_fds", "fds that the warden left open", "close_range", leaked_fds,
	       .without = "fds"),
	ATTACK("odd_pipes", "O_ASYNC, O_NONBLOCK, F_SETPIPE_SZ", "pipes of its own", odd_pipes),
	ATTACK("huge_pipes", "pipes as large as can be", "pipes of its own", huge_pipes),
	ATTACK("lent_pages", "changes what it has written (vmsplice)", "bytes are copied",
	       lent_pages),
	ATTACK("splice_zero", "splices /dev/zero into stdout", "output limit", splice_zero),
	ATTACK("rewrite_input", "rewrites its stdin", "sealed", rewrite_input),
	ATTACK("watch_others", "watches what others open (inotify)", "seccomp filter", watch_others,
	       .answer = "EPERM", .without = "filter"),
	ATTACK("dnotify", "the same by F_NOTIFY", "seccomp filter", dnotify, .answer = "EPERM",
	       .without = "filter"),
	ATTACK("lease", "a lease on a shared file", "no capabilities", lease),
	ATTACK("locks", "locks on a shared file", "end with the job", locks),
	ATTACK("fds_in_flight", "sockets in flight that hold each other", "the kernel's collector",
	       fds_in_flight, .disk_mb = 8),
	ATTACK("core_dump", "dumps core", "core limit", core_dump, .answer = "no core",
	       .without = "rlimits"),
	ATTACK("core_handler", "has the host's crash handler run", "seccomp filter", core_handler,
	       .without = "filter"),
	ATTACK("queued_signals", "signals that wait, of the user's", "signal limit", queued_signals,
	       .answer = "EAGAIN", .without = "rlimits"),
	ATTACK("timers", "timers, of the user's", "signal limit", timers, .answer = "EAGAIN",
	       .without = "rlimits"),
	ATTACK("unanswered_call", "a call that waits for a listener", "wall clock", unanswered_call,
	       .verdict = "wall", .wall_ms = 100, .without = "wall", .weak_as = "root"),
	ATTACK("cgroup_path", "where its cgroup is", "cgroup namespace", cgroup_path,
	       .answer = "/"),
	ATTACK("names_of_host", "the host's name", "uts namespace", names_of_host,
	       .answer = "sandbox"),
	ATTACK("autogroup", "a better share of the CPU", "/proc", autogroup),
	ATTACK("autogroup_left", "a worse one for the next job", "a session of its own",
	       autogroup_left),
	{ 0 },
};
