#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "service/store.h"

#define ID_A "01a20364-1a45-7055-8874-000000000001"
#define ID_B "01a20364-1a45-7055-8874-000000000002"

struct fixture {
	char dir[64];
	char db[80];
	struct store *store;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err e;

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/service_store.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->db, sizeof(f->db), "%s/jobs.db", f->dir);
	f->store = store_open(f->dir, &e);
	assert_non_null(f->store);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	struct err e;

	store_close(f->store);
	assert_true(fs_remove_tree(AT_FDCWD, f->dir, &e));
	free(f);
	return 0;
}

/* What a kill -9 and a restart do to the store: what was not committed is gone. */
static void restart(struct fixture *f)
{
	struct err e;

	store_close(f->store);
	f->store = store_open(f->dir, &e);
	assert_non_null(f->store);
}

static int64_t add(struct fixture *f, const char *id, const char *tenant, const char *key)
{
	const struct store_job j = {
		.id = id,
		.tenant = tenant,
		.language = "python",
		.created_ms = 1795353221000,
		.key = key,
		.digest = "d1",
		.request = { "{\"code\":\"\"}", 11 },
	};
	int64_t seq = 0;
	struct err e;

	assert_true(store_add(f->store, &j, &seq, &e));
	return seq;
}

static void commit(struct fixture *f)
{
	struct err e;

	assert_true(store_commit(f->store, &e));
	assert_false(store_is_dirty(f->store));
}

static void end(struct fixture *f, int64_t seq, const char *id, const char *answer)
{
	const struct store_end end = {
		.seq = seq,
		.id = id,
		.tenant = "t1",
		.status = WIRE_COMPLETED,
		.ended_ms = 1795353222000,
		.answer = { answer, strlen(answer) },
	};
	struct err e;

	assert_true(store_end(f->store, &end, &e));
}

struct owed {
	char ids[256];
};

static void on_owed(void *ctx, int64_t seq, const struct store_job *j)
{
	struct owed *o = ctx;
	size_t n = strlen(o->ids);

	snprintf(o->ids + n, sizeof(o->ids) - n, "%lld %.36s %s %s %d %lld\n", (long long)seq,
		 j->id, j->tenant, j->language, j->is_interactive, (long long)j->created_ms);
}

static void assert_owed(struct fixture *f, const char *want)
{
	struct owed o = { "" };
	struct err e;

	assert_true(store_owed(f->store, on_owed, &o, &e));
	assert_string_equal(o.ids, want);
}

static void what_is_committed_is_owed_after_a_restart(void **state)
{
	struct fixture *f = *state;
	CLEAN_ARENA struct arena a = { 0 };
	struct bytes request;
	struct err e;
	int64_t seq;

	seq = add(f, ID_A, "t1", NULL);
	assert_true(store_is_dirty(f->store));
	add(f, ID_B, "", NULL);
	commit(f);
	restart(f);
	assert_owed(f, "1 " ID_A " t1 python 0 1795353221000\n"
		       "2 " ID_B "  python 0 1795353221000\n");
	assert_true(store_request(f->store, &a, seq, &request, &e));
	assert_int_equal(request.len, 11);
	assert_memory_equal(request.data, "{\"code\":\"\"}", 11);
}

static void what_is_not_committed_is_gone(void **state)
{
	struct fixture *f = *state;

	add(f, ID_A, "t1", NULL);
	restart(f);
	assert_owed(f, "");
}

static void an_ended_job_leaves_its_answer_to_its_tenant(void **state)
{
	struct fixture *f = *state;
	CLEAN_BUF struct buf b = BUF(100);
	bool found = true;
	struct err e;

	end(f, add(f, ID_A, "t1", NULL), ID_A, "{\"the\":\"answer\"}");
	commit(f);
	restart(f);
	assert_owed(f, "");
	assert_true(store_answer(f->store, "t2", ID_A, &b, &found, &e));
	assert_false(found);
	assert_true(store_answer(f->store, "t1", ID_B, &b, &found, &e));
	assert_false(found);
	assert_true(store_answer(f->store, "t1", ID_A, &b, &found, &e));
	assert_true(found);
	assert_string_equal(buf_text(&b), "{\"the\":\"answer\"}");
}

