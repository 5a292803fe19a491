/*
 * warden -- what the files of sandbatch-jail share.
 *
 *   main.c    options
 *   serve.c   the socket: messages with fds, and the loop that obeys them
 *   text.c    sentences for humans, small files as text
 *   slot.c    once per slot: cgroups, namespaces, privileges
 *   root.c    the file tree that jobs see
 *   folder.c  the working folder in it
 *   cgroup.c  limits and counters of cgroup v1 and v2
 *   run.c     one command from start to end, seen from the warden
 *   inside.c  the same seen from inside: init and the job's process up to exec
 *   watch.c   what the job's processes use, and ending them, by way of /proc
 *
 * Three processes take part. The warden is outside and trusted; it alone keeps
 * time. Init is process 1 of the command's pid namespace: it reaps, reports how
 * the program ended, and takes everything else with it when it ends. The job is
 * hostile from execve on. Without namespaces there is no init: the warden is the
 * reaper. Linux 5.14 or later.
 *
 * Init runs in the warden's memory, on a stack of its own, and the job until its execve
 * in init's, which waits for that as after vfork: nothing is copied. So both allocate
 * nothing; and as errno is the warden's too, init decides nothing by it.
 */
#ifndef SANDBOX_WARDEN_H
#define SANDBOX_WARDEN_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jail/jail.h"
#include "warm/warm.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a command has used: by its cgroups, else by /proc. */
struct usage {
	uint64_t cpu_us;
	uint64_t memory_bytes; /* at most; watch_read: now */
	uint64_t tasks;        /* watch_read: now */
	uint64_t ooms;         /* processes killed, or to be killed, for memory */
	uint64_t refused;      /* times that fork failed for the limit, or is thought to have */
};

enum mode {
	MODE_FULL,   /* namespaces, root, cgroups, filter, limits */
	MODE_LIMITS, /* filter, limits, and cgroups if they are to be had */
	MODE_NONE,   /* limits of time, size and number only: trusted programs */
};

/* -- text.c -- */
/* One sentence for a human: why something failed. */
struct why {
	char text[200];
};

/* Say why; returns false. "%m" is what errno means. */
__attribute__((format(printf, 2, 3))) bool fail(struct why *w, const char *fmt, ...);
/* The text of the file at path from dir, cut to size; "" if there is none. Returns out. */
const char *text_read(int dir, const char *path, char *out, size_t size);
/* Write it in one call, into a file that exists; false with errno. */
bool text_write(int dir, const char *path, const char *text);

/* -- cgroup.c -- */
enum cgroup_kind { CGROUP_NONE, CGROUP_V1, CGROUP_V2 };
enum { CGROUP_PIDS, CGROUP_MEMORY, CGROUP_CPUACCT, CGROUP_HIERARCHIES };
enum { CG_PIDS, CG_REFUSED, CG_MEMORY, CG_SWAP, CG_PEAK, CG_OOMS, CG_CPU, CG_FILES };

/*
 * v1: one group per hierarchy for the slot's life, the warden in it, so that jobs are born there:
 * an attach per job would wait for RCU (9 ms after idling). v2: a group per command, entered by
 * clone3, because its memory peak cannot be reset before Linux 6.12; the warden stays outside.
 */
struct cgroup {
	enum cgroup_kind kind;
	const char *name;              /* of our groups */
	int base[CGROUP_HIERARCHIES];  /* the folder our group is made in; v2 uses the first only */
	int group[CGROUP_HIERARCHIES]; /* our group; -1: none now */
	int file[CG_FILES];
	uint64_t last[CG_FILES]; /* written there */
	struct usage start;      /* counters as the command started */
	struct usage idle;       /* v1: memory and tasks of the interpreter that waits in it */
};

/* Find and join what there is, kind says what; fails only if it is there and does not work. */
bool cgroup_open(struct cgroup *c, const char *name, struct why *w);
/* v2: make the group of the next command, if that is not done; false with errno. */
bool cgroup_make(struct cgroup *c);
/* Set the limits of the next command and note its counters' start. */
bool cgroup_begin(struct cgroup *c, uint64_t memory_bytes, uint64_t processes, struct why *w);
/* What the command has used so far; all 0 without cgroups. */
struct usage cgroup_read(const struct cgroup *c);
/* The command is over and all its processes are dead. */
void cgroup_end(struct cgroup *c);
/* Leave our groups and remove them. */
void cgroup_close(struct cgroup *c);

/* -- slot.c -- */
#define MAX_BINDS 32

/* Jobs of slot N run as this plus N when the warden is root: no account of Debian's lies there. */
#define SLOT_UID 64000u
#define MAX_SLOT 999u
/* Their uid and gid inside a user namespace, when the warden is an ordinary user. */
#define INNER_UID 1000u

/* What init tells, and the job before its execve: written there, in memory they share with us. */
struct report {
	bool has_failed; /* it could not be started; why */
	int status;      /* of wait(2) */
	struct why why;
};

#define STACK ((size_t)65536) /* bytes */

/* An init that waits for a command, its namespaces made. */
struct ready {
	pid_t pid;               /* 0: none */
	int pidfd, ours, theirs; /* both ends of its socket */
};

