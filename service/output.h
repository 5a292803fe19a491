/* output -- what a job printed and made, byte for byte: /jobs/{id}/stdout, stderr,
 * artifacts/{name}, and as it comes: /jobs/{id}/events. */
#ifndef SERVICE_OUTPUT_H
#define SERVICE_OUTPUT_H

#include "service/routes.h"

/* Handlers of routes.c's table. */
bool output_stdout(struct routes *r, struct call *c, struct err *e);
bool output_stderr(struct routes *r, struct call *c, struct err *e);
bool output_artifact(struct routes *r, struct call *c, struct err *e);
bool output_events(struct routes *r, struct call *c, struct err *e);

#endif
