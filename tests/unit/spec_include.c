#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "spec/spec.h"

/* A folder of specs; main.yaml is loaded. */
struct world {
	struct arena a;
	struct buf tell;
	char folder[40];
	struct spec s;
	struct err e;
	bool is_good;
};

static void put(struct world *w, const char *name, const char *data)
{
	const char *path = arena_printf(&w->a, "%s/%s", w->folder, name);
	size_t n = (size_t)(strrchr(path, '/') - path);
	struct err e;

	assert_true(fs_mkdirs(AT_FDCWD, arena_strndup(&w->a, path, n), &e));
	assert_true(fs_write(AT_FDCWD, path, data, strlen(data), &e));
}

static void open_world(struct world *w)
{
	*w = (struct world){ .tell = BUF(1 << 20), .folder = "/tmp/sandbatch-include-XXXXXX" };
	assert_non_null(mkdtemp(w->folder));
}

static void load(struct world *w, const char *const *vars)
{
	w->is_good = spec_load(&w->a, arena_printf(&w->a, "%s/main.yaml", w->folder), vars,
			       &w->tell, &w->s, &w->e);
}

static void load_good(struct world *w, const char *const *vars)
{
	load(w, vars);
	if (!w->is_good)
		fail_msg("%s%s", buf_text(&w->tell), w->e.msg);
}

static void close_world(struct world *w)
{
	struct err e;

	assert_true(fs_remove_tree(AT_FDCWD, w->folder, &e));
	buf_close(&w->tell);
	arena_free(&w->a);
}

/* A line of what was told, without the folder in front. */
static void assert_told(struct world *w, const char *want)
{
	assert_false(w->is_good);
	if (!strstr(buf_text(&w->tell), arena_printf(&w->a, "%s/%s\n", w->folder, want)))
		fail_msg("not told: %s\n%s", want, buf_text(&w->tell));
}

static const char *expand(struct world *w, const char *job, bool is_code)
{
	const struct job_spec *j = spec_job(&w->s, job);
	struct scope scope = { .spec = &w->s, .job = j };
	struct text out;

	assert_non_null(j);
	if (!spec_eval(&w->a, &scope, is_code ? &j->code : &j->file, &out, &w->e))
		fail_msg("%s", w->e.msg);
	return out.s;
}

static void jobs_of_included_specs_come_behind(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	put(&w, "main.yaml",
	    "version: 1\nname: all\ninclude_spec: [a/a.yaml, b.yaml]\ndefaults: { ttl: 3 }\n"
	    "jobs: { m: { code: x, needs: [a] } }\n");
	put(&w, "a/a.yaml",
	    "version: 1\nname: other\ninclude_spec: ../b.yaml\ndefaults: { ttl: 4 }\n"
	    "jobs: { a: { file: \"${{ file('lang') }}.c\", needs: b } }\n");
	put(&w, "a/lang", "in a\n");
	put(&w, "b.yaml", "version: 1\njobs: { b: { code: x } }\n");
	load_good(&w, NULL);
	assert_string_equal(w.s.name, "all");
	assert_int_equal(w.s.njob, 3);
	assert_string_equal(w.s.job[1].name, "a");
	assert_string_equal(w.s.job[0].folder, w.folder);
	assert_string_equal(w.s.job[1].folder, arena_printf(&w.a, "%s/a", w.folder));
	assert_string_equal(w.s.job[1].path, arena_printf(&w.a, "%s/a/a.yaml", w.folder));
	assert_int_equal(w.s.job[0].ttl_s, 3);
	assert_int_equal(w.s.job[1].ttl_s, 4);
	assert_int_equal(w.s.job[2].ttl_s, 0);
	assert_int_equal(w.s.job[0].need[0], 1);
	assert_int_equal(w.s.job[1].need[0], 2);
	assert_int_equal(w.s.files.n, 3);
	assert_string_equal(expand(&w, "a", false), "in a.c");
	close_world(&w);
}

static void vars_are_one_set_and_the_including_spec_wins(void **state)
{
	static const char *const vars[] = { "z=4", NULL };
	struct world w;

	(void)state;
	open_world(&w);
	put(&w, "main.yaml",
	    "version: 1\ninclude_spec: b.yaml\nvars: { x: 1 }\n"
	    "jobs: { m: { code: \"${{ vars.x }}${{ vars.y }}${{ vars.z }}\" } }\n");
	put(&w, "b.yaml",
	    "version: 1\nvars: { x: 2, y: \"<${{ vars.x }}>\", z: 3 }\n"
	    "jobs: { b: { code: \"${{ vars.x }}${{ vars.y }}${{ vars.z }}\" } }\n");
	load_good(&w, vars);
	assert_string_equal(expand(&w, "m", true), "1<1>4");
	assert_string_equal(expand(&w, "b", true), "1<1>4");
	close_world(&w);
}

