#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/fs.h"
#include "cmd/choose.h"
#include "cmd/cmd.h"
#include "cmd/endpoint.h"
#include "cmd/path.h"
#include "cmd/progress.h"
#include "cmd/report.h"
#include "cmd/resume.h"
#include "keep/keep.h"

#define REPORT_MAX (1u << 30)
#define OWN_MAX    72 /* of a run's folder with its service in it: the path of a socket has 107 */

struct run_opts {
	struct endpoint_options endpoint;
	struct strings vars, reports;
	struct choice choice;
	const char *output, *resume;
	int64_t in_flight, max_failures, max_ttl_s;
	const char *sign_key;
	bool no_cache;
	bool allow_outside, fail_fast, dry_run, explain, reruns_failed, updates;
};

static const struct option_row run_options[] = {
	{ "jobs", 'j', "N", "cells in flight (twice the endpoint's workers)", OPTION_NUMBER,
	  offsetof(struct run_opts, in_flight), 1, 10000 },
	{ "var", 0, "K=V", "give a var of the spec another value", OPTION_LIST,
	  offsetof(struct run_opts, vars), 0, 0 },
	{ "report", 0, "FORMAT[=PATH]", "jsonl, junit or summary; in the run's folder, or at PATH",
	  OPTION_LIST, offsetof(struct run_opts, reports), 0, 0 },
	{ "output", 0, "DIR", "the run's folder, instead of " CMD_ROOT "/runs/<id>", OPTION_TEXT,
	  offsetof(struct run_opts, output), 0, 0 },
	{ "filter", 0, "GLOB", "only cells whose id fits, and what they need", OPTION_LIST,
	  offsetof(struct run_opts, choice.filters), 0, 0 },
	{ "tag", 0, "T", "only cells of jobs with that tag, and what they need", OPTION_LIST,
	  offsetof(struct run_opts, choice.tags), 0, 0 },
	{ "shard", 0, "I/N", "only part I of N, cut by the times of earlier runs", OPTION_TEXT,
	  offsetof(struct run_opts, choice.shard), 0, 0 },
	{ "fail-fast", 0, NULL, "start nothing more after the first failure", OPTION_FLAG,
	  offsetof(struct run_opts, fail_fast), 0, 0 },
	{ "max-failures", 0, "N", "start nothing more after N failures", OPTION_NUMBER,
	  offsetof(struct run_opts, max_failures), 1, PLAN_MAX_CELLS },
	{ "max-ttl", 0, "S", "no cell may take more than S seconds", OPTION_NUMBER,
	  offsetof(struct run_opts, max_ttl_s), 1, WIRE_TTL_MAX },
	{ "resume", 0, "[=RUN]", "go on with an earlier run (the latest)", OPTION_MAYBE,
	  offsetof(struct run_opts, resume), 0, 0 },
	{ "rerun-failed", 0, NULL, "go on with it, failed cells and what needs them again",
	  OPTION_FLAG, offsetof(struct run_opts, reruns_failed), 0, 0 },
	{ "dry-run", 0, NULL, "check all, list the cells that would run, send nothing", OPTION_FLAG,
	  offsetof(struct run_opts, dry_run), 0, 0 },
	{ "explain", 0, NULL, "tell of each cell whether it runs, and why not", OPTION_FLAG,
	  offsetof(struct run_opts, explain), 0, 0 },
	{ "update", 0, NULL, "accept what is printed as the files that are expected", OPTION_FLAG,
	  offsetof(struct run_opts, updates), 0, 0 },
	{ "allow-outside", 0, NULL, "let paths leave the spec's folder", OPTION_FLAG,
	  offsetof(struct run_opts, allow_outside), 0, 0 },
	{ "no-cache", 0, NULL, "run also what passed before with the same inputs", OPTION_FLAG,
	  offsetof(struct run_opts, no_cache), 0, 0 },
	{ "sign", 0, "KEY", "sign provenance.json with this SSH key", OPTION_TEXT,
	  offsetof(struct run_opts, sign_key), 0, 0 },
	ENDPOINT_OPTIONS(struct run_opts, endpoint),
	{ 0 },
};

