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
#include "service/auth.h"

/* SHA-256 of "abc" (FIPS 180-2, B.1). */
#define ABC  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define NOW  INT64_C(1795353221)
#define PATH "keys.yml"

static const char file[] = "keys:\n"
			   "  - { name: course, secret_sha256: " ABC
			   ", rate_per_minute: 60, concurrency: 8, queue: 100,\n"
			   "      limits: { memory_mb: 512, cpu_seconds: 5 } }\n"
			   "  - { name: ci, public: unsb-pk-1, secret: unsb-sk-1 }\n";

struct row {
	struct auth_claim claim;
	const char *tenant; /* NULL: refused with error */
	const char *error;
};

static const struct row anonymous[] = {
	{ { NULL, NULL, NULL }, "", NULL },
	{ { "Bearer abc", NULL, NULL }, ABC, NULL },
	{ { "bearer  abc", NULL, NULL }, ABC, NULL },
	{ { "Bearer abc", "1795353221", "00" }, ABC, NULL },
	{ { "Bearer ", NULL, NULL }, NULL, "Authorization has no key behind 'Bearer'" },
	{ { "Bearer", NULL, NULL }, NULL, "Authorization must be 'Bearer KEY'" },
	{ { "Basic YWJj", NULL, NULL }, NULL, "Authorization must be 'Bearer KEY'" },
	{ { "", NULL, NULL }, NULL, "Authorization must be 'Bearer KEY'" },
	{ { NULL, "1795353221", "00" },
	  NULL,
	  "a signed request needs 'Authorization: Bearer PUBLIC_KEY'" },
};

/* Here tenant is the name of the key. */
static const struct row keyed[] = {
	{ { "Bearer abc", NULL, NULL }, "course", NULL },
	{ { "Bearer unsb-pk-1", "1795353221", "00" }, "ci", NULL },
	{ { "Bearer unsb-pk-1", "1795353521", "00" }, "ci", NULL },
	{ { "Bearer unsb-pk-1", "1795352921", "00" }, "ci", NULL },
	{ { "Bearer unsb-pk-1", "1795353522", "00" },
	  NULL,
	  "X-Timestamp is 301 s off the time here, and at most 300 are taken" },
	{ { "Bearer unsb-pk-1", "1795352920", "00" },
	  NULL,
	  "X-Timestamp is 301 s off the time here, and at most 300 are taken" },
	{ { "Bearer unsb-pk-1", "soon", "00" },
	  NULL,
	  "X-Timestamp must be Unix seconds, not 'soon'" },
	{ { "Bearer unsb-pk-1", NULL, NULL },
	  NULL,
	  "this key is a public one: its requests need X-Timestamp and X-Signature" },
	{ { "Bearer unsb-sk-1", NULL, NULL }, NULL, "the key is not known here" },
	{ { "Bearer " ABC, NULL, NULL }, NULL, "the key is not known here" },
	{ { NULL, NULL, NULL }, NULL, "a key is needed here: 'Authorization: Bearer KEY'" },
};

static void write_keys(const char *text, mode_t mode)
{
	struct err e;

	unlink(PATH);
	assert_true(fs_write(AT_FDCWD, PATH, text, strlen(text), &e));
	assert_int_equal(chmod(PATH, mode), 0);
}

static struct keys *open_keys(void)
{
	CLEAN_BUF struct buf tell = BUF(1 << 16);
	struct keys *k;
	struct err e;

	write_keys(file, 0600);
	k = keys_open(PATH, &tell, &e);
	assert_non_null(k);
	return k;
}

static void check(const struct keys *keys, const struct row *row)
{
	char tenant[DIGEST_HEX] = "unset";
	struct err e = { 0 };
	bool ok = auth_check(keys, &row->claim, NOW, tenant, &e);
	const char *name = ok && keys ? keys_of_tenant(keys, tenant)->name : tenant;

	assert_int_equal(ok, row->tenant != NULL);
	assert_string_equal(name, ok ? row->tenant : "");
	if (ok)
		return;
	assert_int_equal(e.kind, ERR_UNAUTHORIZED);
	assert_string_equal(e.msg, row->error);
}

