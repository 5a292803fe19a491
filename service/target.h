/* target -- what a request line asks for: RFC 9112, 3.2. */
#ifndef SERVICE_TARGET_H
#define SERVICE_TARGET_H

#include "base/arena.h"

/*
 * Path and query of a target as it was sent. Of an absolute one ("http://host:port/path?query",
 * which is to be taken though only proxies are sent it) without scheme and authority, whatever host
 * that is: we serve one alone. One without a host is left as it is, and no path.
 */
const char *target_own(struct arena *a, const char *sent);
/* The path of such a target: without its query, unescaped. */
const char *target_path(struct arena *a, const char *own);

#endif
