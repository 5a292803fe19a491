/*
 * report -- a summary as bytes. Pure. A format is one row and one file.
 */
#ifndef ENGINE_REPORT_REPORT_H
#define ENGINE_REPORT_REPORT_H

#include "base/buf.h"
#include "run/run.h"

struct report_format {
	const char *name; /* of --report */
	const char *file; /* default name in the run's folder */
	const char *help;
	void (*write)(const struct summary *s, struct buf *b);
};

/* summary (summary.json), jsonl, junit; ends with a row without name. */
extern const struct report_format report_formats[];
const struct report_format *report_find(const char *name);

/*
 * The table for people: what is not as expected in detail, then totals and paths. Nothing in it can
 * drive a terminal. width in columns (only paths may be wider), 0: not a terminal.
 */
void report_console(const struct summary *s, bool colour, int width, struct buf *b);
/* One line of progress for an ended cell, with its newline: "passed        23 ms  case[n=15]". No
 * wider than width; 0: any. */
void report_line(const struct row *r, bool colour, int width, struct buf *b);
/* 0 or 1, as in the table of exit codes: 1 any failed, timeout, xpass or flaky; 4 no such but any
 * error or cancelled; 130 interrupted. What is allowed to fail does not count. */
int report_exit_code(const struct summary *s);

#endif
