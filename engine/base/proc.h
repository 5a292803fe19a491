/* proc -- child processes, started with clean signals and just the fds they are given. */
#ifndef ENGINE_BASE_PROC_H
#define ENGINE_BASE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"

struct proc {
	const char *path;        /* of the program, no search */
	const char *const *argv; /* NULL at the end */
	const char *const *envp; /* NULL: ours */
	const char *cwd;         /* NULL: ours */
	int fd[8]; /* fd[i] becomes fd i of the child, -1: /dev/null; all others are closed */
	int nfd;   /* at least 3 */
	bool dies_with_us; /* PR_SET_PDEATHSIG SIGKILL */
	/* Called first in the child: to join namespaces, to become another user. NULL, or what it
	 * could not do, with errno. */
	const char *(*enter)(const void *ctx);
	const void *ctx;
};

/*
 * Start it: signal mask and dispositions reset, session of its own. *pidfd (may be NULL) is to be
 * watched and closed by the caller. Fails also when exec fails, with its reason.
 */
bool proc_spawn(const struct proc *p, pid_t *pid, int *pidfd, struct err *e);
/* Exit code of a wait status: the code, or 128+N for signal N. */
int proc_exit_code(int status);
/* The folder that the running program's file lies in. */
bool proc_self_folder(struct arena *a, const char **out, struct err *e);
/* The program of that name on a colon-separated path, or NULL. */
const char *proc_find(struct arena *a, const char *name, const char *path);

#endif
