#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "keep/keep.h"

/* A folder for the runs of one test. */
struct site {
	char root[32];
	struct arena arena;
	struct keep *keep;
	struct err err;
};

static int set_up(void **state)
{
	struct arena a = { 0 };
	struct site *s = ARENA_NEW(&a, 1, struct site);

	s->arena = a;
	memcpy(s->root, "/tmp/keep-XXXXXX", 17);
	assert_non_null(mkdtemp(s->root));
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct site *s = *state;
	struct arena a;
	struct err e;

	keep_close(s->keep);
	assert_true(fs_remove_tree(AT_FDCWD, s->root, &e));
	a = s->arena;
	arena_free(&a);
	return 0;
}

static void open_run(struct site *s)
{
	s->keep = keep_open(s->root, NULL, &s->err);
	if (!s->keep)
		fail_msg("%s", s->err.msg);
}

static const char *run_file(struct site *s, const char *path)
{
	char *data;
	size_t len;

	if (!fs_read(&s->arena, keep_dirfd(s->keep), path, 1 << 20, &data, &len, &s->err))
		return NULL;
	return data;
}

static bool list_visit(void *ctx, const char *path, const struct stat *st, struct err *e)
{
	(void)e;
	return buf_printf(ctx, "%s%s\n", path, S_ISDIR(st->st_mode) ? "/" : "");
}

/* All that is in the run's folder. */
static const char *listing(struct site *s)
{
	CLEAN_BUF struct buf b = BUF(1 << 16);

	assert_true(fs_walk(keep_dirfd(s->keep), ".", 1000, list_visit, &b, &s->err));
	return arena_strdup(&s->arena, buf_text(&b));
}

static struct wire_result make_result(void)
{
	return (struct wire_result){
		.success = true,
		.out = { "", 0 },
		.err = { "", 0 },
		.language = "c",
		.job_id = "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
		.execution_mode = "cold",
		.total_time_ms = 7,
	};
}

static void a_run_has_a_folder_named_by_time_that_latest_leads_to(void **state)
{
	struct site *s = *state;
	char target[64] = "";
	const char *folder, *name, *latest = arena_printf(&s->arena, "%s/runs/latest", s->root);
	struct keep *first;

	open_run(s);
	first = s->keep;
	open_run(s);
	keep_close(first);
	folder = keep_folder(s->keep);
	name = strrchr(folder, '/') + 1;
	assert_true(fs_match("20[0-9][0-9][01][0-9][0-3][0-9]-[0-2][0-9][0-5][0-9][0-6][0-9]-"
			     "[0-9a-f][0-9a-f][0-9a-f][0-9a-f]",
			     name));
	assert_string_equal(folder, arena_printf(&s->arena, "%s/runs/%s", s->root, name));
	assert_true(readlink(latest, target, sizeof(target) - 1) > 0);
	assert_string_equal(target, name);
}

static void a_folder_asked_for_must_be_empty_or_absent(void **state)
{
	struct site *s = *state;
	const char *folder = arena_printf(&s->arena, "%s/a/b", s->root);

	s->keep = keep_open("/nowhere", folder, &s->err);
	assert_non_null(s->keep);
	assert_string_equal(keep_folder(s->keep), folder);
	assert_null(keep_open("/nowhere", folder, &s->err));
	assert_int_equal(s->err.kind, ERR_USAGE);
	assert_string_equal(
		s->err.msg,
		arena_printf(&s->arena, "the run's folder '%s' must be empty or absent", folder));
}

static void a_place_that_cannot_be_written_is_told(void **state)
{
	struct site *s = *state;
	const char *file = arena_printf(&s->arena, "%s/file", s->root);

	assert_true(fs_write(AT_FDCWD, file, "", 0, &s->err));
	assert_null(keep_open(file, NULL, &s->err));
	assert_int_equal(s->err.kind, ERR_SYSTEM);
	assert_string_equal(s->err.msg, arena_printf(&s->arena,
						     "cannot make the folder '%s/runs': Not a "
						     "directory",
						     file));
}

