/*
 * window -- how many jobs an endpoint is given at once; internal to api.
 *
 * Additive increase, multiplicative decrease, as TCP's congestion avoidance (RFC 5681): any number
 * until the endpoint says later (429, 503); then half of what it had, one at least, and nothing
 * more until the time it asked for. Each job it takes adds 1/size, so that a whole window of them
 * adds one. What was sent before a narrowing knows nothing of it: refusals of that do not narrow
 * again.
 */
#ifndef ENGINE_API_WINDOW_H
#define ENGINE_API_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct window {
	double size;             /* jobs at once; 0: any number */
	uint64_t nsent, nbefore; /* requests so far, and when it was narrowed last */
	int64_t closed_until_ms; /* CLOCK_MONOTONIC */
};

/* Whether one more job may be sent where njob are. */
bool window_is_open(const struct window *w, size_t njob, int64_t now_ms);
/* A request is sent; returns its number, for window_narrow. */
uint64_t window_send(struct window *w);
/* Request number sent was told later; njob: the jobs there were, with that of the request. */
void window_narrow(struct window *w, uint64_t sent, size_t njob, int64_t until_ms);
/* A job was taken. */
void window_widen(struct window *w);

#endif