struct slot {
	unsigned number;
	enum mode mode;
	char name[40];               /* of its cgroups and folder: sandbatch.SERVICE.SLOT */
	const char *bind[MAX_BINDS]; /* more folders to show, read-only */
	size_t nbind;
	const char *rootfs; /* a prepared root to show; "": the host's */
	const char *dns;    /* name server in the network we were started in; NULL: no network */

	bool is_root;
	uid_t uid; /* of jobs, as the warden sees it */
	gid_t gid;
	uid_t outer_uid; /* the same, as the service sees it */
	gid_t outer_gid;
	int proc; /* the host's /proc, opened before the root was left */
	int self; /* pidfd of the warden */
	struct cgroup cgroup;
	struct jail_keys keys;
	int rules; /* Landlock's; -1: none */
	struct report *report;
	char *stacks; /* of init and the job */
	struct ready ready;
	struct warm warm;           /* the interpreter that waits */
	int held[2];                /* in flight there: the last init's mount namespace */
	int work;                   /* the working folder; -1: none */
	bool is_ahead;              /* nobody has asked for it yet */
	struct jail_prepare folder; /* the tmpfs it is in */
	bool is_mounted;            /* there is one */
	char base[64];              /* the folder it lies in */
};

/* Build everything that lasts; on failure w is what JAIL_BROKEN says. */
bool slot_open(struct slot *s, struct why *w);
void slot_close(struct slot *s);
/* Make what the next command will need while nobody waits for it: an init, or the folder too. */
void slot_get_ready(struct slot *s);
bool slot_get_ahead(struct slot *s, struct why *w);
/*
 * Keep this process's mount namespace, 0: none, and let the one kept before go. pidfd is its own,
 * -1 with none. For that the kernel
 * waits until all CPUs have passed by, up to milliseconds: so let nobody wait for us then.
 */
void slot_hold(struct slot *s, pid_t pid, int pidfd);

/* -- root.c -- */
/* In the caller's mount namespace. */
bool root_build(const struct slot *s, struct why *w);

/* -- folder.c -- */
/* Find, or make, the folder that holds the working folder; its name goes to s->base. */
bool folder_open(struct slot *s, struct why *w);
/* Make the working folder, empty, the last one being cleared; s->work is it. */
bool folder_prepare(struct slot *s, const struct jail_prepare *p, struct why *w);
/* Remove the working folder, unless nobody has asked for it yet. */
bool folder_clear(struct slot *s, struct why *w);
/* Whether nothing is in its file system but an empty folder: no file without a name either, which
 * somebody has open still. It is not as long as a mount namespace shows the last folder. */
bool folder_is_new(const struct slot *s);
/* Let the file system go: the next folder is made in another. */
bool folder_leave(struct slot *s, struct why *w);
void folder_close(struct slot *s);

/* -- watch.c -- */
/* What all descendants of root use now, by the host's /proc, and CPU time of those it reaped. */
struct usage watch_read(int proc, pid_t root);
/* How many tasks the user has on the whole machine, for RLIMIT_NPROC, which counts just so. */
uint64_t watch_count_user(int proc, uid_t uid);
/* Kill and reap all descendants of the caller, who must be their reaper. */
void watch_kill_all(int proc, uint64_t key);

/* -- run.c -- */
/* One command. Init gets a copy. */
struct run {
	const struct slot *slot;
	pid_t pid; /* 0: nothing runs */
	int pidfd; /* -1: nothing runs */
	struct jail_run limit;
	struct jail_strings strings;
	int stdio[3];
	struct jail_limits limits;
	bool is_waiting;       /* it is no job but an interpreter that will wait for some */
	bool is_warm;          /* it is a fork of that */
	enum jail_cause cause; /* why we killed it; 0: we did not */
	uint64_t start_us;
	uint64_t waited_us; /* CPU time of those that the watcher's root had reaped before */
	struct usage used;
};

/* Start it, with stdio and strings in fd. False, with *ended filled in, if that cannot be done. */
bool run_start(struct run *r, struct slot *s, const struct jail_run *limit, const int *fd,
	       struct jail_ended *ended);
/* Start an interpreter that waits, in the place of the one before; fds of JAIL_WARM. */
bool run_warm(struct slot *s, const struct jail_run *limit, const int *fd, struct why *w);
/* For how long at most to wait for something to happen, ms; -1: any. */
int run_timeout(const struct run *r);
/* Look at the clock and the counters; kill it if a limit is passed. */
void run_watch(struct run *r);
void run_kill(struct run *r, enum jail_cause cause);
/* Its first process has ended: end the rest, collect the numbers. */
void run_finish(struct run *r, struct slot *s, struct jail_ended *ended);

/* -- serve.c -- */
/* Build the slot and serve the socket until it closes; false if it cannot be built. */
bool serve(struct slot *s);

/* -- inside.c -- */
/* Have an init ready for the next command, which then is what is left to start. False with errno.
 */
bool inside_ready(struct slot *s);
/* End it, if there is one, without a command. */
void inside_drop(struct slot *s);
/* Start the command: by that init, or without namespaces by ourselves; fd is stdio and strings.
 * False with errno. */
bool inside_start(struct run *r, struct slot *s, const int fd[4]);
/* The job of that run, in its own process. Returns only if it fails, having reported it. */
int inside_job(void *run);

#endif
