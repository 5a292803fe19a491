#include "service/store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "service/db.h"

enum sql {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_ADD_OWED,
	SQL_ADD_KEY,
	SQL_DROP_OWED,
	SQL_ADD_ENDED,
	SQL_ADD_EXACT,
	SQL_EXACT,
	SQL_ADD_ARTIFACT,
	SQL_ARTIFACT,
	SQL_ANY_ARTIFACT,
	SQL_FORGET_KEY,
	SQL_REQUEST,
	SQL_ANSWER,
	SQL_FIND_KEY,
	SQL_OWED,
	SQL_OLDEST,
	SQL_DROP_KEY,
	SQL_DROP_EXACT,
	SQL_DROP_ARTIFACTS,
	SQL_DROP_ENDED,
	NSQL
};

static const char *const sql_text[NSQL] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_ADD_OWED] = "INSERT INTO owed VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[SQL_ADD_KEY] = "INSERT INTO idem VALUES (?1, ?2, ?3, ?4)",
	[SQL_DROP_OWED] = "DELETE FROM owed WHERE seq = ?1",
	[SQL_ADD_ENDED] = "INSERT INTO ended VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[SQL_ADD_EXACT] = "INSERT INTO exact (seq, stream, body) VALUES (?1, ?2, ?3)",
	[SQL_EXACT] = ("SELECT x.body FROM ended e JOIN exact x ON x.seq = e.seq"
		       " WHERE e.id = ?1 AND x.stream = ?2"),
	[SQL_ADD_ARTIFACT] = "INSERT INTO artifact VALUES (?1, ?2, ?3)",
	[SQL_ARTIFACT] = ("SELECT a.body FROM ended e JOIN artifact a ON a.seq = e.seq"
			  " WHERE e.id = ?1 AND e.tenant = ?2 AND a.name = ?3"),
	[SQL_ANY_ARTIFACT] = ("SELECT 1 FROM ended e JOIN artifact a ON a.seq = e.seq"
			      " WHERE e.id = ?1 AND e.tenant = ?2 LIMIT 1"),
	[SQL_FORGET_KEY] = "DELETE FROM idem WHERE id = ?1",
	[SQL_REQUEST] = "SELECT request FROM owed WHERE seq = ?1",
	[SQL_ANSWER] = "SELECT answer FROM ended WHERE id = ?1 AND tenant = ?2",
	[SQL_FIND_KEY] = "SELECT id, digest FROM idem WHERE tenant = ?1 AND key = ?2",
	[SQL_OWED] = ("SELECT seq, id, tenant, language, is_interactive, is_detected, created_ms"
		      " FROM owed ORDER BY seq"),
	/* Jobs end nearly in the order they came, so no index is needed. */
	[SQL_OLDEST] = "SELECT seq, ended_ms FROM ended ORDER BY seq LIMIT ?1",
	[SQL_DROP_KEY] = "DELETE FROM idem WHERE id = (SELECT id FROM ended WHERE seq = ?1)",
	[SQL_DROP_EXACT] = "DELETE FROM exact WHERE seq = ?1",
	[SQL_DROP_ARTIFACTS] = "DELETE FROM artifact WHERE seq = ?1",
	[SQL_DROP_ENDED] = "DELETE FROM ended WHERE seq = ?1",
};

static const char sql_last[] = "SELECT max(ifnull((SELECT max(seq) FROM owed), 0),"
			       " ifnull((SELECT max(seq) FROM ended), 0))";
static const char sql_bytes[] = "SELECT (page_count - freelist_count) * page_size"
				" FROM pragma_page_count, pragma_freelist_count, pragma_page_size";

struct store {
	struct db db;
	sqlite3_stmt *stmt[NSQL];
	int64_t last; /* the greatest seq that was given out */
	bool is_begun;
	bool has_failed; /* a write of this transaction did: failure says how */
	struct err failure;
};

