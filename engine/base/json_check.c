#include "base/json_check.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define NUMBER_MAX 63 /* cJSON copies a number into 64 bytes */

/* What may come next. */
enum want {
	WANT_VALUE,
	WANT_FIRST_ITEM, /* or the list's end */
	WANT_FIRST_KEY,  /* or the object's end */
	WANT_KEY,
	WANT_COMMA, /* or the end of the list or object */
	WANT_END,
};

struct scan {
	const unsigned char *s;
	size_t len, at;
	char open[JSON_MAX_DEPTH]; /* '{' or '[' each */
	size_t depth;
	enum want want;
	size_t nvalue, nescape;
	struct json_seen *seen;
	struct err *e;
};

static bool fail(struct scan *s, const char *wanted)
{
	char found[16] = "its end";

	if (s->at < s->len && isgraph(s->s[s->at]))
		snprintf(found, sizeof(found), "'%c'", s->s[s->at]);
	else if (s->at < s->len)
		snprintf(found, sizeof(found), "byte 0x%02x", s->s[s->at]);
	return err_set(s->e, ERR_MALFORMED, "JSON must have %s at byte %zu, not %s", wanted, s->at,
		       found);
}

static int peek(const struct scan *s)
{
	return s->at < s->len ? s->s[s->at] : -1;
}

