/* resume -- the earlier run that `sandbatch run --resume` goes on with. */
#ifndef CMD_RESUME_H
#define CMD_RESUME_H

#include "cmd/options.h"
#include "run/run.h"

struct resume {
	struct history history;
	struct strings args; /* what that run was asked for, its spec last */
	const char *service; /* folder of its embedded service, there or not, below the root or the
				run's own folder; or NULL */
};

/* Find and read the run of that name (as keep_find; "" is the latest). */
bool resume_load(struct arena *a, const char *root, const char *run, struct resume *out,
		 struct err *e);
/* Say so when the spec is not the one of that run. */
void resume_compare(const struct resume *r, const struct spec *spec);
/* The folder of the embedded service of the run in that folder; NULL: it had none. */
const char *resume_service(struct arena *a, const char *root, const char *folder);
/* Remove such a folder, which a killed run left; one that a service still uses stays. */
void resume_discard(const char *service);
/* Wait for the service of a runner that was just killed to be gone, and take its socket away. */
void resume_clear(const struct resume *r);

#endif
