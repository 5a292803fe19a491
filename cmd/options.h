/*
 * options -- the command line: one table per subcommand, from which parsing,
 * --help and the man page's list come.
 */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"

enum option_type {
	OPTION_FLAG,   /* bool */
	OPTION_TEXT,   /* const char * */
	OPTION_MAYBE,  /* const char *, "" where =VALUE was left out */
	OPTION_LIST,   /* struct strings: may be given again and again */
	OPTION_NUMBER, /* int64_t, min to max */
};

/* Ends with NULL, so that it can be handed on as it is. */
struct strings {
	const char **item;
	size_t n;
};

/* One row is one option; a table ends with a row without name. */
struct option_row {
	const char *name;
	char letter;     /* or 0 */
	const char *arg; /* as in --help: "N", "URL" */
	const char *help;
	enum option_type type;
	size_t at; /* offset in the object that is filled */
	int64_t min, max;
};

/* argv[0] is the subcommand's name. Returns the exit status. */
typedef int command_fn(int argc, char **argv, struct err *e);

struct command {
	const char *name, *operands, *help;
	const struct option_row *option; /* NULL: none */
	size_t min_operands, max_operands;
	bool takes_rest; /* what follows -- is apart: the program's own arguments */
	command_fn *run;
};

struct operands {
	struct strings item, rest;
};

struct command_line {
	int argc;
	char **argv;
};

/* Fill object by the command's table. Fails with ERR_USAGE, naming the option, found and wanted. */
bool options_parse(const struct command *c, struct command_line line, struct arena *a, void *object,
		   struct operands *operands, struct err *e);
/* The words of a command line that fill an object like this one, but for those options (NULL at the
 * end). */
struct strings options_words(const struct command *c, struct arena *a, const void *object,
			     const char *const *but);
/* What --help prints. */
void options_help(const struct command *c, FILE *to);

#endif
