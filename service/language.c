#include "service/language.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/proc.h"
#include "service/command.h"
#include "service/marks.h"
#include "wire/wire.h"

#define ENV_MAX    64
#define SCRIPT_MAX 65536

static bool is_name(const char *s)
{
	static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyz+#._-";

	return s && *s && strlen(s) <= 40 && s[strspn(s, allowed)] == '\0';
}

static void read_env(struct yaml *y, const struct node *value, void *slot, void *ctx)
{
	struct language *l =
		(struct language *)(void *)((char *)slot - offsetof(struct language, env));

	(void)ctx;
	if (value->kind != NODE_MAP || value->n > ENV_MAX) {
		yaml_mistake(y, value->mark, "env must be a mapping of at most %d names, not %s",
			     ENV_MAX, yaml_found(y, value));
		return;
	}
	l->env = ARENA_NEW(y->arena, value->n, struct wire_pair);
	l->nenv = 0;
	for (size_t i = 0; i < value->n; i++) {
		if (value->item[i]->kind != NODE_SCALAR) {
			yaml_mistake(y, value->item[i]->mark, "%s must be a text, not %s",
				     value->key[i]->text, yaml_found(y, value->item[i]));
			continue;
		}
		l->env[l->nenv++] = (struct wire_pair){ value->key[i]->text, value->item[i]->text };
	}
}

static const struct field row_fields[] = {
	{ .key = "name",
	  .type = FIELD_TEXT,
	  .at = offsetof(struct language, name),
	  .is_required = true,
	  .help = "how requests call it" },
	{ .key = "aliases",
	  .type = FIELD_NAMES,
	  .at = offsetof(struct language, aliases),
	  .help = "other names" },
	{ .key = "extensions",
	  .type = FIELD_NAMES,
	  .at = offsetof(struct language, extensions),
	  .help = "of source files, without the dot" },
	{ .key = "shebangs",
	  .type = FIELD_NAMES,
	  .at = offsetof(struct language, shebangs),
	  .help = "interpreters that a #! line may name" },
	{ .key = "filename",
	  .type = FIELD_TEXT,
	  .at = offsetof(struct language, filename),
	  .help = "of the source in the working directory" },
	{ .key = "source_name",
	  .type = FIELD_TEXT,
	  .at = offsetof(struct language, source_name),
	  .help = "pattern that finds the source's name in it" },
	{ .key = "marks",
	  .type = FIELD_NAMES,
	  .at = offsetof(struct language, marks),
	  .help = "patterns that tell its texts" },
	{ .key = "compile",
	  .type = FIELD_NAMES,
	  .at = offsetof(struct language, compile),
	  .help = "command that makes program from source" },
	{ .key = "run",
	  .type = FIELD_NAMES,
	  .at = offsetof(struct language, run),
	  .help = "command that runs it" },
	{ .key = "version",
	  .type = FIELD_NAMES,
	  .at = offsetof(struct language, version),
	  .help = "command that tells the version" },
	{ .key = "program",
	  .type = FIELD_TEXT,
	  .at = offsetof(struct language, program),
	  .help = "file that compile makes" },
	{ .key = "needs",
	  .type = FIELD_NAMES,
	  .at = offsetof(struct language, needs),
	  .help = "programs and files that must be found" },
	{ .key = "package",
	  .type = FIELD_TEXT,
	  .at = offsetof(struct language, package),
	  .help = "Debian packages that bring it" },
	{ .key = "npm",
	  .type = FIELD_TEXT,
	  .at = offsetof(struct language, npm),
	  .help = "npm packages besides" },
	{ .key = "unavailable",
	  .type = FIELD_TEXT,
	  .at = offsetof(struct language, unavailable),
	  .help = "why it cannot be had" },
	{ .key = "wasm",
	  .type = FIELD_NAMES,
	  .at = offsetof(struct language, wasm),
	  .help = "command that makes {program}.wasm from source" },
	{ .key = "wasm_needs",
	  .type = FIELD_NAMES,
	  .at = offsetof(struct language, wasm_needs),
	  .help = "programs and files that it needs" },
	{ .key = "wasm_package",
	  .type = FIELD_TEXT,
	  .at = offsetof(struct language, wasm_package),
	  .help = "Debian packages that bring them" },
	{ .key = "warm",
	  .type = FIELD_TEXT,
	  .at = offsetof(struct language, warm),
	  .help = "script with which its interpreter waits for jobs" },
	{ .key = "warm_env",
	  .type = FIELD_NAMES,
	  .at = offsetof(struct language, warm_env),
	  .help = "variables with which a job starts its own" },
	{ .key = "warm_files",
	  .type = FIELD_NAMES,
	  .at = offsetof(struct language, warm_files),
	  .help = "files with which a job starts its own" },
	{ .key = "env",
	  .type = FIELD_OTHER,
	  .at = offsetof(struct language, env),
	  .help = "environment variables",
	  .read = read_env },
	{ 0 },
};

