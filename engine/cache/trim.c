#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "cache/store.h"

#define COPY_MAX  ((size_t)512 << 20) /* bytes of a result and its line */
#define USED_LINE 192                 /* bytes, at most, of the line that says when it was used */

/* The files that nobody writes to: locked by us while they are read and replaced. */
struct trimming {
	struct cache *cache;
	struct arena arena;
	int *lock; /* as cache->file, -1: somebody writes to it */
	struct stored **item;
	size_t n;
	bool drops; /* something is to go */
	int fd;
	const char *path;
};

static void trimming_close(struct trimming *t)
{
	for (size_t i = 0; t->lock && i < t->cache->nfile; i++)
		fs_close(&t->lock[i]);
	fs_close(&t->fd);
	arena_free(&t->arena);
}

static void lock_files(struct trimming *t)
{
	struct cache *c = t->cache;

	t->lock = ARENA_NEW(&t->arena, c->nfile, int);
	for (size_t i = 0; i < c->nfile; i++) {
		t->lock[i] = open(c->file[i], O_RDONLY | O_CLOEXEC);
		if (t->lock[i] >= 0 && flock(t->lock[i], LOCK_EX | LOCK_NB) < 0)
			fs_close(&t->lock[i]);
	}
}

static bool is_ours(const struct trimming *t, const char *path)
{
	for (size_t i = 0; i < t->cache->nfile; i++)
		if (t->cache->file[i] == path)
			return t->lock[i] >= 0;
	return false;
}

static int last_used_first(const void *a, const void *b)
{
	const struct stored *x = *(struct stored *const *)a, *y = *(struct stored *const *)b;

	if (x->used_ms != y->used_ms)
		return x->used_ms > y->used_ms ? -1 : 1;
	return strcmp(x->key, y->key);
}

/* What of our files stays: the last used, as long as they fit. */
static void choose(struct trimming *t, int64_t max_bytes, int64_t max_age_s)
{
	struct cache *c = t->cache;
	struct stored *s;
	size_t at = 0, n = 0;
	int64_t bytes = 0;

	while (map_next(&c->by_key, &at))
		n++;
	t->item = ARENA_NEW(&t->arena, n, struct stored *);
	at = n = 0;
	while ((s = map_next(&c->by_key, &at))) {
		if (is_ours(t, s->path))
			t->item[n++] = s;
		else
			bytes += s->end - s->start;
	}
	qsort(t->item, n, sizeof(struct stored *), last_used_first);
	for (t->n = 0; t->n < n; t->n++) {
		s = t->item[t->n];
		bytes += s->end - s->start + USED_LINE;
		if (bytes > max_bytes ||
		    (max_age_s >= 0 && c->now_ms - s->used_ms > max_age_s * 1000))
			break;
	}
	t->drops = t->n < n;
}

/* The result's line and bytes as they are, and when it was last used as a hit of no cell. */
static bool copy_one(struct trimming *t, const struct stored *s, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(COPY_MAX);
	CLEAN_FD int fd = open(s->path, O_RDONLY | O_CLOEXEC);
	size_t n = (size_t)(s->payload - s->start);
	char *line = arena_zalloc(&t->arena, n, 1);
	const struct cache_key none = { .ninput = 0 };
	struct event used = {
		.kind = EVENT_HIT, .at_ms = s->used_ms, .spec = "", .cell = "", .key = s->key
	};

	if (fd < 0 || pread(fd, line, n, s->start) != (ssize_t)n || !buf_add(&b, line, n) ||
	    !store_read(t->cache, s, &b) || !log_print(&b, &used, &none))
		return true; /* damaged: it goes */
	return fs_write_all(t->fd, b.data, b.len) || err_sys(e, "cannot write '%s'", t->path);
}

static bool copy_kept(struct trimming *t, struct err *e)
{
	if (!t->n)
		return true;
	t->fd = log_make(&t->arena, t->cache->folder, t->cache->now_ms, &t->path, e);
	if (t->fd < 0)
		return false;
	for (size_t i = t->n; i > 0; i--) {
		if (copy_one(t, t->item[i - 1], e))
			continue;
		unlink(t->path);
		return false;
	}
	return true;
}

static bool remove_files(struct trimming *t, struct err *e)
{
	struct cache *c = t->cache;

	for (size_t i = 0; i < c->nfile; i++)
		if (t->lock[i] >= 0 && unlink(c->file[i]) < 0 && errno != ENOENT)
			return err_sys(e, "cannot remove '%s'", c->file[i]);
	return true;
}

bool cache_trim(struct cache *c, int64_t max_bytes, int64_t max_age_s, struct err *e)
{
	__attribute__((cleanup(trimming_close))) struct trimming t = { .cache = c, .fd = -1 };

	if (!store_flush(c, e))
		return false;
	fs_close(&c->fd); /* our own file is one of them now */
	c->written = 0;
	if (!store_index(c, e))
		return false;
	lock_files(&t);
	store_read_all(c); /* with what was written to them up to now */
	choose(&t, max_bytes, max_age_s);
	if (!t.drops && c->stats.bytes <= max_bytes && c->nfile <= 1)
		return true;
	if (!copy_kept(&t, e) || !remove_files(&t, e))
		return false;
	/* index anew only when the old list is no longer needed for the locks */
	trimming_close(&t);
	t.lock = NULL;
	return store_index(c, e);
}
