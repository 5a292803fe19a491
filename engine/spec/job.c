/* A job's keys: one row each. */
#include <math.h>

#include "spec/decode.h"

/* stdin: text, or { file: path } */
static const struct field stdin_fields[] = {
	{ .key = "file",
	  .type = FIELD_OTHER,
	  .at = offsetof(struct job_spec, input_file),
	  .is_required = true,
	  .form = &spec_text_form,
	  .help = "the file that is standard input",
	  .read = spec_read_plain },
	{ 0 },
};

static void read_stdin(struct yaml *y, const struct node *n, void *job, void *spec)
{
	struct job_spec *j = job;

	j->input = j->input_file = (struct text){ 0 };
	if (n->kind == NODE_MAP)
		yaml_decode(y, n, "stdin", stdin_fields, j, spec);
	else
		spec_read_text(y, n, &j->input, spec);
}

struct file_draft {
	struct text path, glob, content, artifact, from, as;
};

#define DRAFT(name, is_source, phrase)                                                      \
	{                                                                                   \
		.key = #name, .type = FIELD_OTHER, .at = offsetof(struct file_draft, name), \
		.is_alternative = (is_source), .form = &spec_text_form, .help = (phrase),   \
		.read = spec_read_plain                                                     \
	}
static const struct field file_fields[] = {
	DRAFT(path, true, "a file or folder below the spec's folder"),
	DRAFT(glob, true, "a pattern of files below the spec's folder"),
	{ .key = "content",
	  .type = FIELD_OTHER,
	  .at = offsetof(struct file_draft, content),
	  .is_alternative = true,
	  .form = &spec_text_form,
	  .help = "the file's text",
	  .read = spec_read_text },
	DRAFT(from, false, "a needed job"),
	DRAFT(artifact, true, "the name of an artifact of that job"),
	DRAFT(as, false, "the name in the working directory"),
	{ 0 },
};

/* Which of its sources a file has; false, told, if not just one, complete. */
static bool pick_source(struct yaml *y, const struct node *n, const struct file_draft *d,
			struct file_spec *out)
{
	const struct text *const source[] = {
		[FILE_PATH] = &d->path,
		[FILE_GLOB] = &d->glob,
		[FILE_CONTENT] = &d->content,
		[FILE_ARTIFACT] = &d->artifact,
	};
	size_t ngiven = 0;

	for (size_t i = 0; i < sizeof(source) / sizeof(source[0]); i++) {
		if (!source[i]->s)
			continue;
		out->source = (enum file_source)i;
		out->value = *source[i];
		ngiven++;
	}
	if ((d->from.s != NULL) != (d->artifact.s != NULL))
		yaml_mistake(y, n->mark, "'from' and 'artifact' of a file go together");
	else if (ngiven != 1)
		yaml_mistake(y, n->mark,
			     "a file must have one of path, glob, content and artifact, not %s",
			     ngiven ? "several" : "none");
	else if (d->content.s && !d->as.s)
		yaml_mistake(y, n->mark, "a file with 'content' needs 'as', its name");
	else if (d->from.s && d->from.has_expr)
		yaml_mistake(y, d->from.mark, "from must be a job's name, without ${{ }}");
	else
		return true;
	return false;
}

static bool read_file(struct yaml *y, const struct node *n, struct spec *s, struct file_spec *out)
{
	struct file_draft d = { 0 };
	unsigned before = y->nmistake;

	if (n->kind == NODE_SCALAR)
		spec_read_plain(y, n, &d.path, s);
	else
		yaml_decode(y, n, "a file", file_fields, &d, s);
	if (y->nmistake > before || !pick_source(y, n, &d, out))
		return false;
	out->from = d.from.s;
	out->as = d.as;
	out->mark = d.from.s ? d.from.mark : n->mark;
	return true;
}

static void read_files(struct yaml *y, const struct node *n, void *job, void *spec)
{
	struct job_spec *j = job;

	if (n->kind != NODE_LIST) {
		yaml_mistake(y, n->mark, "files must be a list, not %s", yaml_found(y, n));
		return;
	}
	j->files = ARENA_NEW(y->arena, n->n, struct file_spec);
	j->nfiles = 0;
	for (size_t i = 0; i < n->n; i++)
		j->nfiles += read_file(y, n->item[i], spec, &j->files[j->nfiles]);
}

static struct pair *find_env(struct pair_list *env, const char *key)
{
	for (size_t i = 0; i < env->n; i++)
		if (!strcmp(env->item[i].key, key))
			return &env->item[i];
	return NULL;
}

static bool is_env_name(struct yaml *y, const struct node *key)
{
	if (key->len > 0 && !memchr(key->text, 0, key->len) && !memchr(key->text, '=', key->len))
		return true;
	yaml_mistake(y, key->mark, "an environment variable cannot be named '%.60s'", key->text);
	return false;
}