/* The value of a key, for the place of a mistake in it; the row itself when there is none. */
static struct mark mark_of(const struct node *row, const char *key)
{
	const struct node *value = yaml_get(row, key);

	return value ? value->mark : row->mark;
}

static void check_command(struct yaml *y, const struct node *row, const char *key,
			  const struct names *list)
{
	struct err e = { 0 };

	for (size_t i = 0; i < list->n; i++)
		if (!command_check_item(list->item[i], &e))
			yaml_mistake(y, mark_of(row, key), "%s: %s", key, e.msg);
}

static void check_names(struct yaml *y, const struct node *row, const struct language *l)
{
	if (!is_name(l->name))
		yaml_mistake(y, mark_of(row, "name"),
			     "name must be of a-z 0-9 + # . _ -, at most 40, not '%s'", l->name);
	for (size_t i = 0; i < l->aliases.n; i++)
		if (!is_name(l->aliases.item[i]))
			yaml_mistake(y, mark_of(row, "aliases"),
				     "an alias must be of a-z 0-9 + # . _ -, at most 40, not '%s'",
				     l->aliases.item[i]);
}

static void check_list(struct yaml *y, const struct node *row, const char *key,
		       const struct names *list)
{
	if (!list->n)
		yaml_mistake(y, mark_of(row, key), "%s must have at least one item", key);
}

static void check_pattern(struct yaml *y, const struct node *row, const char *key,
			  const char *pattern)
{
	struct err e = { 0 };

	if (pattern && !marks_check(pattern, &e))
		yaml_mistake(y, mark_of(row, key), "%s: %s", key, e.msg);
}

static void check_patterns(struct yaml *y, const struct node *row, const struct language *l)
{
	check_pattern(y, row, "source_name", l->source_name);
	for (size_t i = 0; i < l->marks.n; i++)
		check_pattern(y, row, "marks", l->marks.item[i]);
}

static void check_files(struct yaml *y, const struct node *row, const struct language *l)
{
	if (!l->filename)
		yaml_mistake(y, row->mark, "a language must have a filename for its source");
	else if (!fs_is_plain_path(l->filename))
		yaml_mistake(y, mark_of(row, "filename"),
			     "filename must be a relative name without '..', not '%s'",
			     l->filename);
	if ((l->compile.n || l->wasm.n) && !l->program)
		yaml_mistake(y, mark_of(row, "compile"), "compile needs a program that it makes");
	if (l->program && !fs_is_plain_path(l->program))
		yaml_mistake(y, mark_of(row, "program"),
			     "program must be a relative name without '..', not '%s'", l->program);
}

static void check_row(struct yaml *y, const struct node *row, const struct language *l)
{
	check_names(y, row, l);
	check_command(y, row, "compile", &l->compile);
	check_command(y, row, "run", &l->run);
	check_command(y, row, "wasm", &l->wasm);
	check_patterns(y, row, l);
	if (l->unavailable)
		return;
	check_list(y, row, "run", &l->run);
	check_list(y, row, "needs", &l->needs);
	check_files(y, row, l);
}

static void check_unique(struct yaml *y, struct mark at, const struct languages *so_far,
			 const char *name)
{
	const struct language *other = languages_find(so_far, name);

	if (other)
		yaml_mistake(y, at, "'%s' names the language %s already", name, other->name);
}

/* Each name stands for one language, and is given once. */
static void check_all_unique(struct yaml *y, const struct node *row, const struct languages *so_far,
			     const struct language *l)
{
	struct language given = { .name = l->name };
	const struct languages own = { .item = &given, .n = 1 };

	check_unique(y, mark_of(row, "name"), so_far, l->name);
	given.aliases.item = l->aliases.item;
	for (size_t i = 0; i < l->aliases.n; i++) {
		given.aliases.n = i;
		check_unique(y, mark_of(row, "aliases"), &own, l->aliases.item[i]);
		check_unique(y, mark_of(row, "aliases"), so_far, l->aliases.item[i]);
	}
}

