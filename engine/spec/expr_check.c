/* References, looked at when the spec is read. */
#include "spec/expr.h"

/* Where a part of t stands in the file. */
static struct mark mark_of(const struct yaml *y, const struct text *t, const struct part *p)
{
	size_t nth = 0;

	for (size_t i = 0; i < p->at; i++)
		nth += p->at - i >= 3 && !memcmp(t->s + i, "${{", 3);
	return yaml_find(y, t->mark, "${{", nth);
}

static const char *word_of(struct yaml *y, const struct piece *p)
{
	return arena_strndup(y->arena, p->s, p->len < 80 ? p->len : 80);
}

/* Tell `sentence; did you mean 'x'?` */
static void tell_near(struct yaml *y, struct mark at, const char *sentence, const char *nearest)
{
	if (nearest)
		yaml_mistake(y, at, "%s; did you mean '%s'?", sentence, nearest);
	else
		yaml_mistake(y, at, "%s", sentence);
}

static void check_var(struct yaml *y, struct mark at, const struct piece *p, const struct spec *s)
{
	const char **names = ARENA_NEW(y->arena, s->vars.n + 1, const char *);
	const char *name = word_of(y, p);
	size_t i;

	for (i = 0; i < s->vars.n; i++) {
		names[i] = s->vars.item[i].key;
		if (piece_is(p, names[i]))
			return;
	}
	for (; s->vars.item && s->vars.item[i].key; i++) {
		if (!piece_is(p, s->vars.item[i].key))
			continue;
		yaml_mistake(y, at, "var '%s' has no value here; vars may refer to those above",
			     name);
		return;
	}
	tell_near(y, at, arena_printf(y->arena, "unknown var '%s'", name),
		  yaml_nearest(name, names));
}

static void check_root(struct yaml *y, struct mark at, const struct piece *p)
{
	static const char *const roots[] = { "vars", "env", "matrix", "needs", NULL };
	const char *name = word_of(y, p);

	tell_near(y, at,
		  arena_printf(y->arena,
			       "unknown '%s' in ${{ }}, which knows vars, env, matrix and needs",
			       name),
		  yaml_nearest(name, roots));
}

static void check_needs(struct yaml *y, struct mark at, const struct expr *v)
{
	static const char *const kinds[] = { "stdout", "verdict", "artifacts", NULL };
	const char *what = word_of(y, &v->what);

	for (size_t i = 0; kinds[i]; i++)
		if (piece_is(&v->what, kinds[i]))
			return;
	tell_near(y, at,
		  arena_printf(y->arena, "needs.%s has stdout, verdict and artifacts, not '%s'",
			       word_of(y, &v->name), what),
		  yaml_nearest(what, kinds));
}

static void check_call(struct yaml *y, struct mark at, const struct part *p, const struct expr *v)
{
	const char *names[NFUNCTION + 1] = { NULL }, *name = word_of(y, &v->name);
	enum function f = expr_function(v);
	const struct expr *list = &p->value[v->arg[0]];

	for (size_t i = 0; i < NFUNCTION; i++)
		names[i] = functions[i].name;
	if (f == NFUNCTION)
		tell_near(y, at,
			  arena_printf(y->arena,
				       "unknown function '%s'; there are hash, file and join",
				       name),
			  yaml_nearest(name, names));
	else if (v->narg != functions[f].narg)
		yaml_mistake(y, at, "%s() takes %zu value%s, not %zu", name, functions[f].narg,
			     functions[f].narg == 1 ? "" : "s", v->narg);
	else if (f == FUNCTION_JOIN &&
		 (list->kind != EXPR_NEEDS || !piece_is(&list->what, "artifacts")))
		yaml_mistake(y, at, "join() takes needs.JOB.artifacts and what is put between");
}

static void check_value(struct yaml *y, struct mark at, const struct part *p, const struct expr *v,
			const struct spec *s)
{
	switch (v->kind) {
	case EXPR_QUOTED:
	case EXPR_ENV:
	case EXPR_MATRIX:
		break;
	case EXPR_VARS:
		check_var(y, at, &v->name, s);
		break;
	case EXPR_NEEDS:
		check_needs(y, at, v);
		break;
	case EXPR_UNKNOWN:
		check_root(y, at, &v->name);
		break;
	case EXPR_CALL:
		check_call(y, at, p, v);
		break;
	}
}

