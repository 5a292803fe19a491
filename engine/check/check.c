#include "check/check.h"

#include <inttypes.h>
#include <signal.h>
#include <strings.h>

#include "base/fs.h"
#include "check/compare.h"

#define ARTIFACT_LINES 8
#define DETAIL_MAX     65536

const char *const verdict_names[] = {
	[VERDICT_PASSED] = "passed",       [VERDICT_FAILED] = "failed",
	[VERDICT_ERROR] = "error",         [VERDICT_TIMEOUT] = "timeout",
	[VERDICT_CANCELLED] = "cancelled", [VERDICT_SKIPPED] = "skipped",
	[VERDICT_XFAIL] = "xfail",         [VERDICT_XPASS] = "xpass",
	[VERDICT_FLAKY] = "flaky",         [NVERDICT] = NULL,
};

static const char *const stream_names[] = {
	[STREAM_STDOUT] = "stdout", [STREAM_STDERR] = "stderr"
};

/* A limit that makes a cell fail, as the reason names it. Output past its cap harms no one. */
static const char *const limit_words[] = {
	[WIRE_NO_LIMIT] = NULL,         [WIRE_LIMIT_TTL] = NULL,
	[WIRE_LIMIT_MEMORY] = "memory", [WIRE_LIMIT_PROCESSES] = "process",
	[WIRE_LIMIT_DISK] = "disk",     [WIRE_LIMIT_OUTPUT] = NULL,
	[WIRE_LIMIT_CPU] = NULL,
};

struct judging {
	struct checker *checker;
	struct arena *a;
	const struct check_question *q;
	struct judgement *out;
	double score;             /* the least that a checker gave */
	size_t nreject;           /* failures that are checkers' */
	size_t ntrouble, nsilent; /* checkers that do not say; of them, that have not run */
	struct failure trouble;   /* the first's */
};

static void fail(struct judging *j, const char *what, const char *detail)
{
	j->out->failure[j->out->nfailure++] = (struct failure){ what, detail };
}

/* What a service without our additions meant, by the one sentence it has. */
static enum wire_status status_of(const struct wire_result *r)
{
	const char *said = r->error ? r->error : "";

	if (r->has_extras || r->status > WIRE_COMPLETED)
		return r->status;
	if (strcasestr(said, "cancel"))
		return WIRE_CANCELLED;
	if (strcasestr(said, "timeout") || strcasestr(said, "timed out") ||
	    strcasestr(said, "time limit"))
		return WIRE_TIMEOUT;
	return WIRE_COMPLETED;
}

/* The signal that killed the program, or 0. A shell's 128+N is one where the service cannot say. */
static int signal_of(const struct wire_result *r)
{
	if (r->has_extras)
		return r->signal;
	return r->exit_code > 128 && r->exit_code < 128 + NSIG ? r->exit_code - 128 : 0;
}

static bool is_compile_failure(const struct wire_result *r)
{
	return r->has_compile && r->compile_exit_code != 0;
}

static int exit_code_of(const struct wire_result *r)
{
	if (is_compile_failure(r) && r->exit_code == 0)
		return r->compile_exit_code;
	return r->exit_code;
}

/* Whether the exit code is one that was asked for; without any, 0 is. */
static bool wants_exit_code(const struct expect *x, int code)
{
	if (x->any_exit_code)
		return true;
	for (size_t i = 0; i < x->nexit_code; i++)
		if (x->exit_code[i] == code)
			return true;
	return !x->nexit_code && code == 0;
}

/* "0", "0 or 2", "0, 1 or 2". */
static const char *wanted_codes(struct arena *a, const struct expect *x)
{
	CLEAN_BUF struct buf b = BUF(4096);

	if (!x->nexit_code)
		return "0";
	for (size_t i = 0; i < x->nexit_code; i++)
		buf_printf(&b, "%s%d",
			   i == 0                  ? ""
			   : i + 1 < x->nexit_code ? ", "
						   : " or ",
			   x->exit_code[i]);
	return arena_strdup(a, buf_text(&b));
}

/* A sentence of the service's, as one safe line. */
static const char *said(struct arena *a, const char *sentence, const char *otherwise)
{
	CLEAN_BUF struct buf b = BUF(DETAIL_MAX);

	if (!sentence || !*sentence)
		return otherwise;
	check_show(&b, sentence, strnlen(sentence, 1000), SHOW_SAFE);
	return arena_strdup(a, buf_text(&b));
}

/* The first lines of what the compiler said. */
static const char *compiler_words(struct arena *a, const struct wire_result *r)
{
	if (r->compile_stderr && *r->compile_stderr)
		return first_words(a,
				   (struct bytes){ r->compile_stderr, strlen(r->compile_stderr) });
	return first_words(a, r->err);
}

/* How long the program itself ran, as far as the service tells: its time has no wait in it. */
static int64_t run_time_ms(const struct wire_result *r)
{
	int64_t ms = r->total_time_ms;

	if (r->has_extras && r->has_compile && !r->compile_cached)
		ms -= r->compile_time_ms;
	return ms > 0 ? ms : 0;
}

