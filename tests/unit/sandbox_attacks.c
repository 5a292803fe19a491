/*
 * The programs of tests/attacks/, each as root and as an ordinary user. After each the slot
 * must serve an honest job that sees nothing of it, and when the warden has ended nothing
 * may be left: no process, no cgroup, no folder.
 */
#include "tests/unit/sandbox_box.h"

enum hint { NO_HINT, HIT_PROCESSES, HIT_DISK, FLOODED };

struct attack {
	const char *name; /* a sentence */
	const char *file, *arg;
	struct limits limits;
	enum jail_cause cause, or_cause;
	int status;               /* of JAIL_CAUSE_EXIT and _SIGNAL */
	const char *out, *golden; /* NULL: any; a file that holds it */
	enum hint hint;
};

static const char NETWORK[] = "tcp to the world ENETUNREACH\n"
			      "tcp to a private address ENETUNREACH\n"
			      "tcp to metadata ENETUNREACH\n"
			      "tcp to loopback ENETUNREACH\n"
			      "udp to the world ENETUNREACH\n"
			      "icmp EACCES\n"
			      "a name gaierror\n"
			      "abstract unix socket ECONNREFUSED\n";

static const char LOOK[] = "name sandbox\n/tmp\nself\nthread-self\n"
			   "fds 0 1 2 3\n"
			   "process bash\n"
			   "CapInh:\t0000000000000000\n"
			   "CapPrm:\t0000000000000000\n"
			   "CapEff:\t0000000000000000\n"
			   "CapBnd:\t0000000000000000\n"
			   "CapAmb:\t0000000000000000\n"
			   "NoNewPrivs:\t1\n"
			   "Seccomp:\t2\n"
			   "/\n"
			   "/run:\n"
			   "/dev/shm:\n\n/tmp:\nlook.sh\n\n/var/tmp:\n";

static const struct attack ATTACKS[] = {
	{ "a_fork_bomb",
	  "fork_bomb.c",
	  NULL,
	  { .wall_ms = 1000 },
	  .cause = JAIL_CAUSE_WALL,
	  .or_cause = JAIL_CAUSE_CPU,
	  .hint = HIT_PROCESSES },
	{ "a_thread_bomb",
	  "thread_bomb.c",
	  NULL,
	  { 0 },
	  .cause = JAIL_CAUSE_EXIT,
	  .out = "refused\n",
	  .hint = HIT_PROCESSES },
	{ "a_memory_bomb", "memory_bomb.c", NULL, { 0 }, .cause = JAIL_CAUSE_MEMORY },
	{ "a_memory_bomb_in_a_child", "memory_bomb.c", "child", { 0 }, .cause = JAIL_CAUSE_MEMORY },
	{ "an_endless_loop", "endless_loop.c", NULL, { .cpu_ms = 300 }, .cause = JAIL_CAUSE_CPU },
	{ "an_endless_loop_by_the_clock",
	  "endless_loop.c",
	  NULL,
	  { .wall_ms = 300 },
	  .cause = JAIL_CAUSE_WALL },
	{ "a_sleeper_that_signals_everyone",
	  "stubborn.c",
	  NULL,
	  { .wall_ms = 300 },
	  .cause = JAIL_CAUSE_WALL },
	{ "an_output_flood",
	  "flood.c",
	  NULL,
	  { .wall_ms = 500 },
	  .cause = JAIL_CAUSE_WALL,
	  .hint = FLOODED },
	{ "an_orphan", "orphan.c", NULL, { 0 }, .cause = JAIL_CAUSE_EXIT },
	{ "zombies_by_the_thousand",
	  "zombies.c",
	  NULL,
	  { 0 },
	  .cause = JAIL_CAUSE_EXIT,
	  .out = "reaped\n" },
	{ "the_network", "network.py", NULL, { 0 }, .cause = JAIL_CAUSE_EXIT, .out = NETWORK },
	{ "a_full_disk",
	  "disk_bomb.py",
	  "bytes",
	  { .disk_bytes = 8 * MIB },
	  .cause = JAIL_CAUSE_EXIT,
	  .out = "ENOSPC True\n",
	  .hint = HIT_DISK },
	{ "files_without_end",
	  "disk_bomb.py",
	  "files",
	  { 0 },
	  .cause = JAIL_CAUSE_EXIT,
	  .out = "ENOSPC True\n",
	  .hint = HIT_DISK },
	{ "the_kernels_doors",
	  "surface.c",
	  NULL,
	  { 0 },
	  .cause = JAIL_CAUSE_EXIT,
	  .golden = "fixtures/sandbox/surface.out" },
	{ "the_32_bit_calls",
	  "abi32.c",
	  NULL,
	  { 0 },
	  .cause = JAIL_CAUSE_SIGNAL,
	  .status = SIGSYS },
	{ "a_look_around", "look.sh", NULL, { 0 }, .cause = JAIL_CAUSE_EXIT, .out = LOOK },
	{ "things_left_behind",
	  "leave.sh",
	  NULL,
	  { 0 },
	  .cause = JAIL_CAUSE_EXIT,
	  .out = "left\n" },
};

