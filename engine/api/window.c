#include "api/window.h"

bool window_is_open(const struct window *w, size_t njob, int64_t now_ms)
{
	return now_ms >= w->closed_until_ms && (w->size == 0 || (double)njob + 1 <= w->size);
}

uint64_t window_send(struct window *w)
{
	return w->nsent++;
}

void window_narrow(struct window *w, uint64_t sent, size_t njob, int64_t until_ms)
{
	if (w->closed_until_ms < until_ms)
		w->closed_until_ms = until_ms;
	if (sent < w->nbefore)
		return;
	w->nbefore = w->nsent;
	w->size = njob > 2 ? (double)njob / 2 : 1;
}

void window_widen(struct window *w)
{
	if (w->size > 0)
		w->size += 1 / w->size;
}
