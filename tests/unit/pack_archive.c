#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/fs.h"
#include "pack/pack.h"

#define LONG_PART "a-folder-with-a-name-of-fifty-bytes-and-not-one-more"
#define LONG_NAME LONG_PART "/" LONG_PART "/" LONG_PART "/" LONG_PART "/" LONG_PART "/x.txt"

/* What the archives here are made from; in_reverse shows that the order of adding is no matter. */
static void make_list(struct arena *a, struct pack_list *l, bool in_reverse)
{
	static const char *const name[] = { "b.txt", "lib/n\xc3\xa9/\xe6\xbc\xa2.txt", "a",
					    "bytes/\xff\xfe" };
	struct err e;

	for (size_t i = 0; i < 4; i++)
		pack_add(a, l, name[in_reverse ? 3 - i : i], "some bytes\n", 11);
	l->entry[in_reverse ? 1 : 2].is_executable = true;
	assert_true(pack_sort(l, &e));
}

static void make_archive(struct buf *out, enum pack_format format, bool in_reverse)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct pack_list l = { .dirfd = AT_FDCWD };
	struct err e;

	make_list(&a, &l, in_reverse);
	assert_true(pack_to_buf(&l, format, out, &e));
}

/* name, mode, owner, time and bytes of all in the archive, as text. */
static void list_archive(const struct buf *in, struct buf *out)
{
	struct archive *ar = archive_read_new();
	struct archive_entry *en;
	char data[64];

	archive_read_support_format_tar(ar);
	archive_read_support_filter_zstd(ar);
	assert_int_equal(archive_read_open_memory(ar, in->data, in->len), ARCHIVE_OK);
	while (archive_read_next_header(ar, &en) == ARCHIVE_OK) {
		la_ssize_t n = archive_read_data(ar, data, sizeof(data));

		assert_true(n >= 0);
		buf_printf(out, "%s %o %lld:%lld %lld ", archive_entry_pathname(en),
			   archive_entry_mode(en), (long long)archive_entry_uid(en),
			   (long long)archive_entry_gid(en), (long long)archive_entry_mtime(en));
		buf_add(out, data, (size_t)n);
	}
	archive_read_free(ar);
}

static void expect_same(const struct buf *a, const struct buf *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->data, b->data, a->len);
}

static void an_archive_holds_what_the_list_says(void **state)
{
	CLEAN_BUF struct buf tar = BUF(1 << 20), text = BUF(1 << 16);

	(void)state;
	make_archive(&tar, PACK_TAR_ZSTD, false);
	list_archive(&tar, &text);
	assert_string_equal(buf_text(&text),
			    "a 100755 0:0 315619200 some bytes\n"
			    "b.txt 100644 0:0 315619200 some bytes\n"
			    "bytes/\xff\xfe 100644 0:0 315619200 some bytes\n"
			    "lib/n\xc3\xa9/\xe6\xbc\xa2.txt 100644 0:0 315619200 some bytes\n");
}

static void its_bytes_depend_on_neither_order_nor_locale(void **state)
{
	static const enum pack_format format[] = { PACK_TAR, PACK_TAR_ZSTD };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		CLEAN_BUF struct buf plain = BUF(1 << 20), utf8 = BUF(1 << 20);

		assert_non_null(setlocale(LC_ALL, "C"));
		make_archive(&plain, format[i], false);
		assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
		make_archive(&utf8, format[i], true);
		assert_non_null(setlocale(LC_ALL, "C"));
		expect_same(&plain, &utf8);
	}
}

static void its_bytes_are_those_of_last_time(void **state)
{
	CLEAN_BUF struct buf tar = BUF(1 << 20);
	char hex[DIGEST_HEX];

	(void)state;
	make_archive(&tar, PACK_TAR, false);
	digest_sha256(tar.data, tar.len, hex);
	assert_string_equal(hex,
			    "407330707fbe19aa2ae749a98ec6025145176648f0087186a7558a89fdcce1b8");
}

static void a_name_too_long_for_ustar_goes_in_whatever_the_locale(void **state)
{
	CLEAN_BUF struct buf one = BUF(1 << 20), two = BUF(1 << 20), text = BUF(1 << 16);
	CLEAN_ARENA struct arena a = { 0 };
	struct pack_list l = { .dirfd = AT_FDCWD };
	struct err e;

	(void)state;
	pack_add(&a, &l, LONG_NAME, "x", 1);
	pack_add(&a, &l, "n\xc3\xa9", "y", 1);
	assert_true(pack_sort(&l, &e));
	assert_true(pack_to_buf(&l, PACK_TAR, &one, &e));
	assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
	assert_true(pack_to_buf(&l, PACK_TAR, &two, &e));
	assert_non_null(setlocale(LC_ALL, "C"));
	expect_same(&one, &two);
	list_archive(&one, &text);
	assert_string_equal(buf_text(&text),
			    LONG_NAME " 100644 0:0 315619200 xn\xc3\xa9 100644 0:0 315619200 y");
}

