#include "api/http.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/yaml.h"

#define CONNECT_MS   10000L
#define WHOLE_MS     900000L   /* no request takes longer, however it trickles */
#define KEEP_BYTES   (1 << 20) /* of an answer's memory, for the next one */
#define BYTES_PER_MS 64        /* what a line must carry at least when we send */

/* A socket that curl has us watch. */
struct watched {
	struct watched *next; /* among those to be used again */
	struct http *http;
	curl_socket_t fd;
};

struct http {
	struct arena arena; /* holds this struct and its transfers */
	struct loop *loop;
	const struct endpoint *endpoint;
	struct http_limits limits;
	CURLM *multi;
	struct timer timer;
	struct transfer *idle; /* to be used again */
	struct watched *unwatched;
};

struct transfer {
	struct transfer *next; /* among the idle */
	struct http *http;
	CURL *easy;
	struct curl_slist *header;
	struct buf body;
	struct http_file *file;
	bool is_filling;    /* bytes of this answer went to file */
	struct timer quiet; /* runs out when nothing comes */
	int64_t patience_ms;
	http_done_fn *done;
	void *ctx;
	char why[CURL_ERROR_SIZE];
};

static void release(struct transfer *t)
{
	struct http *h = t->http;

	curl_slist_free_all(t->header);
	t->header = NULL;
	t->file = NULL;
	t->is_filling = false;
	if (t->body.cap > KEEP_BYTES)
		buf_close(&t->body);
	else
		buf_clear(&t->body);
	t->done = NULL;
	t->next = h->idle;
	h->idle = t;
}

/* Put what curl cannot say, or says at length, into t->why. */
static void explain(struct transfer *t, CURLcode code)
{
	long os_errno = 0;

	curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os_errno);
	if (t->file && t->file->err.kind)
		snprintf(t->why, sizeof(t->why), "%.200s", t->file->err.msg);
	else if (code == CURLE_COULDNT_CONNECT && os_errno)
		snprintf(t->why, sizeof(t->why), "%s", strerror((int)os_errno));
	else if (code == CURLE_WRITE_ERROR || code == CURLE_FILESIZE_EXCEEDED)
		snprintf(t->why, sizeof(t->why), "the answer is larger than %lld bytes",
			 (long long)t->http->limits.max_answer_bytes);
	else if (!*t->why)
		snprintf(t->why, sizeof(t->why), "%s", curl_easy_strerror(code));
}

static void read_headers(struct transfer *t, struct http_answer *out)
{
	struct curl_header *found;
	curl_off_t retry_after = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &out->status);
	curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after);
	curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &out->location);
	out->retry_after_s = retry_after;
	out->has_additions =
		curl_easy_header(t->easy, WIRE_HEADER, 0, CURLH_HEADER, -1, &found) == CURLHE_OK;
}

static void finish(struct transfer *t, CURLcode code)
{
	struct http_answer answer = { .code = code, .why = "" };

	if (code == CURLE_OK)
		read_headers(t, &answer);
	timer_stop(t->http->loop, &t->quiet);
	curl_multi_remove_handle(t->http->multi, t->easy);
	if (code == CURLE_OK) {
		answer.body = buf_text(&t->body);
		answer.len = t->body.len;
	} else {
		explain(t, code);
		answer.why = t->why;
	}
	t->done(t->ctx, &answer);
	release(t);
}

/* Tell the transfers that have ended. Each done may start and stop others, so look anew each time.
 */
static void drain(struct http *h)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(h->multi, &left))) {
		struct transfer *t = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &t);
		finish(t, msg->data.result);
	}
}

static void on_quiet(void *ctx)
{
	struct transfer *t = ctx;

	snprintf(t->why, sizeof(t->why), "nothing came for %lld ms", (long long)t->patience_ms);
	finish(t, CURLE_OPERATION_TIMEDOUT);
}

