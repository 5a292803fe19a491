/* The seeds of the fuzzer that talks to a warden, whole and cut at every byte. */
#include "tests/unit/sandbox_fuzz.h" /* first: its fail() is not cmocka's */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>

#define SEEDS "fixtures/fuzz/sandbox_messages"

static size_t replay(const char *name)
{
	char path[300], data[8192];
	snprintf(path, sizeof(path), SEEDS "/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, data, sizeof(data));
	close(fd);
	for (ssize_t cut = 0; cut <= n; cut++)
		fuzz_messages(data, (size_t)cut);
	return n > 0;
}

static void whatever_is_said_to_a_warden_is_obeyed_or_ends_it(void **state)
{
	(void)state;
	size_t n = 0;
	DIR *d = opendir(SEEDS);
	assert_non_null(d);
	for (const struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			n += replay(e->d_name);
	closedir(d);
	assert_true(n >= 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_is_said_to_a_warden_is_obeyed_or_ends_it),
	};
	fuzz_start();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
