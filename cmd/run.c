#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "cmd/cmd.h"
#include "cmd/endpoint.h"
#include "cmd/progress.h"
#include "report/report.h"

#define ROOT       ".sandbatch"
#define REPORT_MAX (1u << 30)

struct run_opts {
	struct endpoint_options endpoint;
	struct strings vars, reports;
	const char *output;
	int64_t in_flight;
	bool allow_outside;
};

static const struct option_row run_options[] = {
	{ "jobs", 'j', "N", "cells in flight (twice the endpoint's workers)", OPTION_NUMBER,
	  offsetof(struct run_opts, in_flight), 1, 10000 },
	{ "var", 0, "K=V", "give a var of the spec another value", OPTION_LIST,
	  offsetof(struct run_opts, vars), 0, 0 },
	{ "report", 0, "FORMAT[=PATH]", "jsonl, junit or summary; in the run's folder, or at PATH",
	  OPTION_LIST, offsetof(struct run_opts, reports), 0, 0 },
	{ "output", 0, "DIR", "the run's folder, instead of " ROOT "/runs/<id>", OPTION_TEXT,
	  offsetof(struct run_opts, output), 0, 0 },
	{ "allow-outside", 0, NULL, "let paths leave the spec's folder", OPTION_FLAG,
	  offsetof(struct run_opts, allow_outside), 0, 0 },
	ENDPOINT_OPTIONS(struct run_opts, endpoint),
	{ 0 },
};

/* Everything of one `sandbatch run`; the specs run one after the other. */
struct batch {
	struct run_opts o;
	struct arena arena;
	struct loop *loop;
	struct endpoint endpoint;
	struct plan *plan;
	size_t nplan;
	struct run *run; /* the one under way */
	bool is_interrupted;
	const char *gone; /* why the embedded service is no more */
};

static void on_signal(void *ctx, int signo)
{
	struct batch *b = ctx;

	(void)signo;
	if (b->is_interrupted) /* asked twice: at once */
		loop_stop(b->loop);
	b->is_interrupted = true;
	if (b->run)
		run_stop(b->run, "interrupted", true);
}

static void on_gone(void *ctx, const char *why)
{
	struct batch *b = ctx;

	b->gone = arena_strdup(&b->arena, why);
	if (b->run)
		run_stop(b->run, b->gone, false);
}

/* ---- reports ---- */

static bool check_reports(const struct strings *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(l->item[i], "="), l->item[i]);
		if (!report_find(name))
			return err_set(e, ERR_USAGE,
				       "--report must be jsonl, junit or summary, not '%s'", name);
	}
	return true;
}

static bool write_to(const char *path, const struct buf *b, struct err *e)
{
	const char *text = buf_text(b);

	if (!strcmp(path, "-"))
		return fwrite(text, 1, b->len, stdout) == b->len ||
		       err_sys(e, "cannot write to standard output");
	return fs_write(AT_FDCWD, path, text, b->len, e);
}

/* FORMAT or FORMAT=PATH. */
static bool write_report(struct run *r, const char *wanted, const struct summary *s, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(REPORT_MAX);
	const char *path = strchr(wanted, '=');
	char name[32];
	const struct report_format *f;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(wanted, "="), wanted);
	f = report_find(name);
	f->write(s, &b);
	if (path)
		return write_to(path + 1, &b, e);
	return run_keep_file(r, f->file, buf_text(&b), b.len, e);
}

static bool write_reports(struct batch *b, const struct summary *s, struct err *e)
{
	CLEAN_BUF struct buf table = BUF(REPORT_MAX);

	if (!write_report(b->run, "summary", s, e))
		return false;
	for (size_t i = 0; i < b->o.reports.n; i++)
		if (!write_report(b->run, b->o.reports.item[i], s, e))
			return false;
	report_console(s, cmd_has_colour(STDOUT_FILENO), cmd_width(STDOUT_FILENO), &table);
	return write_to("-", &table, e);
}

/* ---- one spec ---- */

static size_t default_in_flight(const struct endpoint *p)
{
	return p->workers ? 2 * (size_t)p->workers : 8;
}

