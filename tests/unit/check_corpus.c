#include "tests/unit/base_corpus.h"
#include "tests/unit/check_fuzz.h"

static void what_the_fuzzer_found_or_was_given_is_judged_and_told_safely(void **state)
{
	(void)state;
	corpus_replay((struct corpus){ .folder = "fixtures/fuzz/check", .fn = fuzz_check }, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_fuzzer_found_or_was_given_is_judged_and_told_safely),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
