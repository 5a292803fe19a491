/* Inside the interpreter: where it is held, and what its fork does there. */
#include "warm/warm.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jail/jail.h"
#include "warm/eval.h"

#define STACK_BYTES 65536 /* of init */
#define USED        8192  /* of it, before the job begins */
#define NFD         4
#define OURS        __attribute__((visibility("default"))) /* in the place of the C library's */

/* What happens once in a process happens to one object. */
static struct {
	const char *source, *script;
	int rules;           /* Landlock's */
	uint64_t key;        /* to mount */
	pid_t (*fork)(void); /* the C library's */
	bool is_waiting;     /* this is the interpreter that waits, and no fork of it */
	bool is_ready;       /* that was told */
	int fd[JAIL_FDS];    /* of the job that is started: stdin, stdout, stderr, strings */
	bool is_apart;       /* its init is to be in memory of its own */
	jmp_buf home;        /* where our fork returns from in the job */
	_Alignas(16) char stack[STACK_BYTES];
} hold;

/* -- words -- */

/* Nobody hears us if this fails: the warden is gone, or ends us. */
static void say(enum warm_what what, int number, const char *text)
{
	struct warm_word w = { .what = what, .number = number };
	snprintf(w.text, sizeof(w.text), "%s", text);
	if (!jail_send(WARM_SOCKET, &w, sizeof(w), NULL, 0))
		_exit(1);
}

/* The next word, which must be that one; its fds go to hold.fd. */
static void hear(enum warm_what what, struct warm_word *w)
{
	size_t nfd;
	if (jail_receive(WARM_SOCKET, w, sizeof(*w), hold.fd, &nfd) != sizeof(*w) ||
	    w->what != what || nfd != (what == WARM_JOB ? NFD : 0))
		_exit(1);
}

_Noreturn static void fail(const char *what)
{
	char text[sizeof(((struct warm_word *)0)->text)];
	snprintf(text, sizeof(text), "%s: %s", what, strerror(errno));
	say(WARM_FAILED, 0, text);
	_exit(1);
}

/* -- once: from exec to main -- */

/* All of it, which must be something, with a NUL after it. */
static char *read_all(int fd, size_t *size)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || st.st_size <= 0)
		_exit(1);
	*size = (size_t)st.st_size;
	char *text = calloc(*size + 1, 1);
	if (!text || pread(fd, text, *size, 0) != (ssize_t)*size)
		_exit(1);
	close(fd);
	return text;
}

/* Nothing but to make namespaces and mount in them, and that only in our own. */
static bool keep_one_capability(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const __u32 keep = 1u << CAP_SYS_ADMIN;
	const struct __user_cap_data_struct data[2] = { { keep, keep, 0 } };
	for (unsigned long cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EINVAL)
			return false;
	return syscall(SYS_capset, &head, data) == 0;
}

__attribute__((constructor)) static void enter(void)
{
	struct warm_word w;
	size_t size;
	unsetenv("LD_PRELOAD"); /* what the interpreter starts has no part in this */
	if (fcntl(WARM_SOCKET, F_GETFD) < 0)
		return; /* not started by a warden */
	hold.fork = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
	hold.source = read_all(WARM_HOLD, &size);
	hold.script = hold.source + strlen(hold.source) + 1;
	close(WARM_LIBRARY);
	hold.rules = jail_rules();
	hear(WARM_KEYS, &w);
	hold.key = w.keys.mounts;
	bool has_namespace = syscall(SYS_unshare, CLONE_NEWUSER, w.keys.mounts, w.keys.rest) == 0;
	explicit_bzero(&w, sizeof(w));
	if (!hold.fork || hold.script >= hold.source + size || !has_namespace)
		_exit(1);
	say(WARM_MAP, 0, "");
	hear(WARM_MAP, &w);
	hold.is_apart = w.number;
	if (!keep_one_capability())
		_exit(1);
	hold.is_waiting = true;
}

/* -- for each job -- */

static int try_init(void *what)
{
	return (*(const char **)what = jail_enter(hold.is_apart, hold.key)) ? errno : 0;
}

/* Once, so that we are not ready for jobs that we then could not start. */
static void try_namespaces(void)
{
	const char *what = "cannot make namespaces";
	int status = 0;
	pid_t pid = clone(try_init, hold.stack + sizeof(hold.stack),
			  CLONE_NEWPID | CLONE_NEWNS | CLONE_VM | CLONE_VFORK, &what, NULL,
			  (uintptr_t)hold.key);
	if (pid > 0 && waitpid(pid, &status, __WALL) == pid && status == 0)
		return;
	if (pid > 0)
		errno = WEXITSTATUS(status);
	fail(what);
}

