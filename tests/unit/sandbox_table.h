/*
 * table -- the attacks of tests/attacks, as sandbatch-attacks --list tells them, and one of them
 * carried out in a box.
 */
#ifndef TESTS_SANDBOX_TABLE_H
#define TESTS_SANDBOX_TABLE_H

#include "tests/unit/sandbox_box.h"

#include <sys/un.h>

#define MAX_ATTACKS 400
#define NFIELD      15
#define UNTRIED     77 /* exit code: it cannot be tried here */

struct attack {
	const char *class, *name, *what, *stopper, *verdict, *hint, *answer, *needs;
	const char *without, *weak_as;
	struct limits limits;
};

static struct attack attack[MAX_ATTACKS];
static size_t nattack;
static char program[1 << 20]; /* sandbatch-attacks */
static size_t program_size;

static const char *const CAUSES[] = {
	[JAIL_CAUSE_EXIT] = "exit",     [JAIL_CAUSE_SIGNAL] = "signal",
	[JAIL_CAUSE_WALL] = "wall",     [JAIL_CAUSE_CPU] = "cpu",
	[JAIL_CAUSE_MEMORY] = "memory", [JAIL_CAUSE_KILLED] = "killed",
	[JAIL_CAUSE_FAILED] = "failed",
};

/* Whether the blank-separated list has that word. */
static inline bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);
	for (const char *at = list; (at = strstr(at, word)); at += n)
		if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	return false;
}

static inline uint64_t read_number(const char *text)
{
	return text ? strtoul(text, NULL, 10) : 0;
}

static inline void read_row(char *line)
{
	const char *f[NFIELD] = { NULL };
	size_t n = 0;
	line[strcspn(line, "\n")] = '\0';
	for (char *at = line; at && n < NFIELD; n++) {
		const char *field = strsep(&at, "\t");
		f[n] = !field || strcmp(field, "-") == 0 ? NULL : field;
	}
	assert_int_equal(n, NFIELD);
	if (f[7] && strcmp(f[7], "network") == 0)
		return; /* a warden alone has none */
	assert_true(nattack < MAX_ATTACKS);
	attack[nattack++] = (struct attack){
		f[0],
		f[1],
		f[2],
		f[3],
		f[4],
		f[5],
		f[6],
		f[7],
		f[13],
		f[14],
		{ .wall_ms = read_number(f[8]),
		  .cpu_ms = read_number(f[9]),
		  .memory_bytes = read_number(f[10]) * MIB,
		  .processes = (uint32_t)read_number(f[11]),
		  .disk_bytes = read_number(f[12]) * MIB },
	};
}

/* The table and the program that it is of; false with TAP's words if that is not built. */
static inline bool table_read(void)
{
	char path[4096], command[4200];
	static char row[MAX_ATTACKS][512];
	const char *build = getenv("BUILD");
	snprintf(path, sizeof(path), "%s/sandbatch-attacks", build ? build : "build");
	snprintf(command, sizeof(command), "%s --list", path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, program, sizeof(program));
	close(fd);
	FILE *f = popen(command, "r"); /* NOLINT(cert-env33-c): the command is ours */
	for (size_t i = 0; n > 0 && f && i < MAX_ATTACKS && fgets(row[i], sizeof(row[i]), f); i++)
		read_row(row[i]);
	if (n <= 0 || !f || pclose(f) != 0 || nattack == 0) {
		printf("Bail out! cannot list the attacks of %s\n", path);
		return false;
	}
	program_size = (size_t)n;
	return true;
}

/* A name on the host that the sandbox must not reach: the attack "abstract" asks for it. Where
 * another run of ours has it, it is that one which listens, until it ends: so it is asked again. */
static inline void listen_on_host(void)
{
	static bool is_ours;
	if (is_ours)
		return;
	static const char NAME[] = "\0sandbatch-attacks";
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(a.sun_path, NAME, sizeof(NAME) - 1);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(NAME) - 1);
	is_ours = bind(fd, (const void *)&a, size) == 0 && listen(fd, 64) == 0;
	if (!is_ours)
		close(fd);
}

static inline void put_program(void)
{
	int fd = openat(b.folder, "attacks", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	assert_int_equal(write(fd, program, program_size), program_size);
	if (geteuid() == 0)
		assert_int_equal(fchown(fd, b.ready.uid, b.ready.gid), 0);
	close(fd);
}

/* patience: after how many ms it gives up to be killed; NULL: its own. */
static inline struct jail_ended carry_out(const struct attack *a, const char *patience)
{
	put_program();
	return box_run(&a->limits, (const char *[]){ "/tmp/attacks", a->name, patience, NULL });
}

#endif
