#include "cmd/attacks.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/bait.h"
#include "cmd/cmd.h"
#include "cmd/endpoint.h"

#define PROGRAM_MAX ((size_t)4 << 20)
#define BODY_MAX    ((size_t)WIRE_BODY_MAX)
#define TABLE_MAX   ((size_t)1 << 20)
#define NFIELD      15
#define MAX_LANES   4
#define UNTRIED     77   /* exit code: it cannot be tried here */
#define BY_CLOCK_S  1    /* ttl of what only the clock ends */
#define PATIENCE_S  20   /* of all else, compilers on a busy machine among it */
#define DEAF_MS     4000 /* so long an attack lives that should be ended */
#define LABOUR      "for ((i = 0; i < 100000; i++)); do :; done"
#define LABOUR_MS   200 /* at most, where it is not slow */
#define SLOWEST     (WIRE_TTL_MAX / PATIENCE_S)

/* ---- the table ---- */

static int64_t number(const char *text)
{
	int64_t n = 0;

	return parse_int(text, strlen(text), &n) ? n : 0;
}

static const char *or_null(const char *text)
{
	return strcmp(text, "-") != 0 ? text : NULL;
}

static bool read_row(char *line, struct attack *out, struct err *e)
{
	char *f[NFIELD] = { NULL }, *at = line;
	size_t n = 0;

	for (; at && n < NFIELD; n++)
		f[n] = strsep(&at, "\t");
	if (n != NFIELD || at)
		return err_set(e, ERR_SYSTEM,
			       "sandbatch-attacks --list: %d fields wanted, found '%s'", NFIELD,
			       line);
	*out = (struct attack){
		.class = f[0],
		.name = f[1],
		.what = f[2],
		.stopper = f[3],
		.verdict = f[4],
		.hint = or_null(f[5]),
		.answer = or_null(f[6]),
		.needs = or_null(f[7]),
		.wall_ms = number(f[8]),
		.cpu_ms = number(f[9]),
		.memory_mb = number(f[10]),
		.processes = number(f[11]),
		.disk_mb = number(f[12]),
	};
	return true;
}

static bool find_program(struct arena *a, const char **out, struct err *e)
{
	return cmd_find(a, "sandbatch-attacks", LIBEXECDIR "/sandbatch-attacks", out, e);
}

/* What the program prints when it is asked for its table. */
static bool ask(struct arena *a, const char *program, char **text, struct err *e)
{
	const char *argv[] = { "sandbatch-attacks", "--list", NULL };
	struct proc p = {
		.path = program, .argv = argv, .fd = { -1, -1, STDERR_FILENO }, .nfd = 3
	};
	int pipes[2], status = 1;
	size_t len;
	pid_t pid;
	bool is_ok;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_sys(e, "cannot make a pipe");
	p.fd[1] = pipes[1];
	is_ok = proc_spawn(&p, &pid, NULL, e);
	close(pipes[1]);
	is_ok = is_ok && fs_read_fd(a, pipes[0], TABLE_MAX, program, text, &len, e);
	close(pipes[0]);
	return is_ok && ((waitpid(pid, &status, 0) == pid && status == 0) ||
			 err_set(e, ERR_SYSTEM, "%s --list failed", program));
}

bool attacks_list(struct arena *a, struct attacks *out, struct err *e)
{
	const char *program;
	char *text = NULL;
	size_t nline = 0;

	if (!find_program(a, &program, e) || !ask(a, program, &text, e) || !text)
		return false;
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		nline++;
	out->item = ARENA_NEW(a, nline, struct attack);
	for (out->n = 0; out->n < nline; out->n++)
		if (!read_row(strsep(&text, "\n"), &out->item[out->n], e))
			return false;
	return true;
}

/* ---- the verdict ---- */

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += n)
		if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	return false;
}

/* How it ended, in the words of the table; a hint that is told instead of the limit leaves open
 * which of two it was. */
static const char *cause(const struct wire_job *job)
{
	const struct wire_result *r = job->result;

	if (job->status == WIRE_TIMEOUT && r->limit == WIRE_LIMIT_CPU)
		return "cpu";
	if (job->status == WIRE_TIMEOUT)
		return "wall";
	if (job->status == WIRE_COMPLETED && r->exit_code < 0)
		return "memory";
	if (job->status == WIRE_COMPLETED)
		return r->signal ? "signal" : "exit";
	return "failed";
}

