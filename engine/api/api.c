#include "api/api.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

#include "api/call.h"
#include "api/retry.h"
#include "base/clock.h"
#include "base/digest.h"

#define TRIES           6
#define BACKOFF_MS      200
#define ANSWER_BYTES    (64 << 20)
#define PATIENCE_MS     30000
#define BUSY_MS         900000
#define AGAIN_MS        30000
#define WAIT_S          30 /* of ?wait=, at most WIRE_WAIT_MAX */
#define LAST_POLL_MS    2000
#define SOON_MS         1000 /* an unfinished job told sooner than this was not waited for */
#define MAX_CONNECTIONS 1000

static_assert(WAIT_S <= WIRE_WAIT_MAX, "the service would refuse it");

/* ---- whose a job is ---- */

struct job_at {
	struct arena arena; /* holds this struct and its key */
	struct site *site;
};

/* Job ids come from the service: in a path they are percent-encoded (RFC 3986). */
static const char *job_path(struct arena *a, const char *job_id)
{
	char *encoded = curl_easy_escape(NULL, job_id, 0);
	const char *path;

	if (!encoded)
		abort(); /* out of memory */
	path = arena_printf(a, "/jobs/%s", encoded);
	curl_free(encoded);
	return path;
}

static void forget_job(struct api *api, const char *path)
{
	struct job_at *at = map_del(&api->jobs, path, strlen(path));
	struct arena a;

	if (!at)
		return;
	a = at->arena;
	arena_free(&a);
}

static void note_job(struct site *s, const char *job_id)
{
	struct arena a = { 0 };
	struct job_at *at = ARENA_NEW(&a, 1, struct job_at);
	const char *path = job_path(&a, job_id);

	forget_job(s->api, path);
	*at = (struct job_at){ a, s };
	map_set(&s->api->jobs, path, strlen(path), at);
}

/* ---- answers ---- */

/* How long until the job is asked for again: at once if the service did wait. */
static int64_t poll_wait_ms(struct api_call *c)
{
	int64_t wait = c->poll_ms;

	if (c->is_long && clock_mono_ms() - c->begun_ms >= SOON_MS) {
		c->poll_ms = CALL_FIRST_POLL_MS;
		return 0;
	}
	c->poll_ms += c->poll_ms / 2;
	if (c->poll_ms > LAST_POLL_MS)
		c->poll_ms = LAST_POLL_MS;
	return wait;
}

static void call_answer(struct api_call *c, const struct api_answer *answer)
{
	struct api *api = c->api;

	list_remove(c);
	call_exit(c);
	c->is_answering = true;
	if (c->job_id && api->nsite > 1)
		forget_job(api, c->path);
	c->done(c->ctx, answer);
	call_free(c);
}

static void wait_again(struct api_call *c, int64_t wait_ms)
{
	timer_set(c->api->loop, &c->timer, clock_mono_ms() + wait_ms);
}

void call_tell_gone(struct api_call *c)
{
	if (c->list == &c->site->queued) { /* or it would be sent */
		list_remove(c);
		list_add(&c->site->begun, c);
	}
	wait_again(c, 0);
}

/* The next site that may know the job; whether there is one. */
static bool search_on(struct api_call *c)
{
	struct api *api = c->api;

	for (int i = c->site->index + 1; i < api->nsite; i++) {
		if (api->site[i].is_out)
			continue;
		list_remove(c);
		call_exit(c);
		c->tries = 0;
		call_queue(c, &api->site[i]);
		return true;
	}
	c->is_searching = false;
	return false;
}

static void answer_gone(struct api_call *c)
{
	struct api_answer out = { .endpoint = c->site->index, .is_gone = true, .tries = c->tries };

	err_set(&out.err, ERR_REMOTE, "%s is left out, and job %s with it", c->site->endpoint.shown,
		c->job_id);
	if (c->kind == &call_await)
		site_give_up(c->site, c->path);
	call_answer(c, &out);
}

