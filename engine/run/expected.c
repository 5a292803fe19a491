#include "run/expected.h"

#include "run/left.h"
#include "run/source.h"

/* Whether what is wanted stands in a file of the spec's folder; a checker is a file too, but one
 * that runs. */
static bool is_read(const struct stream_check *c)
{
	return c->is_file && c->comparator != COMPARE_CHECKER;
}

/* What the check is held against, where it is not in the spec itself. */
static bool read_want(const struct asking *q, struct check *c, struct err *e)
{
	if (is_read(c->spec)) {
		if (source_read(q->a, q->s, q->cell, &c->spec->want, &c->want, e))
			return true;
		/* One that is not there yet is to be written. */
		c->want = (struct bytes){ "", 0 };
		return q->s->options->updates && !q->s->is_mistake;
	}
	if (c->spec->comparator == COMPARE_SAME_AS && q->s->row)
		return left_printed(q, c->name, &c->want, e);
	return true;
}

bool expected_checks(struct arena *a, struct sources *s, const struct cell *cell,
		     struct check **out, struct err *e)
{
	const struct expect *x = &cell->job->expect;
	struct check *check = ARENA_NEW(a, x->ncheck, struct check);
	struct asking q = { a, s, cell };
	bool ok = true;

	for (size_t i = 0; ok && i < x->ncheck; i++) {
		struct text want = source_expand(a, s, cell, &x->check[i].want);

		check[i].spec = &x->check[i];
		check[i].want = (struct bytes){ want.s, want.len };
		check[i].name = want.s;
		ok = read_want(&q, &check[i], e);
	}
	*out = check;
	return source_settle(s, e) && ok;
}
