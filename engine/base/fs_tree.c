/* Whole trees: removing, walking. Nothing here recurses; whoever filled the tree chose its depth.
 */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static void close_folder(DIR **d)
{
	int saved = errno;

	if (*d)
		closedir(*d);
	errno = saved;
}

#define CLEAN_DIR __attribute__((cleanup(close_folder)))

static DIR *open_folder(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d;

	if (fd < 0)
		return NULL;
	d = fdopendir(fd);
	if (!d)
		fs_close(&fd);
	return d;
}

/* The next name but "." and ".."; NULL at the end (errno 0), or with errno. */
static const char *next_name(DIR *d)
{
	for (;;) {
		const struct dirent *entry;

		errno = 0;
		entry = readdir(d);
		if (!entry)
			return NULL;
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return entry->d_name;
	}
}

/* A folder may have been closed to its own owner. Where this fails, what comes next says why. */
static void open_up(int dirfd, const char *path)
{
	if (geteuid() == 0 || fchmodat(dirfd, path, 0700, AT_SYMLINK_NOFOLLOW))
		return;
}

/* Whether nothing stands there any more. Of a folder errno says EISDIR. */
static bool unlink_file(int dirfd, const char *name)
{
	return unlinkat(dirfd, name, 0) == 0 || errno == ENOENT;
}

static bool move_up(int from, const char *name, int top, size_t *nmoved)
{
	char moved[48];

	open_up(from, name); /* moving a folder writes its ".." */
	do {
		snprintf(moved, sizeof(moved), ".removing-%zu", (*nmoved)++);
		if (renameat(from, name, top, moved) == 0)
			return true;
	} while (errno == EEXIST || errno == ENOTEMPTY ||
		 errno == ENOTDIR); /* that name is taken */
	return false;
}

/*
 * Remove a child of top: its files are unlinked, its folders move up into top, to be found there
 * by the next pass. So a tree of any depth goes with two folders open and each folder moves once.
 */
static bool remove_child(int top, const char *name, size_t *nmoved)
{
	CLEAN_DIR DIR *inner = NULL;
	const char *in;

	if (unlink_file(top, name))
		return true;
	if (errno != EISDIR)
		return false;
	open_up(top, name);
	inner = open_folder(top, name);
	if (!inner)
		return false;
	while ((in = next_name(inner))) {
		if (unlink_file(dirfd(inner), in))
			continue;
		if (errno != EISDIR || !move_up(dirfd(inner), in, top, nmoved))
			return false;
	}
	if (errno != 0)
		return false;
	/* Not empty: readdir(3) may pass over a name while others go. The next pass sees it. */
	return unlinkat(top, name, AT_REMOVEDIR) == 0 || errno == ENOTEMPTY;
}

/* Remove what is in top now; found says whether there was anything. */
static bool remove_pass(DIR *top, size_t *nmoved, bool *found)
{
	const char *name;

	*found = false;
	rewinddir(top);
	while ((name = next_name(top))) {
		*found = true;
		if (!remove_child(dirfd(top), name, nmoved))
			return false;
	}
	return errno == 0;
}

bool fs_remove_tree(int dirfd, const char *path, struct err *e)
{
	CLEAN_DIR DIR *top = NULL;
	size_t nmoved = 0;
	bool found = true;

	if (unlink_file(dirfd, path))
		return true;
	if (errno != EISDIR)
		return err_sys(e, "cannot remove '%s'", path);
	open_up(dirfd, path);
	top = open_folder(dirfd, path);
	if (!top)
		return err_sys(e, "cannot remove '%s'", path);
	while (found)
		if (!remove_pass(top, &nmoved, &found))
			return err_sys(e, "cannot remove all of '%s'", path);
	if (unlinkat(dirfd, path, AT_REMOVEDIR))
		return err_sys(e, "cannot remove '%s'", path);
	return true;
}

/* What is still to be visited, the next one last. Paths are below root. */
struct walk {
	const char *start; /* for messages */
	int root;
	size_t entries_left, max_entries;
	char **path;
	size_t npath, cap;
};

static void close_walk(struct walk *w)
{
	for (size_t i = 0; i < w->npath; i++)
		free(w->path[i]);
	free(w->path);
	fs_close(&w->root);
}

static int later_first(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*y, *x);
}

static void push(struct walk *w, const char *folder, const char *name)
{
	size_t nfolder = strlen(folder), nname = strlen(name);
	char *path = mem_zalloc(nfolder + nname + 2, 1);

	snprintf(path, nfolder + nname + 2, "%s%s%s", folder, nfolder ? "/" : "", name);
	if (w->npath == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 64;
		w->path = mem_resize(w->path, w->cap, sizeof(*w->path));
	}
	w->path[w->npath++] = path;
}

/* Push all that is in the folder at fd (an O_PATH one will do), whose path is folder. */
static bool push_folder(struct walk *w, int fd, const char *folder, struct err *e)
{
	CLEAN_DIR DIR *d = open_folder(fd, ".");
	size_t first = w->npath;
	const char *name;

	if (!d)
		return err_sys(e, "cannot read the folder '%s/%s'", w->start, folder);
	while ((name = next_name(d))) {
		if (w->entries_left == 0)
			return err_set(e, ERR_SYSTEM, "'%s' holds more than %zu files and folders",
				       w->start, w->max_entries);
		w->entries_left--;
		push(w, folder, name);
	}
	if (errno)
		return err_sys(e, "cannot read the folder '%s/%s'", w->start, folder);
	/* All share the prefix, so comparing paths is comparing names. */
	if (w->npath > first)
		qsort(w->path + first, w->npath - first, sizeof(*w->path), later_first);
	return true;
}

static bool visit_one(struct walk *w, const char *path, fs_visit_fn *visit, void *ctx,
		      struct err *e)
{
	CLEAN_FD int fd = fs_open_beneath(w->root, path, O_PATH | O_NOFOLLOW, 0);
	struct stat st;

	if (fd < 0 && errno == ENOENT) /* gone since it was listed */
		return true;
	if (fd < 0 || fstat(fd, &st))
		return err_sys(e, "cannot look at '%s/%s'", w->start, path);
	if (!visit(ctx, path, &st, e))
		return false;
	return !S_ISDIR(st.st_mode) || push_folder(w, fd, path, e);
}

bool fs_walk(int dirfd, const char *path, size_t max_entries, fs_visit_fn *visit, void *ctx,
	     struct err *e)
{
	__attribute__((cleanup(close_walk))) struct walk w = {
		.start = path,
		.root = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
		.entries_left = max_entries,
		.max_entries = max_entries,
	};
	bool ok;

	if (w.root < 0)
		return err_sys(e, "cannot read the folder '%s'", path);
	ok = push_folder(&w, w.root, "", e);
	while (ok && w.npath > 0) {
		char *next = w.path[--w.npath];

		ok = visit_one(&w, next, visit, ctx, e);
		free(next);
	}
	return ok;
}
