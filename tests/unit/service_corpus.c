#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>

#include "tests/unit/base_corpus.h"
#include "tests/unit/service_fuzz.h"
#include "tests/unit/service_talk.h"
#include "tests/unit/service_warden.h"

static void what_the_fuzzer_found_or_was_given_is_taken_or_refused(void **state)
{
	(void)state;
	corpus_replay((struct corpus){ .folder = "fixtures/fuzz/service_request",
				       .fn = fuzz_service,
				       .is_cut = true },
		      7);
}

/* Each of the corpus, whole and cut at every byte. */
static bool replay_talk(void *ctx, const char *path, const struct stat *st, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct talk *t = ctx;
	char *data;
	size_t len;

	(void)st;
	if (!fs_read(&a, AT_FDCWD, arena_printf(&a, "fixtures/fuzz/service_http/%s", path), 65536,
		     &data, &len, e))
		return false;
	for (size_t cut = 0; cut <= len; cut++)
		talk_check(t, data, cut);
	/* Whole, they are requests. */
	assert_true(t->answer.len > 0);
	return true;
}

static void what_is_sent_to_the_whole_service_is_answered(void **state)
{
	struct talk t;
	struct err e = { 0 };

	(void)state;
	talk_open(&t);
	if (!fs_walk(AT_FDCWD, "fixtures/fuzz/service_http", 1000, replay_talk, &t, &e))
		fail_msg("%s", e.msg);
	talk(&t, "GET /health HTTP/1.0\r\n\r\n", 24);
	assert_non_null(strstr(buf_text(&t.answer), "\"pending\":0,\"running\":0"));
	talk_close(&t);
}

static void whatever_a_warden_says_was_due_or_ends_it(void **state)
{
	(void)state;
	corpus_replay((struct corpus){ .folder = "fixtures/fuzz/service_slot", .fn = fuzz_warden },
		      17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_a_warden_says_was_due_or_ends_it),
		cmocka_unit_test(what_the_fuzzer_found_or_was_given_is_taken_or_refused),
		cmocka_unit_test(what_is_sent_to_the_whole_service_is_answered),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
