#include "report/report.h"

#include <string.h>

#include "report/formats.h"

const struct report_format report_formats[] = {
	{ "summary", "summary.json", "the totals and a row for each cell, as one JSON object",
	  summary_write },
	{ "jsonl", "report.jsonl", "a row for each cell, one JSON object a line", jsonl_write },
	{ "junit", "junit.xml", "JUnit XML, as Jenkins and GitLab read it", junit_write },
	{ NULL, NULL, NULL, NULL },
};

const struct report_format *report_find(const char *name)
{
	for (const struct report_format *f = report_formats; f->name; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

int report_exit_code(const struct summary *s)
{
	size_t n[NVERDICT];

	memcpy(n, s->count, sizeof(n));
	for (size_t i = 0; i < s->nrow; i++)
		n[s->row[i].verdict] -= s->row[i].is_allowed;
	if (s->is_interrupted)
		return 130;
	if (n[VERDICT_FAILED] || n[VERDICT_TIMEOUT] || n[VERDICT_XPASS] || n[VERDICT_FLAKY])
		return 1;
	return n[VERDICT_ERROR] || n[VERDICT_CANCELLED] ? 4 : 0;
}
