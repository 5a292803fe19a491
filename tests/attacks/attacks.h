/*
 * attacks -- what a hostile program may try, one row and one function each. The program
 * sandbatch-attacks is all of them; `make check` and `sandbatch doctor` run it in the sandbox.
 *
 *   main.c       the options, and the answers
 *   look.c       what the next job can see of the one before it
 *   CLASS.c      the rows of a class, and what they do
 *
 * An attack that the kernel refuses says how and exits with 0; one that got what it must not
 * have says so and exits with 1; one that cannot be tried here exits with 77. One that only
 * being killed can end has a verdict other than "exit", and says so itself when nobody killed
 * it for long.
 *
 * Whoever adds an attack: it must do no harm where a defence is missing. It stops by itself
 * well before a machine is full, and never asks for what cannot be undone.
 */
#ifndef TESTS_ATTACKS_ATTACKS_H
#define TESTS_ATTACKS_ATTACKS_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIB          ((size_t)1 << 20)

/* What an attack's function returns; any other: the result of a system call, -1 with errno. */
enum { REACHED = 1, HELD = -2, UNTRIED = -3 };

struct attack {
	const char *name;
	const char *what;    /* a phrase that names it: "a fork bomb" */
	const char *stopper; /* what stops it, in a word or two */
	long (*run)(void);
	/* What the warden must say: one or several of exit, signal, wall, cpu, memory. NULL: exit.
	 */
	const char *verdict;
	/* What the verdict must hint at besides: processes, disk, output. NULL: nothing. */
	const char *hint;
	/* What it must have said, after "held: ". NULL: anything. */
	const char *answer;
	/* What must be there for it to be held: cgroup; network: it is for semitrusted jobs, and is
	 * told of the host (semitrusted.c). NULL: nothing. */
	const char *needs;
	/* Limits; 0: the runner's own. */
	int wall_ms, cpu_ms, memory_mb, processes, disk_mb;
	/* Switching off these defences of the tests' jail, and no less, makes it succeed. NULL:
	 * that would harm the machine, or the defence is not the jail's. As: root, user; NULL:
	 * both. */
	const char *without, *weak_as;
};

#define ATTACK(NAME, WHAT, STOPPER, RUN, ...)                                                   \
	{                                                                                       \
		.name = (NAME), .what = (WHAT), .stopper = (STOPPER), .run = (RUN), __VA_ARGS__ \
	}

struct attack_class {
	const char *name;
	const struct attack *row; /* the last one has no name */
};

extern const struct attack process_attacks[], memory_attacks[], time_attacks[], output_attacks[],
	disk_attacks[], path_attacks[], kernel_attacks[], network_attacks[], shared_attacks[],
	semitrusted_attacks[];

/* Say how it was refused, what was got, or why it cannot be tried; returns HELD, REACHED, UNTRIED.
 */
__attribute__((format(printf, 1, 2))) long held(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) long reached(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) long untried(const char *fmt, ...);
/* In a child of its own, which is deaf to what its parent gets: do it, and exit. */
pid_t in_child(void (*act)(void));
/* Burn CPU time for ever. */
_Noreturn void burn(void);
/* pause() for ever. */
_Noreturn void hang(void);
/* Every signal that can be ignored is. */
void be_deaf(void);
/* Take and touch that much anonymous memory; false when there is none. */
bool touch(size_t bytes);
/* Print all that is left here of another job, a line each. */
int look(void);

#endif