/* A spec, and which of its cells are to run. */
struct batched {
	const char *path;
	struct plan whole, chosen;
	const uint32_t *from; /* of each chosen cell, its index in the whole */
};

/* Everything of one `sandbatch run`; the specs run one after the other. */
struct batch {
	struct run_opts o;
	struct arena arena;
	struct loop *loop;
	struct endpoint endpoint;
	const char *service; /* folder of an embedded one */
	struct batched *plan;
	size_t nplan;
	struct resume *resume; /* NULL: a new run */
	struct run *run;       /* the one under way */
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

static bool write_reports(struct batch *b, const struct summary *s, struct err *e)
{
	CLEAN_BUF struct buf file = BUF(REPORT_MAX), table = BUF(REPORT_MAX);
	const struct report_format *f = report_find("summary");

	f->write(s, &file);
	if (!run_keep_file(b->run, f->file, buf_text(&file), file.len, e) ||
	    !reports_write(&b->o.reports, s, e))
		return false;
	report_console(s, cmd_has_colour(STDOUT_FILENO), cmd_width(STDOUT_FILENO), &table);
	return fwrite(buf_text(&table), 1, table.len, stdout) == table.len ||
	       err_sys(e, "cannot write to standard output");
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
		.root = CMD_ROOT,
		.output = b->o.output,
		.max_in_flight =
			b->o.in_flight ? (size_t)b->o.in_flight : default_in_flight(&b->endpoint),
		.caches = !b->o.no_cache,
		.allow_outside = b->o.allow_outside,
		.sign_key = b->o.sign_key,
		.max_failures = b->o.fail_fast ? 1 : (size_t)b->o.max_failures,
		.max_ttl_s = b->o.max_ttl_s,
		.updates = b->o.updates,
		.history = b->resume ? &b->resume->history : NULL,
		.reruns_failed = b->o.reruns_failed,
		.service = b->endpoint.embedded ? b->service : NULL,
	};
}

/* What a run that goes on with this one is to be asked for: no secrets, nothing of this call alone.
 */
static const char *const *args_of(struct batch *b, const char *path)
{
	static const char *const but[] = { "api-key", "public-key", "secret-key",
					   "output",  "resume",     "rerun-failed",
					   "dry-run", "explain",    "update",
					   NULL };
	struct strings words = options_words(&command_run, &b->arena, &b->o, but);
	const char **all = ARENA_NEW(&b->arena, words.n + 3, const char *);

	if (words.n)
		memcpy(all, words.item, words.n * sizeof(*all));
	all[words.n] = "--";
	all[words.n + 1] = path;
	return all;
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

static void tell_updates(const struct summary *s)
{
	CLEAN_BUF struct buf b = BUF(REPORT_MAX);

	for (size_t i = 0; i < s->nupdate; i++) {
		const struct update *u = &s->update[i];

		buf_puts(&b, "update  ");
		check_show(&b, u->path, strlen(u->path), SHOW_SAFE);
		buf_puts(&b, "  from ");
		check_show(&b, u->cell, strlen(u->cell), SHOW_SAFE);
		buf_printf(&b, "%s%s\n", u->note ? ": " : "", u->note ? u->note : "");
	}
	fputs(buf_text(&b), stderr);
}

static int run_plan(struct batch *b, const struct batched *spec, struct err *e)
{
	const struct plan *p = &spec->chosen;
	struct run_options o = options_of(b);
	struct progress *progress = progress_open(b->loop, p);
	struct summary s = { 0 };
	int status = 5;
	bool ok;

	o.args = args_of(b, spec->path);
	o.progress = progress_tell;
	o.progress_ctx = progress;
	b->endpoint.tell = progress_say;
	b->endpoint.tell_ctx = progress;
	b->run = run_open(p, &o, e);
	if (b->run && b->gone)
		run_stop(b->run, b->gone, false);
	ok = b->run && run_go(b->run, &s, e);
	b->endpoint.tell = NULL;
	progress_close(progress);
	tell_updates(&s);
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
		bool good = run_check(&b->plan[i].chosen, &o, &tell, e);

		fputs(buf_text(&tell), stderr);
		ok = ok && good;
	}
	return ok;
}

