#include "cmd/endpoint.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"

static const char *or_env(const char *given, const char *name)
{
	const char *value = given ? given : getenv(name);

	return value && *value ? value : NULL;
}

/* Each question ends the loop that asked it. */
static void finish(struct endpoint *p, const struct api_answer *answer)
{
	p->question = NULL;
	if (!answer->ok)
		p->failure = answer->err;
	if (answer->has_additions)
		p->told_additions = true;
	loop_stop(p->loop);
}

static void on_languages(void *ctx, const struct api_answer *answer)
{
	struct endpoint *p = ctx;

	if (answer->ok)
		toolchains_parse(p->arena, answer->body, answer->len, &p->told, &p->failure);
	finish(p, answer);
}

static void on_health(void *ctx, const struct api_answer *answer)
{
	struct endpoint *p = ctx;
	struct err ignored = { 0 };
	CLEAN_JSON cJSON *body = NULL;
	int64_t slots = 0;

	if (answer->ok) {
		body = json_parse(answer->body, answer->len, JSON_NUL_REPLACE, &ignored);
		if (json_get_int(body, "slots", 1, 1 << 20, &slots, &ignored))
			p->told_workers = (int)slots;
	}
	finish(p, answer);
}

static void on_gone(void *ctx, const char *why)
{
	struct endpoint *p = ctx;

	err_set(&p->failure, ERR_REMOTE, "%s", why);
	loop_stop(p->loop);
}

/* A question to one of them. */
struct asking {
	int endpoint;
	const char *shown;
};

static bool ask(struct endpoint *p, const struct asking *q, const char *path, api_done_fn *done,
		struct err *e)
{
	p->failure = (struct err){ 0 };
	p->question = api_get_at(p->api, q->endpoint, path, done, p);
	if (!loop_run(p->loop, e))
		return false;
	if (p->question) /* the loop ended for another reason: the service did */
		api_drop(p->question);
	p->question = NULL;
	if (p->failure.kind == ERR_NONE)
		return true;
	*e = p->failure;
	return strstr(e->msg, q->shown) ? false : err_wrap(e, "%s", q->shown);
}

/* ---- what several have in common ---- */

static const struct toolchain *find(const struct toolchains *t, const char *name)
{
	const struct toolchain *found = toolchains_find(t, name);

	return found && found->is_available ? found : NULL;
}

/* What all of them can run: with the aliases and file names of the first. */
static void keep_common(struct endpoint *p, const struct toolchains *other, const char *shown)
{
	struct toolchains *common = ARENA_NEW(p->arena, 1, struct toolchains);

	common->item = ARENA_NEW(p->arena, p->toolchains->n, struct toolchain);
	for (size_t i = 0; i < p->toolchains->n; i++) {
		struct toolchain *t = &common->item[common->n++];

		*t = p->toolchains->item[i];
		if (!t->is_available || find(other, t->name))
			continue;
		t->is_available = false;
		t->package = NULL;
		t->missing = arena_printf(p->arena, "it at %s", shown);
	}
	p->toolchains = common;
}

static void add_told(struct endpoint *p, const struct asking *q, size_t nasked)
{
	if (nasked == 0)
		p->toolchains = p->told;
	else
		keep_common(p, p->told, q->shown);
	p->has_additions = p->told_additions && (nasked == 0 || p->has_additions);
	p->workers += p->told_workers;
	if (p->told_workers)
		api_workers(p->api, q->endpoint, (size_t)p->told_workers);
}

/* Ask each; one that fails is left out as long as there is another. */
static bool ask_all(struct endpoint *p, const char *const *shown, size_t n, struct err *e)
{
	size_t nasked = 0, nfailed = 0;

	for (size_t i = 0; i < n; i++) {
		struct asking q = { (int)i, shown[i] };

		p->told_additions = false;
		p->told_workers = 0;
		if (ask(p, &q, "/languages", on_languages, e) &&
		    (!p->told_additions || ask(p, &q, "/health", on_health, e)))
			add_told(p, &q, nasked++);
		else if (e->kind != ERR_REMOTE || ++nfailed == n)
			return false;
		else
			api_leave_out(p->api, q.endpoint, e);
	}
	return true;
}

