/* host -- what this machine offers a sandbox, and what to do about what it does not. */
#ifndef CMD_HOST_H
#define CMD_HOST_H

#include "base/arena.h"

enum fact_state { FACT_GOOD, FACT_LESS, FACT_BAD };

struct fact {
	const char *name;
	enum fact_state
		state; /* it is there; something is not limited or not offered; nothing runs */
	const char *found;
	const char *remedy; /* NULL: none is needed, or none is known */
};

#define HOST_FACTS 8

/* The kernel, the user, namespaces, cgroups, seccomp, Landlock; returns how many. */
size_t host_facts(struct arena *a, struct fact out[HOST_FACTS]);
/* Whether memory and processes of a job can be counted by cgroups, for us as we are. */
bool host_has_cgroup(void);

#endif
