#include "spec/spec.h"

#include <fcntl.h>

#include "base/digest.h"
#include "base/fs.h"
#include "spec/loading.h"

#define SPEC_MAX_BYTES ((size_t)16 << 20) /* as yaml.h */

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

static const struct pair *find_var(const struct spec *s, const char *name)
{
	for (size_t i = 0; s->vars.item[i].key; i++)
		if (!strcmp(s->vars.item[i].key, name))
			return &s->vars.item[i];
	return NULL;
}

/* One var of a file, unless a file that includes it has one of that name. */
static void decode_var(struct loading *l, struct spec_file *f, const struct node *key,
		       const struct node *n)
{
	const char *given = find_override(l->override, key->text);
	struct spec *s = l->spec;
	struct pair *p = &s->vars.item[s->vars.n];
	struct text t;

	if (!spec_is_name(&f->y, key, "a var") ||
	    !spec_plain_text(&f->y, n, arena_printf(l->arena, "var '%s'", key->text), s, &t))
		return;
	if (given)
		t = (struct text){ given, strlen(given), n->mark, false };
	else
		t = expr_fill(&f->y, &t, s);
	*p = (struct pair){ key->text, t, NULL };
	s->vars.n++;
}

static void decode_vars(struct loading *l)
{
	struct spec *s = l->spec;
	size_t n = 0, name = 0;

	for (size_t i = 0; i < l->nfile; i++)
		n += l->file[i]->vars ? l->file[i]->vars->n : 0;
	/* Names that have no value yet wait behind those that have, up to a NULL: see expr.c. */
	s->vars.item = ARENA_NEW(l->arena, n + 1, struct pair);
	for (size_t i = 0; i < l->nfile; i++)
		for (size_t k = 0; l->file[i]->vars && k < l->file[i]->vars->n; k++)
			if (i == 0 || !find_var(s, l->file[i]->vars->key[k]->text))
				s->vars.item[name++].key = l->file[i]->vars->key[k]->text;
	for (size_t i = 0; i < l->nfile; i++) {
		struct spec_file *f = l->file[i];
		size_t nouter = s->vars.n;

		for (size_t k = 0; f->vars && k < f->vars->n; k++) {
			size_t at = 0;

			while (at < nouter &&
			       strcmp(s->vars.item[at].key, f->vars->key[k]->text) != 0)
				at++;
			if (at == nouter)
				decode_var(l, f, f->vars->key[k], f->vars->item[k]);
		}
	}
	for (size_t i = 0; i < l->nfile; i++)
		l->file[i]->scope.vars = s->vars;
}

/* What makes one job itself cannot come from what is laid under all. */
static void decode_defaults(struct spec_file *f, struct job_spec *base)
{
	const struct node *n = f->defaults;

	if (!n)
		return;
	for (size_t i = 0; i < n->n; i++)
		for (size_t k = 0; spec_own_keys[k]; k++)
			if (!strcmp(n->key[i]->text, spec_own_keys[k]))
				yaml_mistake(&f->y, n->key[i]->mark,
					     "defaults cannot have '%s'; each job has its own",
					     spec_own_keys[k]);
	spec_decode_job(&f->y, n, "defaults", &f->scope, base);
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

static void decode_job(struct loading *l, struct spec_file *f, const struct node *key,
		       const struct node *n, struct job_spec *job)
{
	const char *what = arena_printf(l->arena, "job '%s'", key->text);
	bool has_code = yaml_get(n, "code"), has_file = yaml_get(n, "file");

	job->name = key->text;
	job->mark = key->mark;
	job->path = f->scope.path;
	job->folder = f->scope.folder;
	spec_decode_job(&f->y, n, n->kind == NODE_MAP ? "a job" : what, &f->scope, job);
	if (n->kind == NODE_MAP && has_code == has_file)
		yaml_mistake(&f->y, key->mark, "%s has %s", what,
			     has_code ? "both 'code' and 'file'" : "neither 'code' nor 'file'");
	if (job->retry.max < 0)
		job->retry.max = 0;
	expr_check_job(&f->y, job);
}

/* A file's jobs, put behind those that are there. */
static void decode_jobs(struct loading *l, struct spec_file *f)
{
	const struct node *n = f->jobs;
	struct spec *s = l->spec;
	struct job_spec base = { .retry = spec_no_retry };

	decode_defaults(f, &base);
	if (n && n->n == 0)
		yaml_mistake(&f->y, n->mark, "jobs must have at least one job");
	for (size_t i = 0; n && i < n->n; i++) {
		struct job_spec *job = &s->job[s->njob];
		const struct job_spec *same = map_get(&l->job, n->key[i]->text, n->key[i]->len);

		is_job_name(&f->y, n->key[i]);
		*job = base;
		decode_job(l, f, n->key[i], n->item[i], job);
		if (same) {
			yaml_mistake(&f->y, n->key[i]->mark, "job '%s' is in %s:%u, too", job->name,
				     same->path, same->mark.line);
			continue;
		}
		map_set(&l->job, job->name, n->key[i]->len, job);
		l->origin[s->njob] = (struct origin){ f, n->key[i], n->item[i] };
		l->name[s->njob++] = job->name;
	}
}

static void decode_all_jobs(struct loading *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->nfile; i++)
		n += l->file[i]->jobs ? l->file[i]->jobs->n : 0;
	l->spec->job = ARENA_NEW(l->arena, n, struct job_spec);
	l->name = ARENA_NEW(l->arena, n + 1, const char *);
	l->origin = ARENA_NEW(l->arena, n, struct origin);
	for (size_t i = 0; i < l->nfile; i++)
		decode_jobs(l, l->file[i]);
}