size_t json_utf8(const unsigned char *s, size_t n, bool *valid)
{
	static const struct {
		unsigned char first, last, second_min, second_max;
		size_t len;
	} form[] = {
		{ 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	size_t row = 0, got = 1;

	while (row < sizeof(form) / sizeof(*form) && s[0] > form[row].last)
		row++;
	*valid = false;
	if (row == sizeof(form) / sizeof(*form) || s[0] < form[row].first)
		return 1;
	if (form[row].len > 1) {
		if (n < 2 || s[1] < form[row].second_min || s[1] > form[row].second_max)
			return 1;
		got = 2;
	}
	while (got < form[row].len && got < n && (s[got] & 0xc0) == 0x80)
		got++;
	*valid = got == form[row].len;
	return got;
}

/* The four hex digits of an escape, or -1. */
static long hex4(const struct scan *s, size_t at)
{
	long value = 0;

	if (s->len - at < 4)
		return -1;
	for (size_t i = 0; i < 4; i++) {
		int c = tolower(s->s[at + i]);

		if (!isxdigit(c))
			return -1;
		value = value * 16 + (c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return value;
}

/* Behind \u: one escape, or the two of a pair (RFC 8259, 7). */
static bool scan_unicode(struct scan *s)
{
	long first = hex4(s, s->at), second = -1;

	if (first < 0)
		return fail(s, "four hexadecimal digits");
	s->seen->nnul += first == 0;
	if (first < 0xd800 || first > 0xdfff) {
		s->at += 4;
		return true;
	}
	if (first < 0xdc00 && s->len - s->at >= 10 && s->s[s->at + 4] == '\\' &&
	    s->s[s->at + 5] == 'u')
		second = hex4(s, s->at + 6);
	if (second < 0xdc00 || second > 0xdfff)
		return fail(s, "both halves of a surrogate pair");
	s->at += 10;
	return true;
}

static bool scan_escape(struct scan *s)
{
	int c;

	s->at++;
	s->nescape++;
	c = peek(s);
	if (c < 0 || c == 0 || !strchr("\"\\/bfnrtu", c))
		return fail(s, "an escape (\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u)");
	s->at++;
	return c != 'u' || scan_unicode(s);
}

size_t json_plain(const unsigned char *s, size_t n)
{
	const uint64_t ones = 0x0101010101010101, highs = ones * 0x80;
	uint64_t w, quote, slash;
	size_t at = 0;

	for (; n - at >= 8; at += 8) {
		memcpy(&w, s + at, 8);
		quote = w ^ (ones * '"');
		slash = w ^ (ones * '\\');
		/* A zero byte in quote or slash, a byte under 0x20 or over 0x7f in w. */
		if ((((quote - ones) & ~quote) | ((slash - ones) & ~slash) | (w - ones * 0x20) |
		     w) &
		    highs)
			break;
	}
	return at;
}

static bool scan_string(struct scan *s)
{
	bool valid;
	int c;

	s->at++;
	for (;;) {
		s->at += json_plain(s->s + s->at, s->len - s->at);
		c = peek(s);
		if (c < 0)
			return fail(s, "the closing '\"' of a string");
		if (c == '"') {
			s->at++;
			return true;
		}
		if (c == '\\') {
			if (!scan_escape(s))
				return false;
			continue;
		}
		if (c < 0x20)
			return fail(s, "control characters escaped in a string");
		s->at += json_utf8(s->s + s->at, s->len - s->at, &valid);
		if (!valid)
			return err_set(s->e, ERR_MALFORMED,
				       "JSON must be UTF-8, which it is not before byte %zu",
				       s->at);
	}
}

static size_t scan_digits(struct scan *s)
{
	size_t from = s->at;

	while (s->at < s->len && isdigit(s->s[s->at]))
		s->at++;
	return s->at - from;
}

static bool scan_number(struct scan *s)
{
	size_t from = s->at;

	s->at += peek(s) == '-';
	if (peek(s) == '0')
		s->at++;
	else if (scan_digits(s) == 0)
		return fail(s, "a digit");
	if (peek(s) == '.') {
		s->at++;
		if (scan_digits(s) == 0)
			return fail(s, "a digit");
	}
	if (peek(s) == 'e' || peek(s) == 'E') {
		s->at++;
		s->at += peek(s) == '+' || peek(s) == '-';
		if (scan_digits(s) == 0)
			return fail(s, "a digit");
	}
	if (s->at - from > NUMBER_MAX)
		return err_set(s->e, ERR_MALFORMED,
			       "the number at byte %zu of the JSON must have at most %d characters",
			       from, NUMBER_MAX);
	return true;
}

static bool scan_word(struct scan *s)
{
	static const char *const word[] = { "true", "false", "null" };

	for (size_t i = 0; i < sizeof(word) / sizeof(*word); i++) {
		size_t n = strlen(word[i]);

		if (s->len - s->at >= n && !memcmp(s->s + s->at, word[i], n)) {
			s->at += n;
			return true;
		}
	}
	return fail(s, "a value");
}

static bool open_one(struct scan *s)
{
	char c = (char)s->s[s->at];

	if (s->depth == JSON_MAX_DEPTH)
		return err_set(s->e, ERR_MALFORMED,
			       "JSON must nest at most %d deep, which it exceeds at byte %zu",
			       JSON_MAX_DEPTH, s->at);
	s->at++;
	s->open[s->depth++] = c;
	s->want = c == '{' ? WANT_FIRST_KEY : WANT_FIRST_ITEM;
	return true;
}

static bool after_value(struct scan *s)
{
	s->want = s->depth > 0 ? WANT_COMMA : WANT_END;
	return true;
}

static bool close_one(struct scan *s)
{
	s->at++;
	s->depth--;
	return after_value(s);
}

static bool scan_text(struct scan *s)
{
	const size_t nescape = s->nescape;
	struct json_long l = { .at = s->at + 1, .nth = s->nvalue };

	if (!scan_string(s))
		return false;
	l.len = s->at - 1 - l.at;
	if (l.len >= JSON_LONG_LEAST && s->nescape == nescape && s->seen->nlong < JSON_LONG_MAX)
		s->seen->longs[s->seen->nlong++] = l;
	return true;
}

static bool scan_value(struct scan *s)
{
	int c = peek(s);
	bool ok;

	if (++s->nvalue > JSON_MAX_VALUES)
		return err_set(s->e, ERR_MALFORMED, "JSON must have at most %d values",
			       JSON_MAX_VALUES);
	if (c == '{' || c == '[')
		return open_one(s);
	if (c == '"')
		ok = scan_text(s);
	else if (c == '-' || (c >= '0' && c <= '9'))
		ok = scan_number(s);
	else
		ok = scan_word(s);
	return ok && after_value(s);
}

static void skip_space(struct scan *s)
{
	while (s->at < s->len && s->s[s->at] && strchr(" \t\n\r", s->s[s->at]))
		s->at++;
}

static bool scan_key(struct scan *s)
{
	if (peek(s) != '"')
		return fail(s, "a key in quotes");
	if (!scan_string(s))
		return false;
	skip_space(s);
	if (peek(s) != ':')
		return fail(s, "':' after a key");
	s->at++;
	s->want = WANT_VALUE;
	return true;
}

static bool scan_comma(struct scan *s)
{
	bool is_object = s->open[s->depth - 1] == '{';

	if (peek(s) == (is_object ? '}' : ']'))
		return close_one(s);
	if (peek(s) != ',')
		return fail(s, is_object ? "',' or '}'" : "',' or ']'");
	s->at++;
	s->want = is_object ? WANT_KEY : WANT_VALUE;
	return true;
}

static bool step(struct scan *s)
{
	switch (s->want) {
	case WANT_FIRST_ITEM:
		if (peek(s) == ']')
			return close_one(s);
		return scan_value(s);
	case WANT_VALUE:
		return scan_value(s);
	case WANT_FIRST_KEY:
		if (peek(s) == '}')
			return close_one(s);
		return scan_key(s);
	case WANT_KEY:
		return scan_key(s);
	case WANT_COMMA:
		return scan_comma(s);
	case WANT_END:
		break;
	}
	return fail(s, "nothing more");
}

bool json_check(const char *text, size_t len, struct json_seen *seen, struct err *e)
{
	struct scan s = { .s = (const unsigned char *)text, .len = len, .seen = seen, .e = e };

	*seen = (struct json_seen){ 0 };
	for (;;) {
		skip_space(&s);
		if (s.want == WANT_END && s.at == s.len)
			return true;
		if (!step(&s))
			return false;
	}
}
