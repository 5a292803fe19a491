#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "plan/plan.h"

struct fixture {
	struct arena a;
	struct buf tell;
	struct spec s;
	struct plan p;
	struct err e;
	bool is_good;
};

/* Plan what text says below "version: 1" and "jobs:"; it must be a right spec. */
static void build(struct fixture *f, const char *text)
{
	static const char head[] = "version: 1\njobs:\n";
	CLEAN_FD int fd = memfd_create("spec", MFD_CLOEXEC);
	char path[32];

	*f = (struct fixture){ .tell = BUF(1 << 20) };
	assert_true(fs_write_all(fd, head, strlen(head)));
	assert_true(fs_write_all(fd, text, strlen(text)));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!spec_load(&f->a, path, NULL, &f->tell, &f->s, &f->e))
		fail_msg("%s%s", buf_text(&f->tell), f->e.msg);
	f->is_good = plan_build(&f->a, &f->s, &f->p, &f->e);
}

static void finish(struct fixture *f)
{
	buf_close(&f->tell);
	arena_free(&f->a);
}

/* One line for each cell: its id, then those it waits on. */
static void print_plan(const struct plan *p, struct buf *out)
{
	for (size_t i = 0; i < p->ncell; i++) {
		const struct cell *c = &p->cell[i];

		buf_puts(out, c->id);
		for (size_t k = 0; k < c->ndep; k++) {
			assert_true(c->dep[k] < i);
			buf_printf(out, "%s%s", k ? " + " : " <- ", p->cell[c->dep[k]].id);
		}
		buf_puts(out, "\n");
	}
}

static void assert_plan(const char *text, const char *want)
{
	CLEAN_BUF struct buf out = BUF(1 << 20);
	struct fixture f;

	build(&f, text);
	if (!f.is_good)
		fail_msg("%s", f.e.msg);
	print_plan(&f.p, &out);
	assert_string_equal(buf_text(&out), want);
	finish(&f);
}

static void assert_refused(const char *text, const char *want)
{
	struct fixture f;

	build(&f, text);
	assert_false(f.is_good);
	assert_int_equal(f.e.kind, ERR_SPEC);
	assert_string_equal(strchr(f.e.msg, ':') + 1, want);
	finish(&f);
}

static void what_is_needed_comes_before_and_else_the_spec_s_order_holds(void **state)
{
	(void)state;
	assert_plan("  test: { code: x, needs: [lib, build] }\n"
		    "  lint: { code: x }\n"
		    "  build: { code: x, needs: gen }\n"
		    "  lib: { code: x, needs: gen }\n"
		    "  gen: { code: x }\n",
		    "gen\n"
		    "lib <- gen\n"
		    "build <- gen\n"
		    "test <- lib + build\n"
		    "lint\n");
}

/* A folder of submissions and cases, and the plan of a spec in it. */
static void build_in_folder(struct fixture *f, const char *folder, const char *text)
{
	static const char *const files[] = { "sub/s02/main.c", "sub/s01/main.c", "sub/.git/x",
					     "sub/readme.txt", "cases/10.in",    "cases/2.in",
					     "cases/2.out",    "x/1/cases/a.in", "x/2/cases/a.in",
					     "x/2/cases/b.in" };
	const char *path;

	*f = (struct fixture){ .tell = BUF(1 << 20) };
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		path = arena_printf(&f->a, "%s/%s", folder, files[i]);
		assert_true(fs_mkdirs(
			AT_FDCWD, arena_strndup(&f->a, path, (size_t)(strrchr(path, '/') - path)),
			&f->e));
		assert_true(fs_write(AT_FDCWD, path, "x\n", 2, &f->e));
	}
	path = arena_printf(&f->a, "%s/t.yaml", folder);
	assert_true(fs_write(AT_FDCWD, path, text, strlen(text), &f->e));
	f->is_good = spec_load(&f->a, path, NULL, &f->tell, &f->s, &f->e) &&
		     plan_build(&f->a, &f->s, &f->p, &f->e);
}

