/* What can be told before anything is sent. */
#include "run/expected.h"
#include "run/referee.h"

#include <fcntl.h>
#include <string.h>

#include "base/fs.h"

#define SPEC_MAX ((size_t)16 << 20) /* as yaml.h */

struct precheck {
	const struct run_options *o;
	struct sources sources;
	struct yaml yaml;            /* a spec's text once more, for its lines in mistakes */
	const struct job_spec *told; /* the job whose mistake was told last: once is enough */
};

static bool is_any_expr(const struct text_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->item[i].has_expr)
			return true;
	return false;
}

/* Whether all cells of the job ask for the same, so that one need be looked at. */
static bool is_same_in_all(const struct job_spec *j)
{
	for (size_t i = 0; i < j->nfiles; i++)
		if (j->files[i].value.has_expr || j->files[i].as.has_expr)
			return false;
	for (size_t i = 0; i < j->expect.ncheck; i++)
		if (j->expect.check[i].want.has_expr)
			return false;
	for (size_t i = 0; i < j->env.n; i++)
		if (j->env.item[i].value.has_expr)
			return false;
	return !j->language.has_expr && !j->code.has_expr && !j->file.has_expr &&
	       !j->filename.has_expr && !j->input.has_expr && !j->input_file.has_expr &&
	       !is_any_expr(&j->args) && !is_any_expr(&j->compile_args) &&
	       !is_any_expr(&j->artifacts);
}

/* Have the text of that file for the lines in mistakes; without it they have none. */
static void show_file(struct precheck *c, const char *path)
{
	struct err e;
	char *text;

	if (c->yaml.text && !strcmp(c->yaml.path, path))
		return;
	c->yaml.path = path;
	c->yaml.text = "";
	c->yaml.len = 0;
	if (fs_read(c->yaml.arena, AT_FDCWD, path, SPEC_MAX, &text, &c->yaml.len, &e))
		c->yaml.text = text;
}

static void mistake(struct precheck *c, const struct cell *cell, struct mark at,
		    const char *sentence)
{
	if (c->told == cell->job)
		return;
	c->told = cell->job;
	show_file(c, cell->job->path);
	if (cell->nmatrix)
		yaml_mistake(&c->yaml, at.line ? at : cell->job->mark, "%s: %s", cell->id,
			     sentence);
	else
		yaml_mistake(&c->yaml, at.line ? at : cell->job->mark, "%s", sentence);
}

static bool check_endpoint(const struct run_options *o, const struct job_spec *j,
			   const struct wire_request *r, struct err *e)
{
	const char *addition = request_addition(r);

	if (!o->toolchains)
		return true;
	if (addition && !o->has_additions)
		return err_set(e, ERR_SPEC, "%s does not offer this: %s", o->endpoint, addition);
	return j->skips_unless_language || toolchains_check(o->toolchains, r->language, e);
}

static bool check_signatures(const struct job_spec *j, struct err *e)
{
	const struct names *patterns = &j->retry.patterns;

	for (size_t i = 0; i < patterns->n; i++)
		if (!check_pattern(patterns->item[i], strlen(patterns->item[i]), e))
			return err_wrap(e, "retry: '%s'", patterns->item[i]);
	return true;
}

static bool check_patterns(const struct job_spec *j, const struct check *check, struct mark *at,
			   struct err *e)
{
	for (size_t i = 0; i < j->expect.ncheck; i++) {
		enum comparator c = check[i].spec->comparator;

		*at = check[i].spec->mark;
		if ((c == COMPARE_MATCHES || c == COMPARE_NOT_MATCHES) &&
		    !check_pattern(check[i].want.data, check[i].want.len, e))
			return false;
	}
	return true;
}

/* Its checkers are there, and the endpoint can run them. */
static bool check_referees(struct precheck *c, struct arena *a, const struct cell *cell,
			   const struct check *check, struct err *e)
{
	struct hearing h = { .cell = cell, .check = check };
	struct wire_request r;

	for (size_t i = 0; i < cell->job->expect.ncheck; i++) {
		if (check[i].spec->comparator != COMPARE_CHECKER)
			continue;
		if (!referee_build(a, &c->sources, &h, i, &r, e) ||
		    !check_endpoint(c->o, cell->job, &r, e))
			return false;
	}
	return true;
}

static void check_expected(struct precheck *c, struct arena *a, const struct cell *cell)
{
	struct check *check;
	struct mark at = { 0 };
	struct err e = { 0 };

	c->sources.is_unknown = false;
	if (expected_checks(a, &c->sources, cell, &check, &e)) {
		if (!check_patterns(cell->job, check, &at, &e)) {
			mistake(c, cell, at, e.msg);
			return;
		}
		if (check_referees(c, a, cell, check, &e))
			return;
	}
	if (!c->sources.is_unknown)
		mistake(c, cell, c->sources.at->mark, e.msg);
}

static void check_cell(struct precheck *c, const struct cell *cell)
{
	CLEAN_ARENA struct arena a = { 0 };
	const struct job_spec *j = cell->job;
	struct wire_request r;
	struct mark at = { 0 };
	struct err e = { 0 };

	c->sources.at = NULL;
	c->sources.is_mistake = false;
	if (!request_build(&a, &c->sources, cell, &r, &e)) {
		if (c->sources.is_mistake || !c->sources.at || !c->sources.at->has_expr)
			mistake(c, cell, c->sources.at ? c->sources.at->mark : at, e.msg);
		return; /* else this cell fails when it starts, and the others run */
	}
	if (!check_endpoint(c->o, j, &r, &e))
		mistake(c, cell, j->language.s ? j->language.mark : j->mark, e.msg);
	check_expected(c, &a, cell);
	if (!check_signatures(j, &e))
		mistake(c, cell, j->mark, e.msg);
}

bool run_check(const struct plan *p, const struct run_options *o, struct buf *tell, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_FD int fd = open(p->spec->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct precheck c = { .o = o,
			      .sources = { .plan = p, .options = o, .spec_fd = fd, .run_fd = -1 },
			      .yaml = { .arena = &a, .path = p->spec->path, .tell = tell } };
	const struct job_spec *done = NULL;

	if (fd < 0)
		return err_sys(e, "cannot open %s", p->spec->folder);
	for (size_t i = 0; i < p->ncell; i++) {
		const struct job_spec *j = p->cell[i].job;

		if (j == done)
			continue;
		check_cell(&c, &p->cell[i]);
		done = is_same_in_all(j) ? j : NULL;
	}
	if (c.yaml.nmistake)
		return err_set(e, ERR_SPEC, "%s: %u mistake%s", p->spec->path, c.yaml.nmistake,
			       c.yaml.nmistake == 1 ? "" : "s");
	return true;
}
