/*
 * job -- one job that has not ended, as queue.c keeps it, and what is said about
 * it: its rows, its result, its end.
 */
#ifndef SERVICE_JOB_H
#define SERVICE_JOB_H

#include "service/order.h"
#include "service/queue.h"

/* Why a job was cancelled, if it was. */
enum why { WHY_NONE, WHY_USER, WHY_HANGUP, WHY_RESTART, WHY_STOP, NWHY };

TAILQ_HEAD(waiters, waiter);

struct job {
	struct ticket ticket;
	struct queue *queue;
	char id[WIRE_ID_SIZE];
	int64_t seq; /* in the store */
	char language_name[64];
	const struct language *language; /* NULL: not known any more */
	bool is_interactive, is_detected;
	enum wire_status status;
	enum why why;
	int64_t created_ms, started_ms, ended_ms; /* Unix time, 0: not yet */
	int64_t created_at, started_at;           /* CLOCK_MONOTONIC, ms: for durations */
	struct arena arena;                       /* of request */
	struct wire_request *request;             /* NULL: it is in the store */
	size_t kept_bytes;                        /* what request is accounted for */
	struct execution *run;                    /* NULL: it does not run */
	struct waiters waiters;
	struct buf text[NWAIT]; /* what waiters of each kind are told */
	struct buf exact[2];    /* stdout and stderr where they are no text */
	struct apart {          /* what the store keeps apart from the answer */
		struct arena arena;
		struct wire_artifact *artifact;
		size_t n;          /* 0: the answer is text[WAIT_ENDED] */
		struct buf answer; /* with their paths alone */
	} apart;
	bool is_born;    /* not on disk yet: it is in the queue's born */
	bool has_ended;  /* its end is not on disk yet: it is in the queue's ended */
	bool is_written; /* the store has its end, uncommitted */
	TAILQ_ENTRY(job) born, ended;
};

/* The last id that was given out. */
struct job_ids {
	int64_t unix_ms;
	unsigned nth; /* of that millisecond */
};

/* A random UUID that begins with the time and counts within its milliseconds (RFC 9562, version 7,
 * method 1 of 6.2): ids that grow, whatever the clock does, keep the store's index cheap. */
void job_id(char out[WIRE_ID_SIZE], struct job_ids *last, int64_t unix_ms);
struct job *job_new(struct queue *q, const char *id, int64_t created_ms);
void job_free(struct job *j);
/* The Unix time at that CLOCK_MONOTONIC time, by the clock the job was created by: its times are in
 * order whatever the clock is set to meanwhile. */
int64_t job_clock_ms(const struct job *j, int64_t mono_ms);
/* The row of GET /jobs. */
bool job_print_row(const struct job *j, bool is_first, struct buf *b);
/* Forget the parsed request. */
void job_unload(struct job *j);

bool job_has_waiter(const struct job *j, enum wait_for what);
/* Each waiter is told, and waits no more. e NULL: the text of its kind. */
void job_tell(struct job *j, const struct err *e);
/* The end of the job: its stamps, and the texts that will be told. r's ids, times and cancel
 * sentence are filled here. */
void job_end(struct job *j, const struct wire_result *r);
/* Bring the end to the store; its commit judges whether it got there. */
void job_write_end(const struct job *j, struct store *store);
/* The result of a job that did not run at all: cancelled, or failed with error. */
struct wire_result job_no_result(const struct job *j, enum wire_status status, const char *error);
/* {"job_id":..., ...} of GET /jobs/{id}, as its result alone. */
bool job_result_text(const char *json, size_t len, struct buf *b, struct err *e);

#endif
