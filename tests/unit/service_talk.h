/* service_talk -- bytes sent to a whole service in this process, whose jobs only print their code:
 * for the fuzzer and for the replay of its corpus. */
#ifndef TESTS_UNIT_SERVICE_TALK_H
#define TESTS_UNIT_SERVICE_TALK_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fs.h"
#include "service/executor.h"
#include "service/routes.h"
#include "tests/unit/service_must.h"

struct talk {
	char dir[64];
	struct arena arena;
	struct loop *loop;
	struct languages languages;
	struct store *store;
	struct executor *executor;
	struct queue *queue;
	struct httpd *http;
	struct routes routes;
	struct sockaddr_un at;
	struct timer late;
	int fd; /* of the caller */
	struct buf answer;
};

static inline int talk_turn(void *ctx)
{
	struct talk *t = ctx;
	int ms, due;

	queue_turn(t->queue);
	ms = httpd_turn(t->http);
	due = queue_due_ms(t->queue);
	return ms < 0 || (due >= 0 && due < ms) ? due : ms;
}

static inline void talk_late(void *ctx)
{
	(void)ctx;
	MUST(!"it is answered within five seconds");
}

static inline void talk_open_parts(struct talk *t)
{
	CLEAN_BUF struct buf tell = BUF(1 << 20);
	struct err e;

	MUST((t->loop = loop_open(&e)));
	MUST(languages_load(&t->arena, "etc/languages.yml", NULL, &tell, &t->languages, &e));
	MUST((t->store = store_open(t->dir, &e)) && store_relax(t->store, &e));
	MUST((t->executor =
		      executor_fake.open(&(struct executor_options){ .loop = t->loop,
								     .languages = &t->languages,
								     .slots = 2,
								     .data = t->dir },
					 &e)));
	MUST((t->queue = queue_open(&(struct queue_parts){ .store = t->store,
							   .languages = &t->languages,
							   .ops = &executor_fake,
							   .executor = t->executor },
				    &e)));
}

static inline void talk_open(struct talk *t)
{
	const struct http_hooks hooks = {
		.ctx = &t->routes, .head = routes_head, .run = routes_run, .done = routes_done
	};
	const char *address, *url;
	struct err e;

	*t = (struct talk){ .fd = -1, .late.fn = talk_late };
	snprintf(t->dir, sizeof(t->dir), "%s/service_talk.XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	MUST(mkdtemp(t->dir));
	talk_open_parts(t);
	t->routes = (struct routes){ .loop = t->loop,
				     .queue = t->queue,
				     .store = t->store,
				     .languages = &t->languages,
				     .ops = &executor_fake,
				     .executor = t->executor,
				     .slots = 2 };
	t->http = httpd_open(t->loop, &hooks);
	address = arena_printf(&t->arena, "unix:%s/socket", t->dir);
	MUST(httpd_listen(t->http, address, false, &t->arena, &url, &e));
	t->at.sun_family = AF_UNIX;
	snprintf(t->at.sun_path, sizeof(t->at.sun_path), "%s/socket", t->dir);
	t->answer = BUF((size_t)64 << 20);
	loop_each_turn(t->loop, talk_turn, t);
}

static inline void talk_close(struct talk *t)
{
	struct err e;

	httpd_close(t->http);
	executor_fake.close(t->executor);
	queue_close(t->queue);
	store_close(t->store);
	loop_close(t->loop);
	MUST(fs_remove_tree(AT_FDCWD, t->dir, &e));
	buf_close(&t->answer);
	arena_free(&t->arena);
}

static inline void talk_read(void *ctx, uint32_t events)
{
	struct talk *t = ctx;
	char bytes[16384];
	ssize_t n;

	(void)events;
	while ((n = recv(t->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		MUST(buf_add(&t->answer, bytes, (size_t)n));
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		loop_stop(t->loop);
}

/* All that is answered to these bytes, whose sender then closes his side. */
static inline void talk(struct talk *t, const char *data, size_t n)
{
	struct err e;
	size_t gone = 1;

	buf_clear(&t->answer);
	t->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(t->fd >= 0 && !connect(t->fd, (const struct sockaddr *)&t->at, sizeof(t->at)));
	MUST(send(t->fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n);
	MUST(!shutdown(t->fd, SHUT_WR));
	MUST(loop_watch(t->loop, t->fd, EPOLLIN, talk_read, t, &e));
	timer_set(t->loop, &t->late, loop_now_ms(t->loop) + 5000);
	MUST(loop_run(t->loop, &e));
	timer_stop(t->loop, &t->late);
	loop_unwatch(t->loop, t->fd);
	close(t->fd);
	while (gone)
		MUST(store_forget_old(t->store, INT64_MAX, &gone, &e));
}

/* Whatever was sent, it is answered in HTTP or not at all, and never by "that is our fault". */
static inline void talk_check(struct talk *t, const char *data, size_t n)
{
	static const char http[] = "HTTP/1.";

	talk(t, data, n);
	MUST(t->answer.len == 0 || !strncmp(buf_text(&t->answer), http, strlen(http)));
	/* What is echoed has its quotes escaped. */
	MUST(!strstr(buf_text(&t->answer), "\"code\":\"internal_error\""));
}

#endif
