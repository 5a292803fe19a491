/*
 * executor -- a place that runs jobs. Rows of ops: local (wardens on this
 * machine), fake (scripted, for tests); slurm comes later.
 */
#ifndef SERVICE_EXECUTOR_H
#define SERVICE_EXECUTOR_H

#include "base/loop.h"
#include "service/language.h"
#include "service/service.h"
#include "wire/wire.h"

struct executor_options {
	struct loop *loop;
	const struct languages *languages;
	int slots;
	const char *data;    /* the service's folder */
	const char *jail;    /* path of sandbatch-jail */
	const char *sandbox; /* "full", "limits", "none" */
	struct service_view view;
	const char *script; /* fake: its script's path */
	bool no_warm;       /* no interpreter waits for jobs */
	const char *const
		*allow_net; /* networks that semitrusted jobs may reach besides public ones */
	size_t nallow_net;
};

struct executor;  /* an open place; each kind has its own behind it */
struct execution; /* one job under way */

/* Whose job it is: what one tenant compiled is no other's. The strings live until done. */
struct executor_job {
	const char *id, *tenant;
};

/* result has everything but queue_time_ms and total_time_ms; borrowed until this returns. The
 * execution is gone then. */
typedef void execution_done_fn(void *ctx, const struct wire_result *result);

struct executor_ops {
	const char *name;
	/* Ready to take jobs, or e says why not (and what to do). */
	struct executor *(*open)(const struct executor_options *o, struct err *e);
	/* Ends what runs, without telling done, and leaves nothing behind. */
	void (*close)(struct executor *x);
	/* How many more could start now. */
	int (*room)(const struct executor *x);
	/* Start a job; r and language live until done. There must be room. A job that cannot be run
	 * still ends in done, as failed. */
	struct execution *(*start)(struct executor *x, const struct executor_job *job,
				   const struct wire_request *r, const struct language *language,
				   execution_done_fn *done, void *ctx);
	/* Kill it with all its children; done is told soon, as cancelled, with the output so far.
	 */
	void (*cancel)(struct execution *run);
	/* All that stream 1 or 2 of the program brought so far, borrowed until the loop turns.
	 * NULL: this place cannot tell before the end. */
	struct bytes (*peek)(const struct execution *run, int stream);
	/* What connects semitrusted jobs; NULL: nothing, *why is a sentence. */
	const char *(*network)(const struct executor *x, const char **why);
	/* What limits memory and processes: "cgroup v1", "cgroup v2", "watcher"; NULL: nothing. */
	const char *(*limits)(const struct executor *x);
	const char *(*mode)(const struct executor *x); /* execution_mode: "pooled", "limits",
							  "unsandboxed"; a job's own may be
							  "warm" or "cold" */
};

extern const struct executor_ops executor_local, executor_fake;

#endif
