/* number -- a number as it was written, compared by what it means and not by how a double rounds
 * it. */
#ifndef ENGINE_CHECK_NUMBER_H
#define ENGINE_CHECK_NUMBER_H

#include "check/check.h"

enum number_kind { NUMBER_NONE, NUMBER_FINITE, NUMBER_INFINITE, NUMBER_NAN };

struct number {
	enum number_kind kind;
	bool is_negative;
	bool is_integer;     /* digits alone */
	struct bytes digits; /* without sign and exponent; a point may stand in them */
	size_t npoint;       /* digits in front of the point */
	int64_t exponent;    /* as written, at most 10^15 either way */
	double value;        /* rounded; infinite beyond its range */
};

/*
 * The number that the whole text spells: [+-]digits[.digits][e[+-]digits] with a digit on one side
 * of the point, or inf, infinity or nan in any case, with a sign. Else its kind is NUMBER_NONE. A
 * byte that no number goes on with, or NUL, stands behind the text.
 */
struct number number_parse(struct bytes text);
/* Whether both are the same number to the last digit: 1.0 is 1, 1e2 is 100; nan is nan. Linear. */
bool number_is_same(const struct number *a, const struct number *b);
/*
 * How far two finite numbers are apart as they are written, digit by digit, and only then rounded:
 * 0.4 and 0.3 are 0.1 apart, 2^64 + 1 and 2^64 are 1. With an exponent past 1000 as doubles;
 * infinite beyond their range.
 */
double number_distance(const struct number *a, const struct number *b);

#endif
