#include "service/http.h"

#include <assert.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "service/caller.h"
#include "service/listen.h"
#include "service/target.h"
#include "service/zalloc.h"

#define MAX_LISTENERS   16
#define IDLE_S          90  /* longer than the longest wait */
#define SPARE_FDS       256 /* kept for the store and for jobs */
#define MOST_CALLERS    65536
#define ANSWER_MAX      ((size_t)256 << 20)
#define MOST_TURNS_LEFT 16
#define PEM_MAX         ((size_t)1 << 20)
#define STREAM_BLOCK    16384
/* What a connection may take for its headers. Past 32 KiB libmicrohttpd maps it, and the memory of
 * thousands that have gone is given back at once. */
#define CALLER_MEMORY ((size_t)36 << 10)

enum { BODY_MAX = WIRE_BODY_MAX };
static const int64_t body_max = BODY_MAX;
/* Of a refused body, so much is read, so that its sender hears why. */
static const int64_t drop_max = 4 * (int64_t)BODY_MAX;

struct door {
	struct listener at;
	struct MHD_Daemon *daemon;
	int epoll_fd;
};

struct httpd {
	struct loop *loop;
	struct http_hooks hooks;
	const char *cert, *key; /* PEM texts; NULL: no TLS */
	struct door door[MAX_LISTENERS];
	size_t ndoor;
	TAILQ_HEAD(, call) calls;
	struct callers callers;
};

/* What an error is in HTTP. */
static const struct failure {
	enum err_kind kind;
	unsigned status;
	const char *code;
	int retry_after_s;
} failures[] = {
	{ ERR_SYSTEM, 500, "internal_error", 0 },
	{ ERR_MALFORMED, 400, "malformed_request", 0 },
	{ ERR_UNAUTHORIZED, 401, "unauthorized", 0 },
	{ ERR_NOT_FOUND, 404, "not_found", 0 },
	{ ERR_METHOD, 405, "method_not_allowed", 0 },
	{ ERR_CONFLICT, 409, "conflict", 0 },
	{ ERR_LENGTH, 411, "length_required", 0 },
	{ ERR_TOO_LARGE, 413, "too_large", 0 },
	{ ERR_MEDIA_TYPE, 415, "unsupported_media_type", 0 },
	{ ERR_IMPOSSIBLE, 422, "unprocessable", 0 },
	{ ERR_RATE, 429, "rate_limit_exceeded", 1 },
	{ ERR_QUEUE_FULL, 503, "queue_full", 1 },
	{ ERR_STOPPING, 503, "shutting_down", 2 },
};

static const struct failure *failure_of(enum err_kind kind)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (failures[i].kind == kind)
			return &failures[i];
	return &failures[0];
}

const char *call_header(const struct call *c, const char *name)
{
	return MHD_lookup_connection_value(c->conn, MHD_HEADER_KIND, name);
}

const char *call_query(const struct call *c, const char *name)
{
	return MHD_lookup_connection_value(c->conn, MHD_GET_ARGUMENT_KIND, name);
}

static void on_connection(void *ctx, struct MHD_Connection *conn, void **slot,
			  enum MHD_ConnectionNotificationCode what)
{
	struct httpd *h = ctx;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED)
		caller_free(*slot);
	else
		*slot = caller_new(&h->callers,
				   MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD)
					   ->connect_fd);
}

