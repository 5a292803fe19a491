/* What a service answered, read with suspicion: it may be any service, or none. */
#include "wire/wire.h"

#include <stdint.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "wire/decode.h"

#define EXACT_MAX  (((int64_t)1 << 53) - 1) /* what JSON tells from its neighbours */
#define ID_MAX     128
#define RESULT(m)  offsetof(struct wire_result, m)
#define JOB(m)     offsetof(struct wire_job, m)
#define ANSWER_MAX 300 /* bytes of an error that are shown */

/* Where the bytes are instead. We shall ask for them there: just the one path it can be will do. */
static bool read_where(const struct wire_reader *r, const cJSON *item, const char *job_id,
		       struct wire_artifact *out)
{
	static const struct wire_field size = { .key = "size", .max = EXACT_MAX };
	const cJSON *path = json_get(item, "path"), *bytes = json_get(item, "size");
	const char *wanted;
	int64_t len;

	if (!fs_is_plain_path(out->name))
		return wire_wrong(r, "filename", "a plain relative path",
				  json_get(item, "filename"));
	wanted = wire_artifact_path(r->arena, job_id, out->name);
	if (!cJSON_IsString(path) || strcmp(path->valuestring, wanted) != 0)
		return wire_wrong(r, "path", arena_printf(r->arena, "'%.200s'", wanted), path);
	if (!bytes)
		return wire_wrong(r, "size", "an integer", NULL);
	if (!wire_read_int(r, &size, bytes, &len))
		return false;
	out->data = (struct bytes){ NULL, (size_t)len };
	return true;
}

/* Of a field that is read apart, behind the others. */
static bool read_later(const struct wire_reader *r, const struct wire_field *f, const cJSON *value,
		       void *slot)
{
	(void)r, (void)f, (void)value, (void)slot;
	return true;
}

#define ARTIFACT(m) offsetof(struct wire_artifact, m)
static const struct wire_field artifact_field[] = {
	{ .key = "filename", wire_read_text, ARTIFACT(name), .is = WIRE_SURE },
	{ .key = "content_base64", wire_read_base64, ARTIFACT(data) },
	{ .key = "size", read_later, .max = EXACT_MAX, .shape = WIRE_INT },
	{ .key = "path", read_later, .shape = WIRE_TEXT },
	{ 0 },
};

/* slot's job_id is the job's. */
static bool read_artifacts(const struct wire_reader *r, const struct wire_field *f,
			   const cJSON *value, void *slot)
{
	struct wire_result *out = slot;
	void *items;
	size_t i = 0;

	if (!wire_list(r, f, value, sizeof(*out->artifact), &out->nartifact, &items))
		return false;
	out->artifact = items;
	for (const cJSON *c = value->child; c; c = c->next, i++) {
		const struct wire_reader in = wire_inside_item(r, f->key, i);

		if (!cJSON_IsObject(c))
			return wire_wrong(r, arena_printf(r->arena, "%s[%zu]", f->key, i),
					  "an object", c);
		out->artifact[i].data = (struct bytes){ "", 0 };
		if (!wire_decode(&in, c, artifact_field, &out->artifact[i]))
			return false;
		if (!out->artifact[i].name)
			out->artifact[i].name = arena_printf(r->arena, "%zu", i);
		if (json_get(c, "path") && !json_get(c, "content_base64") &&
		    !read_where(&in, c, out->job_id, &out->artifact[i]))
			return false;
	}
	return true;
}

static const struct wire_field compile_field[] = {
	{ .key = "exit_code",
	  wire_read_int32,
	  RESULT(compile_exit_code),
	  INT32_MIN,
	  INT32_MAX,
	  .is = WIRE_SURE },
	{ .key = "stderr", wire_read_text, RESULT(compile_stderr), .is = WIRE_SURE },
	{ .key = "time_ms", wire_read_int, RESULT(compile_time_ms), 0, EXACT_MAX, .is = WIRE_SURE },
	{ .key = "cached", wire_read_bool, RESULT(compile_cached), .is = WIRE_SURE },
	{ 0 },
};

static bool read_compile(const struct wire_reader *r, const struct wire_field *f,
			 const cJSON *value, void *slot)
{
	const struct wire_reader in = wire_inside(r, f->key);
	struct wire_result *out = slot;

	if (!cJSON_IsObject(value))
		return wire_wrong(r, f->key, "an object", value);
	out->has_compile = true;
	out->compile_stderr = "";
	return wire_decode(&in, value, compile_field, slot);
}

