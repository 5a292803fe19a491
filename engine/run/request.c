#include "run/request.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "keep/keep.h"
#include "pack/pack.h"
#include "run/prelude.h"
#include "run/source.h"

/* What one cell's request is made with. */
struct making {
	struct arena *a;
	struct sources *s;
	const struct cell *cell;
};

static struct text expand(struct making *m, const struct text *t)
{
	return source_expand(m->a, m->s, m->cell, t);
}

static const char *expand_text(struct making *m, const struct text *t)
{
	return expand(m, t).s;
}

static bool read_source(struct making *m, const struct text *t, struct bytes *out, struct err *e)
{
	return source_read(m->a, m->s, m->cell, t, out, e);
}

static const char **expand_list(struct making *m, const struct text_list *l)
{
	const char **out = ARENA_NEW(m->a, l->n, const char *);

	for (size_t i = 0; i < l->n; i++)
		out[i] = expand_text(m, &l->item[i]);
	return out;
}

/* An artifact that a needed cell left; it may have been made by hostile code, so only our copy of
 * it is opened. */
static bool add_artifact(struct making *m, struct pack_list *l, const struct file_spec *f,
			 const struct cell *from, struct err *e)
{
	struct text name = expand(m, &f->value);
	const char *as = f->as.s ? expand_text(m, &f->as) : name.s;
	const char *path = arena_printf(m->a, "jobs/%s/artifacts/%s",
					keep_cell_folder(m->a, from->id), name.s);
	CLEAN_FD int fd = fs_open_beneath(m->s->run_fd, path, O_RDONLY | O_NONBLOCK, 0);
	char *data;
	size_t len;

	if (fd < 0)
		return err_set(e, ERR_SPEC, "'%s' left no artifact '%s'", from->id, name.s);
	if (!fs_read_fd(m->a, fd, SOURCE_MAX, path, &data, &len, e))
		return false;
	pack_add(m->a, l, as, data, len);
	l->entry[l->n - 1].is_executable =
		true; /* whatever it is, what built it may want to run it */
	return true;
}

static bool add_artifacts(struct making *m, struct pack_list *l, const struct file_spec *f,
			  struct err *e)
{
	for (size_t i = 0; m->s->run_fd >= 0 && i < m->cell->ndep; i++) {
		const struct cell *dep = &m->s->plan->cell[m->cell->dep[i]];

		if (!strcmp(dep->job->name, f->from) && !add_artifact(m, l, f, dep, e))
			return false;
	}
	return true;
}

static bool add_file(struct making *m, struct pack_list *l, const struct file_spec *f,
		     struct err *e)
{
	const char *as = f->as.s ? expand_text(m, &f->as) : NULL;
	struct text value;

	if (f->source == FILE_ARTIFACT)
		return add_artifacts(m, l, f, e);
	value = expand(m, &f->value);
	if (f->source != FILE_CONTENT && !source_check(m->s, value.s, e))
		return false;
	switch (f->source) {
	case FILE_PATH:
		return pack_add_path(m->a, l, value.s, as, m->s->options->allow_outside, e);
	case FILE_GLOB:
		return pack_add_glob(m->a, l, value.s, as, e);
	case FILE_CONTENT:
		pack_add(m->a, l, as, value.s, value.len);
		return true;
	case FILE_ARTIFACT:
		break;
	}
	return true;
}

/* Whether the files can go as they are: few (but for so many more), flat, small, and with no mode
 * that matters. */
static bool fits_flat(const struct pack_list *l, size_t nmore)
{
	size_t total = 0;

	for (size_t i = 0; i < l->n; i++) {
		total += l->entry[i].len;
		if (l->entry[i].is_executable || strchr(l->entry[i].name, '/') ||
		    l->entry[i].len > WIRE_FILE_MB * (size_t)1000000)
			return false;
	}
	return l->n + nmore <= WIRE_FILES_MAX && total <= WIRE_FILES_MB * (size_t)1000000;
}

static bool send_flat(struct making *m, struct pack_list *l, struct wire_request *r, struct err *e)
{
	if (!pack_read(m->a, l, WIRE_FILES_MB * (int64_t)WIRE_MB, e))
		return false;
	r->nfile = l->n;
	r->file = ARENA_NEW(m->a, l->n, struct wire_file);
	for (size_t i = 0; i < l->n; i++)
		r->file[i] = (struct wire_file){ .name = l->entry[i].name,
						 .data = { l->entry[i].data, l->entry[i].len } };
	return true;
}

static bool send_archive(struct making *m, const struct pack_list *l, struct wire_request *r,
			 struct err *e)
{
	CLEAN_BUF struct buf tar = BUF(WIRE_FILE_MB * (size_t)WIRE_MB);

	if (!pack_to_buf(l, PACK_TAR, &tar, e))
		return false;
	r->nfile = 1;
	r->file = ARENA_NEW(m->a, 1, struct wire_file);
	r->file[0] =
		(struct wire_file){ .name = ".sandbatch.tar",
				    .is_archive = true,
				    .data = { arena_strndup(m->a, tar.data, tar.len), tar.len } };
	return true;
}

