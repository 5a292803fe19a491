
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "run/history.h"

/* By place in the plan; those of which it was not told behind, as they came. */
struct place {
	const struct history_cell *cell;
	size_t came;
};

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->cell->index != y->cell->index)
		return x->cell->index < y->cell->index ? -1 : 1;
	return x->came < y->came ? -1 : x->came > y->came;
}

static struct place *in_order(struct arena *a, const struct history *h)
{
	struct place *p = ARENA_NEW(a, h->nseen, struct place);

	for (size_t i = 0; i < h->nseen; i++)
		p[i] = (struct place){ h->cell[i], i };
	qsort(p, h->nseen, sizeof(*p), by_place);
	return p;
}

/* A cell that was under way when the runner was killed. */
static struct row unfinished(const struct history_cell *c)
{
	struct row row = c->row;

	row.verdict = VERDICT_CANCELLED;
	row.reason = "the runner ended before it; run --resume goes on";
	row.attempts = c->attempts;
	row.job_id = c->job_id;
	return row;
}

static const char *archive_of(struct arena *a, const char *folder)
{
	const char *path = arena_printf(a, "%s/artifacts.tar.zst", folder);

	return access(path, F_OK) == 0 ? path : NULL;
}

static bool load_summary(struct arena *a, const struct history *h, struct summary *out,
			 struct err *e)
{
	CLEAN_ARENA struct arena scratch = { 0 };
	CLEAN_FD int fd = open(h->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct place *place = in_order(&scratch, h);

	if (fd < 0)
		return err_sys(e, "cannot open the run's folder '%s'", h->folder);
	if (!h->has_run)
		return err_set(e, ERR_USAGE,
			       "the run '%s' ended before it began: it has no journal", h->folder);
	*out = (struct summary){ .name = h->name,
				 .spec_path = h->spec_path,
				 .spec_sha256 = h->spec_sha256,
				 .run_folder = h->folder,
				 .endpoint = h->endpoint,
				 .archive = archive_of(a, h->folder),
				 .execution_mode = h->execution_mode,
				 .started_at = h->started_at,
				 .duration_ms = h->duration_ms,
				 .row = ARENA_NEW(a, h->nseen, struct row),
				 .nrow = h->nseen,
				 .is_interrupted = h->is_interrupted || !h->is_done };
	for (size_t i = 0; i < h->nseen; i++) {
		const struct history_cell *c = place[i].cell;

		out->row[i] = c->state == HISTORY_ENDED || c->is_left ? c->row : unfinished(c);
		out->row[i].index = (uint32_t)i;
		out->count[out->row[i].verdict]++;
		if (c->state == HISTORY_ENDED && !history_outputs(a, fd, &out->row[i], e))
			return false;
	}
	return true;
}

bool run_load(struct arena *a, const char *folder, struct summary *out, struct err *e)
{
	struct history h;
	bool ok;

	if (!history_load(a, folder, &h, e))
		return false;
	ok = load_summary(a, &h, out, e);
	history_close(&h);
	return ok;
}
