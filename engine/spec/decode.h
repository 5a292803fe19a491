/*
 * decode -- what the files of this room share: readers of fields (see yaml.h)
 * and the pieces that ${{ }} cuts a text into.
 *
 * A reader's ctx is a struct spec whose vars are complete: references to vars
 * are checked as a text is read, those to the matrix when the job is complete.
 */
#ifndef ENGINE_SPEC_DECODE_H
#define ENGINE_SPEC_DECODE_H

#include "spec/expr.h"
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
	spec_retry_form, spec_job_form, spec_defaults_form;

/* Patterns of keys, as spec_is_name and the rest have them. */
#define SPEC_NAME_PATTERN "^[A-Za-z_][A-Za-z0-9_-]*$"
#define SPEC_JOB_PATTERN  "^(?!\\.{1,2}$)[A-Za-z0-9_.-]{1,200}$"
#define SPEC_ENV_PATTERN  "^[^=]+$"

/* Keys of a job that defaults cannot have; NULL at the end. */
extern const char *const spec_own_keys[];

/* A job's before anything was said. Its max is -1, which becomes 0 in the end. */
extern const struct retry_spec spec_no_retry;

/* Lay a mapping over a job; what names it in messages. */
void spec_decode_job(struct yaml *y, const struct node *map, const char *what, struct spec *s,
		     struct job_spec *job);

#endif
