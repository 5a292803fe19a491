/*
 * What happens to cells: retries, repeats, failures that are allowed, failures that are enough.
 *
 * The service is played by this file: it stands in for the room api. A job's code is its script:
 * its name, then what each of its attempts comes to (the last word stays).
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "run/history.h"

#define TTL_MS  10000
#define LOG_MAX 65536

/* ---- the service ---- */

struct api_call {
	struct api *api;
	struct timer timer;
	api_done_fn *done;
	void *ctx;
	char id[128]; /* NAME/ATTEMPT/WORD */
	bool is_submit, is_cancel;
};

struct api {
	struct loop *loop;
	struct arena arena;
	struct map count; /* by name: attempts so far */
	struct buf log;   /* ids in the order they came */
	struct buf keys, awaited;
	int nflight, most;
};

/* What a word of the script means. */
static const struct meaning {
	const char *word;
	struct wire_result res;
} meanings[] = {
	{ "pass", { .success = true, .total_time_ms = 100 } },
	{ "accept", { .exit_code = 42 } },
	{ "reject", { .exit_code = 43, .err = { "no good\n", 8 } } },
	{ "half",
	  { .exit_code = 43,
	    .artifact = (struct wire_artifact[]){ { "score.txt", { "0.5\n", 4 } } },
	    .nartifact = 1 } },
	{ "one", { .success = true, .out = { "1\n", 2 } } },
	{ "two", { .success = true, .out = { "2\n", 2 } } },
	{ "slow", { .success = true, .total_time_ms = TTL_MS * 95 / 100 } },
	{ "fail", { .exit_code = 1, .out = { "wrong\n", 6 }, .total_time_ms = 100 } },
	{ "flap", { .exit_code = 1, .err = { "connection reset\n", 17 } } },
	{ "away", { .status = WIRE_FAILED } }, /* its endpoint is left out */
	{ "dead", { .status = WIRE_FAILED, .error = "the node is gone" } },
	{ "idle", { .status = WIRE_TIMEOUT, .exit_code = -1, .total_time_ms = TTL_MS } },
	{ "busy",
	  { .status = WIRE_TIMEOUT,
	    .exit_code = -1,
	    .total_time_ms = TTL_MS,
	    .cpu_time_ms = TTL_MS / 2 } },
	{ "spin",
	  { .status = WIRE_TIMEOUT,
	    .exit_code = -1,
	    .total_time_ms = TTL_MS,
	    .cpu_time_ms = TTL_MS - 1 } },
};

static const struct meaning *meaning_of(const char *id)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (!strcmp(strrchr(id, '/') + 1, meanings[i].word))
			return &meanings[i];
	return NULL;
}

static void answer(void *ctx)
{
	struct api_call *c = ctx;
	const struct meaning *m = meaning_of(c->id);
	struct wire_job job = { .id = c->id };
	struct wire_result res = { 0 };
	struct api_answer a = { .ok = true, .http_status = 200, .job = &job };

	if (!c->is_submit && c->api->nflight)
		c->api->nflight--;
	if (m) {
		res = m->res;
		res.has_extras = true;
		if (res.status == WIRE_PENDING)
			res.status = WIRE_COMPLETED;
		job.result = c->is_submit ? NULL : &res;
	} else { /* "gone", or what is not there */
		a = (struct api_answer){ .http_status = strstr(c->id, "lost") ? 404 : 0 };
		err_set(&a.err, ERR_REMOTE, "nobody answers");
	}
	if (m && strstr(c->id, "/away") && !c->is_submit) {
		a = (struct api_answer){ .is_gone = true };
		err_set(&a.err, ERR_REMOTE, "its endpoint is left out");
	}
	if (c->is_cancel)
		a.job = NULL;
	c->done(c->ctx, &a);
	free(c);
}

static struct api_call *begin(struct api *api, const char *id, api_done_fn *done, void *ctx)
{
	struct api_call *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	*c = (struct api_call){ .api = api, .done = done, .ctx = ctx };
	snprintf(c->id, sizeof(c->id), "%s", id);
	c->timer = (struct timer){ .fn = answer, .ctx = c };
	timer_set(api->loop, &c->timer, loop_now_ms(api->loop));
	return c;
}

