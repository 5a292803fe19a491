/*
 * Wardens that end, services that are killed, and what becomes of their jobs. Called as a warden
 * (--slot N --sandbox HOW) this program is a bad one instead.
 */
#include "tests/unit/service_bench.h"

#include <glob.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static const char *children(struct bench *b)
{
	struct err e;
	char *list;
	size_t len;
	const char *path = arena_printf(&b->arena, "/proc/self/task/%d/children", (int)getpid());

	if (!fs_read(&b->arena, -1, path, 4096, &list, &len, &e))
		fail_msg("%s", e.msg);
	list[len ? len - 1 : 0] = '\0'; /* each is followed by a blank */
	return list;
}

/* The oldest of our children is the warden of the bench; the newest may be another's. */
static pid_t warden(struct bench *b)
{
	return (pid_t)strtol(children(b), NULL, 10);
}

static pid_t newest_child(struct bench *b)
{
	const char *list = children(b);
	const char *blank = strrchr(list, ' ');

	return (pid_t)strtol(blank ? blank : list, NULL, 10);
}

static void kill_warden(void *ctx)
{
	struct meddler *m = ctx;

	assert_int_equal(kill(warden(m->b), SIGKILL), 0);
}

static void a_killed_warden_fails_its_job_and_is_replaced(void **state)
{
	struct wire_request r = request("bash", "echo so far; sleep 1000");
	struct meddler m = { .b = *state };
	pid_t before = warden(m.b);

	m.x = start(m.b, &r);
	meddle(&m, 500, kill_warden);
	finish(m.b);
	assert_int_equal(m.b->result.status, WIRE_FAILED);
	assert_string_equal(m.b->result.error,
			    "the sandbox of slot 1 ended unexpectedly, by signal 9");
	r = request("bash", "ls -A");
	assert_prints(run(m.b, &r), "main.sh\n");
	assert_int_not_equal(warden(m.b), before);
}

static void a_warden_killed_between_jobs_costs_none(void **state)
{
	struct bench *b = *state;
	struct wire_request r = request("bash", "echo yes");

	assert_int_equal(kill(warden(b), SIGKILL), 0);
	assert_prints(run(b, &r), "yes\n");
	assert_string_equal(b->result.execution_mode, "cold"); /* it waited for the next one */
}

static void a_broken_sandbox_is_told_in_its_own_words(void **state)
{
	struct err e;

	assert_null(open_with(*state, "/proc/self/exe", "broken", &e));
	assert_string_equal(e.msg, "no sandbox today");
	assert_null(open_with(*state, "/proc/self/exe", "dies", &e));
	assert_non_null(strstr(e.msg, "the sandbox of slot 1"));
	assert_null(open_with(*state, "/no/such/jail", "full", &e));
	assert_non_null(strstr(e.msg, "/no/such/jail"));
}

/* The job in the bad warden's hands fails, with these words. */
static void assert_fails(struct bench *b, const char *sandbox, const char *words)
{
	struct wire_request r = request("bash", "echo no");

	swap_executor(b, "/proc/self/exe", sandbox);
	assert_int_equal(run(b, &r)->status, WIRE_FAILED);
	if (!strstr(b->result.error, words))
		fail_msg("'%s' is not in: %s", words, b->result.error);
	swap_executor(b, b->jail, "full");
}

static void a_warden_that_breaks_the_protocol_is_not_believed(void **state)
{
	assert_fails(*state, "liar", "did not say 'prepared' when that was due");
	assert_fails(*state, "crash", "ended unexpectedly, with code 7");
}

static void die(void *ctx)
{
	(void)ctx;
	kill(getpid(), SIGKILL);
}

/* A service with a job under way, which is killed. */
static void be_killed(struct bench *b, const char *sandbox)
{
	struct wire_request r = request("bash", "echo x >left; setsid sleep 1000 & sleep 1000");
	struct meddler m = { .b = b };
	struct err e;

	b->loop = loop_open(&e);
	b->executor = open_with(b, b->jail, sandbox, &e);
	start(b, &r);
	meddle(&m, 300, die);
	loop_run(b->loop, &e);
	_exit(1);
}

static void assert_none_left(pid_t service)
{
	static const char *const place[] = { "/tmp", "/sys/fs/cgroup", "/sys/fs/cgroup/*" };

	for (size_t i = 0; i < 3; i++) {
		char pattern[80];
		glob_t found;

		snprintf(pattern, sizeof(pattern), "%s/sandbatch.%d.*", place[i], (int)service);
		if (glob(pattern, 0, NULL, &found) == 0)
			fail_msg("left behind: %s", found.gl_pathv[0]);
		globfree(&found);
	}
}

static void a_killed_service_leaves_nothing_behind(void **state)
{
	static const char *const how[] = { "full", "limits" };

	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	for (size_t i = 0; i < 2; i++) {
		pid_t service = fork();
		int status;

		if (!service)
			be_killed(*state, how[i]);
		assert_int_equal(waitpid(service, &status, 0), service);
		assert_true(WIFSIGNALED(status));
		/* its warden is our child now, if it has not ended yet */
		while (newest_child(*state) != warden(*state))
			waitpid(newest_child(*state), NULL, 0);
		assert_none_left(service);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}

static void say(uint32_t op, const char *words)
{
	struct jail_ready m = { .op = op };

	snprintf(m.text, sizeof(m.text), "%s", words);
	send(JAIL_FD, &m, sizeof(m), MSG_NOSIGNAL);
}

/* What this program does as a warden. */
static int bad_warden(const char *how)
{
	struct jail_ended ended = { .op = JAIL_ENDED, .cause = JAIL_CAUSE_EXIT };
	struct jail_prepare m;

	if (!strcmp(how, "broken"))
		say(JAIL_BROKEN, "no sandbox today");
	if (!strcmp(how, "broken") || !strcmp(how, "dies"))
		return 1;
	say(JAIL_READY, "");
	if (recv(JAIL_FD, &m, sizeof(m), 0) <= 0)
		return 0;
	if (!strcmp(how, "crash"))
		return 7;
	send(JAIL_FD, &ended, sizeof(ended), MSG_NOSIGNAL);
	pause();
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_killed_warden_fails_its_job_and_is_replaced),
		cmocka_unit_test(a_warden_killed_between_jobs_costs_none),
		cmocka_unit_test(a_killed_service_leaves_nothing_behind),
		cmocka_unit_test(a_broken_sandbox_is_told_in_its_own_words),
		cmocka_unit_test(a_warden_that_breaks_the_protocol_is_not_believed),
	};

	if (argc == 5 && !strcmp(argv[1], "--slot"))
		return bad_warden(argv[4]);
	return bench_run(tests);
}