static void notes_are_on_disk_after_a_sync(void **state)
{
	struct site *s = *state;

	open_run(s);
	assert_true(keep_note(s->keep, "{\"a\":1}", 7, &s->err));
	assert_true(keep_note(s->keep, "{}", 2, &s->err));
	assert_string_equal(run_file(s, "journal.jsonl"), "");
	assert_true(keep_sync(s->keep, &s->err));
	assert_true(keep_sync(s->keep, &s->err));
	assert_true(keep_note(s->keep, "{\"b\":2}", 7, &s->err));
	assert_true(keep_write(s->keep, &s->err));
	assert_string_equal(run_file(s, "journal.jsonl"), "{\"a\":1}\n{}\n{\"b\":2}\n");
	assert_true(keep_note(s->keep, "[]", 2, &s->err));
	assert_true(keep_sync(s->keep, &s->err));
	assert_string_equal(run_file(s, "journal.jsonl"), "{\"a\":1}\n{}\n{\"b\":2}\n[]\n");
}

static void result_lies_in_the_cells_folder_less_what_has_its_own_file(void **state)
{
	struct site *s = *state;
	struct wire_artifact artifact[] = { { "prog", { "ELF\0x", 5 } },
					    { "out/a/b.png", { "", 0 } } };
	struct wire_result r = make_result();

	open_run(s);
	r.out = (struct bytes){ "a\0b\n", 4 };
	r.err = (struct bytes){ "oh", 2 };
	r.artifact = artifact;
	r.nartifact = 2;
	assert_true(keep_result(s->keep, "case[n=15]", &r, &s->err));
	assert_string_equal(listing(s), "jobs/\n"
					"jobs/case[n=15]/\n"
					"jobs/case[n=15]/artifacts/\n"
					"jobs/case[n=15]/artifacts/out/\n"
					"jobs/case[n=15]/artifacts/out/a/\n"
					"jobs/case[n=15]/artifacts/out/a/b.png\n"
					"jobs/case[n=15]/artifacts/prog\n"
					"jobs/case[n=15]/result.json\n"
					"jobs/case[n=15]/stderr\n"
					"jobs/case[n=15]/stdout\n"
					"journal.jsonl\n");
	assert_memory_equal(run_file(s, "jobs/case[n=15]/stdout"), "a\0b\n", 5);
	assert_memory_equal(run_file(s, "jobs/case[n=15]/artifacts/prog"), "ELF\0x", 6);
	assert_string_equal(run_file(s, "jobs/case[n=15]/result.json"),
			    "{\"success\":true,\"error\":null,\"exit_code\":0,\"language\":\"c\","
			    "\"job_id\":\"a1b2c3d4-e5f6-7890-abcd-ef1234567890\","
			    "\"artifacts\":[{\"filename\":\"prog\",\"size_bytes\":5},"
			    "{\"filename\":\"out/a/b.png\",\"size_bytes\":0}],"
			    "\"execution_mode\":\"cold\",\"network_mode\":\"zerotrust\","
			    "\"total_time_ms\":7}\n");
}

static void what_is_empty_has_no_file_also_after_an_earlier_try(void **state)
{
	struct site *s = *state;
	struct wire_result r = make_result();

	open_run(s);
	r.out = (struct bytes){ "x", 1 };
	assert_true(keep_result(s->keep, "build", &r, &s->err));
	r.out.len = 0;
	assert_true(keep_result(s->keep, "build", &r, &s->err));
	assert_string_equal(listing(s),
			    "jobs/\njobs/build/\njobs/build/result.json\njournal.jsonl\n");
}

static void expect_bad_artifact(struct site *s, const char *name, const char *want)
{
	struct wire_artifact artifact[] = { { "fine", { "f", 1 } }, { name, { "evil", 4 } } };
	struct wire_result r = make_result();

	r.artifact = artifact;
	r.nartifact = 2;
	assert_false(keep_result(s->keep, "build", &r, &s->err));
	assert_int_equal(s->err.kind, ERR_REMOTE);
	assert_string_equal(s->err.msg, want);
	assert_string_equal(listing(s), "jobs/\njobs/build/\njobs/build/artifacts/\n"
					"jobs/build/artifacts/fine\njobs/build/result.json\n"
					"journal.jsonl\n");
}

