#include "run/journal.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"

#define LINE_MAX_BYTES (1 << 20)

/* ,"key":"value" with the value quoted; null where there is none. */
static void add_text(struct buf *b, const char *key, const char *value)
{
	buf_printf(b, ",\"%s\":", key);
	if (value)
		json_quote(b, value, strlen(value));
	else
		buf_puts(b, "null");
}

static void add_int(struct buf *b, const char *key, int64_t value)
{
	buf_printf(b, ",\"%s\":%" PRId64, key, value);
}

static bool note(struct keep *k, struct buf *b, struct err *e)
{
	buf_puts(b, "}");
	return keep_note(k, b->data, b->len, e);
}

bool journal_run(struct keep *k, const struct summary *s, size_t ncell, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(LINE_MAX_BYTES);

	buf_puts(&b, "{\"event\":\"run\",\"version\":1");
	add_text(&b, "spec", s->spec_path);
	add_text(&b, "name", s->name);
	add_int(&b, "cells", (int64_t)ncell);
	add_text(&b, "endpoint", s->endpoint);
	add_int(&b, "started_at", s->started_at);
	return note(k, &b, e);
}

bool journal_submit(struct keep *k, const char *cell, const char *key, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(LINE_MAX_BYTES);

	buf_puts(&b, "{\"event\":\"submit\"");
	add_text(&b, "cell", cell);
	add_text(&b, "key", key);
	return note(k, &b, e);
}

bool journal_submitted(struct keep *k, const char *cell, const char *job_id, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(LINE_MAX_BYTES);

	buf_puts(&b, "{\"event\":\"submitted\"");
	add_text(&b, "cell", cell);
	add_text(&b, "job_id", job_id);
	return note(k, &b, e);
}

bool journal_ended(struct keep *k, const struct row *r, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(LINE_MAX_BYTES);

	buf_puts(&b, "{\"event\":\"ended\"");
	add_text(&b, "cell", r->cell);
	add_text(&b, "verdict", verdict_names[r->verdict]);
	add_text(&b, "reason", r->reason);
	add_int(&b, "exit_code", r->exit_code);
	add_int(&b, "duration_ms", r->duration_ms);
	add_int(&b, "queue_ms", r->queue_ms);
	add_int(&b, "attempts", r->attempts);
	add_text(&b, "job_id", r->job_id);
	return note(k, &b, e);
}

bool journal_done(struct keep *k, const struct summary *s, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(LINE_MAX_BYTES);

	buf_printf(&b, "{\"event\":\"done\",\"interrupted\":%s",
		   s->is_interrupted ? "true" : "false");
	return note(k, &b, e);
}
