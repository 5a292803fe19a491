#include "base/json.h"

#include <assert.h>
#include <limits.h>
#include <math.h>

#include "base/map.h"
#include "check/compare.h"
#include "check/diff.h"
#include "check/number.h"

#define HEAD_LINES  5
#define POINTER_MAX 400 /* bytes of one that are shown */

/*
 * A document: its tree, in which valueint of each node is where its text begins. cJSON keeps of a
 * number no more than a double, so what was written is looked up there.
 */
struct document {
	struct bytes text;
	cJSON *root;
};

/* A pair of lists or objects that is being compared. */
struct level {
	const cJSON *want, *found;
	const cJSON *current;    /* want's member that is being compared */
	const cJSON *next_want;  /* the one after; NULL: there are no more */
	const cJSON *next_found; /* its partner, if they are in the same order */
	size_t n;                /* members that were begun */
	struct map member;       /* found's by key, once they are in another order */
};

struct walk {
	const struct comparison *q;
	struct document want, found;
	struct level level[JSON_MAX_DEPTH + 1];
	size_t depth;
	const char *says;                /* what is found and wanted, once they differ */
	const cJSON *at_want, *at_found; /* where that shows; or NULL */
};

/* ---- a document ---- */

static size_t string_end(struct bytes t, size_t at)
{
	for (at++; at < t.len && t.data[at] != '"'; at++)
		at += t.data[at] == '\\';
	return at + 1;
}

static size_t skip_any(struct bytes t, size_t at, const char *set)
{
	while (at < t.len && t.data[at] && strchr(set, t.data[at]))
		at++;
	return at;
}

/* Where a value ends whose inner ones come next in the tree: a list or object is one byte. */
static size_t value_end(struct bytes t, size_t at)
{
	if (t.data[at] == '"')
		return string_end(t, at);
	if (t.data[at] == '[' || t.data[at] == '{')
		return at + 1;
	return at + strcspn(t.data + at, " \t\r\n,]}");
}

/* Give each node its place. The tree in its own order is the text in its. */
static void place_nodes(struct document *d)
{
	cJSON *above[JSON_MAX_DEPTH + 1], *node = d->root;
	size_t depth = 0, at = 0;

	while (node) {
		at = skip_any(d->text, at, " \t\r\n,:]}");
		if (node->string)
			at = skip_any(d->text, string_end(d->text, at), " \t\r\n:");
		node->valueint = (int)at;
		at = value_end(d->text, at);
		if (node->child) {
			above[depth++] = node;
			node = node->child;
			continue;
		}
		while (!node->next && depth)
			node = above[--depth];
		node = depth ? node->next : NULL;
	}
}

static bool read_document(struct document *d, struct bytes text, struct err *e)
{
	assert(text.len < INT_MAX);
	d->text = text;
	d->root = json_parse(text.data, text.len, JSON_NUL_REFUSE, e);
	if (d->root)
		place_nodes(d);
	return d->root != NULL;
}

static struct bytes text_of(const struct document *d, const cJSON *node)
{
	size_t at = (size_t)node->valueint;

	return (struct bytes){ d->text.data + at, value_end(d->text, at) - at };
}

/* ---- what differs ---- */

static const char *key_words(struct arena *a, const cJSON *member)
{
	return quote(a, (struct bytes){ member->string, strlen(member->string) }, SHOW_EXACT);
}

static const char *value_words(const struct walk *w, const struct document *d, const cJSON *node)
{
	int n = cJSON_IsArray(node) ? cJSON_GetArraySize(node) : 0;

	if (cJSON_IsObject(node))
		return node->child ? "an object" : "an empty object";
	if (cJSON_IsArray(node))
		return n ? arena_printf(w->q->a, "a list of %d", n) : "an empty list";
	if (cJSON_IsString(node))
		return quote(w->q->a,
			     (struct bytes){ node->valuestring, strlen(node->valuestring) },
			     SHOW_EXACT);
	return arena_printf(w->q->a, "%.*s", (int)text_of(d, node).len, text_of(d, node).data);
}

static bool tell_values(struct walk *w, const cJSON *want, const cJSON *found)
{
	w->says = arena_printf(w->q->a, "%s, wanted %s", value_words(w, &w->found, found),
			       value_words(w, &w->want, want));
	w->at_want = want;
	w->at_found = found;
	return false;
}

/* Add "/key" or "/3" (RFC 6901). */
static void put_step(struct buf *b, const struct level *l)
{
	const char *key = l->current->string;

	if (!key) {
		buf_printf(b, "/%zu", l->n - 1);
		return;
	}
	buf_puts(b, "/");
	for (size_t n; *key; key += n) {
		n = strcspn(key, "~/");
		check_show(b, key, n < POINTER_MAX ? n : POINTER_MAX, SHOW_EXACT);
		if (key[n])
			buf_puts(b, key[n++] == '~' ? "~0" : "~1");
	}
}

/* The JSON pointer to what is being compared, cut if it is long. */
static const char *pointer(const struct walk *w)
{
	CLEAN_BUF struct buf b = BUF(1 << 20);

	for (size_t i = 0; i < w->depth && b.len <= POINTER_MAX; i++)
		if (w->level[i].current)
			put_step(&b, &w->level[i]);
	if (b.len > POINTER_MAX)
		return arena_printf(w->q->a, " at %.*s...", POINTER_MAX, buf_text(&b));
	return b.len ? arena_printf(w->q->a, " at %s", buf_text(&b)) : "";
}

/* ---- comparing ---- */