static struct run_options options_of(struct batch *b)
{
	return (struct run_options){
		.loop = b->loop,
		.api = b->endpoint.api,
		.endpoint = b->endpoint.shown,
		.toolchains = b->endpoint.toolchains,
		.has_additions = b->endpoint.has_additions,
		.root = ROOT,
		.output = b->o.output,
		.max_in_flight =
			b->o.in_flight ? (size_t)b->o.in_flight : default_in_flight(&b->endpoint),
		.allow_outside = b->o.allow_outside,
	};
}

/* The order in which statuses win when several specs were run. */
static int worse(int a, int b)
{
	static const int order[] = { 130, 5, 3, 2, 1, 4 };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return 0;
}

static int run_plan(struct batch *b, const struct plan *p, struct err *e)
{
	struct run_options o = options_of(b);
	struct progress *progress = progress_open(b->loop, p);
	struct summary s = { 0 };
	int status = 5;
	bool ok;

	o.progress = progress_tell;
	o.progress_ctx = progress;
	b->run = run_open(p, &o, e);
	if (b->run && b->gone)
		run_stop(b->run, b->gone, false);
	ok = b->run && run_go(b->run, &s, e);
	progress_close(progress);
	if (b->run && s.row && write_reports(b, &s, ok ? e : &(struct err){ 0 }) && ok)
		status = report_exit_code(&s);
	else
		status = cmd_fail(e);
	run_close(b->run);
	b->run = NULL;
	return status;
}

static bool check_plans(struct batch *b, struct err *e)
{
	struct run_options o = options_of(b);
	bool ok = true;

	if (!b->endpoint.api) /* no endpoint yet: only what the specs say themselves */
		o.has_additions = true;
	for (size_t i = 0; i < b->nplan; i++) {
		CLEAN_BUF struct buf tell = BUF(1 << 20);
		bool good = run_check(&b->plan[i], &o, &tell, e);

		fputs(buf_text(&tell), stderr);
		ok = ok && good;
	}
	return ok;
}

/* All specs are read before anything is sent. */
static bool load_plans(struct batch *b, const struct strings *paths, struct err *e)
{
	bool ok = true;

	b->nplan = paths->n;
	b->plan = ARENA_NEW(&b->arena, paths->n, struct plan);
	for (size_t i = 0; i < paths->n; i++)
		ok = cmd_plan(&b->arena, paths->item[i], &b->o.vars, &b->plan[i], e) && ok;
	return ok && check_plans(b, e);
}

static bool open_endpoint(struct batch *b, struct err *e)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
	const char *folder = arena_printf(&b->arena, ROOT "/service/%d", (int)getpid());

	b->loop = loop_open(e);
	if (!b->loop || !loop_signals(b->loop, signals, on_signal, b, e))
		return false;
	if (!endpoint_open(&b->arena, b->loop, &b->o.endpoint, folder, &b->endpoint, e))
		return false;
	if (b->endpoint.embedded)
		embedded_on_gone(b->endpoint.embedded, on_gone, b);
	return !b->is_interrupted || err_set(e, ERR_INTERRUPTED, "interrupted");
}

static int run_batch(struct batch *b, const struct strings *paths, struct err *e)
{
	int status = 0;

	if (!check_reports(&b->o.reports, e) || !load_plans(b, paths, e) || !open_endpoint(b, e) ||
	    !check_plans(b, e))
		return cmd_fail(e);
	for (size_t i = 0; i < b->nplan && !b->is_interrupted; i++)
		status = worse(status, run_plan(b, &b->plan[i], e));
	return status;
}

static int run_run(int argc, char **argv, struct err *e)
{
	struct batch b = { 0 };
	struct operands operands;
	int status;

	if (!options_parse(&command_run, (struct command_line){ argc, argv }, &b.arena, &b.o,
			   &operands, e))
		status = cmd_fail(e);
	else if (b.o.output && operands.item.n > 1)
		status = (err_set(e, ERR_USAGE, "--output is the folder of one run, not of %zu",
				  operands.item.n),
			  cmd_fail(e));
	else
		status = run_batch(&b, &operands.item, e);
	endpoint_close(&b.endpoint);
	loop_close(b.loop);
	arena_free(&b.arena);
	return status;
}

const struct command command_run = {
	.name = "run",
	.operands = "SPEC...",
	.help = "plan, pack, submit, poll, check, archive and report",
	.option = run_options,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = run_run,
};
