#include "service/slot.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
#include "service/language.h"

#define ANSWER_MS    10000 /* for anything but a run */
#define RETRY_MS     100   /* before the second start in a row, doubled for each after it */
#define RETRY_MAX_MS 10000
#define END_MS       5000

static void start(struct slot *s);
static void on_due(void *ctx);

/* Whatever the warden may send, and one byte to see that it sent more. */
union message {
	uint32_t op;
	struct jail_ready ready;
	struct jail_ended ended;
	struct jail_plain plain;
	struct jail_warmed warmed;
	char room[sizeof(struct jail_ready) + sizeof(struct jail_ended)];
};

/* One row for each thing that a warden may say; has_fd: with one fd. */
static const struct answer {
	uint32_t op;
	size_t size;
	bool has_fd;
	const char *name;
} answers[] = {
	{ JAIL_READY, sizeof(struct jail_ready), false, "ready" },
	{ JAIL_BROKEN, sizeof(struct jail_ready), false, "broken" },
	{ JAIL_PREPARED, sizeof(struct jail_plain), true, "prepared" },
	{ JAIL_ENDED, sizeof(struct jail_ended), false, "ended" },
	{ JAIL_CLEARED, sizeof(struct jail_plain), false, "cleared" },
	{ JAIL_WARMED, sizeof(struct jail_warmed), false, "warmed" },
};

static const char *answer_name(uint32_t op)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (answers[i].op == op)
			return answers[i].name;
	return "nothing";
}

static void send_signal(const struct slot *s, int signo)
{
	if (s->pid)
		syscall(SYS_pidfd_send_signal, s->pidfd, signo, NULL, 0);
}

/* Kill the warden and remember the first reason; that it is gone is told when it is. */
PRINTF(2, 3) static void give_up(struct slot *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->why[0]) {
		va_start(ap, fmt);
		vsnprintf(s->why, sizeof(s->why), fmt, ap);
		va_end(ap);
	}
	send_signal(s, SIGKILL);
}

static void await_answer(struct slot *s, uint32_t op, int64_t ms)
{
	s->awaits = op;
	s->due.fn = on_due;
	s->due.ctx = s;
	timer_set(s->o.loop, &s->due, loop_now_ms(s->o.loop) + ms);
}

static void send_message(struct slot *s, const void *data, size_t size, const int *fd, size_t nfd)
{
	if (!jail_send(s->sock, data, size, fd, nfd))
		give_up(s, "could not be told what to do: %s", strerror(errno));
}

/* The first fd that came with a message; others, which nobody asked for, are closed. */
static int take_fd(struct msghdr *m)
{
	int first = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; c->cmsg_type == SCM_RIGHTS && i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (first >= 0)
				fs_close(&fd);
			else
				first = fd;
		}
	}
	return first;
}

/* The next message: its size, with *fd -1 or an fd; 0 when the warden closed its end; -1 with
 * errno. */
static ssize_t receive(const struct slot *s, union message *to, int *fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control = { 0 };
	struct iovec part = { .iov_base = to, .iov_len = sizeof(*to) };
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = control.room,
			    .msg_controllen = sizeof(control.room) };
	ssize_t n;

	*fd = -1;
	do
		n = recvmsg(s->sock, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		*fd = take_fd(&m);
	return n;
}

#define IS_SENTENCE(text) (memchr(text, '\0', sizeof(text)) != NULL)

/* A message of the right size holds what can be. */
static bool is_sound(const union message *m)
{
	const struct jail_ended *e = &m->ended;

	if (m->op == JAIL_READY || m->op == JAIL_BROKEN)
		return IS_SENTENCE(m->ready.text);
	if (m->op == JAIL_WARMED)
		return IS_SENTENCE(m->warmed.text);
	return m->op != JAIL_ENDED ||
	       (e->cause >= JAIL_CAUSE_EXIT && e->cause <= JAIL_CAUSE_FAILED && e->status >= 0 &&
		e->status <= (e->cause == JAIL_CAUSE_SIGNAL ? 127 : 255) &&
		(e->wall_us | e->cpu_us | e->peak_memory_bytes) < 1ULL << 50 && /* JSON has 53 */
		IS_SENTENCE(e->text));
}

