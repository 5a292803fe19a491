/* endpoint -- the services that a command talks to: those that were named, or an embedded one. */
#ifndef CMD_ENDPOINT_H
#define CMD_ENDPOINT_H

#include "api/api.h"
#include "cmd/embedded.h"
#include "cmd/options.h"
#include "run/run.h"

/* Filled from the command line. */
struct endpoint_options {
	struct strings endpoints, bind;
	const char *api_key, *public_key, *secret_key, *sandbox, *rootfs;
	bool no_warm;
	int64_t slots;
};

/* Rows of a command's table for the member m of its struct type. */
/* NOLINTBEGIN(bugprone-macro-parentheses): neither can stand in parentheses */
#define ENDPOINT_OPTIONS(type, m)                                                                 \
	{ "endpoint",  0,                                                                         \
	  "URL",       "http(s)://HOST or unix:PATH, several share the work; without it our own", \
	  OPTION_LIST, offsetof(type, m.endpoints),                                               \
	  0,           0 },                                                                       \
		{ "api-key",   0,                                                                 \
		  "KEY",       "Bearer key ($UNSANDBOX_API_KEY)",                                 \
		  OPTION_TEXT, offsetof(type, m.api_key),                                         \
		  0,           0 },                                                               \
		{ "public-key",                                                                   \
		  0,                                                                              \
		  "KEY",                                                                          \
		  "signs with --secret-key ($UNSANDBOX_PUBLIC_KEY)",                              \
		  OPTION_TEXT,                                                                    \
		  offsetof(type, m.public_key),                                                   \
		  0,                                                                              \
		  0 },                                                                            \
		{ "secret-key",                                                                   \
		  0,                                                                              \
		  "KEY",                                                                          \
		  "never sent ($UNSANDBOX_SECRET_KEY)",                                           \
		  OPTION_TEXT,                                                                    \
		  offsetof(type, m.secret_key),                                                   \
		  0,                                                                              \
		  0 },                                                                            \
		{ "slots",                                                                        \
		  0,                                                                              \
		  "N",                                                                            \
		  "jobs that a service of our own runs at once (the number of CPUs)",             \
		  OPTION_NUMBER,                                                                  \
		  offsetof(type, m.slots),                                                        \
		  1,                                                                              \
		  4096 },                                                                         \
		{ "no-warm",   0,                                                                 \
		  NULL,        "have a service of our own start an interpreter for each job",     \
		  OPTION_FLAG, offsetof(type, m.no_warm),                                         \
		  0,           0 },                                                               \
		{ "sandbox",                                                                      \
		  0,                                                                              \
		  "full|limits",                                                                  \
		  "of a service of our own; limits where namespaces are forbidden",               \
		  OPTION_TEXT,                                                                    \
		  offsetof(type, m.sandbox),                                                      \
		  0,                                                                              \
		  0 },                                                                            \
		{ "bind",      0,                                                                 \
		  "DIR",       "a service of our own shows jobs this folder too; repeatable",     \
		  OPTION_LIST, offsetof(type, m.bind),                                            \
		  0,           0 },                                                               \
	{                                                                                         \
		"rootfs", 0, "DIR",                                                               \
			"a service of our own shows jobs this root instead of the host's",        \
			OPTION_TEXT, offsetof(type, m.rootfs), 0, 0                               \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

struct endpoint {
	struct loop *loop;
	struct api *api;
	struct embedded *embedded;           /* NULL: it was named */
	const char *shown;                   /* all of them */
	const struct toolchains *toolchains; /* what all of them can run */
	bool has_additions;                  /* all of them do */
	int workers;                         /* jobs they run at once; 0: they do not tell */
	/* Tells of endpoints that are left out, or back; NULL: a line on stderr. */
	void (*tell)(void *ctx, const char *sentence);
	void *tell_ctx;
	/* while a question of ours waits for its answer */
	struct arena *arena;
	struct api_call *question;
	struct err failure;
	const struct toolchains *told; /* by the one that was asked */
	bool told_additions;
	int told_workers;
};

/* Reach them, starting an embedded one with its files in folder where none is named, and ask each
 * what it can run. One of several that does not answer is told on stderr and left out. */
bool endpoint_open(struct arena *a, struct loop *l, const struct endpoint_options *o,
		   const char *folder, struct endpoint *out, struct err *e);
/* NULL-safe in its parts: may be called after endpoint_open failed. */
void endpoint_close(struct endpoint *p);

#endif
