#include "cache/cache.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cmd/cmd.h"
#include "cmd/report.h"

#define TABLE_MAX ((size_t)1 << 26)

struct cache_opts {
	bool json;
};

static const struct option_row cache_options[] = {
	{ "json", 0, NULL, "stats, explain: as JSON", OPTION_FLAG,
	  offsetof(struct cache_opts, json), 0, 0 },
	{ 0 },
};

static void iso(int64_t unix_ms, char out[21])
{
	clock_iso(unix_ms / 1000, out);
}

static void print_json(const cJSON *value)
{
	CLEAN_BUF struct buf b = BUF(TABLE_MAX);

	if (json_print(value, &b))
		puts(buf_text(&b));
}

/* ---- stats ---- */

static void stats_json(const struct cache_stats *s)
{
	CLEAN_JSON cJSON *row = cJSON_CreateObject();
	char when[21];

	cJSON_AddNumberToObject(row, "results", (double)s->nresult);
	cJSON_AddNumberToObject(row, "files", (double)s->nfile);
	cJSON_AddNumberToObject(row, "bytes", (double)s->bytes);
	cJSON_AddNumberToObject(row, "hits", (double)s->nhit);
	cJSON_AddNumberToObject(row, "misses", (double)s->nmiss);
	iso(s->oldest_ms, when);
	if (s->oldest_ms)
		cJSON_AddStringToObject(row, "oldest_use", when);
	print_json(row);
}

static bool stats(const struct cache_opts *o, const char *cell, struct err *e)
{
	struct cache *c = cache_open(CMD_ROOT, "", clock_unix_ms(), e);
	struct cache_stats s;
	char when[21];

	(void)cell;
	if (!c)
		return false;
	cache_stats(c, &s);
	cache_close(c);
	if (o->json) {
		stats_json(&s);
		return true;
	}
	printf("%zu results in %zu files, %.1f MB; %zu looked up and found, %zu not\n", s.nresult,
	       s.nfile, (double)s.bytes / 1e6, s.nhit, s.nmiss);
	iso(s.oldest_ms, when);
	if (s.oldest_ms)
		printf("the longest unused was stored or taken at %s\n", when);
	return true;
}

static bool clear(const struct cache_opts *o, const char *cell, struct err *e)
{
	size_t nfile;

	(void)o;
	(void)cell;
	if (!cache_clear(CMD_ROOT, &nfile, e))
		return false;
	printf("removed %zu files\n", nfile);
	return true;
}

/* ---- explain ---- */

static const char *const answers[] = {
	[CACHE_HIT] = "taken from the cache",
	[CACHE_FIRST] = "not taken: no pass of it had been stored",
	[CACHE_CHANGED] = "not taken: its inputs differ from those of its last stored pass",
	[CACHE_GONE] = "not taken: its result was damaged, or trimmed away",
};

static void print_change(const struct cache_change *c)
{
	if (!c->was)
		printf("  %s is new: %s\n", c->name, c->is);
	else if (!c->is)
		printf("  %s is gone: it was %s\n", c->name, c->was);
	else
		printf("  %s changed: %s -> %s\n", c->name, c->was, c->is);
}

static void print_story(const struct cache_story *s, const char *cell)
{
	char when[21];

	iso(s->at_ms, when);
	printf("%s of %s, at %s: %s\n", cell, s->spec, when, answers[s->answer]);
	for (size_t i = 0; i < s->nchange; i++)
		print_change(&s->change[i]);
	puts(s->is_stored ? "  a pass with these inputs is stored now"
			  : "  no pass with these inputs is stored");
}

static void story_json(cJSON *rows, const struct cache_story *s)
{
	static const char *const names[] = { "hit", "first", "changed", "gone" };
	cJSON *row = cJSON_CreateObject(), *changes;
	char when[21];

	iso(s->at_ms, when);
	json_add_bytes(row, "spec", s->spec, strlen(s->spec));
	cJSON_AddStringToObject(row, "at", when);
	cJSON_AddStringToObject(row, "answer", names[s->answer]);
	cJSON_AddBoolToObject(row, "stored", s->is_stored);
	changes = cJSON_AddArrayToObject(row, "changes");
	for (size_t i = 0; i < s->nchange; i++) {
		const struct cache_change *c = &s->change[i];
		cJSON *change = cJSON_CreateObject();

		cJSON_AddStringToObject(change, "input", c->name);
		cJSON_AddItemToObject(change, "was",
				      c->was ? cJSON_CreateString(c->was) : cJSON_CreateNull());
		cJSON_AddItemToObject(change, "is",
				      c->is ? cJSON_CreateString(c->is) : cJSON_CreateNull());
		cJSON_AddItemToArray(changes, change);
	}
	cJSON_AddItemToArray(rows, row);
}

static bool explain(const struct cache_opts *o, const char *cell, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_JSON cJSON *rows = cJSON_CreateArray();
	struct cache *c = cache_open(CMD_ROOT, "", clock_unix_ms(), e);
	struct cache_story *story;
	size_t n = 0;
	bool ok = c && cache_explain(c, &a, cell, &story, &n, e);

	cache_close(c);
	if (!ok)
		return false;
	if (!n)
		return err_set(e, ERR_USAGE, "the cache was never asked for a cell '%s'", cell);
	for (size_t i = 0; i < n; i++) {
		if (o->json)
			story_json(rows, &story[i]);
		else
			print_story(&story[i], cell);
	}
	if (o->json)
		print_json(rows);
	return true;
}

static const struct {
	const char *name;
	size_t noperand;
	bool (*run)(const struct cache_opts *o, const char *cell, struct err *e);
} verbs[] = {
	{ "stats", 1, stats },
	{ "clear", 1, clear },
	{ "explain", 2, explain },
};

static int run_cache(int argc, char **argv, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct cache_opts o = { 0 };
	struct operands operands;
	const struct strings *l = &operands.item;

	if (!options_parse(&command_cache, (struct command_line){ argc, argv }, &a, &o, &operands,
			   e))
		return cmd_fail(e);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(l->item[0], verbs[i].name) && l->n == verbs[i].noperand)
			return verbs[i].run(&o, l->item[l->n - 1], e) ? 0 : cmd_fail(e);
	err_set(e, ERR_USAGE, "cache wants %s; see 'sandbatch cache --help'",
		command_cache.operands);
	return cmd_fail(e);
}

const struct command command_cache = {
	.name = "cache",
	.operands = "stats | clear | explain CELL",
	.help = "results that are not run again: how many, remove all, why a cell was or was not "
		"taken",
	.option = cache_options,
	.min_operands = 1,
	.max_operands = 2,
	.run = run_cache,
};
