#include "tests/attacks/attacks.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/xattr.h>

static long open_for(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC, 0600);
}

/* Held as long as none of them opens. */
static long open_none(const char *const *path, int flags)
{
	int error = 0;
	for (; *path; path++) {
		int fd = open(*path, flags | O_CLOEXEC, 0600);
		if (fd >= 0)
			return reached("%s", *path);
		error = error ? error : errno;
	}
	errno = error;
	return -1;
}

static long secrets(void)
{
	static const char *const PATHS[] = { "/etc/shadow",
					     "/etc/gshadow",
					     "/etc/sudoers",
					     "/etc/ssh",
					     "/etc/ssl/private",
					     "/root",
					     "/home",
					     "/var/lib/sandbatch",
					     "/var/log",
					     "/var/spool",
					     "/srv",
					     "/mnt",
					     "/opt",
					     "/boot",
					     NULL };
	return open_none(PATHS, O_RDONLY);
}

static long sockets_of_host(void)
{
	static const char *const PATHS[] = {
		"/run/systemd", "/run/dbus", "/run/sandbatch", "/run/user", "/run/docker.sock",
		"/var/run",     NULL
	};
	return open_none(PATHS, O_RDONLY);
}

static long devices(void)
{
	static const char *const PATHS[] = { "/dev/mem",   "/dev/kmsg",    "/dev/vda",
					     "/dev/sda",   "/dev/nvme0n1", "/dev/kvm",
					     "/dev/fuse",  "/dev/tty",     "/dev/ptmx",
					     "/dev/pts",   "/dev/console", "/dev/net/tun",
					     "/dev/loop0", "/dev/mqueue",  NULL };
	return open_none(PATHS, O_RDONLY | O_NONBLOCK);
}

/* In a folder that nobody may change; true if anything there can be. */
static bool change(const char *folder, const char *name)
{
	if (chdir(folder) != 0)
		return false;
	return chmod(".", 0777) == 0 || chmod(name, 0666) == 0 || chown(name, -1, getgid()) == 0 ||
	       mkdir("left", 0777) == 0 || symlink("left", "left") == 0 ||
	       link(name, "left") == 0 || rename(name, "left") == 0 || unlink(name) == 0 ||
	       mkfifo("left", 0666) == 0 ||
	       open("left", O_WRONLY | O_CREAT | O_CLOEXEC, 0666) >= 0 || truncate(name, 0) == 0 ||
	       utimensat(AT_FDCWD, name, NULL, 0) == 0 ||
	       setxattr(name, "user.left", "x", 1, 0) == 0 ||
	       setxattr(".", "user.left", "x", 1, 0) == 0;
}

/* The owner of what lies in the sandbox's root is the job, where the warden is an ordinary user. */
static long change_root(void)
{
	static const char *const FILES[][2] = {
		{ "/", "bin" },       { "/etc", "passwd" }, { "/etc", "ld.so.cache" },
		{ "/dev", "null" },   { "/dev", "full" },   { "/var", "lib" },
		{ "/var/lib", "." },  { "/run", "." },      { "/usr", "bin" },
		{ "/usr/bin", "env" }
	};
	for (size_t i = 0; i < COUNT(FILES); i++)
		if (change(FILES[i][0], FILES[i][1]))
			return reached("%s/%s", FILES[i][0], FILES[i][1]);
	return held("it is as it was");
}

/* What is in /dev, and no more. */
static long more_devices(void)
{
	static const char OURS[] =
		" . .. null zero full random urandom fd stdin stdout stderr shm ";
	DIR *d = opendir("/dev");
	for (const struct dirent *e; d && (e = readdir(d));) {
		char word[300];
		snprintf(word, sizeof(word), " %s ", e->d_name);
		if (!strstr(OURS, word))
			return reached("%s", e->d_name);
	}
	if (d)
		closedir(d);
	return held("five");
}

