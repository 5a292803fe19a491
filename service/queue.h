/*
 * queue -- who runs next, and the life of a job from its submit to its end.
 *
 * In memory are only the jobs that have not ended, and of those that wait for
 * long not even the request. Interactive jobs go first; within a class tenants
 * take turns, and each tenant's jobs are first come, first served.
 *
 * Nothing is told before it is on disk: queue_turn commits, then tells.
 */
#ifndef SERVICE_QUEUE_H
#define SERVICE_QUEUE_H

#include <sys/queue.h>

#include "service/executor.h"
#include "service/keys.h"
#include "service/store.h"

#define QUEUE_MAX        10000       /* jobs that wait to be started */
#define QUEUE_ANSWER_MAX (128 << 20) /* bytes of one answer */

struct queue;
struct job;

struct queue_parts {
	struct store *store;
	const struct languages *languages;
	const struct executor_ops *ops;
	struct executor *executor;
	const struct keys *keys; /* NULL: anonymous use */
	size_t max;              /* 0: QUEUE_MAX */
};

/* What a waiter wants to be told. */
enum wait_for {
	WAIT_SAVED,     /* {"job_id":...,"status":"pending"}, once that is on disk */
	WAIT_ENDED,     /* the job, once it has ended */
	WAIT_RESULT,    /* its result; the last of these to leave cancels an interactive job */
	WAIT_CANCELLED, /* the cancelled job; ERR_CONFLICT if it ended otherwise */
	NWAIT
};

/* Lives in its owner until it was told or has left. */
struct waiter {
	enum wait_for what;
	/* Told once: the JSON, borrowed, or with e why it will not come. */
	void (*tell)(void *ctx, struct bytes json, const struct err *e);
	void *ctx;
	struct job *job; /* NULL: not waiting */
	TAILQ_ENTRY(waiter) link;
};

struct submission {
	const char *tenant;
	const char *key;              /* Idempotency-Key, or NULL */
	struct bytes body;            /* borrowed */
	struct wire_request *request; /* the body parsed and checked, in the arena */
	struct arena *arena;          /* taken over when the submit succeeds */
	const struct language *language;
	bool is_interactive;
	bool is_detected; /* the language was: the result says so */
};

/* With all jobs that the store still owes; interactive ones among them end as cancelled: their
 * callers are gone. */
struct queue *queue_open(const struct queue_parts *parts, struct err *e);
/* After the executor was closed. What has not ended stays in the store. */
void queue_close(struct queue *q);

/* Accept a job, or with a key that is known find the one it stands for (ERR_IMPOSSIBLE if that
 * differs); w is told. ERR_RATE: the tenant has as many as its key allows. */
bool queue_submit(struct queue *q, const struct submission *s, struct waiter *w, struct err *e);
/* Whether n more of the tenant's jobs would be taken now. */
bool queue_has_room(const struct queue *q, const char *tenant, size_t n, struct err *e);
/* The tenant's job that has not ended, or NULL. */
struct job *queue_find(const struct queue *q, const char *tenant, const char *id);
/* As GET /jobs/{id} shows it now. */
bool queue_print_job(const struct job *j, struct buf *b);
/* {"jobs":[...]}: the tenant's jobs that have not ended, in the order they came. */
bool queue_print_jobs(const struct queue *q, const char *tenant, struct buf *b);
/* What it printed so far to stream 1 or 2; borrowed until the loop turns. */
struct bytes queue_output(const struct job *j, int stream);
void queue_wait(struct queue *q, struct job *j, struct waiter *w);
/* End the job; w (WAIT_CANCELLED) is told. */
void queue_cancel(struct queue *q, struct job *j, struct waiter *w);
/* The waiter is no longer interested. */
void queue_leave(struct queue *q, struct waiter *w);

/* At the end of a turn: commit, tell who waits, start what there is room for. */
void queue_turn(struct queue *q);
/* In how many ms queue_turn has something to do, -1: not before something happens. */
int queue_due_ms(const struct queue *q);

#define QUEUE_BUCKETS 9
extern const int64_t queue_bucket_ms[QUEUE_BUCKETS];

struct queue_counts {
	size_t pending, running;
	/* Since the start: by enum wire_status, and of those that ran how long they took. */
	uint64_t ended[WIRE_FAILED + 1];
	uint64_t bucket[QUEUE_BUCKETS], ntimed;
	int64_t total_ms;
};
struct queue_counts queue_count(const struct queue *q);

/* Take no more jobs and start none; what runs is killed, and stays in the store as pending but for
 * interactive jobs. */
void queue_stop(struct queue *q);
/* Stopped, and nothing runs or waits to be told. */
bool queue_is_still(const struct queue *q);

#endif
