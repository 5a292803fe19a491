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
 *   service JAIL_WARM       JAIL_CLEAR, and: have an interpreter wait (warm/warm.h), in the place
 * of the last one; fds: as JAIL_RUN, hold library; no arguments: none waits warden  JAIL_WARMED
 * text: "", or why none waits service JAIL_KILL       at any time: what runs ends, as
 * JAIL_CAUSE_KILLED; nothing runs: ignored
 */
#ifndef SANDBOX_JAIL_H
#define SANDBOX_JAIL_H

#include <stdint.h>

#define JAIL_FD      3
#define JAIL_WORKDIR "/tmp" /* the working folder, as the program sees it */
#define JAIL_PRELOAD "LD_PRELOAD=/proc/self/fd/1003" /* wanted in what JAIL_WARM starts */

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

#endif
