#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"

/* A folder of the test's own. */
struct folder {
	char path[32];
	int fd;
	struct err e;
	struct arena a;
};

static struct folder folder_open(void)
{
	struct folder f = { .path = "/tmp/base_fs-XXXXXX" };

	assert_non_null(mkdtemp(f.path));
	f.fd = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f.fd >= 0);
	return f;
}

static void folder_close(struct folder *f)
{
	if (!fs_remove_tree(AT_FDCWD, f->path, &f->e))
		fail_msg("%s", f->e.msg);
	assert_int_equal(access(f->path, F_OK), -1);
	fs_close(&f->fd);
	arena_free(&f->a);
}

#define CLEAN_FOLDER __attribute__((cleanup(folder_close)))

static void a_file_is_read_as_it_was_written(void **state)
{
	CLEAN_FOLDER struct folder f = folder_open();
	char *data;
	size_t len;

	(void)state;
	assert_true(fs_write(f.fd, "a", "x\0y", 3, &f.e));
	assert_true(fs_read(&f.a, f.fd, "a", 3, &data, &len, &f.e));
	assert_int_equal(len, 3);
	assert_memory_equal(data, "x\0y", 4);
	assert_true(fs_write(f.fd, "a", "", 0, &f.e));
	assert_true(fs_read(&f.a, f.fd, "a", 3, &data, &len, &f.e));
	assert_string_equal(data, "");
	assert_true(fs_read(&f.a, AT_FDCWD, "/proc/self/stat", 4096, &data, &len, &f.e));
	assert_true(len > 0);
}

static void what_cannot_be_read_is_named(void **state)
{
	CLEAN_FOLDER struct folder f = folder_open();
	char *data;
	size_t len;

	(void)state;
	assert_false(fs_read(&f.a, f.fd, "none", 9, &data, &len, &f.e));
	assert_string_equal(f.e.msg, "cannot read 'none': No such file or directory");
	assert_false(fs_read(&f.a, f.fd, ".", 9, &data, &len, &f.e));
	assert_string_equal(f.e.msg, "'.' is a folder, not a regular file");
	assert_int_equal(mkfifoat(f.fd, "pipe", 0600), 0);
	assert_false(fs_read(&f.a, f.fd, "pipe", 9, &data, &len, &f.e));
	assert_string_equal(f.e.msg, "'pipe' is something special, not a regular file");
	assert_true(fs_write(f.fd, "big", "0123456789", 10, &f.e));
	assert_false(fs_read(&f.a, f.fd, "big", 9, &data, &len, &f.e));
	assert_string_equal(f.e.msg, "'big' is larger than 9 bytes");
}

static void a_descriptor_is_read_to_its_end_and_its_max(void **state)
{
	CLEAN_FOLDER struct folder f = folder_open();
	char *data, *back;
	size_t len;
	CLEAN_FD int fd = -1;

	(void)state;
	data = arena_zalloc(&f.a, 200000, 1);
	memset(data, 'x', 200000);
	assert_true(fs_write(f.fd, "a", data, 200000, &f.e));
	fd = openat(f.fd, "a", O_RDONLY | O_CLOEXEC);
	assert_true(fs_read_fd(&f.a, fd, 200000, "a", &back, &len, &f.e));
	assert_int_equal(len, 200000);
	assert_string_equal(back + 199990, "xxxxxxxxxx");
	lseek(fd, 0, SEEK_SET);
	assert_false(fs_read_fd(&f.a, fd, 199999, "a", &back, &len, &f.e));
	assert_string_equal(f.e.msg, "'a' is larger than 199999 bytes");
}

