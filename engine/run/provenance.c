#include "run/provenance.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/map.h"
#include "base/proc.h"
#include "pack/pack.h"
#include "run/source.h"

#define STATEMENT_MAX ((size_t)512 << 20)
#define HEX           (DIGEST_HEX - 1)
#define BUILD_TYPE    "urn:sandbatch:run:v1"
#define BUILDER       "urn:sandbatch:runner"

/* The statement as it is written. */
struct statement {
	struct buf text;
	struct arena arena;
	struct sources *sources;
	const struct summary *sum;
	struct map seen; /* what is in it, or was looked at: scope, NUL, name */
	bool has_item;   /* of the list that is open */
};

static void statement_close(struct statement *s)
{
	buf_close(&s->text);
	map_close(&s->seen);
	arena_free(&s->arena);
}

static void put_text(struct statement *s, const char *key, const char *value)
{
	buf_printf(&s->text, "\"%s\":", key);
	if (value)
		json_quote(&s->text, value, strlen(value));
	else
		buf_puts(&s->text, "null");
}

/* {"name":...,"digest":{"sha256":...}}, in a list. */
static void put_resource(struct statement *s, const char *name, const char *hex)
{
	buf_puts(&s->text, s->has_item ? ",\n{" : "\n{");
	put_text(s, "name", name);
	buf_printf(&s->text, ",\"digest\":{\"sha256\":\"%.*s\"}}", HEX, hex);
	s->has_item = true;
}

/* Whether it was not met before in that scope. */
static bool is_new(struct statement *s, const char *scope, const char *what)
{
	size_t nscope = strlen(scope), nwhat = strlen(what);
	char *key = arena_zalloc(&s->arena, nscope + nwhat + 2, 1);

	memcpy(key, scope, nscope);
	memcpy(key + nscope + 1, what, nwhat);
	if (map_get(&s->seen, key, nscope + nwhat + 1))
		return false;
	map_set(&s->seen, key, nscope + nwhat + 1, key);
	return true;
}

/* Each line of SHA256SUMS: hex, two blanks, the name. */
static void put_sums(struct statement *s, const char *scope, const struct buf *sums,
		     const char *folder)
{
	CLEAN_ARENA struct arena a = { 0 };
	const char *at = buf_text(sums), *newline;

	for (; (newline = strchr(at, '\n')); at = newline + 1) {
		const char *name = at + HEX + 2;

		if (newline <= name)
			continue;
		name = arena_printf(&a, "%s%s%.*s", folder, *folder ? "/" : "",
				    (int)(newline - name), name);
		if (is_new(s, scope, name))
			put_resource(s, name, at);
	}
}

static bool hash_file(int dirfd, const char *path, char hex[DIGEST_HEX], struct err *e)
{
	CLEAN_FD int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	char step[1 << 16];
	struct digest *d = digest_open();
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, step, sizeof(step))) > 0)
		digest_add(d, step, (size_t)n);
	digest_close(d, hex);
	return n == 0 || err_sys(e, "cannot read '%s'", path);
}

/* ---- what went in ---- */

/* The files that a path or pattern names now. One that is gone since is left out: it cannot be told
 * any more. */
static void put_input(struct statement *s, const struct cell *cell, const struct text *t,
		      bool is_glob)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf sums = BUF(STATEMENT_MAX);
	CLEAN_FD int opened = -1;
	const char *path = source_expand(&a, s->sources, cell, t).s;
	const char *folder = cell->job->folder;
	struct pack_list l = { 0 };
	struct err ignored = { 0 };

	if (!source_settle(s->sources, &ignored) || !path || !*path || !is_new(s, folder, path))
		return;
	l.dirfd = source_folder(s->sources, cell, &opened);
	if (is_glob ? pack_add_glob(&a, &l, path, NULL, &ignored)
		    : pack_add_path(&a, &l, path, path, s->sources->options->allow_outside,
				    &ignored)) {
		if (pack_sort(&l, &ignored) && pack_sums(&l, &sums, &ignored))
			put_sums(s, "input", &sums, strcmp(folder, ".") != 0 ? folder : "");
	}
}

