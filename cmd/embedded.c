#include "cmd/embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/proc.h"
#include "cmd/cmd.h"
#include "service/service.h"

#define START_MS  20000
#define END_MS    10000
#define WORDS_MAX 4096 /* of what it says on stdout and stderr */

struct embedded {
	struct arena arena;
	struct loop *loop;
	const char *folder, *endpoint, *jail;
	pid_t pid;
	int out_fd, err_fd;
	struct buf out, words;
	bool is_listening, has_ended, is_ending;
	int status; /* of wait(2), once it has ended */
	struct timer timer;
	embedded_gone_fn *gone;
	void *gone_ctx;
	void (*tell)(void *ctx, const char *sentence);
	void *tell_ctx;
};

/* The last line it wrote to stderr, or "". */
static const char *last_words(struct embedded *s)
{
	char *text = arena_strdup(&s->arena, buf_text(&s->words)), *nl;
	size_t n = strlen(text);

	while (n && text[n - 1] == '\n')
		text[--n] = '\0';
	nl = strrchr(text, '\n');
	text = nl ? nl + 1 : text;
	if (!strncmp(text, "sandbatch: ", 11))
		text += 11;
	return text;
}

static const char *describe_end(struct embedded *s)
{
	const char *words = last_words(s);

	if (WIFSIGNALED(s->status))
		return arena_printf(&s->arena, "the embedded service was killed by signal %d (%s)",
				    WTERMSIG(s->status), strsignal(WTERMSIG(s->status)));
	return arena_printf(&s->arena, "the embedded service ended with status %d%s%s",
			    WEXITSTATUS(s->status), *words ? ": " : "", words);
}

static void on_end(void *ctx, int status)
{
	struct embedded *s = ctx;

	s->has_ended = true;
	s->status = status;
	timer_stop(s->loop, &s->timer);
	if (!s->is_listening || s->is_ending)
		loop_stop(s->loop);
	else if (s->gone)
		s->gone(s->gone_ctx, describe_end(s));
}

static void on_timer(void *ctx)
{
	struct embedded *s = ctx;

	kill(s->pid, SIGKILL); /* on_end comes */
}

/* Keep the newest words; a full buffer starts afresh. */
static void keep_words(struct buf *b, const char *data, size_t n)
{
	if (!buf_add(b, data, n)) {
		buf_clear(b);
		buf_add(b, data, n);
	}
}

static void on_readable(struct embedded *s, int *fd, struct buf *b)
{
	char part[WORDS_MAX];
	ssize_t n = read(*fd, part, sizeof(part));

	if (n > 0) {
		keep_words(b, part, (size_t)n);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		loop_unwatch(s->loop, *fd);
		fs_close(fd);
		*fd = -1;
	}
}

static void on_out(void *ctx, uint32_t events)
{
	struct embedded *s = ctx;

	(void)events;
	on_readable(s, &s->out_fd, &s->out);
	if (!s->is_listening && strchr(buf_text(&s->out), '\n')) {
		s->is_listening = true;
		timer_stop(s->loop, &s->timer);
		loop_stop(s->loop);
	}
}

/* Of its log only this is for who waits: without room it keeps no result, and goes on asking. */
static void tell_full_disk(struct embedded *s)
{
	static const char full[] = "no space is left on its disk", warn[] = " warn ";
	CLEAN_ARENA struct arena a = { 0 };
	char *line = arena_strdup(&a, buf_text(&s->words)), *at = strstr(line, full), *sentence;

	if (!at || !strchr(at, '\n'))
		return;
	*strchr(at, '\n') = '\0';
	at = memrchr(line, '\n', (size_t)(at - line));
	sentence = strstr(at ? at : line, warn);
	if (!sentence)
		return;
	s->tell(s->tell_ctx, arena_printf(&a, "the service of this run waits for room: %s",
					  sentence + strlen(warn)));
	s->tell = NULL;
}

static void on_err(void *ctx, uint32_t events)
{
	struct embedded *s = ctx;

	(void)events;
	on_readable(s, &s->err_fd, &s->words);
	if (s->tell)
		tell_full_disk(s);
}

#define ARGS_MAX (16 + 2 * SERVICE_BINDS_MAX)

/* no-sync: what a power failure takes from it, the run that would ask for it lost too. */
static void make_args(const struct embedded *s, const struct embedded_options *o, const char *slots,
		      const char *argv[ARGS_MAX])
{
	bool is_none = o->sandbox && !strcmp(o->sandbox, "none");
	const char *const first[] = { "sandbatch", "serve",   "--no-sync", "--listen", s->endpoint,
				      "--data",    s->folder, "--slots",   slots };
	size_t n = sizeof(first) / sizeof(first[0]);

	memcpy(argv, first, sizeof(first));
	argv[n++] = is_none ? "--no-sandbox" : "--sandbox";
	if (!is_none)
		argv[n++] = o->sandbox ? o->sandbox : "full";
	if (o->no_warm)
		argv[n++] = "--no-warm";
	if (o->rootfs) {
		argv[n++] = "--rootfs";
		argv[n++] = o->rootfs;
	}
	for (size_t i = 0; i < o->bind->n && i < SERVICE_BINDS_MAX; i++) {
		argv[n++] = "--bind";
		argv[n++] = o->bind->item[i];
	}
	argv[n] = NULL;
}

