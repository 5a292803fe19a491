#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/loop.h"

/* A loop with two pipes, and a note of what happened. */
struct fixture {
	struct loop *loop;
	struct err e;
	int a[2], b[2];
	char seen[64];
	size_t nseen;
	struct timer timer[8];
};

static void note(struct fixture *f, char what)
{
	assert_true(f->nseen < sizeof(f->seen) - 1);
	f->seen[f->nseen++] = what;
	f->seen[f->nseen] = 0;
}

static int set_up(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->loop = loop_open(&f->e);
	*state = f;
	return !f->loop || pipe2(f->a, O_CLOEXEC | O_NONBLOCK) ||
	       pipe2(f->b, O_CLOEXEC | O_NONBLOCK);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	loop_close(f->loop);
	for (int i = 0; i < 2; i++) {
		fs_close(&f->a[i]);
		fs_close(&f->b[i]);
	}
	test_free(f);
	return 0;
}

static void run(struct fixture *f)
{
	if (!loop_run(f->loop, &f->e))
		fail_msg("%s", f->e.msg);
}

static void stop(void *ctx)
{
	struct fixture *f = ctx;

	note(f, '.');
	loop_stop(f->loop);
}

static void stop_at(struct fixture *f, int64_t ms)
{
	f->timer[7] = (struct timer){ .fn = stop, .ctx = f };
	timer_set(f->loop, &f->timer[7], loop_now_ms(f->loop) + ms);
}

static void on_a(void *ctx, uint32_t events)
{
	struct fixture *f = ctx;
	char byte;

	assert_true(events & EPOLLIN);
	assert_int_equal(read(f->a[0], &byte, 1), 1);
	note(f, byte);
	if (byte == '!')
		loop_stop(f->loop);
}

static void what_can_be_read_is_told(void **state)
{
	struct fixture *f = *state;

	assert_true(loop_watch(f->loop, f->a[0], EPOLLIN, on_a, f, &f->e));
	assert_int_equal(write(f->a[1], "xyz!", 4), 4);
	run(f);
	assert_string_equal(f->seen, "xyz!");
}

/* Whichever is told first takes the other away, closes it and opens something else in its place. */
static void take_other(struct fixture *f, int *mine, int *other)
{
	int old = other[0];

	loop_unwatch(f->loop, mine[0]);
	loop_unwatch(f->loop, old);
	close(old);
	other[0] = dup(mine[0]);
	assert_int_equal(other[0], old);
}

static void never(void *ctx, uint32_t events)
{
	(void)events;
	note(ctx, 'N');
}

static void on_first_a(void *ctx, uint32_t events)
{
	struct fixture *f = ctx;

	(void)events;
	note(f, '1');
	take_other(f, f->a, f->b);
	assert_true(loop_watch(f->loop, f->b[0], EPOLLPRI, never, f, &f->e));
}

static void on_first_b(void *ctx, uint32_t events)
{
	struct fixture *f = ctx;

	(void)events;
	note(f, '1');
	take_other(f, f->b, f->a);
	assert_true(loop_watch(f->loop, f->a[0], EPOLLPRI, never, f, &f->e));
}

static void pending_events_of_a_removed_descriptor_are_dropped(void **state)
{
	struct fixture *f = *state;

	assert_true(loop_watch(f->loop, f->a[0], EPOLLIN, on_first_a, f, &f->e));
	assert_true(loop_watch(f->loop, f->b[0], EPOLLIN, on_first_b, f, &f->e));
	assert_int_equal(write(f->a[1], "x", 1), 1);
	assert_int_equal(write(f->b[1], "x", 1), 1);
	stop_at(f, 20);
	run(f);
	assert_string_equal(f->seen, "1.");
}

static void on_writable(void *ctx, uint32_t events)
{
	struct fixture *f = ctx;

	assert_int_equal(events, EPOLLOUT);
	note(f, 'w');
	assert_true(loop_watch(f->loop, f->a[1], 0, on_writable, f, &f->e));
}