/* Ids of the cells of a job with that matrix, and what its code says in each; or the mistake. */
static void assert_found(const char *matrix, const char *code, const char *want)
{
	char folder[] = "/tmp/sandbatch-plan-XXXXXX";
	CLEAN_BUF struct buf out = BUF(1 << 20);
	CLEAN_ARENA struct arena a = { 0 };
	struct fixture f;

	assert_non_null(mkdtemp(folder));
	build_in_folder(&f, folder,
			arena_printf(&a,
				     "version: 1\njobs:\n  j:\n    matrix: %s\n"
				     "    code: \"%s\"\n",
				     matrix, code));
	for (size_t i = 0; i < f.p.ncell; i++) {
		const struct cell *c = &f.p.cell[i];
		struct scope scope = { .spec = &f.s, .matrix = c->matrix, .nmatrix = c->nmatrix };

		buf_printf(&out, "%s: %s\n", c->id, spec_expand(&f.a, &scope, &c->job->code).s);
	}
	if (!f.is_good)
		buf_puts(&out, strstr(buf_text(&f.tell), ": ") + 2);
	assert_string_equal(arena_strndup(&f.a, buf_text(&out), strlen(want)), want);
	assert_true(fs_remove_tree(AT_FDCWD, folder, &f.e));
	finish(&f);
}

static void a_matrix_of_folders_has_a_cell_for_each(void **state)
{
	(void)state;
	assert_found("{ student: { dirs: 'sub/*' } }",
		     "${{ matrix.student }} ${{ matrix.student.name }} ${{ matrix.student.path }}",
		     "j[student=s01]: s01 s01 sub/s01\nj[student=s02]: s02 s02 sub/s02\n");
	assert_found("{ d: { dirs: 'x/**' }, n: [1], exclude: [{ d: cases }] }",
		     "${{ matrix.d.path }}",
		     "j[d=x/1,n=1]: x/1\nj[d=x/1/cases,n=1]: x/1/cases\nj[d=x/2,n=1]: x/2\n");
}

static void a_matrix_of_files_has_a_cell_for_each(void **state)
{
	(void)state;
	assert_found("{ c: { glob: 'cases/*.in' } }",
		     "${{ matrix.c }} ${{ matrix.c.stem }} ${{ matrix.c.path }}",
		     "j[c=10.in]: 10.in 10 cases/10.in\nj[c=2.in]: 2.in 2 cases/2.in\n");
	assert_found("{ c: { glob: './cases//2.in' } }", "${{ matrix.c.path }}",
		     "j[c=2.in]: cases/2.in\n");
}

static void equal_names_are_told_apart_by_their_paths(void **state)
{
	(void)state;
	assert_found("{ c: { glob: 'x/*/cases/*.in' } }", "${{ matrix.c }} ${{ matrix.c.name }}",
		     "j[c=x/1/cases/a.in]: x/1/cases/a.in a.in\n"
		     "j[c=x/2/cases/a.in]: x/2/cases/a.in a.in\n"
		     "j[c=x/2/cases/b.in]: x/2/cases/b.in b.in\n");
}

static void an_include_extends_the_cell_of_a_folder(void **state)
{
	(void)state;
	assert_found("{ s: { dirs: 'sub/*' }, include: [{ s: s02, late: yes }, { s: s03 }] }",
		     "${{ matrix.s }} ${{ matrix.late }}",
		     "j[s=s01]: s01 \nj[s=s02,late=yes]: s02 yes\nj[s=s03]: s03 \n");
}

static void a_matrix_of_nothing_or_of_elsewhere_is_a_mistake(void **state)
{
	(void)state;
	assert_found("{ s: { dirs: 'none/*' } }", "", "no folder fits 'none/*'\n");
	assert_found("{ s: { glob: 'sub/*' , dirs: 'sub/*' } }", "",
		     "matrix.s must have one of 'dirs' and 'glob'\n");
	assert_found("{ s: { dir: 'sub/*' } }", "",
		     "unknown key 'dir' in matrix.s; did you mean 'dirs'?\n");
	assert_found("{ s: { dirs: '../*' } }", "",
		     "'../*' leaves the spec's folder; --allow-outside permits that\n");
	assert_found("{ s: { dirs: '/*' } }", "",
		     "'/*' leaves the spec's folder; --allow-outside permits that\n");
	assert_found("{ s: { glob: 'sub/*' } }", "x", "j[s=readme.txt]: x\n");
}

