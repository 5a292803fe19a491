/* api_world -- a scripted HTTP server and a client of it on one loop, for the tests of api. */
#ifndef TESTS_UNIT_API_WORLD_H
#define TESTS_UNIT_API_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/fs.h"

#define MAX_CONNS    256
#define MAX_REQUESTS 2048
#define ADDITIONS    WIRE_HEADER ": " WIRE_VERSION "\r\n"
#define JOB_ID       "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
#define ACCEPTED     "{\"job_id\":\"" JOB_ID "\",\"status\":\"pending\"}"
#define RUNNING      "{\"job_id\":\"" JOB_ID "\",\"status\":\"running\"}"
#define ENDED                                                                                    \
	"{\"job_id\":\"" JOB_ID "\",\"status\":\"completed\",\"created_at\":1,\"started_at\":2," \
	"\"completed_at\":3,\"result\":{\"success\":true,\"stdout\":\"hi\\n\",\"stderr\":\"\","  \
	"\"error\":null,\"exit_code\":0,\"language\":\"python\",\"job_id\":\"" JOB_ID "\","      \
	"\"artifacts\":[],\"execution_mode\":\"pooled\",\"network_mode\":\"zerotrust\","         \
	"\"total_time_ms\":23}}"

/* What the scripted server does with a request. */
enum how { REPLY, REPLY_CHUNKED, REPLY_CUT, DROP, HANG, END };

#define CUT_BYTES 6 /* that REPLY_CUT promises and does not send */

struct reply {
	enum how how;
	const char *status;  /* "200 OK" */
	const char *headers; /* whole lines, or NULL */
	const char *body;
};

struct world;

struct conn {
	struct world *world;
	int fd;
	struct buf in;
};

/* A server and a client of it on one loop, and what the client was told last. */
struct world {
	struct loop *loop;
	struct arena arena;
	int listener;
	struct sockaddr_un socket; /* its path, if it is one */
	char endpoint[160];
	struct conn conn[MAX_CONNS];
	size_t nconn;
	const struct reply *script;             /* the last one but END is repeated */
	struct buf log;                         /* the requests, one after the other */
	size_t request[MAX_REQUESTS], nrequest; /* where each begins */
	struct api *api;
	struct timer watchdog;
	struct api_answer answer; /* of the last call; body and job are copies */
	int nanswer, nwanted;
	struct api_call *other;
	struct world *second; /* another server on the same loop, or NULL */
	struct buf told;      /* what api told of its endpoints */
};

static inline void conn_close(struct conn *c)
{
	if (c->fd >= 0)
		loop_unwatch(c->world->loop, c->fd);
	fs_close(&c->fd);
	buf_close(&c->in);
}

static inline void conn_send(const struct conn *c, const struct reply *r)
{
	CLEAN_BUF struct buf b = BUF(1 << 20);
	const char *headers = r->headers ? r->headers : "";

	buf_printf(&b, "HTTP/1.1 %s\r\n%s", r->status, headers);
	if (r->how == REPLY_CHUNKED)
		buf_printf(&b, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\n",
			   strlen(r->body), r->body);
	else
		buf_printf(&b, "Content-Length: %zu\r\n\r\n%s",
			   strlen(r->body) + (r->how == REPLY_CUT ? CUT_BYTES : 0), r->body);
	assert_true(fs_write_all(c->fd, b.data, b.len));
}

/* Bytes of the first whole request, 0 if there is none yet. */
static inline size_t request_length(const struct buf *in)
{
	const char *end = strstr(buf_text(in), "\r\n\r\n"), *field;
	long body = 0;

	if (!end)
		return 0;
	field = strcasestr(in->data, "\r\nContent-Length: ");
	if (field && field < end)
		body = strtol(field + 18, NULL, 10);
	if (in->len < (size_t)(end - in->data) + 4 + (size_t)body)
		return 0;
	return (size_t)(end - in->data) + 4 + (size_t)body;
}

static inline void on_request(struct conn *c, size_t len)
{
	struct world *w = c->world;
	const struct reply *r = w->script;

	assert_true(w->nrequest < MAX_REQUESTS);
	w->request[w->nrequest++] = w->log.len;
	buf_add(&w->log, c->in.data, len);
	buf_puts(&w->log, "\n");
	buf_clear(&c->in);
	if (r[1].how != END)
		w->script++;
	if (r->how == DROP)
		conn_close(c);
	else if (r->how != HANG)
		conn_send(c, r);
	if (r->how == REPLY_CUT)
		conn_close(c);
}

