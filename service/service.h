/* service -- `sandbatch serve`: strangers' code in a sandbox, behind HTTP. */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct service_options {
	const char *const *listen; /* HOST:PORT, [::1]:PORT, unix:PATH */
	size_t nlisten;
	const char *data; /* folder of the store */
	int slots;
	const char *executor;  /* "local", "fake" */
	const char *languages; /* path of languages.yml */
	const char *jail;      /* path of sandbatch-jail */
	const char *sandbox;   /* "full", "limits", "none" */
	const char *script;    /* of the fake executor */
	bool allow_anonymous;
};

/* Serve until SIGTERM or SIGINT. Prints "listening on ADDR" to stdout, a line each, once it is
 * ready. */
bool service_run(const struct service_options *o, struct err *e);

#endif
