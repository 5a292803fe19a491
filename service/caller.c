#include "service/caller.h"

#include <malloc.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/log.h"
#include "service/zalloc.h"

#define REST_MS 1000

/* What they took, in pieces all over the heap, goes back to the system. */
static void on_rest(void *ctx)
{
	(void)ctx;
	malloc_trim(0);
}

void callers_init(struct callers *all, struct loop *l)
{
	all->loop = l;
	all->rest = (struct timer){ .fn = on_rest };
	TAILQ_INIT(&all->ended);
}

void callers_close(struct callers *all)
{
	timer_stop(all->loop, &all->rest);
}

void callers_rest_later(struct callers *all)
{
	timer_set(all->loop, &all->rest, loop_now_ms(all->loop) + REST_MS);
}

static void on_end(void *ctx, uint32_t events)
{
	struct caller *who = ctx;

	(void)events;
	loop_unwatch(who->all->loop, who->fd);
	if (who->has_ended)
		return;
	who->has_ended = true;
	TAILQ_INSERT_TAIL(&who->all->ended, who, ended);
}

/* Whether all that was sent has been read. */
static bool is_read(const struct caller *who)
{
	int left = 0;

	return ioctl(who->fd, FIONREAD, &left) < 0 || left == 0;
}

void callers_tell_ends(struct callers *all)
{
	struct caller *who, *next;

	for (who = TAILQ_FIRST(&all->ended); who; who = next) {
		next = TAILQ_NEXT(who, ended);
		if (!is_read(who))
			continue;
		TAILQ_REMOVE(&all->ended, who, ended);
		who->has_ended = false;
		shutdown(who->fd, SHUT_RD);
	}
}

struct caller *caller_new(struct callers *all, int fd)
{
	struct caller *who = zalloc(sizeof(*who));

	who->all = all;
	who->fd = fd;
	caller_unwatch(who);
	return who;
}

void caller_free(struct caller *who)
{
	struct callers *all = who->all;

	loop_unwatch(all->loop, who->fd);
	if (who->has_ended)
		TAILQ_REMOVE(&all->ended, who, ended);
	free(who);
	callers_rest_later(all);
}

void caller_watch(struct caller *who, loop_fd_fn *fn, void *ctx)
{
	struct err e;

	if (!loop_watch(who->all->loop, who->fd, EPOLLRDHUP, fn, ctx, &e))
		log_warn("%s", e.msg);
}

void caller_unwatch(struct caller *who)
{
	caller_watch(who, on_end, who);
}
