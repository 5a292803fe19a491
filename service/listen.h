/* listen -- sockets that wait for callers, from addresses as they are given on the command line. */
#ifndef SERVICE_LISTEN_H
#define SERVICE_LISTEN_H

#include "base/arena.h"

struct listener {
	int fd;
	const char *url;  /* http://127.0.0.1:8080, unix:/run/x: the port that was found for 0 */
	const char *path; /* of a Unix socket, to be removed at the end; NULL: TCP */
};

/*
 * HOST:PORT, [ADDR]:PORT, unix:PATH. A Unix socket gets mode 0600; one that is left over from a
 * service that is gone is replaced, any other file is not. TCP addresses other than loopback only
 * with allow_any.
 */
bool listen_open(struct arena *a, const char *address, bool allow_any, struct listener *out,
		 struct err *e);

#endif