static const char *timeout_words(struct arena *a, const struct wire_result *r)
{
	/* the limit is the first that was passed: one that kills nobody hides which time ran out */
	bool is_ttl = !r->has_extras || r->limit == WIRE_LIMIT_TTL || r->limit == WIRE_NO_LIMIT;

	if (r->has_extras && r->limit == WIRE_LIMIT_CPU)
		return arena_printf(a, "timeout: CPU time, after %.1f s of it",
				    (double)r->cpu_time_ms / 1000);
	return arena_printf(a, "timeout after %.1f s%s", (double)run_time_ms(r) / 1000,
			    is_ttl ? " (ttl)" : "");
}

/* A limit that was passed: fails whatever else holds, unless what we do to such a program is
 * expected. */
static bool judge_limit(struct judging *j)
{
	const struct wire_result *r = j->q->result;
	const char *words = r->has_extras ? limit_words[r->limit] : NULL;

	if (!words || wants_exit_code(j->q->expect, -1))
		return true;
	if (r->exit_code == -1 || r->signal == SIGKILL)
		words = arena_printf(j->a, "over its %s limit: killed", words);
	else
		words = arena_printf(j->a, "over its %s limit (exit code %d)", words, r->exit_code);
	fail(j, words, NULL);
	return false;
}

/* How the program ended. False: so that its output says nothing more. */
static bool judge_end(struct judging *j, enum wire_status status)
{
	const struct wire_result *r = j->q->result;
	const struct expect *x = j->q->expect;
	int code = exit_code_of(r), signo = signal_of(r);

	if (status == WIRE_TIMEOUT) {
		if (x->nexit_code && !wants_exit_code(x, code))
			fail(j,
			     arena_printf(j->a, "exit code %d, wanted %s", code,
					  wanted_codes(j->a, x)),
			     NULL);
		return true;
	}
	if (!judge_limit(j))
		return true;
	if (x->is_timeout) {
		fail(j,
		     signo ? arena_printf(j->a, "%s, wanted a timeout", killed_by(j->a, signo))
			   : arena_printf(j->a,
					  "ended by itself with exit code %d, wanted a timeout",
					  code),
		     NULL);
		return true;
	}
	if (wants_exit_code(x, code))
		return true;
	if (is_compile_failure(r)) {
		fail(j, arena_printf(j->a, "compile failed (exit code %d)", r->compile_exit_code),
		     compiler_words(j->a, r));
		return false;
	}
	if (signo)
		fail(j, killed_by(j->a, signo), NULL);
	else
		fail(j, arena_printf(j->a, "exit code %d, wanted %s", code, wanted_codes(j->a, x)),
		     NULL);
	return true;
}

static struct bytes filled(struct bytes b)
{
	return b.data ? b : (struct bytes){ "", 0 };
}

/* A checker's part: it may fail the program, lower its score, or be in trouble itself. */
static void ask_checker(struct judging *j, const struct comparison *c)
{
	struct failure told = { 0 };
	double score;

	switch (compare_by_checker(c, j->q->is_partial, &score, &told)) {
	case ANSWER_ACCEPT:
		break;
	case ANSWER_REJECT:
		fail(j, told.what, told.detail);
		j->nreject++;
		break;
	case ANSWER_NONE:
		j->nsilent += !c->check->checker;
		if (!j->ntrouble++)
			j->trouble = told;
		break;
	}
	if (score < j->score)
		j->score = score;
}

static void judge_streams(struct judging *j)
{
	const struct wire_result *r = j->q->result;

	for (size_t i = 0; i < j->q->expect->ncheck; i++) {
		const struct check *check = &j->q->check[i];
		bool is_out = check->spec->stream == STREAM_STDOUT;
		struct comparison c = {
			.checker = j->checker,
			.a = j->a,
			.check = check,
			.stream = stream_names[check->spec->stream],
			.want = filled(check->want),
			.found = filled(is_out ? r->out : r->err),
			.is_cut = r->has_extras && (is_out ? r->out_truncated : r->err_truncated),
		};
		struct failure failure = { 0 };

		if (check->spec->comparator == COMPARE_CHECKER)
			ask_checker(j, &c);
		else if (!compare(&c, &failure))
			fail(j, failure.what, failure.detail);
	}
}

static void judge_duration(struct judging *j)
{
	int64_t max = j->q->expect->max_duration_ms, ms = run_time_ms(j->q->result);

	if (max > 0 && ms > max)
		fail(j,
		     arena_printf(j->a, "took %.3f s, wanted at most %.3f s", (double)ms / 1000,
				  (double)max / 1000),
		     NULL);
}