static void without_keys_a_caller_is_the_hash_of_its_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(anonymous) / sizeof(anonymous[0]); i++)
		check(NULL, &anonymous[i]);
}

static void with_keys_a_caller_has_one_of_them(void **state)
{
	struct keys *k = open_keys();

	(void)state;
	for (size_t i = 0; i < sizeof(keyed) / sizeof(keyed[0]); i++)
		check(k, &keyed[i]);
	keys_close(k);
}

static void a_signature_is_of_time_method_path_and_body(void **state)
{
	const struct auth_request request = { "POST", "/run?ttl=5", { "hi", 2 } };
	const struct auth_request other[] = {
		{ "PUT", "/run?ttl=5", { "hi", 2 } },
		{ "POST", "/run?ttl=6", { "hi", 2 } },
		{ "POST", "/run?ttl=5", { "ho", 2 } },
	};
	static const char text[] = "1795353221:POST:/run?ttl=5:hi";
	struct auth_claim claim = { "Bearer unsb-pk-1", "1795353221", NULL };
	struct keys *k = open_keys();
	const char *tenant = keys_of_public(k, "unsb-pk-1")->tenant;
	char hex[DIGEST_HEX];
	struct err e;

	(void)state;
	digest_hmac("unsb-sk-1", 9, text, strlen(text), hex);
	claim.signature = hex;
	assert_true(auth_verify(k, tenant, &claim, &request, &e));
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_false(auth_verify(k, tenant, &claim, &other[i], &e));
	assert_int_equal(e.kind, ERR_UNAUTHORIZED);
	hex[3] = hex[3] == '0' ? '1' : '0';
	assert_false(auth_verify(k, tenant, &claim, &request, &e));
	claim.signature = "";
	assert_false(auth_verify(k, tenant, &claim, &request, &e));
	claim = (struct auth_claim){ "Bearer abc", NULL, NULL };
	assert_true(auth_verify(k, keys_of_secret(k, "abc")->tenant, &claim, &request, &e));
	keys_close(k);
}

static void a_rate_is_a_bucket_of_a_minute(void **state)
{
	struct keys *k = open_keys();
	const char *tenant = keys_of_secret(k, "abc")->tenant;
	int wait_s = 0;

	(void)state;
	for (int i = 0; i < 60; i++)
		assert_true(keys_take(k, tenant, 1, 1000, &wait_s));
	assert_false(keys_take(k, tenant, 1, 1000, &wait_s));
	assert_int_equal(wait_s, 2);
	assert_true(keys_take(k, tenant, 1, 2000, &wait_s));
	assert_false(keys_take(k, tenant, 1, 2000, &wait_s));
	assert_true(keys_take(k, tenant, 600, 62000, &wait_s));
	assert_false(keys_take(k, tenant, 1, 122000, &wait_s));
	assert_true(keys_take(k, keys_of_public(k, "unsb-pk-1")->tenant, 1000, 1000, &wait_s));
	assert_true(keys_take(NULL, tenant, 1000, 1000, &wait_s));
	keys_close(k);
}

static void a_key_bounds_what_is_asked_for(void **state)
{
	struct keys *k = open_keys();
	const struct key *key = keys_of_secret(k, "abc");
	struct wire_request r = { .ttl_s = 60, .limits = { .memory_mb = 512 } };
	struct err e;

	(void)state;
	assert_true(keys_allow(key, &r.limits, &e));
	r.limits.memory_mb = 513;
	assert_false(keys_allow(key, &r.limits, &e));
	assert_int_equal(e.kind, ERR_MALFORMED);
	assert_string_equal(e.msg, "limits.memory_mb must be at most 512 with this key, not 513");
	keys_bound(key, &r);
	assert_int_equal(r.limits.memory_mb, 512);
	assert_int_equal(r.limits.cpu_ms, 5000);
	assert_int_equal(r.limits.processes, 0);
	r = (struct wire_request){ .ttl_s = 2 };
	keys_bound(key, &r);
	assert_int_equal(r.limits.memory_mb, 512);
	assert_int_equal(r.limits.cpu_ms, 0);
	assert_true(keys_allow(NULL, &r.limits, &e));
	keys_close(k);
}

