#include "check/compare.h"

#include <ctype.h>

#include "check/diff.h"
#include "check/pattern.h"

#define HEAD_LINES 5
#define QUOTE_MAX  100 /* bytes of a wanted text in a sentence */
#define DETAIL_MAX 65536

static bool is_same(struct bytes a, struct bytes b)
{
	return a.len == b.len && !memcmp(a.data, b.data, a.len);
}

/* The text without its final newline. */
static struct bytes chomp(struct bytes t)
{
	t.len -= t.len && t.data[t.len - 1] == '\n';
	return t;
}

static size_t skip_space(struct bytes t, size_t i)
{
	while (i < t.len && isspace((unsigned char)t.data[i]))
		i++;
	return i;
}

static bool is_same_but_space(struct bytes a, struct bytes b)
{
	size_t i = skip_space(a, 0), j = skip_space(b, 0);

	while (i < a.len && j < b.len && a.data[i] == b.data[j]) {
		i = skip_space(a, i + 1);
		j = skip_space(b, j + 1);
	}
	return i == a.len && j == b.len;
}

const char *quote(struct arena *a, struct bytes t, enum show as)
{
	CLEAN_BUF struct buf b = BUF(8 * QUOTE_MAX + 16);
	bool is_long = t.len > QUOTE_MAX;
	size_t n = is_long ? QUOTE_MAX : t.len;

	while (is_long && n > QUOTE_MAX - 4 && ((unsigned char)t.data[n] & 0xc0) == 0x80)
		n--;
	buf_puts(&b, "'");
	check_show(&b, t.data, n, as);
	buf_puts(&b, is_long ? "...'" : "'");
	return arena_strdup(a, buf_text(&b));
}

static bool is_named(const struct comparison *q)
{
	const struct stream_check *spec = q->check->spec;

	return q->check->name && (spec->is_file || spec->comparator == COMPARE_SAME_AS);
}

const char *wanted(const struct comparison *q)
{
	CLEAN_BUF struct buf b = BUF(DETAIL_MAX);
	bool is_job = q->check->spec->comparator == COMPARE_SAME_AS;

	if (!is_named(q))
		return quote(q->a, q->want, SHOW_EXACT);
	buf_puts(&b, is_job ? "what " : "");
	check_show(&b, q->check->name, strlen(q->check->name), SHOW_SAFE);
	buf_puts(&b, is_job ? " printed" : "");
	return arena_strdup(q->a, buf_text(&b));
}

const char *wanted_from(const struct comparison *q)
{
	return is_named(q) ? arena_printf(q->a, " from %s", wanted(q)) : "";
}

bool is_whole(const struct comparison *q, const char **what)
{
	if (q->is_cut)
		*what = arena_printf(q->a, "%s was cut at its cap, where what is wanted ends",
				     q->stream);
	return !q->is_cut;
}

static void show_difference(struct buf *b, struct bytes want, struct bytes found,
			    const struct spot *at)
{
	size_t columns = show_line_at(b, "wanted: ", want, at);

	show_line_at(b, " found: ", found, at);
	show_caret(b, columns + sizeof(" found: ") - 1);
	if (memchr(want.data, '\n', want.len) || memchr(found.data, '\n', found.len))
		show_diff(b, want, found, at);
}

static const char *final_newline(const struct comparison *q, const char *words)
{
	return arena_printf(q->a, "%s %s%s in its final newline: %s", q->stream, words,
			    wanted_from(q),
			    q->found.len > q->want.len ? "there is one, wanted none"
						       : "there is none, wanted one");
}