/* Which artifacts there are, with their sizes; NULL: none. */
static const char *list_artifacts(struct arena *a, const struct wire_result *r)
{
	CLEAN_BUF struct buf b = BUF(DETAIL_MAX);

	for (size_t i = 0; i < r->nartifact && i < ARTIFACT_LINES; i++) {
		const char *name = r->artifact[i].name;

		check_show(&b, name, strnlen(name, WIRE_NAME_MAX), SHOW_SAFE);
		buf_printf(&b, ", %zu bytes\n", r->artifact[i].data.len);
	}
	if (r->nartifact > ARTIFACT_LINES)
		buf_printf(&b, "... %zu more\n", r->nartifact - ARTIFACT_LINES);
	return b.len ? arena_strndup(a, b.data, b.len - 1) : NULL;
}

/* By its path, or by its last part where the pattern names no folder: *.png is out/a.png, too. */
static bool is_named(const struct wire_artifact *artifact, const char *pattern)
{
	const char *last = strrchr(artifact->name, '/');

	return fs_match(pattern, artifact->name) ||
	       (last && !strchr(pattern, '/') && fs_match(pattern, last + 1));
}

static bool has_artifact(const struct wire_result *r, const char *pattern, int64_t min_bytes)
{
	for (size_t i = 0; i < r->nartifact; i++)
		if ((int64_t)r->artifact[i].data.len >= min_bytes &&
		    is_named(&r->artifact[i], pattern))
			return true;
	return false;
}

static void judge_artifacts(struct judging *j)
{
	const struct wire_result *r = j->q->result;

	for (size_t i = 0; i < j->q->expect->nartifact; i++) {
		const struct artifact_check *want = &j->q->expect->artifact[i];
		const char *name = j->q->artifact ? j->q->artifact[i] : want->name.s;
		const char *size = "";

		if (has_artifact(r, name, want->min_bytes))
			continue;
		if (want->min_bytes > 0)
			size = arena_printf(j->a, " of at least %" PRId64 " bytes",
					    want->min_bytes);
		fail(j, arena_printf(j->a, "no artifact %s%s", said(j->a, name, "''"), size),
		     list_artifacts(j->a, r));
	}
}

/* What failed decides; checkers in trouble only where nothing has. */
static void conclude(struct judging *j)
{
	struct judgement *out = j->out;

	if (!out->nfailure && j->ntrouble) {
		fail(j, j->trouble.what, j->trouble.detail);
		out->needs_checkers = j->nsilent == j->ntrouble;
		return;
	}
	out->verdict = out->nfailure ? VERDICT_FAILED : VERDICT_PASSED;
	if (out->nfailure == j->nreject && !j->ntrouble)
		out->score = j->score;
}

static void judge_ended(struct judging *j, enum wire_status status)
{
	if (status == WIRE_TIMEOUT && !j->q->expect->is_timeout) {
		fail(j, timeout_words(j->a, j->q->result), NULL);
		j->out->verdict = VERDICT_TIMEOUT;
		return;
	}
	if (judge_end(j, status)) {
		judge_streams(j);
		judge_duration(j);
		judge_artifacts(j);
	}
	conclude(j);
}

/* "why" beside what became of it. */
static void judge_xfail(struct judging *j)
{
	struct judgement *out = j->out;
	const char *why = said(j->a, j->q->xfail, "a known failure");

	if (out->verdict == VERDICT_PASSED) {
		out->verdict = VERDICT_XPASS;
		out->reason = arena_printf(j->a, "passed, but was expected to fail: %s", why);
	} else if (out->verdict == VERDICT_FAILED || out->verdict == VERDICT_TIMEOUT) {
		out->verdict = VERDICT_XFAIL;
		out->reason = arena_printf(j->a, "%s: %s", why, out->reason);
	}
}

/* Each check can fail once, and so can the program's end, its time and its checkers. */
static size_t max_failures(const struct expect *x)
{
	return x->ncheck + x->nartifact + 4;
}

void check_judge(struct checker *c, struct arena *a, const struct check_question *q,
		 struct judgement *out)
{
	struct judging j = { .checker = c, .a = a, .q = q, .out = out, .score = 1 };
	enum wire_status status = status_of(q->result);

	*out = (struct judgement){ .verdict = VERDICT_ERROR,
				   .failure =
					   ARENA_NEW(a, max_failures(q->expect), struct failure) };
	switch (status) {
	case WIRE_PENDING:
	case WIRE_RUNNING:
		out->reason = "the service gave a result of a job that has not ended";
		return;
	case WIRE_FAILED:
		out->reason = said(a, q->result->error, "the service could not run it");
		return;
	case WIRE_CANCELLED:
		out->verdict = VERDICT_CANCELLED;
		out->reason = said(a, q->result->error, "cancelled at the service");
		return;
	case WIRE_TIMEOUT:
	case WIRE_COMPLETED:
		judge_ended(&j, status);
		break;
	}
	out->reason = out->nfailure ? out->failure[0].what : "";
	if (out->nfailure > 1)
		out->reason = arena_printf(a, "%s (and %zu more)", out->reason, out->nfailure - 1);
	if (q->xfail)
		judge_xfail(&j);
}
