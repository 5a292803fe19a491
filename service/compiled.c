#include "service/compiled.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

/*
 * A kept file: SHA-256 of what follows, in hex, a newline; then for each file a struct entry, its
 * path and its bytes. Written and read by the same machine, so numbers are as they lie in memory.
 */
#define HEAD_SIZE DIGEST_HEX

struct entry {
	uint32_t path_len;
	uint32_t is_executable;
	uint64_t len;
};

int compiled_open(const char *data, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	const char *path = arena_printf(&a, "%s/compiled", data);
	int fd;

	if (!fs_mkdirs(AT_FDCWD, path, e))
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		err_sys(e, "cannot open %s", path);
	return fd;
}

/* Parts are told apart by their lengths. */
static void add_part(struct digest *d, const void *data, size_t n)
{
	uint64_t len = n;

	digest_add(d, &len, sizeof(len));
	digest_add(d, data, n);
}

static void add_names(struct digest *d, const struct names *list)
{
	add_part(d, &list->n, sizeof(list->n));
	for (size_t i = 0; i < list->n; i++)
		add_part(d, list->item[i], strlen(list->item[i]));
}

static void add_compiler(struct digest *d, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	add_part(d, &st.st_mtim, sizeof(st.st_mtim));
	add_part(d, &st.st_size, sizeof(st.st_size));
}

void compiled_key(const struct compiled_job *job, char key[DIGEST_HEX])
{
	const struct wire_request *r = job->request;
	struct digest *d = digest_open();

	add_part(d, job->tenant, strlen(job->tenant));
	add_part(d, job->language->name, strlen(job->language->name));
	add_names(d, &job->command->arg);
	add_names(d, &job->command->env);
	add_compiler(d, job->command->arg.item[0]);
	add_part(d, r->code.data, r->code.len);
	/* what a compiler could fetch is not what it gets alone */
	add_part(d, wire_network_names[r->network], strlen(wire_network_names[r->network]));
	for (size_t i = 0; i < r->nfile; i++) {
		add_part(d, r->file[i].name, strlen(r->file[i].name));
		add_part(d, r->file[i].is_archive ? "a" : "f", 1);
		add_part(d, r->file[i].data.data, r->file[i].data.len);
	}
	digest_close(d, key);
}

/* The next n bytes; NULL: there are not so many. */
static const char *take(struct bytes *rest, size_t n)
{
	const char *at = rest->data;

	if (rest->len < n)
		return NULL;
	rest->data += n;
	rest->len -= n;
	return at;
}

static bool restore_one(struct bytes *rest, const struct workdir *w)
{
	CLEAN_ARENA struct arena a = { 0 };
	const char *at = take(rest, sizeof(struct entry));
	const char *path, *data;
	struct entry entry;
	struct bytes file;
	struct err ignored;

	if (!at)
		return false;
	memcpy(&entry, at, sizeof(entry));
	path = take(rest, entry.path_len);
	data = take(rest, entry.len);
	if (!path || !data)
		return false;
	file = (struct bytes){ data, entry.len };
	return workdir_replace(w, arena_strndup(&a, path, entry.path_len), &file,
			       entry.is_executable, &ignored);
}

static bool is_whole(struct bytes *rest)
{
	const char *head = take(rest, HEAD_SIZE);
	char hex[DIGEST_HEX];

	if (!head)
		return false;
	digest_sha256(rest->data, rest->len, hex);
	return memcmp(head, hex, HEAD_SIZE - 1) == 0;
}

bool compiled_restore(int dir, const char *key, const struct workdir *w)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct bytes rest;
	struct err ignored;
	char *data;

	if (!fs_read(&a, dir, key, COMPILED_TREE_MAX + HEAD_SIZE, &data, &rest.len, &ignored))
		return false;
	rest.data = data;
	if (!is_whole(&rest)) {
		unlinkat(dir, key, 0);
		return false;
	}
	while (rest.len)
		if (!restore_one(&rest, w))
			return false;
	utimensat(dir, key, NULL, 0);
	return true;
}

/* What compiled_keep hands to each visit. */
struct gathering {
	const struct compiled_job *job;
	const struct workdir *w;
	struct arena *arena;
	struct buf *to;
	bool is_too_large;
};