/* The working folder itself, which is the mount's root, away from where it is. */
static long move_folder(void)
{
	int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (rename("/tmp", "/var/tmp/left") == 0 || rename("/tmp", "/left") == 0 ||
	    renameat2(AT_FDCWD, "/tmp", AT_FDCWD, "/var/tmp", RENAME_EXCHANGE) == 0 ||
	    rmdir("/tmp") == 0 || unlinkat(fd, "../work", AT_REMOVEDIR) == 0)
		return reached("it is elsewhere");
	chmod("/tmp", 06777);
	chmod("/var/tmp", 0);
	mkdir("/tmp/gone", 0700);
	if (chdir("/tmp/gone") != 0 || rmdir("/tmp/gone") != 0 || mkdir("left", 0700) == 0)
		return reached("a folder that is gone takes another");
	return fchdir(fd) != 0 ? -1 : held("it is where it was");
}

static long kernel_files(void)
{
	static const char *const PATHS[] = {
		"/sys/kernel",   "/sys/fs/cgroup",   "/sys/class",
		"/proc/sys",     "/proc/kcore",      "/proc/kallsyms",
		"/proc/kmsg",    "/proc/keys",       "/proc/sysrq-trigger",
		"/proc/bus",     "/proc/interrupts", "/proc/timer_list",
		"/proc/modules", "/proc/mounts/..",  NULL
	};
	return open_none(PATHS, O_RDONLY);
}

static long other_processes(void)
{
	static const char *const PATHS[] = { "/proc/1/environ",   "/proc/1/mem",
					     "/proc/1/root",      "/proc/1/cwd",
					     "/proc/1/fd",        "/proc/1/exe",
					     "/proc/1/map_files", "/proc/1/ns/mnt",
					     "/proc/1/syscall",   "/proc/1/stack",
					     "/proc/1/auxv",      "/proc/1/task/1/stat",
					     "/proc/1/autogroup", NULL };
	return open_none(PATHS, O_RDONLY);
}

/* Init is hidden too. */
static long proc_shows_init(void)
{
	return open_for("/proc/1/status", O_RDONLY);
}

static long write_programs(void)
{
	static const char *const PATHS[] = {
		"/usr/bin/env", "/usr/bin/python3", "/bin/sh", "/lib/ld-linux.so.2",
		"/etc/passwd",  "/etc/hosts",       NULL
	};
	return open_none(PATHS, O_WRONLY);
}

static long make_in_root(void)
{
	return mkdir("/left", 0700);
}

static long make_in_usr(void)
{
	return open_for("/usr/bin/left", O_WRONLY | O_CREAT);
}

static long make_in_etc(void)
{
	return open_for("/etc/ld.so.preload", O_WRONLY | O_CREAT);
}

/* A file that was opened to read, opened once more to write. */
static long reopen(void)
{
	char path[64];
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open_for(path, O_WRONLY);
}

/* Above all that we can see. */
static long dotdot(void)
{
	for (int i = 0; i < 64; i++)
		if (chdir("..") != 0)
			return -1;
	return access("left", F_OK) == 0 || access("sys/kernel", F_OK) == 0 ||
			       access("home", F_OK) == 0
		       ? REACHED
		       : held("/ is the end");
}

/* The classic: leave by an fd of a folder outside a second root. */
static long double_chroot(void)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdir("/tmp/root", 0700);
	if (chroot("/tmp/root") != 0)
		return -1;
	return fchdir(fd) == 0 ? reached("a second root") : -1;
}

static long hard_link(void)
{
	return link("/etc/passwd", "/tmp/passwd");
}

static long device_node(void)
{
	return mknod("/tmp/mem", S_IFCHR | 0600, (1 << 8) | 1 /* /dev/mem */);
}

static long block_node(void)
{
	return mknod("/tmp/disk", S_IFBLK | 0600, 254 << 8);
}

