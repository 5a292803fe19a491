#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/digest.h"
#include "base/fs.h"
#include "base/json.h"
#include "service/executor.h"
#include "service/zalloc.h"

/*
 * exec_fake -- runs nothing: what a job brings is read from a script, for tests.
 *
 * The script is a JSON list of rules; the first whose "match" is in the job's code holds, and
 * without one (or without a script) the job prints its code and exits with 0, at once.
 *
 *   [{"match":"sleepy","delay_ms":500,"stdout":"","stderr":"","exit_code":0,"status":"completed",
 *     "stdout_base64":"/wA=", "fail":"the node is
 * gone","cancel_ms":0,"artifacts":[{"filename":"a.out","content":"x"}]}]
 */
#define SCRIPT_MAX ((size_t)16 << 20)
#define DELAY_MAX  86400000

struct rule {
	const char *match; /* NULL: all */
	int64_t delay_ms;  /* until it ends */
	int64_t cancel_ms; /* from a cancel to the end */
	struct bytes out;  /* data NULL: the code */
	const char *err;
	int64_t exit_code;
	enum wire_status status;
	const char *fail; /* NULL, or why it could not be run */
	struct wire_artifact *artifact;
	size_t nartifact;
};

struct executor {
	struct loop *loop;
	struct arena arena;
	struct rule *rule;
	size_t nrule;
	int slots; /* 0: no limit */
	int nrun;
	LIST_HEAD(, execution) runs;
};

struct execution {
	struct executor *x;
	const char *job_id;
	const struct wire_request *request;
	const struct language *language;
	const struct rule *rule;
	execution_done_fn *done;
	void *ctx;
	struct timer timer;
	bool is_cancelled;
	LIST_ENTRY(execution) link;
};

static const struct rule echo = { .err = "", .status = WIRE_COMPLETED };

static bool read_status(const cJSON *json, enum wire_status *out, struct err *e)
{
	const char *name = wire_status_names[*out];

	if (!json_get_text(json, "status", &name, e))
		return false;
	for (int i = WIRE_COMPLETED; wire_status_names[i]; i++) {
		if (strcmp(wire_status_names[i], name) != 0)
			continue;
		*out = (enum wire_status)i;
		return true;
	}
	return err_set(e, ERR_MALFORMED,
		       "status must be completed, timeout, cancelled or failed, not '%s'", name);
}

static bool read_artifacts(struct arena *a, const cJSON *json, struct rule *r, struct err *e)
{
	const cJSON *list = json_get(json, "artifacts"), *item;

	if (!list)
		return true;
	if (!cJSON_IsArray(list))
		return err_set(e, ERR_MALFORMED, "artifacts must be a list");
	r->artifact = ARENA_NEW(a, (size_t)cJSON_GetArraySize(list), struct wire_artifact);
	cJSON_ArrayForEach(item, list)
	{
		const char *name = NULL, *content = "";

		if (!json_get_text(item, "filename", &name, e) ||
		    !json_get_text(item, "content", &content, e))
			return false;
		if (!name)
			return err_set(e, ERR_MALFORMED, "an artifact needs a filename");
		r->artifact[r->nartifact++] = (struct wire_artifact){
			.name = arena_strdup(a, name),
			.data = { arena_strdup(a, content), strlen(content) },
		};
	}
	return true;
}

static const char *keep(struct arena *a, const char *text)
{
	return text ? arena_strdup(a, text) : NULL;
}

static bool read_out(struct arena *a, const cJSON *json, struct rule *r, struct err *e)
{
	const char *text = NULL, *base64 = NULL;

	if (!json_get_text(json, "stdout", &text, e) ||
	    !json_get_text(json, "stdout_base64", &base64, e))
		return false;
	if (text)
		r->out = (struct bytes){ arena_strdup(a, text), strlen(text) };
	if (base64)
		r->out.data = base64_decode(a, base64, strlen(base64), &r->out.len);
	return !base64 || r->out.data || err_set(e, ERR_MALFORMED, "stdout_base64 must be base64");
}

static bool read_rule(struct arena *a, const cJSON *json, struct rule *r, struct err *e)
{
	*r = echo;
	if (!cJSON_IsObject(json))
		return err_set(e, ERR_MALFORMED, "a rule must be an object");
	if (!json_get_text(json, "match", &r->match, e) || !read_out(a, json, r, e) ||
	    !json_get_text(json, "stderr", &r->err, e) ||
	    !json_get_text(json, "fail", &r->fail, e) ||
	    !json_get_int(json, "delay_ms", 0, DELAY_MAX, &r->delay_ms, e) ||
	    !json_get_int(json, "cancel_ms", 0, DELAY_MAX, &r->cancel_ms, e) ||
	    !json_get_int(json, "exit_code", -1, 255, &r->exit_code, e) ||
	    !read_status(json, &r->status, e) || !read_artifacts(a, json, r, e))
		return false;
	r->match = keep(a, r->match);
	r->err = keep(a, r->err);
	r->fail = keep(a, r->fail);
	if (r->fail)
		r->status = WIRE_FAILED;
	return true;
}

