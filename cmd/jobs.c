#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "base/json.h"
#include "check/check.h"
#include "cmd/cmd.h"

#define WHOLE_MAX ((size_t)2 << 30) /* of a job as JSON: fetched artifacts are 1 GiB at most */

struct jobs_opts {
	const char *endpoint, *api_key, *public_key, *secret_key;
	bool json;
};

static const struct option_row jobs_options[] = {
	{ "endpoint", 0, "URL", "http(s)://HOST or unix:PATH", OPTION_TEXT,
	  offsetof(struct jobs_opts, endpoint), 0, 0 },
	{ "api-key", 0, "KEY", "Bearer key ($UNSANDBOX_API_KEY)", OPTION_TEXT,
	  offsetof(struct jobs_opts, api_key), 0, 0 },
	{ "public-key", 0, "KEY", "signs with --secret-key ($UNSANDBOX_PUBLIC_KEY)", OPTION_TEXT,
	  offsetof(struct jobs_opts, public_key), 0, 0 },
	{ "secret-key", 0, "KEY", "never sent ($UNSANDBOX_SECRET_KEY)", OPTION_TEXT,
	  offsetof(struct jobs_opts, secret_key), 0, 0 },
	{ "json", 0, NULL, "as the endpoint answers", OPTION_FLAG, offsetof(struct jobs_opts, json),
	  0, 0 },
	{ 0 },
};

/* One question after the other. */
struct asking {
	const struct jobs_opts *o;
	struct loop *loop;
	struct api *api;
	struct api_call *call;
	void (*show)(struct asking *g, const struct api_answer *answer);
	struct err failure;
	bool is_interrupted;
};

static void on_answer(void *ctx, const struct api_answer *answer)
{
	struct asking *g = ctx;

	g->call = NULL;
	if (answer->ok)
		g->show(g, answer);
	else
		g->failure = answer->err;
	loop_stop(g->loop);
}

static void on_signal(void *ctx, int signo)
{
	struct asking *g = ctx;

	(void)signo;
	g->is_interrupted = true;
	loop_stop(g->loop);
}

/* Let the call that was begun end. */
static bool finish(struct asking *g, struct err *e)
{
	bool ok = loop_run(g->loop, e);

	if (g->call)
		api_drop(g->call);
	g->call = NULL;
	if (ok && g->is_interrupted)
		return err_set(e, ERR_INTERRUPTED, "interrupted");
	if (!ok || !g->failure.kind)
		return ok;
	*e = g->failure;
	return err_wrap(e, "%s", g->o->endpoint);
}

/* ---- what is shown ---- */

static void show_safe(const char *text, size_t n)
{
	CLEAN_BUF struct buf b = BUF((size_t)1 << 26);

	check_show(&b, text, n, SHOW_SAFE);
	fputs(buf_text(&b), stdout);
}

/* One member, made safe for a terminal; '-' where it is not told. */
static void print_member(const cJSON *row, const char *key, const char *behind)
{
	const cJSON *value = json_get(row, key);

	if (cJSON_IsString(value))
		show_safe(value->valuestring, strlen(value->valuestring));
	else
		putchar('-');
	fputs(behind, stdout);
}

static void print_row(const cJSON *row)
{
	print_member(row, "job_id", "  ");
	print_member(row, "submitted_at", "  ");
	print_member(row, "status", "  ");
	print_member(row, "language", "\n");
}

/* {"jobs":[...]}, as any service may answer it. */
static void show_list(struct asking *g, const struct api_answer *answer)
{
	CLEAN_JSON cJSON *root =
		json_parse(answer->body, answer->len, JSON_NUL_REPLACE, &g->failure);
	const cJSON *jobs = json_get(root, "jobs"), *row;

	if (root && !cJSON_IsArray(jobs)) {
		err_set(&g->failure, ERR_REMOTE, "its /jobs is not a list of jobs");
		return;
	}
	if (root && g->o->json) {
		fwrite(answer->body, 1, answer->len, stdout);
		putchar('\n');
		return;
	}
	cJSON_ArrayForEach(row, jobs) print_row(row);
}

static void print_stream(const char *name, const struct bytes *b)
{
	const char *at = b->data, *end = at + b->len;

	if (!b->len)
		return;
	printf("%s:\n", name);
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((newline ? newline : end) - at);

		fputs("  ", stdout);
		show_safe(at, n);
		putchar('\n');
		at += n + (newline != NULL);
	}
}

static void print_result(const struct wire_result *r)
{
	printf("exit code %d, %" PRId64 " ms\n", r->exit_code, r->total_time_ms);
	if (r->error) {
		fputs("error: ", stdout);
		show_safe(r->error, strlen(r->error));
		putchar('\n');
	}
	print_stream("stdout", &r->out);
	print_stream("stderr", &r->err);
	for (size_t i = 0; i < r->nartifact; i++) {
		fputs("artifact ", stdout);
		show_safe(r->artifact[i].name, strlen(r->artifact[i].name));
		printf(", %zu bytes\n", r->artifact[i].data.len);
	}
}