static void end(struct attack *t, enum attack_end how, const char *why)
{
	t->end = how;
	t->why = why;
}

/* Its first line, without what it says before the colon. */
static const char *said(struct arena *a, const struct wire_result *r)
{
	const char *text = r->out.len ? r->out.data : r->err.len ? r->err.data : "";
	const char *colon = strstr(text, ": ");

	text = colon && colon - text < 10 ? colon + 2 : text;
	return arena_strndup(a, text, strcspn(text, "\n"));
}

static bool is_hinted(const struct attack *t, const struct wire_result *r)
{
	return !t->hint || !strcmp(wire_limit_names[r->limit], t->hint);
}

static void judge(struct arena *a, struct attack *t, const struct wire_job *job)
{
	const struct wire_result *r = job->result;
	const char *how = cause(job), *words = said(a, r);

	if (!strcmp(how, "failed"))
		end(t, ATTACK_NOT_SURVIVED,
		    arena_printf(a, "the job failed: %s", r->error ? r->error : "no reason"));
	else if (!strcmp(how, "exit") && r->exit_code == UNTRIED)
		end(t, ATTACK_UNTRIED, words);
	else if (!strcmp(how, "exit") && r->exit_code != 0)
		end(t, ATTACK_NOT_SURVIVED, words);
	else if (!has_word(t->verdict, how))
		end(t, ATTACK_NOT_SURVIVED,
		    arena_printf(a, "ended by '%s', not by '%s'", how, t->verdict));
	else if (!is_hinted(t, r))
		end(t, ATTACK_NOT_SURVIVED,
		    arena_printf(a, "limit '%s' was told, not '%s'", wire_limit_names[r->limit],
				 t->hint));
	else if (t->answer && strcmp(words, t->answer) != 0)
		end(t, ATTACK_NOT_SURVIVED,
		    arena_printf(a, "it was told '%s', not '%s'", words, t->answer));
	else
		end(t, ATTACK_SURVIVED, NULL);
}

/* What the next job in the slot has found. */
static void judge_look(struct arena *a, struct attack *t, const struct wire_job *job)
{
	const struct wire_result *r = job->result;

	if (t->end == ATTACK_NOT_SURVIVED)
		return;
	if (job->status != WIRE_COMPLETED || r->exit_code != 0)
		end(t, ATTACK_NOT_SURVIVED,
		    arena_printf(a, "the next job in the slot found: %s",
				 r->error ? r->error : said(a, r)));
}

/* ---- carrying them out ---- */

struct campaign {
	struct arena *a;
	struct loop *loop;
	struct attacks *all;
	struct wire_file program;
	struct bait bait;
	const char *unconnected; /* why a semitrusted job did not run; NULL: it did */
	size_t next, ndone;
	int nbusy;
	bool is_interrupted;
};

/* One service with one slot, so that the job after the attack follows in the same. */
struct lane {
	struct campaign *c;
	struct endpoint endpoint;
	char folder[32];
	struct attack *attack;
	bool is_looking;
};

static void next(struct lane *s);

static void stop(struct lane *s)
{
	s->attack = NULL;
	if (--s->c->nbusy == 0)
		loop_stop(s->c->loop);
}

static void give_up(struct lane *s, const char *why)
{
	end(s->attack, ATTACK_NOT_SURVIVED,
	    arena_printf(s->c->a, "the service does not answer: %s", why));
	stop(s);
}

static bool is_of_network(const struct attack *t)
{
	return t->needs && !strcmp(t->needs, "network");
}

static void done(struct lane *s)
{
	struct campaign *c = s->c;

	if (is_of_network(s->attack))
		bait_rest(&c->bait);
	c->ndone++;
	if (c->all->told)
		c->all->told(c->all->ctx, c->ndone);
	next(s);
}

static void submit(struct lane *s);

static void on_ended(void *ctx, const struct api_answer *answer)
{
	struct lane *s = ctx;

	if (!answer->ok || !answer->job->result) {
		give_up(s, answer->ok ? "a job without a result" : answer->err.msg);
		return;
	}
	(s->is_looking ? judge_look : judge)(s->c->a, s->attack, answer->job);
	if (s->is_looking) {
		done(s);
		return;
	}
	s->is_looking = true;
	submit(s);
}

static void on_submitted(void *ctx, const struct api_answer *answer)
{
	struct lane *s = ctx;

	if (answer->ok)
		api_await(s->endpoint.api, answer->job->id, on_ended, s);
	else
		give_up(s, answer->err.msg);
}

