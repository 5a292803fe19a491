#include "check/diff.h"

#define WINDOW  64 /* lines of each side that are compared */
#define CONTEXT 2
#define RUN     6 /* lines with one mark that are shown together */

struct line {
	const char *s;
	size_t len;
};

/* One line of a diff: ' ', '-' or '+'. */
struct step {
	char mark;
	struct line line;
	size_t number; /* in the wanted text; of '+', where it would stand */
	bool is_spot;  /* the line of the first difference */
};

/* The lines that are compared; common[i][j] is how many want[i..] and found[j..] have in common. */
struct window {
	struct line want[WINDOW], found[WINDOW];
	size_t nwant, nfound;
	size_t first; /* line number of want[0] */
	unsigned char common[WINDOW + 1][WINDOW + 1];
	struct step step[2 * WINDOW];
	size_t nstep;
};

struct spot spot_at(struct bytes text, size_t offset)
{
	struct spot at = { .offset = offset, .line = 1, .column = 1 };
	const char *p = text.data, *end = text.data + offset;
	uint32_t cp;

	while (offset && (p = memchr(p, '\n', (size_t)(end - p)))) {
		at.line++;
		p++;
		at.line_start = (size_t)(p - text.data);
	}
	for (size_t i = at.line_start; i < offset; at.column++)
		i += check_char(text.data + i, offset - i, &cp);
	return at;
}

/* Back from the middle of a character of UTF-8 to its start. */
static size_t char_start(struct bytes text, size_t offset)
{
	uint32_t cp;

	for (size_t back = 1; back < 4 && back <= offset; back++)
		if (check_char(text.data + offset - back, text.len - offset + back, &cp) > back)
			return offset - back;
	return offset;
}

struct spot spot_of_difference(struct bytes want, struct bytes found)
{
	size_t max = want.len < found.len ? want.len : found.len;
	size_t n = 0;

	while (n < max && want.data[n] == found.data[n])
		n++;
	if (n < want.len)
		n = char_start(want, n);
	return spot_at(found, n);
}

size_t line_len(struct bytes text, size_t start)
{
	const char *end;

	if (start >= text.len)
		return 0;
	end = memchr(text.data + start, '\n', text.len - start);
	return end ? (size_t)(end - text.data) - start : text.len - start;
}

/* How many bytes of at most n the next nchar characters take. */
static size_t skip_chars(const char *s, size_t n, size_t nchar)
{
	size_t i = 0;
	uint32_t cp;

	while (i < n && nchar-- > 0)
		i += check_char(s + i, n - i, &cp);
	return i;
}

/* The part of a line that is shown around the byte at: all, or from a little before it. */
static void cut(const char *s, size_t n, size_t at, size_t *from, size_t *len)
{
	*from = 0;
	*len = n;
	if (skip_chars(s, n, SHOWN_WIDTH) == n)
		return;
	if (skip_chars(s, at, SHOWN_WIDTH - 24) < at) {
		*from = at - 60;
		while (*from < at - 56 && ((unsigned char)s[*from] & 0xc0) == 0x80)
			(*from)++;
	}
	*len = skip_chars(s + *from, n - *from, SHOWN_WIDTH);
}

void show_line(struct buf *b, const char *s, size_t n, size_t at)
{
	size_t from, len;

	cut(s, n, at, &from, &len);
	buf_puts(b, from ? "..." : "");
	check_show(b, s + from, len, SHOW_EXACT);
	buf_puts(b, from + len < n ? "..." : "");
	buf_puts(b, "\n");
}

size_t show_line_at(struct buf *b, const char *label, struct bytes text, const struct spot *at)
{
	size_t n = line_len(text, at->line_start), in_line = at->offset - at->line_start;
	size_t from, len, start, columns;

	buf_puts(b, label);
	start = b->len;
	cut(text.data + at->line_start, n, in_line, &from, &len);
	buf_puts(b, from ? "..." : "");
	check_show(b, text.data + at->line_start + from, in_line - from, SHOW_EXACT);
	columns = check_width(buf_text(b) + start, b->len - start);
	check_show(b, text.data + at->offset, from + len - in_line, SHOW_EXACT);
	if (at->offset == text.len)
		buf_puts(b, "<end of text>");
	else if (at->offset == at->line_start + n)
		buf_puts(b, "\\n");
	buf_puts(b, from + len < n ? "...\n" : "\n");
	return columns;
}

void show_caret(struct buf *b, size_t columns)
{
	buf_printf(b, "%*s^\n", (int)columns, "");
}

