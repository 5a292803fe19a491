#include "service/routes.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "service/auth.h"
#include "service/kept.h"
#include "service/openapi.h"
#include "service/output.h"
#include "service/parked.h"
#include "service/submit.h"

#define BYTES "application/octet-stream"

static bool list_jobs(struct routes *r, struct call *c, struct err *e)
{
	CLEAN_BUF struct buf b = BUF((size_t)16 << 20);

	return answer_buf(c, queue_print_jobs(r->queue, c->tenant, &b), &b, e);
}

/* The same bytes whether there is no such job or it is another's. */
static bool no_such_job(struct err *e)
{
	return err_set(e, ERR_NOT_FOUND, "there is no such job");
}

static bool answer_unfinished(struct call *c, const struct job *j, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(8192);

	return answer_buf(c, queue_print_job(j, &b), &b, e);
}

static void on_wait_over(void *ctx)
{
	struct parked *p = ctx;
	struct err e;

	p->call->on_gone = NULL;
	queue_leave(p->routes->queue, &p->waiter);
	if (!answer_unfinished(p->call, p->job, &e))
		call_fail(p->call, &e);
}

static bool get_wait(const struct call *c, int64_t *seconds, struct err *e)
{
	const char *text = call_query(c, "wait");

	*seconds = 0;
	if (!text)
		return true;
	if (parse_int(text, strlen(text), seconds) && *seconds >= 0 && *seconds <= WIRE_WAIT_MAX)
		return true;
	return err_set(e, ERR_MALFORMED, "wait must be 0 to %d seconds, not '%.40s'", WIRE_WAIT_MAX,
		       text);
}

/* Artifacts larger than that are told by their paths; without it none. */
static bool get_inline(const struct call *c, int64_t *bytes, struct err *e)
{
	const char *text = call_query(c, "inline_bytes");

	*bytes = INT64_MAX;
	if (!text || (parse_int(text, strlen(text), bytes) && *bytes >= 0))
		return true;
	return err_set(e, ERR_MALFORMED, "inline_bytes must be 0 or more, not '%.40s'", text);
}

static bool answer_ended(struct routes *r, struct call *c, int64_t inline_bytes, struct err *e)
{
	const struct kept k = { r->store, c->tenant, c->param[0], inline_bytes };
	CLEAN_BUF struct buf b = BUF(QUEUE_ANSWER_MAX);
	bool found = false;

	if (!kept_answer(&k, &b, &found, e))
		return false;
	return found ? answer_job(c, (struct bytes){ buf_text(&b), b.len }, inline_bytes, e)
		     : no_such_job(e);
}

static bool get_job(struct routes *r, struct call *c, struct err *e)
{
	struct job *j = queue_find(r->queue, c->tenant, c->param[0]);
	struct parked *p;
	int64_t wait_s, inline_bytes;

	if (!get_wait(c, &wait_s, e) || !get_inline(c, &inline_bytes, e))
		return false;
	if (!j)
		return answer_ended(r, c, inline_bytes, e);
	if (wait_s == 0)
		return answer_unfinished(c, j, e);
	p = parked_new(r, c, WAIT_ENDED);
	p->job = j;
	p->inline_bytes = inline_bytes;
	p->timer = (struct timer){ .fn = on_wait_over, .ctx = p };
	timer_set(r->loop, &p->timer, loop_now_ms(r->loop) + wait_s * 1000);
	queue_wait(r->queue, j, &p->waiter);
	return true;
}

static bool cancel_job(struct routes *r, struct call *c, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(QUEUE_ANSWER_MAX);
	struct job *j = queue_find(r->queue, c->tenant, c->param[0]);
	bool found = false;

	if (j) {
		queue_cancel(r->queue, j, &parked_new(r, c, WAIT_CANCELLED)->waiter);
		return true;
	}
	if (!store_answer(r->store, c->tenant, c->param[0], &b, &found, e))
		return false;
	return found ? err_set(e, ERR_CONFLICT, "job %s has ended already", c->param[0])
		     : no_such_job(e);
}

/* What connects semitrusted jobs, or null and why. */
static bool print_network(const struct routes *r, struct buf *b)
{
	const char *why, *name = r->ops->network(r->executor, &why);

	return name ? buf_printf(b, "\"semitrusted\":\"%s\"", name)
		    : buf_printf(b, "\"semitrusted\":null,\"semitrusted_why\":\"%s\"", why);
}

static bool print_limits(const struct routes *r, struct buf *b)
{
	const char *by = r->ops->limits(r->executor);

	return by ? buf_printf(b, "\"limits\":\"%s\",", by) : buf_puts(b, "\"limits\":null,");
}

static bool health(struct routes *r, struct call *c, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(1024);
	struct queue_counts n = queue_count(r->queue);

	return answer_buf(c,
			  buf_printf(&b,
				     "{\"status\":\"ok\",\"version\":\"%s\",\"executor\":\"%s\","
				     "\"slots\":%d,\"pending\":%zu,\"running\":%zu,",
				     VERSION, r->ops->name, r->slots, n.pending, n.running) &&
				  print_limits(r, &b) && print_network(r, &b) && buf_puts(&b, "}"),
			  &b, e);
}

