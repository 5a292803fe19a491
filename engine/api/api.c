#include "api/api.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

#include "api/endpoint.h"
#include "api/http.h"
#include "api/retry.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"

#define TRIES           6
#define BACKOFF_MS      200
#define ANSWER_BYTES    (64 << 20)
#define PATIENCE_MS     30000
#define WAIT_S          30 /* of ?wait=, at most WIRE_WAIT_MAX */
#define FIRST_POLL_MS   100
#define LAST_POLL_MS    2000
#define SOON_MS         1000 /* an unfinished job told sooner than this was not waited for */
#define MAX_CONNECTIONS 1000
#define SHOWN_BYTES     ((size_t)80) /* of an answer that makes no sense */
#define SENTENCE_BYTES  300

static_assert(WAIT_S <= WIRE_WAIT_MAX, "the service would refuse it");

/* A call lies in exactly one of its api's lists, in the order of coming there. */
struct call_list {
	struct api_call *first, *last;
};

struct api {
	struct arena arena; /* holds this struct too */
	struct loop *loop;
	struct endpoint endpoint;
	struct api_options options; /* with the defaults filled in */
	struct http *http;
	bool has_additions; /* some answer told WIRE_HEADER */
	size_t nactive, max_active;
	size_t nlong, max_long;  /* of the active, those that wait at the service */
	struct call_list queued; /* for a connection */
	struct call_list begun;  /* at the service, or waiting for their timer */
};

/* What becomes of a call after an answer. */
enum fate { FATE_ANSWER, FATE_RETRY, FATE_POLL };

struct call_kind {
	const char *method;
	/* Take a 2xx answer: fill out, or have the call poll on. */
	enum fate (*take)(struct api_call *c, const struct http_answer *h, struct arena *a,
			  struct api_answer *out);
	long also_ok[2]; /* statuses that are no failure either */
};

struct api_call {
	struct arena arena; /* holds this struct and its texts */
	struct api *api;
	const struct call_kind *kind;
	struct call_list *list;
	struct api_call *prev, *next;
	const char *path;
	const char *job_id;          /* NULL but for await and cancel */
	const char *idempotency_key; /* NULL but for submit */
	struct bytes body;
	struct transfer *transfer; /* NULL: not at the service */
	bool is_long, is_answering;
	int64_t begun_ms;
	struct timer timer; /* back-off, or the next poll */
	int tries;
	int64_t poll_ms;
	api_done_fn *done;
	void *ctx;
};

static void list_add(struct call_list *l, struct api_call *c)
{
	c->list = l;
	c->next = NULL;
	c->prev = l->last;
	if (l->last)
		l->last->next = c;
	else
		l->first = c;
	l->last = c;
}

static void list_remove(struct api_call *c)
{
	struct call_list *l = c->list;

	if (c->prev)
		c->prev->next = c->next;
	else
		l->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		l->last = c->prev;
	c->list = NULL;
}

static void call_free(struct api_call *c)
{
	struct arena a = c->arena;

	timer_stop(c->api->loop, &c->timer);
	arena_free(&a);
}

