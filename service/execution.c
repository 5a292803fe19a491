#include "service/execution.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "service/capture.h"
#include "service/command.h"
#include "service/compiled.h"
#include "service/outcome.h"
#include "service/workdir.h"

/* What an execution waits for. */
enum step {
	STEP_WAIT,    /* its slot: it is being cleared, or started anew */
	STEP_PREPARE, /* the working folder */
	STEP_UNPACK,  /* tar, once for each archive */
	STEP_COMPILE,
	STEP_WASM, /* compiling once more, to WebAssembly */
	STEP_RUN,
};

struct execution {
	struct arena arena; /* holds this struct too */
	struct place *place;
	const struct wire_request *r;
	const struct language *language;
	execution_done_fn *done;
	void *ctx;
	enum step step;
	size_t narchive; /* of r->file, looked at for archives so far */
	struct workdir folder;
	const char *path;    /* of the folder, as the program sees it */
	const char *program; /* that compiling makes */
	const char *tenant;
	char key[DIGEST_HEX];     /* of what is compiled; "": it is not kept */
	struct warming_kind warm; /* the interpreter that could wait for it */
	struct capture out, err;
	struct artifacts artifacts;
	struct wire_result result;
	struct timer soon; /* to end one that waits, not from within cancel() */
	bool is_cancelled;
};

static struct slot *slot_of(const struct execution *x)
{
	return &x->place->slot;
}

/* The end: let everything go, free the slot for the next, tell. */
static void finish(struct execution *x)
{
	struct place *place = x->place;
	struct arena arena = x->arena;
	bool is_prepared = x->folder.fd >= 0;

	timer_stop(place->executor->o.loop, &x->soon);
	fs_close(&x->folder.fd); /* first: the warden proves that it is gone */
	if (is_prepared && place->slot.pid && !warming_start(&place->warming, &x->warm))
		slot_clear(&place->slot);
	place->run = NULL;
	x->result.artifact = x->artifacts.item;
	x->result.nartifact = x->artifacts.n;
	x->done(x->ctx, &x->result);
	capture_close(&x->out);
	capture_close(&x->err);
	arena_free(&arena);
}

static void refuse(struct execution *x, const struct err *e)
{
	outcome_refuse(&x->arena, e, &x->result);
	finish(x);
}

static void finish_cancelled(struct execution *x)
{
	struct jail_ended ended = { .cause = JAIL_CAUSE_KILLED };

	outcome_tell(&x->arena, OUTCOME_RUN, &ended, x->r, &x->result);
	finish(x);
}

/* What was written so far; borrowed from the captures, which live until done was told. */
static void keep_output(struct execution *x)
{
	capture_finish(&x->out);
	capture_finish(&x->err);
	x->result.out = (struct bytes){ buf_text(&x->out.kept), x->out.kept.len };
	x->result.err = (struct bytes){ buf_text(&x->err.kept), x->err.kept.len };
	x->result.out_truncated = x->out.is_truncated;
	x->result.err_truncated = x->err.is_truncated;
}

/* The first two outputs of a step: a tool's words are kept in one piece, in the order they came. */
static bool open_outputs(struct execution *x, enum outcome_step what, int fd[4], struct err *e)
{
	struct loop *loop = x->place->executor->o.loop;
	size_t max = outcome_output_bytes(x->r);

	fd[2] = capture_open(&x->err, loop, max, e);
	if (fd[2] < 0)
		return false;
	if (what == OUTCOME_RUN)
		fd[1] = capture_open(&x->out, loop, max, e);
	else
		fd[1] = fcntl(fd[2], F_DUPFD_CLOEXEC, 0);
	return fd[1] >= 0 || (what != OUTCOME_RUN && err_sys(e, "cannot open the tool's output"));
}

static int open_input(const struct bytes *input, struct err *e)
{
	int fd;

	if (input)
		return command_memfd("stdin", input->data, input->len, e);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err_sys(e, "cannot open /dev/null");
	return fd;
}

/* Have the warden execute it; input NULL: an empty stdin. */
static bool launch(struct execution *x, enum outcome_step what, const struct command *c,
		   const struct bytes *input, struct err *e)
{
	struct jail_run run = outcome_limits(what, x->r);
	int fd[4] = { -1, -1, -1, -1 };
	bool is_ok = open_outputs(x, what, fd, e);

	if (is_ok)
		is_ok = (fd[0] = open_input(input, e)) >= 0;
	if (is_ok)
		is_ok = (fd[3] = command_strings(c, e)) >= 0;
	if (is_ok) {
		run.narg = (uint32_t)c->arg.n;
		run.nenv = (uint32_t)c->env.n;
		run.is_warm = what == OUTCOME_RUN && warming_has(&x->place->warming, &x->warm);
		slot_run(slot_of(x), &run, fd);
	}
	for (int i = 0; i < 4; i++)
		fs_close(&fd[i]);
	return is_ok;
}

