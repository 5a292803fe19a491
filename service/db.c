#include "service/db.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

#define APPLICATION_ID 0x73626368    /* "sbch" */
#define CHECK_MAX      (256LL << 20) /* a larger file is not read whole at start */

/* migration[n] brings a store of user_version n to n + 1. */
static const char *const migration[] = {
	"CREATE TABLE job (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
	" tenant TEXT NOT NULL, language TEXT NOT NULL, is_interactive INTEGER NOT NULL,"
	" status TEXT NOT NULL, created_ms INTEGER NOT NULL, started_ms INTEGER,"
	" ended_ms INTEGER, idem_key TEXT, idem_digest TEXT) STRICT;"
	"CREATE UNIQUE INDEX job_key ON job (tenant, idem_key) WHERE idem_key IS NOT NULL;"
	"CREATE TABLE request (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;"
	"CREATE TABLE answer (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;",
	"ALTER TABLE job ADD COLUMN is_detected INTEGER NOT NULL DEFAULT 0;",
	("CREATE TABLE exact (seq INTEGER NOT NULL, stream INTEGER NOT NULL, body BLOB NOT NULL,"
	 " PRIMARY KEY (seq, stream)) STRICT;"),
	/*
	 * A job is one row, which goes from owed to ended: each table grows at its end only, and
	 * but for ended's ids there is no index to keep. The job table of old is a view.
	 */
	("CREATE TABLE owed (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, tenant TEXT NOT NULL,"
	 " language TEXT NOT NULL, is_interactive INTEGER NOT NULL, is_detected INTEGER NOT NULL,"
	 " created_ms INTEGER NOT NULL, request BLOB NOT NULL) STRICT;"
	 "CREATE TABLE ended (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
	 " tenant TEXT NOT NULL, status TEXT NOT NULL, ended_ms INTEGER NOT NULL,"
	 " answer BLOB NOT NULL) STRICT;"
	 "CREATE TABLE idem (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, key TEXT NOT NULL,"
	 " digest TEXT NOT NULL, UNIQUE (tenant, key)) STRICT, WITHOUT ROWID;"
	 "INSERT INTO owed SELECT seq, id, tenant, language, is_interactive, is_detected,"
	 " created_ms, body FROM job JOIN request USING (seq) ORDER BY seq;"
	 "INSERT INTO ended SELECT seq, id, tenant, status, ended_ms, body"
	 " FROM job JOIN answer USING (seq) ORDER BY seq;"
	 "INSERT INTO idem SELECT id, tenant, idem_key, idem_digest FROM job"
	 " WHERE idem_key IS NOT NULL;"
	 "DROP TABLE request; DROP TABLE answer; DROP TABLE job;"
	 "CREATE VIEW job AS SELECT seq, id, tenant, 'pending' AS status FROM owed"
	 " UNION ALL SELECT seq, id, tenant, status FROM ended;"),
	/* Each is had without the others. The answers from before hold theirs. */
	("CREATE TABLE artifact (seq INTEGER NOT NULL, name TEXT NOT NULL,"
	 " body BLOB NOT NULL) STRICT;"
	 "CREATE INDEX artifact_name ON artifact (seq, name);"),
};

#define NMIGRATION ((int)(sizeof(migration) / sizeof(migration[0])))

/*
 * Larger pages than SQLite's: a commit of thirty jobs then has half as many to write. The order of
 * the rest matters: with exclusive locking before WAL the file is ours until we close it, and
 * needs no shared memory. The last one takes the lock.
 */
static const char setup[] = "PRAGMA page_size = 8192;"
			    "PRAGMA locking_mode = EXCLUSIVE;"
			    "PRAGMA journal_mode = WAL;"
			    "PRAGMA synchronous = FULL;"
			    "PRAGMA temp_store = MEMORY;"
			    "PRAGMA journal_size_limit = 67108864;"
			    "PRAGMA wal_autocheckpoint = 4000;"
			    "PRAGMA cache_size = -16000;"
			    "BEGIN IMMEDIATE; COMMIT;";