/* Every --var must be K=V and name a var of the spec. */
static bool check_overrides(const struct loading *l, struct err *e)
{
	const struct pair_list *vars = &l->spec->vars;
	const char **names = ARENA_NEW(l->arena, vars->n + 1, const char *);

	for (size_t i = 0; i < vars->n; i++)
		names[i] = vars->item[i].key;
	for (const char *const *o = l->override; o && *o; o++) {
		const char *eq = strchr(*o, '='), *name, *nearest;
		size_t i = 0;

		if (!eq || eq == *o)
			return err_set(e, ERR_USAGE, "--var must be NAME=VALUE, not '%.60s'", *o);
		name = arena_strndup(l->arena, *o, (size_t)(eq - *o));
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

/* The spec's own file says what it is called, else its name does. */
static void describe(struct loading *l)
{
	const struct spec_file *f = l->file[0];
	const char *slash = strrchr(f->scope.path, '/');
	const char *file = slash ? slash + 1 : f->scope.path, *dot = strrchr(file, '.');
	struct spec *s = l->spec;

	s->path = f->scope.path;
	s->folder = f->scope.folder;
	s->name = f->name;
	if (!s->name)
		s->name = dot && dot != file ? arena_strndup(l->arena, file, (size_t)(dot - file))
					     : file;
	s->files.item = ARENA_NEW(l->arena, l->nfile, const char *);
	while (s->files.n < l->nfile) {
		s->files.item[s->files.n] = l->file[s->files.n]->scope.path;
		s->files.n++;
	}
}

static bool finish(struct loading *l, struct err *e)
{
	unsigned n = 0, nfile = 0;

	for (size_t i = 0; i < l->nfile; i++) {
		nfile += !yaml_finish(&l->file[i]->y, e);
		n += l->file[i]->y.nmistake;
	}
	if (nfile > 1)
		return err_set(e, ERR_SPEC, "%s and what it includes: %u mistakes", l->spec->path,
			       n);
	return nfile == 0;
}

bool spec_load(struct arena *a, const char *path, const char *const *vars, struct buf *tell,
	       struct spec *out, struct err *e)
{
	return spec_read(a, &(struct spec_source){ .path = path, .vars = vars }, tell, out, e);
}

bool spec_read(struct arena *a, const struct spec_source *from, struct buf *tell, struct spec *out,
	       struct err *e)
{
	struct loading l = { .arena = a, .tell = tell, .spec = out, .override = from->vars };

	*out = (struct spec){ .allow_outside = from->allow_outside };
	if (!loading_read(&l, from->path, e))
		return false;
	describe(&l);
	decode_vars(&l);
	decode_all_jobs(&l);
	loading_link(&l);
	map_close(&l.job);
	return finish(&l, e) && check_overrides(&l, e);
}

const struct job_spec *spec_job(const struct spec *s, const char *name)
{
	for (size_t i = 0; i < s->njob; i++)
		if (!strcmp(s->job[i].name, name))
			return &s->job[i];
	return NULL;
}

const char *spec_digest(struct arena *a, const struct spec *s)
{
	struct digest *d = digest_open();
	char hex[DIGEST_HEX];
	bool ok = true;

	for (size_t i = 0; ok && i < s->files.n; i++) {
		CLEAN_ARENA struct arena scratch = { 0 };
		struct err ignored = { 0 };
		char *text;
		size_t len;

		ok = fs_read(&scratch, AT_FDCWD, s->files.item[i], SPEC_MAX_BYTES, &text, &len,
			     &ignored);
		if (ok)
			digest_add(d, text, len);
	}
	digest_close(d, hex);
	return ok ? arena_strdup(a, hex) : NULL;
}
