#include "run/expected.h"

#include "run/source.h"

/* Whether what is wanted stands in a file of the spec's folder; a checker is a file too, but one
 * that runs. */
static bool is_read(const struct stream_check *c)
{
	return c->is_file && c->comparator != COMPARE_CHECKER;
}

bool expected_checks(struct arena *a, struct sources *s, const struct cell *cell,
		     struct check **out, struct err *e)
{
	const struct expect *x = &cell->job->expect;
	struct check *check = ARENA_NEW(a, x->ncheck, struct check);

	for (size_t i = 0; i < x->ncheck; i++) {
		struct text want = source_expand(a, s, cell, &x->check[i].want);

		check[i].spec = &x->check[i];
		check[i].want = (struct bytes){ want.s, want.len };
		check[i].name = want.s;
		if (is_read(&x->check[i]) &&
		    !source_read(a, s, cell, &x->check[i].want, &check[i].want, e))
			return false;
	}
	*out = check;
	return true;
}