/* What was asked for must be in one of the specs; those without it do not run. */
static bool choose(struct batch *b, struct err *e)
{
	size_t n = 0;

	b->o.choice.root = CMD_ROOT;
	for (size_t i = 0; i < b->nplan; i++) {
		struct batched *p = &b->plan[i];

		if (choose_cells(&b->arena, &b->o.choice, &p->whole, &p->chosen, &p->from, e))
			b->plan[n++] = *p;
		else if (e->kind != ERR_NOT_FOUND)
			return false;
	}
	b->nplan = n;
	if (n == 0)
		e->kind = ERR_USAGE;
	return n > 0;
}

/* All specs are read before anything is sent. */
static bool load_plans(struct batch *b, const struct strings *paths, struct err *e)
{
	bool ok = true;

	b->nplan = paths->n;
	b->plan = ARENA_NEW(&b->arena, paths->n, struct batched);
	for (size_t i = 0; i < paths->n; i++) {
		struct spec_source from = { paths->item[i], b->o.vars.item, b->o.allow_outside };

		b->plan[i].path = from.path;
		ok = cmd_plan(&b->arena, &from, &b->plan[i].whole, e) && ok;
		if (ok && b->resume)
			resume_compare(b->resume, b->plan[i].whole.spec);
	}
	return ok && choose(b, e) && check_plans(b, e);
}

/*
 * A service of our own has its folder below CMD_ROOT, whose path is short enough for a socket's
 * wherever that is; where none can be made, in the run's own folder, if that lies elsewhere.
 */
static bool place_service(struct batch *b, struct err *e)
{
	const char *own = b->resume ? b->resume->history.folder : b->o.output;
	const char *parent = CMD_ROOT "/service";

	if (b->o.endpoint.endpoints.n == 0 && !path_can_make(parent)) {
		if (!own || strlen(own) > OWN_MAX)
			return err_set(e, ERR_SYSTEM,
				       "cannot make '" CMD_ROOT "' in this folder (%s): --output "
				       "DIR names another for the run, of %d bytes at most",
				       strerror(errno), OWN_MAX);
		parent = arena_printf(&b->arena, "%s/" KEEP_SERVICE, own);
	}
	/* Not by the pid: in containers it is the same each time, and what a killed run left is
	 * what its --resume goes on with. */
	b->service = arena_printf(&b->arena, "%s/%016" PRIx64, parent, random_u64());
	return true;
}

static bool open_endpoint(struct batch *b, struct err *e)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };

	b->loop = loop_open(e);
	if (!b->loop || !loop_signals(b->loop, signals, on_signal, b, e) || !place_service(b, e))
		return false;
	if (b->resume && b->resume->service) {
		b->service = b->resume->service;
		resume_clear(b->resume);
	}
	if (!endpoint_open(&b->arena, b->loop, &b->o.endpoint, b->service, &b->endpoint, e))
		return false;
	if (b->endpoint.embedded)
		embedded_on_gone(b->endpoint.embedded, on_gone, b);
	return !b->is_interrupted || err_set(e, ERR_INTERRUPTED, "interrupted");
}

/* --explain and --dry-run: on stdout, before anything is sent. */
static void tell_plans(const struct batch *b)
{
	struct earlier earlier = { b->resume ? &b->resume->history : NULL, b->o.reruns_failed };

	for (size_t i = 0; i < b->nplan; i++) {
		const struct batched *p = &b->plan[i];

		if (b->o.explain)
			choose_explain(&p->whole, &p->chosen, p->from, &earlier);
		for (size_t k = 0; !b->o.explain && k < p->chosen.ncell; k++)
			puts(p->chosen.cell[k].id);
	}
}

/* Now, and not when all has run. */
static bool check_sign_key(const char *key, struct err *e)
{
	return !key || access(key, R_OK) == 0 ||
	       err_set(e, ERR_USAGE, "--sign: cannot read '%s': %s", key, strerror(errno));
}

