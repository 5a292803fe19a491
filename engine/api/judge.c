/* What an answer means for the call that it is for. */
#include <assert.h>
#include <string.h>

#include "api/call.h"
#include "api/retry.h"
#include "base/json.h"

#define SHOWN_BYTES ((size_t)80) /* of an answer that makes no sense */

const char *clean_text(struct arena *a, const char *text, size_t max)
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
	const struct endpoint *p = &c->site->endpoint;

	if (c->fetch && c->fetch->file.err.kind)
		err_set(e, c->fetch->file.err.kind, "cannot fetch %s from %s: %s", call_path(c),
			p->shown, c->fetch->file.err.msg);
	else if (retry_is_unreached(h->code))
		err_set(e, ERR_REMOTE, "cannot reach %s: %s", p->shown, h->why);
	else
		err_set(e, ERR_REMOTE, "no answer from %s to %s %s: %s", p->shown, c->kind->method,
			call_path(c), h->why);
}

static void word_status(const struct api_call *c, const struct http_answer *h, struct arena *a,
			struct err *e)
{
	const char *shown = c->site->endpoint.shown;

	if (h->status == 404 && c->job_id && !c->fetch)
		err_set(e, ERR_REMOTE, "%s does not know job %s", shown, c->job_id);
	else if (h->location)
		err_set(e, ERR_REMOTE,
			"%s redirects %s %s to %s: redirects are not followed, give that endpoint",
			shown, c->kind->method, call_path(c), clean_text(a, h->location, 200));
	else
		err_set(e, ERR_REMOTE, "%s answered %ld to %s %s: %s", shown, h->status,
			c->kind->method, call_path(c), what_it_said(a, h));
}

/* An answer that is a success, and yet not what was asked for; out->err says why. */
static enum fate senseless(const struct api_call *c, const struct http_answer *h, struct arena *a,
			   struct api_answer *out)
{
	const char *why = arena_strdup(a, out->err.msg);

	err_set(&out->err, ERR_REMOTE, "%s answered %ld to %s %s with %s: %s",
		c->site->endpoint.shown, h->status, c->kind->method, call_path(c),
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

static enum fate take_whole(struct fetch *f, struct api_answer *out)
{
	out->job = &f->job;
	out->body = NULL;
	out->len = 0;
	out->ok = true;
	return FATE_ANSWER;
}

/* The await goes on to ask for what its job's answer only names. */
static enum fate begin_fetch(struct api_call *c, const struct http_answer *h, struct arena *a,
			     struct api_answer *out)
{
	struct fetch *f = NULL;

	out->ok = false;
	if (strcmp(out->job->id, c->job_id) != 0)
		err_set(&out->err, ERR_REMOTE, "it is job %s, not %s", out->job->id, c->job_id);
	else
		f = fetch_begin(&c->arena, h->body, h->len, &out->err);
	out->job = NULL;
	if (!f)
		return out->err.kind == ERR_REMOTE ? senseless(c, h, a, out) : FATE_ANSWER;
	c->fetch = f;
	c->kind = &call_fetch;
	return f->is_whole ? take_whole(f, out) : FATE_POLL;
}

static enum fate take_piece(struct api_call *c, const struct http_answer *h, struct arena *a,
			    struct api_answer *out)
{
	struct fetch *f = c->fetch;

	(void)h;
	(void)a;
	if (f->file.at < f->file.size) {
		err_set(&out->err, ERR_REMOTE,
			"%s ended %s after %lld of the %lld bytes it was to have",
			c->site->endpoint.shown, f->path, (long long)f->file.at,
			(long long)f->file.size);
		return FATE_RETRY;
	}
	if (!fetch_next(f, &c->arena, &out->err))
		return FATE_ANSWER;
	return f->is_whole ? take_whole(f, out) : FATE_POLL;
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
	if (fetch_is_needed(out->job))
		return begin_fetch(c, h, a, out);
	return FATE_ANSWER;
}

const struct call_kind call_get = { .method = "GET", .take = take_body };
const struct call_kind call_submit = {
	.method = "POST", .take = take_job, .is_job = true, .is_moved = true
};
const struct call_kind call_await = {
	.method = "GET", .take = take_ended, .is_job = true, .is_moved = true
};
const struct call_kind call_fetch = {
	.method = "GET", .take = take_piece, .is_job = true, .is_moved = true
};
const struct call_kind call_cancel = {
	.method = "DELETE", .take = take_job, .also_ok = { 404, 409 }, .is_moved = true
};

enum fate call_judge(struct api_call *c, const struct http_answer *h, struct arena *a,
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
	if (h->status == 429 || h->status == 503)
		return FATE_LATER;
	if (retry_is_later(h->status))
		return FATE_RETRY;
	out->is_refused = h->status / 100 == 4;
	return FATE_ANSWER;
}

bool call_is_lost(const struct http_answer *h, const struct api_answer *out)
{
	if (h->code == CURLE_WRITE_ERROR || h->code == CURLE_FILESIZE_EXCEEDED)
		return false; /* one answer that was too large */
	return !out->is_refused || h->status == 401 || h->status == 403;
}
