#include "service/workdir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "service/command.h"

/* A failed write in the folder: full is the job's matter, the rest is ours. */
static bool write_failed(const char *path, struct err *e)
{
	if (errno == ENOSPC || errno == EDQUOT)
		return err_set(
			e, ERR_TOO_LARGE,
			"the files need more than limits.disk_mb: the folder was full at '%s'",
			path);
	if (errno == ELOOP || errno == ENOTDIR || errno == EISDIR)
		return err_set(e, ERR_IMPOSSIBLE, "'%s' is named both as a file and as a folder",
			       path);
	return err_sys(e, "cannot write '%s' into the working folder", path);
}

static bool give(const struct workdir *w, int fd)
{
	if (w->uid == geteuid() && w->gid == getegid())
		return true;
	return fchownat(fd, "", w->uid, w->gid, AT_EMPTY_PATH) == 0;
}

/* One folder, which may be there already; parent holds all but its last name. */
static bool make_folder(const struct workdir *w, int parent, const char *name)
{
	CLEAN_FD int fd = -1;

	if (mkdirat(parent, name, 0755) < 0)
		return errno == EEXIST;
	fd = fs_open_beneath(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	return fd >= 0 && give(w, fd);
}

/* The folders of path, all but its last name; *last is that. An fd of the innermost, -1 with errno.
 */
static int open_parent(const struct workdir *w, const char *path, const char **last)
{
	char name[NAME_MAX + 1];
	int at = fs_open_beneath(w->fd, ".", O_PATH | O_DIRECTORY, 0);

	for (const char *end = strchr(path, '/'); at >= 0 && end; end = strchr(path, '/')) {
		CLEAN_FD int above = at;
		size_t n = (size_t)(end - path);

		if (n >= sizeof(name)) {
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(name, path, n);
		name[n] = '\0';
		if (!make_folder(w, above, name))
			return -1;
		at = fs_open_beneath(above, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
		path = end + 1;
	}
	*last = path;
	return at;
}

/* Whether the file that is there holds just these bytes. */
static bool is_same(int dirfd, const char *name, const struct bytes *data)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_FD int fd = fs_open_beneath(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	struct err ignored;
	char *there;
	size_t len;

	return fd >= 0 && fs_read_fd(&a, fd, data->len, name, &there, &len, &ignored) &&
	       len == data->len && memcmp(there, data->data, len) == 0;
}

static bool put(const struct workdir *w, const char *path, const struct bytes *data, struct err *e)
{
	const char *name = path;
	CLEAN_FD int parent = -1;
	CLEAN_FD int fd = -1;

	if (!fs_is_plain_path(path))
		return err_set(e, ERR_IMPOSSIBLE,
			       "a file's name must be relative, without '..', not '%s'", path);
	parent = open_parent(w, path, &name);
	if (parent < 0)
		return write_failed(path, e);
	fd = fs_open_beneath(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
	if (fd < 0 && errno == EEXIST)
		return is_same(parent, name, data) ||
		       err_set(e, ERR_IMPOSSIBLE,
			       "'%s' is the name of two files: the source or input_files", path);
	if (fd < 0 || !fs_write_all(fd, data->data, data->len) || !give(w, fd))
		return write_failed(path, e);
	return true;
}

bool workdir_replace(const struct workdir *w, const char *path, const struct bytes *data,
		     bool is_executable, struct err *e)
{
	mode_t mode = is_executable ? 0755 : 0644;
	const char *name = path;
	CLEAN_FD int parent = -1;
	CLEAN_FD int fd = -1;

	if (!fs_is_plain_path(path))
		return err_set(e, ERR_IMPOSSIBLE,
			       "a file's name must be relative, without '..', not '%s'", path);
	parent = open_parent(w, path, &name);
	if (parent < 0 || (unlinkat(parent, name, 0) < 0 && errno != ENOENT))
		return write_failed(path, e);
	fd = fs_open_beneath(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
	if (fd < 0 || !fs_write_all(fd, data->data, data->len) || fchmod(fd, mode) < 0 ||
	    !give(w, fd))
		return write_failed(path, e);
	return true;
}

bool workdir_fill(const struct workdir *w, const struct wire_request *r, const struct language *l,
		  struct err *e)
{
	if (!put(w, command_source(r, l), &r->code, e))
		return false;
	for (size_t i = 0; i < r->nfile; i++)
		if (!r->file[i].is_archive && !put(w, r->file[i].name, &r->file[i].data, e))
			return false;
	return true;
}

/* The regular file at path opened for reading, or -1; a pipe put in its place must not block us. */
static int open_regular(const struct workdir *w, const char *path, struct stat *st)
{
	int fd = fs_open_beneath(w->fd, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY, 0);

	if (fd >= 0 && (fstat(fd, st) < 0 || !S_ISREG(st->st_mode))) {
		errno = ENOENT;
		fs_close(&fd);
	}
	return fd;
}

/* There is no regular file there: a link, a socket, a folder, nothing. Anything else is an error to
 * tell. */
static bool is_absent(int code)
{
	return code == ENOENT || code == ENOTDIR || code == ELOOP || code == EXDEV ||
	       code == EISDIR || code == ENXIO || code == ENODEV;
}

bool workdir_has(const struct workdir *w, const char *path)
{
	struct stat st;
	CLEAN_FD int fd = open_regular(w, path, &st);

	return fd >= 0;
}

static bool is_taken(const struct artifacts *out, const char *path)
{
	for (size_t i = 0; i < out->n; i++)
		if (!strcmp(out->item[i].name, path))
			return true;
	return false;
}

static struct wire_artifact *next_item(struct artifacts *out)
{
	if (out->n == out->cap) {
		size_t cap = out->cap ? 2 * out->cap : 16;
		struct wire_artifact *item = ARENA_NEW(out->arena, cap, struct wire_artifact);

		if (out->n)
			memcpy(item, out->item, out->n * sizeof(*item));
		out->item = item;
		out->cap = cap;
	}
	return &out->item[out->n++];
}

static bool too_large(const char *path, struct err *e)
{
	return err_set(e, ERR_TOO_LARGE,
		       "the artifacts are larger than %zu MB in all: '%s' did not fit",
		       WORKDIR_ARTIFACT_MAX / WIRE_MB, path);
}

bool workdir_take(const struct workdir *w, const char *path, struct artifacts *out, struct err *e)
{
	struct stat st;
	CLEAN_FD int fd = open_regular(w, path, &st);
	struct bytes data;
	char *bytes;

	if (fd < 0)
		return is_absent(errno) || err_sys(e, "cannot read the artifact '%s'", path);
	if (st.st_size > (off_t)out->room)
		return too_large(path, e);
	if (!fs_read_fd(out->arena, fd, out->room, path, &bytes, &data.len, e))
		return err_wrap(e, "cannot keep the artifact '%s'", path);
	data.data = bytes;
	out->room -= data.len;
	*next_item(out) = (struct wire_artifact){ arena_strdup(out->arena, path), data };
	return true;
}

/* What workdir_collect hands to each visit. */
struct collection {
	const struct workdir *w;
	const char *const *glob;
	size_t nglob;
	struct artifacts *out;
	size_t nbefore; /* taken before the walk: the walk itself meets no path twice */
};

static bool is_wanted(const struct collection *c, const char *path)
{
	struct artifacts before = { .item = c->out->item, .n = c->nbefore };

	for (size_t i = 0; i < c->nglob; i++)
		if (fs_match(c->glob[i], path))
			return !is_taken(&before, path);
	return false;
}

static bool visit(void *ctx, const char *path, const struct stat *st, struct err *e)
{
	struct collection *c = ctx;

	/* a name with control bytes could not be told from another in a report, nor one that is
	 * no text in JSON */
	if (!S_ISREG(st->st_mode) || !fs_is_plain_path(path) || !json_is_text(path, strlen(path)) ||
	    !is_wanted(c, path))
		return true;
	return workdir_take(c->w, path, c->out, e);
}

bool workdir_collect(const struct workdir *w, const char *const *glob, size_t nglob,
		     struct artifacts *out, struct err *e)
{
	struct collection c = { w, glob, nglob, out, out->n };

	if (!nglob)
		return true;
	return fs_walk(w->fd, ".", WORKDIR_ENTRIES_MAX, visit, &c, e) ||
	       err_wrap(e, "cannot collect the artifacts");
}