static bool list_languages(struct routes *r, struct call *c, struct err *e)
{
	CLEAN_BUF struct buf b = BUF((size_t)4 << 20);

	return answer_buf(c, languages_print(r->languages, &b), &b, e);
}

static bool validate_key(struct routes *r, struct call *c, struct err *e)
{
	const struct key *k = keys_of_tenant(r->keys, c->tenant);
	const struct wire_limits l = keys_limits(k);
	CLEAN_BUF struct buf b = BUF(4096);
	bool ok = buf_puts(&b, "{\"valid\":true,") &&
		  (!k || buf_printf(&b, "\"name\":\"%s\",", k->name)) &&
		  buf_printf(&b, "\"anonymous\":%s,\"concurrency\":%lld,\"queue\":%lld,",
			     k ? "false" : "true",
			     k && k->concurrency ? (long long)k->concurrency : r->slots,
			     k && k->queue >= 0 ? (long long)k->queue : QUEUE_MAX) &&
		  (k && k->rate_per_minute ? buf_printf(&b, "\"rate_per_minute\":%lld,",
							(long long)k->rate_per_minute)
					   : buf_puts(&b, "\"rate_per_minute\":null,")) &&
		  buf_printf(&b,
			     "\"max_ttl\":%d,\"limits\":{\"memory_mb\":%lld,\"processes\":%lld,"
			     "\"disk_mb\":%lld,\"output_bytes\":%lld",
			     WIRE_TTL_MAX, (long long)l.memory_mb, (long long)l.processes,
			     (long long)l.disk_mb, (long long)l.output_bytes) &&
		  (!l.cpu_ms ||
		   buf_printf(&b, ",\"cpu_seconds\":%lld", (long long)l.cpu_ms / 1000)) &&
		  buf_puts(&b, "}}");

	return answer_buf(c, ok, &b, e);
}

