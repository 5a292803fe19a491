#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "pack/pack.h"

/* A folder with the tree that the tests pack from; gone after each test. */
struct site {
	char path[32];
	struct arena arena;
	struct pack_list list;
	struct err err;
};

static void put(struct site *s, const char *path, const char *text)
{
	const char *slash = strrchr(path, '/');

	if (slash)
		assert_true(fs_mkdirs(s->list.dirfd,
				      arena_strndup(&s->arena, path, (size_t)(slash - path)),
				      &s->err));
	assert_true(fs_write(s->list.dirfd, path, text, strlen(text), &s->err));
}

static int set_up(void **state)
{
	struct arena a = { 0 };
	struct site *s = ARENA_NEW(&a, 1, struct site);

	s->arena = a;
	memcpy(s->path, "/tmp/pack-XXXXXX", 17);
	assert_non_null(mkdtemp(s->path));
	s->list.dirfd = open(s->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	put(s, "answers.txt", "secret");
	put(s, "spec/main.c", "int main(void);\n");
	put(s, "spec/lib/b.h", "b");
	put(s, "spec/lib/a.h", "a");
	put(s, "spec/lib/deep/run.sh", "#!/bin/sh\n");
	assert_int_equal(fchmodat(s->list.dirfd, "spec/lib/deep/run.sh", 0750, 0), 0);
	assert_int_equal(symlinkat("../../answers.txt", s->list.dirfd, "spec/lib/link"), 0);
	assert_int_equal(symlinkat("lib", s->list.dirfd, "spec/alias"), 0);
	assert_int_equal(mkfifoat(s->list.dirfd, "spec/lib/pipe", 0600), 0);
	close(s->list.dirfd);
	s->list.dirfd = open(arena_printf(&s->arena, "%s/spec", s->path), O_PATH | O_CLOEXEC);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct site *s = *state;
	struct arena a = s->arena;
	struct err e;

	close(s->list.dirfd);
	assert_true(fs_remove_tree(AT_FDCWD, s->path, &e));
	arena_free(&a);
	return 0;
}

/* Names in the list's order, a space behind each, a star behind what can be run. */
static void expect_names(struct site *s, const char *want)
{
	CLEAN_BUF struct buf b = BUF(1 << 16);

	for (size_t i = 0; i < s->list.n; i++)
		buf_printf(&b, "%s%s ", s->list.entry[i].name,
			   s->list.entry[i].is_executable ? "*" : "");
	assert_string_equal(buf_text(&b), want);
}

static bool add(struct site *s, const char *path, const char *as)
{
	return pack_add_path(&s->arena, &s->list, path, as, false, &s->err);
}

static void expect_refusal(struct site *s, const char *path, const char *want)
{
	assert_false(add(s, path, NULL));
	assert_int_equal(s->err.kind, ERR_SPEC);
	assert_string_equal(s->err.msg, want);
}

static void a_tree_gives_its_files_in_order_and_leaves_links_and_pipes_out(void **state)
{
	struct site *s = *state;

	assert_true(add(s, "lib/", NULL));
	assert_true(add(s, "main.c", NULL));
	assert_true(pack_sort(&s->list, &s->err));
	expect_names(s, "lib/a.h lib/b.h lib/deep/run.sh* main.c ");
}

static void a_name_given_with_as_stands_in_front_of_a_tree_or_for_a_file(void **state)
{
	struct site *s = *state;

	assert_true(add(s, "./lib//deep", "tools/"));
	assert_true(add(s, "lib/a.h", "include/"));
	assert_true(add(s, "lib/../main.c", "prog.c"));
	assert_true(add(s, "lib/deep", "."));
	assert_true(add(s, "main.c", ""));
	expect_names(s, "tools/run.sh* include/a.h prog.c run.sh* main.c ");
}

static void the_whole_folder_can_be_packed(void **state)
{
	struct site *s = *state;

	assert_true(add(s, ".", NULL));
	expect_names(s, "lib/a.h lib/b.h lib/deep/run.sh* main.c ");
}

static void a_path_that_leaves_the_folder_is_refused(void **state)
{
	struct site *s = *state;

	expect_refusal(s, "../answers.txt",
		       "cannot pack '../answers.txt': it leaves the spec's folder "
		       "(--allow-outside permits it)");
	expect_refusal(s, "lib/../../answers.txt",
		       "cannot pack 'lib/../../answers.txt': it leaves the spec's folder "
		       "(--allow-outside permits it)");
	expect_refusal(s, "/etc/passwd",
		       "cannot pack '/etc/passwd': it leaves the spec's folder "
		       "(--allow-outside permits it)");
}

static void allow_outside_packs_it_without_what_leads_out_of_its_name(void **state)
{
	struct site *s = *state;
	const char *whole = arena_printf(&s->arena, "%s/answers.txt", s->path);

	assert_true(pack_add_path(&s->arena, &s->list, "../answers.txt", NULL, true, &s->err));
	assert_true(pack_add_path(&s->arena, &s->list, whole, "", true, &s->err));
	assert_true(pack_add_path(&s->arena, &s->list, "../spec/lib", "", true, &s->err));
	assert_true(pack_sort(&s->list, &s->err));
	expect_names(s, arena_printf(&s->arena,
				     "answers.txt spec/lib/a.h spec/lib/b.h spec/lib/deep/run.sh* "
				     "%s ",
				     whole + 1));
	assert_true(pack_read(&s->arena, &s->list, 100, &s->err));
	assert_string_equal(s->list.entry[0].data, "secret");
}

static void a_link_is_never_followed(void **state)
{
	struct site *s = *state;

	expect_refusal(s, "lib/link",
		       "cannot pack 'lib/link': it is, or leads through, a symbolic link");
	expect_refusal(s, "alias/a.h",
		       "cannot pack 'alias/a.h': it is, or leads through, a symbolic link");
	assert_false(pack_add_path(&s->arena, &s->list, "../spec/lib/link", NULL, true, &s->err));
	assert_string_equal(
		s->err.msg,
		"cannot pack '../spec/lib/link': it is, or leads through, a symbolic link");
}

static void what_is_not_there_or_no_file_is_refused(void **state)
{
	struct site *s = *state;

	expect_refusal(s, "gone.c", "cannot pack 'gone.c': No such file or directory");
	expect_refusal(s, "lib/pipe", "cannot pack 'lib/pipe': it is neither a file nor a folder");
}

static void a_pattern_gives_the_files_that_fit(void **state)
{
	struct site *s = *state;

	assert_true(pack_add_glob(&s->arena, &s->list, "lib/*.h", NULL, &s->err));
	assert_true(pack_add_glob(&s->arena, &s->list, "**/*.sh", "all/", &s->err));
	assert_true(pack_add_glob(&s->arena, &s->list, "main.c", NULL, &s->err));
	expect_names(s, "lib/a.h lib/b.h all/lib/deep/run.sh* main.c ");
	assert_false(pack_add_glob(&s->arena, &s->list, "none/*.h", NULL, &s->err));
	assert_string_equal(s->err.msg, "cannot pack 'none/*.h': no file fits this pattern");
	assert_false(pack_add_glob(&s->arena, &s->list, "../*.txt", NULL, &s->err));
	assert_string_equal(s->err.msg, "cannot pack '../*.txt': it leaves the spec's folder");
}

static void expect_unsorted(struct site *s, const char *one, const char *two, const char *want)
{
	s->list.n = 0;
	pack_add(&s->arena, &s->list, one, "", 0);
	pack_add(&s->arena, &s->list, two, "", 0);
	assert_false(pack_sort(&s->list, &s->err));
	assert_int_equal(s->err.kind, ERR_SPEC);
	assert_string_equal(s->err.msg, want);
}

static void names_that_cannot_be_unpacked_together_are_told(void **state)
{
	struct site *s = *state;

	expect_unsorted(s, "a", "a", "two packed files are named 'a'");
	expect_unsorted(s, "a", "a/b/c", "'a' is both a file and the folder of 'a/b/c'");
	expect_unsorted(s, "x", "../y",
			"a packed file's name must be relative, without '..' or control "
			"characters, not '../y'");
	expect_unsorted(s, "x", "/y",
			"a packed file's name must be relative, without '..' or control "
			"characters, not '/y'");
}

static void reading_is_bounded_and_sees_that_a_file_changed(void **state)
{
	struct site *s = *state;

	assert_true(add(s, "main.c", NULL));
	assert_false(pack_read(&s->arena, &s->list, 15, &s->err));
	assert_string_equal(s->err.msg, "the files are 16 bytes together, at most 15 are taken");
	put(s, "main.c", "longer than it was\n");
	assert_false(pack_read(&s->arena, &s->list, 100, &s->err));
	assert_string_equal(s->err.msg, "cannot pack 'main.c': it changed while it was read");
	put(s, "main.c", "shorter");
	assert_false(pack_read(&s->arena, &s->list, 100, &s->err));
	put(s, "main.c", "int main(int);;\n");
	assert_true(pack_read(&s->arena, &s->list, 16, &s->err));
	assert_string_equal(s->list.entry[0].data, "int main(int);;\n");
}

static void a_file_that_became_a_link_is_not_read(void **state)
{
	struct site *s = *state;

	assert_true(add(s, "main.c", NULL));
	assert_int_equal(unlinkat(s->list.dirfd, "main.c", 0), 0);
	assert_int_equal(symlinkat("lib/a.h", s->list.dirfd, "main.c"), 0);
	assert_false(pack_read(&s->arena, &s->list, 100, &s->err));
	assert_string_equal(s->err.msg, "cannot pack 'main.c': Too many levels of symbolic links");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_tree_gives_its_files_in_order_and_leaves_links_and_pipes_out),
		TEST(a_name_given_with_as_stands_in_front_of_a_tree_or_for_a_file),
		TEST(the_whole_folder_can_be_packed),
		TEST(a_path_that_leaves_the_folder_is_refused),
		TEST(allow_outside_packs_it_without_what_leads_out_of_its_name),
		TEST(a_link_is_never_followed),
		TEST(what_is_not_there_or_no_file_is_refused),
		TEST(a_pattern_gives_the_files_that_fit),
		TEST(names_that_cannot_be_unpacked_together_are_told),
		TEST(reading_is_bounded_and_sees_that_a_file_changed),
		TEST(a_file_that_became_a_link_is_not_read),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