static void a_matrix_may_look_outside_when_it_is_allowed(void **state)
{
	static const char text[] =
		"version: 1\njobs: { j: { code: x, matrix: { s: { dirs: '../sub/*' } } } }\n";
	char folder[] = "/tmp/sandbatch-plan-XXXXXX";
	struct spec_source from = { .allow_outside = true };
	struct fixture f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	build_in_folder(&f, folder, "version: 1\njobs: { j: { code: x } }\n");
	from.path = arena_printf(&f.a, "%s/x/t.yaml", folder);
	assert_true(fs_write(AT_FDCWD, from.path, text, strlen(text), &f.e));
	assert_true(spec_read(&f.a, &from, &f.tell, &f.s, &f.e));
	assert_string_equal(f.s.job[0].matrix.axis[0].path[1], "../sub/s02");
	from.allow_outside = false;
	assert_false(spec_read(&f.a, &from, &f.tell, &f.s, &f.e));
	assert_true(fs_remove_tree(AT_FDCWD, folder, &f.e));
	finish(&f);
}

static void a_matrix_never_follows_a_link(void **state)
{
	static const char text[] =
		"version: 1\njobs: { j: { code: x, matrix: { s: { dirs: 'sub/*' } } } }\n";
	char folder[] = "/tmp/sandbatch-plan-XXXXXX";
	struct fixture f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	build_in_folder(&f, folder, text);
	assert_true(f.is_good);
	assert_int_equal(symlink("../x", arena_printf(&f.a, "%s/sub/s03", folder)), 0);
	assert_false(spec_load(&f.a, f.s.path, NULL, &f.tell, &f.s, &f.e));
	assert_non_null(strstr(buf_text(&f.tell), "'sub/s03' is, or goes through, a symbolic link, "
						  "which is never followed\n"));
	assert_true(fs_remove_tree(AT_FDCWD, folder, &f.e));
	finish(&f);
}

static void the_last_key_of_a_matrix_changes_fastest(void **state)
{
	(void)state;
	assert_plan("  j: { code: x, matrix: { a: [1, 2], b: [x, y z] } }\n",
		    "j[a=1,b=x]\nj[a=1,b=y z]\nj[a=2,b=x]\nj[a=2,b=y z]\n");
}

static void ids_stay_on_one_line_and_apart(void **state)
{
	(void)state;
	assert_plan("  j:\n    code: x\n    matrix:\n"
		    "      a: ['1,b=2', \"x\\ny\", '100%', '[]', é, \"\\x7f\", \"\\N\", '']\n",
		    "j[a=1%2Cb%3D2]\nj[a=x%0Ay]\nj[a=100%25]\nj[a=[%5D]\nj[a=é]\nj[a=%7F]\n"
		    "j[a=%C2%85]\nj[a=]\n");
}

static void exclude_removes_what_matches_all_its_keys(void **state)
{
	(void)state;
	assert_plan("  j:\n    code: x\n    matrix:\n      a: [1, 2, 3]\n      b: [x, y]\n"
		    "      exclude: [{ a: 1 }, { b: y, a: 2 }, { a: 3, b: z }]\n",
		    "j[a=2,b=x]\nj[a=3,b=x]\nj[a=3,b=y]\n");
}

/* The example of GitHub's documentation, "Expanding or adding matrix configurations". */
static void include_does_as_github_documents_it(void **state)
{
	(void)state;
	assert_plan("  j:\n    code: x\n    matrix:\n"
		    "      fruit: [apple, pear]\n"
		    "      animal: [cat, dog]\n"
		    "      include:\n"
		    "        - color: green\n"
		    "        - { color: pink, animal: cat }\n"
		    "        - { fruit: apple, shape: circle }\n"
		    "        - fruit: banana\n"
		    "        - { fruit: banana, animal: cat }\n",
		    "j[fruit=apple,animal=cat,color=pink,shape=circle]\n"
		    "j[fruit=apple,animal=dog,color=green,shape=circle]\n"
		    "j[fruit=pear,animal=cat,color=pink]\n"
		    "j[fruit=pear,animal=dog,color=green]\n"
		    "j[fruit=banana]\n"
		    "j[fruit=banana,animal=cat]\n");
}

