/* What api decides without asking anybody: endpoints, keys, signatures, when to try again. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "api/endpoint.h"
#include "api/retry.h"
#include "api/window.h"

static void an_endpoint_is_taken_apart(void **state)
{
	static const struct {
		const char *text, *base, *prefix, *socket;
	} row[] = {
		{ "http://127.0.0.1:8080", "http://127.0.0.1:8080", "", NULL },
		{ "https://api.unsandbox.com/", "https://api.unsandbox.com", "", NULL },
		{ "http://[::1]:80/a/b/", "http://[::1]:80/a/b", "/a/b", NULL },
		{ "unix:/run/sandbatch.sock", "http://localhost", "", "/run/sandbatch.sock" },
		{ "unix:relative", "http://localhost", "", "relative" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		CLEAN_ARENA struct arena a = { 0 };
		struct api_options o = { 0 };
		struct endpoint p;
		struct err e;

		assert_true(endpoint_parse(&a, row[i].text, &o, &p, &e));
		assert_string_equal(p.shown, row[i].text);
		assert_string_equal(p.base, row[i].base);
		assert_string_equal(p.prefix, row[i].prefix);
		assert_int_equal(!p.socket, !row[i].socket);
		if (p.socket)
			assert_string_equal(p.socket, row[i].socket);
	}
}

#define LONG_PATH                                                                                  \
	"/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789" \
	"/0123456789/0123456789"
#define WANTED "the endpoint must be http://HOST, https://HOST or unix:PATH, not "

static void what_is_no_endpoint_or_key_is_told(void **state)
{
	static const struct {
		const char *text;
		struct api_options options;
		const char *want;
	} row[] = {
		{ "localhost:8080", { 0 }, WANTED "'localhost:8080'" },
		{ "ftp://host", { 0 }, WANTED "'ftp://host'" },
		{ "file:///etc/passwd", { 0 }, WANTED "'file:///etc/passwd'" },
		{ "http://", { 0 }, WANTED "'http://'" },
		{ "http://a b", { 0 }, WANTED "'http://a b'" },
		{ "http://host:99999", { 0 }, WANTED "'http://host:99999'" },
		{ "", { 0 }, WANTED "''" },
		{ "http://me:secret@host",
		  { 0 },
		  "the endpoint must not hold a user or a password" },
		{ "http://host/?q=1",
		  { 0 },
		  "the endpoint must not have a '?' or '#' part: 'http://host/?q=1'" },
		{ "unix:", { 0 }, "the endpoint 'unix:' must name a socket: unix:PATH" },
		{ "unix:" LONG_PATH,
		  { 0 },
		  "a Unix socket's path must be at most 107 bytes, not 110: '" LONG_PATH "'" },
		{ "http://h",
		  { .api_key = "a\r\nX-Evil: 1" },
		  "the API key must be visible ASCII characters without spaces" },
		{ "http://h", { .api_key = "" }, "the API key must not be empty" },
		{ "http://h",
		  { .public_key = "p" },
		  "signing takes both a public and a secret key; the secret key is missing" },
		{ "http://h",
		  { .secret_key = "s" },
		  "signing takes both a public and a secret key; the public key is missing" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		CLEAN_ARENA struct arena a = { 0 };
		struct endpoint p;
		struct err e;

		assert_false(endpoint_parse(&a, row[i].text, &row[i].options, &p, &e));
		assert_int_equal(e.kind, ERR_USAGE);
		assert_string_equal(e.msg, row[i].want);
	}
}

/* The signature is what `printf '1700000000:POST:/v1/run?ttl=5:{}' | openssl dgst -sha256 -hmac
 * unsb-sk-1` prints. */
static void a_request_is_signed_as_the_contract_says(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct api_options o = { .public_key = "unsb-pk-1", .secret_key = "unsb-sk-1" };
	struct signature sig = { 1700000000, "POST", "/run?ttl=5", { "{}", 2 } };
	const char *header[ENDPOINT_MAX_HEADERS];
	struct endpoint p;
	struct err e;

	(void)state;
	assert_true(endpoint_parse(&a, "https://host/v1", &o, &p, &e));
	assert_int_equal(endpoint_sign(&a, &p, &sig, header), 3);
	assert_string_equal(header[0], "Authorization: Bearer unsb-pk-1");
	assert_string_equal(header[1], "X-Timestamp: 1700000000");
	assert_string_equal(header[2],
			    "X-Signature: "
			    "c817874329db4fb0d5e510fd7316e8879056d9751b1fc59fbba3e82b6eba6bc1");
}