/* What a stranger wrote, at most max bytes of it, without what a terminal would obey. */
static const char *clean_text(struct arena *a, const char *text, size_t max)
{
	char *out = arena_strndup(a, text, strnlen(text, max));

	for (char *p = out; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return out;
}

/* The first bytes of an answer, quoted. */
static const char *quoted(struct arena *a, const char *data, size_t len)
{
	CLEAN_BUF struct buf b = BUF(SHOWN_BYTES * 8);

	if (!len)
		return "nothing";
	if (!json_quote(&b, data, len < SHOWN_BYTES ? len : SHOWN_BYTES))
		return "something unreadable";
	return arena_printf(a, "%s%s", b.data, len > SHOWN_BYTES ? "..." : "");
}

static const char *what_it_said(struct arena *a, const struct http_answer *h)
{
	const char *sentence = wire_error_parse(a, h->body, h->len);

	return sentence ? sentence : quoted(a, h->body, h->len);
}

static void word_lost(const struct api_call *c, const struct http_answer *h, struct err *e)
{
	const struct endpoint *p = &c->api->endpoint;

	if (retry_is_unreached(h->code))
		err_set(e, ERR_REMOTE, "cannot reach %s: %s", p->shown, h->why);
	else
		err_set(e, ERR_REMOTE, "no answer from %s to %s %s: %s", p->shown, c->kind->method,
			c->path, h->why);
}

static void word_status(const struct api_call *c, const struct http_answer *h, struct arena *a,
			struct err *e)
{
	const char *shown = c->api->endpoint.shown;

	if (h->status == 404 && c->job_id)
		err_set(e, ERR_REMOTE, "%s does not know job %s", shown, c->job_id);
	else if (h->location)
		err_set(e, ERR_REMOTE,
			"%s redirects %s %s to %s: redirects are not followed, give that endpoint",
			shown, c->kind->method, c->path, clean_text(a, h->location, 200));
	else
		err_set(e, ERR_REMOTE, "%s answered %ld to %s %s: %s", shown, h->status,
			c->kind->method, c->path, what_it_said(a, h));
}

/* An answer that is a success, and yet not what was asked for; out->err says why. */
static enum fate senseless(const struct api_call *c, const struct http_answer *h, struct arena *a,
			   struct api_answer *out)
{
	const char *why = arena_strdup(a, out->err.msg);

	err_set(&out->err, ERR_REMOTE, "%s answered %ld to %s %s with %s: %s",
		c->api->endpoint.shown, h->status, c->kind->method, c->path,
		quoted(a, h->body, h->len), why);
	return FATE_ANSWER;
}

static enum fate take_body(struct api_call *c, const struct http_answer *h, struct arena *a,
			   struct api_answer *out)
{
	(void)c;
	(void)h;
	(void)a;
	out->ok = true;
	return FATE_ANSWER;
}

static enum fate take_job(struct api_call *c, const struct http_answer *h, struct arena *a,
			  struct api_answer *out)
{
	struct wire_job *job = ARENA_NEW(a, 1, struct wire_job);

	if (!wire_job_parse(a, h->body, h->len, job, &out->err))
		return senseless(c, h, a, out);
	out->job = job;
	out->ok = true;
	return FATE_ANSWER;
}

static enum fate take_ended(struct api_call *c, const struct http_answer *h, struct arena *a,
			    struct api_answer *out)
{
	take_job(c, h, a, out);
	if (!out->ok)
		return FATE_ANSWER;
	if (!wire_has_ended(out->job->status))
		return FATE_POLL;
	assert(out->job->result); /* wire sees to that */
	return FATE_ANSWER;
}

static const struct call_kind get_kind = { "GET", take_body, { 0 } };
static const struct call_kind submit_kind = { "POST", take_job, { 0 } };
static const struct call_kind await_kind = { "GET", take_ended, { 0 } };
static const struct call_kind cancel_kind = { "DELETE", take_job, { 404, 409 } };

static enum fate judge(struct api_call *c, const struct http_answer *h, struct arena *a,
		       struct api_answer *out)
{
	if (h->code != CURLE_OK) {
		word_lost(c, h, &out->err);
		return retry_is_useless(h->code) ? FATE_ANSWER : FATE_RETRY;
	}
	if (h->status / 100 == 2)
		return c->kind->take(c, h, a, out);
	if (h->status == c->kind->also_ok[0] || h->status == c->kind->also_ok[1]) {
		out->ok = true;
		return FATE_ANSWER;
	}
	word_status(c, h, a, &out->err);
	if (retry_is_later(h->status))
		return FATE_RETRY;
	out->is_refused = h->status / 100 == 4;
	return FATE_ANSWER;
}

static void tell_tries(struct err *e, int tries)
{
	size_t n = strlen(e->msg);

	if (tries > 1)
		snprintf(e->msg + n, sizeof(e->msg) - n, " (tried %d times)", tries);
}

/* How long until the job is asked for again: at once if the service did wait. */
static int64_t poll_wait_ms(struct api_call *c)
{
	int64_t wait = c->poll_ms;

	if (c->is_long && clock_mono_ms() - c->begun_ms >= SOON_MS) {
		c->poll_ms = FIRST_POLL_MS;
		return 0;
	}
	c->poll_ms += c->poll_ms / 2;
	if (c->poll_ms > LAST_POLL_MS)
		c->poll_ms = LAST_POLL_MS;
	return wait;
}

static int64_t call_wait_ms(struct api_call *c, enum fate fate, const struct http_answer *h)
{
	if (fate == FATE_RETRY)
		return retry_wait_ms(c->tries, c->api->options.backoff_ms, h->retry_after_s,
				     random_u64());
	c->tries = 0;
	return poll_wait_ms(c);
}

static void call_leave(struct api_call *c)
{
	c->transfer = NULL;
	c->api->nactive--;
	c->api->nlong -= c->is_long;
}

static void call_answer(struct api_call *c, const struct api_answer *answer)
{
	list_remove(c);
	c->is_answering = true;
	c->done(c->ctx, answer);
	call_free(c);
}

static void api_begin_queued(struct api *api);

static void on_http(void *ctx, const struct http_answer *h)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct api_call *c = ctx;
	struct api *api = c->api;
	struct api_answer out = { .http_status = h->status,
				  .has_additions = h->has_additions,
				  .tries = ++c->tries,
				  .body = h->body,
				  .len = h->len };
	enum fate fate;

	call_leave(c);
	api->has_additions |= h->has_additions;
	fate = judge(c, h, &a, &out);
	if (fate == FATE_ANSWER || (fate == FATE_RETRY && c->tries >= api->options.max_tries)) {
		if (!out.ok)
			tell_tries(&out.err, c->tries);
		call_answer(c, &out);
	} else {
		timer_set(api->loop, &c->timer, clock_mono_ms() + call_wait_ms(c, fate, h));
	}
	api_begin_queued(api);
}