static const struct wire_field artifacts[] = {
	{ .key = "artifacts",
	  read_artifacts,
	  .max = JSON_MAX_VALUES,
	  .shape = WIRE_OBJECTS,
	  .inside = artifact_field,
	  .is = WIRE_SURE },
	{ 0 },
};

static const struct wire_field published[] = {
	{ .key = "stdout", wire_read_bytes, RESULT(out), .is = WIRE_SURE },
	{ .key = "stderr", wire_read_bytes, RESULT(err), .is = WIRE_SURE },
	{ .key = "error", wire_read_text, RESULT(error), .is = WIRE_SURE | WIRE_NULLABLE },
	{ .key = "exit_code",
	  wire_read_int32,
	  RESULT(exit_code),
	  INT32_MIN,
	  INT32_MAX,
	  .is = WIRE_SURE },
	{ .key = "language", wire_read_text, RESULT(language), .is = WIRE_SURE },
	{ .key = "job_id", wire_read_text, RESULT(job_id), .is = WIRE_SURE },
	{ .key = "execution_mode", wire_read_text, RESULT(execution_mode), .is = WIRE_SURE },
	{ .key = "network_mode",
	  wire_read_name,
	  RESULT(network),
	  .names = wire_network_names,
	  .is = WIRE_SURE },
	{ .key = "total_time_ms",
	  wire_read_int,
	  RESULT(total_time_ms),
	  0,
	  EXACT_MAX,
	  .is = WIRE_SURE },
	{ .key = "detected_language", wire_read_text, RESULT(detected_language) },
	{ 0 },
};

static const struct wire_field extras[] = {
	{ .key = "limit",
	  wire_read_name,
	  RESULT(limit),
	  .names = wire_limit_names,
	  .is = WIRE_SURE | WIRE_NULLABLE },
	{ .key = "signal",
	  wire_read_int32,
	  RESULT(signal),
	  0,
	  1024,
	  .is = WIRE_SURE | WIRE_NULLABLE },
	{ .key = "cpu_time_ms", wire_read_int, RESULT(cpu_time_ms), 0, EXACT_MAX, .is = WIRE_SURE },
	{ .key = "peak_memory_bytes",
	  wire_read_int,
	  RESULT(peak_memory_bytes),
	  0,
	  EXACT_MAX,
	  .is = WIRE_SURE },
	{ .key = "stdout_truncated", wire_read_bool, RESULT(out_truncated), .is = WIRE_SURE },
	{ .key = "stderr_truncated", wire_read_bool, RESULT(err_truncated), .is = WIRE_SURE },
	{ .key = "compile",
	  read_compile,
	  .shape = WIRE_OBJECT,
	  .inside = compile_field,
	  .is = WIRE_SURE | WIRE_NULLABLE },
	{ .key = "queue_time_ms",
	  wire_read_int,
	  RESULT(queue_time_ms),
	  0,
	  EXACT_MAX,
	  .is = WIRE_SURE },
	{ 0 },
};

static const struct wire_field ended_as[] = {
	{ .key = "status",
	  wire_read_name,
	  RESULT(status),
	  .names = wire_status_names,
	  .is = WIRE_SURE },
	{ 0 },
};

static const struct wire_field success[] = {
	{ .key = "success", wire_read_bool, RESULT(success), .is = WIRE_SURE },
	{ 0 },
};

const struct wire_field *const wire_result_fields[] = { success,  published, artifacts,
							ended_as, extras,    NULL };

/* What a result says where a field is absent. */
static struct wire_result no_result(const char *id, enum wire_status status)
{
	return (struct wire_result){
		.out = { "", 0 },
		.err = { "", 0 },
		.exit_code = -1,
		.language = "",
		.job_id = id,
		.execution_mode = "",
		.status = status,
	};
}

/* A service without our additions tells the status of the job alone. */
static bool read_result(const struct wire_reader *r, const cJSON *value, struct wire_job *job)
{
	const struct wire_reader in = wire_inside(r, "result");
	struct wire_result *out = ARENA_NEW(r->arena, 1, struct wire_result);

	if (!cJSON_IsObject(value))
		return wire_wrong(r, "result", "an object", value);
	*out = no_result(job->id, job->status);
	if (!wire_decode(&in, value, artifacts, out) || !wire_decode(&in, value, published, out))
		return false;
	out->success = out->exit_code == 0 && wire_has_ended(job->status);
	if (!wire_decode(&in, value, success, out))
		return false;
	out->has_extras = json_get(value, "status");
	if (out->has_extras &&
	    (!wire_decode(&in, value, ended_as, out) || !wire_decode(&in, value, extras, out)))
		return false;
	job->result = out;
	return true;
}

