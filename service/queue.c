#include "service/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "service/job.h"
#include "service/kept.h"
#include "service/zalloc.h"

#define RETRY_MS 1000 /* after a commit that failed */
/* Bytes of requests that wait in memory; what is more is read again when it starts. */
#define KEEP_MAX   ((size_t)32 << 20)
#define KEEP_LEAST ((size_t)8 << 10) /* what even a small one takes */

TAILQ_HEAD(jobs, job);

struct queue {
	struct queue_parts parts;
	struct order order;
	struct map by_id;
	struct queue_counts counts;
	struct job_ids ids;
	struct jobs born, ended; /* what the next commit brings about */
	size_t nrunning, kept_bytes;
	int64_t retry_at; /* CLOCK_MONOTONIC, ms; 0: the store is well */
	bool is_stopping;
};

static const struct err stopping = { ERR_STOPPING, "the service is shutting down" };

static void job_enter(struct queue *q, struct job *j, const char *tenant, const char *language)
{
	snprintf(j->language_name, sizeof(j->language_name), "%s", language);
	j->ticket.class = j->is_interactive ? 0 : 1;
	order_enter(&q->order, &j->ticket, tenant);
	map_set(&q->by_id, j->id, strlen(j->id), j);
}

static void job_leave(struct queue *q, struct job *j)
{
	order_leave(&q->order, &j->ticket);
	map_del(&q->by_id, j->id, strlen(j->id));
	q->kept_bytes -= j->kept_bytes;
	job_free(j);
}

/* The job has ended, in memory; the next commit brings it to the store and then to its waiters. */
static void end(struct job *j, const struct wire_result *r)
{
	struct queue *q = j->queue;

	order_withdraw(&q->order, &j->ticket);
	q->kept_bytes -= j->kept_bytes;
	job_end(j, r);
	j->has_ended = true;
	TAILQ_INSERT_TAIL(&q->ended, j, ended);
}

static bool load(struct job *j, struct err *e)
{
	struct bytes body;

	if (j->request)
		return true;
	j->request = ARENA_NEW(&j->arena, 1, struct wire_request);
	if (store_request(j->queue->parts.store, &j->arena, j->seq, &body, e) &&
	    wire_request_parse(&j->arena, body.data, body.len, j->request, e)) {
		keys_bound(keys_of_tenant(j->queue->parts.keys, j->ticket.tenant->name),
			   j->request);
		return true;
	}
	job_unload(j);
	return false;
}

static void end_without_run(struct job *j, enum wire_status status, const char *error)
{
	const struct queue_parts *p = &j->queue->parts;
	struct wire_result r;
	struct err ignored;

	load(j, &ignored);
	r = job_no_result(j, status, error);
	r.execution_mode = p->ops->mode(p->executor);
	end(j, &r);
}

static void cancel(struct job *j, enum why why)
{
	const struct queue *q = j->queue;

	if (j->has_ended || j->why)
		return;
	j->why = why;
	if (j->run)
		q->parts.ops->cancel(j->run);
	else
		end_without_run(j, WIRE_CANCELLED, NULL);
}

static void on_owed(void *ctx, int64_t seq, const struct store_job *s)
{
	struct queue *q = ctx;
	struct job *j = job_new(q, s->id, s->created_ms);

	j->seq = seq;
	j->is_interactive = s->is_interactive;
	j->is_detected = s->is_detected;
	j->language = languages_find(q->parts.languages, s->language);
	job_enter(q, j, s->tenant, s->language);
	if (j->is_interactive)
		cancel(j, WHY_RESTART);
}

static size_t most_running(void *ctx, const char *tenant)
{
	const struct queue *q = ctx;
	const struct key *k = keys_of_tenant(q->parts.keys, tenant);

	return k ? (size_t)k->concurrency : 0;
}

struct queue *queue_open(const struct queue_parts *parts, struct err *e)
{
	struct queue *q = zalloc(sizeof(*q));

	q->parts = *parts;
	if (!q->parts.max)
		q->parts.max = QUEUE_MAX;
	order_init(&q->order);
	q->order.most = most_running;
	q->order.most_ctx = q;
	TAILQ_INIT(&q->born);
	TAILQ_INIT(&q->ended);
	if (store_owed(q->parts.store, on_owed, q, e))
		return q;
	queue_close(q);
	return NULL;
}

void queue_close(struct queue *q)
{
	struct job *j;
	size_t at = 0;

	if (!q)
		return;
	while ((j = map_next(&q->by_id, &at))) {
		job_tell(j, &stopping);
		job_leave(q, j);
		at = 0;
	}
	order_close(&q->order);
	map_close(&q->by_id);
	free(q);
}

