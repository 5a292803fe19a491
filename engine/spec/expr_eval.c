/* What ${{ }} says in a cell. */
#include <fcntl.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/fs.h"
#include "spec/expr.h"
#include "spec/glob.h"

#define MAX_TEXT (64 << 20) /* of a text with all filled in */
#define MAX_FILE (1 << 20)  /* of file() */

struct eval {
	struct arena *a;
	const struct scope *scope;
	struct part part;
	struct piece said[EXPR_MAX_VALUES]; /* by each value of the part */
	struct err *e;
	/* What an env of the job says; NULL in the text of one: an env names no other. */
	bool (*env)(const struct eval *v, const struct expr *x, struct piece *out);
};

static struct piece piece_of(const struct text *t)
{
	return (struct piece){ t->s, t->len };
}

/* Quoted text, '' in it as '. */
static struct piece unquote(struct arena *a, const struct piece *p)
{
	char *s = ARENA_NEW(a, p->len + 1, char);
	size_t n = 0;

	for (size_t i = 0; i < p->len; i++) {
		s[n++] = p->s[i];
		i += p->s[i] == '\'';
	}
	return (struct piece){ s, n };
}

static const struct pair *find_pair(const struct pair *pair, size_t n, const struct piece *p)
{
	for (size_t i = 0; i < n; i++)
		if (piece_is(p, pair[i].key))
			return &pair[i];
	return NULL;
}

/* A key that the cell does not have says nothing. */
static bool eval_matrix(const struct eval *v, const struct expr *x, struct piece *out)
{
	const struct pair *p = find_pair(v->scope->matrix, v->scope->nmatrix, &x->name);
	const char *name, *dot;

	*out = p ? piece_of(&p->value) : (struct piece){ "", 0 };
	if (!p || !x->what.s)
		return true;
	if (!p->path)
		return err_set(v->e, ERR_SPEC, "matrix.%s is no folder or file in this cell",
			       p->key);
	name = strrchr(p->path, '/');
	name = name ? name + 1 : p->path;
	dot = strrchr(name, '.');
	if (piece_is(&x->what, "path"))
		*out = (struct piece){ p->path, strlen(p->path) };
	else
		*out = (struct piece){ name, strlen(name) };
	if (piece_is(&x->what, "stem") && dot && dot != name)
		out->len = (size_t)(dot - name);
	return true;
}

/* What a needed job left, with sep between the names of artifacts. */
static bool eval_needs(const struct eval *v, const struct expr *x, const struct piece *sep,
		       struct piece *out)
{
	CLEAN_BUF struct buf b = BUF(MAX_TEXT);
	const char *job = arena_strndup(v->a, x->name.s, x->name.len);
	const char *what = arena_strndup(v->a, x->what.s, x->what.len);
	struct text t = { 0 };

	if (!v->scope->needs || !v->scope->needs(v->scope->needs_ctx, job, what, &t))
		return err_set(v->e, ERR_SPEC, "needs.%s.%s is not known here", job, what);
	t.len -= t.len && t.s[t.len - 1] == '\n';
	t.len -= t.len && !strcmp(what, "stdout") && t.s[t.len - 1] == '\r';
	*out = piece_of(&t);
	if (strcmp(what, "artifacts") != 0)
		return true;
	for (size_t i = 0; i < t.len; i++)
		if (t.s[i] == '\n')
			buf_add(&b, sep->s, sep->len);
		else
			buf_add(&b, &t.s[i], 1);
	*out = (struct piece){ arena_strndup(v->a, buf_text(&b), b.len), b.len };
	return true;
}

/* The folder that paths in the job's texts start from. */
static int open_folder(const struct eval *v)
{
	const struct job_spec *job = v->scope->job;
	const char *folder = job ? job->folder : v->scope->spec->folder;
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		err_sys(v->e, "cannot open %s", folder);
	return fd;
}

static bool eval_file(const struct eval *v, const struct piece *arg, struct piece *out)
{
	CLEAN_FD int dirfd = open_folder(v), fd = -1;
	const char *path = arena_strndup(v->a, arg->s, arg->len);
	struct glob g = { .dirfd = dirfd, .allow_outside = v->scope->allow_outside };
	char *data;

	if (dirfd < 0)
		return false;
	fd = glob_open(&g, path, O_RDONLY | O_NONBLOCK, v->e);
	if (fd < 0)
		return false;
	if (!fs_read_fd(v->a, fd, MAX_FILE, path, &data, &out->len, v->e)) {
		v->e->kind = ERR_SPEC;
		return false;
	}
	out->s = data;
	out->len -= out->len && data[out->len - 1] == '\n';
	return true;
}

/* Add a file's name, size and bytes, each ended by itself. */
static bool hash_file(const struct eval *v, const struct glob *g, const char *path,
		      struct digest *d)
{
	CLEAN_FD int fd = glob_open(g, path, O_RDONLY | O_NONBLOCK, v->e);
	char data[65536];
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) < 0)
		return err_sys(v->e, "cannot read %s", path);
	digest_add(d, path, strlen(path) + 1);
	n = snprintf(data, sizeof(data), "%lld", (long long)st.st_size);
	digest_add(d, data, (size_t)n + 1);
	while ((n = read(fd, data, sizeof(data))) > 0)
		digest_add(d, data, (size_t)n);
	return n == 0 || err_sys(v->e, "cannot read %s", path);
}

