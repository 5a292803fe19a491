/* The warden's part: an interpreter from its start to its end, and the jobs that it is given. */
#include "warm/warm.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_BYTES ((size_t)65536) /* of the new process until its execve */
#define START_S     5
#define TEXT_BYTES  sizeof(((struct warm_word *)0)->text)

static bool fail(char *why, const char *what)
{
	snprintf(why, TEXT_BYTES, "%s: %s", what, strerror(errno));
	return false;
}

/* An interpreter's sentence, which need not end. */
static void tell(char *why, const struct warm_word *word)
{
	snprintf(why, TEXT_BYTES, "%.*s", (int)TEXT_BYTES - 1, word->text);
}

/* -- words -- */

/* The next word, if it is that one, and there is one in time. */
static bool hear(const struct warm *w, enum warm_what what, struct warm_word *word, int flags)
{
	ssize_t n;
	do {
		n = recv(w->socket, word, sizeof(*word), flags);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = EPIPE;
	return n == sizeof(*word) && word->what == what;
}

/* -- start and end -- */

struct start {
	const struct warm_options *o;
	int fd[WARM_LIBRARY - WARM_SOCKET + 1]; /* to be WARM_SOCKET and so on */
};

static int be_interpreter(void *arg)
{
	const struct start *start = arg;
	for (int i = 0; i <= WARM_LIBRARY - WARM_SOCKET; i++)
		if (dup2(start->fd[i], WARM_SOCKET + i) < 0)
			return 1;
	start->o->become(start->o->ctx);
	return 1;
}

/* Its own user namespace has no ids until we say so: nobody else may name more than one. */
static bool write_map(const struct warm *w, const struct warm_options *o, const char *file,
		      const char *text)
{
	char path[64];
	snprintf(path, sizeof(path), "%d/%s", (int)w->pid, file);
	int fd = openat(o->proc, path, O_WRONLY | O_CLOEXEC);
	bool is_written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return is_written;
}

static bool spawn(struct warm *w, const struct warm_options *o, int theirs)
{
	struct start start = { o, { theirs, o->hold, o->library } };
	char *stack = malloc(STACK_BYTES);
	if (stack)
		w->pid = clone(be_interpreter, stack + STACK_BYTES,
			       CLONE_VM | CLONE_VFORK | SIGCHLD, &start);
	free(stack);
	return w->pid > 0;
}

static bool follow(const struct warm *w, const struct warm_options *o, char *why)
{
	const struct timeval patience = { START_S, 0 };
	const struct warm_word keys = { .what = WARM_KEYS, .keys = *o->keys };
	const struct warm_word mapped = { .what = WARM_MAP, .number = o->is_apart };
	struct warm_word word;
	setsockopt(w->socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!jail_send(w->socket, &keys, sizeof(keys), NULL, 0) || !hear(w, WARM_MAP, &word, 0))
		return fail(why,
			    "the interpreter does not start, or may not have a user namespace");
	/* refused where it is denied already, in a user namespace above */
	write_map(w, o, "setgroups", "deny");
	if (!write_map(w, o, "uid_map", o->ids) || !write_map(w, o, "gid_map", o->ids))
		return fail(why, "cannot say what ids mean to the interpreter");
	word.what = 0;
	if (jail_send(w->socket, &mapped, sizeof(mapped), NULL, 0) && hear(w, WARM_READY, &word, 0))
		return true;
	fail(why, "the interpreter does not come to its source");
	if (word.what == WARM_FAILED)
		tell(why, &word);
	return false;
}

bool warm_start(struct warm *w, const struct warm_options *o, char why[200])
{
	int pair[2];
	warm_stop(w);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return fail(why, "cannot make a socket");
	w->socket = pair[0];
	bool is_ok = spawn(w, o, pair[1]) || fail(why, "cannot start the interpreter");
	close(pair[1]);
	is_ok = is_ok && follow(w, o, why);
	if (!is_ok)
		warm_stop(w);
	return is_ok;
}

void warm_stop(struct warm *w)
{
	if (w->pid > 0) {
		kill(w->pid, SIGKILL);
		waitpid(w->pid, NULL, 0);
	}
	if (w->socket > 0)
		close(w->socket);
	*w = (struct warm){ 0 };
}

/* -- jobs -- */

pid_t warm_job(struct warm *w, const int fd[4], off_t env)
{
	struct warm_word word, job = { .what = WARM_JOB, .number = (int)env };
	if (w->pid > 0 && jail_send(w->socket, &job, sizeof(job), fd, 4)) {
		if (hear(w, WARM_BORN, &word, 0))
			return word.number;
		/* Once it is dead: either there is no init and never will be, or we hear it now. */
		kill(w->pid, SIGKILL);
		if (hear(w, WARM_BORN, &word, 0))
			return word.number;
	}
	warm_stop(w);
	return 0;
}

bool warm_go(const struct warm *w, const struct jail_limits *l)
{
	struct warm_word word = { .what = WARM_GO, .limits = *l };
	return jail_send(w->socket, &word, sizeof(word), NULL, 0);
}

uint32_t warm_last(const struct warm *w, int *status, char why[200])
{
	struct warm_word word, first = { 0 };
	while (recv(w->socket, &word, sizeof(word), MSG_DONTWAIT) == sizeof(word))
		first = first.what ? first : word; /* the job's, then init's about it */
	if (first.what == WARM_ENDED)
		*status = first.number;
	if (first.what == WARM_FAILED)
		tell(why, &first);
	return first.what;
}