static void attach(struct job *j, struct waiter *w)
{
	w->job = j;
	TAILQ_INSERT_TAIL(&j->waiters, w, link);
}

static void tell_buf(struct waiter *w, const struct buf *b)
{
	w->tell(w->ctx, (struct bytes){ buf_text(b), b->len }, NULL);
}

static bool tell_accepted(struct waiter *w, const char *id, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(4096);

	if (!wire_accepted_print(id, &b))
		return err_set(e, ERR_SYSTEM, "a job id of %zu bytes", strlen(id));
	tell_buf(w, &b);
	return true;
}

/* The submit repeats one whose job has ended. */
static bool tell_ended(struct queue *q, const char *tenant, const char *id, struct waiter *w,
		       struct err *e)
{
	const struct kept k = { q->parts.store, tenant, id, INT64_MAX };
	CLEAN_BUF struct buf whole = BUF(QUEUE_ANSWER_MAX);
	CLEAN_BUF struct buf result = BUF(QUEUE_ANSWER_MAX);
	bool found = false;

	if (w->what == WAIT_SAVED)
		return tell_accepted(w, id, e);
	if (!kept_answer(&k, &whole, &found, e))
		return false;
	if (!found)
		return err_set(e, ERR_SYSTEM, "job %s has ended, but its result is not kept", id);
	if (!job_result_text(buf_text(&whole), whole.len, &result, e))
		return false;
	tell_buf(w, &result);
	return true;
}

static bool replay(struct queue *q, const struct submission *s, const char *id, struct waiter *w,
		   struct err *e)
{
	struct job *j = queue_find(q, s->tenant, id);

	if (!j)
		return tell_ended(q, s->tenant, id, w, e);
	if (w->what == WAIT_SAVED && !j->is_born)
		return tell_accepted(w, id, e);
	attach(j, w);
	return true;
}

/* Of a key's jobs so many may wait beside those that may run at once. */
static bool check_share(const struct queue *q, const char *tenant, size_t more, struct err *e)
{
	const struct key *k = keys_of_tenant(q->parts.keys, tenant);
	const struct tenant *t = order_tenant(&q->order, tenant);
	size_t n;

	if (!k || k->queue < 0)
		return true;
	n = !t ? 0 : k->concurrency ? t->npending + t->nrunning : t->npending;
	if (n + more <= (size_t)(k->concurrency + k->queue))
		return true;
	return err_set(e, ERR_RATE,
		       "this key has %zu jobs that run and %zu that wait, and at most %lld may "
		       "wait",
		       t ? t->nrunning : 0, t ? t->npending : 0, (long long)k->queue);
}

bool queue_has_room(const struct queue *q, const char *tenant, size_t n, struct err *e)
{
	if (!check_share(q, tenant, n, e))
		return false;
	return q->order.npending + n <= q->parts.max ||
	       err_set(e, ERR_QUEUE_FULL, "%zu jobs are waiting, which is as many as are taken",
		       q->order.npending);
}

/* What keeping the parsed request in memory counts. */
static size_t kept_size(const struct submission *s)
{
	return s->body.len > KEEP_LEAST ? s->body.len : KEEP_LEAST;
}

static void keep_request(struct queue *q, struct job *j, const struct submission *s)
{
	j->arena = *s->arena;
	*s->arena = (struct arena){ 0 };
	j->request = s->request;
	j->kept_bytes = kept_size(s);
	q->kept_bytes += j->kept_bytes;
}

static bool submit_new(struct queue *q, const struct submission *s, const char *digest,
		       struct waiter *w, struct err *e)
{
	char id[WIRE_ID_SIZE];
	struct store_job row = {
		.id = id,
		.tenant = s->tenant,
		.language = s->language->name,
		.is_interactive = s->is_interactive,
		.is_detected = s->is_detected,
		.created_ms = clock_unix_ms(),
		.key = s->key,
		.digest = digest,
		.request = s->body,
	};
	bool is_kept = q->kept_bytes + kept_size(s) <= KEEP_MAX;
	struct job *j;
	int64_t seq;

	if (!queue_has_room(q, s->tenant, 1, e))
		return false;
	job_id(id, &q->ids, row.created_ms);
	/* After a crash an interactive job is cancelled, not run: nobody will read its request. */
	if (is_kept && s->is_interactive)
		row.request = (struct bytes){ "", 0 };
	if (!store_add(q->parts.store, &row, &seq, e))
		return false;
	j = job_new(q, id, row.created_ms);
	j->seq = seq;
	j->is_interactive = s->is_interactive;
	j->is_detected = s->is_detected;
	j->language = s->language;
	job_enter(q, j, s->tenant, s->language->name);
	if (is_kept)
		keep_request(q, j, s);
	j->is_born = true;
	TAILQ_INSERT_TAIL(&q->born, j, born);
	attach(j, w);
	return true;
}

