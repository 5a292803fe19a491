#include "service/job.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "service/zalloc.h"

#define IDS_A_MS 4096 /* what the 12 bits behind the version count */

static const char *const why_text[NWHY] = {
	[WHY_NONE] = "Job cancelled",
	[WHY_USER] = "Job cancelled by user",
	[WHY_HANGUP] = "Job cancelled: its caller hung up",
	[WHY_RESTART] = "Job cancelled: the service was restarted and its caller is gone",
	[WHY_STOP] = "Job cancelled: the service was stopped",
};

void job_id(char out[WIRE_ID_SIZE], struct job_ids *last, int64_t unix_ms)
{
	char stamp[16];

	last->nth = unix_ms > last->unix_ms ? 0 : (last->nth + 1) % IDS_A_MS;
	if (unix_ms > last->unix_ms)
		last->unix_ms = unix_ms;
	else if (last->nth == 0)
		last->unix_ms++;
	uuid_make(out);
	snprintf(stamp, sizeof(stamp), "%012llx%03x",
		 (unsigned long long)last->unix_ms & 0xffffffffffffULL, last->nth);
	memcpy(out, stamp, 8);
	memcpy(out + 9, stamp + 8, 4);
	out[14] = '7';
	memcpy(out + 15, stamp + 12, 3);
}

struct job *job_new(struct queue *q, const char *id, int64_t created_ms)
{
	struct job *j = zalloc(sizeof(*j));
	int64_t age = clock_unix_ms() - created_ms;

	j->queue = q;
	snprintf(j->id, sizeof(j->id), "%s", id);
	j->ticket.owner = j;
	j->created_ms = created_ms;
	j->created_at = clock_mono_ms() - (age > 0 ? age : 0);
	TAILQ_INIT(&j->waiters);
	for (int i = 0; i < NWAIT; i++)
		j->text[i] = BUF(QUEUE_ANSWER_MAX);
	return j;
}

int64_t job_clock_ms(const struct job *j, int64_t mono_ms)
{
	return j->created_ms + mono_ms - j->created_at;
}

void job_unload(struct job *j)
{
	arena_free(&j->arena);
	j->request = NULL;
	j->kept_bytes = 0;
}

void job_free(struct job *j)
{
	job_unload(j);
	for (int i = 0; i < NWAIT; i++)
		buf_close(&j->text[i]);
	for (int i = 0; i < 2; i++)
		buf_close(&j->exact[i]);
	buf_close(&j->apart.answer);
	arena_free(&j->apart.arena);
	free(j);
}

bool job_has_waiter(const struct job *j, enum wait_for what)
{
	const struct waiter *w;

	TAILQ_FOREACH(w, &j->waiters, link)
	if (w->what == what)
		return true;
	return false;
}

/* The text for that kind of waiter, made from the whole job's where it came late. */
static bool text_for(struct job *j, enum wait_for what, struct err *e)
{
	if (what == WAIT_CANCELLED && j->status != WIRE_CANCELLED)
		return err_set(e, ERR_CONFLICT, "job %s has ended already: it is %s", j->id,
			       wire_status_names[j->status]);
	if (what == WAIT_RESULT && !j->text[what].len)
		return job_result_text(buf_text(&j->text[WAIT_ENDED]), j->text[WAIT_ENDED].len,
				       &j->text[what], e);
	return true;
}

void job_tell(struct job *j, const struct err *e)
{
	struct waiter *w;
	struct err failed;

	while ((w = TAILQ_FIRST(&j->waiters))) {
		struct bytes json = { "", 0 };
		const struct err *why = e;

		TAILQ_REMOVE(&j->waiters, w, link);
		w->job = NULL;
		if (!why && !text_for(j, w->what, &failed))
			why = &failed;
		if (!why)
			json = (struct bytes){ buf_text(&j->text[w->what]), j->text[w->what].len };
		w->tell(w->ctx, json, why);
	}
}

struct wire_result job_no_result(const struct job *j, enum wire_status status, const char *error)
{
	return (struct wire_result){
		.out = { "", 0 },
		.err = { "", 0 },
		.error = error,
		.exit_code = -1,
		.network = j->request ? j->request->network : WIRE_ZEROTRUST,
		.status = status,
	};
}

bool queue_print_job(const struct job *j, struct buf *b)
{
	return wire_job_print(
		&(struct wire_job){
			.id = j->id,
			.status = j->started_ms ? WIRE_RUNNING : WIRE_PENDING,
			.language = j->language_name,
			.created_at = j->created_ms / 1000,
			.started_at = j->started_ms / 1000,
		},
		b);
}

bool job_print_row(const struct job *j, bool is_first, struct buf *b)
{
	char at[21];

	clock_iso(j->created_ms / 1000, at);
	return buf_printf(b, "%s{\"job_id\":\"%s\",\"status\":\"%s\",\"language\":",
			  is_first ? "" : ",", j->id,
			  wire_status_names[j->started_ms ? WIRE_RUNNING : WIRE_PENDING]) &&
	       json_quote(b, j->language_name, strlen(j->language_name)) &&
	       buf_printf(b, ",\"submitted_at\":\"%s\"}", at);
}

