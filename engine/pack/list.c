/* list -- what is to be packed: found, named and ordered. */
#include "pack/pack.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "pack/entry.h"

#define MAX_WALK 1000000 /* things in one tree */

/* A tree on its way into the list. */
struct gather {
	struct arena *arena;
	struct pack_list *list;
	const char *root;    /* path of the tree, "" for the list's own folder */
	const char *as;      /* what its files are named below, "" for nothing */
	const char *pattern; /* of paths below the list's folder, NULL: any */
};

static struct pack_entry *list_grow(struct arena *a, struct pack_list *l)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		struct pack_entry *entry = ARENA_NEW(a, cap, struct pack_entry);

		if (l->n)
			memcpy(entry, l->entry, l->n * sizeof(*entry));
		l->entry = entry;
		l->cap = cap;
	}
	return &l->entry[l->n++];
}

void pack_add(struct arena *a, struct pack_list *l, const char *name, const char *data, size_t len)
{
	*list_grow(a, l) = (struct pack_entry){ .name = arena_strdup(a, name),
						.data = data ? data : "",
						.len = len };
}

static void add_file(struct arena *a, struct pack_list *l, const char *name, const char *path,
		     const struct stat *st)
{
	*list_grow(a, l) = (struct pack_entry){ .name = name,
						.path = path,
						.len = (size_t)st->st_size,
						.is_executable = (st->st_mode & S_IXUSR) != 0 };
}

/* Cut the last part off, at least down to out's first min bytes. */
static size_t drop_last(const char *out, size_t n, size_t min)
{
	while (n > min && out[n - 1] != '/')
		n--;
	return n > min ? n - 1 : n;
}

/*
 * The path without empty and "." parts, and ".." taken with the part before it: exact, since no
 * link is followed. ".." that lead out stay in front; "" is the folder itself.
 */
static const char *path_clean(struct arena *a, const char *path)
{
	char *out = arena_zalloc(a, strlen(path) + 2, 1);
	size_t n = 0, min = 0;

	if (*path == '/')
		out[n++] = '/', min = 1;
	for (const char *p = path; *p; p += strspn(p, "/")) {
		size_t len = strcspn(p, "/");
		bool is_up = len == 2 && !strncmp(p, "..", 2);

		if (is_up && n > min) {
			n = drop_last(out, n, min);
		} else if (len && !(len == 1 && *p == '.')) {
			if (n && out[n - 1] != '/')
				out[n++] = '/';
			memcpy(out + n, p, len);
			n += len;
			if (is_up)
				min = n;
		}
		p += len;
	}
	out[n] = '\0';
	return out;
}

/* A path that leads out names its file as tar(1) does: without what leads out. */
static const char *inner_part(const char *path)
{
	while (*path == '/' || !strncmp(path, "../", 3))
		path += *path == '/' ? 1 : 3;
	return strcmp(path, "..") != 0 ? path : "";
}

static const char *join(struct arena *a, const char *folder, const char *name)
{
	if (!*folder || !*name)
		return arena_strdup(a, *folder ? folder : name);
	return arena_printf(a, "%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/",
			    name);
}

static bool cannot(const char *path, const char *why, struct err *e)
{
	return err_set(e, ERR_SPEC, "cannot pack '%s': %s", path, why);
}

static const char *why_not_opened(int code)
{
	if (code == ELOOP)
		return "it is, or leads through, a symbolic link";
	if (code == EXDEV)
		return "it leaves the spec's folder (--allow-outside permits it)";
	return strerror(code);
}

/* Links, devices and pipes below a tree are left out: a submission with one must not stop a batch.
 */
static bool gather_visit(void *ctx, const char *path, const struct stat *st, struct err *e)
{
	const struct gather *g = ctx;
	const char *whole;

	(void)e;
	if (!S_ISREG(st->st_mode))
		return true;
	whole = join(g->arena, g->root, path);
	if (g->pattern && !fs_match(g->pattern, whole))
		return true;
	add_file(g->arena, g->list, join(g->arena, g->as, g->pattern ? whole : path), whole, st);
	return true;
}

static bool gather_tree(const struct gather *g, int fd, struct err *e)
{
	struct gather copy = *g;

	return fs_walk(fd, ".", MAX_WALK, gather_visit, &copy, e) ||
	       err_wrap(e, "cannot pack '%s'", *g->root ? g->root : ".");
}

/* The name of a single file: as, below as where that ends in a slash, or its own path. */
static const char *file_name(struct arena *a, const char *path, const char *as)
{
	const char *base = strrchr(path, '/');

	if (!as || !*as)
		return inner_part(path);
	if (as[strlen(as) - 1] == '/')
		return join(a, path_clean(a, as), base ? base + 1 : path);
	return path_clean(a, as);
}