static void answer_failed(struct api_call *c, struct api_answer *out, bool is_lost)
{
	size_t n = strlen(out->err.msg);

	if (c->tries > 1)
		snprintf(out->err.msg + n, sizeof(out->err.msg) - n, " (tried %d times)", c->tries);
	out->is_shut = is_lost && (out->http_status == 0 || out->is_refused);
	call_answer(c, out);
}

/* No further try. */
static void give_up(struct api_call *c, const struct http_answer *h, struct api_answer *out)
{
	bool is_lost = call_is_lost(h, out);

	if (is_lost && c->kind->is_moved && site_leave(c->site, &out->err))
		return;
	answer_failed(c, out, is_lost);
}

static void give_up_busy(struct api_call *c, struct api_answer *out)
{
	size_t n = strlen(out->err.msg);

	snprintf(out->err.msg + n, sizeof(out->err.msg) - n, " (told to wait for %" PRId64 " s)",
		 c->api->options.busy_ms / 1000);
	if (c->kind->is_moved && site_leave(c->site, &out->err))
		return;
	out->is_shut = true;
	call_answer(c, out);
}

/* A submit that was refused for now may go elsewhere, before those that came after it. */
static void take_later(struct api_call *c, const struct http_answer *h, struct api_answer *out)
{
	struct api *api = c->api;
	struct site *s = c->site;
	int64_t wait_ms =
		retry_wait_ms(c->tries, api->options.backoff_ms, h->retry_after_s, random_u64());

	site_later(s, c, wait_ms);
	if (h->retry_after_s > 0) {
		c->tries--;
		if (clock_mono_ms() - s->busy_since_ms >= api->options.busy_ms) {
			give_up_busy(c, out);
			return;
		}
	}
	if (c->tries >= c->max_tries) {
		give_up(c, h, out);
	} else if (c->kind == &call_submit) {
		list_remove(c);
		call_exit(c);
		list_add_first(&api->submits, c);
	} else {
		wait_again(c, wait_ms);
	}
}

static void take_answer(struct api_call *c, const struct http_answer *h, struct api_answer *out)
{
	if (!out->ok) {
		give_up(c, h, out);
		return;
	}
	if (c->kind == &call_submit) {
		window_widen(&c->site->window);
		if (c->api->nsite > 1)
			note_job(c->site, out->job->id);
	}
	call_answer(c, out);
}

static void on_http(void *ctx, const struct http_answer *h)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct api_call *c = ctx;
	struct api *api = c->api;
	struct api_answer out = { .http_status = h->status,
				  .has_additions = h->has_additions,
				  .endpoint = c->site->index,
				  .tries = ++c->tries,
				  .body = h->body,
				  .len = h->len };
	enum fate fate;

	call_leave(c);
	if (c->fetch && fetch_advances(c->fetch))
		out.tries = c->tries = 1;
	c->site->has_additions |= h->has_additions;
	if (h->status / 100 == 2)
		c->site->busy_since_ms = 0;
	if (h->status == 404 && c->is_searching) {
		if (search_on(c))
			return;
		out.is_gone = c->kind == &call_await && api->nin < api->nsite;
	}
	fate = call_judge(c, h, &a, &out);
	if (fate == FATE_LATER) {
		take_later(c, h, &out);
	} else if (fate == FATE_ANSWER) {
		take_answer(c, h, &out);
	} else if (fate == FATE_POLL) {
		c->tries = 0;
		c->is_searching = false;
		wait_again(c, c->fetch ? 0 : poll_wait_ms(c));
	} else if (c->tries >= c->max_tries) {
		give_up(c, h, &out);
	} else {
		wait_again(c, retry_wait_ms(c->tries, api->options.backoff_ms, h->retry_after_s,
					    random_u64()));
	}
	api_begin_queued(api);
}

/* ---- sending ---- */

