#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "cache/cache.h"
#include "tests/unit/base_corpus.h"
#include "tests/unit/cache_fuzz.h"

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

/* A folder for the caches of one test, and a request that tests change. */
struct site {
	char root[32];
	struct arena arena;
	struct cache *cache;
	struct err err;
	struct wire_request request;
	int64_t now_ms;
};

static void open_cache(struct site *s)
{
	cache_close(s->cache);
	s->cache = cache_open(s->root, "hw1", s->now_ms++, &s->err);
	if (!s->cache)
		fail_msg("%s", s->err.msg);
}

static int set_up(void **state)
{
	struct arena a = { 0 };
	struct site *s = ARENA_NEW(&a, 1, struct site);

	s->arena = a;
	memcpy(s->root, "/tmp/cache-XXXXXX", 18);
	assert_non_null(mkdtemp(s->root));
	s->now_ms = 1795354394567;
	s->request = (struct wire_request){
		.language = "python",
		.code = { "print(1)", 8 },
		.ttl_s = 10,
		.has_stdin = true,
		.input = { "in", 2 },
	};
	open_cache(s);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct site *s = *state;
	struct arena a;
	struct err e;

	cache_close(s->cache);
	assert_true(fs_remove_tree(AT_FDCWD, s->root, &e));
	a = s->arena;
	arena_free(&a);
	return 0;
}

static struct cache_key key_of(struct site *s)
{
	struct cache_key key;

	cache_key(&s->arena, &s->request, "3.11", &key);
	return key;
}

static struct wire_result make_result(const char *out, size_t len)
{
	return (struct wire_result){
		.success = true,
		.out = { out, len },
		.err = { "", 0 },
		.language = "python",
		.job_id = "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
		.execution_mode = "cold",
		.total_time_ms = 7,
		.has_extras = true,
		.status = WIRE_COMPLETED,
	};
}

static void put(struct site *s, const char *cell, const char *out, size_t len)
{
	struct wire_result r = make_result(out, len);
	struct cache_key key = key_of(s);

	assert_true(cache_put(s->cache, cell, &key, &r, &s->err));
}

static bool get(struct site *s, const char *cell, struct wire_result *out)
{
	struct cache_key key = key_of(s);

	return cache_get(s->cache, &s->arena, cell, &key, out);
}

static void a_result_comes_back_as_it_was_stored(void **state)
{
	struct site *s = *state;
	struct wire_artifact artifact[] = { { "prog", { "ELF\0\xff", 5 } }, { "a/b", { "", 0 } } };
	struct wire_result r = make_result("a\0\xff\n", 4), got;
	struct cache_key key = key_of(s);

	r.err = (struct bytes){ "warn", 4 };
	r.artifact = artifact;
	r.nartifact = 2;
	assert_false(cache_get(s->cache, &s->arena, "case", &key, &got));
	assert_true(cache_put(s->cache, "case", &key, &r, &s->err));
	for (int i = 0; i < 2; i++) {
		assert_true(cache_get(s->cache, &s->arena, "other", &key, &got));
		assert_int_equal(got.out.len, 4);
		assert_memory_equal(got.out.data, "a\0\xff\n", 5);
		assert_string_equal(got.err.data, "warn");
		assert_int_equal(got.nartifact, 2);
		assert_string_equal(got.artifact[0].name, "prog");
		assert_int_equal(got.artifact[0].data.len, 5);
		assert_memory_equal(got.artifact[0].data.data, "ELF\0\xff", 6);
		assert_string_equal(got.artifact[1].name, "a/b");
		assert_int_equal(got.artifact[1].data.len, 0);
		assert_true(got.success);
		assert_int_equal(got.total_time_ms, 7);
		assert_string_equal(got.job_id, r.job_id);
		assert_string_equal(got.execution_mode, "cold");
		open_cache(s); /* from memory first, from disk then */
	}
}

