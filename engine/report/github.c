#include "report/formats.h"

/*
 * Workflow commands of GitHub Actions ("Workflow commands for GitHub Actions", error and warning),
 * escaped as its toolkit does (actions/toolkit, packages/core/src/command.ts).
 */

#define TEXT_MAX  65536
#define SHOWN_MAX 4000 /* bytes of a text: it is shown in a box */

/* The command for each verdict; NULL: nothing to say. */
static const char *const commands[NVERDICT] = {
	[VERDICT_FAILED] = "error",      [VERDICT_ERROR] = "error", [VERDICT_TIMEOUT] = "error",
	[VERDICT_CANCELLED] = "warning", [VERDICT_XPASS] = "error", [VERDICT_FLAKY] = "error",
};

static const char *command_of(const struct row *r)
{
	if (r->is_allowed || (r->verdict == VERDICT_PASSED && r->first))
		return "warning";
	return commands[r->verdict];
}

static void put_escaped(struct buf *b, const char *text, const char *special)
{
	for (; *text; text++)
		buf_printf(b, strchr(special, *text) ? "%%%02X" : "%c", (unsigned char)*text);
}

/* A property: one line. */
static void put_property(struct buf *b, const char *text)
{
	CLEAN_BUF struct buf safe = BUF(TEXT_MAX);

	check_show(&safe, text, strnlen(text, SHOWN_MAX), SHOW_SAFE);
	put_escaped(b, buf_text(&safe), "%\r\n:,");
}

/* A message: lines, each made safe. */
static void put_message(struct buf *b, const char *text)
{
	size_t left = strnlen(text, SHOWN_MAX), n;

	for (;; text += n + 1, left -= n + 1) {
		CLEAN_BUF struct buf safe = BUF(TEXT_MAX);
		const char *end = memchr(text, '\n', left);

		n = end ? (size_t)(end - text) : left;
		check_show(&safe, text, n, SHOW_SAFE);
		put_escaped(b, buf_text(&safe), "%\r\n");
		if (!end)
			return;
		buf_puts(b, "%0A");
	}
}

static void put_row(struct buf *b, const struct row *r)
{
	const char *command = command_of(r);

	if (!command)
		return;
	buf_printf(b, "::%s title=", command);
	put_property(b, r->cell);
	buf_printf(b, "::%s: ", verdict_names[r->verdict]);
	put_message(b, r->reason);
	for (size_t i = 0; i < r->nfailure; i++) {
		if (r->nfailure > 1) {
			buf_puts(b, "%0A");
			put_message(b, r->failure[i].what);
		}
		if (r->failure[i].detail) {
			buf_puts(b, "%0A");
			put_message(b, r->failure[i].detail);
		}
	}
	buf_puts(b, "\n");
}

void github_write(const struct summary *s, struct buf *b)
{
	for (size_t i = 0; i < s->nrow; i++)
		put_row(b, &s->row[i]);
}
