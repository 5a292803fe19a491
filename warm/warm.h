/*
 * warm -- interpreters that have started and wait for programs.
 *
 * Most of the time that a small script takes, its interpreter spends starting. So it
 * is started before, with the command of the jobs to come, and held as it opens its
 * source: by then it has read its options and its own modules, and nothing of any job.
 * Held there it runs the language's script (etc/warm), which calls the language's fork
 * in a loop. That fork is ours: it waits for a job, and returns in a new process only
 * when this is in namespaces of its own and has lost all that jobs lose. The script
 * then takes over the job's arguments and environment, and the interpreter goes on
 * where it was held, as if it had just started.
 *
 * The interpreter that waits has no privilege to lose: it is as a job is, but that it
 * knows a key to the seccomp filter (jail/jail.h), and is in a user namespace of its own,
 * in which it may make the namespaces that each job is in. It never sees anything of a job, nor a
 * job it: it is outside of their pid namespaces.
 *
 * start.c is the warden's part. hold.c and eval.c are sandbatch-warm.so, which the
 * dynamic linker loads into the interpreter.
 */
#ifndef WARM_WARM_H
#define WARM_WARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "jail/jail.h"

/* The fds with which the interpreter starts. */
#define WARM_SOCKET  1000 /* to the warden, SOCK_SEQPACKET */
#define WARM_HOLD    1001 /* the source's name, the script, each with its NUL */
#define WARM_LIBRARY 1002 /* sandbatch-warm.so, for LD_PRELOAD */
/* And in each fork, for the script: the strings of its JAIL_RUN; its offset is where the
 * environment begins. */
#define WARM_STRINGS 1000

/* What is said on the socket. */
enum warm_what {
	WARM_KEYS = 1, /* warden: keys */
	WARM_MAP,      /* interpreter: I am in my user namespace; warden: ids mean something there,
			number: is_apart */
	WARM_READY,    /* interpreter: I am held */
	WARM_JOB,    /* warden: number is the offset in strings; fds: stdin stdout stderr strings */
	WARM_BORN,   /* init of the job, which is a child of the warden: number is my pid */
	WARM_GO,     /* warden: you are where you belong */
	WARM_ENDED,  /* init, and then it ends: number is the job's status of wait(2) */
	WARM_FAILED, /* interpreter, init or job: it cannot be started, text says why */
};

struct warm_word {
	uint32_t what;
	int32_t number;
	char text[200];
	struct jail_limits limits; /* WARM_GO */
	struct jail_keys keys;     /* WARM_KEYS */
};

/* One that waits; pid 0: none does. */
struct warm {
	pid_t pid;
	int socket;
};

struct warm_options {
	int hold, library; /* as above */
	const struct jail_keys *keys;
	int proc;        /* the host's /proc */
	const char *ids; /* what ids mean in its user namespace: uid_map of user_namespaces(7) */
	/* In the new process, which has the fds: exec it, and give up everything before. */
	int (*become)(void *ctx);
	void *ctx;
	/* Where init goes to a cgroup that the kernel kills whole (memory.oom.group), and with it
	 * all that share its memory: so it must not be the interpreter's. */
	bool is_apart;
};

/* Start it, and wait until it is held, some seconds at most. False with why. */
bool warm_start(struct warm *w, const struct warm_options *o, char why[200]);
/*
 * Give it a job: stdin, stdout, stderr, and strings whose environment begins at that offset.
 * Returns the pid of the job's init, our child, which waits for warm_go; 0, and it has ended, if it
 * cannot.
 */
pid_t warm_job(struct warm *w, const int fd[4], off_t env);
bool warm_go(const struct warm *w, const struct jail_limits *l);
/* What init or the job said last, after its end: WARM_ENDED with the job's status of wait(2),
 * WARM_FAILED with why, 0: nothing. */
uint32_t warm_last(const struct warm *w, int *status, char why[200]);
void warm_stop(struct warm *w);

#endif