/* By value: as written to the last digit, or as doubles are. Integers have no rounding. */
static bool is_same_number(const struct walk *w, const cJSON *want, const cJSON *found)
{
	struct number x = number_parse(text_of(&w->want, want));
	struct number y = number_parse(text_of(&w->found, found));

	if (number_is_same(&x, &y))
		return true;
	return !(x.is_integer && y.is_integer) && isfinite(want->valuedouble) &&
	       want->valuedouble == found->valuedouble;
}

static bool is_container(const cJSON *node)
{
	return cJSON_IsObject(node) || cJSON_IsArray(node);
}

static int type_of(const cJSON *node)
{
	return node->type & 0xff;
}

static bool is_same_scalar(const struct walk *w, const cJSON *want, const cJSON *found)
{
	if (type_of(want) != type_of(found))
		return false;
	if (cJSON_IsNumber(want))
		return is_same_number(w, want, found);
	return !cJSON_IsString(want) || !strcmp(want->valuestring, found->valuestring);
}

/* Compare two values as far as they have no members, and go into them where they have. */
static bool enter(struct walk *w, const cJSON *want, const cJSON *found)
{
	if (!is_container(want) || type_of(want) != type_of(found))
		return is_same_scalar(w, want, found) || tell_values(w, want, found);
	w->level[w->depth++] = (struct level){
		.want = want, .found = found, .next_want = want->child, .next_found = found->child
	};
	return true;
}

static void map_members(struct map *m, const cJSON *object)
{
	for (cJSON *c = object->child; c; c = c->next)
		map_set(m, c->string, strlen(c->string), c);
}

/* What is found for the level's current member; NULL: nothing. */
static const cJSON *partner(struct level *l)
{
	const cJSON *want = l->current, *next = l->next_found;

	if (next)
		l->next_found = next->next;
	if (!want->string || (next && !strcmp(next->string, want->string)))
		return next;
	if (!l->member.n)
		map_members(&l->member, l->found);
	return map_get(&l->member, want->string, strlen(want->string));
}

/* The first member of found that is not wanted. Keys are distinct, so there is one. */
static const cJSON *odd_member(const struct level *l)
{
	CLEAN_MAP struct map keys = { 0 };
	const cJSON *c = l->found->child;

	map_members(&keys, l->want);
	while (c && map_get(&keys, c->string, strlen(c->string)))
		c = c->next;
	return c;
}

/* A member that only one side has: want's, or found's. */
static bool tell_member(struct walk *w, struct level *l, const cJSON *odd, bool is_missing)
{
	l->current = NULL; /* the place is the whole list or object */
	if (!odd->string)
		tell_values(w, l->want, l->found);
	else
		w->says = arena_printf(w->q->a, "the key %s is %s", key_words(w->q->a, odd),
				       is_missing ? "missing" : "not wanted");
	w->at_want = is_missing ? odd : NULL;
	w->at_found = is_missing ? NULL : odd;
	return false;
}

/* Whether found has no more members than were compared. */
static bool leave(struct walk *w, struct level *l)
{
	if (cJSON_GetArraySize(l->found) == (int)l->n) {
		map_close(&l->member);
		w->depth--;
		return true;
	}
	return tell_member(w, l, cJSON_IsObject(l->found) ? odd_member(l) : l->next_found, false);
}

/* Go on with the innermost level's next member. */
static bool step(struct walk *w)
{
	struct level *l = &w->level[w->depth - 1];
	const cJSON *found;

	l->current = l->next_want;
	if (!l->current)
		return leave(w, l);
	l->next_want = l->current->next;
	l->n++;
	found = partner(l);
	return found ? enter(w, l->current, found) : tell_member(w, l, l->current, true);
}

/* Both trees in step; where they depart, the levels lead there. */
static bool is_same_tree(struct walk *w)
{
	bool is_same = enter(w, w->want.root, w->found.root);

	while (is_same && w->depth)
		is_same = step(w);
	return is_same;
}

static void walk_close(struct walk *w)
{
	for (size_t i = 0; i < w->depth; i++)
		map_close(&w->level[i].member);
	json_free(&w->want.root);
	json_free(&w->found.root);
}

static void show_node(struct buf *b, const char *label, const struct document *d, const cJSON *node)
{
	struct spot at;

	if (!node)
		return;
	at = spot_at(d->text, (size_t)node->valueint);
	show_caret(b, show_line_at(b, label, d->text, &at) + strlen(label));
}

static bool compare_trees(struct walk *w, const char *words, struct buf *detail, const char **what)
{
	const struct comparison *q = w->q;

	if (is_same_tree(w))
		return is_whole(q, what);
	*what = arena_printf(q->a, "%s %s%s%s: %s", q->stream, words, wanted_from(q), pointer(w),
			     w->says);
	show_node(detail, "wanted: ", &w->want, w->at_want);
	show_node(detail, " found: ", &w->found, w->at_found);
	return false;
}

bool compare_json(const struct comparison *q, const char *words, struct buf *detail,
		  const char **what)
{
	__attribute__((cleanup(walk_close))) struct walk w = { .q = q };
	struct err e;

	if (!q->found.len) {
		*what = arena_printf(q->a, "%s is empty, wanted %s", q->stream, wanted(q));
		return false;
	}
	if (!read_document(&w.want, q->want, &e)) {
		*what = arena_printf(q->a, "%s cannot be compared: %s is not JSON: %s", q->stream,
				     wanted(q), e.msg);
		return false;
	}
	if (!read_document(&w.found, q->found, &e)) {
		*what = arena_printf(q->a, "%s is not JSON: %s", q->stream, e.msg);
		show_head(detail, q->found, HEAD_LINES);
		return false;
	}
	return compare_trees(&w, words, detail, what);
}