void expr_check(struct yaml *y, const struct text *t, const struct spec *s)
{
	struct part p;

	for (size_t at = 0; t->has_expr && expr_next(t, &at, &p);) {
		if (p.kind == PART_BROKEN)
			yaml_mistake(y, mark_of(y, t, &p),
				     "'%s' must be ${{ vars.NAME }}, ${{ matrix.KEY }}, ${{ 'text' "
				     "}} or the like",
				     word_of(y, &p.text));
		if (p.kind == PART_OPEN)
			yaml_mistake(y, mark_of(y, t, &p), "${{ without }}");
		for (size_t i = 0; p.kind == PART_EXPR && i < p.nvalue; i++)
			check_value(y, mark_of(y, t, &p), &p, &p.value[i], s);
	}
}

struct text expr_fill(struct yaml *y, const struct text *t, const struct spec *s)
{
	static const char *const names[] = { [EXPR_ENV] = "env.*",
					     [EXPR_MATRIX] = "matrix.*",
					     [EXPR_NEEDS] = "needs.*",
					     [EXPR_CALL] = "a function" };
	const struct scope scope = { .spec = s };
	struct part p;

	for (size_t at = 0; t->has_expr && expr_next(t, &at, &p);)
		for (size_t i = 0; p.kind == PART_EXPR && i < p.nvalue; i++)
			if (p.value[i].kind != EXPR_VARS && p.value[i].kind != EXPR_QUOTED &&
			    p.value[i].kind != EXPR_UNKNOWN)
				yaml_mistake(y, mark_of(y, t, &p),
					     "only vars have a value here, %s has not",
					     names[p.value[i].kind]);
	return spec_expand(y->arena, &scope, t);
}

/* A key that matrix.* may name: of a list, or of an include only. */
struct key {
	const char *name;
	bool has_path;
};

struct check {
	struct yaml *y;
	const struct job_spec *job;
	struct map keys; /* name -> struct key */
	bool is_env;     /* the text is a value of env */
};

static void add_key(struct check *c, const char *name, bool has_path)
{
	struct key *k = ARENA_NEW(c->y->arena, 1, struct key);

	if (map_get(&c->keys, name, strlen(name)))
		return;
	*k = (struct key){ name, has_path };
	map_set(&c->keys, name, strlen(name), k);
}

static void collect_keys(struct check *c)
{
	const struct matrix *m = &c->job->matrix;

	for (size_t i = 0; i < m->naxis; i++)
		add_key(c, m->axis[i].key, m->axis[i].path != NULL);
	for (size_t i = 0; i < m->ninclude; i++)
		for (size_t k = 0; k < m->include[i].n; k++)
			add_key(c, m->include[i].item[k].key, false);
}

static void tell_unknown_key(const struct check *c, struct mark at, const char *name)
{
	const char **names = ARENA_NEW(c->y->arena, c->keys.n + 1, const char *);
	const struct key *key;
	size_t n = 0;

	for (size_t i = 0; (key = map_next(&c->keys, &i)) != NULL;)
		names[n++] = key->name;
	if (n == 0)
		yaml_mistake(c->y, at, "unknown matrix key '%s'; job '%s' has no matrix", name,
			     c->job->name);
	else
		tell_near(c->y, at,
			  arena_printf(c->y->arena, "unknown matrix key '%s' in job '%s'", name,
				       c->job->name),
			  yaml_nearest(name, names));
}

static void check_matrix(const struct check *c, struct mark at, const struct expr *v)
{
	const struct key *key = map_get(&c->keys, v->name.s, v->name.len);

	if (!key)
		tell_unknown_key(c, at, word_of(c->y, &v->name));
	else if (v->what.s && !piece_is(&v->what, "path") && !piece_is(&v->what, "name") &&
		 !piece_is(&v->what, "stem"))
		yaml_mistake(c->y, at, "matrix.%s has path, name and stem, not '%s'", key->name,
			     word_of(c->y, &v->what));
	else if (v->what.s && !key->has_path)
		yaml_mistake(c->y, at, "matrix.%s has no .%s: its values are not from dirs or glob",
			     key->name, word_of(c->y, &v->what));
}

