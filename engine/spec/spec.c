#include "spec/spec.h"
#include "spec/decode.h"

/* A spec being read: its sections wait here, since they may stand in any order. */
struct loading {
	struct yaml y;
	struct spec *spec;
	int64_t version;
	const struct node *vars, *defaults, *jobs;
	const char *const *override; /* "K=V", NULL at the end */
	struct map job;              /* name -> struct job_spec */
	const char **name;           /* of all jobs, NULL at the end */
};

static void keep_node(struct yaml *y, const struct node *n, void *slot, void *ctx)
{
	(void)ctx;
	if (n->kind == NODE_MAP)
		*(const struct node **)slot = n;
	else
		yaml_mistake(y, n->mark, "%s must be a mapping, not %s", y->key, yaml_found(y, n));
}

/* The top level. name lands in loading.spec, which is why it is read by hand. */
static void read_name(struct yaml *y, const struct node *n, void *slot, void *ctx)
{
	struct loading *l = slot;

	(void)ctx;
	if (n->kind != NODE_SCALAR || n->len == 0 || memchr(n->text, 0, n->len))
		yaml_mistake(y, n->mark, "name must be text, not %s", yaml_found(y, n));
	else
		l->spec->name = n->text;
}

#define SECTION(section, required, phrase)                                                     \
	{                                                                                      \
		.key = #section, .type = FIELD_OTHER, .at = offsetof(struct loading, section), \
		.is_required = (required), .help = (phrase), .read = keep_node                 \
	}
static const struct field spec_fields[] = {
	{ .key = "version",
	  .type = FIELD_INT,
	  .at = offsetof(struct loading, version),
	  .is_required = true,
	  .min = 1,
	  .max = 1,
	  .help = "of this format" },
	{ .key = "name",
	  .type = FIELD_OTHER,
	  .help = "of the whole, in reports",
	  .read = read_name },
	SECTION(vars, false, "values for ${{ vars.* }}"),
	SECTION(defaults, false, "keys laid under every job"),
	SECTION(jobs, true, "what to run, by name"),
	{ 0 },
};

/* The value that --var gives to a name, the last of them, or NULL. */
static const char *find_override(const char *const *override, const char *name)
{
	size_t n = strlen(name);
	const char *found = NULL;

	for (; override && *override; override++)
		if (!strncmp(*override, name, n) && (*override)[n] == '=')
			found = *override + n + 1;
	return found;
}

static void decode_vars(struct loading *l)
{
	const struct node *n = l->vars;
	struct spec *s = l->spec;

	if (!n)
		return;
	/* Names that have no value yet wait behind those that have, up to a NULL: see expr.c. */
	s->vars.item = ARENA_NEW(l->y.arena, n->n + 1, struct pair);
	for (size_t i = 0; i < n->n; i++)
		s->vars.item[i].key = n->key[i]->text;
	for (size_t i = 0; i < n->n; i++) {
		const char *given = find_override(l->override, n->key[i]->text);
		struct pair *p = &s->vars.item[s->vars.n];

		p->key = n->key[i]->text;
		if (!spec_is_name(&l->y, n->key[i], "a var") ||
		    !spec_plain_text(&l->y, n->item[i],
				     arena_printf(l->y.arena, "var '%s'", p->key), s, &p->value))
			continue;
		if (given)
			p->value = (struct text){ given, strlen(given), n->item[i]->mark, false };
		else
			p->value = expr_fill(&l->y, &p->value, s);
		s->vars.n++;
	}
}

/* What makes one job itself cannot come from what is laid under all. */
static void decode_defaults(struct loading *l, struct job_spec *base)
{
	static const char *const own[] = { "needs", "matrix", "code", "file" };
	const struct node *n = l->defaults;

	if (!n)
		return;
	for (size_t i = 0; i < n->n; i++)
		for (size_t k = 0; k < sizeof(own) / sizeof(own[0]); k++)
			if (!strcmp(n->key[i]->text, own[k]))
				yaml_mistake(&l->y, n->key[i]->mark,
					     "defaults cannot have '%s'; each job has its own",
					     own[k]);
	spec_decode_job(&l->y, n, "defaults", l->spec, base);
	base->needs = (struct names){ 0 };
	base->matrix = (struct matrix){ 0 };
	base->code = base->file = (struct text){ 0 };
}

/* A job's name is a folder's, and part of a cell's id. */
static bool is_job_name(struct yaml *y, const struct node *key)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_.-";

	if (key->len > 0 && key->len <= 200 && strspn(key->text, allowed) == key->len &&
	    strcmp(key->text, ".") != 0 && strcmp(key->text, "..") != 0)
		return true;
	yaml_mistake(y, key->mark,
		     "a job's name must be 1 to 200 letters, digits, _, . and -, not '%.60s'",
		     key->text);
	return false;
}

static void decode_job(struct loading *l, const struct node *key, const struct node *n,
		       struct job_spec *job)
{
	const char *what = arena_printf(l->y.arena, "job '%s'", key->text);
	bool has_code = yaml_get(n, "code"), has_file = yaml_get(n, "file");

	job->name = key->text;
	job->mark = key->mark;
	spec_decode_job(&l->y, n, n->kind == NODE_MAP ? "a job" : what, l->spec, job);
	if (n->kind == NODE_MAP && has_code == has_file)
		yaml_mistake(&l->y, key->mark, "%s has %s", what,
			     has_code ? "both 'code' and 'file'" : "neither 'code' nor 'file'");
	if (job->retry.max < 0)
		job->retry.max = 0;
	expr_check_job(&l->y, job);
}