static void every_input_makes_another_key(void **state)
{
	struct site *s = *state;
	static const char *args[] = { "a b" }, *two[] = { "a", "b" };
	static struct wire_pair env[] = { { "A", "1" } }, other[] = { { "A", "2" } };
	static struct wire_file file[] = { { .name = "f", .data = { "x", 1 } } };
	static struct wire_file named[] = { { .name = "g", .data = { "x", 1 } } };
	static struct wire_file tree[] = {
		{ .name = "f", .is_archive = true, .data = { "x", 1 } }
	};
	struct wire_request r = s->request,
			    all[] = { r, r, r, r, r, r, r, r, r, r, r, r, r, r, r, r, r, r, r, r };
	size_t n = sizeof(all) / sizeof(all[0]);
	struct cache_key key[21];

	all[1].language = "perl";
	all[2].code = (struct bytes){ "print(2)", 8 };
	all[3].input = (struct bytes){ "", 0 };
	all[4].has_stdin = false;
	all[5].arg = args, all[5].narg = 1;
	all[6].arg = two, all[6].narg = 2;
	all[7].env = env, all[7].nenv = 1;
	all[8].env = other, all[8].nenv = 1;
	all[9].file = file, all[9].nfile = 1;
	all[10].file = named, all[10].nfile = 1;
	all[11].file = tree, all[11].nfile = 1;
	all[12].network = WIRE_SEMITRUSTED;
	all[13].ttl_s = 11;
	all[14].limits.memory_mb = 5;
	all[15].limits.processes = 5;
	all[16].return_artifact = true;
	all[17].return_wasm_artifact = true;
	all[18].filename = "x.py";
	all[19].compile_arg = two, all[19].ncompile_arg = 2;
	for (size_t i = 0; i < n; i++)
		cache_key(&s->arena, &all[i], "3.11", &key[i]);
	cache_key(&s->arena, &r, "3.12", &key[n]);
	for (size_t i = 0; i <= n; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(key[i].hex, key[k].hex);
	assert_string_equal(key[0].hex, key_of(s).hex);
}

static void secrets_and_long_texts_are_not_in_the_list_of_inputs(void **state)
{
	struct site *s = *state;
	static struct wire_pair env[] = { { "TOKEN", "hunter2" } };
	struct cache_key key;

	s->request.env = env;
	s->request.nenv = 1;
	key = key_of(s);
	for (size_t i = 0; i < key.ninput; i++)
		assert_null(strstr(key.input[i].value, "hunter2"));
	assert_string_equal(key.input[key.ninput - 1].name, "env TOKEN");
	assert_int_equal(strncmp(key.input[key.ninput - 1].value, "sha256:", 7), 0);
}

/* The only file of the cache. */
static const char *the_file(struct site *s)
{
	DIR *d = opendir(arena_printf(&s->arena, "%s/cache", s->root));
	const struct dirent *entry;
	const char *found = NULL;

	assert_non_null(d);
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.') {
			assert_null(found);
			found = arena_printf(&s->arena, "%s/cache/%s", s->root, entry->d_name);
		}
	closedir(d);
	return found;
}

static void what_is_damaged_is_not_there(void **state)
{
	struct site *s = *state;
	struct wire_result got;
	struct stat st;
	const char *path;
	int fd;

	put(s, "first", "kept", 4);
	s->request.ttl_s = 11;
	put(s, "second", "to be damaged", 13);
	open_cache(s);
	path = the_file(s);
	assert_int_equal(stat(path, &st), 0);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "X", 1, st.st_size - 4), 1);
	assert_int_equal(ftruncate(fd, st.st_size), 0);
	close(fd);
	open_cache(s);
	assert_false(get(s, "second", &got));
	s->request.ttl_s = 10;
	assert_true(get(s, "first", &got));
	assert_int_equal(truncate(path, st.st_size - 30), 0);
	open_cache(s);
	assert_true(get(s, "first", &got));
	s->request.ttl_s = 11;
	assert_false(get(s, "second", &got));
	assert_int_equal(truncate(path, 40), 0);
	cache_close(s->cache);
	s->cache = NULL;
}

