/* cmd -- what the subcommands share. Each has a file of its own, which ends with its `struct
 * command`. */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "base/arena.h"
#include "base/buf.h"
#include "cmd/options.h"
#include "plan/plan.h"

extern const struct command command_run, command_validate, command_plan, command_exec,
	command_serve, command_keys, command_languages, command_report, command_runs, command_cache,
	command_jobs, command_version, command_schema, command_doctor;

/* Print what went wrong; the exit status that belongs to its kind (cli.md's table). */
int cmd_fail(const struct err *e);
/* Load and plan a spec; its mistakes go to stderr. */
bool cmd_plan(struct arena *a, const struct spec_source *from, struct plan *out, struct err *e);
/* Where a file of ours lies: beside the program (build/), else under the prefix. Fails naming both
 * places. */
bool cmd_find(struct arena *a, const char *beside, const char *installed, const char **out,
	      struct err *e);
/* Whether that fd is a terminal that takes colour (NO_COLOR, TERM=dumb and CI say no). */
bool cmd_has_colour(int fd);
/* Columns of the terminal at fd, 0: it is none. */
int cmd_width(int fd);

#endif
