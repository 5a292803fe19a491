/*
 * attacks -- the table of sandbatch-attacks, carried out as jobs of services of our own: each
 * attack exactly as a stranger's code, and after it a job in the same slot that looks for what it
 * left.
 */
#ifndef CMD_ATTACKS_H
#define CMD_ATTACKS_H

#include "base/arena.h"
#include "base/loop.h"
#include "run/run.h"

enum attack_end {
	ATTACK_UNTRIED, /* why: the reason */
	ATTACK_SURVIVED,
	ATTACK_NOT_SURVIVED, /* why: what happened instead */
};

/* A row, and what came of it. */
struct attack {
	const char *class, *name, *what, *stopper;
	const char *verdict;               /* words, one of which it must end with */
	const char *hint, *answer, *needs; /* NULL: none */
	int64_t wall_ms, cpu_ms, memory_mb, processes, disk_mb; /* 0: our own */
	enum attack_end end;
	const char *why;
};

struct attacks {
	struct attack *item;
	size_t n;
	bool has_cgroup; /* set by the caller: whether the kernel counts memory here */
	/* What the services told of themselves; NULL: none could be started. */
	const struct toolchains *toolchains;
	const char *networking, *networking_why; /* of semitrusted jobs; one of them */
	/* How many times as long as usual a program takes here: attacks have so much more time, for
	 * what ends them to come about. */
	int slowness;
	/* Called after each; or NULL. */
	void (*told)(void *ctx, size_t ndone);
	void *ctx;
};

/* Read the table of the program beside ours. */
bool attacks_list(struct arena *a, struct attacks *out, struct err *e);
/* Carry out all of them, several at once, each service of ours with one slot. False, with e, if no
 * service can be started here: nothing was tried then; or ERR_INTERRUPTED. */
bool attacks_try(struct arena *a, struct loop *l, struct attacks *all, struct err *e);

#endif