static void runners_side_by_side_share_what_they_wrote(void **state)
{
	struct site *s = *state;
	struct cache *first = s->cache, *second;
	struct wire_result got;

	s->cache = NULL;
	open_cache(s);
	second = s->cache;
	s->cache = first;
	put(s, "a", "1", 1);
	s->request.ttl_s = 11;
	s->cache = second;
	put(s, "b", "2", 1);
	cache_close(first);
	open_cache(s);
	assert_true(get(s, "b", &got));
	assert_string_equal(got.out.data, "2");
	s->request.ttl_s = 10;
	assert_true(get(s, "a", &got));
	assert_string_equal(got.out.data, "1");
}

static struct cache_stats stats_of(struct site *s)
{
	struct cache_stats st;

	cache_stats(s->cache, &st);
	return st;
}

/* Results of 1000 bytes, ttl 1 to n telling them apart, each stored a day after the other. */
static void put_days(struct site *s, int n)
{
	char *text = arena_zalloc(&s->arena, 1001, 1);

	memset(text, 'x', 1000);
	for (int i = 1; i <= n; i++) {
		s->request.ttl_s = i;
		put(s, "case", text, 1000);
		s->now_ms += DAY_MS;
		open_cache(s);
	}
}

static void trimming_keeps_what_was_used_last(void **state)
{
	struct site *s = *state;
	struct wire_result got;
	static const bool kept[] = { true, false, false, true, true };

	put_days(s, 5);
	assert_int_equal(stats_of(s).nresult, 5);
	assert_int_equal(stats_of(s).nfile, 5);
	s->request.ttl_s = 1; /* the oldest, used again */
	assert_true(get(s, "case", &got));
	assert_true(cache_trim(s->cache, 7000, -1, &s->err));
	assert_int_equal(stats_of(s).nresult, 3);
	assert_int_equal(stats_of(s).nfile, 1);
	assert_true(stats_of(s).bytes <= 7000);
	open_cache(s);
	for (int i = 0; i < 5; i++) {
		s->request.ttl_s = i + 1;
		assert_int_equal(get(s, "case", &got), kept[i]);
	}
}

static void trimming_by_age_counts_from_the_last_use(void **state)
{
	struct site *s = *state;
	struct wire_result got;

	put_days(s, 5);
	s->request.ttl_s = 1;
	assert_true(get(s, "case", &got));
	assert_true(cache_trim(s->cache, INT64_MAX, 2 * 24 * 60 * 60 + 60, &s->err));
	assert_int_equal(stats_of(s).nresult, 3);
	/* and it is remembered when that was */
	s->now_ms += DAY_MS;
	open_cache(s);
	assert_true(cache_trim(s->cache, INT64_MAX, 2 * 24 * 60 * 60 + 60, &s->err));
	assert_int_equal(stats_of(s).nresult, 2);
	s->now_ms += 10 * DAY_MS;
	open_cache(s);
	assert_true(cache_trim(s->cache, INT64_MAX, 0, &s->err));
	assert_int_equal(stats_of(s).nresult, 0);
	assert_int_equal(stats_of(s).bytes, 0);
	put(s, "case", "again", 5);
	assert_true(get(s, "case", &got));
}

static void trimming_leaves_alone_what_another_runner_writes_to(void **state)
{
	struct site *s = *state;
	struct cache *other = s->cache;
	struct wire_result got;
	struct cache_key key = key_of(s);

	put(s, "a", "1", 1);
	assert_true(cache_get(other, &s->arena, "a", &key, &got)); /* has it written */
	s->cache = NULL;
	s->now_ms += DAY_MS;
	open_cache(s);
	assert_true(cache_trim(s->cache, 0, 0, &s->err));
	assert_int_equal(stats_of(s).nresult, 1);
	cache_close(other);
	assert_true(cache_trim(s->cache, 0, 0, &s->err));
	assert_int_equal(stats_of(s).nresult, 0);
}

