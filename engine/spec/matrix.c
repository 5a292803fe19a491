/* matrix: of a job. Its values are filled in at once: only vars can stand in them. */
#include "spec/decode.h"

static bool read_value(struct yaml *y, const struct node *n, const char *key, struct spec *s,
		       struct text *out)
{
	if (!spec_plain_text(y, n, arena_printf(y->arena, "matrix.%s", key), s, out))
		return false;
	*out = expr_fill(y, out, s);
	return true;
}

static void read_axis(struct yaml *y, const struct node *key, const struct node *n,
		      struct matrix *m, struct spec *s)
{
	CLEAN_MAP struct map seen = { 0 };
	struct matrix_axis axis = { .key = key->text };

	if (!spec_is_name(y, key, "a matrix key"))
		return;
	if (n->kind != NODE_LIST || n->n == 0) {
		yaml_mistake(y, n->mark, "matrix.%s must be a list of values, not %s", key->text,
			     n->kind == NODE_LIST ? "an empty one" : yaml_found(y, n));
		return;
	}
	axis.values.item = ARENA_NEW(y->arena, n->n, struct text);
	for (size_t i = 0; i < n->n; i++) {
		struct text *t = &axis.values.item[axis.values.n];

		if (!read_value(y, n->item[i], key->text, s, t))
			continue;
		if (map_set(&seen, t->s, t->len, t))
			yaml_mistake(y, t->mark, "matrix.%s has %s twice", key->text,
				     yaml_found(y, n->item[i]));
		axis.values.n++;
	}
	m->axis[m->naxis++] = axis;
}

static void read_entry(struct yaml *y, const struct node *n, const char *what,
		       struct pair_list *out, struct spec *s)
{
	if (n->kind != NODE_MAP || n->n == 0) {
		yaml_mistake(y, n->mark, "%s of a matrix must be a list of mappings, not of %s",
			     what, n->kind == NODE_MAP ? "empty ones" : yaml_found(y, n));
		return;
	}
	out->item = ARENA_NEW(y->arena, n->n, struct pair);
	for (size_t i = 0; i < n->n; i++) {
		struct pair *p = &out->item[out->n];

		if (!spec_is_name(y, n->key[i], "a matrix key"))
			continue;
		p->key = n->key[i]->text;
		out->n += read_value(y, n->item[i], p->key, s, &p->value);
	}
}

static struct pair_list *read_entries(struct yaml *y, const struct node *n, const char *what,
				      struct spec *s, size_t *nentry)
{
	struct pair_list *entry;

	if (n->kind != NODE_LIST) {
		yaml_mistake(y, n->mark, "%s of a matrix must be a list of mappings, not %s", what,
			     yaml_found(y, n));
		return NULL;
	}
	entry = ARENA_NEW(y->arena, n->n, struct pair_list);
	for (size_t i = 0; i < n->n; i++)
		read_entry(y, n->item[i], what, &entry[i], s);
	*nentry = n->n;
	return entry;
}

/* exclude can only name what the lists make. */
static void check_exclude(struct yaml *y, const struct node *n, const struct matrix *m)
{
	const char **names = ARENA_NEW(y->arena, m->naxis + 1, const char *);

	for (size_t i = 0; i < m->naxis; i++)
		names[i] = m->axis[i].key;
	for (size_t i = 0; n->kind == NODE_LIST && i < n->n; i++) {
		const struct node *entry = n->item[i];

		for (size_t k = 0; entry->kind == NODE_MAP && k < entry->n; k++) {
			const char *key = entry->key[k]->text, *near = yaml_nearest(key, names);
			size_t at = 0;

			while (names[at] && strcmp(names[at], key) != 0)
				at++;
			if (!names[at])
				yaml_mistake(y, entry->key[k]->mark,
					     "exclude names '%.60s', which is no list of this "
					     "matrix%s%s%s",
					     key, near ? "; did you mean '" : "", near ? near : "",
					     near ? "'?" : "");
		}
	}
}

static const struct form values_form = { .kind = FORM_LIST,
					 .item = &spec_text_form,
					 .is_filled = true };
static const struct form entry_form = { .kind = FORM_ANY,
					.value = &spec_text_form,
					.is_filled = true };
static const struct form entries_form = { .kind = FORM_LIST, .item = &entry_form };
static const struct field entries_fields[] = {
	{ .key = "include",
	  .type = FIELD_OTHER,
	  .form = &entries_form,
	  .help = "further points, or further keys of those that agree" },
	{ .key = "exclude",
	  .type = FIELD_OTHER,
	  .form = &entries_form,
	  .help = "points of the lists to leave out" },
	{ 0 },
};
const struct form spec_matrix_form = {
	.kind = FORM_ANY, .field = entries_fields, .value = &values_form, .is_filled = true
};

void spec_read_matrix(struct yaml *y, const struct node *n, void *matrix, void *spec)
{
	const struct node *exclude = yaml_get(n, "exclude");
	struct matrix m = { 0 };

	if (n->kind != NODE_MAP || n->n == 0) {
		yaml_mistake(y, n->mark, "matrix must be a mapping of lists, not %s",
			     n->kind == NODE_MAP ? "an empty one" : yaml_found(y, n));
		return;
	}
	m.axis = ARENA_NEW(y->arena, n->n, struct matrix_axis);
	for (size_t i = 0; i < n->n; i++) {
		const char *key = n->key[i]->text;

		if (!strcmp(key, "include"))
			m.include = read_entries(y, n->item[i], key, spec, &m.ninclude);
		else if (!strcmp(key, "exclude"))
			m.exclude = read_entries(y, n->item[i], key, spec, &m.nexclude);
		else
			read_axis(y, n->key[i], n->item[i], &m, spec);
	}
	if (exclude)
		check_exclude(y, exclude, &m);
	*(struct matrix *)matrix = m;
}