static const char *next_word(struct api *api, const char *code)
{
	CLEAN_ARENA struct arena a = { 0 };
	char *save, *text = arena_strdup(&a, code), *name = strtok_r(text, " ", &save), *word,
		    *next;
	size_t *n = map_get(&api->count, name, strlen(name));

	if (!n) {
		n = ARENA_NEW(&api->arena, 1, size_t);
		map_set(&api->count, arena_strdup(&api->arena, name), strlen(name), n);
	}
	word = strtok_r(NULL, " ", &save);
	for (size_t i = 0; i < *n && (next = strtok_r(NULL, " ", &save)); i++)
		word = next;
	return arena_printf(&api->arena, "%s/%zu/%s", name, ++*n, word);
}

struct api_call *api_submit(struct api *api, const char *key, const char *body, size_t len,
			    api_done_fn *done, void *ctx)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct wire_request r;
	struct err e = { 0 };
	const char *id;
	struct api_call *c;

	buf_printf(&api->keys, "%s ", key);
	assert_true(wire_request_parse(&a, body, len, &r, &e));
	id = next_word(api, arena_strndup(&a, r.code.data, r.code.len));
	buf_puts(&api->log, id);
	for (size_t i = 0; i < r.nfile; i++)
		buf_printf(&api->log, ",%s=%.*s", r.file[i].name, (int)r.file[i].data.len,
			   r.file[i].data.data);
	buf_puts(&api->log, " ");
	c = begin(api, id, done, ctx);
	c->is_submit = true;
	if (++api->nflight > api->most)
		api->most = api->nflight;
	if (!meaning_of(id))
		api->nflight--;
	return c;
}

struct api_call *api_await(struct api *api, const char *id, api_done_fn *done, void *ctx)
{
	buf_printf(&api->awaited, "%s ", id);
	return begin(api, id, done, ctx);
}

struct api_call *api_cancel(struct api *api, const char *id, api_done_fn *done, void *ctx)
{
	struct api_call *c = begin(api, id, done, ctx);

	c->is_cancel = true;
	return c;
}

void api_drop(struct api_call *c)
{
	timer_stop(c->api->loop, &c->timer);
	free(c);
}

/* ---- a run ---- */

struct bench {
	struct arena arena;
	char folder[64];
	struct buf tell, rows, told;
	struct spec spec;
	struct plan plan;
	struct api api;
	struct run_options o;
	struct summary sum;
	struct run *run;
	struct history history;
};

static void on_progress(void *ctx, enum run_event event, uint32_t cell, const struct row *row)
{
	struct bench *b = ctx;

	(void)cell;
	if (event == RUN_AGAIN)
		buf_printf(&b->told, "%s %s: %s\n", row->cell, verdict_names[row->verdict],
			   row->reason);
}

