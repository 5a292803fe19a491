#include "cmd/compare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/map.h"
#include "keep/keep.h"

#define MAX_FILES 1000000
#define LINE_MAX  (1 << 20)

/* ---- the files of a cell ---- */

/* Names and digests of what a cell left, in byte order of names. */
struct left {
	const char **name;
	char (*hex)[DIGEST_HEX];
	size_t n, cap;
	struct arena *arena;
	const char *folder;
};

static bool hash_file(const char *path, char hex[DIGEST_HEX], struct err *e)
{
	CLEAN_FD int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char step[1 << 14];
	struct digest *d;
	ssize_t n;

	if (fd < 0)
		return err_sys(e, "cannot read '%s'", path);
	d = digest_open();
	while ((n = read(fd, step, sizeof(step))) > 0)
		digest_add(d, step, (size_t)n);
	digest_close(d, hex);
	return n == 0 || err_sys(e, "cannot read '%s'", path);
}

static void left_grow(struct left *l)
{
	size_t cap = l->cap ? l->cap * 2 : 8;
	const char **name = ARENA_NEW(l->arena, cap, const char *);
	char(*hex)[DIGEST_HEX] = arena_zalloc(l->arena, cap, DIGEST_HEX);

	if (l->n) {
		memcpy(name, l->name, l->n * sizeof(*name));
		memcpy(hex, l->hex, l->n * DIGEST_HEX);
	}
	l->name = name;
	l->hex = hex;
	l->cap = cap;
}

/* result.json tells times and ids, which always differ, and what the journal tells as well. */
static bool visit(void *ctx, const char *path, const struct stat *st, struct err *e)
{
	struct left *l = ctx;

	if (!S_ISREG(st->st_mode) || !strcmp(path, "result.json"))
		return true;
	if (l->n == l->cap)
		left_grow(l);
	l->name[l->n] = arena_strdup(l->arena, path);
	return hash_file(arena_printf(l->arena, "%s/%s", l->folder, path), l->hex[l->n++], e);
}

static bool read_left(struct arena *a, const struct summary *s, const char *cell, struct left *out,
		      struct err *e)
{
	*out = (struct left){ .arena = a };
	out->folder = arena_printf(a, "%s/jobs/%s", s->run_folder, keep_cell_folder(a, cell));
	if (access(out->folder, F_OK) < 0 && errno == ENOENT)
		return true;
	return fs_walk(AT_FDCWD, out->folder, MAX_FILES, visit, out, e);
}

/* ---- one cell ---- */

struct difference {
	const struct row *was, *is; /* NULL: the run has no such cell */
	const char **file;          /* that differ: "stdout", "artifacts/prog (gone)" */
	size_t nfile;
};

/* Both lists in order, like a merge. */
static void compare_left(struct arena *a, const struct left *was, const struct left *is,
			 struct difference *out)
{
	size_t i = 0, k = 0;

	out->file = ARENA_NEW(a, was->n + is->n, const char *);
	while (i < was->n || k < is->n) {
		int order = i == was->n ? 1 : k == is->n ? -1 : strcmp(was->name[i], is->name[k]);

		if (order < 0)
			out->file[out->nfile++] = arena_printf(a, "%s (gone)", was->name[i++]);
		else if (order > 0)
			out->file[out->nfile++] = arena_printf(a, "%s (new)", is->name[k++]);
		else if (strcmp(was->hex[i++], is->hex[k++]) != 0)
			out->file[out->nfile++] = was->name[i - 1];
	}
}

static bool compare_cell(struct arena *a, const struct compare_pair *p, struct difference *d,
			 bool *differs, struct err *e)
{
	struct left was, is;

	*differs = !d->was || !d->is || d->was->verdict != d->is->verdict ||
		   d->was->exit_code != d->is->exit_code;
	if (!d->was || !d->is)
		return true;
	if (!read_left(a, p->was, d->was->cell, &was, e) ||
	    !read_left(a, p->is, d->is->cell, &is, e))
		return false;
	compare_left(a, &was, &is, d);
	*differs = *differs || d->nfile;
	return true;
}

/* ---- telling ---- */

static void show_text(struct buf *b, const char *text)
{
	check_show(b, text, strlen(text), SHOW_SAFE);
}

