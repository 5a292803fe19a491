#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"

/* What log_warn writes to stderr, in text. */
static void capture(struct arena *a, const char *sentence, char **text)
{
	struct err e = { 0 };
	int ends[2], kept = dup(STDERR_FILENO);
	size_t len;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	log_warn("%s", sentence);
	dup2(kept, STDERR_FILENO);
	close(kept);
	assert_true(fs_read_fd(a, ends[0], 1 << 16, "the pipe", text, &len, &e));
	close(ends[0]);
}

static void a_line_has_time_level_and_sentence(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	char *text;

	(void)state;
	capture(&a, "disk is full", &text);
	assert_int_equal(text[10], 'T');
	assert_int_equal(text[19], 'Z');
	assert_string_equal(text + 20, " warn disk is full\n");
}

static void what_is_logged_stays_one_line(void **state)
{
	CLEAN_ARENA struct arena a = { 0 };
	char *text, huge[5000] = { 0 };

	(void)state;
	capture(&a, "a\n2026 info b\x1b[0m", &text);
	assert_string_equal(text + 20, " warn a?2026 info b?[0m\n");
	memset(huge, 'x', sizeof(huge) - 1);
	capture(&a, huge, &text);
	assert_int_equal(strcspn(text, "\n"), strlen(text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_time_level_and_sentence),
		cmocka_unit_test(what_is_logged_stays_one_line),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
