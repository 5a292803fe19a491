#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_check.h"
#include "base/map.h"
#include "base/mem.h"

#define REPLACEMENT  "\xef\xbf\xbd"     /* U+FFFD */
#define EXACT_INT    9007199254740991.0 /* 2^53 - 1: above it doubles skip integers */
#define SHOWN_STRING 40
#define SHORT        64 /* bytes of a string that is quoted in one piece: most keys and words */

void json_free(cJSON **value)
{
	cJSON_Delete(*value);
	*value = NULL;
}

/* No key twice in this object; keys as they are meant, not as they were escaped. */
static bool check_keys(const cJSON *object, struct err *e)
{
	CLEAN_MAP struct map seen = { 0 };
	char shown[JSON_FOUND];

	if (!object->child || !object->child->next)
		return true;
	for (cJSON *c = object->child; c; c = c->next) {
		if (!map_set(&seen, c->string, strlen(c->string), c))
			continue;
		json_found(&(cJSON){ .type = cJSON_String, .valuestring = c->string }, shown);
		return err_set(e, ERR_MALFORMED,
			       "JSON must have each key once in an object, not %s twice", shown);
	}
	return true;
}

/* Goes through all values, in the order of the text. Their depth is bounded, so the way back up
 * fits an array. */
struct walk {
	cJSON *at, *above[JSON_MAX_DEPTH + 1];
	size_t depth;
};

static void walk_on(struct walk *w)
{
	if (w->at->child) {
		w->above[w->depth++] = w->at;
		w->at = w->at->child;
		return;
	}
	while (!w->at->next && w->depth > 0)
		w->at = w->above[--w->depth];
	w->at = w->depth > 0 ? w->at->next : NULL;
}

static bool check_all_keys(cJSON *root, struct err *e)
{
	for (struct walk w = { .at = root }; w.at; walk_on(&w))
		if (cJSON_IsObject(w.at) && !check_keys(w.at, e))
			return false;
	return true;
}

/* \u0000 becomes \ufffd, so that cJSON's strings do not end early. */
static void replace_nul(char *text, size_t len)
{
	for (char *at = memchr(text, '\\', len); at;
	     at = memchr(at, '\\', len - (size_t)(at - text))) {
		if (!strncmp(at, "\\u0000", 6))
			memcpy(at + 2, (const char[]){ 'f', 'f', 'f', 'd' }, 4);
		at += 2; /* the second byte may be a backslash, too */
	}
}

/* The text, without what its long strings hold. */
static char *copy_short(const char *text, size_t *len, const struct json_seen *seen)
{
	char *copy, *to;
	size_t from = 0, cut = 0;

	for (size_t i = 0; i < seen->nlong; i++)
		cut += seen->longs[i].len;
	copy = to = mem_zalloc(*len - cut + 1, 1);
	for (size_t i = 0; i < seen->nlong; i++) {
		const struct json_long *l = &seen->longs[i];

		memcpy(to, text + from, l->at - from);
		to += l->at - from;
		from = l->at + l->len;
	}
	memcpy(to, text + from, *len - from);
	*len -= cut;
	return copy;
}

static void put_back(cJSON *root, const char *text, const struct json_seen *seen)
{
	const struct json_long *l = seen->longs, *end = l + seen->nlong;
	size_t nth = 1;

	for (struct walk w = { .at = root }; w.at && l < end; walk_on(&w), nth++) {
		if (nth != l->nth)
			continue;
		cJSON_free(w.at->valuestring);
		w.at->valuestring = strndup(text + l->at, l->len);
		if (!w.at->valuestring)
			abort();
		l++;
	}
}

static cJSON *parse_checked(const char *text, size_t len, const struct json_seen *seen)
{
	char *copy;
	cJSON *value;

	if (!seen->nnul && !seen->nlong)
		return cJSON_ParseWithLength(text, len);
	copy = copy_short(text, &len, seen);
	replace_nul(copy, len);
	value = cJSON_ParseWithLength(copy, len);
	free(copy);
	if (value)
		put_back(value, text, seen);
	return value;
}

cJSON *json_parse(const char *text, size_t len, enum json_nul nul, struct err *e)
{
	struct json_seen seen;
	cJSON *value;

	if (!json_check(text, len, &seen, e))
		return NULL;
	if (seen.nnul > 0 && nul == JSON_NUL_REFUSE) {
		err_set(e, ERR_MALFORMED, "JSON must not have the character NUL (\\u0000)");
		return NULL;
	}
	value = parse_checked(text, len, &seen);
	if (!value) {
		err_set(e, ERR_MALFORMED, "JSON of %zu bytes cannot be read", len);
		return NULL;
	}
	if (!check_all_keys(value, e))
		json_free(&value);
	return value;
}

const cJSON *json_get(const cJSON *object, const char *key)
{
	const cJSON *value;

	if (!cJSON_IsObject(object))
		return NULL;
	value = cJSON_GetObjectItemCaseSensitive(object, key);
	return cJSON_IsNull(value) ? NULL : value;
}

/* At most SHOWN_STRING bytes of it, whole characters, in quotes. */
static void found_text(const char *text, char out[JSON_FOUND])
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len = strlen(text), n = 0;
	bool valid, is_cut;

	while (n < len) {
		size_t next = json_utf8(s + n, len - n, &valid);

		if (n + next > SHOWN_STRING)
			break;
		n += next;
	}
	is_cut = n < len;
	snprintf(out, JSON_FOUND, "'%.*s%s'", (int)n, text, is_cut ? "..." : "");
	for (char *at = out; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
}