/* Send what the call has to say. */
static void call_begin(struct api_call *c)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct api *api = c->api;
	const char *header[ENDPOINT_MAX_HEADERS + 2], *path = c->path;
	struct http_request r = { .method = c->kind->method,
				  .body = c->body,
				  .header = header,
				  .patience_ms = api->options.patience_ms };

	c->is_long = c->kind == &await_kind && api->has_additions && api->nlong < api->max_long;
	if (c->is_long) {
		path = arena_printf(&a, "%s?wait=%d", c->path, WAIT_S);
		r.patience_ms += (int64_t)WAIT_S * 1000;
	}
	r.path = path;
	r.nheader = endpoint_sign(&a, &api->endpoint,
				  &(struct signature){ .unix_s = clock_unix_ms() / 1000,
						       .method = r.method,
						       .path = path,
						       .body = c->body },
				  header);
	if (c->idempotency_key) {
		header[r.nheader++] = "Content-Type: application/json";
		header[r.nheader++] = arena_printf(&a, WIRE_IDEMPOTENCY ": %s", c->idempotency_key);
	}
	list_remove(c);
	list_add(&api->begun, c);
	api->nactive++;
	api->nlong += c->is_long;
	c->begun_ms = clock_mono_ms();
	c->transfer = http_start(api->http, &r, on_http, c);
}

static void api_begin_queued(struct api *api)
{
	while (api->queued.first && api->nactive < api->max_active)
		call_begin(api->queued.first);
}

static void on_call_timer(void *ctx)
{
	struct api_call *c = ctx;

	list_remove(c);
	list_add(&c->api->queued, c);
	api_begin_queued(c->api);
}

/* As many connections as half of the descriptors we may open; a quarter of them is never held by a
 * wait. */
static void choose_connections(struct api *api)
{
	struct rlimit files = { .rlim_cur = 1024 };

	getrlimit(RLIMIT_NOFILE, &files);
	api->max_active = MAX_CONNECTIONS;
	if (files.rlim_cur / 2 < MAX_CONNECTIONS)
		api->max_active = files.rlim_cur < 16 ? 8 : (size_t)files.rlim_cur / 2;
	api->max_long = api->max_active / 4 * 3;
}

