/* expect: of a job. A comparator is a key of check_fields, and what it means a row of keys. */
#include "spec/decode.h"

const char *const comparator_names[] = {
	[COMPARE_EQUALS] = "equals",
	[COMPARE_CONTAINS] = "contains",
	[COMPARE_MATCHES] = "matches",
	[COMPARE_NOT_MATCHES] = "not_matches",
	[COMPARE_TOKENS] = "tokens",
	[COMPARE_FLOATS] = "floats",
	[COMPARE_LINES] = "lines",
	[COMPARE_JSON] = "json",
	[COMPARE_SAME_AS] = "same_as",
	[COMPARE_CHECKER] = "checker",
	NULL,
};

/* A check being read: what it will be, and what of it was given. */
struct check_draft {
	struct stream_check check;
	struct text file, text; /* of { file: } and { text: } */
	size_t ngiven;
	const char *key; /* of the last comparator */
	int letter_case, order, integers;
};

/* A comparator's key in a check. */
struct comparator_key {
	const char *name;
	enum comparator comparator;
	bool is_file;             /* its text is a file's path */
	const struct field *body; /* what stands in it besides text */
};

static const struct comparator_key *find_key(const char *name);

/* { file: } or { text: }, whatever else stands there. */
static void read_body(struct yaml *y, const struct node *n, const struct comparator_key *k,
		      struct check_draft *d, struct spec *s)
{
	unsigned before = y->nmistake;

	d->file = d->text = (struct text){ 0 };
	yaml_decode(y, n, k->name, k->body, d, s);
	if (y->nmistake == before && !d->file.s == !d->text.s)
		yaml_mistake(y, n->mark, "%s must have %s", k->name,
			     k->comparator == COMPARE_CHECKER ? "'file'"
			     : d->file.s                      ? "one of 'file' and 'text', not both"
							      : "'file' or 'text'");
	d->check.is_file = d->file.s != NULL;
	d->check.want = d->file.s ? d->file : d->text;
}

static void read_want(struct yaml *y, const struct node *n, void *draft, void *spec)
{
	const struct comparator_key *k = find_key(y->key);
	struct check_draft *d = draft;

	d->ngiven++;
	d->key = k->name;
	d->check.comparator = k->comparator;
	d->check.is_file = k->is_file;
	if (n->kind == NODE_MAP && k->body)
		read_body(y, n, k, d, spec);
	else if (k->is_file)
		spec_read_plain(y, n, &d->check.want, spec);
	else
		spec_read_text(y, n, &d->check.want, spec);
}

static const char *const exact_words[] = { "any", "exact", NULL };
static const char *const order_words[] = { "same", "any", NULL };
static const char *const case_words[] = { "exact", "ignore", NULL };

#define BODY_TEXT(name, phrase)                                                    \
	{                                                                          \
		.key = #name, .type = FIELD_OTHER, .is_alternative = true,         \
		.at = offsetof(struct check_draft, name), .form = &spec_text_form, \
		.help = (phrase), .read = spec_read_text                           \
	}
#define BODY_FILE(phrase)                                                          \
	{                                                                          \
		.key = "file", .type = FIELD_OTHER, .is_alternative = true,        \
		.at = offsetof(struct check_draft, file), .form = &spec_text_form, \
		.help = (phrase), .read = spec_read_plain                          \
	}
#define TOLERANCE(name, member, phrase)                                            \
	{                                                                          \
		.key = (name), .type = FIELD_NUMBER,                               \
		.at = offsetof(struct check_draft, check.member), .help = (phrase) \
	}
static const struct field floats_fields[] = {
	BODY_FILE("the file with what is wanted"),
	BODY_TEXT(text, "what is wanted"),
	TOLERANCE("abs", abs_error, "how far a number may be off; abs or rel suffices"),
	TOLERANCE("rel", rel_error, "how far in parts of the wanted number"),
	{ .key = "integers",
	  .type = FIELD_CHOICE,
	  .at = offsetof(struct check_draft, integers),
	  .choice = exact_words,
	  .help = "exact: 3.0 does not do for 3" },
	{ 0 },
};
static const struct field lines_fields[] = {
	BODY_FILE("the file with what is wanted"),
	BODY_TEXT(text, "what is wanted"),
	{ .key = "order",
	  .type = FIELD_CHOICE,
	  .at = offsetof(struct check_draft, order),
	  .choice = order_words,
	  .help = "any: the lines may come in any order" },
	{ 0 },
};
static const struct field json_fields[] = {
	BODY_FILE("the file with what is wanted"),
	BODY_TEXT(text, "what is wanted"),
	{ 0 },
};
static const struct field checker_fields[] = {
	BODY_FILE("the checker's program"),
	{ .key = "answer",
	  .type = FIELD_OTHER,
	  .at = offsetof(struct check_draft, check.answer),
	  .form = &spec_text_form,
	  .help = "a file it is given as answer (else that of another check)",
	  .read = spec_read_plain },
	{ .key = "language",
	  .type = FIELD_OTHER,
	  .at = offsetof(struct check_draft, check.language),
	  .form = &spec_text_form,
	  .help = "a name or alias of a language",
	  .read = spec_read_plain },
	{ 0 },
};