void json_found(const cJSON *value, char out[JSON_FOUND])
{
	if (cJSON_IsString(value))
		found_text(value->valuestring, out);
	else if (cJSON_IsNumber(value))
		snprintf(out, JSON_FOUND, "%.15g", value->valuedouble);
	else if (cJSON_IsBool(value))
		snprintf(out, JSON_FOUND, "%s", cJSON_IsTrue(value) ? "true" : "false");
	else if (cJSON_IsArray(value))
		snprintf(out, JSON_FOUND, "a list");
	else if (cJSON_IsObject(value))
		snprintf(out, JSON_FOUND, "an object");
	else
		snprintf(out, JSON_FOUND, "null");
}

static bool wrong(const char *key, const char *wanted, const cJSON *value, struct err *e)
{
	char found[JSON_FOUND];

	json_found(value, found);
	return err_set(e, ERR_MALFORMED, "%s must be %s, not %s", key, wanted, found);
}

bool json_get_text(const cJSON *object, const char *key, const char **out, struct err *e)
{
	const cJSON *value = json_get(object, key);

	if (!value)
		return true;
	if (!cJSON_IsString(value))
		return wrong(key, "a string", value, e);
	*out = value->valuestring;
	return true;
}

bool json_get_bool(const cJSON *object, const char *key, bool *out, struct err *e)
{
	const cJSON *value = json_get(object, key);

	if (!value)
		return true;
	if (!cJSON_IsBool(value))
		return wrong(key, "true or false", value, e);
	*out = cJSON_IsTrue(value);
	return true;
}

bool json_get_int(const cJSON *object, const char *key, int64_t min, int64_t max, int64_t *out,
		  struct err *e)
{
	const cJSON *value = json_get(object, key);
	char wanted[80];
	double d;

	if (!value)
		return true;
	d = value->valuedouble;
	if (cJSON_IsNumber(value) && fabs(d) <= EXACT_INT && d == trunc(d) && (int64_t)d >= min &&
	    (int64_t)d <= max) {
		*out = (int64_t)d;
		return true;
	}
	snprintf(wanted, sizeof(wanted), "an integer from %lld to %lld", (long long)min,
		 (long long)max);
	return wrong(key, wanted, value, e);
}

/* Bytes at the start that need neither replacing nor, if in quotes, escaping. */
static size_t clean_length(const unsigned char *s, size_t n, bool is_quoted)
{
	size_t at = 0;
	bool valid;

	while (at < n) {
		size_t step = n - at >= 8 ? json_plain(s + at, n - at) : 0;

		if (step) {
			at += step;
			continue;
		}
		step = 1;
		if (s[at] >= 0x80) {
			step = json_utf8(s + at, n - at, &valid);
			if (!valid)
				break;
		} else if (s[at] == 0 ||
			   (is_quoted && (s[at] < 0x20 || s[at] == '"' || s[at] == '\\'))) {
			break;
		}
		at += step;
	}
	return at;
}

bool json_is_text(const void *data, size_t len)
{
	return clean_length(data, len, false) == len;
}

/* What the bytes at s, which are not clean, become; returns how many they are. */
static size_t mend(const unsigned char *s, size_t n, char out[8])
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *known = *s ? strchr(from, *s) : NULL;
	bool valid;

	if (known) {
		snprintf(out, 8, "\\%c", to[known - from]);
		return 1;
	}
	if (*s && *s < 0x20) {
		snprintf(out, 8, "\\u%04x", *s);
		return 1;
	}
	snprintf(out, 8, "%s", REPLACEMENT);
	return *s ? json_utf8(s, n, &valid) : 1;
}

static bool add_mended(struct buf *b, const unsigned char *s, size_t n, bool is_quoted)
{
	while (n > 0) {
		size_t clean = clean_length(s, n, is_quoted), bad;
		char mended[8];

		if (!buf_add(b, s, clean))
			return false;
		s += clean;
		n -= clean;
		if (n == 0)
			break;
		bad = mend(s, n, mended);
		if (!buf_puts(b, mended))
			return false;
		s += bad;
		n -= bad;
	}
	return true;
}

void json_add_bytes(cJSON *object, const char *key, const void *data, size_t len)
{
	CLEAN_BUF struct buf text = BUF(SIZE_MAX / 4);

	add_mended(&text, data, len, false); /* cannot pass a maximum that no memory has */
	if (!cJSON_AddStringToObject(object, key, buf_text(&text)))
		abort();
}

bool json_quote(struct buf *b, const void *data, size_t len)
{
	char short_one[SHORT + 2];
	size_t before = b->len;

	if (len <= SHORT && clean_length(data, len, true) == len) {
		if (len > 0)
			memcpy(short_one + 1, data, len);
		short_one[0] = short_one[len + 1] = '"';
		return buf_add(b, short_one, len + 2);
	}
	if (buf_puts(b, "\"") && add_mended(b, data, len, true) && buf_puts(b, "\""))
		return true;
	b->len = before; /* nothing added */
	if (b->data)
		b->data[before] = 0;
	return false;
}

bool json_print(const cJSON *value, struct buf *b)
{
	char *text = cJSON_PrintUnformatted(value);
	bool ok;

	if (!text)
		abort();
	ok = buf_puts(b, text);
	cJSON_free(text);
	return ok;
}
