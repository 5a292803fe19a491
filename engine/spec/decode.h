/*
 * decode -- what the files of this room share: readers of fields (see yaml.h)
 * and the pieces that ${{ }} cuts a text into.
 *
 * A reader's ctx is a struct spec whose vars are complete: references to vars
 * are checked as a text is read, those to the matrix when the job is complete.
 */
#ifndef ENGINE_SPEC_DECODE_H
#define ENGINE_SPEC_DECODE_H

#include "spec/spec.h"

/* A mapping's value, or a list's item, as text; false, told, if it is none. what names it. */
bool spec_text(struct yaml *y, const struct node *n, const char *what, const struct spec *s,
	       struct text *out);
/* The same for what becomes a C string: no NUL byte. */
bool spec_plain_text(struct yaml *y, const struct node *n, const char *what, const struct spec *s,
		     struct text *out);
/* [A-Za-z_][A-Za-z0-9_-]*, what ${{ }} can name; tells it if not. */
bool spec_is_name(struct yaml *y, const struct node *key, const char *what);

/* Readers: the slot is the struct named. */
void spec_read_text(struct yaml *y, const struct node *n, void *text, void *spec);
void spec_read_plain(struct yaml *y, const struct node *n, void *text, void *spec);
void spec_read_plain_list(struct yaml *y, const struct node *n, void *text_list, void *spec);
void spec_read_expect(struct yaml *y, const struct node *n, void *expect, void *spec);
void spec_read_matrix(struct yaml *y, const struct node *n, void *matrix, void *spec);

void spec_read_retry(struct yaml *y, const struct node *n, void *retry, void *spec);

/* What those look like. */
extern const struct form spec_text_form, spec_list_form, spec_expect_form, spec_matrix_form,
	spec_retry_form, spec_job_form;

/* A job's before anything was said. Its max is -1, which becomes 0 in the end. */
extern const struct retry_spec spec_no_retry;

/* Lay a mapping over a job; what names it in messages. */
void spec_decode_job(struct yaml *y, const struct node *map, const char *what, struct spec *s,
		     struct job_spec *job);

enum part_kind {
	PART_TEXT,    /* as it is */
	PART_QUOTED,  /* ${{ 'text' }}, '' standing for ' */
	PART_VARS,    /* ${{ vars.NAME }} */
	PART_MATRIX,  /* ${{ matrix.KEY }} */
	PART_UNKNOWN, /* ${{ ROOT.NAME }} of another root; s is the root */
	PART_BROKEN,  /* ${{ ... }} that is none of these; s is all of it */
	PART_OPEN,    /* ${{ without }} */
};

struct part {
	enum part_kind kind;
	const char *s; /* the text, or the name */
	size_t len;
	size_t at; /* where in the text it starts */
};

/* The part of t at *at, which moves behind it; false at the end. */
bool expr_next(const struct text *t, size_t *at, struct part *out);
/* Where a part of t stands in the file. */
struct mark expr_mark(const struct yaml *y, const struct text *t, const struct part *p);
/* Tell all that is wrong with t but its matrix keys: form, roots, vars. */
void expr_check(struct yaml *y, const struct text *t, const struct spec *s);
/* The text with vars filled in, as vars and matrix values are from the start; matrix.* is told. */
struct text expr_fill(struct yaml *y, const struct text *t, const struct spec *s);
/* Tell references in the job's texts to keys that its matrix does not have. */
void expr_check_job(struct yaml *y, const struct job_spec *job);

#endif
