/*
 * spec -- a YAML file read into a validated model, or told where it is wrong;
 * and ${{ }}, which stands in its texts until a cell gives it values.
 *
 * A key of the spec is one row of a table in this room. References in ${{ }} are
 * checked when the spec is read (is there such a var, such a matrix key?), so
 * that expanding one later cannot fail on a name.
 */
#ifndef ENGINE_SPEC_SPEC_H
#define ENGINE_SPEC_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/yaml.h"

/* A scalar as it was written. s is NULL where nothing was. */
struct text {
	const char *s; /* NUL behind */
	size_t len;
	struct mark mark;
	bool has_expr; /* ${{ }} stands in it */
};

struct text_list {
	struct text *item;
	size_t n;
};

/* Of env, vars, a matrix include: in written order. */
struct pair {
	const char *key;
	struct text value;
};

struct pair_list {
	struct pair *item;
	size_t n;
};

enum file_source {
	FILE_PATH,     /* value: a file or folder below the spec's folder */
	FILE_GLOB,     /* value: a pattern below it */
	FILE_CONTENT,  /* value: the bytes */
	FILE_ARTIFACT, /* value: name of an artifact of the job from */
};

struct file_spec {
	enum file_source source;
	struct text value;
	const char *from; /* FILE_ARTIFACT: a needed job's name */
	struct text as;   /* name in the working directory; s NULL: the value's own */
	struct mark mark;
};

enum stream { STREAM_STDOUT, STREAM_STDERR };

/* A row each in check's table of comparators. */
enum comparator {
	COMPARE_EQUALS,
	COMPARE_EQUALS_FILE,
	COMPARE_CONTAINS,
	COMPARE_MATCHES,
	COMPARE_NOT_MATCHES,
};

extern const char *const comparator_names[]; /* as in the spec: "equals", ...; NULL at the end */

struct stream_check {
	enum stream stream;
	enum comparator comparator;
	struct text want; /* text, pattern, or the path of a file with it */
	bool is_exact;    /* equals: do not forgive a missing final newline */
	struct mark mark;
};

struct expect {
	int *exit_code; /* any of these; NULL: 0 */
	size_t nexit_code;
	bool any_exit_code;
	bool is_timeout;            /* status: timeout */
	struct stream_check *check; /* in written order */
	size_t ncheck;
};

struct matrix_axis {
	const char *key;
	struct text_list values;
};

struct matrix {
	struct matrix_axis *axis;
	size_t naxis;
	struct pair_list *include, *exclude;
	size_t ninclude, nexclude;
};

struct job_limits { /* 0: not given */
	int64_t memory_mb, processes, disk_mb, output_bytes, cpu_ms;
};

struct job_spec {
	const char *name;
	struct mark mark;       /* of its name */
	struct text language;   /* s NULL: from the file's extension, its shebang, else detected by
				   the service */
	struct text code, file; /* one of them */
	struct text input, input_file; /* stdin: one or neither */
	struct text_list args;
	struct file_spec *files;
	size_t nfiles;
	struct pair_list env;
	int64_t ttl_s; /* 0: not given */
	int network;   /* as enum wire_network */
	struct job_limits limits;
	bool return_artifact;
	struct text_list artifacts; /* globs */
	struct names needs;
	uint32_t *need; /* the same as indices into spec.job */
	struct matrix matrix;
	struct expect expect;
	struct text xfail; /* why; s NULL: not one */
	struct names tags;
};

struct spec {
	const char *path;
	const char *folder;    /* what its paths are relative to */
	const char *name;      /* default: the file's name without extension */
	struct pair_list vars; /* --var already laid over */
	struct job_spec *job;
	size_t njob;
};

/*
 * Read the spec at path. vars ("K=V", NULL at the end or NULL) override; one that the spec does not
 * have is ERR_USAGE. Every mistake is written to tell (see yaml.h), and e then says how many.
 */
bool spec_load(struct arena *a, const char *path, const char *const *vars, struct buf *tell,
	       struct spec *out, struct err *e);
/* The job of that name, or NULL. */
const struct job_spec *spec_job(const struct spec *s, const char *name);

/* The values a cell gives to matrix.*: written order, borrowed. */
struct scope {
	const struct spec *spec;
	const struct pair *matrix;
	size_t nmatrix;
};

/* What text says in that scope. Its value has no has_expr; t without ${{ }} comes back as it is. */
struct text spec_expand(struct arena *a, const struct scope *scope, const struct text *t);

#endif
