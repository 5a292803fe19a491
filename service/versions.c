#include "service/versions.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
#include "service/capture.h"

#define DELAY_MS  1000  /* for what is there to ask first, and between looks whether jobs run */
#define LIMIT_MS  20000 /* of one command */
#define WORDS_MAX 4096
#define ARGS_MAX  16

struct versions {
	struct arena arena;
	struct loop *loop;
	const struct languages *languages;
	versions_busy_fn *is_busy;
	void *ctx;
	const struct language *item; /* of the table that is asked about; NULL: none yet */
	size_t at;                   /* the language whose command runs, or comes next */
	pid_t pid;                   /* 0: none runs */
	struct capture words;
	struct timer timer; /* the first one may start, or it takes too long */
};

/* The first line with a digit in it, without blanks around it. */
static void note_version(const struct language *l, const char *words)
{
	static const char blank[] = " \t\r";

	while (*words) {
		size_t n = strcspn(words, "\n");
		size_t skip = strspn(words, blank);
		size_t digit = strcspn(words, "0123456789");

		if (digit < n && skip < n) {
			while (n > skip && strchr(blank, words[n - 1]))
				n--;
			snprintf(l->version_told, LANGUAGE_VERSION_SIZE, "%.*s", (int)(n - skip),
				 words + skip);
			return;
		}
		words += n + (words[n] == '\n');
	}
}

static bool spawn(struct versions *v, const struct language *l, struct err *e)
{
	static const char *const env[] = { "PATH=" LANGUAGE_PATH, "HOME=/nonexistent",
					   "LANG=C.UTF-8", NULL };
	const char *argv[ARGS_MAX + 4] = { "nice", "-n", "19" };
	struct proc p = { .path = "/usr/bin/nice",
			  .argv = argv,
			  .envp = env,
			  .cwd = "/",
			  .nfd = 3,
			  .dies_with_us = true };
	CLEAN_FD int fd = capture_open(&v->words, v->loop, WORDS_MAX, e);

	if (fd < 0)
		return false;
	for (size_t i = 0; i < l->version.n && i < ARGS_MAX; i++)
		argv[3 + i] = l->version.item[i];
	p.fd[0] = -1;
	p.fd[1] = p.fd[2] = fd;
	return proc_spawn(&p, &v->pid, NULL, e);
}

static void next(struct versions *v);

static void on_time(void *ctx)
{
	next(ctx);
}

static void next_later(struct versions *v)
{
	v->timer = (struct timer){ .fn = on_time, .ctx = v };
	timer_set(v->loop, &v->timer, loop_now_ms(v->loop) + DELAY_MS);
}

static void on_end(void *ctx, int status)
{
	struct versions *v = ctx;

	(void)status; /* some fail and tell it all the same */
	timer_stop(v->loop, &v->timer);
	v->pid = 0;
	capture_finish(&v->words);
	if (v->item == v->languages->item)
		note_version(&v->item[v->at++], buf_text(&v->words.kept));
	capture_close(&v->words);
	next(v);
}

/* Some are scripts that wait for what they have started: all of the process group. */
static void end_command(const struct versions *v)
{
	kill(-v->pid, SIGKILL);
}

static void on_late(void *ctx)
{
	end_command(ctx);
}

/*
 * The next that is here and has a command for it. Some of these take seconds of CPU time, and jobs
 * go first: a service that lives as long as its jobs asks nothing at all.
 */
static void next(struct versions *v)
{
	const struct languages *l = v->languages;
	struct err e;

	if (v->item != l->item)
		return; /* loaded anew: on_turn begins again */
	while (v->at < l->n && (!l->item[v->at].is_available || !l->item[v->at].version.n))
		v->at++;
	if (v->at == l->n)
		return;
	if (v->is_busy(v->ctx)) {
		next_later(v);
		return;
	}
	if (!spawn(v, &l->item[v->at], &e) || !loop_child(v->loop, v->pid, on_end, v, &e)) {
		log_warn("cannot ask for the version of %s: %s", l->item[v->at].name, e.msg);
		capture_close(&v->words);
		return;
	}
	v->timer = (struct timer){ .fn = on_late, .ctx = v };
	timer_set(v->loop, &v->timer, loop_now_ms(v->loop) + LIMIT_MS);
}

/* Somebody wants to know, and of this table nothing was asked yet. */
static int on_turn(void *ctx)
{
	struct versions *v = ctx;
	const struct languages *l = v->languages;

	if (v->pid || v->item == l->item || !*l->is_version_wanted)
		return -1;
	v->item = l->item;
	v->at = 0;
	next_later(v);
	return -1;
}

struct versions *versions_open(struct loop *loop, const struct languages *l,
			       versions_busy_fn *is_busy, void *ctx)
{
	struct arena arena = { 0 };
	struct versions *v = ARENA_NEW(&arena, 1, struct versions);

	*v = (struct versions){
		.loop = loop, .languages = l, .is_busy = is_busy, .ctx = ctx, .words = CAPTURE_NONE
	};
	v->arena = arena;
	loop_each_turn(loop, on_turn, v);
	return v;
}

void versions_close(struct versions *v)
{
	struct arena arena;

	if (!v)
		return;
	loop_drop_turn(v->loop, on_turn, v);
	timer_stop(v->loop, &v->timer);
	if (v->pid) {
		end_command(v);
		while (waitpid(v->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	capture_close(&v->words);
	arena = v->arena;
	arena_free(&arena);
}