static void open_bench(struct bench *b, const char *jobs)
{
	struct err e = { 0 };
	CLEAN_FD int fd = -1;
	const char *text;

	memset(b, 0, sizeof(*b));
	snprintf(b->folder, sizeof(b->folder), "/tmp/run_cells.XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	b->tell = b->rows = b->told = BUF(1 << 16);
	text = arena_printf(&b->arena,
			    "version: 1\ndefaults: { ttl: 10, language: bash }\njobs:\n%s", jobs);
	fd = open(b->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(fs_write(fd, "spec.yaml", text, strlen(text), &e));
	assert_true(fs_write(fd, "judge.sh", "judge accept", 12, &e));
	assert_true(fs_write(fd, "strict.sh", "strict reject", 13, &e));
	assert_true(fs_write(fd, "kind.sh", "kind half", 9, &e));
	assert_true(fs_write(fd, "ill.sh", "ill fail", 8, &e));
	assert_true(fs_write(fd, "answer", "1\n", 2, &e));
	if (!spec_load(&b->arena, arena_printf(&b->arena, "%s/spec.yaml", b->folder), NULL,
		       &b->tell, &b->spec, &e) ||
	    !plan_build(&b->arena, &b->spec, &b->plan, &e))
		fail_msg("%s\n%s", e.msg, buf_text(&b->tell));
	b->api.loop = loop_open(&e);
	b->api.log = b->api.keys = b->api.awaited = BUF(LOG_MAX);
	b->o = (struct run_options){
		.loop = b->api.loop,
		.api = &b->api,
		.endpoint = "here",
		.has_additions = true,
		.output = arena_printf(&b->arena, "%s/run", b->folder),
		.max_in_flight = 4,
		.progress = on_progress,
		.progress_ctx = b,
	};
}

static struct job_spec *job(struct bench *b, const char *name)
{
	for (size_t i = 0; i < b->spec.njob; i++)
		if (!strcmp(b->spec.job[i].name, name))
			return &b->spec.job[i];
	fail_msg("no job %s", name);
	return NULL;
}

/* "cell verdict attempts" of each row. */
static const char *go(struct bench *b)
{
	struct err e = { 0 };

	b->run = run_open(&b->plan, &b->o, &e);
	if (!b->run || !run_go(b->run, &b->sum, &e))
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < b->sum.nrow; i++)
		buf_printf(&b->rows, "%s %s %d\n", b->sum.row[i].cell,
			   verdict_names[b->sum.row[i].verdict], b->sum.row[i].attempts);
	assert_int_equal(b->api.nflight, 0);
	return buf_text(&b->rows);
}

static void close_bench(struct bench *b)
{
	struct err e = { 0 };

	run_close(b->run);
	loop_close(b->api.loop);
	fs_remove_tree(AT_FDCWD, b->folder, &e);
	map_close(&b->api.count);
	arena_free(&b->api.arena);
	buf_close(&b->api.log);
	buf_close(&b->api.keys);
	buf_close(&b->api.awaited);
	history_close(&b->history);
	buf_close(&b->tell);
	buf_close(&b->rows);
	buf_close(&b->told);
	arena_free(&b->arena);
}

static struct retry_spec retry(int64_t max, unsigned on)
{
	return (struct retry_spec){ .max = max, .on = on, .backoff_ms = 1, .factor = 2 };
}

/* ---- retries ---- */

static void what_the_service_could_not_run_is_tried_again(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "  a: { code: a dead dead pass }\n  b: { code: b fail }\n");
	job(&b, "a")->retry = retry(2, RETRY_INFRA);
	job(&b, "b")->retry = retry(2, RETRY_INFRA);
	assert_string_equal(go(&b), "a passed 3\nb failed 1\n");
	assert_string_equal(b.sum.row[0].first, "error: the node is gone");
	assert_string_equal(b.sum.row[0].reason,
			    "at attempt 3; the first: error: the node is gone");
	assert_string_equal(buf_text(&b.told),
			    "a error: the node is gone\na error: the node is gone\n");
	close_bench(&b);
}

static void the_first_failure_is_kept_beside_the_last_attempt(void **state)
{
	struct bench b;
	struct err e = { 0 };
	char *text;
	size_t len;

	(void)state;
	open_bench(&b, "  a: { code: a flap pass }\n");
	job(&b, "a")->retry = retry(2, 0);
	job(&b, "a")->retry.patterns = (struct names){ (const char *[]){ "reset$" }, 1 };
	assert_string_equal(go(&b), "a passed 2\n");
	assert_true(fs_read(&b.arena, AT_FDCWD,
			    arena_printf(&b.arena, "%s/run/jobs/a%%231/stderr", b.folder), 4096,
			    &text, &len, &e));
	assert_string_equal(text, "connection reset\n");
	assert_true(faccessat(AT_FDCWD,
			      arena_printf(&b.arena, "%s/run/jobs/a/result.json", b.folder), F_OK,
			      0) == 0);
	close_bench(&b);
}

static void retries_end_at_their_number_and_only_for_their_kinds(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "  a: { code: a dead }\n  b: { code: b spin pass }\n"
		       "  c: { code: c spin pass }\n  d: { code: d fail pass }\n");
	job(&b, "a")->retry = retry(3, RETRY_INFRA);
	job(&b, "b")->retry = retry(1, RETRY_TIMEOUT);
	job(&b, "c")->retry = retry(1, RETRY_INFRA);
	job(&b, "d")->retry = retry(1, RETRY_INFRA | RETRY_TIMEOUT);
	assert_string_equal(go(&b), "a error 4\nb passed 2\nc timeout 1\nd failed 1\n");
	close_bench(&b);
}