static bool read_rules(struct executor *x, const cJSON *list, struct err *e)
{
	const cJSON *item;

	if (!cJSON_IsArray(list))
		return err_set(e, ERR_MALFORMED, "a script must be a list of rules");
	x->rule = ARENA_NEW(&x->arena, (size_t)cJSON_GetArraySize(list), struct rule);
	cJSON_ArrayForEach(item, list)
	{
		if (!read_rule(&x->arena, item, &x->rule[x->nrule], e))
			return err_wrap(e, "rule %zu", x->nrule + 1);
		x->nrule++;
	}
	return true;
}

static bool read_script(struct executor *x, const char *path, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_JSON cJSON *json = NULL;
	char *text = NULL;
	size_t len = 0;

	if (!fs_read(&a, AT_FDCWD, path, SCRIPT_MAX, &text, &len, e))
		return false;
	json = json_parse(text, len, JSON_NUL_REFUSE, e);
	if (json && read_rules(x, json, e))
		return true;
	err_wrap(e, "%s", path);
	e->kind = ERR_USAGE;
	return false;
}

static void fake_close(struct executor *x)
{
	struct execution *run;

	while ((run = LIST_FIRST(&x->runs))) {
		LIST_REMOVE(run, link);
		timer_stop(x->loop, &run->timer);
		free(run);
	}
	arena_free(&x->arena);
	free(x);
}

static struct executor *fake_open(const struct executor_options *o, struct err *e)
{
	struct executor *x = zalloc(sizeof(*x));

	x->loop = o->loop;
	x->slots = o->slots;
	LIST_INIT(&x->runs);
	if (!o->script || read_script(x, o->script, e))
		return x;
	fake_close(x);
	return NULL;
}

static int fake_room(const struct executor *x)
{
	return x->slots > 0 ? x->slots - x->nrun : INT_MAX;
}

static const struct rule *find_rule(const struct executor *x, const struct wire_request *r)
{
	for (size_t i = 0; i < x->nrule; i++) {
		const char *match = x->rule[i].match;

		if (!match || memmem(r->code.data, r->code.len, match, strlen(match)))
			return &x->rule[i];
	}
	return &echo;
}

static struct wire_result result_of(const struct execution *run)
{
	const struct rule *rule = run->rule;
	struct wire_result r = {
		.out = run->request->code,
		.err = { rule->err, strlen(rule->err) },
		.error = rule->fail,
		.exit_code = rule->status == WIRE_COMPLETED ? (int)rule->exit_code : -1,
		.language = run->language->name,
		.job_id = run->job_id,
		.artifact = rule->artifact,
		.nartifact = rule->nartifact,
		.execution_mode = "fake",
		.network = run->request->network,
		.has_extras = true,
		.status = run->is_cancelled ? WIRE_CANCELLED : rule->status,
		.limit = rule->status == WIRE_TIMEOUT ? WIRE_LIMIT_TTL : WIRE_NO_LIMIT,
	};

	if (rule->out.data)
		r.out = rule->out;
	if (rule->fail)
		r.out.len = 0;
	r.success = r.status == WIRE_COMPLETED && r.exit_code == 0;
	if (run->is_cancelled) {
		r.exit_code = -1;
		r.limit = WIRE_NO_LIMIT;
	}
	return r;
}

static void on_over(void *ctx)
{
	struct execution *run = ctx;
	struct wire_result r = result_of(run);

	LIST_REMOVE(run, link);
	run->x->nrun--;
	run->done(run->ctx, &r);
	free(run);
}

static struct execution *fake_start(struct executor *x, const struct executor_job *job,
				    const struct wire_request *r, const struct language *language,
				    execution_done_fn *done, void *ctx)
{
	struct execution *run = zalloc(sizeof(*run));

	*run = (struct execution){
		.x = x,
		.job_id = job->id,
		.request = r,
		.language = language,
		.rule = find_rule(x, r),
		.done = done,
		.ctx = ctx,
		.timer = { .fn = on_over, .ctx = run },
	};
	LIST_INSERT_HEAD(&x->runs, run, link);
	x->nrun++;
	timer_set(x->loop, &run->timer, loop_now_ms(x->loop) + run->rule->delay_ms);
	return run;
}

static void fake_cancel(struct execution *run)
{
	run->is_cancelled = true;
	timer_set(run->x->loop, &run->timer, loop_now_ms(run->x->loop) + run->rule->cancel_ms);
}

/* All is printed at once, and then the delay passes. */
static struct bytes fake_peek(const struct execution *run, int stream)
{
	struct wire_result r = result_of(run);

	return stream == 1 ? r.out : r.err;
}

static const char *fake_limits(const struct executor *x)
{
	(void)x;
	return NULL;
}

static const char *fake_network(const struct executor *x, const char **why)
{
	(void)x;
	*why = NULL;
	return "fake";
}

static const char *fake_mode(const struct executor *x)
{
	(void)x;
	return "fake";
}

const struct executor_ops executor_fake = {
	.name = "fake",
	.open = fake_open,
	.close = fake_close,
	.room = fake_room,
	.start = fake_start,
	.cancel = fake_cancel,
	.peek = fake_peek,
	.network = fake_network,
	.limits = fake_limits,
	.mode = fake_mode,
};
