#include <inttypes.h>

#include "base/json.h"
#include "report/formats.h"

/*
 * TAP 13 (testanything.org): a test a cell, and for what is not as expected a YAML block, whose
 * strings are JSON's. What is known or allowed to fail is a TODO.
 */

#define TEXT_MAX 65536

/* "not ok 3 - ... # TODO": whether it counts as passed, and the directive. */
static const struct look {
	bool is_ok;
	const char *directive;
} looks[NVERDICT] = {
	[VERDICT_PASSED] = { true, NULL },
	[VERDICT_SKIPPED] = { true, "SKIP" },
	[VERDICT_XFAIL] = { false, "TODO" },
};

/* A line's text; '#' would begin a directive. */
static void put_text(struct buf *b, const char *text)
{
	CLEAN_BUF struct buf safe = BUF(TEXT_MAX);
	const char *p;

	check_show(&safe, text, strnlen(text, TEXT_MAX / 16), SHOW_SAFE);
	for (p = buf_text(&safe); *p; p++)
		buf_printf(b, *p == '#' || *p == '\\' ? "\\%c" : "%c", *p);
}

static void put_quoted(struct buf *b, const char *indent, const char *text)
{
	buf_puts(b, indent);
	json_quote(b, text, strlen(text));
	buf_puts(b, "\n");
}

static void put_block(struct buf *b, const struct row *r)
{
	buf_printf(b, "  ---\n  verdict: %s\n", verdict_names[r->verdict]);
	put_quoted(b, "  message: ", r->reason);
	buf_printf(b, "  exit_code: %d\n  duration_ms: %" PRId64 "\n  attempts: %d\n", r->exit_code,
		   r->duration_ms, r->attempts);
	if (r->nfailure)
		buf_puts(b, "  failures:\n");
	for (size_t i = 0; i < r->nfailure; i++) {
		put_quoted(b, "    - what: ", r->failure[i].what);
		if (r->failure[i].detail)
			put_quoted(b, "      detail: ", r->failure[i].detail);
	}
	buf_puts(b, "  ...\n");
}

static void put_test(struct buf *b, size_t number, const struct row *r)
{
	const struct look *look = &looks[r->verdict];
	const char *directive = r->is_allowed ? "TODO" : look->directive;

	buf_printf(b, "%s %zu - ", look->is_ok ? "ok" : "not ok", number);
	put_text(b, r->cell);
	if (directive) {
		buf_printf(b, " # %s %s", directive, r->is_allowed ? "allowed to fail: " : "");
		put_text(b, r->reason);
	}
	buf_puts(b, "\n");
	if (!look->is_ok)
		put_block(b, r);
}

void tap_write(const struct summary *s, struct buf *b)
{
	buf_printf(b, "TAP version 13\n1..%zu%s\n", s->nrow, s->nrow ? "" : " # SKIP no cells");
	for (size_t i = 0; i < s->nrow; i++)
		put_test(b, i + 1, &s->row[i]);
}
