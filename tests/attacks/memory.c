#include "tests/attacks/attacks.h"

#include <dirent.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* Each takes this much where the limit is 32: an unlimited machine bears it. */
#define BOMB     (160 * MIB)
#define LIMIT_MB 32

static long heap(void)
{
	return touch(BOMB) ? REACHED : -1;
}

static long mapped(void)
{
	char *p = mmap(NULL, BOMB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -1;
	memset(p, 'x', BOMB);
	return reached("%zu MiB", BOMB / MIB);
}

static long locked(void)
{
	mlockall(MCL_CURRENT | MCL_FUTURE);
	return touch(BOMB) ? REACHED : -1;
}

static char in_bss[BOMB];

static long statics(void)
{
	memset(in_bss, 'x', sizeof(in_bss));
	__asm__ volatile("" : : "r"(in_bss) : "memory");
	return reached("%zu MiB", BOMB / MIB);
}

/* Frames of 64 KiB; as a loop, on a stack without end. */
static void *deepen(size_t frames)
{
	char *lowest = NULL;
	for (size_t i = 0; i < frames; i++) {
		lowest = __builtin_alloca(65536);
		memset(lowest, 'x', 65536);
		__asm__ volatile("" : : "r"(lowest) : "memory");
	}
	return lowest != NULL ? in_bss : NULL;
}

static long stack(void)
{
	struct rlimit l = { RLIM_INFINITY, RLIM_INFINITY };
	if (setrlimit(RLIMIT_STACK, &l) != 0)
		return -1;
	return deepen(BOMB / 65536) ? REACHED : HELD;
}

static long tmpfs(void)
{
	signal(SIGXFSZ, SIG_IGN);
	for (int i = 0; i < 12; i++) {
		char path[32];
		snprintf(path, sizeof(path), "/dev/shm/%d", i);
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (ftruncate(fd, 15 * (off_t)MIB) != 0)
			return -1;
		char *p = mmap(NULL, 15 * MIB, PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
		close(fd);
		if (p == MAP_FAILED)
			return -1;
	}
	return reached("%zu MiB", BOMB / MIB);
}

static long memfd(void)
{
	signal(SIGXFSZ, SIG_IGN);
	for (int i = 0; i < 16; i++) {
		int fd = (int)syscall(SYS_memfd_create, "bomb", 0);
		if (fd < 0 || ftruncate(fd, 10 * (off_t)MIB) != 0)
			return -1;
		char *p = mmap(NULL, 10 * MIB, PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
		if (p == MAP_FAILED)
			return -1;
	}
	return reached("%zu MiB", BOMB / MIB);
}

static void take_it(void)
{
	touch(BOMB);
}

/* The child is the victim; its parent would call that a success. */
static long in_a_child(void)
{
	int status = 0;
	waitpid(in_child(take_it), &status, 0);
	return WIFSIGNALED(status) ? HELD : REACHED;
}

static void take_a_share(void)
{
	touch(BOMB / 8);
	hang();
}

static long shared_out(void)
{
	for (int i = 0; i < 8; i++)
		if (in_child(take_a_share) < 0)
			return -1;
	for (int i = 0; i < 30; i++)
		usleep(100000);
	return reached("%zu MiB among eight", BOMB / MIB);
}

/* Pages in pipes belong to no process; the user has 64 MiB of large ones. */
static long pipes(void)
{
	size_t got = 0;
	static char page[65536];
	for (int p[2]; got < BOMB / 4 && pipe2(p, O_NONBLOCK | O_CLOEXEC) == 0;)
		for (ssize_t n; (n = write(p[1], page, sizeof(page))) > 0;)
			got += (size_t)n;
	return got < BOMB / 4 ? -1 : reached("%zu MiB", got / MIB);
}

static void fill_sockets(void)
{
	static char page[65536];
	for (int s[2]; socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s) == 0;)
		while (write(s[0], page, sizeof(page)) > 0)
			;
}

static long sockets(void)
{
	struct rlimit l = { 700, 700 }; /* some 200 KiB each */
	setrlimit(RLIMIT_NOFILE, &l);
	fill_sockets();
	return reached("all sockets are full");
}

/* One byte in each 2 MiB: a page and a page of page table for each. */
static long page_tables(void)
{
	size_t stride = 2 * MIB, n = BOMB / 8192;
	char *p = mmap(NULL, n * stride, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -1;
	madvise(p, n * stride, 15 /* MADV_NOHUGEPAGE */);
	for (size_t i = 0; i < n; i++)
		p[i * stride] = 'x';
	return reached("%zu pages", n);
}

static size_t read_through(int folder, const char *name)
{
	static char page[65536];
	size_t got = 0;
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	for (ssize_t n; (n = read(fd, page, sizeof(page))) > 0;)
		got += (size_t)n;
	close(fd);
	return got;
}

/* What it reads stays in memory only while there is room: no reason to kill it. */
static long page_cache(void)
{
	size_t got = 0;
	DIR *d = opendir("/usr/bin");
	for (const struct dirent *e; d && got < 2 * (size_t)LIMIT_MB * MIB && (e = readdir(d));)
		got += read_through(dirfd(d), e->d_name);
	if (d)
		closedir(d);
	return got > (size_t)LIMIT_MB * MIB ? held("more was read than fits")
					    : untried("too few files");
}

static long hugetlb(void)
{
	void *p = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	return p == MAP_FAILED ? -1 : REACHED;
}

static long hugetlb_file(void)
{
	return syscall(SYS_memfd_create, "huge", MFD_HUGETLB);
}

static long spare_me(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -1 : write(fd, "-1000", 5);
}

/* What cc makes of a source, under the limits of the attack. */
static long compile(const char *compiler, const char *name, const char *source)
{
	if (access(compiler, X_OK) != 0)
		return untried("no %s", compiler);
	FILE *f = fopen(name, "w");
	if (!f || fputs(source, f) < 0 || fclose(f) != 0)
		return -1;
	execl(compiler, compiler, "-w", "-O2", "-ftemplate-depth=1000000", "-c", name, NULL);
	return -1;
}

static long compiler_zero(void)
{
	return compile("/usr/bin/cc", "bomb.c", "#include \"/dev/zero\"\n");
}

static long compiler_macros(void)
{
	return compile("/usr/bin/cc", "bomb.c",
		       "#define A 1,1,1,1,1,1,1,1,1,1\n#define B A,A,A,A,A,A,A,A,A,A\n"
		       "#define C B,B,B,B,B,B,B,B,B,B\n#define D C,C,C,C,C,C,C,C,C,C\n"
		       "#define E D,D,D,D,D,D,D,D,D,D\n#define F E,E,E,E,E,E,E,E,E,E\n"
		       "int a[] = { F,F,F,F,F,F,F,F,F,F };\n");
}

static long compiler_templates(void)
{
	return compile("/usr/bin/c++", "bomb.cc",
		       "template<long n> struct s { s<n + 1> a; s<n * 2> b; };\ns<1> x;\n");
}

#define KILLED .verdict = "memory", .memory_mb = LIMIT_MB

const struct attack memory_attacks[] = {
	ATTACK("heap", "the heap", "memory limit", heap, KILLED, .without = "memory",
	       .weak_as = "root"),
	ATTACK("stack", "the stack", "memory limit", stack, KILLED, .without = "memory",
	       .weak_as = "root"),
	ATTACK("statics", "static arrays", "memory limit", statics, KILLED, .without = "memory",
	       .weak_as = "root"),
	ATTACK("mapped", "shared anonymous pages", "memory limit", mapped, KILLED,
	       .without = "memory", .weak_as = "root"),
	ATTACK("locked", "locked pages (mlockall)", "memory limit", locked, KILLED,
	       .without = "memory", .weak_as = "root"),
	ATTACK("tmpfs", "files in /dev/shm", "memory limit", tmpfs, KILLED, .disk_mb = 200,
	       .without = "memory", .weak_as = "root"),
	ATTACK("memfd", "files without a name (memfd)", "memory limit", memfd,
	       .verdict = "memory exit", .memory_mb = LIMIT_MB, .without = "memory",
	       .weak_as = "root"),
	ATTACK("pipes", "pages in pipes", "memory limit", pipes, KILLED, .needs = "cgroup",
	       .without = "memory", .weak_as = "root"),
	ATTACK("sockets", "pages in sockets", "memory limit", sockets, KILLED, .needs = "cgroup",
	       .without = "memory", .weak_as = "root"),
	ATTACK("page_tables", "page tables", "memory limit", page_tables, KILLED, .needs = "cgroup",
	       .without = "memory", .weak_as = "root"),
	ATTACK("in_a_child", "a child, which is the victim", "memory limit", in_a_child, KILLED,
	       .without = "memory", .weak_as = "root"),
	ATTACK("shared_out", "eight children, a share each", "memory limit", shared_out, KILLED,
	       .without = "memory", .weak_as = "root"),
	ATTACK("page_cache", "the page cache", "memory limit", page_cache, .memory_mb = LIMIT_MB),
	ATTACK("hugetlb", "huge pages, which no limit counts", "seccomp filter", hugetlb,
	       .answer = "EPERM"),
	ATTACK("hugetlb_file", "a file of huge pages", "seccomp filter", hugetlb_file),
	ATTACK("spare_me", "asks to be spared (oom_score_adj)", "no capabilities", spare_me,
	       .answer = "EACCES"),
	ATTACK("compiler_zero", "#include \"/dev/zero\"", "memory limit", compiler_zero,
	       .verdict = "memory", .memory_mb = 64),
	ATTACK("compiler_macros", "a bomb of macros", "memory limit", compiler_macros,
	       .verdict = "memory cpu", .memory_mb = 64, .cpu_ms = 500),
	ATTACK("compiler_templates", "a bomb of templates", "memory limit", compiler_templates,
	       .verdict = "memory cpu", .memory_mb = 64, .cpu_ms = 500),
	{ 0 },
};
