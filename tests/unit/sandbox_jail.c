/* What jail.h promises, beyond what an honest job sees: kills, deaths, the lesser modes. */
#include <linux/landlock.h>
#include <sys/syscall.h>

#include "tests/unit/sandbox_box.h"

static void each_user(void (*test)(enum who who))
{
	if (getuid() == 0)
		test(ROOT);
	test(USER);
}

static void kill_a_run(enum who who)
{
	int out[2];
	box_start(who, "full");
	say(JAIL_KILL); /* nothing runs: ignored */
	box_prepare(&DEFAULT);
	box_launch(&DEFAULT, (const char *[]){ "/bin/sleep", "1000", NULL }, out);
	say(JAIL_KILL);
	assert_int_equal(box_wait(out).cause, JAIL_CAUSE_KILLED);
	box_clear();
	assert_slot_is_clean();
	box_end();
}

static void a_kill_ends_what_runs_and_the_slot_goes_on(void **state)
{
	(void)state;
	each_user(kill_a_run);
}

static void hang_up(enum who who)
{
	static const char *const MODES[] = { "full", "limits", "none" };
	int out[2];
	for (size_t i = 0; i < 3; i++) {
		box_start(who, MODES[i]);
		box_prepare(&DEFAULT);
		box_launch(
			&DEFAULT,
			(const char *[]){ "/bin/sh", "-c", "setsid sleep 1000 & sleep 1000", NULL },
			out);
		struct pollfd p = { out[0], POLLIN, 0 };
		poll(&p, 1, 50);
		box_end();
		close(out[0]);
		close(out[1]);
	}
}

static void a_warden_whose_service_is_gone_leaves_nothing(void **state)
{
	(void)state;
	each_user(hang_up);
}

/* Until somebody else has reaped or left it to us. */
static void reap_all(void)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
}

/* Those that are dead already, or about to be. */
static void reap_all_but(pid_t pid)
{
	siginfo_t i = { 0 };
	while (waitid(P_ALL, 0, &i, WEXITED | WNOWAIT | WNOHANG) == 0 && i.si_pid > 0) {
		assert_int_not_equal(i.si_pid, pid);
		waitpid(i.si_pid, NULL, 0);
		i.si_pid = 0;
	}
}

static void kill_the_warden(enum who who)
{
	int out[2];
	box_start(who, "full");
	box_prepare(&DEFAULT);
	box_launch(&DEFAULT,
		   (const char *[]){ "/bin/sh", "-c", "echo on; setsid sleep 1000 & sleep 1000",
				     NULL },
		   out);
	assert_true(drain(out[0], b.out));
	kill(b.pid, SIGKILL);
	reap_all();
	assert_false(drain(out[0], b.out)); /* nobody holds the pipe: all are dead */
	close(out[0]);
	close(out[1]);
	close(b.folder);
	close(b.sock);
	box_start(who, "full");
	box_end();
}

static void a_killed_warden_takes_its_job_along_and_the_next_removes_the_rest(void **state)
{
	(void)state;
	each_user(kill_the_warden);
}

/* Without cgroups the next has nothing to find processes by. */
static void a_killed_warden_s_successor_ends_what_is_left_in_its_cgroup(void **state)
{
	(void)state;
	enum who who = getuid() == 0 ? ROOT : USER;
	int out[2];
	box_start(who, "limits");
	if (!b.ready.has_cgroup) {
		box_end();
		skip();
	}
	box_prepare(&DEFAULT);
	box_launch(&DEFAULT,
		   (const char *[]){ "/bin/sh", "-c", "echo on; setsid sleep 1000 & sleep 1000",
				     NULL },
		   out);
	assert_true(drain(out[0], b.out));
	kill(b.pid, SIGKILL);
	assert_int_equal(WTERMSIG(wait_for(b.pid)), SIGKILL);
	close(b.folder);
	close(b.sock);
	box_start(who, "limits");
	assert_false(drain(out[0], b.out)); /* nobody holds the pipe: the orphan is dead */
	reap_all_but(b.pid);
	close(out[0]);
	close(out[1]);
	box_end();
}

