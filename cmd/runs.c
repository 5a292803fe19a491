#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "cmd/cmd.h"
#include "cmd/compare.h"
#include "cmd/report.h"
#include "cmd/resume.h"
#include "keep/keep.h"

#define TABLE_MAX ((size_t)1 << 30)
#define HEAD_MAX  ((size_t)1 << 16) /* of summary.json, up to where its cells begin */
#define DAY_MS    (INT64_C(24) * 60 * 60 * 1000)

struct runs_opts {
	bool json;
	int64_t keep; /* -1: not given */
	const char *older_than;
};

static const struct option_row runs_options[] = {
	{ "json", 0, NULL, "list, show, diff: as JSON", OPTION_FLAG,
	  offsetof(struct runs_opts, json), 0, 0 },
	{ "keep", 0, "N", "rm: all runs but the N newest", OPTION_NUMBER,
	  offsetof(struct runs_opts, keep), 0, INT32_MAX },
	{ "older-than", 0, "AGE", "rm: runs older than that: 30d, 12h, 90m", OPTION_TEXT,
	  offsetof(struct runs_opts, older_than), 0, 0 },
	{ 0 },
};

/* ---- list ---- */

/* What a list tells of a run. */
struct brief {
	const char *id, *name, *spec, *started_at;
	int64_t duration_ms;
	bool is_interrupted, has_begun;
	size_t count[NVERDICT];
};

/* The members of summary.json that stand before its cells, which begin on a line of their own. */
static bool read_head(struct arena *a, const char *folder, struct brief *out)
{
	CLEAN_FD int fd = open(arena_printf(a, "%s/summary.json", folder), O_RDONLY | O_CLOEXEC);
	char *text = arena_zalloc(a, HEAD_MAX + 1, 1), *newline;
	ssize_t n = fd < 0 ? -1 : pread(fd, text, HEAD_MAX - 2, 0);
	CLEAN_JSON cJSON *head = NULL;
	struct err ignored = { 0 };

	newline = n > 0 ? memchr(text, '\n', (size_t)n) : NULL;
	if (!newline)
		return false;
	if (newline[-1] == '[')
		memcpy(newline, "]}", 3);
	head = json_parse(text, strlen(text), JSON_NUL_REPLACE, &ignored);
	if (!head || !json_get_text(head, "name", &out->name, &ignored) ||
	    !json_get_text(head, "spec", &out->spec, &ignored) ||
	    !json_get_text(head, "started_at", &out->started_at, &ignored) ||
	    !json_get_int(head, "duration_ms", 0, INT64_C(1) << 50, &out->duration_ms, &ignored) ||
	    !json_get_bool(head, "interrupted", &out->is_interrupted, &ignored) || !out->name ||
	    !out->spec || !out->started_at)
		return false;
	for (int v = 0; v < NVERDICT; v++) {
		int64_t count = 0;

		json_get_int(json_get(head, "counts"), verdict_names[v], 0, INT32_MAX, &count,
			     &ignored);
		out->count[v] = (size_t)count;
	}
	out->name = arena_strdup(a, out->name);
	out->spec = arena_strdup(a, out->spec);
	out->started_at = arena_strdup(a, out->started_at);
	out->has_begun = true;
	return true;
}

/* A run without a summary: it goes on, or its runner was killed. The journal knows. */
static void read_journal(struct arena *a, const char *folder, struct brief *out)
{
	char *iso = arena_zalloc(a, 21, 1);
	struct summary s;
	struct err ignored = { 0 };

	out->name = out->spec = out->started_at = "";
	out->is_interrupted = true;
	if (!run_load(a, folder, &s, &ignored))
		return;
	clock_iso(s.started_at / 1000, iso);
	out->started_at = iso;
	out->name = s.name;
	out->spec = s.spec_path;
	out->duration_ms = s.duration_ms;
	out->has_begun = true;
	memcpy(out->count, s.count, sizeof(out->count));
}