static struct caller *caller_of(const struct call *c)
{
	return MHD_get_connection_info(c->conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void unwatch(struct call *c)
{
	if (c->is_watched)
		caller_unwatch(caller_of(c));
	c->is_watched = false;
}

static void wake(struct call *c)
{
	if (!c->is_parked)
		return;
	c->is_parked = false;
	unwatch(c);
	MHD_resume_connection(c->conn);
}

void call_tell(struct call *c, const char *name, const char *value)
{
	assert(c->nheader < CALL_HEADERS);
	c->header[c->nheader++] = (struct wire_pair){ name, value };
}

void call_answer(struct call *c, unsigned status, struct bytes body)
{
	if (c->is_answered)
		return;
	c->is_answered = true;
	c->status = status;
	buf_add(&c->answer, body.data, body.len);
	wake(c);
}

void call_stream(struct call *c, const char *type)
{
	c->is_answered = c->is_stream = true;
	c->status = 200;
	call_tell(c, "Content-Type", type);
}

size_t call_backlog(const struct call *c)
{
	return c->answer.len - c->nsent;
}

void call_push(struct call *c, struct bytes more)
{
	if (c->is_finished)
		return;
	/* A caller who does not read loses the stream, not our memory. */
	if (!buf_add(&c->answer, more.data, more.len))
		c->is_finished = true;
	wake(c);
}

void call_finish(struct call *c)
{
	c->is_finished = true;
	wake(c);
}

void call_fail(struct call *c, const struct err *e)
{
	const struct failure *f = failure_of(e->kind);
	CLEAN_BUF struct buf b = BUF(8192);

	if (f->status == 500)
		log_warn("%s %s: %s", c->method, c->path, e->msg);
	if (!c->retry_after_s)
		c->retry_after_s = f->retry_after_s;
	if (c->retry_after_s)
		call_tell(c, "Retry-After", arena_printf(&c->arena, "%d", c->retry_after_s));
	wire_error_print(e->msg, c->code ? c->code : f->code, &b);
	call_answer(c, f->status, (struct bytes){ buf_text(&b), b.len });
}

static void park(struct call *c);

/* For libmicrohttpd: the next bytes of a stream. */
static ssize_t on_read(void *ctx, uint64_t at, char *out, size_t max)
{
	struct call *c = ctx;
	size_t n = call_backlog(c) < max ? call_backlog(c) : max;

	(void)at;
	if (n) {
		memcpy(out, buf_text(&c->answer) + c->nsent, n);
		c->nsent += n;
		return (ssize_t)n;
	}
	if (c->is_finished)
		return MHD_CONTENT_READER_END_OF_STREAM;
	buf_clear(&c->answer);
	c->nsent = 0;
	park(c);
	return 0;
}

static struct MHD_Response *make_response(struct call *c)
{
	struct MHD_Response *r;
	size_t len = 0;
	char *data;

	if (c->is_stream)
		return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_read, c,
							 NULL);
	data = buf_take(&c->answer, &len);
	r = MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);
	if (!r)
		free(data);
	return r;
}

static enum MHD_Result call_send(struct call *c)
{
	struct MHD_Response *r = make_response(c);
	const char *type = "application/json";
	enum MHD_Result ok;

	if (!r)
		return MHD_NO;
	for (size_t i = 0; i < c->nheader; i++) {
		if (!strcmp(c->header[i].key, "Content-Type"))
			type = c->header[i].value;
		else
			MHD_add_response_header(r, c->header[i].key, c->header[i].value);
	}
	MHD_add_response_header(r, "Content-Type", type);
	MHD_add_response_header(r, WIRE_HEADER, WIRE_VERSION);
	ok = MHD_queue_response(c->conn, c->status, r);
	MHD_destroy_response(r);
	return ok;
}

static void tell_gone(struct call *c)
{
	void (*gone)(void *ctx) = c->on_gone;

	c->on_gone = NULL;
	if (gone)
		gone(c->gone_ctx);
}

static void on_hangup(void *ctx, uint32_t events)
{
	struct call *c = ctx;
	struct err e;

	(void)events;
	unwatch(c);
	tell_gone(c);
	if (c->is_stream) {
		call_finish(c);
		return;
	}
	err_set(&e, ERR_MALFORMED, "the caller closed its side of the connection while it waited");
	call_fail(c, &e);
}

static void park(struct call *c)
{
	c->is_parked = true;
	MHD_suspend_connection(c->conn);
	if (!c->on_gone)
		return;
	c->is_watched = true;
	caller_watch(caller_of(c), on_hangup, c);
}

/* The first that is heard of a request: its line, whose target libmicrohttpd is about to take
 * apart. Each call made here ends in on_completed. */
static void *on_line(void *ctx, const char *target, struct MHD_Connection *conn)
{
	struct httpd *h = ctx;
	struct call *c = zalloc(sizeof(*c));

	c->http = h;
	c->conn = conn;
	c->body = BUF((size_t)body_max);
	c->answer = BUF(ANSWER_MAX);
	c->target = target_own(&c->arena, target);
	TAILQ_INSERT_TAIL(&h->calls, c, link);
	return c;
}

static void call_free(struct call *c)
{
	const struct http_hooks *hooks = &c->http->hooks;

	unwatch(c);
	tell_gone(c);
	if (c->is_answered && hooks->done)
		hooks->done(hooks->ctx, c);
	TAILQ_REMOVE(&c->http->calls, c, link);
	callers_rest_later(&c->http->callers);
	buf_close(&c->body);
	buf_close(&c->answer);
	arena_free(&c->arena);
	free(c);
}

/* Answer with the error once what is sent meanwhile was read. */
static void refuse(struct call *c, const struct err *e)
{
	c->is_refused = true;
	buf_close(&c->body);
	call_fail(c, e);
}

