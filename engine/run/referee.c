#include "run/referee.h"

#include "run/source.h"

#define NPART 3

static const char *const parts[NPART + 1] = { "input", "answer", "output", NULL };
static const char *const score_file = "score.txt";

static bool read_input(struct arena *a, struct sources *s, const struct cell *cell,
		       struct bytes *out, struct err *e)
{
	struct text input;

	*out = (struct bytes){ "", 0 };
	if (cell->job->input_file.s)
		return source_read(a, s, cell, &cell->job->input_file, out, e);
	if (cell->job->input.s) {
		input = source_expand(a, s, cell, &cell->job->input);
		*out = (struct bytes){ input.s, input.len };
	}
	return true;
}

/* The file that the checker names, else that of the first other check that names one. */
static bool read_answer(struct arena *a, struct sources *s, const struct hearing *h, size_t at,
			struct bytes *out, struct err *e)
{
	const struct text *answer = &h->check[at].spec->answer;

	*out = (struct bytes){ "", 0 };
	if (answer->s)
		return source_read(a, s, h->cell, answer, out, e);
	for (size_t i = h->cell->job->expect.ncheck; i-- > 0;)
		if (h->check[i].spec->is_file && h->check[i].spec->comparator != COMPARE_CHECKER)
			*out = h->check[i].want;
	return true;
}

static bool make_language(struct arena *a, struct sources *s, const struct hearing *h, size_t at,
			  struct wire_request *out, struct err *e)
{
	const struct stream_check *c = h->check[at].spec;
	const struct toolchains *known = s->options->toolchains;
	const struct toolchain *found;

	out->language = "";
	if (c->language.s) {
		out->language = source_expand(a, s, h->cell, &c->language).s;
		return true;
	}
	s->at = &c->want;
	found = known ? toolchains_guess(known, h->check[at].name, &out->code) : NULL;
	if (found)
		out->language = found->name;
	return found || !known ||
	       err_set(e, ERR_SPEC,
		       "language must be given: neither the name of %s nor a shebang tells it",
		       h->check[at].name);
}

static void make_files(struct arena *a, const struct bytes data[NPART], struct wire_request *out)
{
	out->nfile = out->narg = NPART;
	out->file = ARENA_NEW(a, NPART, struct wire_file);
	out->arg = ARENA_NEW(a, NPART, const char *);
	for (size_t i = 0; i < NPART; i++) {
		out->file[i] = (struct wire_file){ .name = parts[i], .data = data[i] };
		out->arg[i] = parts[i];
	}
}

bool referee_build(struct arena *a, struct sources *s, const struct hearing *h, size_t at,
		   struct wire_request *out, struct err *e)
{
	const struct job_spec *j = h->cell->job;
	const struct stream_check *c = h->check[at].spec;
	struct bytes data[NPART] = { [2] = c->stream == STREAM_STDOUT ? h->out : h->err };
	bool ok;

	*out = (struct wire_request){ .ttl_s = j->ttl_s ? j->ttl_s : WIRE_TTL_DEFAULT };
	ok = source_read(a, s, h->cell, &c->want, &out->code, e) &&
	     make_language(a, s, h, at, out, e) && read_input(a, s, h->cell, &data[0], e) &&
	     read_answer(a, s, h, at, &data[1], e);
	if (!source_settle(s, e) || !ok)
		return false;
	make_files(a, data, out);
	out->artifact_path = ARENA_NEW(a, 1, const char *);
	out->artifact_path[0] = score_file;
	out->nartifact_path = j->is_partial;
	if (*out->language && !wire_request_check(out, WIRE_MB, e)) {
		e->kind = ERR_SPEC;
		return err_wrap(e, "checker %s", h->check[at].name);
	}
	return true;
}