static void find_warm(struct execution *x, const struct command *c)
{
	const struct warming_job job = { .tenant = x->tenant,
					 .path = x->path,
					 .r = x->r,
					 .language = x->language,
					 .command = c,
					 .folder = x->folder.fd };

	if (x->place->warming.library)
		warming_find(&x->arena, &job, &x->warm);
}

static void begin_run(struct execution *x)
{
	struct command c;
	struct err e = { 0 };

	x->step = STEP_RUN;
	command_make(&x->arena, &x->language->run, x->language, x->r, x->path, &c);
	find_warm(x, &c);
	if (!launch(x, OUTCOME_RUN, &c, x->r->has_stdin ? &x->r->input : NULL, &e))
		refuse(x, &e);
}

static struct compiled_job compiled_job(const struct execution *x, const struct command *c)
{
	return (struct compiled_job){ x->tenant, x->r, x->language, c };
}

/* Whether that was compiled before, and lies in the working folder. */
static bool find_compiled(struct execution *x, const struct command *c)
{
	int dir = x->place->executor->compiled;
	struct compiled_job job = compiled_job(x, c);

	if (dir < 0 || x->r->return_wasm_artifact)
		return false;
	compiled_key(&job, x->key);
	return compiled_restore(dir, x->key, &x->folder);
}

static void compiled_before(struct execution *x);

static void begin_compile(struct execution *x)
{
	struct command c;
	struct err e = { 0 };

	if (!x->language->compile.n) {
		begin_run(x);
		return;
	}
	command_make(&x->arena, &x->language->compile, x->language, x->r, x->path, &c);
	if (find_compiled(x, &c)) {
		compiled_before(x);
		return;
	}
	x->step = STEP_COMPILE;
	if (!launch(x, OUTCOME_COMPILE, &c, NULL, &e))
		refuse(x, &e);
}

/* The next archive, then the compiler. */
static void begin_unpack(struct execution *x)
{
	struct command c;
	struct err e = { 0 };

	while (x->narchive < x->r->nfile && !x->r->file[x->narchive].is_archive)
		x->narchive++;
	if (x->narchive == x->r->nfile) {
		begin_compile(x);
		return;
	}
	x->step = STEP_UNPACK;
	command_unpack(&x->arena, &x->r->file[x->narchive].data, x->path, &c);
	if (!launch(x, OUTCOME_UNPACK, &c, &x->r->file[x->narchive].data, &e))
		refuse(x, &e);
}

static void begin(struct execution *x)
{
	struct jail_prepare folder = outcome_folder(x->r);

	x->step = STEP_PREPARE;
	slot_prepare(slot_of(x), folder.disk_bytes, folder.max_files);
}

/* What this executor cannot do is said, not silently left out. */
static bool can_run(const struct execution *x, struct err *e)
{
	const char *why;

	if (!language_can(x->language, x->r, e))
		return false;
	return x->r->network == WIRE_ZEROTRUST || executor_network(x->place->executor, &why) ||
	       err_set(e, ERR_IMPOSSIBLE, "network_mode must be zerotrust: %s", why);
}

/* Without namespaces the program sees the host's files, and the folder where it really lies. */
static bool find_path(struct execution *x, struct err *e)
{
	char link[32], path[PATH_MAX];
	ssize_t n;

	x->path = JAIL_WORKDIR;
	if (executor_is_full(x->place->executor))
		return true;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", x->folder.fd);
	n = readlink(link, path, sizeof(path));
	if (n < 0)
		return err_sys(e, "cannot tell where the working folder lies");
	x->path = arena_strndup(&x->arena, path, (size_t)n);
	return true;
}

static void prepared(struct execution *x, int folder)
{
	const struct jail_ready *ready = &slot_of(x)->ready;
	struct err e = { 0 };

	x->folder = (struct workdir){ .fd = folder, .uid = ready->uid, .gid = ready->gid };
	if (x->is_cancelled)
		finish_cancelled(x);
	else if (!can_run(x, &e) || !find_path(x, &e) ||
		 !workdir_fill(&x->folder, x->r, x->language, &e))
		refuse(x, &e);
	else
		begin_unpack(x);
}