static void a_service_out_of_reach_ends_the_run_only_after_the_retries(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "  a: { code: a gone gone pass }\n  b: { code: b pass, needs: [a] }\n");
	job(&b, "a")->retry = retry(2, RETRY_INFRA);
	assert_string_equal(go(&b), "a passed 3\nb passed 1\n");
	close_bench(&b);

	open_bench(&b, "  a: { code: a gone }\n  b: { code: b pass, needs: [a] }\n");
	job(&b, "a")->retry = retry(2, RETRY_INFRA);
	assert_string_equal(go(&b), "a error 3\nb error 0\n");
	assert_string_equal(b.sum.row[1].reason, "nobody answers");
	close_bench(&b);
}

static void what_was_at_an_endpoint_that_is_gone_runs_elsewhere_and_is_no_retry(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "  a: { code: a away away dead pass }\n  b: { code: b away pass }\n");
	job(&b, "a")->retry = retry(1, RETRY_INFRA);
	assert_string_equal(go(&b), "a passed 4\nb passed 2\n");
	assert_string_equal(b.sum.row[1].reason,
			    "at attempt 2; the first: error: its endpoint is left out");
	close_bench(&b);
}

static void a_cell_that_waits_for_its_next_attempt_takes_no_place(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b,
		   "  a: { code: a dead pass }\n  b: { code: b pass }\n  c: { code: c pass }\n");
	job(&b, "a")->retry = retry(1, RETRY_INFRA);
	job(&b, "a")->retry.backoff_ms = 50;
	b.o.max_in_flight = 1;
	assert_string_equal(go(&b), "a passed 2\nb passed 1\nc passed 1\n");
	assert_string_equal(buf_text(&b.api.log), "a/1/dead b/1/pass c/1/pass a/2/pass ");
	assert_int_equal(b.api.most, 1);
	close_bench(&b);
}

/* ---- near the time limit ---- */

static void a_timeout_that_may_be_the_machines_is_repeated_once(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "  a: { code: a busy pass }\n  b: { code: b busy }\n"
		       "  c: { code: c idle pass }\n  d: { code: d spin pass }\n");
	assert_string_equal(go(&b), "a passed 2\nb timeout 2\nc timeout 1\nd timeout 1\n");
	assert_string_equal(b.sum.row[1].first, "timeout: timeout after 10.0 s (ttl)");
	close_bench(&b);
}

static void a_timeout_is_doubtful_where_its_fellows_were_close(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "  a:\n    code: ${{ matrix.n }} ${{ matrix.w }}\n"
		       "    matrix: { include: [{ n: 1, w: slow }, { n: 2, w: spin pass }] }\n"
		       "  b: { code: b spin pass }\n");
	b.o.max_in_flight = 1;
	assert_string_equal(go(&b), "a[n=1,w=slow] passed 1\na[n=2,w=spin pass] passed 2\n"
				    "b timeout 1\n");
	close_bench(&b);
}

/* ---- repeats ---- */

static void verdicts_that_differ_are_flaky(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "  a: { code: a pass fail pass }\n  b: { code: b pass }\n"
		       "  c: { code: c fail }\n  d: { code: d pass dead }\n");
	for (size_t i = 0; i < b.spec.njob; i++)
		b.spec.job[i].repeat = 3;
	assert_string_equal(go(&b), "a flaky 3\nb passed 3\nc failed 3\nd error 2\n");
	assert_string_equal(b.sum.row[0].reason,
			    "2 of 3 runs were as expected; one was failed: exit code 1, wanted 0");
	assert_int_equal(b.sum.row[0].nfailure, 1);
	assert_memory_equal(b.sum.row[0].out.data, "wrong\n", 6);
	close_bench(&b);
}

static void a_retry_is_no_repeat(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "  a: { code: a dead pass pass }\n");
	job(&b, "a")->repeat = 2;
	job(&b, "a")->retry = retry(1, RETRY_INFRA);
	assert_string_equal(go(&b), "a passed 3\n");
	close_bench(&b);
}