static void a_cleared_cache_is_empty(void **state)
{
	struct site *s = *state;
	struct wire_result got;
	size_t n = 9;

	put_days(s, 2);
	cache_close(s->cache);
	s->cache = NULL;
	assert_true(cache_clear(s->root, &n, &s->err));
	assert_int_equal(n, 2);
	assert_true(cache_clear(s->root, NULL, &s->err));
	open_cache(s);
	assert_false(get(s, "case", &got));
}

static const struct cache_story *story_of(struct site *s, const char *cell)
{
	struct cache_story *story;
	size_t n;

	open_cache(s);
	assert_true(cache_explain(s->cache, &s->arena, cell, &story, &n, &s->err));
	if (n == 0)
		return NULL;
	assert_int_equal(n, 1);
	assert_string_equal(story->spec, "hw1");
	return story;
}

static void a_story_says_which_input_changed(void **state)
{
	struct site *s = *state;
	const struct cache_story *story;
	struct wire_result got;

	assert_null(story_of(s, "case"));
	assert_false(get(s, "case", &got));
	story = story_of(s, "case");
	assert_int_equal(story->answer, CACHE_FIRST);
	assert_false(story->is_stored);

	put(s, "case", "1", 1);
	story = story_of(s, "case");
	assert_int_equal(story->answer, CACHE_FIRST);
	assert_true(story->is_stored);

	assert_true(get(s, "case", &got));
	assert_int_equal(story_of(s, "case")->answer, CACHE_HIT);

	s->request.code = (struct bytes){ "print(2)", 8 };
	s->request.has_stdin = false;
	s->request.limits.memory_mb = 64;
	assert_false(get(s, "case", &got));
	story = story_of(s, "case");
	assert_int_equal(story->answer, CACHE_CHANGED);
	assert_false(story->is_stored);
	assert_int_equal(story->nchange, 3);
	assert_string_equal(story->change[0].name, "code");
	assert_string_equal(story->change[1].name, "limits.memory_mb");
	assert_null(story->change[1].was);
	assert_string_equal(story->change[1].is, "64");
	assert_string_equal(story->change[2].name, "stdin");
	assert_null(story->change[2].is);
	assert_null(story_of(s, "cas"));
}

static void a_result_that_is_gone_is_told_so(void **state)
{
	struct site *s = *state;
	struct wire_result got;
	struct stat st;
	int fd;

	put(s, "case", "12345678", 8);
	open_cache(s);
	assert_int_equal(stat(the_file(s), &st), 0);
	fd = open(the_file(s), O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "X", 1, st.st_size - 4), 1);
	close(fd);
	assert_false(get(s, "case", &got));
	assert_int_equal(story_of(s, "case")->answer, CACHE_GONE);
}

static void what_the_fuzzer_found_or_was_given_is_read_or_refused(void **state)
{
	(void)state;
	corpus_replay((struct corpus){ .folder = "fixtures/fuzz/cache_log", .fn = fuzz_cache }, 10);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_result_comes_back_as_it_was_stored),
		TEST(every_input_makes_another_key),
		TEST(secrets_and_long_texts_are_not_in_the_list_of_inputs),
		TEST(what_is_damaged_is_not_there),
		TEST(runners_side_by_side_share_what_they_wrote),
		TEST(trimming_keeps_what_was_used_last),
		TEST(trimming_by_age_counts_from_the_last_use),
		TEST(trimming_leaves_alone_what_another_runner_writes_to),
		TEST(a_cleared_cache_is_empty),
		TEST(a_story_says_which_input_changed),
		cmocka_unit_test(what_the_fuzzer_found_or_was_given_is_read_or_refused),
		TEST(a_result_that_is_gone_is_told_so),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
