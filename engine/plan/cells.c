/*
 * The cells of one job. exclude and include entries that name the same lists are
 * looked up together, by the values they give: many of them stay linear.
 */
#include "plan/cells.h"

/* The combos (by number) that have certain values. */
struct hits {
	uint32_t *at;
	size_t n, cap;
};

/* Entries that name the same lists. */
struct group {
	uint32_t *axis; /* of the matrix, ascending */
	size_t naxis;
	struct map by_value; /* joined values of these lists -> struct hits */
	bool is_filled;      /* include: with all combos of the lists */
	struct group *next;
};

struct maker {
	struct arena tmp;
	struct arena *a;
	const struct spec *spec;
	const struct job_spec *job;
	const struct matrix *m;
	struct map by_axes; /* axis numbers as bytes -> struct group */
	struct group *first;
	struct buf key;
	struct combos out;
	size_t nlist; /* of out: made by the lists, not added by include */
};

void join_value(struct buf *b, const struct pair *p)
{
	buf_add(b, &p->value.len, sizeof(p->value.len));
	buf_add(b, p->value.s, p->value.len);
}

static const struct pair *find_key(const struct pair_list *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->item[i].key, key))
			return &l->item[i];
	return NULL;
}

/* The group of an entry; the entry's own values of these lists are left joined in mk->key. */
static struct group *group_of(struct maker *mk, const struct pair_list *entry)
{
	uint32_t *axis = ARENA_NEW(&mk->tmp, mk->m->naxis, uint32_t);
	struct group *g;
	size_t n = 0;

	buf_clear(&mk->key);
	for (uint32_t i = 0; i < mk->m->naxis; i++) {
		const struct pair *p = find_key(entry, mk->m->axis[i].key);

		if (!p)
			continue;
		axis[n++] = i;
		join_value(&mk->key, p);
	}
	g = map_get(&mk->by_axes, (const char *)axis, n * sizeof(*axis));
	if (g)
		return g;
	g = ARENA_NEW(&mk->tmp, 1, struct group);
	*g = (struct group){ .axis = axis, .naxis = n, .next = mk->first };
	map_set(&mk->by_axes, (const char *)axis, n * sizeof(*axis), g);
	return mk->first = g;
}

/* What is known of the values in mk->key, made if nothing is. */
static struct hits *hits_of(struct maker *mk, struct group *g)
{
	struct hits *h = map_get(&g->by_value, buf_text(&mk->key), mk->key.len);

	if (h)
		return h;
	h = ARENA_NEW(&mk->tmp, 1, struct hits);
	map_set(&g->by_value, arena_strndup(&mk->tmp, buf_text(&mk->key), mk->key.len), mk->key.len,
		h);
	return h;
}

static void join_axes(struct maker *mk, const struct group *g, const struct pair *pair)
{
	buf_clear(&mk->key);
	for (size_t i = 0; i < g->naxis; i++)
		join_value(&mk->key, &pair[g->axis[i]]);
}

static bool is_excluded(struct maker *mk, const struct pair *pair)
{
	for (const struct group *g = mk->first; g; g = g->next) {
		join_axes(mk, g, pair);
		if (map_get(&g->by_value, buf_text(&mk->key), mk->key.len))
			return true;
	}
	return false;
}

static void forget_groups(struct maker *mk)
{
	for (struct group *g = mk->first; g; g = g->next)
		map_close(&g->by_value);
	map_close(&mk->by_axes);
	mk->by_axes = (struct map){ 0 };
	mk->first = NULL;
}

/* How many combos the lists make, or more than there can be. */
static size_t count_lists(const struct matrix *m)
{
	size_t n = m->naxis > 0;

	for (size_t i = 0; i < m->naxis; i++)
		if (__builtin_mul_overflow(n, m->axis[i].values.n, &n) || n > PLAN_MAX_CELLS)
			return PLAN_MAX_CELLS + 1;
	return n;
}

/* The nth point of the lists, the last changing fastest. */
static void fill_point(const struct matrix *m, size_t nth, struct pair *pair)
{
	for (size_t i = m->naxis; i-- > 0;) {
		const struct matrix_axis *x = &m->axis[i];

		pair[i] = (struct pair){ x->key, x->values.item[nth % x->values.n],
					 x->path ? x->path[nth % x->values.n] : NULL };
		nth /= x->values.n;
	}
}

