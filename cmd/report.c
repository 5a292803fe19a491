#include "cmd/report.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "cmd/cmd.h"
#include "cmd/path.h"
#include "keep/keep.h"

#define REPORT_MAX (1u << 30)

struct report_opts {
	struct strings reports;
};

static const struct option_row report_options[] = {
	{ "report", 0, "FORMAT[=PATH]", "as for run; without it the table for people, here",
	  OPTION_LIST, offsetof(struct report_opts, reports), 0, 0 },
	{ 0 },
};

/* "junit" of "junit=out.xml". */
static const struct report_format *format_of(const char *wanted, char name[32])
{
	snprintf(name, 32, "%.*s", (int)strcspn(wanted, "="), wanted);
	return report_find(name);
}

static bool no_format(const char *name, struct err *e)
{
	CLEAN_BUF struct buf names = BUF(1 << 12);

	for (const struct report_format *f = report_formats; f->name; f++)
		buf_printf(&names, "%s%s",
			   f == report_formats ? ""
			   : f[1].name         ? ", "
					       : " or ",
			   f->name);
	return err_set(e, ERR_USAGE, "--report must be %s, not '%s'", buf_text(&names), name);
}

/* Now, and not when all has run. */
static bool check_place(const char *path, const char *made, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	const char *slash = strrchr(path, '/');
	const char *folder = slash ? arena_strndup(&a, path, (size_t)(slash - path + 1)) : ".";
	const char *why;
	struct stat st;

	if (!*path)
		return err_set(e, ERR_USAGE, "--report: a path is wanted after '='");
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		errno = EISDIR;
	else if (access(path, W_OK) == 0 || (errno == ENOENT && access(folder, W_OK | X_OK) == 0))
		return true;
	why = errno == ENOENT ? "its folder is not there" : strerror(errno);
	return (errno == ENOENT && made && path_is_below(path, made)) ||
	       err_set(e, ERR_USAGE, "--report: cannot write '%s': %s", path, why);
}

bool reports_check(const struct strings *wanted, const char *made, struct err *e)
{
	for (size_t i = 0; i < wanted->n; i++) {
		const char *path = strchr(wanted->item[i], '=');
		char name[32];

		if (!format_of(wanted->item[i], name))
			return no_format(name, e);
		if (path && strcmp(path + 1, "-") != 0 && !check_place(path + 1, made, e))
			return false;
	}
	return true;
}

static bool write_to(const char *path, const struct buf *b, struct err *e)
{
	if (!strcmp(path, "-"))
		return fwrite(buf_text(b), 1, b->len, stdout) == b->len ||
		       err_sys(e, "cannot write to standard output");
	return fs_write(AT_FDCWD, path, buf_text(b), b->len, e);
}

bool reports_write(const struct strings *wanted, const struct summary *s, struct err *e)
{
	for (size_t i = 0; i < wanted->n; i++) {
		CLEAN_ARENA struct arena a = { 0 };
		CLEAN_BUF struct buf b = BUF(REPORT_MAX);
		const char *path = strchr(wanted->item[i], '=');
		char name[32];
		const struct report_format *f = format_of(wanted->item[i], name);

		f->write(s, &b);
		path = path ? path + 1 : arena_printf(&a, "%s/%s", s->run_folder, f->file);
		if (!write_to(path, &b, e))
			return false;
	}
	return true;
}

bool report_load(struct arena *a, const char *run, struct summary *out, struct err *e)
{
	const char *folder;

	return keep_find(a, CMD_ROOT, run, &folder, e) && run_load(a, folder, out, e);
}

static bool report(struct arena *a, const char *run, const struct report_opts *o, struct err *e)
{
	CLEAN_BUF struct buf table = BUF(REPORT_MAX);
	struct summary s;

	if (!reports_check(&o->reports, NULL, e) || !report_load(a, run, &s, e))
		return false;
	if (o->reports.n)
		return reports_write(&o->reports, &s, e);
	report_console(&s, cmd_has_colour(STDOUT_FILENO), cmd_width(STDOUT_FILENO), &table);
	return write_to("-", &table, e);
}

static int run_report(int argc, char **argv, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct report_opts o = { 0 };
	struct operands operands;

	if (!options_parse(&command_report, (struct command_line){ argc, argv }, &a, &o, &operands,
			   e))
		return cmd_fail(e);
	return report(&a, operands.item.n ? operands.item.item[0] : NULL, &o, e) ? 0 : cmd_fail(e);
}

const struct command command_report = {
	.name = "report",
	.operands = "[RUN]",
	.help = "report an earlier run again (without RUN the latest)",
	.option = report_options,
	.max_operands = 1,
	.run = run_report,
};