/* ---- what a failure does ---- */

static void an_allowed_failure_keeps_no_one(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "  a: { code: a fail }\n  b: { code: b pass, needs: [a] }\n"
		       "  c: { code: c fail }\n  d: { code: d pass, needs: [c] }\n");
	job(&b, "a")->allow_failure = true;
	assert_string_equal(go(&b), "a failed 1\nb passed 1\nc failed 1\nd skipped 0\n");
	assert_true(b.sum.row[0].is_allowed);
	assert_false(b.sum.row[2].is_allowed);
	close_bench(&b);
}

static void after_enough_failures_nothing_more_is_started(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "  a: { code: a fail }\n  b: { code: b pass }\n  c: { code: c fail }\n"
		       "  d: { code: d pass }\n  e: { code: e pass, needs: [d] }\n");
	b.o.max_in_flight = 1;
	b.o.max_failures = 2;
	assert_string_equal(go(&b),
			    "a failed 1\nb passed 1\nc failed 1\nd skipped 0\ne skipped 0\n");
	assert_string_equal(b.sum.row[3].reason, "not started: c was failure number 2");
	assert_string_equal(b.sum.row[4].reason, "not started: c was failure number 2");
	close_bench(&b);

	open_bench(&b, "  a: { code: a fail }\n  b: { code: b pass }\n");
	b.o.max_in_flight = b.o.max_failures = 1;
	assert_string_equal(go(&b), "a failed 1\nb skipped 0\n");
	assert_string_equal(b.sum.row[1].reason, "not started: a was failed");
	close_bench(&b);
}

static void what_runs_when_it_is_enough_ends_by_itself(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "  a: { code: a fail }\n  b: { code: b pass }\n  c: { code: c pass }\n");
	b.o.max_in_flight = 2;
	b.o.max_failures = 1;
	assert_string_equal(go(&b), "a failed 1\nb passed 1\nc skipped 0\n");
	close_bench(&b);
}

/* ---- going on with an earlier run ---- */

static const char run_event[] =
	"{\"event\":\"run\",\"version\":1,\"spec\":\"s\",\"name\":\"s\",\"cells\":9,"
	"\"endpoint\":\"here\",\"started_at\":1000}\n";

/* What a runner that was killed has left. */
static void resume(struct bench *b, const char *events)
{
	struct err e = { 0 };
	const char *text = arena_printf(&b->arena, "%s%s", run_event, events);

	assert_true(fs_mkdirs(AT_FDCWD, b->o.output, &e));
	assert_true(fs_write(AT_FDCWD, arena_printf(&b->arena, "%s/journal.jsonl", b->o.output),
			     text, strlen(text), &e));
	if (!history_load(&b->arena, b->o.output, &b->history, &e))
		fail_msg("%s", e.msg);
	b->o.history = &b->history;
}

#define ENDED(cell, verdict)                                                              \
	"{\"event\":\"ended\",\"cell\":\"" cell "\",\"job\":\"" cell                      \
	"\",\"index\":0,\"verdict\":\"" verdict "\",\"reason\":\"then\",\"exit_code\":0," \
	"\"duration_ms\":7,\"queue_ms\":0,\"attempts\":1,\"points\":0,\"max_points\":0,"  \
	"\"artifacts\":0,\"job_id\":\"x\"}\n"
#define SUBMIT(cell, key) "{\"event\":\"submit\",\"cell\":\"" cell "\",\"key\":\"" key "\"}\n"
#define SUBMITTED(cell, id) \
	"{\"event\":\"submitted\",\"cell\":\"" cell "\",\"job_id\":\"" id "\"}\n"

