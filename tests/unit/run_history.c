#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "run/history.h"
#include "tests/unit/base_corpus.h"
#include "tests/unit/run_fuzz.h"

/* A run's folder that a test fills. */
struct site {
	char folder[32];
	struct arena arena;
	struct history history;
	struct err err;
};

static int set_up(void **state)
{
	struct arena a = { 0 };
	struct site *s = ARENA_NEW(&a, 1, struct site);

	s->arena = a;
	memcpy(s->folder, "/tmp/hist-XXXXXX", 17);
	assert_non_null(mkdtemp(s->folder));
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct site *s = *state;
	struct arena a;
	struct err e;

	history_close(&s->history);
	assert_true(fs_remove_tree(AT_FDCWD, s->folder, &e));
	a = s->arena;
	arena_free(&a);
	return 0;
}

static void put(struct site *s, const char *name, const char *text)
{
	const char *path = arena_printf(&s->arena, "%s/%s", s->folder, name);
	const char *slash = strrchr(path, '/');

	assert_true(fs_mkdirs(AT_FDCWD, arena_strndup(&s->arena, path, (size_t)(slash - path)),
			      &s->err));
	assert_true(fs_write(AT_FDCWD, path, text, strlen(text), &s->err));
}

#define BEGIN                                                                              \
	"{\"event\":\"run\",\"version\":1,\"spec\":\"a/b.yaml\",\"spec_sha256\":\"00ff\"," \
	"\"name\":\"b\",\"cells\":5,\"endpoint\":\"embedded\",\"started_at\":1795354394567}\n"
#define ENDED                                                                                  \
	"{\"event\":\"ended\",\"cell\":\"case[n=1]\",\"job\":\"case\",\"index\":3,"            \
	"\"verdict\":\"failed\",\"reason\":\"exit code 1, wanted 0\",\"exit_code\":1,"         \
	"\"duration_ms\":6,\"queue_ms\":2,\"attempts\":2,\"points\":0.1,\"max_points\":5,"     \
	"\"artifacts\":1,\"job_id\":\"j1\",\"failures\":[{\"what\":\"exit code 1, wanted 0\"," \
	"\"detail\":null},{\"what\":\"stdout differs\",\"detail\":\"-a\\n+b\"}]}\n"

static struct history *load(struct site *s, const char *journal)
{
	put(s, "journal.jsonl", journal);
	history_close(&s->history);
	if (!history_load(&s->arena, s->folder, &s->history, &s->err))
		fail_msg("%s", s->err.msg);
	return &s->history;
}

static void a_run_that_did_not_begin_has_an_empty_history(void **state)
{
	struct site *s = *state;
	struct summary sum;

	assert_true(history_load(&s->arena, s->folder, &s->history, &s->err));
	assert_false(s->history.has_run);
	assert_null(history_find(&s->history, "build"));
	load(s, "{\"event\":\"ru");
	assert_false(s->history.has_run);
	assert_false(run_load(&s->arena, s->folder, &sum, &s->err));
	assert_int_equal(s->err.kind, ERR_USAGE);
}

static void the_first_line_says_what_was_run_and_where(void **state)
{
	const struct history *h = load(*state, BEGIN);

	assert_true(h->has_run);
	assert_string_equal(h->spec_path, "a/b.yaml");
	assert_string_equal(h->spec_sha256, "00ff");
	assert_string_equal(h->name, "b");
	assert_string_equal(h->endpoint, "embedded");
	assert_int_equal(h->started_at, 1795354394567);
	assert_int_equal(h->ncell, 5);
	assert_false(h->is_done);
}

static void a_cell_is_nothing_then_sending_then_submitted(void **state)
{
	const struct history_cell *c;
	const struct history *h =
		load(*state, BEGIN "{\"event\":\"submit\",\"cell\":\"x[a=1]\",\"key\":\"k1\"}\n"
				   "{\"event\":\"submit\",\"cell\":\"y\",\"key\":\"k2\"}\n"
				   "{\"event\":\"submitted\",\"cell\":\"y\",\"job_id\":\"j2\"}\n"
				   "{\"event\":\"news from a later sandbatch\"}\n");

	assert_null(history_find(h, "x"));
	c = history_find(h, "x[a=1]");
	assert_int_equal(c->state, HISTORY_SENDING);
	assert_string_equal(c->key, "k1");
	assert_string_equal(c->row.job, "x");
	assert_null(c->job_id);
	c = history_find(h, "y");
	assert_int_equal(c->state, HISTORY_SUBMITTED);
	assert_string_equal(c->job_id, "j2");
	assert_int_equal(c->attempts, 1);
}

static void a_second_submit_forgets_the_first_ones_job(void **state)
{
	const struct history *h =
		load(*state, BEGIN "{\"event\":\"submit\",\"cell\":\"y\",\"key\":\"k1\"}\n"
				   "{\"event\":\"submitted\",\"cell\":\"y\",\"job_id\":\"j1\"}\n"
				   "{\"event\":\"submit\",\"cell\":\"y\",\"key\":\"k2\"}\n");
	const struct history_cell *c = history_find(h, "y");

	assert_int_equal(c->state, HISTORY_SENDING);
	assert_string_equal(c->key, "k2");
	assert_null(c->job_id);
	assert_int_equal(c->attempts, 2);
}

