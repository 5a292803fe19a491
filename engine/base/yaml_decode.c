/* Mappings into structs, by tables of fields. */
#include "base/yaml.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#define MAX_FIELDS 64

static bool is_text(const struct node *n, const char *s)
{
	return n->len == strlen(s) && !memcmp(n->text, s, n->len);
}

const struct node *yaml_get(const struct node *map, const char *key)
{
	for (size_t i = 0; map->kind == NODE_MAP && i < map->n; i++)
		if (is_text(map->key[i], key))
			return map->item[i];
	return NULL;
}

bool yaml_is_null(const struct node *n)
{
	return n->kind == NODE_SCALAR && n->is_plain &&
	       (n->len == 0 || is_text(n, "~") || is_text(n, "null"));
}

bool parse_int(const char *text, size_t len, int64_t *out)
{
	bool is_negative = len > 0 && text[0] == '-';
	size_t i = is_negative;
	int64_t v = 0;

	if (i == len)
		return false;
	for (; i < len; i++) {
		int digit = text[i] - '0';

		if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, is_negative ? -digit : digit, &v))
			return false;
	}
	*out = v;
	return true;
}

bool parse_number(const char *text, size_t len, double *out)
{
	static const char allowed[] = "0123456789.eE+-";
	char copy[64], *end;
	double v;

	if (len == 0 || len >= sizeof(copy) || (text[0] != '.' && !isdigit((unsigned char)*text)))
		return false;
	memcpy(copy, text, len);
	copy[len] = 0;
	if (strspn(copy, allowed) != len)
		return false;
	v = strtod(copy, &end);
	if (*end || !isfinite(v))
		return false;
	*out = v;
	return true;
}

/* The number in front, in thousandths; returns where it ends, 0 if there is none. */
static size_t parse_thousandths(const char *s, size_t len, int64_t *out)
{
	size_t digits = 0, i = 0;
	int64_t v = 0;
	bool is_fraction = false;

	for (; i < len && (isdigit((unsigned char)s[i]) || (s[i] == '.' && !is_fraction)); i++) {
		if (s[i] == '.') {
			is_fraction = true;
			digits = 0;
			continue;
		}
		if (++digits > (is_fraction ? 3 : 9))
			return 0;
		v = v * 10 + (s[i] - '0');
	}
	if (digits == 0 || s[0] == '.')
		return 0;
	for (size_t k = is_fraction ? digits : 0; k < 3; k++)
		v *= 10;
	*out = v;
	return i;
}

bool parse_duration(const char *text, size_t len, int64_t *out)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
	int64_t v;
	size_t n = parse_thousandths(text, len, &v);

	for (size_t i = 0; n && i < sizeof(units) / sizeof(units[0]); i++) {
		if (len - n != strlen(units[i].name) ||
		    memcmp(text + n, units[i].name, len - n) != 0)
			continue;
		*out = v * units[i].ms / 1000;
		return v * units[i].ms % 1000 == 0;
	}
	return false;
}

/* Text without NUL, which a C string would lose; empty and plain is nothing at all. */
static const char *read_name(struct yaml *y, const struct node *n)
{
	if (n->kind != NODE_SCALAR || (n->is_plain && n->len == 0))
		yaml_mistake(y, n->mark, "%s must be text, not %s", y->key, yaml_found(y, n));
	else if (memchr(n->text, 0, n->len))
		yaml_mistake(y, n->mark, "%s must not hold a NUL byte", y->key);
	else
		return n->text;
	return NULL;
}

static void decode_text(struct yaml *y, const struct node *n, const char **slot)
{
	const char *s = read_name(y, n);

	if (s)
		*slot = s;
}

static void decode_bool(struct yaml *y, const struct node *n, bool *slot)
{
	bool is_true = n->kind == NODE_SCALAR && is_text(n, "true");

	if (is_true || (n->kind == NODE_SCALAR && is_text(n, "false")))
		*slot = is_true;
	else
		yaml_mistake(y, n->mark, "%s must be true or false, not %s", y->key,
			     yaml_found(y, n));
}

/* "1", "at least 1 MB", "1 to 900 seconds" */
static const char *range_words(struct yaml *y, const struct field *f)
{
	const char *unit = f->unit ? f->unit : "", *gap = f->unit ? " " : "";

	if (f->min == f->max)
		return arena_printf(y->arena, "%lld%s%s", (long long)f->min, gap, unit);
	if (f->max == INT64_MAX)
		return arena_printf(y->arena, "at least %lld%s%s", (long long)f->min, gap, unit);
	return arena_printf(y->arena, "%lld to %lld%s%s", (long long)f->min, (long long)f->max, gap,
			    unit);
}

static void decode_int(struct yaml *y, const struct node *n, const struct field *f, int64_t *slot)
{
	int64_t v;

	if (n->kind == NODE_SCALAR && parse_int(n->text, n->len, &v) && v >= f->min && v <= f->max)
		*slot = v;
	else
		yaml_mistake(y, n->mark, "%s must be %s, not %s", f->key, range_words(y, f),
			     yaml_found(y, n));
}

static void decode_number(struct yaml *y, const struct node *n, const struct field *f, double *slot)
{
	double v;

	if (n->kind == NODE_SCALAR && parse_number(n->text, n->len, &v) && v >= (double)f->min)
		*slot = v;
	else
		yaml_mistake(y, n->mark, "%s must be a number from %lld on, not %s", f->key,
			     (long long)f->min, yaml_found(y, n));
}