static bool equals(const struct comparison *q, const char *words, struct buf *detail,
		   const char **what)
{
	struct bytes want = chomp(q->want), found = chomp(q->found);
	bool is_exact = q->check->spec->is_exact, is_close = is_same(want, found);
	struct spot at;

	if (!q->is_cut && (is_exact ? is_same(q->want, q->found) : is_close))
		return true;
	if (is_close) {
		if (is_whole(q, what))
			*what = final_newline(q, words);
		return false;
	}
	at = spot_of_difference(want, found);
	if (!q->want.len) {
		*what = arena_printf(q->a, "%s is not empty%s", q->stream,
				     is_named(q) ? arena_printf(q->a, ", but %s is", wanted(q))
						 : "");
		show_head(detail, q->found, HEAD_LINES);
		return false;
	}
	if (!q->found.len) {
		*what = arena_printf(q->a, "%s is empty, wanted %s", q->stream, wanted(q));
		return false;
	}
	*what = arena_printf(
		q->a, "%s %s%s%s at line %zu, column %zu", q->stream, words, wanted_from(q),
		is_same_but_space(want, found) ? " only in white space," : "", at.line, at.column);
	show_difference(detail, want, found, &at);
	return false;
}

static bool contains(const struct comparison *q, const char *words, struct buf *detail,
		     const char **what)
{
	if (memmem(q->found.data, q->found.len, q->want.data, q->want.len))
		return true;
	*what = arena_printf(q->a, "%s %s %s", q->stream, words, quote(q->a, q->want, SHOW_EXACT));
	show_head(detail, q->found, HEAD_LINES);
	return false;
}

/* Search for the pattern; one that gives up is a sentence. */
static enum match search(const struct comparison *q, struct place *at, const char **what)
{
	const char *why;
	enum match m = pattern_search(q->checker, q->a, q->want, q->found, at, &why);

	if (m == MATCH_GAVE_UP)
		*what = arena_printf(q->a, "%s: the pattern %s %s", q->stream,
				     quote(q->a, q->want, SHOW_SAFE), why);
	return m;
}

static bool matches(const struct comparison *q, const char *words, struct buf *detail,
		    const char **what)
{
	struct place at;
	enum match m = search(q, &at, what);

	if (m == MATCH_NONE) {
		*what = arena_printf(q->a, "%s %s %s", q->stream, words,
				     quote(q->a, q->want, SHOW_SAFE));
		show_head(detail, q->found, HEAD_LINES);
	}
	return m == MATCH_FOUND;
}

static bool not_matches(const struct comparison *q, const char *words, struct buf *detail,
			const char **what)
{
	struct place found;
	enum match m = search(q, &found, what);
	struct spot at;

	if (m != MATCH_FOUND)
		return m == MATCH_NONE;
	at = spot_at(q->found, found.from);
	*what = arena_printf(q->a, "%s %s %s at line %zu, column %zu", q->stream, words,
			     quote(q->a, q->want, SHOW_SAFE), at.line, at.column);
	show_caret(detail, show_line_at(detail, "", q->found, &at));
	return false;
}

static const struct comparator_row {
	compare_fn *holds;
	const char *words; /* between the stream and what it should be */
} comparators[] = {
	[COMPARE_EQUALS] = { equals, "differs" },
	[COMPARE_CONTAINS] = { contains, "does not contain" },
	[COMPARE_MATCHES] = { matches, "does not match" },
	[COMPARE_NOT_MATCHES] = { not_matches, "matches" },
	[COMPARE_TOKENS] = { compare_tokens, "differs" },
	[COMPARE_FLOATS] = { compare_tokens, "differs" },
	[COMPARE_LINES] = { compare_lines, "differs" },
	[COMPARE_JSON] = { compare_json, "differs" },
	[COMPARE_SAME_AS] = { equals, "differs" },
	[COMPARE_CHECKER] = { NULL, NULL }, /* it is asked elsewhere: compare_by_checker */
};

bool compare(const struct comparison *q, struct failure *out)
{
	const struct comparator_row *row = &comparators[q->check->spec->comparator];
	CLEAN_BUF struct buf detail = BUF(DETAIL_MAX);

	if (row->holds(q, row->words, &detail, &out->what))
		return true;
	if (q->is_cut)
		buf_printf(&detail, "%s was cut at its cap, after %zu bytes\n", q->stream,
			   q->found.len);
	out->detail = detail.len ? arena_strndup(q->a, detail.data, detail.len - 1) : NULL;
	return false;
}
