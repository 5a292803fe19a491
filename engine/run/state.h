/*
 * state -- what changes while a run is under way; internal to run.
 *
 * One state per cell, changed by cell_step() alone (run/cell.c). Beside it: who waits for whom and
 * who may start (run/ready.c), whether a cell runs again (run/again.c), what becomes of its row
 * (run/row.c), the early end (run/stop.c).
 */
#ifndef ENGINE_RUN_STATE_H
#define ENGINE_RUN_STATE_H

#include "base/map.h"
#include "keep/keep.h"
#include "run/request.h"

#define NO_CELL UINT32_MAX

enum cell_state {
	CELL_WAITING,    /* for cells it depends on */
	CELL_READY,      /* in the queue */
	CELL_SUBMITTING, /* the service has not given an id yet */
	CELL_AWAITING,   /* the service has it */
	CELL_ASKING,     /* as SUBMITTING, but it is the cell's checker */
	CELL_CHECKING,   /* as AWAITING, likewise */
	CELL_RESTING,    /* until it is tried again; holds no flight */
	CELL_CANCELLING, /* we asked the service to stop it */
	CELL_ENDED,
};

struct cell_run {
	enum cell_state state;
	uint32_t group;   /* of cells that wait for the same, or NO_CELL */
	uint32_t next;    /* in its group while it waits, then in the queue */
	bool was_resumed; /* what an earlier run left of it is used up */
	bool is_afresh;   /* what the cache had of it was not as expected: it is run */
	struct flight *flight;
	struct again *again; /* NULL: this is its first attempt, and it may be the only one */
};

/* Cells that depend on the same cells: one of them stands for all. */
struct group {
	uint32_t first;   /* of its cells; linked by cell_run.next */
	uint32_t left;    /* cells they depend on that have not ended */
	uint32_t blocker; /* one of these that did not pass, or NO_CELL */
	const uint32_t *dep;
	size_t ndep;
};

/* A cell that has run before in this run. */
struct again {
	struct run *run;
	uint32_t cell;
	struct timer timer;
	int64_t nretry;           /* retries begun */
	int64_t nrun, npassed;    /* of the repeats: runs that came to a verdict */
	enum verdict verdict;     /* of the first run that came to one; once nrun > 0 */
	bool differs;             /* a later run came to another */
	bool was_late;            /* its timeout was repeated: the next one is final */
	const char *first_reason; /* why the first attempt that did not pass did not; or NULL */
	struct row worst; /* what the row said of the first run that did not pass; once npassed <
			     nrun */
};

/* How one attempt came out. */
struct attempt {
	enum verdict verdict;
	const char *reason;
	double score;                      /* of its points: 0 to 1 */
	bool is_infra;                     /* nothing was learnt of the program; another try may */
	bool is_gone;                      /* with its endpoint, and there is another */
	bool is_shut;                      /* nor will another cell fare better */
	const struct wire_result *res;     /* or NULL: none came */
	const struct judgement *judgement; /* or NULL */
};

/* A cell that is at the service; as many as may be in flight at once. */
struct flight {
	struct run *run;
	uint32_t cell;
	struct arena arena; /* of this cell's attempt */
	struct api_call *call;
	const struct api_answer *answer; /* while cell_step handles it */
	const char *job_id;              /* of what runs for it now: the program, or a checker */
	bool is_resumed; /* it was submitted by an earlier run: the service may not have it */
	struct wire_result *res;     /* a copy, while checkers run; NULL: the program itself does */
	struct check *check;         /* all of the cell's, likewise */
	size_t checker;              /* which of these runs */
	const struct cache_key *key; /* NULL: the cache has no say in it */
	bool is_reused;              /* its result came from the cache */
	struct flight *next_free;
};

