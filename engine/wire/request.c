/* The request: its fields, a row each, and the same fields printed. */
#include "wire/wire.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "wire/decode.h"
#include "wire/limits.h"
#include "wire/print.h"

const char *const wire_network_names[] = { "zerotrust", "semitrusted", NULL };

#define AT(member) offsetof(struct wire_request, member)

/* The slots of these are the whole request: a list and its length go together. */
static bool read_env(const struct wire_reader *r, const struct wire_field *f, const cJSON *value,
		     void *slot)
{
	struct wire_request *out = slot;
	const struct wire_reader in = wire_inside(r, f->key);
	int n = cJSON_GetArraySize(value);

	if (!cJSON_IsObject(value))
		return wire_wrong(r, f->key, "an object", value);
	if (n > LIMIT_ENV_NAMES)
		return err_set(r->err, ERR_TOO_LARGE, "%s%s must have at most %d names, not %d",
			       r->in, f->key, LIMIT_ENV_NAMES, n);
	out->env = ARENA_NEW(r->arena, (size_t)n, struct wire_pair);
	for (const cJSON *c = value->child; c; c = c->next) {
		struct wire_pair *pair = &out->env[out->nenv++];

		pair->key = arena_strdup(r->arena, c->string);
		if (!wire_read_text(&in, &(struct wire_field){ .key = pair->key }, c, &pair->value))
			return false;
	}
	return true;
}

static bool read_texts(const struct wire_reader *r, const struct wire_field *f, const cJSON *value,
		       const char ***item, size_t *n)
{
	void *items;
	size_t i = 0;

	if (!wire_list(r, f, value, sizeof(**item), n, &items))
		return false;
	*item = items;
	for (const cJSON *c = value->child; c; c = c->next, i++) {
		const char *key = arena_printf(r->arena, "%s[%zu]", f->key, i);

		if (!wire_read_text(r, &(struct wire_field){ .key = key }, c, &(*item)[i]))
			return false;
	}
	return true;
}

static bool read_args(const struct wire_reader *r, const struct wire_field *f, const cJSON *value,
		      void *slot)
{
	struct wire_request *out = slot;

	return read_texts(r, f, value, &out->arg, &out->narg);
}

static bool read_compile_args(const struct wire_reader *r, const struct wire_field *f,
			      const cJSON *value, void *slot)
{
	struct wire_request *out = slot;

	return read_texts(r, f, value, &out->compile_arg, &out->ncompile_arg);
}

static bool read_artifact_paths(const struct wire_reader *r, const struct wire_field *f,
				const cJSON *value, void *slot)
{
	struct wire_request *out = slot;

	return read_texts(r, f, value, &out->artifact_path, &out->nartifact_path);
}

static const struct wire_field stdin_field[] = {
	{ .key = "base64", wire_read_base64, 0, .is = WIRE_SURE },
	{ 0 },
};

/* "stdin": a string, or {"base64":"..."} for bytes that are no text. */
static bool read_stdin(const struct wire_reader *r, const struct wire_field *f, const cJSON *value,
		       void *slot)
{
	struct wire_request *out = slot;
	const struct wire_reader in = wire_inside(r, f->key);

	out->has_stdin = true;
	if (cJSON_IsString(value))
		return wire_read_bytes(r, f, value, &out->input);
	if (!cJSON_IsObject(value))
		return wire_wrong(r, f->key, "a string or {\"base64\":...}", value);
	if (!json_get(value, "base64"))
		return err_set(r->err, ERR_MALFORMED, "%sbase64 must be given", in.in);
	return wire_decode(&in, value, stdin_field, &out->input);
}

#define FILE_AT(member) offsetof(struct wire_file, member)
static const struct wire_field file_field[] = {
	{ .key = "filename", wire_read_text, FILE_AT(name) },
	{ .key = "path", wire_read_text, FILE_AT(name) }, /* never beside filename */
	{ .key = "content", wire_read_base64, FILE_AT(data), .is = WIRE_SURE },
	{ .key = "extract", wire_read_bool, FILE_AT(is_archive) },
	{ 0 },
};

static bool read_file(const struct wire_reader *in, const cJSON *value, size_t i,
		      struct wire_file *out)
{

