/*
 * language -- what this host can run: rows of etc/languages.yml, looked for on
 * the sandbox's PATH.
 */
#ifndef SERVICE_LANGUAGE_H
#define SERVICE_LANGUAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/yaml.h"

#define LANGUAGE_PATH "/usr/local/bin:/usr/bin:/bin" /* PATH inside the sandbox */

/*
 * compile and run are argument lists in which {source}, {program} stand for file names in the
 * working directory, {compile_args} and {args} (an item of their own) for the request's lists.
 */
struct language {
	const char *name;
	struct names aliases, extensions, shebangs;
	const char *filename; /* default name of the source */
	struct names compile; /* n == 0: not compiled */
	struct names run;
	struct names version;  /* command that tells it */
	const char *program;   /* what compile makes, and return_artifact returns */
	struct names needs;    /* programs that must be found: compiler, interpreter */
	const char *package;   /* Debian package that brings it */
	struct wire_pair *env; /* set before the request's */
	size_t nenv;
	bool is_available;   /* all of needs were found */
	const char *missing; /* the first that was not */
};

struct languages {
	struct language *item;
	size_t n;
};

/* Read the table and look for each on LANGUAGE_PATH. Mistakes as in yaml.h. */
bool languages_load(struct arena *a, const char *path, struct buf *tell, struct languages *out,
		    struct err *e);
/* By name or alias, whether available or not; NULL: unknown. */
const struct language *languages_find(const struct languages *l, const char *name);
/* /languages: {"languages":["c",...],"details":[{name, aliases, extensions, available, package,
 * missing}...]} */
bool languages_print(const struct languages *l, struct buf *b);

#endif
