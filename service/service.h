/* service -- `sandbatch serve`: strangers' code in a sandbox, behind HTTP. */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define SERVICE_BINDS_MAX 32

/* What jobs see besides what the sandbox shows by itself. */
struct service_view {
	const char *rootfs;      /* a prepared root in the place of the host's; NULL: none */
	const char *const *bind; /* folders outside /usr */
	size_t nbind;
};

struct service_options {
	const char *const *listen; /* HOST:PORT, [::1]:PORT, unix:PATH */
	size_t nlisten;
	const char *data; /* folder of the store */
	bool no_sync;     /* an answer need not wait until what it says is on the disk */
	int slots;
	bool no_warm;          /* no interpreter waits for jobs */
	const char *executor;  /* "local", "fake" */
	const char *languages; /* path of languages.yml */
	const char *jail;      /* path of sandbatch-jail */
	const char *sandbox;   /* "full", "limits", "none" */
	struct service_view view;
	const char *script; /* of the fake executor */
	const char *const
		*allow_net; /* CIDRs that semitrusted jobs may reach besides public ones */
	size_t nallow_net;
	const char *keys; /* path of keys.yml, or NULL: anonymous use */
	bool allow_anonymous;
	int64_t keep_ms;                /* ended jobs are forgotten so long after; 0: never */
	int64_t keep_bytes;             /* the oldest are, while the store is larger; 0: never */
	const char *tls_cert, *tls_key; /* PEM files, both or neither */
};

/* Serve until SIGTERM or SIGINT. Prints "listening on ADDR" to stdout, a line each, once it is
 * ready. */
bool service_run(const struct service_options *o, struct err *e);

struct service_key {
	const char *path; /* of keys.yml; made when it is not there */
	const char *name;
	bool is_signed; /* a public and a secret key, else a Bearer secret */
};

/* Add a new key to the file. told is what its owner needs, a line each: the secret, or the public
 * key and the secret. Of a Bearer secret the file keeps only the SHA-256. */
bool service_key_new(const struct service_key *k, struct buf *told, struct err *e);
/* The keys of the file, a line each, or as {"keys":[...]}; on failure the file's mistakes. */
bool service_key_list(const char *path, bool as_json, struct buf *out, struct err *e);

/* The command by which root switches on what a sandbox of an ordinary user needs; NULL: it is not
 * switched off by any of the switches that distributions have. */
const char *service_userns_remedy(void);

#endif
