#include "cache/cache.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/map.h"
#include "cache/store.h"

#define PENDING_MAX (8 << 20)           /* bytes noted, before they are written */
#define STORED_MAX  ((size_t)256 << 20) /* bytes of one result */
#define MANY_FILES  64                  /* past these, closing brings them together */

/* ---- what is there ---- */

static bool index_event(void *ctx, const char *path, const struct event *event)
{
	struct cache *c = ctx;
	struct stored *s = map_get(&c->by_key, event->key, strlen(event->key));

	c->stats.nhit += event->kind == EVENT_HIT && *event->cell;
	c->stats.nmiss += event->kind == EVENT_MISS;
	if (event->kind == EVENT_HIT && s && s->used_ms < event->at_ms)
		s->used_ms = event->at_ms;
	if (event->kind != EVENT_PUT || strlen(event->sha256) != DIGEST_HEX - 1)
		return true;
	if (!s) {
		s = ARENA_NEW(&c->arena, 1, struct stored);
		s->key = arena_strdup(&c->arena, event->key);
		map_set(&c->by_key, s->key, strlen(s->key), s);
	}
	s->path = path;
	s->start = event->start;
	s->payload = event->payload;
	s->end = event->end;
	s->at_ms = event->at_ms;
	s->used_ms = event->at_ms;
	memcpy(s->sha256, event->sha256, DIGEST_HEX);
	return true;
}

void store_read_all(struct cache *c)
{
	struct stat st;

	map_close(&c->by_key);
	c->by_key = (struct map){ 0 };
	c->stats = (struct cache_stats){ 0 };
	for (size_t i = 0; i < c->nfile; i++) {
		log_read(c->file[i], index_event, c);
		if (stat(c->file[i], &st) == 0)
			c->stats.bytes += st.st_size;
	}
}

bool store_index(struct cache *c, struct err *e)
{
	if (!log_list(&c->arena, c->folder, &c->file, &c->nfile, e))
		return false;
	store_read_all(c);
	return true;
}

struct cache *cache_open(const char *root, const char *spec, int64_t now_ms, struct err *e)
{
	struct arena a = { 0 };
	struct cache *c = ARENA_NEW(&a, 1, struct cache);

	*c = (struct cache){ .arena = a, .fd = -1, .now_ms = now_ms, .pending = BUF(PENDING_MAX) };
	c->folder = arena_printf(&c->arena, "%s/cache", root);
	c->spec = arena_strdup(&c->arena, spec);
	if (store_index(c, e))
		return c;
	cache_close(c);
	return NULL;
}

void cache_close(struct cache *c)
{
	struct err ignored = { 0 };
	struct arena a;

	if (!c)
		return;
	if (store_flush(c, &ignored) && (c->stats.bytes > CACHE_MAX_BYTES || c->nfile > MANY_FILES))
		cache_trim(c, CACHE_MAX_BYTES, CACHE_MAX_AGE_S, &ignored);
	fs_close(&c->fd);
	buf_close(&c->pending);
	map_close(&c->by_key);
	a = c->arena;
	arena_free(&a);
}

/* ---- writing ---- */

bool store_flush(struct cache *c, struct err *e)
{
	if (!c->pending.len)
		return true;
	if (c->fd < 0)
		c->fd = log_make(&c->arena, c->folder, c->now_ms, &c->own, e);
	if (c->fd < 0)
		return false;
	if (!fs_write_all(c->fd, c->pending.data, c->pending.len)) {
		err_sys(e, "cannot write '%s'", c->own);
		/* Nothing may follow a torn line. */
		if (ftruncate(c->fd, c->written) < 0)
			fs_close(&c->fd);
		buf_clear(&c->pending);
		return false;
	}
	c->written += (off_t)c->pending.len;
	c->stats.bytes += (int64_t)c->pending.len;
	buf_clear(&c->pending);
	return true;
}