/* What the service said, as if it had said all of it at once. */
static void show_json(struct asking *g, const struct api_answer *answer)
{
	CLEAN_BUF struct buf b = BUF(WHOLE_MAX);

	if (answer->body) {
		fwrite(answer->body, 1, answer->len, stdout);
	} else if (wire_job_print(answer->job, &b)) {
		fwrite(b.data, 1, b.len, stdout);
	} else {
		err_set(&g->failure, ERR_REMOTE, "the job is larger than %zu bytes", WHOLE_MAX);
		return;
	}
	putchar('\n');
}

static void show_job(struct asking *g, const struct api_answer *answer)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct wire_job parsed;
	const struct wire_job *job = answer->job;

	if (g->o->json) {
		show_json(g, answer);
		return;
	}
	if (!job && !wire_job_parse(&a, answer->body, answer->len, &parsed, &g->failure))
		return;
	job = job ? job : &parsed;
	show_safe(job->id, strlen(job->id));
	printf("  %s\n", wire_status_names[job->status]);
	if (job->result)
		print_result(job->result);
}

static void show_cancelled(struct asking *g, const struct api_answer *answer)
{
	(void)g;
	puts(answer->job ? "cancelled" : "had ended, or is not there");
}

/* ---- verbs ---- */

static bool list(struct asking *g, const char *id, struct err *e)
{
	(void)id;
	g->show = show_list;
	g->call = api_get(g->api, "/jobs", on_answer, g);
	return finish(g, e);
}

static bool get(struct asking *g, const char *id, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };

	g->show = show_job;
	g->call = api_get(g->api, arena_printf(&a, "/jobs/%s", id), on_answer, g);
	return finish(g, e);
}

static bool await(struct asking *g, const char *id, struct err *e)
{
	g->show = show_job;
	g->call = api_await(g->api, id, on_answer, g);
	return finish(g, e);
}

static bool cancel(struct asking *g, const char *id, struct err *e)
{
	g->show = show_cancelled;
	g->call = api_cancel(g->api, id, on_answer, g);
	return finish(g, e);
}

static const struct verb {
	const char *name;
	bool has_ids;
	bool (*run)(struct asking *g, const char *id, struct err *e);
} verbs[] = {
	{ "list", false, list },
	{ "get", true, get },
	{ "wait", true, await },
	{ "cancel", true, cancel },
};

static const char *or_env(const char *given, const char *name)
{
	const char *value = given ? given : getenv(name);

	return value && *value ? value : NULL;
}

static bool open_api(struct asking *g, struct err *e)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
	const char *const endpoint[] = { g->o->endpoint, NULL };
	struct api_options o = {
		.endpoint = endpoint,
		.api_key = or_env(g->o->api_key, "UNSANDBOX_API_KEY"),
		.public_key = or_env(g->o->public_key, "UNSANDBOX_PUBLIC_KEY"),
		.secret_key = or_env(g->o->secret_key, "UNSANDBOX_SECRET_KEY"),
	};

	if (!g->o->endpoint)
		return err_set(e, ERR_USAGE,
			       "jobs wants --endpoint: a run's own service ends with it");
	if (!o.public_key != !o.secret_key)
		return err_set(e, ERR_USAGE, "--public-key and --secret-key need each other");
	g->loop = loop_open(e);
	if (!g->loop || !loop_signals(g->loop, signals, on_signal, g, e))
		return false;
	g->api = api_open(g->loop, &o, e);
	return g->api != NULL;
}

/* An id goes into a path: nothing that would lead to another. */
static bool check_ids(const struct strings *ids, struct err *e)
{
	static const char fit[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

	for (size_t i = 0; i < ids->n; i++)
		if (!*ids->item[i] || ids->item[i][strspn(ids->item[i], fit)])
			return err_set(e, ERR_USAGE, "'%s' cannot be the id of a job",
				       ids->item[i]);
	return true;
}

static bool jobs(struct asking *g, const struct verb *v, const struct strings *ids, struct err *e)
{
	bool ok = check_ids(ids, e) && open_api(g, e);

	if (!v->has_ids)
		return ok && v->run(g, NULL, e);
	for (size_t i = 0; ok && i < ids->n; i++)
		ok = v->run(g, ids->item[i], e);
	return ok;
}

static int run_jobs(int argc, char **argv, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct jobs_opts o = { 0 };
	struct asking g = { .o = &o };
	struct operands operands;
	struct strings ids;
	bool ok;

	if (!options_parse(&command_jobs, (struct command_line){ argc, argv }, &a, &o, &operands,
			   e))
		return cmd_fail(e);
	ids = (struct strings){ operands.item.item + 1, operands.item.n - 1 };
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(operands.item.item[0], verbs[i].name) != 0 ||
		    verbs[i].has_ids != (ids.n > 0))
			continue;
		ok = jobs(&g, &verbs[i], &ids, e);
		if (g.api)
			api_close(g.api);
		loop_close(g.loop);
		return ok ? 0 : cmd_fail(e);
	}
	err_set(e, ERR_USAGE, "jobs wants %s; see 'sandbatch jobs --help'", command_jobs.operands);
	return cmd_fail(e);
}

const struct command command_jobs = {
	.name = "jobs",
	.operands = "list | get ID... | wait ID... | cancel ID...",
	.help = "an endpoint's jobs: what waits and runs there, one's result, wait for it, cancel "
		"it",
	.option = jobs_options,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = run_jobs,
};