/* The query is read as C strings from here on. */
static bool check_query(const struct call *c, struct err *e)
{
	const char *query = strchr(c->target, '?');

	return !query || !strstr(query, "%00") ||
	       err_set(e, ERR_MALFORMED, "the query of a URL must not hold %%00");
}

static bool check_size(const struct call *c, int64_t *size, struct err *e)
{
	const char *text = call_header(c, "Content-Length");

	/* libmicrohttpd has refused what is not a number. */
	*size = text ? strtoll(text, NULL, 10) : 0;
	return *size <= body_max ||
	       err_set(e, ERR_TOO_LARGE, "the body is %lld bytes, and at most %d are taken",
		       (long long)*size, WIRE_BODY_MAX);
}

static enum MHD_Result count_framing(void *ctx, enum MHD_ValueKind kind, const char *name,
				     const char *value)
{
	size_t *n = ctx;

	(void)kind;
	(void)value;
	*n += !strcasecmp(name, "Content-Length") || !strcasecmp(name, "Transfer-Encoding");
	return MHD_YES;
}

/* Where the body ends must be beyond doubt, or a proxy before us may see another request begin
 * within it: RFC 9112, 6.3 and 11.2. */
static bool check_framing(const struct call *c, struct err *e)
{
	size_t n = 0;

	MHD_get_connection_values(c->conn, MHD_HEADER_KIND, count_framing, &n);
	return n <= 1 || err_set(e, ERR_MALFORMED,
				 "the length of the body is told more than once: wanted one "
				 "Content-Length or one Transfer-Encoding");
}

/* The headers are there. A refusal is told at once only where nothing is to be read before. */
static enum MHD_Result on_head(struct call *c)
{
	const struct http_hooks *hooks = &c->http->hooks;
	int64_t size = 0;
	struct err e;

	if (!check_framing(c, &e)) {
		refuse(c, &e);
		return call_send(c); /* and nothing more is read of this connection */
	}
	if (check_size(c, &size, &e) && check_query(c, &e) && hooks->head(hooks->ctx, c, &e))
		return MHD_YES;
	refuse(c, &e);
	return call_header(c, "Expect") || size > drop_max ? call_send(c) : MHD_YES;
}

static enum MHD_Result on_body(struct call *c, const char *data, size_t n)
{
	struct err e;

	if (!c->is_refused && !buf_add(&c->body, data, n)) {
		err_set(&e, ERR_TOO_LARGE, "the body is larger than %d bytes", WIRE_BODY_MAX);
		refuse(c, &e);
	}
	if (c->is_refused)
		c->dropped_bytes += n;
	return (int64_t)c->dropped_bytes <= drop_max ? MHD_YES : MHD_NO;
}

static void run(struct call *c)
{
	const struct http_hooks *hooks = &c->http->hooks;
	struct err e;

	c->is_run = true;
	if (!hooks->run(hooks->ctx, c, &e))
		call_fail(c, &e);
}

/* libmicrohttpd wants these eight parameters. NOLINTNEXTLINE(readability-function-size) */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *conn, const char *path,
				  const char *method, const char *version, const char *data,
				  size_t *n, void **slot)
{
	struct call *c = *slot;
	size_t given = *n;

	(void)ctx, (void)conn, (void)path, (void)version;
	if (!c->is_headed) {
		c->is_headed = true;
		c->verb = arena_strdup(&c->arena, method);
		c->method = strcmp(method, "HEAD") != 0 ? c->verb : "GET";
		c->path = target_path(&c->arena, c->target);
		return on_head(c);
	}
	if (given) {
		*n = 0;
		return on_body(c, data, given);
	}
	if (!c->is_answered && !c->is_run)
		run(c);
	if (c->is_answered)
		return call_send(c);
	if (!c->is_brief)
		park(c);
	return MHD_YES;
}

static void on_completed(void *ctx, struct MHD_Connection *conn, void **slot,
			 enum MHD_RequestTerminationCode why)
{
	(void)ctx, (void)conn, (void)why;
	if (*slot)
		call_free(*slot);
	*slot = NULL;
}

/* httpd_turn does the work. */
static void on_readable(void *ctx, uint32_t events)
{
	(void)ctx, (void)events;
}

/* libmicrohttpd's options are not const, and not written to. */
static void *unconst(const char *text)
{
	return (void *)(uintptr_t)text;
}

/* As many as there are fds for. */
static unsigned most_callers(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return 256;
	if (lim.rlim_cur < 2UL * SPARE_FDS)
		return (unsigned)(lim.rlim_cur / 2);
	return lim.rlim_cur > MOST_CALLERS ? MOST_CALLERS : (unsigned)lim.rlim_cur - SPARE_FDS;
}