/* Whether it is a message as jail.h has it, and the one whose turn it is. */
static bool is_due(const struct slot *s, const union message *m, size_t n, int fd)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const struct answer *a = &answers[i];

		if (n >= sizeof(m->op) && m->op == a->op)
			return n == a->size && a->has_fd == (fd >= 0) && is_sound(m) &&
			       (m->op == s->awaits || (m->op == JAIL_BROKEN && s->awaits));
	}
	return false;
}

/* It is on its way out, and how it ended will be told; until then it takes nothing. */
static void closed(struct slot *s)
{
	loop_unwatch(s->o.loop, s->sock);
	await_answer(s, JAIL_READY, END_MS);
}

/* Have the warden end as it does by itself, with all that it made. */
static void let_end(struct slot *s)
{
	closed(s);
	fs_close(&s->sock);
}

static void on_idle(void *ctx)
{
	struct slot *s = ctx;

	s->then = SLOT_RESTS;
	let_end(s);
}

/* Nothing is asked of it for now. */
static void await_job(struct slot *s)
{
	timer_stop(s->o.loop, &s->due);
	if (!s->o.networking)
		return;
	s->due.fn = on_idle;
	s->due.ctx = s;
	timer_set(s->o.loop, &s->due, loop_now_ms(s->o.loop) + SLOT_IDLE_MS);
}

static void answered(struct slot *s, const union message *m, int fd)
{
	struct slot_news news = { .op = m->op, .fd = fd, .ended = &m->ended };

	s->awaits = 0;
	if (m->op == JAIL_READY)
		s->ready = m->ready;
	if (m->op == JAIL_WARMED)
		news.why = m->warmed.text;
	if (s->is_used &&
	    (m->op == JAIL_CLEARED || m->op == JAIL_PREPARED || m->op == JAIL_WARMED)) {
		s->is_used = false;
		s->nfail = 0;
	}
	await_job(s);
	s->o.told(s->o.ctx, &news);
}

static void on_message(void *ctx, uint32_t events)
{
	struct slot *s = ctx;
	union message m;
	int fd;
	ssize_t n = receive(s, &m, &fd);

	(void)events;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		closed(s);
		return;
	}
	if (!is_due(s, &m, (size_t)n, fd)) {
		fs_close(&fd);
		give_up(s, "did not say '%s' when that was due", answer_name(s->awaits));
		return;
	}
	if (m.op == JAIL_BROKEN) {
		give_up(s, "%s", m.ready.text);
		return;
	}
	answered(s, &m, fd);
}

static void forget_process(struct slot *s)
{
	loop_unwatch(s->o.loop, s->pidfd);
	if (s->sock >= 0)
		loop_unwatch(s->o.loop, s->sock);
	fs_close(&s->pidfd);
	fs_close(&s->sock);
	s->pid = 0;
	s->awaits = 0;
	s->is_used = false;
	network_close(&s->network);
}

static void start_later(struct slot *s)
{
	int64_t delay = 0;

	if (s->nfail > 0)
		delay = s->nfail > 7 ? RETRY_MAX_MS : RETRY_MS << (s->nfail - 1);
	s->nfail++;
	if (s->o.networking && slot_is_broken(s))
		return;
	s->due.fn = on_due;
	s->due.ctx = s;
	timer_set(s->o.loop, &s->due, loop_now_ms(s->o.loop) + delay);
}

static void tell_gone(struct slot *s, const char *why)
{
	const struct slot_news news = { .fd = -1, .why = why };

	s->o.told(s->o.ctx, &news);
}

static void tell_loss(struct slot *s, const char *how)
{
	char sentence[sizeof(s->why) + 160];

	snprintf(sentence, sizeof(sentence), "the sandbox of slot %d %s%s%s", s->o.number, how,
		 s->why[0] ? ": " : "", s->why);
	log_warn("%s; it is started anew", sentence);
	start_later(s);
	tell_gone(s, sentence);
}

static void on_end(void *ctx, uint32_t events)
{
	struct slot *s = ctx;
	enum slot_then then = s->then;
	char how[80];
	int status;

	(void)events;
	if (waitpid(s->pid, &status, WNOHANG) != s->pid)
		return;
	if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "ended unexpectedly, by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) == 0 && s->why[0])
		snprintf(how, sizeof(how), "was ended");
	else
		snprintf(how, sizeof(how), "ended unexpectedly, with code %d", WEXITSTATUS(status));
	forget_process(s);
	s->then = SLOT_IS_LOST;
	if (status != 0 || then == SLOT_IS_LOST)
		tell_loss(s, how);
	else if (then == SLOT_IS_RENEWED)
		slot_start_soon(s);
	else
		tell_gone(s, "nobody wanted it");
}

