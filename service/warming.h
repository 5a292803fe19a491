/*
 * warming -- which interpreter waits in a slot (warm/warm.h), and for whose jobs.
 *
 * One waits in a slot at most. It is of a kind: a tenant's, with a language's command
 * and environment, before the job's own are added. It is started after the second job
 * in a row of its kind, gives way to one of another kind in the same way, is renewed
 * after WARMING_JOBS jobs, and ends after WARMING_IDLE_MS without one.
 */
#ifndef SERVICE_WARMING_H
#define SERVICE_WARMING_H

#include "base/digest.h"
#include "service/command.h"
#include "service/slot.h"

#define WARMING_JOBS    100
#define WARMING_IDLE_MS 60000

/* Of one slot. Lives in its owner. */
struct warming {
	struct slot *slot;
	const char *library;      /* path of sandbatch-warm.so; NULL: nothing is to wait here */
	char waits[DIGEST_HEX];   /* the kind that waits; "": none */
	char last[DIGEST_HEX];    /* the kind of the last job; "": it had none */
	char refused[DIGEST_HEX]; /* a kind that could not be started */
	int nlast, njob;          /* jobs of that kind in a row; jobs by the one that waits */
	struct timer idle;
};

/* The kind that a job is of, and how to start one. */
struct warming_kind {
	char name[DIGEST_HEX]; /* "": no interpreter but its own can run it */
	struct command command;
	const char *source, *script;
};

/* A job and its working folder, filled. */
struct warming_job {
	const char *tenant, *path;
	const struct wire_request *r;
	const struct language *language;
	const struct command *command;
	int folder;
};

void warming_find(struct arena *a, const struct warming_job *job, struct warming_kind *out);
/* Whether the interpreter that waits can run it. */
bool warming_has(const struct warming *w, const struct warming_kind *k);
/* A job of that kind has run, by the interpreter that waited or not. */
void warming_ran(struct warming *w, const struct warming_kind *k, bool is_warm);
/* The job is over: have another wait if it is time for that; false: it is not. */
bool warming_start(struct warming *w, const struct warming_kind *k);
/* The answer: why none waits, or "". */
void warming_told(struct warming *w, const char *why);
/* The warden is gone. */
void warming_lost(struct warming *w);

#endif
