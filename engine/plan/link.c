/*
 * Who waits on whom. Cells of a job with the same keys are one shape; between two
 * shapes the keys that both have are known, so that cells are joined by hashing the
 * values of these. Cells that wait on the same cells share one array.
 */
#include "plan/cells.h"

#define MAX_STORED 50000000 /* numbers in all dep arrays: 200 MB */

/* Some cells, by their place in the plan, ascending. */
struct bucket {
	uint32_t *cell;
	size_t n;
};

struct shape;

/* The cells of a shape by the values of some of its keys. */
struct index {
	const uint32_t *pos; /* of these keys in the shape's */
	size_t npos;
	struct map by_value; /* joined values -> struct bucket */
	struct index *next;
};

/* Cells of one job that have the same keys. */
struct shape {
	const struct cell *like; /* one of them: its keys are theirs */
	struct bucket all;
	struct index *index;
	struct shape *next; /* of the same job, in order of their first cell */
};

/* How cells of one shape find those of another that they wait on. */
struct link {
	struct index *index; /* of the other */
	const uint32_t *pos; /* of the shared keys in one's own */
};

struct linker {
	struct arena *a;
	struct arena tmp;
	struct plan *plan;
	struct shape **shape; /* by the job's index */
	struct buf key, found;
	size_t nstored;
};

/* Whether two cells of a job have the same keys in the same order. */
static bool has_same_keys(const struct cell *c, const struct cell *d)
{
	if (c->nmatrix != d->nmatrix)
		return false;
	for (size_t i = 0; i < c->nmatrix; i++)
		if (c->matrix[i].key != d->matrix[i].key &&
		    strcmp(c->matrix[i].key, d->matrix[i].key) != 0)
			return false;
	return true;
}

static void join_keys(struct buf *b, const struct cell *c)
{
	buf_clear(b);
	for (size_t i = 0; i < c->nmatrix; i++)
		buf_add(b, c->matrix[i].key, strlen(c->matrix[i].key) + 1);
}

/* The shape of a cell: mostly that of the cell before it. */
static struct shape *find_shape(struct linker *l, struct map *by_keys, const struct cell *c,
				struct shape *last)
{
	struct shape *s;

	if (last && has_same_keys(last->like, c))
		return last;
	join_keys(&l->key, c);
	s = map_get(by_keys, buf_text(&l->key), l->key.len);
	if (s)
		return s;
	s = ARENA_NEW(&l->tmp, 1, struct shape);
	s->like = c;
	map_set(by_keys, arena_strndup(&l->tmp, buf_text(&l->key), l->key.len), l->key.len, s);
	return s;
}

/* Sort a job's cells into shapes; the first of them. */
static struct shape *make_shapes(struct linker *l, const struct range *r)
{
	CLEAN_MAP struct map by_keys = { 0 };
	struct shape *first = NULL, *last = NULL, *tail = NULL;
	struct shape **of = ARENA_NEW(&l->tmp, r->n, struct shape *);

	for (uint32_t i = 0; i < r->n; i++) {
		last = of[i] = find_shape(l, &by_keys, &l->plan->cell[r->first + i], last);
		if (last->all.n++ > 0)
			continue;
		if (tail)
			tail->next = last;
		else
			first = last;
		tail = last;
	}
	for (struct shape *s = first; s; s = s->next) {
		s->all.cell = ARENA_NEW(l->a, s->all.n, uint32_t);
		s->all.n = 0;
	}
	for (uint32_t i = 0; i < r->n; i++)
		of[i]->all.cell[of[i]->all.n++] = r->first + i;
	return first;
}

static void join_at(struct buf *b, const struct cell *c, const uint32_t *pos, size_t npos)
{
	buf_clear(b);
	for (size_t i = 0; i < npos; i++)
		join_value(b, &c->matrix[pos[i]]);
}

/* Fill the index: count what falls into each bucket, then lay the buckets into one array. */
static void fill_index(struct linker *l, const struct shape *s, struct index *x)
{
	struct bucket **of = ARENA_NEW(&l->tmp, s->all.n, struct bucket *);
	uint32_t *room = ARENA_NEW(l->a, s->all.n, uint32_t);

	for (size_t i = 0; i < s->all.n; i++) {
		join_at(&l->key, &l->plan->cell[s->all.cell[i]], x->pos, x->npos);
		of[i] = map_get(&x->by_value, buf_text(&l->key), l->key.len);
		if (!of[i]) {
			of[i] = ARENA_NEW(&l->tmp, 1, struct bucket);
			map_set(&x->by_value, arena_strndup(&l->tmp, buf_text(&l->key), l->key.len),
				l->key.len, of[i]);
		}
		of[i]->n++;
	}
	for (size_t i = 0; i < s->all.n; i++) {
		struct bucket *b = of[i];

		if (!b->cell) {
			b->cell = room;
			room += b->n;
			b->n = 0;
		}
		b->cell[b->n++] = s->all.cell[i];
	}
}

static struct index *find_index(struct linker *l, struct shape *s, const uint32_t *pos, size_t npos)
{
	struct index *x = s->index;

