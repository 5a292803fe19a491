#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "service/language.h"
#include "service/versions.h"

#define TEXT                                                                   \
	"languages:\n"                                                         \
	"  - { name: toy, filename: main.toy, run: [sh, '{source}'],\n"        \
	"      needs: [sh], version: [sh, -c, 'echo; echo \" toy 4.2 \"'] }\n" \
	"  - { name: mute, filename: main.mute, run: [sh, '{source}'],\n"      \
	"      needs: [no-such-program], version: [sh, -c, 'echo mute 1.0'] }\n"

#define SCRIPT                                                            \
	"languages:\n"                                                    \
	"  - { name: slow, filename: main.slow, run: [sh, '{source}'],\n" \
	"      needs: [sh], version: [sh, -c, '(echo up; sleep 1000) >%s & wait'] }\n"

struct world {
	struct arena arena;
	struct loop *loop;
	struct languages languages;
	int nlook;     /* how often it was asked whether jobs run */
	int nbusy;     /* so often the answer is yes */
	bool is_early; /* a version was there while jobs ran */
	struct timer timer;
};

static bool is_busy(void *ctx)
{
	struct world *w = ctx;

	w->is_early = w->is_early || w->languages.item[0].version_told[0];
	return w->nlook++ < w->nbusy;
}

/* The first version is there, or the looking has taken too long. */
static void look(void *ctx)
{
	struct world *w = ctx;

	if (w->languages.item[0].version_told[0] || w->nlook > 10)
		loop_stop(w->loop);
	else
		timer_set(w->loop, &w->timer, loop_now_ms(w->loop) + 20);
}

static void load(struct world *w, const char *text)
{
	char path[] = "/tmp/languages-XXXXXX";
	CLEAN_BUF struct buf tell = BUF(1 << 16);
	int fd = mkstemp(path);
	struct err e = { 0 };

	assert_true(fd >= 0 && fs_write_all(fd, text, strlen(text)));
	close(fd);
	if (!languages_load(&w->arena, path, NULL, &tell, &w->languages, &e))
		fail_msg("%s: %s", e.msg, buf_text(&tell));
	unlink(path);
	w->loop = loop_open(&e);
	assert_non_null(w->loop);
}

static void versions_are_asked_once_no_job_runs_any_more(void **state)
{
	struct world w = { .nbusy = 1, .timer = { .fn = look, .ctx = &w } };
	CLEAN_BUF struct buf printed = BUF(1 << 16);
	struct versions *v;
	struct err e = { 0 };

	(void)state;
	load(&w, TEXT);
	v = versions_open(w.loop, &w.languages, is_busy, &w);
	assert_true(languages_print(&w.languages, &printed));
	timer_set(w.loop, &w.timer, 0);
	assert_true(loop_run(w.loop, &e));
	assert_false(w.is_early);
	assert_int_equal(w.nlook, 2); /* what is not installed is not asked */
	assert_string_equal(w.languages.item[0].version_told, "toy 4.2");
	assert_string_equal(w.languages.item[1].version_told, "");
	versions_close(v);
	loop_close(w.loop);
	arena_free(&w.arena);
}

/* What the command's child writes to; it is there. */
static int fifo;

static void look_for_child(void *ctx)
{
	struct world *w = ctx;
	char word[8];

	if (read(fifo, word, sizeof(word)) > 0)
		loop_stop(w->loop);
	else
		timer_set(w->loop, &w->timer, loop_now_ms(w->loop) + 20);
}

static void what_a_command_has_started_ends_with_it(void **state)
{
	struct world w = { .timer = { .fn = look_for_child, .ctx = &w } };
	CLEAN_BUF struct buf printed = BUF(1 << 16);
	char folder[] = "/tmp/versions-XXXXXX", byte;
	const char *path;
	struct versions *v;
	struct err e = { 0 };

	(void)state;
	assert_non_null(mkdtemp(folder));
	path = arena_printf(&w.arena, "%s/fifo", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	fifo = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fifo >= 0);
	load(&w, arena_printf(&w.arena, SCRIPT, path));
	v = versions_open(w.loop, &w.languages, is_busy, &w);
	assert_true(languages_print(&w.languages, &printed));
	timer_set(w.loop, &w.timer, 0);
	assert_true(loop_run(w.loop, &e));
	versions_close(v);
	fcntl(fifo, F_SETFL, 0);
	alarm(20);
	assert_int_equal(read(fifo, &byte, 1), 0); /* nobody has it open for writing any more */
	alarm(0);
	close(fifo);
	unlink(path);
	rmdir(folder);
	loop_close(w.loop);
	arena_free(&w.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_asked_once_no_job_runs_any_more),
		cmocka_unit_test(what_a_command_has_started_ends_with_it),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