static void source_date_epoch_is_the_time_of_all(void **state)
{
	CLEAN_BUF struct buf tar = BUF(1 << 20), text = BUF(1 << 16);
	CLEAN_ARENA struct arena a = { 0 };
	struct pack_list l = { .dirfd = AT_FDCWD };
	struct err e;

	(void)state;
	pack_add(&a, &l, "a", "a", 1);
	assert_int_equal(setenv("SOURCE_DATE_EPOCH", "1700000000", 1), 0);
	assert_true(pack_to_buf(&l, PACK_TAR, &tar, &e));
	list_archive(&tar, &text);
	assert_string_equal(buf_text(&text), "a 100644 0:0 1700000000 a");
	assert_int_equal(setenv("SOURCE_DATE_EPOCH", "soon", 1), 0);
	assert_false(pack_to_buf(&l, PACK_TAR, &tar, &e));
	assert_int_equal(unsetenv("SOURCE_DATE_EPOCH"), 0);
	assert_string_equal(e.msg, "SOURCE_DATE_EPOCH must be a number of seconds, not 'soon'");
}

static void files_are_streamed_as_they_are(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf from_file = BUF(4 << 20), from_memory = BUF(4 << 20);
	char path[] = "/tmp/pack-XXXXXX";
	CLEAN_FD int fd = mkstemp(path);
	size_t len = (size_t)3 << 18;
	char *data = arena_zalloc(&a, len, 1);
	struct pack_list one = { .dirfd = AT_FDCWD }, two = one;
	struct err e;

	(void)state;
	for (size_t i = 0; i < len; i++)
		data[i] = (char)(i * i / 7);
	assert_true(fs_write_all(fd, data, len));
	assert_true(pack_add_path(&a, &one, path, "big", true, &e));
	pack_add(&a, &two, "big", data, len);
	assert_true(pack_to_buf(&one, PACK_TAR_ZSTD, &from_file, &e));
	assert_true(pack_to_buf(&two, PACK_TAR_ZSTD, &from_memory, &e));
	expect_same(&from_file, &from_memory);
	assert_true(fs_write_all(fd, "more", 4));
	assert_false(pack_to_buf(&one, PACK_TAR, &from_file, &e));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(e.kind, ERR_SPEC);
	assert_non_null(strstr(e.msg, "': it changed while it was read"));
}

static void what_cannot_be_written_is_told(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf small = BUF(100);
	CLEAN_FD int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct pack_list l = { .dirfd = AT_FDCWD };
	struct err e;

	(void)state;
	make_list(&a, &l, false);
	assert_false(pack_to_buf(&l, PACK_TAR, &small, &e));
	assert_string_equal(e.msg, "cannot write the archive: it is larger than 100 bytes");
	assert_false(pack_write(&l, PACK_TAR_ZSTD, full, &e));
	assert_int_equal(e.kind, ERR_SYSTEM);
	assert_string_equal(e.msg, "cannot write the archive: No space left on device");
}

static void sums_are_what_sha256sum_writes(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf out = BUF(1000);
	struct pack_list l = { .dirfd = AT_FDCWD };
	struct err e;

	(void)state;
	pack_add(&a, &l, "back\\slash", "", 0);
	pack_add(&a, &l, "a b", "abc", 3);
	assert_true(pack_sort(&l, &e));
	assert_true(pack_sums(&l, &out, &e));
	assert_string_equal(
		buf_text(&out),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a b\n"
		"\\e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  "
		"back\\\\slash\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_archive_holds_what_the_list_says),
		cmocka_unit_test(its_bytes_depend_on_neither_order_nor_locale),
		cmocka_unit_test(its_bytes_are_those_of_last_time),
		cmocka_unit_test(a_name_too_long_for_ustar_goes_in_whatever_the_locale),
		cmocka_unit_test(source_date_epoch_is_the_time_of_all),
		cmocka_unit_test(files_are_streamed_as_they_are),
		cmocka_unit_test(what_cannot_be_written_is_told),
		cmocka_unit_test(sums_are_what_sha256sum_writes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
