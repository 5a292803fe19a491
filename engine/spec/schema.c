/* JSON Schema (draft 2020-12) of the spec, from the tables that read it. */
#include "base/json.h"
#include "spec/loading.h"

#define ANY_SCALAR 3 /* types a YAML scalar that we take as text may have for others */

static cJSON *schema_of_form(const struct form *f);

/* Text as it is written; others read `1` as a number and `true` as a boolean. */
static cJSON *text_schema(const char *pattern)
{
	static const char *const types[ANY_SCALAR] = { "string", "number", "boolean" };
	cJSON *s = cJSON_CreateObject();

	if (pattern) {
		cJSON_AddStringToObject(s, "type", "string");
		cJSON_AddStringToObject(s, "pattern", pattern);
	} else {
		cJSON_AddItemToObject(s, "type", cJSON_CreateStringArray(types, ANY_SCALAR));
	}
	return s;
}

static cJSON *bool_schema(void)
{
	cJSON *s = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(s, "enum");

	cJSON_AddItemToArray(list, cJSON_CreateTrue());
	cJSON_AddItemToArray(list, cJSON_CreateFalse());
	cJSON_AddItemToArray(list, cJSON_CreateString("true"));
	cJSON_AddItemToArray(list, cJSON_CreateString("false"));
	return s;
}

/* A number, or one in quotes, whose size is left to us. */
static cJSON *number_schema(const char *type, int64_t min, int64_t max, const char *quoted)
{
	cJSON *s = cJSON_CreateObject(), *any = cJSON_AddArrayToObject(s, "anyOf");
	cJSON *number = cJSON_CreateObject();

	cJSON_AddStringToObject(number, "type", type);
	cJSON_AddNumberToObject(number, "minimum", (double)min);
	if (max && max != INT64_MAX)
		cJSON_AddNumberToObject(number, "maximum", (double)max);
	cJSON_AddItemToArray(any, number);
	cJSON_AddItemToArray(any, text_schema(quoted));
	return s;
}

static cJSON *int_schema(int64_t min, int64_t max)
{
	return number_schema("integer", min, max, "^-?[0-9]+$");
}

static cJSON *choice_schema(const char *const *choice)
{
	cJSON *s = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(s, "enum");

	for (; *choice; choice++)
		cJSON_AddItemToArray(list, cJSON_CreateString(*choice));
	return s;
}

/* A list of names, or one. */
static cJSON *names_schema(void)
{
	static const struct form names = { .kind = FORM_TEXT | FORM_LIST, .item = &spec_text_form };

	return schema_of_form(&names);
}

static cJSON *field_schema(const struct field *f)
{
	switch (f->type) {
	case FIELD_TEXT:
		return text_schema(NULL);
	case FIELD_BOOL:
		return bool_schema();
	case FIELD_INT:
		return int_schema(f->min, f->max);
	case FIELD_NUMBER:
		return number_schema("number", f->min, f->max, "^[0-9.][0-9.eE+-]*$");
	case FIELD_DURATION:
		return text_schema("^[0-9]{1,9}(\\.[0-9]{1,3})?(ms|s|m|h)$");
	case FIELD_CHOICE:
		return choice_schema(f->choice);
	case FIELD_NAMES:
		return names_schema();
	case FIELD_OTHER:
		break;
	}
	return schema_of_form(f->form);
}

static bool is_without(const struct form *f, const char *key)
{
	for (size_t i = 0; f->without && f->without[i]; i++)
		if (!strcmp(f->without[i], key))
			return true;
	return false;
}

/* A choice more: that key is there. */
static void add_choice(cJSON *list, const char *key)
{
	cJSON *one = cJSON_CreateObject();

	cJSON_AddItemToObject(one, "required", cJSON_CreateStringArray(&key, 1));
	cJSON_AddItemToArray(list, one);
}

