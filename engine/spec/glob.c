#include "spec/glob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"

#define MAX_ENTRIES 100000

/* The paths that fit the pattern so far: const char * each. */
struct search {
	struct arena *a;
	const struct glob *g;
	const char *pattern;
	struct buf found, next;
	size_t nentry; /* looked at */
};

static size_t count(const struct buf *b)
{
	return b->len / sizeof(char *);
}

static const char *path_at(const struct buf *b, size_t i)
{
	return ((const char *const *)(const void *)b->data)[i];
}

static void add_path(struct buf *b, const char *path)
{
	buf_add(b, (const void *)&path, sizeof(path));
}

/* "" is the folder itself, "/" the root. */
static const char *join(struct arena *a, const char *folder, const char *name)
{
	if (!*folder)
		return arena_strdup(a, name);
	return arena_printf(a, "%s%s%s", folder, strcmp(folder, "/") ? "/" : "", name);
}

static bool tell_link(const char *path, struct err *e)
{
	return err_set(e, ERR_SPEC,
		       "'%.200s' is, or goes through, a symbolic link, which is never "
		       "followed",
		       path);
}

static bool tell_outside(const char *path, struct err *e)
{
	return err_set(e, ERR_SPEC,
		       "'%.200s' leaves the spec's folder; --allow-outside permits that", path);
}

int glob_open(const struct glob *g, const char *path, int flags, struct err *e)
{
	const char *p = *path ? path : ".";
	int fd = g->allow_outside ? openat(g->dirfd, p, flags | O_NOFOLLOW | O_CLOEXEC)
				  : fs_open_beneath(g->dirfd, p, flags, 0);

	int why = errno;

	if (fd >= 0)
		return fd;
	if (why == ELOOP)
		tell_link(p, e);
	else if (why == EXDEV)
		tell_outside(p, e);
	else
		err_set(e, ERR_SPEC, "cannot read '%.200s': %s", p, strerror(why));
	errno = why;
	return -1;
}

enum kind { KIND_OTHER, KIND_FILE, KIND_FOLDER, KIND_LINK };

static enum kind kind_of(int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return KIND_OTHER;
	if (S_ISLNK(st.st_mode))
		return KIND_LINK;
	if (S_ISDIR(st.st_mode))
		return KIND_FOLDER;
	return S_ISREG(st.st_mode) ? KIND_FILE : KIND_OTHER;
}

/* One entry of a folder. */
struct entry {
	const char *folder, *name;
	int dirfd;
};

typedef bool take_fn(struct search *s, const struct entry *at, const void *ctx, struct err *e);

/* Give each entry of the folder to take; no error if there is no such folder. */
static bool read_folder(struct search *s, const char *folder, take_fn *take, const void *ctx,
			struct err *e)
{
	int fd = glob_open(s->g, folder, O_RDONLY | O_DIRECTORY, e);
	const struct dirent *d;
	bool is_good = true;
	DIR *dir;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return err_sys(e, "cannot read '%.200s'", folder);
	}
	while (is_good && (d = readdir(dir)) != NULL) {
		struct entry at = { folder, d->d_name, fd };

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		if (++s->nentry > MAX_ENTRIES)
			is_good = err_set(e, ERR_SPEC, "more than %d files and folders to look at",
					  MAX_ENTRIES);
		is_good = is_good && take(s, &at, ctx, e);
	}
	closedir(dir);
	return is_good;
}

/* A part of the pattern, and what it may fit. */
struct part {
	const char *text;
	enum kind wanted;
};

static bool take_fitting(struct search *s, const struct entry *at, const void *ctx, struct err *e)
{
	const struct part *p = ctx;
	enum kind kind;

	if (fnmatch(p->text, at->name, FNM_PERIOD) != 0)
		return true;
	kind = kind_of(at->dirfd, at->name);
	if (kind == KIND_LINK)
		return tell_link(join(s->a, at->folder, at->name), e);
	if (kind == p->wanted)
		add_path(&s->next, join(s->a, at->folder, at->name));
	return true;
}

