#include "service/submit.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "service/parked.h"
#include "service/posted.h"

enum { TEXT_MAX = 2 * WIRE_BODY_MAX };

static bool check_language(struct routes *r, struct call *c, const struct wire_request *request,
			   const struct language **out, struct err *e)
{
	const char *name = request->language;
	const struct language *l;

	if (!name)
		return err_set(e, ERR_MALFORMED, "language is required");
	l = languages_find(r->languages, name);
	*out = l;
	if (!l) {
		c->code = "unsupported_language";
		return err_set(e, ERR_IMPOSSIBLE,
			       "the language '%.100s' is not known; GET /languages lists those "
			       "that are",
			       name);
	}
	if (language_can(l, request, e))
		return true;
	c->code = l->is_available ? "unsupported_artifact" : "toolchain_missing";
	return false;
}

static bool check_network(const struct routes *r, struct call *c,
			  const struct wire_request *request, struct err *e)
{
	const char *why;

	if (request->network == WIRE_ZEROTRUST || r->ops->network(r->executor, &why))
		return true;
	c->code = "network_unavailable";
	return err_set(e, ERR_IMPOSSIBLE, "network_mode must be zerotrust: %s", why);
}

static bool get_key(struct call *c, const char **key, struct err *e)
{
	*key = call_header(c, WIRE_IDEMPOTENCY);
	if (!*key || (**key && strlen(*key) <= SUBMIT_KEY_MAX))
		return true;
	return err_set(e, ERR_MALFORMED, WIRE_IDEMPOTENCY " must be 1 to %d bytes, not %zu",
		       SUBMIT_KEY_MAX, strlen(*key));
}

/* One job out of the key's rate. */
static bool check_rate(struct routes *r, struct call *c, size_t n, struct err *e)
{
	if (keys_take(r->keys, c->tenant, n, clock_mono_ms(), &c->retry_after_s))
		return true;
	return err_set(e, ERR_RATE, "this key submits jobs faster than its rate allows: wait %d s",
		       c->retry_after_s);
}

/* What the key may not ask for is refused, what is not given is bounded by it. */
static bool check_limits(struct routes *r, const struct call *c, struct wire_request *request,
			 struct err *e)
{
	const struct key *k = keys_of_tenant(r->keys, c->tenant);

	if (!keys_allow(k, &request->limits, e))
		return false;
	keys_bound(k, request);
	return true;
}

static void name_failure(struct call *c, const struct err *e)
{
	if (e->kind == ERR_IMPOSSIBLE)
		c->code = "idempotency_mismatch";
	if (e->kind == ERR_RATE)
		c->code = "concurrency_limit_reached";
}

/* The body of s becomes its request, checked, in its arena. */
static bool read_request(struct routes *r, struct call *c, struct submission *s, struct err *e)
{
	s->request = ARENA_NEW(s->arena, 1, struct wire_request);
	return wire_request_parse(s->arena, s->body.data, s->body.len, s->request, e) &&
	       wire_request_check(s->request, WIRE_MB, e) && check_limits(r, c, s->request, e) &&
	       check_language(r, c, s->request, &s->language, e) &&
	       check_network(r, c, s->request, e);
}

static bool submit(struct routes *r, struct call *c, enum wait_for what, bool is_detected,
		   struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct submission s = {
		.tenant = c->tenant,
		.body = { buf_text(&c->body), c->body.len },
		.arena = &a,
		.is_interactive = what == WAIT_RESULT,
		.is_detected = is_detected,
	};

	if (!get_key(c, &s.key, e) || !check_rate(r, c, 1, e) || !read_request(r, c, &s, e))
		return false;
	if (queue_submit(r->queue, &s, &parked_new(r, c, what)->waiter, e)) {
		buf_close(&c->body);
		return true;
	}
	name_failure(c, e);
	c->on_gone = NULL;
	return false;
}

bool execute(struct routes *r, struct call *c, struct err *e)
{
	return submit(r, c, WAIT_RESULT, false, e);
}

bool execute_async(struct routes *r, struct call *c, struct err *e)
{
	return submit(r, c, WAIT_SAVED, false, e);
}

/* The text becomes the JSON of the same request, which then goes the way of all requests. */
static bool submit_source(struct routes *r, struct call *c, enum wait_for what, struct err *e)
{
	CLEAN_BUF struct buf request = BUF((size_t)TEXT_MAX);
	const struct bytes source = { buf_text(&c->body), c->body.len };
	struct detected d;
	struct buf text;

	if (!posted_check(source, e))
		return false;
	d = detect_language(r->languages, source);
	if (!d.language)
		return posted_undetected(c, &d, e);
	if (!posted_request(c, d.language->name, &request, e))
		return false;
	text = c->body;
	c->body = request;
	request = text;
	return submit(r, c, what, true, e);
}

bool run_source(struct routes *r, struct call *c, struct err *e)
{
	return submit_source(r, c, WAIT_RESULT, e);
}

bool run_source_async(struct routes *r, struct call *c, struct err *e)
{
	return submit_source(r, c, WAIT_SAVED, e);
}

/* Jobs that were submitted together. In its call's arena. */
struct batch {
	struct queue *queue;
	struct call *call;
	struct member *member;
	size_t n, nleft;
	bool has_failed;
	struct err failure;
};

