#include "tests/attacks/attacks.h"

#include <ctype.h>
#include <dirent.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* The next job looks where something could have been left; its own program is the one exception. */
static int nfound;

static void found(const char *where, const char *what)
{
	printf("%s: %s\n", where, what);
	nfound++;
}

static void look_into(const char *folder, const char *const *known)
{
	DIR *d = opendir(folder);
	for (const struct dirent *e; d && (e = readdir(d));) {
		size_t i = 0;
		while (known[i] && strcmp(e->d_name, known[i]) != 0)
			i++;
		if (!known[i])
			found(folder, e->d_name);
	}
	if (d)
		closedir(d);
}

/* /proc shows init at most, and us. */
static void look_at_processes(void)
{
	DIR *d = opendir("/proc");
	for (const struct dirent *e; d && (e = readdir(d));)
		if (isdigit((unsigned char)e->d_name[0]) &&
		    strtol(e->d_name, NULL, 10) != getpid() && strcmp(e->d_name, "1") != 0)
			found("/proc", e->d_name);
	if (d)
		closedir(d);
	for (pid_t pid = 2; pid < 1000; pid++)
		if (pid != getpid() && pid != getppid() && (kill(pid, 0) == 0 || errno == EPERM))
			found("kill", "a process");
}

static void look_at_fds(void)
{
	for (int fd = 3; fd < 4096; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			found("fd", "one more than stdin, stdout and stderr");
	for (int fd = 1; fd < 3; fd++) {
		int size = fcntl(fd, F_GETPIPE_SZ), flags = fcntl(fd, F_GETFL), n = 0;
		if (size > 0 && size != 65536)
			found("stdio", "a pipe of another size");
		if (flags & (O_NONBLOCK | O_ASYNC))
			found("stdio", "flags that somebody set");
		if (size > 0 && ioctl(fd, FIONREAD, &n) == 0 && n > 0)
			found("stdio", "bytes that we have not written");
	}
}

/* A pair of SOCK_SEQPACKET without a name: of the warden and an interpreter that waits. */
#define WARDENS " 00000000 0005 03 "

static int count_sockets(char *line, int size)
{
	static const char *const TABLES[] = { "/proc/self/net/unix", "/proc/self/net/tcp",
					      "/proc/self/net/udp",  "/proc/self/net/tcp6",
					      "/proc/self/net/udp6", "/proc/self/net/raw" };
	char text[512];
	int all = 0;
	for (size_t i = 0; i < COUNT(TABLES); i++) {
		FILE *f = fopen(TABLES[i], "r");
		for (int n = 0; f && fgets(text, sizeof(text), f); n++)
			if (n > 0 && !strstr(text, WARDENS) && ++all)
				snprintf(line, (size_t)size, "%s", text);
		if (f)
			fclose(f);
	}
	return all;
}

/*
 * The network namespace is the slot's: sockets of the last job would be listed here. The kernel
 * collects those in flight in a work queue: a moment after the slot was cleared.
 */
static void look_at_sockets(void)
{
	char line[512];
	for (int i = 0; i < 50 && count_sockets(line, sizeof(line)) > 0; i++)
		usleep(2000);
	if (count_sockets(line, sizeof(line)) > 0)
		found("socket", line);
}

static void look_at_ipc(void)
{
	static const char *const TABLES[] = { "/proc/sysvipc/shm", "/proc/sysvipc/msg",
					      "/proc/sysvipc/sem" };
	for (size_t i = 0; i < COUNT(TABLES); i++)
		if (access(TABLES[i], F_OK) == 0)
			found("/proc", TABLES[i]);
	for (int key = 1; key < 9; key++)
		if (syscall(SYS_shmget, key, 0, 0) >= 0 || syscall(SYS_msgget, key, 0) >= 0 ||
		    syscall(SYS_semget, key, 0, 0) >= 0)
			found("ipc", "an object of System V");
}

/* The session's share of the CPU: sched(7). */
static void look_at_share(void)
{
	char line[128] = "";
	FILE *f = fopen("/proc/self/autogroup", "r");
	if (f && fgets(line, sizeof(line), f) && !strstr(line, " nice 0\n"))
		found("/proc/self/autogroup", line);
	if (f)
		fclose(f);
}

int look(void)
{
	static const char *const OWN[] = { ".", "..", "attacks", "main.sh", "main.py", NULL };
	static const char *const ROOT[] = { ".",     "..",     "bin", "sbin", "lib", "lib32",
					    "lib64", "libx32", "usr", "etc",  "var", "dev",
					    "proc",  "run",    "tmp", NULL };
	static const char *const VAR[] = { ".", "..", "lib", "tmp", NULL };
	look_into("/tmp", OWN);
	look_into("/dev/shm", OWN);
	look_into("/var/tmp", OWN);
	look_into("/run", OWN);
	look_into("/", ROOT);
	look_into("/var", VAR);
	look_at_processes();
	look_at_fds();
	look_at_sockets();
	look_at_ipc();
	look_at_share();
	if (nfound == 0)
		puts("nothing");
	return nfound > 0;
}
