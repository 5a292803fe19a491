#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cmd/cmd.h"
#include "cmd/endpoint.h"

struct languages_opts {
	struct endpoint_options endpoint;
	bool json;
};

static const struct option_row languages_options[] = {
	ENDPOINT_OPTIONS(struct languages_opts, endpoint),
	{ "json", 0, NULL, "as JSON", OPTION_FLAG, offsetof(struct languages_opts, json), 0, 0 },
	{ 0 },
};

static void print_names(const struct names *l)
{
	for (size_t i = 0; i < l->n; i++)
		printf("%s%s", i ? ", " : "", l->item[i]);
}

static void print_table(const struct toolchains *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct toolchain *c = &t->item[i];

		printf(c->is_available && !c->aliases.n ? "%s" : "%-12s ", c->name);
		if (c->is_available)
			print_names(&c->aliases);
		else
			printf("missing: %s%s%s", c->missing ? c->missing : "its toolchain",
			       c->package ? "; apt-get install " : "",
			       c->package ? c->package : "");
		putchar('\n');
	}
}

static void print_json(const struct toolchains *t)
{
	CLEAN_JSON cJSON *list = cJSON_CreateArray();
	CLEAN_BUF struct buf b = BUF(1 << 24);

	for (size_t i = 0; i < t->n; i++) {
		const struct toolchain *c = &t->item[i];
		cJSON *row = cJSON_CreateObject();

		cJSON_AddStringToObject(row, "name", c->name);
		cJSON_AddBoolToObject(row, "available", c->is_available);
		cJSON_AddItemToObject(row, "aliases",
				      cJSON_CreateStringArray(c->aliases.item, (int)c->aliases.n));
		cJSON_AddItemToObject(
			row, "extensions",
			cJSON_CreateStringArray(c->extensions.item, (int)c->extensions.n));
		if (c->package)
			cJSON_AddStringToObject(row, "package", c->package);
		if (c->missing)
			cJSON_AddStringToObject(row, "missing", c->missing);
		cJSON_AddItemToArray(list, row);
	}
	json_print(list, &b);
	puts(buf_text(&b));
}

struct asking {
	struct loop *loop;
	bool is_interrupted;
};

static void on_signal(void *ctx, int signo)
{
	struct asking *q = ctx;

	(void)signo;
	q->is_interrupted = true;
	loop_stop(q->loop);
}

/* What the endpoint can run, in the arena; NULL: e says why. */
static const struct toolchains *ask(struct arena *a, struct asking *q,
				    const struct languages_opts *o, struct err *e)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
	char folder[] = "/tmp/sandbatch.XXXXXX";
	struct endpoint p = { 0 };
	bool ok;

	if (!loop_signals(q->loop, signals, on_signal, q, e))
		return NULL;
	if (!mkdtemp(folder)) {
		err_sys(e, "cannot make a folder in /tmp");
		return NULL;
	}
	ok = endpoint_open(a, q->loop, &o->endpoint, folder, &p, e);
	endpoint_close(&p);
	rmdir(folder);
	if (q->is_interrupted)
		err_set(e, ERR_INTERRUPTED, "interrupted");
	return ok && !q->is_interrupted ? p.toolchains : NULL;
}

static bool languages(struct arena *a, const struct languages_opts *o, struct err *e)
{
	struct asking q = { .loop = loop_open(e) };
	const struct toolchains *t = q.loop ? ask(a, &q, o, e) : NULL;

	if (t && o->json)
		print_json(t);
	else if (t)
		print_table(t);
	loop_close(q.loop);
	return t != NULL;
}

static int run_languages(int argc, char **argv, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct languages_opts o = { 0 };
	struct operands operands;

	if (!options_parse(&command_languages, (struct command_line){ argc, argv }, &a, &o,
			   &operands, e))
		return cmd_fail(e);
	return languages(&a, &o, e) ? 0 : cmd_fail(e);
}

const struct command command_languages = {
	.name = "languages",
	.operands = "",
	.help = "list what the endpoint can run, and what is missing",
	.option = languages_options,
	.run = run_languages,
};