void show_head(struct buf *b, struct bytes text, size_t nline)
{
	size_t at = 0, n, more = 0;

	for (size_t i = 1; at < text.len; i++, at += n + 1) {
		n = line_len(text, at);
		more += i > nline;
		if (i > nline)
			continue;
		buf_printf(b, "%4zu | ", i);
		show_line(b, text.data + at, n, 0);
	}
	if (more)
		buf_printf(b, "       ... %zu more line%s\n", more, more == 1 ? "" : "s");
}

/* Lines as split by newlines: the text has lost its final one. */
static size_t take_lines(struct bytes text, size_t at, struct line *line)
{
	size_t n = 0;

	for (; text.len && at <= text.len && n < WINDOW; n++) {
		line[n] = (struct line){ text.data + at, line_len(text, at) };
		at += line[n].len + 1;
	}
	return n;
}

static bool same(const struct line *a, const struct line *b)
{
	return a->len == b->len && !memcmp(a->s, b->s, a->len);
}

static void count_common(struct window *w)
{
	for (size_t i = w->nwant; i-- > 0;)
		for (size_t j = w->nfound; j-- > 0;) {
			unsigned char down = w->common[i + 1][j], right = w->common[i][j + 1];

			if (same(&w->want[i], &w->found[j]))
				w->common[i][j] = (unsigned char)(w->common[i + 1][j + 1] + 1);
			else
				w->common[i][j] = down > right ? down : right;
		}
}

static void make_steps(struct window *w, size_t spot_line)
{
	size_t i = 0, j = 0;

	while (i < w->nwant || j < w->nfound) {
		struct step *s = &w->step[w->nstep++];
		bool both = i < w->nwant && j < w->nfound;

		s->number = w->first + i;
		s->line = i < w->nwant ? w->want[i] : w->found[j];
		if (both && same(&w->want[i], &w->found[j])) {
			s->mark = ' ';
			i++;
			j++;
		} else if (j == w->nfound || (both && w->common[i + 1][j] >= w->common[i][j + 1])) {
			s->mark = '-';
			s->is_spot = w->first + i++ == spot_line;
		} else {
			s->mark = '+';
			s->line = w->found[j];
			s->is_spot = w->first + j++ == spot_line;
		}
	}
}

/* Whether a step is a change or within CONTEXT of one. */
static bool is_shown(const struct window *w, size_t k)
{
	size_t from = k > CONTEXT ? k - CONTEXT : 0;

	for (size_t i = from; i <= k + CONTEXT && i < w->nstep; i++)
		if (w->step[i].mark != ' ')
			return true;
	return false;
}

/* How many steps from k on have its mark. */
static size_t run_len(const struct window *w, size_t k)
{
	size_t n = 1;

	while (k + n < w->nstep && w->step[k + n].mark == w->step[k].mark)
		n++;
	return n;
}

static void show_step(struct buf *b, const struct step *s, const struct spot *at)
{
	buf_printf(b, "%c", s->mark);
	show_line(b, s->line.s, s->line.len, s->is_spot ? at->offset - at->line_start : 0);
}

static void show_steps(struct buf *b, const struct window *w, const struct spot *at)
{
	size_t shown = 0, run = 0, next = SIZE_MAX;

	for (size_t k = 0; k < w->nstep; k++) {
		const struct step *s = &w->step[k];

		run = k && s->mark == s[-1].mark ? run + 1 : 0;
		if (!is_shown(w, k))
			continue;
		if (k != next)
			buf_printf(b, "@@ line %zu @@\n", s->number);
		next = k + 1;
		if (run > RUN)
			continue;
		if (shown++ == SHOWN_LINES) {
			buf_puts(b, "...\n");
			return;
		}
		if (run == RUN && run_len(w, k) > 1)
			buf_printf(b, "%c... %zu more\n", s->mark, run_len(w, k));
		else
			show_step(b, s, at);
	}
}

void show_diff(struct buf *b, struct bytes want, struct bytes found, const struct spot *at)
{
	struct window w = { .first = at->line };
	size_t start = at->line_start;

	while (w.first > 1 && at->line - w.first < CONTEXT) {
		for (start--; start && found.data[start - 1] != '\n';)
			start--;
		w.first--;
	}
	w.nwant = take_lines(want, start, w.want);
	w.nfound = take_lines(found, start, w.found);
	count_common(&w);
	make_steps(&w, at->line);
	show_steps(b, &w, at);
}
