/* sandbatch-jail: options, and what holds for all of the warden's life. */
#include <sys/socket.h>

#include "sandbox/warden.h"

static const char USAGE[] =
	"usage: sandbatch-jail --slot N [--sandbox full|limits|none] [--bind DIR]... [--dns IP]\n"
	"       sandbatch-jail --sweep PID\n"
	"\n"
	"Runs untrusted commands for one slot of sandbatch's service, which starts it\n"
	"with a SOCK_SEQPACKET socket as fd 3. --sweep kills and removes what the wardens\n"
	"of a service that was killed, process PID, may have left.\n";

/* Fds 0 to 2 are open, so that none we receive lands there, and fd 3 is our socket. */
static bool has_fds(void)
{
	int type = 0;
	socklen_t n = sizeof(type);
	for (int fd = 0; fd < JAIL_FD; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			return false;
	return getsockopt(JAIL_FD, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_SEQPACKET &&
	       fcntl(JAIL_FD, F_SETFD, FD_CLOEXEC) == 0;
}

static bool parse_number(const char *text, long min, long max, long *out)
{
	char *end;
	*out = strtol(text, &end, 10); /* too large: LONG_MAX */
	return end != text && *end == '\0' && *out >= min && *out <= max;
}

static bool set_mode(struct slot *s, const char *text)
{
	static const char *const MODES[] = { "full", "limits", "none" };
	size_t i = 0;
	while (i < COUNT(MODES) && strcmp(text, MODES[i]) != 0)
		i++;
	s->mode = (enum mode)i;
	return i < COUNT(MODES);
}

static bool set_option(struct slot *s, long *sweep, const char *name, const char *value)
{
	long n;
	if (strcmp(name, "--sweep") == 0)
		return parse_number(value, 2, INT32_MAX, sweep);
	if (strcmp(name, "--sandbox") == 0)
		return set_mode(s, value);
	if (strcmp(name, "--dns") == 0)
		return (s->dns = value) != NULL;
	if (strcmp(name, "--bind") == 0 && s->nbind < MAX_BINDS) {
		s->bind[s->nbind++] = value;
		return true;
	}
	if (strcmp(name, "--slot") != 0 || !parse_number(value, 0, MAX_SLOT, &n))
		return false;
	s->number = (unsigned)n;
	snprintf(s->name, sizeof(s->name), "sandbatch.%d.%ld", (int)getppid(), n);
	return true;
}

/* Every option has a value; --slot and --sweep (0: none) exclude each other. */
static bool parse_options(struct slot *s, long *sweep, int argc, char **argv)
{
	for (int i = 1; i < argc; i += 2)
		if (i + 1 == argc || !set_option(s, sweep, argv[i], argv[i + 1]))
			return false;
	return (s->name[0] != '\0') != (*sweep > 0);
}

static int sweep(long service)
{
	struct why w;
	char prefix[40];
	snprintf(prefix, sizeof(prefix), "sandbatch.%ld.", service);
	bool is_ok = cgroup_sweep(prefix, &w) && folder_sweep(prefix, &w);
	if (!is_ok)
		fprintf(stderr, "sandbatch-jail: %s\n", w.text);
	return is_ok ? 0 : 1;
}

/* We end when the socket closes and not before: a signal would leave our cgroups behind. */
static void block_signals(void)
{
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGCHLD, SIG_DFL); /* ignored, it would reap before we could */
	prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
}

int main(int argc, char **argv)
{
	struct slot s = { 0 };
	long swept = 0;
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(USAGE, stdout) < 0;
	if (!parse_options(&s, &swept, argc, argv)) {
		fputs(USAGE, stderr);
		return 2;
	}
	if (swept)
		return sweep(swept);
	if (!has_fds()) {
		fputs("sandbatch-jail: fds 0 to 2 must be open, and fd 3 a SOCK_SEQPACKET socket\n",
		      stderr);
		return 2;
	}
	umask(022); /* jobs inherit it */
	block_signals();
	bool is_open = serve(&s);
	/* nothing is buffered, and a leak checker at exit would look for the /proc that we left */
	_exit(is_open ? 0 : 1);
}
