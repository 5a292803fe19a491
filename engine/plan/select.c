/*
 * A part of a plan. Every dep is a smaller index, so one pass up or down follows all of them; and
 * many cells share one array of deps, which is looked at once.
 */
#include "plan/plan.h"

#define NOWHERE UINT32_MAX

/* Marks of each cell of the plan. */
struct marks {
	const struct plan *plan;
	bool *is_selected, *is_needed;
	uint32_t *shard; /* that is to tell it, from 0; NOWHERE: not selected */
	uint32_t *group; /* number of its array of deps */
	size_t ngroup;
};

/* Number the arrays of deps. */
static void number_groups(struct marks *m)
{
	CLEAN_ARENA struct arena tmp = { 0 };
	CLEAN_MAP struct map by_array = { 0 };
	uint32_t *number = ARENA_NEW(&tmp, m->plan->ncell, uint32_t);

	for (size_t i = 0; i < m->plan->ncell; i++) {
		const struct cell *c = &m->plan->cell[i];
		uint32_t *known = map_get(&by_array, (const char *)&c->dep, sizeof(c->dep));

		if (!known) {
			known = &number[m->ngroup];
			*known = (uint32_t)m->ngroup++;
			map_set(&by_array, (const char *)&c->dep, sizeof(c->dep), known);
		}
		m->group[i] = *known;
	}
}

