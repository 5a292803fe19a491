#include "tests/attacks/attacks.h"

#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sys/select.h>
#include <sys/time.h>

static long busy(void)
{
	be_deaf(); /* to SIGXCPU as well */
	burn();
	return REACHED;
}

static long nap(void)
{
	for (;;)
		sleep(1000);
	return REACHED;
}

static long wait_for_signal(void)
{
	hang();
	return REACHED;
}

static long wait_in_select(void)
{
	for (;;)
		select(0, NULL, NULL, NULL, NULL);
	return REACHED;
}

static long wait_in_poll(void)
{
	for (;;)
		poll(NULL, 0, -1);
	return REACHED;
}

static long wait_for_futex(void)
{
	static uint32_t word;
	for (;;)
		syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
	return REACHED;
}

static long wait_for_input(void)
{
	char byte;
	int p[2];
	if (pipe2(p, O_CLOEXEC) != 0)
		return -1;
	for (;;)
		if (read(p[0], &byte, 1) == 0)
			return -1;
}

/* The one that burns is not the one that is waited for. */
static long busy_child(void)
{
	waitpid(in_child(burn), NULL, 0);
	return reached("it came back");
}

/* Time of children that are gone counts too. */
static void burn_a_little(void)
{
	for (volatile unsigned long n = 0; n < 20000000; n++)
		;
}

static long busy_children(void)
{
	for (;;)
		waitpid(in_child(burn_a_little), NULL, 0);
	return REACHED;
}

static void *burn_thread(void *unused)
{
	burn();
	return unused;
}

/* On all CPUs at once: its CPU time passes faster than the clock. */
static long every_cpu(void)
{
	pthread_t t;
	for (int i = 0; i < 8; i++)
		if (pthread_create(&t, NULL, burn_thread, NULL) != 0)
			return -1;
	burn();
	return REACHED;
}

static void *wake_thread(void *word)
{
	while (syscall(SYS_futex, word, FUTEX_WAKE, 1 << 30, NULL, NULL, 0) >= 0)
		;
	return NULL;
}

static long futex_storm(void)
{
	static uint32_t word;
	pthread_t t;
	for (int i = 0; i < 4; i++)
		if (pthread_create(&t, NULL, wake_thread, &word) != 0)
			return -1;
	wake_thread(&word);
	return REACHED;
}

static void on_tick(int signo)
{
	(void)signo;
}

/* Interrupted before it can be seen at work: accounting by ticks would miss it. */
static long timer_storm(void)
{
	struct itimerval t = { { 0, 1 }, { 0, 1 } };
	signal(SIGVTALRM, on_tick);
	setitimer(ITIMER_VIRTUAL, &t, NULL);
	burn();
	return REACHED;
}

static long yield_storm(void)
{
	for (;;)
		syscall(SYS_sched_yield);
	return REACHED;
}

#define BY_CPU   .verdict = "cpu", .cpu_ms = 100, .without = "cpu", .weak_as = "root"
#define BY_CLOCK .verdict = "wall", .wall_ms = 100, .without = "wall", .weak_as = "root"

const struct attack time_attacks[] = {
	ATTACK("busy", "a busy loop, deaf to SIGXCPU", "CPU limit", busy, BY_CPU),
	ATTACK("busy_child", "a busy child", "CPU limit", busy_child, BY_CPU),
	ATTACK("busy_children", "busy children, one after another", "CPU limit", busy_children,
	       BY_CPU),
	ATTACK("every_cpu", "threads on every CPU", "CPU limit", every_cpu, BY_CPU),
	ATTACK("futex_storm", "a storm of futex calls", "CPU limit", futex_storm, BY_CPU),
	ATTACK("timer_storm", "a storm of timers", "CPU limit", timer_storm, BY_CPU),
	ATTACK("yield_storm", "yields for ever", "CPU limit", yield_storm, BY_CPU),
	ATTACK("busy_by_clock", "a busy loop, by the clock", "wall clock", busy, BY_CLOCK),
	ATTACK("nap", "sleeps for ever", "wall clock", nap, BY_CLOCK),
	ATTACK("pause", "waits for a signal", "wall clock", wait_for_signal, BY_CLOCK),
	ATTACK("select", "waits in select", "wall clock", wait_in_select, BY_CLOCK),
	ATTACK("poll", "waits in poll", "wall clock", wait_in_poll, BY_CLOCK),
	ATTACK("futex", "waits for a futex", "wall clock", wait_for_futex, BY_CLOCK),
	ATTACK("empty_pipe", "waits for an empty pipe", "wall clock", wait_for_input, BY_CLOCK),
	{ 0 },
};