struct run {
	const struct plan *plan;
	struct run_options o;
	struct arena arena; /* of the whole run */
	struct sources sources;
	struct keep *keep;
	struct checker *checker;
	struct cache *cache; /* NULL: none is used */
	struct summary sum;
	struct cell_run *cell;
	struct group *group;
	size_t ngroup;
	uint32_t *child, *child_at;      /* groups that wait for cell i: child[child_at[i]] up to
					    child[child_at[i + 1]] */
	uint32_t ready_head, ready_tail; /* queue of cells that may start; NO_CELL: empty */
	size_t nended, nbad;
	bool *is_slow;          /* by the job's index: a cell of it ended near its ttl */
	const char *enough_why; /* not NULL: what has not started is skipped */
	struct flight *flights, *free_flight;
	struct timer stop_timer;
	struct written *written; /* what update_expected wrote, the last first */
	const char *stop_why;    /* not NULL: nothing new is started */
	bool stop_told;          /* what was in flight has been told */
	struct err failure;      /* the system failed us */
};

/* ready: groups, and the queue */
void ready_link(struct run *r);
void ready_push(struct run *r, uint32_t i);
uint32_t ready_pop(struct run *r); /* NO_CELL: empty */
/* The cell that keeps this one from starting, or NO_CELL. */
uint32_t ready_blocker(const struct run *r, uint32_t i);
/* Cell i has ended: those that waited for nothing else are queued. */
void ready_release(struct run *r, uint32_t i);

/* cell */
void cell_step(struct run *r, uint32_t i);
/* The cell's row is complete but for verdict and reason: write it down, tell, let go. */
void cell_end(struct run *r, uint32_t i, enum verdict v, const char *reason);
void cell_land(struct run *r, uint32_t i); /* give its flight back */
void cell_on_answer(void *ctx, const struct api_answer *answer);
/* The call failed. */
void cell_refuse(struct run *r, uint32_t i, const struct api_answer *answer);
/* An attempt is over: the cell ends, or rests until the next. */
void cell_finish(struct run *r, uint32_t i, const struct attempt *at);

/* again: whether, and when, a cell runs again */
struct again *again_of(struct run *r, uint32_t i); /* made if there is none */
bool again_try(struct run *r, uint32_t i, const struct attempt *at);
/* What the cell's last attempt says of all of them. */
struct attempt again_sum_up(struct run *r, uint32_t i, const struct attempt *at);
void again_stop(struct run *r);

/* row */
void row_open(struct run *r);
void row_fill(struct run *r, uint32_t i, const struct wire_result *res);
void row_judge(struct run *r, uint32_t i, const struct attempt *at);

/* judge: the result has come: kept first, judged then; the cell's checkers run one after the other
 */
void judge_result(struct run *r, uint32_t i, const struct wire_result *res);
void judge_take_id(struct run *r, uint32_t i, const struct api_answer *answer);
void judge_take_checker(struct run *r, uint32_t i, const struct api_answer *answer);

/* Whether the check holds of the stream, whatever else there is. */
bool judge_alone(struct run *r, struct arena *a, const struct check *check, struct bytes stream);

/* reuse: results of cells that passed with the same inputs */
void reuse_open(struct run *r);
void reuse_close(struct run *r);
/* Whether the cell's result was there: it is judged then, and has ended as a rule. */
bool reuse_take(struct run *r, uint32_t i, const struct wire_request *req);
/* Whether what was there does not pass any more, so that the cell is run. */
bool reuse_refuse(struct run *r, uint32_t i, const struct attempt *at);
/* The cell ends so: if it passed, what it left is stored, or the reason says where it is from. */
void reuse_settle(struct run *r, uint32_t i, struct attempt *at);

/* update: with --update, what the cell printed becomes what is expected */
bool update_expected(struct run *r, uint32_t i, const struct wire_result *res, struct err *e);

/* stop */
void stop_failed(struct run *r, const struct err *e); /* the system failed us */
bool stop_cancels(const struct run *r);
enum verdict stop_verdict(const struct run *r);
void stop_tell(struct run *r);
void stop_rest(struct run *r); /* rows for what never ran */
bool stop_is_over(const struct run *r);

#endif
