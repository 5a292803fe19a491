/*
 * jail -- how the service talks to a warden: `sandbatch-jail`, one per slot,
 * which runs untrusted commands one at a time.
 *
 *   sandbatch-jail --slot N [--sandbox full|limits|none] [--rootfs DIR] [--bind DIR]...
 *                  [--dns IP]
 *
 * fd 3 is a SOCK_SEQPACKET socket. Messages are one struct each, host byte
 * order, strings apart in a memfd, fds passed with SCM_RIGHTS. When the socket
 * closes the warden kills what runs, removes its cgroups and ends; so it must not
 * be killed instead. What it then leaves all the same, the next one of that slot and
 * service removes.
 *
 *   warden  JAIL_READY      once it stands; or JAIL_BROKEN with why, and it ends
 *   service JAIL_PREPARE    make an empty working folder of that size; the last one goes
 *   warden  JAIL_PREPARED   fd: folder; the service fills it, through this fd only
 *   service JAIL_RUN        fds: stdin stdout stderr strings
 *   warden  JAIL_ENDED      everything it started is dead
 *           ... JAIL_RUN again in the same folder (unpack, compile, run) ...
 *   service JAIL_CLEAR      the folder has been read, and the fd closed
 *   warden  JAIL_CLEARED    it is removed, and the slot as it was after JAIL_READY before
 *                           the next JAIL_PREPARED
 *   service JAIL_WARM       JAIL_CLEAR, and: have an interpreter wait (warm/warm.h), in the
 *                           place of the last one; fds: as JAIL_RUN, hold library; no
 *                           arguments: none waits
 *   warden  JAIL_WARMED     text: "", or why none waits
 *   service JAIL_KILL       at any time: what runs ends, as JAIL_CAUSE_KILLED; nothing runs:
 *                           ignored
 *
 * Below that, what all in the jail use: the warden, init, an interpreter that waits.
 */
#ifndef JAIL_JAIL_H
#define JAIL_JAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define JAIL_FD      3
#define JAIL_WORKDIR "/tmp" /* the working folder, as the program sees it */
#define JAIL_PRELOAD "LD_PRELOAD=/proc/self/fd/1002" /* wanted in what JAIL_WARM starts */

enum jail_op {
	JAIL_READY = 1,
	JAIL_BROKEN,
	JAIL_PREPARE,
	JAIL_PREPARED,
	JAIL_RUN,
	JAIL_ENDED,
	JAIL_KILL,
	JAIL_CLEAR,
	JAIL_CLEARED,
	JAIL_WARM,
	JAIL_WARMED,
};

/* Why it ended: the first cause. */
enum jail_cause {
	JAIL_CAUSE_EXIT = 1, /* by itself; status is its exit code */
	JAIL_CAUSE_SIGNAL,   /* by a signal that was not ours; status is its number */
	JAIL_CAUSE_WALL,     /* wall clock over */
	JAIL_CAUSE_CPU,      /* CPU time over */
	JAIL_CAUSE_MEMORY,   /* killed for memory */
	JAIL_CAUSE_KILLED,   /* JAIL_KILL */
	JAIL_CAUSE_FAILED, /* we could not start it, text says why; its fault only if argv[0] is */
};

struct jail_ready {
	uint32_t op;
	uint32_t uid; /* owner that files in the working folder must have, as the service sees it */
	uint32_t gid;
	uint32_t has_cgroup; /* 1 or 2: its v1 or v2 limits memory and processes; 0: a watcher */
	char text[200];      /* JAIL_BROKEN: one sentence */
};

struct jail_prepare {
	uint32_t op;
	uint32_t max_files; /* inodes */
	uint64_t disk_bytes;
};

struct jail_run {
	uint32_t op;
	uint32_t narg, nenv;      /* strings, each with its NUL; argv[0] is an absolute path */
	uint32_t processes;       /* at most so many at once, threads counted */
	uint64_t wall_ms, cpu_ms; /* 0: none */
	uint64_t memory_bytes;
	uint64_t file_bytes; /* largest file */
	uint32_t is_warm;    /* by the interpreter that waits, if one does */
	uint32_t pad;
};

