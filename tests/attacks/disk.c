#include "tests/attacks/attacks.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>

#define ENOUGH (64 * MIB) /* more than any disk_mb here */

/* All of it; what is written in part is asked for again, to be told why. */
static bool write_all(int fd, const char *data, size_t size)
{
	for (ssize_t n = 1; n > 0 && size > 0; data += n, size -= (size_t)n)
		if ((n = write(fd, data, size)) < 0)
			return false;
	return true;
}

static int create(const char *path)
{
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static long large_file(void)
{
	static char page[1 << 20];
	signal(SIGXFSZ, SIG_IGN);
	int fd = create("/tmp/large");
	for (size_t got = 0; got < ENOUGH; got += sizeof(page))
		if (!write_all(fd, page, sizeof(page)))
			return -1;
	return reached("%zu MiB", ENOUGH / MIB);
}

/* Through every folder that can be written: one size bounds them all. */
static long all_folders(void)
{
	static const char *const FOLDERS[] = { "/tmp", "/dev/shm", "/var/tmp" };
	static char page[65536];
	char path[64];
	for (size_t got = 0; got < ENOUGH; got += sizeof(page)) {
		snprintf(path, sizeof(path), "%s/%zu", FOLDERS[got / sizeof(page) % 3], got);
		int fd = create(path);
		if (fd < 0 || !write_all(fd, page, sizeof(page)))
			return -1;
		close(fd);
	}
	return reached("%zu MiB", ENOUGH / MIB);
}

static long allocated(void)
{
	signal(SIGXFSZ, SIG_IGN);
	return fallocate(create("/tmp/allocated"), 0, 0, (off_t)ENOUGH);
}

static long sparse(void)
{
	signal(SIGXFSZ, SIG_IGN);
	return ftruncate(create("/tmp/sparse"), (off_t)1 << 40);
}

/* A map of a file is written without write(2). */
static long by_map(void)
{
	signal(SIGXFSZ, SIG_IGN);
	int fd = create("/tmp/mapped");
	if (ftruncate(fd, (off_t)ENOUGH) != 0)
		return -1;
	return mmap(NULL, ENOUGH, PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0) == MAP_FAILED
		       ? -1
		       : reached("%zu MiB", ENOUGH / MIB);
}

/* Unlinked, but open: no name shows what it takes. */
static long unlinked(void)
{
	static char page[65536];
	for (size_t got = 0; got < ENOUGH; got += MIB) {
		int fd = create("/tmp/unlinked");
		if (fd < 0 || unlink("/tmp/unlinked") != 0)
			return -1;
		for (int i = 0; i < 16; i++)
			if (!write_all(fd, page, sizeof(page)))
				return -1;
	}
	return reached("%zu MiB", ENOUGH / MIB);
}

static long inodes(void)
{
	static const char *const FOLDERS[] = { "/tmp", "/dev/shm", "/var/tmp" };
	char path[64];
	for (int i = 0; i < 10000; i++) {
		snprintf(path, sizeof(path), "%s/%d", FOLDERS[i % 3], i);
		if (mknod(path, S_IFREG | 0600, 0) != 0)
			return -1;
	}
	return reached("10,000 files");
}

static long deep_folders(void)
{
	for (int i = 0; i < 20000; i++)
		if (mkdir("d", 0700) != 0 || chdir("d") != 0)
			return -1;
	return reached("20,000 folders deep");
}

static long long_names(void)
{
	char name[256];
	for (int i = 0; i < 10000; i++) {
		memset(name, '\n', sizeof(name));
		snprintf(name + 245, 11, "%010d", i);
		if (mkdir(name, 0700) != 0)
			return -1;
	}
	return reached("10,000 names of 255 bytes");
}

/* Attributes of files are kept in the kernel's memory (tmpfs, from Linux 6.6 on). */
static long attributes(void)
{
	static char value[60000];
	char name[32];
	int fd = create("/tmp/attributes");
	for (size_t i = 0; i * sizeof(value) < ENOUGH; i++) {
		snprintf(name, sizeof(name), "user.%zu", i);
		if (fsetxattr(fd, name, value, sizeof(value), 0) != 0)
			return -1;
	}
	return reached("%zu MiB", ENOUGH / MIB);
}

/* Whatever is not a plain file, wherever the next job might look. */
static long leave(void)
{
	static const char *const FOLDERS[] = {
		"/tmp", "/dev/shm", "/var/tmp", "/run", "/etc", "/"
	};
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "left-socket" };
	for (size_t i = 0; i < COUNT(FOLDERS); i++) {
		if (chdir(FOLDERS[i]) != 0)
			continue;
		mkfifo("left-fifo", 0666);
		if (symlink("/etc/passwd", "left-link") != 0)
			continue;
		if (bind(socket(AF_UNIX, SOCK_STREAM, 0), (const void *)&name, sizeof(name)) == 0)
			close(open("left", O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
		mkdir("left-folder", 0);
		chmod(".", 0);
	}
	return held("things were left");
}

#define FULL .hint = "disk", .answer = "ENOSPC", .disk_mb = 8, .without = "disk"

const struct attack disk_attacks[] = {
	ATTACK("large_file", "a large file", "disk limit", large_file, .hint = "disk",
	       .answer = "ENOSPC", .disk_mb = 8, .without = "disk rlimits"),
	ATTACK("all_folders", "files in /tmp, /dev/shm, /var/tmp", "disk limit", all_folders, FULL),
	ATTACK("by_map", "a file through a map", "disk limit", by_map, .disk_mb = 8),
	ATTACK("unlinked", "files that are open but have no name", "disk limit", unlinked,
	       .answer = "ENOSPC", .disk_mb = 8, .without = "disk"),
	ATTACK("allocated", "fallocate", "file size limit", allocated, .answer = "EFBIG",
	       .disk_mb = 8, .without = "disk rlimits"),
	ATTACK("sparse", "a sparse file of 1 TiB", "file size limit", sparse, .answer = "EFBIG",
	       .without = "rlimits"),
	ATTACK("inodes", "files without end", "inode limit", inodes, FULL),
	/* for Landlock each is a way up to the root: its time is over first */
	ATTACK("deep_folders", "folders without end, each in the last", "inode limit", deep_folders,
	       .hint = "disk", .answer = "ENOSPC", .disk_mb = 8, .without = "disk landlock"),
	ATTACK("long_names", "names of 255 line feeds", "inode limit", long_names, FULL),
	ATTACK("attributes", "attributes of files", "inode limit", attributes),
	ATTACK("leave", "leaves things for the next job", "a new tmpfs a job", leave),
	{ 0 },
};
