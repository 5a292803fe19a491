#include <inttypes.h>

#include "report/report.h"

#define CELLS_MAX       50 /* shown in detail */
#define BRIEF_MAX       20 /* skipped and cancelled ones */
#define TAIL_LINES      10
#define LINE_MAX_BYTES  4096
#define SAFE_MAX        ((size_t)8 * LINE_MAX_BYTES) /* once it is made safe */
#define VERDICT_COLUMNS 10
#define TIME_COLUMNS    9
#define ID_MAX          40 /* columns that ids are aligned to */

/* Where lines go, and how. */
struct screen {
	struct buf *b;
	bool colour;
	size_t width; /* SIZE_MAX: any */
};

/* How a verdict looks (ECMA-48, SGR), and how it is listed. */
static const struct look {
	const char *sgr;
	enum { LIST_NOT, LIST_BRIEF, LIST_DETAIL } list;
} looks[NVERDICT] = {
	[VERDICT_PASSED] = { "32", LIST_NOT },      [VERDICT_FAILED] = { "31", LIST_DETAIL },
	[VERDICT_ERROR] = { "35", LIST_DETAIL },    [VERDICT_TIMEOUT] = { "31", LIST_DETAIL },
	[VERDICT_CANCELLED] = { "33", LIST_BRIEF }, [VERDICT_SKIPPED] = { "33", LIST_BRIEF },
	[VERDICT_XFAIL] = { "36", LIST_NOT },       [VERDICT_XPASS] = { "31", LIST_DETAIL },
	[VERDICT_FLAKY] = { "31", LIST_DETAIL },
};

#define DIM     "2"
#define PLAIN   NULL
#define ALLOWED "33"

static const char *colour_of(const struct row *r)
{
	return r->is_allowed ? ALLOWED : looks[r->verdict].sgr;
}

/* What passed only when it ran again is worth a line. */
static int list_of(const struct row *r)
{
	return r->verdict == VERDICT_PASSED && r->first ? LIST_BRIEF : (int)looks[r->verdict].list;
}

static void put_coloured(const struct screen *s, const char *sgr, const char *text)
{
	if (s->colour && sgr)
		buf_printf(s->b, "\033[%sm%s\033[0m", sgr, text);
	else
		buf_puts(s->b, text);
}

/* Append what fits into that many columns, "..." where the rest was; returns the columns taken. */
static size_t put_clipped(struct buf *b, const char *text, size_t n, size_t columns)
{
	size_t all = check_width(text, n), at = 0, width = 0, len, w;
	uint32_t cp;

	if (all <= columns) {
		buf_add(b, text, n);
		return all;
	}
	for (; at < n; at += len, width += w) {
		len = check_char(text + at, n - at, &cp);
		w = check_width(text + at, len);
		if (width + w + 3 > columns)
			break;
	}
	buf_add(b, text, at);
	buf_printf(b, "%.*s", columns < 3 ? (int)columns : 3, "...");
	return columns;
}

/* One line of any bytes, made safe, at an indent. Returns the columns taken with the indent. */
static size_t put_safe(const struct screen *s, size_t indent, const char *text, size_t n)
{
	CLEAN_BUF struct buf safe = BUF(SAFE_MAX);
	size_t room = s->width > indent ? s->width - indent : 0;

	buf_printf(s->b, "%*s", (int)indent, "");
	check_show(&safe, text, n < LINE_MAX_BYTES ? n : LINE_MAX_BYTES, SHOW_SAFE);
	return indent + put_clipped(s->b, buf_text(&safe), safe.len, room);
}

static void put_line(const struct screen *s, size_t indent, const char *text, size_t n)
{
	put_safe(s, indent, text, n);
	buf_puts(s->b, "\n");
}

/* How many bytes of safe text fit a line: up to a space if there is one, at least a character. */
static size_t fitting(const char *text, size_t n, size_t columns)
{
	size_t at = 0, width = 0, space = 0, len;
	uint32_t cp;

	for (; at < n; at += len) {
		len = check_char(text + at, n - at, &cp);
		width += check_width(text + at, len);
		if (at && width > columns)
			return space ? space : at;
		if (cp == ' ')
			space = at;
	}
	return n;
}

