/* matrix: of a job. Its values are filled in at once: only vars can stand in them. */
#include <fcntl.h>

#include "base/fs.h"
#include "spec/decode.h"
#include "spec/glob.h"

/* A list of values that is what lies in folders. */
struct found_draft {
	struct text dirs, glob;
};

static const struct field found_fields[] = {
	{ .key = "dirs",
	  .type = FIELD_OTHER,
	  .is_alternative = true,
	  .at = offsetof(struct found_draft, dirs),
	  .form = &spec_text_form,
	  .help = "a pattern: one value for each folder that fits",
	  .read = spec_read_plain },
	{ .key = "glob",
	  .type = FIELD_OTHER,
	  .is_alternative = true,
	  .at = offsetof(struct found_draft, glob),
	  .form = &spec_text_form,
	  .help = "a pattern: one value for each file that fits",
	  .read = spec_read_plain },
	{ 0 },
};

/* What was found, by its name: the last part of its path, or the path where names are not unique.
 */
struct found {
	const char *name, *path;
};

static int by_name(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static struct found *name_paths(struct arena *a, const struct names *paths)
{
	struct found *f = ARENA_NEW(a, paths->n, struct found);
	bool is_unique = true;

	for (size_t i = 0; i < paths->n; i++) {
		const char *slash = strrchr(paths->item[i], '/');

		f[i] = (struct found){ slash ? slash + 1 : paths->item[i], paths->item[i] };
	}
	qsort(f, paths->n, sizeof(*f), by_name);
	for (size_t i = 1; i < paths->n; i++)
		is_unique = is_unique && strcmp(f[i - 1].name, f[i].name) != 0;
	for (size_t i = 0; !is_unique && i < paths->n; i++)
		f[i].name = f[i].path = paths->item[i];
	return f;
}

/* The paths that fit; false, told, if none does. */
static bool find_paths(struct yaml *y, const struct text *pattern, bool wants_folders,
		       const struct spec *s, struct names *out)
{
	CLEAN_FD int fd = open(s->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct glob g = { .dirfd = fd,
			  .wants_folders = wants_folders,
			  .allow_outside = s->allow_outside };
	struct err e = { 0 };

	if (fd < 0)
		err_sys(&e, "cannot open %s", s->folder);
	else if (glob_find(y->arena, &g, pattern->s, out, &e) && out->n == 0)
		err_set(&e, ERR_SPEC, "no %s fits '%.200s'", wants_folders ? "folder" : "file",
			pattern->s);
	if (e.kind)
		yaml_mistake(y, pattern->mark, "%s", e.msg);
	return !e.kind;
}

/* { dirs: pattern } or { glob: pattern } */
static void read_found(struct yaml *y, const struct node *key, const struct node *n,
		       struct matrix *m, struct spec *s)
{
	struct matrix_axis *axis = &m->axis[m->naxis];
	const char *what = arena_printf(y->arena, "matrix.%s", key->text);
	struct found_draft d = { 0 };
	unsigned before = y->nmistake;
	struct names paths = { 0 };
	struct found *f;
	struct text t;

	yaml_decode(y, n, what, found_fields, &d, s);
	if (y->nmistake == before && !d.dirs.s == !d.glob.s)
		yaml_mistake(y, n->mark, "%s must have one of 'dirs' and 'glob'", what);
	if (y->nmistake > before)
		return;
	t = expr_fill(y, d.dirs.s ? &d.dirs : &d.glob, s);
	if (y->nmistake > before || !find_paths(y, &t, d.dirs.s, s, &paths))
		return;
	f = name_paths(y->arena, &paths);
	axis->key = key->text;
	axis->path = ARENA_NEW(y->arena, paths.n, const char *);
	axis->values = (struct text_list){ ARENA_NEW(y->arena, paths.n, struct text), paths.n };
	for (size_t i = 0; i < paths.n; i++) {
		axis->path[i] = f[i].path;
		axis->values.item[i] = (struct text){ f[i].name, strlen(f[i].name), t.mark, false };
	}
	m->naxis++;
}

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
	if (n->kind == NODE_MAP) {
		read_found(y, key, n, m, s);
		return;
	}
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

static const struct form values_form = { .kind = FORM_LIST | FORM_MAP,
					 .field = found_fields,
					 .item = &spec_text_form,
					 .is_filled = true };
static const struct form entry_form = { .kind = FORM_ANY,
					.value = &spec_text_form,
					.key_pattern = SPEC_NAME_PATTERN,
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
const struct form spec_matrix_form = { .kind = FORM_ANY,
				       .field = entries_fields,
				       .value = &values_form,
				       .key_pattern = SPEC_NAME_PATTERN,
				       .is_filled = true };

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