static int64_t or_else(int64_t given, int64_t otherwise)
{
	return given ? given : otherwise;
}

static void submit(struct lane *s)
{
	CLEAN_BUF struct buf body = BUF(BODY_MAX);
	char key[WIRE_ID_SIZE];
	const struct attack *t = s->attack;
	struct wire_pair env[BAIT_ENV];
	const int64_t slowness = s->c->all->slowness;
	const char *script =
		arena_printf(s->c->a, "chmod 755 attacks; exec ./attacks %s %d",
			     s->is_looking ? "look" : t->name, DEAF_MS * s->c->all->slowness);
	const struct wire_request r = {
		.language = "bash",
		.code = { script, strlen(script) },
		.env = env,
		.nenv = is_of_network(t) ? BAIT_ENV : 0,
		.network = is_of_network(t) ? WIRE_SEMITRUSTED : WIRE_ZEROTRUST,
		.file = &s->c->program,
		.nfile = 1,
		.ttl_s = t->wall_ms && !s->is_looking ? BY_CLOCK_S : PATIENCE_S * slowness,
		.limits = { .memory_mb = or_else(s->is_looking ? 0 : t->memory_mb, 128),
			    .processes = or_else(t->processes, 32),
			    .disk_mb = or_else(t->disk_mb, 32),
			    .output_bytes = 65536,
			    .cpu_ms = s->is_looking ? 0 : t->cpu_ms },
	};

	bait_env(&s->c->bait, env);
	uuid_make(key);
	if (wire_request_print(&r, &body))
		api_submit(s->endpoint.api, key, body.data, body.len, on_submitted, s);
	else
		give_up(s, "the request is too large");
}

static bool is_untriable(const struct campaign *c, struct attack *t)
{
	if (is_of_network(t) && !c->all->networking)
		end(t, ATTACK_UNTRIED, c->all->networking_why);
	else if (t->needs && !strcmp(t->needs, "cgroup") && !c->all->has_cgroup)
		end(t, ATTACK_UNTRIED, "no cgroup: nobody counts the kernel's own memory");
	return t->why != NULL;
}

static void next(struct lane *s)
{
	struct campaign *c = s->c;

	while (c->next < c->all->n && is_untriable(c, &c->all->item[c->next]))
		c->next++;
	if (c->next == c->all->n) {
		stop(s);
		return;
	}
	s->attack = &c->all->item[c->next++];
	s->is_looking = false;
	if (is_of_network(s->attack))
		bait_knock(&c->bait);
	submit(s);
}

static void on_gone(void *ctx, const char *why)
{
	struct lane *s = ctx;

	if (s->attack)
		give_up(s, why);
}

static void on_health(void *ctx, const struct api_answer *answer)
{
	struct campaign *c = ctx;
	struct err ignored = { 0 };
	CLEAN_JSON cJSON *body = NULL;
	const char *name = NULL, *why = NULL;

	if (answer->ok)
		body = json_parse(answer->body, answer->len, JSON_NUL_REPLACE, &ignored);
	if (body) {
		json_get_text(body, "semitrusted", &name, &ignored);
		json_get_text(body, "semitrusted_why", &why, &ignored);
	}
	if (!why)
		why = c->unconnected;
	c->all->networking = name && !why ? arena_strdup(c->a, name) : NULL;
	c->all->networking_why = c->all->networking ? NULL : arena_strdup(c->a, why ? why : "");
	loop_stop(c->loop);
}

static bool open_lane(struct campaign *c, struct lane *s, struct err *e)
{
	static const struct endpoint_options o = { .slots = 1 };

	*s = (struct lane){ .c = c, .folder = "/tmp/sandbatch.XXXXXX" };
	if (!mkdtemp(s->folder)) {
		s->folder[0] = '\0';
		return err_sys(e, "cannot make a folder in /tmp");
	}
	if (!endpoint_open(c->a, c->loop, &o, s->folder, &s->endpoint, e))
		return false;
	embedded_on_gone(s->endpoint.embedded, on_gone, s);
	return true;
}

static void close_lane(struct lane *s)
{
	if (!s->folder[0])
		return;
	endpoint_close(&s->endpoint);
	rmdir(s->folder);
}