static void put_cell_inputs(struct statement *s, const struct cell *cell)
{
	const struct job_spec *j = cell->job;

	if (j->file.s)
		put_input(s, cell, &j->file, false);
	if (j->input_file.s)
		put_input(s, cell, &j->input_file, false);
	for (size_t i = 0; i < j->nfiles; i++)
		if (j->files[i].source == FILE_PATH || j->files[i].source == FILE_GLOB)
			put_input(s, cell, &j->files[i].value, j->files[i].source == FILE_GLOB);
	for (size_t i = 0; i < j->expect.ncheck; i++)
		if (j->expect.check[i].is_file)
			put_input(s, cell, &j->expect.check[i].want, false);
}

/* pkg:generic/NAME@VERSION (package URL), of each language that a cell asked for by name. */
static void put_toolchain(struct statement *s, const struct cell *cell)
{
	CLEAN_ARENA struct arena a = { 0 };
	const struct toolchains *known = s->sources->options->toolchains;
	const struct toolchain *t;
	struct err ignored = { 0 };
	const char *name;

	if (!known || !cell->job->language.s)
		return;
	name = source_expand(&a, s->sources, cell, &cell->job->language).s;
	t = source_settle(s->sources, &ignored) && name ? toolchains_find(known, name) : NULL;
	if (!t || !is_new(s, "toolchain", t->name))
		return;
	buf_puts(&s->text, s->has_item ? ",\n{" : "\n{");
	put_text(s, "name", t->name);
	buf_puts(&s->text, ",");
	put_text(s, "uri",
		 arena_printf(&a, "pkg:generic/%s%s%s", t->name, t->version ? "@" : "",
			      t->version ? t->version : ""));
	buf_puts(&s->text, "}");
	s->has_item = true;
}

static void put_dependencies(struct statement *s)
{
	const struct plan *p = s->sources->plan;
	struct err ignored = { 0 };
	char hex[DIGEST_HEX];

	s->has_item = false;
	buf_puts(&s->text, "\"resolvedDependencies\":[");
	for (size_t i = 0; i < p->spec->files.n; i++) {
		if (hash_file(AT_FDCWD, p->spec->files.item[i], hex, &ignored))
			put_resource(s, p->spec->files.item[i], hex);
	}
	for (size_t i = 0; i < p->ncell; i++)
		put_cell_inputs(s, &p->cell[i]);
	for (size_t i = 0; i < p->ncell; i++)
		put_toolchain(s, &p->cell[i]);
	buf_puts(&s->text, "\n]");
}

/* ---- the statement ---- */

static void put_definition(struct statement *s)
{
	const struct pair_list *vars = &s->sources->plan->spec->vars;

	buf_puts(&s->text, "\"buildDefinition\":{\"buildType\":\"" BUILD_TYPE "\",\n"
			   "\"externalParameters\":{\"spec\":{");
	put_text(s, "name", s->sum->spec_path);
	if (s->sum->spec_sha256)
		buf_printf(&s->text, ",\"digest\":{\"sha256\":\"%s\"}", s->sum->spec_sha256);
	buf_puts(&s->text, "},\"vars\":{");
	for (size_t i = 0; i < vars->n; i++) {
		buf_puts(&s->text, i ? "," : "");
		json_quote(&s->text, vars->item[i].key, strlen(vars->item[i].key));
		buf_puts(&s->text, ":");
		json_quote(&s->text, vars->item[i].value.s, vars->item[i].value.len);
	}
	buf_puts(&s->text, "}},\n\"internalParameters\":{");
	put_text(s, "endpoint", s->sum->endpoint);
	buf_puts(&s->text, ",");
	put_text(s, "executionMode", s->sum->execution_mode);
	buf_printf(&s->text, ",\"cells\":%zu},\n", s->sum->nrow);
}

