#include "check/check.h"

/* Code points from first to last. */
struct range {
	uint32_t first, last;
};

/* What has no shape of its own or changes how its neighbours are shown: C0, C1, zero width, bidi,
 * tags. */
static const struct range hidden[] = {
	{ 0x00, 0x1f },     { 0x7f, 0x9f },     { 0xad, 0xad },       { 0x61c, 0x61c },
	{ 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e },   { 0x2060, 0x206f },
	{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
};

/* The common blocks of Unicode's EastAsianWidth.txt (W and F) and of emoji. */
static const struct range wide[] = {
	{ 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },   { 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },   { 0xffe0, 0xffe6 },
	{ 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
};

static const struct range combining[] = {
	{ 0x300, 0x36f },   { 0x1ab0, 0x1aff }, { 0x20d0, 0x20ff },
	{ 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
};

#define IN(table, cp) is_in(table, sizeof(table) / sizeof((table)[0]), cp)

static bool is_in(const struct range *r, size_t n, uint32_t cp)
{
	for (size_t i = 0; i < n; i++)
		if (cp >= r[i].first && cp <= r[i].last)
			return true;
	return false;
}

/* Length that a lead byte announces and its bits of the code point; 0: not a lead byte. */
static size_t lead(unsigned char c, uint32_t *bits, uint32_t *least)
{
	static const struct {
		unsigned char mask, value;
		uint32_t least;
	} row[] = { { 0x80, 0x00, 0 },
		    { 0xe0, 0xc0, 0x80 },
		    { 0xf0, 0xe0, 0x800 },
		    { 0xf8, 0xf0, 0x10000 } };

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		if ((c & row[i].mask) == row[i].value) {
			*bits = (unsigned char)(c & ~row[i].mask);
			*least = row[i].least;
			return i + 1;
		}
	return 0;
}

size_t check_char(const char *s, size_t n, uint32_t *cp)
{
	uint32_t value = 0, least = 0;
	size_t len = lead((unsigned char)s[0], &value, &least);

	*cp = CHECK_NOT_UTF8;
	if (!len || len > n)
		return 1;
	for (size_t i = 1; i < len; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 1;
		value = value << 6 | ((unsigned char)s[i] & 0x3f);
	}
	if (value < least || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 1;
	*cp = value;
	return len;
}

static void show_escape(struct buf *b, uint32_t cp, unsigned char byte)
{
	static const char names[] = { [0x09] = 't', [0x0a] = 'n', [0x0d] = 'r' };

	if (cp < sizeof(names) && names[cp])
		buf_printf(b, "\\%c", names[cp]);
	else if (cp < 0x80 || cp == CHECK_NOT_UTF8)
		buf_printf(b, "\\x%02x", byte);
	else
		buf_printf(b, "\\u{%x}", cp);
}

void check_show(struct buf *b, const char *s, size_t n, enum show as)
{
	size_t start = b->len, len;
	uint32_t cp;

	if (as == SHOW_SAFE && n && s[n - 1] == '\r')
		n--;
	for (size_t i = 0; i < n; i += len) {
		len = check_char(s + i, n - i, &cp);
		if (cp == '\t' && as == SHOW_SAFE)
			buf_printf(b, "%*s", 8 - (int)((b->len - start) % 8), "");
		else if (cp == '\\' && as == SHOW_EXACT)
			buf_puts(b, "\\\\");
		else if (cp == CHECK_NOT_UTF8 || IN(hidden, cp))
			show_escape(b, cp, (unsigned char)s[i]);
		else
			buf_add(b, s + i, len);
	}
}

size_t check_width(const char *shown, size_t n)
{
	size_t width = 0;
	uint32_t cp;

	for (size_t i = 0; i < n;) {
		i += check_char(shown + i, n - i, &cp);
		if (!IN(combining, cp))
			width += IN(wide, cp) ? 2 : 1;
	}
	return width;
}
