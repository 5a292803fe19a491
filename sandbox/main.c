/* sandbatch-jail: options, and what holds for all of the warden's life. */
#include "sandbox/warden.h"

static const char USAGE[] =
	"usage: sandbatch-jail --slot N [--sandbox full|limits|none] [--rootfs DIR]\n"
	"                      [--bind DIR]... [--dns IP]\n\n"
	"Runs untrusted commands for one slot of sandbatch's service, which starts it\n"
	"with a SOCK_SEQPACKET socket as fd 3, and fds 0 to 2 open.\n";

static bool set_mode(struct slot *s, const char *text)
{
	static const char *const MODES[] = { "full", "limits", "none" };
	for (size_t i = 0; i < COUNT(MODES); i++)
		if (strcmp(text, MODES[s->mode = (enum mode)i]) == 0)
			return true;
	return false;
}

static bool set_option(struct slot *s, const char *name, const char *value)
{
	char *end;
	if (strcmp(name, "--sandbox") == 0)
		return set_mode(s, value);
	if (strcmp(name, "--dns") == 0)
		return (s->dns = value) != NULL;
	if (strcmp(name, "--rootfs") == 0)
		return *(s->rootfs = value) == '/';
	if (strcmp(name, "--bind") == 0 && s->nbind < MAX_BINDS) {
		s->bind[s->nbind++] = value;
		return true;
	}
	s->number = (unsigned)strtoul(value, &end, 10);
	snprintf(s->name, sizeof(s->name), "sandbatch.%d.%u", (int)getppid(), s->number);
	return strcmp(name, "--slot") == 0 && end != value && *end == '\0' && s->number <= MAX_SLOT;
}

/* We end when the socket closes and not before: a signal would leave our cgroups behind. */
static void block_signals(void)
{
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* jobs inherit what we were started with, and an ignored SIGCHLD would reap for us */
	for (int signo = 1; signo < _NSIG; signo++)
		signal(signo, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
}

int main(int argc, char **argv)
{
	struct slot s = { .rootfs = "" };
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(USAGE, stdout) < 0;
	/* fds 0 to 2 are open, or what we receive would land there */
	bool is_sound = fcntl(JAIL_FD, F_SETFD, FD_CLOEXEC) == 0 && fcntl(2, F_GETFD) >= 0;
	for (int i = 1; is_sound && i < argc; i += 2) /* every option has a value */
		is_sound = i + 1 < argc && set_option(&s, argv[i], argv[i + 1]);
	if (!is_sound || !s.name[0]) {
		fputs(USAGE, stderr);
		return 2;
	}
	umask(0);
	block_signals();
	/* nothing is buffered, and a leak checker at exit would look for the /proc that we left */
	_exit(serve(&s) ? 0 : 1);
}