static const struct comparator_key keys[] = {
	{ "equals", COMPARE_EQUALS, false, NULL },
	{ "equals_file", COMPARE_EQUALS, true, NULL },
	{ "contains", COMPARE_CONTAINS, false, NULL },
	{ "matches", COMPARE_MATCHES, false, NULL },
	{ "not_matches", COMPARE_NOT_MATCHES, false, NULL },
	{ "tokens", COMPARE_TOKENS, false, NULL },
	{ "tokens_file", COMPARE_TOKENS, true, NULL },
	{ "floats", COMPARE_FLOATS, false, floats_fields },
	{ "lines", COMPARE_LINES, false, lines_fields },
	{ "json", COMPARE_JSON, false, json_fields },
	{ "same_as", COMPARE_SAME_AS, false, NULL },
	{ "checker", COMPARE_CHECKER, true, checker_fields },
};

static const struct comparator_key *find_key(const char *name)
{
	const struct comparator_key *k = keys;

	while (strcmp(k->name, name) != 0)
		k++;
	return k;
}

#define BODY_SHAPE(name)                         \
	static const struct form name##_form = { \
		.kind = FORM_TEXT | FORM_MAP,    \
		.field = name##_fields,          \
	}
BODY_SHAPE(floats);
BODY_SHAPE(lines);
BODY_SHAPE(json);
BODY_SHAPE(checker);

#define WANT(name, looks, phrase)                                                             \
	{                                                                                     \
		.key = (name), .type = FIELD_OTHER, .is_alternative = true, .help = (phrase), \
		.form = &(looks), .read = read_want                                           \
	}
static const struct field check_fields[] = {
	WANT("equals", spec_text_form, "the text, a missing final newline forgiven"),
	WANT("equals_file", spec_text_form, "a file with the text"),
	WANT("contains", spec_text_form, "a text that is in it"),
	WANT("matches", spec_text_form, "a pattern (PCRE2, multi-line) that is found in it"),
	WANT("not_matches", spec_text_form, "a pattern that is not"),
	WANT("tokens", spec_text_form, "the text but for white space"),
	WANT("tokens_file", spec_text_form, "a file with the text but for white space"),
	WANT("floats", floats_form, "the text, its numbers nearly"),
	WANT("lines", lines_form, "the text line by line"),
	WANT("json", json_form, "the same JSON value"),
	WANT("same_as", spec_text_form, "what that job printed"),
	WANT("checker", checker_form, "a program that says so: exit 42 accepts, 43 rejects"),
	{ .key = "exact",
	  .type = FIELD_BOOL,
	  .at = offsetof(struct check_draft, check.is_exact),
	  .help = "equals: a missing final newline is not forgiven" },
	{ .key = "case",
	  .type = FIELD_CHOICE,
	  .at = offsetof(struct check_draft, letter_case),
	  .choice = case_words,
	  .help = "tokens: whether a and A differ" },
	{ 0 },
};

/* Options must belong to the comparator they stand beside. */
static void check_options(struct yaml *y, const struct node *n, const struct check_draft *d)
{
	const struct stream_check *c = &d->check;

	if (yaml_get(n, "exact") && c->comparator != COMPARE_EQUALS)
		yaml_mistake(y, n->mark, "exact goes with equals and equals_file, not with %s",
			     d->key);
	if (yaml_get(n, "case") && c->comparator != COMPARE_TOKENS)
		yaml_mistake(y, n->mark, "case goes with tokens and tokens_file, not with %s",
			     d->key);
	if (c->comparator == COMPARE_SAME_AS && c->want.has_expr)
		yaml_mistake(y, c->want.mark, "same_as must be a job's name, without ${{ }}");
}

/* One check of a stream from its mapping; false, told, if it is none. */
static bool read_check(struct yaml *y, const struct node *n, struct spec *s,
		       struct stream_check *out)
{
	struct check_draft d = { 0 };
	unsigned before = y->nmistake;

