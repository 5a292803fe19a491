#include "cmd/progress.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "report/report.h"

#define REDRAW_MS 100
#define SHOWN_MAX 12 /* running cells that have a line of their own */
#define BAR_WIDTH 30

struct progress {
	struct arena arena;
	struct loop *loop;
	const struct plan *plan;
	struct timer timer;
	bool is_live, has_colour;
	int64_t began_ms;
	size_t nended, nbad;
	uint32_t *running; /* cells under way, in the order they started */
	int64_t *since_ms;
	size_t nrunning, nline; /* nline: live lines on the screen */
};

/* Take the live lines off the screen. */
static void erase(struct progress *g, struct buf *b)
{
	if (g->nline)
		buf_printf(b, "\033[%zuA\r\033[J", g->nline);
	g->nline = 0;
}

/* "1:05 left", from the pace so far; nothing before there is one. */
static void add_time_left(const struct progress *g, struct buf *b)
{
	int64_t passed = loop_now_ms(g->loop) - g->began_ms, left;

	if (g->nended == 0 || g->nended == g->plan->ncell)
		return;
	left = passed * (int64_t)(g->plan->ncell - g->nended) / (int64_t)g->nended / 1000;
	buf_printf(b, ", %" PRId64 ":%02" PRId64 " to go", left / 60, left % 60);
}

static void draw_bar(struct progress *g, struct buf *b)
{
	size_t all = g->plan->ncell, full = g->nended * BAR_WIDTH / all;

	buf_puts(b, "[");
	for (size_t i = 0; i < BAR_WIDTH; i++)
		buf_puts(b, i < full ? "#" : ".");
	buf_printf(b, "] %zu done, %zu failed, %zu left", g->nended, g->nbad, all - g->nended);
	add_time_left(g, b);
	buf_puts(b, "\n");
	g->nline++;
}

static void draw(struct progress *g, struct buf *b)
{
	int width = cmd_width(STDERR_FILENO), room = width > 20 ? width - 10 : 10;
	int64_t now = loop_now_ms(g->loop);

	for (size_t i = 0; i < g->nrunning && i < SHOWN_MAX; i++) {
		buf_printf(b, "%6.1f s  %.*s\n", (double)(now - g->since_ms[i]) / 1000, room,
			   g->plan->cell[g->running[i]].id);
		g->nline++;
	}
	if (g->nrunning > SHOWN_MAX) {
		buf_printf(b, "          and %zu more\n", g->nrunning - SHOWN_MAX);
		g->nline++;
	}
	draw_bar(g, b);
}

static void put(const struct buf *b)
{
	const char *text = buf_text(b);

	fwrite(text, 1, b->len, stderr);
	fflush(stderr);
}

void progress_say(void *ctx, const char *sentence)
{
	struct progress *g = ctx;
	CLEAN_BUF struct buf b = BUF(1 << 16);

	erase(g, &b);
	buf_printf(&b, "sandbatch: %s\n", sentence);
	if (g->is_live)
		draw(g, &b);
	put(&b);
}

static void on_timer(void *ctx)
{
	struct progress *g = ctx;
	CLEAN_BUF struct buf b = BUF(1 << 16);

	erase(g, &b);
	draw(g, &b);
	put(&b);
	timer_set(g->loop, &g->timer, loop_now_ms(g->loop) + REDRAW_MS);
}

struct progress *progress_open(struct loop *l, const struct plan *p)
{
	struct arena first = { 0 };
	struct progress *g = ARENA_NEW(&first, 1, struct progress);

	g->arena = first;
	g->loop = l;
	g->plan = p;
	g->began_ms = loop_now_ms(l);
	g->has_colour = cmd_has_colour(STDERR_FILENO);
	g->is_live = isatty(STDERR_FILENO) && !getenv("CI") && cmd_width(STDERR_FILENO) > 0;
	g->running = ARENA_NEW(&g->arena, p->ncell, uint32_t);
	g->since_ms = ARENA_NEW(&g->arena, p->ncell, int64_t);
	g->timer = (struct timer){ .fn = on_timer, .ctx = g };
	if (g->is_live)
		timer_set(l, &g->timer, g->began_ms + REDRAW_MS);
	return g;
}

static void drop_running(struct progress *g, uint32_t cell)
{
	for (size_t i = 0; i < g->nrunning; i++) {
		if (g->running[i] != cell)
			continue;
		g->nrunning--;
		memmove(&g->running[i], &g->running[i + 1], (g->nrunning - i) * sizeof(uint32_t));
		memmove(&g->since_ms[i], &g->since_ms[i + 1], (g->nrunning - i) * sizeof(int64_t));
		return;
	}
}

static bool is_bad(enum verdict v)
{
	return v != VERDICT_PASSED && v != VERDICT_XFAIL && v != VERDICT_SKIPPED;
}

/* A live screen's lines do not wrap: their number must be known when they are erased. */
static int live_width(const struct progress *g)
{
	return g->is_live ? cmd_width(STDERR_FILENO) : 0;
}

/* Only what failed is told: a repeat of what passed is not news. */
static void tell_again(struct progress *g, const struct row *row, struct buf *b)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct row told = *row;

	if (!is_bad(row->verdict))
		return;
	told.reason =
		arena_printf(&a, "%s (attempt %d; it runs again)", row->reason, row->attempts);
	erase(g, b);
	report_line(&told, g->has_colour, live_width(g), b);
	put(b);
}

void progress_tell(void *ctx, enum run_event event, uint32_t cell, const struct row *row)
{
	struct progress *g = ctx;
	CLEAN_BUF struct buf b = BUF(1 << 16);

	if (event == RUN_STARTED) {
		g->running[g->nrunning] = cell;
		g->since_ms[g->nrunning++] = loop_now_ms(g->loop);
		return;
	}
	drop_running(g, cell);
	if (event == RUN_AGAIN) {
		tell_again(g, row, &b);
		return;
	}
	g->nended++;
	g->nbad += is_bad(row->verdict);
	if (g->is_live && !is_bad(row->verdict))
		return; /* the bar tells it */
	erase(g, &b);
	report_line(row, g->has_colour, live_width(g), &b);
	put(&b);
}

void progress_close(struct progress *g)
{
	CLEAN_BUF struct buf b = BUF(1 << 10);
	struct arena a;

	if (!g)
		return;
	timer_stop(g->loop, &g->timer);
	erase(g, &b);
	put(&b);
	a = g->arena;
	arena_free(&a);
}
