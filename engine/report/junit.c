#include "base/clock.h"
#include "report/formats.h"

/*
 * The XML that Jenkins' and GitLab's readers agree on: testsuites > testsuite > testcase > one of
 * failure, error, skipped, then system-out and system-err.
 */

/* The element for each verdict; NULL: none, the test has passed. */
static const char *const elements[NVERDICT] = {
	[VERDICT_FAILED] = "failure",  [VERDICT_ERROR] = "error",     [VERDICT_TIMEOUT] = "failure",
	[VERDICT_CANCELLED] = "error", [VERDICT_SKIPPED] = "skipped", [VERDICT_XFAIL] = "skipped",
	[VERDICT_XPASS] = "failure",   [VERDICT_FLAKY] = "failure",
};

/* What is allowed to fail is told as a known failure is. */
static const char *element_of(const struct row *r)
{
	return r->is_allowed ? "skipped" : elements[r->verdict];
}

static size_t count_of(const struct summary *s, const char *wanted)
{
	size_t n = 0;

	for (size_t i = 0; i < s->nrow; i++) {
		const char *element = element_of(&s->row[i]);

		n += element && !strcmp(element, wanted);
	}
	return n;
}

/* XML 1.0, production [2] Char: what it forbids cannot be written in any way. */
static bool is_xml_char(uint32_t cp)
{
	if (cp < 0x20)
		return cp == '\t' || cp == '\n' || cp == '\r';
	return cp <= 0x10ffff && cp != 0xfffe && cp != 0xffff;
}

/* How a character is spelt: white space too, so that attributes and CR come back as they were. */
static const char *entity(uint32_t cp, bool is_attribute)
{
	switch (cp) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return is_attribute ? "&quot;" : NULL;
	case '\n':
		return is_attribute ? "&#10;" : NULL;
	case '\t':
		return is_attribute ? "&#9;" : NULL;
	case '\r':
		return "&#13;";
	default:
		return is_xml_char(cp) ? NULL : "\xef\xbf\xbd";
	}
}

static void put_xml(struct buf *b, const char *s, size_t n, bool is_attribute)
{
	size_t start = 0, len;
	const char *spelt;
	uint32_t cp;

	for (size_t i = 0; i < n; i += len) {
		len = check_char(s + i, n - i, &cp);
		spelt = entity(cp, is_attribute);
		if (!spelt)
			continue;
		buf_add(b, s + start, i - start);
		buf_puts(b, spelt);
		start = i + len;
	}
	if (n)
		buf_add(b, s + start, n - start);
}

static void put_attribute(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, " %s=\"", name);
	put_xml(b, value, strlen(value), true);
	buf_puts(b, "\"");
}

static void put_seconds(struct buf *b, int64_t ms)
{
	buf_printf(b, " time=\"%.3f\"", (double)ms / 1000);
}

static void put_failures(struct buf *b, const struct row *r)
{
	for (size_t i = 0; i < r->nfailure; i++) {
		const struct failure *f = &r->failure[i];

		put_xml(b, f->what, strlen(f->what), false);
		buf_puts(b, "\n");
		if (!f->detail)
			continue;
		put_xml(b, f->detail, strlen(f->detail), false);
		buf_puts(b, "\n");
	}
}

static void put_outcome(struct buf *b, const struct row *r)
{
	const char *element = element_of(r);

	if (!element)
		return;
	buf_printf(b, "   <%s", element);
	put_attribute(b, "type", verdict_names[r->verdict]);
	buf_printf(b, " message=\"%s", r->is_allowed ? "allowed to fail: " : "");
	put_xml(b, r->reason, strlen(r->reason), true);
	buf_puts(b, "\">");
	put_failures(b, r);
	buf_printf(b, "</%s>\n", element);
}

/* How an earlier attempt came out, as Maven's Surefire writes the reruns of a test. */
static void put_first(struct buf *b, const struct row *r)
{
	static const char *const names[2][2] = { { "flakyFailure", "flakyError" },
						 { "rerunFailure", "rerunError" } };
	const char *element, *end;

	if (!r->first)
		return;
	element = names[element_of(r) != NULL][!strncmp(r->first, "error", strlen("error"))];
	end = strchrnul(r->first, ':');
	buf_printf(b, "   <%s type=\"", element);
	put_xml(b, r->first, (size_t)(end - r->first), true);
	buf_puts(b, "\"");
	put_attribute(b, "message", end + strspn(end, ": "));
	buf_printf(b, "><stackTrace/></%s>\n", element);
}

static void put_stream(struct buf *b, const char *element, struct bytes text)
{
	if (!text.len)
		return;
	buf_printf(b, "   <%s>", element);
	put_xml(b, text.data, text.len, false);
	buf_printf(b, "</%s>\n", element);
}

static void put_case(struct buf *b, const struct summary *s, const struct row *r)
{
	buf_puts(b, "  <testcase");
	put_attribute(b, "name", r->cell);
	buf_puts(b, " classname=\"");
	put_xml(b, s->name, strlen(s->name), true);
	buf_puts(b, ".");
	put_xml(b, r->job, strlen(r->job), true);
	buf_puts(b, "\"");
	put_seconds(b, r->duration_ms);
	if (!element_of(r) && !r->first && !r->out.len && !r->err.len) {
		buf_puts(b, "/>\n");
		return;
	}
	buf_puts(b, ">\n");
	put_outcome(b, r);
	put_first(b, r);
	put_stream(b, "system-out", r->out);
	put_stream(b, "system-err", r->err);
	buf_puts(b, "  </testcase>\n");
}

static void put_totals(struct buf *b, const struct summary *s)
{
	put_attribute(b, "name", s->name);
	buf_printf(b, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"", s->nrow,
		   count_of(s, "failure"), count_of(s, "error"), count_of(s, "skipped"));
	put_seconds(b, s->duration_ms);
}

void junit_write(const struct summary *s, struct buf *b)
{
	char stamp[21];

	clock_iso(s->started_at / 1000, stamp);
	buf_puts(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
	put_totals(b, s);
	buf_puts(b, ">\n <testsuite");
	put_totals(b, s);
	buf_printf(b, " timestamp=\"%.19s\">\n", stamp); /* its schema has no zone: without the Z */
	for (size_t i = 0; i < s->nrow; i++)
		put_case(b, s, &s->row[i]);
	buf_puts(b, " </testsuite>\n</testsuites>\n");
}
