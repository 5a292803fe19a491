#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/digest.h"

static void sha256_is_that_of_fips_180(void **state)
{
	char hex[DIGEST_HEX];
	struct digest *d = digest_open();

	(void)state;
	digest_sha256("abc", 3, hex);
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_sha256("", 0, hex);
	assert_string_equal(hex,
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_add(d, "a", 1);
	digest_add(d, "bc", 2);
	digest_close(d, hex);
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void hmac_is_that_of_rfc_4231(void **state)
{
	char hex[DIGEST_HEX];

	(void)state;
	digest_hmac("Jefe", 4, "what do ya want for nothing?", 28, hex);
	assert_string_equal(hex,
			    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	digest_hmac("", 0, "", 0, hex);
	assert_string_equal(hex,
			    "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void only_equal_bytes_are_the_same(void **state)
{
	(void)state;
	assert_true(digest_same("secret", 6, "secret", 6));
	assert_true(digest_same("", 0, NULL, 0));
	assert_false(digest_same("secret", 6, "secreT", 6));
	assert_false(digest_same("secret", 6, "secret", 5));
}

static void base64_is_that_of_rfc_4648_both_ways(void **state)
{
	static const char *const pair[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xff\xfe\xfd", "//79" },
		{ "\xfb", "+w==" },
	};
	CLEAN_ARENA struct arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(pair) / sizeof(*pair); i++) {
		CLEAN_BUF struct buf b = BUF(64);
		size_t len = 99;
		char *back;

		assert_true(base64_encode(&b, pair[i][0], strlen(pair[i][0])));
		assert_string_equal(buf_text(&b), pair[i][1]);
		back = base64_decode(&a, pair[i][1], strlen(pair[i][1]), &len);
		assert_non_null(back);
		assert_int_equal(len, strlen(pair[i][0]));
		assert_string_equal(back, pair[i][0]);
	}
}

static void long_base64_goes_both_ways(void **state)
{
	enum { N = 100001 };
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf b = BUF(1 << 20);
	unsigned char *data = arena_zalloc(&a, N, 1);
	size_t len;

	(void)state;
	for (size_t i = 0; i < N; i++)
		data[i] = (unsigned char)(i * 7 + i / 256);
	for (size_t n = N - 2; n <= N; n++) {
		buf_clear(&b);
		assert_true(base64_encode(&b, data, n));
		assert_int_equal(b.len, (n + 2) / 3 * 4);
		assert_memory_equal(base64_decode(&a, b.data, b.len, &len), data, n);
		assert_int_equal(len, n);
	}
}

static void what_is_not_quite_base64_is_refused(void **state)
{
	static const char *const wrong[] = { "Zg=",    "Zg",   "Zh==", "Zm9=", "Zg== ",
					     "Z g=",   "====", "=m9v", "Zm=v", "Zg==Zg==",
					     "Zm9v\n", "Zm-_", "Z===" };
	CLEAN_ARENA struct arena a = { 0 };
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_null(base64_decode(&a, wrong[i], strlen(wrong[i]), &len));
	assert_null(base64_decode(&a, "Zm9\0", 4, &len));
}

static void base64_that_does_not_fit_adds_nothing(void **state)
{
	CLEAN_BUF struct buf b = BUF(9);

	(void)state;
	assert_true(buf_puts(&b, "x"));
	assert_false(base64_encode(&b, "1234567", 7));
	assert_string_equal(buf_text(&b), "x");
	assert_true(base64_encode(&b, "12345", 5));
}

static void a_uuid_is_random_and_of_version_4(void **state)
{
	char one[37], two[37];

	(void)state;
	uuid_make(one);
	uuid_make(two);
	assert_int_equal(strlen(one), 36);
	assert_int_equal(strspn(one, "0123456789abcdef-"), 36);
	assert_int_equal(one[14], '4');
	assert_non_null(strchr("89ab", one[19]));
	assert_string_not_equal(one, two);
	assert_int_not_equal(random_u64(), random_u64());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_is_that_of_fips_180),
		cmocka_unit_test(hmac_is_that_of_rfc_4231),
		cmocka_unit_test(only_equal_bytes_are_the_same),
		cmocka_unit_test(base64_is_that_of_rfc_4648_both_ways),
		cmocka_unit_test(long_base64_goes_both_ways),
		cmocka_unit_test(what_is_not_quite_base64_is_refused),
		cmocka_unit_test(base64_that_does_not_fit_adds_nothing),
		cmocka_unit_test(a_uuid_is_random_and_of_version_4),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