bool pack_add_path(struct arena *a, struct pack_list *l, const char *path, const char *as,
		   bool allow_outside, struct err *e)
{
	const char *clean = path_clean(a, path);
	struct stat st;

	if (path_is_outside(clean) && !allow_outside)
		return cannot(path, why_not_opened(EXDEV), e);

	CLEAN_FD int fd = path_open(l->dirfd, *clean ? clean : ".", O_PATH);

	if (fd < 0)
		return cannot(path, why_not_opened(errno), e);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "cannot look at '%s'", path);
	if (S_ISLNK(st.st_mode))
		return cannot(path, why_not_opened(ELOOP), e);
	if (S_ISREG(st.st_mode)) {
		add_file(a, l, file_name(a, clean, as), clean, &st);
		return true;
	}
	if (!S_ISDIR(st.st_mode))
		return cannot(path, "it is neither a file nor a folder", e);

	struct gather g = { a, l, clean, as && *as ? path_clean(a, as) : inner_part(clean), NULL };

	return gather_tree(&g, fd, e);
}

/* The folders of a pattern before the first one with a wildcard: where the walk may start. */
static const char *fixed_part(struct arena *a, const char *pattern)
{
	size_t n = strcspn(pattern, "*?[\\");

	while (n && pattern[n - 1] != '/')
		n--;
	return arena_strndup(a, pattern, n ? n - 1 : 0);
}

bool pack_add_glob(struct arena *a, struct pack_list *l, const char *pattern, const char *as,
		   struct err *e)
{
	const char *clean = path_clean(a, pattern);
	struct gather g = { a, l, "", as ? path_clean(a, as) : "", clean };
	size_t before = l->n;

	if (path_is_outside(clean))
		return cannot(pattern, "it leaves the spec's folder", e);
	g.root = fixed_part(a, clean);

	CLEAN_FD int fd = path_open(l->dirfd, *g.root ? g.root : ".", O_PATH | O_DIRECTORY);

	if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
		return cannot(pattern, why_not_opened(errno), e);
	if (fd >= 0 && !gather_tree(&g, fd, e))
		return false;
	return l->n > before || cannot(pattern, "no file fits this pattern", e);
}

static int by_name(const void *a, const void *b)
{
	const struct pack_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Whether a folder that the entry lies in is itself a file of the list. */
static bool is_below_a_file(struct arena *a, const struct pack_list *l, const char *name,
			    struct err *e)
{
	for (const char *p = strchr(name, '/'); p; p = strchr(p + 1, '/')) {
		struct pack_entry key = { .name = arena_strndup(a, name, (size_t)(p - name)) };

		if (bsearch(&key, l->entry, l->n, sizeof(key), by_name)) {
			err_set(e, ERR_SPEC, "'%s' is both a file and the folder of '%s'", key.name,
				name);
			return true;
		}
	}
	return false;
}

bool pack_sort(struct pack_list *l, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };

	if (l->n)
		qsort(l->entry, l->n, sizeof(l->entry[0]), by_name);
	for (size_t i = 0; i < l->n; i++) {
		const char *name = l->entry[i].name;

		if (!fs_is_plain_path(name))
			return err_set(e, ERR_SPEC,
				       "a packed file's name must be relative, without '..' or "
				       "control characters, not '%s'",
				       name);
		if (i && !strcmp(name, l->entry[i - 1].name))
			return err_set(e, ERR_SPEC, "two packed files are named '%s'", name);
	}
	for (size_t i = 0; i < l->n; i++)
		if (is_below_a_file(&a, l, l->entry[i].name, e))
			return false;
	return true;
}

static bool copy_sink(void *ctx, const void *data, size_t n, struct err *e)
{
	char **at = ctx;

	(void)e;
	memcpy(*at, data, n);
	*at += n;
	return true;
}

bool pack_read(struct arena *a, struct pack_list *l, int64_t max_bytes, struct err *e)
{
	uint64_t total = 0;

	assert(max_bytes >= 0);
	for (size_t i = 0; i < l->n; i++)
		total += l->entry[i].len;
	if (total > (uint64_t)max_bytes)
		return err_set(e, ERR_SPEC,
			       "the files are %" PRIu64 " bytes together, at most %" PRId64
			       " are taken",
			       total, max_bytes);
	for (size_t i = 0; i < l->n; i++) {
		struct pack_entry *en = &l->entry[i];
		char *data, *at;

		if (en->data)
			continue;
		at = data = arena_zalloc(a, en->len + 1, 1);
		if (!entry_stream(l, en, copy_sink, &at, e))
			return false;
		en->data = data;
	}
	return true;
}
