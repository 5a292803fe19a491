#include "spec/decode.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

static size_t skip_space(const char *s, size_t len, size_t i)
{
	while (i < len && is_space(s[i]))
		i++;
	return i;
}

static size_t skip_name(const char *s, size_t len, size_t i)
{
	while (i < len && is_name_char(s[i]))
		i++;
	return i;
}

/* 'text' at i, '' in it standing for one '; returns where it ends, i if it does not. */
static size_t read_quoted(const char *s, size_t len, size_t i, struct part *p)
{
	size_t end = i + 1;

	while (end < len && (s[end] != '\'' || (end + 1 < len && s[end + 1] == '\'')))
		end += s[end] == '\'' ? 2 : 1;
	if (end >= len)
		return i;
	p->kind = PART_QUOTED;
	p->s = s + i + 1;
	p->len = end - i - 1;
	return end + 1;
}

/* ROOT.NAME at i; returns where it ends, i if there is none. */
static size_t read_reference(const char *s, size_t len, size_t i, struct part *p)
{
	static const struct {
		const char *name;
		enum part_kind kind;
	} roots[] = { { "vars", PART_VARS }, { "matrix", PART_MATRIX } };
	size_t dot = skip_name(s, len, i), end;

	if (dot == i || dot == len || s[dot] != '.')
		return i;
	end = skip_name(s, len, dot + 1);
	if (end == dot + 1)
		return i;
	p->kind = PART_UNKNOWN;
	p->s = s + i;
	p->len = dot - i;
	for (size_t k = 0; k < sizeof(roots) / sizeof(roots[0]); k++) {
		if (p->len != strlen(roots[k].name) || memcmp(p->s, roots[k].name, p->len) != 0)
			continue;
		p->kind = roots[k].kind;
		p->s = s + dot + 1;
		p->len = end - dot - 1;
		break;
	}
	return end;
}

/* The ${{ at s; returns how many bytes it takes. */
static size_t read_expr(const char *s, size_t len, struct part *p)
{
	size_t start = skip_space(s, len, 3), end;
	const char *close;

	end = start < len && s[start] == '\'' ? read_quoted(s, len, start, p)
					      : read_reference(s, len, start, p);
	if (end != start) {
		end = skip_space(s, len, end);
		if (len - end >= 2 && !memcmp(s + end, "}}", 2))
			return end + 2;
	}
	close = memmem(s, len, "}}", 2);
	p->kind = close ? PART_BROKEN : PART_OPEN;
	p->s = s;
	p->len = close ? (size_t)(close - s) + 2 : len;
	return p->len;
}

bool expr_next(const struct text *t, size_t *at, struct part *out)
{
	const char *s = t->s + *at, *open;
	size_t left = t->len - *at;

	if (left == 0)
		return false;
	open = memmem(s, left, "${{", 3);
	*out = (struct part){ PART_TEXT, s, open ? (size_t)(open - s) : left, *at };
	*at += open == s ? read_expr(s, left, out) : out->len;
	return true;
}

struct mark expr_mark(const struct yaml *y, const struct text *t, const struct part *p)
{
	size_t nth = 0;

	for (size_t i = 0; i < p->at; i++)
		nth += p->at - i >= 3 && !memcmp(t->s + i, "${{", 3);
	return yaml_find(y, t->mark, "${{", nth);
}

static const struct text *find_pair(const struct pair *pair, size_t n, const struct part *p)
{
	for (size_t i = 0; i < n; i++)
		if (!strncmp(pair[i].key, p->s, p->len) && !pair[i].key[p->len])
			return &pair[i].value;
	return NULL;
}

/* Tell `sentence; did you mean 'x'?` */
static void tell_near(struct yaml *y, struct mark at, const char *sentence, const char *nearest)
{
	if (nearest)
		yaml_mistake(y, at, "%s; did you mean '%s'?", sentence, nearest);
	else
		yaml_mistake(y, at, "%s", sentence);
}

static void tell_unknown_var(struct yaml *y, struct mark at, const char *name, const struct spec *s)
{
	const char **names = ARENA_NEW(y->arena, s->vars.n + 1, const char *);
	size_t i;

	for (i = 0; i < s->vars.n; i++)
		names[i] = s->vars.item[i].key;
	for (; s->vars.item && s->vars.item[i].key; i++) {
		if (strcmp(s->vars.item[i].key, name) != 0)
			continue;
		yaml_mistake(y, at, "var '%s' has no value here; vars may refer to those above",
			     name);
		return;
	}
	tell_near(y, at, arena_printf(y->arena, "unknown var '%s'", name),
		  yaml_nearest(name, names));
}

static void check_part(struct yaml *y, const struct text *t, const struct part *p,
		       const struct spec *s)
{
	static const char *const roots[] = { "vars", "matrix", NULL };
	const char *name = arena_strndup(y->arena, p->s, p->len < 80 ? p->len : 80);

	switch (p->kind) {
	case PART_TEXT:
	case PART_QUOTED:
	case PART_MATRIX:
		break;
	case PART_VARS:
		if (!find_pair(s->vars.item, s->vars.n, p))
			tell_unknown_var(y, expr_mark(y, t, p), name, s);
		break;
	case PART_UNKNOWN:
		tell_near(y, expr_mark(y, t, p),
			  arena_printf(y->arena,
				       "unknown '%s' in ${{ }}, which knows vars and matrix", name),
			  yaml_nearest(name, roots));
		break;
	case PART_BROKEN:
		yaml_mistake(y, expr_mark(y, t, p),
			     "'%s' must be ${{ vars.NAME }}, ${{ matrix.KEY }} or ${{ 'text' }}",
			     name);
		break;
	case PART_OPEN:
		yaml_mistake(y, expr_mark(y, t, p), "${{ without }}");
		break;
	}
}

