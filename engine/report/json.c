#include <inttypes.h>
#include <math.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/json.h"
#include "report/formats.h"

enum type {
	TYPE_TEXT,
	TYPE_VERDICT,
	TYPE_INT,
	TYPE_INT64,
	TYPE_SIZE,
	TYPE_NUMBER,
	TYPE_BOOL,
	TYPE_STAMP
};

/* One key of an object, and where its value stands. */
struct key {
	const char *name;
	enum type type;
	size_t at;
};

static const struct key row_keys[] = {
	{ "cell", TYPE_TEXT, offsetof(struct row, cell) },
	{ "job", TYPE_TEXT, offsetof(struct row, job) },
	{ "verdict", TYPE_VERDICT, offsetof(struct row, verdict) },
	{ "reason", TYPE_TEXT, offsetof(struct row, reason) },
	{ "exit_code", TYPE_INT, offsetof(struct row, exit_code) },
	{ "duration_ms", TYPE_INT64, offsetof(struct row, duration_ms) },
	{ "attempts", TYPE_INT, offsetof(struct row, attempts) },
	{ "points", TYPE_NUMBER, offsetof(struct row, points) },
	{ "max_points", TYPE_NUMBER, offsetof(struct row, max_points) },
	{ "queue_ms", TYPE_INT64, offsetof(struct row, queue_ms) },
	{ "job_id", TYPE_TEXT, offsetof(struct row, job_id) },
	{ "artifacts", TYPE_SIZE, offsetof(struct row, nartifact) },
	{ "allowed", TYPE_BOOL, offsetof(struct row, is_allowed) },
	{ "first", TYPE_TEXT, offsetof(struct row, first) },
};

static const struct key summary_keys[] = {
	{ "name", TYPE_TEXT, offsetof(struct summary, name) },
	{ "spec", TYPE_TEXT, offsetof(struct summary, spec_path) },
	{ "run_folder", TYPE_TEXT, offsetof(struct summary, run_folder) },
	{ "archive", TYPE_TEXT, offsetof(struct summary, archive) },
	{ "endpoint", TYPE_TEXT, offsetof(struct summary, endpoint) },
	{ "execution_mode", TYPE_TEXT, offsetof(struct summary, execution_mode) },
	{ "started_at", TYPE_STAMP, offsetof(struct summary, started_at) },
	{ "duration_ms", TYPE_INT64, offsetof(struct summary, duration_ms) },
	{ "interrupted", TYPE_BOOL, offsetof(struct summary, is_interrupted) },
	{ "total", TYPE_SIZE, offsetof(struct summary, nrow) },
};

#define LEN(table) (sizeof(table) / sizeof((table)[0]))

static void put_text(struct buf *b, const char *s)
{
	if (s)
		json_quote(b, s, strlen(s));
	else
		buf_puts(b, "null");
}

/* The shortest of two spellings that reads back as the same number; JSON has no infinity. */
static void put_number(struct buf *b, double v)
{
	char text[32];

	snprintf(text, sizeof(text), "%.15g", v);
	if (strtod(text, NULL) != v)
		snprintf(text, sizeof(text), "%.17g", v);
	buf_puts(b, isfinite(v) ? text : "null");
}

static void put_stamp(struct buf *b, int64_t unix_ms)
{
	char text[21];

	clock_iso(unix_ms / 1000, text);
	put_text(b, text);
}

static void put_value(struct buf *b, enum type type, const void *at)
{
	switch (type) {
	case TYPE_TEXT:
		put_text(b, *(const char *const *)at);
		break;
	case TYPE_VERDICT:
		put_text(b, verdict_names[*(const enum verdict *)at]);
		break;
	case TYPE_INT:
		buf_printf(b, "%d", *(const int *)at);
		break;
	case TYPE_INT64:
		buf_printf(b, "%" PRId64, *(const int64_t *)at);
		break;
	case TYPE_SIZE:
		buf_printf(b, "%zu", *(const size_t *)at);
		break;
	case TYPE_NUMBER:
		put_number(b, *(const double *)at);
		break;
	case TYPE_BOOL:
		buf_puts(b, *(const bool *)at ? "true" : "false");
		break;
	case TYPE_STAMP:
		put_stamp(b, *(const int64_t *)at);
		break;
	}
}

/* "key":value pairs, without the braces around them. */
static void put_keys(struct buf *b, const struct key *key, size_t n, const void *object)
{
	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "%s\"%s\":", i ? "," : "", key[i].name);
		put_value(b, key[i].type, (const char *)object + key[i].at);
	}
}

static void put_row(struct buf *b, const struct row *r)
{
	buf_puts(b, "{");
	put_keys(b, row_keys, LEN(row_keys), r);
	buf_puts(b, ",\"failures\":[");
	for (size_t i = 0; i < r->nfailure; i++) {
		buf_puts(b, i ? ",{\"what\":" : "{\"what\":");
		put_text(b, r->failure[i].what);
		buf_puts(b, ",\"detail\":");
		put_text(b, r->failure[i].detail);
		buf_puts(b, "}");
	}
	buf_puts(b, "]}");
}

void jsonl_write(const struct summary *s, struct buf *b)
{
	for (size_t i = 0; i < s->nrow; i++) {
		put_row(b, &s->row[i]);
		buf_puts(b, "\n");
	}
}

/* A sum without the dust that adding leaves. */
static double dusted(double sum)
{
	return round(sum * 1e9) / 1e9;
}

static void put_points(struct buf *b, const struct summary *s)
{
	double points = 0, max = 0;

	for (size_t i = 0; i < s->nrow; i++) {
		points += s->row[i].points;
		max += s->row[i].max_points;
	}
	buf_puts(b, ",\"points\":");
	put_number(b, dusted(points));
	buf_puts(b, ",\"max_points\":");
	put_number(b, dusted(max));
}

void summary_write(const struct summary *s, struct buf *b)
{
	buf_puts(b, "{");
	put_keys(b, summary_keys, LEN(summary_keys), s);
	put_points(b, s);
	buf_puts(b, ",\"counts\":{");
	for (int v = 0; v < NVERDICT; v++)
		buf_printf(b, "%s\"%s\":%zu", v ? "," : "", verdict_names[v], s->count[v]);
	buf_puts(b, "},\"cells\":[");
	for (size_t i = 0; i < s->nrow; i++) {
		buf_puts(b, i ? ",\n" : "\n");
		put_row(b, &s->row[i]);
	}
	buf_puts(b, s->nrow ? "\n]}\n" : "]}\n");
}