static bool is_clean(const struct jail_ended *ended)
{
	return ended->cause == JAIL_CAUSE_EXIT && ended->status == 0;
}

static bool is_by_itself(const struct jail_ended *ended)
{
	return ended->cause == JAIL_CAUSE_EXIT || ended->cause == JAIL_CAUSE_SIGNAL;
}

static void unpacked(struct execution *x, const struct jail_ended *ended)
{
	const char *words = x->result.err.data;
	struct err e = { 0 };

	if (is_clean(ended)) {
		x->narchive++;
		begin_unpack(x);
		return;
	}
	if (!is_by_itself(ended)) {
		outcome_tell(&x->arena, OUTCOME_UNPACK, ended, x->r, &x->result);
		finish(x);
		return;
	}
	err_set(&e, ended->hit_disk ? ERR_TOO_LARGE : ERR_IMPOSSIBLE, "cannot unpack '%s': %.*s",
		x->r->file[x->narchive].name, (int)strcspn(words, "\n"), words);
	refuse(x, &e);
}

static void keep_compile(struct execution *x, const struct jail_ended *ended)
{
	struct wire_result told = { 0 };

	outcome_tell(&x->arena, OUTCOME_COMPILE, ended, x->r, &told);
	x->result.has_compile = true;
	x->result.compile_exit_code = told.exit_code;
	x->result.compile_stderr = arena_strndup(&x->arena, x->result.err.data, x->result.err.len);
	x->result.compile_time_ms += (int64_t)(ended->wall_us / 1000);
}

/* As after flags such as -c or -fsyntax-only: the compiler is content, but there is nothing to run.
 */
static void finish_without_program(struct execution *x, const char *program)
{
	x->result.status = WIRE_COMPLETED;
	x->result.exit_code = 127;
	x->result.error = arena_printf(&x->arena, "compiling made no file '%s' to run", program);
	finish(x);
}

/* Whether that file is there, and among the artifacts if it is wanted there; else the job has
 * ended.
 */
static bool take_program(struct execution *x, const char *program, bool is_wanted)
{
	struct err e = { 0 };

	if (!workdir_has(&x->folder, program)) {
		finish_without_program(x, program);
		return false;
	}
	if (is_wanted && !workdir_take(&x->folder, program, &x->artifacts, &e)) {
		refuse(x, &e);
		return false;
	}
	return true;
}

/* Whether the compiler was content; else the job has ended. */
static bool has_compiled(struct execution *x, const struct jail_ended *ended)
{
	keep_compile(x, ended);
	if (is_clean(ended))
		return true;
	outcome_tell(&x->arena, OUTCOME_COMPILE, ended, x->r, &x->result);
	finish(x);
	return false;
}

static void begin_wasm(struct execution *x)
{
	struct command c;
	struct err e = { 0 };

	if (!x->r->return_wasm_artifact) {
		begin_run(x);
		return;
	}
	x->step = STEP_WASM;
	command_make(&x->arena, &x->language->wasm, x->language, x->r, x->path, &c);
	if (!launch(x, OUTCOME_COMPILE, &c, NULL, &e))
		refuse(x, &e);
}

/* It is no fault of the job's if it cannot be kept. */
static void keep_compiled(struct execution *x)
{
	struct compiled_job job = compiled_job(x, NULL);
	struct err e;

	if (x->key[0] && !compiled_keep(x->place->executor->compiled, x->key, &job, &x->folder, &e))
		log_warn("%s", e.msg);
}

static void compiled(struct execution *x, const struct jail_ended *ended)
{
	if (!has_compiled(x, ended) || !take_program(x, x->program, x->r->return_artifact))
		return;
	keep_compiled(x);
	begin_wasm(x);
}

static void compiled_before(struct execution *x)
{
	x->result.has_compile = true;
	x->result.compile_cached = true;
	x->result.compile_stderr = "";
	if (take_program(x, x->program, x->r->return_artifact))
		begin_run(x);
}

static void compiled_to_wasm(struct execution *x, const struct jail_ended *ended)
{
	if (has_compiled(x, ended) &&
	    take_program(x, arena_printf(&x->arena, "%s.wasm", x->program), true))
		begin_run(x);
}