/* Note a look-up. What cannot be noted is not told by cache_explain, no more. */
static void note(struct cache *c, enum event_kind kind, const char *cell,
		 const struct cache_key *key)
{
	struct event event = {
		.kind = kind, .at_ms = c->now_ms, .spec = c->spec, .cell = cell, .key = key->hex
	};
	struct err ignored = { 0 };

	c->stats.nhit += kind == EVENT_HIT;
	c->stats.nmiss += kind == EVENT_MISS;
	if (log_print(&c->pending, &event, key))
		return;
	if (store_flush(c, &ignored))
		log_print(&c->pending, &event, key);
}

/* The result as JSON with empty streams and artifacts, a line; their bytes one after the other. */
static bool payload_print(const struct wire_result *r, struct arena *a, struct buf *b)
{
	struct wire_result lean = *r;
	struct wire_job job = { .id = r->job_id && *r->job_id ? r->job_id : "unknown",
				.status = WIRE_COMPLETED,
				.result = &lean };
	bool ok;

	lean.out = lean.err = (struct bytes){ "", 0 };
	lean.artifact = ARENA_NEW(a, r->nartifact, struct wire_artifact);
	for (size_t i = 0; i < r->nartifact; i++)
		lean.artifact[i] = (struct wire_artifact){ r->artifact[i].name, { "", 0 } };
	ok = buf_printf(b, "%zu %zu", r->out.len, r->err.len);
	for (size_t i = 0; i < r->nartifact; i++)
		ok = ok && buf_printf(b, " %zu", r->artifact[i].data.len);
	ok = ok && buf_puts(b, "\n") && wire_job_print(&job, b) && buf_puts(b, "\n") &&
	     buf_add(b, r->out.data, r->out.len) && buf_add(b, r->err.data, r->err.len);
	for (size_t i = 0; i < r->nartifact; i++)
		ok = ok && buf_add(b, r->artifact[i].data.data, r->artifact[i].data.len);
	return ok && buf_puts(b, "\n");
}

/* Behind what is pending, or, where it is too large for that, at once. */
static bool append(struct cache *c, const struct buf *line, const struct buf *payload,
		   struct err *e)
{
	size_t n = line->len + payload->len;
	bool ok;

	if (c->pending.max - c->pending.len <= n && !store_flush(c, e))
		return false;
	if (n < c->pending.max)
		return buf_add(&c->pending, line->data, line->len) &&
		       buf_add(&c->pending, payload->data, payload->len);
	c->pending.max = n + 1;
	buf_add(&c->pending, line->data, line->len);
	buf_add(&c->pending, payload->data, payload->len);
	ok = store_flush(c, e);
	c->pending.max = PENDING_MAX;
	return ok;
}

bool cache_put(struct cache *c, const char *cell, const struct cache_key *key,
	       const struct wire_result *r, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf payload = BUF(STORED_MAX), line = BUF(STORED_MAX);
	char sha256[DIGEST_HEX];
	struct event event = { .kind = EVENT_PUT,
			       .at_ms = c->now_ms,
			       .spec = c->spec,
			       .cell = cell,
			       .key = key->hex,
			       .sha256 = sha256 };

	if (!payload_print(r, &a, &payload))
		return true; /* too large to be kept: not an error */
	digest_sha256(payload.data, payload.len, sha256);
	event.size = (int64_t)payload.len;
	if (!log_print(&line, &event, key))
		return true;
	event.start = c->written + (off_t)c->pending.len;
	if (!append(c, &line, &payload, e))
		return false;
	/* append may have written what was pending before it: the place stays the same. */
	event.payload = event.start + (off_t)line.len;
	event.end = event.payload + (off_t)payload.len;
	index_event(c, NULL, &event);
	return true;
}

/* ---- reading ---- */

/* "12 0 345\n": the next number, or -1. */
static int64_t next_size(const char **at, const char *end)
{
	int64_t n = 0;
	const char *from = *at;

	while (*at < end && **at >= '0' && **at <= '9' && n < INT64_MAX / 16)
		n = n * 10 + (*(*at)++ - '0');
	if (*at == from || *at == end || (**at != ' ' && **at != '\n'))
		return -1;
	if (**at == ' ')
		++*at;
	return n;
}

