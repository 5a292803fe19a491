/*
 * yaml -- a YAML file (libyaml) as a tree whose every node knows its line and
 * column, and the one way to tell a mistake in such a file.
 *
 * Scalars stay text: the field that reads one types it (`no`, `1e3`, `010` are
 * what was written). Anchors, aliases and merge keys (<<) are resolved; at most
 * 16 MiB of text, 100 levels and 1,000,000 nodes after aliases are followed, so
 * a billion laughs is a mistake like any other. A key given twice is a mistake.
 * Tables of fields decode mappings: one row is one key, everywhere.
 */
#ifndef ENGINE_BASE_YAML_H
#define ENGINE_BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

struct mark {
	uint32_t line, col; /* counted from 1; {0} nowhere */
};

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	bool is_plain; /* a scalar without quotes, neither | nor >: `null`, `~` and empty are then
			  no value */
	struct mark mark;
	const char *text;         /* scalar: NUL behind, may hold NUL */
	size_t len;               /* scalar: bytes */
	const struct node **item; /* list: items; map: values */
	const struct node **key;  /* map: keys, all scalars; in written order */
	size_t n;                 /* items or pairs */
};

struct yaml {
	struct arena *arena; /* everything below, and all that is decoded */
	const char *path;    /* as it is shown in mistakes */
	const char *text;
	size_t len;
	const struct node *root; /* NULL if there is none */
	struct buf *tell;        /* mistakes, as text; the first 100 */
	unsigned nmistake;
	const char *key; /* whose value a field's read() was given: for its messages */
};

/* Read the file, or len bytes of text. Mistakes of syntax are told like any other; fails
 * (ERR_SYSTEM) only when the file cannot be read. */
bool yaml_read_file(struct yaml *y, struct arena *a, const char *path, struct buf *tell,
		    struct err *e);
void yaml_read_text(struct yaml *y, struct arena *a, const char *path, const char *text, size_t len,
		    struct buf *tell);

/*
 * Tell a mistake: "path:line:col: sentence", the source line, a caret, a newline after each.
 * Lower case, no full stop, found and wanted: `ttl must be 1 to 900 seconds, not 'soon'`.
 */
void yaml_mistake(struct yaml *y, struct mark at, const char *fmt, ...) PRINTF(3, 4);
/*
 * Where the nth (from 0) needle at or behind that place stands in the file, or the place itself
 * when there is none: points into a scalar, whatever its style, as long as needle has no white
 * space.
 */
struct mark yaml_find(const struct yaml *y, struct mark at, const char *needle, size_t nth);
/* Nothing was told? Else tell how many went untold, and fail (ERR_SPEC) with "path: 3 mistakes". */
bool yaml_finish(struct yaml *y, struct err *e);
/* What a node is, for messages: "a list", "a mapping", "'soon'", "nothing". Arena. */
const char *yaml_found(struct yaml *y, const struct node *n);
/* Of the names (NULL at the end), the one nearest to text by edit distance, or NULL if none is near
 * (<= 1/3 of the longer, at least 1). */
const char *yaml_nearest(const char *text, const char *const *names);

/* The value of a key, or NULL. */
const struct node *yaml_get(const struct node *map, const char *key);
bool yaml_is_null(const struct node *n);

enum field_type {
	FIELD_TEXT,     /* const char *; any scalar */
	FIELD_BOOL,     /* bool; true or false */
	FIELD_INT,      /* int64_t; min to max (INT64_MAX: any from min on) */
	FIELD_NUMBER,   /* double; at least min */
	FIELD_DURATION, /* int64_t: ms, written as 500ms, 2s, 1.5s, 1m; min to max ms */
	FIELD_CHOICE,   /* int: the index in choice */
	FIELD_NAMES,    /* struct names; a list of scalars, or one scalar */
	FIELD_OTHER,    /* read() decides */
};

/* What a value can look like; one of, or'ed. */
enum form_kind {
	FORM_TEXT = 1, /* any scalar that is not empty */
	FORM_BOOL = 2,
	FORM_INT = 4,    /* min to max */
	FORM_NUMBER = 8, /* min to max */
	FORM_LIST = 16,  /* of item */
	FORM_MAP = 32,   /* of field */
	FORM_ANY = 64,   /* a mapping of any keys to value, but for those of field */
};

/* What a FIELD_OTHER takes, for a schema; read() knows better. */
struct form {
	unsigned kind;              /* of enum form_kind */
	const char *pattern;        /* FORM_TEXT: that it fits (ECMA-262), or NULL */
	int64_t min, max;           /* FORM_INT, FORM_NUMBER */
	const struct field *field;  /* FORM_MAP; FORM_ANY: or NULL */
	const char *const *without; /* keys of field that cannot stand here; or NULL */
	const struct form *item, *value;
	bool is_filled;          /* the list or mapping cannot be empty */
	const char *key_pattern; /* that all keys of the mapping fit, or NULL */
};

struct names {
	const char **item;
	size_t n;
};

struct field {
	const char *key;
	enum field_type type;
	size_t at; /* offset in the struct that is filled */
	bool is_required;
	bool is_alternative; /* just one of the fields so marked is given, for a schema */
	const char *help;    /* one phrase: schema, messages */
	int64_t min, max;
	const char *unit;          /* FIELD_INT: "seconds", "MB", ... for messages */
	const char *const *choice; /* NULL at the end */
	const struct form *form;   /* FIELD_OTHER */
	/* FIELD_OTHER: fill slot (== object + at); tells its own mistakes. ctx is the decode's. */
	void (*read)(struct yaml *y, const struct node *value, void *slot, void *ctx);
};

/*
 * Fill object from a mapping by a table that ends with a row without key. Keys that are absent
 * leave their slot alone, so decoding twice lays the second over the first. what names the thing
 * in messages: "a job". Unknown keys are told with the nearest right one. A map of NULL (an empty
 * file) is told, unless that file has mistakes already. At most 64 rows.
 */
void yaml_decode(struct yaml *y, const struct node *map, const char *what,
		 const struct field *field, void *object, void *ctx);
/* Whole decimal number, maybe negative, nothing around it. */
bool parse_int(const char *text, size_t len, int64_t *out);
/* Decimal number from 0 on, maybe with a fraction and an exponent: `2`, `0.5`, `1e-6`. */
bool parse_number(const char *text, size_t len, double *out);
/* `500ms`, `2s`, `1.5s`, `1m`, `1h` in ms; a fraction of at most three digits. */
bool parse_duration(const char *text, size_t len, int64_t *out);

#endif