static void ran(struct execution *x, const struct jail_ended *ended)
{
	struct err e = { 0 };

	warming_ran(&x->place->warming, &x->warm, ended->is_warm);
	if (ended->is_warm)
		x->result.execution_mode = "warm";
	outcome_tell(&x->arena, OUTCOME_RUN, ended, x->r, &x->result);
	if (!workdir_collect(&x->folder, x->r->artifact_path, x->r->nartifact_path, &x->artifacts,
			     &e) &&
	    !x->result.error)
		x->result.error = arena_strdup(&x->arena, e.msg);
	finish(x);
}

/* The warden is gone. What has not begun waits for the next one; nothing is run twice. */
static void lost(struct execution *x, const char *why)
{
	struct err e = { 0 };

	keep_output(x);
	if (x->is_cancelled) {
		finish_cancelled(x);
		return;
	}
	if (x->step <= STEP_PREPARE && !slot_is_broken(slot_of(x))) {
		x->step = STEP_WAIT;
		return;
	}
	err_set(&e, ERR_SYSTEM, "%s", why);
	refuse(x, &e);
}

/* What it waited for is there. */
static void execution_step(struct execution *x, const struct slot_news *news)
{
	switch (x->step) {
	case STEP_WAIT:
		begin(x);
		return;
	case STEP_PREPARE:
		prepared(x, news->fd);
		return;
	case STEP_UNPACK:
		unpacked(x, news->ended);
		return;
	case STEP_COMPILE:
		compiled(x, news->ended);
		return;
	case STEP_WASM:
		compiled_to_wasm(x, news->ended);
		return;
	case STEP_RUN:
		ran(x, news->ended);
		return;
	}
}

void execution_news(void *ctx, const struct slot_news *news)
{
	struct place *place = ctx;
	struct execution *x = place->run;

	if (!news->op)
		warming_lost(&place->warming);
	if (news->op == JAIL_WARMED)
		warming_told(&place->warming, news->why);
	if (!x)
		return; /* cleared or started anew, and nobody waits for it */
	if (news->op == JAIL_READY && executor_is_full(place->executor))
		x->result.execution_mode = "cold"; /* it waited for its slot to be built */
	if (!news->op) {
		lost(x, news->why);
		return;
	}
	if (news->op == JAIL_ENDED)
		keep_output(x);
	if (news->op == JAIL_ENDED && x->is_cancelled)
		finish_cancelled(x);
	else
		execution_step(x, news);
}

static void on_soon(void *ctx)
{
	finish_cancelled(ctx);
}

void execution_cancel(struct execution *x)
{
	struct loop *loop = x->place->executor->o.loop;

	x->is_cancelled = true;
	if (x->step == STEP_WAIT) {
		x->soon.fn = on_soon;
		x->soon.ctx = x;
		timer_set(loop, &x->soon, loop_now_ms(loop));
	}
	slot_kill(slot_of(x));
}

struct execution *execution_start(struct place *place, const struct executor_job *job,
				  const struct wire_request *r, const struct language *language,
				  execution_done_fn *done, void *ctx)
{
	struct arena arena = { 0 };
	struct execution *x = ARENA_NEW(&arena, 1, struct execution);

	*x = (struct execution){ .place = place,
				 .r = command_named(&arena, r, language),
				 .tenant = job->tenant,
				 .language = language,
				 .done = done,
				 .ctx = ctx,
				 .step = STEP_WAIT,
				 .folder.fd = -1,
				 .out = CAPTURE_NONE,
				 .err = CAPTURE_NONE };
	x->program = command_program(&arena, language, x->r);
	x->result = (struct wire_result){ .job_id = arena_strdup(&arena, job->id),
					  .language = language->name,
					  .execution_mode = executor_mode(place->executor),
					  .network = r->network,
					  .has_extras = true,
					  .out = { "", 0 },
					  .err = { "", 0 } };
	x->arena = arena;
	x->artifacts = (struct artifacts){ .arena = &x->arena, .room = WORKDIR_ARTIFACT_MAX };
	place->run = x;
	if (slot_is_idle(&place->slot))
		begin(x);
	return x;
}

void execution_drop(struct execution *x)
{
	struct arena arena = x->arena;

	timer_stop(x->place->executor->o.loop, &x->soon);
	fs_close(&x->folder.fd);
	capture_close(&x->out);
	capture_close(&x->err);
	arena_free(&arena);
}

/* A compiler's words are no output of the program. */
struct bytes execution_peek(const struct execution *x, int stream)
{
	const struct capture *c = stream == 1 ? &x->out : &x->err;

	return x->step == STEP_RUN ? (struct bytes){ buf_text(&c->kept), c->kept.len }
				   : (struct bytes){ "", 0 };
}
