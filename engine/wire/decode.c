#include "wire/decode.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"

bool wire_decode(const struct wire_reader *r, const cJSON *object, const struct wire_field *field,
		 void *out)
{
	for (const struct wire_field *f = field; f->key; f++) {
		const cJSON *value = json_get(object, f->key);

		if (value && !f->read(r, f, value, (char *)out + f->at))
			return false;
	}
	return true;
}

bool wire_wrong(const struct wire_reader *r, const char *key, const char *wanted,
		const cJSON *value)
{
	char found[JSON_FOUND];

	json_found(value, found);
	return err_set(r->err, ERR_MALFORMED, "%s%s must be %s, not %s", r->in, key, wanted, found);
}

bool wire_list(const struct wire_reader *r, const struct wire_field *f, const cJSON *value,
	       size_t size, size_t *n, void **items)
{
	int len = cJSON_GetArraySize(value);

	if (!cJSON_IsArray(value))
		return wire_wrong(r, f->key, "a list", value);
	if (len > f->max)
		return err_set(r->err, ERR_TOO_LARGE, "%s%s must have at most %lld items, not %d",
			       r->in, f->key, (long long)f->max, len);
	*n = (size_t)len;
	*items = arena_zalloc(r->arena, *n, size);
	return true;
}

struct wire_reader wire_inside(const struct wire_reader *r, const char *key)
{
	return (struct wire_reader){ r->arena, r->err,
				     arena_printf(r->arena, "%s%s.", r->in, key) };
}

struct wire_reader wire_inside_item(const struct wire_reader *r, const char *key, size_t i)
{
	return (struct wire_reader){ r->arena, r->err,
				     arena_printf(r->arena, "%s%s[%zu].", r->in, key, i) };
}

bool wire_read_text(const struct wire_reader *r, const struct wire_field *f, const cJSON *value,
		    void *slot)
{
	const char **out = slot;

	if (!cJSON_IsString(value))
		return wire_wrong(r, f->key, "a string", value);
	*out = arena_strdup(r->arena, value->valuestring);
	return true;
}

bool wire_read_bytes(const struct wire_reader *r, const struct wire_field *f, const cJSON *value,
		     void *slot)
{
	struct bytes *out = slot;

	if (!wire_read_text(r, f, value, &out->data))
		return false;
	out->len = strlen(out->data);
	return true;
}

bool wire_read_base64(const struct wire_reader *r, const struct wire_field *f, const cJSON *value,
		      void *slot)
{
	struct bytes *out = slot;

	if (!cJSON_IsString(value))
		return wire_wrong(r, f->key, "base64 in a string", value);
	out->data =
		base64_decode(r->arena, value->valuestring, strlen(value->valuestring), &out->len);
	return out->data || wire_wrong(r, f->key, "base64 (RFC 4648, padded)", value);
}

bool wire_read_bool(const struct wire_reader *r, const struct wire_field *f, const cJSON *value,
		    void *slot)
{
	bool *out = slot;

	if (!cJSON_IsBool(value))
		return wire_wrong(r, f->key, "true or false", value);
	*out = cJSON_IsTrue(value);
	return true;
}

bool wire_read_int(const struct wire_reader *r, const struct wire_field *f, const cJSON *value,
		   void *slot)
{
	const double exact =
		9007199254740991; /* 2^53 - 1: what a double can tell from its neighbours */
	double d = value->valuedouble;
	char wanted[80];

	if (cJSON_IsNumber(value) && d >= -exact && d <= exact && (double)(int64_t)d == d &&
	    (int64_t)d >= f->min && (int64_t)d <= f->max) {
		*(int64_t *)slot = (int64_t)d;
		return true;
	}
	snprintf(wanted, sizeof(wanted), "an integer from %lld to %lld", (long long)f->min,
		 (long long)f->max);
	return wire_wrong(r, f->key, wanted, value);
}

bool wire_read_int32(const struct wire_reader *r, const struct wire_field *f, const cJSON *value,
		     void *slot)
{
	int64_t wide = 0;

	assert(f->min >= INT32_MIN && f->max <= INT32_MAX);
	if (!wire_read_int(r, f, value, &wide))
		return false;
	*(int *)slot = (int)wide;
	return true;
}

/* The names but the empty one: "'zerotrust' or 'semitrusted'". */
static void list_names(const char *const *names, char *out, size_t size)
{
	size_t n = 0;

	out[0] = 0;
	for (const char *const *name = names; *name; name++) {
		const char *glue = n == 0 ? "" : name[1] ? ", " : " or ";

		if (**name && n < size)
			n += (size_t)snprintf(out + n, size - n, "%s'%s'", glue, *name);
	}
}

bool wire_read_name(const struct wire_reader *r, const struct wire_field *f, const cJSON *value,
		    void *slot)
{
	char wanted[160];

	for (int i = 0; cJSON_IsString(value) && *value->valuestring && f->names[i]; i++) {
		if (strcmp(value->valuestring, f->names[i]) != 0)
			continue;
		*(int *)slot = i;
		return true;
	}
	list_names(f->names, wanted, sizeof(wanted));
	return wire_wrong(r, f->key, wanted, value);
}