	yaml_decode(y, n, "a check", check_fields, &d, s);
	if (y->nmistake > before)
		return false;
	if (d.ngiven != 1)
		yaml_mistake(y, n->mark, "a check must have one comparator, not %s",
			     d.ngiven ? "several; make it a list" : "none");
	else
		check_options(y, n, &d);
	*out = d.check;
	out->mark = n->mark;
	out->is_exact = d.check.is_exact || d.integers;
	out->any_order = d.order;
	out->ignores_case = d.letter_case;
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

static const struct field duration_fields[] = {
	{ .key = "max",
	  .type = FIELD_DURATION,
	  .at = offsetof(struct expect, max_duration_ms),
	  .is_required = true,
	  .min = 1,
	  .max = 3600000,
	  .help = "the longest that passes" },
	{ 0 },
};

static void read_duration(struct yaml *y, const struct node *n, void *expect, void *spec)
{
	yaml_decode(y, n, "duration", duration_fields, expect, spec);
}

static const struct field artifact_fields[] = {
	{ .key = "name",
	  .type = FIELD_OTHER,
	  .at = offsetof(struct artifact_check, name),
	  .is_required = true,
	  .form = &spec_text_form,
	  .help = "a pattern of its name",
	  .read = spec_read_plain },
	{ .key = "min_bytes",
	  .type = FIELD_INT,
	  .at = offsetof(struct artifact_check, min_bytes),
	  .max = INT64_MAX,
	  .unit = "bytes",
	  .help = "how large it must be" },
	{ 0 },
};

static bool read_artifact(struct yaml *y, const struct node *n, struct spec *s,
			  struct artifact_check *out)
{
	unsigned before = y->nmistake;

	out->mark = n->mark;
	if (n->kind == NODE_SCALAR)
		spec_read_plain(y, n, &out->name, s);
	else
		yaml_decode(y, n, "an artifact", artifact_fields, out, s);
	return y->nmistake == before;
}

static void read_artifacts(struct yaml *y, const struct node *n, void *expect, void *spec)
{
	struct expect *x = expect;

	if (n->kind != NODE_LIST) {
		yaml_mistake(y, n->mark, "artifacts must be a list, not %s", yaml_found(y, n));
		return;
	}
	x->artifact = ARENA_NEW(y->arena, n->n, struct artifact_check);
	x->nartifact = 0;
	for (size_t i = 0; i < n->n; i++)
		x->nartifact += read_artifact(y, n->item[i], spec, &x->artifact[x->nartifact]);
}

static const struct form code_form = { .kind = FORM_INT, .min = -1, .max = 255 };
static const struct form codes_form = { .kind = FORM_INT | FORM_TEXT | FORM_LIST,
					.min = -1,
					.max = 255,
					.pattern = "^any$",
					.item = &code_form,
					.is_filled = true };
static const struct form status_form = { .kind = FORM_TEXT, .pattern = "^(completed|timeout)$" };
static const struct form check_form = { .kind = FORM_MAP, .field = check_fields };
static const struct form stream_form = { .kind = FORM_TEXT | FORM_MAP | FORM_LIST,
					 .field = check_fields,
					 .item = &check_form };
static const struct form duration_form = { .kind = FORM_MAP, .field = duration_fields };
static const struct form artifact_form = { .kind = FORM_TEXT | FORM_MAP, .field = artifact_fields };
static const struct form artifacts_form = { .kind = FORM_LIST, .item = &artifact_form };

static const struct field expect_fields[] = {
	{ .key = "exit_code",
	  .type = FIELD_OTHER,
	  .form = &codes_form,
	  .help = "a number, a list of them, or any; default 0",
	  .read = read_exit_code },
	{ .key = "status",
	  .type = FIELD_OTHER,
	  .at = offsetof(struct expect, is_timeout),
	  .form = &status_form,
	  .help = "completed, or timeout for what must not end",
	  .read = read_status },
	{ .key = "stdout",
	  .type = FIELD_OTHER,
	  .form = &stream_form,
	  .help = "text to equal, a check, or a list of checks",
	  .read = read_stdout },
	{ .key = "stderr",
	  .type = FIELD_OTHER,
	  .form = &stream_form,
	  .help = "text to equal, a check, or a list of checks",
	  .read = read_stderr },
	{ .key = "duration",
	  .type = FIELD_OTHER,
	  .form = &duration_form,
	  .help = "how long it may take",
	  .read = read_duration },
	{ .key = "artifacts",
	  .type = FIELD_OTHER,
	  .form = &artifacts_form,
	  .help = "what it must leave",
	  .read = read_artifacts },
	{ 0 },
};
const struct form spec_expect_form = { .kind = FORM_MAP, .field = expect_fields };

void spec_read_expect(struct yaml *y, const struct node *n, void *expect, void *spec)
{
	yaml_decode(y, n, "expect", expect_fields, expect, spec);
}