static void check_env(const struct check *c, struct mark at, const struct expr *v)
{
	const struct pair_list *env = &c->job->env;
	const char **names = ARENA_NEW(c->y->arena, env->n + 1, const char *);
	const char *name = word_of(c->y, &v->name);

	for (size_t i = 0; i < env->n; i++) {
		names[i] = env->item[i].key;
		if (!c->is_env && piece_is(&v->name, names[i]))
			return;
	}
	if (c->is_env)
		yaml_mistake(c->y, at, "env.* has no value in env itself");
	else
		tell_near(c->y, at,
			  arena_printf(c->y->arena, "unknown env '%s' in job '%s'", name,
				       c->job->name),
			  yaml_nearest(name, names));
}

static void check_names(struct check *c, const struct text *t)
{
	struct part p;

	for (size_t at = 0; t->has_expr && expr_next(t, &at, &p);) {
		for (size_t i = 0; p.kind == PART_EXPR && i < p.nvalue; i++) {
			if (p.value[i].kind == EXPR_MATRIX)
				check_matrix(c, mark_of(c->y, t, &p), &p.value[i]);
			if (p.value[i].kind == EXPR_ENV)
				check_env(c, mark_of(c->y, t, &p), &p.value[i]);
		}
	}
}

static void check_needed(struct check *c, const struct text *t)
{
	struct part p;

	for (size_t at = 0; t->has_expr && expr_next(t, &at, &p);) {
		for (size_t i = 0; p.kind == PART_EXPR && i < p.nvalue; i++) {
			const struct expr *v = &p.value[i];
			size_t k = 0;

			if (v->kind != EXPR_NEEDS)
				continue;
			while (k < c->job->needs.n && !piece_is(&v->name, c->job->needs.item[k]))
				k++;
			if (k == c->job->needs.n)
				yaml_mistake(c->y, mark_of(c->y, t, &p),
					     "job '%s' refers to '%s' but does not need it",
					     c->job->name, word_of(c->y, &v->name));
		}
	}
}

typedef void visit_fn(struct check *c, const struct text *t);

static void visit_list(struct check *c, visit_fn *visit, const struct text_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		visit(c, &l->item[i]);
}

/* All of a job's texts in which ${{ }} may stand. */
static void visit_texts(struct check *c, visit_fn *visit)
{
	const struct job_spec *job = c->job;
	const struct text *single[] = { &job->language,   &job->code,  &job->file,    &job->input,
					&job->input_file, &job->xfail, &job->filename };

	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
		visit(c, single[i]);
	visit_list(c, visit, &job->args);
	visit_list(c, visit, &job->compile_args);
	visit_list(c, visit, &job->artifacts);
	for (size_t i = 0; i < job->nfiles; i++) {
		visit(c, &job->files[i].value);
		visit(c, &job->files[i].as);
	}
	c->is_env = true;
	for (size_t i = 0; i < job->env.n; i++)
		visit(c, &job->env.item[i].value);
	c->is_env = false;
	for (size_t i = 0; i < job->expect.ncheck; i++) {
		visit(c, &job->expect.check[i].want);
		visit(c, &job->expect.check[i].language);
		visit(c, &job->expect.check[i].answer);
	}
	for (size_t i = 0; i < job->expect.nartifact; i++)
		visit(c, &job->expect.artifact[i].name);
}

void expr_check_job(struct yaml *y, const struct job_spec *job)
{
	struct check c = { .y = y, .job = job };

	collect_keys(&c);
	visit_texts(&c, check_names);
	map_close(&c.keys);
}

void expr_check_needs(struct yaml *y, const struct job_spec *job)
{
	struct check c = { .y = y, .job = job };

	visit_texts(&c, check_needed);
}
