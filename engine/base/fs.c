#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"

#define READ_STEP ((size_t)64 << 10)

void fs_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved; /* it runs on the way out of a function that failed */
}

/* Read up to n bytes; fewer only at the end of the file; -1 with errno. */
static ssize_t read_up_to(int fd, char *data, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t step = read(fd, data + got, n - got);

		if (step < 0 && errno == EINTR)
			continue;
		if (step < 0)
			return -1;
		if (step == 0)
			break;
		got += (size_t)step;
	}
	return (ssize_t)got;
}

static bool too_large(const char *name, size_t max, struct err *e)
{
	return err_set(e, ERR_SYSTEM, "'%s' is larger than %zu bytes", name, max);
}

/* NOLINTNEXTLINE(readability-function-size): one parameter more than is wont */
bool fs_read_fd(struct arena *a, int fd, size_t max, const char *name, char **data, size_t *len,
		struct err *e)
{
	CLEAN_BUF struct buf b = BUF(max);
	char step[READ_STEP];
	ssize_t n;

	do {
		n = read_up_to(fd, step, sizeof(step));
		if (n < 0)
			return err_sys(e, "cannot read '%s'", name);
		if (!buf_add(&b, step, (size_t)n))
			return too_large(name, max, e);
	} while (n == (ssize_t)sizeof(step));
	*data = arena_strndup(a, buf_text(&b), b.len);
	*len = b.len;
	return true;
}

/* NOLINTNEXTLINE(readability-function-size): one parameter more than is wont */
bool fs_read(struct arena *a, int dirfd, const char *path, size_t max, char **data, size_t *len,
	     struct err *e)
{
	/* O_NONBLOCK: a pipe nobody writes to must not stop us before we see what it is. */
	CLEAN_FD int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		return err_sys(e, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_SYSTEM, "'%s' is %s, not a regular file", path,
			       S_ISDIR(st.st_mode) ? "a folder" : "something special");
	if ((uintmax_t)st.st_size > max)
		return too_large(path, max, e);
	if (st.st_size == 0) /* as those of /proc say of themselves */
		return fs_read_fd(a, fd, max, path, data, len, e);
	*data = arena_zalloc(a, (size_t)st.st_size + 1, 1);
	n = read_up_to(fd, *data, (size_t)st.st_size);
	if (n < 0)
		return err_sys(e, "cannot read '%s'", path);
	*len = (size_t)n;
	return true;
}

bool fs_write_all(int fd, const void *data, size_t n)
{
	const char *at = data;

	while (n > 0) {
		ssize_t step = write(fd, at, n);

		if (step < 0 && errno == EINTR)
			continue;
		if (step < 0)
			return false;
		at += step;
		n -= (size_t)step;
	}
	return true;
}

/* close(2) may tell what write(2) did not (NFS, quota). */
static bool close_checked(int *fd)
{
	int was = *fd;

	*fd = -1;
	return close(was) == 0 || errno == EINTR;
}

bool fs_write(int dirfd, const char *path, const void *data, size_t len, struct err *e)
{
	CLEAN_FD int fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0 || !fs_write_all(fd, data, len) || !close_checked(&fd))
		return err_sys(e, "cannot write '%s'", path);
	return true;
}

/* The path of a new name in the folder of path. */
static const char *neighbour(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash - path + 1) : 0;

	return arena_printf(a, "%.*s.new-%016llx", folder, path, (unsigned long long)random_u64());
}

static bool sync_folder_of(struct arena *a, int dirfd, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *folder = slash ? arena_strndup(a, path, (size_t)(slash - path + 1)) : ".";
	CLEAN_FD int fd = openat(dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* EINVAL: a file system on which folders are not synced. */
	return fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
}

bool fs_write_atomic(int dirfd, const char *path, const void *data, size_t len, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	const char *temporary = neighbour(&a, path);
	CLEAN_FD int fd = openat(dirfd, temporary,
				 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);

	if (fd < 0)
		return err_sys(e, "cannot write '%s'", path);
	if (!fs_write_all(fd, data, len) || fsync(fd) || !close_checked(&fd) ||
	    renameat(dirfd, temporary, dirfd, path)) {
		err_sys(e, "cannot write '%s'", path);
		unlinkat(dirfd, temporary, 0);
		return false;
	}
	if (!sync_folder_of(&a, dirfd, path))
		return err_sys(e, "cannot sync the folder of '%s'", path);
	return true;
}

bool fs_mkdirs(int dirfd, const char *path, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	char *part = arena_strdup(&a, path);
	struct stat st;

	for (char *at = part; *at; at++) {
		if (*at != '/' || at == part)
			continue;
		*at = 0;
		if (mkdirat(dirfd, part, 0777) && errno != EEXIST)
			return err_sys(e, "cannot make the folder '%s'", part);
		*at = '/';
	}
	if (mkdirat(dirfd, part, 0777) && errno != EEXIST)
		return err_sys(e, "cannot make the folder '%s'", path);
	if (fstatat(dirfd, path, &st, 0))
		return err_sys(e, "cannot make the folder '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_SYSTEM,
			       "cannot make the folder '%s': a file of that name is there", path);
	return true;
}

/* O_DIRECTORY has a link told as ENOTDIR, openat2(2) as ELOOP: so do we. */
static int step_into(int folder, const char *name)
{
	int next = openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (next < 0 && errno == ENOTDIR)
		errno = fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)
				? ELOOP
				: ENOTDIR;
	return next;
}

/*
 * The same a name at a time, for where openat2(2) is not known: the filters of older containers,
 * valgrind. It is stricter: no ".." at all.
 */
static int open_by_steps(int dirfd, const char *path, int flags, mode_t mode)
{
	CLEAN_FD int folder = openat(dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[NAME_MAX + 1];

	if (!*path || *path == '/') {
		errno = *path ? EXDEV : ENOENT;
		return -1;
	}
	while (folder >= 0) {
		size_t n = strcspn(path, "/");
		bool is_last = !path[n];
		int next;

		if (n > NAME_MAX || !strcmp(path, "..") || !strncmp(path, "../", 3)) {
			errno = n > NAME_MAX ? ENAMETOOLONG : EXDEV;
			return -1;
		}
		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		if (is_last)
			return openat(folder, *name ? name : ".", flags | O_NOFOLLOW | O_CLOEXEC,
				      mode);
		next = step_into(folder, *name ? name : ".");
		fs_close(&folder);
		folder = next;
		path += n + 1;
	}
	return -1;
}

int fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	/* EAGAIN: something was renamed meanwhile, and the kernel cannot be sure. */
	for (int tries = 0; tries < 16; tries++) {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	if (fd < 0 && errno == ENOSYS)
		return open_by_steps(dirfd, path, flags, mode);
	return (int)fd;
}

/* One name of a path. */
static bool is_plain_name(const char *name, size_t len)
{
	if (len == 0 || len > NAME_MAX)
		return false;
	return !(len == 1 && name[0] == '.') && !(len == 2 && name[0] == '.' && name[1] == '.');
}

bool fs_is_plain_path(const char *path)
{
	size_t len = strlen(path), start = 0;

	if (len >= PATH_MAX)
		return false;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && ((unsigned char)path[i] < 0x20 || path[i] == 0x7f))
			return false;
		if (i < len && path[i] != '/')
			continue;
		if (!is_plain_name(path + start, i - start))
			return false;
		start = i + 1;
	}
	return true;
}