/* Laid over what defaults gave, name by name, in a list of its own. */
static void read_env(struct yaml *y, const struct node *n, void *slot, void *spec)
{
	const struct pair_list *base = slot;
	struct pair_list env = { 0 };

	if (n->kind != NODE_MAP) {
		yaml_mistake(y, n->mark, "env must be a mapping, not %s", yaml_found(y, n));
		return;
	}
	env.item = ARENA_NEW(y->arena, base->n + n->n, struct pair);
	while (env.n < base->n) {
		env.item[env.n] = base->item[env.n];
		env.n++;
	}
	for (size_t i = 0; i < n->n; i++) {
		const char *key = n->key[i]->text;
		struct pair *there = find_env(&env, key);
		struct text t;

		if (!is_env_name(y, n->key[i]) ||
		    !spec_plain_text(y, n->item[i], arena_printf(y->arena, "env '%.60s'", key),
				     spec, &t))
			continue;
		if (!there)
			there = &env.item[env.n++];
		*there = (struct pair){ key, t, NULL };
	}
	*(struct pair_list *)slot = env;
}

static void read_cpu(struct yaml *y, const struct node *n, void *cpu_ms, void *spec)
{
	double seconds, ms;

	(void)spec;
	if (n->kind == NODE_SCALAR && parse_number(n->text, n->len, &seconds) && seconds >= 0.001 &&
	    seconds <= 900 && modf(round(seconds * 1e6) / 1000, &ms) == 0)
		*(int64_t *)cpu_ms = (int64_t)ms;
	else
		yaml_mistake(y, n->mark, "cpu_seconds must be 0.001 to 900 seconds, not %s",
			     yaml_found(y, n));
}

static const struct form cpu_form = { .kind = FORM_NUMBER, .min = 0, .max = 900 };

#define LIMIT(name, most, in, phrase)                                                     \
	{                                                                                 \
		.key = #name, .type = FIELD_INT, .at = offsetof(struct job_limits, name), \
		.min = 1, .max = (most), .unit = (in), .help = (phrase)                   \
	}
static const struct field limit_fields[] = {
	LIMIT(memory_mb, 1 << 20, "MB", "memory of all its processes"),
	LIMIT(processes, 1 << 20, NULL, "processes and threads at a time"),
	LIMIT(disk_mb, 1 << 20, "MB", "the working directory"),
	LIMIT(output_bytes, 1 << 30, "bytes", "kept of each output stream"),
	{ .key = "cpu_seconds",
	  .type = FIELD_OTHER,
	  .at = offsetof(struct job_limits, cpu_ms),
	  .form = &cpu_form,
	  .help = "processor time of all its processes",
	  .read = read_cpu },
	{ 0 },
};

static void read_limits(struct yaml *y, const struct node *n, void *limits, void *spec)
{
	yaml_decode(y, n, "limits", limit_fields, limits, spec);
}

/* As enum wire_network. */
static const char *const networks[] = { "zerotrust", "semitrusted", NULL };

static const char *const available[] = { "available", NULL };

static const struct field skip_fields[] = {
	{ .key = "language",
	  .type = FIELD_CHOICE,
	  .is_required = true,
	  .choice = available,
	  .help = "skipped where the endpoint cannot run its language" },
	{ 0 },
};

static void read_skip(struct yaml *y, const struct node *n, void *skips, void *spec)
{
	int choice = 0;
	unsigned before = y->nmistake;

	yaml_decode(y, n, "skip_unless", skip_fields, &choice, spec);
	if (y->nmistake == before)
		*(bool *)skips = true;
}

static void read_cache(struct yaml *y, const struct node *n, void *job, void *spec)
{
	struct job_spec *j = job;
	bool is_true = n->kind == NODE_SCALAR && !strcmp(n->text, "true");

	(void)spec;
	if (!is_true && (n->kind != NODE_SCALAR || strcmp(n->text, "false") != 0)) {
		yaml_mistake(y, n->mark, "cache must be true or false, not %s", yaml_found(y, n));
		return;
	}
	j->no_cache = !is_true;
	j->caches_network = is_true;
}

const char *const visibility_names[] = { "visible", "hidden", "after_due_date", "after_published",
					 NULL };

static const struct form stdin_form = { .kind = FORM_TEXT | FORM_MAP, .field = stdin_fields };
static const struct form file_form = { .kind = FORM_TEXT | FORM_MAP, .field = file_fields };
static const struct form files_form = { .kind = FORM_LIST, .item = &file_form };
static const struct form env_form = { .kind = FORM_ANY,
				      .value = &spec_text_form,
				      .key_pattern = SPEC_ENV_PATTERN };
static const struct form limits_form = { .kind = FORM_MAP, .field = limit_fields };
static const struct form skip_form = { .kind = FORM_MAP, .field = skip_fields };
static const struct form cache_form = { .kind = FORM_BOOL };

