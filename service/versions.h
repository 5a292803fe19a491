/*
 * versions -- what the toolchains of this host say of their version: asked in the background, once,
 * one after the other, when somebody first wants to know.
 */
#ifndef SERVICE_VERSIONS_H
#define SERVICE_VERSIONS_H

#include "base/loop.h"
#include "service/language.h"

struct versions;

typedef bool versions_busy_fn(void *ctx); /* whether jobs run, which go first */

/*
 * Begin, soon and at the lowest priority, once languages_print was called; while is_busy(ctx) says
 * so, wait. What is told goes to version_told of each language; l may be loaded anew meanwhile.
 */
struct versions *versions_open(struct loop *loop, const struct languages *l,
			       versions_busy_fn *is_busy, void *ctx);
/* NULL-safe. */
void versions_close(struct versions *v);

#endif