static void mistakes_in_a_file_of_keys_are_told(void **state)
{
	static const struct {
		const char *text, *told;
	} bad[] = {
		{ "keys: 5\n", "keys must be a list" },
		{ "keys:\n - { name: a }\n", "either secret_sha256, or public and secret" },
		{ "keys:\n - { name: a, public: p }\n", "either secret_sha256, or public" },
		{ "keys:\n - { name: a, secret_sha256: abc }\n", "64 digits" },
		{ "keys:\n - { name: 'a b', secret_sha256: " ABC " }\n", "name must be" },
		{ "keys:\n - { name: a, secret_sha256: " ABC ", rate: 5 }\n", "rate" },
		{ "keys:\n - { name: a, secret_sha256: " ABC " }\n"
		  " - { name: a, secret_sha256: " ABC " }\n",
		  "there is a key 'a' already" },
		{ "keys:\n - { name: a, public: p, secret: s }\n"
		  " - { name: b, public: p, secret: s }\n",
		  "has that public key already" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CLEAN_BUF struct buf tell = BUF(1 << 16);
		struct err e;

		write_keys(bad[i].text, 0600);
		assert_null(keys_open(PATH, &tell, &e));
		assert_non_null(strstr(buf_text(&tell), bad[i].told));
	}
}

static void a_file_with_a_secret_is_its_owners_alone(void **state)
{
	CLEAN_BUF struct buf tell = BUF(1 << 16);
	struct keys *k;
	struct err e;

	(void)state;
	write_keys(file, 0640);
	assert_null(keys_open(PATH, &tell, &e));
	assert_int_equal(e.kind, ERR_USAGE);
	assert_non_null(strstr(e.msg, "(mode 640): chmod 600 keys.yml"));
	write_keys("keys:\n - { name: a, secret_sha256: " ABC " }\n", 0644);
	k = keys_open(PATH, &tell, &e);
	assert_non_null(k);
	keys_close(k);
}

static void reading_again_keeps_buckets_and_with_a_mistake_all(void **state)
{
	CLEAN_BUF struct buf tell = BUF(1 << 16);
	struct keys *k = open_keys();
	int wait_s;
	struct err e;

	(void)state;
	assert_true(keys_take(k, keys_of_secret(k, "abc")->tenant, 60, 1000, &wait_s));
	write_keys("keys: [", 0600);
	assert_false(keys_reload(k, &tell, &e));
	assert_non_null(keys_of_secret(k, "abc"));
	write_keys("keys:\n - { name: course, secret_sha256: " ABC ", rate_per_minute: 60 }\n",
		   0600);
	assert_true(keys_reload(k, &tell, &e));
	assert_null(keys_of_public(k, "unsb-pk-1"));
	assert_false(keys_take(k, keys_of_secret(k, "abc")->tenant, 1, 1000, &wait_s));
	keys_close(k);
}

static int enter(void **state)
{
	static char dir[] = "/tmp/service_auth.XXXXXX";

	*state = mkdtemp(dir);
	return *state ? chdir(*state) : -1;
}

static int leave(void **state)
{
	struct err e;

	return chdir("/") == 0 && fs_remove_tree(AT_FDCWD, *state, &e) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_keys_a_caller_is_the_hash_of_its_key),
		cmocka_unit_test(with_keys_a_caller_has_one_of_them),
		cmocka_unit_test(a_signature_is_of_time_method_path_and_body),
		cmocka_unit_test(a_rate_is_a_bucket_of_a_minute),
		cmocka_unit_test(a_key_bounds_what_is_asked_for),
		cmocka_unit_test(mistakes_in_a_file_of_keys_are_told),
		cmocka_unit_test(a_file_with_a_secret_is_its_owners_alone),
		cmocka_unit_test(reading_again_keeps_buckets_and_with_a_mistake_all),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, enter, leave);
}
