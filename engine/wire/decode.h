/*
 * decode -- JSON objects into structs by tables: one row is one field of the contract. For this
 * room only.
 */
#ifndef ENGINE_WIRE_DECODE_H
#define ENGINE_WIRE_DECODE_H

#include "base/json.h"
#include "wire/wire.h"

struct wire_reader {
	struct arena *arena;
	struct err *err;
	const char *in; /* what stands before the keys in messages: "", "limits." */
};

struct wire_field;
/* Reads a value that is there (not null) into its slot. */
typedef bool wire_read_fn(const struct wire_reader *r, const struct wire_field *f,
			  const cJSON *value, void *slot);

/* What a value looks like, where its reader alone does not tell. */
enum wire_shape {
	WIRE_BY_READER,
	WIRE_TEXT,
	WIRE_INT,            /* min to max */
	WIRE_POSITIVE,       /* a number over 0, at most max */
	WIRE_TEXTS,          /* a list of at most max */
	WIRE_NAMED_TEXTS,    /* an object of strings */
	WIRE_OBJECT,         /* of the fields inside */
	WIRE_OBJECTS,        /* a list of at most max such */
	WIRE_TEXT_OR_OBJECT, /* a string, or an object of the fields inside */
	WIRE_RESULT,         /* a struct wire_result */
};

enum { WIRE_SURE = 1, /* always given */ WIRE_NULLABLE = 2 };

struct wire_field {
	const char *key;
	wire_read_fn *read;
	size_t at; /* offset of the slot */
	int64_t min, max;
	const char *const *names; /* of wire_read_name */
	/* For schema.c alone. */
	enum wire_shape shape;
	const struct wire_field *inside;
	unsigned is;
};

/* What a request has, a result (in tables that end with NULL), a job. */
extern const struct wire_field wire_request_fields[];
extern const struct wire_field *const wire_result_fields[];
extern const struct wire_field wire_job_fields[];

/*
 * All fields of a table that ends with a row without key. Those that are absent leave their slot
 * alone.
 */
bool wire_decode(const struct wire_reader *r, const cJSON *object, const struct wire_field *field,
		 void *out);
/* Fails: "<in><key> must be <wanted>, not <found>". */
bool wire_wrong(const struct wire_reader *r, const char *key, const char *wanted,
		const cJSON *value);
/* Whether it is a list of at most max items; its length, and zeroed room for items of that size. */
bool wire_list(const struct wire_reader *r, const struct wire_field *f, const cJSON *value,
	       size_t size, size_t *n, void **items);
/* The reader for what is inside key (of a list: inside its item i). */
struct wire_reader wire_inside(const struct wire_reader *r, const char *key);
struct wire_reader wire_inside_item(const struct wire_reader *r, const char *key, size_t i);

wire_read_fn wire_read_text;   /* const char * */
wire_read_fn wire_read_bytes;  /* struct bytes, from a string */
wire_read_fn wire_read_base64; /* struct bytes, from base64 */
wire_read_fn wire_read_bool;   /* bool */
wire_read_fn wire_read_int;    /* int64_t, min to max */
wire_read_fn wire_read_int32;  /* int, min to max */
wire_read_fn wire_read_name;   /* an enum: its index in names */

#endif
