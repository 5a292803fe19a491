/* retry: of a job. */
#include "spec/decode.h"

/* infra, timeout, or a pattern. */
static void add_reason(struct yaml *y, const struct node *n, struct retry_spec *r)
{
	if (n->kind != NODE_SCALAR || n->len == 0 || memchr(n->text, 0, n->len))
		yaml_mistake(y, n->mark, "on must be infra, timeout or a pattern, not %s",
			     n->kind == NODE_SCALAR && n->len ? "text with a NUL byte"
							      : yaml_found(y, n));
	else if (!strcmp(n->text, "infra"))
		r->on |= RETRY_INFRA;
	else if (!strcmp(n->text, "timeout"))
		r->on |= RETRY_TIMEOUT;
	else
		r->patterns.item[r->patterns.n++] = n->text;
}

static void read_on(struct yaml *y, const struct node *n, void *retry, void *spec)
{
	size_t nitem = n->kind == NODE_LIST ? n->n : 1;
	struct retry_spec *r = retry;

	(void)spec;
	r->on = 0;
	r->patterns = (struct names){ ARENA_NEW(y->arena, nitem, const char *), 0 };
	if (nitem == 0)
		yaml_mistake(y, n->mark, "on must be infra, timeout or a pattern, not nothing");
	for (size_t i = 0; i < nitem; i++)
		add_reason(y, n->kind == NODE_LIST ? n->item[i] : n, r);
}

static const struct form on_form = { .kind = FORM_TEXT | FORM_LIST,
				     .item = &spec_text_form,
				     .is_filled = true };

static const struct field retry_fields[] = {
	{ .key = "max",
	  .type = FIELD_INT,
	  .at = offsetof(struct retry_spec, max),
	  .max = 100,
	  .unit = "times",
	  .help = "how often" },
	{ .key = "on",
	  .type = FIELD_OTHER,
	  .form = &on_form,
	  .help = "infra (the default), timeout, or a pattern (PCRE2) in what it printed",
	  .read = read_on },
	{ .key = "backoff",
	  .type = FIELD_DURATION,
	  .at = offsetof(struct retry_spec, backoff_ms),
	  .max = 3600000,
	  .help = "how long to wait before the first; default 500ms" },
	{ .key = "factor",
	  .type = FIELD_NUMBER,
	  .at = offsetof(struct retry_spec, factor),
	  .min = 1,
	  .help = "by which each wait is longer than the one before; default 2" },
	{ .key = "jitter",
	  .type = FIELD_BOOL,
	  .at = offsetof(struct retry_spec, has_jitter),
	  .help = "make the waits random; default true" },
	{ 0 },
};
const struct form spec_retry_form = { .kind = FORM_MAP, .field = retry_fields };

const struct retry_spec spec_no_retry = {
	.max = -1, /* never said */
	.on = RETRY_INFRA,
	.backoff_ms = 500,
	.factor = 2,
	.has_jitter = true,
};

void spec_read_retry(struct yaml *y, const struct node *n, void *retry, void *spec)
{
	struct retry_spec *r = retry;

	yaml_decode(y, n, "retry", retry_fields, r, spec);
	if (n->kind == NODE_MAP && r->max < 0 && !yaml_get(n, "max"))
		yaml_mistake(y, n->mark, "retry needs 'max'");
}
