#include "service/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"

#define CHUNK         65536
#define CHUNKS_A_TURN 16 /* then others have their turn */
#define LATER_MS      20 /* a pipe holds the few words of a program that has ended by then */
#define CHUNKS_AT_LAST \
	1024 /* a pipe holds 1 MiB at most (pipe(7)); a writer that lives on gets no more */

static void stop(struct capture *c)
{
	if (c->fd < 0)
		return;
	timer_stop(c->loop, &c->later);
	loop_unwatch(c->loop, c->fd);
	fs_close(&c->fd);
}

/* Read what is there, at most so many chunks; at the end of the stream the pipe is closed. */
static void drain(struct capture *c, int nchunk)
{
	char chunk[CHUNK];

	while (nchunk-- > 0) {
		ssize_t n = read(c->fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			stop(c);
			return;
		}
		if (!buf_add_capped(&c->kept, chunk, (size_t)n))
			c->is_truncated = true;
	}
}

static void on_readable(void *ctx, uint32_t events)
{
	(void)events;
	drain(ctx, CHUNKS_A_TURN);
}

/*
 * Begin to read. Most programs are short and say little: to wake up for each of their words costs
 * more than all the rest of them does here.
 */
static void on_later(void *ctx)
{
	struct capture *c = ctx;
	struct err e;

	if (!loop_watch(c->loop, c->fd, EPOLLIN, on_readable, c, &e))
		timer_set(c->loop, &c->later, loop_now_ms(c->loop) + LATER_MS);
}

/* Only our end must not block: the program's end is as any program expects. */
static bool set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

int capture_open(struct capture *c, struct loop *loop, size_t max_bytes, struct err *e)
{
	int end[2];

	capture_close(c);
	*c = (struct capture){ .loop = loop, .fd = -1, .kept = BUF(max_bytes) };
	if (pipe2(end, O_CLOEXEC) < 0) {
		err_sys(e, "cannot make a pipe for the program's output");
		return -1;
	}
	c->fd = end[0];
	if (!set_nonblocking(c->fd)) {
		err_sys(e, "cannot set up a pipe for the program's output");
		fs_close(&end[1]);
		fs_close(&c->fd);
		return -1;
	}
	c->later = (struct timer){ .fn = on_later, .ctx = c };
	timer_set(loop, &c->later, loop_now_ms(loop) + LATER_MS);
	return end[1];
}

void capture_finish(struct capture *c)
{
	if (c->fd >= 0)
		drain(c, CHUNKS_AT_LAST);
	stop(c);
}

void capture_close(struct capture *c)
{
	stop(c);
	buf_close(&c->kept);
}