/* The first byte of the answer that goes to the file: which of it is it? */
static bool file_begin(struct transfer *t, long status)
{
	struct http_file *f = t->file;
	struct curl_header *range;
	int64_t first = -1;

	if (status == 200)
		f->at = 0; /* it knows no ranges: all comes anew */
	else if (curl_easy_header(t->easy, "Content-Range", 0, CURLH_HEADER, -1, &range) ==
			 CURLHE_OK &&
		 !strncmp(range->value, "bytes ", 6))
		parse_int(range->value + 6, strcspn(range->value + 6, "-"), &first);
	if (status == 206 && first != f->at)
		return err_set(&f->err, ERR_REMOTE,
			       "the part that came is not the one from byte %lld on",
			       (long long)f->at);
	t->is_filling = true;
	return lseek(f->fd, f->at, SEEK_SET) == f->at || err_sys(&f->err, "cannot keep it");
}

static bool file_add(struct transfer *t, long status, const char *data, size_t n)
{
	struct http_file *f = t->file;

	if (!t->is_filling && !file_begin(t, status))
		return false;
	if ((int64_t)n > f->size - f->at)
		return err_set(&f->err, ERR_REMOTE, "more came than the %lld bytes it was to have",
			       (long long)f->size);
	if (!fs_write_all(f->fd, data, n))
		return err_sys(&f->err, "cannot keep it in a file of TMPDIR's");
	f->at += (int64_t)n;
	return true;
}

static bool add_body(struct transfer *t, const char *data, size_t n)
{
	long status = 0;

	if (t->file)
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200 || status == 206)
		return file_add(t, status, data, n);
	return buf_add(&t->body, data, n);
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	struct http *h = t->http;

	t->patience_ms = h->limits.quiet_ms;
	timer_set(h->loop, &t->quiet, loop_now_ms(h->loop) + t->patience_ms);
	return add_body(t, data, size * n) ? size * n : 0;
}

static void on_watch(void *ctx, uint32_t events)
{
	const struct watched *w = ctx;
	struct http *h = w->http;
	int what = 0, running;

	/* What is broken or hung up is told by reading from it and writing to it. */
	if (events & ~(uint32_t)EPOLLOUT)
		what |= CURL_CSELECT_IN;
	if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		what |= CURL_CSELECT_OUT;
	curl_multi_socket_action(h->multi, w->fd, what, &running);
	drain(h);
}

static void on_timer(void *ctx)
{
	struct http *h = ctx;
	int running;

	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	drain(h);
}

static struct watched *watched_take(struct http *h, curl_socket_t fd)
{
	struct watched *w = h->unwatched;

	if (w)
		h->unwatched = w->next;
	else
		w = ARENA_NEW(&h->arena, 1, struct watched);
	*w = (struct watched){ .http = h, .fd = fd };
	curl_multi_assign(h->multi, fd, w);
	return w;
}

/* curl tells which of its sockets to watch; socket_ctx is what watched_take assigned, or NULL. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
	struct http *h = ctx;
	struct watched *w = socket_ctx;
	uint32_t events = 0;
	struct err e;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		loop_unwatch(h->loop, fd);
		if (w) {
			w->next = h->unwatched;
			h->unwatched = w;
		}
		return 0;
	}
	if (!w)
		w = watched_take(h, fd);
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	return loop_watch(h->loop, fd, events, on_watch, w, &e) ? 0 : -1; /* -1 fails them all */
}

/* curl may be called too early without harm: it then asks for the rest. */
static int on_timeout(CURLM *multi, long ms, void *ctx)
{
	struct http *h = ctx;

	(void)multi;
	if (ms < 0)
		timer_stop(h->loop, &h->timer);
	else
		timer_set(h->loop, &h->timer, clock_mono_ms() + ms);
	return 0;
}

struct http *http_open(struct loop *l, const struct endpoint *p, const struct http_limits *limits,
		       struct err *e)
{
	struct arena a = { 0 };
	struct http *h = ARENA_NEW(&a, 1, struct http);

	/* Counted by curl: as often as it is called, curl_global_cleanup is to be. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		arena_free(&a);
		err_set(e, ERR_SYSTEM, "libcurl does not start");
		return NULL;
	}
	*h = (struct http){ .arena = a, .loop = l, .endpoint = p, .limits = *limits };
	h->timer = (struct timer){ .fn = on_timer, .ctx = h };
	h->multi = curl_multi_init();
	if (!h->multi)
		abort(); /* out of memory */
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, limits->connections);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, limits->connections);
	return h;
}

