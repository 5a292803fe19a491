#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fs.h"
#include "service/workdir.h"

/* A folder with a secret beside the working folder. */
struct box {
	char path[32];
	int top;
	struct workdir w;
	struct arena arena;
	struct artifacts artifacts;
};

static const struct language toy = { .name = "toy", .filename = "main.toy", .program = "main" };

static int box_open(void **state)
{
	struct box *b = calloc(1, sizeof(*b));
	struct err e;

	assert_non_null(b);
	memcpy(b->path, "/tmp/workdir-XXXXXX", sizeof("/tmp/workdir-XXXXXX"));
	assert_non_null(mkdtemp(b->path));
	b->top = open(b->path, O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(b->top, "work", 0755), 0);
	assert_true(fs_write(b->top, "secret", "secret", 6, &e));
	b->w = (struct workdir){ openat(b->top, "work", O_DIRECTORY | O_CLOEXEC), geteuid(),
				 getegid() };
	b->artifacts = (struct artifacts){ .arena = &b->arena, .room = WORKDIR_ARTIFACT_MAX };
	*state = b;
	return 0;
}

static int box_close(void **state)
{
	struct box *b = *state;
	struct err e;

	close(b->w.fd);
	close(b->top);
	arena_free(&b->arena);
	assert_true(fs_remove_tree(AT_FDCWD, b->path, &e));
	free(b);
	return 0;
}

static struct wire_file file(const char *name, const char *text)
{
	return (struct wire_file){ .name = name, .is_path = true, .data = { text, strlen(text) } };
}

static struct wire_request request(struct wire_file *f, size_t n)
{
	return (struct wire_request){ .code = { "code", 4 }, .file = f, .nfile = n };
}

static void assert_holds(struct box *b, const char *path, const char *text)
{
	struct err e = { 0 };
	char *data;
	size_t len;

	if (!fs_read(&b->arena, b->w.fd, path, 1000, &data, &len, &e))
		fail_msg("%s", e.msg);
	assert_string_equal(data, text);
}

static void source_and_files_lie_where_their_names_say(void **state)
{
	struct box *b = *state;
	struct wire_file f[] = { file("data.txt", "1"), file("a/b/c.txt", "2"), file("a/d", "") };
	struct wire_request r = request(f, 3);
	struct err e = { 0 };

	if (!workdir_fill(&b->w, &r, &toy, &e))
		fail_msg("%s", e.msg);
	assert_holds(b, "main.toy", "code");
	assert_holds(b, "data.txt", "1");
	assert_holds(b, "a/b/c.txt", "2");
	assert_holds(b, "a/d", "");
}

static void the_requests_filename_names_the_source(void **state)
{
	struct box *b = *state;
	struct wire_request r = request(NULL, 0);
	struct err e;

	r.filename = "Other.toy";
	assert_true(workdir_fill(&b->w, &r, &toy, &e));
	assert_holds(b, "Other.toy", "code");
}

static void files_belong_to_the_job(void **state)
{
	struct box *b = *state;
	struct wire_file f[] = { file("a/b", "2") };
	struct wire_request r = request(f, 1);
	struct stat st;
	struct err e;

	if (geteuid() != 0)
		skip();
	b->w.uid = 12345;
	b->w.gid = 54321;
	assert_true(workdir_fill(&b->w, &r, &toy, &e));
	for (const char *const *p = (const char *const[]){ "main.toy", "a", "a/b", NULL }; *p;
	     p++) {
		assert_int_equal(fstatat(b->w.fd, *p, &st, 0), 0);
		assert_int_equal(st.st_uid, 12345);
		assert_int_equal(st.st_gid, 54321);
	}
}

static void assert_refused(struct box *b, struct wire_file f, const char *words)
{
	struct wire_request r = request(&f, 1);
	struct err e = { 0 };

	assert_false(workdir_fill(&b->w, &r, &toy, &e));
	assert_int_equal(e.kind, ERR_IMPOSSIBLE);
	if (!strstr(e.msg, words))
		fail_msg("'%s' is not in: %s", words, e.msg);
	assert_int_equal(unlinkat(b->w.fd, "main.toy", 0), 0);
}

static void names_that_lead_out_are_refused(void **state)
{
	struct box *b = *state;

	assert_refused(b, file("../x", ""), "'../x'");
	assert_refused(b, file("/etc/x", ""), "'/etc/x'");
	assert_refused(b, file("a/../../x", ""), "without '..'");
	assert_refused(b, file("", ""), "''");
	assert_refused(b, file("a//b", ""), "'a//b'");
	assert_int_equal(faccessat(b->top, "x", F_OK, 0), -1);
}

static void a_name_used_twice_with_other_bytes_is_refused(void **state)
{
	struct box *b = *state;

	assert_refused(b, file("main.toy", "other"), "'main.toy' is the name of two files");
	assert_refused(b, file("main.toy/x", "other"), "both as a file and as a folder");
}

static void a_name_used_twice_with_the_same_bytes_is_one_file(void **state)
{
	struct box *b = *state;
	struct wire_file f[] = { file("main.toy", "code") };
	struct wire_request r = request(f, 1);
	struct err e;

	assert_true(workdir_fill(&b->w, &r, &toy, &e));
}

static void links_planted_on_the_way_in_are_not_followed(void **state)
{
	struct box *b = *state;
	struct wire_file f[] = { file("up/x", "x") };
	struct wire_request r = request(f, 1);
	struct err e;

	assert_int_equal(symlinkat("..", b->w.fd, "up"), 0);
	assert_false(workdir_fill(&b->w, &r, &toy, &e));
	assert_int_equal(faccessat(b->top, "x", F_OK, 0), -1);
	assert_int_equal(unlinkat(b->w.fd, "main.toy", 0), 0);
	assert_int_equal(symlinkat("../secret", b->w.fd, "main.toy"), 0);
	assert_false(workdir_fill(&b->w, &r, &toy, &e));
}