static void put_details(struct statement *s)
{
	const char *slash = strrchr(s->sum->run_folder, '/');
	char began[21], ended[21];

	clock_iso(s->sum->started_at / 1000, began);
	clock_iso((s->sum->started_at + s->sum->duration_ms) / 1000, ended);
	buf_puts(&s->text, "\"runDetails\":{\"builder\":{\"id\":\"" BUILDER "\",\"version\":{"
			   "\"sandbatch\":\"" VERSION "\"}},\n\"metadata\":{");
	put_text(s, "invocationId", slash ? slash + 1 : s->sum->run_folder);
	buf_printf(&s->text, ",\"startedOn\":\"%s\",\"finishedOn\":\"%s\"}}", began, ended);
}

static bool put_subjects(struct statement *s, const struct buf *sums, int run_fd, struct err *e)
{
	const char *slash = strrchr(s->sum->archive, '/');
	const char *name = slash ? slash + 1 : s->sum->archive;
	char hex[DIGEST_HEX];

	if (!hash_file(run_fd, name, hex, e))
		return false;
	put_resource(s, name, hex);
	put_sums(s, "subject", sums, "");
	return true;
}

bool provenance_write(struct keep *k, struct sources *s, const struct summary *sum,
		      const struct buf *sums, struct err *e)
{
	__attribute__((cleanup(statement_close))) struct statement st = {
		.text = BUF(STATEMENT_MAX), .sources = s, .sum = sum
	};

	buf_puts(&st.text, "{\"_type\":\"https://in-toto.io/Statement/v1\",\n\"subject\":[");
	if (!put_subjects(&st, sums, keep_dirfd(k), e))
		return false;
	buf_puts(&st.text, "\n],\n\"predicateType\":\"https://slsa.dev/provenance/v1\",\n"
			   "\"predicate\":{");
	put_definition(&st);
	put_dependencies(&st);
	buf_puts(&st.text, "},\n");
	put_details(&st);
	if (!buf_puts(&st.text, "}}\n"))
		return err_set(e, ERR_SYSTEM, "provenance.json would be larger than %zu bytes",
			       STATEMENT_MAX);
	return keep_file(k, "provenance.json", st.text.data, st.text.len, e);
}

/* ---- signing ---- */

/* What it said when it failed, as one line. */
static const char *first_line(struct arena *a, int fd)
{
	struct err ignored = { 0 };
	char *text;
	size_t len;

	if (!fs_read_fd(a, fd, 1 << 16, "its answer", &text, &len, &ignored))
		return "";
	text[strcspn(text, "\r\n")] = 0;
	return text;
}

static bool run_signer(struct arena *a, const char *const *argv, struct err *e)
{
	CLEAN_FD int said = -1, tell = -1;
	struct proc p = { .argv = argv, .nfd = 3, .dies_with_us = true };
	int pipe_fd[2], status = 0;
	const char *line;
	pid_t pid;

	p.path = proc_find(a, argv[0], getenv("PATH"));
	if (!p.path)
		return err_set(e, ERR_SYSTEM,
			       "--sign needs %s, which is not installed (Debian: "
			       "apt-get install openssh-client)",
			       argv[0]);
	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return err_sys(e, "cannot make a pipe");
	said = pipe_fd[0];
	tell = pipe_fd[1];
	p.fd[0] = -1;
	p.fd[1] = p.fd[2] = tell;
	if (!proc_spawn(&p, &pid, NULL, e))
		return false;
	fs_close(&tell);
	line = first_line(a, said);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "cannot wait for %s", argv[0]);
	return status == 0 || err_set(e, ERR_SYSTEM, "%s could not sign: %s", argv[0], line);
}

bool provenance_sign(const char *run_folder, const char *key, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	const char *file = arena_printf(&a, "%s/provenance.json", run_folder);
	const char *signature = arena_printf(&a, "%s.sig", file);
	const char *argv[] = {
		"ssh-keygen", "-Y", "sign", "-n", "sandbatch", "-f", key, file, NULL
	};

	/* It would ask before it replaced one. */
	if (unlink(signature) < 0 && errno != ENOENT)
		return err_sys(e, "cannot replace '%s'", signature);
	return run_signer(&a, argv, e);
}
