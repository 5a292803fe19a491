/*
 * loop -- one epoll loop: fds, timers, signals, children. No threads.
 *
 * Everything is called from loop_run, one thing at a time. A callback may add
 * and remove anything, itself too: a removed fd's pending events are dropped.
 */
#ifndef ENGINE_BASE_LOOP_H
#define ENGINE_BASE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

#include "base/err.h"

struct loop;

typedef void loop_fn(void *ctx);
typedef void loop_fd_fn(void *ctx, uint32_t events); /* EPOLLIN, EPOLLOUT, ... */
typedef void loop_child_fn(void *ctx, int status);   /* a wait(2) status */
typedef void loop_signal_fn(void *ctx, int signo);
/*
 * Called at the end of each turn; returns for how many ms the loop may then wait at most, -1: any.
 */
typedef int loop_turn_fn(void *ctx);

/* A timer lives in its owner; {0} is one that is not set. */
struct timer {
	int64_t at_ms;
	loop_fn *fn;
	void *ctx;
	size_t place; /* in the loop's heap, plus one; 0: not set */
};

struct loop *loop_open(struct err *e); /* NULL on failure */
void loop_close(struct loop *l);

/* Watch fd, or change what is watched of it (level-triggered). The fd stays the caller's. */
bool loop_watch(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *ctx, struct err *e);
/* Before the fd is closed. No error if it was not watched. */
void loop_unwatch(struct loop *l, int fd);

/* Call t->fn(t->ctx) once, at that time of loop_now_ms; set again to move it. */
void timer_set(struct loop *l, struct timer *t, int64_t at_ms);
void timer_stop(struct loop *l, struct timer *t);

/* Block these signals (0 ends the list) and have them told to fn instead. */
bool loop_signals(struct loop *l, const int *signo, loop_signal_fn *fn, void *ctx, struct err *e);
/* Reap the child when it ends and tell fn its status. */
bool loop_child(struct loop *l, pid_t pid, loop_child_fn *fn, void *ctx, struct err *e);
/*
 * Call fn at the end of every turn, after all events of that turn: group commits, libraries with a
 * loop of their own.
 */
void loop_each_turn(struct loop *l, loop_turn_fn *fn, void *ctx);
void loop_drop_turn(struct loop *l, loop_turn_fn *fn, void *ctx);

int64_t loop_now_ms(const struct loop *l);    /* CLOCK_MONOTONIC, read once a turn */
bool loop_run(struct loop *l, struct err *e); /* until loop_stop */
void loop_stop(struct loop *l);

#endif