/* The tmpfs that our three folders lie in has a root of its own, below /tmp. */
static long below_the_work(void)
{
	struct stat tmp, up;
	int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fstat(fd, &tmp) != 0 || fstatat(fd, "..", &up, 0) != 0)
		return -1;
	return tmp.st_dev == up.st_dev ? reached("the same file system") : held("/ of the sandbox");
}

/* Names by which the host's files could be told. */
static long mounts_tell(void)
{
	char line[4096];
	FILE *f = fopen("/proc/self/mountinfo", "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "/root/") || strstr(line, "/home/"))
			return reached("%.60s", line);
	fclose(f);
	return held("no folder of the host's users");
}

/* A set-user-ID program of its own making, and whether the mount would obey it. */
static long own_setuid(void)
{
	if (chmod("/proc/self/exe", 04755) == 0)
		return chown("/proc/self/exe", 0, 0);
	return -1;
}

const struct attack path_attacks[] = {
	ATTACK("secrets", "/etc/shadow, /root, the store", "file tree of its own", secrets,
	       .answer = "ENOENT"),
	ATTACK("sockets_of_host", "the host's sockets in /run", "file tree of its own",
	       sockets_of_host, .answer = "ENOENT"),
	ATTACK("devices", "disks, memory, terminals in /dev", "file tree of its own", devices,
	       .answer = "ENOENT"),
	ATTACK("more_devices", "what else is in /dev", "file tree of its own", more_devices,
	       .answer = "five"),
	ATTACK("change_root", "owners, modes, names in /etc, /dev, /usr", "read-only mounts",
	       change_root, .answer = "it is as it was", .without = "readonly", .weak_as = "user"),
	ATTACK("move_folder", "moves its own folder, or is in one that is gone",
	       "a mount of its own", move_folder, .answer = "it is where it was"),
	ATTACK("kernel_files", "/sys, /proc/sys, /proc/kcore", "/proc subset=pid", kernel_files,
	       .answer = "ENOENT", .without = "proc", .weak_as = "root"),
	ATTACK("other_processes", "memory, fds, root of init by /proc", "/proc hidepid",
	       other_processes),
	ATTACK("proc_shows_init", "that there is an init", "/proc hidepid", proc_shows_init,
	       .answer = "ENOENT", .without = "proc", .weak_as = "root"),
	ATTACK("write_programs", "writes programs that others run", "read-only mounts",
	       write_programs),
	ATTACK("make_in_root", "leaves a folder in /", "read-only mounts", make_in_root,
	       .answer = "EROFS", .without = "readonly uid capabilities", .weak_as = "root"),
	ATTACK("make_in_usr", "leaves a program in /usr/bin", "read-only mounts", make_in_usr,
	       .answer = "EROFS"),
	ATTACK("make_in_etc", "has itself loaded by all (ld.so.preload)", "read-only mounts",
	       make_in_etc, .answer = "EROFS", .without = "readonly uid capabilities",
	       .weak_as = "root"),
	ATTACK("reopen", "opens a file anew to write it", "read-only mounts", reopen),
	ATTACK("dotdot", ".. above the root", "a root of its own", dotdot),
	ATTACK("double_chroot", "out of a second chroot", "seccomp filter", double_chroot,
	       .answer = "EPERM", .without = "filter capabilities uid", .weak_as = "root"),
	ATTACK("hard_link", "a hard link to a file outside", "a mount of its own", hard_link),
	/* EACCES by Landlock, EPERM without it */
	ATTACK("device_node", "makes a device: /dev/mem", "no capabilities", device_node),
	ATTACK("block_node", "makes a device: the disk", "no capabilities", block_node),
	ATTACK("below_the_work", "what lies below its folder", "a mount over it", below_the_work),
	ATTACK("mounts_tell", "paths of the host in mountinfo", "file tree of its own",
	       mounts_tell),
	ATTACK("own_setuid", "a set-user-ID program of root's", "no capabilities", own_setuid),
	{ 0 },
};