static void watching_again_changes_what_is_watched(void **state)
{
	struct fixture *f = *state;

	assert_true(loop_watch(f->loop, f->a[1], EPOLLOUT, on_writable, f, &f->e));
	stop_at(f, 20);
	run(f);
	assert_string_equal(f->seen, "w.");
	loop_unwatch(f->loop, f->a[1]);
	loop_unwatch(f->loop, f->a[1]);
	loop_unwatch(f->loop, 12345);
}

static void note_1(void *ctx)
{
	note(ctx, '1');
}

static void note_2(void *ctx)
{
	note(ctx, '2');
}

static void note_3_and_stop_5(void *ctx)
{
	struct fixture *f = ctx;

	note(f, '3');
	timer_stop(f->loop, &f->timer[5]);
}

static void timers_fire_in_order_and_once(void **state)
{
	struct fixture *f = *state;
	int64_t now = loop_now_ms(f->loop);
	loop_fn *const fn[] = { note_3_and_stop_5, note_1, note_2, note_1, note_2, note_1 };
	const int at[] = { 12, 3, 6, 4, 9, 15 };

	for (size_t i = 0; i < 6; i++) {
		f->timer[i] = (struct timer){ .fn = fn[i], .ctx = f };
		timer_set(f->loop, &f->timer[i], now + at[i]);
	}
	timer_stop(f->loop, &f->timer[3]);
	timer_stop(f->loop, &f->timer[3]);
	timer_set(f->loop, &f->timer[2], now + 1); /* moved before the first */
	stop_at(f, 20);
	run(f);
	assert_string_equal(f->seen, "2123.");
	assert_true(loop_now_ms(f->loop) >= now + 20);
	assert_int_equal(f->timer[0].place, 0);
}

static void set_again(void *ctx)
{
	struct fixture *f = ctx;

	note(f, 't');
	timer_set(f->loop, &f->timer[0], loop_now_ms(f->loop) - 5);
	if (f->nseen > 4)
		loop_stop(f->loop);
}

static int note_turn(void *ctx)
{
	note(ctx, '|');
	return -1;
}

static void a_timer_that_sets_itself_again_lets_the_turn_end(void **state)
{
	struct fixture *f = *state;

	f->timer[0] = (struct timer){ .fn = set_again, .ctx = f };
	timer_set(f->loop, &f->timer[0], 0);
	loop_each_turn(f->loop, note_turn, f);
	run(f);
	assert_string_equal(f->seen, "t|t|t|");
}

static void many_timers_keep_their_order(void **state)
{
	enum { N = 2000 };
	struct fixture *f = *state;
	struct timer *t = test_calloc(N, sizeof(*t));
	unsigned chance = 7;
	size_t left = N;

	for (size_t i = 0; i < N; i++) {
		t[i] = (struct timer){ .fn = note_1, .ctx = f };
		timer_set(f->loop, &t[i],
			  INT64_MAX / 2 + (chance = chance * 1103515245 + 12345) / 65536 % 1000);
	}
	for (size_t i = 0; i < N; i += 2, left--) {
		timer_stop(f->loop, &t[i]);
		assert_int_equal(t[i].place, 0);
	}
	for (size_t i = 1; i < N; i += 2) /* each is where it says, its parent not later */
		for (size_t k = 1; k < N; k += 2)
			if (t[k].place == t[i].place / 2 && t[k].place)
				assert_true(t[k].at_ms <= t[i].at_ms);
	assert_int_equal(left, N / 2);
	loop_close(f->loop);
	assert_int_equal(t[1].place, 0);
	f->loop = loop_open(&f->e);
	test_free(t);
}

static int turn_until_three(void *ctx)
{
	struct fixture *f = ctx;

	note(f, 'h');
	if (f->nseen == 3)
		loop_stop(f->loop);
	return 1;
}

static void a_hooks_answer_bounds_the_wait(void **state)
{
	struct fixture *f = *state;

	loop_each_turn(f->loop, turn_until_three, f);
	run(f); /* there is nothing else that could happen */
	assert_string_equal(f->seen, "hhh");
}