/* Send what the call has to say. */
static void call_begin(struct api_call *c)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct site *s = c->site;
	const char *header[ENDPOINT_MAX_HEADERS + 2], *path = call_path(c);
	struct http_request r = { .method = c->kind->method,
				  .body = c->body,
				  .header = header,
				  .file = c->fetch ? &c->fetch->file : NULL,
				  .patience_ms = c->api->options.patience_ms };

	c->is_long = c->kind == &call_await && s->has_additions && s->nlong < c->api->max_long;
	if (c->kind == &call_await && s->has_additions)
		path = arena_printf(&a, "%s?inline_bytes=%d", c->path, FETCH_INLINE);
	if (c->is_long) {
		path = arena_printf(&a, "%s&wait=%d", path, WAIT_S);
		r.patience_ms += (int64_t)WAIT_S * 1000;
	}
	r.path = path;
	r.nheader = endpoint_sign(&a, &s->endpoint,
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
	list_add(&s->begun, c);
	s->nactive++;
	s->nlong += c->is_long;
	c->begun_ms = clock_mono_ms();
	c->sent = window_send(&s->window);
	c->transfer = http_start(s->http, &r, on_http, c);
}

void api_begin_queued(struct api *api)
{
	struct site *s;

	for (int i = 0; i < api->nsite; i++) {
		s = &api->site[i];
		while (s->queued.first && s->nactive < api->max_active)
			call_begin(s->queued.first);
	}
	while (api->submits.first && (s = site_with_room(api))) {
		call_enter(api->submits.first, s);
		call_begin(api->submits.first);
	}
}

/* The timer of a call. */
void call_go_on(void *ctx)
{
	struct api_call *c = ctx;
	struct api *api = c->api;

	if (c->site->is_out && c->kind->is_moved) {
		if (!c->is_searching || !search_on(c))
			answer_gone(c);
	} else {
		list_remove(c);
		list_add(&c->site->queued, c);
	}
	api_begin_queued(api);
}

/* As many connections as half of the descriptors we may open, shared by the sites; a quarter of
 * them is never held by a wait. */
static void choose_connections(struct api *api)
{
	struct rlimit files = { .rlim_cur = 1024 };

	getrlimit(RLIMIT_NOFILE, &files);
	api->max_active = MAX_CONNECTIONS;
	if (files.rlim_cur / 2 < MAX_CONNECTIONS)
		api->max_active = files.rlim_cur < 16 ? 8 : (size_t)files.rlim_cur / 2;
	api->max_active /= (size_t)api->nsite;
	if (api->max_active < 4)
		api->max_active = 4;
	api->max_long = api->max_active / 4 * 3;
}

static void set_default(int64_t *value, int64_t usual)
{
	if (!*value)
		*value = usual;
}

static void fill_defaults(struct api_options *o)
{
	if (!o->max_tries)
		o->max_tries = TRIES;
	set_default(&o->backoff_ms, BACKOFF_MS);
	set_default(&o->max_answer_bytes, ANSWER_BYTES);
	set_default(&o->patience_ms, PATIENCE_MS);
	set_default(&o->busy_ms, BUSY_MS);
	set_default(&o->again_ms, AGAIN_MS);
}

static bool site_open(struct api *api, int i, struct err *e)
{
	struct site *s = &api->site[i];
	struct http_limits limits = { .max_answer_bytes = api->options.max_answer_bytes,
				      .quiet_ms = api->options.patience_ms,
				      .connections = (long)api->max_active };

	s->api = api;
	s->index = i;
	s->workers = 1;
	s->reopen = (struct timer){ .fn = site_reopen, .ctx = s };
	s->again = (struct timer){ .fn = site_probe, .ctx = s };
	if (!endpoint_parse(&api->arena, api->options.endpoint[i], &api->options, &s->endpoint, e))
		return false;
	s->http = http_open(api->loop, &s->endpoint, &limits, e);
	return s->http;
}

struct api *api_open(struct loop *l, const struct api_options *o, struct err *e)
{
	struct arena a = { 0 };
	struct api *api = ARENA_NEW(&a, 1, struct api);