void expr_check(struct yaml *y, const struct text *t, const struct spec *s)
{
	struct part p;

	for (size_t at = 0; t->has_expr && expr_next(t, &at, &p);)
		check_part(y, t, &p, s);
}

struct text expr_fill(struct yaml *y, const struct text *t, const struct spec *s)
{
	const struct scope scope = { .spec = s };
	struct part p;

	for (size_t at = 0; t->has_expr && expr_next(t, &at, &p);)
		if (p.kind == PART_MATRIX)
			yaml_mistake(y, expr_mark(y, t, &p),
				     "only vars have a value here, matrix.* has not");
	return spec_expand(y->arena, &scope, t);
}

/* What a part of the text says in that scope; a key that the cell does not have says nothing. */
static struct part part_value(const struct scope *scope, const struct part *p)
{
	const struct text *value = NULL;

	if (p->kind != PART_VARS && p->kind != PART_MATRIX)
		return *p;
	if (p->kind == PART_VARS)
		value = find_pair(scope->spec->vars.item, scope->spec->vars.n, p);
	else
		value = find_pair(scope->matrix, scope->nmatrix, p);
	return (struct part){ PART_TEXT, value ? value->s : "", value ? value->len : 0, p->at };
}

/* Write what the part says at out; returns how many bytes that are. */
static size_t part_write(const struct part *p, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < p->len; i++) {
		out[n++] = p->s[i];
		i += p->kind == PART_QUOTED && p->s[i] == '\'';
	}
	return n;
}

struct text spec_expand(struct arena *a, const struct scope *scope, const struct text *t)
{
	struct text out = { .mark = t->mark };
	size_t room = 0;
	struct part p;
	char *s;

	if (!t->has_expr)
		return *t;
	for (size_t at = 0; expr_next(t, &at, &p);)
		room += part_value(scope, &p).len;
	s = arena_zalloc(a, room + 1, 1);
	for (size_t at = 0; expr_next(t, &at, &p);) {
		p = part_value(scope, &p);
		out.len += part_write(&p, s + out.len);
	}
	out.s = s;
	return out;
}

bool spec_eval(struct arena *a, const struct scope *scope, const struct text *t, struct text *out,
	       struct err *e)
{
	(void)e;
	*out = spec_expand(a, scope, t);
	return true;
}

static void add_key(struct map *keys, const char **key)
{
	map_set(keys, *key, strlen(*key), (void *)key);
}

/* The keys that matrix.* may name in a job; values are where each is kept. */
static void collect_keys(const struct matrix *m, struct map *keys)
{
	for (size_t i = 0; i < m->naxis; i++)
		add_key(keys, &m->axis[i].key);
	for (size_t i = 0; i < m->ninclude; i++)
		for (size_t k = 0; k < m->include[i].n; k++)
			add_key(keys, &m->include[i].item[k].key);
}

static void tell_unknown_key(struct yaml *y, struct mark at, const char *name,
			     const struct job_spec *job, const struct map *keys)
{
	const char **names = ARENA_NEW(y->arena, keys->n + 1, const char *);
	const char **key;
	size_t n = 0;

	for (size_t i = 0; (key = map_next(keys, &i)) != NULL;)
		names[n++] = *key;
	if (n == 0)
		yaml_mistake(y, at, "unknown matrix key '%s'; job '%s' has no matrix", name,
			     job->name);
	else
		tell_near(y, at,
			  arena_printf(y->arena, "unknown matrix key '%s' in job '%s'", name,
				       job->name),
			  yaml_nearest(name, names));
}

struct key_check {
	struct yaml *y;
	const struct job_spec *job;
	struct map keys;
};

static void check_keys(struct key_check *c, const struct text *t)
{
	struct part p;

	for (size_t at = 0; t->has_expr && expr_next(t, &at, &p);)
		if (p.kind == PART_MATRIX && !map_get(&c->keys, p.s, p.len))
			tell_unknown_key(c->y, expr_mark(c->y, t, &p),
					 arena_strndup(c->y->arena, p.s, p.len), c->job, &c->keys);
}

static void check_keys_list(struct key_check *c, const struct text_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		check_keys(c, &l->item[i]);
}

void expr_check_job(struct yaml *y, const struct job_spec *job)
{
	struct key_check c = { .y = y, .job = job };
	const struct text *single[] = { &job->language,   &job->code,  &job->file,    &job->input,
					&job->input_file, &job->xfail, &job->filename };

	collect_keys(&job->matrix, &c.keys);
	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
		check_keys(&c, single[i]);
	check_keys_list(&c, &job->args);
	check_keys_list(&c, &job->compile_args);
	check_keys_list(&c, &job->artifacts);
	for (size_t i = 0; i < job->nfiles; i++) {
		check_keys(&c, &job->files[i].value);
		check_keys(&c, &job->files[i].as);
	}
	for (size_t i = 0; i < job->env.n; i++)
		check_keys(&c, &job->env.item[i].value);
	for (size_t i = 0; i < job->expect.ncheck; i++) {
		check_keys(&c, &job->expect.check[i].want);
		check_keys(&c, &job->expect.check[i].language);
	}
	for (size_t i = 0; i < job->expect.nartifact; i++)
		check_keys(&c, &job->expect.artifact[i].name);
	map_close(&c.keys);
}
