#include "run/left.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "keep/keep.h"
#include "run/source.h"

#define ARTIFACTS_MAX 100000
#define LEFT_MAX      ((size_t)256 << 20)

/* The next cell of that job which the asking one depends on, from *at on; NULL: no more. */
static const struct cell *next_needed(const struct asking *q, const char *job, size_t *at)
{
	while (*at < q->cell->ndep) {
		const struct cell *dep = &q->s->plan->cell[q->cell->dep[(*at)++]];

		if (!strcmp(dep->job->name, job))
			return dep;
	}
	return NULL;
}

/* A cell that printed nothing has no such file. */
static bool read_stdout(const struct asking *q, const struct cell *dep, struct bytes *out,
			struct err *e)
{
	const char *path = arena_printf(q->a, "jobs/%s/stdout", keep_cell_folder(q->a, dep->id));
	CLEAN_FD int fd = fs_open_beneath(q->s->run_fd, path, O_RDONLY | O_NONBLOCK, 0);
	char *data;

	*out = (struct bytes){ "", 0 };
	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd < 0)
		return err_sys(e, "cannot open %s", path);
	if (!fs_read_fd(q->a, fd, SOURCE_MAX, path, &data, &out->len, e))
		return false;
	out->data = data;
	return true;
}

static bool add_stdout(const struct asking *q, const struct cell *dep, struct buf *b)
{
	struct bytes printed;
	struct err e = { 0 };

	return read_stdout(q, dep, &printed, &e) && buf_add(b, printed.data, printed.len);
}

static bool add_name(void *ctx, const char *path, const struct stat *st, struct err *e)
{
	struct buf *names = ctx;

	if (!S_ISREG(st->st_mode))
		return true;
	return (buf_puts(names, path) && buf_puts(names, "\n")) ||
	       err_set(e, ERR_SPEC, "too many artifacts");
}

static bool add_artifacts(const struct asking *q, const struct cell *dep, struct buf *b)
{
	const char *path = arena_printf(q->a, "jobs/%s/artifacts", keep_cell_folder(q->a, dep->id));
	CLEAN_FD int fd = fs_open_beneath(q->s->run_fd, path, O_RDONLY | O_DIRECTORY, 0);
	struct err e = { 0 };

	if (fd < 0)
		return errno == ENOENT;
	return fs_walk(fd, ".", ARTIFACTS_MAX, add_name, b, &e);
}

static bool add_verdict(const struct asking *q, const struct cell *dep, struct buf *b)
{
	enum verdict v = q->s->row[dep - q->s->plan->cell].verdict;

	if (b->len && strcmp(buf_text(b), verdict_names[VERDICT_PASSED]) != 0)
		return true;
	buf_clear(b);
	return buf_puts(b, verdict_names[v]);
}

static const struct {
	const char *what;
	bool (*add)(const struct asking *q, const struct cell *dep, struct buf *b);
} kinds[] = {
	{ "stdout", add_stdout },
	{ "artifacts", add_artifacts },
	{ "verdict", add_verdict },
};

bool left_tell(void *ctx, const char *job, const char *what, struct text *out)
{
	const struct asking *q = ctx;
	CLEAN_BUF struct buf b = BUF(LEFT_MAX);
	const struct cell *dep;
	size_t at = 0;

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		if (strcmp(kinds[k].what, what) != 0)
			continue;
		while ((dep = next_needed(q, job, &at)))
			if (!kinds[k].add(q, dep, &b))
				return false;
		*out = (struct text){ .s = arena_strndup(q->a, buf_text(&b), b.len), .len = b.len };
		return true;
	}
	return false;
}

bool left_printed(const struct asking *q, const char *job, struct bytes *out, struct err *e)
{
	size_t at = 0;
	const struct cell *dep = next_needed(q, job, &at);

	if (!dep)
		return err_set(e, ERR_SPEC, "same_as: no cell of '%s' agrees with this one", job);
	if (next_needed(q, job, &at))
		return err_set(e, ERR_SPEC,
			       "same_as: more than one cell of '%s' agrees with this one", job);
	return read_stdout(q, dep, out, e);
}
