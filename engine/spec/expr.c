/* What ${{ }} holds, as it is written. */
#include "spec/expr.h"

const struct function_row functions[NFUNCTION + 1] = {
	[FUNCTION_HASH] = { "hash", 1 },
	[FUNCTION_FILE] = { "file", 1 },
	[FUNCTION_JOIN] = { "join", 2 },
	[NFUNCTION] = { NULL, 0 },
};

bool piece_is(const struct piece *p, const char *word)
{
	return p->len == strlen(word) && !memcmp(p->s, word, p->len);
}

enum function expr_function(const struct expr *call)
{
	size_t f = 0;

	while (f < NFUNCTION && !piece_is(&call->name, functions[f].name))
		f++;
	return (enum function)f;
}

/* Where one is in a ${{ }}. */
struct reader {
	const char *s;
	size_t len, i;
	struct part *part;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

/* Skip white space; the next byte, 0 at the end. */
static char peek(struct reader *r)
{
	while (r->i < r->len && is_space(r->s[r->i]))
		r->i++;
	if (r->i == r->len)
		return 0;
	return r->s[r->i];
}

/* 'text', '' in it standing for one '. */
static bool read_quoted(struct reader *r, struct expr *v)
{
	size_t end = r->i + 1;

	while (end < r->len && (r->s[end] != '\'' || (end + 1 < r->len && r->s[end + 1] == '\'')))
		end += r->s[end] == '\'' ? 2 : 1;
	if (end >= r->len)
		return false;
	v->kind = EXPR_QUOTED;
	v->name = (struct piece){ r->s + r->i + 1, end - r->i - 1 };
	r->i = end + 1;
	return true;
}

/* Cut what follows the nth dot of name, or the last, into what; false: there is none. */
static bool cut(struct expr *v, bool at_last)
{
	const char *dot = at_last ? memrchr(v->name.s, '.', v->name.len)
				  : memchr(v->name.s, '.', v->name.len);
	size_t n;

	if (!dot)
		return false;
	n = (size_t)(dot - v->name.s);
	v->what = (struct piece){ dot + 1, v->name.len - n - 1 };
	v->name.len = n;
	return v->what.len > 0 && n > 0;
}

/* ROOT.NAME, NAME being all up to what can be no name. */
static bool read_reference(struct reader *r, const struct piece *root, struct expr *v)
{
	static const struct {
		const char *name;
		enum expr_kind kind;
	} roots[] = { { "vars", EXPR_VARS },
		      { "env", EXPR_ENV },
		      { "matrix", EXPR_MATRIX },
		      { "needs", EXPR_NEEDS } };
	size_t start = ++r->i;

	while (r->i < r->len && (is_name_char(r->s[r->i]) || r->s[r->i] == '.'))
		r->i++;
	v->kind = EXPR_UNKNOWN;
	v->name = *root;
	if (r->i == start)
		return false;
	for (size_t k = 0; k < sizeof(roots) / sizeof(roots[0]); k++) {
		if (!piece_is(root, roots[k].name))
			continue;
		v->kind = roots[k].kind;
		v->name = (struct piece){ r->s + start, r->i - start };
	}
	if (v->kind == EXPR_NEEDS)
		return cut(v, true);
	if (v->kind == EXPR_MATRIX && memchr(v->name.s, '.', v->name.len))
		return cut(v, false);
	return true;
}

/* 'text', a reference, or NAME( of a call. */
static bool read_value(struct reader *r, struct expr *v)
{
	struct piece word = { NULL, 0 };

	if (peek(r) == '\'')
		return read_quoted(r, v);
	word.s = r->s + r->i;
	while (r->i < r->len && is_name_char(r->s[r->i]))
		r->i++;
	word.len = (size_t)(r->s + r->i - word.s);
	if (word.len == 0 || r->i == r->len)
		return false;
	if (r->s[r->i] == '.')
		return read_reference(r, &word, v);
	v->kind = EXPR_CALL;
	v->name = word;
	return r->s[r->i++] == '(';
}

/* Make a value, the next argument of the innermost open call; NULL: there is no room. */
static struct expr *add_value(struct reader *r, struct expr *call)
{
	struct expr *v = &r->part->value[r->part->nvalue];

	if (r->part->nvalue == EXPR_MAX_VALUES || (call && call->narg == EXPR_MAX_ARGS))
		return NULL;
	if (call)
		call->arg[call->narg++] = r->part->nvalue;
	*v = (struct expr){ 0 };
	r->part->nvalue++;
	return v;
}

/* The whole of a ${{ }}: a value, calls in it closed. Arguments stand behind their call. */
static bool read_values(struct reader *r)
{
	struct expr *open[EXPR_MAX_VALUES] = { NULL };
	size_t nopen = 0;

	for (;;) {
		struct expr *v = add_value(r, nopen ? open[nopen - 1] : NULL);

		if (!v || !read_value(r, v))
			return false;
		if (v->kind == EXPR_CALL) {
			open[nopen++] = v;
			if (peek(r) != ')')
				continue;
		}
		for (; nopen && peek(r) == ')'; nopen--)
			r->i++;
		if (!nopen)
			return true;
		if (peek(r) != ',')
			return false;
		r->i++;
	}
}

/* The ${{ at s; returns how many bytes it takes. */
static size_t read_expr(const char *s, size_t len, struct part *p)
{
	struct reader r = { s, len, 3, p };
	const char *close;

	p->nvalue = 0;
	if (read_values(&r) && peek(&r) == '}' && len - r.i >= 2 && s[r.i + 1] == '}') {
		p->kind = PART_EXPR;
		p->text = (struct piece){ s, r.i + 2 };
		return r.i + 2;
	}
	close = memmem(s, len, "}}", 2);
	p->kind = close ? PART_BROKEN : PART_OPEN;
	p->text = (struct piece){ s, close ? (size_t)(close - s) + 2 : len };
	return p->text.len;
}

bool expr_next(const struct text *t, size_t *at, struct part *out)
{
	const char *s = t->s + *at, *open;
	size_t left = t->len - *at;

	if (left == 0)
		return false;
	open = memmem(s, left, "${{", 3);
	out->kind = PART_TEXT;
	out->text = (struct piece){ s, open ? (size_t)(open - s) : left };
	out->at = *at;
	*at += open == s ? read_expr(s, left, out) : out->text.len;
	return true;
}
