/*
 * compiled -- what compilers made, kept in the service's folder: the same tenant, language, source,
 * files and flags get it again without compiling. One file a tree, the least recently used go
 * first.
 */
#ifndef SERVICE_COMPILED_H
#define SERVICE_COMPILED_H

#include "base/digest.h"
#include "service/command.h"
#include "service/workdir.h"

#define COMPILED_TREE_MAX  ((size_t)16 * WIRE_MB)  /* larger ones are not kept */
#define COMPILED_BYTES_MAX ((size_t)512 * WIRE_MB) /* of all */
#define COMPILED_TREES_MAX 2000

/* A request to compile, whole. */
struct compiled_job {
	const char *tenant;
	const struct wire_request *request;
	const struct language *language;
	const struct command *command; /* that compiles: its arguments and environment count */
};

/* The folder below data, made if it is not there: an fd, -1 with e. */
int compiled_open(const char *data, struct err *e);
/* What the tree is kept under. The compiler's own file counts with its time and size, so that an
 * upgrade compiles again. */
void compiled_key(const struct compiled_job *job, char key[DIGEST_HEX]);
/* Whether it is kept, and lies in the working folder now, with the modes it had. One that is
 * damaged is removed. */
bool compiled_restore(int dir, const char *key, const struct workdir *w);
/*
 * Keep every regular file of the working folder that is not the request's own, without ~/.cache;
 * nothing is kept when they are too large or too many. Before the program has run there.
 */
bool compiled_keep(int dir, const char *key, const struct compiled_job *job,
		   const struct workdir *w, struct err *e);

#endif
