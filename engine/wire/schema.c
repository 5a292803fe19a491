/* The contract as JSON schemas (2020-12), from the tables it is read by. */
#include "wire/wire.h"

#include <assert.h>

#include "wire/decode.h"
#include "wire/print.h"

/* $refs are for OpenAPI, which keeps schemas there. */
#define JOB_FIELD(key)    "\"" key "\":{\"$ref\":\"#/components/schemas/job/properties/" key "\"}"
#define OBJECT(sure, all) "{\"type\":\"object\",\"required\":[" sure "],\"properties\":{" all "}}"

/* Those that only say what another has. */
static const struct wire_pair made[] = {
	{ "accepted",
	  OBJECT("\"job_id\",\"status\"", JOB_FIELD("job_id") "," JOB_FIELD("status")) },
	{ "cancelled", OBJECT("\"message\",\"job_id\",\"result\"",
			      "\"message\":{\"const\":\"Job cancelled\"}," JOB_FIELD(
				      "job_id") "," JOB_FIELD("result")) },
	{ "error",
	  OBJECT("\"success\",\"error\",\"code\"",
		 "\"success\":{\"const\":false},\"error\":{\"type\":\"string\",\"minLength\":1},"
		 "\"code\":{\"type\":\"string\",\"pattern\":\"^[a-z_]+$\"},"
		 "\"candidates\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}") },
};

/* What the readers of decode.h read. */
static const struct {
	wire_read_fn *read;
	const char *type, *encoding;
	bool is_bounded;
} kinds[] = {
	{ wire_read_text, "string", NULL, false },       { wire_read_bytes, "string", NULL, false },
	{ wire_read_base64, "string", "base64", false }, { wire_read_bool, "boolean", NULL, false },
	{ wire_read_int, "integer", NULL, true },        { wire_read_int32, "integer", NULL, true },
};

static void put_range(struct wire_out *o, const struct wire_field *f)
{
	wire_put_int(o, "minimum", f->min);
	wire_put_int(o, "maximum", f->max);
}

static void put_kind(struct wire_out *o, const struct wire_field *f)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].read != f->read)
			continue;
		wire_put_text(o, "type", kinds[i].type);
		if (kinds[i].encoding)
			wire_put_text(o, "contentEncoding", kinds[i].encoding);
		if (kinds[i].is_bounded)
			put_range(o, f);
	}
	if (f->read != wire_read_name)
		return;
	wire_open(o, "enum", "[");
	for (const char *const *name = f->names; *name; name++)
		if (**name)
			wire_put_text(o, NULL, *name);
	wire_close(o, "]");
}

/* What has no fields of its own. */
static void put_plain(struct wire_out *o, const struct wire_field *f)
{
	switch (f->shape) {
	case WIRE_BY_READER:
		put_kind(o, f);
		return;
	case WIRE_TEXT:
		wire_put_text(o, "type", "string");
		return;
	case WIRE_INT:
		wire_put_text(o, "type", "integer");
		put_range(o, f);
		return;
	case WIRE_POSITIVE:
		wire_put_text(o, "type", "number");
		wire_put_int(o, "exclusiveMinimum", 0);
		wire_put_int(o, "maximum", f->max);
		return;
	case WIRE_TEXTS:
		wire_put_text(o, "type", "array");
		wire_put_int(o, "maxItems", f->max);
		wire_put_raw(o, "items", "{\"type\":\"string\"}");
		return;
	case WIRE_NAMED_TEXTS:
		wire_put_text(o, "type", "object");
		wire_put_raw(o, "additionalProperties", "{\"type\":\"string\"}");
		return;
	case WIRE_RESULT:
		wire_put_text(o, "$ref", "#/components/schemas/result");
		return;
	case WIRE_OBJECT:
	case WIRE_OBJECTS:
	case WIRE_TEXT_OR_OBJECT:
		assert(false);
	}
}

typedef void put_fn(struct wire_out *o, const struct wire_field *f);

/* "type", "required" and "properties" of an object with the fields of all tables. */
static void put_object(struct wire_out *o, const struct wire_field *const *table, put_fn *put)
{
	wire_put_text(o, "type", "object");
	wire_open(o, "required", "[");
	for (const struct wire_field *const *t = table; *t; t++)
		for (const struct wire_field *f = *t; f->key; f++)
			if (f->is & WIRE_SURE)
				wire_put_text(o, NULL, f->key);
	wire_close(o, "]");
	wire_open(o, "properties", "{");
	for (const struct wire_field *const *t = table; *t; t++) {
		for (const struct wire_field *f = *t; f->key; f++) {
			wire_open(o, f->key, "{");
			put(o, f);
			wire_close(o, "}");
		}
	}
	wire_close(o, "}");
}

static void put_inside(struct wire_out *o, const struct wire_field *f)
{
	const struct wire_field *const table[] = { f->inside, NULL };

	put_object(o, table, put_plain);
}

/* The fields inside have none inside: two steps are all there are. */
static void put_value(struct wire_out *o, const struct wire_field *f)
{
	if (f->shape == WIRE_OBJECT) {
		put_inside(o, f);
	} else if (f->shape == WIRE_OBJECTS) {
		wire_put_text(o, "type", "array");
		wire_put_int(o, "maxItems", f->max);
		wire_open(o, "items", "{");
		put_inside(o, f);
		wire_close(o, "}");
	} else if (f->shape == WIRE_TEXT_OR_OBJECT) {
		wire_put_raw(o, "oneOf", "[{\"type\":\"string\"},{");
		o->has_item = false;
		put_inside(o, f);
		wire_close(o, "}");
		wire_close(o, "]");
	} else {
		put_plain(o, f);
	}
}

static void put_field(struct wire_out *o, const struct wire_field *f)
{
	if (!(f->is & WIRE_NULLABLE)) {
		put_value(o, f);
		return;
	}
	wire_put_raw(o, "anyOf", "[{");
	o->has_item = false;
	put_value(o, f);
	wire_close(o, "}");
	wire_put_raw(o, NULL, "{\"type\":\"null\"}");
	wire_close(o, "]");
}

bool wire_schemas_print(struct buf *b)
{
	static const struct wire_field *const request[] = { wire_request_fields, NULL };
	static const struct wire_field *const job[] = { wire_job_fields, NULL };
	static const struct {
		const char *name;
		const struct wire_field *const *table;
	} own[] = { { "request", request }, { "result", wire_result_fields }, { "job", job } };
	struct wire_out o = { .b = b };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		wire_open(&o, own[i].name, "{");
		put_object(&o, own[i].table, put_field);
		wire_close(&o, "}");
	}
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		wire_put_raw(&o, made[i].key, made[i].value);
	return !o.is_full;
}
