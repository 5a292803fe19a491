/*
 * --update: what a cell printed becomes what is expected of it. Only files below the job's folder
 * are written, only where the check does not hold as it is, and none twice with different bytes:
 * two cells that share a file and print different things are told.
 */
#include <fcntl.h>
#include <string.h>

#include "base/digest.h"
#include "base/fs.h"
#include "run/expected.h"
#include "run/source.h"
#include "run/state.h"

/* A file that was written in this run. */
struct written {
	struct written *next;
	const char *path, *cell; /* path: with the job's folder */
	char hex[DIGEST_HEX];
};

static void note(struct run *r, uint32_t i, const char *path, const char *words)
{
	struct summary *s = &r->sum;
	struct update *grown;

	if ((s->nupdate & (s->nupdate - 1)) == 0) { /* room for as many again */
		grown = ARENA_NEW(&r->arena, s->nupdate ? s->nupdate * 2 : 1, struct update);
		if (s->nupdate)
			memcpy(grown, s->update, s->nupdate * sizeof(*grown));
		s->update = grown;
	}
	s->update[s->nupdate++] =
		(struct update){ .path = arena_strdup(&r->arena, path),
				 .cell = r->sum.row[i].cell,
				 .note = words ? arena_strdup(&r->arena, words) : NULL };
}

/* Open the folder that the file lies in, made if it is not there, beneath the job's. */
static int open_parent(const struct sources *s, const struct cell *cell, const char *path,
		       struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_FD int opened = -1;
	int folder = source_folder(s, cell, &opened), fd;
	const char *slash = strrchr(path, '/'), *parent = ".";

	if (slash)
		parent = arena_strndup(&a, path, (size_t)(slash - path));
	fd = fs_open_beneath(folder, parent, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		err_sys(e, "cannot open the folder of '%s'", path);
	return fd;
}

static bool write_expected(const struct sources *s, const struct cell *cell, const char *path,
			   struct bytes printed, struct err *e)
{
	const char *slash = strrchr(path, '/');
	CLEAN_FD int parent = -1;

	if (!fs_is_plain_path(path))
		return err_set(e, ERR_SPEC,
			       "--update does not write '%s': it is not a plain path "
			       "below the spec's folder",
			       path);
	parent = open_parent(s, cell, path, e);
	return parent >= 0 && fs_write_atomic(parent, slash ? slash + 1 : path,
					      printed.data ? printed.data : "", printed.len, e);
}

/* Whether the bytes may be written there: nobody has written others in this run. */
static bool claim(struct run *r, uint32_t i, const char *path, struct bytes printed)
{
	const char *full = arena_printf(&r->arena, "%s/%s", r->plan->cell[i].job->folder, path);
	struct written *w = r->written;
	char hex[DIGEST_HEX];

	digest_sha256(printed.data ? printed.data : "", printed.len, hex);
	while (w && strcmp(w->path, full) != 0)
		w = w->next;
	if (w && strcmp(w->hex, hex) != 0)
		note(r, i, path,
		     arena_printf(&r->arena, "not written again: %s printed something else",
				  w->cell));
	if (w)
		return false;
	w = ARENA_NEW(&r->arena, 1, struct written);
	*w = (struct written){ .next = r->written, .path = full, .cell = r->sum.row[i].cell };
	memcpy(w->hex, hex, sizeof(hex));
	r->written = w;
	return true;
}

static bool update(struct run *r, uint32_t i, const struct wire_result *res, struct check *check,
		   struct err *e)
{
	bool is_out = check->spec->stream == STREAM_STDOUT;
	struct bytes printed = is_out ? res->out : res->err;
	struct arena *a = &r->cell[i].flight->arena;

	if (!check->spec->is_file || check->spec->comparator == COMPARE_CHECKER ||
	    judge_alone(r, a, check, printed))
		return true;
	if (res->has_extras && (is_out ? res->out_truncated : res->err_truncated)) {
		note(r, i, check->name, "not written: the output was cut at its limit");
		return true;
	}
	if (!claim(r, i, check->name, printed))
		return true;
	if (!write_expected(&r->sources, &r->plan->cell[i], check->name, printed, e))
		return false;
	note(r, i, check->name,
	     res->status == WIRE_TIMEOUT ? "it ran past its ttl: this is what it printed until then"
					 : NULL);
	return true;
}

bool update_expected(struct run *r, uint32_t i, const struct wire_result *res, struct err *e)
{
	const struct cell *cell = &r->plan->cell[i];
	struct check *check;

	if (!r->o.updates || (res->status != WIRE_COMPLETED && res->status != WIRE_TIMEOUT))
		return true;
	if (!expected_checks(&r->cell[i].flight->arena, &r->sources, cell, &check, e))
		return false;
	for (size_t k = 0; k < cell->job->expect.ncheck; k++)
		if (!update(r, i, res, &check[k], e))
			return false;
	return true;
}