#define NATTACK (sizeof(ATTACKS) / sizeof(ATTACKS[0]))

struct trial {
	const struct attack *attack;
	enum who who;
	char name[80];
};

/* `make golden` takes what was printed instead. */
static void assert_golden(const char *path, const char *out)
{
	static char text[MAX_OUT];
	bool is_new = getenv("UPDATE_GOLDEN") != NULL;
	int fd =
		open(path, is_new ? O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC : O_RDONLY | O_CLOEXEC,
		     0644);
	assert_true(fd >= 0);
	ssize_t n = is_new ? write(fd, out, strlen(out)) : read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(n > 0);
	text[is_new ? 0 : n] = '\0';
	if (!is_new)
		assert_string_equal(out, text);
}

static void survives(void **state)
{
	const struct trial *t = *state;
	const struct attack *a = t->attack;
	if (t->who == ROOT && getuid() != 0)
		skip();
	box_start(t->who, "full");
	assert_string_equal(b.ready.text, "");
	box_prepare(&a->limits);
	struct jail_ended e = run_attack(&a->limits, a->file, a->arg);
	if (a->out)
		assert_string_equal(b.out, a->out);
	if (a->golden)
		assert_golden(a->golden, b.out);
	if (e.cause != a->or_cause)
		assert_int_equal(e.cause, a->cause);
	if (a->cause == JAIL_CAUSE_EXIT || a->cause == JAIL_CAUSE_SIGNAL)
		assert_int_equal(e.status, a->status);
	if (a->hint == HIT_PROCESSES)
		assert_true(e.hit_processes);
	assert_int_equal(e.hit_disk, a->hint == HIT_DISK);
	if (a->hint == FLOODED)
		assert_true(b.noutput > MAX_OUT);
	box_clear();
	assert_slot_is_clean();
	box_end();
}

static void add_trials(struct CMUnitTest *test, struct trial *trial)
{
	size_t n = 0;
	for (size_t i = 0; i < NATTACK; i++) {
		for (int who = ROOT; who <= USER; who++, n++) {
			trial[n] = (struct trial){ .attack = &ATTACKS[i], .who = (enum who)who };
			snprintf(trial[n].name, sizeof(trial[n].name), "%s_is_survived_as_%s",
				 ATTACKS[i].name, who == ROOT ? "root" : "an_ordinary_user");
			test[n] = (struct CMUnitTest){ .name = trial[n].name,
						       .test_func = survives,
						       .teardown_func = tidy,
						       .initial_state = &trial[n] };
		}
	}
}

int main(void)
{
	static struct CMUnitTest test[2 * NATTACK];
	static struct trial trial[2 * NATTACK];
	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (!box_find_jail())
		return 1;
	add_trials(test, trial);
	return cmocka_run_group_tests_name("attacks", test, NULL, NULL);
}