/* Whether id fits the pattern: * and ? alone mean more than themselves, since ids have brackets. */
static bool does_fit(const char *pattern, const char *id)
{
	const char *star = NULL, *again = NULL;

	while (*id) {
		if (*pattern == '*') {
			star = pattern++;
			again = id;
		} else if (*pattern == '?' || *pattern == *id) {
			pattern++;
			id++;
		} else if (star) {
			pattern = star + 1;
			id = ++again;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static bool has_tag(const struct job_spec *job, const char *tag)
{
	for (size_t i = 0; i < job->tags.n; i++)
		if (!strcmp(job->tags.item[i], tag))
			return true;
	return false;
}

static bool fits_filter(const struct cell *c, const char *filter)
{
	return does_fit(filter, c->id);
}

static bool fits_tag(const struct cell *c, const char *tag)
{
	return has_tag(c->job, tag);
}

typedef bool fits_fn(const struct cell *c, const char *word);

/* Deselect what fits none of the words; one that fits no cell at all is told. */
static bool keep_fitting(struct marks *m, const struct names *words, fits_fn *fits,
			 const char *what, struct err *e)
{
	CLEAN_ARENA struct arena tmp = { 0 };
	bool *is_fit = ARENA_NEW(&tmp, m->plan->ncell, bool);

	for (size_t k = 0; k < words->n; k++) {
		bool is_any = false;

		for (size_t i = 0; i < m->plan->ncell; i++) {
			if (!fits(&m->plan->cell[i], words->item[k]))
				continue;
			is_fit[i] = is_any = true;
		}
		if (!is_any)
			return err_set(e, ERR_NOT_FOUND, "no cell %s '%.100s'", what,
				       words->item[k]);
	}
	for (size_t i = 0; words->n && i < m->plan->ncell; i++)
		m->is_selected[i] = m->is_selected[i] && is_fit[i];
	return true;
}

/* Deselect all but the cells to run again and what depends on them. */
static void keep_rerun(struct marks *m, const bool *rerun)
{
	CLEAN_ARENA struct arena tmp = { 0 };
	bool *is_again = ARENA_NEW(&tmp, m->plan->ncell, bool);
	bool *is_known = ARENA_NEW(&tmp, m->ngroup, bool),
	     *is_any = ARENA_NEW(&tmp, m->ngroup, bool);

	for (size_t i = 0; i < m->plan->ncell; i++) {
		const struct cell *c = &m->plan->cell[i];
		uint32_t g = m->group[i];

		for (size_t k = 0; !is_known[g] && k < c->ndep; k++)
			is_any[g] = is_any[g] || is_again[c->dep[k]];
		is_known[g] = true;
		is_again[i] = rerun[i] || is_any[g];
		m->is_selected[i] = m->is_selected[i] && is_again[i];
	}
}

/* Mark what selected cells depend on, near and far. */
static void mark_needed(struct marks *m)
{
	CLEAN_ARENA struct arena tmp = { 0 };
	bool *is_done = ARENA_NEW(&tmp, m->ngroup, bool);

	for (size_t i = m->plan->ncell; i-- > 0;) {
		const struct cell *c = &m->plan->cell[i];

		if ((!m->is_selected[i] && !m->is_needed[i]) || is_done[m->group[i]])
			continue;
		is_done[m->group[i]] = true;
		for (size_t k = 0; k < c->ndep; k++)
			m->is_needed[c->dep[k]] = true;
	}
}

/* A cell to be given to a shard, and how long it takes. */
struct load {
	uint32_t cell;
	int64_t ms;
};

static int longest_first(const void *a, const void *b)
{
	const struct load *x = a, *y = b;

	if (x->ms != y->ms)
		return x->ms < y->ms ? 1 : -1;
	return (x->cell > y->cell) - (x->cell < y->cell);
}

/* The selected cells that no selected one waits on, with their times. */
static size_t collect_loads(const struct marks *m, const int64_t *time_ms, struct load *load)
{
	int64_t sum = 0, nknown = 0, average;
	size_t n = 0;

	for (uint32_t i = 0; i < m->plan->ncell; i++) {
		int64_t ms = time_ms && time_ms[i] > 0 ? time_ms[i] : 0;

		if (!m->is_selected[i] || m->is_needed[i])
			continue;
		if (ms > INT32_MAX)
			ms = INT32_MAX;
		load[n++] = (struct load){ i, ms };
		sum += ms;
		nknown += ms > 0;
	}
	average = nknown ? sum / nknown : 0;
	for (size_t i = 0; i < n; i++)
		if (load[i].ms == 0)
			load[i].ms = average > 0 ? average : 1;
	return n;
}

/* A dep is told by the first shard that has it. */
static void inherit_shards(struct marks *m)
{
	CLEAN_ARENA struct arena tmp = { 0 };
	uint32_t *least = ARENA_NEW(&tmp, m->ngroup, uint32_t);

	memset(least, 0xff, m->ngroup * sizeof(*least));
	for (size_t i = m->plan->ncell; i-- > 0;) {
		const struct cell *c = &m->plan->cell[i];
		uint32_t shard = m->shard[i];

		if (shard >= least[m->group[i]])
			continue;
		least[m->group[i]] = shard;
		for (size_t k = 0; k < c->ndep; k++)
			if (shard < m->shard[c->dep[k]])
				m->shard[c->dep[k]] = shard;
	}
}

/* Give each cell to the shard with least to do (Graham's LPT rule). */
static void spread(struct marks *m, const struct selection *s)
{
	CLEAN_ARENA struct arena tmp = { 0 };
	struct load *load = ARENA_NEW(&tmp, m->plan->ncell, struct load);
	int64_t *sum = ARENA_NEW(&tmp, s->nshard, int64_t);
	size_t n = collect_loads(m, s->time_ms, load);

	qsort(load, n, sizeof(*load), longest_first);
	for (size_t i = 0; i < n; i++) {
		uint32_t least = 0;

		for (uint32_t k = 1; k < s->nshard; k++)
			if (sum[k] < sum[least])
				least = k;
		sum[least] += load[i].ms;
		m->shard[load[i].cell] = least;
	}
	inherit_shards(m);
}

/* Leave selected what the shard is to tell, and needed what it depends on. */
static void keep_shard(struct marks *m, const struct selection *s)
{
	CLEAN_ARENA struct arena tmp = { 0 };
	bool *is_selected = ARENA_NEW(&tmp, m->plan->ncell, bool);

	memcpy(is_selected, m->is_selected, m->plan->ncell * sizeof(bool));
	spread(m, s);
	for (size_t i = 0; i < m->plan->ncell; i++)
		m->is_selected[i] = is_selected[i] && m->shard[i] == s->shard - 1;
	memset(m->is_needed, 0, m->plan->ncell * sizeof(bool));
	mark_needed(m);
}

/* The marked cells, renumbered. */
static void copy_cells(struct arena *a, const struct marks *m, struct plan *out, uint32_t *from)
{
	CLEAN_ARENA struct arena tmp = { 0 };
	uint32_t *to = ARENA_NEW(&tmp, m->plan->ncell, uint32_t);
	uint32_t **dep = ARENA_NEW(&tmp, m->ngroup, uint32_t *);

	for (uint32_t i = 0; i < m->plan->ncell; i++) {
		struct cell *c = &out->cell[out->ncell];
		uint32_t **d = &dep[m->group[i]];

		if (!m->is_selected[i] && !m->is_needed[i])
			continue;
		*c = m->plan->cell[i];
		c->is_only_needed = !m->is_selected[i];
		if (!*d) {
			*d = ARENA_NEW(a, c->ndep, uint32_t);
			for (size_t k = 0; k < c->ndep; k++)
				(*d)[k] = to[c->dep[k]];
		}
		c->dep = *d;
		from[out->ncell] = i;
		to[i] = (uint32_t)out->ncell++;
	}
}

static bool check_shard(const struct selection *s, struct err *e)
{
	if (s->nshard == 0 ||
	    (s->nshard <= PLAN_MAX_SHARDS && s->shard >= 1 && s->shard <= s->nshard))
		return true;
	return err_set(e, ERR_USAGE, "a shard must be 1/N to N/N with N up to %d, not %u/%u",
		       PLAN_MAX_SHARDS, s->shard, s->nshard);
}

bool plan_select(struct arena *a, const struct plan *p, const struct selection *s, struct plan *out,
		 const uint32_t **from, struct err *e)
{
	CLEAN_ARENA struct arena tmp = { 0 };
	struct marks m = { .plan = p,
			   .is_selected = ARENA_NEW(&tmp, p->ncell, bool),
			   .is_needed = ARENA_NEW(&tmp, p->ncell, bool),
			   .shard = ARENA_NEW(&tmp, p->ncell, uint32_t),
			   .group = ARENA_NEW(&tmp, p->ncell, uint32_t) };
	uint32_t *origin = ARENA_NEW(a, p->ncell, uint32_t);
	size_t nselected = 0;

	memset(m.is_selected, true, p->ncell * sizeof(bool));
	memset(m.shard, 0xff, p->ncell * sizeof(uint32_t));
	if (!check_shard(s, e) ||
	    !keep_fitting(&m, &s->filters, fits_filter, "fits the filter", e) ||
	    !keep_fitting(&m, &s->tags, fits_tag, "has the tag", e))
		return false;
	number_groups(&m);
	if (s->rerun)
		keep_rerun(&m, s->rerun);
	for (size_t i = 0; i < p->ncell; i++)
		nselected += m.is_selected[i];
	if (!nselected)
		return err_set(e, ERR_NOT_FOUND, "no cell is selected");
	mark_needed(&m);
	if (s->nshard)
		keep_shard(&m, s);
	*out = (struct plan){ .spec = p->spec, .cell = ARENA_NEW(a, p->ncell, struct cell) };
	copy_cells(a, &m, out, origin);
	*from = origin;
	return true;
}
