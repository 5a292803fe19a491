#include "service/marks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define SOURCE_MAX  16384
#define MATCH_LIMIT 100000
#define HEAP_KIB    4096
#define OPTIONS     (PCRE2_MULTILINE | PCRE2_DOTALL | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF)

/* A pattern at work. */
struct search {
	pcre2_code *code;
	pcre2_match_context *context;
	pcre2_match_data *data;
};

static pcre2_code *compile(const char *pattern, int *code, size_t *at)
{
	return pcre2_compile((PCRE2_SPTR)pattern, strlen(pattern), OPTIONS, code, at, NULL);
}

bool marks_check(const char *pattern, struct err *e)
{
	PCRE2_UCHAR words[160];
	pcre2_code *p;
	size_t at;
	int code;

	p = compile(pattern, &code, &at);
	if (!p) {
		pcre2_get_error_message(code, words, sizeof(words));
		return err_set(e, ERR_SPEC, "%s at character %zu of '%s'", (char *)words, at + 1,
			       pattern);
	}
	pcre2_code_free(p);
	return true;
}

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

/* The table was checked when it was read: a pattern that is none is a bug. */
static struct search search_open(const char *pattern)
{
	struct search s = { 0 };
	size_t at;
	int code;

	s.code = compile(pattern, &code, &at);
	assert(s.code);
	s.context = must(pcre2_match_context_create(NULL));
	s.data = must(pcre2_match_data_create(2, NULL));
	pcre2_set_match_limit(s.context, MATCH_LIMIT);
	pcre2_set_heap_limit(s.context, HEAP_KIB);
	return s;
}

static void search_close(struct search *s)
{
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->context);
	pcre2_code_free(s->code);
}

/* The match at or behind from: the offsets of it and its first group; NULL: none. */
static const size_t *find(const struct search *s, const struct bytes *source, size_t from)
{
	size_t len = source->len < SOURCE_MAX ? source->len : SOURCE_MAX;

	if (from > len ||
	    pcre2_match(s->code, (PCRE2_SPTR)source->data, len, from, 0, s->data, s->context) < 0)
		return NULL;
	return pcre2_get_ovector_pointer(s->data);
}

const char *marks_group(struct arena *a, const char *pattern, const struct bytes *source)
{
	struct search s = search_open(pattern);
	const size_t *at = find(&s, source, 0);
	const char *out = NULL;

	if (at && pcre2_get_ovector_count(s.data) > 1 && at[2] != PCRE2_UNSET)
		out = arena_strndup(a, source->data + at[2], at[3] - at[2]);
	search_close(&s);
	return out;
}

int marks_count(const char *pattern, const struct bytes *source, int most)
{
	struct search s = search_open(pattern);
	size_t from = 0;
	int n = 0;

	for (const size_t *at; n < most && (at = find(&s, source, from)); n++)
		from = at[1] > at[0] ? at[1] : at[1] + 1;
	search_close(&s);
	return n;
}
