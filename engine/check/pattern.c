#include "check/pattern.h"

#include <assert.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define MATCH_LIMIT  1000000
#define HEAP_KIB     65536 /* of the interpreter, which stands in where the JIT is refused */
#define STACK_MIN    (32 << 10)
#define STACK_MAX    (1 << 20)
#define PATTERN_MAX  65536
#define PATTERN_KEPT 256
#define SEARCH_S     2
#define SPENT        PCRE2_ERROR_CALLOUT /* PCRE2 itself never returns it */

#define OPTIONS (PCRE2_MULTILINE | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C)

/* A compiled pattern; text is the key it is kept under. */
struct pattern {
	pcre2_code *code;
	size_t len;
	char text[];
};

struct checker {
	struct map kept; /* struct pattern by its text */
	pcre2_match_context *context;
	pcre2_match_data *data;
	pcre2_jit_stack *stack;
	unsigned nattempt; /* starting places tried in this search */
	struct timespec end;
};

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

/*
 * PCRE2's match limit holds for one starting place, so a megabyte of digits takes minutes to be
 * told apart from '\d+$' without reaching it. Hence a callout where each attempt begins, with a
 * clock.
 */
static int on_attempt(pcre2_callout_block *block, void *ctx)
{
	struct checker *c = ctx;
	struct timespec now;

	(void)block;
	if (++c->nattempt % 64)
		return 0;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	if (now.tv_sec < c->end.tv_sec ||
	    (now.tv_sec == c->end.tv_sec && now.tv_nsec < c->end.tv_nsec))
		return 0;
	return SPENT;
}

struct checker *checker_open(void)
{
	struct checker *c = must(calloc(1, sizeof(*c)));

	c->context = must(pcre2_match_context_create(NULL));
	c->data = must(pcre2_match_data_create(1, NULL));
	c->stack = pcre2_jit_stack_create(STACK_MIN, STACK_MAX, NULL); /* NULL: no JIT here */
	pcre2_set_match_limit(c->context, MATCH_LIMIT);
	pcre2_set_depth_limit(c->context, MATCH_LIMIT);
	pcre2_set_heap_limit(c->context, HEAP_KIB);
	pcre2_set_callout(c->context, on_attempt, c);
	pcre2_jit_stack_assign(c->context, NULL, c->stack);
	return c;
}

static void drop_patterns(struct checker *c)
{
	size_t at = 0;
	struct pattern *p;

	while ((p = map_next(&c->kept, &at))) {
		pcre2_code_free(p->code);
		free(p);
	}
	map_close(&c->kept);
	c->kept = (struct map){ 0 };
}

void checker_close(struct checker *c)
{
	if (!c)
		return;
	drop_patterns(c);
	pcre2_jit_stack_free(c->stack);
	pcre2_match_data_free(c->data);
	pcre2_match_context_free(c->context);
	free(c);
}

/* Length of the settings that must stay in front: "(*NO_JIT)(*UCP)". */
static size_t settings_len(const char *s, size_t n)
{
	size_t at = 0, i;

	while (at + 2 < n && s[at] == '(' && s[at + 1] == '*') {
		for (i = at + 2; i < n && ((s[i] >= 'A' && s[i] <= 'Z') || s[i] == '_' ||
					   s[i] == '=' || (s[i] >= '0' && s[i] <= '9'));)
			i++;
		if (i == n || s[i] != ')')
			break;
		at = i + 1;
	}
	return at;
}

static pcre2_code *compile_text(const char *s, size_t n, int *code, size_t *offset)
{
	pcre2_compile_context *context = must(pcre2_compile_context_create(NULL));
	pcre2_code *out;

	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	out = pcre2_compile((PCRE2_SPTR)s, n, OPTIONS, code, offset, context);
	pcre2_compile_context_free(context);
	return out;
}