static void on_due(void *ctx)
{
	struct slot *s = ctx;

	if (s->pid)
		give_up(s, "did not say '%s' in time", answer_name(s->awaits));
	else
		start(s);
}

static bool watch(struct slot *s, struct err *e)
{
	return loop_watch(s->o.loop, s->sock, EPOLLIN, on_message, s, e) &&
	       loop_watch(s->o.loop, s->pidfd, EPOLLIN, on_end, s, e);
}

bool slot_open(struct slot *s, struct err *e)
{
	char number[16];
	const char *argv[10 + 2 * SERVICE_BINDS_MAX] = { s->o.jail, "--slot", number, "--sandbox",
							 s->o.sandbox };
	const char *envp[] = { "PATH=" LANGUAGE_PATH, NULL };
	struct proc p = { .path = s->o.jail,
			  .argv = argv,
			  .envp = envp,
			  .fd = { -1, -1, STDERR_FILENO },
			  .nfd = 4 };
	const struct service_view *view = &s->o.view;
	size_t n = 5;
	int pair[2];
	bool is_ok;

	assert(view->nbind <= SERVICE_BINDS_MAX);
	/* not killed with us: it sees the socket close, and has cgroups and folders to remove */
	snprintf(number, sizeof(number), "%d", s->o.number);
	if (view->rootfs) {
		argv[n++] = "--rootfs";
		argv[n++] = view->rootfs;
	}
	for (size_t i = 0; i < view->nbind; i++) {
		argv[n++] = "--bind";
		argv[n++] = view->bind[i];
	}
	if (s->o.networking) {
		argv[n++] = "--dns";
		argv[n++] = network_dns(&s->network);
		p.enter = network_enter;
		p.ctx = &s->network;
	}
	/* our end never waits: a warden that does not read is given up */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, "cannot make the socket of slot %d", s->o.number);
	p.fd[JAIL_FD] = pair[1];
	is_ok = proc_spawn(&p, &s->pid, &s->pidfd, e);
	fs_close(&pair[1]);
	s->sock = pair[0];
	if (!is_ok) {
		s->pid = 0;
		fs_close(&s->sock);
		return err_wrap(e, "cannot start the sandbox of slot %d", s->o.number);
	}
	s->why[0] = '\0';
	return true;
}

static void tell_no_start(struct slot *s, const char *why)
{
	network_close(&s->network);
	snprintf(s->why, sizeof(s->why), "%.*s", (int)sizeof(s->why) - 1, why);
	tell_loss(s, "could not be started");
}

/* The warden, in the network if it is to have one. */
static void launch(struct slot *s)
{
	struct err e = { 0 };

	if (!slot_open(s, &e)) {
		tell_no_start(s, e.msg);
		return;
	}
	await_answer(s, JAIL_READY, ANSWER_MS);
	if (!watch(s, &e))
		give_up(s, "cannot be watched: %s", e.msg);
}

void slot_renew(struct slot *s)
{
	if (!s->pid || s->awaits == JAIL_READY)
		return; /* one without a past comes anyway */
	s->then = SLOT_IS_RENEWED;
	let_end(s);
}

/* The network is up, or down: then so is the slot, since what its job sees is not what it asked
 * for.
 */
static void on_network(void *ctx, const char *why)
{
	struct slot *s = ctx;

	if (!why) {
		launch(s);
		return;
	}
	if (!s->pid) {
		tell_no_start(s, why);
		return;
	}
	if (!s->why[0])
		snprintf(s->why, sizeof(s->why), "%s", why);
	let_end(s);
}

static void start(struct slot *s)
{
	struct err e = { 0 };

	if (!s->o.networking)
		launch(s);
	else if (!network_open(&s->network, s->o.networking, on_network, s, &e))
		tell_no_start(s, e.msg);
}

void slot_init(struct slot *s, const struct slot_options *o)
{
	*s = (struct slot){ .o = *o, .pidfd = -1, .sock = -1 };
}

bool slot_rests(const struct slot *s)
{
	return s->then == SLOT_RESTS || (!s->pid && !s->network.all && !s->nfail);
}

void slot_start_soon(struct slot *s)
{
	if (s->then == SLOT_RESTS)
		s->then = SLOT_IS_RENEWED; /* once it has ended */
	if (s->pid || s->network.all)
		return; /* it is under way */
	s->due.fn = on_due;
	s->due.ctx = s;
	timer_set(s->o.loop, &s->due, loop_now_ms(s->o.loop));
}

