/* call -- what is under way, and where; internal to api. */
#ifndef ENGINE_API_CALL_H
#define ENGINE_API_CALL_H

#include "api/fetch.h"
#include "api/http.h"
#include "api/window.h"
#include "base/map.h"

#define CALL_FIRST_POLL_MS 100

/* A call lies in exactly one list, in the order of coming there. */
struct call_list {
	struct api_call *first, *last;
};

/* One endpoint. */
struct site {
	struct api *api;
	int index;
	struct endpoint endpoint;
	struct http *http;
	bool has_additions; /* some answer told WIRE_HEADER */
	size_t nactive;
	size_t nlong;            /* of the active, those that wait at the service */
	struct call_list queued; /* for a connection */
	struct call_list begun;  /* at the service, or waiting for their timer */
	size_t njob, workers;    /* jobs that are its own: being submitted or awaited */
	struct window window;
	struct timer reopen;   /* when the window opens again */
	int64_t busy_since_ms; /* since when it says nothing but later; 0: it does not */
	bool is_out;
	struct timer again;       /* when one that is out is asked again */
	struct given_up *givenup; /* jobs that were submitted anew elsewhere */
};

struct given_up {
	struct given_up *next;
	const char *job_path;
};

struct api {
	struct arena arena; /* holds this struct too */
	struct loop *loop;
	struct api_options options; /* with the defaults filled in */
	struct site *site;
	int nsite, nin;              /* nin: those that are not left out */
	size_t max_active, max_long; /* of one site */
	struct call_list submits;    /* that belong to no site yet */
	struct map jobs;             /* path of the job -> struct job_at; of several sites alone */
};

/* What becomes of a call after an answer. */
enum fate {
	FATE_ANSWER,
	FATE_RETRY,
	FATE_LATER, /* as retry, but it was the service that said so */
	FATE_POLL,  /* the call has more to ask */
};

struct call_kind {
	const char *method;
	/* Take a 2xx answer: fill out, or have the call poll on. */
	enum fate (*take)(struct api_call *c, const struct http_answer *h, struct arena *a,
			  struct api_answer *out);
	long also_ok[2]; /* statuses that are no failure either */
	bool is_job;     /* what it is for is one job of its site's */
	bool is_moved;   /* failing for good, its site is left out */
};

struct api_call {
	struct arena arena; /* holds this struct and its texts */
	struct api *api;
	const struct call_kind *kind;
	struct site *site; /* NULL: a submit that may go anywhere */
	struct call_list *list;
	struct api_call *prev, *next;
	const char *path;
	const char *job_id;          /* NULL but for await and cancel */
	const char *idempotency_key; /* NULL but for submit */
	struct bytes body;
	struct transfer *transfer; /* NULL: not at the service */
	uint64_t sent;             /* its number in the window */
	bool is_long, is_answering;
	bool is_searching; /* its job may be another site's */
	int64_t begun_ms;
	struct timer timer; /* back-off, or the next poll */
	int tries, max_tries;
	int64_t poll_ms;
	struct fetch *fetch; /* of an await whose job has ended, or NULL */
	api_done_fn *done;
	void *ctx;
};

extern const struct call_kind call_get, call_submit, call_await, call_fetch, call_cancel;

void list_add(struct call_list *l, struct api_call *c);
void list_add_first(struct call_list *l, struct api_call *c);
void list_remove(struct api_call *c);

/* What it asks for now, without a query. */
const char *call_path(const struct api_call *c);
/* What a stranger wrote, at most max bytes of it, without what a terminal would obey. */
const char *clean_text(struct arena *a, const char *text, size_t max);
/* What an answer means for the call: fill out with it; what it points at lies in the arena or in h.
 */
enum fate call_judge(struct api_call *c, const struct http_answer *h, struct arena *a,
		     struct api_answer *out);
/* Whether a failure says of the whole site that it is of no use. */
bool call_is_lost(const struct http_answer *h, const struct api_answer *out);

/* Begin what there is room for. */
void api_begin_queued(struct api *api);
/* The site to submit to next, or NULL: none has room. */
struct site *site_with_room(struct api *api);
/* Leave it out if there is another; whether it is out. Its submits go back to api->submits, its
 * calls for jobs are about to be answered with is_gone. */
bool site_leave(struct site *s, const struct err *why);
/* The service says later: narrow its window, let nothing in for wait_ms. */
void site_later(struct site *s, const struct api_call *c, int64_t wait_ms);
/* The job was submitted anew elsewhere: when the site is back, it is cancelled there. */
void site_give_up(struct site *s, const char *job_path);
/* For its timers; ctx is the site. */
loop_fn site_probe, site_reopen;
/* A call comes to a site, or leaves it. */
void call_enter(struct api_call *c, struct site *s);
void call_exit(struct api_call *c);
/* Have it told in the next turn that its site is gone. */
void call_tell_gone(struct api_call *c);
struct api_call *call_make(struct api *api, const struct call_kind *kind, api_done_fn *done,
			   void *ctx);
struct api_call *call_queue(struct api_call *c, struct site *s);
loop_fn call_go_on;                  /* its timer */
void call_halt(struct api_call *c);  /* take it from the service */
void call_leave(struct api_call *c); /* it is at the service no more */
void call_free(struct api_call *c);

#endif
