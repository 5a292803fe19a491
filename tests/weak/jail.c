/*
 * A sandbatch-jail that can do without a defence: the objects of the real one, linked with other
 * versions of the C library's functions by which it defends (ld --wrap). WITHOUT in its environment
 * lists those that do nothing. So each attack is seen to succeed where what stops it is not there:
 * a test that cannot fail proves nothing. The real jail has no such switch.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the names are ld's */
long __real_syscall(long call, ...);
long __wrap_syscall(long call, ...);
int __real_prctl(int op, ...);
int __wrap_prctl(int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
int __real_setrlimit(int which, const struct rlimit *l);
int __wrap_setrlimit(int which, const struct rlimit *l);
int __real_setresuid(uid_t a, uid_t b, uid_t c);
int __wrap_setresuid(uid_t a, uid_t b, uid_t c);
int __real_setresgid(gid_t a, gid_t b, gid_t c);
int __wrap_setresgid(gid_t a, gid_t b, gid_t c);
int __real_unshare(int flags);
int __wrap_unshare(int flags);
int __real_mount_setattr(int dir, const char *path, unsigned flags, struct mount_attr *attr,
			 size_t size);
int __wrap_mount_setattr(int dir, const char *path, unsigned flags, struct mount_attr *attr,
			 size_t size);
int __real_clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);
int __wrap_clone(int (*fn)(void *), void *stack, int flags, void *arg, int *pidfd, uintptr_t key);
int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
ssize_t __real_getrandom(void *out, size_t n, unsigned flags);
ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags);
int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);

static bool without(const char *defence)
{
	const char *list = getenv("WITHOUT");
	size_t n = strlen(defence);
	for (const char *at = list; at && (at = strstr(at, defence)); at += n)
		if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	return false;
}

static const char *options_of(const char *from, const char *type, const char *options)
{
	if (type && strcmp(type, "proc") == 0 && without("proc"))
		return NULL;
	return type && strcmp(from, "work") == 0 && without("disk") ? "mode=0711" : options;
}

/* Had it parameters, the last one would be the caller's memory, were it called with fewer: there
 * clone3's flags may lie, and a compiler may write a parameter back. It reads all six and hands
 * them on, as syscall(2) does, those too that were not given: a sanitizer must not look. */
__attribute__((no_sanitize_address)) long __wrap_syscall(long call, ...)
{
	long a[6];
	va_list ap;
	va_start(ap, call);
	for (size_t i = 0; i < sizeof(a) / sizeof(a[0]); i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if ((call == SYS_seccomp && without("filter")) ||
	    (call == SYS_landlock_restrict_self && without("landlock")) ||
	    (call == SYS_close_range && without("fds")) ||
	    (call == SYS_capset && without("capabilities")))
		return 0;
	if (call == SYS_mount)
		a[4] = (long)options_of((const char *)a[0], (const char *)a[2], (const char *)a[4]);
	if (call == SYS_clone3 && without("pidns"))
		((struct clone_args *)a[0])->flags &= ~(uint64_t)CLONE_NEWPID;
	return __real_syscall(call, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int __wrap_prctl(int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	bool is_capability =
		op == PR_CAPBSET_DROP || op == PR_SET_SECUREBITS || op == PR_CAP_AMBIENT;
	if ((op == PR_SET_NO_NEW_PRIVS && without("no_new_privs")) ||
	    (is_capability && without("capabilities")))
		return 0;
	return __real_prctl(op, a, b, c, d);
}

int __wrap_setrlimit(int which, const struct rlimit *l)
{
	return without("rlimits") ? 0 : __real_setrlimit(which, l);
}

int __wrap_setresuid(uid_t a, uid_t b, uid_t c)
{
	return without("uid") ? 0 : __real_setresuid(a, b, c);
}

int __wrap_setresgid(gid_t a, gid_t b, gid_t c)
{
	return without("uid") ? 0 : __real_setresgid(a, b, c);
}

int __wrap_unshare(int flags)
{
	return __real_unshare(without("netns") ? flags & ~CLONE_NEWNET : flags);
}

/* The root of the sandbox alone: the host's folders below it stay read-only. */
int __wrap_mount_setattr(int dir, const char *path, unsigned flags, struct mount_attr *attr,
			 size_t size)
{
	if (strcmp(path, "/") == 0 && without("readonly"))
		return 0;
	return __real_mount_setattr(dir, path, flags, attr, size);
}

int __wrap_clone(int (*fn)(void *), void *stack, int flags, void *arg, int *pidfd, uintptr_t key)
{
	return __real_clone(fn, stack, without("pidns") ? flags & ~CLONE_NEWPID : flags, arg, pidfd,
			    key);
}

/* A limit is then written to a file of nobody's, and a counter read from one. */
int __wrap_openat(int dir, const char *path, int flags, ...)
{
	static const struct {
		const char *path, *defence;
	} FILES[] = {
		{ "pids.max", "pids" },
		{ "memory.limit_in_bytes", "memory" },
		{ "memory.memsw.limit_in_bytes", "memory" },
		{ "memory.max", "memory" },
		{ "memory.swap.max", "memory" },
		{ "cpuacct.usage", "cpu" },
		{ "cpu.stat", "cpu" },
	};
	va_list ap;
	va_start(ap, flags);
	mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++)
		if (strcmp(path, FILES[i].path) == 0 && without(FILES[i].defence))
			return memfd_create(path, MFD_CLOEXEC);
	return __real_openat(dir, path, flags, mode);
}

/* The keys of a slot are then known. */
ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags)
{
	if (!without("random"))
		return __real_getrandom(out, n, flags);
	for (size_t i = 0; i < n; i++)
		((unsigned char *)out)[i] = (unsigned char)(0x9d * (i + 3));
	return (ssize_t)n;
}

/* The clock stands still. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	int rc = __real_clock_gettime(clock, t);
	if (without("wall"))
		*t = (struct timespec){ 1, 0 };
	return rc;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
