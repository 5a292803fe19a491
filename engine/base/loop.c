#include "base/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"

#define EVENTS_AT_ONCE 64

/* One fd. Its round goes up whenever it is watched anew, so that events of an earlier life show. */
struct watch {
	loop_fd_fn *fn; /* NULL: not watched */
	void *ctx;
	uint32_t events, round;
};

struct signals {
	struct signals *next;
	int fd;
	loop_signal_fn *fn;
	void *ctx;
};

struct child {
	struct child *next;
	struct loop *loop;
	pid_t pid;
	int pidfd;
	loop_child_fn *fn;
	void *ctx;
};

struct turn {
	loop_turn_fn *fn; /* NULL: dropped */
	void *ctx;
};

struct loop {
	int epoll;
	int64_t now_ms;
	bool is_stopping;
	struct watch *watch; /* by fd */
	size_t nwatch;
	struct timer **timer; /* a binary heap, the earliest first */
	size_t ntimer, timer_cap;
	struct turn *turn;
	size_t nturn, turn_cap;
	int turn_wait_ms; /* what the hooks of the last turn allow; -1: any */
	struct signals *signals;
	struct child *child;
};

struct loop *loop_open(struct err *e)
{
	struct loop *l = mem_zalloc(1, sizeof(*l));

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) {
		err_sys(e, "cannot make an epoll loop");
		free(l);
		return NULL;
	}
	l->now_ms = clock_mono_ms();
	return l;
}

void loop_close(struct loop *l)
{
	if (!l)
		return;
	while (l->child) {
		struct child *c = l->child;

		l->child = c->next;
		fs_close(&c->pidfd);
		free(c);
	}
	while (l->signals) {
		struct signals *s = l->signals;

		l->signals = s->next;
		fs_close(&s->fd);
		free(s);
	}
	for (size_t i = 0; i < l->ntimer; i++)
		l->timer[i]->place = 0;
	fs_close(&l->epoll);
	free(l->watch);
	free(l->timer);
	free(l->turn);
	free(l);
}

/* The row of fd, made if need be. */
static struct watch *watch_of(struct loop *l, int fd)
{
	size_t need = (size_t)fd + 1, cap = l->nwatch ? l->nwatch : 64;

	while (cap < need)
		cap *= 2;
	if (cap > l->nwatch) {
		l->watch = mem_resize(l->watch, cap, sizeof(*l->watch));
		memset(l->watch + l->nwatch, 0, (cap - l->nwatch) * sizeof(*l->watch));
		l->nwatch = cap;
	}
	return &l->watch[fd];
}

bool loop_watch(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *ctx, struct err *e)
{
	struct watch *w;
	struct epoll_event ev;
	bool is_new;

	assert(fd >= 0 && fn);
	w = watch_of(l, fd);
	is_new = !w->fn;
	ev = (struct epoll_event){ .events = events };
	ev.data.u64 = (uint64_t)(w->round + is_new) << 32 | (uint32_t)fd;
	/* If it was closed while watched, or copied, we and the kernel think differently of it. */
	if (epoll_ctl(l->epoll, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &ev) &&
	    ((errno != ENOENT && errno != EEXIST) ||
	     epoll_ctl(l->epoll, is_new ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev)))
		return err_sys(e, "cannot watch descriptor %d", fd);
	*w = (struct watch){ fn, ctx, events, w->round + is_new };
	return true;
}

