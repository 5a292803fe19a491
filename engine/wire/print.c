#include "wire/print.h"

#include <assert.h>
#include <string.h>

#include "base/digest.h"
#include "base/json.h"

#define KEY_MAX 64

static void add(struct wire_out *o, const char *text)
{
	o->is_full = o->is_full || !buf_puts(o->b, text);
}

static void add_quoted(struct wire_out *o, const char *data, size_t len)
{
	o->is_full = o->is_full || !json_quote(o->b, data, len);
}

/* What stands in front of a value, in one piece. Keys are words of ours. */
static void begin(struct wire_out *o, const char *key)
{
	char text[KEY_MAX + sizeof(",\"\":")], *at = text;
	size_t n = key ? strlen(key) : 0;

	assert(n <= KEY_MAX);
	if (o->has_item)
		*at++ = ',';
	o->has_item = true;
	if (key) {
		*at++ = '"';
		memcpy(at, key, n);
		at += n;
		*at++ = '"';
		*at++ = ':';
	}
	o->is_full = o->is_full || !buf_add(o->b, text, (size_t)(at - text));
}

void wire_put_raw(struct wire_out *o, const char *key, const char *json)
{
	begin(o, key);
	add(o, json);
}

void wire_open(struct wire_out *o, const char *key, const char *bracket)
{
	wire_put_raw(o, key, bracket);
	o->has_item = false;
}

void wire_close(struct wire_out *o, const char *bracket)
{
	add(o, bracket);
	o->has_item = true;
}

void wire_put_bytes(struct wire_out *o, const char *key, struct bytes value)
{
	begin(o, key);
	add_quoted(o, value.data, value.len);
}

void wire_put_text(struct wire_out *o, const char *key, const char *value)
{
	if (!value) {
		wire_put_raw(o, key, "null");
		return;
	}
	begin(o, key);
	add_quoted(o, value, strlen(value));
}

void wire_put_pair(struct wire_out *o, const struct wire_pair *pair)
{
	begin(o, NULL);
	add_quoted(o, pair->key, strlen(pair->key));
	add(o, ":");
	add_quoted(o, pair->value, strlen(pair->value));
}

void wire_put_base64(struct wire_out *o, const char *key, struct bytes value)
{
	begin(o, key);
	add(o, "\"");
	o->is_full = o->is_full || !base64_encode(o->b, value.data, value.len);
	add(o, "\"");
}

void wire_put_int(struct wire_out *o, const char *key, int64_t value)
{
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char text[24], *at = text + sizeof(text) - 1; /* from the end: a result has ten of them */

	*at = 0;
	do {
		*--at = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (value < 0)
		*--at = '-';
	wire_put_raw(o, key, at);
}

void wire_put_bool(struct wire_out *o, const char *key, bool value)
{
	wire_put_raw(o, key, value ? "true" : "false");
}

void wire_put_texts(struct wire_out *o, const char *key, const char *const *item, size_t n)
{
	wire_open(o, key, "[");
	for (size_t i = 0; i < n; i++)
		wire_put_text(o, NULL, item[i]);
	wire_close(o, "]");
}
