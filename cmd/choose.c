#include "cmd/choose.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/yaml.h"

#define RUNS_LOOKED_AT 20

/* "2/5". */
static bool parse_shard(const char *text, uint32_t *shard, uint32_t *nshard)
{
	const char *slash = strchr(text, '/');
	int64_t i, n;

	if (!slash || !parse_int(text, (size_t)(slash - text), &i) ||
	    !parse_int(slash + 1, strlen(slash + 1), &n) || n < 1 || n > PLAN_MAX_SHARDS || i < 1 ||
	    i > n)
		return false;
	*shard = (uint32_t)i;
	*nshard = (uint32_t)n;
	return true;
}

bool choose_check(const struct choice *c, struct err *e)
{
	uint32_t shard, nshard;

	return !c->shard || parse_shard(c->shard, &shard, &nshard) ||
	       err_set(e, ERR_USAGE, "--shard must be I/N, I from 1 to N, N at most %d, not '%s'",
		       PLAN_MAX_SHARDS, c->shard);
}

/* Whether the run tells how long each of so many cells takes. */
static bool take_times(const char *folder, const struct plan *p, int64_t *time_ms)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct history h;
	struct err ignored = { 0 };
	bool ok;

	if (!history_load(&a, folder, &h, &ignored))
		return false;
	ok = h.is_done && !h.is_interrupted && h.ncell == p->ncell;
	for (size_t i = 0; ok && i < p->ncell; i++) {
		const struct history_cell *c = history_find(&h, p->cell[i].id);

		time_ms[i] = c && c->state == HISTORY_ENDED ? c->row.duration_ms : 0;
	}
	history_close(&h);
	return ok;
}

/*
 * The times of the last whole run. One of a shard is none, so that all shards are cut alike,
 * whichever has run before.
 */
static const int64_t *find_times(struct arena *a, const char *root, const struct plan *p)
{
	const char *runs = arena_printf(a, "%s/runs", root);
	int64_t *time_ms = ARENA_NEW(a, p->ncell, int64_t);
	struct dirent **entry;
	int n = scandir(runs, &entry, NULL, alphasort); /* ids begin with the time */
	bool found = false;

	for (int i = n - 1; i >= 0; i--) {
		if (!found && n - i <= RUNS_LOOKED_AT && entry[i]->d_name[0] != '.')
			found = take_times(arena_printf(a, "%s/%s", runs, entry[i]->d_name), p,
					   time_ms);
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
	return found ? time_ms : NULL;
}

bool choose_cells(struct arena *a, const struct choice *c, const struct plan *p, struct plan *out,
		  const uint32_t **from, struct err *e)
{
	struct selection s = { .filters = { c->filters.item, c->filters.n },
			       .tags = { c->tags.item, c->tags.n } };

	if (c->shard && parse_shard(c->shard, &s.shard, &s.nshard))
		s.time_ms = find_times(a, c->root, p);
	return plan_select(a, p, &s, out, from, e);
}

/* Whether the earlier run's verdict stands, as run/resume.c has it. */
static bool stands(const struct history_cell *c, bool reruns_failed)
{
	enum verdict v = c && c->state == HISTORY_ENDED ? c->row.verdict : VERDICT_CANCELLED;

	if (v == VERDICT_PASSED || v == VERDICT_XFAIL)
		return true;
	return !reruns_failed && (v == VERDICT_FAILED || v == VERDICT_TIMEOUT ||
				  v == VERDICT_XPASS || v == VERDICT_FLAKY);
}

/* Which of the chosen cells run: those that did not, or with reruns_failed need one that does. */
static void mark_runs(const struct plan *p, const struct earlier *earlier, bool *runs)
{
	for (size_t i = 0; i < p->ncell; i++) {
		const struct cell *c = &p->cell[i];

		runs[i] = !earlier->history ||
			  !stands(history_find(earlier->history, c->id), earlier->reruns_failed);
		for (size_t k = 0; earlier->reruns_failed && k < c->ndep && !runs[i]; k++)
			runs[i] = runs[c->dep[k]];
	}
}

static void explain_run(const struct plan *p, const struct cell *c, const struct history *h)
{
	const struct history_cell *before = h ? history_find(h, c->id) : NULL;

	printf("%s: runs", c->id);
	if (before && before->state == HISTORY_ENDED)
		printf(" again, was %s", verdict_names[before->row.verdict]);
	else if (before && before->state == HISTORY_SUBMITTED)
		fputs(" at the service since then", stdout);
	if (c->is_only_needed)
		fputs(", only since a chosen cell needs it", stdout);
	if (c->ndep == 1)
		printf(", after %s", p->cell[c->dep[0]].id);
	else if (c->ndep)
		printf(", after %s and %zu more", p->cell[c->dep[0]].id, c->ndep - 1);
	putchar('\n');
}

void choose_explain(const struct plan *whole, const struct plan *chosen, const uint32_t *from,
		    const struct earlier *earlier)
{
	CLEAN_ARENA struct arena a = { 0 };
	bool *runs = ARENA_NEW(&a, chosen->ncell, bool);

	mark_runs(chosen, earlier, runs);
	for (size_t i = 0, k = 0; i < whole->ncell; i++) {
		const struct cell *c = &whole->cell[i];

		if (k == chosen->ncell || from[k] != i)
			printf("%s: does not run, not chosen\n", c->id);
		else if (runs[k++])
			explain_run(chosen, &chosen->cell[k - 1], earlier->history);
		else
			printf("%s: does not run, was %s\n", c->id,
			       verdict_names[history_find(earlier->history, c->id)->row.verdict]);
	}
}