/* What the warden says, and for an ordinary user what root must run, if that is known. */
static bool broken(const char *text, struct err *e)
{
	const char *remedy = geteuid() ? service_userns_remedy() : NULL;

	return err_set(e, ERR_SYSTEM, "%s%s%s", text, remedy ? ": root must run " : "",
		       remedy ? remedy : "");
}

bool slot_await(struct slot *s, struct err *e)
{
	struct pollfd p = { .fd = s->sock, .events = POLLIN };
	union message m;
	int fd = -1;
	ssize_t n;

	if (poll(&p, 1, ANSWER_MS) <= 0)
		return err_set(e, ERR_SYSTEM, "the sandbox of slot %d was not ready within %d s",
			       s->o.number, ANSWER_MS / 1000);
	n = receive(s, &m, &fd);
	s->awaits = JAIL_READY;
	if (n <= 0 || !is_due(s, &m, (size_t)n, fd)) {
		fs_close(&fd);
		return err_set(e, ERR_SYSTEM, "the sandbox of slot %d (%s) ended while it started",
			       s->o.number, s->o.jail);
	}
	if (m.op == JAIL_BROKEN)
		return broken(m.ready.text, e);
	s->awaits = 0;
	s->ready = m.ready;
	return watch(s, e);
}

bool slot_is_idle(const struct slot *s)
{
	return s->pid && !s->awaits && !s->why[0];
}

bool slot_is_broken(const struct slot *s)
{
	return s->nfail >= SLOT_TRIES && (!s->pid || s->awaits == JAIL_READY);
}

void slot_prepare(struct slot *s, uint64_t disk_bytes, uint32_t max_files)
{
	struct jail_prepare m = { .op = JAIL_PREPARE,
				  .max_files = max_files,
				  .disk_bytes = disk_bytes };

	await_answer(s, JAIL_PREPARED, ANSWER_MS);
	send_message(s, &m, sizeof(m), NULL, 0);
}

void slot_run(struct slot *s, const struct jail_run *run, const int fd[4])
{
	struct jail_run m = *run;

	m.op = JAIL_RUN;
	await_answer(s, JAIL_ENDED, (int64_t)m.wall_ms + ANSWER_MS);
	send_message(s, &m, sizeof(m), fd, 4);
}

void slot_kill(struct slot *s)
{
	struct jail_plain m = { .op = JAIL_KILL };

	if (s->awaits != JAIL_ENDED)
		return;
	await_answer(s, JAIL_ENDED, ANSWER_MS);
	send_message(s, &m, sizeof(m), NULL, 0);
}

void slot_warm(struct slot *s, const struct jail_run *run, const int fd[6])
{
	struct jail_run m = *run;

	m.op = JAIL_WARM;
	s->is_used = true;
	await_answer(s, JAIL_WARMED, ANSWER_MS);
	send_message(s, &m, sizeof(m), fd, 6);
}

static void on_unused(void *ctx)
{
	struct slot *s = ctx;
	struct jail_plain m = { .op = JAIL_CLEAR };

	await_answer(s, JAIL_CLEARED, ANSWER_MS);
	send_message(s, &m, sizeof(m), NULL, 0);
}

/* Not at once: a job that waited comes in this very turn, and its folder takes the place of this
 * one without another round trip. */
void slot_clear(struct slot *s)
{
	s->is_used = true;
	s->due.fn = on_unused;
	s->due.ctx = s;
	timer_set(s->o.loop, &s->due, loop_now_ms(s->o.loop) + 1);
}

void slot_let_go(struct slot *s)
{
	timer_stop(s->o.loop, &s->due);
	network_close(&s->network);
	if (!s->pid)
		return;
	loop_unwatch(s->o.loop, s->pidfd);
	loop_unwatch(s->o.loop, s->sock);
	fs_close(&s->sock);
}

void slot_close(struct slot *s)
{
	struct pollfd p = { .fd = s->pidfd, .events = POLLIN };

	slot_let_go(s);
	if (!s->pid)
		return;
	if (poll(&p, 1, END_MS) <= 0) {
		log_warn("the sandbox of slot %d did not end within %d s and is killed",
			 s->o.number, END_MS / 1000);
		send_signal(s, SIGKILL);
	}
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	s->pid = 0;
	fs_close(&s->pidfd);
}