static void include_alone_makes_a_cell_of_each_entry(void **state)
{
	(void)state;
	assert_plan("  j: { code: x, matrix: { include: [{ a: 1 }, { b: 2, a: 1 }] } }\n",
		    "j[a=1]\nj[b=2,a=1]\n");
}

static void exclude_comes_before_include(void **state)
{
	(void)state;
	assert_plan("  j:\n    code: x\n    matrix:\n      a: [1, 2]\n"
		    "      exclude: [{ a: 1 }]\n      include: [{ a: 1, b: x }, { a: 2, c: y }]\n",
		    "j[a=2,c=y]\nj[a=1,b=x]\n");
}

static void cells_wait_on_those_that_agree_on_the_keys_both_have(void **state)
{
	(void)state;
	assert_plan(
		"  build: { code: x, matrix: { s: [p, q], o: [0, 2] } }\n"
		"  tools: { code: x }\n"
		"  test: { code: x, needs: [tools, build], matrix: { n: [1, 2], s: [q, p, r] } }\n",
		"build[s=p,o=0]\nbuild[s=p,o=2]\nbuild[s=q,o=0]\nbuild[s=q,o=2]\ntools\n"
		"test[n=1,s=q] <- build[s=q,o=0] + build[s=q,o=2] + tools\n"
		"test[n=1,s=p] <- build[s=p,o=0] + build[s=p,o=2] + tools\n"
		"test[n=1,s=r] <- tools\n"
		"test[n=2,s=q] <- build[s=q,o=0] + build[s=q,o=2] + tools\n"
		"test[n=2,s=p] <- build[s=p,o=0] + build[s=p,o=2] + tools\n"
		"test[n=2,s=r] <- tools\n");
}

static void cells_with_other_keys_of_one_job_are_joined_by_their_own(void **state)
{
	(void)state;
	assert_plan("  b: { code: x, matrix: { a: [1, 2], include: [{ a: 2, k: v }, { a: 3 }] } }\n"
		    "  t: { code: x, needs: b, matrix: { k: [v, w], a: [1, 2] } }\n",
		    "b[a=1]\nb[a=2,k=v]\nb[a=3]\n"
		    "t[k=v,a=1] <- b[a=1]\n"
		    "t[k=v,a=2] <- b[a=2,k=v]\n"
		    "t[k=w,a=1] <- b[a=1]\n"
		    "t[k=w,a=2]\n");
	assert_plan("  b: { code: x, matrix: { include: [{ a: 2 }, { z: 9 }, { a: 1 }] } }\n"
		    "  t: { code: x, needs: b, matrix: { a: [1, 2] } }\n",
		    "b[a=2]\nb[z=9]\nb[a=1]\n"
		    "t[a=1] <- b[z=9] + b[a=1]\n"
		    "t[a=2] <- b[a=2] + b[z=9]\n");
}

static void a_value_that_looks_like_two_does_not_join(void **state)
{
	(void)state;
	assert_plan("  b: { code: x, matrix: { a: [x, xy], b: [yz, z] } }\n"
		    "  t: { code: x, needs: b, matrix: { b: [z], a: [x] } }\n",
		    "b[a=x,b=yz]\nb[a=x,b=z]\nb[a=xy,b=yz]\nb[a=xy,b=z]\n"
		    "t[b=z,a=x] <- b[a=x,b=z]\n");
}

static void cells_that_wait_on_the_same_share_one_array(void **state)
{
	struct fixture f;

	(void)state;
	build(&f, "  a: { code: x, matrix: { n: [1, 2, 3] } }\n"
		  "  b: { code: x }\n"
		  "  c: { code: x, needs: [b, a], matrix: { m: [1, 2] } }\n");
	assert_true(f.is_good);
	assert_int_equal(f.p.cell[4].ndep, 4);
	assert_ptr_equal(f.p.cell[4].dep, f.p.cell[5].dep);
	finish(&f);
}

static void a_cycle_is_told_by_name(void **state)
{
	(void)state;
	assert_refused("  x: { code: x, needs: a }\n"
		       "  a: { code: x, needs: b }\n"
		       "  b: { code: x, needs: [c, a] }\n"
		       "  c: { code: x }\n",
		       "4:3: jobs wait on each other: a -> b -> a");
	assert_refused("  a: { code: x, needs: a }\n", "3:3: jobs wait on each other: a -> a");
}