static void a_spec_may_only_include(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	put(&w, "main.yaml", "version: 1\ninclude_spec: b.yaml\n");
	put(&w, "b.yaml", "version: 1\njobs: { b: { code: x } }\n");
	load_good(&w, NULL);
	assert_int_equal(w.s.njob, 1);
	close_world(&w);
}

static void a_matrix_looks_into_its_own_spec_s_folder(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	put(&w, "main.yaml", "version: 1\ninclude_spec: a/b.yaml\n");
	put(&w, "a/b.yaml",
	    "version: 1\njobs: { b: { code: x, matrix: { c: { glob: '*.in' } } } }\n");
	put(&w, "a/1.in", "");
	put(&w, "2.in", "");
	load_good(&w, NULL);
	assert_int_equal(w.s.job[0].matrix.axis[0].values.n, 1);
	assert_string_equal(w.s.job[0].matrix.axis[0].path[0], "1.in");
	close_world(&w);
}

static void mistakes_name_the_file_they_are_in(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	put(&w, "main.yaml",
	    "version: 1\ninclude_spec: [b.yaml, none.yaml, [x]]\n"
	    "jobs:\n  m: { code: x, needs: c }\n  n: { code: x, tll: 3 }\n");
	put(&w, "b.yaml",
	    "version: 1\njobs:\n  a: { code: x, needs: d }\n  m: { code: x }\n"
	    "  s: { code: x, expect: { stdout: { same_as: t } } }\n"
	    "  g: { code: \"${{ vars.q }}\" }\n");
	load(&w, NULL);
	assert_told(&w, arena_printf(&w.a,
				     "main.yaml:2:24: cannot include 'none.yaml': cannot read "
				     "'%s/none.yaml': No such file or directory",
				     w.folder));
	assert_told(&w,
		    "main.yaml:2:35: include_spec must be a path or a list of them, not a list");
	assert_told(&w, "main.yaml:5:17: unknown key 'tll' in a job; did you mean 'ttl'?");
	assert_told(&w,
		    arena_printf(&w.a, "b.yaml:4:3: job 'm' is in %s/main.yaml:4, too", w.folder));
	assert_told(&w, "b.yaml:6:15: unknown var 'q'");
	assert_told(&w, "main.yaml:4:24: job 'm' needs 'c', which is not in the spec");
	assert_told(&w, "b.yaml:3:24: job 'a' needs 'd', which is not in the spec");
	assert_told(&w,
		    "b.yaml:5:46: job 's' is to print the same as 't', which is not in the spec");
	assert_string_equal(
		w.e.msg,
		arena_printf(&w.a, "%s/main.yaml and what it includes: 8 mistakes", w.folder));
	close_world(&w);
}

static void an_included_spec_lies_in_the_folder_of_the_first(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	put(&w, "main.yaml", "version: 1\ninclude_spec: [sub/a.yaml, /etc/passwd]\n");
	put(&w, "sub/a.yaml", "version: 1\ninclude_spec: ../../b.yaml\n");
	load(&w, NULL);
	assert_told(&w, "main.yaml:2:28: '/etc/passwd' leaves the spec's folder; "
			"--allow-outside permits that");
	assert_told(&w, "sub/a.yaml:2:15: '../../b.yaml' leaves the spec's folder; "
			"--allow-outside permits that");
	close_world(&w);
}

static void a_cycle_is_told(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	put(&w, "main.yaml", "version: 1\ninclude_spec: a.yaml\njobs: { m: { code: x } }\n");
	put(&w, "a.yaml", "version: 1\ninclude_spec: main.yaml\njobs: { a: { code: x } }\n");
	load(&w, NULL);
	assert_told(&w, "a.yaml:2:15: 'main.yaml' includes itself, by way of this file");
	close_world(&w);
	open_world(&w);
	put(&w, "main.yaml", "version: 1\ninclude_spec: main.yaml\njobs: { m: { code: x } }\n");
	load(&w, NULL);
	assert_told(&w, "main.yaml:2:15: 'main.yaml' includes itself");
	close_world(&w);
}

static void there_is_an_end_to_including(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	put(&w, "main.yaml", "version: 1\ninclude_spec: 1.yaml\n");
	for (int i = 1; i < 70; i++)
		put(&w, arena_printf(&w.a, "%d.yaml", i),
		    arena_printf(&w.a,
				 "version: 1\ninclude_spec: %d.yaml\njobs: { j%d: { code: x } }\n",
				 i + 1, i));
	load(&w, NULL);
	assert_told(&w, "63.yaml:2:15: more than 63 files are included");
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_of_included_specs_come_behind),
		cmocka_unit_test(vars_are_one_set_and_the_including_spec_wins),
		cmocka_unit_test(a_spec_may_only_include),
		cmocka_unit_test(a_matrix_looks_into_its_own_spec_s_folder),
		cmocka_unit_test(mistakes_name_the_file_they_are_in),
		cmocka_unit_test(an_included_spec_lies_in_the_folder_of_the_first),
		cmocka_unit_test(a_cycle_is_told),
		cmocka_unit_test(there_is_an_end_to_including),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
