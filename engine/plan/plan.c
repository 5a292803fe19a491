#include "plan/plan.h"

#include <stdarg.h>

#include "plan/cells.h"

bool plan_mistake(const struct job_spec *job, struct err *e, const char *fmt, ...)
{
	va_list ap;

	e->kind = ERR_SPEC;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	err_wrap(e, "%.200s:%u:%u", job->path, job->mark.line, job->mark.col);
	return false;
}

enum visit { VISIT_NONE, VISIT_OPEN, VISIT_DONE };

/* A walk along needs, depth first: what a job needs is placed before it, else the spec's order
 * holds. */
struct walk {
	const struct spec *spec;
	enum visit *visit; /* by the job's index */
	uint32_t *stack;   /* jobs that are open, each needed by the one below */
	size_t *next;      /* the need to look at, for each of them */
	size_t depth;
	uint32_t *order;
	size_t norder;
};

/* The open jobs from the one that came round again. */
static bool tell_cycle(const struct walk *w, uint32_t again, struct err *e)
{
	CLEAN_BUF struct buf names = BUF(300);
	const struct job_spec *job = &w->spec->job[again];
	size_t i = 0;
	bool is_whole = true;

	while (w->stack[i] != again)
		i++;
	for (; is_whole && i < w->depth; i++)
		is_whole = buf_printf(&names, "%s -> ", w->spec->job[w->stack[i]].name);
	return plan_mistake(job, e, "jobs wait on each other: %s%s", buf_text(&names),
			    is_whole ? job->name : "...");
}

static void enter(struct walk *w, uint32_t job)
{
	w->visit[job] = VISIT_OPEN;
	w->stack[w->depth] = job;
	w->next[w->depth++] = 0;
}

/* Place a job and all that it needs and is not placed. */
static bool place(struct walk *w, uint32_t job, struct err *e)
{
	enter(w, job);
	while (w->depth > 0) {
		uint32_t top = w->stack[w->depth - 1], need;
		const struct job_spec *j = &w->spec->job[top];

		if (w->next[w->depth - 1] == j->needs.n) {
			w->visit[top] = VISIT_DONE;
			w->order[w->norder++] = top;
			w->depth--;
			continue;
		}
		need = j->need[w->next[w->depth - 1]++];
		if (w->visit[need] == VISIT_OPEN)
			return tell_cycle(w, need, e);
		if (w->visit[need] == VISIT_NONE)
			enter(w, need);
	}
	return true;
}

/* The jobs' indices in an order in which they can run. */
static bool order_jobs(struct arena *a, const struct spec *s, uint32_t *order, struct err *e)
{
	struct walk w = {
		.spec = s,
		.visit = ARENA_NEW(a, s->njob, enum visit),
		.stack = ARENA_NEW(a, s->njob, uint32_t),
		.next = ARENA_NEW(a, s->njob, size_t),
		.order = order,
	};

	for (uint32_t i = 0; i < s->njob; i++)
		if (w.visit[i] == VISIT_NONE && !place(&w, i, e))
			return false;
	return true;
}

/* A value in an id: what would end it, and what is no printed character, as %XX. */
static void add_value(struct buf *b, const struct text *t)
{
	for (size_t i = 0; i < t->len; i++) {
		unsigned char c = (unsigned char)t->s[i];
		bool is_c1 = c == 0xc2 && i + 1 < t->len && (unsigned char)t->s[i + 1] < 0xa0;

		if (is_c1)
			buf_printf(b, "%%C2%%%02X", (unsigned char)t->s[++i]);
		else if (c < 0x20 || c == 0x7f || strchr(",]=%", c))
			buf_printf(b, "%%%02X", c);
		else
			buf_add(b, &t->s[i], 1);
	}
}

static const char *make_id(struct arena *a, struct buf *b, const struct job_spec *job,
			   const struct combo *c)
{
	if (c->n == 0)
		return job->name;
	buf_clear(b);
	buf_puts(b, job->name);
	for (size_t i = 0; i < c->n; i++) {
		buf_puts(b, i ? "," : "[");
		buf_puts(b, c->pair[i].key);
		buf_puts(b, "=");
		add_value(b, &c->pair[i].value);
	}
	buf_puts(b, "]");
	return arena_strndup(a, buf_text(b), b->len);
}

/* The job's combos as cells of the plan. Jobs' names differ, so ids can be equal within one job
 * only. */
static bool add_cells(struct arena *a, struct plan *p, const struct job_spec *job,
		      const struct combos *combos, struct err *e)
{
	CLEAN_BUF struct buf id = BUF(SIZE_MAX / 4);
	CLEAN_MAP struct map ids = { 0 };

	for (size_t i = 0; i < combos->n; i++) {
		struct cell *c = &p->cell[p->ncell++];

		c->job = job;
		c->id = make_id(a, &id, job, &combos->item[i]);
		c->matrix = combos->item[i].pair;
		c->nmatrix = combos->item[i].n;
		if (map_set(&ids, c->id, strlen(c->id), c))
			return plan_mistake(job, e, "two cells are both %.100s", c->id);
	}
	return true;
}

bool plan_build(struct arena *a, const struct spec *s, struct plan *out, struct err *e)
{
	CLEAN_ARENA struct arena tmp = { 0 };
	uint32_t *order = ARENA_NEW(&tmp, s->njob, uint32_t);
	struct range *range = ARENA_NEW(&tmp, s->njob, struct range);
	struct combos *combos = ARENA_NEW(&tmp, s->njob, struct combos);
	size_t n = 0;

	*out = (struct plan){ .spec = s };
	if (!order_jobs(&tmp, s, order, e))
		return false;
	for (size_t i = 0; i < s->njob; i++) {
		if (!job_combos(a, s, &s->job[i], &combos[i], e))
			return false;
		n += combos[i].n;
		if (n > PLAN_MAX_CELLS)
			return plan_mistake(&s->job[i], e, "more than %d cells in all",
					    PLAN_MAX_CELLS);
	}
	out->cell = ARENA_NEW(a, n, struct cell);
	for (size_t i = 0; i < s->njob; i++) {
		uint32_t k = order[i];

		range[k] = (struct range){ (uint32_t)out->ncell, (uint32_t)combos[k].n };
		if (!add_cells(a, out, &s->job[k], &combos[k], e))
			return false;
	}
	return plan_link(a, out, order, range, e);
}