static void a_job_without_cells_is_told(void **state)
{
	(void)state;
	assert_refused("  a: { code: x, matrix: { n: [1], exclude: [{ n: 1 }] } }\n",
		       "3:3: job 'a' has no cells left");
}

static void two_cells_with_one_id_are_told(void **state)
{
	(void)state;
	assert_refused("  a: { code: x, matrix: { include: [{ n: 1 }, { n: 1 }] } }\n",
		       "3:3: two cells are both a[n=1]");
}

static void a_matrix_past_the_bound_is_told(void **state)
{
	CLEAN_BUF struct buf text = BUF(1 << 20);

	(void)state;
	buf_puts(&text, "  a:\n    code: x\n    matrix:\n");
	for (unsigned k = 0; k < 7; k++)
		buf_printf(&text, "      k%u: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n", k);
	assert_refused(buf_text(&text), "3:3: job 'a' has more than 1000000 cells");
}

static void add_values(struct buf *b, const char *key, unsigned n)
{
	buf_printf(b, "      %s: [0", key);
	for (unsigned i = 1; i < n; i++)
		buf_printf(b, ", %u", i);
	buf_puts(b, "]\n");
}

/* Generous, since the machine may be busy: a quadratic join would take minutes. */
static void a_hundred_thousand_cells_are_planned_in_seconds(void **state)
{
	CLEAN_BUF struct buf text = BUF(16 << 20);
	struct fixture f;
	int64_t start;

	(void)state;
	buf_puts(&text, "  a:\n    code: x\n    matrix:\n");
	add_values(&text, "n", 1000);
	add_values(&text, "m", 50);
	buf_puts(&text, "  b:\n    code: x\n    needs: [a]\n    matrix:\n");
	add_values(&text, "m", 50);
	add_values(&text, "n", 1000);
	start = clock_mono_ms();
	build(&f, buf_text(&text));
	assert_true(f.is_good);
	assert_int_equal(f.p.ncell, 100000);
	assert_string_equal(f.p.cell[99999].id, "b[m=49,n=999]");
	assert_int_equal(f.p.cell[99999].ndep, 1);
	assert_string_equal(f.p.cell[f.p.cell[99999].dep[0]].id, "a[n=999,m=49]");
	assert_true(clock_mono_ms() - start < 20000);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_needed_comes_before_and_else_the_spec_s_order_holds),
		cmocka_unit_test(the_last_key_of_a_matrix_changes_fastest),
		cmocka_unit_test(a_matrix_of_folders_has_a_cell_for_each),
		cmocka_unit_test(a_matrix_of_files_has_a_cell_for_each),
		cmocka_unit_test(equal_names_are_told_apart_by_their_paths),
		cmocka_unit_test(an_include_extends_the_cell_of_a_folder),
		cmocka_unit_test(a_matrix_may_look_outside_when_it_is_allowed),
		cmocka_unit_test(a_matrix_never_follows_a_link),
		cmocka_unit_test(a_matrix_of_nothing_or_of_elsewhere_is_a_mistake),
		cmocka_unit_test(ids_stay_on_one_line_and_apart),
		cmocka_unit_test(exclude_removes_what_matches_all_its_keys),
		cmocka_unit_test(include_does_as_github_documents_it),
		cmocka_unit_test(include_alone_makes_a_cell_of_each_entry),
		cmocka_unit_test(exclude_comes_before_include),
		cmocka_unit_test(cells_wait_on_those_that_agree_on_the_keys_both_have),
		cmocka_unit_test(cells_with_other_keys_of_one_job_are_joined_by_their_own),
		cmocka_unit_test(a_value_that_looks_like_two_does_not_join),
		cmocka_unit_test(cells_that_wait_on_the_same_share_one_array),
		cmocka_unit_test(a_cycle_is_told_by_name),
		cmocka_unit_test(a_job_without_cells_is_told),
		cmocka_unit_test(two_cells_with_one_id_are_told),
		cmocka_unit_test(a_matrix_past_the_bound_is_told),
		cmocka_unit_test(a_hundred_thousand_cells_are_planned_in_seconds),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
