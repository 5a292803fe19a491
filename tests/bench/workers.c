/*
 * workers WORKERS SECONDS ROUNDS [JAIL [LIBRARY SCRIPT]] -- how many of Python's hello worlds a
 * second so many workers do, each one after the other: by vfork and execve alone, and, with JAIL,
 * through a warden each; with sandbatch-warm.so and Python's script for it, by an interpreter that
 * waits, another one after every 100. By turns of so many seconds. Prints the medians of the
 * rounds: "BARE [WARDENS RATIO]". /tmp must be writable: the bare ones have a folder each there,
 * with the source in it, as those in wardens.
 */
#include <sys/wait.h>

#include "tests/bench/warden.h"

#define MOST  64
#define RENEW 100 /* as the service does */

static const char SOURCE[] = "print(\"hello\")\n";
static const char HELLO[] = "hello\n";

struct worker {
	struct warden warden;
	char folder[32];
	uint64_t done; /* in memory shared with the child that works */
};

static void put_source(int folder, const struct jail_ready *owner)
{
	int fd = openat(folder, "main.py", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	must(write(fd, SOURCE, strlen(SOURCE)) == (ssize_t)strlen(SOURCE), "main.py");
	must(!owner || fchown(fd, owner->uid, owner->gid) == 0, "fchown");
	close(fd);
}

static const char *library, *script;

static const char STRINGS[] = "/usr/bin/python3\0main.py\0PATH=/usr/bin:/bin\0HOME=/tmp\0"
			      "LANG=C.UTF-8\0" JAIL_PRELOAD;

static void await_warm(const struct worker *w)
{
	static const char SOURCE_NAME[] = "main.py";
	const struct program p = { STRINGS, sizeof(STRINGS), 2, 4, 0 };
	char text[65536];
	int fd = open(script, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	must(n > 0, script);
	text[n] = '\0';
	close(fd);
	int hold = keep(SOURCE_NAME, sizeof(SOURCE_NAME));
	must(write(hold, text, (size_t)n + 1) == n + 1, "memfd");
	warden_warm(&w->warden, &p, hold, library);
}

static void by_warden(struct worker *w)
{
	const size_t preload = sizeof(JAIL_PRELOAD);
	const struct program p = { STRINGS, sizeof(STRINGS) - preload, 2, 3, library != NULL };
	if (library && w->done % RENEW == 0)
		await_warm(w);
	int folder = warden_prepare(&w->warden);
	put_source(folder, &w->warden.ready);
	must(warden_run(&w->warden, &p) == strlen(HELLO), "another output was due");
	close(folder);
}

static void by_exec(struct worker *w)
{
	static const char *const ARGV[] = { "/usr/bin/python3", "main.py", NULL };
	static const char *const ENVP[] = { "PATH=/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8",
					    NULL };
	int out[2], status;
	must(chdir(w->folder) == 0 && pipe2(out, O_CLOEXEC) == 0, w->folder);
	pid_t pid = vfork();
	if (pid == 0) {
		dup2(out[1], 1);
		execve(ARGV[0], (char *const *)(uintptr_t)ARGV, (char *const *)(uintptr_t)ENVP);
		_exit(127);
	}
	close(out[1]);
	must(drain(out[0]) == strlen(HELLO), "another output was due");
	must(waitpid(pid, &status, 0) == pid && status == 0, ARGV[0]);
}

/* Runs a second of all of them together. */
static double measure(struct worker *w, size_t n, double seconds, void (*run)(struct worker *))
{
	uint64_t began = now_ns(), end = began + (uint64_t)(seconds * 1e9), done = 0;
	for (size_t i = 0; i < n; i++) {
		w[i].done = 0;
		if (fork() > 0)
			continue;
		for (; now_ns() < end; w[i].done++)
			run(&w[i]);
		_exit(0);
	}
	for (size_t i = 0; i < n; i++) {
		int status;
		must(wait(&status) > 0 && status == 0, "a worker");
	}
	for (size_t i = 0; i < n; i++)
		done += w[i].done;
	return (double)done * 1e9 / (double)(now_ns() - began);
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static double median(double *figure, size_t n)
{
	qsort(figure, n, sizeof(*figure), by_size);
	return figure[n / 2];
}

static void open_worker(struct worker *w, const char *jail, unsigned slot)
{
	snprintf(w->folder, sizeof(w->folder), "/tmp/workers.XXXXXX");
	must(mkdtemp(w->folder) != NULL, w->folder);
	int folder = open(w->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put_source(folder, NULL);
	close(folder);
	if (jail)
		warden_start(&w->warden, jail, slot);
}

static void close_worker(struct worker *w, const char *jail)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/main.py", w->folder);
	unlink(path);
	rmdir(w->folder);
	if (!jail)
		return;
	close(w->warden.sock);
	waitpid(w->warden.pid, NULL, 0);
}

int main(int argc, char **argv)
{
	double bare[MOST], warden[MOST], ratio[MOST];
	const size_t n = argc > 3 ? strtoul(argv[1], NULL, 10) : 0;
	const size_t rounds = n ? strtoul(argv[3], NULL, 10) : 0;
	const char *jail = argc > 4 ? argv[4] : NULL;
	library = argc > 6 ? argv[5] : NULL;
	script = argc > 6 ? argv[6] : NULL;
	must(n > 0 && n <= MOST && rounds > 0 && rounds <= MOST,
	     "usage: workers WORKERS SECONDS ROUNDS [JAIL [LIBRARY SCRIPT]]");
	struct worker *w = mmap(NULL, n * sizeof(*w), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(w != MAP_FAILED, "mmap");
	for (size_t i = 0; i < n; i++)
		open_worker(&w[i], jail, (unsigned)i + 1);
	for (size_t i = 0; i < rounds; i++) {
		bare[i] = measure(w, n, strtod(argv[2], NULL), by_exec);
		if (!jail)
			continue;
		warden[i] = measure(w, n, strtod(argv[2], NULL), by_warden);
		ratio[i] = warden[i] / bare[i];
	}
	for (size_t i = 0; i < n; i++)
		close_worker(&w[i], jail);
	printf("%.1f", median(bare, rounds));
	if (jail)
		printf(" %.1f %.3f", median(warden, rounds), median(ratio, rounds));
	putchar('\n');
	return 0;
}