bool queue_submit(struct queue *q, const struct submission *s, struct waiter *w, struct err *e)
{
	struct store_key known = { 0 };
	char digest[DIGEST_HEX] = "";

	if (q->is_stopping) {
		*e = stopping;
		return false;
	}
	if (s->key) {
		digest_sha256(s->body.data, s->body.len, digest);
		if (!store_find_key(q->parts.store, s->tenant, s->key, &known, e))
			return false;
	}
	if (!known.id[0])
		return submit_new(q, s, digest, w, e);
	if (strcmp(known.digest, digest) != 0)
		return err_set(e, ERR_IMPOSSIBLE,
			       "the " WIRE_IDEMPOTENCY " was used for another request before");
	return replay(q, s, known.id, w, e);
}

struct job *queue_find(const struct queue *q, const char *tenant, const char *id)
{
	struct job *j = map_get(&q->by_id, id, strlen(id));

	return j && !strcmp(j->ticket.tenant->name, tenant) ? j : NULL;
}

bool queue_print_jobs(const struct queue *q, const char *tenant, struct buf *b)
{
	const struct tickets *all = order_of(&q->order, tenant);
	const struct ticket *t;
	bool is_first = true;
	bool ok = buf_puts(b, "{\"jobs\":[");

	if (all) {
		TAILQ_FOREACH(t, all, of_tenant)
		{
			const struct job *j = t->owner;

			if (j->is_born)
				continue;
			ok = ok && job_print_row(j, is_first, b);
			is_first = false;
		}
	}
	return ok && buf_puts(b, "]}");
}

struct bytes queue_output(const struct job *j, int stream)
{
	const struct executor_ops *ops = j->queue->parts.ops;

	return j->run && ops->peek ? ops->peek(j->run, stream) : (struct bytes){ "", 0 };
}

void queue_wait(struct queue *q, struct job *j, struct waiter *w)
{
	if (q->is_stopping)
		w->tell(w->ctx, (struct bytes){ "", 0 }, &stopping);
	else
		attach(j, w);
}

void queue_cancel(struct queue *q, struct job *j, struct waiter *w)
{
	(void)q;
	attach(j, w);
	cancel(j, WHY_USER);
}

void queue_leave(struct queue *q, struct waiter *w)
{
	struct job *j = w->job;

	(void)q;
	if (!j)
		return;
	w->job = NULL;
	TAILQ_REMOVE(&j->waiters, w, link);
	if (w->what == WAIT_RESULT && j->is_interactive && !job_has_waiter(j, WAIT_RESULT))
		cancel(j, WHY_HANGUP);
}

/* Stopped by us, and nobody else wanted its end: it is for the next service to run. */
static void requeue(struct job *j)
{
	j->status = WIRE_PENDING;
	j->started_ms = j->started_at = 0;
	job_tell(j, &stopping);
}

static void on_done(void *ctx, const struct wire_result *result)
{
	struct job *j = ctx;

	j->run = NULL;
	j->queue->nrunning--;
	if (j->why == WHY_STOP && !j->is_interactive && result->status == WIRE_CANCELLED)
		requeue(j);
	else
		end(j, result);
}

static bool check_language(const struct job *j, struct err *e)
{
	if (!j->language)
		return err_set(e, ERR_IMPOSSIBLE, "the language '%s' is not known any more",
			       j->language_name);
	return j->language->is_available ||
	       err_set(e, ERR_IMPOSSIBLE, "%s is not installed any more", j->language_name);
}

static void start(struct queue *q, struct job *j)
{
	const struct queue_parts *p = &q->parts;
	const struct executor_job job = { j->id, j->ticket.tenant->name };
	struct execution *run;
	struct err e;

	if (!load(j, &e) || !check_language(j, &e)) {
		end_without_run(j, WIRE_FAILED, e.msg);
		return;
	}
	j->status = WIRE_RUNNING;
	j->started_at = clock_mono_ms();
	j->started_ms = job_clock_ms(j, j->started_at);
	q->nrunning++;
	run = p->ops->start(p->executor, &job, j->request, j->language, on_done, j);
	if (!j->has_ended)
		j->run = run;
}

/* Bring what ended to the store; the commit judges whether it got there. */
static void write_ended(struct queue *q)
{
	struct job *j;

	TAILQ_FOREACH(j, &q->ended, ended)
	{
		if (!j->is_written)
			job_write_end(j, q->parts.store);
		j->is_written = true;
	}
}

