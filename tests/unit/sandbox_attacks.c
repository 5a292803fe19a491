/*
 * The whole table of attacks, as root and as an ordinary user, one after another in one slot:
 * each is contained, the verdict names the limit or the refusal, the warden serves on, the next
 * job sees nothing of it, and of the host's no process, mount, file, cgroup or fd is left.
 */
#include "tests/unit/sandbox_table.h"

#define PATIENCE_MS 4000 /* longer than any verdict may take */

struct trial {
	const struct attack *attack;
	enum who who;
	char name[96];
};

/* What there is of a warden between two jobs; -1: not to be seen (an ordinary user's is hidden). */
struct state {
	long fds, mounts, family, members, shmem;
};

static struct state clean;     /* as it was before the first attack */
static bool is_up;             /* b is a warden that the next trial can go on with */
static enum who who_up = ROOT; /* whose */

static long count_entries(const char *path)
{
	DIR *d = opendir(path);
	long n = d ? 0 : -1;
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static long count_lines(const char *path)
{
	FILE *f = fopen(path, "r");
	long n = f ? 0 : -1;
	for (int c; f && (c = fgetc(f)) != EOF;)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

/* Bytes in files of tmpfs that are charged to the slot: v1's group lives as long as the warden. */
static long read_shmem(const char *group)
{
	char path[200], line[128];
	long n = 0;
	snprintf(path, sizeof(path), "%s/memory.stat", group);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "shmem ", 6) == 0)
			n = strtol(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return n;
}

/* It waits for the next message: it answers first and clears then, which waits for nothing that a
 * signal could end. */
static bool is_idle(int pid)
{
	char path[64], text[512] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *f = fopen(path, "r");
	bool is_read = f && fgets(text, sizeof(text), f);
	if (f)
		fclose(f);
	const char *state = strrchr(text, ')');
	return is_read && state && strncmp(state, ") S", 3) == 0;
}

/* Its children, and theirs. */
static long count_family(int pid)
{
	char path[64], list[4096] = "", *at = list;
	long n = 0, child;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	FILE *f = fopen(path, "r");
	if (f && !fgets(list, sizeof(list), f))
		list[0] = '\0';
	if (f)
		fclose(f);
	for (; (child = strtol(at, &at, 10)) > 0; n++) {
		snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", child, child);
		FILE *g = fopen(path, "r");
		n += g && fgetc(g) != EOF;
		if (g)
			fclose(g);
	}
	return n;
}

static struct state look_at_warden(void)
{
	char path[160], group[100];
	struct state s;
	int pid = (int)b.pid;
	for (int i = 0; i < 1000 && !is_idle(pid); i++)
		usleep(5000);
	be(ROOT);
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	s.fds = count_entries(path);
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	s.mounts = count_lines(path);
	s.family = count_family(pid);
	snprintf(group, sizeof(group), "/sys/fs/cgroup/memory/sandbatch.%d.7", (int)getpid());
	s.shmem = read_shmem(group);
	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	s.members = count_lines(path);
	be(who_up);
	return s;
}

static void run_look(void)
{
	box_prepare(&DEFAULT);
	put_program();
	struct jail_ended e = box_run(&DEFAULT, (const char *[]){ "/tmp/attacks", "look", NULL });
	assert_string_equal(b.out, "nothing\n");
	assert_int_equal(e.cause, JAIL_CAUSE_EXIT);
	assert_int_equal(e.status, 0);
	box_clear();
}

static void raise_warden(enum who who)
{
	if (is_up && who_up == who)
		return;
	if (is_up)
		box_end();
	is_up = false;
	clean.family = 0;
	box_start(who, "full");
	who_up = who;
	assert_string_equal(b.ready.text, "");
	run_look();
	/* with the next init, which it makes after its answer */
	for (int i = 0; i < 400 && clean.family != 1; i++) {
		usleep(1000);
		clean = look_at_warden();
	}
}

static bool is_clean(const struct state *now)
{
	return now->fds == clean.fds && now->mounts == clean.mounts &&
	       now->family == 1 /* the next init */ && now->members == clean.members &&
	       now->shmem <= clean.shmem + (long)MIB &&
	       waitpid(-1, NULL, WNOHANG) == 0 /* no child but the warden */ && count("/tmp") == 0;
}

/* The warden clears after it has answered, and the kernel collects sockets in flight later still.
 */
static void assert_nothing_is_left(void)
{
	run_look();
	struct state now = look_at_warden();
	for (int i = 0; i < 400 && !is_clean(&now); i++) {
		usleep(5000);
		now = look_at_warden();
	}
	if (!is_clean(&now))
		fail_msg("fds %ld of %ld, mounts %ld of %ld, family %ld of 1, members %ld of %ld, "
			 "bytes %ld of %ld",
			 now.fds, clean.fds, now.mounts, clean.mounts, now.family, now.members,
			 clean.members, now.shmem, clean.shmem);
}

/* The verdict is one of those, with that hint, and in the program's own words it was refused. */
static void assert_held(const struct attack *a, const struct jail_ended *e)
{
	char wanted[64];
	if (!has_word(a->verdict, CAUSES[e->cause]) || (e->cause == JAIL_CAUSE_EXIT && e->status))
		fail_msg("'%s', wanted '%s', status %d: %s%s%s", CAUSES[e->cause], a->verdict,
			 e->status, e->text, b.out, b.err);
	if (a->answer) {
		snprintf(wanted, sizeof(wanted), "held: %s\n", a->answer);
		assert_string_equal(b.out, wanted);
	}
	if (a->hint && strcmp(a->hint, "output") == 0)
		assert_true(b.noutput > MIB);
	if (a->hint && strcmp(a->hint, "processes") == 0)
		assert_true(e->hit_processes);
	assert_int_equal(e->hit_disk, a->hint && strcmp(a->hint, "disk") == 0);
}

static void survives(void **state)
{
	const struct trial *t = *state;
	const struct attack *a = t->attack;
	char patience[24];
	if (t->who == ROOT && getuid() != 0)
		skip();
	listen_on_host();
	raise_warden(t->who);
	is_up = false;
	box_prepare(&a->limits);
	snprintf(patience, sizeof(patience), "%d", (int)slowness() * PATIENCE_MS);
	struct jail_ended e = carry_out(a, patience);
	box_clear();
	is_up = e.cause == JAIL_CAUSE_EXIT && e.status == UNTRIED;
	if (is_up)
		skip();
	/* what lies in the kernel's memory the watcher cannot count; the rest must hold all the
	 * same */
	if (!a->needs || b.ready.has_cgroup)
		assert_held(a, &e);
	assert_nothing_is_left();
	is_up = true;
}

/* After one that failed half-way the next trial starts anew. */
static int tidy_up(void **state)
{
	return is_up ? 0 : tidy(state);
}

static int end_warden(void **state)
{
	(void)state;
	if (is_up)
		box_end();
	be(ROOT);
	return 0;
}

/* One warden for each of the two, so in two rounds. */
static void add_trials(struct CMUnitTest *test, struct trial *trial)
{
	size_t n = 0;
	for (int who = ROOT; who <= USER; who++) {
		for (size_t i = 0; i < nattack; i++, n++) {
			trial[n] = (struct trial){ .attack = &attack[i], .who = (enum who)who };
			snprintf(trial[n].name, sizeof(trial[n].name), "%s_is_survived_as_%s",
				 attack[i].name, who == ROOT ? "root" : "an_ordinary_user");
			test[n] = (struct CMUnitTest){ .name = trial[n].name,
						       .test_func = survives,
						       .teardown_func = tidy_up,
						       .initial_state = &trial[n] };
		}
	}
}

/* The limits of time, as the slowness has them. */
static void slow_down(void)
{
	for (size_t i = 0; i < nattack; i++) {
		struct limits *l = &attack[i].limits;
		l->wall_ms = slowness() * (l->wall_ms ? l->wall_ms : DEFAULT.wall_ms);
		l->cpu_ms = slowness() * (l->cpu_ms ? l->cpu_ms : DEFAULT.cpu_ms);
	}
}

int main(void)
{
	static struct CMUnitTest test[2 * MAX_ATTACKS];
	static struct trial trial[2 * MAX_ATTACKS];
	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (!box_find_jail() || !table_read())
		return 1;
	slow_down();
	add_trials(test, trial);
	return _cmocka_run_group_tests("attacks", test, 2 * nattack, NULL, end_warden);
}
