#include "service/warming.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"

#define START_MEMORY ((uint64_t)1 << 30) /* while it starts, no job runs */
#define START_TASKS  64

/* What any interpreter, or its C library, looks at as it starts: patterns of fnmatch(3). */
static const char *const starters[] = { "HOME",           "LANG",      "LANGUAGE", "LC_*",
					"LD_*",           "LOCPATH",   "MALLOC_*", "TZ",
					"TZDIR",          "OPENSSL_*", "NLSPATH",  "GCONV_PATH",
					"GLIBC_TUNABLES", "CHARSET" };

static bool fits(const char *name, const char *const *pattern, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fnmatch(pattern[i], name, 0) == 0)
			return true;
	return false;
}

/* Whether what the job brings would change how the interpreter starts. */
static bool is_told_apart(const struct warming_job *job)
{
	const struct language *l = job->language;
	struct stat st;

	for (size_t i = 0; i < job->r->nenv; i++)
		if (fits(job->r->env[i].key, starters, sizeof(starters) / sizeof(starters[0])) ||
		    fits(job->r->env[i].key, l->warm_env.item, l->warm_env.n))
			return true;
	for (size_t i = 0; i < l->warm_files.n; i++)
		if (fstatat(job->folder, l->warm_files.item[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	return false;
}

/* The job's command must go on where that of the kind ends. */
static bool is_start_of(const struct names *base, const struct names *all)
{
	for (size_t i = 0; i < base->n; i++)
		if (i >= all->n || strcmp(base->item[i], all->item[i]) != 0)
			return false;
	return true;
}

static void add_names(struct digest *d, const struct names *list)
{
	digest_add(d, &list->n, sizeof(list->n));
	for (size_t i = 0; i < list->n; i++)
		digest_add(d, list->item[i], strlen(list->item[i]) + 1);
}

void warming_find(struct arena *a, const struct warming_job *job, struct warming_kind *out)
{
	const struct language *l = job->language;
	struct wire_request bare = *job->r;
	struct digest *d;

	*out = (struct warming_kind){ .script = l->warm_script };
	if (!l->warm_script || is_told_apart(job))
		return;
	bare.narg = bare.nenv = 0;
	command_make(a, &l->run, l, &bare, job->path, &out->command);
	if (!is_start_of(&out->command.arg, &job->command->arg))
		return;
	out->source = command_source(job->r, l);
	d = digest_open();
	digest_add(d, job->tenant, strlen(job->tenant) + 1);
	digest_add(d, l->name, strlen(l->name) + 1);
	digest_add(d, l->warm_script, strlen(l->warm_script) + 1);
	add_names(d, &out->command.arg);
	add_names(d, &out->command.env);
	digest_close(d, out->name);
}

bool warming_has(const struct warming *w, const struct warming_kind *k)
{
	return k->name[0] && !strcmp(w->waits, k->name);
}

void warming_ran(struct warming *w, const struct warming_kind *k, bool is_warm)
{
	w->nlast = !strcmp(w->last, k->name) ? w->nlast + 1 : 1;
	memcpy(w->last, k->name, sizeof(w->last));
	w->njob += is_warm;
	if (warming_has(w, k) && !is_warm)
		w->waits[0] = '\0'; /* it has died */
}

/* fds: stdin, stdout, stderr, strings, hold, library. Its output nobody reads. */
static bool open_fds(const struct warming *w, const struct warming_kind *k, int fd[6],
		     struct err *e)
{
	struct command c = k->command;
	const char *hold[] = { k->source, k->script };
	const struct command held = { .arg = { hold, 2 } };
	struct arena a = { 0 };
	int out[2];
	bool is_ok = pipe2(out, O_CLOEXEC) == 0 || err_sys(e, "cannot make a pipe");

	if (is_ok) {
		fs_close(&out[0]);
		fd[1] = out[1];
		fd[2] = fcntl(out[1], F_DUPFD_CLOEXEC, 0);
	}
	c.env.item = ARENA_NEW(&a, c.env.n + 1, const char *);
	memcpy(c.env.item, k->command.env.item, c.env.n * sizeof(*c.env.item));
	c.env.item[c.env.n++] = JAIL_PRELOAD;
	fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	is_ok = is_ok && (fd[3] = command_strings(&c, e)) >= 0 &&
		(fd[4] = command_strings(&held, e)) >= 0;
	arena_free(&a);
	fd[5] = open(w->library, O_RDONLY | O_CLOEXEC);
	return is_ok && ((fd[0] >= 0 && fd[2] >= 0 && fd[5] >= 0) ||
			 err_sys(e, "cannot open %s", w->library));
}

static void start(struct warming *w, const struct warming_kind *k)
{
	struct jail_run run = { .memory_bytes = START_MEMORY,
				.file_bytes = UINT64_MAX,
				.processes = START_TASKS,
				.narg = (uint32_t)k->command.arg.n,
				.nenv = (uint32_t)k->command.env.n + 1 };
	int fd[6] = { -1, -1, -1, -1, -1, -1 };
	struct err e = { 0 };

	memcpy(w->waits, k->name, sizeof(w->waits));
	w->njob = 0;
	if (open_fds(w, k, fd, &e))
		slot_warm(w->slot, &run, fd);
	else
		warming_told(w, e.msg);
	for (int i = 0; i < 6; i++)
		fs_close(&fd[i]);
}

/* Nobody has come for long: none is to wait. */
static void on_idle(void *ctx)
{
	struct warming *w = ctx;
	const struct jail_run none = { 0 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int fd[6] = { null, null, null, null, null, null };

	if (null >= 0 && w->waits[0] && slot_is_idle(w->slot)) {
		w->waits[0] = '\0';
		slot_warm(w->slot, &none, fd);
	}
	fs_close(&null);
}

bool warming_start(struct warming *w, const struct warming_kind *k)
{
	struct loop *loop = w->slot->o.loop;
	bool is_old = warming_has(w, k) && w->njob >= WARMING_JOBS;
	bool is_new = k->name[0] && !warming_has(w, k) && w->nlast >= 2 &&
		      strcmp(w->refused, k->name) != 0;

	if (w->waits[0]) {
		w->idle.fn = on_idle;
		w->idle.ctx = w;
		timer_set(loop, &w->idle, loop_now_ms(loop) + WARMING_IDLE_MS);
	}
	if (!w->library || !w->slot->pid || (!is_old && !is_new))
		return false;
	start(w, k);
	return w->waits[0] != '\0';
}

void warming_told(struct warming *w, const char *why)
{
	if (!why[0] || !w->waits[0])
		return;
	log_warn("no interpreter waits in slot %d: %s", w->slot->o.number, why);
	memcpy(w->refused, w->waits, sizeof(w->refused));
	w->waits[0] = '\0';
}

void warming_lost(struct warming *w)
{
	timer_stop(w->slot->o.loop, &w->idle);
	w->waits[0] = '\0';
}
