#include <signal.h>

#include "check/compare.h"
#include "check/diff.h"
#include "check/number.h"

#define EXIT_ACCEPT 42
#define EXIT_REJECT 43
#define SCORE_FILE  "score.txt" /* of Kattis' problem package format */

#define SAID_LINES 15
#define SAID_WIDTH 200
#define SAID_MAX   65536

const char *killed_by(struct arena *a, int signo)
{
	const char *name = sigabbrev_np(signo);

	if (!name)
		return arena_printf(a, "killed by signal %d", signo);
	return arena_printf(a, "killed by signal %d (SIG%s)", signo, name);
}

const char *first_words(struct arena *a, struct bytes words)
{
	CLEAN_BUF struct buf b = BUF(SAID_MAX);
	size_t at = 0, n;

	for (int i = 0; i < SAID_LINES && at < words.len; i++, at += n + 1) {
		n = line_len(words, at);
		check_show(&b, words.data + at, n < SAID_WIDTH ? n : SAID_WIDTH, SHOW_SAFE);
		buf_puts(&b, "\n");
	}
	if (at < words.len)
		buf_puts(&b, "...\n");
	return b.len ? arena_strndup(a, b.data, b.len - 1) : NULL;
}

/* "the checker check.py" */
static const char *name_of(const struct comparison *q)
{
	const char *name = q->check->name;

	if (!name)
		return "the checker";
	return arena_printf(q->a, "the checker %s",
			    quote(q->a, (struct bytes){ name, strlen(name) }, SHOW_SAFE));
}

/* How a checker ended that neither accepts nor rejects, to follow its name. */
static const char *bad_end(struct arena *a, const struct wire_result *r)
{
	if (r->has_compile && r->compile_exit_code != 0)
		return "does not compile";
	if (r->has_extras && r->status == WIRE_TIMEOUT)
		return "did not end in time";
	if (r->has_extras && r->status == WIRE_CANCELLED)
		return "was cancelled";
	if (r->has_extras && r->status == WIRE_FAILED)
		return "could not be run";
	if (r->has_extras && r->signal)
		return arena_printf(a, "was %s", killed_by(a, r->signal));
	return arena_printf(a, "ended with exit code %d, wanted %d (right) or %d (wrong)",
			    r->exit_code, EXIT_ACCEPT, EXIT_REJECT);
}

/* What to show of a checker that did not work: its compiler's words or its own. */
static struct bytes its_words(const struct wire_result *r)
{
	if (r->has_compile && r->compile_exit_code && r->compile_stderr && *r->compile_stderr)
		return (struct bytes){ r->compile_stderr, strlen(r->compile_stderr) };
	if (r->err.len)
		return r->err;
	if (!r->out.len && r->error)
		return (struct bytes){ r->error, strlen(r->error) };
	return r->out;
}

static bool has_ended_well(const struct wire_result *r)
{
	return !r->has_extras || (r->status == WIRE_COMPLETED && !r->signal);
}

static enum answer answer_of(const struct wire_result *r)
{
	if (!has_ended_well(r))
		return ANSWER_NONE;
	if (r->exit_code == EXIT_ACCEPT)
		return ANSWER_ACCEPT;
	return r->exit_code == EXIT_REJECT ? ANSWER_REJECT : ANSWER_NONE;
}

static const struct wire_artifact *score_file(const struct wire_result *r)
{
	for (size_t i = 0; i < r->nartifact; i++)
		if (!strcmp(r->artifact[i].name, SCORE_FILE))
			return &r->artifact[i];
	return NULL;
}

/* The text without white space around it. */
static struct bytes trim(struct bytes t)
{
	static const char space[] = " \t\r\n";

	while (t.len && memchr(space, t.data[t.len - 1], sizeof(space) - 1))
		t.len--;
	while (t.len && memchr(space, *t.data, sizeof(space) - 1)) {
		t.data++;
		t.len--;
	}
	return t;
}

/* The score that the checker wrote, if it wrote one; false: no number from 0 to 1. */
static bool read_score(const struct comparison *q, double *score, struct failure *out)
{
	const struct wire_artifact *file = score_file(q->check->checker);
	struct bytes text;
	struct number n;

	if (!file)
		return true;
	text = trim(file->data);
	n = number_parse(text);
	if (n.kind != NUMBER_FINITE || n.value < 0 || n.value > 1) {
		out->what = arena_printf(
			q->a, "%s wrote %s to " SCORE_FILE ", wanted a number from 0 to 1",
			name_of(q), quote(q->a, text, SHOW_EXACT));
		return false;
	}
	*score = n.value;
	return true;
}

enum answer compare_by_checker(const struct comparison *q, bool wants_score, double *score,
			       struct failure *out)
{
	const struct wire_result *r = q->check->checker;
	enum answer answer;

	*score = 0;
	if (q->is_cut) { /* what it saw is not what was printed */
		out->what = arena_printf(q->a, "%s was cut at its cap, after %zu bytes", q->stream,
					 q->found.len);
		return ANSWER_REJECT;
	}
	if (!r) {
		out->what = arena_printf(q->a, "%s has not run", name_of(q));
		return ANSWER_NONE;
	}
	answer = answer_of(r);
	*score = answer == ANSWER_ACCEPT;
	if (answer != ANSWER_NONE && wants_score && !read_score(q, score, out))
		return ANSWER_NONE;
	if (answer == ANSWER_NONE) {
		out->what = arena_printf(q->a, "%s %s", name_of(q), bad_end(q->a, r));
		out->detail = first_words(q->a, its_words(r));
	} else if (answer == ANSWER_REJECT) {
		out->what = arena_printf(q->a, "%s rejects %s", name_of(q), q->stream);
		out->detail = first_words(q->a, r->out.len ? r->out : r->err);
	}
	return answer;
}
