#include "run/history.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "keep/keep.h"

#define SHOWN_BYTES 8192 /* of each stream of a cell that is not as expected, as in a summary */
#define RESULT_MAX  ((size_t)256 << 20)
#define MAX_MS      (INT64_C(1) << 52)

struct reading {
	struct arena *arena;
	struct history *history;
	size_t cap; /* of history->cell */
};

static const char *copy_text(struct arena *a, const cJSON *object, const char *key)
{
	const cJSON *value = json_get(object, key);

	return cJSON_IsString(value) ? arena_strdup(a, value->valuestring) : NULL;
}

static const char *copy_or_empty(struct arena *a, const cJSON *object, const char *key)
{
	const char *text = copy_text(a, object, key);

	return text ? text : "";
}

static double read_number(const cJSON *object, const char *key)
{
	const cJSON *value = json_get(object, key);

	return cJSON_IsNumber(value) ? value->valuedouble : 0;
}

/* Members that are whole numbers, into what they are kept in. */
static bool read_size(const cJSON *object, const char *key, size_t *out, struct err *e)
{
	int64_t value = 0;

	if (!json_get_int(object, key, 0, INT64_C(1) << 40, &value, e))
		return false;
	*out = (size_t)value;
	return true;
}

static bool read_int(const cJSON *object, const char *key, int *out, struct err *e)
{
	int64_t value = 0;

	if (!json_get_int(object, key, INT32_MIN, INT32_MAX, &value, e))
		return false;
	*out = (int)value;
	return true;
}

static bool read_ms(const cJSON *object, const char *key, int64_t *out, struct err *e)
{
	return json_get_int(object, key, -MAX_MS, MAX_MS, out, e);
}

static void grow(struct reading *r)
{
	struct history *h = r->history;
	size_t cap = r->cap ? r->cap * 2 : 64;
	struct history_cell **bigger = ARENA_NEW(r->arena, cap, struct history_cell *);

	if (h->nseen)
		memcpy(bigger, h->cell, h->nseen * sizeof(struct history_cell *));
	h->cell = bigger;
	r->cap = cap;
}

/* The cell that the event is of, told of before or not; NULL with e: it names none. */
static struct history_cell *cell_of(struct reading *r, const cJSON *event, struct err *e)
{
	struct history *h = r->history;
	const char *id = NULL, *job;
	struct history_cell *c;

	if (!json_get_text(event, "cell", &id, e))
		return NULL;
	if (!id || !*id) {
		err_set(e, ERR_SYSTEM, "the event names no cell");
		return NULL;
	}
	c = map_get(&h->by_id, id, strlen(id));
	if (!c) {
		if (h->nseen == r->cap)
			grow(r);
		c = ARENA_NEW(r->arena, 1, struct history_cell);
		c->row.cell = arena_strdup(r->arena, id);
		/* Until an event says so: a cell's id is its job's name and its matrix. */
		c->row.job = arena_strndup(r->arena, id, strcspn(id, "["));
		c->row.reason = "";
		c->index = SIZE_MAX;
		map_set(&h->by_id, c->row.cell, strlen(c->row.cell), c);
		h->cell[h->nseen++] = c;
	}
	job = copy_text(r->arena, event, "job");
	c->row.job = job ? job : c->row.job;
	return c;
}

/* ---- one function an event ---- */

typedef bool event_fn(struct reading *r, const cJSON *event, struct err *e);

/* Another one (a run gone on with, to another endpoint perhaps) takes the place of the first, but
 * for when it all began. */
static bool on_run(struct reading *r, const cJSON *event, struct err *e)
{
	struct history *h = r->history;
	int64_t started_at = 0;

	h->spec_path = copy_or_empty(r->arena, event, "spec");
	h->spec_sha256 = copy_text(r->arena, event, "spec_sha256");
	h->name = copy_or_empty(r->arena, event, "name");
	h->endpoint = copy_or_empty(r->arena, event, "endpoint");
	if (!read_size(event, "cells", &h->ncell, e) ||
	    !read_ms(event, "started_at", &started_at, e))
		return false;
	if (!h->has_run)
		h->started_at = started_at;
	h->has_run = true;
	h->is_done = h->is_interrupted = false;
	return true;
}

