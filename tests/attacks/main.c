#include "tests/attacks/attacks.h"

#include <stdarg.h>
#include <sys/mman.h>
#include <sys/time.h>

#define PATIENCE_MS 4000 /* longer than any verdict may take */

static const struct attack_class CLASSES[] = {
	{ "Processes", process_attacks },
	{ "Memory", memory_attacks },
	{ "CPU and time", time_attacks },
	{ "Output", output_attacks },
	{ "Disk", disk_attacks },
	{ "Paths", path_attacks },
	{ "Kernel surface", kernel_attacks },
	{ "Shared things", shared_attacks },
	{ "Network", network_attacks },
	{ "Semitrusted network", semitrusted_attacks },
};

__attribute__((format(printf, 2, 0))) static void tell(const char *how, const char *fmt, va_list ap)
{
	printf("%s: ", how);
	vprintf(fmt, ap);
	putchar('\n');
}

#define TELL(how, result)   \
	va_list ap;         \
	va_start(ap, fmt);  \
	tell(how, fmt, ap); \
	va_end(ap);         \
	return (result)

long held(const char *fmt, ...)
{
	TELL("held", HELD);
}

long reached(const char *fmt, ...)
{
	TELL("reached", REACHED);
}

long untried(const char *fmt, ...)
{
	TELL("untried", UNTRIED);
}

pid_t in_child(void (*act)(void))
{
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGALRM, SIG_IGN);
		act();
		_exit(0);
	}
	return pid;
}

_Noreturn void burn(void)
{
	for (volatile unsigned long n = 0;; n++)
		;
}

_Noreturn void hang(void)
{
	for (;;)
		pause();
}

void be_deaf(void)
{
	for (int signo = 1; signo < 32; signo++)
		if (signo != SIGALRM)
			signal(signo, SIG_IGN);
}

bool touch(size_t bytes)
{
	for (size_t got = 0; got < bytes; got += MIB) {
		char *p =
			mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return false;
		memset(p, 'x', MIB);
	}
	return true;
}

/* Nobody has killed it: not even its children shall live on. */
static void on_patience_over(int signo)
{
	static const char SAID[] = "reached: nobody has ended it\n";
	(void)signo;
	_exit(write(1, SAID, sizeof(SAID) - 1) < 0 ? 2 : 1);
}

static void lose_patience_after(int ms)
{
	struct itimerval t = { .it_value = { ms / 1000, ms % 1000 * 1000L } };
	signal(SIGALRM, on_patience_over);
	setitimer(ITIMER_REAL, &t, NULL);
}

static const struct attack *find(const char *name)
{
	for (size_t c = 0; c < COUNT(CLASSES); c++)
		for (const struct attack *a = CLASSES[c].row; a->name; a++)
			if (strcmp(a->name, name) == 0)
				return a;
	return NULL;
}

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

/* A row a line, tab-separated; "-": none, 0: the default. */
static int list(void)
{
	for (size_t c = 0; c < COUNT(CLASSES); c++)
		for (const struct attack *a = CLASSES[c].row; a->name; a++)
			printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\t%s\n",
			       CLASSES[c].name, a->name, a->what, a->stopper,
			       a->verdict ? a->verdict : "exit", or_dash(a->hint),
			       or_dash(a->answer), or_dash(a->needs), a->wall_ms, a->cpu_ms,
			       a->memory_mb, a->processes, a->disk_mb, or_dash(a->without),
			       or_dash(a->weak_as));
	return 0;
}

/* "EPERM" of a call that was refused. */
static int judge(long result, int error)
{
	if (result == UNTRIED)
		return 77;
	if (result == HELD || result == REACHED)
		return result == REACHED;
	if (result >= 0)
		return puts("reached: the call was made") < 0 ? 2 : 1;
	printf("held: %s\n", strerrorname_np(error));
	return 0;
}

static int usage(void)
{
	fputs("usage: sandbatch-attacks --list\n"
	      "       sandbatch-attacks NAME [MS]\n"
	      "\n"
	      "Attacks the sandbox that it runs in, for sandbatch's own tests and `sandbatch\n"
	      "doctor`; MS is how long it waits to be killed.\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	if (argc < 2 || argc > 3)
		return usage();
	if (strcmp(argv[1], "--list") == 0)
		return list();
	if (strcmp(argv[1], "look") == 0)
		return look();
	const struct attack *a = find(argv[1]);
	if (!a)
		return usage();
	setvbuf(stdout, NULL, _IONBF, 0); /* a child that exits must say nothing twice */
	if (a->verdict)
		lose_patience_after(argc > 2 ? (int)strtol(argv[2], NULL, 10) : PATIENCE_MS);
	errno = 0;
	long result = a->run();
	return judge(result, errno);
}