/* The source, the input files, and what a toolchain keeps for itself. */
static bool is_wanted(const struct compiled_job *job, const char *path)
{
	const struct wire_request *r = job->request;

	if (!strncmp(path, ".cache/", 7) || !strcmp(path, command_source(r, job->language)))
		return false;
	for (size_t i = 0; i < r->nfile; i++)
		if (!r->file[i].is_archive && !strcmp(path, r->file[i].name))
			return false;
	return fs_is_plain_path(path);
}

static bool visit(void *ctx, const char *path, const struct stat *st, struct err *e)
{
	struct gathering *g = ctx;
	struct artifacts one = { .arena = g->arena, .room = COMPILED_TREE_MAX };
	struct entry entry = { .path_len = (uint32_t)strlen(path),
			       .is_executable = (st->st_mode & S_IXUSR) != 0 };

	if (!S_ISREG(st->st_mode) || g->is_too_large || !is_wanted(g->job, path))
		return true;
	if ((uint64_t)st->st_size > COMPILED_TREE_MAX - g->to->len) {
		g->is_too_large = true;
		return true;
	}
	if (!workdir_take(g->w, path, &one, e))
		return false;
	if (!one.n)
		return true;
	entry.len = one.item[0].data.len;
	g->is_too_large = !buf_add(g->to, &entry, sizeof(entry)) ||
			  !buf_add(g->to, path, entry.path_len) ||
			  !buf_add(g->to, one.item[0].data.data, entry.len);
	return true;
}

/* Renamed, not synced: one that a crash has cut short is told by its digest. */
static bool write_tree(int dir, const char *key, const struct buf *b, struct err *e)
{
	CLEAN_FD int fd = openat(dir, "new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || !fs_write_all(fd, b->data, b->len) || renameat(dir, "new", dir, key) < 0)
		return err_sys(e, "cannot keep what was compiled");
	return true;
}

/* A kept tree, for choosing which one goes. */
struct kept {
	char name[DIGEST_HEX];
	struct timespec used;
	size_t size;
};

static int by_use(const void *a, const void *b)
{
	const struct kept *x = a;
	const struct kept *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

/* All kept trees, at most one more than may stay, since each keeping ends with a trim. */
static size_t list_kept(int dir, struct kept *item, size_t *bytes)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct stat st;
	size_t n = 0;

	*bytes = 0;
	for (const struct dirent *f; d && n <= COMPILED_TREES_MAX && (f = readdir(d));) {
		if (strlen(f->d_name) != DIGEST_HEX - 1 || fstatat(dir, f->d_name, &st, 0) < 0)
			continue;
		memcpy(item[n].name, f->d_name, DIGEST_HEX);
		item[n].used = st.st_mtim;
		item[n].size = (size_t)st.st_size;
		*bytes += item[n++].size;
	}
	if (d)
		closedir(d);
	return n;
}

static void trim(int dir)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct kept *item = ARENA_NEW(&a, COMPILED_TREES_MAX + 1, struct kept);
	size_t bytes;
	size_t n = list_kept(dir, item, &bytes);

	qsort(item, n, sizeof(*item), by_use);
	for (size_t i = 0; i < n; i++) {
		if (bytes <= COMPILED_BYTES_MAX && n - i <= COMPILED_TREES_MAX)
			return;
		unlinkat(dir, item[i].name, 0);
		bytes -= item[i].size;
	}
}

bool compiled_keep(int dir, const char *key, const struct compiled_job *job,
		   const struct workdir *w, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf b = BUF(COMPILED_TREE_MAX + HEAD_SIZE);
	struct gathering g = { job, w, &a, &b, false };
	char hex[DIGEST_HEX] = "";

	buf_add(&b, hex, HEAD_SIZE);
	if (!fs_walk(w->fd, ".", WORKDIR_ENTRIES_MAX, visit, &g, e))
		return err_wrap(e, "cannot keep what was compiled");
	if (g.is_too_large)
		return true;
	digest_sha256(b.data + HEAD_SIZE, b.len - HEAD_SIZE, hex);
	memcpy(b.data, hex, HEAD_SIZE - 1);
	b.data[HEAD_SIZE - 1] = '\n';
	if (!write_tree(dir, key, &b, e))
		return false;
	trim(dir);
	return true;
}