static bool tell_metrics(struct routes *r, struct call *c, struct err *e)
{
	const struct queue_counts n = queue_count(r->queue);
	CLEAN_BUF struct buf b = BUF((size_t)1 << 20);
	bool ok = metrics_print(&r->metrics, &n, r->slots, &b);

	call_tell(c, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
	return answer_buf(c, ok, &b, e);
}

static bool tell_openapi(struct routes *r, struct call *c, struct err *e);

static const struct route table[] = {
	{ "POST", "/execute", execute, ROUTE_JSON, WIRE_IDEMPOTENCY, "request", "result",
	  "run a program and answer with its result" },
	{ "POST", "/execute/async", execute_async, ROUTE_JSON, WIRE_IDEMPOTENCY, "request",
	  "accepted", "take a program, answer with its job's id" },
	{ "POST", "/run", run_source, ROUTE_TEXT, WIRE_IDEMPOTENCY, NULL, "result",
	  "run a source text whose language is detected" },
	{ "POST", "/run/async", run_source_async, ROUTE_TEXT, WIRE_IDEMPOTENCY, NULL, "accepted",
	  "take such a text, answer with its job's id" },
	{ "POST", "/jobs/batch", submit_batch, ROUTE_JSON, WIRE_IDEMPOTENCY, "batch",
	  "accepted_batch", "take up to 1,000 programs, answer with their ids" },
	{ "GET", "/jobs", list_jobs, 0, NULL, NULL, "jobs",
	  "the caller's jobs that have not ended" },
	{ "GET", "/jobs/{}", get_job, 0, "wait inline_bytes", NULL, "job",
	  "a job; ?wait=SECONDS until it has ended, ?inline_bytes=N: artifacts larger than that by "
	  "their paths" },
	{ "DELETE", "/jobs/{}", cancel_job, 0, NULL, NULL, "cancelled", "cancel a job" },
	{ "GET", "/jobs/{}/stdout", output_stdout, 0, "Range If-Range", NULL, BYTES,
	  "the exact bytes of its standard output" },
	{ "GET", "/jobs/{}/stderr", output_stderr, 0, "Range If-Range", NULL, BYTES,
	  "the exact bytes of its standard error" },
	{ "GET", "/jobs/{}/artifacts/{*}", output_artifact, 0, "Range If-Range", NULL, BYTES,
	  "the bytes of a file it made" },
	{ "GET", "/jobs/{}/events", output_events, 0, NULL, NULL, "text/event-stream",
	  "what it prints as it does, then its result" },
	{ "GET", "/languages", list_languages, ROUTE_PUBLIC, NULL, NULL, "languages",
	  "what can be run here" },
	{ "GET", "/health", health, ROUTE_PUBLIC, NULL, NULL, "health", "that the service is up" },
	{ "GET", "/metrics", tell_metrics, 0, NULL, NULL, "text/plain", "counters for Prometheus" },
	{ "GET", "/openapi.json", tell_openapi, ROUTE_PUBLIC, NULL, NULL, "application/json",
	  "this table, for tools" },
	{ "POST", "/keys/validate", validate_key, 0, NULL, NULL, "key",
	  "what the caller's key may do" },
};

#define NROUTE (sizeof(table) / sizeof(table[0]))

_Static_assert(NROUTE < METRICS_ROUTES, "a counter for each");

static bool tell_openapi(struct routes *r, struct call *c, struct err *e)
{
	CLEAN_BUF struct buf b = BUF((size_t)1 << 20);

	(void)r;
	return answer_buf(c, openapi_print(table, NROUTE, &b), &b, e);
}

/* Whether the path is the row's; param becomes what stands for each {}, in the arena. */
static bool fits(struct call *c, const struct route *r, const char **param)
{
	const char *path = c->path, *pattern = r->path;
	size_t nparam = 0, n;

	for (;;) {
		n = strcspn(pattern, "{");
		if (strncmp(path, pattern, n) != 0)
			return false;
		path += n;
		pattern += n;
		if (!*pattern)
			return !*path;
		n = pattern[1] == '*' ? strlen(path) : strcspn(path, "/");
		if (!n)
			return false;
		param[nparam++] = arena_strndup(&c->arena, path, n);
		path += n;
		pattern = strchr(pattern, '}') + 1;
	}
}

static const char *add_allow(struct call *c, const char *allow, const char *method)
{
	return arena_printf(&c->arena, "%s%s%s%s", allow ? allow : "", allow ? ", " : "", method,
			    !strcmp(method, "GET") ? ", HEAD" : "");
}

static bool find_route(struct call *c, const struct route **out, struct err *e)
{
	const char *allow = NULL;

	for (size_t i = 0; i < NROUTE; i++) {
		if (!fits(c, &table[i], c->param))
			continue;
		*out = &table[i];
		if (!strcmp(table[i].method, c->method))
			return true;
		allow = add_allow(c, allow, table[i].method);
	}
	if (!allow)
		return err_set(e, ERR_NOT_FOUND, "there is no %.200s here", c->path);
	call_tell(c, "Allow", allow);
	return err_set(e, ERR_METHOD, "%.200s takes %s, not %.40s", c->path, allow, c->method);
}

static bool check_body(const struct call *c, const char *wanted, struct err *e)
{
	const char *type = call_header(c, "Content-Type");
	size_t n = type ? strcspn(type, "; \t") : 0;

	if (!call_header(c, "Content-Length") && !call_header(c, "Transfer-Encoding"))
		return err_set(e, ERR_LENGTH, "%s needs a body with its Content-Length", c->path);
	if (!type || (n == strlen(wanted) && !strncasecmp(type, wanted, n)))
		return true;
	return err_set(e, ERR_MEDIA_TYPE, "Content-Type must be %s, not '%.100s'", wanted, type);
}

static struct auth_claim claim_of(const struct call *c)
{
	return (struct auth_claim){
		.authorization = call_header(c, "Authorization"),
		.timestamp = call_header(c, "X-Timestamp"),
		.signature = call_header(c, "X-Signature"),
	};
}

static bool refuse_caller(struct call *c)
{
	call_tell(c, "WWW-Authenticate", "Bearer");
	return false;
}

bool routes_head(void *ctx, struct call *c, struct err *e)
{
	const struct routes *routes = ctx;
	const struct auth_claim claim = claim_of(c);
	const struct route *r = NULL;

	if (!find_route(c, &r, e))
		return false;
	c->route = r;
	if (!(r->flags & ROUTE_PUBLIC) &&
	    !auth_check(routes->keys, &claim, clock_unix_ms() / 1000, c->tenant, e))
		return refuse_caller(c);
	return (!(r->flags & ROUTE_JSON) || check_body(c, "application/json", e)) &&
	       (!(r->flags & ROUTE_TEXT) || check_body(c, "text/plain", e));
}

bool routes_run(void *ctx, struct call *c, struct err *e)
{
	const struct route *r = c->route;
	const struct routes *routes = ctx;
	const struct auth_claim claim = claim_of(c);
	struct auth_request signed_text = { .verb = c->verb,
					    .target = c->target,
					    .body = { "", 0 } };

	if (!strcmp(c->verb, "POST"))
		signed_text.body = (struct bytes){ buf_text(&c->body), c->body.len };
	if (!(r->flags & ROUTE_PUBLIC) &&
	    !auth_verify(routes->keys, c->tenant, &claim, &signed_text, e))
		return refuse_caller(c);
	return r->run(ctx, c, e);
}

void routes_done(void *ctx, const struct call *c)
{
	struct routes *routes = ctx;
	const struct route *r = c->route;

	metrics_count(&routes->metrics, r ? r->method : NULL, r ? r->path : NULL, c->status);
}