/* Whether a prepared root has it; a link of its own leads elsewhere from out here. */
static bool is_in(struct arena *a, const char *rootfs, const char *path)
{
	struct stat st;

	return lstat(arena_printf(a, "%s%s", rootfs, path), &st) == 0;
}

/* The absolute path of a program as the sandbox has it; NULL: it has none. */
static const char *find(struct arena *a, const char *rootfs, const char *name)
{
	const char *path = LANGUAGE_PATH;

	if (!rootfs)
		return proc_find(a, name, path);
	for (size_t n; *path; path += n + (path[n] == ':')) {
		const char *found;

		n = strcspn(path, ":");
		found = arena_printf(a, "%.*s/%s", (int)n, path, name);
		if (is_in(a, rootfs, found))
			return found;
	}
	return NULL;
}

/* The absolute path of a program that the sandbox has, the name itself if it has none. */
static const char *resolve(struct arena *a, const char *rootfs, const char *name)
{
	const char *found = NULL;

	if (name[0] != '/' && name[0] != '{')
		found = find(a, rootfs, name);
	return found ? found : name;
}

/* A program on the sandbox's PATH, or a file that may be read, of any kind. */
static bool is_there(struct arena *a, const char *rootfs, const char *need)
{
	if (need[0] == '/')
		return rootfs ? is_in(a, rootfs, need) : access(need, R_OK) == 0;
	return find(a, rootfs, need) != NULL;
}

/* The first that is not there, or NULL. */
static const char *first_missing(struct arena *a, const char *rootfs, const struct names *needs)
{
	for (size_t i = 0; i < needs->n; i++)
		if (!is_there(a, rootfs, needs->item[i]))
			return needs->item[i];
	return NULL;
}

/* Programs are looked for once, here, so that a job's argv[0] is absolute already. */
static void find_programs(struct arena *a, const char *rootfs, struct language *l)
{
	struct names *command[] = { &l->compile, &l->run, &l->version, &l->wasm };

	l->missing = l->unavailable ? l->unavailable : first_missing(a, rootfs, &l->needs);
	l->is_available = !l->missing;
	l->wasm_missing = first_missing(a, rootfs, &l->wasm_needs);
	for (size_t i = 0; i < sizeof(command) / sizeof(command[0]); i++)
		if (command[i]->n)
			command[i]->item[0] = resolve(a, rootfs, command[i]->item[0]);
}

static void read_row(struct yaml *y, const struct node *row, struct languages *out)
{
	struct language *l = &out->item[out->n];
	unsigned before = y->nmistake;

	yaml_decode(y, row, "a language", row_fields, l, NULL);
	if (y->nmistake != before)
		return;
	check_row(y, row, l);
	check_all_unique(y, row, out, l);
	if (y->nmistake == before)
		out->n++;
}

static void read_rows(struct yaml *y, const struct node *value, void *slot, void *ctx)
{
	struct languages *out = ctx;

	(void)slot;
	if (value->kind != NODE_LIST) {
		yaml_mistake(y, value->mark, "languages must be a list, not %s",
			     yaml_found(y, value));
		return;
	}
	out->item = ARENA_NEW(y->arena, value->n, struct language);
	for (size_t i = 0; i < value->n; i++)
		read_row(y, value->item[i], out);
}

static const struct field file_fields[] = {
	{ .key = "languages",
	  .type = FIELD_OTHER,
	  .is_required = true,
	  .help = "the table",
	  .read = read_rows },
	{ 0 },
};

/* What it does while it waits: a file beside the table, or where an absolute path says. */
static bool read_script(struct arena *a, const char *path, struct language *l, struct err *e)
{
	const char *slash = strrchr(path, '/');
	size_t len;
	char *text;

	if (!l->warm || !l->is_available)
		return true;
	if (l->warm[0] != '/')
		l->warm = arena_printf(a, "%.*swarm/%s", slash ? (int)(slash - path) + 1 : 0, path,
				       l->warm);
	if (!fs_read(a, AT_FDCWD, l->warm, SCRIPT_MAX, &text, &len, e))
		return err_wrap(e, "language %s", l->name);
	l->warm_script = text;
	return true;
}

bool languages_load(struct arena *a, const char *path, const char *rootfs, struct buf *tell,
		    struct languages *out, struct err *e)
{
	struct yaml y = { 0 };