static bool eval_hash(const struct eval *v, const struct piece *arg, struct piece *out)
{
	CLEAN_FD int dirfd = open_folder(v);
	const char *pattern = arena_strndup(v->a, arg->s, arg->len);
	struct glob g = { .dirfd = dirfd, .allow_outside = v->scope->allow_outside };
	char *hex = ARENA_NEW(v->a, DIGEST_HEX, char);
	struct digest *d;
	struct names files;
	bool is_good = true;

	if (dirfd < 0 || !glob_find(v->a, &g, pattern, &files, v->e))
		return false;
	if (files.n == 0)
		return err_set(v->e, ERR_SPEC, "no file fits '%.200s'", pattern);
	d = digest_open();
	for (size_t i = 0; is_good && i < files.n; i++)
		is_good = hash_file(v, &g, files.item[i], d);
	digest_close(d, hex);
	*out = (struct piece){ hex, DIGEST_HEX - 1 };
	return is_good;
}

static bool eval_call(const struct eval *v, const struct expr *x, struct piece *out)
{
	const struct piece *said = v->said;

	switch (expr_function(x)) {
	case FUNCTION_HASH:
		return eval_hash(v, &said[x->arg[0]], out);
	case FUNCTION_FILE:
		return eval_file(v, &said[x->arg[0]], out);
	case FUNCTION_JOIN:
		return eval_needs(v, &v->part.value[x->arg[0]], &said[x->arg[1]], out);
	case NFUNCTION:
		break;
	}
	return true;
}

static bool eval_value(const struct eval *v, const struct expr *x, struct piece *out)
{
	const struct pair *var;

	*out = (struct piece){ "", 0 };
	switch (x->kind) {
	case EXPR_QUOTED:
		*out = unquote(v->a, &x->name);
		return true;
	case EXPR_VARS:
		var = find_pair(v->scope->spec->vars.item, v->scope->spec->vars.n, &x->name);
		*out = var ? piece_of(&var->value) : *out;
		return true;
	case EXPR_ENV:
		return !v->env || v->env(v, x, out);
	case EXPR_MATRIX:
		return eval_matrix(v, x, out);
	case EXPR_NEEDS:
		return eval_needs(v, x, &(struct piece){ " ", 1 }, out);
	case EXPR_CALL:
		return eval_call(v, x, out);
	case EXPR_UNKNOWN:
		break;
	}
	return true;
}

/* Texts end up as C strings: what files and programs say must not cut them short. */
static bool check_value(const struct expr *x, const struct piece *value, struct err *e)
{
	if (x->kind == EXPR_QUOTED || !value->len || !memchr(value->s, 0, value->len))
		return true;
	return err_set(e, ERR_SPEC, "what ${{ %.*s }} says holds a NUL byte", (int)x->name.len,
		       x->name.s);
}

/* A part's values from the last to the first: what a call is given comes behind it. */
static bool eval_part(struct eval *v, struct piece *out)
{
	for (size_t i = v->part.nvalue; i-- > 0;)
		if (!eval_value(v, &v->part.value[i], &v->said[i]) ||
		    !check_value(&v->part.value[i], &v->said[i], v->e))
			return false;
	*out = v->said[0];
	return true;
}

static bool eval_text(struct eval *v, const struct text *t, struct text *out)
{
	CLEAN_BUF struct buf b = BUF(MAX_TEXT);

	for (size_t at = 0; expr_next(t, &at, &v->part);) {
		struct piece said = v->part.text;

		if (v->part.kind == PART_EXPR && !eval_part(v, &said))
			return false;
		if (!buf_add(&b, said.s, said.len))
			return err_set(v->e, ERR_SPEC, "the text is more than %d MiB",
				       MAX_TEXT >> 20);
	}
	*out = (struct text){ .s = arena_strndup(v->a, buf_text(&b), b.len),
			      .len = b.len,
			      .mark = t->mark };
	return true;
}

/* The job's own env as it is written: nothing of the environment that we run in. */
static bool eval_env(const struct eval *v, const struct expr *x, struct piece *out)
{
	const struct job_spec *job = v->scope->job;
	const struct pair *p = job ? find_pair(job->env.item, job->env.n, &x->name) : NULL;
	struct eval inner = { .a = v->a, .scope = v->scope, .e = v->e };
	struct text t;

	if (!p)
		return true;
	if (!eval_text(&inner, &p->value, &t))
		return false;
	*out = piece_of(&t);
	return true;
}

bool spec_eval(struct arena *a, const struct scope *scope, const struct text *t, struct text *out,
	       struct err *e)
{
	struct eval v = { .a = a, .scope = scope, .e = e, .env = eval_env };

	if (t->has_expr)
		return eval_text(&v, t, out);
	*out = *t;
	return true;
}

struct text spec_expand(struct arena *a, const struct scope *scope, const struct text *t)
{
	struct text out;
	struct err e;

	if (spec_eval(a, scope, t, &out, &e))
		return out;
	return (struct text){ .s = "", .mark = t->mark };
}
