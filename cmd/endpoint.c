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
		p->has_additions = true;
	loop_stop(p->loop);
}

static void on_languages(void *ctx, const struct api_answer *answer)
{
	struct endpoint *p = ctx;

	if (answer->ok)
		toolchains_parse(p->arena, answer->body, answer->len, &p->toolchains, &p->failure);
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
			p->workers = (int)slots;
	}
	finish(p, answer);
}

static void on_gone(void *ctx, const char *why)
{
	struct endpoint *p = ctx;

	err_set(&p->failure, ERR_REMOTE, "%s", why);
	loop_stop(p->loop);
}

static bool ask(struct endpoint *p, const char *path, api_done_fn *done, struct err *e)
{
	p->failure = (struct err){ 0 };
	p->question = api_get(p->api, path, done, p);
	if (!loop_run(p->loop, e))
		return false;
	if (p->question) /* the loop ended for another reason: the service did */
		api_drop(p->question);
	p->question = NULL;
	if (p->failure.kind == ERR_NONE)
		return true;
	*e = p->failure;
	return err_wrap(e, "%s", p->shown);
}

static bool open_embedded(struct endpoint *p, const struct endpoint_options *o, const char *folder,
			  struct err *e)
{
	struct embedded_options eo = { .folder = folder,
				       .sandbox = o->sandbox,
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
	if (o->endpoint && o->sandbox)
		return err_set(e, ERR_USAGE,
			       "--sandbox is for a service of our own, not for --endpoint");
	if (o->endpoint && o->slots)
		return err_set(e, ERR_USAGE,
			       "--slots is for a service of our own, not for --endpoint");
	return true;
}

bool endpoint_open(struct arena *a, struct loop *l, const struct endpoint_options *o,
		   const char *folder, struct endpoint *out, struct err *e)
{
	struct api_options ao = { .endpoint = o->endpoint };

	*out = (struct endpoint){ .loop = l, .arena = a };
	if (!check_options(o, e))
		return false;
	if (!o->endpoint && !open_embedded(out, o, folder, e))
		return false;
	if (out->embedded) {
		ao.endpoint = embedded_endpoint(out->embedded);
	} else {
		ao.api_key = or_env(o->api_key, "UNSANDBOX_API_KEY");
		ao.public_key = or_env(o->public_key, "UNSANDBOX_PUBLIC_KEY");
		ao.secret_key = or_env(o->secret_key, "UNSANDBOX_SECRET_KEY");
	}
	out->shown = out->embedded ? "embedded" : o->endpoint;
	if (!ao.public_key != !ao.secret_key)
		return err_set(e, ERR_USAGE, "--public-key and --secret-key need each other");
	out->api = api_open(l, &ao, e);
	if (!out->api || !ask(out, "/languages", on_languages, e))
		return false;
	return !out->has_additions || ask(out, "/health", on_health, e);
}

void endpoint_close(struct endpoint *p)
{
	if (p->api)
		api_close(p->api);
	embedded_close(p->embedded);
}
