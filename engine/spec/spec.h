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
	const char *path; /* of what value names, in a matrix of folders or files; or NULL */
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
	COMPARE_CONTAINS,
	COMPARE_MATCHES,
	COMPARE_NOT_MATCHES,
	COMPARE_TOKENS,  /* equal but for white space */
	COMPARE_FLOATS,  /* token by token, numbers within abs or rel */
	COMPARE_LINES,   /* line by line, or in any order */
	COMPARE_JSON,    /* structural */
	COMPARE_SAME_AS, /* equal to what the job `want` printed; run gives check its text */
	COMPARE_CHECKER, /* a program in the sandbox says; run gives check its answer */
};

extern const char *const comparator_names[]; /* as in the spec: "equals", ...; NULL at the end */

struct stream_check {
	enum stream stream;
	enum comparator comparator;
	struct text want; /* text, pattern, or the path of a file with it */
	bool is_file;     /* want is the path of a file (equals_file, tokens_file, { file: }) */
	bool is_exact;    /* equals: do not forgive a missing final newline; floats: no 3.0 for 3 */
	bool ignores_case;           /* tokens */
	bool any_order;              /* lines */
	double abs_error, rel_error; /* floats: either suffices */
	struct text language;        /* checker: s NULL: by its file's name */
	struct text answer;          /* checker: a file it is given; s NULL: another check's file */
	struct mark mark;
};

/* An artifact that must be there. */
struct artifact_check {
	struct text name; /* a glob */
	int64_t min_bytes;
	struct mark mark;
};

struct expect {
	int *exit_code; /* any of these; NULL: 0 */
	size_t nexit_code;
	bool any_exit_code;
	bool is_timeout;            /* status: timeout */
	struct stream_check *check; /* in written order */
	size_t ncheck;
	int64_t max_duration_ms; /* 0: any */
	struct artifact_check *artifact;
	size_t nartifact;
};

/* What makes a cell run again. */
enum retry_kind { RETRY_INFRA = 1, RETRY_TIMEOUT = 2 };

struct retry_spec {
	int64_t max; /* further attempts; 0: none */
	unsigned on; /* of enum retry_kind, or'ed */
	struct names
		patterns;   /* PCRE2, on stdout and stderr: signatures of what is worth a retry */
	int64_t backoff_ms; /* before the first */
	double factor;      /* by which it grows */
	bool has_jitter;
};

struct matrix_axis {
	const char *key;
	struct text_list values;
	const char **path; /* of each value: it names a folder or file there; NULL: a plain list */
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
	const char *path;       /* of the spec it stands in: its marks are places in that */
	const char *folder;     /* of that spec: what its paths are relative to */
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
	struct text_list compile_args;
	struct text filename; /* of the source in the working directory; s NULL: the language's */
	bool return_wasm_artifact;
	struct retry_spec retry;
	double points;   /* 0: none */
	bool is_partial; /* a checker may give a part of them */
	int visibility;  /* as visibility_names */
	bool allow_failure;
	int64_t repeat;             /* 0 and 1: once */
	bool skips_unless_language; /* skip_unless: { language: available } */
	bool no_cache;
	bool caches_network; /* cache: true said of a semitrusted job */
};

extern const char *const visibility_names[]; /* Gradescope's: visible, hidden, after_due_date,
						after_published; NULL at the end */

struct spec {
	const char *path;
	const char *folder;    /* where it lies; a job's own may differ */
	struct names files;    /* paths: its own, and those that it includes */
	const char *name;      /* default: the file's name without extension */
	struct pair_list vars; /* --var already laid over */
	struct job_spec *job;
	size_t njob;
	bool allow_outside; /* what a matrix finds may lie outside of the folder */
};

/* What is read, and how. */
struct spec_source {
	const char *path;
	const char *const *vars; /* "K=V", NULL at the end, or NULL: override those of the spec */
	bool allow_outside;      /* dirs and glob of a matrix may leave the spec's folder */
};

/*
 * Read a spec and those that it includes. A var that they do not have is ERR_USAGE. Every mistake
 * is written to tell (see yaml.h), and e then says how many.
 */
bool spec_read(struct arena *a, const struct spec_source *from, struct buf *tell, struct spec *out,
	       struct err *e);
/* The same, nothing outside of its folder. */
bool spec_load(struct arena *a, const char *path, const char *const *vars, struct buf *tell,
	       struct spec *out, struct err *e);
/* JSON Schema (draft 2020-12) of specs, from the tables that read them. Scalars are text to us and
 * numbers or booleans to others: it takes either. What several keys must agree on it does not say.
 */
void spec_schema(struct buf *out);
/* SHA-256 in hex of its file's bytes, with those of what it includes behind; NULL: one cannot be
 * read again (a pipe). */
const char *spec_digest(struct arena *a, const struct spec *s);
/* The job of that name, or NULL. */
const struct job_spec *spec_job(const struct spec *s, const char *name);

/* What a cell gives to the references in its texts; all borrowed. */
struct scope {
	const struct spec *spec;
	const struct pair *matrix; /* written order */
	size_t nmatrix;
	const struct job_spec *job; /* for env.* and where file() and hash() look; or NULL */
	bool allow_outside;         /* file() and hash() may leave the job's folder */
	/*
	 * What a needed job left: stdout (its bytes), verdict (as check's verdict_names) or
	 * artifacts (their names, a newline behind each). False: not known (now). NULL: nothing is.
	 */
	bool (*needs)(void *ctx, const char *job, const char *what, struct text *out);
	void *needs_ctx;
};

/*
 * What text says in that scope. Its value has no has_expr; t without ${{ }} comes back as it is.
 * Fails (ERR_SPEC) when what a needed job left is not known, or file() or hash() cannot read.
 */
bool spec_eval(struct arena *a, const struct scope *scope, const struct text *t, struct text *out,
	       struct err *e);
/* The same where a failure says nothing: the text is empty then. */
struct text spec_expand(struct arena *a, const struct scope *scope, const struct text *t);

#endif
