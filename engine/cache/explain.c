#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "cache/store.h"

/* What the files tell of one cell. */
struct told {
	enum event_kind kind;
	int64_t at_ms;
	size_t came;
	const char *spec;
	struct cache_key key;
};

struct telling {
	struct arena *arena;
	const char *cell;
	struct told *item;
	size_t n, cap;
};

static void copy_key(struct arena *a, const struct event *event, struct cache_key *out)
{
	size_t n = cJSON_IsArray(event->inputs) ? (size_t)cJSON_GetArraySize(event->inputs) : 0;
	struct cache_input *input = ARENA_NEW(a, n, struct cache_input);
	const cJSON *pair;

	snprintf(out->hex, sizeof(out->hex), "%s", event->key);
	out->input = input;
	cJSON_ArrayForEach(pair, event->inputs)
	{
		const cJSON *name = cJSON_GetArrayItem(pair, 0);
		const cJSON *value = cJSON_GetArrayItem(pair, 1);

		if (cJSON_IsString(name) && cJSON_IsString(value))
			input[out->ninput++] =
				(struct cache_input){ arena_strdup(a, name->valuestring),
						      arena_strdup(a, value->valuestring) };
	}
}

static bool take_event(void *ctx, const char *path, const struct event *event)
{
	struct telling *t = ctx;
	struct told *told;

	(void)path;
	if (strcmp(event->cell, t->cell) != 0)
		return true;
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 16;
		told = ARENA_NEW(t->arena, t->cap, struct told);
		if (t->n)
			memcpy(told, t->item, t->n * sizeof(*told));
		t->item = told;
	}
	told = &t->item[t->n];
	*told = (struct told){ .kind = event->kind,
			       .at_ms = event->at_ms,
			       .came = t->n++,
			       .spec = arena_strdup(t->arena, event->spec) };
	copy_key(t->arena, event, &told->key);
	return true;
}

static int by_time(const void *a, const void *b)
{
	const struct told *x = a, *y = b;

	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return x->came < y->came ? -1 : x->came > y->came;
}

static const char *value_of(const struct cache_key *k, const char *name)
{
	for (size_t i = 0; i < k->ninput; i++)
		if (!strcmp(k->input[i].name, name))
			return k->input[i].value;
	return NULL;
}

static void compare(struct arena *a, const struct cache_key *was, const struct cache_key *is,
		    struct cache_story *out)
{
	struct cache_change *c = ARENA_NEW(a, was->ninput + is->ninput, struct cache_change);
	size_t n = 0;

	for (size_t i = 0; i < is->ninput; i++) {
		const char *name = is->input[i].name, *old = value_of(was, name);

		if (!old || strcmp(old, is->input[i].value) != 0)
			c[n++] = (struct cache_change){ name, old, is->input[i].value };
	}
	for (size_t i = 0; i < was->ninput; i++)
		if (!value_of(is, was->input[i].name))
			c[n++] = (struct cache_change){ was->input[i].name, was->input[i].value,
							NULL };
	out->change = c;
	out->nchange = n;
}

/* The last look-up of the cell in one spec, against what was stored before it. */
static bool tell_spec(struct arena *a, const struct telling *t, const char *spec,
		      struct cache_story *out)
{
	const struct told *look = NULL, *pass = NULL, *before = NULL;

	for (size_t i = 0; i < t->n; i++) {
		const struct told *x = &t->item[i];

		if (strcmp(x->spec, spec) != 0)
			continue;
		if (x->kind == EVENT_PUT) {
			pass = x;
			continue;
		}
		look = x;
		before = pass;
	}
	if (!look)
		return false;
	*out = (struct cache_story){ .spec = spec, .at_ms = look->at_ms };
	if (look->kind == EVENT_HIT) {
		out->answer = CACHE_HIT;
	} else if (!before) {
		out->answer = CACHE_FIRST;
	} else if (!strcmp(before->key.hex, look->key.hex)) {
		out->answer = CACHE_GONE;
	} else {
		out->answer = CACHE_CHANGED;
		compare(a, &before->key, &look->key, out);
	}
	return true;
}

static const struct told *last_look(const struct telling *t, const char *spec)
{
	for (size_t i = t->n; i > 0; i--)
		if (!strcmp(t->item[i - 1].spec, spec) && t->item[i - 1].kind != EVENT_PUT)
			return &t->item[i - 1];
	return NULL;
}

bool cache_explain(struct cache *c, struct arena *a, const char *cell, struct cache_story **out,
		   size_t *n, struct err *e)
{
	struct telling t = { .arena = a, .cell = cell };
	const struct told *look;

	if (!store_flush(c, e) || !store_index(c, e))
		return false;
	for (size_t i = 0; i < c->nfile; i++)
		log_read(c->file[i], take_event, &t);
	if (t.n)
		qsort(t.item, t.n, sizeof(struct told), by_time);
	*out = ARENA_NEW(a, t.n, struct cache_story);
	*n = 0;
	for (size_t i = 0; i < t.n; i++) {
		bool is_known = false;

		for (size_t k = 0; k < *n; k++)
			is_known = is_known || !strcmp((*out)[k].spec, t.item[i].spec);
		if (is_known || !tell_spec(a, &t, t.item[i].spec, &(*out)[*n]))
			continue;
		look = last_look(&t, t.item[i].spec);
		(*out)[(*n)++].is_stored =
			map_get(&c->by_key, look->key.hex, DIGEST_HEX - 1) != NULL;
	}
	return true;
}