static inline void on_conn(void *ctx, uint32_t events)
{
	struct conn *c = ctx;
	char piece[4096];
	ssize_t n = read(c->fd, piece, sizeof(piece));
	size_t len;

	(void)events;
	if (n <= 0) {
		conn_close(c);
		return;
	}
	buf_add(&c->in, piece, (size_t)n);
	len = request_length(&c->in);
	if (len)
		on_request(c, len);
}

static inline void on_listener(void *ctx, uint32_t events)
{
	struct world *w = ctx;
	struct conn *c = &w->conn[w->nconn++];
	struct err e;

	(void)events;
	assert_true(w->nconn <= MAX_CONNS);
	*c = (struct conn){ .world = w, .fd = accept(w->listener, NULL, NULL), .in = BUF(1 << 20) };
	assert_true(c->fd >= 0);
	assert_true(loop_watch(w->loop, c->fd, EPOLLIN, on_conn, c, &e));
}

static inline void listen_tcp(struct world *w)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t len = sizeof(in);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
		setsockopt(w->listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)), 0);
	assert_int_equal(bind(w->listener, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(w->listener, (struct sockaddr *)&in, &len), 0);
	snprintf(w->endpoint, sizeof(w->endpoint), "http://127.0.0.1:%d", ntohs(in.sin_port));
}

static inline void listen_unix(struct world *w)
{
	struct err e;

	loop_unwatch(w->loop, w->listener);
	close(w->listener);
	w->socket.sun_family = AF_UNIX;
	snprintf(w->socket.sun_path, sizeof(w->socket.sun_path), "/tmp/api-test-%d", (int)getpid());
	snprintf(w->endpoint, sizeof(w->endpoint), "unix:%s", w->socket.sun_path);
	w->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->listener, (struct sockaddr *)&w->socket, sizeof(w->socket)), 0);
	assert_int_equal(listen(w->listener, 128), 0);
	assert_true(loop_watch(w->loop, w->listener, EPOLLIN, on_listener, w, &e));
}

static inline void on_watchdog(void *ctx)
{
	(void)ctx;
	fail_msg("no answer within 10 seconds");
}

static inline int set_up(void **state)
{
	struct arena a = { 0 };
	struct world *w = ARENA_NEW(&a, 1, struct world);
	struct err e;

	w->arena = a;
	w->log = BUF(1 << 22);
	w->told = BUF(1 << 16);
	w->loop = loop_open(&e);
	assert_non_null(w->loop);
	listen_tcp(w);
	assert_int_equal(listen(w->listener, 128), 0);
	assert_true(loop_watch(w->loop, w->listener, EPOLLIN, on_listener, w, &e));
	w->watchdog = (struct timer){ .fn = on_watchdog };
	*state = w;
	return 0;
}

/* Nobody answers there any more; server_back has it answer again. */
static inline void server_gone(struct world *w)
{
	for (size_t i = 0; i < w->nconn; i++)
		conn_close(&w->conn[i]);
	if (w->listener >= 0)
		loop_unwatch(w->loop, w->listener);
	fs_close(&w->listener);
}

static inline void server_back(struct world *w)
{
	const char *port = strrchr(w->endpoint, ':') + 1;
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)strtol(port, NULL, 10)) };
	struct err e;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
		setsockopt(w->listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)), 0);
	assert_int_equal(bind(w->listener, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(w->listener, 128), 0);
	assert_true(loop_watch(w->loop, w->listener, EPOLLIN, on_listener, w, &e));
}

/* Another server on the same loop: from the next api_start on, the second endpoint. */
static inline struct world *second_server(struct world *w, const struct reply *script)
{
	struct world *v = ARENA_NEW(&w->arena, 1, struct world);
	struct err e;

	v->loop = w->loop;
	v->log = BUF(1 << 22);
	v->script = script;
	listen_tcp(v);
	assert_int_equal(listen(v->listener, 128), 0);
	assert_true(loop_watch(v->loop, v->listener, EPOLLIN, on_listener, v, &e));
	w->second = v;
	return v;
}

