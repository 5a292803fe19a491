/*
 * expr -- ${{ }} in texts: a reference, a 'text', or a function of these. Nothing
 * else is computed.
 */
#ifndef ENGINE_SPEC_EXPR_H
#define ENGINE_SPEC_EXPR_H

#include "spec/spec.h"

#define EXPR_MAX_VALUES 16 /* in one ${{ }} */
#define EXPR_MAX_ARGS   2

enum expr_kind {
	EXPR_QUOTED,  /* 'text', '' standing for ' */
	EXPR_VARS,    /* vars.NAME */
	EXPR_ENV,     /* env.NAME */
	EXPR_MATRIX,  /* matrix.KEY, matrix.KEY.path */
	EXPR_NEEDS,   /* needs.JOB.stdout */
	EXPR_UNKNOWN, /* ROOT.anything of another root; name is the root */
	EXPR_CALL,    /* NAME(values) */
};

struct piece {
	const char *s; /* NULL: none */
	size_t len;
};

struct expr {
	enum expr_kind kind;
	struct piece name;               /* the text, or what follows the root */
	struct piece what;               /* matrix: path, name or stem; needs: stdout, ... */
	size_t arg[EXPR_MAX_ARGS], narg; /* call: indices in the part's value */
};

enum part_kind {
	PART_TEXT,   /* as it is */
	PART_EXPR,   /* ${{ }}: value[0] */
	PART_BROKEN, /* ${{ ... }} that is none; text is all of it */
	PART_OPEN,   /* ${{ without }} */
};

struct part {
	enum part_kind kind;
	struct piece text;
	size_t at; /* where in the text it starts */
	struct expr value[EXPR_MAX_VALUES];
	size_t nvalue;
};

/* The part of t at *at, which moves behind it; false at the end. */
bool expr_next(const struct text *t, size_t *at, struct part *out);
/* Whether a piece is that word. */
bool piece_is(const struct piece *p, const char *word);

enum function { FUNCTION_HASH, FUNCTION_FILE, FUNCTION_JOIN, NFUNCTION };

/* In the order of enum function. */
extern const struct function_row {
	const char *name;
	size_t narg;
} functions[NFUNCTION + 1];

/* Which function a call is; NFUNCTION: none. */
enum function expr_function(const struct expr *call);

/* Tell all that is wrong with t but what only its complete job knows: form, roots, functions, vars.
 */
void expr_check(struct yaml *y, const struct text *t, const struct spec *s);
/* The text with vars filled in, as vars and matrix values are from the start; all else is told. */
struct text expr_fill(struct yaml *y, const struct text *t, const struct spec *s);
/* Tell references in the job's texts to what its matrix and its env do not have. */
void expr_check_job(struct yaml *y, const struct job_spec *job);
/* Tell references to jobs that it does not need. */
void expr_check_needs(struct yaml *y, const struct job_spec *job);

#endif