static void tell_verdict(struct buf *b, const struct difference *d)
{
	const char *was = d->was ? verdict_names[d->was->verdict] : "absent";
	const char *is = d->is ? verdict_names[d->is->verdict] : "absent";

	if (!strcmp(was, is))
		buf_printf(b, "  %s", is);
	else
		buf_printf(b, "  %s -> %s", was, is);
	if (d->was && d->is && d->was->exit_code != d->is->exit_code)
		buf_printf(b, ", exit code %d -> %d", d->was->exit_code, d->is->exit_code);
}

static void tell(struct buf *b, const struct difference *d)
{
	show_text(b, d->is ? d->is->cell : d->was->cell);
	tell_verdict(b, d);
	for (size_t i = 0; i < d->nfile; i++) {
		buf_puts(b, i ? ", " : "; differ: ");
		show_text(b, d->file[i]);
	}
	if (d->was && d->is)
		buf_printf(b, "; %lld ms -> %lld ms", (long long)d->was->duration_ms,
			   (long long)d->is->duration_ms);
	buf_puts(b, "\n");
}

static cJSON *side_json(const struct row *r)
{
	cJSON *side = cJSON_CreateObject();

	if (!r) {
		cJSON_Delete(side);
		return cJSON_CreateNull();
	}
	cJSON_AddStringToObject(side, "verdict", verdict_names[r->verdict]);
	cJSON_AddNumberToObject(side, "exit_code", r->exit_code);
	cJSON_AddNumberToObject(side, "duration_ms", (double)r->duration_ms);
	json_add_bytes(side, "reason", r->reason, strlen(r->reason));
	return side;
}

static void tell_json(struct buf *b, const struct difference *d, bool is_first)
{
	CLEAN_JSON cJSON *row = cJSON_CreateObject();
	const char *cell = d->is ? d->is->cell : d->was->cell;
	cJSON *files;

	json_add_bytes(row, "cell", cell, strlen(cell));
	cJSON_AddItemToObject(row, "was", side_json(d->was));
	cJSON_AddItemToObject(row, "is", side_json(d->is));
	files = cJSON_AddArrayToObject(row, "differ");
	for (size_t i = 0; i < d->nfile; i++)
		cJSON_AddItemToArray(files, cJSON_CreateString(d->file[i]));
	buf_puts(b, is_first ? "[" : ",\n");
	json_print(row, b);
}

static void tell_totals(struct buf *b, const struct compare_pair *p, size_t nchanged)
{
	buf_printf(b, "%zu of %zu cells differ; %.1f s -> %.1f s\n", nchanged, p->is->nrow,
		   (double)p->was->duration_ms / 1000, (double)p->is->duration_ms / 1000);
}

/* ---- both runs ---- */

static void index_rows(struct map *m, const struct summary *s)
{
	for (size_t i = 0; i < s->nrow; i++)
		map_set(m, s->row[i].cell, strlen(s->row[i].cell), &s->row[i]);
}

static bool take(const struct compare_pair *p, struct difference *d, bool json, size_t *nchanged,
		 struct buf *out, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	bool differs;

	if (!compare_cell(&a, p, d, &differs, e))
		return false;
	if (!differs)
		return true;
	if (json)
		tell_json(out, d, *nchanged == 0);
	else
		tell(out, d);
	++*nchanged;
	return true;
}

bool compare_runs(const struct compare_pair *p, bool json, size_t *nchanged, struct buf *out,
		  struct err *e)
{
	CLEAN_MAP struct map was = { 0 }, is = { 0 };

	*nchanged = 0;
	index_rows(&was, p->was);
	index_rows(&is, p->is);
	for (size_t i = 0; i < p->is->nrow; i++) {
		const char *cell = p->is->row[i].cell;
		struct difference d = { .was = map_get(&was, cell, strlen(cell)),
					.is = &p->is->row[i] };

		if (!take(p, &d, json, nchanged, out, e))
			return false;
	}
	for (size_t i = 0; i < p->was->nrow; i++) {
		const char *cell = p->was->row[i].cell;
		struct difference d = { .was = &p->was->row[i] };

		if (!map_get(&is, cell, strlen(cell)) && !take(p, &d, json, nchanged, out, e))
			return false;
	}
	if (json)
		buf_puts(out, *nchanged ? "]\n" : "[]\n");
	else
		tell_totals(out, p, *nchanged);
	return true;
}