struct jail_ended {
	uint32_t op;
	uint32_t cause; /* enum jail_cause */
	int32_t status;
	uint32_t hit_processes; /* a fork was refused; without cgroups: it was seen at the limit */
	uint32_t hit_disk;      /* the working folder was full when it ended */
	uint32_t is_warm;       /* the interpreter that waited did it */
	uint64_t wall_us, cpu_us, peak_memory_bytes; /* peak: 0 if not known */
	char text[200];
};

struct jail_warmed {
	uint32_t op;
	char text[200];
};

/* JAIL_PREPARED, JAIL_KILL, JAIL_CLEAR, JAIL_CLEARED. */
struct jail_plain {
	uint32_t op;
};

/* -- words.c -- */

#define JAIL_FDS 6 /* with one message at most */

/* Send a struct with so many fds; receive one, the fds being ours to close: its size, 0 at the end
 * of the stream or when it is larger than that. */
bool jail_send(int socket, const void *data, size_t len, const int *fd, size_t nfd);
size_t jail_receive(int socket, void *data, size_t size, int fd[JAIL_FDS], size_t *nfd);

/* What comes apart in a memfd, for it may be large: arguments, then environment. */
struct jail_strings {
	char *text, **argv, **envp; /* text and argv are to be freed; envp lies in argv */
	off_t env_at;               /* in text */
};

/* Read so many, each with its NUL, which must be all that is there; else false with why. */
bool jail_strings(struct jail_strings *s, int fd, uint32_t narg, uint32_t nenv, char why[200]);

/* -- filter.c -- */

/*
 * The seccomp filter of the slot denies these calls to all but those who give the key where the
 * kernel takes no argument: so it need be loaded but once, by the warden. The keys are random, the
 * slot's for all its life, and no job knows them: execve leaves nothing of them, and the job of an
 * interpreter that waits wipes the one that is there. That one opens nothing to whoever has no
 * capability, which no job has.
 */
struct jail_keys {
	uint64_t mounts; /* mount, umount2, unshare, clone with a new mount or pid namespace */
	uint64_t rest; /* besides: unshare with a new user namespace; clone3, prlimit64 of others */
};

struct sock_fprog;

/* Compile it, for the caller to load and to free, for an architecture of libseccomp's, 0: this one.
 * is_counted: a cgroup counts memory. False with why. */
bool jail_filter(struct sock_fprog *out, const struct jail_keys *keys, uint32_t arch,
		 bool is_counted, char why[200]);

/* -- lose.c: both ways to a job, by execve and by an interpreter that waits, go through it -- */

/* mount(2) with the key. */
int jail_mount(const char *from, const char *to, const char *type, unsigned long flags,
	       const char *options, uint64_t key);

/* A job's own limits of setrlimit(2). */
struct jail_limits {
	uint64_t file_bytes, data_bytes, cpu_s, tasks; /* RLIM_INFINITY: none */
};

/* Set them for the caller, or those that are the same for all jobs: whom it starts has them too.
 * False with errno. */
bool jail_limit(const struct jail_limits *l);
bool jail_limit_all(void);

/* The folders of a job in the slot's tmpfs, before they are shown where they belong. */
#define JAIL_VAR  JAIL_WORKDIR "/var"
#define JAIL_WORK JAIL_WORKDIR "/work"

/* These return what cannot be done, with errno; NULL if it is. The order is theirs too. */

/* Init, in a pid and a mount namespace that are new: a session, /proc, the folders, and a cgroup
 * namespace if its cgroup is not the warden's. */
const char *jail_enter(bool has_group, uint64_t key);
/* The job: end with its parent, and in a process group of its own, in its init's session or, if it
 * has none, one of its own: on no terminal. A change of user must come before. */
const char *jail_detach(bool has_init);
/* Give up all capabilities. */
const char *jail_drop(void);
/*
 * The caller and whom it starts: Landlock on top. Whoever is locked can mount nothing, trace nobody
 * who is not, and make no device, whatever else it should come by.
 */
const char *jail_lock(int rules);
/*
 * Landlock's rules, an fd: they hold for the caller's root and are made once, for it takes longer.
 * -1: an older kernel, or it is off.
 */
int jail_rules(void);

#endif
