#include "service/command.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/map.h"
#include "jail/jail.h"
#include "service/marks.h"

#define STRINGS_MAX ((size_t)64 * WIRE_MB)

enum word {
	WORD_SOURCE,
	WORD_PROGRAM,
	WORD_STEM,
	WORD_MEMORY,
	WORD_ARGS,
	WORD_COMPILE_ARGS,
	WORD_NONE
};

static const char *const words[WORD_NONE] = { "{source}",    "{program}", "{stem}",
					      "{memory_mb}", "{args}",    "{compile_args}" };

/* The placeholder that text begins with. */
static enum word word_at(const char *text)
{
	for (int i = 0; i < WORD_NONE; i++)
		if (!strncmp(text, words[i], strlen(words[i])))
			return (enum word)i;
	return WORD_NONE;
}

/* Whether it becomes any number of items, and so must be one of its own. */
static bool is_list(enum word w)
{
	return w == WORD_ARGS || w == WORD_COMPILE_ARGS;
}

/* The length of a {lower_case} at text, known or not; 0: there is none. */
static size_t brace_len(const char *text)
{
	size_t n = 0;

	if (text[0] == '{')
		n = strspn(text + 1, "abcdefghijklmnopqrstuvwxyz_");
	return n && text[n + 1] == '}' ? n + 2 : 0;
}

bool command_check_item(const char *item, struct err *e)
{
	for (const char *p = strchr(item, '{'); p; p = strchr(p + 1, '{')) {
		enum word w = word_at(p);
		size_t len = brace_len(p);

		if (len && w == WORD_NONE)
			return err_set(
				e, ERR_SPEC,
				"'%.*s' is none of {source} {program} {stem} {memory_mb} {args} "
				"{compile_args}",
				(int)len, p);
		if (is_list(w) && strcmp(item, words[w]) != 0)
			return err_set(e, ERR_SPEC, "%s must be an item of its own, not in '%s'",
				       words[w], item);
	}
	return true;
}

const char *command_source(const struct wire_request *r, const struct language *l)
{
	return r->filename ? r->filename : l->filename;
}

const struct wire_request *command_named(struct arena *a, const struct wire_request *r,
					 const struct language *l)
{
	const char *stem =
		r->filename || !l->source_name ? NULL : marks_group(a, l->source_name, &r->code);
	const char *dot = strrchr(l->filename ? l->filename : "", '.');
	const char *name = stem ? arena_printf(a, "%s%s", stem, dot ? dot : "") : NULL;
	struct wire_request *named;

	if (!name || strlen(name) > NAME_MAX || strchr(name, '/') || !fs_is_plain_path(name))
		return r;
	named = ARENA_NEW(a, 1, struct wire_request);
	*named = *r;
	named->filename = name;
	return named;
}

/* A file's name as an argument: never taken for an option. */
static const char *as_argument(struct arena *a, const char *name)
{
	return name[0] == '-' ? arena_printf(a, "./%s", name) : name;
}

/* What the words that stand anywhere in an item become. */
struct filling {
	const char *value[WORD_ARGS];
};

static const char *fill_item(struct arena *a, const char *item, const struct filling *f)
{
	const char *out = "";
	const char *p = item;

	for (const char *at = strchr(p, '{'); at; at = strchr(at + 1, '{')) {
		enum word w = word_at(at);

		if (w >= WORD_ARGS)
			continue;
		out = arena_printf(a, "%s%.*s%s", out, (int)(at - p), p, f->value[w]);
		p = at + strlen(words[w]);
	}
	return p == item ? item : arena_printf(a, "%s%s", out, p);
}

/* The source's last name without its extension: "Main" of "src/Main.java". */
static const char *stem_of(struct arena *a, const char *source)
{
	const char *slash = strrchr(source, '/');
	const char *name = slash ? slash + 1 : source;
	const char *dot = strrchr(name, '.');

	return dot && dot > name ? arena_strndup(a, name, (size_t)(dot - name)) : name;
}

static long long memory_mb(const struct wire_request *r)
{
	return r->limits.memory_mb > 0 ? r->limits.memory_mb : WIRE_LIMITS_DEFAULT.memory_mb;
}

static struct filling filling_of(struct arena *a, const struct language *l,
				 const struct wire_request *r)
{
	const char *source = command_source(r, l);
	struct filling f = { .value = { [WORD_SOURCE] = as_argument(a, source),
					[WORD_PROGRAM] = "",
					[WORD_STEM] = stem_of(a, source),
					[WORD_MEMORY] = arena_printf(a, "%lld", memory_mb(r)) } };

	if (l->program)
		f.value[WORD_PROGRAM] = fill_item(a, l->program, &f);
	return f;
}

const char *command_program(struct arena *a, const struct language *l, const struct wire_request *r)
{
	return filling_of(a, l, r).value[WORD_PROGRAM];
}

static void add_list(struct names *to, const char *const *item, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to->item[to->n++] = item[i];
}

