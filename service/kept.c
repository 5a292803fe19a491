#include "service/kept.h"

#include "service/queue.h"

/* Its bytes, in the arena. */
static bool fetch(const struct kept *k, struct arena *a, struct wire_artifact *it, struct err *e)
{
	const struct store_name name = { k->tenant, k->id, it->name };
	CLEAN_BUF struct buf b = BUF(QUEUE_ANSWER_MAX);
	bool found = false;

	if (!store_artifact(k->store, &name, &b, &found, e))
		return false;
	if (!found)
		return err_set(e, ERR_SYSTEM, "artifact '%s' of job %s is not in the store",
			       it->name, k->id);
	it->data = (struct bytes){ arena_strndup(a, buf_text(&b), b.len), b.len };
	return true;
}

/* The answer with those artifacts that are small enough. */
static bool put_together(const struct kept *k, const struct buf *bare, struct buf *out,
			 struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct wire_job job;

	if (!wire_job_parse(&a, buf_text(bare), bare->len, &job, e))
		return false;
	for (size_t i = 0; job.result && i < job.result->nartifact; i++) {
		struct wire_artifact *it = &job.result->artifact[i];

		if (!it->data.data && it->data.len <= (uint64_t)k->inline_bytes &&
		    !fetch(k, &a, it, e))
			return false;
	}
	return wire_job_print(&job, out) ||
	       err_set(e, ERR_SYSTEM, "the answer is larger than %zu bytes", out->max);
}

bool kept_answer(const struct kept *k, struct buf *out, bool *found, struct err *e)
{
	const struct store_name name = { k->tenant, k->id, NULL };
	CLEAN_BUF struct buf bare = BUF(QUEUE_ANSWER_MAX);

	if (!store_has_artifacts(k->store, &name, found, e))
		return false;
	if (!*found)
		return store_answer(k->store, k->tenant, k->id, out, found, e);
	return store_answer(k->store, k->tenant, k->id, &bare, found, e) &&
	       put_together(k, &bare, out, e);
}
