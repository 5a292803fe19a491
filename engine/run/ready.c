/*
 * Who may start. Cells that depend on the same cells share one array in the plan, and one group
 * here: ten thousand cells that wait for ten thousand others are one group and ten thousand edges.
 */
#include <assert.h>

#include "run/state.h"

static void ready_group(struct run *r, struct group *g)
{
	for (uint32_t i = g->first, next; i != NO_CELL; i = next) {
		next = r->cell[i].next;
		ready_push(r, i);
	}
	g->first = NO_CELL;
}

/* The group of the cells that depend on what cell i does; made if there is none yet. */
static struct group *find_group(struct run *r, struct map *groups, uint32_t i)
{
	const struct cell *cell = &r->plan->cell[i];
	const void *key = &cell->dep;
	struct group *g = map_get(groups, key, sizeof(cell->dep));

	if (g && g->ndep == cell->ndep)
		return g;
	g = &r->group[r->ngroup++];
	*g = (struct group){ .first = NO_CELL,
			     .left = (uint32_t)cell->ndep,
			     .blocker = NO_CELL,
			     .dep = cell->dep,
			     .ndep = cell->ndep };
	map_set(groups, key, sizeof(cell->dep), g);
	return g;
}

static void make_groups(struct run *r)
{
	CLEAN_MAP struct map groups = { 0 };
	size_t n = r->plan->ncell;

	r->group = ARENA_NEW(&r->arena, n, struct group);
	for (uint32_t k = 0; k < n; k++) {
		uint32_t i = (uint32_t)n - 1 - k; /* so that each list is in the plan's order */
		struct group *g;

		r->cell[i].group = r->cell[i].next = NO_CELL;
		if (r->plan->cell[i].ndep == 0 || r->cell[i].state == CELL_ENDED)
			continue;
		g = find_group(r, &groups, i);
		r->cell[i].group = (uint32_t)(g - r->group);
		r->cell[i].next = g->first;
		g->first = i;
	}
}

/* The groups that wait for each cell: two passes of counting sort. */
static void link_children(struct run *r)
{
	size_t n = r->plan->ncell, nedge = 0;
	uint32_t *at;

	r->child_at = ARENA_NEW(&r->arena, n + 2, uint32_t);
	for (size_t g = 0; g < r->ngroup; g++)
		for (size_t k = 0; k < r->group[g].ndep; k++, nedge++)
			r->child_at[r->group[g].dep[k] + 2]++;
	for (size_t i = 2; i < n + 2; i++)
		r->child_at[i] += r->child_at[i - 1];
	r->child = ARENA_NEW(&r->arena, nedge, uint32_t);
	/* where the next group goes; afterwards where the next cell's begin */
	at = r->child_at + 1;
	for (uint32_t g = 0; g < r->ngroup; g++)
		for (size_t k = 0; k < r->group[g].ndep; k++)
			r->child[at[r->group[g].dep[k]]++] = g;
}

void ready_link(struct run *r)
{
	r->ready_head = r->ready_tail = NO_CELL;
	make_groups(r);
	link_children(r);
	for (uint32_t i = 0; i < r->plan->ncell; i++) {
		if (r->cell[i].state == CELL_ENDED)
			ready_release(r, i);
		else if (r->plan->cell[i].ndep == 0)
			ready_push(r, i);
	}
}

void ready_push(struct run *r, uint32_t i)
{
	struct cell_run *c = &r->cell[i];

	assert(c->state == CELL_WAITING || c->state == CELL_RESTING);
	c->state = CELL_READY;
	c->next = NO_CELL;
	if (r->ready_tail == NO_CELL)
		r->ready_head = i;
	else
		r->cell[r->ready_tail].next = i;
	r->ready_tail = i;
}

uint32_t ready_pop(struct run *r)
{
	uint32_t i = r->ready_head;

	if (i == NO_CELL)
		return i;
	r->ready_head = r->cell[i].next;
	if (r->ready_head == NO_CELL)
		r->ready_tail = NO_CELL;
	return i;
}

uint32_t ready_blocker(const struct run *r, uint32_t i)
{
	uint32_t group = r->cell[i].group;

	return group == NO_CELL ? NO_CELL : r->group[group].blocker;
}

/* What passed, or is allowed not to, keeps no one. */
static bool is_good(const struct row *row)
{
	return row->verdict == VERDICT_PASSED || row->verdict == VERDICT_XPASS || row->is_allowed;
}

void ready_release(struct run *r, uint32_t i)
{
	bool good = is_good(&r->sum.row[i]);

	for (uint32_t k = r->child_at[i]; k < r->child_at[i + 1]; k++) {
		struct group *g = &r->group[r->child[k]];

		if (!good && g->blocker == NO_CELL)
			g->blocker = i;
		if (--g->left == 0)
			ready_group(r, g);
	}
}
