/* sandbatch-jail: options, and what holds for all of the warden's life. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sandbox/warden.h"

static const char USAGE[] =
	"usage: sandbatch-jail --slot N [--sandbox full|limits|none] [--bind DIR]...\n"
	"       sandbatch-jail --sweep PID\n"
	"\n"
	"Runs untrusted commands for one slot of sandbatch's service, which starts it\n"
	"with a SOCK_SEQPACKET socket as fd 3. --sweep kills and removes what the wardens\n"
	"of a service that was killed, process PID, may have left.\n";

struct options {
	struct slot slot;
	bool has_slot;
	long sweep; /* 0: serve */
};

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
	errno = 0;
	*out = strtol(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *out >= min && *out <= max;
}

static bool set_mode(struct options *o, const char *text)
{
	static const char *const MODES[] = { "full", "limits", "none" };
	for (size_t i = 0; i < COUNT(MODES); i++) {
		if (strcmp(text, MODES[i]) == 0) {
			o->slot.mode = (enum mode)i;
			return true;
		}
	}
	return false;
}

static bool set_option(struct options *o, const char *name, const char *value)
{
	long n;
	if (strcmp(name, "--slot") == 0) {
		o->has_slot = parse_number(value, 0, MAX_SLOT, &n);
		o->slot.number = (unsigned)n;
		snprintf(o->slot.name, sizeof(o->slot.name), "sandbatch.%d.%ld", (int)getppid(), n);
		return o->has_slot;
	}
	if (strcmp(name, "--sandbox") == 0)
		return set_mode(o, value);
	if (strcmp(name, "--bind") == 0 && o->slot.nbind < MAX_BINDS) {
		o->slot.bind[o->slot.nbind++] = value;
		return true;
	}
	return strcmp(name, "--sweep") == 0 && parse_number(value, 2, INT32_MAX, &o->sweep);
}

/* Every option has a value. */
static bool parse_options(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i += 2)
		if (i + 1 == argc || !set_option(o, argv[i], argv[i + 1]))
			return false;
	return o->has_slot != (o->sweep > 0);
}

static int sweep(pid_t service)
{
	struct why w;
	char prefix[40];
	snprintf(prefix, sizeof(prefix), "sandbatch.%d.", (int)service);
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
	struct options o = { 0 };
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(USAGE, stdout) < 0;
	if (!parse_options(&o, argc, argv)) {
		fputs(USAGE, stderr);
		return 2;
	}
	if (o.sweep)
		return sweep((pid_t)o.sweep);
	if (!has_fds()) {
		fputs("sandbatch-jail: fds 0 to 2 must be open, and fd 3 a SOCK_SEQPACKET socket\n",
		      stderr);
		return 2;
	}
	umask(022); /* jobs inherit it */
	block_signals();
	bool is_open = serve(&o.slot);
	/* nothing is buffered, and a leak checker at exit would look for the /proc that we left */
	_exit(is_open ? 0 : 1);
}