/* A job that ended without a program's end still has a result, for those who read on. */
static bool make_result(const struct wire_reader *r, const cJSON *root, struct wire_job *job)
{
	static const struct wire_field error[] = {
		{ .key = "error", wire_read_text, RESULT(error) },
		{ 0 },
	};
	struct wire_result *out;

	if (job->status == WIRE_COMPLETED)
		return err_set(r->err, ERR_MALFORMED, "result must be given, for it is completed");
	out = ARENA_NEW(r->arena, 1, struct wire_result);
	*out = no_result(job->id, job->status);
	if (!wire_decode(r, root, error, out))
		return false;
	if (!out->error)
		out->error =
			arena_printf(r->arena, "the service gave no result for a job that is %s",
				     wire_status_names[job->status]);
	job->result = out;
	return true;
}

/* It goes into paths of requests and files. */
static bool check_id(const struct wire_reader *r, const cJSON *root, const char *id)
{
	static const char fit[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t n = id ? strlen(id) : 0;

	if (n > 0 && n <= ID_MAX && strspn(id, fit) == n)
		return true;
	return wire_wrong(r, "job_id", "a name of letters, digits, '-' and '_'",
			  json_get(root, "job_id"));
}

const struct wire_field wire_job_fields[] = {
	{ .key = "job_id", wire_read_text, JOB(id), .is = WIRE_SURE },
	{ .key = "status",
	  wire_read_name,
	  JOB(status),
	  .names = wire_status_names,
	  .is = WIRE_SURE },
	{ .key = "created_at",
	  wire_read_int,
	  JOB(created_at),
	  0,
	  EXACT_MAX,
	  .is = WIRE_SURE | WIRE_NULLABLE },
	{ .key = "started_at",
	  wire_read_int,
	  JOB(started_at),
	  0,
	  EXACT_MAX,
	  .is = WIRE_SURE | WIRE_NULLABLE },
	{ .key = "completed_at",
	  wire_read_int,
	  JOB(completed_at),
	  0,
	  EXACT_MAX,
	  .is = WIRE_SURE | WIRE_NULLABLE },
	{ .key = "language", wire_read_text, JOB(language) }, /* in rows of GET /jobs */
	{ .key = "result", read_later, .shape = WIRE_RESULT, .is = WIRE_SURE | WIRE_NULLABLE },
	{ 0 },
};

static bool read_job(const struct wire_reader *r, const cJSON *root, struct wire_job *out)
{
	const cJSON *result = json_get(root, "result");

	if (!cJSON_IsObject(root))
		return wire_wrong(r, "it", "an object", root);
	/* The answer to a cancel has a message where a job has its status. */
	out->status = json_get(root, "message") ? WIRE_CANCELLED : WIRE_PENDING;
	if (!json_get(root, "status") && !json_get(root, "message"))
		return wire_wrong(r, "status", "a string", NULL);
	if (!wire_decode(r, root, wire_job_fields, out) || !check_id(r, root, out->id))
		return false;
	if (result)
		return read_result(r, result, out);
	return !wire_has_ended(out->status) || make_result(r, root, out);
}

bool wire_job_parse(struct arena *a, const char *text, size_t len, struct wire_job *out,
		    struct err *e)
{
	const struct wire_reader r = { a, e, "" };
	CLEAN_JSON cJSON *root = json_parse(text, len, JSON_NUL_REPLACE, e);

	*out = (struct wire_job){ 0 };
	if (root && read_job(&r, root, out))
		return true;
	e->kind = ERR_REMOTE;
	return err_wrap(e, "the service answered something that is no job");
}

const char *wire_error_parse(struct arena *a, const char *text, size_t len)
{
	struct err ignored = { 0 };
	CLEAN_JSON cJSON *root = json_parse(text, len, JSON_NUL_REPLACE, &ignored);
	const char *sentence = NULL;
	char *shown;

	if (!root || !json_get_text(root, "error", &sentence, &ignored) || !sentence)
		return NULL;
	shown = arena_strndup(a, sentence, strnlen(sentence, ANSWER_MAX));
	for (char *at = shown; *at; at++) /* it may be shown on a terminal */
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	return shown;
}