	while (x && (x->npos != npos || memcmp(x->pos, pos, npos * sizeof(*pos)) != 0))
		x = x->next;
	if (x)
		return x;
	x = ARENA_NEW(&l->tmp, 1, struct index);
	*x = (struct index){ .pos = pos, .npos = npos, .next = s->index };
	if (npos > 0)
		fill_index(l, s, x);
	else
		map_set(&x->by_value, "", 0, &s->all);
	return s->index = x;
}

/* The link by the keys that both shapes have. */
static struct link make_link(struct linker *l, const struct shape *from, struct shape *to)
{
	const struct cell *c = from->like, *d = to->like;
	uint32_t *mine = ARENA_NEW(&l->tmp, c->nmatrix, uint32_t);
	uint32_t *theirs = ARENA_NEW(&l->tmp, c->nmatrix, uint32_t);
	size_t n = 0;

	for (uint32_t i = 0; i < c->nmatrix; i++) {
		for (uint32_t k = 0; k < d->nmatrix; k++) {
			if (strcmp(c->matrix[i].key, d->matrix[k].key) != 0)
				continue;
			mine[n] = i;
			theirs[n++] = k;
			break;
		}
	}
	return (struct link){ find_index(l, to, theirs, n), mine };
}

static int compare_places(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The buckets in l->found as one array, the same for the same buckets. */
static const struct bucket *unite(struct linker *l, struct map *united)
{
	struct bucket *const *found = (const void *)l->found.data;
	size_t nfound = l->found.len / sizeof(void *), n = 0;
	struct bucket *b = map_get(united, l->found.data, l->found.len);

	if (b)
		return b;
	b = ARENA_NEW(&l->tmp, 1, struct bucket);
	for (size_t i = 0; i < nfound; i++)
		n += found[i]->n;
	l->nstored += n;
	if (l->nstored > MAX_STORED)
		return NULL;
	b->cell = ARENA_NEW(l->a, n, uint32_t);
	for (size_t i = 0; i < nfound; i++) {
		memcpy(b->cell + b->n, found[i]->cell, found[i]->n * sizeof(*b->cell));
		b->n += found[i]->n;
	}
	qsort(b->cell, b->n, sizeof(*b->cell), compare_places);
	map_set(united, arena_strndup(&l->tmp, l->found.data, l->found.len), l->found.len, b);
	return b;
}

/* What one cell waits on: false when all that cells wait on would be too much to hold. */
static bool link_cell(struct linker *l, struct cell *c, const struct link *link, size_t nlink,
		      struct map *united)
{
	const struct bucket *b = NULL;

	buf_clear(&l->found);
	for (size_t i = 0; i < nlink; i++) {
		const struct index *x = link[i].index;
		const struct bucket *hit;

		join_at(&l->key, c, link[i].pos, x->npos);
		hit = map_get(&x->by_value, buf_text(&l->key), l->key.len);
		if (!hit)
			continue;
		buf_add(&l->found, (const void *)&hit, sizeof(void *));
		b = hit;
	}
	if (l->found.len > sizeof(void *)) {
		b = unite(l, united);
		if (!b)
			return false;
	}
	c->dep = b ? b->cell : NULL;
	c->ndep = b ? b->n : 0;
	return true;
}

static bool link_shape(struct linker *l, const struct job_spec *job, const struct shape *s)
{
	CLEAN_MAP struct map united = { 0 };
	struct link *link;
	size_t nlink = 0;

	for (size_t i = 0; i < job->needs.n; i++)
		for (struct shape *to = l->shape[job->need[i]]; to; to = to->next)
			nlink++;
	link = ARENA_NEW(&l->tmp, nlink, struct link);
	nlink = 0;
	for (size_t i = 0; i < job->needs.n; i++)
		for (struct shape *to = l->shape[job->need[i]]; to; to = to->next)
			link[nlink++] = make_link(l, s, to);
	for (size_t i = 0; i < s->all.n; i++)
		if (!link_cell(l, &l->plan->cell[s->all.cell[i]], link, nlink, &united))
			return false;
	return true;
}

static void close_linker(struct linker *l)
{
	for (size_t i = 0; i < l->plan->spec->njob; i++)
		for (struct shape *s = l->shape[i]; s; s = s->next)
			for (struct index *x = s->index; x; x = x->next)
				map_close(&x->by_value);
	buf_close(&l->key);
	buf_close(&l->found);
	arena_free(&l->tmp);
}

bool plan_link(struct arena *a, struct plan *p, const uint32_t *order, const struct range *range,
	       struct err *e)
{
	const struct spec *spec = p->spec;
	struct linker l = { .a = a, .plan = p };
	bool is_good = true;

	l.key = l.found = BUF(SIZE_MAX / 4);
	l.shape = ARENA_NEW(&l.tmp, spec->njob, struct shape *);
	for (size_t i = 0; i < spec->njob; i++)
		l.shape[i] = make_shapes(&l, &range[i]);
	for (size_t i = 0; is_good && i < spec->njob; i++) {
		const struct job_spec *job = &spec->job[order[i]];

		for (const struct shape *s = l.shape[order[i]]; is_good && s; s = s->next)
			is_good = link_shape(&l, job, s);
		if (!is_good)
			plan_mistake(job, e, "cells of job '%s' wait on too many others",
				     job->name);
	}
	close_linker(&l);
	return is_good;
}
