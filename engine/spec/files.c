/* The files of a spec: itself, and what it includes. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "spec/loading.h"

static void keep_node(struct yaml *y, const struct node *n, void *slot, void *ctx)
{
	(void)ctx;
	if (n->kind == NODE_MAP)
		*(const struct node **)slot = n;
	else
		yaml_mistake(y, n->mark, "%s must be a mapping, not %s", y->key, yaml_found(y, n));
}

static void keep_include(struct yaml *y, const struct node *n, void *slot, void *ctx)
{
	(void)ctx;
	(void)y;
	*(const struct node **)slot = n;
}

static void read_name(struct yaml *y, const struct node *n, void *slot, void *ctx)
{
	(void)ctx;
	if (n->kind != NODE_SCALAR || n->len == 0 || memchr(n->text, 0, n->len))
		yaml_mistake(y, n->mark, "name must be text, not %s", yaml_found(y, n));
	else
		*(const char **)slot = n->text;
}

static const struct form include_form = { .kind = FORM_TEXT | FORM_LIST, .item = &spec_text_form };
static const struct form vars_form = { .kind = FORM_ANY,
				       .value = &spec_text_form,
				       .key_pattern = SPEC_NAME_PATTERN };
static const struct form jobs_form = { .kind = FORM_ANY,
				       .value = &spec_job_form,
				       .key_pattern = SPEC_JOB_PATTERN,
				       .is_filled = true };

#define SECTION(section, looks, reader, phrase)                                                  \
	{                                                                                        \
		.key = #section, .type = FIELD_OTHER, .at = offsetof(struct spec_file, section), \
		.form = &(looks), .help = (phrase), .read = (reader)                             \
	}
const struct field spec_fields[] = {
	{ .key = "version",
	  .type = FIELD_INT,
	  .at = offsetof(struct spec_file, version),
	  .is_required = true,
	  .min = 1,
	  .max = 1,
	  .help = "of this format" },
	SECTION(name, spec_text_form, read_name, "of the whole, in reports"),
	{ .key = "include_spec",
	  .type = FIELD_OTHER,
	  .at = offsetof(struct spec_file, include),
	  .form = &include_form,
	  .help = "further files with jobs, relative to this one",
	  .read = keep_include },
	SECTION(vars, vars_form, keep_node, "values for ${{ vars.* }}"),
	SECTION(defaults, spec_defaults_form, keep_node, "keys laid under every job of this file"),
	SECTION(jobs, jobs_form, keep_node, "what to run, by name"),
	{ 0 },
};

/* The folder of a path: what stands before its last slash. */
static const char *folder_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	return slash == path ? "/" : arena_strndup(a, path, (size_t)(slash - path));
}

static bool read_file(struct loading *l, const char *path, const struct spec_file *by,
		      struct err *e)
{
	struct spec_file *f = ARENA_NEW(l->arena, 1, struct spec_file);
	struct stat st;

	if (!yaml_read_file(&f->y, l->arena, path, l->tell, e))
		return false;
	if (stat(path, &st) == 0) {
		f->device = st.st_dev;
		f->inode = st.st_ino;
	}
	f->by = by;
	f->scope.allow_outside = l->spec->allow_outside;
	f->scope.path = f->y.path;
	f->scope.folder = folder_of(l->arena, f->y.path);
	l->file[l->nfile++] = f;
	yaml_decode(&f->y, f->y.root, "a spec", spec_fields, f, f);
	if (f->y.root && f->y.root->kind == NODE_MAP && !yaml_get(f->y.root, "jobs") && !f->include)
		yaml_mistake(&f->y, f->y.root->mark, "a spec needs 'jobs'");
	return true;
}

/* The file at that path if it was read before. */
static const struct spec_file *find_file(const struct loading *l, const char *path)
{
	struct stat st;

	for (size_t i = 0; stat(path, &st) == 0 && i < l->nfile; i++)
		if (l->file[i]->device == st.st_dev && l->file[i]->inode == st.st_ino)
			return l->file[i];
	return NULL;
}

/* Whether a path that a file names leads out of the first spec's folder, which holds for all of
 * them. */
static bool leaves_root(const struct loading *l, const struct spec_file *by, const char *path)
{
	const char *root = l->file[0]->scope.folder, *below = by->scope.folder;

	if (by->scope.allow_outside || *path == '/')
		return !by->scope.allow_outside;
	if (strcmp(root, ".") != 0)
		below += strlen(root);
	below += strspn(below, "/");
	return fs_leaves(arena_printf(l->arena, "%s/%s", *below ? below : ".", path));
}

/* One name under include_spec. What two files include is read once; a file cannot include itself.
 */
static void include(struct loading *l, struct spec_file *by, const struct node *n)
{
	const struct spec_file *known, *f = by;
	const char *path;
	struct err e;

	if (n->kind != NODE_SCALAR || n->len == 0 || memchr(n->text, 0, n->len)) {
		yaml_mistake(&by->y, n->mark,
			     "include_spec must be a path or a list of them, not %s",
			     yaml_found(&by->y, n));
		return;
	}
	if (leaves_root(l, by, n->text)) {
		yaml_mistake(&by->y, n->mark,
			     "'%.60s' leaves the spec's folder; --allow-outside permits that",
			     n->text);
		return;
	}
	path = n->text[0] == '/' || !strcmp(by->scope.folder, ".")
		       ? n->text
		       : arena_printf(l->arena, "%s/%s", by->scope.folder, n->text);
	known = find_file(l, path);
	while (known && f && f != known)
		f = f->by;
	if (known && f)
		yaml_mistake(&by->y, n->mark, "'%.60s' includes itself%s", n->text,
			     known == by ? "" : ", by way of this file");
	else if (!known && l->nfile == SPEC_MAX_FILES)
		yaml_mistake(&by->y, n->mark, "more than %d files are included",
			     SPEC_MAX_FILES - 1);
	else if (!known && !read_file(l, path, by, &e))
		yaml_mistake(&by->y, n->mark, "cannot include '%.60s': %s", n->text, e.msg);
}

bool loading_read(struct loading *l, const char *path, struct err *e)
{
	if (!read_file(l, path, NULL, e))
		return false;
	for (size_t i = 0; i < l->nfile; i++) {
		struct spec_file *f = l->file[i];

		if (!f->include)
			continue;
		if (f->include->kind != NODE_LIST)
			include(l, f, f->include);
		for (size_t k = 0; f->include->kind == NODE_LIST && k < f->include->n; k++)
			include(l, f, f->include->item[k]);
	}
	return true;
}