static bool prepare_all(struct store *s, struct err *e)
{
	for (int i = 0; i < NSQL; i++)
		if (sqlite3_prepare_v3(s->db.sql, sql_text[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &s->stmt[i], NULL) != SQLITE_OK)
			return db_fail(&s->db, "cannot read the store", e);
	return true;
}

struct store *store_open(const char *dir, struct err *e)
{
	struct store *s;

	if (!fs_mkdirs(AT_FDCWD, dir, e))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	if (db_open(&s->db, dir, e) && prepare_all(s, e) &&
	    db_number(&s->db, sql_last, &s->last, e))
		return s;
	store_close(s);
	return NULL;
}

bool store_relax(struct store *s, struct err *e)
{
	return db_run(&s->db, "PRAGMA synchronous = NORMAL", "cannot set up the store", e);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	for (int i = 0; i < NSQL; i++)
		sqlite3_finalize(s->stmt[i]);
	db_close(&s->db);
	free(s);
}

/* The statement, afresh, its first parameter set to n where it is >= 0. */
static sqlite3_stmt *sql_with(const struct store *s, enum sql which, int64_t n)
{
	sqlite3_stmt *st = s->stmt[which];

	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	if (n >= 0)
		sqlite3_bind_int64(st, 1, n);
	return st;
}

static void bind_text(sqlite3_stmt *st, int at, const char *text)
{
	sqlite3_bind_text(st, at, text, -1, SQLITE_STATIC);
}

static void bind_blob(sqlite3_stmt *st, int at, struct bytes b)
{
	sqlite3_bind_blob64(st, at, b.len ? b.data : "", b.len, SQLITE_STATIC);
}

/* Run a statement that gives no rows. */
static bool sql_run(struct store *s, enum sql which, const char *doing, struct err *e)
{
	sqlite3_stmt *st = s->stmt[which];
	bool ok = sqlite3_step(st) == SQLITE_DONE || db_fail(&s->db, doing, e);

	sqlite3_reset(st);
	return ok;
}

/* Run a write of the transaction; its failing is the transaction's. */
static bool write_run(struct store *s, enum sql which, const char *doing, struct err *e)
{
	if (sql_run(s, which, doing, e))
		return true;
	s->has_failed = true;
	s->failure = *e;
	return false;
}

/* A transaction that could not even begin is one that failed: its commit says so. */
static bool begin(struct store *s, struct err *e)
{
	bool is_first = !s->is_begun;

	s->is_begun = true;
	s->has_failed = s->has_failed && !is_first;
	if (s->has_failed) {
		*e = s->failure;
		return false;
	}
	sql_with(s, SQL_BEGIN, -1);
	return !is_first || write_run(s, SQL_BEGIN, "cannot write to the store", e);
}

bool store_add(struct store *s, const struct store_job *j, int64_t *seq, struct err *e)
{
	static const char doing[] = "cannot add a job";
	sqlite3_stmt *st;

	if (!begin(s, e))
		return false;
	*seq = ++s->last;
	st = sql_with(s, SQL_ADD_OWED, *seq);
	bind_text(st, 2, j->id);
	bind_text(st, 3, j->tenant);
	bind_text(st, 4, j->language);
	sqlite3_bind_int(st, 5, j->is_interactive);
	sqlite3_bind_int(st, 6, j->is_detected);
	sqlite3_bind_int64(st, 7, j->created_ms);
	bind_blob(st, 8, j->request);
	if (!write_run(s, SQL_ADD_OWED, doing, e))
		return false;
	if (!j->key)
		return true;
	st = sql_with(s, SQL_ADD_KEY, -1);
	bind_text(st, 1, j->id);
	bind_text(st, 2, j->tenant);
	bind_text(st, 3, j->key);
	bind_text(st, 4, j->digest);
	return write_run(s, SQL_ADD_KEY, doing, e);
}

bool store_end(struct store *s, const struct store_end *end, struct err *e)
{
	static const char doing[] = "cannot keep a result";
	sqlite3_stmt *st;

	if (!begin(s, e))
		return false;
	sql_with(s, SQL_DROP_OWED, end->seq);
	st = sql_with(s, SQL_ADD_ENDED, end->seq);
	bind_text(st, 2, end->id);
	bind_text(st, 3, end->tenant);
	bind_text(st, 4, wire_status_names[end->status]);
	sqlite3_bind_int64(st, 5, end->ended_ms);
	bind_blob(st, 6, end->answer);
	return write_run(s, SQL_DROP_OWED, doing, e) && write_run(s, SQL_ADD_ENDED, doing, e);
}

bool store_add_exact(struct store *s, int64_t seq, int stream, struct bytes all, struct err *e)
{
	sqlite3_stmt *st;

	if (!begin(s, e))
		return false;
	st = sql_with(s, SQL_ADD_EXACT, seq);
	sqlite3_bind_int(st, 2, stream);
	bind_blob(st, 3, all);
	return write_run(s, SQL_ADD_EXACT, "cannot keep an output", e);
}

bool store_add_artifact(struct store *s, int64_t seq, const struct wire_artifact *it, struct err *e)
{
	sqlite3_stmt *st;

	if (!begin(s, e))
		return false;
	st = sql_with(s, SQL_ADD_ARTIFACT, seq);
	bind_text(st, 2, it->name);
	bind_blob(st, 3, it->data);
	return write_run(s, SQL_ADD_ARTIFACT, "cannot keep an artifact", e);
}

bool store_forget_key(struct store *s, const char *id, struct err *e)
{
	if (!begin(s, e))
		return false;
	bind_text(sql_with(s, SQL_FORGET_KEY, -1), 1, id);
	return write_run(s, SQL_FORGET_KEY, "cannot forget a key", e);
}

bool store_is_dirty(const struct store *s)
{
	return s->is_begun;
}

bool store_commit(struct store *s, struct err *e)
{
	struct err ignored;

	if (!s->is_begun)
		return true;
	s->is_begun = false;
	sql_with(s, SQL_COMMIT, -1);
	if (!s->has_failed && sql_run(s, SQL_COMMIT, "cannot write to the store", e))
		return true;
	if (s->has_failed)
		*e = s->failure;
	/* Some failures have rolled back by themselves. */
	sql_with(s, SQL_ROLLBACK, -1);
	if (!sqlite3_get_autocommit(s->db.sql))
		sql_run(s, SQL_ROLLBACK, "cannot undo", &ignored);
	return false;
}

/* Step a SELECT: *found says whether there is a row. */
static bool select_row(struct store *s, enum sql which, bool *found, struct err *e)
{
	int rc = sqlite3_step(s->stmt[which]);

	*found = rc == SQLITE_ROW;
	return rc == SQLITE_ROW || rc == SQLITE_DONE || db_fail(&s->db, "cannot read the store", e);
}

static struct bytes column_bytes(sqlite3_stmt *st, int at)
{
	struct bytes b = { .data = sqlite3_column_blob(st, at) };

	b.len = (size_t)sqlite3_column_bytes(st, at);
	return b;
}

static const char *column_text(sqlite3_stmt *st, int at)
{
	const unsigned char *text = sqlite3_column_text(st, at);

	return text ? (const char *)text : "";
}

bool store_request(struct store *s, struct arena *a, int64_t seq, struct bytes *out, struct err *e)
{
	sqlite3_stmt *st = sql_with(s, SQL_REQUEST, seq);
	struct bytes b;
	bool found;

	if (!select_row(s, SQL_REQUEST, &found, e))
		return false;
	if (!found)
		return err_set(e, ERR_SYSTEM, "the job's request is not in %s", s->db.path);
	b = column_bytes(st, 0);
	*out = (struct bytes){ arena_strndup(a, b.len ? b.data : "", b.len), b.len };
	sqlite3_reset(st);
	return true;
}

/* The blob of the one row, if there is one, behind out; what names it in messages. */
static bool read_blob(struct store *s, enum sql which, const char *what, struct buf *out,
		      bool *found, struct err *e)
{
	sqlite3_stmt *st = s->stmt[which];
	struct bytes b;
	bool ok = true;

	if (!select_row(s, which, found, e))
		return false;
	if (*found) {
		b = column_bytes(st, 0);
		ok = buf_add(out, b.data, b.len) ||
		     err_set(e, ERR_SYSTEM, "the %s kept for the job is larger than %zu bytes",
			     what, out->max);
	}
	sqlite3_reset(st);
	return ok;
}

bool store_answer(struct store *s, const char *tenant, const char *id, struct buf *out, bool *found,
		  struct err *e)
{
	sqlite3_stmt *st = sql_with(s, SQL_ANSWER, -1);

	bind_text(st, 1, id);
	bind_text(st, 2, tenant);
	return read_blob(s, SQL_ANSWER, "answer", out, found, e);
}

bool store_exact(struct store *s, const char *id, int stream, struct buf *out, bool *found,
		 struct err *e)
{
	sqlite3_stmt *st = sql_with(s, SQL_EXACT, -1);

	bind_text(st, 1, id);
	sqlite3_bind_int(st, 2, stream);
	return read_blob(s, SQL_EXACT, "output", out, found, e);
}

/* A statement whose first parameters are a job's id and its tenant. */
static sqlite3_stmt *sql_of_job(const struct store *s, enum sql which, const struct store_name *of)
{
	sqlite3_stmt *st = sql_with(s, which, -1);

	bind_text(st, 1, of->id);
	bind_text(st, 2, of->tenant);
	return st;
}

bool store_artifact(struct store *s, const struct store_name *of, struct buf *out, bool *found,
		    struct err *e)
{
	bind_text(sql_of_job(s, SQL_ARTIFACT, of), 3, of->artifact);
	return read_blob(s, SQL_ARTIFACT, "artifact", out, found, e);
}

bool store_has_artifacts(struct store *s, const struct store_name *of, bool *found, struct err *e)
{
	sqlite3_stmt *st = sql_of_job(s, SQL_ANY_ARTIFACT, of);
	bool ok = select_row(s, SQL_ANY_ARTIFACT, found, e);

	sqlite3_reset(st);
	return ok;
}

bool store_find_key(struct store *s, const char *tenant, const char *key, struct store_key *out,
		    struct err *e)
{
	sqlite3_stmt *st = sql_with(s, SQL_FIND_KEY, -1);
	bool found;

	*out = (struct store_key){ 0 };
	bind_text(st, 1, tenant);
	bind_text(st, 2, key);
	if (!select_row(s, SQL_FIND_KEY, &found, e))
		return false;
	if (found) {
		snprintf(out->id, sizeof(out->id), "%s", column_text(st, 0));
		snprintf(out->digest, sizeof(out->digest), "%s", column_text(st, 1));
	}
	sqlite3_reset(st);
	return true;
}

bool store_owed(struct store *s, store_owed_fn *fn, void *ctx, struct err *e)
{
	sqlite3_stmt *st = sql_with(s, SQL_OWED, -1);
	bool found;

	while (select_row(s, SQL_OWED, &found, e)) {
		if (!found) {
			sqlite3_reset(st);
			return true;
		}
		fn(ctx, sqlite3_column_int64(st, 0),
		   &(struct store_job){ .id = column_text(st, 1),
					.tenant = column_text(st, 2),
					.language = column_text(st, 3),
					.is_interactive = sqlite3_column_int(st, 4) != 0,
					.is_detected = sqlite3_column_int(st, 5) != 0,
					.created_ms = sqlite3_column_int64(st, 6) });
	}
	sqlite3_reset(st);
	return false;
}

static bool find_old(struct store *s, int64_t before_ms, int64_t seq[STORE_STEP], size_t *n,
		     struct err *e)
{
	sqlite3_stmt *st = sql_with(s, SQL_OLDEST, STORE_STEP);
	bool found = true;

	*n = 0;
	while (found && *n < STORE_STEP) {
		if (!select_row(s, SQL_OLDEST, &found, e))
			return false;
		if (found && sqlite3_column_int64(st, 1) < before_ms)
			seq[(*n)++] = sqlite3_column_int64(st, 0);
	}
	sqlite3_reset(st);
	return true;
}

bool store_forget_old(struct store *s, int64_t before_ms, size_t *n, struct err *e)
{
	static const enum sql drops[] = { SQL_DROP_KEY, SQL_DROP_EXACT, SQL_DROP_ARTIFACTS,
					  SQL_DROP_ENDED };
	int64_t seq[STORE_STEP];

	if (!find_old(s, before_ms, seq, n, e))
		return false;
	if (*n && !begin(s, e))
		return false;
	for (size_t i = 0; i < *n; i++)
		for (size_t k = 0; k < sizeof(drops) / sizeof(drops[0]); k++) {
			sql_with(s, drops[k], seq[i]);
			if (!write_run(s, drops[k], "cannot forget old jobs", e))
				return false;
		}
	return true;
}

bool store_bytes(struct store *s, int64_t *out, struct err *e)
{
	return db_number(&s->db, sql_bytes, out, e);
}