static void make_lists(struct maker *mk, size_t n)
{
	struct pair *pair = ARENA_NEW(mk->a, n * mk->m->naxis, struct pair);

	for (size_t i = 0; i < mk->m->nexclude; i++)
		hits_of(mk, group_of(mk, &mk->m->exclude[i]));
	for (size_t i = 0; i < n; i++) {
		fill_point(mk->m, i, pair);
		if (is_excluded(mk, pair))
			continue;
		mk->out.item[mk->out.n++] = (struct combo){ pair, mk->m->naxis };
		pair += mk->m->naxis;
	}
	mk->nlist = mk->out.n;
	forget_groups(mk);
}

static void add_hit(struct maker *mk, struct hits *h, uint32_t at)
{
	if (h->n == h->cap) {
		uint32_t *more = ARENA_NEW(&mk->tmp, 2 * h->cap + 1, uint32_t);

		if (h->n > 0)
			memcpy(more, h->at, h->n * sizeof(*more));
		h->at = more;
		h->cap = 2 * h->cap + 1;
	}
	h->at[h->n++] = at;
}

/* All combos of the lists by the values that entries of this group give. */
static void fill_group(struct maker *mk, struct group *g)
{
	if (g->is_filled)
		return;
	g->is_filled = true;
	for (size_t i = 0; i < mk->nlist; i++) {
		join_axes(mk, g, mk->out.item[i].pair);
		add_hit(mk, hits_of(mk, g), (uint32_t)i);
	}
}

/* The combo with the entry's other keys; a later entry's value wins. */
static void extend(struct maker *mk, struct combo *c, const struct pair_list *entry)
{
	struct pair *pair = ARENA_NEW(mk->a, c->n + entry->n, struct pair);
	size_t n = c->n;

	memcpy(pair, c->pair, n * sizeof(*pair));
	for (size_t i = 0; i < entry->n; i++) {
		size_t k = 0;

		while (k < n && strcmp(pair[k].key, entry->item[i].key) != 0)
			k++;
		pair[k] = entry->item[i];
		n += k == n;
	}
	*c = (struct combo){ pair, n };
}

static bool names_lists_only(const struct group *g, const struct pair_list *entry)
{
	return g->naxis == entry->n;
}

/*
 * GitHub Actions' rule: an entry adds its keys to every combo of the lists with whose values it
 * agrees; one that agrees with none is a combo of its own, which no later entry extends.
 */
static void include(struct maker *mk, const struct pair_list *entry)
{
	struct group *g = group_of(mk, entry);
	struct hits *h;

	fill_group(mk, g);
	group_of(mk, entry); /* filling has used mk->key */
	h = map_get(&g->by_value, buf_text(&mk->key), mk->key.len);
	if (!h)
		mk->out.item[mk->out.n++] = (struct combo){ entry->item, entry->n };
	for (size_t i = 0; h && i < h->n && !names_lists_only(g, entry); i++)
		extend(mk, &mk->out.item[h->at[i]], entry);
}

bool job_combos(struct arena *a, const struct spec *s, const struct job_spec *job,
		struct combos *out, struct err *e)
{
	const struct matrix *m = &job->matrix;
	struct maker mk = { .a = a, .spec = s, .job = job, .m = m, .key = BUF(SIZE_MAX / 4) };
	size_t n = count_lists(m);

	if (m->naxis == 0 && m->ninclude == 0) {
		*out = (struct combos){ ARENA_NEW(a, 1, struct combo), 1 };
		return true;
	}
	if (n + m->ninclude > PLAN_MAX_CELLS)
		return plan_mistake(job, e, "job '%s' has more than %d cells", job->name,
				    PLAN_MAX_CELLS);
	mk.out.item = ARENA_NEW(a, n + m->ninclude, struct combo);
	make_lists(&mk, n);
	for (size_t i = 0; i < m->ninclude; i++)
		include(&mk, &m->include[i]);
	forget_groups(&mk);
	buf_close(&mk.key);
	arena_free(&mk.tmp);
	*out = mk.out;
	if (out->n == 0)
		return plan_mistake(job, e, "job '%s' has no cells left", job->name);
	return true;
}