/* "500ms", "2s", "1m", "24h": as it would be written. */
static const char *duration_words(struct yaml *y, int64_t ms)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = { { "h", 3600000 }, { "m", 60000 }, { "s", 1000 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (ms && ms % units[i].ms == 0)
			return arena_printf(y->arena, "%lld%s", (long long)(ms / units[i].ms),
					    units[i].name);
	return arena_printf(y->arena, "%lldms", (long long)ms);
}

static void decode_duration(struct yaml *y, const struct node *n, const struct field *f,
			    int64_t *slot)
{
	int64_t v;

	if (n->kind != NODE_SCALAR || !parse_duration(n->text, n->len, &v))
		yaml_mistake(y, n->mark, "%s must be a duration such as 500ms, 2s or 1m, not %s",
			     f->key, yaml_found(y, n));
	else if (v < f->min || v > f->max)
		yaml_mistake(y, n->mark, "%s must be %s to %s, not %s", f->key,
			     duration_words(y, f->min), duration_words(y, f->max),
			     yaml_found(y, n));
	else
		*slot = v;
}

/* "a", "a or b", "a, b or c" */
static const char *choice_words(struct yaml *y, const char *const *choice)
{
	const char *words = choice[0];

	for (size_t i = 1; choice[0] && choice[i]; i++)
		words = arena_printf(y->arena, "%s%s%s", words, choice[i + 1] ? ", " : " or ",
				     choice[i]);
	return words;
}

static void decode_choice(struct yaml *y, const struct node *n, const struct field *f, int *slot)
{
	for (int i = 0; n->kind == NODE_SCALAR && f->choice[i]; i++) {
		if (is_text(n, f->choice[i])) {
			*slot = i;
			return;
		}
	}
	yaml_mistake(y, n->mark, "%s must be %s, not %s", f->key, choice_words(y, f->choice),
		     yaml_found(y, n));
}

static void decode_names(struct yaml *y, const struct node *n, struct names *slot)
{
	const struct node *const *item =
		n->kind == NODE_LIST ? (const struct node *const *)n->item : &n;
	size_t nitem = n->kind == NODE_LIST ? n->n : 1;
	struct names out = { ARENA_NEW(y->arena, nitem, const char *), 0 };

	if (n->kind == NODE_MAP || yaml_is_null(n)) {
		yaml_mistake(y, n->mark, "%s must be a list of names, not %s", y->key,
			     yaml_found(y, n));
		return;
	}
	for (size_t i = 0; i < nitem; i++) {
		const char *s = read_name(y, item[i]);

		if (s)
			out.item[out.n++] = s;
	}
	*slot = out;
}

static void decode_field(struct yaml *y, const struct node *n, const struct field *f, void *slot,
			 void *ctx)
{
	const char *outer = y->key;

	y->key = f->key;
	switch (f->type) {
	case FIELD_TEXT:
		decode_text(y, n, slot);
		break;
	case FIELD_BOOL:
		decode_bool(y, n, slot);
		break;
	case FIELD_INT:
		decode_int(y, n, f, slot);
		break;
	case FIELD_NUMBER:
		decode_number(y, n, f, slot);
		break;
	case FIELD_DURATION:
		decode_duration(y, n, f, slot);
		break;
	case FIELD_CHOICE:
		decode_choice(y, n, f, slot);
		break;
	case FIELD_NAMES:
		decode_names(y, n, slot);
		break;
	case FIELD_OTHER:
		f->read(y, n, slot, ctx);
		break;
	}
	y->key = outer;
}

static const struct field *find_field(const struct field *field, const struct node *key)
{
	for (; field->key; field++)
		if (is_text(key, field->key))
			return field;
	return NULL;
}

static void tell_unknown(struct yaml *y, const struct node *key, const char *what,
			 const struct field *field)
{
	const char *names[MAX_FIELDS + 1] = { NULL }, *nearest;

	for (size_t i = 0; field[i].key; i++)
		names[i] = field[i].key;
	nearest = yaml_nearest(key->text, names);
	if (nearest)
		yaml_mistake(y, key->mark, "unknown key %s in %s; did you mean '%s'?",
			     key->len ? yaml_found(y, key) : "''", what, nearest);
	else
		yaml_mistake(y, key->mark, "unknown key %s in %s",
			     key->len ? yaml_found(y, key) : "''", what);
}

void yaml_decode(struct yaml *y, const struct node *map, const char *what,
		 const struct field *field, void *object, void *ctx)
{
	bool is_seen[MAX_FIELDS] = { false };

	if (!map || map->kind != NODE_MAP) {
		if (map || y->nmistake == 0)
			yaml_mistake(y, map ? map->mark : (struct mark){ 0 },
				     "%s must be a mapping, not %s", what,
				     map ? yaml_found(y, map) : "nothing");
		return;
	}
	for (size_t i = 0; i < map->n; i++) {
		const struct field *f = find_field(field, map->key[i]);

		if (!f) {
			tell_unknown(y, map->key[i], what, field);
			continue;
		}
		assert(f - field < MAX_FIELDS);
		is_seen[f - field] = true;
		decode_field(y, map->item[i], f, (char *)object + f->at, ctx);
	}
	for (size_t i = 0; field[i].key; i++)
		if (field[i].is_required && !is_seen[i])
			yaml_mistake(y, map->mark, "%s needs '%s'", what, field[i].key);
}
