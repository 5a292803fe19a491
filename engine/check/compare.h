/* compare -- one stream check: does it hold, and if not, what differs. */
#ifndef ENGINE_CHECK_COMPARE_H
#define ENGINE_CHECK_COMPARE_H

#include "check/check.h"

struct comparison {
	struct checker *checker;
	struct arena *a;
	const struct check *check;
	const char *stream;       /* "stdout" */
	struct bytes want, found; /* data never NULL */
	bool is_cut; /* found ends at the stream's cap, the program's output does not */
};

/* Whether it holds; else *out is filled, in the arena. Not for COMPARE_CHECKER. */
bool compare(const struct comparison *q, struct failure *out);

/*
 * A comparator: whether it holds. Else it gives the sentence, in which words stand between the
 * stream and what it should be, and, in detail, lines.
 */
typedef bool compare_fn(const struct comparison *q, const char *words, struct buf *detail,
			const char **what);

/*
 * Equal token by token, split at ASCII's white space as by DOMjudge's compare, cases of ASCII
 * ignored if asked for. COMPARE_FLOATS: where a number is wanted, one within abs_error or rel_error
 * of it.
 */
compare_fn compare_tokens;
/* Line by line, whether \n or \r\n ends one; with any_order as multisets. */
compare_fn compare_lines;
/* The same value (RFC 8259), whatever the order of members and the spelling of numbers. */
compare_fn compare_json;

enum answer { ANSWER_ACCEPT, ANSWER_REJECT, ANSWER_NONE };
/*
 * What a checker that has run says (COMPARE_CHECKER): by exit code 42 or 43, and with wants_score
 * by its score.txt; else 1 or 0 is the score. Unless it accepts, *out is filled; ANSWER_NONE: it
 * has not done its work.
 */
enum answer compare_by_checker(const struct comparison *q, bool wants_score, double *score,
			       struct failure *out);

/* Words for these, in the arena. 'text' in one line, cut if it is long: */
const char *quote(struct arena *a, struct bytes t, enum show as);
/* What is wanted, in a sentence: the file or job that has it, or the text. */
const char *wanted(const struct comparison *q);
/* " from cases/1.out", or nothing. */
const char *wanted_from(const struct comparison *q);
/* What killed a program: "killed by signal 11 (SIGSEGV)". */
const char *killed_by(struct arena *a, int signo);
/* The first lines of what a program said, safe; NULL: nothing. */
const char *first_words(struct arena *a, struct bytes words);
/* Whether the output is whole; else says that it was cut where what is wanted ends. */
bool is_whole(const struct comparison *q, const char **what);

#endif