static void print_counts(const struct brief *b)
{
	const char *between = "";

	for (int v = 0; v < NVERDICT; v++) {
		if (!b->count[v])
			continue;
		printf("%s%zu %s", between, b->count[v], verdict_names[v]);
		between = ", ";
	}
	if (!b->has_begun)
		printf("never began");
	else if (b->is_interrupted)
		printf("%sinterrupted", *between ? "; " : "");
}

static void print_brief(const struct brief *b)
{
	CLEAN_BUF struct buf name = BUF(1 << 16);

	check_show(&name, b->name, strlen(b->name), SHOW_SAFE);
	printf("%s  %-20s  %7.1f s  %-16s  ", b->id, b->started_at, (double)b->duration_ms / 1000,
	       buf_text(&name));
	print_counts(b);
	putchar('\n');
}

static cJSON *brief_json(const struct brief *b)
{
	cJSON *row = cJSON_CreateObject(), *counts;

	json_add_bytes(row, "run", b->id, strlen(b->id));
	json_add_bytes(row, "name", b->name, strlen(b->name));
	json_add_bytes(row, "spec", b->spec, strlen(b->spec));
	json_add_bytes(row, "started_at", b->started_at, strlen(b->started_at));
	cJSON_AddNumberToObject(row, "duration_ms", (double)b->duration_ms);
	cJSON_AddBoolToObject(row, "interrupted", b->is_interrupted);
	counts = cJSON_AddObjectToObject(row, "counts");
	for (int v = 0; v < NVERDICT; v++)
		cJSON_AddNumberToObject(counts, verdict_names[v], (double)b->count[v]);
	return row;
}

/* The newest first. */
static int list(struct arena *a, const struct runs_opts *o, const struct strings *operands,
		struct err *e)
{
	CLEAN_JSON cJSON *rows = cJSON_CreateArray();
	CLEAN_BUF struct buf text = BUF(TABLE_MAX);
	const char *const *id;
	size_t n;

	(void)operands;
	if (!keep_list(a, CMD_ROOT, &id, &n, e))
		return cmd_fail(e);
	for (size_t i = n; i > 0; i--) {
		CLEAN_ARENA struct arena scratch = { 0 };
		const char *folder = arena_printf(&scratch, CMD_ROOT "/runs/%s", id[i - 1]);
		struct brief b = { .id = id[i - 1] };

		if (!read_head(&scratch, folder, &b))
			read_journal(&scratch, folder, &b);
		if (o->json)
			cJSON_AddItemToArray(rows, brief_json(&b));
		else
			print_brief(&b);
	}
	if (o->json && json_print(rows, &text))
		puts(buf_text(&text));
	return 0;
}

/* ---- show ---- */

static int show(struct arena *a, const struct runs_opts *o, const struct strings *operands,
		struct err *e)
{
	CLEAN_BUF struct buf text = BUF(TABLE_MAX);
	struct summary s;

	if (!report_load(a, operands->n ? operands->item[0] : NULL, &s, e))
		return cmd_fail(e);
	if (o->json)
		report_find("summary")->write(&s, &text);
	else
		report_console(&s, cmd_has_colour(STDOUT_FILENO), cmd_width(STDOUT_FILENO), &text);
	fwrite(buf_text(&text), 1, text.len, stdout);
	return 0;
}

/* ---- rm ---- */

/* "30d": milliseconds. */
static bool read_age(const char *text, int64_t *out, struct err *e)
{
	static const struct {
		char letter;
		int64_t ms;
	} units[] = { { 'd', DAY_MS }, { 'h', DAY_MS / 24 }, { 'm', 60000 }, { 's', 1000 } };
	char *end;
	double n = strtod(text, &end);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (end == text || n < 0 || !(n <= 36500) || *end != units[i].letter || end[1])
			continue;
		*out = (int64_t)(n * (double)units[i].ms);
		return true;
	}
	return err_set(e, ERR_USAGE,
		       "--older-than must be an age as 30d, 12h, 90m or 45s, not '%s'", text);
}