static void a_full_folder_is_the_jobs_own_limit(void **state)
{
	struct box *b = *state;
	static char big[100000];
	struct wire_file f[] = { { .name = "big", .data = { big, sizeof(big) } } };
	struct wire_request r = request(f, 1);
	char path[64];
	struct workdir small = b->w;
	struct err e = { 0 };
	bool is_ok;

	snprintf(path, sizeof(path), "%s/work", b->path);
	if (mount("none", path, "tmpfs", 0, "size=64k") < 0)
		skip();
	small.fd = openat(b->top, "work", O_DIRECTORY | O_CLOEXEC);
	is_ok = workdir_fill(&small, &r, &toy, &e);
	close(small.fd);
	assert_int_equal(umount(path), 0);
	assert_false(is_ok);
	assert_int_equal(e.kind, ERR_TOO_LARGE);
	assert_non_null(strstr(e.msg, "the folder was full at 'big'"));
}

static void put(struct box *b, const char *path, const char *text)
{
	struct err e;

	assert_true(fs_write(b->w.fd, path, text, strlen(text), &e));
}

static void collect(struct box *b, const char *glob)
{
	struct err e = { 0 };

	if (!workdir_collect(&b->w, &glob, 1, &b->artifacts, &e))
		fail_msg("%s", e.msg);
}

static void globs_pick_regular_files_by_path(void **state)
{
	struct box *b = *state;

	mkdirat(b->w.fd, "out", 0755);
	mkdirat(b->w.fd, "out/deep", 0755);
	put(b, "out/b.txt", "bb");
	put(b, "out/a.txt", "a");
	put(b, "out/deep/c.txt", "c");
	put(b, "x.log", "x");
	collect(b, "out/*.txt");
	assert_int_equal(b->artifacts.n, 2);
	assert_string_equal(b->artifacts.item[0].name, "out/a.txt");
	assert_string_equal(b->artifacts.item[1].name, "out/b.txt");
	assert_memory_equal(b->artifacts.item[1].data.data, "bb", 3);
	collect(b, "**");
	assert_int_equal(b->artifacts.n, 4);
	collect(b, "nothing-*");
	assert_int_equal(b->artifacts.n, 4);
}

static void links_pipes_sockets_and_folders_are_no_artifacts(void **state)
{
	struct box *b = *state;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	CLEAN_FD int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct err e;

	assert_int_equal(symlinkat("../secret", b->w.fd, "link"), 0);
	assert_int_equal(symlinkat("/etc/passwd", b->w.fd, "passwd"), 0);
	assert_int_equal(symlinkat("..", b->w.fd, "up"), 0);
	assert_int_equal(mkfifoat(b->w.fd, "pipe", 0666), 0);
	assert_int_equal(mkdirat(b->w.fd, "folder", 0755), 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/work/socket", b->path);
	assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof(at)), 0);
	collect(b, "**");
	assert_int_equal(b->artifacts.n, 0);
	for (const char *const *p =
		     (const char *const[]){ "link", "pipe", "folder", "socket", "up/secret",
					    "../secret", "no", "/etc/passwd", NULL };
	     *p; p++) {
		assert_false(workdir_has(&b->w, *p));
		assert_true(workdir_take(&b->w, *p, &b->artifacts, &e));
	}
	assert_int_equal(b->artifacts.n, 0);
}

static void names_with_control_bytes_or_no_text_are_left_out(void **state)
{
	struct box *b = *state;

	put(b, "a\nb", "x");
	put(b, "\xfe", "y");
	mkdirat(b->w.fd, "\xff", 0755);
	put(b, "\xff/f", "z");
	put(b, "\u00e9", "e");
	collect(b, "**");
	assert_int_equal(b->artifacts.n, 1);
	assert_string_equal(b->artifacts.item[0].name, "\u00e9");
}

static void artifacts_past_the_cap_are_an_error_that_names_it(void **state)
{
	struct box *b = *state;
	CLEAN_FD int fd = openat(b->w.fd, "sparse", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	const char *glob = "*";
	struct err e;

	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	assert_false(workdir_collect(&b->w, &glob, 1, &b->artifacts, &e));
	assert_int_equal(e.kind, ERR_TOO_LARGE);
	assert_non_null(strstr(e.msg, "larger than 32 MB in all: 'sparse'"));
}

int main(void)
{
#define BOXED(test) cmocka_unit_test_setup_teardown(test, box_open, box_close)
	const struct CMUnitTest tests[] = {
		BOXED(source_and_files_lie_where_their_names_say),
		BOXED(the_requests_filename_names_the_source),
		BOXED(files_belong_to_the_job),
		BOXED(names_that_lead_out_are_refused),
		BOXED(a_name_used_twice_with_other_bytes_is_refused),
		BOXED(a_name_used_twice_with_the_same_bytes_is_one_file),
		BOXED(links_planted_on_the_way_in_are_not_followed),
		BOXED(a_full_folder_is_the_jobs_own_limit),
		BOXED(globs_pick_regular_files_by_path),
		BOXED(links_pipes_sockets_and_folders_are_no_artifacts),
		BOXED(names_with_control_bytes_or_no_text_are_left_out),
		BOXED(artifacts_past_the_cap_are_an_error_that_names_it),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
