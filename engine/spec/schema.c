/* JSON Schema (draft 2020-12) of the spec, from the tables that read it. */
#include "base/json.h"
#include "spec/loading.h"

#define ANY_SCALAR 3 /* types a YAML scalar that we take as text may have for others */

/* A schema that is still empty, and what it is to say. */
struct todo {
	cJSON *schema;
	const struct form *form;
};

/* Of struct todo: each is filled in its turn, which may add some. */
static cJSON *schema_of_form(struct buf *todo, const struct form *f)
{
	const struct todo t = { cJSON_CreateObject(), f };

	buf_add(todo, &t, sizeof(t));
	return t.schema;
}

/* Text as it is written; others read `1` as a number and `true` as a boolean. */
static cJSON *add_text(cJSON *s, const char *pattern)
{
	static const char *const types[ANY_SCALAR] = { "string", "number", "boolean" };

	if (pattern) {
		cJSON_AddStringToObject(s, "type", "string");
		cJSON_AddStringToObject(s, "pattern", pattern);
	} else {
		cJSON_AddItemToObject(s, "type", cJSON_CreateStringArray(types, ANY_SCALAR));
	}
	return s;
}

static cJSON *add_bool(cJSON *s)
{
	cJSON *list = cJSON_AddArrayToObject(s, "enum");

	cJSON_AddItemToArray(list, cJSON_CreateTrue());
	cJSON_AddItemToArray(list, cJSON_CreateFalse());
	cJSON_AddItemToArray(list, cJSON_CreateString("true"));
	cJSON_AddItemToArray(list, cJSON_CreateString("false"));
	return s;
}

/* A number, or one in quotes, whose size is left to us. */
static cJSON *add_number(cJSON *s, const char *type, int64_t min, int64_t max)
{
	bool is_int = !strcmp(type, "integer");
	cJSON *any = cJSON_AddArrayToObject(s, "anyOf");
	cJSON *number = cJSON_CreateObject();

	cJSON_AddStringToObject(number, "type", type);
	cJSON_AddNumberToObject(number, "minimum", (double)min);
	if (max && max != INT64_MAX)
		cJSON_AddNumberToObject(number, "maximum", (double)max);
	cJSON_AddItemToArray(any, number);
	cJSON_AddItemToArray(
		any, add_text(cJSON_CreateObject(), is_int ? "^-?[0-9]+$" : "^[0-9.][0-9.eE+-]*$"));
	return s;
}

static cJSON *add_enum(cJSON *s, const char *const *choice)
{
	cJSON *list = cJSON_AddArrayToObject(s, "enum");

	for (; *choice; choice++)
		cJSON_AddItemToArray(list, cJSON_CreateString(*choice));
	return s;
}

static cJSON *field_schema(struct buf *todo, const struct field *f)
{
	static const struct form names = { .kind = FORM_TEXT | FORM_LIST, .item = &spec_text_form };
	cJSON *s;

	if (f->type == FIELD_OTHER || f->type == FIELD_NAMES)
		return schema_of_form(todo, f->type == FIELD_NAMES ? &names : f->form);
	s = cJSON_CreateObject();
	switch (f->type) {
	case FIELD_TEXT:
		return add_text(s, NULL);
	case FIELD_BOOL:
		return add_bool(s);
	case FIELD_INT:
		return add_number(s, "integer", f->min, f->max);
	case FIELD_NUMBER:
		return add_number(s, "number", f->min, f->max);
	case FIELD_DURATION:
		return add_text(s, "^[0-9]{1,9}(\\.[0-9]{1,3})?(ms|s|m|h)$");
	case FIELD_CHOICE:
		return add_enum(s, f->choice);
	case FIELD_NAMES:
	case FIELD_OTHER:
		break;
	}
	return s;
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

static void add_fields(struct buf *todo, cJSON *s, const struct form *f)
{
	cJSON *properties = cJSON_AddObjectToObject(s, "properties");
	cJSON *required = cJSON_CreateArray(), *one_of = cJSON_CreateArray();

	for (const struct field *field = f->field; field && field->key; field++) {
		cJSON *one;

		if (is_without(f, field->key))
			continue;
		one = field_schema(todo, field);
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
static void add_map(struct buf *todo, cJSON *s, const struct form *f, bool is_any)
{
	cJSON_AddStringToObject(s, "type", "object");
	if (f->field)
		add_fields(todo, s, f);
	if (f->key_pattern)
		add_text(cJSON_AddObjectToObject(s, "propertyNames"), f->key_pattern);
	if (is_any)
		cJSON_AddItemToObject(s, "additionalProperties", schema_of_form(todo, f->value));
	else
		cJSON_AddFalseToObject(s, "additionalProperties");
	if (is_any && f->is_filled)
		cJSON_AddNumberToObject(s, "minProperties", 1);
}

static void add_list(struct buf *todo, cJSON *s, const struct form *f)
{
	cJSON_AddStringToObject(s, "type", "array");
	cJSON_AddItemToObject(s, "items", schema_of_form(todo, f->item));
	if (f->is_filled)
		cJSON_AddNumberToObject(s, "minItems", 1);
}

/* One of the form's kinds. */
static void add_kind(struct buf *todo, cJSON *s, const struct form *f, enum form_kind kind)
{
	switch (kind) {
	case FORM_TEXT:
		add_text(s, f->pattern);
		break;
	case FORM_BOOL:
		add_bool(s);
		break;
	case FORM_INT:
		add_number(s, "integer", f->min, f->max);
		break;
	case FORM_NUMBER:
		add_number(s, "number", f->min, f->max);
		break;
	case FORM_LIST:
		add_list(todo, s, f);
		break;
	case FORM_MAP:
	case FORM_ANY:
		add_map(todo, s, f, kind == FORM_ANY);
		break;
	}
}

static void fill(struct buf *todo, cJSON *s, const struct form *f)
{
	cJSON *any;

	if (!(f->kind & (f->kind - 1))) {
		add_kind(todo, s, f, (enum form_kind)f->kind);
		return;
	}
	any = cJSON_AddArrayToObject(s, "anyOf");
	for (unsigned kind = 1; kind <= f->kind; kind <<= 1) {
		cJSON *one;

		if (!(f->kind & kind))
			continue;
		one = cJSON_CreateObject();
		add_kind(todo, one, f, (enum form_kind)kind);
		cJSON_AddItemToArray(any, one);
	}
}

void spec_schema(struct buf *out)
{
	static const struct form whole = { .kind = FORM_MAP, .field = spec_fields };
	CLEAN_BUF struct buf todo = BUF(1 << 20);
	CLEAN_JSON cJSON *s = cJSON_CreateObject();
	cJSON *either;
	char *text;

	cJSON_AddStringToObject(s, "$schema", "https://json-schema.org/draft/2020-12/schema");
	cJSON_AddStringToObject(s, "title", "A spec of sandbatch");
	fill(&todo, s, &whole);
	for (size_t i = 0; i * sizeof(struct todo) < todo.len; i++) {
		struct todo next;

		memcpy(&next, todo.data + i * sizeof(next), sizeof(next));
		fill(&todo, next.schema, next.form);
	}
	either = cJSON_AddArrayToObject(s, "anyOf");
	add_choice(either, "jobs");
	add_choice(either, "include_spec");
	text = cJSON_Print(s);
	if (!text)
		abort();
	buf_puts(out, text);
	buf_puts(out, "\n");
	cJSON_free(text);
}
