#include "service/metrics.h"

#include <string.h>

void metrics_count(struct metrics *m, const char *method, const char *path, unsigned status)
{
	struct metrics_row *row = m->row;
	size_t i = 0;

	if (path) {
		/* The first row is for what is no route. */
		for (row++; row->path && (row->path != path || row->method != method); row++)
			if (row == &m->row[METRICS_ROUTES - 1])
				return;
		row->method = method;
		row->path = path;
	}
	while (i < METRICS_STATUSES - 1 && row->of[i].n && row->of[i].status != status)
		i++;
	row->of[i].status = status;
	row->of[i].n++;
}

static bool print_head(struct buf *b, const char *name, const char *type, const char *help)
{
	return buf_printf(b, "# HELP sandbatch_%s %s\n# TYPE sandbatch_%s %s\n", name, help, name,
			  type);
}

static bool print_requests(const struct metrics *m, struct buf *b)
{
	bool ok = print_head(b, "requests_total", "counter", "Requests that were answered.");

	for (size_t r = 0; r < METRICS_ROUTES; r++)
		for (size_t i = 0; i < METRICS_STATUSES && m->row[r].of[i].n; i++)
			ok = ok && buf_printf(b,
					      "sandbatch_requests_total{method=\"%s\",route=\"%s\","
					      "status=\"%u\"} %llu\n",
					      m->row[r].path ? m->row[r].method : "",
					      m->row[r].path ? m->row[r].path : "none",
					      m->row[r].of[i].status,
					      (unsigned long long)m->row[r].of[i].n);
	return ok;
}

static bool print_jobs(const struct queue_counts *n, struct buf *b)
{
	bool ok = print_head(b, "jobs_total", "counter", "Jobs that have ended since the start.");

	for (int i = WIRE_COMPLETED; wire_status_names[i]; i++)
		ok = ok && buf_printf(b, "sandbatch_jobs_total{status=\"%s\"} %llu\n",
				      wire_status_names[i], (unsigned long long)n->ended[i]);
	return ok;
}

static bool print_times(const struct queue_counts *n, struct buf *b)
{
	static const char name[] = "job_duration_seconds";
	unsigned long long below = 0;
	bool ok = print_head(b, name, "histogram", "From the start of a job to its end.");

	for (size_t i = 0; i < QUEUE_BUCKETS; i++) {
		below += n->bucket[i];
		ok = ok && buf_printf(b, "sandbatch_%s_bucket{le=\"%g\"} %llu\n", name,
				      (double)queue_bucket_ms[i] / 1000, below);
	}
	return ok && buf_printf(b,
				"sandbatch_%s_bucket{le=\"+Inf\"} %llu\nsandbatch_%s_sum %g\n"
				"sandbatch_%s_count %llu\n",
				name, (unsigned long long)n->ntimed, name,
				(double)n->total_ms / 1000, name, (unsigned long long)n->ntimed);
}

static bool print_gauge(struct buf *b, const char *name, const char *help, size_t value)
{
	return print_head(b, name, "gauge", help) &&
	       buf_printf(b, "sandbatch_%s %zu\n", name, value);
}

bool metrics_print(const struct metrics *m, const struct queue_counts *n, int slots, struct buf *b)
{
	return print_requests(m, b) && print_jobs(n, b) && print_times(n, b) &&
	       print_gauge(b, "jobs_pending", "Jobs that wait to be started.", n->pending) &&
	       print_gauge(b, "jobs_running", "Jobs that run.", n->running) &&
	       print_gauge(b, "slots", "Jobs that may run at once.", (size_t)slots);
}
