#include "run/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "run/left.h"

struct text source_expand(struct arena *a, struct sources *s, const struct cell *cell,
			  const struct text *t)
{
	struct asking asking = { a, s, cell };
	struct scope scope = { .spec = s->plan->spec,
			       .matrix = cell->matrix,
			       .nmatrix = cell->nmatrix,
			       .job = cell->job,
			       .allow_outside = s->options->allow_outside,
			       .needs = s->row ? left_tell : NULL,
			       .needs_ctx = &asking };
	struct text out;
	struct err e = { 0 };

	s->at = t;
	if (spec_eval(a, &scope, t, &out, &e))
		return out;
	if (!s->failure.kind) {
		s->failure = e;
		s->failed_at = t;
	}
	return (struct text){ .s = "", .mark = t->mark };
}

bool source_settle(struct sources *s, struct err *e)
{
	s->is_unknown = s->failure.kind != ERR_NONE;
	if (!s->is_unknown)
		return true;
	*e = s->failure;
	s->at = s->failed_at;
	s->failure = (struct err){ 0 };
	return false;
}

bool source_check(struct sources *s, const char *path, struct err *e)
{
	s->is_mistake = !s->options->allow_outside && fs_leaves(path);
	return !s->is_mistake ||
	       err_set(e, ERR_SPEC, "'%s' leaves the spec's folder; --allow-outside permits that",
		       path);
}

int source_folder(const struct sources *s, const struct cell *cell, int *opened)
{
	if (!strcmp(cell->job->folder, s->plan->spec->folder))
		return s->spec_fd;
	*opened = open(cell->job->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *opened;
}

static int open_source(const struct sources *s, const struct cell *cell, const char *path)
{
	CLEAN_FD int opened = -1;
	int folder = source_folder(s, cell, &opened);

	if (s->options->allow_outside)
		return openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fs_open_beneath(folder, path, O_RDONLY | O_NONBLOCK, 0);
}

static bool tell_unopened(const char *path, struct err *e)
{
	if (errno == ELOOP)
		return err_set(e, ERR_SPEC, "'%s' is, or goes through, a symbolic link", path);
	return err_set(e, ERR_SPEC, "cannot read '%s': %s", path, strerror(errno));
}

static bool is_special(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

bool source_read(struct arena *a, struct sources *s, const struct cell *cell, const struct text *t,
		 struct bytes *out, struct err *e)
{
	const char *path = source_expand(a, s, cell, t).s;
	CLEAN_FD int fd = -1;
	char *data;

	if (!source_check(s, path, e))
		return false;
	fd = open_source(s, cell, path);
	if (fd < 0)
		return tell_unopened(path, e);
	if (is_special(fd)) /* a pipe would be read as empty */
		return err_set(e, ERR_SPEC, "cannot read '%s': it is neither a file nor a folder",
			       path);
	if (!fs_read_fd(a, fd, SOURCE_MAX, path, &data, &out->len, e)) {
		e->kind = ERR_SPEC;
		return false;
	}
	out->data = data;
	return true;
}
