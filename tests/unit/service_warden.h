/*
 * service_warden -- what the service must hold to whatever a warden says to it: one that a job has
 * taken over, with messages of any bytes and any fds. For the fuzzer, and for its seeds as a unit
 * test. The executor's place, its slot and the jobs in it are real; the process below them is not
 * there: what it says are the bytes.
 */
#ifndef TESTS_UNIT_SERVICE_WARDEN_H
#define TESTS_UNIT_SERVICE_WARDEN_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "service/execution.h"
#include "tests/unit/service_must.h"

#define WARDEN_FDS  7 /* more than any message may have */
#define WARDEN_JOBS 8 /* one after another, while it says something */

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the name is ld's */
void __wrap_log_warn(const char *fmt, ...) PRINTF(1, 2);

/* What the operator would be told, read to its end. */
void __wrap_log_warn(const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	MUST(vsnprintf(line, sizeof(line), fmt, ap) < (int)sizeof(line));
	va_end(ap);
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

struct warden {
	struct loop *loop;
	struct executor executor;
	struct place place;
	struct language language[3];
	struct wire_request request;
	struct wire_file file;
	char root[32]; /* the folder that it hands over lies there */
	int fd[4];     /* what else it may */
	int peer, njob, ndone, nwait;
	const char *data; /* what is still to be said */
	size_t n;
};

/* What it may say: of the right size, or (op 0) anything. */
static const struct warden_word {
	uint32_t op;
	size_t size;
} warden_words[] = {
	{ JAIL_READY, sizeof(struct jail_ready) },
	{ JAIL_PREPARED, sizeof(struct jail_plain) },
	{ JAIL_ENDED, sizeof(struct jail_ended) },
	{ JAIL_CLEARED, sizeof(struct jail_plain) },
	{ JAIL_WARMED, sizeof(struct jail_warmed) },
	{ JAIL_BROKEN, sizeof(struct jail_ready) },
	{ 0, 200 },
	{ 0, 999 },
};

/* An interpreter, a compiler, and an interpreter that can wait. */
static inline void warden_languages(struct warden *w)
{
	static const char *run[] = { "/bin/true", "{source}", "{args}" };
	static const char *compile[] = { "/bin/true", "{source}", "{program}" };

	for (int i = 0; i < 3; i++)
		w->language[i] = (struct language){ .name = "x",
						    .filename = "main.x",
						    .program = "main",
						    .run = { run, 3 },
						    .is_available = true };
	w->language[1].compile = w->language[1].wasm = (struct names){ compile, 3 };
	w->language[2].warm_script = "script";
}

/* Whatever it was told, the result is sound, and can be said. */
static inline void warden_done(void *ctx, const struct wire_result *r)
{
	struct warden *w = ctx;
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf b = BUF(1 << 24);
	const struct wire_job said = {
		.id = "j", .status = r->status, .language = "x", .result = r
	};
	struct wire_job heard;
	struct err e;

	w->ndone++;
	MUST(wire_has_ended(r->status) && r->exit_code >= -1 && r->exit_code <= 255);
	MUST(r->peak_memory_bytes >= 0 && r->cpu_time_ms >= 0 && r->compile_time_ms >= 0);
	MUST(wire_job_print(&said, &b) && wire_job_parse(&a, buf_text(&b), b.len, &heard, &e));
}

/* As a job finds it: empty. */
static inline void warden_folder(struct warden *w)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%d", w->root, w->njob);
	MUST(mkdir(path, 0700) == 0);
	fs_close(&w->fd[0]);
	fs_close(&w->fd[3]);
	w->fd[0] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w->fd[3] = open(path, O_PATH | O_CLOEXEC);
}

/* Of the language that the next message's fds say, too. */
static inline void warden_job(struct warden *w)
{
	static const struct executor_job job = { "j", "t" };
	static const char *globs[] = { "*" };
	const struct language *l = &w->language[(unsigned char)w->data[1] / 8 % 4 % 3];

	w->file = (struct wire_file){ .name = "a",
				      .data = { "x", 1 },
				      .is_archive = w->njob % 4 == 3 };
	w->request = (struct wire_request){ .code = { "x", 1 },
					    .ttl_s = 1,
					    .limits = WIRE_LIMITS_DEFAULT,
					    .file = &w->file,
					    .nfile = (size_t)w->njob % 2,
					    .artifact_path = globs,
					    .nartifact_path = 1,
					    .return_artifact = l->compile.n && w->njob % 2,
					    .return_wasm_artifact = l->compile.n && w->njob > 3 };
	w->njob++;
	warden_folder(w);
	execution_start(&w->place, &job, &w->request, l, warden_done, w);
}

