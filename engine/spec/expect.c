/* expect: of a job. A comparator is a row of COMPARATORS. */
#include "spec/decode.h"

#define COMPARATORS(ROW)                        \
	ROW(COMPARE_EQUALS, "equals")           \
	ROW(COMPARE_EQUALS_FILE, "equals_file") \
	ROW(COMPARE_CONTAINS, "contains")       \
	ROW(COMPARE_MATCHES, "matches")         \
	ROW(COMPARE_NOT_MATCHES, "not_matches")

#define NAME(id, name) [id] = (name),
const char *const comparator_names[] = { COMPARATORS(NAME) NULL };
#define NCOMPARATOR (sizeof(comparator_names) / sizeof(comparator_names[0]) - 1)

struct check_draft {
	struct text want[NCOMPARATOR];
	bool is_exact;
};

#define FIELD(id, name)                                 \
	{ .key = (name),                                \
	  .type = FIELD_OTHER,                          \
	  .at = offsetof(struct check_draft, want[id]), \
	  .help = "what the output must be, or not be", \
	  .read = spec_read_text },
static const struct field check_fields[] = {
	COMPARATORS(FIELD){ .key = "exact",
			    .type = FIELD_BOOL,
			    .at = offsetof(struct check_draft, is_exact),
			    .help = "a missing final newline is not forgiven" },
	{ 0 },
};

/* One check of a stream from its mapping; false, told, if it is none. */
static bool read_check(struct yaml *y, const struct node *n, struct spec *s,
		       struct stream_check *out)
{
	struct check_draft d = { 0 };
	unsigned before = y->nmistake;
	size_t ngiven = 0;

	yaml_decode(y, n, "a check", check_fields, &d, s);
	if (y->nmistake > before)
		return false;
	for (size_t i = 0; i < NCOMPARATOR; i++) {
		if (!d.want[i].s)
			continue;
		out->comparator = (enum comparator)i;
		out->want = d.want[i];
		ngiven++;
	}
	out->mark = n->mark;
	out->is_exact = d.is_exact;
	if (ngiven != 1)
		yaml_mistake(y, n->mark, "a check must have one comparator, not %s",
			     ngiven ? "several; make it a list" : "none");
	else if (d.is_exact && out->comparator != COMPARE_EQUALS &&
		 out->comparator != COMPARE_EQUALS_FILE)
		yaml_mistake(y, n->mark, "exact goes with equals and equals_file, not with %s",
			     comparator_names[out->comparator]);
	return y->nmistake == before;
}

/* Put checks of one stream in place of those that were there for it. */
static void replace_checks(struct yaml *y, struct expect *x, enum stream stream,
			   const struct stream_check *check, size_t n)
{
	struct stream_check *all = ARENA_NEW(y->arena, x->ncheck + n, struct stream_check);
	size_t nall = 0;

	for (size_t i = 0; i < x->ncheck; i++)
		if (x->check[i].stream != stream)
			all[nall++] = x->check[i];
	for (size_t i = 0; i < n; i++)
		all[nall++] = check[i];
	x->check = all;
	x->ncheck = nall;
}

/* A scalar must be equalled, a mapping is one check, of a list all must hold. */
static void read_stream(struct yaml *y, const struct node *n, struct expect *x, struct spec *s,
			enum stream stream)
{
	size_t nitem = n->kind == NODE_LIST ? n->n : 1, ncheck = 0;
	struct stream_check *check = ARENA_NEW(y->arena, nitem, struct stream_check);

	if (n->kind == NODE_SCALAR) {
		check[0].mark = n->mark;
		ncheck = spec_text(y, n, y->key, s, &check[0].want);
	}
	for (size_t i = 0; n->kind != NODE_SCALAR && i < nitem; i++)
		ncheck += read_check(y, n->kind == NODE_LIST ? n->item[i] : n, s, &check[ncheck]);
	for (size_t i = 0; i < ncheck; i++)
		check[i].stream = stream;
	replace_checks(y, x, stream, check, ncheck);
}

static void read_stdout(struct yaml *y, const struct node *n, void *expect, void *spec)
{
	read_stream(y, n, expect, spec, STREAM_STDOUT);
}

static void read_stderr(struct yaml *y, const struct node *n, void *expect, void *spec)
{
	read_stream(y, n, expect, spec, STREAM_STDERR);
}

static bool read_code(struct yaml *y, const struct node *n, int *out)
{
	int64_t code;

	if (n->kind == NODE_SCALAR && parse_int(n->text, n->len, &code) && code >= -1 &&
	    code <= 255) {
		*out = (int)code;
		return true;
	}
	yaml_mistake(y, n->mark,
		     "exit_code must be 0 to 255 (-1: killed), a list of these or any, not %s",
		     yaml_found(y, n));
	return false;
}

static void read_exit_code(struct yaml *y, const struct node *n, void *expect, void *spec)
{
	size_t nitem = n->kind == NODE_LIST ? n->n : 1;
	struct expect *x = expect;

	(void)spec;
	x->nexit_code = 0;
	x->any_exit_code = n->kind == NODE_SCALAR && !strcmp(n->text, "any");
	if (x->any_exit_code)
		return;
	if (nitem == 0)
		yaml_mistake(y, n->mark,
			     "exit_code must be at least one number, not an empty list");
	x->exit_code = ARENA_NEW(y->arena, nitem, int);
	for (size_t i = 0; i < nitem; i++)
		x->nexit_code += read_code(y, n->kind == NODE_LIST ? n->item[i] : n,
					   &x->exit_code[x->nexit_code]);
}

static void read_status(struct yaml *y, const struct node *n, void *is_timeout, void *spec)
{
	bool is_scalar = n->kind == NODE_SCALAR;

	(void)spec;
	if (is_scalar && (!strcmp(n->text, "completed") || !strcmp(n->text, "timeout")))
		*(bool *)is_timeout = n->text[0] == 't';
	else
		yaml_mistake(y, n->mark, "status must be completed or timeout, not %s",
			     yaml_found(y, n));
}

static const struct field expect_fields[] = {
	{ .key = "exit_code",
	  .type = FIELD_OTHER,
	  .help = "a number, a list of them, or any; default 0",
	  .read = read_exit_code },
	{ .key = "status",
	  .type = FIELD_OTHER,
	  .at = offsetof(struct expect, is_timeout),
	  .help = "completed, or timeout for what must not end",
	  .read = read_status },
	{ .key = "stdout",
	  .type = FIELD_OTHER,
	  .help = "text to equal, a check, or a list of checks",
	  .read = read_stdout },
	{ .key = "stderr",
	  .type = FIELD_OTHER,
	  .help = "text to equal, a check, or a list of checks",
	  .read = read_stderr },
	{ 0 },
};

void spec_read_expect(struct yaml *y, const struct node *n, void *expect, void *spec)
{
	yaml_decode(y, n, "expect", expect_fields, expect, spec);
}
