/*
 * execution -- one job in the slot of a place, step by step: folder, files,
 * archives, compiler, program, artifacts.
 */
#ifndef SERVICE_EXECUTION_H
#define SERVICE_EXECUTION_H

#include "base/digest.h"
#include "service/executor.h"
#include "service/slot.h"
#include "service/warming.h"
#include "service/versions.h"

/* Where one job at a time can run. */
struct place {
	struct executor *executor;
	struct slot slot;
	struct warming warming;
	struct execution *run;     /* NULL: free */
	enum wire_network network; /* that its jobs have, always */
	char tenant[DIGEST_HEX];   /* whose job was last in it; "": none was */
};

struct executor {
	struct executor_options o;
	struct arena arena;
	struct place *place;
	int nplace;
	struct networking *networking;
	struct versions *versions;
	int compiled; /* the folder of what was compiled before; -1: there is none */
};

bool executor_is_full(const struct executor *x); /* jobs are in a sandbox of namespaces */
const char *executor_mode(const struct executor *x);
/* What connects jobs that are semitrusted; NULL: nothing, *why is a sentence. */
const char *executor_network(const struct executor *x, const char **why);

/* Begin a job in a free place, at once or when its slot is idle. Everything else as executor.h
 * says. */
struct execution *execution_start(struct place *place, const struct executor_job *job,
				  const struct wire_request *r, const struct language *language,
				  execution_done_fn *done, void *ctx);
void execution_cancel(struct execution *x);
/* Let go of one that ends with its warden; done is not told. */
void execution_drop(struct execution *x);
struct bytes execution_peek(const struct execution *x, int stream);
/* A slot's news for whoever is in its place (ctx). */
void execution_news(void *place, const struct slot_news *news);

#endif
