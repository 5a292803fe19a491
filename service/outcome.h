/*
 * outcome -- from what the warden said of a step to the words and numbers of a
 * result. Pure.
 */
#ifndef SERVICE_OUTCOME_H
#define SERVICE_OUTCOME_H

#include <stdint.h>

#include "base/arena.h"
#include "jail/jail.h"
#include "wire/wire.h"

/* Compilers and tar need this much, whatever the program may use. */
#define OUTCOME_TOOL_MEMORY_MB 512
#define OUTCOME_TOOL_PROCESSES 64

enum outcome_step { OUTCOME_UNPACK, OUTCOME_COMPILE, OUTCOME_RUN };

/*
 * The limits of a step. The program has the request's, where it gives none the defaults, with
 * cpu_ms as long as ttl. A tool has WIRE_COMPILE_TTL, any CPU time within it, and at least
 * OUTCOME_TOOL_*. Strings, argv and environment are left 0.
 */
struct jail_run outcome_limits(enum outcome_step step, const struct wire_request *r);
/* Bytes and inodes of the working folder: one inode for 16 KiB, at least 4096. */
struct jail_prepare outcome_folder(const struct wire_request *r);
/* Bytes that are kept of each output. */
size_t outcome_output_bytes(const struct wire_request *r);

/*
 * The status, exit code, signal, limit, error and success of a job whose last step ended so; for
 * OUTCOME_RUN its CPU time and peak too. out->out_truncated and err_truncated are set before.
 * limit is what fired first: a refused fork, dropped output and a full folder come before a kill.
 */
void outcome_tell(struct arena *a, enum outcome_step step, const struct jail_ended *ended,
		  const struct wire_request *r, struct wire_result *out);
/* The job ends without having been run: e says why. ERR_TOO_LARGE: its files did not fit, completed
 * with limit disk; else failed. */
void outcome_refuse(struct arena *a, const struct err *e, struct wire_result *out);

#endif