/* What is installed need not work, or another forwarder comes in its place: /health tells then. */
static void on_connected(void *ctx, const struct api_answer *answer)
{
	struct campaign *c = ctx;
	const struct wire_result *r = answer->ok ? answer->job->result : NULL;

	if (!r || answer->job->status != WIRE_COMPLETED)
		c->unconnected = arena_strdup(c->a, !answer->ok     ? answer->err.msg
						    : r && r->error ? r->error
								    : "no reason");
	loop_stop(c->loop);
}

static void on_measured(void *ctx, const struct api_answer *answer)
{
	struct campaign *c = ctx;
	const struct wire_result *r = answer->ok ? answer->job->result : NULL;
	int64_t times = 0;

	if (r)
		times = (r->total_time_ms + LABOUR_MS - 1) / LABOUR_MS;
	c->all->slowness = times < 1 ? 1 : times > SLOWEST ? SLOWEST : (int)times;
	loop_stop(c->loop);
}

/* An honest job, and who is told how it ended; drives the loop until then. */
struct trial {
	struct lane *lane;
	const char *script;
	enum wire_network network;
	api_done_fn *ended;
};

static void on_trial(void *ctx, const struct api_answer *answer)
{
	const struct trial *t = ctx;

	if (answer->ok)
		api_await(t->lane->endpoint.api, answer->job->id, t->ended, t->lane->c);
	else
		t->ended(t->lane->c, answer);
}

static bool try_honest(struct trial *t, struct err *e)
{
	const struct wire_request r = {
		.language = "bash",
		.code = { t->script, strlen(t->script) },
		.network = t->network,
		.ttl_s = (int64_t)PATIENCE_S * t->lane->c->all->slowness,
		.limits = WIRE_LIMITS_DEFAULT,
	};
	CLEAN_BUF struct buf body = BUF(BODY_MAX);
	char key[WIRE_ID_SIZE];

	uuid_make(key);
	wire_request_print(&r, &body);
	api_submit(t->lane->endpoint.api, key, body.data, body.len, on_trial, t);
	return loop_run(t->lane->c->loop, e);
}

static bool run_lanes(struct campaign *c, struct lane *lane, int nlane, struct err *e)
{
	struct trial pace = { lane, LABOUR, WIRE_ZEROTRUST, on_measured };
	struct trial network = { lane, "true", WIRE_SEMITRUSTED, on_connected };
	bool is_ok;

	c->all->slowness = 1;
	is_ok = try_honest(&pace, e) && try_honest(&network, e) && !c->is_interrupted;
	api_get(lane->endpoint.api, "/health", on_health, c);
	is_ok = is_ok && loop_run(c->loop, e) && !c->is_interrupted;
	c->all->toolchains = lane->endpoint.toolchains;
	c->nbusy = nlane;
	for (int i = 0; i < nlane && is_ok; i++)
		next(&lane[i]);
	if (is_ok && c->nbusy > 0)
		is_ok = loop_run(c->loop, e);
	for (size_t i = 0; i < c->all->n; i++)
		if (c->all->item[i].end == ATTACK_UNTRIED && !c->all->item[i].why)
			end(&c->all->item[i], ATTACK_NOT_SURVIVED, "no service was left for it");
	return is_ok;
}

static bool read_program(struct campaign *c, struct err *e)
{
	const char *path;
	char *data;

	if (!find_program(c->a, &path, e) ||
	    !fs_read(c->a, AT_FDCWD, path, PROGRAM_MAX, &data, &c->program.data.len, e))
		return false;
	c->program.name = "attacks";
	c->program.data.data = data;
	return true;
}

static void on_signal(void *ctx, int signo)
{
	struct campaign *c = ctx;

	(void)signo;
	c->is_interrupted = true;
	loop_stop(c->loop);
}

bool attacks_try(struct arena *a, struct loop *l, struct attacks *all, struct err *e)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
	struct campaign c = { .a = a, .loop = l, .all = all };
	struct lane lane[MAX_LANES];
	int n = 0;
	bool is_ok = bait_open(&c.bait, l, e) && read_program(&c, e) &&
		     loop_signals(l, signals, on_signal, &c, e);

	while (is_ok && !c.is_interrupted && n < MAX_LANES)
		is_ok = open_lane(&c, &lane[n++], e);
	if (is_ok && !c.is_interrupted)
		is_ok = run_lanes(&c, lane, n, e);
	for (int i = 0; i < n; i++)
		close_lane(&lane[i]);
	bait_close(&c.bait);
	if (c.is_interrupted)
		return err_set(e, ERR_INTERRUPTED, "interrupted");
	return is_ok;
}