static void fill_defaults(struct api_options *o)
{
	if (!o->max_tries)
		o->max_tries = TRIES;
	if (!o->backoff_ms)
		o->backoff_ms = BACKOFF_MS;
	if (!o->max_answer_bytes)
		o->max_answer_bytes = ANSWER_BYTES;
	if (!o->patience_ms)
		o->patience_ms = PATIENCE_MS;
}

struct api *api_open(struct loop *l, const struct api_options *o, struct err *e)
{
	struct arena a = { 0 };
	struct api *api = ARENA_NEW(&a, 1, struct api);
	struct http_limits limits;

	*api = (struct api){ .arena = a, .loop = l, .options = *o };
	fill_defaults(&api->options);
	choose_connections(api);
	limits = (struct http_limits){ .max_answer_bytes = api->options.max_answer_bytes,
				       .quiet_ms = api->options.patience_ms,
				       .connections = (long)api->max_active };
	if (endpoint_parse(&api->arena, o, &api->endpoint, e))
		api->http = http_open(l, &api->endpoint, &limits, e);
	if (api->http)
		return api;
	a = api->arena;
	arena_free(&a);
	return NULL;
}

void api_close(struct api *api)
{
	struct arena a;

	if (!api)
		return;
	while (api->queued.first)
		api_drop(api->queued.first);
	while (api->begun.first)
		api_drop(api->begun.first);
	http_close(api->http);
	a = api->arena;
	arena_free(&a);
}

static struct api_call *call_make(struct api *api, const struct call_kind *kind, api_done_fn *done,
				  void *ctx)
{
	struct arena a = { 0 };
	struct api_call *c = ARENA_NEW(&a, 1, struct api_call);

	*c = (struct api_call){ .arena = a,
				.api = api,
				.kind = kind,
				.body = { "", 0 },
				.poll_ms = FIRST_POLL_MS,
				.done = done,
				.ctx = ctx };
	c->timer = (struct timer){ .fn = on_call_timer, .ctx = c };
	return c;
}

static struct api_call *call_queue(struct api_call *c)
{
	list_add(&c->api->queued, c);
	api_begin_queued(c->api);
	return c;
}

struct api_call *api_get(struct api *api, const char *path, api_done_fn *done, void *ctx)
{
	struct api_call *c = call_make(api, &get_kind, done, ctx);

	c->path = arena_strdup(&c->arena, path);
	return call_queue(c);
}

struct api_call *api_submit(struct api *api, const char *idempotency_key, const char *body,
			    size_t len, api_done_fn *done, void *ctx)
{
	struct api_call *c = call_make(api, &submit_kind, done, ctx);

	c->path = "/execute/async";
	c->idempotency_key = clean_text(&c->arena, idempotency_key, 255);
	c->body = (struct bytes){ arena_strndup(&c->arena, body, len), len };
	return call_queue(c);
}

/* Job ids come from the service: in a path they are percent-encoded (RFC 3986), in messages made
 * harmless. */
static struct api_call *job_call(struct api *api, const struct call_kind *kind, const char *job_id,
				 api_done_fn *done, void *ctx)
{
	struct api_call *c = call_make(api, kind, done, ctx);
	char *encoded = curl_easy_escape(NULL, job_id, 0);

	if (!encoded)
		abort(); /* out of memory */
	c->job_id = clean_text(&c->arena, job_id, 100);
	c->path = arena_printf(&c->arena, "/jobs/%s", encoded);
	curl_free(encoded);
	return call_queue(c);
}

struct api_call *api_await(struct api *api, const char *job_id, api_done_fn *done, void *ctx)
{
	return job_call(api, &await_kind, job_id, done, ctx);
}

struct api_call *api_cancel(struct api *api, const char *job_id, api_done_fn *done, void *ctx)
{
	return job_call(api, &cancel_kind, job_id, done, ctx);
}

void api_drop(struct api_call *c)
{
	struct api *api;

	if (!c || c->is_answering)
		return;
	api = c->api;
	if (c->transfer) {
		http_stop(c->transfer);
		call_leave(c);
	}
	list_remove(c);
	call_free(c);
	api_begin_queued(api);
}