static void become_job(void)
{
	const char *what = NULL;
	for (int i = 0; i < 3; i++)
		if (dup2(hold.fd[i], i) < 0)
			fail("cannot take a standard stream");
	if ((what = jail_detach(true)) || (what = jail_drop()))
		fail(what);
	if (chdir(JAIL_WORKDIR) != 0)
		fail("cannot enter the working folder");
	if ((what = jail_lock(hold.rules)))
		fail(what);
	close(hold.rules);
	/* the last of what it must not have is the socket; the rest are the interpreter's own */
	if (dup2(hold.fd[3], WARM_STRINGS) < 0)
		_exit(1);
	for (int i = 0; i < NFD; i++)
		close(hold.fd[i]);
}

/* Our process id as the warden has it: the /proc that is there before a job's own is the host's. */
static int outer_pid(void)
{
	char text[16] = "";
	return readlink("/proc/self", text, sizeof(text) - 1) > 0 ? (int)strtol(text, NULL, 10) : 0;
}

/* Process 1 of the job's namespaces, mostly in the memory of the interpreter, which waits for its
 * end. */
static int be_init(void *unused)
{
	int status = 0;
	(void)unused;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) /* of the warden */
		return 1;
	say(WARM_BORN, outer_pid(), "");
	struct warm_word go;
	hear(WARM_GO, &go);
	if (!jail_limit(&go.limits))
		fail("cannot set resource limits");
	const char *what = jail_enter(hold.is_apart, hold.key);
	if (what)
		fail(what);
	pid_t job = hold.fork();
	if (job == 0) {
		become_job();
		hold.is_waiting = false;
		longjmp(hold.home, 1); /* our stack is a copy: back to the interpreter's */
	}
	if (job < 0)
		fail("cannot make a process");
	for (int i = 0; i < NFD; i++)
		close(hold.fd[i]);
	for (pid_t pid = 0; pid != job;) {
		pid = waitpid(-1, &status, 0);
		if (pid < 0 && errno != EINTR)
			return 1;
	}
	say(WARM_ENDED, status, "");
	return 0;
}

OURS pid_t fork(void)
{
	const int flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_PARENT | CLONE_VFORK | SIGCHLD;
	if (!hold.is_waiting)
		return hold.fork ? hold.fork() : (errno = ENOSYS, -1);
	if (!hold.is_ready) {
		try_namespaces();
		say(WARM_READY, 0, "");
	}
	hold.is_ready = true;
	struct warm_word w;
	hear(WARM_JOB, &w);
	if (lseek(hold.fd[3], w.number, SEEK_SET) != w.number)
		_exit(1);
	if (setjmp(hold.home) != 0) {
		explicit_bzero(&hold.key, sizeof(hold.key));
		/* where it was handed on */
		explicit_bzero(hold.stack + sizeof(hold.stack) - USED, USED);
		return 0;
	}
	pid_t init = clone(be_init, hold.stack + sizeof(hold.stack),
			   flags | (hold.is_apart ? 0 : CLONE_VM), NULL, NULL, (uintptr_t)hold.key);
	if (init < 0)
		_exit(1);
	for (int i = 0; i < NFD; i++)
		close(hold.fd[i]);
	return init;
}

/* -- where it is held: as it opens its source for the first time -- */

OURS FILE *held_fopen(const char *path, const char *mode) __asm__("fopen");
OURS FILE *held_fopen64(const char *path, const char *mode) __asm__("fopen64");
OURS int held_open(const char *path, int flags, ...) __asm__("open");
OURS int held_open64(const char *path, int flags, ...) __asm__("open64");

/* True in a fork that was just made. */
static bool before(const char *path)
{
	size_t n = strlen(JAIL_WORKDIR "/");
	if (!hold.is_waiting || hold.is_ready || !path)
		return false;
	if (strncmp(path, JAIL_WORKDIR "/", n) == 0)
		path += n;
	if (strcmp(path, hold.source) != 0)
		return false;
	if (!eval_script(hold.script) || hold.is_waiting)
		_exit(1);
	return true;
}

static FILE *pass_fopen(const char *name, const char *path, const char *mode)
{
	bool is_fork = before(path);
	FILE *file = ((FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, name))(path, mode);
	if (is_fork && file)
		eval_program(file, path);
	return file;
}

FILE *held_fopen(const char *path, const char *mode)
{
	return pass_fopen("fopen", path, mode);
}

FILE *held_fopen64(const char *path, const char *mode)
{
	return pass_fopen("fopen64", path, mode);
}

static int pass_open(const char *name, const char *path, int flags, unsigned mode)
{
	before(path);
	return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name))(path, flags, mode);
}

/* A mode is there only if the file may be made. */
#define MODE_OF(flags, mode)                           \
	do {                                           \
		va_list ap;                            \
		va_start(ap, flags);                   \
		if ((flags) & (O_CREAT | O_TMPFILE))   \
			(mode) = va_arg(ap, unsigned); \
		va_end(ap);                            \
	} while (0)

int held_open(const char *path, int flags, ...)
{
	unsigned mode = 0;
	MODE_OF(flags, mode);
	return pass_open("open", path, flags, mode);
}

int held_open64(const char *path, int flags, ...)
{
	unsigned mode = 0;
	MODE_OF(flags, mode);
	return pass_open("open64", path, flags, mode);
}