void http_close(struct http *h)
{
	struct arena a;

	for (struct transfer *t = h->idle; t; t = t->next) {
		curl_easy_cleanup(t->easy);
		buf_close(&t->body);
	}
	curl_multi_cleanup(h->multi);
	timer_stop(h->loop, &h->timer);
	curl_global_cleanup();
	a = h->arena; /* closing may have taken from it */
	arena_free(&a);
}

/* What holds for every request. */
static void easy_set_up(CURL *c, struct transfer *t)
{
	const struct http *h = t->http;
	const char *authorities = getenv("SSL_CERT_FILE"); /* OpenSSL's own name for it */

	curl_easy_setopt(c, CURLOPT_PRIVATE, t);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->why);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L); /* the key is for this host alone */
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);     /* it may be signed */
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, WHOLE_MS);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "sandbatch/" VERSION);
	if (authorities)
		curl_easy_setopt(c, CURLOPT_CAINFO, authorities);
	if (h->endpoint->socket) {
		curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, h->endpoint->socket);
		curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	}
}

static struct transfer *transfer_take(struct http *h)
{
	struct transfer *t = h->idle;

	if (t) {
		h->idle = t->next;
		return t;
	}
	t = ARENA_NEW(&h->arena, 1, struct transfer);
	t->http = h;
	t->quiet = (struct timer){ .fn = on_quiet, .ctx = t };
	t->easy = curl_easy_init();
	if (!t->easy)
		abort(); /* out of memory */
	easy_set_up(t->easy, t);
	return t;
}

static void add_header(struct transfer *t, const char *line)
{
	struct curl_slist *longer = curl_slist_append(t->header, line);

	if (!longer)
		abort(); /* out of memory */
	t->header = longer;
}

/* What differs from request to request: all of it is set anew each time. */
static void easy_prepare(struct transfer *t, const struct http_request *r)
{
	CLEAN_ARENA struct arena a = { 0 };
	bool is_post = !strcmp(r->method, "POST");
	const char *url = arena_printf(&a, "%s%s", t->http->endpoint->base, r->path);

	for (size_t i = 0; i < r->nheader; i++)
		add_header(t, r->header[i]);
	if (r->file && r->file->at)
		add_header(t, arena_printf(&a, "Range: bytes=%lld-", (long long)r->file->at));
	add_header(t, "Expect:"); /* no round trip to ask whether the body is welcome */
	if (is_post) {
		curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, r->body.data);
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
	} else {
		curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L);
	}
	curl_easy_setopt(t->easy, CURLOPT_MAXFILESIZE_LARGE, /* 0: file_add looks at it */
			 r->file ? (curl_off_t)0 : (curl_off_t)t->http->limits.max_answer_bytes);
	curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST,
			 is_post || !strcmp(r->method, "GET") ? NULL : r->method);
	curl_easy_setopt(t->easy, CURLOPT_URL, url);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->header);
}

struct transfer *http_start(struct http *h, const struct http_request *r, http_done_fn *done,
			    void *ctx)
{
	struct transfer *t = transfer_take(h);
	CURLMcode code;

	t->done = done;
	t->ctx = ctx;
	t->file = r->file;
	t->why[0] = '\0';
	t->body.max = (size_t)h->limits.max_answer_bytes;
	t->patience_ms = r->patience_ms + (int64_t)(r->body.len / BYTES_PER_MS);
	easy_prepare(t, r);
	timer_set(h->loop, &t->quiet, clock_mono_ms() + t->patience_ms);
	code = curl_multi_add_handle(h->multi, t->easy);
	assert(code == CURLM_OK);
	(void)code;
	return t;
}

void http_stop(struct transfer *t)
{
	timer_stop(t->http->loop, &t->quiet);
	curl_multi_remove_handle(t->http->multi, t->easy);
	release(t);
}
