#include "base/proc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"

#define MAX_FD (int)(sizeof(((struct proc *)0)->fd) / sizeof(int))

/* What the child could not do, told through a pipe that a successful exec closes. */
struct failure {
	int code; /* errno */
	char what[28];
};

static _Noreturn void give_up(int tell, const char *what)
{
	struct failure f = { .code = errno };

	snprintf(f.what, sizeof(f.what), "%s", what);
	fs_write_all(tell, &f, sizeof(f));
	_exit(127);
}

static void reset_signals(void)
{
	sigset_t none;

	for (int signo = 1; signo < NSIG; signo++)
		signal(signo, SIG_DFL); /* refused for some, who have no other */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Put fd[i] at i. All are copied above first: the source of one may be the place of another.
 * Returns where tell went.
 */
static int place_fds(const struct proc *p, int tell)
{
	int copy[MAX_FD];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), moved;

	if (null < 0)
		give_up(tell, "open /dev/null");
	moved = fcntl(tell, F_DUPFD_CLOEXEC, p->nfd);
	if (moved < 0)
		give_up(tell, "copy a descriptor");
	for (int i = 0; i < p->nfd; i++) {
		copy[i] = fcntl(p->fd[i] < 0 ? null : p->fd[i], F_DUPFD_CLOEXEC, p->nfd);
		if (copy[i] < 0)
			give_up(tell, "copy a descriptor");
	}
	for (int i = 0; i < p->nfd; i++)
		if (dup2(copy[i], i) < 0)
			give_up(moved, "copy a descriptor");
	if (syscall(SYS_close_range, p->nfd, ~0U, CLOSE_RANGE_CLOEXEC))
		give_up(moved, "close other descriptors");
	return moved;
}

/* In the child. execve(2) does not write to what it is given, but wants it writable. */
static _Noreturn void become(const struct proc *p, pid_t parent, int tell)
{
	union {
		const char *const *given;
		char *const *wanted;
	} argv = { .given = p->argv }, envp = { .given = p->envp };
	const char *failed = p->enter ? p->enter(p->ctx) : NULL;

	if (failed)
		give_up(tell, failed);
	/* after it: the kernel forgets the wish when a process becomes another user */
	if (p->dies_with_us && prctl(PR_SET_PDEATHSIG, SIGKILL))
		give_up(tell, "ask to die with its parent");
	if (p->dies_with_us && getppid() != parent)
		_exit(127); /* the parent went before we could ask */
	if (setsid() < 0)
		give_up(tell, "start a session");
	tell = place_fds(p, tell);
	if (p->cwd && chdir(p->cwd))
		give_up(tell, "enter its folder");
	reset_signals();
	execve(p->path, argv.wanted, p->envp ? envp.wanted : environ);
	give_up(tell, "execute it");
}

/* Wait for exec to succeed or fail; a child that failed is reaped. */
static bool has_started(const struct proc *p, pid_t pid, int told, struct err *e)
{
	struct failure f = { 0 };
	ssize_t n;

	do
		n = read(told, &f, sizeof(f));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return true;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	f.what[sizeof(f.what) - 1] = 0;
	errno = n == (ssize_t)sizeof(f) ? f.code : EIO;
	return err_sys(e, "cannot start '%s': cannot %s", p->path, f.what);
}

/* Fork with all signals blocked, so that no handler of ours runs in the child. */
static pid_t fork_into(const struct proc *p, int tell)
{
	pid_t parent = getpid(), pid;
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		become(p, parent, tell);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

bool proc_spawn(const struct proc *p, pid_t *pid, int *pidfd, struct err *e)
{
	CLEAN_FD int told = -1, tell = -1;
	int ends[2];

	assert(p->nfd >= 3 && p->nfd <= MAX_FD);
	if (pipe2(ends, O_CLOEXEC))
		return err_sys(e, "cannot start '%s': cannot make a pipe", p->path);
	told = ends[0];
	tell = ends[1];
	*pid = fork_into(p, tell);
	if (*pid < 0)
		return err_sys(e, "cannot start '%s': cannot fork", p->path);
	fs_close(&tell); /* else the read below would wait for ourselves */
	if (!has_started(p, *pid, told, e))
		return false;
	if (!pidfd)
		return true;
	*pidfd = (int)syscall(SYS_pidfd_open, *pid, 0);
	if (*pidfd >= 0)
		return true;
	err_sys(e, "cannot watch '%s'", p->path);
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	return false;
}

int proc_exit_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool proc_self_folder(struct arena *a, const char **out, struct err *e)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path));

	if (n < 0)
		return err_sys(e, "cannot tell where this program lies (/proc/self/exe)");
	while (n > 1 && path[n - 1] != '/')
		n--;
	*out = arena_strndup(a, path, n > 1 ? (size_t)n - 1 : 1);
	return true;
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

const char *proc_find(struct arena *a, const char *name, const char *path)
{
	if (strchr(name, '/'))
		return is_program(name) ? arena_strdup(a, name) : NULL;
	while (*path) {
		size_t n = strcspn(path, ":");
		const char *candidate = arena_printf(a, "%.*s/%s", (int)n, path, name);

		if (n > 0 && is_program(candidate)) /* an empty part would be the current folder */
			return candidate;
		path += n + (path[n] == ':');
	}
	return NULL;
}
