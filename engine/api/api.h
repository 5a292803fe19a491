/*
 * api -- services as a client sees them: libcurl multi on the loop, keep-alive,
 * signing, retries with back-off, back-pressure, several endpoints.
 *
 * Each call ends in exactly one answer, unless it is dropped. Retried, up to
 * max_tries with jittered exponential back-off: 429 and 5xx, dropped and refused
 * connections. Never: other 4xx, redirects (the key is for one host), bad
 * certificates, answers too large. So many calls may be under way as one likes:
 * they wait for a connection in the order they were made. done may begin and drop
 * calls, but not close the api.
 *
 * Back-pressure (api/window.h has the rule): a 429 or 503 halves the jobs that its endpoint is
 * given at once, and no submit goes there before Retry-After (at most 120 s of it) has passed; each
 * job that is taken widens again, by one for as many jobs as are let in. Who is told to wait by
 * Retry-After is not counted as tried: that ends only when the endpoint has done nothing but tell
 * us to wait for busy_ms.
 *
 * Several endpoints: a submit goes to the one with the fewest jobs for its workers, and its job is
 * that endpoint's from then on. An endpoint that fails a call for good (unreachable after all
 * tries, 401, 403, answers that make no sense) is left out while there is another: its submits go
 * elsewhere by themselves, calls for its jobs end with is_gone. It is asked again every again_ms;
 * when it is back, jobs that were given up are cancelled there. The last one is never left out.
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
	const char *const *endpoint;         /* http://..., https://..., unix:PATH; ends with NULL,
						one at least; the keys are for all of them */
	const char *api_key;                 /* Bearer secret, or NULL */
	const char *public_key, *secret_key; /* both: Bearer public key with X-Timestamp and
						X-Signature, whatever api_key is */
	int max_tries;                       /* of one call; 0: 6 */
	int64_t backoff_ms;                  /* the first wait; 0: 200 */
	int64_t max_answer_bytes;            /* 0: 64 MiB */
	int64_t patience_ms; /* without a byte, beyond what was asked to wait; 0: 30 s */
	int64_t busy_ms;     /* how long to be told to wait; 0: 15 minutes */
	int64_t again_ms;    /* how often one that was left out is asked again; 0: 30 s */
	/* One sentence when an endpoint is left out, and when it is back; or NULL. */
	void (*tell)(void *ctx, const char *sentence);
	void *tell_ctx;
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
	bool is_gone; /* its endpoint was left out, another is there: submit the job again */
	bool is_shut; /* no other call will fare better: nobody answers, we may not come in, or
			 busy_ms is over */
	bool has_additions; /* the service told WIRE_HEADER */
	int endpoint;       /* which of the options' gave it */
	int tries;          /* of await: since the last answer that was one */
	const char *body;   /* borrowed until done returns; NULL: job has artifacts beside it */
	size_t len;
	const struct wire_job *job; /* of submit, await, cancel; borrowed likewise */
};

typedef void api_done_fn(void *ctx, const struct api_answer *answer);

/* NULL (ERR_USAGE) when an endpoint or keys make no sense; nothing is sent yet. */
struct api *api_open(struct loop *l, const struct api_options *o, struct err *e);
void api_close(struct api *api); /* drops what is under way */
/* So many jobs it runs at once, for sharing the load; 1 until told. */
void api_workers(struct api *api, int endpoint, size_t n);
/* Use it no more, and do not ask it again; e says why. Not for the last one. */
void api_leave_out(struct api *api, int endpoint, const struct err *e);

/* GET path ("/languages") of one endpoint: the answer's body. Its failure is no reason to leave the
 * endpoint out. */
struct api_call *api_get_at(struct api *api, int endpoint, const char *path, api_done_fn *done,
			    void *ctx);
/* The same of the first that is not left out. */
struct api_call *api_get(struct api *api, const char *path, api_done_fn *done, void *ctx);
/* POST /execute/async: answer.job->id. body is copied. A retry repeats the Idempotency-Key. */
struct api_call *api_submit(struct api *api, const char *idempotency_key, const char *body,
			    size_t len, api_done_fn *done, void *ctx);
/*
 * GET /jobs/{id} until the job has ended: with ?wait= where the service told WIRE_HEADER, else
 * polling at 100 ms growing by half to 2 s. answer.job has ended and has its result. A job that
 * was not submitted here (a run goes on) is looked for at one endpoint after the other.
 *
 * Where the service told WIRE_HEADER, artifacts larger than 1 MiB are left out of its answer and
 * fetched by their paths (api/fetch.h): answer.job has all of their bytes nevertheless, mapped from
 * files below $TMPDIR (or /var/tmp) that are gone when done returns.
 */
struct api_call *api_await(struct api *api, const char *job_id, api_done_fn *done, void *ctx);
/* DELETE /jobs/{id}. 409 (it had ended) and 404 are ok too; answer.job is NULL then. */
struct api_call *api_cancel(struct api *api, const char *job_id, api_done_fn *done, void *ctx);
/* Forget a call: no answer will come. */
void api_drop(struct api_call *call);

#endif
