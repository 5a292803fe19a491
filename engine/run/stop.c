/* The early end of a run: what is at the service is cancelled there, the rest never starts. */
#include "run/journal.h"
#include "run/state.h"

#define STOP_WAIT_MS 5000 /* for the service to say that what ran is cancelled */

void stop_failed(struct run *r, const struct err *e)
{
	if (r->failure.kind)
		return;
	r->failure = *e;
	run_stop(r, "the run could not go on", false);
}

/* Whether what is at the service can and should be cancelled there: somebody still answers. */
bool stop_cancels(const struct run *r)
{
	return r->stop_why && (r->sum.is_interrupted || r->failure.kind);
}

enum verdict stop_verdict(const struct run *r)
{
	return r->sum.is_interrupted ? VERDICT_CANCELLED : VERDICT_ERROR;
}

/* End what can end at once after run_stop; what is at the service is cancelled there first. */
void stop_tell(struct run *r)
{
	r->stop_told = true;
	again_stop(r);
	for (uint32_t i = 0; i < r->plan->ncell; i++) {
		struct cell_run *c = &r->cell[i];

		if ((c->state == CELL_AWAITING || c->state == CELL_CHECKING) && stop_cancels(r)) {
			api_drop(c->flight->call);
			c->state = CELL_CANCELLING;
			c->flight->call =
				api_cancel(r->o.api, c->flight->job_id, cell_on_answer, c->flight);
		} else if (c->flight && !stop_cancels(r)) {
			cell_end(r, i, stop_verdict(r), r->stop_why);
		}
	}
}

/* The rest never ran: it has a row in the summary, and a line for reports made later. */
void stop_rest(struct run *r)
{
	struct err ignored = { 0 }; /* resuming needs nothing of it */

	again_stop(r);
	for (uint32_t i = 0; i < r->plan->ncell; i++) {
		struct row *row = &r->sum.row[i];

		if (r->cell[i].state == CELL_ENDED)
			continue;
		cell_land(r, i);
		r->cell[i].state = CELL_ENDED;
		row->verdict = stop_verdict(r);
		row->reason = r->stop_why;
		r->sum.count[row->verdict]++;
		journal_left(r->keep, row, &ignored);
	}
}

static bool has_flights(const struct run *r)
{
	for (size_t i = 0; i < r->o.max_in_flight; i++)
		if (r->cell[r->flights[i].cell].flight == &r->flights[i])
			return true;
	return false;
}

/* No more waiting for the service to cancel: leave. */
static void on_stop_timer(void *ctx)
{
	struct run *r = ctx;

	for (size_t i = 0; i < r->o.max_in_flight; i++)
		if (r->cell[r->flights[i].cell].flight == &r->flights[i])
			cell_land(r, r->flights[i].cell);
}

bool stop_is_over(const struct run *r)
{
	if (r->nended == r->plan->ncell)
		return true;
	return r->stop_why && r->stop_told && !has_flights(r);
}

void run_stop(struct run *r, const char *why, bool is_interrupt)
{
	if (r->stop_why)
		return;
	r->stop_why = arena_strdup(&r->arena, why);
	r->sum.is_interrupted = is_interrupt;
	r->stop_timer = (struct timer){ .fn = on_stop_timer, .ctx = r };
	timer_set(r->o.loop, &r->stop_timer, loop_now_ms(r->o.loop) + STOP_WAIT_MS);
}