static bool make_files(struct making *m, struct wire_request *r, struct err *e)
{
	const struct job_spec *j = m->cell->job;
	size_t nmore = !m->s->options->has_additions && prelude_is_wanted(r) ? PRELUDE_FILES : 0;
	CLEAN_FD int opened = -1;
	struct pack_list l = { .dirfd = source_folder(m->s, m->cell, &opened) };

	for (size_t i = 0; i < j->nfiles; i++)
		if (!add_file(m, &l, &j->files[i], e))
			return false;
	if (l.n == 0)
		return true;
	if (!pack_sort(&l, e))
		return false;
	return fits_flat(&l, nmore) ? send_flat(m, &l, r, e) : send_archive(m, &l, r, e);
}

static bool make_language(struct making *m, struct wire_request *r, const char *file, struct err *e)
{
	const struct toolchains *known = m->s->options->toolchains;
	const struct toolchain *found;

	if (m->cell->job->language.s) {
		r->language = expand_text(m, &m->cell->job->language);
		return true;
	}
	m->s->at = &m->cell->job->file;
	found = known ? toolchains_guess(known, file, &r->code) : NULL;
	r->language = found ? found->name : NULL;
	if (known && !found)
		return err_set(
			e, ERR_SPEC,
			"language must be given: neither the name%s%s nor a shebang tells it",
			file ? " of " : "", file ? file : "");
	return true;
}

static bool check_code(const struct wire_request *r, const char *file, struct err *e)
{
	if (json_is_text(r->code.data, r->code.len))
		return true;
	return err_set(e, ERR_SPEC, "the program%s%s must be UTF-8 without NUL", file ? " in " : "",
		       file ? file : "");
}

static bool make_code(struct making *m, struct wire_request *r, struct err *e)
{
	const struct job_spec *j = m->cell->job;
	const char *file = j->file.s ? expand_text(m, &j->file) : NULL;
	struct text code;

	if (!file) {
		code = expand(m, &j->code);
		r->code = (struct bytes){ code.s, code.len };
	} else if (!read_source(m, &j->file, &r->code, e)) {
		return false;
	}
	return check_code(r, file, e) && make_language(m, r, file, e);
}

static bool make_input(struct making *m, struct wire_request *r, struct err *e)
{
	const struct job_spec *j = m->cell->job;
	struct text input;

	r->has_stdin = j->input.s || j->input_file.s;
	if (j->input_file.s)
		return read_source(m, &j->input_file, &r->input, e);
	if (j->input.s) {
		input = expand(m, &j->input);
		r->input = (struct bytes){ input.s, input.len };
	}
	return true;
}

static void make_env(struct making *m, struct wire_request *r)
{
	const struct pair_list *env = &m->cell->job->env;

	r->nenv = env->n;
	r->env = ARENA_NEW(m->a, env->n, struct wire_pair);
	for (size_t i = 0; i < env->n; i++)
		r->env[i] =
			(struct wire_pair){ env->item[i].key, expand_text(m, &env->item[i].value) };
}

/* What the spec says in so many words. */
static void make_settings(struct making *m, struct wire_request *r)
{
	const struct job_spec *j = m->cell->job;

	r->ttl_s = j->ttl_s ? j->ttl_s : WIRE_TTL_DEFAULT;
	r->network = (enum wire_network)j->network;
	r->return_artifact = j->return_artifact;
	r->return_wasm_artifact = j->return_wasm_artifact;
	if (j->filename.s)
		r->filename = expand_text(m, &j->filename);
	r->ncompile_arg = j->compile_args.n;
	r->compile_arg = expand_list(m, &j->compile_args);
	r->narg = j->args.n;
	r->arg = expand_list(m, &j->args);
	r->nartifact_path = j->artifacts.n;
	r->artifact_path = expand_list(m, &j->artifacts);
	r->limits = (struct wire_limits){ .memory_mb = j->limits.memory_mb,
					  .processes = j->limits.processes,
					  .disk_mb = j->limits.disk_mb,
					  .output_bytes = j->limits.output_bytes,
					  .cpu_ms = j->limits.cpu_ms };
}

bool request_build(struct arena *a, struct sources *s, const struct cell *cell,
		   struct wire_request *out, struct err *e)
{
	struct making m = { a, s, cell };
	int64_t mb = s->options->has_additions ? WIRE_MB : 1000000;
	bool ok;

	*out = (struct wire_request){ 0 };
	make_settings(&m, out);
	make_env(&m, out);
	ok = make_code(&m, out, e) && make_input(&m, out, e) && make_files(&m, out, e);
	if (!source_settle(s, e) || !ok)
		return false;
	if (!out->language) /* without an endpoint to ask: only the rest can be checked */
		out->language = "";
	if (!s->options->has_additions && prelude_is_wanted(out))
		prelude_put(a, out);
	s->at = NULL; /* what is wrong now is said by its name */
	if (!wire_request_check(out, mb, e) && *out->language) {
		e->kind = ERR_SPEC;
		return false;
	}
	return true;
}

const char *request_addition(const struct wire_request *r)
{
	const struct wire_limits *l = &r->limits;

	if (r->has_stdin)
		return "stdin (but in " PRELUDE_LANGUAGES ")";
	if (r->narg)
		return "args (but in " PRELUDE_LANGUAGES ")";
	if (r->ncompile_arg)
		return "compile_args";
	if (r->filename)
		return "filename";
	if (r->nartifact_path)
		return "artifacts";
	if (l->memory_mb || l->processes || l->disk_mb || l->output_bytes || l->cpu_ms)
		return "limits";
	if (r->nfile && r->file[0].is_archive)
		return "files in folders, or more than ten, or executable ones "
		       "(but in " PRELUDE_LANGUAGES ")";
	return NULL;
}