static void a_key_belongs_to_one_tenant_until_it_is_forgotten(void **state)
{
	struct fixture *f = *state;
	struct store_key key;
	struct err e;

	add(f, ID_A, "t1", "k");
	add(f, ID_B, "t2", "k");
	assert_true(store_find_key(f->store, "t1", "k", &key, &e));
	assert_string_equal(key.id, ID_A);
	assert_string_equal(key.digest, "d1");
	assert_true(store_find_key(f->store, "t1", "other", &key, &e));
	assert_string_equal(key.id, "");
	assert_true(store_forget_key(f->store, ID_A, &e));
	assert_true(store_find_key(f->store, "t1", "k", &key, &e));
	assert_string_equal(key.id, "");
	assert_true(store_find_key(f->store, "t2", "k", &key, &e));
	assert_string_equal(key.id, ID_B);
}

static void one_failed_write_undoes_the_whole_commit(void **state)
{
	struct fixture *f = *state;
	const struct store_job twice = {
		.id = ID_B, .tenant = "t1", .language = "c", .key = "k", .digest = "d2"
	};
	struct err e = { 0 };
	int64_t seq;

	add(f, ID_A, "t1", "k");
	assert_false(store_add(f->store, &twice, &seq, &e));
	e = (struct err){ 0 };
	assert_false(store_commit(f->store, &e));
	assert_int_equal(e.kind, ERR_SYSTEM);
	assert_non_null(strstr(e.msg, "cannot add a job: "));
	assert_owed(f, "");
	add(f, ID_B, "t1", NULL);
	commit(f);
	assert_owed(f, "3 " ID_B " t1 python 0 1795353221000\n");
}

static void assert_refused(struct fixture *f, const char *what)
{
	char want[200];
	struct err e = { 0 };

	snprintf(want, sizeof(want), "%s %s", f->db, what);
	assert_null(store_open(f->dir, &e));
	assert_int_equal(e.kind, ERR_SYSTEM);
	if (strncmp(e.msg, want, strlen(want)) != 0)
		fail_msg("'%s' does not begin with '%s'", e.msg, want);
}

static void a_store_has_one_service(void **state)
{
	assert_refused(*state, "is in use by another service");
}

/* Overwrite n bytes of the closed store. */
static void scribble(struct fixture *f, off_t at, const char *bytes, size_t n)
{
	CLEAN_FD int fd = open(f->db, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, at), n);
}

