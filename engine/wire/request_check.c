/* What a request must keep to, whoever made it: both ends ask here. */
#include "wire/wire.h"

#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/map.h"
#include "wire/limits.h"

static bool check_int(const char *name, int64_t value, int64_t min, int64_t max, struct err *e)
{
	if (value >= min && value <= max)
		return true;
	return err_set(e, ERR_MALFORMED, "%s must be an integer from %lld to %lld, not %lld", name,
		       (long long)min, (long long)max, (long long)value);
}

static bool check_basics(const struct wire_request *r, struct err *e)
{
	if (r->language && (!*r->language || strlen(r->language) > LIMIT_LANGUAGE))
		return err_set(e, ERR_MALFORMED,
			       "language must be a name of 1 to %d bytes, not of %zu",
			       LIMIT_LANGUAGE, strlen(r->language));
	if (!json_is_text(r->code.data, r->code.len))
		return err_set(e, ERR_MALFORMED, "code must be UTF-8 without NUL");
	if (r->filename && (!fs_is_plain_path(r->filename) || strchr(r->filename, '/') ||
			    !json_is_text(r->filename, strlen(r->filename))))
		return err_set(e, ERR_MALFORMED, "filename must be a plain name, not '%.80s'",
			       r->filename);
	return check_int("ttl", r->ttl_s, 1, WIRE_TTL_MAX, e);
}