static void keep_after_clear(enum who who)
{
	box_start(who, "full");
	box_prepare(&DEFAULT);
	const char *argv[] = { "/bin/sh", "-c", "echo x >file; mkdir -p deep/er; >deep/er/file",
			       NULL };
	assert_int_equal(box_run(&DEFAULT, argv).cause, JAIL_CAUSE_EXIT);
	int folder = dup(b.folder), file = openat(folder, "file", O_RDONLY | O_CLOEXEC);
	assert_true(folder >= 0 && file >= 0);
	box_clear();
	assert_slot_is_clean();
	assert_int_equal(openat(folder, "file", O_RDONLY | O_CLOEXEC), -1);
	assert_int_equal(errno, ENOENT);
	close(file);
	close(folder);
	assert_slot_is_clean();
	box_end();
}

static void a_cleared_folder_is_gone_even_if_its_fd_was_kept(void **state)
{
	(void)state;
	each_user(keep_after_clear);
}

/* All the files that there may be, 1000; yet it is the same file system that the next job finds
 * empty. */
static void fill_it(enum who who)
{
	static const char FILL[] =
		"i=0; while echo x >$i; do i=$((i + 1)); done 2>/dev/null; ls | wc -l";
	struct stat st[3];
	box_start(who, "full");
	for (int i = 0; i < 3; i++) {
		box_prepare(&DEFAULT);
		assert_int_equal(fstat(b.folder, &st[i]), 0);
		struct jail_ended e =
			box_run(&DEFAULT, (const char *[]){ "/bin/sh", "-c", FILL, NULL });
		assert_int_equal(e.cause, JAIL_CAUSE_EXIT);
		assert_true(e.hit_disk);
		assert_string_equal(b.out, "1000\n");
		if (i == 1)
			box_clear();
		else
			close(b.folder); /* the next prepare clears it */
	}
	assert_int_equal(st[0].st_dev, st[1].st_dev);
	assert_int_equal(st[1].st_dev, st[2].st_dev);
	box_end();
}

static void a_full_folder_is_emptied_for_the_next_job(void **state)
{
	(void)state;
	each_user(fill_it);
}

static void refuse(enum who who)
{
	box_start(who, "full");
	struct jail_ended e = box_run(&DEFAULT, (const char *[]){ "/bin/true", NULL });
	assert_int_equal(e.cause, JAIL_CAUSE_FAILED);
	assert_string_equal(e.text, "no working folder was prepared");
	box_prepare(&DEFAULT);
	e = box_run(&DEFAULT, (const char *[]){ "/usr/bin/none", NULL });
	assert_int_equal(e.cause, JAIL_CAUSE_FAILED);
	assert_string_equal(e.text, "cannot run /usr/bin/none: No such file or directory");
	e = box_run(&DEFAULT, (const char *[]){ "/bin/sh", "-c", "kill -SEGV $$", NULL });
	assert_int_equal(e.cause, JAIL_CAUSE_SIGNAL);
	assert_int_equal(e.status, SIGSEGV);
	e = box_run(&DEFAULT,
		    (const char *[]){ "/bin/sh", "-c", "echo x >/dev/stderr; exit 3", NULL });
	assert_int_equal(e.cause, JAIL_CAUSE_EXIT);
	assert_int_equal(e.status, 3);
	assert_string_equal(b.err, "x\n");
	box_end();
}

static void what_cannot_be_run_is_told(void **state)
{
	(void)state;
	each_user(refuse);
}