bool db_fail(const struct db *d, const char *doing, struct err *e)
{
	switch (sqlite3_errcode(d->sql) & 0xff) {
	case SQLITE_BUSY:
		return err_set(e, ERR_SYSTEM, "%s is in use by another service", d->path);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(e, ERR_SYSTEM,
			       "%s is damaged (%s): put back a copy of it, or move it away to "
			       "start with an empty one",
			       d->path, sqlite3_errmsg(d->sql));
	case SQLITE_FULL:
		return err_set(e, ERR_SYSTEM, "%s: no space is left on its disk for %s", doing,
			       d->path);
	default:
		return err_set(e, ERR_SYSTEM, "%s: %s: %s", doing, d->path, sqlite3_errmsg(d->sql));
	}
}

bool db_run(struct db *d, const char *script, const char *doing, struct err *e)
{
	return sqlite3_exec(d->sql, script, NULL, NULL, NULL) == SQLITE_OK || db_fail(d, doing, e);
}

bool db_number(struct db *d, const char *query, int64_t *out, struct err *e)
{
	sqlite3_stmt *st = NULL;
	bool ok = sqlite3_prepare_v2(d->sql, query, -1, &st, NULL) == SQLITE_OK &&
		  sqlite3_step(st) == SQLITE_ROW;

	if (ok)
		*out = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return ok || db_fail(d, "cannot read the store", e);
}

static bool check_whole(struct db *d, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int64_t page = 0, npage = 0;
	bool ok;

	if (!db_number(d, "PRAGMA page_size", &page, e) ||
	    !db_number(d, "PRAGMA page_count", &npage, e))
		return false;
	if (page * npage > CHECK_MAX)
		return true;
	if (sqlite3_prepare_v2(d->sql, "PRAGMA quick_check(1)", -1, &st, NULL) != SQLITE_OK ||
	    sqlite3_step(st) != SQLITE_ROW) {
		sqlite3_finalize(st);
		return db_fail(d, "cannot check the store", e);
	}
	ok = !strcmp((const char *)sqlite3_column_text(st, 0), "ok");
	sqlite3_finalize(st);
	return ok || err_set(e, ERR_SYSTEM,
			     "%s is damaged: put back a copy of it, or move it away to start with "
			     "an empty one",
			     d->path);
}

/* Whether the file is a store of ours (or still empty), and which version. */
static bool check_kind(struct db *d, int64_t *version, struct err *e)
{
	int64_t id = 0, ntable = 0;

	if (!db_number(d, "PRAGMA application_id", &id, e) ||
	    !db_number(d, "PRAGMA user_version", version, e) ||
	    !db_number(d, "SELECT count(*) FROM sqlite_schema", &ntable, e))
		return false;
	if (id != APPLICATION_ID && (id != 0 || ntable != 0))
		return err_set(e, ERR_SYSTEM, "%s is a database of another program", d->path);
	if (*version > NMIGRATION)
		return err_set(e, ERR_SYSTEM,
			       "%s was made by a newer sandbatch (version %lld, this one knows up "
			       "to %d)",
			       d->path, (long long)*version, NMIGRATION);
	return true;
}

static bool migrate(struct db *d, struct err *e)
{
	char stamp[96];
	int64_t version = 0;

	if (!check_kind(d, &version, e))
		return false;
	for (int v = (int)version; v < NMIGRATION; v++) {
		snprintf(stamp, sizeof(stamp),
			 "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
			 APPLICATION_ID, v + 1);
		if (!db_run(d, "BEGIN IMMEDIATE", "cannot bring the store up to date", e) ||
		    !db_run(d, migration[v], "cannot bring the store up to date", e) ||
		    !db_run(d, stamp, "cannot bring the store up to date", e))
			return false;
	}
	return true;
}

/* SQLite would make the file readable for all; the WAL takes the file's mode. */
static bool make_private(const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);

	if (fd < 0)
		return err_sys(e, "cannot open the store %s", path);
	close(fd);
	return true;
}

bool db_open(struct db *d, const char *dir, struct err *e)
{
	*d = (struct db){ 0 };
	if (asprintf(&d->path, "%s/jobs.db", dir) < 0)
		abort();
	/* One thread, and nobody asks how much memory it takes. */
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (!make_private(d->path, e))
		return false;
	if (sqlite3_open_v2(d->path, &d->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return err_set(e, ERR_SYSTEM, "cannot open the store %s: %s", d->path,
			       d->sql ? sqlite3_errmsg(d->sql) : "out of memory");
	return db_run(d, setup, "cannot open the store", e) && check_whole(d, e) && migrate(d, e);
}

void db_close(struct db *d)
{
	sqlite3_close(d->sql);
	free(d->path);
}