static void an_artifacts_name_cannot_lead_elsewhere(void **state)
{
	struct site *s = *state;

	open_run(s);
	expect_bad_artifact(s, "../result.json",
			    "cannot keep the artifact \"../result.json\" of 'build': its name must "
			    "be a plain relative path");
	expect_bad_artifact(s, "/etc/passwd",
			    "cannot keep the artifact \"/etc/passwd\" of 'build': its name must be "
			    "a plain relative path");
	expect_bad_artifact(s, "a\n\x1b[2J",
			    "cannot keep the artifact \"a\\n\\u001b[2J\" of 'build': its name must "
			    "be a plain relative path");
	expect_bad_artifact(s, "",
			    "cannot keep the artifact \"\" of 'build': its name must be a plain "
			    "relative path");
	expect_bad_artifact(s, "fine",
			    "cannot keep the artifact \"fine\" of 'build': its name came twice");
	expect_bad_artifact(s, "fine/x",
			    "cannot keep the artifact \"fine/x\" of 'build': it must not lie in "
			    "one that is a file");
	expect_bad_artifact(s, "fine/x/y",
			    "cannot keep the artifact \"fine/x/y\" of 'build': it must not lie in "
			    "one that is a file");
}

static void a_cells_folder_is_its_id_made_safe_and_short(void **state)
{
	struct site *s = *state;
	struct arena *a = &s->arena;
	char *x = arena_zalloc(a, 301, 1), *y;
	const char *long_x, *long_y;

	assert_string_equal(keep_cell_folder(a, "case[n=15,s=a_b-c.d~e+f@g]"),
			    "case[n=15,s=a_b-c.d~e+f@g]");
	assert_string_equal(keep_cell_folder(a, "a/b c%\n\xc3\xa9"), "a%2Fb%20c%25%0A%C3%A9");
	assert_string_equal(keep_cell_folder(a, ".."), "%2E.");
	memset(x, '/', 300);
	y = arena_strdup(a, x);
	y[299] = 'y';
	long_x = keep_cell_folder(a, x);
	long_y = keep_cell_folder(a, y);
	assert_string_not_equal(long_x, long_y);
	assert_true(strlen(long_x) <= 200);
	assert_true(fs_match("%2F%2F*%2F~????????????????", long_x));
}

static void a_file_of_the_run_is_written_whole(void **state)
{
	struct site *s = *state;

	open_run(s);
	assert_true(keep_file(s->keep, "summary.json", "{}\n", 3, &s->err));
	assert_string_equal(run_file(s, "summary.json"), "{}\n");
}

/* No room left, as far as a process can have that for itself: files past 1,000 bytes fail. */
static bool note_without_room(struct site *s, const char *line, size_t len)
{
	struct rlimit whole, small = { 1000, 1000 };
	bool ok;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &whole), 0);
	small.rlim_max = whole.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	ok = keep_note(s->keep, line, len, &s->err) && keep_sync(s->keep, &s->err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &whole), 0);
	return ok;
}

static void a_journal_that_finds_no_room_says_so_and_keeps_whole_lines(void **state)
{
	struct site *s = *state;
	char *line = arena_zalloc(&s->arena, 2001, 1);

	open_run(s);
	memset(line, 'x', 2000);
	assert_true(note_without_room(s, "{}", 2));
	assert_false(note_without_room(s, line, 2000));
	assert_int_equal(s->err.kind, ERR_SYSTEM);
	assert_string_equal(s->err.msg,
			    arena_printf(&s->arena,
					 "cannot write '%s/journal.jsonl': File too large",
					 keep_folder(s->keep)));
	assert_string_equal(run_file(s, "journal.jsonl"), "{}\n");
	assert_true(keep_sync(s->keep, &s->err));
	assert_string_equal(run_file(s, "journal.jsonl"),
			    arena_printf(&s->arena, "{}\n%s\n", line));
}

