#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "service/auth.h"

/* SHA-256 of "abc" (FIPS 180-2, B.1). */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

struct row {
	struct auth_claim claim;
	const char *tenant; /* NULL: refused with error */
	const char *error;
};

static const struct row rows[] = {
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

static void a_caller_is_the_hash_of_its_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char tenant[DIGEST_HEX] = "unset";
		struct err e = { 0 };
		bool ok = auth_check(&rows[i].claim, tenant, &e);

		assert_int_equal(ok, rows[i].tenant != NULL);
		assert_string_equal(tenant, ok ? rows[i].tenant : "");
		if (ok)
			continue;
		assert_int_equal(e.kind, ERR_UNAUTHORIZED);
		assert_string_equal(e.msg, rows[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_caller_is_the_hash_of_its_key),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
