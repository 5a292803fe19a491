/* formats -- the writers that the table of report.c names; each in its own file. */
#ifndef ENGINE_REPORT_FORMATS_H
#define ENGINE_REPORT_FORMATS_H

#include "report/report.h"

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

/* One value of a row or summary: its name, and where it stands. */
struct key {
	const char *name;
	enum type type;
	size_t at;
};

extern const struct key row_keys[]; /* ends with one without name */
/* The value at that place as JSON. */
void value_write(struct buf *b, enum type type, const void *at);

void summary_write(const struct summary *s, struct buf *b);
void jsonl_write(const struct summary *s, struct buf *b);
void junit_write(const struct summary *s, struct buf *b);
void tap_write(const struct summary *s, struct buf *b);
void csv_write(const struct summary *s, struct buf *b);
void github_write(const struct summary *s, struct buf *b);

#endif