static void an_atomic_write_replaces_and_leaves_nothing_else(void **state)
{
	CLEAN_FOLDER struct folder f = folder_open();
	char *data;
	size_t len;

	(void)state;
	assert_true(fs_mkdirs(f.fd, "d", &f.e));
	assert_true(fs_write_atomic(f.fd, "d/a", "old", 3, &f.e));
	assert_true(fs_write_atomic(f.fd, "d/a", "new", 3, &f.e));
	assert_true(fs_read(&f.a, f.fd, "d/a", 99, &data, &len, &f.e));
	assert_string_equal(data, "new");
	assert_int_equal(unlinkat(f.fd, "d/a", 0), 0);
	assert_int_equal(unlinkat(f.fd, "d", AT_REMOVEDIR), 0); /* it was empty */
	assert_false(fs_write_atomic(f.fd, "none/a", "x", 1, &f.e));
	assert_string_equal(f.e.msg, "cannot write 'none/a': No such file or directory");
	assert_true(fs_mkdirs(f.fd, "folder", &f.e));
	assert_false(fs_write_atomic(f.fd, "folder", "x", 1, &f.e));
	assert_int_equal(unlinkat(f.fd, "folder", AT_REMOVEDIR), 0);
}

static void folders_are_made_with_those_above(void **state)
{
	CLEAN_FOLDER struct folder f = folder_open();
	struct stat st;

	(void)state;
	assert_true(fs_mkdirs(f.fd, "a/b//c/", &f.e));
	assert_true(fs_mkdirs(f.fd, "a/b/c", &f.e));
	assert_int_equal(fstatat(f.fd, "a/b/c", &st, 0), 0);
	assert_true(fs_write(f.fd, "a/file", "", 0, &f.e));
	assert_false(fs_mkdirs(f.fd, "a/file", &f.e));
	assert_string_equal(f.e.msg,
			    "cannot make the folder 'a/file': a file of that name is there");
	assert_false(fs_mkdirs(f.fd, "a/file/b", &f.e));
	assert_string_equal(f.e.msg, "cannot make the folder 'a/file/b': Not a directory");
}

static void nothing_outside_is_opened_beneath(void **state)
{
	static const char *const wrong[] = { "..", "../x",       "a/../../x", "/etc/passwd", "out",
					     "in", "dir/passwd", "self",      "a/b/up/x" };
	CLEAN_FOLDER struct folder f = folder_open();
	CLEAN_FD int fd = -1;

	(void)state;
	assert_true(fs_mkdirs(f.fd, "a/b", &f.e));
	assert_true(fs_write(f.fd, "a/x", "", 0, &f.e));
	assert_int_equal(symlinkat("/etc/passwd", f.fd, "out"), 0);
	assert_int_equal(symlinkat("a/x", f.fd, "in"), 0);
	assert_int_equal(symlinkat("/etc", f.fd, "dir"), 0);
	assert_int_equal(symlinkat("/proc/self/exe", f.fd, "self"), 0);
	assert_int_equal(symlinkat("..", f.fd, "a/b/up"), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(fs_open_beneath(f.fd, wrong[i], O_RDONLY, 0), -1);
		assert_true(errno == EXDEV || errno == ELOOP || errno == ENOTDIR);
	}
	fd = fs_open_beneath(f.fd, "a/x", O_RDONLY, 0);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	fs_close(&fd);
	fd = fs_open_beneath(f.fd, "a/new", O_WRONLY | O_CREAT | O_EXCL, 0640);
	assert_true(fd >= 0);
	assert_int_equal(fs_open_beneath(f.fd, "out", O_WRONLY | O_CREAT, 0640), -1);
}

