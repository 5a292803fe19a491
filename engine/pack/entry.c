#include "pack/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

#define PIECE ((size_t)256 << 10)

bool path_is_outside(const char *path)
{
	return path[0] == '/' || !strcmp(path, "..") || !strncmp(path, "../", 3);
}

/* O_NONBLOCK: a file may have become a pipe, and opening that must not hang. */
int path_open(int dirfd, const char *path, int flags)
{
	if (path_is_outside(path))
		return openat(dirfd, path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fs_open_beneath(dirfd, path, flags & O_PATH ? flags : flags | O_NONBLOCK, 0);
}

static bool has_changed(const struct pack_entry *en, struct err *e)
{
	return err_set(e, ERR_SPEC, "cannot pack '%s': it changed while it was read", en->path);
}

/* Open the file and see that it is still what was added. */
static int entry_open(const struct pack_list *l, const struct pack_entry *en, struct err *e)
{
	struct stat st;
	int fd = path_open(l->dirfd, en->path, O_RDONLY);

	if (fd < 0) {
		err_set(e, ERR_SPEC, "cannot pack '%s': %s", en->path, strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size != en->len) {
		has_changed(en, e);
		close(fd);
		return -1;
	}
	return fd;
}

/* Read up to n bytes, fewer only at the end of the file; -1 with errno. */
static ssize_t read_full(int fd, char *data, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, data + got, n - got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

static bool stream_file(const struct pack_list *l, const struct pack_entry *en, entry_sink *sink,
			void *ctx, struct err *e)
{
	CLEAN_FD int fd = entry_open(l, en, e);
	CLEAN_ARENA struct arena a = { 0 };
	size_t size = en->len < PIECE ? en->len + 1 : PIECE; /* + 1: sees that there is no more */
	char *piece = arena_zalloc(&a, size, 1);
	size_t total = 0;

	if (fd < 0)
		return false;
	for (;;) {
		ssize_t n = read_full(fd, piece, size);

		if (n < 0)
			return err_sys(e, "cannot read '%s'", en->path);
		total += (size_t)n;
		if (total > en->len)
			return has_changed(en, e);
		if (n > 0 && !sink(ctx, piece, (size_t)n, e))
			return false;
		if ((size_t)n < size)
			break;
	}
	return total == en->len || has_changed(en, e);
}

bool entry_stream(const struct pack_list *l, const struct pack_entry *en, entry_sink *sink,
		  void *ctx, struct err *e)
{
	if (!en->data)
		return stream_file(l, en, sink, ctx, e);
	return en->len == 0 || sink(ctx, en->data, en->len, e);
}