static inline void warden_send(const struct warden *w, struct iovec part, size_t nfd, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(WARDEN_FDS * sizeof(int))];
	} control = { 0 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };

	if (nfd) {
		m.msg_control = control.room;
		m.msg_controllen = CMSG_SPACE(nfd * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(nfd * sizeof(int));
		for (size_t i = 0; i < nfd; i++)
			memcpy(CMSG_DATA(&control.align) + i * sizeof(int), &fd, sizeof(fd));
	}
	sendmsg(w->peer, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/*
 * The next message: a byte whose lowest bits say which (the others are read by warden_turn), one
 * for its fds, how many and what; then how many of its bytes follow, and these: the rest is 0.
 */
static inline void warden_say(struct warden *w)
{
	char message[999] = { 0 };
	const struct warden_word *word = &warden_words[(unsigned char)w->data[0] % 8];
	unsigned char fds = (unsigned char)w->data[1];
	size_t at = word->op ? sizeof(word->op) : 0, n = (size_t)(unsigned char)w->data[2] * 4;

	w->data += 3;
	w->n -= 3;
	n = n < w->n ? n : w->n;
	n = n < word->size - at ? n : word->size - at;
	memcpy(message, &word->op, at);
	memcpy(message + at, w->data, n);
	w->data += n;
	w->n -= n;
	warden_send(w, (struct iovec){ message, word->op ? word->size : n }, fds % (WARDEN_FDS + 1),
		    w->fd[fds / 64]);
}

/* It speaks when it is asked, or (bit 8) before, or when it is about to be killed; jobs come when
 * there is none (bit 16), else the slot is cleared. */
static inline int warden_turn(void *ctx)
{
	struct warden *w = ctx;

	if (w->n < 3 || w->nwait > 2 || (w->place.slot.why[0] && !(w->data[0] & 8))) {
		loop_stop(w->loop);
		return 0;
	}
	if (!w->place.run && (w->data[0] & 16) && w->njob < WARDEN_JOBS)
		warden_job(w);
	if (w->place.slot.awaits || (w->data[0] & 8)) {
		w->nwait = 0;
		warden_say(w);
		return 0;
	}
	w->nwait++;
	return 1;
}

static inline void warden_open(struct warden *w, const char *data, size_t n)
{
	struct slot_options o = { .number = 1, .sandbox = "full", .told = execution_news };
	struct slot *s = &w->place.slot;
	struct err e;
	int pair[2];

	*w = (struct warden){ .data = data, .n = n, .root = "/tmp/fuzz-warden-XXXXXX" };
	MUST((w->loop = loop_open(&e)) && mkdtemp(w->root));
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	MUST(fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0); /* as slot.c has it */
	warden_languages(w);
	w->executor.o = (struct executor_options){ .loop = w->loop, .sandbox = "full" };
	w->executor.compiled = -1;
	w->place.executor = &w->executor;
	w->place.warming = (struct warming){ .slot = s, .library = "/dev/null" };
	o.loop = w->loop;
	o.ctx = &w->place;
	slot_init(s, &o);
	s->sock = pair[0];
	w->peer = pair[1];
	s->pid = getpid(); /* by an fd that names no process: it cannot be killed */
	s->pidfd = eventfd(0, EFD_CLOEXEC);
	w->fd[0] = w->fd[3] = -1;
	warden_folder(w);
	w->fd[1] = memfd_create("file", MFD_CLOEXEC);
	w->fd[2] = open("/dev/null", O_RDWR | O_CLOEXEC);
}

static inline void warden_close(struct warden *w)
{
	struct err e;

	if (w->place.run) { /* as when the service ends */
		execution_drop(w->place.run);
		w->ndone++;
	}
	MUST(w->ndone == w->njob);
	timer_stop(w->loop, &w->place.warming.idle);
	slot_let_go(&w->place.slot);
	fs_close(&w->place.slot.pidfd);
	fs_close(&w->peer);
	for (int i = 0; i < 4; i++)
		fs_close(&w->fd[i]);
	loop_close(w->loop);
	MUST(fs_remove_tree(AT_FDCWD, w->root, &e));
}

/* The lowest fd that is free: the same before and after, or one has leaked. */
static inline int warden_free_fd(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

static inline void fuzz_warden(const char *data, size_t n)
{
	int before = warden_free_fd();
	struct warden w;
	struct err e;

	warden_open(&w, data, n);
	if (w.n >= 3) {
		warden_say(&w);
		if (slot_await(&w.place.slot, &e)) {
			loop_each_turn(w.loop, warden_turn, &w);
			MUST(loop_run(w.loop, &e));
		}
	}
	warden_close(&w);
	MUST(warden_free_fd() == before);
}

#endif