static void a_damaged_store_is_refused_and_left_alone(void **state)
{
	struct fixture *f = *state;
	static const char junk[64] = "this is no page of a database";
	struct stat before, after;

	add(f, ID_A, "t1", NULL);
	commit(f);
	store_close(f->store);
	f->store = NULL;
	for (off_t page = 1; page < 16; page++)
		scribble(f, page * 8192, junk, sizeof(junk));
	assert_int_equal(stat(f->db, &before), 0);
	assert_refused(f, "is damaged");
	scribble(f, 0, junk, sizeof(junk));
	assert_refused(f, "is damaged");
	assert_int_equal(stat(f->db, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
}

static void run_sql(struct fixture *f, const char *sql)
{
	sqlite3 *db;

	store_close(f->store);
	f->store = NULL;
	assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int count_rows(const struct fixture *f, const char *table)
{
	char query[80];
	sqlite3 *db;
	sqlite3_stmt *st;
	int n;

	snprintf(query, sizeof(query), "SELECT count(*) FROM %s", table);
	assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static void add_artifact(struct fixture *f, int64_t seq, const char *name, const char *data)
{
	const struct wire_artifact it = { name, { data, strlen(data) } };
	struct err e;

	assert_true(store_add_artifact(f->store, seq, &it, &e));
}

/* What that tenant finds by these names; NULL: nothing. */
static void assert_artifact(struct fixture *f, struct store_name name, const char *want)
{
	CLEAN_BUF struct buf b = BUF(100);
	bool found = false, any = false;
	struct err e;

	assert_true(store_artifact(f->store, &name, &b, &found, &e));
	assert_int_equal(found, want != NULL);
	assert_string_equal(buf_text(&b), want ? want : "");
	assert_true(store_has_artifacts(f->store, &name, &any, &e));
	assert_true(any || !found);
}

static void artifacts_are_kept_apart_each_and_forgotten_with_their_job(void **state)
{
	struct fixture *f = *state;
	size_t n = 0;
	struct err e;
	int64_t a = add(f, ID_A, "t1", NULL), b = add(f, ID_B, "t1", NULL);

	add_artifact(f, a, "out/x", "of a");
	add_artifact(f, a, "empty", "");
	assert_artifact(f, (struct store_name){ "t1", ID_A, "out/x" }, NULL); /* it has not ended */
	end(f, a, ID_A, "{}");
	end(f, b, ID_B, "{}");
	add_artifact(f, b, "out/x", "of b");
	commit(f);
	restart(f);
	assert_artifact(f, (struct store_name){ "t1", ID_A, "out/x" }, "of a");
	assert_artifact(f, (struct store_name){ "t1", ID_A, "empty" }, "");
	assert_artifact(f, (struct store_name){ "t1", ID_B, "out/x" }, "of b");
	assert_artifact(f, (struct store_name){ "t1", ID_B, "empty" }, NULL);
	assert_artifact(f, (struct store_name){ "t2", ID_A, "out/x" }, NULL);
	assert_true(store_forget_old(f->store, INT64_MAX, &n, &e));
	assert_int_equal(n, 2);
	commit(f);
	store_close(f->store);
	f->store = NULL;
	assert_int_equal(count_rows(f, "artifact"), 0);
}

/* What version 3 was: three tables, of which a job that ended was in two. */
static const char version_3[] =
	"DROP VIEW job; DROP TABLE owed; DROP TABLE ended; DROP TABLE idem; DROP TABLE artifact;"
	"CREATE TABLE job (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL,"
	" language TEXT NOT NULL, is_interactive INTEGER NOT NULL, status TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL, started_ms INTEGER, ended_ms INTEGER, idem_key TEXT,"
	" idem_digest TEXT, is_detected INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE UNIQUE INDEX job_key ON job (tenant, idem_key) WHERE idem_key IS NOT NULL;"
	"CREATE TABLE request (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;"
	"CREATE TABLE answer (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;"
	"INSERT INTO job VALUES (7, '" ID_A "', 't1', 'python', 0, 'completed', 1, NULL, 2, 'k',"
	" 'd1', 0), (8, '" ID_B "', 't2', 'c', 1, 'pending', 3, NULL, NULL, NULL, NULL, 1);"
	"INSERT INTO answer VALUES (7, CAST('{\"the\":\"answer\"}' AS BLOB));"
	"INSERT INTO exact VALUES (7, 1, x'ff00');"
	"INSERT INTO request VALUES (8, CAST('{}' AS BLOB)); PRAGMA user_version = 3;";

static void a_store_of_version_3_is_brought_up_to_date(void **state)
{
	struct fixture *f = *state;
	CLEAN_BUF struct buf answer = BUF(100), exact = BUF(100);
	struct store_key key;
	bool found = false;
	struct err e;

	run_sql(f, version_3);
	f->store = store_open(f->dir, &e);
	assert_non_null(f->store);
	assert_owed(f, "8 " ID_B " t2 c 1 3\n");
	assert_true(store_answer(f->store, "t1", ID_A, &answer, &found, &e));
	assert_string_equal(buf_text(&answer), "{\"the\":\"answer\"}");
	assert_true(store_exact(f->store, ID_A, 1, &exact, &found, &e));
	assert_int_equal(exact.len, 2);
	assert_true(store_find_key(f->store, "t1", "k", &key, &e));
	assert_string_equal(key.id, ID_A);
	assert_int_equal(add(f, ID_B, "t1", "l"), 9);
	commit(f);
}

static void answers_of_version_4_keep_their_artifacts(void **state)
{
	struct fixture *f = *state;
	CLEAN_BUF struct buf b = BUF(100);
	const struct store_name name = { "t1", ID_A, "x" };
	bool found = true;
	struct err e;

	end(f, add(f, ID_A, "t1", NULL), ID_A, "{\"artifacts\":[\"x\"]}");
	commit(f);
	run_sql(f, "DROP TABLE artifact; PRAGMA user_version = 4");
	f->store = store_open(f->dir, &e);
	assert_non_null(f->store);
	assert_true(store_has_artifacts(f->store, &name, &found, &e));
	assert_false(found);
	assert_true(store_answer(f->store, "t1", ID_A, &b, &found, &e));
	assert_string_equal(buf_text(&b), "{\"artifacts\":[\"x\"]}");
}

static void a_newer_store_is_refused(void **state)
{
	run_sql(*state, "PRAGMA user_version = 99");
	assert_refused(*state, "was made by a newer sandbatch (version 99, ");
}

static void another_programs_database_is_refused(void **state)
{
	run_sql(*state, "PRAGMA application_id = 7");
	assert_refused(*state, "is a database of another program");
}

static void the_store_is_readable_for_its_owner_only(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->db, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static void old_jobs_are_forgotten_a_step_at_a_time(void **state)
{
	struct fixture *f = *state;
	CLEAN_BUF struct buf b = BUF(100);
	int64_t before = 0, bytes = 0, seq;
	bool found = true;
	size_t n = 9;
	struct err e;
	char id[WIRE_ID_SIZE];

	for (int i = 0; i < STORE_STEP + 5; i++) {
		snprintf(id, sizeof(id), "%036d", i);
		seq = add(f, id, "t1", NULL);
		if (i != 3)
			end(f, seq, id, "{\"some\":\"answer\"}");
	}
	commit(f);
	assert_true(store_bytes(f->store, &before, &e));
	assert_true(store_forget_old(f->store, 1, &n, &e));
	assert_int_equal(n, 0);
	assert_false(store_is_dirty(f->store));
	assert_true(store_forget_old(f->store, INT64_MAX, &n, &e));
	assert_int_equal(n, STORE_STEP);
	commit(f);
	assert_true(store_forget_old(f->store, INT64_MAX, &n, &e));
	assert_int_equal(n, 4);
	commit(f);
	assert_true(store_bytes(f->store, &bytes, &e));
	assert_in_range(bytes, 1, before - 1);
	snprintf(id, sizeof(id), "%036d", 0);
	assert_true(store_answer(f->store, "t1", id, &b, &found, &e));
	assert_false(found);
	assert_owed(f, "4 000000000000000000000000000000000003 t1 python 0 1795353221000\n");
}

/* A child takes the store and is gone in the midst of it, as by kill -9. */
static void a_relaxed_store_keeps_what_was_committed_before_a_kill(void **state)
{
	struct fixture *f = *state;
	struct err e;
	int status;
	pid_t pid;

	store_close(f->store);
	pid = fork();
	if (pid == 0) {
		f->store = store_open(f->dir, &e);
		if (!f->store || !store_relax(f->store, &e))
			_exit(1);
		add(f, ID_A, "t1", NULL);
		commit(f);
		add(f, ID_B, "t1", NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	f->store = store_open(f->dir, &e);
	assert_non_null(f->store);
	assert_owed(f, "1 " ID_A " t1 python 0 1795353221000\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_committed_is_owed_after_a_restart),
		TEST(what_is_not_committed_is_gone),
		TEST(an_ended_job_leaves_its_answer_to_its_tenant),
		TEST(a_key_belongs_to_one_tenant_until_it_is_forgotten),
		TEST(one_failed_write_undoes_the_whole_commit),
		TEST(a_store_has_one_service),
		TEST(a_damaged_store_is_refused_and_left_alone),
		TEST(artifacts_are_kept_apart_each_and_forgotten_with_their_job),
		TEST(a_store_of_version_3_is_brought_up_to_date),
		TEST(answers_of_version_4_keep_their_artifacts),
		TEST(a_newer_store_is_refused),
		TEST(another_programs_database_is_refused),
		TEST(the_store_is_readable_for_its_owner_only),
		TEST(old_jobs_are_forgotten_a_step_at_a_time),
		TEST(a_relaxed_store_keeps_what_was_committed_before_a_kill),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