struct member {
	struct batch *batch;
	struct waiter waiter;
	const char *id; /* NULL: not told yet */
};

static void answer_batch(struct batch *b)
{
	CLEAN_BUF struct buf out = BUF(1 << 20);
	bool ok = buf_puts(&out, "{\"job_ids\":[");
	struct err e = b->failure;

	b->call->on_gone = NULL;
	for (size_t i = 0; i < b->n; i++)
		ok = ok && b->member[i].id &&
		     buf_printf(&out, "%s\"%s\"", i ? "," : "", b->member[i].id);
	ok = ok && buf_puts(&out, "],\"status\":\"pending\"}");
	if (b->has_failed || !answer_buf(b->call, ok, &out, &e))
		call_fail(b->call, &e);
}

static void on_member_told(void *ctx, struct bytes json, const struct err *e)
{
	struct member *m = ctx;
	struct batch *b = m->batch;
	struct wire_job job = { 0 };
	struct err failed;

	if (!e && !wire_job_parse(&b->call->arena, json.data, json.len, &job, &failed))
		e = &failed;
	m->id = job.id;
	if (e && !b->has_failed) {
		b->has_failed = true;
		b->failure = *e;
	}
	if (--b->nleft == 0)
		answer_batch(b);
}

static void on_batch_gone(void *ctx)
{
	struct batch *b = ctx;

	for (size_t i = 0; i < b->n; i++)
		if (b->member[i].waiter.job)
			queue_leave(b->queue, &b->member[i].waiter);
}

/* The request of one of them as text, and read. */
static bool read_member(struct routes *r, struct call *c, const cJSON *json, struct buf *text,
			struct submission *s, struct err *e)
{
	if (!cJSON_IsObject(json))
		return err_set(e, ERR_MALFORMED, "it must be an object");
	if (!json_print(json, text))
		return err_set(e, ERR_TOO_LARGE, "it is larger than %zu bytes", text->max);
	s->body = (struct bytes){ buf_text(text), text->len };
	return read_request(r, c, s, e);
}

static bool check_members(struct routes *r, struct call *c, const cJSON *list, struct err *e)
{
	const cJSON *json;
	size_t i = 0;

	cJSON_ArrayForEach(json, list)
	{
		CLEAN_ARENA struct arena a = { 0 };
		CLEAN_BUF struct buf text = BUF(TEXT_MAX);
		struct submission s = { .arena = &a };

		if (!read_member(r, c, json, &text, &s, e))
			return err_wrap(e, "requests[%zu]", i);
		i++;
	}
	return true;
}

static bool submit_member(struct routes *r, struct member *m, const cJSON *json, const char *key,
			  struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf text = BUF(TEXT_MAX);
	struct batch *b = m->batch;
	struct submission s = { .tenant = b->call->tenant, .key = key, .arena = &a };

	m->waiter = (struct waiter){ .what = WAIT_SAVED, .tell = on_member_told, .ctx = m };
	return read_member(r, b->call, json, &text, &s, e) &&
	       queue_submit(r->queue, &s, &m->waiter, e);
}

static bool get_requests(const cJSON *root, const cJSON **list, struct err *e)
{
	int n;

	*list = cJSON_IsArray(root) ? root : json_get(root, "requests");
	if (!cJSON_IsArray(*list))
		return err_set(e, ERR_MALFORMED, "requests must be a list of requests");
	n = cJSON_GetArraySize(*list);
	if (n > SUBMIT_BATCH_MAX)
		return err_set(e, ERR_TOO_LARGE, "requests must be at most %d, not %d",
			       SUBMIT_BATCH_MAX, n);
	return n > 0 || err_set(e, ERR_MALFORMED, "requests must not be empty");
}

static void submit_members(struct routes *r, struct batch *b, const cJSON *list, const char *key)
{
	const cJSON *json;
	size_t i = 0;
	struct err e;

	cJSON_ArrayForEach(json, list)
	{
		struct member *m = &b->member[i];
		const char *own = key ? arena_printf(&b->call->arena, "%s#%zu", key, i) : NULL;

		i++;
		m->batch = b;
		if (submit_member(r, m, json, own, &e))
			continue;
		name_failure(b->call, &e);
		on_member_told(m, (struct bytes){ "", 0 }, &e);
	}
}

bool submit_batch(struct routes *r, struct call *c, struct err *e)
{
	CLEAN_JSON cJSON *root = json_parse(buf_text(&c->body), c->body.len, JSON_NUL_REFUSE, e);
	const cJSON *list;
	const char *key;
	struct batch *b;
	size_t n;

	if (!root || !get_requests(root, &list, e) || !get_key(c, &key, e) ||
	    !check_members(r, c, list, e))
		return false;
	n = (size_t)cJSON_GetArraySize(list);
	if (!check_rate(r, c, n, e))
		return false;
	if (!queue_has_room(r->queue, c->tenant, n, e)) {
		name_failure(c, e);
		return false;
	}
	b = ARENA_NEW(&c->arena, 1, struct batch);
	*b = (struct batch){ .queue = r->queue, .call = c, .n = n, .nleft = n };
	b->member = ARENA_NEW(&c->arena, n, struct member);
	c->on_gone = on_batch_gone;
	c->gone_ctx = b;
	submit_members(r, b, list, key);
	return true;
}
