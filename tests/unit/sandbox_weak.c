/*
 * Each attack that can be let through without harm succeeds once what stops it is switched off,
 * and as long as one of several defences is left it does not: see tests/weak/jail.c.
 */
#include "tests/unit/sandbox_table.h"

#include <sys/resource.h>

#define PATIENCE "250" /* ms; more than the limits of time in the table */

struct trial {
	const struct attack *attack;
	enum who who;
	char name[96];
};

/* Until the warden has spoken: what outlives the attack may hold the pipes for long. */
static struct jail_ended wait_for_warden(int out[2])
{
	struct jail_ended ended = { 0 };
	b.out[0] = b.err[0] = '\0';
	while (!ended.op) {
		struct pollfd p[3] = { { out[0], POLLIN, 0 },
				       { out[1], POLLIN, 0 },
				       { b.sock, POLLIN, 0 } };
		assert_true(poll(p, 3, PATIENT) > 0);
		for (int i = 0; i < 2; i++)
			if (p[i].revents && !drain(out[i], i ? b.err : b.out))
				out[i] = -1 - out[i]; /* at its end: not polled again */
		if (p[2].revents)
			receive(&ended, sizeof(ended), NULL);
	}
	for (int i = 0; i < 2; i++)
		close(out[i] < 0 ? -1 - out[i] : out[i]);
	return ended;
}

/* What the attack left is a child of ours now, for we are the reaper; whether there was any. */
static bool end_children(void)
{
	siginfo_t info;
	char path[64], text[4096];
	be(ROOT);
	bool is_left = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = read(fd, text, sizeof(text) - 1);
		close(fd);
		text[n > 0 ? n : 0] = '\0';
		char *at = text;
		for (long pid; (pid = strtol(at, &at, 10)) > 0;)
			kill((pid_t)pid, SIGKILL);
		waitpid(-1, NULL, 0);
	}
	return is_left;
}

/* Whether it got what it wanted: by its own words, or because something outlives it. */
static bool succeeds(const struct trial *t, const char *without)
{
	int out[2];
	const char *argv[] = { "/tmp/attacks", t->attack->name, PATIENCE, NULL };
	listen_on_host();
	setenv("WITHOUT", without, 1);
	box_start(t->who, "full");
	assert_string_equal(b.ready.text, "");
	box_prepare(&t->attack->limits);
	put_program();
	box_launch(&t->attack->limits, argv, out);
	struct jail_ended e = wait_for_warden(out);
	close(b.folder);
	close(b.sock);
	assert_int_equal(waitpid(b.pid, NULL, 0), b.pid);
	bool is_left = end_children();
	return is_left || (e.cause == JAIL_CAUSE_EXIT && e.status == 1);
}

/* The list but for its nth word; NULL if there is none. */
static const char *but(const char *list, size_t n, char *out, size_t size)
{
	size_t len = 0;
	const char *skipped = NULL;
	for (const char *at = list; *at; n--) {
		size_t word = strcspn(at, " ");
		if (n == 0)
			skipped = at;
		else
			len += (size_t)snprintf(out + len, size - len, "%s%.*s", len ? " " : "",
						(int)word, at);
		at += word + strspn(at + word, " ");
	}
	return skipped;
}

static void succeeds_without(void **state)
{
	const struct trial *t = *state;
	const char *list = t->attack->without;
	char fewer[128] = "";
	if (t->who == ROOT && getuid() != 0)
		skip();
	for (size_t i = 0; strchr(list, ' ') && but(list, i, fewer, sizeof(fewer)); i++)
		if (succeeds(t, fewer))
			fail_msg("it succeeds without '%s' already: %s", fewer, b.out);
	if (!succeeds(t, list))
		fail_msg("it does not succeed without '%s': %s%s", list, b.out, b.err);
}

int main(void)
{
	static struct CMUnitTest test[2 * MAX_ATTACKS];
	static struct trial trial[2 * MAX_ATTACKS];
	size_t n = 0;
	struct rlimit core;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	getrlimit(RLIMIT_CORE, &core);
	/* shells set it to 0, and so do sanitizers: that alone would stop core_dump */
	core.rlim_cur = core.rlim_max;
	setrlimit(RLIMIT_CORE, &core);
	setenv("ASAN_OPTIONS", "disable_coredump=0", 1);
	if (!box_find("weak/sandbatch-jail") || !table_read())
		return 1;
	for (size_t i = 0; i < 2 * nattack; i++) {
		const struct attack *a = &attack[i / 2];
		enum who who = i % 2 ? USER : ROOT;
		if (!a->without || (a->weak_as && strcmp(a->weak_as, who ? "user" : "root") != 0))
			continue;
		trial[n] = (struct trial){ .attack = a, .who = who };
		snprintf(trial[n].name, sizeof(trial[n].name), "%s_succeeds_without_%s_as_%s",
			 a->name, a->without, who == ROOT ? "root" : "an_ordinary_user");
		test[n] = (struct CMUnitTest){ .name = trial[n].name,
					       .test_func = succeeds_without,
					       .teardown_func = tidy,
					       .initial_state = &trial[n] };
		n++;
	}
	return _cmocka_run_group_tests("weak", test, n, NULL, NULL);
}