/* A chain far deeper than a path may be long, as only a program that changes into it can make. */
static void a_tree_of_any_depth_is_removed(void **state)
{
	CLEAN_FOLDER struct folder f = folder_open();
	CLEAN_FD int at = dup(f.fd);

	(void)state;
	for (int i = 0; i < 3000; i++) {
		int next;

		assert_int_equal(mkdirat(at, "deeper", 0700), 0);
		next = openat(at, "deeper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		assert_true(i % 100 || fs_write(next, "file", "", 0, &f.e));
		fs_close(&at);
		at = next;
	}
}

static void removing_follows_no_link(void **state)
{
	CLEAN_FOLDER struct folder f = folder_open();

	(void)state;
	assert_true(fs_mkdirs(f.fd, "kept", &f.e));
	assert_true(fs_write(f.fd, "kept/file", "", 0, &f.e));
	assert_true(fs_mkdirs(f.fd, "tree/.removing-0", &f.e));
	assert_true(fs_mkdirs(f.fd, "tree/a/b/c", &f.e));
	assert_int_equal(symlinkat("../../kept", f.fd, "tree/a/link"), 0);
	assert_int_equal(symlinkat("kept", f.fd, "link"), 0);
	assert_true(fs_remove_tree(f.fd, "tree", &f.e));
	assert_true(fs_remove_tree(f.fd, "link", &f.e));
	assert_true(fs_remove_tree(f.fd, "tree", &f.e)); /* there is none */
	assert_int_equal(faccessat(f.fd, "tree", F_OK, 0), -1);
	assert_int_equal(faccessat(f.fd, "kept/file", F_OK, 0), 0);
}

static void a_tree_closed_to_its_owner_is_removed(void **state)
{
	CLEAN_FOLDER struct folder f = folder_open();
	bool is_root = geteuid() == 0;

	(void)state;
	if (is_root) /* to whom nothing is closed */
		assert_int_equal(fchown(f.fd, 65534, 65534) || seteuid(65534), 0);
	assert_true(fs_mkdirs(f.fd, "t/a/b", &f.e));
	assert_true(fs_write(f.fd, "t/a/b/file", "", 0, &f.e));
	assert_int_equal(fchmodat(f.fd, "t/a/b", 0, 0), 0);
	assert_int_equal(fchmodat(f.fd, "t/a", 0, 0), 0);
	assert_int_equal(fchmodat(f.fd, "t", 0500, 0), 0);
	if (!fs_remove_tree(f.fd, "t", &f.e))
		fail_msg("%s", f.e.msg);
	if (is_root)
		assert_int_equal(seteuid(0), 0);
}

static bool list(void *ctx, const char *path, const struct stat *st, struct err *e)
{
	(void)e;
	return buf_printf(ctx, "%s%s ", path,
			  S_ISDIR(st->st_mode)   ? "/"
			  : S_ISLNK(st->st_mode) ? "@"
						 : "");
}

static void a_walk_is_in_byte_order_and_follows_no_link(void **state)
{
	static const char *const file[] = { "b/2", "b/10", "b-c", "a", "b/sub/x", "\xc3\xa9" };
	CLEAN_FOLDER struct folder f = folder_open();
	CLEAN_BUF struct buf seen = BUF(4096);

	(void)state;
	assert_true(fs_mkdirs(f.fd, "t/b/sub", &f.e));
	for (size_t i = 0; i < sizeof(file) / sizeof(*file); i++)
		assert_true(fs_write(f.fd, arena_printf(&f.a, "t/%s", file[i]), "", 0, &f.e));
	assert_int_equal(symlinkat("/etc", f.fd, "t/b/etc"), 0);
	if (!fs_walk(f.fd, "t", 9, list, &seen, &f.e))
		fail_msg("%s", f.e.msg);
	assert_string_equal(buf_text(&seen), "a b/ b/10 b/2 b/etc@ b/sub/ b/sub/x b-c \xc3\xa9 ");
	assert_false(fs_walk(f.fd, "t", 8, list, &seen, &f.e));
	assert_string_equal(f.e.msg, "'t' holds more than 8 files and folders");
	assert_false(fs_walk(f.fd, "t/b/etc", 9, list, &seen, &f.e));
	assert_false(fs_walk(f.fd, "none", 9, list, &seen, &f.e));
	assert_string_equal(f.e.msg, "cannot read the folder 'none': No such file or directory");
}

static bool refuse(void *ctx, const char *path, const struct stat *st, struct err *e)
{
	(void)st;
	++*(int *)ctx;
	return err_set(e, ERR_SPEC, "not '%s'", path);
}

static void a_walk_stops_when_the_visitor_says_so(void **state)
{
	CLEAN_FOLDER struct folder f = folder_open();
	int visits = 0;

	(void)state;
	assert_true(fs_mkdirs(f.fd, "a", &f.e));
	assert_true(fs_mkdirs(f.fd, "b", &f.e));
	assert_false(fs_walk(f.fd, ".", 9, refuse, &visits, &f.e));
	assert_int_equal(visits, 1);
	assert_string_equal(f.e.msg, "not 'a'");
}

static void patterns_match_like_a_shells(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool want;
	} row[] = {
		{ "*.c", "a.c", true },
		{ "*.c", "a.h", false },
		{ "*.c", "d/a.c", false },
		{ "d/*", "d/a.c", true },
		{ "a?c", "abc", true },
		{ "a?c", "a/c", false },
		{ "a?c",
		  "a\xc3\xa9"
		  "c",
		  true },
		{ "[a-c]x", "bx", true },
		{ "[!a-c]x", "bx", false },
		{ "[]x]", "]", true },
		{ "[[:digit:]]*", "7up", true },
		{ "[a", "[a", true },
		{ "\\*", "*", true },
		{ "\\*", "a", false },
		{ "**", "a/b/c", true },
		{ "**/c", "c", true },
		{ "**/c", "a/b/c", true },
		{ "**/c", "a/b/cd", false },
		{ "a/**", "a/b/c", true },
		{ "a/**", "a", false },
		{ "a/**/z", "a/z", true },
		{ "a/**/z", "a/b/c/z", true },
		{ "a/**/b/**/c", "a/b/x/b/y/c", true },
		{ "a/**/b/*/c", "a/b/x/b/y/c", true },
		{ "", "a", false },
		{ "a", "a/b", false },
		{ "a/b", "a", false },
		{ "*", "a/b", false },
		{ "*a*b*", "xxaxxbxx", true },
		{ "*a*b", "ab", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
		if (fs_match(row[i].pattern, row[i].path) != row[i].want)
			fail_msg("%s against %s", row[i].pattern, row[i].path);
}

/* With fnmatch(3) alone this would not end in our time. */
static void a_nasty_pattern_takes_no_time(void **state)
{
	char pattern[256] = { 0 }, name[256] = { 0 }, folders[2048] = { 0 }, path[2048] = { 0 };

	(void)state;
	memset(name, 'a', 255);
	for (size_t i = 0; i < 254; i += 2)
		snprintf(pattern + i, sizeof(pattern) - i, "*a");
	pattern[253] = 'b';
	assert_false(fs_match(pattern, name));
	for (size_t i = 0; i + 5 < sizeof(folders); i += 5)
		snprintf(folders + i, sizeof(folders) - i, "**/a/");
	for (size_t i = 0; i + 2 < sizeof(path); i += 2)
		snprintf(path + i, sizeof(path) - i, "a/");
	folders[strlen(folders) - 1] = 'b';
	assert_false(fs_match(folders, path));
}

static void plain_paths_stay_where_they_are(void **state)
{
	static const char *const plain[] = { "a", "a/b", "..a", "a..", "...", "a b", "\xc3\xa9/x" };
	static const char *const wrong[] = { "",   "/",   "/a",    "a/",   "a//b", ".",
					     "..", "./a", "a/./b", "a/..", "a\nb", "a\x7f" };
	char name[258] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		assert_true(fs_is_plain_path(plain[i]));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(fs_is_plain_path(wrong[i]));
	memset(name, 'a', 255);
	assert_true(fs_is_plain_path(name));
	name[255] = 'a';
	assert_false(fs_is_plain_path(name));
	name[1] = '/';
	assert_true(fs_is_plain_path(name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_as_it_was_written),
		cmocka_unit_test(what_cannot_be_read_is_named),
		cmocka_unit_test(a_descriptor_is_read_to_its_end_and_its_max),
		cmocka_unit_test(an_atomic_write_replaces_and_leaves_nothing_else),
		cmocka_unit_test(folders_are_made_with_those_above),
		cmocka_unit_test(nothing_outside_is_opened_beneath),
		cmocka_unit_test(a_tree_of_any_depth_is_removed),
		cmocka_unit_test(removing_follows_no_link),
		cmocka_unit_test(a_tree_closed_to_its_owner_is_removed),
		cmocka_unit_test(a_walk_is_in_byte_order_and_follows_no_link),
		cmocka_unit_test(a_walk_stops_when_the_visitor_says_so),
		cmocka_unit_test(patterns_match_like_a_shells),
		cmocka_unit_test(a_nasty_pattern_takes_no_time),
		cmocka_unit_test(plain_paths_stay_where_they_are),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