/* Landlock's answer comes before that of the capabilities: EACCES where they say EPERM. */
static void make_a_device(enum who who)
{
	static const char MKNOD[] = "import errno, os, stat\n"
				    "try: os.mknod('c', stat.S_IFCHR | 0o600, os.makedev(1, 3))\n"
				    "except OSError as e: print(errno.errorcode[e.errno])";
	box_start(who, "full");
	box_prepare(&DEFAULT);
	struct jail_ended e =
		box_run(&DEFAULT, (const char *[]){ "/usr/bin/python3", "-c", MKNOD, NULL });
	assert_int_equal(e.cause, JAIL_CAUSE_EXIT);
	assert_string_equal(b.out, "EACCES\n");
	box_end();
}

static void landlock_is_on_top_where_the_kernel_has_it(void **state)
{
	(void)state;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 2)
		skip();
	each_user(make_a_device);
}

/* Of its own CPU time, not of the slot's other jobs besides. */
static void burn_twice(enum who who)
{
	char burn[80];
	const struct limits limits = { .cpu_ms = 700 * slowness() };
	snprintf(burn, sizeof(burn), "import time\nwhile time.process_time() < 0.4 * %d: pass",
		 (int)slowness());
	box_start(who, "limits");
	box_prepare(&DEFAULT);
	for (int i = 0; i < 2; i++) {
		struct jail_ended e = box_run(
			&limits, (const char *[]){ "/usr/bin/python3", "-IS", "-c", burn, NULL });
		assert_int_equal(e.cause, JAIL_CAUSE_EXIT);
		assert_in_range(e.cpu_us, 390000 * slowness(), 700000 * slowness());
	}
	box_end();
}

static void a_command_is_charged_for_itself_alone(void **state)
{
	(void)state;
	each_user(burn_twice);
}

/* The init that waits for the next command; 0: none does. */
static pid_t find_init(void)
{
	char path[64], list[64] = "";
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)b.pid, (int)b.pid);
	FILE *f = fopen(path, "r");
	if (f && !fgets(list, sizeof(list), f))
		list[0] = '\0';
	if (f)
		fclose(f);
	return (pid_t)strtol(list, NULL, 10);
}

static void kill_who_waits(enum who who)
{
	box_start(who, "full");
	assert_string_equal(b.ready.text, "");
	for (int i = 0; i < 3; i++) {
		box_prepare(&DEFAULT);
		pid_t init = 0;
		be(ROOT);
		for (int n = 0; n < 1000 && init == 0; n++) {
			usleep(1000);
			init = find_init();
		}
		assert_true(init > 0);
		assert_int_equal(kill(init, SIGKILL), 0);
		usleep(i * 5000); /* dead or dying */
		be(who);
		struct jail_ended e =
			box_run(&DEFAULT, (const char *[]){ "/bin/echo", "here", NULL });
		if (e.cause == JAIL_CAUSE_FAILED) /* it died with the command, which is told */
			assert_string_equal(e.text, "the sandbox's init died (wait status 0x9)");
		else
			assert_string_equal(b.out, "here\n");
		assert_true(i == 0 || e.cause == JAIL_CAUSE_EXIT);
		box_clear();
	}
	box_end();
}

static void an_init_killed_as_it_waits_is_replaced(void **state)
{
	(void)state;
	each_user(kill_who_waits);
}