/* A sentence, on as many lines as it takes. */
static void put_sentence(const struct screen *s, size_t indent, const char *text)
{
	CLEAN_BUF struct buf safe = BUF(SAFE_MAX);
	size_t room = s->width > indent ? s->width - indent : 1, n;
	const char *p;

	check_show(&safe, text, strnlen(text, LINE_MAX_BYTES), SHOW_SAFE);
	for (p = buf_text(&safe); *p; p += strspn(p, " ")) {
		n = fitting(p, strlen(p), room);
		buf_printf(s->b, "%*s%.*s\n", (int)indent, "", (int)n, p);
		p += n;
	}
}

/* Each line of a text. */
static void put_lines(const struct screen *s, size_t indent, const char *text, size_t n)
{
	size_t len;

	for (size_t at = 0; at < n; at += len + 1) {
		const char *end = memchr(text + at, '\n', n - at);

		len = end ? (size_t)(end - text) - at : n - at;
		put_line(s, indent, text + at, len);
	}
}

/* The last lines of a stream, under its name. */
static void put_tail(const struct screen *s, const char *name, struct bytes text)
{
	size_t n = text.len, start, lines = 0;

	while (n && (text.data[n - 1] == '\n' || text.data[n - 1] == ' '))
		n--;
	for (start = n; start; start--)
		if (text.data[start - 1] == '\n' && ++lines == TAIL_LINES)
			break;
	if (!n)
		return;
	buf_puts(s->b, "  ");
	put_coloured(s, DIM, name);
	buf_puts(s->b, "\n");
	if (start)
		put_line(s, 4, "...", 3);
	put_lines(s, 4, text.data + start, n - start);
}

/* Whether the failures show of a stream what there is to see. */
static bool is_shown(const struct row *r, const char *stream, struct bytes text)
{
	const char *end = memchr(text.data, '\n', text.len);
	size_t n = end ? (size_t)(end - text.data) : text.len;

	for (size_t i = 0; i < r->nfailure; i++) {
		const struct failure *f = &r->failure[i];

		if (!strncmp(f->what, stream, strlen(stream)))
			return true;
		if (f->detail && memmem(f->detail, strlen(f->detail), text.data, n))
			return true;
	}
	return false;
}

/* What the program said last: stderr, else stdout. */
static void put_last_words(const struct screen *s, const struct row *r)
{
	if (r->err.len && !is_shown(r, "stderr", r->err))
		put_tail(s, "stderr", r->err);
	else if (!r->err.len && r->out.len && !is_shown(r, "stdout", r->out))
		put_tail(s, "stdout", r->out);
}

/* At most three decimals, and no zeros behind. */
static void put_points(struct buf *b, double points)
{
	char text[400]; /* the largest double has 309 digits */
	int n = snprintf(text, sizeof(text), "%.3f", points);

	while (text[n - 1] == '0')
		n--;
	buf_printf(b, "%.*s", text[n - 1] == '.' ? n - 1 : n, text);
}

/* What else there is to say, behind why: "(after 3 attempts, 2.5 of 5 points, allowed to fail)". */
static void put_notes(struct buf *b, const struct row *r)
{
	const char *before = " (";
	bool is_partial = r->points > 0 && r->points < r->max_points;

	if (r->attempts > 1 && r->verdict != VERDICT_PASSED && r->verdict != VERDICT_FLAKY) {
		buf_printf(b, "%safter %d attempts", before, r->attempts);
		before = ", ";
	}
	if (is_partial) {
		buf_puts(b, before);
		put_points(b, r->points);
		buf_puts(b, " of ");
		put_points(b, r->max_points);
		buf_puts(b, " points");
		before = ", ";
	}
	if (r->is_allowed) {
		buf_printf(b, "%sallowed to fail", before);
		before = ", ";
	}
	buf_puts(b, *before == ',' ? ")" : "");
}

/* Why a cell is listed. Of several failures the first, since the others follow below it. */
static void put_why(struct buf *b, const struct row *r)
{
	bool has_first = r->nfailure && r->verdict != VERDICT_FLAKY;

	buf_puts(b, has_first ? r->failure[0].what : r->reason);
	put_notes(b, r);
}

