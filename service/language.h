/*
 * language -- what this host can run: rows of etc/languages.yml, looked for on
 * the sandbox's PATH.
 */
#ifndef SERVICE_LANGUAGE_H
#define SERVICE_LANGUAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/yaml.h"
#include "wire/wire.h"

#define LANGUAGE_VERSION_SIZE 120
#define LANGUAGE_PATH         "/usr/local/bin:/usr/bin:/bin" /* PATH inside the sandbox */

/*
 * compile, run and wasm are argument lists in which {source}, {program}, {stem} stand for file
 * names in the working directory, {memory_mb} for a limit, {compile_args} and {args} (an item of
 * their own) for the request's lists.
 */
struct language {
	const char *name;
	struct names aliases, extensions, shebangs;
	struct names marks;      /* patterns that tell its texts (detect.h) */
	const char *filename;    /* default name of the source */
	const char *source_name; /* pattern: its first group in the source is that name without its
				    extension; NULL: filename */
	struct names compile;    /* n == 0: not compiled */
	struct names run;
	struct names version;    /* command that tells it */
	const char *program;     /* what compile makes, and return_artifact returns */
	struct names needs;      /* programs that must be found: compiler, interpreter */
	const char *package;     /* Debian packages that bring it */
	const char *npm;         /* npm packages besides */
	const char *unavailable; /* why it cannot be had; there is no command then */
	struct names wasm;       /* makes {program}.wasm; n == 0: cannot */
	struct names wasm_needs; /* as needs */
	const char *wasm_package;
	const char *warm;        /* script with which its interpreter waits for jobs (warming.h) */
	const char *warm_script; /* its text; NULL: none waits */
	struct names warm_env;   /* a job with one of these, */
	struct names warm_files; /* or with one of these files, starts an interpreter of its own */
	struct wire_pair *env;   /* set before the request's */
	size_t nenv;
	char *version_told;       /* LANGUAGE_VERSION_SIZE bytes; "" until it is known */
	bool is_available;        /* all of needs were found */
	const char *missing;      /* the first that was not, or why it cannot be had */
	const char *wasm_missing; /* of wasm_needs; NULL: none is */
};

struct languages {
	struct language *item;
	size_t n;
	bool *is_version_wanted; /* they were printed */
};

/* Read the table and look for each on LANGUAGE_PATH, below rootfs if that is not NULL. Mistakes as
 * in yaml.h. */
bool languages_load(struct arena *a, const char *path, const char *rootfs, struct buf *tell,
		    struct languages *out, struct err *e);
/* By name or alias, whether available or not; NULL: unknown. */
const struct language *languages_find(const struct languages *l, const char *name);
/*
 * Whether this host can do what r asks of l; ERR_IMPOSSIBLE with what is missing and how to install
 * it: the toolchain, that for WebAssembly, or that there is no such thing for this language.
 */
bool language_can(const struct language *l, const struct wire_request *r, struct err *e);
/* Versions are null until they were asked for (versions.h), which this call wishes for.
 * /languages: {"languages":["c",...],"details":[{name, aliases, extensions, shebangs, available,
 * package, npm, missing, version, compiled, wasm, wasm_package}...]} */
bool languages_print(const struct languages *l, struct buf *b);

#endif
