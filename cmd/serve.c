#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/yaml.h"
#include "cmd/cmd.h"
#include "service/service.h"

struct serve {
	struct strings listen, allow_net, bind;
	const char *tls_cert, *tls_key;
	const char *data, *keys, *languages, *executor, *script, *sandbox, *rootfs;
	const char *keep;
	int64_t slots, keep_bytes;
	bool allow_anonymous, no_sandbox, no_sync, no_warm;
};

static const struct option_row serve_options[] = {
	{ "listen", 0, "ADDR", "HOST:PORT, [::1]:PORT or unix:PATH; repeatable (127.0.0.1:8080)",
	  OPTION_LIST, offsetof(struct serve, listen), 0, 0 },
	{ "data", 0, "DIR", "where jobs are kept ($XDG_STATE_HOME/sandbatch)", OPTION_TEXT,
	  offsetof(struct serve, data), 0, 0 },
	{ "slots", 0, "N", "jobs that run at once (the number of CPUs)", OPTION_NUMBER,
	  offsetof(struct serve, slots), 1, 4096 },
	{ "keys", 0, "FILE", "who may use it, and how much (see keys new); SIGHUP reads it again",
	  OPTION_TEXT, offsetof(struct serve, keys), 0, 0 },
	{ "tls-cert", 0, "FILE", "serve HTTPS on TCP with this PEM chain of certificates",
	  OPTION_TEXT, offsetof(struct serve, tls_cert), 0, 0 },
	{ "tls-key", 0, "FILE", "its PEM key", OPTION_TEXT, offsetof(struct serve, tls_key), 0, 0 },
	{ "allow-anonymous", 0, NULL, "serve everybody who reaches an address that is not loopback",
	  OPTION_FLAG, offsetof(struct serve, allow_anonymous), 0, 0 },
	{ "keep", 0, "AGE", "forget jobs that ended longer ago: 7d, 12h (kept for ever)",
	  OPTION_TEXT, offsetof(struct serve, keep), 0, 0 },
	{ "keep-bytes", 0, "N", "forget the oldest ended jobs while the store is larger",
	  OPTION_NUMBER, offsetof(struct serve, keep_bytes), 1, INT64_MAX },
	{ "no-sync", 0, NULL, "answer before it is on the disk: a power failure may lose jobs",
	  OPTION_FLAG, offsetof(struct serve, no_sync), 0, 0 },
	{ "no-warm", 0, NULL, "start an interpreter for each job; none waits for them", OPTION_FLAG,
	  offsetof(struct serve, no_warm), 0, 0 },
	{ "languages", 0, "FILE", "a table of languages instead of ours", OPTION_TEXT,
	  offsetof(struct serve, languages), 0, 0 },
	{ "allow-net", 0, "CIDR",
	  "let semitrusted jobs reach this network too, not only public addresses; repeatable",
	  OPTION_LIST, offsetof(struct serve, allow_net), 0, 0 },
	{ "executor", 0, "NAME", "local (default), or fake: scripted results, for tests",
	  OPTION_TEXT, offsetof(struct serve, executor), 0, 0 },
	{ "script", 0, "FILE", "what the fake executor answers", OPTION_TEXT,
	  offsetof(struct serve, script), 0, 0 },
	{ "sandbox", 0, "full|limits",
	  "limits: where namespaces are forbidden; every result says so", OPTION_TEXT,
	  offsetof(struct serve, sandbox), 0, 0 },
	{ "bind", 0, "DIR", "show jobs this folder too, read-only: a toolchain; repeatable",
	  OPTION_LIST, offsetof(struct serve, bind), 0, 0 },
	{ "rootfs", 0, "DIR",
	  "show jobs this prepared root instead of the host's /usr and the like", OPTION_TEXT,
	  offsetof(struct serve, rootfs), 0, 0 },
	{ "no-sandbox", 0, NULL, "run jobs with no sandbox at all; every result says so",
	  OPTION_FLAG, offsetof(struct serve, no_sandbox), 0, 0 },
	{ 0 },
};

/* The unit's StateDirectory, else $XDG_STATE_HOME/sandbatch, else ~/.local/state/sandbatch. */
static const char *default_data(struct arena *a)
{
	const char *unit = getenv("STATE_DIRECTORY"), *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");

	if (unit && *unit)
		return unit;
	if (state && *state == '/')
		return arena_printf(a, "%s/sandbatch", state);
	return arena_printf(a, "%s/.local/state/sandbatch", home ? home : "");
}

