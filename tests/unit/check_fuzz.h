/* check_fuzz -- bytes as a comparison, for the fuzzer and for the replay of its corpus. */
#ifndef TESTS_UNIT_CHECK_FUZZ_H
#define TESTS_UNIT_CHECK_FUZZ_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check/check.h"

#define FUZZ_BREAK '\x1e' /* stands between what is wanted and what is found */

/* The first byte chooses the comparator, the second its options. */
#define FUZZ_HEAD 2

static inline bool fuzz_is_line(const char *s)
{
	return s && !strchr(s, '\n');
}

/* Words for people are on one line, and nothing in them drives a terminal. */
static inline void fuzz_assert_safe(const struct judgement *j)
{
	for (size_t i = 0; i < j->nfailure; i++) {
		const struct failure *f = &j->failure[i];

		if (!fuzz_is_line(f->what) || strchr(f->what, '\033') ||
		    (f->detail && strchr(f->detail, '\033')))
			abort();
	}
	if (!fuzz_is_line(j->reason) || !(j->score >= 0 && j->score <= 1))
		abort();
}

/* The comparison that the bytes spell, judged. */
static inline void fuzz_check(const char *data, size_t n)
{
	CLEAN_ARENA struct arena a = { 0 };
	const char *found =
		n > FUZZ_HEAD ? memchr(data + FUZZ_HEAD, FUZZ_BREAK, n - FUZZ_HEAD) : NULL;
	struct stream_check spec = { .comparator = COMPARE_CHECKER };
	struct bytes want, out;
	struct check check = { .spec = &spec };
	struct expect expect = { .check = &spec, .ncheck = 1 };
	struct wire_result result = { .has_extras = true, .status = WIRE_COMPLETED };
	struct wire_artifact score = { .name = "score.txt" };
	struct wire_result checker = result;
	struct check_question q = { .result = &result, .expect = &expect, .check = &check };
	struct checker *c;
	struct judgement j;

	if (!found)
		return;
	want = (struct bytes){ arena_strndup(&a, data + FUZZ_HEAD,
					     (size_t)(found - data) - FUZZ_HEAD),
			       (size_t)(found - data) - FUZZ_HEAD };
	out = (struct bytes){ arena_strndup(&a, found + 1, n - (size_t)(found + 1 - data)),
			      n - (size_t)(found + 1 - data) };
	spec.comparator = (enum comparator)((unsigned char)data[0] % (COMPARE_CHECKER + 1));
	spec.is_exact = data[1] & 1;
	spec.ignores_case = data[1] & 2;
	spec.any_order = data[1] & 4;
	spec.abs_error = data[1] & 8 ? 1e-6 : 0;
	spec.rel_error = data[1] & 16 ? 1e-6 : 0;
	spec.is_file = data[1] & 32;
	result.out_truncated = data[1] & 64;
	result.out = out;
	check.want = want;
	check.name = spec.is_file ? want.data : NULL;
	checker.out = out;
	checker.exit_code = data[1] & 1 ? 42 : 43;
	score.data = want;
	checker.artifact = &score;
	checker.nartifact = 1;
	check.checker = &checker;
	q.is_partial = data[1] & 2;
	c = checker_open();
	check_judge(c, &a, &q, &j);
	checker_close(c);
	fuzz_assert_safe(&j);
}

#endif