static void write_journal(struct site *s, const char *text)
{
	const char *folder = arena_printf(&s->arena, "%s/runs/one", s->root);

	assert_true(fs_mkdirs(AT_FDCWD, folder, &s->err));
	assert_true(fs_write(AT_FDCWD, arena_printf(&s->arena, "%s/journal.jsonl", folder), text,
			     strlen(text), &s->err));
}

static const char *resumed_journal(struct site *s, const char *text)
{
	write_journal(s, text);
	s->keep = keep_resume(s->root, "one", &s->err);
	if (!s->keep)
		return s->err.msg;
	assert_true(keep_note(s->keep, "{\"b\":2}", 7, &s->err));
	assert_true(keep_sync(s->keep, &s->err));
	text = run_file(s, "journal.jsonl");
	keep_close(s->keep);
	s->keep = NULL;
	return text;
}

static void a_torn_last_line_is_cut_off_when_a_run_goes_on(void **state)
{
	struct site *s = *state;
	char *line = arena_zalloc(&s->arena, 9002, 1);

	assert_string_equal(resumed_journal(s, "{\"a\":1}\n"), "{\"a\":1}\n{\"b\":2}\n");
	assert_string_equal(resumed_journal(s, "{\"a\":1}\n{\"tor"), "{\"a\":1}\n{\"b\":2}\n");
	assert_string_equal(resumed_journal(s, "{\"tor"), "{\"b\":2}\n");
	assert_string_equal(resumed_journal(s, ""), "{\"b\":2}\n");
	memset(line, 'x', 9000);
	assert_string_equal(resumed_journal(s, arena_printf(&s->arena, "{}\n%s", line)),
			    "{}\n{\"b\":2}\n");
	line[8999] = '\n';
	assert_string_equal(resumed_journal(s, line),
			    arena_printf(&s->arena, "%s{\"b\":2}\n", line));
}

static void two_runners_never_share_a_run(void **state)
{
	struct site *s = *state;
	const char *folder;

	open_run(s);
	folder = keep_folder(s->keep);
	assert_null(keep_resume(s->root, NULL, &s->err));
	assert_int_equal(s->err.kind, ERR_USAGE);
	assert_string_equal(s->err.msg,
			    arena_printf(&s->arena,
					 "the run '%s' is still going on in another process",
					 folder));
	folder = arena_strdup(&s->arena, folder);
	keep_close(s->keep);
	s->keep = keep_resume(s->root, NULL, &s->err);
	assert_non_null(s->keep);
	assert_string_equal(keep_folder(s->keep), folder);
}

static const char *found(struct site *s, const char *run)
{
	const char *folder;

	return keep_find(&s->arena, s->root, run, &folder, &s->err)
		       ? folder + strlen(s->root)
		       : s->err.msg + strlen("there is no run");
}

static void a_run_is_found_by_id_by_what_its_id_begins_with_by_path_and_as_the_latest(void **state)
{
	struct site *s = *state;
	const char *runs = arena_printf(&s->arena, "%s/runs", s->root);

	assert_string_equal(found(s, NULL), arena_printf(&s->arena, " below '%s'", runs));
	assert_true(fs_mkdirs(AT_FDCWD, arena_printf(&s->arena, "%s/2026-a", runs), &s->err));
	assert_true(fs_mkdirs(AT_FDCWD, arena_printf(&s->arena, "%s/2026-ab", runs), &s->err));
	assert_true(fs_mkdirs(AT_FDCWD, arena_printf(&s->arena, "%s/2025", runs), &s->err));
	assert_int_equal(symlink("2025", arena_printf(&s->arena, "%s/latest", runs)), 0);
	assert_string_equal(found(s, NULL), "/runs/2025");
	assert_string_equal(found(s, "latest"), "/runs/2025");
	assert_string_equal(found(s, "2026-a"), "/runs/2026-a");
	assert_string_equal(found(s, "20"), s->err.msg + strlen("there is no run"));
	assert_string_equal(s->err.msg,
			    arena_printf(&s->arena,
					 "3 runs below '%s' have an id that begins with '20'",
					 runs));
	assert_string_equal(found(s, "202"), s->err.msg + strlen("there is no run"));
	assert_string_equal(found(s, "2026-ab"), "/runs/2026-ab");
	assert_string_equal(found(s, "2025"), "/runs/2025");
	assert_string_equal(found(s, arena_printf(&s->arena, "%s/2025", runs)), "/runs/2025");
	assert_string_equal(found(s, "x"), arena_printf(&s->arena, " 'x' below '%s'", runs));
	assert_string_equal(found(s, ""), arena_printf(&s->arena, " '' below '%s'", runs));
}

