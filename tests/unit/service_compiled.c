#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "service/compiled.h"

/* A service's folder and a working folder in a place of their own. */
struct bench {
	char path[32];
	int top, dir;
	struct workdir w;
	struct names arg, env;
	struct command command;
	struct language language;
	struct wire_file file;
	struct wire_request request;
	struct compiled_job job;
};

static const char *words[] = { "/bin/true", "-O2" };

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct err e;

	assert_non_null(b);
	snprintf(b->path, sizeof(b->path), "/tmp/compiled-XXXXXX");
	assert_non_null(mkdtemp(b->path));
	b->top = open(b->path, O_RDONLY | O_DIRECTORY);
	b->dir = compiled_open(b->path, &e);
	assert_true(b->dir >= 0);
	assert_true(fs_mkdirs(b->top, "work", &e));
	b->w.fd = openat(b->top, "work", O_RDONLY | O_DIRECTORY);
	b->w.uid = geteuid();
	b->w.gid = getegid();
	b->command.arg = (struct names){ words, 2 };
	b->language = (struct language){ .name = "toy", .filename = "main.toy" };
	b->file = (struct wire_file){ .name = "in.txt", .data = { "one", 3 } };
	b->request = (struct wire_request){ .code = { "code", 4 }, .file = &b->file, .nfile = 1 };
	b->job = (struct compiled_job){ "me", &b->request, &b->language, &b->command };
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;
	struct err e;

	close(b->w.fd);
	close(b->dir);
	close(b->top);
	assert_true(fs_remove_tree(AT_FDCWD, b->path, &e));
	free(b);
	return 0;
}

static void put(const struct bench *b, const char *path, const char *text, bool is_executable)
{
	struct bytes data = { text, strlen(text) };
	struct err e;

	assert_true(workdir_replace(&b->w, path, &data, is_executable, &e));
}

static void empty(struct bench *b)
{
	struct err e;

	assert_true(fs_remove_tree(b->top, "work", &e));
	assert_true(fs_mkdirs(b->top, "work", &e));
	close(b->w.fd);
	b->w.fd = openat(b->top, "work", O_RDONLY | O_DIRECTORY);
}

static void what_was_made_comes_back_with_its_modes(void **state)
{
	struct bench *b = *state;
	CLEAN_ARENA struct arena a = { 0 };
	char key[DIGEST_HEX];
	struct stat st;
	struct err e;
	char *data;
	size_t len;

	compiled_key(&b->job, key);
	assert_false(compiled_restore(b->dir, key, &b->w));
	put(b, "main.toy", "code", false);
	put(b, "in.txt", "one", false);
	put(b, "main", "program", true);
	put(b, "lib/a.o", "object", false);
	put(b, ".cache/x", "not this", false);
	assert_int_equal(symlinkat("/etc/passwd", b->w.fd, "link"), 0);
	assert_true(compiled_keep(b->dir, key, &b->job, &b->w, &e));
	empty(b);
	put(b, "main", "older", false);
	assert_true(compiled_restore(b->dir, key, &b->w));
	assert_true(fs_read(&a, b->w.fd, "main", 100, &data, &len, &e));
	assert_string_equal(data, "program");
	assert_int_equal(fstatat(b->w.fd, "main", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
	assert_int_equal(fstatat(b->w.fd, "lib/a.o", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_false(workdir_has(&b->w, "main.toy"));
	assert_false(workdir_has(&b->w, "in.txt"));
	assert_false(workdir_has(&b->w, ".cache/x"));
	assert_int_equal(fstatat(b->w.fd, "link", &st, AT_SYMLINK_NOFOLLOW), -1);
}

static void whatever_differs_has_a_key_of_its_own(void **state)
{
	static const char *other[] = { "/bin/true", "-O3" };
	struct bench *b = *state;
	char key[7][DIGEST_HEX];

	compiled_key(&b->job, key[0]);
	compiled_key(&b->job, key[1]);
	assert_string_equal(key[0], key[1]);
	b->job.tenant = "you";
	compiled_key(&b->job, key[1]);
	b->request.code.data = "edoc";
	compiled_key(&b->job, key[2]);
	b->file.name = "nix.tt";
	compiled_key(&b->job, key[3]);
	b->command.arg.item = other;
	compiled_key(&b->job, key[4]);
	b->file.data.data = "two";
	compiled_key(&b->job, key[5]);
	b->request.network = WIRE_SEMITRUSTED;
	compiled_key(&b->job, key[6]);
	for (int i = 0; i < 7; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(key[i], key[k]);
}

static void a_damaged_tree_is_compiled_again(void **state)
{
	struct bench *b = *state;
	char key[DIGEST_HEX];
	struct err e;
	int fd;

	compiled_key(&b->job, key);
	put(b, "main", "program", true);
	assert_true(compiled_keep(b->dir, key, &b->job, &b->w, &e));
	fd = openat(b->dir, key, O_WRONLY);
	assert_int_equal(pwrite(fd, "P", 1, DIGEST_HEX + 30), 1);
	close(fd);
	assert_false(compiled_restore(b->dir, key, &b->w));
	assert_int_equal(faccessat(b->dir, key, F_OK, 0), -1);
	assert_true(compiled_keep(b->dir, key, &b->job, &b->w, &e));
	assert_true(compiled_restore(b->dir, key, &b->w));
}

static void what_is_too_large_is_not_kept(void **state)
{
	struct bench *b = *state;
	char key[DIGEST_HEX];
	struct err e;
	int fd;

	compiled_key(&b->job, key);
	put(b, "main", "program", true);
	fd = openat(b->w.fd, "huge", O_CREAT | O_WRONLY, 0644);
	assert_int_equal(ftruncate(fd, (off_t)COMPILED_TREE_MAX + 1), 0);
	close(fd);
	assert_true(compiled_keep(b->dir, key, &b->job, &b->w, &e));
	assert_false(compiled_restore(b->dir, key, &b->w));
}

static void the_least_recently_used_go_first(void **state)
{
	struct bench *b = *state;
	char key[DIGEST_HEX];
	char name[DIGEST_HEX];
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct err e;

	for (int i = 0; i < COMPILED_TREES_MAX; i++) {
		snprintf(name, sizeof(name), "%064d", i);
		assert_true(fs_write(b->dir, name, "", 0, &e));
		old[0].tv_sec = old[1].tv_sec = 1000 + i;
		assert_int_equal(utimensat(b->dir, name, old, 0), 0);
	}
	compiled_key(&b->job, key);
	put(b, "main", "program", true);
	assert_true(compiled_keep(b->dir, key, &b->job, &b->w, &e));
	snprintf(name, sizeof(name), "%064d", 0);
	assert_int_equal(faccessat(b->dir, name, F_OK, 0), -1);
	snprintf(name, sizeof(name), "%064d", 1);
	assert_int_equal(faccessat(b->dir, name, F_OK, 0), 0);
	assert_true(compiled_restore(b->dir, key, &b->w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_made_comes_back_with_its_modes, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(whatever_differs_has_a_key_of_its_own, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_damaged_tree_is_compiled_again, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_is_too_large_is_not_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_least_recently_used_go_first, set_up,
						tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