static void what_ended_is_not_run_again_and_what_was_sent_is_awaited(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "  a: { code: a fail }\n  b: { code: b fail }\n  c: { code: c pass }\n"
		       "  d: { code: d pass }\n  e: { code: e pass, needs: [a] }\n");
	b.o.max_in_flight = 1;
	resume(&b,
	       ENDED("a", "passed") SUBMIT("b", "k1") SUBMITTED("b", "B/1/pass") SUBMIT("c", "k2"));
	assert_string_equal(go(&b), "a passed 1\nb passed 1\nc passed 1\nd passed 1\ne passed 1\n");
	assert_string_equal(buf_text(&b.api.log), "e/1/pass c/1/pass d/1/pass ");
	assert_string_equal(buf_text(&b.api.awaited), "e/1/pass B/1/pass c/1/pass d/1/pass ");
	assert_non_null(strstr(buf_text(&b.api.keys), " k2 "));
	assert_int_equal(b.sum.row[0].duration_ms, 7);
	assert_int_equal(b.sum.started_at, 1000);
	close_bench(&b);
}

static void what_had_no_service_or_was_cancelled_is_run_again(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "  a: { code: a pass }\n  b: { code: b pass }\n"
		       "  c: { code: c pass, needs: [a] }\n  d: { code: d pass }\n");
	resume(&b, ENDED("a", "error") ENDED("b", "cancelled") ENDED("c", "skipped")
			   ENDED("d", "failed"));
	assert_string_equal(go(&b), "a passed 1\nb passed 1\nc passed 1\nd failed 1\n");
	close_bench(&b);
}

static void what_the_service_has_lost_is_sent_afresh(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "  a: { code: a pass }\n");
	resume(&b, SUBMIT("a", "k1") SUBMITTED("a", "A/1/lost"));
	assert_string_equal(go(&b), "a passed 1\n");
	assert_string_equal(buf_text(&b.api.log), "a/1/pass ");
	assert_null(strstr(buf_text(&b.api.keys), "k1"));
	close_bench(&b);
}

static void failed_cells_run_again_with_what_needs_them(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "  a: { code: a pass }\n  b: { code: b pass }\n"
		       "  c: { code: c pass, needs: [a] }\n  d: { code: d pass, needs: [b] }\n"
		       "  e: { code: e pass, needs: [d] }\n");
	b.o.max_in_flight = 1;
	b.o.reruns_failed = true;
	resume(&b, ENDED("a", "failed") ENDED("b", "passed") ENDED("c", "passed")
			   ENDED("d", "passed") ENDED("e", "timeout"));
	assert_string_equal(go(&b), "a passed 1\nb passed 1\nc passed 1\nd passed 1\ne passed 1\n");
	assert_string_equal(buf_text(&b.api.log), "a/1/pass e/1/pass c/1/pass ");
	close_bench(&b);
}

/* ---- what others printed, and checkers ---- */

static void what_another_job_printed_is_compared(void **state)
{
	struct bench b;

	(void)state;
	open_bench(
		&b,
		"  a: { code: a one }\n  b: { code: b one, expect: { stdout: { same_as: a } } }\n"
		"  c: { code: c two, expect: { stdout: { same_as: a } } }\n");
	assert_string_equal(go(&b), "a passed 1\nb passed 1\nc failed 1\n");
	close_bench(&b);
}

static void a_text_tells_what_a_needed_job_left(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "  a: { code: a one, expect: { stdout: \"1\" } }\n"
		       "  b: { code: b pass, needs: [a], files: [ { as: f, content: "
		       "\"${{ needs.a.verdict }} ${{ needs.a.stdout }}\" } ] }\n");
	assert_string_equal(go(&b), "a passed 1\nb passed 1\n");
	assert_string_equal(buf_text(&b.api.log), "a/1/one b/1/pass,f=passed 1 ");
	close_bench(&b);
}

static void a_checker_is_a_job_of_its_own_that_alone_gets_the_answer(void **state)
{
	struct bench b;

	(void)state;
	open_bench(
		&b,
		"  a:\n    code: a one\n    stdin: question\n    expect: { stdout: "
		"[ { equals_file: answer }, { checker: { file: judge.sh, language: bash } } ] }\n"
		"  b: { code: b two, expect: { stdout: "
		"{ checker: { file: strict.sh, language: bash } } } }\n"
		"  c: { code: c fail, expect: { stdout: "
		"{ checker: { file: judge.sh, language: bash } } } }\n");
	b.o.max_in_flight = 1;
	assert_string_equal(go(&b), "a passed 1\nb failed 1\nc failed 1\n");
	assert_string_equal(buf_text(&b.api.log),
			    "a/1/one judge/1/accept,input=question,answer=1\n,output=1\n "
			    "b/1/two strict/1/reject,input=,answer=,output=2\n c/1/fail ");
	close_bench(&b);
}

