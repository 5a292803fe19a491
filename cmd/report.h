/* report -- the reports that --report asks for, of a run under way or an earlier one. */
#ifndef CMD_REPORT_H
#define CMD_REPORT_H

#include "cmd/options.h"
#include "report/report.h"

#define CMD_ROOT ".sandbatch" /* where runs and the cache lie */

/* Whether each is FORMAT or FORMAT=PATH of a format that there is, and PATH a file that can be
 * written, as far as that is known before: what lies in the folder that is yet to be made (NULL:
 * none is) may not be there; ERR_USAGE. */
bool reports_check(const struct strings *wanted, const char *made, struct err *e);
/* Write each to its PATH ('-' is standard output), else under its usual name in the run's folder.
 */
bool reports_write(const struct strings *wanted, const struct summary *s, struct err *e);
/* The run's history and summary, as keep_find finds it. */
bool report_load(struct arena *a, const char *run, struct summary *out, struct err *e);

#endif