/* limits and none: no namespaces, but a folder of its own, limits, and no survivors. */
static void without_namespaces(enum who who)
{
	for (int i = 0; i < 2; i++) {
		box_start(who, i ? "none" : "limits");
		assert_string_equal(b.ready.text, "");
		box_prepare(&DEFAULT);
		struct jail_ended e = box_run(
			&DEFAULT, (const char *[]){ "/bin/sh", "-c",
						    "(setsid sleep 1000 &) ; echo x >file; grep "
						    "Seccomp: /proc/self/status",
						    NULL });
		assert_int_equal(e.cause, JAIL_CAUSE_EXIT);
		assert_string_equal(b.out, i ? "Seccomp:\t0\n" : "Seccomp:\t2\n");
		assert_int_equal(faccessat(b.folder, "file", F_OK, 0), 0);
		e = box_run(&(struct limits){ .wall_ms = 200 },
			    (const char *[]){ "/bin/sleep", "1000", NULL });
		assert_int_equal(e.cause, JAIL_CAUSE_WALL);
		e = box_run(&DEFAULT, (const char *[]){ "/usr/bin/python3", "-c",
							"x = b'x' * 1000000000", NULL });
		assert_int_equal(e.cause, JAIL_CAUSE_MEMORY);
		e = box_run(&DEFAULT,
			    (const char *[]){ "/bin/sh", "-c",
					      "mkdir -p a/b/c/d e && echo x >a/b/c/f && ln -s / "
					      "a/b/l && chmod 0 a/b a e",
					      NULL });
		assert_int_equal(e.status, 0);
		box_clear();
		box_prepare(&DEFAULT);
		e = box_run(&DEFAULT, (const char *[]){ "/bin/ls", "-A", NULL });
		assert_int_equal(e.cause, JAIL_CAUSE_EXIT);
		assert_string_equal(b.out, "");
		box_end();
	}
}

static void limits_and_none_contain_what_they_can(void **state)
{
	(void)state;
	each_user(without_namespaces);
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(122);
	close(fd);
}

/* An ordinary user on a host that forbids user namespaces: a user namespace whose limit is 0. */
static void turn_off_and_start(int sock)
{
	char map[32];
	uid_t uid = geteuid();
	if (unshare(CLONE_NEWUSER) != 0)
		_exit(123);
	snprintf(map, sizeof(map), "5 %u 1", uid);
	write_to("/proc/self/setgroups", "deny");
	write_to("/proc/self/uid_map", map);
	write_to("/proc/sys/user/max_user_namespaces", "0");
	become_warden(sock, ROOT, "full"); /* whom the map has made an ordinary user */
}

static void where_user_namespaces_are_off_it_says_so(void **state)
{
	(void)state;
	int pair[2];
	b = (struct box){ .folder = -1 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	b.pid = fork();
	if (b.pid == 0)
		turn_off_and_start(pair[1]);
	close(pair[1]);
	b.sock = pair[0];
	receive(&b.ready, sizeof(b.ready), NULL);
	assert_int_equal(b.ready.op, JAIL_BROKEN);
	assert_string_equal(b.ready.text, "namespaces are refused here, as in a container "
					  "(unshare): No space left on device");
	assert_int_equal(WEXITSTATUS(wait_for(b.pid)), 1);
	close(b.sock);
	assert_nothing_left();
}

int main(void)
{
	static const struct CMUnitTest test[] = {
		cmocka_unit_test_teardown(a_kill_ends_what_runs_and_the_slot_goes_on, tidy),
		cmocka_unit_test_teardown(a_warden_whose_service_is_gone_leaves_nothing, tidy),
		cmocka_unit_test_teardown(
			a_killed_warden_takes_its_job_along_and_the_next_removes_the_rest, tidy),
		cmocka_unit_test_teardown(
			a_killed_warden_s_successor_ends_what_is_left_in_its_cgroup, tidy),
		cmocka_unit_test_teardown(a_cleared_folder_is_gone_even_if_its_fd_was_kept, tidy),
		cmocka_unit_test_teardown(a_full_folder_is_emptied_for_the_next_job, tidy),
		cmocka_unit_test_teardown(what_cannot_be_run_is_told, tidy),
		cmocka_unit_test_teardown(landlock_is_on_top_where_the_kernel_has_it, tidy),
		cmocka_unit_test_teardown(a_command_is_charged_for_itself_alone, tidy),
		cmocka_unit_test_teardown(an_init_killed_as_it_waits_is_replaced, tidy),
		cmocka_unit_test_teardown(limits_and_none_contain_what_they_can, tidy),
		cmocka_unit_test_teardown(where_user_namespaces_are_off_it_says_so, tidy),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return box_find_jail() ? cmocka_run_group_tests_name("jail", test, NULL, NULL) : 1;
}