static bool choose_sandbox(struct serve *s, struct err *e)
{
	if (s->no_sandbox && s->sandbox)
		return err_set(e, ERR_USAGE, "--no-sandbox and --sandbox exclude each other");
	if (s->no_sandbox)
		s->sandbox = "none";
	if (!s->sandbox)
		s->sandbox = "full";
	if (strcmp(s->sandbox, "full") != 0 && strcmp(s->sandbox, "limits") != 0 &&
	    strcmp(s->sandbox, "none") != 0)
		return err_set(e, ERR_USAGE, "--sandbox must be full or limits, not '%s'",
			       s->sandbox);
	return true;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return path[0] == '/' && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool check_view(const struct serve *s, struct err *e)
{
	if ((s->bind.n || s->rootfs) && strcmp(s->sandbox, "full") != 0)
		return err_set(e, ERR_USAGE, "%s needs the full sandbox",
			       s->rootfs ? "--rootfs" : "--bind");
	if (s->rootfs && !is_folder(s->rootfs))
		return err_set(e, ERR_USAGE,
			       "--rootfs must be the absolute path of a folder, not '%s'",
			       s->rootfs);
	if (s->bind.n > SERVICE_BINDS_MAX)
		return err_set(e, ERR_USAGE, "--bind must be given at most %d times, not %zu",
			       SERVICE_BINDS_MAX, s->bind.n);
	for (size_t i = 0; i < s->bind.n; i++)
		if (!is_folder(s->bind.item[i]))
			return err_set(e, ERR_USAGE,
				       "--bind must be the absolute path of a folder, not '%s'",
				       s->bind.item[i]);
	return true;
}

/* `7d`, or as durations are written: `12h`, `90s`. */
static bool read_age(const char *text, int64_t *ms, struct err *e)
{
	size_t n = text ? strlen(text) : 0;
	int64_t days = 0;
	bool ok;

	*ms = 0;
	if (!text)
		return true;
	if (n && text[n - 1] == 'd') {
		ok = parse_int(text, n - 1, &days) && days > 0 && days <= 36500;
		*ms = days * 86400000;
	} else {
		ok = parse_duration(text, n, ms) && *ms > 0;
	}
	return ok ||
	       err_set(e, ERR_USAGE, "--keep must be an age as 7d, 12h or 30m, not '%s'", text);
}

static bool serve(struct arena *a, struct serve *s, struct err *e)
{
	static const char *const default_listen[] = { "127.0.0.1:8080" };
	struct service_options o = {
		.listen = s->listen.n ? s->listen.item : default_listen,
		.nlisten = s->listen.n ? s->listen.n : 1,
		.data = s->data ? s->data : default_data(a),
		.no_sync = s->no_sync,
		.no_warm = s->no_warm,
		.slots = s->slots ? (int)s->slots : (int)sysconf(_SC_NPROCESSORS_ONLN),
		.executor = s->executor ? s->executor : "local",
		.languages = s->languages,
		.script = s->script,
		.allow_net = s->allow_net.item,
		.nallow_net = s->allow_net.n,
		.keys = s->keys,
		.keep_bytes = s->keep_bytes,
		.tls_cert = s->tls_cert,
		.tls_key = s->tls_key,
		.allow_anonymous = s->allow_anonymous,
		.view = { s->rootfs, s->bind.item, s->bind.n },
	};

	if (!choose_sandbox(s, e) || !check_view(s, e))
		return false;
	if (!read_age(s->keep, &o.keep_ms, e))
		return false;
	if (!s->tls_cert != !s->tls_key)
		return err_set(e, ERR_USAGE, "--tls-cert and --tls-key need each other");
	if (s->keys && s->allow_anonymous)
		return err_set(e, ERR_USAGE, "--keys and --allow-anonymous exclude each other");
	o.sandbox = s->sandbox;
	if (!o.languages &&
	    !cmd_find(a, "etc/languages.yml", DATADIR "/languages.yml", &o.languages, e))
		return false;
	return cmd_find(a, "sandbatch-jail", LIBEXECDIR "/sandbatch-jail", &o.jail, e) &&
	       service_run(&o, e);
}

static int run_serve(int argc, char **argv, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct serve s = { 0 };
	struct operands operands;

	if (!options_parse(&command_serve, (struct command_line){ argc, argv }, &a, &s, &operands,
			   e))
		return cmd_fail(e);
	return serve(&a, &s, e) ? 0 : cmd_fail(e);
}

const struct command command_serve = {
	.name = "serve",
	.operands = "",
	.help = "run jobs in a sandbox for whoever asks over HTTP",
	.option = serve_options,
	.run = run_serve,
};
