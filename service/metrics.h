/* metrics -- GET /metrics: counters in Prometheus's text format (exposition format 0.0.4). */
#ifndef SERVICE_METRICS_H
#define SERVICE_METRICS_H

#include "service/queue.h"

#define METRICS_ROUTES   40
#define METRICS_STATUSES 24

/* How often each route answered with each status. */
struct metrics {
	struct metrics_row {
		const char *method, *path; /* NULL: no route of ours */
		struct {
			unsigned status;
			uint64_t n;
		} of[METRICS_STATUSES];
	} row[METRICS_ROUTES];
};

/* method and path are a route's constants, or NULL. */
void metrics_count(struct metrics *m, const char *method, const char *path, unsigned status);
bool metrics_print(const struct metrics *m, const struct queue_counts *n, int slots, struct buf *b);

#endif
