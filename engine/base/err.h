/*
 * err -- one failure, carried by value and worded by whoever saw it.
 *
 * A function that can fail returns bool (or a pointer) and takes a
 * `struct err *` as its last argument, never NULL. On success the err is
 * left alone. On failure it holds one sentence that can be shown as it is.
 * There is nothing to free. kind -> exit code is a table in cmd/, kind ->
 * HTTP status is a table in service/.
 */
#ifndef ENGINE_BASE_ERR_H
#define ENGINE_BASE_ERR_H

#include <stdbool.h>

enum err_kind {
	ERR_NONE,
	ERR_USAGE,       /* the command line is wrong */
	ERR_SPEC,        /* the spec is wrong */
	ERR_REMOTE,      /* the other side refused or went away */
	ERR_SYSTEM,      /* the operating system refused */
	ERR_INTERRUPTED, /* the user asked us to stop */
	/* what the service tells a client, besides ERR_SYSTEM */
	ERR_MALFORMED,    /* 400 */
	ERR_UNAUTHORIZED, /* 401 */
	ERR_NOT_FOUND,    /* 404 */
	ERR_METHOD,       /* 405 */
	ERR_CONFLICT,     /* 409 */
	ERR_LENGTH,       /* 411 */
	ERR_TOO_LARGE,    /* 413 */
	ERR_MEDIA_TYPE,   /* 415 */
	ERR_IMPOSSIBLE,   /* 422: understood, but cannot be done */
	ERR_RATE,         /* 429 */
	ERR_QUEUE_FULL,   /* 503 */
	ERR_STOPPING,     /* 503: the service is being shut down */
};

struct err {
	enum err_kind kind;
	char msg[480];
};

#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Each returns false, so that failing is one line: return err_set(...); */
bool err_set(struct err *e, enum err_kind kind, const char *fmt, ...) PRINTF(3, 4);
/* ERR_SYSTEM; puts ": strerror(errno)" behind. */
bool err_sys(struct err *e, const char *fmt, ...) PRINTF(2, 3);
/* Keeps the kind; puts "context: " in front. */
bool err_wrap(struct err *e, const char *fmt, ...) PRINTF(2, 3);

#endif
