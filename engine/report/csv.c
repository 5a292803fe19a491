#include "report/formats.h"

/* RFC 4180, with the keys of jsonl as columns. */

/* Text that a spreadsheet would take for a formula gets a quote in front (OWASP, CSV injection). */
static void put_text(struct buf *b, const char *text)
{
	if (!text)
		return;
	buf_puts(b, *text && strchr("=+-@\t\r", *text) ? "\"'" : "\"");
	for (size_t n; *text; text += n) {
		n = strcspn(text, "\"");
		buf_add(b, text, n);
		if (text[n]) {
			buf_puts(b, "\"\"");
			n++;
		}
	}
	buf_puts(b, "\"");
}

static void put_field(struct buf *b, const struct key *key, const struct row *r)
{
	const void *at = (const char *)r + key->at;

	if (key->type == TYPE_TEXT)
		put_text(b, *(const char *const *)at);
	else if (key->type == TYPE_VERDICT)
		buf_puts(b, verdict_names[r->verdict]);
	else
		value_write(b, key->type, at);
}

void csv_write(const struct summary *s, struct buf *b)
{
	for (const struct key *key = row_keys; key->name; key++)
		buf_printf(b, "%s%s", key == row_keys ? "" : ",", key->name);
	buf_puts(b, "\r\n");
	for (size_t i = 0; i < s->nrow; i++) {
		for (const struct key *key = row_keys; key->name; key++) {
			buf_puts(b, key == row_keys ? "" : ",");
			put_field(b, key, &s->row[i]);
		}
		buf_puts(b, "\r\n");
	}
}