/* "failed    case[n=15]  exit code 1, wanted 0"; what does not fit follows below. */
static void put_head(const struct screen *s, const struct row *r, size_t width)
{
	CLEAN_BUF struct buf words = BUF(SAFE_MAX);
	const char *why;
	struct screen rest = *s;
	char verdict[16];
	size_t id, at;

	put_why(&words, r);
	why = buf_text(&words);
	snprintf(verdict, sizeof(verdict), "%-*s", VERDICT_COLUMNS, verdict_names[r->verdict]);
	put_coloured(s, colour_of(r), verdict);
	if (s->width != SIZE_MAX)
		rest.width = s->width > VERDICT_COLUMNS ? s->width - VERDICT_COLUMNS : 0;
	id = put_safe(&rest, 0, r->cell, strlen(r->cell));
	at = (id > width ? id : width) + 2;
	if (*why && at < rest.width && check_width(why, strlen(why)) <= rest.width - at) {
		put_sentence(&rest, at - id, why);
		return;
	}
	buf_puts(s->b, "\n");
	put_sentence(s, 2, why);
}

/* How the first attempt came out, if not as the last; a reason that tells it says so itself. */
static void put_first(const struct screen *s, const struct row *r)
{
	CLEAN_BUF struct buf last = BUF(SAFE_MAX), line = BUF(SAFE_MAX);

	if (!r->first || r->verdict == VERDICT_FLAKY)
		return;
	buf_printf(&last, "%s: %s", verdict_names[r->verdict], r->reason);
	if (!strcmp(buf_text(&last), r->first))
		return;
	buf_printf(&line, "the first attempt: %s", r->first);
	put_sentence(s, 2, buf_text(&line));
}

static void put_detail(const struct screen *s, const struct row *r)
{
	for (size_t i = 0; i < r->nfailure; i++) {
		const struct failure *f = &r->failure[i];

		if (i || r->verdict == VERDICT_FLAKY)
			put_sentence(s, 2, f->what);
		if (f->detail)
			put_lines(s, 4, f->detail, strlen(f->detail));
	}
	if (r->nfailure)
		put_last_words(s, r);
	put_first(s, r);
}

/* Columns to which the ids of listed cells are aligned; a longer one stands out. */
static size_t id_width(const struct summary *sum)
{
	CLEAN_BUF struct buf id = BUF(SAFE_MAX);
	size_t width = 0, n;

	for (size_t i = 0; i < sum->nrow; i++) {
		if (list_of(&sum->row[i]) == LIST_NOT || strlen(sum->row[i].cell) > ID_MAX)
			continue;
		buf_clear(&id);
		check_show(&id, sum->row[i].cell, strlen(sum->row[i].cell), SHOW_SAFE);
		n = check_width(buf_text(&id), id.len);
		if (n > width && n <= ID_MAX)
			width = n;
	}
	return width;
}

/* A cell with more than one line stands between empty lines. */
static void put_cells(const struct screen *s, const struct summary *sum, int list, size_t max)
{
	size_t width = id_width(sum), n = 0, before = s->b->len;
	bool was_long = false;

	for (size_t i = 0; i < sum->nrow; i++) {
		const struct row *r = &sum->row[i];
		size_t start = s->b->len, head;
		CLEAN_BUF struct buf detail = BUF(1 << 20);
		struct screen below = *s;

		if (list_of(r) != list || n++ >= max)
			continue;
		below.b = &detail;
		if (list == LIST_DETAIL)
			put_detail(&below, r);
		if (start > before && (was_long || detail.len))
			buf_puts(s->b, "\n");
		put_head(s, r, width);
		head = s->b->len;
		buf_add(s->b, buf_text(&detail), detail.len);
		was_long = s->b->len > head;
	}
	if (n > max)
		buf_printf(s->b, "... and %zu more, all in summary.json\n", n - max);
	if (s->b->len > before)
		buf_puts(s->b, "\n");
}

static void put_duration(struct buf *b, int64_t ms)
{
	int64_t s = ms / 1000;

	if (ms < 1000)
		buf_printf(b, "%" PRId64 " ms", ms);
	else if (s < 60)
		buf_printf(b, "%.1f s", (double)(ms - ms % 100) / 1000);
	else if (s < 3600)
		buf_printf(b, "%" PRId64 " m %02" PRId64 " s", s / 60, s % 60);
	else
		buf_printf(b, "%" PRId64 " h %02" PRId64 " m", s / 3600, s / 60 % 60);
}

/* Whether programs ran with less than the whole sandbox around them: every report says so. */
static bool is_weak(const char *mode)
{
	return mode && (!strcmp(mode, "limits") || !strcmp(mode, "unsandboxed"));
}

/* Go on in this line, or in the next where the width would be passed. */
static void put_part(const struct screen *s, size_t *column, const char *sgr, const char *part)
{
	size_t n = strlen(part);

	if (*column && *column + 2 + n > s->width) {
		buf_puts(s->b, "\n");
		*column = 0;
	}
	buf_puts(s->b, *column ? " " : "");
	*column += n + (*column > 0);
	put_coloured(s, sgr, part);
}

