/* How a mistake in a YAML file is told: sentence, source line, caret. */
#include "base/yaml.h"

#include <limits.h>
#include <stdarg.h>

#define MAX_TOLD    100
#define MAX_SHOWN   120 /* characters of a source line */
#define SHOW_BEFORE 60  /* of these, in front of the caret */
#define MAX_NAME    64  /* bytes of a name that yaml_nearest looks at */

/*
 * The character at s: its bytes, and its code point (U+FFFD where it is not UTF-8, RFC 3629).
 */
static size_t utf8_next(const char *s, size_t left, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = (unsigned char)s[0];
	size_t n = c < 0x80 ? 1 : c >= 0xf0 && c < 0xf8 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 0;

	*cp = n == 1 ? c : c & (0x7fu >> n);
	if (n == 0 || n > left || c >= 0xf8) {
		*cp = 0xfffd;
		return 1;
	}
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80) {
			*cp = 0xfffd;
			return 1;
		}
		*cp = *cp << 6 | ((unsigned char)s[i] & 0x3f);
	}
	if (n > 1 && *cp < least[n])
		*cp = 0xfffd;
	return n;
}

/* Columns that a terminal gives a character; the ranges of Markus Kuhn's wcwidth.c, shortened. */
static int utf8_width(uint32_t cp)
{
	static const struct {
		uint32_t first, last;
		int width;
	} range[] = {
		{ 0x300, 0x36f, 0 },     { 0x1100, 0x115f, 2 },   { 0x200b, 0x200f, 0 },
		{ 0x20d0, 0x20ff, 0 },   { 0x2e80, 0xa4cf, 2 },   { 0xac00, 0xd7a3, 2 },
		{ 0xf900, 0xfaff, 2 },   { 0xfe00, 0xfe0f, 0 },   { 0xfe30, 0xfe6f, 2 },
		{ 0xfeff, 0xfeff, 0 },   { 0xff00, 0xff60, 2 },   { 0xffe0, 0xffe6, 2 },
		{ 0x1f300, 0x1f64f, 2 }, { 0x1f900, 0x1f9ff, 2 }, { 0x20000, 0x3fffd, 2 },
	};

	for (size_t i = 0; i < sizeof(range) / sizeof(range[0]); i++)
		if (cp >= range[i].first && cp <= range[i].last)
			return range[i].width;
	return 1;
}