static void tell_born(struct queue *q)
{
	struct job *j;
	struct waiter *w, *next;
	struct err e;

	while ((j = TAILQ_FIRST(&q->born))) {
		TAILQ_REMOVE(&q->born, j, born);
		j->is_born = false;
		for (w = TAILQ_FIRST(&j->waiters); w; w = next) {
			next = TAILQ_NEXT(w, link);
			if (w->what != WAIT_SAVED)
				continue;
			TAILQ_REMOVE(&j->waiters, w, link);
			w->job = NULL;
			if (!tell_accepted(w, j->id, &e))
				w->tell(w->ctx, (struct bytes){ "", 0 }, &e);
		}
	}
}

const int64_t queue_bucket_ms[QUEUE_BUCKETS] = {
	10, 50, 100, 500, 1000, 5000, 30000, 120000, 900000
};

static void count_end(struct queue_counts *n, const struct job *j)
{
	int64_t took = j->ended_ms - j->started_ms;
	size_t i = 0;

	n->ended[j->status]++;
	if (!j->started_ms)
		return;
	while (i < QUEUE_BUCKETS && took > queue_bucket_ms[i])
		i++;
	if (i < QUEUE_BUCKETS)
		n->bucket[i]++;
	n->ntimed++;
	n->total_ms += took > 0 ? took : 0;
}

static void tell_ended_jobs(struct queue *q)
{
	struct job *j;

	while ((j = TAILQ_FIRST(&q->ended))) {
		TAILQ_REMOVE(&q->ended, j, ended);
		count_end(&q->counts, j);
		job_tell(j, NULL);
		job_leave(q, j);
	}
}

/* Nothing of this turn is on disk: new jobs are refused, ends are kept for another try. */
static void undo(struct queue *q, const struct err *e)
{
	struct job *j;

	log_warn("%s", e->msg);
	q->retry_at = clock_mono_ms() + RETRY_MS;
	while ((j = TAILQ_FIRST(&q->born))) {
		TAILQ_REMOVE(&q->born, j, born);
		if (j->has_ended)
			TAILQ_REMOVE(&q->ended, j, ended);
		job_tell(j, e);
		job_leave(q, j);
	}
	TAILQ_FOREACH(j, &q->ended, ended)
	j->is_written = false;
}

static void save(struct queue *q)
{
	struct err e;

	write_ended(q);
	if (!store_commit(q->parts.store, &e)) {
		undo(q, &e);
		return;
	}
	q->retry_at = 0;
	tell_born(q);
	tell_ended_jobs(q);
}

void queue_turn(struct queue *q)
{
	const struct queue_parts *p = &q->parts;
	struct ticket *t;

	if (queue_due_ms(q) == 0)
		save(q);
	/* What is not on disk must not run. */
	if (q->is_stopping || !TAILQ_EMPTY(&q->born))
		return;
	while (p->ops->room(p->executor) > 0 && (t = order_next(&q->order)))
		start(q, t->owner);
}

int queue_due_ms(const struct queue *q)
{
	int64_t left;

	if (q->retry_at) {
		left = q->retry_at - clock_mono_ms();
		return left > 0 ? (int)left : 0;
	}
	return !TAILQ_EMPTY(&q->ended) || store_is_dirty(q->parts.store) ? 0 : -1;
}

struct queue_counts queue_count(const struct queue *q)
{
	struct queue_counts n = q->counts;

	n.pending = q->order.npending;
	n.running = q->nrunning;
	return n;
}

/* Those who wait for an end are sent away; who waits for a commit or a cancel gets it. */
static void send_away(struct job *j)
{
	struct waiter *w, *next;

	if (j->has_ended)
		return;
	for (w = TAILQ_FIRST(&j->waiters); w; w = next) {
		next = TAILQ_NEXT(w, link);
		if (w->what != WAIT_RESULT && w->what != WAIT_ENDED)
			continue;
		TAILQ_REMOVE(&j->waiters, w, link);
		w->job = NULL;
		w->tell(w->ctx, (struct bytes){ "", 0 }, &stopping);
	}
}

void queue_stop(struct queue *q)
{
	struct job *j;
	size_t at = 0;

	q->is_stopping = true;
	while ((j = map_next(&q->by_id, &at))) {
		send_away(j);
		if (j->run || j->is_interactive)
			cancel(j, WHY_STOP);
	}
}

bool queue_is_still(const struct queue *q)
{
	return q->is_stopping && !q->nrunning && TAILQ_EMPTY(&q->born) && TAILQ_EMPTY(&q->ended) &&
	       !store_is_dirty(q->parts.store);
}