static void a_checker_may_give_a_part_of_the_points(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "  a: { code: a one, points: 4, partial: true, expect: { stdout: "
		       "{ checker: { file: kind.sh, language: bash } } } }\n"
		       "  b: { code: b one, points: 3 }\n  c: { code: c fail, points: 2 }\n");
	assert_string_equal(go(&b), "a failed 1\nb passed 1\nc failed 1\n");
	assert_true(b.sum.row[0].points == 2 && b.sum.row[0].max_points == 4);
	assert_true(b.sum.row[1].points == 3);
	assert_true(b.sum.row[2].points == 0 && b.sum.row[2].max_points == 2);
	close_bench(&b);
}

static void a_checker_that_does_not_work_is_an_error(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, "  a: { code: a one, expect: { stdout: "
		       "{ checker: { file: ill.sh, language: bash } } } }\n");
	assert_string_equal(go(&b), "a error 1\n");
	close_bench(&b);
}

static void thousands_may_wait_for_thousands(void **state)
{
	struct bench b;
	CLEAN_BUF struct buf text = BUF(1 << 20);

	(void)state;
	buf_puts(&text, "  a: { code: \"x${{ matrix.i }} pass\", matrix: { i: [");
	for (int i = 0; i < 500; i++)
		buf_printf(&text, "%s%d", i ? "," : "", i);
	buf_puts(&text,
		 "] } }\n  b: { code: \"y${{ matrix.k }} pass\", needs: [a], matrix: { k: [");
	for (int i = 0; i < 500; i++)
		buf_printf(&text, "%s%d", i ? "," : "", i);
	buf_puts(&text, "] } }\n");
	open_bench(&b, buf_text(&text));
	b.o.max_in_flight = 100;
	go(&b);
	assert_int_equal(b.sum.count[VERDICT_PASSED], 1000);
	assert_memory_equal(strchr(buf_text(&b.api.log), 'y'), "y0/1/pass y1/1/pass ", 20);
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_service_could_not_run_is_tried_again),
		cmocka_unit_test(the_first_failure_is_kept_beside_the_last_attempt),
		cmocka_unit_test(retries_end_at_their_number_and_only_for_their_kinds),
		cmocka_unit_test(a_service_out_of_reach_ends_the_run_only_after_the_retries),
		cmocka_unit_test(
			what_was_at_an_endpoint_that_is_gone_runs_elsewhere_and_is_no_retry),
		cmocka_unit_test(a_cell_that_waits_for_its_next_attempt_takes_no_place),
		cmocka_unit_test(a_timeout_that_may_be_the_machines_is_repeated_once),
		cmocka_unit_test(a_timeout_is_doubtful_where_its_fellows_were_close),
		cmocka_unit_test(verdicts_that_differ_are_flaky),
		cmocka_unit_test(a_retry_is_no_repeat),
		cmocka_unit_test(an_allowed_failure_keeps_no_one),
		cmocka_unit_test(after_enough_failures_nothing_more_is_started),
		cmocka_unit_test(what_runs_when_it_is_enough_ends_by_itself),
		cmocka_unit_test(what_ended_is_not_run_again_and_what_was_sent_is_awaited),
		cmocka_unit_test(what_had_no_service_or_was_cancelled_is_run_again),
		cmocka_unit_test(what_the_service_has_lost_is_sent_afresh),
		cmocka_unit_test(failed_cells_run_again_with_what_needs_them),
		cmocka_unit_test(what_another_job_printed_is_compared),
		cmocka_unit_test(a_text_tells_what_a_needed_job_left),
		cmocka_unit_test(a_checker_is_a_job_of_its_own_that_alone_gets_the_answer),
		cmocka_unit_test(a_checker_may_give_a_part_of_the_points),
		cmocka_unit_test(a_checker_that_does_not_work_is_an_error),
		cmocka_unit_test(thousands_may_wait_for_thousands),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
