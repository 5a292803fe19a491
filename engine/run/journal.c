#include "run/journal.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/json.h"

#define LINE_MAX_BYTES (32 << 20)

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

bool journal_run(struct keep *k, const struct summary *s, const struct run_options *o,
		 struct err *e)
{
	CLEAN_BUF struct buf b = BUF(LINE_MAX_BYTES);

	buf_printf(&b, "{\"event\":\"run\",\"version\":%d", KEEP_VERSION);
	add_text(&b, "spec", s->spec_path);
	add_text(&b, "spec_sha256", s->spec_sha256);
	add_text(&b, "name", s->name);
	add_int(&b, "cells", (int64_t)s->nrow);
	add_text(&b, "endpoint", s->endpoint);
	add_int(&b, "started_at", s->started_at);
	add_text(&b, "service", o->service);
	buf_puts(&b, ",\"args\":[");
	for (size_t i = 0; o->args && o->args[i]; i++) {
		buf_puts(&b, i ? "," : "");
		json_quote(&b, o->args[i], strlen(o->args[i]));
	}
	buf_puts(&b, "]");
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

/* What every row has. */
static void add_row(struct buf *b, const struct row *r)
{
	add_text(b, "cell", r->cell);
	add_text(b, "job", r->job);
	add_int(b, "index", r->index);
	add_text(b, "verdict", verdict_names[r->verdict]);
	add_text(b, "reason", r->reason);
}

/* %.17g: reads back as the same number. */
static void add_number(struct buf *b, const char *key, double value)
{
	buf_printf(b, ",\"%s\":%.17g", key, isfinite(value) ? value : 0.0);
}

static void add_failures(struct buf *b, const struct row *r)
{
	buf_puts(b, ",\"failures\":[");
	for (size_t i = 0; i < r->nfailure; i++) {
		buf_puts(b, i ? ",{\"what\":" : "{\"what\":");
		json_quote(b, r->failure[i].what, strlen(r->failure[i].what));
		add_text(b, "detail", r->failure[i].detail);
		buf_puts(b, "}");
	}
	buf_puts(b, "]");
}

bool journal_ended(struct keep *k, const struct row *r, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(LINE_MAX_BYTES);

	buf_puts(&b, "{\"event\":\"ended\"");
	add_row(&b, r);
	add_int(&b, "exit_code", r->exit_code);
	add_int(&b, "duration_ms", r->duration_ms);
	add_int(&b, "queue_ms", r->queue_ms);
	add_int(&b, "attempts", r->attempts);
	add_number(&b, "points", r->points);
	add_number(&b, "max_points", r->max_points);
	add_int(&b, "artifacts", (int64_t)r->nartifact);
	add_text(&b, "job_id", r->job_id);
	if (r->first)
		add_text(&b, "first", r->first);
	if (r->is_allowed)
		buf_puts(&b, ",\"allowed\":true");
	if (r->nfailure)
		add_failures(&b, r);
	return note(k, &b, e);
}

bool journal_again(struct keep *k, const struct row *r, int64_t wait_ms, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(LINE_MAX_BYTES);

	buf_puts(&b, "{\"event\":\"again\"");
	add_row(&b, r);
	add_int(&b, "attempts", r->attempts);
	add_text(&b, "job_id", r->job_id);
	add_int(&b, "wait_ms", wait_ms);
	return note(k, &b, e);
}

bool journal_left(struct keep *k, const struct row *r, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(LINE_MAX_BYTES);

	buf_puts(&b, "{\"event\":\"left\"");
	add_row(&b, r);
	return note(k, &b, e);
}

bool journal_done(struct keep *k, const struct summary *s, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(LINE_MAX_BYTES);

	buf_printf(&b, "{\"event\":\"done\",\"interrupted\":%s",
		   s->is_interrupted ? "true" : "false");
	add_int(&b, "duration_ms", s->duration_ms);
	add_text(&b, "execution_mode", s->execution_mode);
	return note(k, &b, e);
}
