/*
 * store -- what outlives the service: every job that was accepted, in one SQLite
 * file (WAL, synchronous=FULL unless store_relax was called), DIR/jobs.db (db.h). All that is asked
 * of it is in store.c.
 *
 * Writes gather in a transaction that store_commit ends, once a turn of the loop;
 * when one of them fails, all of them are undone at the commit. A job's request
 * is kept until it ends, then its answer: what GET /jobs/{id} says of it.
 */
#ifndef SERVICE_STORE_H
#define SERVICE_STORE_H

#include "base/digest.h"
#include "wire/wire.h"

struct store;

struct store_job {
	const char *id, *tenant, *language;
	bool is_interactive;  /* its caller waits for it: /execute */
	bool is_detected;     /* its language was: /run */
	int64_t created_ms;   /* Unix time */
	const char *key;      /* Idempotency-Key, or NULL */
	const char *digest;   /* with a key: of the request */
	struct bytes request; /* JSON as received; may be empty where it is in memory and will not
				 be run after a restart */
};

/* Open or make DIR/jobs.db. NULL with e when another service has it, or it is damaged or not ours:
 * it is left as it is. */
struct store *store_open(const char *dir, struct err *e);
/*
 * From now on a commit outlives this process, however that ends, but not a power failure: what was
 * committed last may then be missing. Nothing else is ever damaged.
 */
bool store_relax(struct store *s, struct err *e);
/* What was not committed is undone. */
void store_close(struct store *s);

struct store_end {
	int64_t seq;
	const char *id, *tenant;
	enum wire_status status;
	int64_t ended_ms;
	struct bytes answer; /* JSON, what GET /jobs/{id} says, but for what is kept apart */
};

bool store_add(struct store *s, const struct store_job *j, int64_t *seq, struct err *e);
/* It has ended: its answer takes the place of its request. */
bool store_end(struct store *s, const struct store_end *end, struct err *e);
/* What stream 1 or 2 of an ended job brought, byte for byte, where its answer cannot say it. */
bool store_add_exact(struct store *s, int64_t seq, int stream, struct bytes all, struct err *e);
/* One of those that the answer tells by their paths alone. */
bool store_add_artifact(struct store *s, int64_t seq, const struct wire_artifact *it,
			struct err *e);
/* A repeat of the submit shall be a new job. */
bool store_forget_key(struct store *s, const char *id, struct err *e);

#define STORE_STEP 200 /* jobs that are forgotten at once, at most */
/* Forget, of the STORE_STEP oldest ended jobs, those that ended before then; *n is how many. */
bool store_forget_old(struct store *s, int64_t before_ms, size_t *n, struct err *e);
/* Bytes of the file that are in use. */
bool store_bytes(struct store *s, int64_t *out, struct err *e);

/* Something waits for a commit. */
bool store_is_dirty(const struct store *s);
/* All or nothing of what was written since the last one is on disk. */
bool store_commit(struct store *s, struct err *e);

/* The request of a job that has not ended. */
bool store_request(struct store *s, struct arena *a, int64_t seq, struct bytes *out, struct err *e);
/* The answer of an ended job of that tenant, as it was kept (see kept.h); *found says whether there
 * is one. */
bool store_answer(struct store *s, const char *tenant, const char *id, struct buf *out, bool *found,
		  struct err *e);

/* The exact bytes, if they are kept apart from the answer; the caller has checked the tenant. */
bool store_exact(struct store *s, const char *id, int stream, struct buf *out, bool *found,
		 struct err *e);

/* Of an ended job of that tenant. */
struct store_name {
	const char *tenant, *id, *artifact;
};
/* An artifact that is kept apart from the answer; whether the job has any such. */
bool store_artifact(struct store *s, const struct store_name *of, struct buf *out, bool *found,
		    struct err *e);
bool store_has_artifacts(struct store *s, const struct store_name *of, bool *found, struct err *e);

struct store_key {
	char id[WIRE_ID_SIZE]; /* "": no job has that key */
	char digest[DIGEST_HEX];
};
bool store_find_key(struct store *s, const char *tenant, const char *key, struct store_key *out,
		    struct err *e);

/* Each job that has not ended, in the order they came; without its request. */
typedef void store_owed_fn(void *ctx, int64_t seq, const struct store_job *j);
bool store_owed(struct store *s, store_owed_fn *fn, void *ctx, struct err *e);

#endif