/* What would move a terminal's cursor or hide text is not repeated to it. */
static bool is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0xfffd || cp == 0x2028 ||
	       cp == 0x2029 || (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

static void add_char(struct buf *b, const char *s, size_t n, uint32_t cp)
{
	if (is_control(cp) && cp != '\t')
		buf_puts(b, "?");
	else
		buf_add(b, s, n);
}

/* Bytes of the line break at s as libyaml counts lines, or 0. */
static size_t break_length(const char *s, size_t left)
{
	if (left >= 2 && !memcmp(s, "\r\n", 2))
		return 2;
	if (*s == '\n' || *s == '\r')
		return 1;
	if (left >= 2 && !memcmp(s, "\xc2\x85", 2))
		return 2;
	if (left >= 3 && (!memcmp(s, "\xe2\x80\xa8", 3) || !memcmp(s, "\xe2\x80\xa9", 3)))
		return 3;
	return 0;
}

/* The byte that a line starts with; len when there are fewer lines. */
static size_t line_start(const struct yaml *y, uint32_t line)
{
	size_t i = 0;

	for (uint32_t at = 1; at < line && i < y->len;) {
		size_t n = break_length(y->text + i, y->len - i);

		i += n ? n : 1;
		at += n != 0;
	}
	return i;
}

static size_t line_end(const struct yaml *y, size_t i)
{
	while (i < y->len && !break_length(y->text + i, y->len - i))
		i++;
	return i;
}

/* What stands in front of the caret below a character: as wide as that. */
static const char *padding(uint32_t cp)
{
	static const char *const pad[] = { "", " ", "  " };

	if (cp == '\t')
		return "\t";
	return is_control(cp) ? " " : pad[utf8_width(cp)];
}

/* The line, or the part of a long one around the place, and a caret under it. */
static void show_line(const struct yaml *y, struct mark at)
{
	CLEAN_BUF struct buf line = BUF(8L * MAX_SHOWN), pad = BUF(8L * MAX_SHOWN);
	size_t i = line_start(y, at.line), end = line_end(y, i), shown = 0;
	bool is_cut = end - i > MAX_SHOWN && at.col > MAX_SHOWN;

	if (i == end)
		return;
	buf_puts(&line, is_cut ? "  ..." : "  ");
	buf_puts(&pad, is_cut ? "     " : "  ");
	for (uint32_t col = 1; i < end && shown < MAX_SHOWN; col++) {
		uint32_t cp;
		size_t n = utf8_next(y->text + i, end - i, &cp);

		if (!is_cut || col + SHOW_BEFORE > at.col) {
			add_char(&line, y->text + i, n, cp);
			buf_puts(&pad, col < at.col ? padding(cp) : "");
			shown++;
		}
		i += n;
	}
	buf_printf(y->tell, "%s%s\n%s^\n", buf_text(&line), i < end ? "..." : "", buf_text(&pad));
}

void yaml_mistake(struct yaml *y, struct mark at, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	size_t n;

	if (y->nmistake++ >= MAX_TOLD)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (at.line > 0)
		buf_printf(y->tell, "%s:%u:%u: ", y->path, at.line, at.col);
	else
		buf_printf(y->tell, "%s: ", y->path);
	n = strlen(text);
	for (size_t i = 0, k; i < n; i += k) {
		uint32_t cp;

		k = utf8_next(text + i, n - i, &cp);
		add_char(y->tell, text + i, k, cp);
	}
	buf_puts(y->tell, "\n");
	if (at.line > 0)
		show_line(y, at);
}

struct mark yaml_find(const struct yaml *y, struct mark at, const char *needle, size_t nth)
{
	struct mark m = at;
	size_t i = line_start(y, at.line), n = strlen(needle), skip = at.col - 1;
	uint32_t cp;

	m.col = 1;
	while (i < y->len) {
		size_t nbreak = break_length(y->text + i, y->len - i);

		if (skip == 0 && y->len - i >= n && !memcmp(y->text + i, needle, n) && nth-- == 0)
			return m;
		skip -= skip > 0;
		m = nbreak ? (struct mark){ m.line + 1, 1 } : (struct mark){ m.line, m.col + 1 };
		i += nbreak ? nbreak : utf8_next(y->text + i, y->len - i, &cp);
	}
	return at;
}

bool yaml_finish(struct yaml *y, struct err *e)
{
	if (y->nmistake == 0)
		return true;
	if (y->nmistake > MAX_TOLD)
		buf_printf(y->tell, "... and %u more\n", y->nmistake - MAX_TOLD);
	return err_set(e, ERR_SPEC, "%s: %u mistake%s", y->path, y->nmistake,
		       y->nmistake == 1 ? "" : "s");
}

const char *yaml_found(struct yaml *y, const struct node *n)
{
	static const size_t max = 60;
	size_t len;

	if (n->kind != NODE_SCALAR)
		return n->kind == NODE_LIST ? "a list" : "a mapping";
	if (yaml_is_null(n))
		return "nothing";
	len = n->len;
	if (len <= max)
		return arena_printf(y->arena, "'%s'", n->text);
	for (len = max; len > 0 && ((unsigned char)n->text[len] & 0xc0) == 0x80;)
		len--;
	return arena_printf(y->arena, "'%.*s...'", (int)len, n->text);
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Optimal string alignment: insert, delete, replace, swap neighbours (Damerau 1964). Both <=
 * MAX_NAME. */
static unsigned edit_distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned row[3][MAX_NAME + 1]; /* the rows i, i - 1 and i - 2, by turns */

	for (size_t k = 0; k <= nb; k++)
		row[0][k] = (unsigned)k;
	for (size_t i = 1; i <= na; i++) {
		unsigned *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t k = 1; k <= nb; k++) {
			now[k] =
				min3(up[k] + 1, now[k - 1] + 1, up[k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] &&
			    up2[k - 2] + 1 < now[k])
				now[k] = up2[k - 2] + 1;
		}
	}
	return row[na % 3][nb];
}

const char *yaml_nearest(const char *text, const char *const *names)
{
	size_t n = strlen(text), best = SIZE_MAX;
	const char *nearest = NULL;

	if (n > MAX_NAME)
		return NULL;
	for (; *names; names++) {
		size_t len = strlen(*names), longer = len > n ? len : n, d;
		size_t most = longer < 3 ? 1 : longer / 3;

		if (len > MAX_NAME || longer - (len < n ? len : n) > most)
			continue;
		d = edit_distance(text, n, *names, len);
		if (d <= most && d < best && d < longer) {
			best = d;
			nearest = *names;
		}
	}
	return nearest;
}
