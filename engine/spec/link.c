/* Jobs that name each other. */
#include "spec/loading.h"

/* The file that a job is in. */
static struct yaml *yaml_of(const struct loading *l, const struct job_spec *job)
{
	return &l->origin[job - l->spec->job].file->y;
}

/* One name under needs: its index goes to the job, unless it is wrong. seen[i]: needed so far. */
static void link_need(struct loading *l, struct job_spec *job, const struct node *n, bool *seen)
{
	struct yaml *y = yaml_of(l, job);
	const struct job_spec *need = map_get(&l->job, n->text, n->len);
	const char *nearest = need ? NULL : yaml_nearest(n->text, l->name);
	uint32_t index;

	if (!need) {
		yaml_mistake(y, n->mark, "job '%s' needs '%.60s', which is not in the spec%s%s%s",
			     job->name, n->text, nearest ? "; did you mean '" : "",
			     nearest ? nearest : "", nearest ? "'?" : "");
		return;
	}
	index = (uint32_t)(need - l->spec->job);
	if (seen[index])
		yaml_mistake(y, n->mark, "job '%s' needs '%s' twice", job->name, n->text);
	else
		job->need[job->needs.n++] = index;
	seen[index] = true;
}

/* What a job's output must be the same as is needed by it, written or not. */
static void link_same(struct loading *l, struct job_spec *job, const struct text *name, bool *seen)
{
	struct yaml *y = yaml_of(l, job);
	const struct job_spec *same = map_get(&l->job, name->s, name->len);
	const char *nearest = same ? NULL : yaml_nearest(name->s, l->name);
	uint32_t index;

	if (!same || same == job) {
		yaml_mistake(y, name->mark,
			     "job '%s' is to print the same as '%.60s', which is %s%s%s%s",
			     job->name, name->s, same ? "itself" : "not in the spec",
			     nearest ? "; did you mean '" : "", nearest ? nearest : "",
			     nearest ? "'?" : "");
		return;
	}
	index = (uint32_t)(same - l->spec->job);
	if (!seen[index])
		job->need[job->needs.n++] = index;
	seen[index] = true;
}

static bool does_need(const struct spec *s, const struct job_spec *job, const char *name)
{
	for (size_t i = 0; i < job->needs.n; i++)
		if (!strcmp(s->job[job->need[i]].name, name))
			return true;
	return false;
}

/* needs and from name other jobs, so they are looked at when all are there. */
static void link_job(struct loading *l, struct job_spec *job, bool *seen)
{
	struct yaml *y = yaml_of(l, job);
	const struct node *needs = yaml_get(l->origin[job - l->spec->job].body, "needs");
	bool is_list = needs && needs->kind == NODE_LIST;
	size_t n = is_list ? needs->n : needs != NULL;

	job->need = ARENA_NEW(l->arena, n + job->expect.ncheck, uint32_t);
	job->needs.item = ARENA_NEW(l->arena, n + job->expect.ncheck, const char *);
	job->needs.n = 0;
	for (size_t i = 0; i < n; i++) {
		const struct node *name = is_list ? needs->item[i] : needs;

		if (name->kind == NODE_SCALAR && name->len > 0)
			link_need(l, job, name, seen);
	}
	for (size_t i = 0; i < job->expect.ncheck; i++)
		if (job->expect.check[i].comparator == COMPARE_SAME_AS)
			link_same(l, job, &job->expect.check[i].want, seen);
	for (size_t i = 0; i < job->needs.n; i++) {
		job->needs.item[i] = l->spec->job[job->need[i]].name;
		seen[job->need[i]] = false;
	}
	for (size_t i = 0; i < job->nfiles; i++)
		if (job->files[i].from && !does_need(l->spec, job, job->files[i].from))
			yaml_mistake(y, job->files[i].mark,
				     "job '%s' takes a file from '%.60s' but does not need it",
				     job->name, job->files[i].from);
	expr_check_needs(y, job);
}

void loading_link(struct loading *l)
{
	bool *seen = ARENA_NEW(l->arena, l->spec->njob, bool);

	for (size_t i = 0; i < l->spec->njob; i++)
		link_job(l, &l->spec->job[i], seen);
}