	*api = (struct api){ .arena = a, .loop = l, .options = *o };
	fill_defaults(&api->options);
	while (o->endpoint[api->nsite])
		api->nsite++;
	assert(api->nsite > 0);
	api->nin = api->nsite;
	api->site = ARENA_NEW(&api->arena, (size_t)api->nsite, struct site);
	choose_connections(api);
	for (int i = 0; i < api->nsite; i++) {
		if (!site_open(api, i, e)) {
			api_close(api);
			return NULL;
		}
	}
	return api;
}

static void drop_all(struct call_list *l)
{
	while (l->first) {
		struct api_call *c = l->first;

		call_halt(c);
		list_remove(c);
		call_free(c);
	}
}

static void site_close(struct site *s)
{
	if (!s->http)
		return;
	drop_all(&s->queued);
	drop_all(&s->begun);
	timer_stop(s->api->loop, &s->reopen);
	timer_stop(s->api->loop, &s->again);
	http_close(s->http);
}

void api_close(struct api *api)
{
	const struct job_at *at;
	struct arena a;

	if (!api)
		return;
	drop_all(&api->submits);
	for (int i = 0; i < api->nsite; i++)
		site_close(&api->site[i]);
	for (size_t i = 0; (at = map_next(&api->jobs, &i));) {
		a = at->arena;
		arena_free(&a);
	}
	map_close(&api->jobs);
	a = api->arena;
	arena_free(&a);
}

void api_workers(struct api *api, int endpoint, size_t n)
{
	assert(n > 0);
	api->site[endpoint].workers = n;
}

/* ---- calls ---- */

struct api_call *call_queue(struct api_call *c, struct site *s)
{
	call_enter(c, s);
	list_add(&s->queued, c);
	if (s->is_out && c->kind->is_moved)
		call_tell_gone(c);
	else
		api_begin_queued(c->api);
	return c;
}

struct api_call *api_get_at(struct api *api, int endpoint, const char *path, api_done_fn *done,
			    void *ctx)
{
	struct api_call *c = call_make(api, &call_get, done, ctx);

	c->path = arena_strdup(&c->arena, path);
	return call_queue(c, &api->site[endpoint]);
}

static struct site *first_in(struct api *api)
{
	for (int i = 0; i < api->nsite; i++)
		if (!api->site[i].is_out)
			return &api->site[i];
	assert(!"the last one is never left out");
}

struct api_call *api_get(struct api *api, const char *path, api_done_fn *done, void *ctx)
{
	return api_get_at(api, first_in(api)->index, path, done, ctx);
}

struct api_call *api_submit(struct api *api, const char *idempotency_key, const char *body,
			    size_t len, api_done_fn *done, void *ctx)
{
	struct api_call *c = call_make(api, &call_submit, done, ctx);

	c->path = "/execute/async";
	c->idempotency_key = clean_text(&c->arena, idempotency_key, 255);
	c->body = (struct bytes){ arena_strndup(&c->arena, body, len), len };
	list_add(&api->submits, c);
	api_begin_queued(api);
	return c;
}

static struct api_call *job_call(struct api *api, const struct call_kind *kind, const char *job_id,
				 api_done_fn *done, void *ctx)
{
	struct api_call *c = call_make(api, kind, done, ctx);
	const struct job_at *at;

	c->job_id = clean_text(&c->arena, job_id, 100); /* for messages */
	c->path = job_path(&c->arena, job_id);
	at = map_get(&api->jobs, c->path, strlen(c->path));
	c->is_searching = !at && api->nsite > 1;
	return call_queue(c, at ? at->site : first_in(api));
}

struct api_call *api_await(struct api *api, const char *job_id, api_done_fn *done, void *ctx)
{
	return job_call(api, &call_await, job_id, done, ctx);
}

struct api_call *api_cancel(struct api *api, const char *job_id, api_done_fn *done, void *ctx)
{
	return job_call(api, &call_cancel, job_id, done, ctx);
}

void api_drop(struct api_call *c)
{
	struct api *api;

	if (!c || c->is_answering)
		return;
	api = c->api;
	call_halt(c);
	list_remove(c);
	call_exit(c);
	call_free(c);
	api_begin_queued(api);
}
