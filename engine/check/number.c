#include "check/number.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#define EXPONENT_MAX  1000000000000000 /* no text has as many digits */
#define EXPONENT_NEAR 1000             /* up to it digits are lined up */
#define ENOUGH        1e18             /* what comes behind that many digits no double tells */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t skip_digits(struct bytes t, size_t at)
{
	while (at < t.len && is_digit(t.data[at]))
		at++;
	return at;
}

static enum number_kind kind_of_name(const char *s, size_t n)
{
	static const struct {
		const char *name;
		enum number_kind kind;
	} row[] = { { "inf", NUMBER_INFINITE },
		    { "infinity", NUMBER_INFINITE },
		    { "nan", NUMBER_NAN } };

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		if (strlen(row[i].name) == n && !strncasecmp(s, row[i].name, n))
			return row[i].kind;
	return NUMBER_NONE;
}

/* An exponent's sign and digits up to the text's end; false: something else stands there. */
static bool parse_exponent(struct bytes t, size_t at, int64_t *out)
{
	bool is_negative = at < t.len && t.data[at] == '-';
	int64_t value = 0;

	at += at < t.len && (t.data[at] == '-' || t.data[at] == '+');
	if (at == t.len || skip_digits(t, at) != t.len)
		return false;
	for (; at < t.len; at++)
		if (value < EXPONENT_MAX / 10)
			value = value * 10 + (t.data[at] - '0');
	*out = is_negative ? -value : value;
	return true;
}

struct number number_parse(struct bytes text)
{
	static const struct number none = { .kind = NUMBER_NONE };
	struct number out = { .kind = NUMBER_FINITE };
	size_t start = text.len && (text.data[0] == '-' || text.data[0] == '+'), at, point;

	out.is_negative = text.len && text.data[0] == '-';
	if (start < text.len && isalpha((unsigned char)text.data[start])) {
		out.kind = kind_of_name(text.data + start, text.len - start);
		return out;
	}
	point = at = skip_digits(text, start);
	if (at < text.len && text.data[at] == '.')
		at = skip_digits(text, at + 1);
	if (at - start == (at > point)) /* not one digit */
		return none;
	out.digits = (struct bytes){ text.data + start, at - start };
	out.npoint = point - start;
	out.is_integer = at == text.len && at == point;
	if (at < text.len && (text.data[at] | 0x20) != 'e')
		return none;
	if (at < text.len && !parse_exponent(text, at + 1, &out.exponent))
		return none;
	out.value = strtod(text.data, NULL);
	return out;
}

/* The digits that count: from the first to the last that is not 0, and what the first is worth. */
struct significant {
	const char *s, *end;
	int64_t magnitude;
};

static struct significant significant_of(const struct number *n)
{
	const char *s = n->digits.data, *end = s + n->digits.len, *point = s + n->npoint;

	while (s < end && (*s == '0' || *s == '.'))
		s++;
	while (end > s && (end[-1] == '0' || end[-1] == '.'))
		end--;
	/* a digit in front of the point is worth one place less than its distance to it */
	return (struct significant){ s, end, n->exponent + (point - s) - (s < point) };
}

static bool is_same_digits(struct significant a, struct significant b)
{
	for (;; a.s++, b.s++) {
		a.s += a.s < a.end && *a.s == '.';
		b.s += b.s < b.end && *b.s == '.';
		if (a.s >= a.end || b.s >= b.end)
			return a.s >= a.end && b.s >= b.end;
		if (*a.s != *b.s)
			return false;
	}
}

bool number_is_same(const struct number *a, const struct number *b)
{
	struct significant x, y;

	if (a->kind != b->kind)
		return false;
	if (a->kind != NUMBER_FINITE)
		return a->kind == NUMBER_NAN || a->is_negative == b->is_negative;
	x = significant_of(a);
	y = significant_of(b);
	if (x.s == x.end || y.s == y.end)
		return x.s == x.end && y.s == y.end;
	return a->is_negative == b->is_negative && x.magnitude == y.magnitude &&
	       is_same_digits(x, y);
}

/* The exponent of ten that the first digit is worth, and the last. */
static int64_t top_of(const struct number *n)
{
	return (int64_t)n->npoint - 1 + n->exponent;
}

static int64_t bottom_of(const struct number *n)
{
	size_t nfraction = n->digits.len - n->npoint;

	return n->exponent - (int64_t)(nfraction ? nfraction - 1 : 0);
}

/* The digit that is worth 10^place. */
static int digit_at(const struct number *n, int64_t place)
{
	int64_t at = top_of(n) - place;

	at += at >= (int64_t)n->npoint; /* the point */
	if (at < 0 || at >= (int64_t)n->digits.len)
		return 0;
	return n->digits.data[at] - '0';
}

/*
 * Horner's rule on the differences of digits: exact while the sum is small, and once it is not,
 * nothing that follows can make it small again.
 */
static double distance_of_digits(const struct number *a, const struct number *b)
{
	int sign = a->is_negative == b->is_negative ? -1 : 1;
	int64_t place = top_of(a) > top_of(b) ? top_of(a) : top_of(b);
	int64_t bottom = bottom_of(a) < bottom_of(b) ? bottom_of(a) : bottom_of(b);
	double sum = 0;

	for (; place >= bottom && fabs(sum) < ENOUGH; place--)
		sum = sum * 10 + digit_at(a, place) + sign * digit_at(b, place);
	place++;
	/* 10^22 and less are exact, so dividing by one rounds once */
	return fabs(place < 0 ? sum / pow(10, (double)-place) : sum * pow(10, (double)place));
}

double number_distance(const struct number *a, const struct number *b)
{
	if (llabs(a->exponent) <= EXPONENT_NEAR && llabs(b->exponent) <= EXPONENT_NEAR)
		return distance_of_digits(a, b);
	return isfinite(a->value) && isfinite(b->value) ? fabs(a->value - b->value) : INFINITY;
}