	if (!json_get(value, "content"))
		return err_set(in->err, ERR_MALFORMED, "%scontent must be given", in->in);
	if (json_get(value, "filename") && json_get(value, "path"))
		return err_set(in->err, ERR_MALFORMED,
			       "%spath must stand in place of filename, "
			       "not beside it",
			       in->in);
	out->is_path = json_get(value, "path");
	if (!wire_decode(in, value, file_field, out))
		return false;
	if (!out->name)
		out->name = arena_printf(in->arena, "%zu", i);
	return true;
}

static bool read_files(const struct wire_reader *r, const struct wire_field *f, const cJSON *value,
		       void *slot)
{
	struct wire_request *out = slot;
	void *items;
	size_t i = 0;

	if (!wire_list(r, f, value, sizeof(*out->file), &out->nfile, &items))
		return false;
	out->file = items;
	for (const cJSON *c = value->child; c; c = c->next, i++) {
		const struct wire_reader in = wire_inside_item(r, f->key, i);

		if (!cJSON_IsObject(c))
			return wire_wrong(r, arena_printf(r->arena, "%s[%zu]", f->key, i),
					  "an object", c);
		if (!read_file(&in, c, i, &out->file[i]))
			return false;
	}
	return true;
}

static bool read_cpu(const struct wire_reader *r, const struct wire_field *f, const cJSON *value,
		     void *slot)
{
	double seconds = value->valuedouble;
	int64_t *ms = slot;

	if (!cJSON_IsNumber(value) || !(seconds > 0 && seconds <= WIRE_TTL_MAX))
		return wire_wrong(r, f->key, "a number over 0, at most 900", value);
	*ms = llround(seconds * 1000);
	if (*ms == 0)
		*ms = 1;
	return true;
}

#define LIMIT(member) offsetof(struct wire_limits, member)
static const struct wire_field limit_field[] = {
	{ .key = "memory_mb", wire_read_int, LIMIT(memory_mb), 1, LIMIT_MEMORY_MB },
	{ .key = "processes", wire_read_int, LIMIT(processes), 1, LIMIT_PROCESSES },
	{ .key = "disk_mb", wire_read_int, LIMIT(disk_mb), 1, LIMIT_DISK_MB },
	{ .key = "output_bytes", wire_read_int, LIMIT(output_bytes), 1, LIMIT_OUTPUT_BYTES },
	{ .key = "cpu_seconds",
	  read_cpu,
	  LIMIT(cpu_ms),
	  .max = WIRE_TTL_MAX,
	  .shape = WIRE_POSITIVE },
	{ 0 },
};

static bool read_limits(const struct wire_reader *r, const struct wire_field *f, const cJSON *value,
			void *slot)
{
	const struct wire_reader in = wire_inside(r, f->key);

	if (!cJSON_IsObject(value))
		return wire_wrong(r, f->key, "an object", value);
	return wire_decode(&in, value, limit_field, slot);
}

const struct wire_field wire_request_fields[] = {
	{ .key = "language", wire_read_text, AT(language), .is = WIRE_SURE },
	{ .key = "code", wire_read_bytes, AT(code), .is = WIRE_SURE },
	{ .key = "env", read_env, 0, .shape = WIRE_NAMED_TEXTS },
	{ .key = "network_mode", wire_read_name, AT(network), .names = wire_network_names },
	{ .key = "ttl", wire_read_int, AT(ttl_s), 1, WIRE_TTL_MAX },
	{ .key = "return_artifact", wire_read_bool, AT(return_artifact) },
	{ .key = "return_wasm_artifact", wire_read_bool, AT(return_wasm_artifact) },
	{ .key = "input_files",
	  read_files,
	  .max = WIRE_FILES_MAX,
	  .shape = WIRE_OBJECTS,
	  .inside = file_field },
	{ .key = "stdin", read_stdin, .shape = WIRE_TEXT_OR_OBJECT, .inside = stdin_field },
	{ .key = "args", read_args, .max = LIMIT_ARGS, .shape = WIRE_TEXTS },
	{ .key = "compile_args", read_compile_args, .max = LIMIT_ARGS, .shape = WIRE_TEXTS },
	{ .key = "filename", wire_read_text, AT(filename) },
	{ .key = "artifact_paths", read_artifact_paths, .max = LIMIT_GLOBS, .shape = WIRE_TEXTS },
	{ .key = "limits", read_limits, AT(limits), .shape = WIRE_OBJECT, .inside = limit_field },
	{ 0 },
};

bool wire_request_parse(struct arena *a, const char *text, size_t len, struct wire_request *out,
			struct err *e)
{
	const struct wire_reader r = { a, e, "" };
	CLEAN_JSON cJSON *root = json_parse(text, len, JSON_NUL_REFUSE, e);