#define OTHER(name, member, looks, reader, phrase)                                           \
	{                                                                                    \
		.key = (name), .type = FIELD_OTHER, .at = offsetof(struct job_spec, member), \
		.form = &(looks), .help = (phrase), .read = (reader)                         \
	}
#define PLAIN(name, type_, phrase)                                                    \
	{                                                                             \
		.key = #name, .type = (type_), .at = offsetof(struct job_spec, name), \
		.help = (phrase)                                                      \
	}
#define PROGRAM(name, reader, phrase)                                                     \
	{                                                                                 \
		.key = #name, .type = FIELD_OTHER, .at = offsetof(struct job_spec, name), \
		.is_alternative = true, .form = &spec_text_form, .help = (phrase),        \
		.read = (reader)                                                          \
	}
static const struct field job_fields[] = {
	OTHER("language", language, spec_text_form, spec_read_plain,
	      "a name or alias of a language"),
	PROGRAM(code, spec_read_text, "the program"),
	PROGRAM(file, spec_read_plain, "the program's file"),
	OTHER("filename", filename, spec_text_form, spec_read_plain,
	      "what the program's file is called where it runs"),
	{ .key = "stdin",
	  .type = FIELD_OTHER,
	  .form = &stdin_form,
	  .help = "text, or file: its path",
	  .read = read_stdin },
	OTHER("args", args, spec_list_form, spec_read_plain_list, "the program's arguments"),
	OTHER("compile_args", compile_args, spec_list_form, spec_read_plain_list,
	      "the compiler's further arguments"),
	{ .key = "files",
	  .type = FIELD_OTHER,
	  .form = &files_form,
	  .help = "what lies in the working directory",
	  .read = read_files },
	OTHER("env", env, env_form, read_env, "environment variables"),
	{ .key = "ttl",
	  .type = FIELD_INT,
	  .at = offsetof(struct job_spec, ttl_s),
	  .min = 1,
	  .max = 900, /* WIRE_TTL_MAX */
	  .unit = "seconds",
	  .help = "how long the program may run" },
	{ .key = "network_mode",
	  .type = FIELD_CHOICE,
	  .at = offsetof(struct job_spec, network),
	  .choice = networks,
	  .help = "whether there is a network" },
	OTHER("limits", limits, limits_form, read_limits, "what the program may use"),
	PLAIN(return_artifact, FIELD_BOOL, "bring the compiled program back"),
	PLAIN(return_wasm_artifact, FIELD_BOOL, "bring it back as WebAssembly"),
	OTHER("artifacts", artifacts, spec_list_form, spec_read_plain_list,
	      "patterns of files to bring back"),
	PLAIN(needs, FIELD_NAMES, "jobs that must pass before"),
	OTHER("matrix", matrix, spec_matrix_form, spec_read_matrix,
	      "values that make the job many cells"),
	OTHER("expect", expect, spec_expect_form, spec_read_expect, "what makes it pass"),
	OTHER("retry", retry, spec_retry_form, spec_read_retry, "when to run it once more"),
	PLAIN(points, FIELD_NUMBER, "what it is worth"),
	{ .key = "partial",
	  .type = FIELD_BOOL,
	  .at = offsetof(struct job_spec, is_partial),
	  .help = "a checker may give a part of the points" },
	{ .key = "visibility",
	  .type = FIELD_CHOICE,
	  .at = offsetof(struct job_spec, visibility),
	  .choice = visibility_names,
	  .help = "when Gradescope shows it to students" },
	PLAIN(tags, FIELD_NAMES, "words to select it by"),
	OTHER("xfail", xfail, spec_text_form, spec_read_text, "why it is known to fail"),
	PLAIN(allow_failure, FIELD_BOOL, "its failure is told, but fails nothing"),
	{ .key = "repeat",
	  .type = FIELD_INT,
	  .at = offsetof(struct job_spec, repeat),
	  .min = 1,
	  .max = 1000,
	  .unit = "times",
	  .help = "how often to run it; flaky if the verdicts differ" },
	OTHER("skip_unless", skips_unless_language, skip_form, read_skip,
	      "when to skip it instead of failing"),
	{ .key = "cache",
	  .type = FIELD_OTHER,
	  .form = &cache_form,
	  .help = "false: always run it; true: keep it even if it has a network",
	  .read = read_cache },
	{ 0 },
};
const char *const spec_own_keys[] = { "needs", "matrix", "code", "file", NULL };
const struct form spec_job_form = { .kind = FORM_MAP, .field = job_fields };
const struct form spec_defaults_form = { .kind = FORM_MAP,
					 .field = job_fields,
					 .without = spec_own_keys };

void spec_decode_job(struct yaml *y, const struct node *map, const char *what, struct spec *s,
		     struct job_spec *job)
{
	yaml_decode(y, map, what, job_fields, job, s);
}
