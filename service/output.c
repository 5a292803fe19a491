#include "service/output.h"

#include <string.h>

#include "service/range.h"

static bool not_there(struct err *e, const char *what)
{
	return err_set(e, ERR_NOT_FOUND, "there is no such %s", what);
}

static bool answer_nothing(struct call *c, size_t size, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(1024);

	call_tell(c, "Content-Range", arena_printf(&c->arena, "bytes */%zu", size));
	if (!wire_error_print("the Range begins behind the last byte", "range_not_satisfiable", &b))
		return err_set(e, ERR_SYSTEM, "the answer is too large");
	call_answer(c, 416, (struct bytes){ buf_text(&b), b.len });
	return true;
}

/* The part that Range asks for, or all. The bytes of a job never change, so their digest names them
 * for If-Range. */
static bool answer_bytes(struct call *c, struct bytes all, struct err *e)
{
	const char *on = call_header(c, "If-Range");
	char tag[DIGEST_HEX + 2] = "\"";
	struct range part;

	digest_sha256(all.data, all.len, tag + 1);
	memcpy(tag + DIGEST_HEX, "\"", 2);
	call_tell(c, "Accept-Ranges", "bytes");
	call_tell(c, "ETag", arena_strdup(&c->arena, tag));
	part = range_parse(on && strcmp(on, tag) != 0 ? NULL : call_header(c, "Range"), all.len);
	if (part.kind == RANGE_NONE)
		return answer_nothing(c, all.len, e);
	call_tell(c, "Content-Type", "application/octet-stream");
	call_tell(c, "X-Content-Type-Options", "nosniff");
	if (part.kind == RANGE_WHOLE) {
		call_answer(c, 200, all);
		return true;
	}
	call_tell(c, "Content-Range",
		  arena_printf(&c->arena, "bytes %zu-%zu/%zu", part.from, part.from + part.n - 1,
			       all.len));
	call_answer(c, 206, (struct bytes){ all.data + part.from, part.n });
	return true;
}

static bool has_ended(const struct routes *r, struct call *c, struct err *e)
{
	if (!queue_find(r->queue, c->tenant, c->param[0]))
		return true;
	c->code = "not_ended";
	return err_set(e, ERR_CONFLICT,
		       "job %s has not ended: GET /jobs/{id}?wait=60 waits for it, "
		       "/jobs/{id}/events tells what it prints",
		       c->param[0]);
}

/* The result of the call's job, in its arena; NULL with e if there is none. */
static const struct wire_result *get_result(struct routes *r, struct call *c, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(QUEUE_ANSWER_MAX);
	struct wire_job job = { 0 };
	bool found = false;

	if (!has_ended(r, c, e))
		return NULL;
	if (!store_answer(r->store, c->tenant, c->param[0], &b, &found, e))
		return NULL;
	if (!found)
		not_there(e, "job");
	else if (wire_job_parse(&c->arena, buf_text(&b), b.len, &job, e) && !job.result)
		err_set(e, ERR_SYSTEM, "job %s has no result", c->param[0]);
	return job.result;
}

/* What is no text stands in the result with U+FFFD, and in the store apart as it was. */
static bool answer_stream(struct routes *r, struct call *c, int stream, struct err *e)
{
	CLEAN_BUF struct buf exact = BUF(QUEUE_ANSWER_MAX);
	const struct wire_result *result = get_result(r, c, e);
	bool found = false;

	if (!result || !store_exact(r->store, c->param[0], stream, &exact, &found, e))
		return false;
	if (found)
		return answer_bytes(c, (struct bytes){ buf_text(&exact), exact.len }, e);
	return answer_bytes(c, stream == 1 ? result->out : result->err, e);
}

bool output_stdout(struct routes *r, struct call *c, struct err *e)
{
	return answer_stream(r, c, 1, e);
}

bool output_stderr(struct routes *r, struct call *c, struct err *e)
{
	return answer_stream(r, c, 2, e);
}

/* In an answer of before they were kept apart; or it is none. */
static bool answer_old_artifact(struct routes *r, struct call *c, struct err *e)
{
	const struct wire_result *result = get_result(r, c, e);

	if (!result)
		return false;
	for (size_t i = 0; i < result->nartifact; i++)
		if (result->artifact[i].data.data && !strcmp(result->artifact[i].name, c->param[1]))
			return answer_bytes(c, result->artifact[i].data, e);
	return not_there(e, "artifact");
}

bool output_artifact(struct routes *r, struct call *c, struct err *e)
{
	const struct store_name name = { c->tenant, c->param[0], c->param[1] };
	CLEAN_BUF struct buf b = BUF(QUEUE_ANSWER_MAX);
	bool found = false;

	if (!has_ended(r, c, e) || !store_artifact(r->store, &name, &b, &found, e))
		return false;
	return found ? answer_bytes(c, (struct bytes){ buf_text(&b), b.len }, e)
		     : answer_old_artifact(r, c, e);
}
