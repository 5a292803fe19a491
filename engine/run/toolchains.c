#include "run/run.h"

#include <string.h>

#include "base/json.h"

static void read_names(struct arena *a, const cJSON *list, struct names *out)
{
	const cJSON *item;

	if (!cJSON_IsArray(list))
		return;
	out->item = ARENA_NEW(a, (size_t)cJSON_GetArraySize(list), const char *);
	cJSON_ArrayForEach(item, list) if (cJSON_IsString(item)) out->item[out->n++] =
		arena_strdup(a, item->valuestring);
}

/* One of "details": what our service tells of a language. */
static void read_detail(struct arena *a, const cJSON *row, struct toolchains *t)
{
	struct toolchain *c = &t->item[t->n];
	const char *name = NULL, *package = NULL, *missing = NULL, *version = NULL;
	struct err ignored = { 0 };

	if (!json_get_text(row, "name", &name, &ignored) || !name)
		return;
	json_get_bool(row, "available", &c->is_available, &ignored);
	json_get_text(row, "package", &package, &ignored);
	json_get_text(row, "missing", &missing, &ignored);
	json_get_text(row, "version", &version, &ignored);
	c->missing = missing ? arena_strdup(a, missing) : NULL;
	c->version = version ? arena_strdup(a, version) : NULL;
	c->name = arena_strdup(a, name);
	c->package = package ? arena_strdup(a, package) : NULL;
	read_names(a, json_get(row, "aliases"), &c->aliases);
	read_names(a, json_get(row, "extensions"), &c->extensions);
	t->n++;
}

bool toolchains_parse(struct arena *a, const char *text, size_t len, const struct toolchains **out,
		      struct err *e)
{
	CLEAN_JSON cJSON *root = json_parse(text, len, JSON_NUL_REPLACE, e);
	struct toolchains *t = ARENA_NEW(a, 1, struct toolchains);
	const cJSON *names = json_get(root, "languages"), *details = json_get(root, "details");
	const cJSON *row;

	if (!root || !cJSON_IsArray(names))
		return err_set(e, ERR_REMOTE, "its /languages is not a list of languages");
	t->item = ARENA_NEW(a,
			    (size_t)cJSON_GetArraySize(names) + (size_t)cJSON_GetArraySize(details),
			    struct toolchain);
	if (cJSON_IsArray(details)) {
		cJSON_ArrayForEach(row, details) read_detail(a, row, t);
	} else {
		cJSON_ArrayForEach(row, names) if (cJSON_IsString(row)) t->item[t->n++] =
			(struct toolchain){ .name = arena_strdup(a, row->valuestring),
					    .is_available = true };
	}
	*out = t;
	return true;
}

static bool has_name(const struct names *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->item[i], name))
			return true;
	return false;
}

const struct toolchain *toolchains_find(const struct toolchains *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->item[i].name, name) || has_name(&t->item[i].aliases, name))
			return &t->item[i];
	return NULL;
}

/* The program that "#!/usr/bin/env -S python3 -u" or "#!/bin/sh" names, or NULL. */
static const char *shebang_program(struct arena *a, const struct bytes *code)
{
	const char *line, *word, *slash;
	size_t n;

	if (code->len < 3 || memcmp(code->data, "#!", 2) != 0)
		return NULL;
	line = arena_strndup(a, code->data + 2, strcspn(code->data + 2, "\r\n"));
	for (word = line; *word; word += n) {
		word += strspn(word, " \t");
		n = strcspn(word, " \t");
		slash = memrchr(word, '/', n);
		if (slash) {
			n -= (size_t)(slash + 1 - word);
			word = slash + 1;
		}
		if (n == 0 || word[0] == '-' || (n == 3 && !memcmp(word, "env", 3)) ||
		    memchr(word, '=', n))
			continue;
		return arena_strndup(a, word, n);
	}
	return NULL;
}

const struct toolchain *toolchains_guess(const struct toolchains *t, const char *file,
					 const struct bytes *code)
{
	CLEAN_ARENA struct arena scratch = { 0 };
	const char *dot = file ? strrchr(file, '.') : NULL, *program;

	for (size_t i = 0; dot && i < t->n; i++)
		if (has_name(&t->item[i].extensions, dot) ||
		    has_name(&t->item[i].extensions, dot + 1))
			return &t->item[i];
	program = shebang_program(&scratch, code);
	return program ? toolchains_find(t, program) : NULL;
}

bool toolchains_check(const struct toolchains *known, const char *name, struct err *e)
{
	const struct toolchain *t = toolchains_find(known, name);

	if (!t)
		return err_set(e, ERR_SPEC, "the endpoint knows no language '%s'", name);
	if (!t->is_available && t->package)
		return err_set(e, ERR_SPEC,
			       "the endpoint cannot run %s now: its Debian package %s is missing",
			       t->name, t->package);
	if (!t->is_available)
		return err_set(e, ERR_SPEC, "the endpoint cannot run %s now", t->name);
	return true;
}
