#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/fs.h"
#include "cmd/cmd.h"
#include "cmd/endpoint.h"

#define PROGRAM_MAX ((size_t)WIRE_BODY_MAX)
#define EXIT_TTL    124
#define EXIT_OURS   125 /* as env(1), timeout(1): not the program's */

struct exec_opts {
	struct endpoint_options endpoint;
	const char *language;
	int64_t ttl;
};

static const struct option_row exec_options[] = {
	{ "language", 'l', "LANG", "of the program (by its name or shebang)", OPTION_TEXT,
	  offsetof(struct exec_opts, language), 0, 0 },
	{ "ttl", 0, "S", "seconds it may take (60)", OPTION_NUMBER, offsetof(struct exec_opts, ttl),
	  1, WIRE_TTL_MAX },
	ENDPOINT_OPTIONS(struct exec_opts, endpoint),
	{ 0 },
};

/* One program on its way. */
struct execution {
	struct arena arena;
	struct loop *loop;
	struct endpoint endpoint;
	struct api_call *call;
	struct wire_request request;
	const char *job_id;
	int status;
	struct err failure;
	bool is_interrupted;
};

static bool write_out(int fd, const struct bytes *b, struct err *e)
{
	return fs_write_all(fd, b->data, b->len) || err_sys(e, "cannot write its output");
}

static void take_result(struct execution *x, const struct wire_job *job)
{
	const struct wire_result *r = job->result;

	x->status = EXIT_OURS;
	if (!r) {
		err_set(&x->failure, ERR_REMOTE, "the service ended the job without a result");
		return;
	}
	if (!write_out(STDOUT_FILENO, &r->out, &x->failure) ||
	    !write_out(STDERR_FILENO, &r->err, &x->failure))
		return;
	if (job->status == WIRE_TIMEOUT)
		x->status = EXIT_TTL;
	else if (job->status != WIRE_COMPLETED || r->exit_code < 0)
		err_set(&x->failure, ERR_REMOTE, "%s",
			r->error ? r->error : "the service killed the program");
	else
		x->status = r->exit_code;
}

static void on_ended(void *ctx, const struct api_answer *answer)
{
	struct execution *x = ctx;

	x->call = NULL;
	if (answer->ok)
		take_result(x, answer->job);
	else
		x->failure = answer->err;
	loop_stop(x->loop);
}

static void on_submitted(void *ctx, const struct api_answer *answer)
{
	struct execution *x = ctx;

	if (!answer->ok) {
		on_ended(ctx, answer);
		return;
	}
	x->job_id = arena_strdup(&x->arena, answer->job->id);
	x->call = api_await(x->endpoint.api, x->job_id, on_ended, x);
}

static void on_cancelled(void *ctx, const struct api_answer *answer)
{
	struct execution *x = ctx;

	(void)answer;
	x->call = NULL;
	loop_stop(x->loop);
}

static void on_signal(void *ctx, int signo)
{
	struct execution *x = ctx;

	x->is_interrupted = true;
	x->status = 128 + signo;
	if (x->call)
		api_drop(x->call);
	x->call = x->job_id ? api_cancel(x->endpoint.api, x->job_id, on_cancelled, x) : NULL;
	if (!x->call)
		loop_stop(x->loop);
}

static void on_gone(void *ctx, const char *why)
{
	struct execution *x = ctx;

	err_set(&x->failure, ERR_REMOTE, "%s", why);
	loop_stop(x->loop);
}

static bool read_program(struct execution *x, const char *path, struct err *e)
{
	struct wire_request *r = &x->request;
	bool is_stdin = !path || !strcmp(path, "-");
	char *data;

	if (is_stdin) {
		if (!fs_read_fd(&x->arena, STDIN_FILENO, PROGRAM_MAX, "standard input", &data,
				&r->code.len, e))
			return false;
	} else if (!fs_read(&x->arena, AT_FDCWD, path, PROGRAM_MAX, &data, &r->code.len, e)) {
		return false;
	}
	r->code.data = data;
	if (is_stdin || isatty(STDIN_FILENO))
		return true;
	if (!fs_read_fd(&x->arena, STDIN_FILENO, PROGRAM_MAX, "standard input", &data,
			&r->input.len, e))
		return false;
	r->input.data = data;
	r->has_stdin = r->input.len > 0;
	return true;
}

static bool choose_language(struct execution *x, const char *given, const char *path, struct err *e)
{
	const struct toolchain *t;

	x->request.language = given;
	if (given)
		return true;
	t = toolchains_guess(x->endpoint.toolchains, path, &x->request.code);
	if (!t)
		return err_set(e, ERR_USAGE,
			       "-l LANG must be given: neither the name nor a shebang tells it");
	x->request.language = t->name;
	return true;
}

static bool submit(struct execution *x, struct err *e)
{
	CLEAN_BUF struct buf body = BUF(PROGRAM_MAX);
	char key[WIRE_ID_SIZE];

	if (!x->endpoint.has_additions && (x->request.has_stdin || x->request.narg))
		return err_set(e, ERR_USAGE, "%s does not offer this: %s", x->endpoint.shown,
			       x->request.narg ? "args" : "stdin");
	if (!wire_request_check(&x->request, WIRE_MB, e))
		return false;
	if (!wire_request_print(&x->request, &body))
		return err_set(e, ERR_TOO_LARGE, "the program and its input exceed %d bytes",
			       WIRE_BODY_MAX);
	uuid_make(key);
	x->call = api_submit(x->endpoint.api, key, body.data, body.len, on_submitted, x);
	if (x->endpoint.embedded)
		embedded_on_gone(x->endpoint.embedded, on_gone, x);
	if (!loop_run(x->loop, e))
		return false;
	if (x->call)
		api_drop(x->call);
	*e = x->failure;
	return x->failure.kind == ERR_NONE;
}

static bool execute(struct execution *x, const struct exec_opts *o, const struct operands *operands,
		    struct err *e)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
	const char *path = operands->item.n ? operands->item.item[0] : NULL;
	char folder[] = "/tmp/sandbatch.XXXXXX";
	bool ok;

	x->request.ttl_s = o->ttl ? o->ttl : WIRE_TTL_DEFAULT;
	x->request.arg = operands->rest.item;
	x->request.narg = operands->rest.n;
	if (!read_program(x, path, e) || !loop_signals(x->loop, signals, on_signal, x, e))
		return false;
	if (!mkdtemp(folder))
		return err_sys(e, "cannot make a folder in /tmp");
	ok = endpoint_open(&x->arena, x->loop, &o->endpoint, folder, &x->endpoint, e) &&
	     !x->is_interrupted && choose_language(x, o->language, path, e) && submit(x, e);
	endpoint_close(&x->endpoint);
	rmdir(folder); /* an embedded service's is gone already */
	return ok || x->is_interrupted;
}

static int run_exec(int argc, char **argv, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct execution x = { .status = EXIT_OURS };
	struct exec_opts o = { 0 };
	struct operands operands;
	bool ok;

	if (!options_parse(&command_exec, (struct command_line){ argc, argv }, &a, &o, &operands,
			   e))
		return cmd_fail(e);
	x.loop = loop_open(e);
	ok = x.loop && execute(&x, &o, &operands, e);
	loop_close(x.loop);
	arena_free(&x.arena);
	if (ok)
		return x.status;
	return cmd_fail(e) == 2 ? 2 : EXIT_OURS;
}

const struct command command_exec = {
	.name = "exec",
	.operands = "[FILE|-] [-- ARG...]",
	.help = "run one program, its output and exit code ours",
	.option = exec_options,
	.max_operands = 1,
	.takes_rest = true,
	.run = run_exec,
};