static bool count_event(void *ctx, const cJSON *event, struct err *e)
{
	const char *text = NULL;
	size_t *n = ctx;

	++*n;
	return json_get_text(event, "text", &text, e);
}

/* How many events were seen, or what was said; paths cut off. */
static const char *replayed(struct site *s, const char *text)
{
	size_t n = 0;

	write_journal(s, text);
	if (keep_replay(arena_printf(&s->arena, "%s/runs/one", s->root), count_event, &n, &s->err))
		return arena_printf(&s->arena, "%zu", n);
	assert_int_equal(s->err.kind, ERR_SYSTEM);
	return strstr(s->err.msg, "journal.jsonl") + strlen("journal.jsonl");
}

#define FIRST "{\"version\":1}\n"

static void a_journal_is_replayed_but_for_what_was_torn(void **state)
{
	struct site *s = *state;

	assert_string_equal(replayed(s, ""), "0");
	assert_string_equal(replayed(s, "{\"vers"), "0");
	assert_string_equal(replayed(s, FIRST), "1");
	assert_string_equal(replayed(s, FIRST "{}\n{\"text\":\"x\"}\n{\"te"), "3");
	assert_int_equal(unlink(arena_printf(&s->arena, "%s/runs/one/journal.jsonl", s->root)), 0);
	assert_true(keep_replay(s->root, count_event, NULL, &s->err));
}

static void a_journal_that_is_damaged_or_of_another_version_is_told_with_its_line(void **state)
{
	struct site *s = *state;

	assert_string_equal(replayed(s, "{\"version\":2}\n"),
			    ", line 1: its format is version 2, this sandbatch knows version 1");
	assert_string_equal(replayed(s, "{}\n"),
			    ", line 1: the first line of a journal tells its version");
	assert_string_equal(replayed(s, "{\"version\":\"x\"}\n"),
			    ", line 1: version must be an integer from 0 to 2147483647, not 'x'");
	assert_string_equal(replayed(s, FIRST "{}\n[]\n{}\n"),
			    ", line 3: an event must be an object");
	assert_string_equal(replayed(s, FIRST "{\"text\":1}\n{}\n"),
			    ", line 2: text must be a string, not 1");
	assert_true(strstr(replayed(s, FIRST "{}\n{\"te\n{}\n"), ", line 3: ") != NULL);
	assert_true(strstr(replayed(s, FIRST "\n{}\n"), ", line 2: ") != NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_run_has_a_folder_named_by_time_that_latest_leads_to),
		TEST(a_folder_asked_for_must_be_empty_or_absent),
		TEST(a_place_that_cannot_be_written_is_told),
		TEST(notes_are_on_disk_after_a_sync),
		TEST(result_lies_in_the_cells_folder_less_what_has_its_own_file),
		TEST(what_is_empty_has_no_file_also_after_an_earlier_try),
		TEST(an_artifacts_name_cannot_lead_elsewhere),
		TEST(a_cells_folder_is_its_id_made_safe_and_short),
		TEST(a_file_of_the_run_is_written_whole),
		TEST(a_journal_that_finds_no_room_says_so_and_keeps_whole_lines),
		TEST(a_torn_last_line_is_cut_off_when_a_run_goes_on),
		TEST(two_runners_never_share_a_run),
		TEST(a_run_is_found_by_id_by_what_its_id_begins_with_by_path_and_as_the_latest),
		TEST(a_journal_is_replayed_but_for_what_was_torn),
		TEST(a_journal_that_is_damaged_or_of_another_version_is_told_with_its_line),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