	*out = (struct wire_request){ .ttl_s = WIRE_TTL_DEFAULT };
	if (!root)
		return false;
	if (!cJSON_IsObject(root))
		return wire_wrong(&r, "the request", "an object", root);
	if (!wire_decode(&r, root, wire_request_fields, out))
		return false;
	if (!out->language)
		return err_set(e, ERR_MALFORMED, "language must be given");
	if (!out->code.data)
		return err_set(e, ERR_MALFORMED, "code must be given");
	return wire_request_check(out, WIRE_MB, e);
}

static void print_env(struct wire_out *o, const struct wire_request *r)
{
	if (r->nenv == 0)
		return;
	wire_open(o, "env", "{");
	for (size_t i = 0; i < r->nenv; i++)
		wire_put_pair(o, &r->env[i]);
	wire_close(o, "}");
}

static void print_files(struct wire_out *o, const struct wire_request *r)
{
	if (r->nfile == 0)
		return;
	wire_open(o, "input_files", "[");
	for (size_t i = 0; i < r->nfile; i++) {
		const struct wire_file *f = &r->file[i];

		wire_open(o, NULL, "{");
		wire_put_text(o, f->is_path ? "path" : "filename", f->name);
		wire_put_base64(o, "content", f->data);
		if (f->is_archive)
			wire_put_bool(o, "extract", true);
		wire_close(o, "}");
	}
	wire_close(o, "]");
}

static void print_stdin(struct wire_out *o, const struct wire_request *r)
{
	if (!r->has_stdin)
		return;
	if (json_is_text(r->input.data, r->input.len)) {
		wire_put_bytes(o, "stdin", r->input);
		return;
	}
	wire_open(o, "stdin", "{");
	wire_put_base64(o, "base64", r->input);
	wire_close(o, "}");
}

static void print_texts(struct wire_out *o, const char *key, const char *const *item, size_t n)
{
	if (n > 0)
		wire_put_texts(o, key, item, n);
}

static void print_cpu(struct wire_out *o, int64_t ms)
{
	char text[32];

	if (ms % 1000 == 0)
		snprintf(text, sizeof(text), "%lld", (long long)ms / 1000);
	else
		snprintf(text, sizeof(text), "%lld.%03lld", (long long)ms / 1000,
			 (long long)ms % 1000);
	wire_put_raw(o, "cpu_seconds", text);
}

static void print_limits(struct wire_out *o, const struct wire_limits *l)
{
	const struct {
		const char *key;
		int64_t value;
	} row[] = {
		{ "memory_mb", l->memory_mb },
		{ "processes", l->processes },
		{ "disk_mb", l->disk_mb },
		{ "output_bytes", l->output_bytes },
	};
	bool is_given = l->cpu_ms > 0;

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
		is_given = is_given || row[i].value > 0;
	if (!is_given)
		return;
	wire_open(o, "limits", "{");
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
		if (row[i].value > 0)
			wire_put_int(o, row[i].key, row[i].value);
	if (l->cpu_ms > 0)
		print_cpu(o, l->cpu_ms);
	wire_close(o, "}");
}

/* Only what was given: a service that knows part 1 alone is then sent part 1 alone. */
bool wire_request_print(const struct wire_request *r, struct buf *b)
{
	struct wire_out o = { .b = b };

	wire_open(&o, NULL, "{");
	if (r->language)
		wire_put_text(&o, "language", r->language);
	wire_put_bytes(&o, "code", r->code);
	print_env(&o, r);
	wire_put_text(&o, "network_mode", wire_network_names[r->network]);
	wire_put_int(&o, "ttl", r->ttl_s);
	if (r->return_artifact)
		wire_put_bool(&o, "return_artifact", true);
	if (r->return_wasm_artifact)
		wire_put_bool(&o, "return_wasm_artifact", true);
	print_files(&o, r);
	print_stdin(&o, r);
	print_texts(&o, "args", r->arg, r->narg);
	print_texts(&o, "compile_args", r->compile_arg, r->ncompile_arg);
	if (r->filename)
		wire_put_text(&o, "filename", r->filename);
	print_texts(&o, "artifact_paths", r->artifact_path, r->nartifact_path);
	print_limits(&o, &r->limits);
	wire_close(&o, "}");
	return !o.is_full;
}
