#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "spec/spec.h"

/* A folder with a spec and some files. */
struct world {
	struct arena a;
	struct buf tell;
	char folder[32];
	struct spec s;
	struct err e;
	bool is_good;
};

static void put(struct world *w, const char *name, const char *data)
{
	const char *path = arena_printf(&w->a, "%s/%s", w->folder, name);
	const char *slash = strrchr(path, '/');
	struct err e;

	assert_true(fs_mkdirs(AT_FDCWD, arena_strndup(&w->a, path, (size_t)(slash - path)), &e));
	assert_true(fs_write(AT_FDCWD, path, data, strlen(data), &e));
}

static void open_world(struct world *w)
{
	*w = (struct world){ .tell = BUF(1 << 20), .folder = "/tmp/sandbatch-expr-XXXXXX" };
	assert_non_null(mkdtemp(w->folder));
}

static void load(struct world *w, const char *text)
{
	put(w, "t.yaml", text);
	w->is_good = spec_load(&w->a, arena_printf(&w->a, "%s/t.yaml", w->folder), NULL, &w->tell,
			       &w->s, &w->e);
}

static void close_world(struct world *w)
{
	struct err e;

	assert_true(fs_remove_tree(AT_FDCWD, w->folder, &e));
	buf_close(&w->tell);
	arena_free(&w->a);
}

static bool give(void *ctx, const char *job, const char *what, struct text *out)
{
	const char *s = NULL;

	(void)ctx;
	if (!strcmp(job, "b.1") && !strcmp(what, "stdout"))
		s = "two\nlines\n";
	else if (!strcmp(job, "b.1") && !strcmp(what, "verdict"))
		s = "failed";
	else if (!strcmp(job, "b.1") && !strcmp(what, "artifacts"))
		s = "main\nlib.so\n";
	if (s)
		*out = (struct text){ .s = s, .len = strlen(s) };
	return s != NULL;
}

/* What ${{ }} with this inside says in job `j`, or, behind "! ", why it says nothing. */
static const char *say(struct world *w, const char *expr)
{
	static const char head[] = "version: 1\nvars: { v: 1, g: \"*.c\" }\njobs:\n"
				   "  b.1: { code: x }\n  c: { code: x }\n  j:\n"
				   "    needs: [b.1, c]\n"
				   "    env: { E: \"<${{ vars.v }}${{ matrix.n }}>\", F: plain }\n"
				   "    matrix: { n: [7] }\n    code: |-\n      ";
	const struct pair pair = { .key = "n", .value = { .s = "7", .len = 1 } };
	struct scope scope = { .spec = &w->s, .matrix = &pair, .nmatrix = 1, .needs = give };
	struct text out;

	load(w, arena_printf(&w->a, "%s${{ %s }}\n", head, expr));
	if (!w->is_good)
		return arena_printf(&w->a, "%s%s", buf_text(&w->tell), w->e.msg);
	scope.job = spec_job(&w->s, "j");
	if (spec_eval(&w->a, &scope, &scope.job->code, &out, &w->e))
		return out.s;
	assert_int_equal(w->e.kind, ERR_SPEC);
	assert_string_equal(spec_expand(&w->a, &scope, &scope.job->code).s, "");
	return arena_printf(&w->a, "! %s", w->e.msg);
}

static void assert_says(const char *expr, const char *want)
{
	struct world w;

	open_world(&w);
	put(&w, "a.txt", "text\n");
	put(&w, "src/a.c", "int a;\n");
	put(&w, "src/b.c", "int b;\n");
	put(&w, "src/.hidden.c", "");
	assert_string_equal(say(&w, expr), want);
	close_world(&w);
}

/* One mistake: the sentence, without its place. */
static void assert_mistake(const char *expr, const char *want)
{
	const char *told;
	struct world w;

	open_world(&w);
	say(&w, expr);
	assert_false(w.is_good);
	told = strstr(buf_text(&w.tell), ": ");
	assert_non_null(told);
	told += 2;
	assert_string_equal(arena_strndup(&w.a, told, strcspn(told, "\n")), want);
	assert_non_null(strstr(w.e.msg, ": 1 mistake"));
	close_world(&w);
}

static void references_say_what_they_name(void **state)
{
	(void)state;
	assert_says("vars.v", "1");
	assert_says("matrix.n", "7");
	assert_says("env.F", "plain");
	assert_says("env.E", "<17>");
	assert_says("needs.b.1.stdout", "two\nlines");
	assert_says("needs.b.1.verdict", "failed");
	assert_says("needs.b.1.artifacts", "main lib.so");
	assert_says("'it''s'", "it's");
}