static bool on_submit(struct reading *r, const cJSON *event, struct err *e)
{
	struct history_cell *c = cell_of(r, event, e);
	const char *key;

	if (!c)
		return false;
	key = copy_text(r->arena, event, "key");
	/* Sent again under the same key, it is the same attempt. */
	c->attempts += !key || !c->key || strcmp(key, c->key) != 0;
	c->key = key;
	c->job_id = NULL;
	c->state = c->key ? HISTORY_SENDING : HISTORY_NOTHING;
	c->is_left = false;
	return true;
}

static bool on_submitted(struct reading *r, const cJSON *event, struct err *e)
{
	struct history_cell *c = cell_of(r, event, e);

	if (!c)
		return false;
	c->job_id = copy_text(r->arena, event, "job_id");
	if (c->job_id)
		c->state = HISTORY_SUBMITTED;
	return true;
}

static bool read_verdict(const cJSON *event, enum verdict *out, struct err *e)
{
	const char *name = NULL;

	if (!json_get_text(event, "verdict", &name, e))
		return false;
	for (int v = 0; name && v < NVERDICT; v++) {
		if (strcmp(name, verdict_names[v]) != 0)
			continue;
		*out = (enum verdict)v;
		return true;
	}
	return err_set(e, ERR_SYSTEM, "'%.40s' is no verdict", name ? name : "");
}

static void read_failures(struct arena *a, const cJSON *event, struct row *row)
{
	const cJSON *list = json_get(event, "failures"), *item;
	struct failure *f;

	row->failure = NULL;
	row->nfailure = 0;
	if (!cJSON_IsArray(list))
		return;
	row->failure = f = ARENA_NEW(a, (size_t)cJSON_GetArraySize(list), struct failure);
	cJSON_ArrayForEach(item, list)
	{
		f[row->nfailure].what = copy_or_empty(a, item, "what");
		f[row->nfailure++].detail = copy_text(a, item, "detail");
	}
}

static bool read_index(struct history_cell *c, const cJSON *event, struct err *e)
{
	int64_t index = -1;

	if (!json_get_int(event, "index", 0, PLAN_MAX_CELLS, &index, e))
		return false;
	if (index >= 0) {
		c->index = (size_t)index;
		c->row.index = (uint32_t)index;
	}
	return true;
}

static bool on_ended(struct reading *r, const cJSON *event, struct err *e)
{
	struct history_cell *c = cell_of(r, event, e);
	struct row *row = c ? &c->row : NULL;

	if (!c || !read_verdict(event, &row->verdict, e) || !read_index(c, event, e) ||
	    !read_int(event, "exit_code", &row->exit_code, e) ||
	    !read_int(event, "attempts", &row->attempts, e) ||
	    !read_ms(event, "duration_ms", &row->duration_ms, e) ||
	    !read_ms(event, "queue_ms", &row->queue_ms, e) ||
	    !read_size(event, "artifacts", &row->nartifact, e))
		return false;
	row->reason = copy_or_empty(r->arena, event, "reason");
	row->points = read_number(event, "points");
	row->max_points = read_number(event, "max_points");
	row->job_id = copy_text(r->arena, event, "job_id");
	read_failures(r->arena, event, row);
	row->first = copy_text(r->arena, event, "first");
	row->is_allowed = cJSON_IsTrue(json_get(event, "allowed"));
	c->job_id = row->job_id;
	c->state = HISTORY_ENDED;
	c->is_left = false;
	return true;
}

static bool on_left(struct reading *r, const cJSON *event, struct err *e)
{
	struct history_cell *c = cell_of(r, event, e);

	if (!c || !read_verdict(event, &c->row.verdict, e) || !read_index(c, event, e))
		return false;
	c->row.reason = copy_or_empty(r->arena, event, "reason");
	c->is_left = true;
	return true;
}