static bool remove_one(const char *run, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	const char *folder, *service;

	if (!keep_find(&a, CMD_ROOT, run, &folder, e))
		return false;
	service = resume_service(&a, CMD_ROOT, folder);
	if (!keep_remove(CMD_ROOT, run, e))
		return false;
	if (service)
		resume_discard(service);
	printf("removed %s\n", run);
	return true;
}

/* When the run was last written to: its journal's time. */
static int64_t age_ms(const char *id)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct stat st;

	if (stat(arena_printf(&a, CMD_ROOT "/runs/%s/journal.jsonl", id), &st) < 0)
		return -1;
	return clock_unix_ms() - (int64_t)st.st_mtim.tv_sec * 1000 - st.st_mtim.tv_nsec / 1000000;
}

/* All but the newest, of these the old ones; a run that still goes on is told and left. */
static int rm_old(struct arena *a, const struct runs_opts *o, struct err *e)
{
	const char *const *id;
	size_t n, keep = o->keep > 0 ? (size_t)o->keep : 0;
	int64_t older_ms = -1;
	int status = 0;

	if ((o->older_than && !read_age(o->older_than, &older_ms, e)) ||
	    !keep_list(a, CMD_ROOT, &id, &n, e))
		return cmd_fail(e);
	for (size_t i = 0; i + keep < n; i++)
		if (age_ms(id[i]) >= 0 && age_ms(id[i]) > older_ms && !remove_one(id[i], e))
			status = cmd_fail(e);
	return status;
}

static int rm(struct arena *a, const struct runs_opts *o, const struct strings *operands,
	      struct err *e)
{
	bool by_rule = o->keep >= 0 || o->older_than;

	if (by_rule == (operands->n > 0)) {
		err_set(e, ERR_USAGE, "runs rm wants runs, or --keep or --older-than");
		return cmd_fail(e);
	}
	if (by_rule)
		return rm_old(a, o, e);
	for (size_t i = 0; i < operands->n; i++)
		if (!remove_one(operands->item[i], e))
			return cmd_fail(e);
	return 0;
}

/* ---- diff ---- */

static int diff(struct arena *a, const struct runs_opts *o, const struct strings *operands,
		struct err *e)
{
	CLEAN_BUF struct buf text = BUF(TABLE_MAX);
	struct summary was, is;
	size_t nchanged = 0;

	if (!report_load(a, operands->item[0], &was, e) ||
	    !report_load(a, operands->item[1], &is, e) ||
	    !compare_runs(&(struct compare_pair){ &was, &is }, o->json, &nchanged, &text, e))
		return cmd_fail(e);
	fwrite(buf_text(&text), 1, text.len, stdout);
	return nchanged ? 1 : 0;
}

static const struct {
	const char *name;
	size_t min, max;
	int (*run)(struct arena *a, const struct runs_opts *o, const struct strings *operands,
		   struct err *e);
} verbs[] = {
	{ "list", 0, 0, list },
	{ "show", 0, 1, show },
	{ "rm", 0, SIZE_MAX, rm },
	{ "diff", 2, 2, diff },
};

static int run_runs(int argc, char **argv, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct runs_opts o = { .keep = -1 };
	struct operands operands;
	struct strings rest;

	if (!options_parse(&command_runs, (struct command_line){ argc, argv }, &a, &o, &operands,
			   e))
		return cmd_fail(e);
	rest = (struct strings){ operands.item.item + 1, operands.item.n - 1 };
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(operands.item.item[0], verbs[i].name) && rest.n >= verbs[i].min &&
		    rest.n <= verbs[i].max)
			return verbs[i].run(&a, &o, &rest, e);
	err_set(e, ERR_USAGE, "runs wants %s; see 'sandbatch runs --help'", command_runs.operands);
	return cmd_fail(e);
}

const struct command command_runs = {
	.name = "runs",
	.operands = "list | show [RUN] | diff RUN RUN | rm RUN...",
	.help = "earlier runs: list them, show one, compare two (1: they differ), remove some",
	.option = runs_options,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = run_runs,
};