/* The next n of the bytes. */
static bool take(struct bytes *out, const char **at, const char *end, int64_t n)
{
	if (n < 0 || n > end - *at)
		return false;
	*out = (struct bytes){ *at, (size_t)n };
	*at += n;
	return true;
}

static bool payload_parse(struct arena *a, const char *text, size_t len, struct wire_result *out)
{
	const char *end = text + len, *sizes = text, *at = memchr(text, '\n', len), *json;
	struct err ignored = { 0 };
	struct wire_job job;

	json = at ? at + 1 : NULL;
	at = json ? memchr(json, '\n', (size_t)(end - json)) : NULL;
	if (!at || !wire_job_parse(a, json, (size_t)(at - json), &job, &ignored) || !job.result)
		return false;
	*out = *job.result;
	at++;
	if (!take(&out->out, &at, end, next_size(&sizes, json)) ||
	    !take(&out->err, &at, end, next_size(&sizes, json)))
		return false;
	for (size_t i = 0; i < out->nartifact; i++)
		if (!take(&out->artifact[i].data, &at, end, next_size(&sizes, json)))
			return false;
	/* struct bytes promises a NUL behind: parts stand side by side, so each gets a copy. */
	out->out.data = arena_strndup(a, out->out.data, out->out.len);
	out->err.data = arena_strndup(a, out->err.data, out->err.len);
	for (size_t i = 0; i < out->nartifact; i++)
		out->artifact[i].data.data =
			arena_strndup(a, out->artifact[i].data.data, out->artifact[i].data.len);
	return true;
}

bool store_read(struct cache *c, const struct stored *s, struct buf *out)
{
	CLEAN_FD int fd = -1;
	struct err ignored = { 0 };
	size_t n = (size_t)(s->end - s->payload);
	char hex[DIGEST_HEX], *data;
	bool ok;

	if (!s->path && !store_flush(c, &ignored))
		return false;
	fd = open(s->path ? s->path : c->own, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || n > STORED_MAX)
		return false;
	data = malloc(n + 1);
	ok = data && pread(fd, data, n, s->payload) == (ssize_t)n;
	if (ok) {
		digest_sha256(data, n, hex);
		ok = !memcmp(hex, s->sha256, sizeof(hex)) && buf_add(out, data, n);
	}
	free(data);
	return ok;
}

bool cache_get(struct cache *c, struct arena *a, const char *cell, const struct cache_key *key,
	       struct wire_result *out)
{
	struct stored *s = map_get(&c->by_key, key->hex, DIGEST_HEX - 1);
	CLEAN_BUF struct buf b = BUF(STORED_MAX + 1);
	bool ok = s && store_read(c, s, &b) && payload_parse(a, buf_text(&b), b.len, out);

	if (s && !ok)
		map_del(&c->by_key, key->hex, DIGEST_HEX - 1);
	if (ok)
		s->used_ms = c->now_ms;
	note(c, ok ? EVENT_HIT : EVENT_MISS, cell, key);
	return ok;
}

void cache_stats(struct cache *c, struct cache_stats *out)
{
	const struct stored *s;
	size_t at = 0;

	*out = c->stats;
	out->nfile = c->nfile + (c->fd >= 0);
	while ((s = map_next(&c->by_key, &at))) {
		out->nresult++;
		if (!out->oldest_ms || s->used_ms < out->oldest_ms)
			out->oldest_ms = s->used_ms;
	}
}

bool cache_clear(const char *root, size_t *nfile, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	const char *folder = arena_printf(&a, "%s/cache", root), **path;
	size_t n;

	if (!log_list(&a, folder, &path, &n, e) || !fs_remove_tree(AT_FDCWD, folder, e))
		return false;
	if (nfile)
		*nfile = n;
	return true;
}
