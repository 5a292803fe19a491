#include "tests/attacks/attacks.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define MANY 200 /* far beyond the limit, and no harm without one */

/* Each doubles for ever; they count together, to stop where nobody limits them. */
static long fork_bomb(void)
{
	_Atomic int *made = mmap(NULL, sizeof(*made), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	while (made != MAP_FAILED && *made < 10 * MANY) {
		pid_t pid = fork();
		*made += pid > 0;
		if (pid == 0)
			signal(SIGALRM, SIG_IGN);
	}
	hang();
	return REACHED;
}

static void *hang_thread(void *unused)
{
	pause();
	return unused;
}

static long thread_bomb(void)
{
	pthread_t t;
	int error = 0, n = 0;
	while (n < MANY && (error = pthread_create(&t, NULL, hang_thread, NULL)) == 0)
		n++;
	usleep(150000); /* where no cgroup counts, the watcher must see it */
	return error ? held("%s", strerrorname_np(error)) : reached("%d threads", n);
}

static long many_children(void)
{
	pid_t pid[MANY];
	int n = 0;
	while (n < MANY && (pid[n] = in_child(hang)) > 0)
		n++;
	int error = errno;
	usleep(150000);
	for (int i = 0; i < n; i++)
		kill(pid[i], SIGKILL);
	errno = error;
	return n < MANY ? -1 : reached("%d children", n);
}

/* Siblings of ours: init is their parent, and the limit must count them all the same. */
static long siblings(void)
{
	int n = 0;
	for (; n < MANY; n++) {
		long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
		if (pid == 0)
			hang();
		if (pid < 0)
			break;
	}
	int error = errno;
	usleep(150000);
	errno = error;
	return n < MANY ? -1 : reached("%d siblings", n);
}

/* The dead whom nobody waits for are counted too. */
static long zombie_hoard(void)
{
	int n = 0;
	for (pid_t pid; n < MANY && (pid = fork()) >= 0; n++)
		if (pid == 0)
			_exit(0);
	int error = errno;
	usleep(150000);
	errno = error;
	return n < MANY ? -1 : reached("%d zombies", n);
}

static void leave_orphan(void)
{
	if (fork() == 0)
		_exit(0);
}

static long orphans_by_the_thousand(void)
{
	for (int i = 0; i < 1000; i++) {
		pid_t pid = in_child(leave_orphan);
		if (pid < 0)
			return reached("init reaped only %d", i);
		waitpid(pid, NULL, 0);
	}
	return held("all were reaped");
}

static void write_for_ever(void)
{
	for (int i = 0; i < 5000; i++) {
		int fd = open("/tmp/orphan", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		close(fd);
		usleep(1000);
	}
}

static void daemonize(void)
{
	setsid();
	if (fork() == 0)
		write_for_ever();
}

static long orphan(void)
{
	waitpid(in_child(daemonize), NULL, 0);
	return held("its parent is gone");
}

/* It keeps our pipes open: their reader would wait for it. */
static void stay(void)
{
	be_deaf();
	sleep(5);
}

static long child_stays(void)
{
	return in_child(stay) > 0 ? held("its parent is gone") : -1;
}

static long subreaper(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	waitpid(in_child(daemonize), NULL, 0);
	return held("its parent is gone");
}

static long deaf(void)
{
	be_deaf();
	hang();
	return REACHED;
}

static void stop_self(void)
{
	for (;;)
		raise(SIGSTOP);
}

static long stopped(void)
{
	waitpid(in_child(stop_self), NULL, 0);
	return reached("it was continued");
}

static int hang_vforked(void *unused)
{
	(void)unused;
	hang();
}

/* A parent that waits for a vfork sleeps deaf to all but SIGKILL. */
static void wait_for_vfork(void)
{
	static _Alignas(16) char room[65536];
	clone(hang_vforked, room + sizeof(room), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
}

static long vforked(void)
{
	waitpid(in_child(wait_for_vfork), NULL, 0);
	return reached("it came back");
}

/* Were init killed or stopped, nobody would report how we ended. */
static long kill_init(void)
{
	for (int signo = 1; signo <= SIGRTMAX; signo++)
		kill(1, signo);
	int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);
	for (int signo = 1; signo < 32; signo++)
		syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0);
	close(pidfd);
	return held("init lives");
}

static long kill_everybody(void)
{
	be_deaf();
	kill(-1, SIGSTOP);
	kill(-1, SIGKILL);
	kill(0, SIGTERM);
	return held("only we were there");
}

/* Signal 0 asks whether it is there: EPERM says yes as well. */
static long see_strangers(void)
{
	for (pid_t pid = 2; pid < 100000; pid++)
		if (pid != getpid() && (kill(pid, 0) == 0 || errno == EPERM))
			return reached("process %d", (int)pid);
	return held("ESRCH");
}

/* Those of the warden, from which we come, have no number here. */
static long strange_groups(void)
{
	for (pid_t group = 2; group < 100000; group++)
		if (group != getpgrp() && (kill(-group, 0) == 0 || errno == EPERM))
			return reached("group %d", (int)group);
	if (getsid(0) != getpid() && getsid(0) != 1)
		return reached("session %d", (int)getsid(0));
	for (int fd = 0; fd < 3; fd++)
		if (tcgetpgrp(fd) >= 0 || tcsetpgrp(fd, getpgrp()) == 0)
			return reached("fd %d is a terminal", fd);
	return held("ESRCH");
}

/* As an ordinary user init has our uid, and the kernel lets equals change each other's limits. */
static long limits_of_init(void)
{
	const struct rlimit none = { 0, 0 };
	return syscall(SYS_prlimit64, 1, RLIMIT_NOFILE, &none, NULL);
}

static long memory_of_init(void)
{
	int fd = open("/proc/1/mem", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? open("/proc/1/maps", O_RDONLY | O_CLOEXEC) : fd;
}

static long chosen_pid(void)
{
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
		uint64_t set_tid, set_tid_size, cgroup;
	} a = { .exit_signal = SIGCHLD };
	pid_t want = 77;
	a.set_tid = (uint64_t)(uintptr_t)&want;
	a.set_tid_size = 1;
	long pid = syscall(SYS_clone3, &a, sizeof(a));
	if (pid == 0)
		_exit(0);
	return pid;
}

const struct attack process_attacks[] = {
	ATTACK("fork_bomb", "a fork bomb", "process limit", fork_bomb, .verdict = "wall cpu",
	       .hint = "processes", .wall_ms = 600),
	ATTACK("thread_bomb", "a thread bomb", "process limit", thread_bomb, .hint = "processes",
	       .answer = "EAGAIN", .without = "pids", .weak_as = "root"),
	ATTACK("many_children", "children without end", "process limit", many_children,
	       .hint = "processes", .answer = "EAGAIN", .without = "pids", .weak_as = "root"),
	ATTACK("siblings", "siblings beside it (CLONE_PARENT)", "process limit", siblings,
	       .hint = "processes", .answer = "EAGAIN", .without = "pids", .weak_as = "root"),
	ATTACK("zombie_hoard", "zombies that nobody reaps", "process limit", zombie_hoard,
	       .hint = "processes", .answer = "EAGAIN", .without = "pids", .weak_as = "root"),
	ATTACK("orphans", "orphans by the thousand", "init reaps", orphans_by_the_thousand),
	ATTACK("orphan", "a daemon with a session of its own", "pid namespace", orphan,
	       .without = "pidns", .weak_as = "root"),
	ATTACK("child_stays", "a child that keeps the output open", "pid namespace", child_stays,
	       .without = "pidns", .weak_as = "root"),
	ATTACK("subreaper", "a subreaper that adopts orphans", "pid namespace", subreaper,
	       .without = "pidns", .weak_as = "root"),
	ATTACK("deaf", "deaf to SIGTERM and all others", "SIGKILL from outside", deaf,
	       .verdict = "wall", .wall_ms = 100, .without = "wall", .weak_as = "root"),
	ATTACK("stopped", "stops itself (SIGSTOP)", "SIGKILL from outside", stopped,
	       .verdict = "wall", .wall_ms = 100, .without = "wall", .weak_as = "root"),
	ATTACK("vforked", "waits for a vfork for ever", "SIGKILL from outside", vforked,
	       .verdict = "wall", .wall_ms = 100, .without = "wall", .weak_as = "root"),
	ATTACK("kill_init", "every signal to init", "pid namespace", kill_init),
	ATTACK("kill_everybody", "SIGKILL and SIGSTOP to all (-1)", "pid namespace",
	       kill_everybody),
	ATTACK("see_strangers", "signals to the host's processes", "pid namespace", see_strangers,
	       .answer = "ESRCH", .without = "pidns", .weak_as = "root"),
	ATTACK("strange_groups", "signals to groups and sessions of others", "pid namespace",
	       strange_groups, .answer = "ESRCH", .without = "pidns", .weak_as = "root"),
	ATTACK("limits_of_init", "sets limits of init (prlimit)", "seccomp filter", limits_of_init,
	       .answer = "EPERM", .without = "filter", .weak_as = "user"),
	ATTACK("memory_of_init", "reads memory of init", "/proc hidepid", memory_of_init),
	ATTACK("chosen_pid", "takes over a pid (set_tid)", "seccomp filter", chosen_pid,
	       .answer = "ENOSYS"),
	{ 0 },
};