static void decode_jobs(struct loading *l)
{
	const struct node *n = l->jobs;
	struct spec *s = l->spec;
	struct job_spec base = { .retry = spec_no_retry };

	decode_defaults(l, &base);
	if (!n)
		return;
	if (n->n == 0)
		yaml_mistake(&l->y, n->mark, "jobs must have at least one job");
	s->job = ARENA_NEW(l->y.arena, n->n, struct job_spec);
	l->name = ARENA_NEW(l->y.arena, n->n + 1, const char *);
	for (size_t i = 0; i < n->n; i++) {
		struct job_spec *job = &s->job[s->njob];

		is_job_name(&l->y, n->key[i]);
		*job = base;
		decode_job(l, n->key[i], n->item[i], job);
		map_set(&l->job, job->name, n->key[i]->len, job);
		l->name[s->njob++] = job->name;
	}
}

/* One name under needs: its index goes to the job, unless it is wrong. seen[i]: needed so far. */
static void link_need(struct loading *l, struct job_spec *job, const struct node *n, bool *seen)
{
	const struct job_spec *need = map_get(&l->job, n->text, n->len);
	const char *nearest = need ? NULL : yaml_nearest(n->text, l->name);
	uint32_t index;

	if (!need) {
		yaml_mistake(&l->y, n->mark,
			     "job '%s' needs '%.60s', which is not in the spec%s%s%s", job->name,
			     n->text, nearest ? "; did you mean '" : "", nearest ? nearest : "",
			     nearest ? "'?" : "");
		return;
	}
	index = (uint32_t)(need - l->spec->job);
	if (seen[index])
		yaml_mistake(&l->y, n->mark, "job '%s' needs '%s' twice", job->name, n->text);
	else
		job->need[job->needs.n++] = index;
	seen[index] = true;
}

/* What a job's output must be the same as is needed by it, written or not. */
static void link_same(struct loading *l, struct job_spec *job, const struct text *name, bool *seen)
{
	const struct job_spec *same = map_get(&l->job, name->s, name->len);
	const char *nearest = same ? NULL : yaml_nearest(name->s, l->name);
	uint32_t index;

	if (!same || same == job) {
		yaml_mistake(&l->y, name->mark,
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
static void link_job(struct loading *l, struct job_spec *job, const struct node *needs, bool *seen)
{
	bool is_list = needs && needs->kind == NODE_LIST;
	size_t n = is_list ? needs->n : needs != NULL;

	job->need = ARENA_NEW(l->y.arena, n + job->expect.ncheck, uint32_t);
	job->needs.item = ARENA_NEW(l->y.arena, n + job->expect.ncheck, const char *);
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
			yaml_mistake(&l->y, job->files[i].mark,
				     "job '%s' takes a file from '%.60s' but does not need it",
				     job->name, job->files[i].from);
	expr_check_needs(&l->y, job);
}

static void link_jobs(struct loading *l)
{
	bool *seen = ARENA_NEW(l->y.arena, l->spec->njob, bool);

	for (size_t i = 0; i < l->spec->njob; i++)
		link_job(l, &l->spec->job[i], yaml_get(l->jobs->item[i], "needs"), seen);
}

/* Every --var must be K=V and name a var of the spec. */
static bool check_overrides(const struct loading *l, struct err *e)
{
	const struct pair_list *vars = &l->spec->vars;
	const char **names = ARENA_NEW(l->y.arena, vars->n + 1, const char *);

	for (size_t i = 0; i < vars->n; i++)
		names[i] = vars->item[i].key;
	for (const char *const *o = l->override; o && *o; o++) {
		const char *eq = strchr(*o, '='), *name, *nearest;
		size_t i = 0;

		if (!eq || eq == *o)
			return err_set(e, ERR_USAGE, "--var must be NAME=VALUE, not '%.60s'", *o);
		name = arena_strndup(l->y.arena, *o, (size_t)(eq - *o));
		nearest = yaml_nearest(name, names);
		while (names[i] && strcmp(names[i], name) != 0)
			i++;
		if (!names[i])
			return err_set(e, ERR_USAGE, "--var '%.60s': %s has no such var%s%.60s%s",
				       name, l->spec->path, nearest ? "; did you mean '" : "",
				       nearest ? nearest : "", nearest ? "'?" : "");
	}
	return true;
}

/* Folder and name of a spec, from its path. */
static void split_path(struct arena *a, struct spec *s)
{
	const char *slash = strrchr(s->path, '/'), *file = slash ? slash + 1 : s->path;
	const char *dot = strrchr(file, '.');

	s->folder = "/";
	if (!slash)
		s->folder = ".";
	else if (slash != s->path)
		s->folder = arena_strndup(a, s->path, (size_t)(slash - s->path));
	s->name = dot && dot != file ? arena_strndup(a, file, (size_t)(dot - file)) : file;
}

bool spec_load(struct arena *a, const char *path, const char *const *vars, struct buf *tell,
	       struct spec *out, struct err *e)
{
	struct loading l = { .spec = out, .override = vars };

	*out = (struct spec){ 0 };
	if (!yaml_read_file(&l.y, a, path, tell, e))
		return false;
	out->path = l.y.path;
	split_path(a, out);
	yaml_decode(&l.y, l.y.root, "a spec", spec_fields, &l, &l);
	decode_vars(&l);
	decode_jobs(&l);
	link_jobs(&l);
	map_close(&l.job);
	return yaml_finish(&l.y, e) && check_overrides(&l, e);
}

const struct job_spec *spec_job(const struct spec *s, const char *name)
{
	for (size_t i = 0; i < s->njob; i++)
		if (!strcmp(s->job[i].name, name))
			return &s->job[i];
	return NULL;
}
