/*
 * http -- HTTP over TCP and Unix sockets (libmicrohttpd) on our loop. Knows
 * nothing of jobs: whole requests go up, answers come down, at once or later.
 *
 * Every answer tells WIRE_HEADER, and is JSON unless said otherwise. A request that was not
 * answered when its handler returned is parked: libmicrohttpd suspends it, and since that does not
 * tell of a caller who hangs up, we watch the socket ourselves.
 */
#ifndef SERVICE_HTTP_H
#define SERVICE_HTTP_H

#include <sys/queue.h>

#include "base/digest.h"
#include "base/loop.h"
#include "wire/wire.h"

struct httpd;
struct MHD_Connection;

#define CALL_PARAMS  2
#define CALL_HEADERS 6

/* One request. */
struct call {
	const char *method; /* GET for HEAD too */
	const char *verb;   /* the method as it was sent */
	const char *target; /* path and query as they were sent (target.h) */
	const char *path;   /* without its query, unescaped */
	struct buf body;
	struct arena arena; /* lives as long as the request */

	/* For the hooks, which the rest is nothing to. */
	const void *route;
	const char *param[CALL_PARAMS]; /* the variable parts of the path */
	char tenant[DIGEST_HEX];
	const char *code;  /* of an error answer, instead of its kind's; a constant */
	int retry_after_s; /* 0: the kind's */
	/* Called when the caller has hung up on a parked request, which is then answered for good.
	 */
	void (*on_gone)(void *ctx);
	void *gone_ctx;
	/* It is answered before long: rather than parked, it is asked for its answer whenever
	 * libmicrohttpd runs, and the loop does not wait meanwhile. */
	bool is_brief;

	/* http.c's own. */
	struct httpd *http;
	struct MHD_Connection *conn;
	bool is_stream, is_finished;
	size_t nsent; /* of answer, of a stream */
	bool is_headed, is_run, is_parked, is_answered, is_refused;
	bool is_watched; /* whether its caller hangs up */
	size_t dropped_bytes;
	unsigned status;
	struct wire_pair header[CALL_HEADERS]; /* of the answer */
	size_t nheader;
	struct buf answer;
	TAILQ_ENTRY(call) link;
};

struct http_hooks {
	void *ctx;
	/* The headers are there: is this a request worth reading? */
	bool (*head)(void *ctx, struct call *c, struct err *e);
	/* The body is there too: answer now, or keep c and answer later. */
	bool (*run)(void *ctx, struct call *c, struct err *e);
	/* It was answered, with c->status, and is about to be gone. */
	void (*done)(void *ctx, const struct call *c);
};

struct httpd *httpd_open(struct loop *l, const struct http_hooks *hooks);
/* All requests under way are answered with ERR_STOPPING as far as that goes at once. */
void httpd_close(struct httpd *h);
/* Addresses that are listened on from now on speak TLS, but for Unix sockets: a PEM chain of
 * certificates, and its key. */
bool httpd_tls(struct httpd *h, struct arena *a, const char *cert, const char *key, struct err *e);
/* Listen at HOST:PORT, [ADDR]:PORT or unix:PATH (see listen.h). url is what a client would use. */
bool httpd_listen(struct httpd *h, const char *address, bool allow_any, struct arena *a,
		  const char **url, struct err *e);
/* At the end of each turn of the loop; in how many ms the next one is needed, -1: not before
 * something happens. */
int httpd_turn(struct httpd *h);
/* No request is under way. */
bool httpd_is_idle(const struct httpd *h);

/* A header of the request, or an argument of its query; NULL if absent. */
const char *call_header(const struct call *c, const char *name);
const char *call_query(const struct call *c, const char *name);
/* The answer will have that header; name is a constant, value is in the arena or one too. */
void call_tell(struct call *c, const char *name, const char *value);
/* Answer, with JSON unless a Content-Type was told; body is copied. */
void call_answer(struct call *c, unsigned status, struct bytes body);
/* Answer 200 with what is pushed from now on, until it is finished. */
void call_stream(struct call *c, const char *type);
void call_push(struct call *c, struct bytes more);
void call_finish(struct call *c);
/* Bytes that were pushed and not taken by the caller yet. */
size_t call_backlog(const struct call *c);
/* Answer with the error's row of the one table kind -> status, code. */
void call_fail(struct call *c, const struct err *e);

#endif