static struct wire_job whole_job(const struct job *j, const struct wire_result *r)
{
	return (struct wire_job){
		.id = j->id,
		.status = r->status,
		.language = j->language_name,
		.created_at = j->created_ms / 1000,
		.started_at = j->started_ms / 1000,
		.completed_at = j->ended_ms / 1000,
		.result = r,
	};
}

static bool print_texts(struct job *j, const struct wire_result *r)
{
	const struct wire_job whole = whole_job(j, r);

	for (int i = 0; i < NWAIT; i++)
		buf_clear(&j->text[i]);
	return wire_job_print(&whole, &j->text[WAIT_ENDED]) &&
	       (!job_has_waiter(j, WAIT_RESULT) || wire_result_print(r, &j->text[WAIT_RESULT])) &&
	       (r->status != WIRE_CANCELLED ||
		wire_cancelled_print(&whole, &j->text[WAIT_CANCELLED]));
}

/* JSON cannot say what is no text. */
static void keep_exact(struct job *j, const struct wire_result *r)
{
	const struct bytes stream[] = { r->out, r->err };

	for (int i = 0; i < 2; i++) {
		j->exact[i] = BUF(QUEUE_ANSWER_MAX);
		if (!json_is_text(stream[i].data, stream[i].len))
			buf_add(&j->exact[i], stream[i].data, stream[i].len);
	}
}

/* Each artifact is to be had without the others. */
static void keep_artifacts(struct job *j, const struct wire_result *r)
{
	struct apart *p = &j->apart;
	struct wire_result bare = *r;
	struct wire_job job = whole_job(j, &bare);

	p->answer = BUF(QUEUE_ANSWER_MAX);
	if (!r->nartifact)
		return;
	bare.artifact = ARENA_NEW(&p->arena, r->nartifact, struct wire_artifact);
	p->artifact = ARENA_NEW(&p->arena, r->nartifact, struct wire_artifact);
	p->n = r->nartifact;
	for (size_t i = 0; i < p->n; i++) {
		const struct wire_artifact *it = &r->artifact[i];

		p->artifact[i].name = arena_strdup(&p->arena, it->name);
		p->artifact[i].data =
			(struct bytes){ arena_strndup(&p->arena, it->data.data, it->data.len),
					it->data.len };
		bare.artifact[i] = (struct wire_artifact){ it->name, { NULL, it->data.len } };
	}
	if (!wire_job_print(&job, &p->answer))
		p->n = 0;
}

void job_end(struct job *j, const struct wire_result *result)
{
	struct wire_result r = *result;
	int64_t now = clock_mono_ms();

	j->ended_ms = job_clock_ms(j, now);
	r.job_id = j->id;
	r.language = j->language_name;
	r.detected_language = j->is_detected ? j->language_name : NULL;
	r.has_extras = true;
	r.queue_time_ms = (j->started_at ? j->started_at : now) - j->created_at;
	r.total_time_ms = j->started_at ? now - j->started_at : 0;
	if (r.status == WIRE_CANCELLED) {
		r.success = false;
		r.exit_code = -1;
		r.error = why_text[j->why];
	}
	if (!print_texts(j, &r)) {
		struct wire_result large = job_no_result(
			j, WIRE_FAILED, "the result is larger than the service can keep");

		large.job_id = j->id;
		large.language = j->language_name;
		large.detected_language = r.detected_language;
		large.execution_mode = r.execution_mode;
		large.has_extras = true;
		r = large;
		print_texts(j, &r);
	}
	keep_exact(j, &r);
	keep_artifacts(j, &r);
	j->status = r.status;
	job_unload(j);
}

void job_write_end(const struct job *j, struct store *store)
{
	const struct buf *answer = j->apart.n ? &j->apart.answer : &j->text[WAIT_ENDED];
	const struct store_end end = {
		.seq = j->seq,
		.id = j->id,
		.tenant = j->ticket.tenant->name,
		.status = j->status,
		.ended_ms = j->ended_ms,
		.answer = { buf_text(answer), answer->len },
	};
	struct err ignored;

	store_end(store, &end, &ignored);
	for (int i = 0; i < 2; i++) {
		const struct bytes all = { buf_text(&j->exact[i]), j->exact[i].len };

		if (all.len)
			store_add_exact(store, j->seq, i + 1, all, &ignored);
	}
	for (size_t i = 0; i < j->apart.n; i++)
		store_add_artifact(store, j->seq, &j->apart.artifact[i], &ignored);
	if (j->is_interactive && j->why > WHY_USER)
		store_forget_key(store, j->id, &ignored);
}

bool job_result_text(const char *json, size_t len, struct buf *b, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct wire_job job = { 0 };

	if (!wire_job_parse(&a, json, len, &job, e))
		return false;
	if (!job.result)
		return err_set(e, ERR_SYSTEM, "the job that was kept has no result");
	return wire_result_print(job.result, b) ||
	       err_set(e, ERR_SYSTEM, "the result is larger than %zu bytes", b->max);
}