static bool on_done(struct reading *r, const cJSON *event, struct err *e)
{
	struct history *h = r->history;

	h->is_done = true;
	h->execution_mode = copy_text(r->arena, event, "execution_mode");
	return json_get_bool(event, "interrupted", &h->is_interrupted, e) &&
	       read_ms(event, "duration_ms", &h->duration_ms, e);
}

static const struct {
	const char *name;
	event_fn *take;
} events[] = {
	{ "ended", on_ended }, { "submit", on_submit }, { "submitted", on_submitted },
	{ "left", on_left },   { "run", on_run },       { "done", on_done },
};

static bool on_event(void *ctx, const cJSON *event, struct err *e)
{
	const char *name = NULL;

	if (!json_get_text(event, "event", &name, e))
		return false;
	for (size_t i = 0; name && i < sizeof(events) / sizeof(events[0]); i++)
		if (!strcmp(name, events[i].name))
			return events[i].take(ctx, event, e);
	return name || err_set(e, ERR_SYSTEM, "the line has no \"event\"");
}

/* Killed before its last line: the first result that is there says how it was run. */
static void find_execution_mode(struct arena *a, struct history *h)
{
	CLEAN_ARENA struct arena scratch = { 0 };
	struct err ignored = { 0 };

	for (size_t i = 0; i < h->nseen && !h->execution_mode; i++) {
		CLEAN_JSON cJSON *result = NULL;
		char *text;
		size_t len;

		if (h->cell[i]->state != HISTORY_ENDED || !h->cell[i]->job_id ||
		    !fs_read(&scratch, AT_FDCWD,
			     arena_printf(&scratch, "%s/jobs/%s/result.json", h->folder,
					  keep_cell_folder(&scratch, h->cell[i]->row.cell)),
			     RESULT_MAX, &text, &len, &ignored))
			continue;
		result = json_parse(text, len, JSON_NUL_REPLACE, &ignored);
		if (result)
			h->execution_mode = copy_text(a, result, "execution_mode");
	}
}

bool history_load(struct arena *a, const char *folder, struct history *out, struct err *e)
{
	struct reading r = { a, out, 0 };

	*out = (struct history){ .folder = arena_strdup(a, folder) };
	if (!keep_replay(folder, on_event, &r, e)) {
		history_close(out);
		return false;
	}
	if (!out->is_done)
		find_execution_mode(a, out);
	return true;
}

void history_close(struct history *h)
{
	map_close(&h->by_id);
}

const struct history_cell *history_find(const struct history *h, const char *cell_id)
{
	return map_get(&h->by_id, cell_id, strlen(cell_id));
}

/* The first bytes of a stream; none where there is no file. */
static bool read_start(struct arena *a, int run_fd, const char *path, struct bytes *out,
		       struct err *e)
{
	CLEAN_FD int fd = openat(run_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char *data = ARENA_NEW(a, SHOWN_BYTES + 1, char);
	ssize_t n;

	*out = (struct bytes){ 0 };
	if (fd < 0 && errno == ENOENT)
		return true;
	n = fd < 0 ? -1 : pread(fd, data, SHOWN_BYTES, 0);
	if (n < 0)
		return err_sys(e, "cannot read '%s'", path);
	if (n > 0)
		*out = (struct bytes){ data, (size_t)n };
	return true;
}

bool history_outputs(struct arena *a, int run_fd, struct row *row, struct err *e)
{
	CLEAN_ARENA struct arena scratch = { 0 };
	const char *folder;

	if (row->verdict == VERDICT_PASSED)
		return true;
	folder = keep_cell_folder(&scratch, row->cell);
	return read_start(a, run_fd, arena_printf(&scratch, "jobs/%s/stdout", folder), &row->out,
			  e) &&
	       read_start(a, run_fd, arena_printf(&scratch, "jobs/%s/stderr", folder), &row->err,
			  e);
}
