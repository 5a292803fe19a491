#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "service/target.h"

static const struct row {
	const char *sent, *own, *path;
} rows[] = {
	{ "/health", "/health", "/health" },
	{ "/jobs?limit=1", "/jobs?limit=1", "/jobs" },
	{ "/a%20b?c=%3F", "/a%20b?c=%3F", "/a b" },
	{ "http://host/health", "/health", "/health" },
	{ "http://host:8080/jobs?a=http://b/c", "/jobs?a=http://b/c", "/jobs" },
	{ "HTTPS://[::1]:8080/health", "/health", "/health" },
	{ "http://host", "/", "/" },
	{ "http://host?a=1", "/?a=1", "/" },
	{ "http://a%2Fb/health", "/health", "/health" },
	{ "http://a%3Fb/health", "/health", "/health" },
	{ "http:///health", "http:///health", "http:///health" },
	{ "http://", "http://", "http://" },
	{ "http:/health", "http:/health", "http:/health" },
	{ "ftp://host/health", "ftp://host/health", "ftp://host/health" },
	{ "/http://host/health", "/http://host/health", "/http://host/health" },
	{ "*", "*", "*" },
	{ "", "", "" },
};

static void a_target_is_path_and_query_whatever_host_it_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEAN_ARENA struct arena a = { 0 };
		const char *own = target_own(&a, rows[i].sent);

		assert_string_equal(own, rows[i].own);
		assert_string_equal(target_path(&a, own), rows[i].path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_target_is_path_and_query_whatever_host_it_names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