static void an_ended_cell_has_its_whole_row(void **state)
{
	const struct history_cell *c = history_find(load(*state, BEGIN ENDED), "case[n=1]");
	const struct row *r = &c->row;

	assert_int_equal(c->state, HISTORY_ENDED);
	assert_int_equal(c->index, 3);
	assert_string_equal(r->cell, "case[n=1]");
	assert_string_equal(r->job, "case");
	assert_int_equal(r->verdict, VERDICT_FAILED);
	assert_string_equal(r->reason, "exit code 1, wanted 0");
	assert_int_equal(r->exit_code, 1);
	assert_int_equal(r->duration_ms, 6);
	assert_int_equal(r->queue_ms, 2);
	assert_int_equal(r->attempts, 2);
	assert_true(r->points > 0.09 && r->points < 0.11);
	assert_true(r->max_points > 4.9);
	assert_int_equal(r->nartifact, 1);
	assert_string_equal(r->job_id, "j1");
	assert_int_equal(r->nfailure, 2);
	assert_null(r->failure[0].detail);
	assert_string_equal(r->failure[1].what, "stdout differs");
	assert_string_equal(r->failure[1].detail, "-a\n+b");
}

static const char *mistake(struct site *s, const char *journal)
{
	put(s, "journal.jsonl", journal);
	assert_false(history_load(&s->arena, s->folder, &s->history, &s->err));
	return strstr(s->err.msg, "line");
}

static void lines_that_make_no_sense_are_told(void **state)
{
	struct site *s = *state;

	assert_string_equal(mistake(s, BEGIN "{}\n"), "line 2: the line has no \"event\"");
	assert_string_equal(mistake(s, BEGIN "{\"event\":\"submit\"}\n"),
			    "line 2: the event names no cell");
	assert_string_equal(mistake(s, BEGIN "{\"event\":\"ended\",\"cell\":\"x\","
					     "\"verdict\":\"splendid\"}\n"),
			    "line 2: 'splendid' is no verdict");
	assert_string_equal(mistake(s, BEGIN "{\"event\":\"ended\",\"cell\":\"x\"}\n"),
			    "line 2: '' is no verdict");
	assert_string_equal(mistake(s, BEGIN "{\"event\":\"ended\",\"cell\":\"x\","
					     "\"verdict\":\"passed\",\"exit_code\":1e99}\n"),
			    "line 2: exit_code must be an integer from -2147483648 to 2147483647, "
			    "not 1e+99");
}

static void outputs_are_read_of_cells_that_are_not_as_expected(void **state)
{
	struct site *s = *state;
	struct row row = load(s, BEGIN ENDED)->cell[0]->row;
	char *large = arena_zalloc(&s->arena, 9001, 1);
	CLEAN_FD int fd = open(s->folder, O_RDONLY | O_CLOEXEC);

	memset(large, 'x', 9000);
	put(s, "jobs/case[n=1]/stdout", large);
	assert_true(history_outputs(&s->arena, fd, &row, &s->err));
	assert_int_equal(row.out.len, 8192);
	assert_int_equal(row.err.len, 0);
	row.verdict = VERDICT_PASSED;
	row.out.len = 0;
	assert_true(history_outputs(&s->arena, fd, &row, &s->err));
	assert_int_equal(row.out.len, 0);
}

static void a_summary_has_its_rows_in_the_plans_order_and_counts_them(void **state)
{
	struct site *s = *state;
	struct summary sum;

	load(s, BEGIN ENDED
	     "{\"event\":\"submit\",\"cell\":\"late\",\"key\":\"k\"}\n"
	     "{\"event\":\"ended\",\"cell\":\"build\",\"index\":0,\"verdict\":\"passed\"}\n"
	     "{\"event\":\"left\",\"cell\":\"rest\",\"index\":1,\"verdict\":\"cancelled\","
	     "\"reason\":\"interrupted\"}\n"
	     "{\"event\":\"done\",\"interrupted\":true,\"duration_ms\":77,"
	     "\"execution_mode\":\"cold\"}\n");
	put(s, "jobs/case[n=1]/stderr", "oh");
	put(s, "artifacts.tar.zst", "");
	assert_true(run_load(&s->arena, s->folder, &sum, &s->err));
	assert_int_equal(sum.nrow, 4);
	assert_string_equal(sum.row[0].cell, "build");
	assert_string_equal(sum.row[1].reason, "interrupted");
	assert_string_equal(sum.row[2].cell, "case[n=1]");
	assert_memory_equal(sum.row[2].err.data, "oh", 3);
	assert_int_equal(sum.row[3].verdict, VERDICT_CANCELLED);
	assert_int_equal(sum.count[VERDICT_CANCELLED], 2);
	assert_int_equal(sum.count[VERDICT_PASSED], 1);
	assert_int_equal(sum.duration_ms, 77);
	assert_string_equal(sum.execution_mode, "cold");
	assert_non_null(sum.archive);
	assert_true(sum.is_interrupted);
}

static void a_killed_run_knows_how_it_ran_from_a_result(void **state)
{
	struct site *s = *state;

	put(s, "jobs/case[n=1]/result.json", "{\"execution_mode\":\"cold\"}\n");
	assert_string_equal(load(s, BEGIN ENDED)->execution_mode, "cold");
}

static void what_the_fuzzer_found_or_was_given_is_read_or_refused(void **state)
{
	(void)state;
	corpus_replay((struct corpus){ .folder = "fixtures/fuzz/run_history", .fn = fuzz_journal },
		      10);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_run_that_did_not_begin_has_an_empty_history),
		TEST(the_first_line_says_what_was_run_and_where),
		TEST(a_cell_is_nothing_then_sending_then_submitted),
		TEST(a_second_submit_forgets_the_first_ones_job),
		TEST(an_ended_cell_has_its_whole_row),
		TEST(lines_that_make_no_sense_are_told),
		TEST(outputs_are_read_of_cells_that_are_not_as_expected),
		TEST(a_summary_has_its_rows_in_the_plans_order_and_counts_them),
		cmocka_unit_test(what_the_fuzzer_found_or_was_given_is_read_or_refused),
		TEST(a_killed_run_knows_how_it_ran_from_a_result),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
