/*
 * jail [-u] [-n ROUNDS] [-t TURN] [-i IDLE_MS] JAIL [COMMAND...] -- how long /bin/true takes: by
 * vfork and execve alone; through a standing warden, as the service does it, from JAIL_PREPARE to
 * JAIL_CLEARED; and, vfork and execve again, by COMMAND. By turns, in one run: one at a turn, so
 * that a warden can do while the others run what it does when it has answered; or TURN of them
 * straight after each other, so that this is waited for too. Each turn begins after idling so long.
 * Prints the medians in microseconds of one: "BARE WARDEN [COMMAND]". -u: as nobody.
 */
#include <grp.h>
#include <sys/wait.h>

#include "tests/bench/warden.h"

#define MOST   100000
#define NOBODY 65534

static struct warden warden;

static void by_warden(const char *const *argv)
{
	static const char STRINGS[] = "/bin/true\0PATH=/usr/bin:/bin\0HOME=/tmp";
	const struct program p = { STRINGS, sizeof(STRINGS), 1, 2 };
	int folder = warden_prepare(&warden);
	(void)argv;
	warden_run(&warden, &p);
	close(folder);
	warden_clear(&warden);
}

static void by_exec(const char *const *argv)
{
	int status;
	pid_t pid = vfork();
	if (pid == 0) {
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	must(waitpid(pid, &status, 0) == pid && status == 0, argv[0]);
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
	static const char *const TRUE[] = { "/bin/true", NULL };
	static uint64_t took[3][MOST];
	size_t rounds = 500, turn = 1;
	unsigned idle_us = 0;
	for (int c; (c = getopt(argc, argv, "+un:t:i:")) != -1;) {
		if (c == 'n')
			rounds = strtoul(optarg, NULL, 10);
		else if (c == 't')
			turn = strtoul(optarg, NULL, 10);
		else if (c == 'i')
			idle_us = 1000 * (unsigned)strtoul(optarg, NULL, 10);
		else
			must(c == 'u' && setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 &&
				     setuid(NOBODY) == 0,
			     "usage: jail [-u] [-n ROUNDS] [-t TURN] [-i IDLE_MS] JAIL "
			     "[COMMAND...]");
	}
	must(optind < argc && rounds > 0 && rounds <= MOST && turn > 0,
	     "no JAIL, or ROUNDS or TURN out of range");
	warden_start(&warden, argv[optind], 1);
	const char *const *const command = (const char *const *)(uintptr_t)argv + optind + 1;
	const struct {
		void (*run)(const char *const *argv);
		const char *const *argv;
	} way[] = { { by_exec, TRUE }, { by_warden, NULL }, { by_exec, command } };
	const size_t nway = *command ? 3 : 2;
	for (size_t i = 0; i < rounds; i++)
		for (size_t k = 0; k < nway; k++) {
			if (idle_us)
				usleep(idle_us);
			uint64_t began = now_ns();
			for (size_t n = 0; n < turn; n++)
				way[k].run(way[k].argv);
			took[k][i] = (now_ns() - began) / turn;
		}
	close(warden.sock);
	waitpid(warden.pid, NULL, 0);
	for (size_t k = 0; k < nway; k++) {
		qsort(took[k], rounds, sizeof(took[k][0]), by_size);
		printf("%.0f%c", (double)took[k][rounds / 2] / 1000, k + 1 < nway ? ' ' : '\n');
	}
	return 0;
}