void loop_unwatch(struct loop *l, int fd)
{
	if (fd < 0 || (size_t)fd >= l->nwatch || !l->watch[fd].fn)
		return;
	l->watch[fd].fn = NULL;
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* Puts t at heap index i. */
static void seat(struct loop *l, struct timer *t, size_t i)
{
	l->timer[i] = t;
	t->place = i + 1;
}

static void sift_up(struct loop *l, size_t i)
{
	struct timer *t = l->timer[i];

	for (; i > 0 && l->timer[(i - 1) / 2]->at_ms > t->at_ms; i = (i - 1) / 2)
		seat(l, l->timer[(i - 1) / 2], i);
	seat(l, t, i);
}

static void sift_down(struct loop *l, size_t i)
{
	struct timer *t = l->timer[i];
	size_t below;

	while ((below = 2 * i + 1) < l->ntimer) {
		if (below + 1 < l->ntimer && l->timer[below + 1]->at_ms < l->timer[below]->at_ms)
			below++;
		if (l->timer[below]->at_ms >= t->at_ms)
			break;
		seat(l, l->timer[below], i);
		i = below;
	}
	seat(l, t, i);
}

void timer_set(struct loop *l, struct timer *t, int64_t at_ms)
{
	assert(t->fn);
	timer_stop(l, t);
	if (l->ntimer == l->timer_cap) {
		l->timer_cap = l->timer_cap ? l->timer_cap * 2 : 64;
		l->timer = mem_resize(l->timer, l->timer_cap, sizeof(struct timer *));
	}
	t->at_ms = at_ms;
	l->timer[l->ntimer] = t;
	sift_up(l, l->ntimer++);
}

void timer_stop(struct loop *l, struct timer *t)
{
	size_t i = t->place - 1;
	struct timer *last;

	if (t->place == 0)
		return;
	t->place = 0;
	last = l->timer[--l->ntimer];
	if (last == t)
		return;
	seat(l, last, i);
	sift_up(l, i);
	sift_down(l, last->place - 1);
}

static void on_signalfd(void *ctx, uint32_t events)
{
	struct signals *s = ctx;
	struct signalfd_siginfo info;

	(void)events;
	/* One at a time: fn may end everything, and the loop comes back while there are more. */
	if (read(s->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		s->fn(s->ctx, (int)info.ssi_signo);
}

bool loop_signals(struct loop *l, const int *signo, loop_signal_fn *fn, void *ctx, struct err *e)
{
	struct signals *s;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (; *signo; signo++)
		sigaddset(&set, *signo);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_sys(e, "cannot receive signals");
	s = mem_zalloc(1, sizeof(*s));
	*s = (struct signals){ l->signals, fd, fn, ctx };
	l->signals = s;
	sigprocmask(SIG_BLOCK, &set, NULL);
	return loop_watch(l, fd, EPOLLIN, on_signalfd, s, e);
}

static void forget_child(struct child *c)
{
	struct child **at = &c->loop->child;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	loop_unwatch(c->loop, c->pidfd);
	fs_close(&c->pidfd);
	free(c);
}

static void on_pidfd(void *ctx, uint32_t events)
{
	struct child *c = ctx;
	loop_child_fn *fn = c->fn;
	void *fn_ctx = c->ctx;
	int status = 0;
	pid_t got = waitpid(c->pid, &status, WNOHANG);

	(void)events;
	if (got == 0 || (got < 0 && errno == EINTR))
		return;
	assert(got == c->pid); /* a child of a loop is reaped by nobody else */
	forget_child(c);
	fn(fn_ctx, status);
}

bool loop_child(struct loop *l, pid_t pid, loop_child_fn *fn, void *ctx, struct err *e)
{
	struct child *c;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (pidfd < 0)
		return err_sys(e, "cannot watch process %d", (int)pid);
	c = mem_zalloc(1, sizeof(*c));
	*c = (struct child){ l->child, l, pid, pidfd, fn, ctx };
	l->child = c;
	if (loop_watch(l, pidfd, EPOLLIN, on_pidfd, c, e))
		return true;
	forget_child(c);
	return false;
}

void loop_each_turn(struct loop *l, loop_turn_fn *fn, void *ctx)
{
	assert(fn);
	if (l->nturn == l->turn_cap) {
		l->turn_cap = l->turn_cap ? l->turn_cap * 2 : 8;
		l->turn = mem_resize(l->turn, l->turn_cap, sizeof(*l->turn));
	}
	l->turn[l->nturn++] = (struct turn){ fn, ctx };
}

/* Only marked: it may be called while they are gone through. */
void loop_drop_turn(struct loop *l, loop_turn_fn *fn, void *ctx)
{
	for (size_t i = 0; i < l->nturn; i++)
		if (l->turn[i].fn == fn && l->turn[i].ctx == ctx)
			l->turn[i].fn = NULL;
}

int64_t loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

void loop_stop(struct loop *l)
{
	l->is_stopping = true;
}

static void forget_dropped_turns(struct loop *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->nturn; i++)
		if (l->turn[i].fn)
			l->turn[kept++] = l->turn[i];
	l->nturn = kept;
}

static void run_turns(struct loop *l)
{
	l->turn_wait_ms = -1;
	for (size_t i = 0; i < l->nturn; i++) {
		struct turn t = l->turn[i];
		int ms = t.fn ? t.fn(t.ctx) : -1;

		if (ms >= 0 && (l->turn_wait_ms < 0 || ms < l->turn_wait_ms))
			l->turn_wait_ms = ms;
	}
	forget_dropped_turns(l);
}

static void run_events(struct loop *l, const struct epoll_event *ev, int n)
{
	for (int i = 0; i < n; i++) {
		size_t fd = (uint32_t)ev[i].data.u64;
		struct watch w = l->watch[fd];
		uint32_t events = ev[i].events & (w.events | EPOLLERR | EPOLLHUP);

		if (w.fn && w.round == ev[i].data.u64 >> 32 && events)
			w.fn(w.ctx, events);
	}
}

/* Not more than there were at first: one that sets itself again for now must let the turn end. */
static void run_timers(struct loop *l)
{
	for (size_t left = l->ntimer; left > 0 && l->ntimer > 0; left--) {
		struct timer *t = l->timer[0];

		if (t->at_ms > l->now_ms)
			return;
		timer_stop(l, t);
		t->fn(t->ctx);
	}
}

static int wait_ms(const struct loop *l)
{
	int64_t ms;

	if (l->ntimer == 0)
		return l->turn_wait_ms;
	ms = l->timer[0]->at_ms - clock_mono_ms();
	if (ms < 0)
		ms = 0;
	if (ms > INT_MAX)
		ms = INT_MAX;
	return l->turn_wait_ms >= 0 && l->turn_wait_ms < ms ? l->turn_wait_ms : (int)ms;
}

bool loop_run(struct loop *l, struct err *e)
{
	struct epoll_event ev[EVENTS_AT_ONCE];

	l->turn_wait_ms = 0; /* what hooks there are may have work before anything happens */
	while (!l->is_stopping) {
		int n = epoll_wait(l->epoll, ev, EVENTS_AT_ONCE, wait_ms(l));

		if (n < 0 && errno != EINTR)
			return err_sys(e, "cannot wait for events");
		l->now_ms = clock_mono_ms();
		run_events(l, ev, n);
		run_timers(l);
		run_turns(l);
	}
	l->is_stopping = false;
	return true;
}
