/* formats -- the writers that the table of report.c names; each in its own file. */
#ifndef ENGINE_REPORT_FORMATS_H
#define ENGINE_REPORT_FORMATS_H

#include "report/report.h"

void summary_write(const struct summary *s, struct buf *b);
void jsonl_write(const struct summary *s, struct buf *b);
void junit_write(const struct summary *s, struct buf *b);

#endif