static size_t count_allowed(const struct summary *sum, enum verdict v)
{
	size_t n = 0;

	for (size_t i = 0; i < sum->nrow; i++)
		n += sum->row[i].is_allowed && sum->row[i].verdict == v;
	return n;
}

/* "4 failed", "4 failed (1 allowed)" */
static void put_count(const struct screen *s, size_t *column, const struct summary *sum,
		      enum verdict v)
{
	size_t n = sum->count[v], nallowed = count_allowed(sum, v);
	char part[80];
	int len = snprintf(part, sizeof(part), "%zu %s", n, verdict_names[v]);

	if (nallowed)
		snprintf(part + len, sizeof(part) - (size_t)len, " (%zu allowed)", nallowed);
	put_part(s, column, nallowed && nallowed == n ? ALLOWED : looks[v].sgr, part);
}

/* What was earned of what could be. */
static void put_all_points(const struct screen *s, const struct summary *sum)
{
	double points = 0, max = 0;

	for (size_t i = 0; i < sum->nrow; i++) {
		points += sum->row[i].points;
		max += sum->row[i].max_points;
	}
	if (max <= 0)
		return;
	put_coloured(s, DIM, "points   ");
	put_points(s->b, points);
	buf_puts(s->b, " of ");
	put_points(s->b, max);
	buf_puts(s->b, "\n");
}

static void put_totals(const struct screen *s, const struct summary *sum)
{
	CLEAN_BUF struct buf time = BUF(64);
	size_t column = 0, left = 0;

	for (int v = 0; v < NVERDICT; v++)
		left += sum->count[v] > 0;
	if (!left)
		put_part(s, &column, PLAIN, "no cells");
	for (int v = 0; v < NVERDICT; v++) {
		if (!sum->count[v])
			continue;
		put_count(s, &column, sum, (enum verdict)v);
		buf_puts(s->b, --left ? "," : "");
		column += left > 0;
	}
	buf_puts(&time, "in ");
	put_duration(&time, sum->duration_ms);
	buf_puts(&time, sum->is_interrupted ? ", interrupted" : "");
	put_part(s, &column, PLAIN, buf_text(&time));
	buf_puts(s->b, "\n");
	if (is_weak(sum->execution_mode)) {
		put_coloured(s, "33", "without the full sandbox: ");
		put_line(s, 0, sum->execution_mode, strlen(sum->execution_mode));
	}
}

/* Never clipped: a path is there to be copied. */
static void put_path(const struct screen *s, const char *label, const char *path)
{
	struct screen any = *s;

	if (!path)
		return;
	any.width = SIZE_MAX;
	put_coloured(s, DIM, label);
	put_line(&any, 0, path, strlen(path));
}

void report_console(const struct summary *sum, bool colour, int width, struct buf *b)
{
	struct screen s = { b, colour, width > 0 ? (size_t)width : SIZE_MAX };

	put_cells(&s, sum, LIST_DETAIL, CELLS_MAX);
	put_cells(&s, sum, LIST_BRIEF, BRIEF_MAX);
	put_totals(&s, sum);
	put_all_points(&s, sum);
	put_path(&s, "run      ", sum->run_folder);
	put_path(&s, "archive  ", sum->archive);
}

void report_line(const struct row *r, bool colour, int width, struct buf *b)
{
	struct screen s = { b, colour, width > 0 ? (size_t)width : SIZE_MAX };
	size_t used = VERDICT_COLUMNS + TIME_COLUMNS;
	CLEAN_BUF struct buf time = BUF(64);
	char verdict[16];

	snprintf(verdict, sizeof(verdict), "%-*s", VERDICT_COLUMNS, verdict_names[r->verdict]);
	put_coloured(&s, colour_of(r), verdict);
	if (r->job_id && r->verdict != VERDICT_CANCELLED)
		put_duration(&time, r->duration_ms);
	buf_printf(b, "%*s", TIME_COLUMNS, buf_text(&time));
	s.width = s.width > used ? s.width - used : 0;
	used = put_safe(&s, 2, r->cell, strlen(r->cell));
	s.width = s.width > used ? s.width - used : 0;
	if (*r->reason && s.width > 2)
		put_safe(&s, 2, r->reason, strlen(r->reason));
	buf_puts(b, r->is_allowed ? " (allowed to fail)\n" : "\n");
}