static bool check_limits(const struct wire_limits *l, struct err *e)
{
	const struct {
		const char *name;
		int64_t value, max;
	} row[] = {
		{ "limits.memory_mb", l->memory_mb, LIMIT_MEMORY_MB },
		{ "limits.processes", l->processes, LIMIT_PROCESSES },
		{ "limits.disk_mb", l->disk_mb, LIMIT_DISK_MB },
		{ "limits.output_bytes", l->output_bytes, LIMIT_OUTPUT_BYTES },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
		if (row[i].value > 0 && !check_int(row[i].name, row[i].value, 1, row[i].max, e))
			return false;
	if (l->cpu_ms > LIMIT_CPU_MS)
		return err_set(
			e, ERR_MALFORMED, "limits.cpu_seconds must be at most %d, not %lld.%03lld",
			WIRE_TTL_MAX, (long long)l->cpu_ms / 1000, (long long)l->cpu_ms % 1000);
	return true;
}

/* One string of execve(2)'s. */
static bool check_string(const char *list, const char *name, const char *text, size_t *total,
			 struct err *e)
{
	size_t len = strlen(text);

	if (!json_is_text(text, len))
		return err_set(e, ERR_MALFORMED, "%s %.80s must be UTF-8", list, name);
	if (len + strlen(name) + 2 > LIMIT_STRING_BYTES)
		return err_set(e, ERR_TOO_LARGE, "%s %.80s must be under %d bytes, not %zu", list,
			       name, LIMIT_STRING_BYTES, len);
	*total += len + sizeof(char *) + 1;
	return true;
}

static bool check_strings(const char *list, const char *const *item, size_t n, size_t *total,
			  struct err *e)
{
	if (n > LIMIT_ARGS)
		return err_set(e, ERR_TOO_LARGE, "%s must have at most %d items, not %zu", list,
			       LIMIT_ARGS, n);
	for (size_t i = 0; i < n; i++) {
		char at[32];

		snprintf(at, sizeof(at), "[%zu]", i);
		if (!check_string(list, at, item[i], total, e))
			return false;
	}
	return true;
}

static bool check_env(const struct wire_request *r, size_t *total, struct err *e)
{
	if (r->nenv > LIMIT_ENV_NAMES)
		return err_set(e, ERR_TOO_LARGE, "env must have at most %d names, not %zu",
			       LIMIT_ENV_NAMES, r->nenv);
	for (size_t i = 0; i < r->nenv; i++) {
		const char *key = r->env[i].key;

		if (!*key || strchr(key, '='))
			return err_set(e, ERR_MALFORMED,
				       "env must have names without '=' that are not empty, "
				       "not '%.80s'",
				       key);
		if (!check_string("env", "name", key, total, e) ||
		    !check_string("env", key, r->env[i].value, total, e))
			return false;
	}
	return true;
}

/* What the kernel must take in one go when the program, or its compiler, starts. */
static bool check_exec(const struct wire_request *r, struct err *e)
{
	size_t total = 0;

	if (!check_strings("args", r->arg, r->narg, &total, e) ||
	    !check_strings("compile_args", r->compile_arg, r->ncompile_arg, &total, e) ||
	    !check_env(r, &total, e))
		return false;
	if (total > LIMIT_EXEC_BYTES)
		return err_set(e, ERR_TOO_LARGE,
			       "args, compile_args and env must be at most %d bytes together, "
			       "not %zu",
			       LIMIT_EXEC_BYTES, total);
	return true;
}

static bool check_globs(const struct wire_request *r, struct err *e)
{
	if (r->nartifact_path > LIMIT_GLOBS)
		return err_set(e, ERR_TOO_LARGE,
			       "artifact_paths must have at most %d items, not %zu", LIMIT_GLOBS,
			       r->nartifact_path);
	for (size_t i = 0; i < r->nartifact_path; i++) {
		const char *glob = r->artifact_path[i];

		if (!*glob || *glob == '/' || fs_leaves(glob) || strlen(glob) > LIMIT_GLOB_BYTES ||
		    !json_is_text(glob, strlen(glob)))
			return err_set(e, ERR_MALFORMED,
				       "artifact_paths[%zu] must be a pattern of 1 to %d bytes "
				       "relative to the working directory, not '%.80s'",
				       i, LIMIT_GLOB_BYTES, glob);
	}
	return true;
}

static size_t count_characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static bool check_name(const struct wire_file *f, size_t i, struct err *e)
{
	if (count_characters(f->name) > WIRE_NAME_MAX)
		return err_set(
			e, ERR_MALFORMED,
			"input_files[%zu] must have a name of at most %d characters, not %zu", i,
			WIRE_NAME_MAX, count_characters(f->name));
	if (!fs_is_plain_path(f->name) || !json_is_text(f->name, strlen(f->name)))
		return err_set(e, ERR_MALFORMED,
			       "input_files[%zu].%s must be a relative name without '.', '..' or "
			       "empty parts, at most 255 bytes each, not '%.80s'",
			       i, f->is_path ? "path" : "filename", f->name);
	if (!f->is_path && (strchr(f->name, '/') || strstr(f->name, "..")))
		return err_set(e, ERR_MALFORMED,
			       "input_files[%zu].filename must be a name without '/' and '..', "
			       "not '%.80s'",
			       i, f->name);
	return true;
}

static bool check_sizes(const struct wire_request *r, int64_t mb, struct err *e)
{
	const size_t each = (size_t)(WIRE_FILE_MB * mb), all = (size_t)(WIRE_FILES_MB * mb);
	size_t total = 0;

	if (r->nfile > WIRE_FILES_MAX)
		return err_set(e, ERR_TOO_LARGE, "input_files must be at most %d files, not %zu",
			       WIRE_FILES_MAX, r->nfile);
	for (size_t i = 0; i < r->nfile; i++) {
		if (r->file[i].data.len > each)
			return err_set(
				e, ERR_TOO_LARGE,
				"input_files[%zu] '%.80s' must be at most %zu bytes, not %zu", i,
				r->file[i].name, each, r->file[i].data.len);
		total += r->file[i].data.len;
	}
	if (total > all)
		return err_set(e, ERR_TOO_LARGE,
			       "input_files must be at most %zu bytes together, not %zu", all,
			       total);
	return true;
}

/* No name twice, and none that must be a file and a folder at once. */
static bool check_names(const struct wire_request *r, struct err *e)
{
	CLEAN_MAP struct map taken = { 0 };
	static char mark; /* any pointer will do for "it is there" */

	if (r->filename)
		map_set(&taken, r->filename, strlen(r->filename), &mark);
	for (size_t i = 0; i < r->nfile; i++) {
		const char *name = r->file[i].name;

		if (!check_name(&r->file[i], i, e))
			return false;
		if (map_set(&taken, name, strlen(name), &mark))
			return err_set(e, ERR_MALFORMED,
				       "input_files[%zu] must have a name of its own, not '%.80s' "
				       "once more",
				       i, name);
	}
	for (size_t i = 0; i < r->nfile; i++) {
		const char *name = r->file[i].name;

		for (const char *at = strchr(name, '/'); at; at = strchr(at + 1, '/'))
			if (map_get(&taken, name, (size_t)(at - name)))
				return err_set(e, ERR_MALFORMED,
					       "input_files[%zu] '%.80s' must not lie in '%.*s', "
					       "which is a file",
					       i, name, (int)(at - name < 80 ? at - name : 80),
					       name);
	}
	return true;
}

bool wire_request_check(const struct wire_request *r, int64_t mb, struct err *e)
{
	return check_basics(r, e) && check_limits(&r->limits, e) && check_exec(r, e) &&
	       check_globs(r, e) && check_sizes(r, mb, e) && check_names(r, e);
}
