#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "run/provenance.h"

/* A folder with a statement to sign. */
struct site {
	char folder[32];
	struct arena arena;
	struct err err;
};

static int set_up(void **state)
{
	struct arena a = { 0 };
	struct site *s = ARENA_NEW(&a, 1, struct site);

	s->arena = a;
	memcpy(s->folder, "/tmp/prov-XXXXXX", 17);
	assert_non_null(mkdtemp(s->folder));
	assert_true(fs_write(AT_FDCWD, arena_printf(&s->arena, "%s/provenance.json", s->folder),
			     "{}\n", 3, &s->err));
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct site *s = *state;
	struct arena a;
	struct err e;

	assert_true(fs_remove_tree(AT_FDCWD, s->folder, &e));
	a = s->arena;
	arena_free(&a);
	return 0;
}

/* The exit status of a program, in from that file. */
static int run(struct site *s, const char *const *argv, const char *in)
{
	struct proc p = { .argv = argv, .nfd = 3, .fd = { -1, -1, -1 } };
	CLEAN_FD int fd = in ? open(in, O_RDONLY | O_CLOEXEC) : -1;
	int status;
	pid_t pid;

	p.path = proc_find(&s->arena, argv[0], getenv("PATH"));
	assert_non_null(p.path);
	p.fd[0] = fd;
	assert_true(proc_spawn(&p, &pid, NULL, &s->err));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return proc_exit_code(status);
}

static void a_signature_is_one_that_ssh_keygen_verifies(void **state)
{
	struct site *s = *state;
	const char *key = arena_printf(&s->arena, "%s/key", s->folder);
	const char *file = arena_printf(&s->arena, "%s/provenance.json", s->folder);
	const char *allowed = arena_printf(&s->arena, "%s/allowed", s->folder);
	const char *make[] = { "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key, NULL };
	const char *verify[] = { "ssh-keygen",
				 "-Y",
				 "verify",
				 "-n",
				 "sandbatch",
				 "-f",
				 allowed,
				 "-I",
				 "me",
				 "-s",
				 arena_printf(&s->arena, "%s.sig", file),
				 NULL };
	const char *line;
	char *public_key;
	size_t len;

	if (!proc_find(&s->arena, "ssh-keygen", getenv("PATH")))
		skip(); /* openssh-client is not installed */
	assert_int_equal(run(s, make, NULL), 0);
	assert_true(fs_read(&s->arena, AT_FDCWD, arena_printf(&s->arena, "%s.pub", key), 1 << 16,
			    &public_key, &len, &s->err));
	line = arena_printf(&s->arena, "me %s", public_key);
	assert_true(fs_write(AT_FDCWD, allowed, line, strlen(line), &s->err));
	for (int i = 0; i < 2; i++) { /* the second replaces the first */
		if (!provenance_sign(s->folder, key, &s->err))
			fail_msg("%s", s->err.msg);
		assert_int_equal(run(s, verify, file), 0);
	}
	assert_int_not_equal(run(s, verify, key), 0);
}

static void a_key_that_is_not_there_is_told_in_its_words(void **state)
{
	struct site *s = *state;

	if (!proc_find(&s->arena, "ssh-keygen", getenv("PATH")))
		skip(); /* openssh-client is not installed */
	assert_false(provenance_sign(s->folder, "/nowhere/key", &s->err));
	assert_int_equal(s->err.kind, ERR_SYSTEM);
	assert_non_null(strstr(s->err.msg, "ssh-keygen could not sign: "));
	assert_non_null(strstr(s->err.msg, "/nowhere/key"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_signature_is_one_that_ssh_keygen_verifies),
		TEST(a_key_that_is_not_there_is_told_in_its_words),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