static bool take_folder(struct search *s, const struct entry *at, const void *ctx, struct err *e)
{
	(void)ctx;
	(void)e;
	if (at->name[0] != '.' && kind_of(at->dirfd, at->name) == KIND_FOLDER)
		add_path(&s->next, join(s->a, at->folder, at->name));
	return true;
}

/* A name without a wildcard, below one folder. */
static bool take_name(struct search *s, const char *folder, const struct part *p, struct err *e)
{
	const char *path = join(s->a, folder, p->text);
	int dirfd = glob_open(s->g, folder, O_PATH | O_DIRECTORY, e);
	enum kind kind;

	if (dirfd < 0)
		return errno == ENOENT || errno == ENOTDIR;
	kind = kind_of(dirfd, p->text);
	close(dirfd);
	if (kind == KIND_LINK)
		return tell_link(path, e);
	if (kind == p->wanted)
		add_path(&s->next, path);
	return true;
}

/* Fit one part of the pattern below all that was found so far. */
static bool step(struct search *s, const struct part *p, struct err *e)
{
	bool is_any = !strcmp(p->text, "**"), is_good = true;
	struct buf last;

	buf_clear(&s->next);
	for (size_t i = 0; is_good && i < count(&s->found); i++) {
		if (is_any)
			add_path(&s->next, path_at(&s->found, i));
		else if (strpbrk(p->text, "*?["))
			is_good = read_folder(s, path_at(&s->found, i), take_fitting, p, e);
		else
			is_good = take_name(s, path_at(&s->found, i), p, e);
	}
	/* What is found below is looked into in its turn. */
	for (size_t i = 0; is_good && is_any && i < count(&s->next); i++)
		is_good = read_folder(s, path_at(&s->next, i), take_folder, NULL, e);
	last = s->found;
	s->found = s->next;
	s->next = last;
	return is_good;
}

/* Fit one name of the pattern. */
static bool fit(struct search *s, const char *name, bool is_last, struct err *e)
{
	enum kind last = s->g->wants_folders ? KIND_FOLDER : KIND_FILE;

	if (!*name || !strcmp(name, "."))
		return true;
	if (!strcmp(name, "..") && !s->g->allow_outside)
		return tell_outside(s->pattern, e);
	if (strcmp(name, "**") != 0)
		return step(s, &(struct part){ name, is_last ? last : KIND_FOLDER }, e);
	return step(s, &(struct part){ name, KIND_FOLDER }, e) &&
	       (!is_last || step(s, &(struct part){ "*", last }, e));
}

static bool walk(struct search *s, struct err *e)
{
	char *at = arena_strdup(s->a, s->pattern);
	bool is_good = true;

	if (*at == '/' && !s->g->allow_outside)
		return tell_outside(s->pattern, e);
	add_path(&s->found, *at == '/' ? "/" : "");
	while (is_good && *at) {
		const char *name = at;

		at += strcspn(at, "/");
		while (*at == '/')
			*at++ = 0;
		is_good = fit(s, name, !*at, e);
	}
	return is_good;
}

static int by_bytes(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

bool glob_find(struct arena *a, const struct glob *g, const char *pattern, struct names *out,
	       struct err *e)
{
	struct search s = { .a = a, .g = g, .pattern = pattern };
	bool is_good;
	size_t n;

	s.found = s.next = BUF(SIZE_MAX / 4);
	is_good = walk(&s, e);
	n = count(&s.found);
	*out = (struct names){ ARENA_NEW(a, n, const char *), 0 };
	if (n)
		qsort(s.found.data, n, sizeof(char *), by_bytes);
	for (size_t i = 0; is_good && i < n; i++)
		if (!i || strcmp(path_at(&s.found, i), path_at(&s.found, i - 1)) != 0)
			out->item[out->n++] = path_at(&s.found, i);
	buf_close(&s.found);
	buf_close(&s.next);
	return is_good;
}