static void without_keys_nothing_is_told_of_us(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct api_options o = { 0 };
	const char *header[ENDPOINT_MAX_HEADERS];
	struct signature sig = { 0, "GET", "/health", { "", 0 } };
	struct endpoint p;
	struct err e;

	(void)state;
	assert_true(endpoint_parse(&a, "http://host", &o, &p, &e));
	assert_int_equal(endpoint_sign(&a, &p, &sig, header), 0);
}

static void the_wait_doubles_up_to_30_seconds_and_jitters_down_to_half(void **state)
{
	(void)state;
	assert_int_equal(retry_wait_ms(1, 200, 0, 0), 200);
	assert_int_equal(retry_wait_ms(2, 200, 0, 0), 400);
	assert_int_equal(retry_wait_ms(5, 200, 0, 0), 3200);
	assert_int_equal(retry_wait_ms(5, 200, 0, 1600), 1600);
	assert_int_equal(retry_wait_ms(1000000, 200, 0, 0), 30000);
	for (uint64_t i = 0; i < 1000; i++) {
		int64_t ms = retry_wait_ms(3, 200, 0, i * 0x9e3779b97f4a7c15);

		assert_true(ms >= 400 && ms <= 800);
	}
}

static void retry_after_is_the_least_up_to_two_minutes(void **state)
{
	(void)state;
	assert_int_equal(retry_wait_ms(1, 200, 7, 0), 7000);
	assert_int_equal(retry_wait_ms(1, 200, 7, 200), 7200);
	assert_int_equal(retry_wait_ms(5, 200, 1, 0), 3200);
	assert_int_equal(retry_wait_ms(1, 200, INT64_MAX, 0), 120000);
	assert_int_equal(retry_wait_ms(1, 200, -5, 0), 200);
}

static void only_what_may_pass_is_tried_again(void **state)
{
	(void)state;
	assert_true(retry_is_later(429));
	assert_true(retry_is_later(500));
	assert_true(retry_is_later(503));
	assert_false(retry_is_later(404));
	assert_false(retry_is_later(302));
	assert_true(retry_is_useless(CURLE_PEER_FAILED_VERIFICATION));
	assert_true(retry_is_useless(CURLE_URL_MALFORMAT));
	assert_false(retry_is_useless(CURLE_COULDNT_CONNECT));
	assert_false(retry_is_useless(CURLE_COULDNT_RESOLVE_HOST));
	assert_false(retry_is_useless(CURLE_GOT_NOTHING));
}

static void a_refusal_halves_what_is_in_flight_once_for_all_that_was_sent_before(void **state)
{
	struct window w = { 0 };

	(void)state;
	assert_true(window_is_open(&w, 1000000, 0));
	for (int i = 0; i < 16; i++)
		window_send(&w);
	window_narrow(&w, 3, 16, 500);
	window_narrow(&w, 15, 15, 700);
	window_narrow(&w, 4, 14, 600);
	assert_int_equal(w.closed_until_ms, 700);
	assert_false(window_is_open(&w, 0, 699));
	assert_true(window_is_open(&w, 7, 700));
	assert_false(window_is_open(&w, 8, 700));
	window_narrow(&w, window_send(&w), 8, 0);
	assert_true(window_is_open(&w, 3, 700));
	assert_false(window_is_open(&w, 4, 700));
	for (int i = 0; i < 5; i++)
		window_narrow(&w, window_send(&w), 1, 0);
	assert_true(window_is_open(&w, 0, 700));
	assert_false(window_is_open(&w, 1, 700));
}

static void a_window_of_jobs_that_were_taken_widens_by_one(void **state)
{
	struct window w = { 0 };
	int taken = 0;

	(void)state;
	window_widen(&w);
	assert_true(window_is_open(&w, 1000000, 0));
	window_narrow(&w, window_send(&w), 8, 0);
	while (!window_is_open(&w, 9, 0)) {
		window_widen(&w);
		taken++;
	}
	assert_in_range(taken, 4 + 5 + 6 + 7 + 8 + 9, 4 + 5 + 6 + 7 + 8 + 9 + 6);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_endpoint_is_taken_apart),
		cmocka_unit_test(what_is_no_endpoint_or_key_is_told),
		cmocka_unit_test(a_request_is_signed_as_the_contract_says),
		cmocka_unit_test(without_keys_nothing_is_told_of_us),
		cmocka_unit_test(the_wait_doubles_up_to_30_seconds_and_jitters_down_to_half),
		cmocka_unit_test(retry_after_is_the_least_up_to_two_minutes),
		cmocka_unit_test(only_what_may_pass_is_tried_again),
		cmocka_unit_test(
			a_refusal_halves_what_is_in_flight_once_for_all_that_was_sent_before),
		cmocka_unit_test(a_window_of_jobs_that_were_taken_widens_by_one),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