static void tell(void *ctx, const char *sentence)
{
	const struct endpoint *p = ctx;

	if (p->tell)
		p->tell(p->tell_ctx, sentence);
	else
		fprintf(stderr, "sandbatch: %s\n", sentence);
}

static bool open_embedded(struct endpoint *p, const struct endpoint_options *o, const char *folder,
			  struct err *e)
{
	struct embedded_options eo = { .folder = folder,
				       .sandbox = o->sandbox,
				       .no_warm = o->no_warm,
				       .bind = &o->bind,
				       .rootfs = o->rootfs,
				       .tell = tell,
				       .tell_ctx = p,
				       .slots = o->slots ? (int)o->slots
							 : (int)sysconf(_SC_NPROCESSORS_ONLN) };

	p->embedded = embedded_open(p->loop, &eo, e);
	if (!p->embedded)
		return false;
	embedded_on_gone(p->embedded, on_gone, p);
	return true;
}

static bool check_options(const struct endpoint_options *o, struct err *e)
{
	if (o->sandbox && strcmp(o->sandbox, "full") != 0 && strcmp(o->sandbox, "limits") != 0)
		return err_set(e, ERR_USAGE, "--sandbox must be full or limits, not '%s'",
			       o->sandbox);
	if (o->endpoints.n && o->sandbox)
		return err_set(e, ERR_USAGE,
			       "--sandbox is for a service of our own, not for --endpoint");
	if (o->endpoints.n && (o->bind.n || o->rootfs))
		return err_set(e, ERR_USAGE, "%s is for a service of our own, not for --endpoint",
			       o->bind.n ? "--bind" : "--rootfs");
	if (o->endpoints.n && o->slots)
		return err_set(e, ERR_USAGE,
			       "--slots is for a service of our own, not for --endpoint");
	for (size_t i = 0; i < o->endpoints.n; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(o->endpoints.item[i], o->endpoints.item[k]))
				return err_set(e, ERR_USAGE, "--endpoint %s is given twice",
					       o->endpoints.item[i]);
	return true;
}

static const char *join(struct arena *a, const struct strings *l)
{
	const char *out = l->item[0];

	for (size_t i = 1; i < l->n; i++)
		out = arena_printf(a, "%s, %s", out, l->item[i]);
	return out;
}

static bool open_named(struct endpoint *p, const struct endpoint_options *o, struct err *e)
{
	struct api_options ao = { .endpoint = o->endpoints.item,
				  .api_key = or_env(o->api_key, "UNSANDBOX_API_KEY"),
				  .public_key = or_env(o->public_key, "UNSANDBOX_PUBLIC_KEY"),
				  .secret_key = or_env(o->secret_key, "UNSANDBOX_SECRET_KEY"),
				  .tell = tell,
				  .tell_ctx = p };

	if (!ao.public_key != !ao.secret_key)
		return err_set(e, ERR_USAGE, "--public-key and --secret-key need each other");
	p->shown = join(p->arena, &o->endpoints);
	p->api = api_open(p->loop, &ao, e);
	return p->api && ask_all(p, o->endpoints.item, o->endpoints.n, e);
}

static bool open_own(struct endpoint *p, const struct endpoint_options *o, const char *folder,
		     struct err *e)
{
	static const char *const shown[] = { "embedded" };
	const char *endpoint[] = { NULL, NULL };
	struct api_options ao = { .endpoint = endpoint };

	if (!open_embedded(p, o, folder, e))
		return false;
	endpoint[0] = embedded_endpoint(p->embedded);
	p->shown = shown[0];
	p->api = api_open(p->loop, &ao, e);
	return p->api && ask_all(p, shown, 1, e);
}

bool endpoint_open(struct arena *a, struct loop *l, const struct endpoint_options *o,
		   const char *folder, struct endpoint *out, struct err *e)
{
	*out = (struct endpoint){ .loop = l, .arena = a };
	if (!check_options(o, e))
		return false;
	return o->endpoints.n ? open_named(out, o, e) : open_own(out, o, folder, e);
}

void endpoint_close(struct endpoint *p)
{
	if (p->api)
		api_close(p->api);
	embedded_close(p->embedded);
}
