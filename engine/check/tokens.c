#include <ctype.h>
#include <math.h>

#include "check/compare.h"
#include "check/diff.h"
#include "check/number.h"

struct token {
	size_t offset, len;
};

/* Whether the tokens agree. */
typedef bool agree_fn(const struct stream_check *spec, struct bytes want, struct bytes found);

/* Two texts, read in step. */
struct reader {
	struct bytes want, found;
	struct token next_want, next_found; /* len 0: the text has ended */
	size_t n;                           /* tokens that agreed */
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The token that begins at or behind from. */
static struct token token_at(struct bytes t, size_t from)
{
	size_t end;

	while (from < t.len && is_space(t.data[from]))
		from++;
	for (end = from; end < t.len && !is_space(t.data[end]);)
		end++;
	return (struct token){ from, end - from };
}

static struct bytes bytes_of(struct bytes t, struct token k)
{
	return (struct bytes){ t.data + k.offset, k.len };
}

/* Read on while the tokens agree; whether both texts end. */
static bool read_agreeing(struct reader *r, const struct stream_check *spec, agree_fn *agree)
{
	r->next_want = token_at(r->want, 0);
	r->next_found = token_at(r->found, 0);
	while (r->next_want.len && r->next_found.len &&
	       agree(spec, bytes_of(r->want, r->next_want), bytes_of(r->found, r->next_found))) {
		r->n++;
		r->next_want = token_at(r->want, r->next_want.offset + r->next_want.len);
		r->next_found = token_at(r->found, r->next_found.offset + r->next_found.len);
	}
	return !r->next_want.len && !r->next_found.len;
}

/* Tokens from k to the text's end. */
static size_t count_from(struct bytes t, struct token k)
{
	size_t n = 0;

	for (; k.len; n++)
		k = token_at(t, k.offset + k.len);
	return n;
}

static bool is_same_text(const struct stream_check *spec, struct bytes want, struct bytes found)
{
	if (want.len != found.len)
		return false;
	if (!memcmp(want.data, found.data, want.len))
		return true;
	for (size_t i = 0; spec->ignores_case && i < want.len; i++)
		if (tolower((unsigned char)want.data[i]) != tolower((unsigned char)found.data[i]))
			return false;
	return spec->ignores_case;
}

static bool is_finite(const struct number *n)
{
	return n->kind == NUMBER_FINITE;
}

/* abs or rel suffices. What is beyond a double must be the same to the last digit. */
static bool is_near(const struct stream_check *spec, const struct number *want,
		    const struct number *found)
{
	double apart, size = fabs(want->value);

	if (number_is_same(want, found))
		return true;
	if (!is_finite(want) || !is_finite(found) || isinf(want->value))
		return false;
	apart = number_distance(want, found);
	return apart <= spec->abs_error || apart <= size * spec->rel_error;
}

static bool is_same_number(const struct stream_check *spec, struct bytes want, struct bytes found)
{
	struct number w, f;

	if (is_same_text(spec, want, found))
		return true;
	w = number_parse(want);
	if (w.kind == NUMBER_NONE)
		return false;
	f = number_parse(found);
	if (spec->is_exact && w.is_integer)
		return f.is_integer && number_is_same(&w, &f);
	return is_near(spec, &w, &f);
}

/* What a wanted token is, if that is what the found one is not. */
static const char *kind_words(const struct stream_check *spec, struct bytes want,
			      struct bytes found)
{
	struct number w = number_parse(want);

	if (spec->comparator != COMPARE_FLOATS || w.kind == NUMBER_NONE)
		return "";
	if (spec->is_exact && w.is_integer)
		return "the integer ";
	return number_parse(found).kind == NUMBER_NONE ? "the number " : "";
}

/* How far off a number is, or nothing where no distance would do. */
static const char *distance_words(const struct comparison *q, struct bytes want, struct bytes found)
{
	const struct stream_check *spec = q->check->spec;
	struct number w = number_parse(want), f = number_parse(found);

	if (spec->comparator != COMPARE_FLOATS || (spec->is_exact && w.is_integer) ||
	    !is_finite(&w) || !is_finite(&f))
		return "";
	return arena_printf(
		q->a, " (%.3g apart; allowed: %g%s)", number_distance(&w, &f), spec->abs_error,
		spec->rel_error > 0 ? arena_printf(q->a, " or %g of it", spec->rel_error) : "");
}

static void show_token(struct buf *b, const char *label, struct bytes t, struct token k)
{
	struct spot at = spot_at(t, k.offset);

	show_caret(b, show_line_at(b, label, t, &at) + strlen(label));
}

static void tell_token(const struct comparison *q, const struct reader *r, const char *words,
		       struct buf *detail, const char **what)
{
	struct bytes want = bytes_of(r->want, r->next_want),
		     found = bytes_of(r->found, r->next_found);
	struct spot at = spot_at(r->found, r->next_found.offset);

	*what = arena_printf(
		q->a, "%s %s%s in token %zu, at line %zu, column %zu: %s, wanted %s%s%s", q->stream,
		words, wanted_from(q), r->n + 1, at.line, at.column, quote(q->a, found, SHOW_EXACT),
		kind_words(q->check->spec, want, found), quote(q->a, want, SHOW_EXACT),
		distance_words(q, want, found));
	show_token(detail, "wanted: ", r->want, r->next_want);
	show_token(detail, " found: ", r->found, r->next_found);
}

/* One text has ended, the other goes on. */
static void tell_count(const struct comparison *q, const struct reader *r, const char *words,
		       struct buf *detail, const char **what)
{
	size_t nwant = r->n + count_from(r->want, r->next_want);
	size_t nfound = r->n + count_from(r->found, r->next_found);
	bool is_short = nfound < nwant;
	struct bytes text = is_short ? r->want : r->found;
	struct token odd = is_short ? r->next_want : r->next_found;

	*what = arena_printf(q->a, "%s %s%s: %zu token%s, wanted %zu; %s is %s", q->stream, words,
			     wanted_from(q), nfound, nfound == 1 ? "" : "s", nwant,
			     quote(q->a, bytes_of(text, odd), SHOW_EXACT),
			     is_short ? "missing" : "too many");
	show_token(detail, is_short ? "wanted: " : " found: ", text, odd);
}

bool compare_tokens(const struct comparison *q, const char *words, struct buf *detail,
		    const char **what)
{
	const struct stream_check *spec = q->check->spec;
	struct reader r = { .want = q->want, .found = q->found };
	agree_fn *agree = spec->comparator == COMPARE_FLOATS ? is_same_number : is_same_text;

	if (read_agreeing(&r, spec, agree))
		return is_whole(q, what);
	if (!q->found.len)
		*what = arena_printf(q->a, "%s is empty, wanted %s", q->stream, wanted(q));
	else if (r.next_want.len && r.next_found.len)
		tell_token(q, &r, words, detail, what);
	else
		tell_count(q, &r, words, detail, what);
	return false;
}