struct httpd *httpd_open(struct loop *l, const struct http_hooks *hooks)
{
	struct httpd *h = zalloc(sizeof(*h));

	h->loop = l;
	h->hooks = *hooks;
	TAILQ_INIT(&h->calls);
	callers_init(&h->callers, l);
	return h;
}

bool httpd_tls(struct httpd *h, struct arena *a, const char *cert, const char *key, struct err *e)
{
	char *text[2];
	size_t len;

	if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
		return err_set(e, ERR_USAGE, "this libmicrohttpd was built without TLS");
	if (!fs_read(a, AT_FDCWD, cert, PEM_MAX, &text[0], &len, e) ||
	    !fs_read(a, AT_FDCWD, key, PEM_MAX, &text[1], &len, e))
		return false;
	h->cert = text[0];
	h->key = text[1];
	return true;
}

static struct MHD_Daemon *start_daemon(struct httpd *h, const struct door *d)
{
	const bool is_tls = h->cert && !d->at.path;
	const struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, unconst(h->cert) },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, unconst(h->key) },
		{ MHD_OPTION_END, 0, NULL },
	};
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;

	return MHD_start_daemon(
		is_tls ? flags | MHD_USE_TLS : flags, 0, NULL, NULL, on_request, h,
		MHD_OPTION_LISTEN_SOCKET, d->at.fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_URI_LOG_CALLBACK,
		on_line, h, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, CALLER_MEMORY, MHD_OPTION_CONNECTION_LIMIT,
		most_callers(), MHD_OPTION_ARRAY, is_tls ? tls : &tls[2], MHD_OPTION_END);
}

static bool door_open(struct httpd *h, struct door *d, struct err *e)
{
	const union MHD_DaemonInfo *info;

	d->daemon = start_daemon(h, d);
	if (!d->daemon) {
		close(d->at.fd);
		return err_set(e, h->cert ? ERR_USAGE : ERR_SYSTEM, "cannot serve HTTP%s on %s%s",
			       h->cert ? "S" : "", d->at.url,
			       h->cert ? ": are these a PEM certificate and its key?" : "");
	}
	info = MHD_get_daemon_info(d->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	d->epoll_fd = info->epoll_fd;
	return loop_watch(h->loop, d->epoll_fd, EPOLLIN, on_readable, d, e);
}

static void door_close(struct httpd *h, struct door *d)
{
	if (d->daemon) {
		loop_unwatch(h->loop, d->epoll_fd);
		MHD_stop_daemon(d->daemon);
	}
	if (d->at.path)
		unlink(d->at.path);
}

bool httpd_listen(struct httpd *h, const char *address, bool allow_any, struct arena *a,
		  const char **url, struct err *e)
{
	struct door *d = &h->door[h->ndoor];

	if (h->ndoor == MAX_LISTENERS)
		return err_set(e, ERR_USAGE, "at most %d addresses can be listened on",
			       MAX_LISTENERS);
	if (!listen_open(a, address, allow_any, &d->at, e))
		return false;
	h->ndoor++;
	*url = d->at.url;
	if (h->cert && !d->at.path)
		*url = arena_printf(a, "https%s", d->at.url + strlen("http"));
	return door_open(h, d, e);
}

void httpd_close(struct httpd *h)
{
	const struct err e = { ERR_STOPPING, "the service is shutting down" };
	struct call *c;

	if (!h)
		return;
	TAILQ_FOREACH(c, &h->calls, link)
	{
		unwatch(c);
		tell_gone(c);
		if (c->is_stream)
			call_finish(c);
		else if (c->is_run && !c->is_answered)
			call_fail(c, &e);
	}
	for (int i = 0; i < MOST_TURNS_LEFT && !TAILQ_EMPTY(&h->calls); i++)
		httpd_turn(h);
	for (size_t i = 0; i < h->ndoor; i++)
		door_close(h, &h->door[i]);
	callers_close(&h->callers);
	free(h);
}

int httpd_turn(struct httpd *h)
{
	MHD_UNSIGNED_LONG_LONG ms;
	int least = -1;

	for (size_t i = 0; i < h->ndoor; i++)
		MHD_run(h->door[i].daemon);
	callers_tell_ends(&h->callers);
	for (size_t i = 0; i < h->ndoor; i++) {
		if (MHD_get_timeout(h->door[i].daemon, &ms) != MHD_YES)
			continue;
		if (least < 0 || ms < (MHD_UNSIGNED_LONG_LONG)least)
			least = ms > 60000 ? 60000 : (int)ms;
	}
	return least;
}

bool httpd_is_idle(const struct httpd *h)
{
	return TAILQ_EMPTY(&h->calls);
}