static int run_batch(struct batch *b, const struct strings *paths, struct err *e)
{
	int status = 0;

	if (!reports_check(&b->o.reports, b->o.output ? b->o.output : CMD_ROOT, e) ||
	    !choose_check(&b->o.choice, e) || !check_sign_key(b->o.sign_key, e) ||
	    !load_plans(b, paths, e))
		return cmd_fail(e);
	if (b->o.explain || b->o.dry_run)
		tell_plans(b);
	if (b->o.dry_run)
		return 0;
	if (!open_endpoint(b, e) || !check_plans(b, e))
		return cmd_fail(e);
	for (size_t i = 0; i < b->nplan && !b->is_interrupted; i++)
		status = worse(status, run_plan(b, &b->plan[i], e));
	return status;
}

/* `--resume RUN` with a space: an operand that is no file names the run. */
static void take_run_name(struct batch *b, struct operands *operands)
{
	struct stat st;

	if (!b->o.resume || *b->o.resume || operands->item.n != 1 ||
	    (stat(operands->item.item[0], &st) == 0 && !S_ISDIR(st.st_mode)))
		return;
	b->o.resume = operands->item.item[0];
	operands->item.n = 0;
}

/* What the earlier run was asked for, and over it what this call says. */
static bool ask_again(struct batch *b, struct command_line given, struct operands *operands,
		      struct err *e)
{
	const struct strings *args = &b->resume->args;
	char **argv = ARENA_NEW(&b->arena, args->n + 2, char *);
	struct command_line earlier = { (int)args->n + 1, argv };
	struct operands none;
	struct strings endpoints;
	const char *run = b->o.resume;

	argv[0] = given.argv[0];
	for (size_t i = 0; i < args->n; i++)
		argv[i + 1] = arena_strdup(&b->arena, args->item[i]);
	b->o = (struct run_opts){ 0 };
	if (!options_parse(&command_run, earlier, &b->arena, &b->o, operands, e))
		return false;
	endpoints = b->o.endpoint.endpoints;
	b->o.endpoint.endpoints = (struct strings){ 0 };
	if (!options_parse(&command_run, given, &b->arena, &b->o, &none, e))
		return false;
	if (!b->o.endpoint.endpoints.n) /* those that are named take the place of the earlier */
		b->o.endpoint.endpoints = endpoints;
	b->o.resume = run;
	return operands->item.n > 0 || err_set(e, ERR_USAGE, "%s does not tell its spec: name it",
					       b->resume->history.folder);
}

static bool find_earlier(struct batch *b, struct command_line given, struct operands *operands,
			 struct err *e)
{
	take_run_name(b, operands);
	if (b->o.reruns_failed && !b->o.resume)
		b->o.resume = "";
	if (!b->o.resume)
		return true;
	if (b->o.output)
		return err_set(e, ERR_USAGE, "--output is for a new run, not with --resume");
	b->resume = ARENA_NEW(&b->arena, 1, struct resume);
	if (!resume_load(&b->arena, CMD_ROOT, b->o.resume, b->resume, e) ||
	    (operands->item.n == 0 && !ask_again(b, given, operands, e)))
		return false;
	return operands->item.n == 1 ||
	       err_set(e, ERR_USAGE, "--resume goes on with a run of one spec, not of %zu",
		       operands->item.n);
}

static bool prepare(struct batch *b, struct command_line given, struct operands *operands,
		    struct err *e)
{
	if (!options_parse(&command_run, given, &b->arena, &b->o, operands, e) ||
	    !find_earlier(b, given, operands, e))
		return false;
	if (operands->item.n == 0)
		return err_set(e, ERR_USAGE, "run wants SPEC...; see 'sandbatch run --help'");
	return !b->o.output || operands->item.n == 1 ||
	       err_set(e, ERR_USAGE, "--output is the folder of one run, not of %zu",
		       operands->item.n);
}

static int run_run(int argc, char **argv, struct err *e)
{
	struct batch b = { 0 };
	struct operands operands;
	int status;

	if (!prepare(&b, (struct command_line){ argc, argv }, &operands, e))
		status = cmd_fail(e);
	else
		status = run_batch(&b, &operands.item, e);
	if (b.resume)
		history_close(&b.resume->history);
	endpoint_close(&b.endpoint);
	loop_close(b.loop);
	arena_free(&b.arena);
	return status;
}

const struct command command_run = {
	.name = "run",
	.operands = "[SPEC...]",
	.help = "plan, pack, submit, poll, check, archive and report",
	.option = run_options,
	.max_operands = SIZE_MAX,
	.run = run_run,
};