static inline int tear_down(void **state)
{
	struct world *w = *state;
	struct arena a;

	api_close(w->api);
	server_gone(w);
	if (w->second) {
		server_gone(w->second);
		buf_close(&w->second->log);
		arena_free(&w->second->arena);
	}
	buf_close(&w->told);
	loop_close(w->loop);
	if (*w->socket.sun_path)
		unlink(w->socket.sun_path);
	buf_close(&w->log);
	a = w->arena;
	arena_free(&a);
	return 0;
}

static inline void on_told(void *ctx, const char *sentence)
{
	struct world *w = ctx;

	buf_printf(&w->told, "%s\n", sentence);
}

static inline void api_start(struct world *w, const struct reply *script,
			     const struct api_options *more)
{
	struct api_options o = more ? *more : (struct api_options){ 0 };
	const char *const own[] = { w->endpoint, w->second ? w->second->endpoint : NULL, NULL };
	struct err e = { 0 };

	w->script = script;
	if (!o.endpoint)
		o.endpoint = own;
	if (!o.max_tries)
		o.max_tries = 3;
	if (!o.backoff_ms)
		o.backoff_ms = 1;
	o.tell = on_told;
	o.tell_ctx = w;
	w->api = api_open(w->loop, &o, &e);
	if (!w->api)
		fail_msg("%s", e.msg);
}

static inline void on_done(void *ctx, const struct api_answer *answer)
{
	struct world *w = ctx;

	w->answer = *answer;
	w->answer.body = arena_strndup(&w->arena, answer->body ? answer->body : "", answer->len);
	if (answer->job) {
		struct wire_job *job = ARENA_NEW(&w->arena, 1, struct wire_job);

		*job = *answer->job;
		job->id = arena_strdup(&w->arena, job->id);
		if (job->result) {
			struct wire_result *result = ARENA_NEW(&w->arena, 1, struct wire_result);

			*result = *job->result;
			result->error = arena_strdup(&w->arena, result->error ? result->error : "");
			job->result = result;
		}
		w->answer.job = job;
	}
	if (++w->nanswer >= w->nwanted)
		loop_stop(w->loop);
}

/* Run until that many more answers came. */
static inline void await_answers(struct world *w, int n)
{
	struct err e;

	w->nwanted = w->nanswer + n;
	timer_set(w->loop, &w->watchdog, clock_mono_ms() + 10000);
	assert_true(loop_run(w->loop, &e));
	timer_stop(w->loop, &w->watchdog);
	assert_int_equal(w->nanswer, w->nwanted);
}

static inline void get(struct world *w, const char *path)
{
	api_get(w->api, path, on_done, w);
	await_answers(w, 1);
}

static inline void submit(struct world *w)
{
	api_submit(w->api, "key-1", "{}", 2, on_done, w);
	await_answers(w, 1);
}

static inline void await_job(struct world *w)
{
	api_await(w->api, JOB_ID, on_done, w);
	await_answers(w, 1);
}

/* The answer is a failure, worded so; an @ in want stands for the endpoint. */
static inline void expect_failure(struct world *w, const char *want)
{
	int before = (int)strcspn(want, "@");
	const char *whole =
		arena_printf(&w->arena, "%.*s%s%s", before, want, w->endpoint, want + before + 1);

	assert_false(w->answer.ok);
	assert_int_equal(w->answer.err.kind, ERR_REMOTE);
	assert_string_equal(w->answer.err.msg, whole);
}

/* The first lines of the requests that came, one a line. */
static inline const char *request_lines(struct world *w)
{
	CLEAN_BUF struct buf b = BUF(1 << 16);

	for (size_t i = 0; i < w->nrequest; i++) {
		const char *line = w->log.data + w->request[i];

		buf_add(&b, line, (size_t)(strstr(line, " HTTP/1.1\r\n") - line));
		buf_puts(&b, "\n");
	}
	return arena_strdup(&w->arena, buf_text(&b));
}

static inline void forget_requests(struct world *w)
{
	buf_clear(&w->log);
	w->nrequest = 0;
}

static inline const char *header_of(struct world *w, const char *name)
{
	const char *at = strstr(buf_text(&w->log), arena_printf(&w->arena, "\r\n%s: ", name));

	if (!at)
		return NULL;
	at += strlen(name) + 4;
	return arena_strndup(&w->arena, at, strcspn(at, "\r"));
}

static inline size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

static const struct reply hello[] = { { REPLY, "200 OK", ADDITIONS, "hello" }, { .how = END } };

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