static void functions_of_files(void **state)
{
	(void)state;
	assert_says("file('a.txt')", "text");
	assert_says("join(needs.b.1.artifacts, ', ')", "main, lib.so");
	assert_says("hash('src/*.c')",
		    "dde796a23092daf2cb859f97657b2aa07c7e06b109d49189df08cef17367f24b");
	assert_says("hash('none/*')", "! no file fits 'none/*'");
	assert_says("file('none')", "! cannot read 'none': No such file or directory");
	assert_says("file('../x')",
		    "! '../x' leaves the spec's folder; --allow-outside permits that");
	assert_says("hash('/etc/*')",
		    "! '/etc/*' leaves the spec's folder; --allow-outside permits that");
	assert_says("file('src')", "! cannot read 'src': Is a directory");
}

static void a_link_is_never_followed(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	assert_int_equal(symlink("/etc/passwd", arena_printf(&w.a, "%s/l", w.folder)), 0);
	assert_string_equal(say(&w, "file('l')"),
			    "! 'l' is, or goes through, a symbolic link, which is never followed");
	assert_string_equal(say(&w, "hash('*')"),
			    "! 'l' is, or goes through, a symbolic link, which is never followed");
	close_world(&w);
}

static void a_hash_changes_with_names_and_bytes(void **state)
{
	const char *first, *second, *third;
	struct world w;

	(void)state;
	open_world(&w);
	put(&w, "d/x", "1");
	first = say(&w, "hash('d/**')");
	assert_string_equal(say(&w, "hash('d/**')"), first);
	put(&w, "d/x", "2");
	second = say(&w, "hash('d/**')");
	put(&w, "d/e/x", "2");
	third = say(&w, "hash('d/**')");
	assert_int_equal(strlen(first), 64);
	assert_string_not_equal(first, second);
	assert_string_not_equal(second, third);
	close_world(&w);
}

static void what_is_not_known_is_told_when_it_is_asked_for(void **state)
{
	(void)state;
	assert_says("needs.c.stdout", "! needs.c.stdout is not known here");
}

static void a_value_with_a_nul_byte_is_refused(void **state)
{
	struct world w;
	struct err e;

	(void)state;
	open_world(&w);
	assert_true(fs_write(AT_FDCWD, arena_printf(&w.a, "%s/nul", w.folder), "a\0b", 3, &e));
	assert_string_equal(say(&w, "file('nul')"), "! what ${{ file }} says holds a NUL byte");
	close_world(&w);
}

static void mistakes_are_told_when_the_spec_is_read(void **state)
{
	(void)state;
	assert_mistake("vars.w", "unknown var 'w'");
	assert_mistake("env.G", "unknown env 'G' in job 'j'");
	assert_mistake("env.PATH", "unknown env 'PATH' in job 'j'");
	assert_mistake("matrix.m", "unknown matrix key 'm' in job 'j'");
	assert_mistake("matrix.n.path",
		       "matrix.n has no .path: its values are not from dirs or glob");
	assert_mistake("matrix.n.size", "matrix.n has path, name and stem, not 'size'");
	assert_mistake("needs.d.stdout", "job 'j' refers to 'd' but does not need it");
	assert_mistake("needs.c.stdotu", "needs.c has stdout, verdict and artifacts, not 'stdotu'; "
					 "did you mean 'stdout'?");
	assert_mistake("hsah('x')",
		       "unknown function 'hsah'; there are hash, file and join; did you mean "
		       "'hash'?");
	assert_mistake("hash()", "hash() takes 1 value, not 0");
	assert_mistake("join(needs.c.artifacts)", "join() takes 2 values, not 1");
	assert_mistake("join(vars.v, ',')",
		       "join() takes needs.JOB.artifacts and what is put between");
	assert_mistake("secrets.x",
		       "unknown 'secrets' in ${{ }}, which knows vars, env, matrix and needs");
}

static void what_is_no_expression_is_told(void **state)
{
	static const char deep[] = "file(file(file(file(file(file(file(file(file(file(file(file("
				   "file(file(file(file('a'))))))))))))))))";
	static const char *const bad[] = {
		"",
		"vars",
		"vars.",
		"1 + 1",
		"hash('x'",
		"hash 'x'",
		"'x",
		"needs.c",
		"file('a',)",
		"vars.v.",
		"join('a', 'b', 'c')",
		"$(id)",
		"`id`",
		deep,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct world w;

		open_world(&w);
		say(&w, bad[i]);
		if (w.is_good)
			fail_msg("'%s' is taken", bad[i]);
		close_world(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(references_say_what_they_name),
		cmocka_unit_test(functions_of_files),
		cmocka_unit_test(a_link_is_never_followed),
		cmocka_unit_test(a_hash_changes_with_names_and_bytes),
		cmocka_unit_test(what_is_not_known_is_told_when_it_is_asked_for),
		cmocka_unit_test(a_value_with_a_nul_byte_is_refused),
		cmocka_unit_test(mistakes_are_told_when_the_spec_is_read),
		cmocka_unit_test(what_is_no_expression_is_told),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
