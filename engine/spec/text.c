/* Readers of texts, which may hold ${{ }}. */
#include "spec/decode.h"

const struct form spec_text_form = { .kind = FORM_TEXT };
const struct form spec_list_form = { .kind = FORM_LIST, .item = &spec_text_form };

bool spec_text(struct yaml *y, const struct node *n, const char *what, const struct spec *s,
	       struct text *out)
{
	if (n->kind != NODE_SCALAR || (n->is_plain && n->len == 0)) {
		yaml_mistake(y, n->mark, "%s must be text, not %s", what, yaml_found(y, n));
		return false;
	}
	*out = (struct text){ n->text, n->len, n->mark, memmem(n->text, n->len, "${{", 3) != NULL };
	expr_check(y, out, s);
	return true;
}

bool spec_plain_text(struct yaml *y, const struct node *n, const char *what, const struct spec *s,
		     struct text *out)
{
	if (!spec_text(y, n, what, s, out))
		return false;
	if (!memchr(n->text, 0, n->len))
		return true;
	yaml_mistake(y, n->mark, "%s must not hold a NUL byte", what);
	return false;
}

bool spec_is_name(struct yaml *y, const struct node *key, const char *what)
{
	const char *s = key->text;
	bool is_good = key->len > 0 && s[0] != '-' && (s[0] < '0' || s[0] > '9');

	for (size_t i = 0; i < key->len; i++)
		is_good =
			is_good && ((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
				    (s[i] >= '0' && s[i] <= '9') || s[i] == '_' || s[i] == '-');
	if (!is_good)
		yaml_mistake(y, key->mark,
			     "%s must be letters, digits, _ and -, no digit first, not '%.60s'",
			     what, s);
	return is_good;
}

void spec_read_text(struct yaml *y, const struct node *n, void *text, void *spec)
{
	struct text t;

	if (spec_text(y, n, y->key, spec, &t))
		*(struct text *)text = t;
}

void spec_read_plain(struct yaml *y, const struct node *n, void *text, void *spec)
{
	struct text t;

	if (spec_plain_text(y, n, y->key, spec, &t))
		*(struct text *)text = t;
}

void spec_read_plain_list(struct yaml *y, const struct node *n, void *text_list, void *spec)
{
	struct text_list out = { 0 };

	if (n->kind != NODE_LIST) {
		yaml_mistake(y, n->mark, "%s must be a list, not %s", y->key, yaml_found(y, n));
		return;
	}
	out.item = ARENA_NEW(y->arena, n->n, struct text);
	for (size_t i = 0; i < n->n; i++)
		out.n += spec_plain_text(y, n->item[i], y->key, spec, &out.item[out.n]);
	*(struct text_list *)text_list = out;
}