	*out = (struct languages){ 0 };
	if (!yaml_read_file(&y, a, path, tell, e))
		return false;
	if (y.root)
		yaml_decode(&y, y.root, "the file", file_fields, out, out);
	else if (!y.nmistake)
		yaml_mistake(&y, (struct mark){ 1, 1 },
			     "the file must have a key 'languages', not nothing");
	if (y.nmistake)
		return err_set(e, ERR_SPEC, "%s: %u mistake%s", path, y.nmistake,
			       y.nmistake == 1 ? "" : "s");
	out->is_version_wanted = ARENA_NEW(a, 1, bool);
	for (size_t i = 0; i < out->n; i++) {
		out->item[i].version_told = ARENA_NEW(a, LANGUAGE_VERSION_SIZE, char);
		find_programs(a, rootfs, &out->item[i]);
		if (!read_script(a, path, &out->item[i], e))
			return false;
	}
	return true;
}

static bool has_name(const struct language *l, const char *name)
{
	if (!strcmp(l->name, name))
		return true;
	for (size_t i = 0; i < l->aliases.n; i++)
		if (!strcmp(l->aliases.item[i], name))
			return true;
	return false;
}

const struct language *languages_find(const struct languages *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (has_name(&l->item[i], name))
			return &l->item[i];
	return NULL;
}

static bool miss(const struct language *l, const char *what, const char *missing,
		 const char *package, struct err *e)
{
	return err_set(e, ERR_IMPOSSIBLE, "%s%s needs '%s', which is not installed here%s%s%s%s",
		       l->name, what, missing, package ? ": apt-get install " : "",
		       package ? package : "",
		       l->npm ? (package ? "; npm install -g --prefix /usr/local "
					 : ": npm install -g --prefix /usr/local ")
			      : "",
		       l->npm ? l->npm : "");
}

bool language_can(const struct language *l, const struct wire_request *r, struct err *e)
{
	if (l->unavailable)
		return err_set(e, ERR_IMPOSSIBLE, "%s cannot be had here: %s", l->name,
			       l->unavailable);
	if (!l->is_available)
		return miss(l, "", l->missing, l->package, e);
	if (!r->return_wasm_artifact)
		return true;
	if (!l->wasm.n)
		return err_set(e, ERR_IMPOSSIBLE,
			       "return_wasm_artifact must be false: %s is not compiled to "
			       "WebAssembly here",
			       l->name);
	return !l->wasm_missing || miss(l, " to WebAssembly", l->wasm_missing, l->wasm_package, e);
}

static void add_text(cJSON *object, const char *key, const char *text)
{
	if (text)
		json_add_bytes(object, key, text, strlen(text));
	else
		cJSON_AddNullToObject(object, key);
}

static void add_names(cJSON *object, const char *key, const struct names *list)
{
	cJSON *array = cJSON_AddArrayToObject(object, key);

	for (size_t i = 0; i < list->n; i++)
		cJSON_AddItemToArray(array, cJSON_CreateString(list->item[i]));
}

static void add_details(cJSON *details, const struct language *l)
{
	cJSON *row = cJSON_CreateObject();

	add_text(row, "name", l->name);
	add_names(row, "aliases", &l->aliases);
	add_names(row, "extensions", &l->extensions);
	add_names(row, "shebangs", &l->shebangs);
	cJSON_AddBoolToObject(row, "available", l->is_available);
	add_text(row, "package", l->package);
	add_text(row, "npm", l->npm);
	add_text(row, "missing", l->missing);
	add_text(row, "wasm_package", l->wasm_package);
	add_text(row, "version", l->version_told[0] ? l->version_told : NULL);
	cJSON_AddBoolToObject(row, "compiled", l->compile.n > 0);
	cJSON_AddBoolToObject(row, "wasm", l->wasm.n > 0 && !l->wasm_missing);
	cJSON_AddItemToArray(details, row);
}

bool languages_print(const struct languages *l, struct buf *b)
{
	CLEAN_JSON cJSON *root = cJSON_CreateObject();
	cJSON *names = cJSON_AddArrayToObject(root, "languages");
	cJSON *details = cJSON_AddArrayToObject(root, "details");

	*l->is_version_wanted = true;
	for (size_t i = 0; i < l->n; i++) {
		if (l->item[i].is_available)
			cJSON_AddItemToArray(names, cJSON_CreateString(l->item[i].name));
		add_details(details, &l->item[i]);
	}
	return json_print(root, b);
}
