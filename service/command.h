/*
 * command -- from a language's argument list and a request to what is executed:
 * argv and environment, and both as the strings of a JAIL_RUN.
 */
#ifndef SERVICE_COMMAND_H
#define SERVICE_COMMAND_H

#include "base/arena.h"
#include "base/err.h"
#include "service/language.h"
#include "wire/wire.h"

struct command {
	struct names arg; /* arg.item[0]: an absolute path in the sandbox */
	struct names env; /* "KEY=value", each key once */
};

/*
 * Whether an item of a language's list has only placeholders that there are: {source}, {program},
 * {stem} and {memory_mb} anywhere in it, {args} and {compile_args} as the whole item.
 */
bool command_check_item(const char *item, struct err *e);
/* The request's name of the source, or the language's. */
const char *command_source(const struct wire_request *r, const struct language *l);
/* The request, with the source's name as the source itself tells it where the language wants that
 * (source_name) and the request has none. */
const struct wire_request *command_named(struct arena *a, const struct wire_request *r,
					 const struct language *l);
/* The file that compiling makes, "" for a language that is not compiled. */
const char *command_program(struct arena *a, const struct language *l,
			    const struct wire_request *r);
/*
 * Fill in the list (l->compile, l->run, l->wasm) and the environment: PATH, HOME and LANG, then the
 * language's, then the request's; the last of a key wins. A source named "-x" becomes "./-x".
 * folder: the working folder as the program sees it.
 */
void command_make(struct arena *a, const struct names *list, const struct language *l,
		  const struct wire_request *r, const char *folder, struct command *out);
/*
 * tar(1) that unpacks the archive, given on its stdin, in the working folder. Compression is told
 * by the first bytes, since tar cannot look at a stdin twice. Files that are there already stay.
 */
void command_unpack(struct arena *a, const struct bytes *archive, const char *folder,
		    struct command *out);
/* argv then environment, each with its NUL, in a memfd; -1 with e. */
int command_strings(const struct command *c, struct err *e);
/* A memfd (its name is for /proc) with these bytes, sealed and opened for reading from its start;
 * -1 with e. */
int command_memfd(const char *name, const void *data, size_t len, struct err *e);

#endif
