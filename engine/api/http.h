/* http -- requests over libcurl's multi interface, on our loop; internal to api. */
#ifndef ENGINE_API_HTTP_H
#define ENGINE_API_HTTP_H

#include <curl/curl.h>

#include "api/endpoint.h"
#include "base/loop.h"

struct http;
struct transfer; /* one request under way */

/* Where an answer's bytes go instead of memory. */
struct http_file {
	int fd;
	int64_t at;     /* so many are there: the request asks for those behind them (Range) */
	int64_t size;   /* of the whole; no more is taken */
	struct err err; /* its kind is ERR_NONE, or it says why the answer was broken off */
};

struct http_request {
	const char *method; /* GET, POST, DELETE */
	const char *path;   /* with its query */
	struct bytes body;  /* borrowed until the answer */
	const char *const *header;
	size_t nheader;
	int64_t patience_ms;    /* until the first byte of the answer's body or its end */
	struct http_file *file; /* for the body of 200 and 206, or NULL; borrowed likewise */
};

/* code is CURLE_OK when an answer came whole; why then is "". All is borrowed until done returns.
 */
struct http_answer {
	CURLcode code;
	const char *why;
	long status;
	const char *body;
	size_t len;
	int64_t retry_after_s; /* 0: not asked for, or now */
	bool has_additions;
	const char *location; /* of a redirect, or NULL */
};

typedef void http_done_fn(void *ctx, const struct http_answer *answer);

struct http_limits {
	int64_t max_answer_bytes;
	int64_t quiet_ms; /* between two pieces of an answer */
	long connections;
};

/* p is borrowed. NULL on failure. */
struct http *http_open(struct loop *l, const struct endpoint *p, const struct http_limits *limits,
		       struct err *e);
/* All transfers must have ended or been stopped. */
void http_close(struct http *h);
/* Begin; done is called from the loop, never from within, unless the transfer is stopped. */
struct transfer *http_start(struct http *h, const struct http_request *r, http_done_fn *done,
			    void *ctx);
void http_stop(struct transfer *t);

#endif
