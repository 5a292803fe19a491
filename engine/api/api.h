/*
 * api -- the service as a client sees it: libcurl multi on the loop, keep-alive,
 * signing, retries with back-off.
 *
 * Each call ends in exactly one answer, unless it is dropped. Retried, up to
 * max_tries with jittered exponential back-off: 429 and 503 (Retry-After obeyed,
 * up to 120 s), other 5xx, dropped and refused connections. Never: other 4xx,
 * redirects (the key is for one host), bad certificates, answers too large.
 * So many calls may be under way as one likes: they wait for a connection in the
 * order they were made. done may begin and drop calls, but not close the api.
 */
#ifndef ENGINE_API_API_H
#define ENGINE_API_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/loop.h"
#include "wire/wire.h"

struct api_options {
	const char *endpoint;                /* http://..., https://..., unix:PATH */
	const char *api_key;                 /* Bearer secret, or NULL */
	const char *public_key, *secret_key; /* both: Bearer public key with X-Timestamp and
						X-Signature, whatever api_key is */
	int max_tries;                       /* of one call; 0: 6 */
	int64_t backoff_ms;                  /* the first wait; 0: 200 */
	int64_t max_answer_bytes;            /* 0: 64 MiB */
	int64_t patience_ms; /* without a byte, beyond what was asked to wait; 0: 30 s */
};

struct api;
struct api_call; /* one call under way; gone after its answer */

/* ok: what was asked for is there. Else err says what and where; is_refused: the service understood
 * and said no (4xx but 429). */
struct api_answer {
	bool ok;
	struct err err;
	long http_status; /* 0: no answer came */
	bool is_refused;
	bool has_additions; /* the service told WIRE_HEADER */
	int tries;          /* of await: since the last answer that was one */
	const char *body;   /* borrowed until done returns */
	size_t len;
	const struct wire_job *job; /* of submit, await, cancel; borrowed likewise */
};

typedef void api_done_fn(void *ctx, const struct api_answer *answer);

/* NULL (ERR_USAGE) when endpoint or keys make no sense; nothing is sent yet. */
struct api *api_open(struct loop *l, const struct api_options *o, struct err *e);
void api_close(struct api *api); /* drops what is under way */

/* GET path ("/languages"): the answer's body. */
struct api_call *api_get(struct api *api, const char *path, api_done_fn *done, void *ctx);
/* POST /execute/async: answer.job->id. body is copied. A retry repeats the Idempotency-Key. */
struct api_call *api_submit(struct api *api, const char *idempotency_key, const char *body,
			    size_t len, api_done_fn *done, void *ctx);
/*
 * GET /jobs/{id} until the job has ended: with ?wait= where the service told WIRE_HEADER, else
 * polling at 100 ms growing by half to 2 s. answer.job has ended and has its result.
 */
struct api_call *api_await(struct api *api, const char *job_id, api_done_fn *done, void *ctx);
/* DELETE /jobs/{id}. 409 (it had ended) and 404 are ok too; answer.job is NULL then. */
struct api_call *api_cancel(struct api *api, const char *job_id, api_done_fn *done, void *ctx);
/* Forget a call: no answer will come. */
void api_drop(struct api_call *call);

#endif