static void make_arguments(struct arena *a, const struct names *list, const struct language *l,
			   const struct wire_request *r, struct names *out)
{
	struct filling f = filling_of(a, l, r);
	size_t most = list->n * (1 + r->narg + r->ncompile_arg);

	*out = (struct names){ .item = ARENA_NEW(a, most, const char *) };
	for (size_t i = 0; i < list->n; i++) {
		enum word w = word_at(list->item[i]);

		if (w == WORD_ARGS)
			add_list(out, r->arg, r->narg);
		else if (w == WORD_COMPILE_ARGS)
			add_list(out, r->compile_arg, r->ncompile_arg);
		else
			out->item[out->n++] = fill_item(a, list->item[i], &f);
	}
}

/* Environments in which a key may come again; at tells where each key's line stands. */
struct env {
	struct arena *arena;
	struct names *list;
	struct map at;
};

static void set_env(struct env *env, const struct wire_pair *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char **line = map_get(&env->at, p[i].key, strlen(p[i].key));

		if (!line) {
			line = &env->list->item[env->list->n++];
			map_set(&env->at, p[i].key, strlen(p[i].key), line);
		}
		*line = arena_printf(env->arena, "%s=%s", p[i].key, p[i].value);
	}
}

#define NBASE 5

/* TMPDIR only where the folder is not /tmp itself: without namespaces that is everyone's. */
static void set_base_env(struct env *env, const char *folder)
{
	const struct wire_pair base[NBASE] = {
		{ "PATH", LANGUAGE_PATH }, { "HOME", folder },   { "PWD", folder },
		{ "LANG", "C.UTF-8" },     { "TMPDIR", folder },
	};

	set_env(env, base, strcmp(folder, JAIL_WORKDIR) != 0 ? NBASE : NBASE - 1);
}

void command_make(struct arena *a, const struct names *list, const struct language *l,
		  const struct wire_request *r, const char *folder, struct command *out)
{
	struct env env = { .arena = a, .list = &out->env };

	make_arguments(a, list, l, r, &out->arg);
	if (out->arg.item[0][0] != '/')
		out->arg.item[0] = arena_printf(a, "%s/%s", folder, out->arg.item[0]);
	out->env = (struct names){ .item = ARENA_NEW(a, NBASE + l->nenv + r->nenv, const char *) };
	set_base_env(&env, folder);
	set_env(&env, l->env, l->nenv);
	set_env(&env, r->env, r->nenv);
	map_close(&env.at);
}

/* How each compression begins (file(1)'s magic), and tar's option for it. */
static const struct compression {
	const char *magic;
	size_t len;
	const char *option;
} compressions[] = {
	{ "\x1f\x8b", 2, "--gzip" },
	{ "BZh", 3, "--bzip2" },
	{ "\xfd"
	  "7zXZ",
	  5, "--xz" },
	{ "\x28\xb5\x2f\xfd", 4, "--zstd" },
};

static const char *compression_of(const struct bytes *archive)
{
	for (size_t i = 0; i < sizeof(compressions) / sizeof(compressions[0]); i++) {
		const struct compression *c = &compressions[i];

		if (archive->len >= c->len && !memcmp(archive->data, c->magic, c->len))
			return c->option;
	}
	return NULL;
}

void command_unpack(struct arena *a, const struct bytes *archive, const char *folder,
		    struct command *out)
{
	static const char *const tar[] = { "/usr/bin/tar",    "-x", "-f", "-", "--no-same-owner",
					   "--skip-old-files" };
	size_t ntar = sizeof(tar) / sizeof(tar[0]);
	const char *option = compression_of(archive);
	struct env env = { .arena = a, .list = &out->env };

	out->arg = (struct names){ .item = ARENA_NEW(a, ntar + 1, const char *) };
	add_list(&out->arg, tar, ntar);
	if (option)
		add_list(&out->arg, &option, 1);
	out->env = (struct names){ .item = ARENA_NEW(a, NBASE, const char *) };
	set_base_env(&env, folder);
	map_close(&env.at);
}

int command_memfd(const char *name, const void *data, size_t len, struct err *e)
{
	CLEAN_FD int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char path[32];
	int reader;

	if (fd < 0 || !fs_write_all(fd, data, len) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0) {
		err_sys(e, "cannot keep the %zu bytes of %s in memory", len, name);
		return -1;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	reader = open(path, O_RDONLY | O_CLOEXEC);
	if (reader < 0)
		err_sys(e, "cannot open the %zu bytes of %s for reading", len, name);
	return reader;
}

static bool add_strings(struct buf *b, const struct names *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!buf_add(b, list->item[i], strlen(list->item[i]) + 1))
			return false;
	return true;
}

int command_strings(const struct command *c, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(STRINGS_MAX);
	int fd;

	if (!add_strings(&b, &c->arg) || !add_strings(&b, &c->env)) {
		err_set(e, ERR_TOO_LARGE, "args and env must be at most %zu bytes", STRINGS_MAX);
		return -1;
	}
	/* the warden alone reads it, and is trusted: neither sealed nor opened anew */
	fd = memfd_create("strings", MFD_CLOEXEC);
	if (fd >= 0 && fs_write_all(fd, b.data, b.len))
		return fd;
	err_sys(e, "cannot keep the %zu bytes of args and env in memory", b.len);
	fs_close(&fd);
	return -1;
}
