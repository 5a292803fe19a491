#include "cmd/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/yaml.h"

/* One row is one subcommand; its code is in the file of that name. */
static const struct command *const commands[] = {
	&command_run,  &command_validate,  &command_plan,    &command_exec,   &command_serve,
	&command_keys, &command_languages, &command_report,  &command_runs,   &command_cache,
	&command_jobs, &command_doctor,    &command_version, &command_schema,
};

#define NCOMMAND (sizeof(commands) / sizeof(commands[0]))

int cmd_fail(const struct err *e)
{
	static const int status[] = {
		[ERR_USAGE] = 2,         [ERR_SPEC] = 3,      [ERR_REMOTE] = 4,
		[ERR_SYSTEM] = 5,        [ERR_MALFORMED] = 3, [ERR_IMPOSSIBLE] = 3,
		[ERR_INTERRUPTED] = 130,
	};
	size_t kind = (size_t)e->kind;

	fprintf(stderr, "sandbatch: %s\n", e->msg);
	return kind < sizeof(status) / sizeof(status[0]) && status[kind] ? status[kind] : 4;
}

bool cmd_plan(struct arena *a, const struct spec_source *from, struct plan *out, struct err *e)
{
	CLEAN_BUF struct buf tell = BUF(1 << 20);
	struct spec *spec = ARENA_NEW(a, 1, struct spec);
	bool ok;

	if (access(from->path, R_OK) != 0)
		return err_set(e, ERR_USAGE, "cannot read '%s': %s", from->path, strerror(errno));
	ok = spec_read(a, from, &tell, spec, e);
	if (!ok && e->kind == ERR_SYSTEM) /* a folder, say, or too large: no spec was named */
		e->kind = ERR_USAGE;
	fputs(buf_text(&tell), stderr);
	return ok && plan_build(a, spec, out, e);
}

bool cmd_find(struct arena *a, const char *beside, const char *installed, const char **out,
	      struct err *e)
{
	const char *folder;

	if (!proc_self_folder(a, &folder, e))
		return false;
	*out = arena_printf(a, "%s/%s", folder, beside);
	if (access(*out, R_OK) == 0)
		return true;
	if (access(installed, R_OK) != 0)
		return err_set(e, ERR_SYSTEM, "neither %s nor %s is there", *out, installed);
	*out = installed;
	return true;
}

bool cmd_has_colour(int fd)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	return isatty(fd) && !(no && *no) && !getenv("CI") && term && strcmp(term, "dumb") != 0;
}

int cmd_width(int fd)
{
	struct winsize size;

	return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static void usage(FILE *to)
{
	fputs("usage: sandbatch COMMAND [OPTIONS] [OPERANDS]\n\n", to);
	for (size_t i = 0; i < NCOMMAND; i++)
		fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->help);
	fputs("\n'sandbatch COMMAND --help' lists a command's options.\n", to);
}

static int unknown_command(const char *name, struct err *e)
{
	const char *names[NCOMMAND + 1] = { NULL }, *near;

	for (size_t i = 0; i < NCOMMAND; i++)
		names[i] = commands[i]->name;
	near = yaml_nearest(name, names);
	if (near)
		err_set(e, ERR_USAGE, "there is no command '%s'; did you mean '%s'?", name, near);
	else
		err_set(e, ERR_USAGE, "there is no command '%s'; see 'sandbatch --help'", name);
	return cmd_fail(e);
}

static bool asks_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

/* The answer goes to stdout: a full disk there is a failure, not a success with half the text. */
static int end(int status)
{
	struct err e;

	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	err_sys(&e, "cannot write to standard output");
	return status ? status : cmd_fail(&e);
}

static int run_command(const struct command *c, int argc, char **argv)
{
	struct err e = { 0 };

	if (asks_help(argc, argv)) {
		options_help(c, stdout);
		return 0;
	}
	return c->run(argc, argv, &e);
}

/* Of standard input, output and error, what came closed would become the next file that we open:
 * what we print would go into a journal. /dev/null read-only, so that an answer nobody gets is
 * still a failure. */
static void fill_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	struct err e = { 0 };

	fill_standard_files();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a write past ulimit -f fails, and that is told */
	if (!name) {
		usage(stderr);
		return 2;
	}
	if (!strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h")) {
		usage(stdout);
		return end(0);
	}
	if (!strcmp(name, "--version"))
		name = "version";
	for (size_t i = 0; i < NCOMMAND; i++)
		if (!strcmp(name, commands[i]->name))
			return end(run_command(commands[i], argc - 1, argv + 1));
	return unknown_command(name, &e);
}
