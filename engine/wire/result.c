/* Results and jobs printed: the published fields in the published order, ours behind. */
#include "wire/wire.h"

#include <string.h>

#include "wire/print.h"

const char *const wire_status_names[] = { "pending",   "running", "completed", "timeout",
					  "cancelled", "failed",  NULL };
const char *const wire_limit_names[] = { "",     "ttl",    "memory", "processes",
					 "disk", "output", "cpu",    NULL };

static struct bytes text_bytes(const char *text)
{
	return (struct bytes){ text, strlen(text) };
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

const char *wire_artifact_path(struct arena *a, const char *job_id, const char *name)
{
	static const char as_it_is[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789-._~/";
	static const char hex[] = "0123456789ABCDEF";
	char *encoded = arena_zalloc(a, 3 * strlen(name) + 1, 1), *to = encoded;

	for (const char *at = name; *at; at++) {
		if (strchr(as_it_is, *at)) {
			*to++ = *at;
			continue;
		}
		*to++ = '%';
		*to++ = hex[(unsigned char)*at >> 4];
		*to++ = hex[(unsigned char)*at & 15];
	}
	return arena_printf(a, "/jobs/%s/artifacts/%s", job_id, encoded);
}

static void print_where(struct wire_out *o, const struct wire_artifact *it, const char *job_id)
{
	CLEAN_ARENA struct arena a = { 0 };

	wire_put_int(o, "size", (int64_t)it->data.len);
	wire_put_text(o, "path", wire_artifact_path(&a, job_id, it->name));
}

static void print_artifacts(struct wire_out *o, const struct wire_result *r, const char *job_id)
{
	wire_open(o, "artifacts", "[");
	for (size_t i = 0; i < r->nartifact; i++) {
		const struct wire_artifact *a = &r->artifact[i];

		wire_open(o, NULL, "{");
		wire_put_bytes(o, "filename", text_bytes(a->name));
		if (a->data.data)
			wire_put_base64(o, "content_base64", a->data);
		else
			print_where(o, a, job_id);
		wire_close(o, "}");
	}
	wire_close(o, "]");
}

static void print_compile(struct wire_out *o, const struct wire_result *r)
{
	if (!r->has_compile) {
		wire_put_text(o, "compile", NULL);
		return;
	}
	wire_open(o, "compile", "{");
	wire_put_int(o, "exit_code", r->compile_exit_code);
	wire_put_text(o, "stderr", or_empty(r->compile_stderr));
	wire_put_int(o, "time_ms", r->compile_time_ms);
	wire_put_bool(o, "cached", r->compile_cached);
	wire_close(o, "}");
}

static void print_published(struct wire_out *o, const struct wire_result *r, const char *job_id)
{
	wire_put_bool(o, "success", r->success);
	wire_put_bytes(o, "stdout", r->out);
	wire_put_bytes(o, "stderr", r->err);
	wire_put_text(o, "error", r->error);
	wire_put_int(o, "exit_code", r->exit_code);
	wire_put_text(o, "language", or_empty(r->language));
	wire_put_text(o, "job_id", or_empty(r->job_id));
	print_artifacts(o, r, job_id);
	wire_put_text(o, "execution_mode", or_empty(r->execution_mode));
	wire_put_text(o, "network_mode", wire_network_names[r->network]);
	wire_put_int(o, "total_time_ms", r->total_time_ms);
	if (r->detected_language)
		wire_put_text(o, "detected_language", r->detected_language);
}

static void print_extras(struct wire_out *o, const struct wire_result *r)
{
	wire_put_text(o, "status", wire_status_names[r->status]);
	wire_put_text(o, "limit", r->limit ? wire_limit_names[r->limit] : NULL);
	if (r->signal)
		wire_put_int(o, "signal", r->signal);
	else
		wire_put_text(o, "signal", NULL);
	wire_put_int(o, "cpu_time_ms", r->cpu_time_ms);
	wire_put_int(o, "peak_memory_bytes", r->peak_memory_bytes);
	wire_put_bool(o, "stdout_truncated", r->out_truncated);
	wire_put_bool(o, "stderr_truncated", r->err_truncated);
	print_compile(o, r);
	wire_put_int(o, "queue_time_ms", r->queue_time_ms);
}

static void print_result(struct wire_out *o, const char *key, const struct wire_result *r,
			 const char *job_id)
{
	wire_open(o, key, "{");
	print_published(o, r, job_id);
	if (r->has_extras)
		print_extras(o, r);
	wire_close(o, "}");
}

bool wire_result_print(const struct wire_result *r, struct buf *b)
{
	struct wire_out o = { .b = b };

	print_result(&o, NULL, r, or_empty(r->job_id));
	return !o.is_full;
}

static void print_time(struct wire_out *o, const char *key, int64_t unix_s)
{
	if (unix_s)
		wire_put_int(o, key, unix_s);
	else
		wire_put_text(o, key, NULL);
}

bool wire_job_print(const struct wire_job *j, struct buf *b)
{
	struct wire_out o = { .b = b };

	wire_open(&o, NULL, "{");
	wire_put_text(&o, "job_id", j->id);
	wire_put_text(&o, "status", wire_status_names[j->status]);
	print_time(&o, "created_at", j->created_at);
	print_time(&o, "started_at", j->started_at);
	print_time(&o, "completed_at", j->completed_at);
	if (j->result)
		print_result(&o, "result", j->result, j->id);
	else
		wire_put_text(&o, "result", NULL);
	wire_close(&o, "}");
	return !o.is_full;
}

bool wire_cancelled_print(const struct wire_job *j, struct buf *b)
{
	struct wire_out o = { .b = b };

	wire_open(&o, NULL, "{");
	wire_put_text(&o, "message", "Job cancelled");
	wire_put_text(&o, "job_id", j->id);
	if (j->result)
		print_result(&o, "result", j->result, j->id);
	else
		wire_put_text(&o, "result", NULL);
	wire_close(&o, "}");
	return !o.is_full;
}

bool wire_accepted_print(const char *id, struct buf *b)
{
	struct wire_out o = { .b = b };

	wire_open(&o, NULL, "{");
	wire_put_text(&o, "job_id", id);
	wire_put_text(&o, "status", wire_status_names[WIRE_PENDING]);
	wire_close(&o, "}");
	return !o.is_full;
}

bool wire_error_print(const char *sentence, const char *code, struct buf *b)
{
	struct wire_out o = { .b = b };

	wire_open(&o, NULL, "{");
	wire_put_bool(&o, "success", false);
	wire_put_text(&o, "error", sentence);
	wire_put_text(&o, "code", code);
	wire_close(&o, "}");
	return !o.is_full;
}
