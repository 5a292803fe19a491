/* bench -- real jobs in the real sandbox, $BUILD/sandbatch-jail, for the tests of service. */
#ifndef TESTS_UNIT_SERVICE_BENCH_H
#define TESTS_UNIT_SERVICE_BENCH_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "pack/pack.h"
#include "jail/jail.h"
#include "service/execution.h"

struct bench {
	struct arena arena;
	struct loop *loop;
	struct languages languages;
	struct executor *executor;
	const char *jail;
	/* of the last job */
	struct arena job;
	struct wire_result result;
	int ndone;
};

static inline struct bytes text(const char *s)
{
	return (struct bytes){ s, strlen(s) };
}

static inline struct bytes copy(struct arena *a, struct bytes b)
{
	return (struct bytes){ arena_strndup(a, b.data, b.len), b.len };
}

static inline void keep_result(struct bench *b, const struct wire_result *r)
{
	arena_free(&b->job);
	b->ndone++;
	b->result = *r;
	b->result.job_id = arena_strdup(&b->job, r->job_id);
	b->result.out = copy(&b->job, r->out);
	b->result.err = copy(&b->job, r->err);
	b->result.error = r->error ? arena_strdup(&b->job, r->error) : NULL;
	if (r->compile_stderr)
		b->result.compile_stderr = arena_strdup(&b->job, r->compile_stderr);
	b->result.artifact = ARENA_NEW(&b->job, r->nartifact, struct wire_artifact);
	for (size_t i = 0; i < r->nartifact; i++) {
		b->result.artifact[i].name = arena_strdup(&b->job, r->artifact[i].name);
		b->result.artifact[i].data = copy(&b->job, r->artifact[i].data);
	}
}

static inline void on_done(void *ctx, const struct wire_result *r)
{
	struct bench *b = ctx;

	keep_result(b, r);
	loop_stop(b->loop);
}

static inline struct execution *start(struct bench *b, const struct wire_request *r)
{
	const struct language *l = languages_find(&b->languages, r->language);

	assert_non_null(l);
	assert_true(executor_local.room(b->executor) > 0);
	return executor_local.start(b->executor, &(struct executor_job){ "job-1", "" }, r, l,
				    on_done, b);
}

static inline void finish(struct bench *b)
{
	struct err e;
	int before = b->ndone;

	assert_true(loop_run(b->loop, &e));
	assert_int_equal(b->ndone, before + 1);
}

static inline const struct wire_result *run(struct bench *b, const struct wire_request *r)
{
	start(b, r);
	finish(b);
	return &b->result;
}

static inline struct wire_request request(const char *language, const char *code)
{
	return (struct wire_request){
		.language = language, .code = text(code), .ttl_s = 30, .limits = WIRE_LIMITS_DEFAULT
	};
}

/* The result is as a program's that printed out and ended well. */
static inline void assert_prints(const struct wire_result *r, const char *out)
{
	if (r->status != WIRE_COMPLETED || r->exit_code || strcmp(r->out.data, out) != 0)
		fail_msg("%s: status %s, exit %d, error %s\nstdout: %s\nstderr: %s", r->language,
			 wire_status_names[r->status], r->exit_code, r->error ? r->error : "none",
			 r->out.data, r->err.data);
	assert_true(r->success);
	assert_null(r->error);
	assert_int_equal(r->limit, WIRE_NO_LIMIT);
}

/* Do something to the job while it runs. */
struct meddler {
	struct bench *b;
	struct execution *x;
	struct timer timer;
};

static inline void meddle(struct meddler *m, int64_t in_ms, loop_fn *fn)
{
	m->timer.fn = fn;
	m->timer.ctx = m;
	timer_set(m->b->loop, &m->timer, loop_now_ms(m->b->loop) + in_ms);
}

static inline struct executor *open_with(struct bench *b, const char *jail, const char *sandbox,
					 struct err *e)
{
	struct executor_options o = { .loop = b->loop,
				      .languages = &b->languages,
				      .slots = 1,
				      .jail = jail,
				      .sandbox = sandbox };

	return executor_local.open(&o, e);
}

/* Another in its stead: two at once would have the same slots of the same service. */
static inline void swap_executor(struct bench *b, const char *jail, const char *sandbox)
{
	struct err e;

	executor_local.close(b->executor);
	b->executor = open_with(b, jail, sandbox, &e);
	if (!b->executor)
		fail_msg("%s", e.msg);
}

static inline const char *jail_path(struct arena *a)
{
	const char *build = getenv("BUILD");

	return arena_printf(a, "%s/sandbatch-jail", build ? build : "build");
}

static inline int open_bench(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	CLEAN_BUF struct buf tell = BUF(1 << 16);
	struct err e = { 0 };

	assert_non_null(b);
	*state = b;
	b->jail = jail_path(&b->arena);
	b->loop = loop_open(&e);
	if (b->loop &&
	    languages_load(&b->arena, "etc/languages.yml", NULL, &tell, &b->languages, &e))
		b->executor = open_with(b, b->jail, "full", &e);
	if (!b->executor)
		print_error("%s\n%s", e.msg, buf_text(&tell));
	return b->executor ? 0 : -1;
}

static inline int close_bench(void **state)
{
	struct bench *b = *state;

	if (b->executor)
		executor_local.close(b->executor);
	if (b->loop)
		loop_close(b->loop);
	arena_free(&b->job);
	arena_free(&b->arena);
	free(b);
	return 0;
}

/* Why nothing can be tested here, or NULL. */
static inline const char *obstacle(struct arena *a)
{
	CLEAN_FD int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd < 0)
		return "pidfd_open(2) is missing, as under valgrind";
	if (access(jail_path(a), X_OK) != 0)
		return arena_printf(a, "%s is not built", jail_path(a));
	return NULL;
}

static inline bool bench_can_run(void)
{
	CLEAN_ARENA struct arena a = { 0 };
	const char *why = obstacle(&a);

	if (why)
		printf("1..0 # SKIP %s\n", why);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return !why;
}

/* All of them on one bench; what main returns. */
#define bench_run(tests) \
	(bench_can_run() ? cmocka_run_group_tests(tests, open_bench, close_bench) : 0)

#endif
