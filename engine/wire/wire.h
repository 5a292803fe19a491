/*
 * wire -- what crosses HTTP: request, job, result, and every limit. Both ends
 * use this room, so a field of the contract is changed here and nowhere else.
 *
 * All that is parsed lives in the caller's arena. JSON is compact; the fields of
 * the published contract come first, ours (marked +) behind them.
 */
#ifndef ENGINE_WIRE_WIRE_H
#define ENGINE_WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

#define WIRE_VERSION     "1"                 /* told in the header below */
#define WIRE_HEADER      "Sandbatch-Version" /* on every answer of a service with our additions */
#define WIRE_IDEMPOTENCY "Idempotency-Key"
#define WIRE_TTL_DEFAULT 60
#define WIRE_TTL_MAX     900
#define WIRE_FILES_MAX   10
#define WIRE_NAME_MAX    256
#define WIRE_MB          (1 << 20) /* when we serve; 1,000,000 when we check for elsewhere */
#define WIRE_FILE_MB     5
#define WIRE_FILES_MB    10
#define WIRE_BODY_MAX    (32 * WIRE_MB)
#define WIRE_WAIT_MAX    60
#define WIRE_COMPILE_TTL 60
#define WIRE_ID_SIZE     37 /* a UUID and a NUL */

struct bytes {
	const char *data; /* NUL behind; may hold NUL */
	size_t len;
};

struct wire_pair {
	const char *key, *value;
};

struct wire_file {
	const char *name; /* flat, or with is_path relative with folders (+) */
	bool is_path;     /* + sent as "path" */
	bool is_archive;  /* + "extract": a tar to unpack in the working directory */
	struct bytes data;
};

/* + What a job may use; 0 or -1: not given, the service's default. */
struct wire_limits {
	int64_t memory_mb, processes, disk_mb, output_bytes;
	int64_t cpu_ms; /* "cpu_seconds", decimals */
};
#define WIRE_LIMITS_DEFAULT    \
	((struct wire_limits){ \
		.memory_mb = 1024, .processes = 128, .disk_mb = 256, .output_bytes = 1 << 20 })

enum wire_network { WIRE_ZEROTRUST, WIRE_SEMITRUSTED };

struct wire_request {
	const char *language; /* NULL: to be detected (/run) */
	struct bytes code;
	struct wire_pair *env;
	size_t nenv;
	enum wire_network network;
	int64_t ttl_s;
	bool return_artifact, return_wasm_artifact;
	struct wire_file *file;
	size_t nfile;
	bool has_stdin;     /* + */
	struct bytes input; /* + "stdin" */
	const char **arg;   /* + */
	size_t narg;
	const char **compile_arg; /* + */
	size_t ncompile_arg;
	const char *filename;       /* + of the source, NULL: the language's default */
	const char **artifact_path; /* + globs */
	size_t nartifact_path;
	struct wire_limits limits; /* + */
};

enum wire_status {
	WIRE_PENDING,
	WIRE_RUNNING,
	WIRE_COMPLETED, /* ended by itself, whatever its exit code */
	WIRE_TIMEOUT,
	WIRE_CANCELLED,
	WIRE_FAILED, /* the service could not run it */
};

/* + Which limit fired first. */
enum wire_limit {
	WIRE_NO_LIMIT,
	WIRE_LIMIT_TTL,
	WIRE_LIMIT_MEMORY,
	WIRE_LIMIT_PROCESSES,
	WIRE_LIMIT_DISK,
	WIRE_LIMIT_OUTPUT,
	WIRE_LIMIT_CPU,
};

/* + data.data is NULL for one whose bytes are not here (?inline_bytes=N of GET /jobs/{id}: larger
 * than N): there are len of them, to be had by wire_artifact_path. */
struct wire_artifact {
	const char *name;
	struct bytes data;
};

struct wire_result {
	bool success;
	struct bytes out, err; /* "stdout", "stderr" */
	const char *error;     /* NULL, or one sentence */
	int exit_code;         /* 128+N for signal N, -1 when we killed it */
	const char *language;
	const char *detected_language; /* NULL but for /run */
	const char *job_id;
	struct wire_artifact *artifact;
	size_t nartifact;
	const char *execution_mode;
	enum wire_network network;
	int64_t total_time_ms;
	/* + and from here on; has_extras: they were there */
	bool has_extras;
	enum wire_status status;
	enum wire_limit limit;
	int signal; /* 0: none */
	int64_t cpu_time_ms, peak_memory_bytes, queue_time_ms;
	bool out_truncated, err_truncated;
	bool has_compile; /* "compile":{...} or null */
	int compile_exit_code;
	const char *compile_stderr;
	int64_t compile_time_ms;
	bool compile_cached;
};

struct wire_job {
	const char *id;
	enum wire_status status;
	const char *language;                         /* in rows of GET /jobs */
	int64_t created_at, started_at, completed_at; /* Unix seconds, 0: null */
	const struct wire_result *result;             /* NULL while it has not ended */
};

/* Names as on the wire; NULL at the end, indexed by the enums. */
extern const char *const wire_status_names[];
extern const char *const wire_limit_names[]; /* [0] is "", never printed: null */
extern const char *const wire_network_names[];

static inline bool wire_has_ended(enum wire_status s)
{
	return s >= WIRE_COMPLETED;
}

/*
 * Parse a request body. Unknown fields are ignored; a wrong type or value fails with ERR_MALFORMED
 * and a sentence that names the field, found and wanted; too much of something with ERR_TOO_LARGE.
 */
bool wire_request_parse(struct arena *a, const char *text, size_t len, struct wire_request *out,
			struct err *e);
/*
 * The rules of part 1 and 2 on a request however it was made; limits of mb bytes to the MB (see
 * WIRE_MB).
 */
bool wire_request_check(const struct wire_request *r, int64_t mb, struct err *e);
bool wire_request_print(const struct wire_request *r, struct buf *b);

bool wire_result_print(const struct wire_result *r, struct buf *b);
/* An artifact whose bytes are not here is {"filename":...,"size":...,"path":...}. */
bool wire_job_print(const struct wire_job *j, struct buf *b);
/* "/jobs/ID/artifacts/NAME", the name percent-encoded (RFC 3986) but for its slashes. */
const char *wire_artifact_path(struct arena *a, const char *job_id, const char *name);
/* {"message":"Job cancelled","job_id":...,"result":{...}} */
bool wire_cancelled_print(const struct wire_job *j, struct buf *b);
/* {"job_id":...,"status":"pending"} */
bool wire_accepted_print(const char *id, struct buf *b);
/*
 * Parse what a service answered: a job, an accepted submit, or a cancel. Anything may be hostile;
 * ERR_REMOTE if it is none. An artifact whose bytes are not here has just the path it must have.
 */
bool wire_job_parse(struct arena *a, const char *text, size_t len, struct wire_job *out,
		    struct err *e);
/* {"success":false,"error":...,"code":...} */
bool wire_error_print(const char *sentence, const char *code, struct buf *b);
/*
 * The fields of the contract as JSON schemas (2020-12) by name, "request":{...},"result":{...} and
 * job, accepted, cancelled, error: what stands in components.schemas of an OpenAPI description,
 * where they refer to each other. Always given is what our service always gives.
 */
bool wire_schemas_print(struct buf *b);
/* The sentence of such an answer, or NULL. */
const char *wire_error_parse(struct arena *a, const char *text, size_t len);

#endif