/* Compile with the callout put in; NULL with e. */
static pcre2_code *compile(const char *s, size_t n, struct err *e)
{
	static const char callout[] = "(?C)";
	const size_t ncallout = sizeof(callout) - 1;
	CLEAN_BUF struct buf b = BUF(PATTERN_MAX + sizeof(callout));
	size_t front = settings_len(s, n), offset;
	PCRE2_UCHAR words[160];
	pcre2_code *out;
	int code;

	if (n > PATTERN_MAX) {
		err_set(e, ERR_SPEC, "a pattern may have %d bytes, not %zu", PATTERN_MAX, n);
		return NULL;
	}
	buf_add(&b, s, front);
	buf_add(&b, callout, ncallout);
	buf_add(&b, s + front, n - front);
	out = compile_text(b.data, b.len, &code, &offset);
	if (out)
		return out;
	if (offset > front)
		offset = offset < front + ncallout ? front : offset - ncallout;
	pcre2_get_error_message(code, words, sizeof(words));
	err_set(e, ERR_SPEC, "the pattern is wrong at offset %zu: %s", offset, (const char *)words);
	return NULL;
}

bool check_pattern(const char *pattern, size_t len, struct err *e)
{
	pcre2_code *code = compile(pattern, len, e);

	pcre2_code_free(code);
	return code != NULL;
}

/* The pattern, compiled now or earlier; NULL with e. */
static const struct pattern *find(struct checker *c, struct bytes text, struct err *e)
{
	struct pattern *p = map_get(&c->kept, text.data, text.len);
	pcre2_code *code;

	if (p)
		return p;
	code = compile(text.data, text.len, e);
	if (!code)
		return NULL;
	pcre2_jit_compile(code,
			  PCRE2_JIT_COMPLETE); /* refused: the interpreter has the same limits */
	if (c->kept.n >= PATTERN_KEPT)
		drop_patterns(c);
	p = must(malloc(sizeof(*p) + text.len));
	p->code = code;
	p->len = text.len;
	memcpy(p->text, text.data, text.len);
	map_set(&c->kept, p->text, p->len, p);
	return p;
}

/* What PCRE2 gave up on, to follow "the pattern 'x'". */
static const char *gave_up(struct arena *a, int rc)
{
	PCRE2_UCHAR words[160];

	switch (rc) {
	case PCRE2_ERROR_MATCHLIMIT:
	case PCRE2_ERROR_DEPTHLIMIT:
		return "took more than the limit of 1,000,000 match steps";
	case PCRE2_ERROR_JIT_STACKLIMIT:
		return "needed more than the limit of 1 MiB of stack";
	case PCRE2_ERROR_HEAPLIMIT:
		return "needed more than the limit of 64 MiB of memory";
	case SPENT:
		return arena_printf(a, "took more than the limit of %d seconds", SEARCH_S);
	default:
		pcre2_get_error_message(rc, words, sizeof(words));
		return arena_printf(a, "could not be matched: %s", (const char *)words);
	}
}

enum match pattern_search(struct checker *c, struct arena *a, struct bytes pattern,
			  struct bytes text, struct place *at, const char **why)
{
	struct err e;
	const struct pattern *p = find(c, pattern, &e);
	const size_t *offsets;
	int rc;

	if (!p) {
		*why = arena_printf(a, "cannot be compiled: %s", e.msg);
		return MATCH_GAVE_UP;
	}
	c->nattempt = 0;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &c->end);
	c->end.tv_sec += SEARCH_S;
	rc = pcre2_match(p->code, (PCRE2_SPTR)(text.data ? text.data : ""), text.len, 0, 0, c->data,
			 c->context);
	if (rc == PCRE2_ERROR_NOMATCH)
		return MATCH_NONE;
	if (rc < 0) {
		*why = gave_up(a, rc);
		return MATCH_GAVE_UP;
	}
	offsets = pcre2_get_ovector_pointer(c->data);
	*at = (struct place){ offsets[0], offsets[1] };
	return MATCH_FOUND;
}