static int turn_once(void *ctx)
{
	struct fixture *f = ctx;

	note(f, 'o');
	loop_drop_turn(f->loop, turn_once, f);
	loop_drop_turn(f->loop, note_turn, f);
	return 0;
}

static void hooks_can_be_dropped_by_a_hook(void **state)
{
	struct fixture *f = *state;

	loop_each_turn(f->loop, turn_once, f);
	loop_each_turn(f->loop, note_turn, f);
	stop_at(f, 5);
	run(f);
	assert_string_equal(f->seen, "o.");
}

static void on_signal(void *ctx, int signo)
{
	struct fixture *f = ctx;

	note(f, (char)(signo == SIGUSR1 ? '1' : signo == SIGUSR2 ? '2' : '?'));
	if (f->nseen == 2)
		loop_stop(f->loop);
}

static void signals_are_told_and_not_delivered(void **state)
{
	struct fixture *f = *state;
	const int signo[] = { SIGUSR1, SIGUSR2, 0 };

	assert_true(loop_signals(f->loop, signo, on_signal, f, &f->e));
	raise(SIGUSR1);
	raise(SIGUSR2);
	run(f);
	assert_string_equal(f->seen, "12");
}

/* valgrind 3.19 does not know pidfd_open(2). cmocka's own skip() is "not ok" to prove. */
static bool has_pidfd(void)
{
	CLEAN_FD int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd < 0)
		print_message("# SKIP: there is no pidfd_open(2) here\n");
	return fd >= 0;
}

static void on_child(void *ctx, int status)
{
	struct fixture *f = ctx;

	note(f, (char)('0' + WEXITSTATUS(status)));
	loop_stop(f->loop);
}

static pid_t child_with(int code)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(code);
	assert_true(pid > 0);
	return pid;
}

static void a_child_is_reaped_and_nobody_elses(void **state)
{
	struct fixture *f = *state;
	pid_t others, ours;
	int status;

	if (!has_pidfd())
		return;
	others = child_with(5);
	ours = child_with(3);
	assert_true(loop_child(f->loop, ours, on_child, f, &f->e));
	run(f);
	assert_string_equal(f->seen, "3");
	assert_int_equal(waitpid(others, &status, 0), others);
	assert_int_equal(WEXITSTATUS(status), 5);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void a_process_that_is_not_there_cannot_be_watched(void **state)
{
	struct fixture *f = *state;
	pid_t gone;

	if (!has_pidfd())
		return;
	gone = child_with(0);
	assert_int_equal(waitpid(gone, NULL, 0), gone);
	assert_false(loop_child(f->loop, gone, on_child, f, &f->e));
	assert_non_null(strstr(f->e.msg, "No such process"));
}

static void a_descriptor_that_cannot_be_watched_is_named(void **state)
{
	struct fixture *f = *state;

	assert_false(loop_watch(f->loop, 500, EPOLLIN, on_a, f, &f->e));
	assert_string_equal(f->e.msg, "cannot watch descriptor 500: Bad file descriptor");
}

static void stopping_before_running_returns_at_once(void **state)
{
	struct fixture *f = *state;

	loop_stop(f->loop);
	run(f);
	assert_string_equal(f->seen, "");
	stop_at(f, 0);
	run(f);
	assert_string_equal(f->seen, ".");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_can_be_read_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pending_events_of_a_removed_descriptor_are_dropped,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(watching_again_changes_what_is_watched, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(timers_fire_in_order_and_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_timer_that_sets_itself_again_lets_the_turn_end,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_timers_keep_their_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_hooks_answer_bounds_the_wait, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hooks_can_be_dropped_by_a_hook, set_up, tear_down),
		cmocka_unit_test_setup_teardown(signals_are_told_and_not_delivered, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_child_is_reaped_and_nobody_elses, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_process_that_is_not_there_cannot_be_watched,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_descriptor_that_cannot_be_watched_is_named,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopping_before_running_returns_at_once, set_up,
						tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
