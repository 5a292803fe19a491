/*
 * check -- a result against what was expected: the verdict, and in words what
 * differs. Pure: text in, data out.
 */
#ifndef ENGINE_CHECK_CHECK_H
#define ENGINE_CHECK_CHECK_H

#include "base/arena.h"
#include "base/buf.h"
#include "spec/spec.h"
#include "wire/wire.h"

enum verdict {
	VERDICT_PASSED,
	VERDICT_FAILED,
	VERDICT_ERROR, /* infrastructure, never the program's fault */
	VERDICT_TIMEOUT,
	VERDICT_CANCELLED,
	VERDICT_SKIPPED,
	VERDICT_XFAIL,
	VERDICT_XPASS,
	VERDICT_FLAKY,
	NVERDICT
};

extern const char *const verdict_names[]; /* "passed", ...; NULL at the end */

/* A stream check with its texts expanded and its file read. */
struct check {
	const struct stream_check *spec;
	struct bytes want; /* of same_as: what that job printed */
	const char *name;  /* where want is from, for messages: "cases/1.out", the job's name, the
			      checker's file; or NULL */
	const struct wire_result *checker; /* what the checker itself gave; NULL: it has not run */
};

/* One thing that is not as expected. */
struct failure {
	const char *what; /* one line: "stdout does not match '^\d+$'" */
	const char
		*detail; /* NULL, or lines that show the place and a short diff, no final newline */
};

struct judgement {
	enum verdict verdict;
	const char *reason; /* one line; "" when passed */
	struct failure *failure;
	size_t nfailure;
	double score;        /* what was earned of the points, 0 to 1 */
	bool needs_checkers; /* an error only since checkers have not run: all else is as expected,
				so run them and judge again */
};

/* What is judged: a result that has come, against expect->ncheck checks in the order of
 * expect->check. */
struct check_question {
	const struct wire_result *result;
	const struct expect *expect;
	const struct check *check;
	const char *xfail;           /* why it is known to fail, or NULL */
	bool is_partial;             /* a checker's score.txt counts */
	const char *const *artifact; /* names of expect->artifact, expanded; NULL: as written */
};

/*
 * What judging one cell after the other reuses: compiled patterns (the same one is compiled once),
 * match data, the JIT's stack. Changes no verdict. Never NULL.
 */
struct checker;
struct checker *checker_open(void);
void checker_close(struct checker *c); /* NULL is fine */

/*
 * Judge a result that has come. status timeout is VERDICT_TIMEOUT unless expected; failed is
 * VERDICT_ERROR; cancelled is VERDICT_CANCELLED; a failed compile or a limit that fired is named in
 * the reason. With xfail (why, or NULL) failed and timeout become XFAIL and passed becomes XPASS.
 * A checker accepts with exit code 42 and rejects with 43; any other end of it is VERDICT_ERROR,
 * unless something else has failed. The score is 1 if passed, else 0; with is_partial the least of
 * what checkers wrote to score.txt, if nothing but checkers has failed.
 * Patterns: PCRE2, multi-line, JIT, match limit 1,000,000, JIT stack at most 1 MiB; a pattern that
 * exceeds them is a failed check that says so. All in the arena.
 */
void check_judge(struct checker *c, struct arena *a, const struct check_question *q,
		 struct judgement *out);
/* Whether a pattern compiles; else e (ERR_SPEC) says why and at which offset. */
bool check_pattern(const char *pattern, size_t len, struct err *e);

/*
 * Bytes from a program as text for people. The first character of the n >= 1 bytes at s: its
 * length, and in *cp its code point; what is not UTF-8 (RFC 3629) is one byte and CHECK_NOT_UTF8.
 */
#define CHECK_NOT_UTF8 UINT32_MAX
size_t check_char(const char *s, size_t n, uint32_t *cp);

enum show {
	SHOW_EXACT, /* nothing hides: a tab is \t, a backslash \\ */
	SHOW_SAFE,  /* as it would look: tabs expanded, backslashes as they are, a final CR dropped
		     */
};

/*
 * Append one line's bytes so that they cannot drive a terminal: control characters, what is not
 * UTF-8 and what changes the direction of text are written as \x1b, \xff, \u{202e}.
 */
void check_show(struct buf *b, const char *s, size_t n, enum show as);
/* Columns that shown text takes on a terminal (wide East Asian: two, combining: none). */
size_t check_width(const char *shown, size_t n);

#endif