static bool spawn(struct embedded *s, const struct embedded_options *o, struct err *e)
{
	char slots[16];
	const char *argv[ARGS_MAX];
	int out[2], err[2];
	struct proc p = { .path = "/proc/self/exe", .argv = argv, .nfd = 3, .dies_with_us = true };
	bool ok;

	snprintf(slots, sizeof(slots), "%d", o->slots);
	make_args(s, o, slots, argv);
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_sys(e, "cannot make a pipe");
	if (pipe2(err, O_CLOEXEC) < 0) {
		close(out[0]);
		close(out[1]);
		return err_sys(e, "cannot make a pipe");
	}
	p.fd[0] = -1;
	p.fd[1] = out[1];
	p.fd[2] = err[1];
	ok = proc_spawn(&p, &s->pid, NULL, e);
	close(out[1]);
	close(err[1]);
	s->out_fd = out[0];
	s->err_fd = err[0];
	return ok;
}

static bool watch(struct embedded *s, struct err *e)
{
	fcntl(s->out_fd, F_SETFL, O_NONBLOCK);
	fcntl(s->err_fd, F_SETFL, O_NONBLOCK);
	s->timer = (struct timer){ .fn = on_timer, .ctx = s };
	timer_set(s->loop, &s->timer, loop_now_ms(s->loop) + START_MS);
	return loop_child(s->loop, s->pid, on_end, s, e) &&
	       loop_watch(s->loop, s->out_fd, EPOLLIN, on_out, s, e) &&
	       loop_watch(s->loop, s->err_fd, EPOLLIN, on_err, s, e) && loop_run(s->loop, e);
}

/* Its words may still lie in the pipe when its end is told. */
static void drain(struct embedded *s)
{
	while (s->err_fd >= 0) {
		char part[WORDS_MAX];
		ssize_t n = read(s->err_fd, part, sizeof(part));

		if (n <= 0)
			return;
		keep_words(&s->words, part, (size_t)n);
	}
}

static bool start(struct embedded *s, const struct embedded_options *o, struct err *e)
{
	if (!cmd_find(&s->arena, "sandbatch-jail", LIBEXECDIR "/sandbatch-jail", &s->jail, e) ||
	    !fs_mkdirs(AT_FDCWD, s->folder, e))
		return false;
	if (chmod(s->folder, 0700) < 0)
		return err_sys(e, "cannot make %s private", s->folder);
	if (!spawn(s, o, e) || !watch(s, e))
		return false;
	if (s->is_listening)
		return true;
	drain(s);
	if (WIFEXITED(s->status) && WEXITSTATUS(s->status) == 2) /* by options that are ours too */
		return err_set(e, ERR_USAGE, "%s", last_words(s));
	return err_set(e, ERR_SYSTEM, "%s", describe_end(s));
}

struct embedded *embedded_open(struct loop *l, const struct embedded_options *o, struct err *e)
{
	struct arena first = { 0 };
	struct embedded *s = ARENA_NEW(&first, 1, struct embedded);

	s->arena = first;
	s->loop = l;
	s->out_fd = s->err_fd = -1;
	s->out = BUF(WORDS_MAX);
	s->words = BUF(WORDS_MAX);
	s->folder = arena_strdup(&s->arena, o->folder);
	s->tell = o->tell;
	s->tell_ctx = o->tell_ctx;
	s->endpoint = arena_printf(&s->arena, "unix:%s/socket", s->folder);
	if (start(s, o, e))
		return s;
	embedded_close(s);
	return NULL;
}

const char *embedded_endpoint(const struct embedded *s)
{
	return s->endpoint;
}

void embedded_on_gone(struct embedded *s, embedded_gone_fn *fn, void *ctx)
{
	s->gone = fn;
	s->gone_ctx = ctx;
	if (s->has_ended && fn)
		fn(ctx, describe_end(s));
}

/* Killed as it was, it could not tidy up: its wardens' cgroups are removed by the jail. */
static void sweep(struct embedded *s)
{
	char pid[16];
	const char *argv[] = { "sandbatch-jail", "--sweep", pid, NULL };
	struct proc p = { .path = s->jail, .argv = argv, .nfd = 3, .fd = { -1, -1, -1 } };
	struct err ignored = { 0 };
	pid_t child;

	snprintf(pid, sizeof(pid), "%d", (int)s->pid);
	if (proc_spawn(&p, &child, NULL, &ignored))
		waitpid(child, NULL, 0);
}

static void end_child(struct embedded *s)
{
	struct err ignored = { 0 };

	s->is_ending = true;
	if (s->pid > 0 && !s->has_ended) {
		kill(s->pid, SIGTERM);
		timer_set(s->loop, &s->timer, loop_now_ms(s->loop) + END_MS);
		while (!s->has_ended && loop_run(s->loop, &ignored))
			;
	}
	if (s->pid > 0 && !(WIFEXITED(s->status) && WEXITSTATUS(s->status) == 0))
		sweep(s);
}

void embedded_close(struct embedded *s)
{
	struct err ignored = { 0 };
	struct arena a;

	if (!s)
		return;
	end_child(s);
	timer_stop(s->loop, &s->timer);
	loop_unwatch(s->loop, s->out_fd);
	loop_unwatch(s->loop, s->err_fd);
	fs_close(&s->out_fd);
	fs_close(&s->err_fd);
	buf_close(&s->out);
	buf_close(&s->words);
	fs_remove_tree(AT_FDCWD, s->folder, &ignored);
	rmdir(dirname(arena_strdup(
		&s->arena, s->folder))); /* the folder of such folders, if ours was the last */
	a = s->arena;
	arena_free(&a);
}