static void add_if_any(cJSON *s, const char *key, cJSON *list)
{
	if (cJSON_GetArraySize(list))
		cJSON_AddItemToObject(s, key, list);
	else
		cJSON_Delete(list);
}

static void add_fields(cJSON *s, const struct form *f)
{
	cJSON *properties = cJSON_AddObjectToObject(s, "properties");
	cJSON *required = cJSON_CreateArray(), *one_of = cJSON_CreateArray();

	for (const struct field *field = f->field; field && field->key; field++) {
		cJSON *one;

		if (is_without(f, field->key))
			continue;
		one = field_schema(field);
		cJSON_AddStringToObject(one, "description", field->help);
		cJSON_AddItemToObject(properties, field->key, one);
		if (field->is_required)
			cJSON_AddItemToArray(required, cJSON_CreateString(field->key));
		if (field->is_alternative)
			add_choice(one_of, field->key);
	}
	add_if_any(s, "required", required);
	add_if_any(s, "oneOf", one_of);
}

/* A mapping of the fields, or of any keys as well. */
static cJSON *map_schema(const struct form *f, bool is_any)
{
	cJSON *s = cJSON_CreateObject();

	cJSON_AddStringToObject(s, "type", "object");
	if (f->field)
		add_fields(s, f);
	if (f->key_pattern)
		cJSON_AddItemToObject(s, "propertyNames", text_schema(f->key_pattern));
	if (is_any)
		cJSON_AddItemToObject(s, "additionalProperties", schema_of_form(f->value));
	else
		cJSON_AddFalseToObject(s, "additionalProperties");
	if (is_any && f->is_filled)
		cJSON_AddNumberToObject(s, "minProperties", 1);
	return s;
}

static cJSON *list_schema(const struct form *f)
{
	cJSON *s = cJSON_CreateObject();

	cJSON_AddStringToObject(s, "type", "array");
	cJSON_AddItemToObject(s, "items", schema_of_form(f->item));
	if (f->is_filled)
		cJSON_AddNumberToObject(s, "minItems", 1);
	return s;
}

/* One of the form's kinds. Forms are as deep as our tables make them. */
static cJSON *kind_schema(const struct form *f, enum form_kind kind)
{
	switch (kind) {
	case FORM_TEXT:
		return text_schema(f->pattern);
	case FORM_BOOL:
		return bool_schema();
	case FORM_INT:
		return int_schema(f->min, f->max);
	case FORM_NUMBER:
		return number_schema("number", f->min, f->max, "^[0-9.][0-9.eE+-]*$");
	case FORM_LIST:
		return list_schema(f);
	case FORM_MAP:
		return map_schema(f, false);
	case FORM_ANY:
		return map_schema(f, true);
	}
	return NULL;
}

static cJSON *schema_of_form(const struct form *f)
{
	cJSON *s, *any;

	if (!(f->kind & (f->kind - 1)))
		return kind_schema(f, (enum form_kind)f->kind);
	s = cJSON_CreateObject();
	any = cJSON_AddArrayToObject(s, "anyOf");
	for (unsigned kind = 1; kind <= f->kind; kind <<= 1)
		if (f->kind & kind)
			cJSON_AddItemToArray(any, kind_schema(f, (enum form_kind)kind));
	return s;
}

void spec_schema(struct buf *out)
{
	static const struct form whole = { .kind = FORM_MAP, .field = spec_fields };
	CLEAN_JSON cJSON *s = map_schema(&whole, false);
	cJSON *either = cJSON_AddArrayToObject(s, "anyOf");
	char *text;

	cJSON_AddStringToObject(s, "$schema", "https://json-schema.org/draft/2020-12/schema");
	cJSON_AddStringToObject(s, "title", "A spec of sandbatch");
	add_choice(either, "jobs");
	add_choice(either, "include_spec");
	text = cJSON_Print(s);
	if (!text)
		abort();
	buf_puts(out, text);
	buf_puts(out, "\n");
	cJSON_free(text);
}
