/*
 * The file tree that jobs see: one small read-only tmpfs that shows /usr, the
 * harmless parts of /etc, five devices, and nothing else of the host; or with
 * --rootfs what a prepared root has in their place.
 */
#include <dirent.h>
#include <fnmatch.h>
#include <glob.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>

#include "sandbox/warden.h"

/* Where the new root is put together: a folder that every host has and no toolchain lies in. */
#define NEW_ROOT "/sys"

/* Bytes of a file, and of a folder's files, each counted as one block at least. */
#define SMALL        (1 << 20)
#define SMALL_FOLDER (1 << 16)

/* Shown as they are, where they exist. */
static const char OF_HOST[] =
	"/{usr,"
	/* links on a host with merged /usr, elsewhere folders */
	"bin,sbin,lib,lib32,lib64,libx32,"
	/* data outside /usr */
	"var/lib/{ghc,gems},"
	/* what loaders, libcs and toolchains read, and no secret among it */
	"etc/{alternatives,ld.so.cache,ld.so.conf,ld.so.conf.d,localtime,timezone,os-release,"
	"debian_version,ssl/certs,ssl/openssl.cnf,ca-certificates.conf,java*,python3*,perl,php,"
	"lua*,R,octave*,fpc*.cfg,gnucobol,mono,erlang,elixir,guile*,sbcl*,ghc,groovy,nim,racket,"
	"fonts,xml,locale.alias,magic,mime.types,protocols,services,terminfo,inputrc,bash.bashrc,"
	"profile}}";
static const char OF_ROOTFS[] = "/{*,etc/*,var/*}";

/* But not in the place of what is our own. */
static const char OURS[] =
	"@(/@(dev|proc|run|sys|tmp|var/@(lock|run|tmp)|"
	"etc/@(*shadow*|group|host@(s|name)|nsswitch.conf|passwd|resolv.conf))?(/*)|/etc|/var)";

static const char *const DEVICES[] = { "/dev/null", "/dev/zero", "/dev/full", "/dev/random",
				       "/dev/urandom" };

static const char *const LINKS[][2] = { { "/proc/self/fd", "dev/fd" },
					{ "/proc/self/fd/0", "dev/stdin" },
					{ "/proc/self/fd/1", "dev/stdout" },
					{ "/proc/self/fd/2", "dev/stderr" },
					{ "/var/tmp", "dev/shm" } };

static const char *const FOLDERS[] = { "dev", "etc/ssl", "proc",    "run",
				       "tmp", "usr",     "var/lib", "var/tmp" };

/* Make something that can be bound over at the relative path, and all folders above it. */
static bool make(const char *path, bool is_folder, struct why *w)
{
	char part[PATH_MAX];
	for (const char *end = path; *end;) {
		end += 1 + strcspn(end + 1, "/");
		snprintf(part, sizeof(part), "%.*s", (int)(end - path), path);
		int made = *end == '/' || is_folder ? mkdir(part, 0755)
						    : mknod(part, S_IFREG | 0644, 0);
		if (made != 0 && errno != EEXIST)
			return fail(w, "sandbox root: cannot make /%s: %m", part);
	}
	return true;
}

/* Show from, and all that is mounted below it, read-only at the absolute path to. */
static bool bind(const char *from, const char *to, uint64_t attributes, struct why *w)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | attributes,
				   .propagation = MS_PRIVATE };
	struct stat st;
	if (stat(from, &st) != 0)
		return fail(w, "sandbox root: %s: %m", from);
	if (!make(++to, S_ISDIR(st.st_mode), w))
		return false;
	if (mount(from, to, NULL, MS_BIND | MS_REC, NULL) != 0)
		return fail(w, "sandbox root: cannot bind %s: %m", from);
	return mount_setattr(AT_FDCWD, to, AT_RECURSIVE, &attr, sizeof(attr)) == 0 ||
	       fail(w, "sandbox root: cannot make %s read-only: %m", from);
}

/* A file, with the time by which Python knows whether it is what it once compiled; but what not
 * everybody may read is empty. */
static bool copy(const char *from, const char *to, const struct stat *st, struct why *w)
{
	if (!make(++to, false, w))
		return false;
	if (!(st->st_mode & S_IROTH))
		return true;
	const struct timespec times[] = { st->st_atim, st->st_mtim };
	int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int out = open(to, O_WRONLY | O_CLOEXEC);
	bool is_ok = sendfile(out, in, NULL, (size_t)st->st_size) == st->st_size &&
		     fchmod(out, st->st_mode & 0555) == 0 && futimens(out, times) == 0;
	close(in);
	close(out);
	return is_ok || fail(w, "sandbox root: cannot copy %s: %m", from);
}

/* Half of our tmpfs is left for what things are bound over. */
static bool has_room(void)
{
	struct statvfs v;
	return statvfs(".", &v) == 0 && v.f_ffree > v.f_files / 2 && v.f_bfree > v.f_blocks / 2;
}

/* The folder above a link is there. */
static bool show_one(const char *from, const char *to, struct why *w)
{
	char target[PATH_MAX];
	struct stat st;
	ssize_t n = readlink(from, target, sizeof(target) - 1);
	if (n < 0 && lstat(from, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= SMALL &&
	    has_room())
		return copy(from, to, &st, w);
	if (n < 0)
		return bind(from, to, MOUNT_ATTR_NODEV, w);
	target[n] = '\0';
	return symlink(target, to + 1) == 0 || fail(w, "sandbox root: cannot link %s: %m", from);
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Whether everybody may read the folder, and there are but files in it, few and small ones. */
static bool is_small(const char *path)
{
	struct stat st;
	off_t room = SMALL_FOLDER;
	if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || (st.st_mode & 0005) != 0005)
		return false;
	DIR *d = opendir(path);
	for (const struct dirent *e; d && room >= 0 && (e = readdir(d));) {
		bool is_file = fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			       (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode));
		if (!is_dots(e->d_name))
			room -= is_file ? st.st_size + 1024 : SMALL_FOLDER + 1;
	}
	if (d)
		closedir(d);
	return room >= 0;
}

/* What is small in /etc is copied, for each mount costs each job. */
static bool show(const char *from, const char *to, struct why *w)
{
	char path[PATH_MAX];
	if (strncmp(to, "/etc/", 5) != 0 || !is_small(from) || !has_room())
		return show_one(from, to, w);
	bool is_ok = make(to + 1, true, w);
	DIR *d = opendir(from);
	for (const struct dirent *e; is_ok && d && (e = readdir(d));) {
		snprintf(path, sizeof(path), "%s/%s", from, e->d_name);
		is_ok = is_dots(e->d_name) || show_one(path, path + strlen(from) - strlen(to), w);
	}
	if (d)
		closedir(d);
	return is_ok;
}

static bool show_all(const char *rootfs, struct why *w)
{
	char pattern[PATH_MAX + sizeof(OF_HOST)];
	glob_t g = { 0 };
	snprintf(pattern, sizeof(pattern), "%s%s", rootfs, *rootfs ? OF_ROOTFS : OF_HOST);
	bool is_ok = glob(pattern, GLOB_BRACE, NULL, &g) == 0 ||
		     fail(w, "sandbox root: there is nothing in %s/", rootfs);
	for (size_t i = 0; is_ok && i < g.gl_pathc; i++) {
		const char *to = g.gl_pathv[i] + strlen(rootfs);
		is_ok = fnmatch(OURS, to, FNM_EXTMATCH) == 0 || show(g.gl_pathv[i], to, w);
	}
	globfree(&g);
	return is_ok;
}

/* A toolchain outside /usr. Not where something of ours will be mounted over it. */
static bool show_extra(const struct slot *s, const char *path, struct why *w)
{
	if (path[0] != '/' || path[1] == '\0')
		return fail(w, "--bind wants an absolute path below /, not '%s'", path);
	if (!*s->rootfs && strncmp(path, "/usr/", 5) == 0)
		return true;
	if (fnmatch(OURS, path, FNM_EXTMATCH) == 0)
		return fail(w, "--bind %s: the sandbox has its own", path);
	return bind(path, path, MOUNT_ATTR_NODEV, w);
}

static bool write_file(const char *path, const char *text, struct why *w)
{
	return make(path, false, w) && (text_write(AT_FDCWD, path, text) ||
					fail(w, "sandbox root: cannot write /%s: %m", path));
}

/* Accounts and names: only root, who is nobody here, and the job. */
static bool write_etc(const struct slot *s, struct why *w)
{
	char text[300];
	/* edns0: whole answers by UDP, since not every forwarder takes TCP */
	snprintf(text, sizeof(text), "nameserver %s\noptions edns0\n", s->dns ? s->dns : "");
	if (s->dns && !write_file("etc/resolv.conf", text, w))
		return false;
	snprintf(text, sizeof(text),
		 "root:x:0:0:root:/:/usr/sbin/nologin\n"
		 "sandbox:x:%u:%u:sandbox:" JAIL_WORKDIR ":/bin/sh\n"
		 "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
		 s->uid, s->gid);
	if (!write_file("etc/passwd", text, w))
		return false;
	snprintf(text, sizeof(text), "root:x:0:\nsandbox:x:%u:\nnogroup:x:65534:\n", s->gid);
	return write_file("etc/group", text, w) &&
	       write_file("etc/hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n", w) &&
	       write_file("etc/hostname", "sandbox\n", w) &&
	       write_file("etc/nsswitch.conf",
			  "passwd: files\ngroup: files\nhosts: files dns\n"
			  "protocols: files\nservices: files\n",
			  w);
}

/* Root makes all devices in one mount; in a user namespace nobody may, so that each is bound. */
static bool fill_dev(const struct slot *s, struct why *w)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	bool is_ours = s->is_root && mount("dev", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC,
					   "mode=0755,size=4k,nr_inodes=32") == 0;
	for (size_t i = 0; i < COUNT(DEVICES); i++) {
		struct stat st;
		bool is_made = is_ours && stat(DEVICES[i], &st) == 0 && S_ISCHR(st.st_mode) &&
			       mknod(DEVICES[i] + 1, S_IFCHR | 0666, st.st_rdev) == 0;
		if (!is_made && !bind(DEVICES[i], DEVICES[i], MOUNT_ATTR_NOEXEC, w))
			return false;
	}
	for (size_t i = 0; i < COUNT(LINKS); i++)
		if (symlink(LINKS[i][0], LINKS[i][1]) != 0)
			return fail(w, "sandbox root: cannot link /%s: %m", LINKS[i][1]);
	return !is_ours || mount_setattr(AT_FDCWD, "dev", 0, &attr, sizeof(attr)) == 0 ||
	       fail(w, "sandbox root: cannot make /dev read-only: %m");
}

static bool fill(const struct slot *s, struct why *w)
{
	for (size_t i = 0; i < COUNT(FOLDERS); i++)
		if (!make(FOLDERS[i], true, w))
			return false;
	if (!fill_dev(s, w) || !write_etc(s, w) || !show_all(s->rootfs, w))
		return false;
	for (size_t i = 0; i < s->nbind; i++)
		if (!show_extra(s, s->bind[i], w))
			return false;
	/*
	 * In a user namespace the kernel mounts a /proc only where one that hides nothing is
	 * mounted already. The host's lies under each command's own, out of reach.
	 */
	return mount("/proc", "proc", NULL, MS_BIND | MS_REC, NULL) == 0 || s->is_root ||
	       fail(w, "sandbox root: cannot bind /proc: %m");
}

static bool enter(struct why *w)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					       MOUNT_ATTR_NODEV };
	/* Onto itself, then away with what lies below: pivot_root(2), NOTES. */
	if (syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0)
		return fail(w, "sandbox root: cannot enter it: %m");
	return (chdir("/") == 0 && mount_setattr(AT_FDCWD, "/", 0, &attr, sizeof(attr)) == 0) ||
	       fail(w, "sandbox root: cannot make it read-only: %m");
}

bool root_build(const struct slot *s, struct why *w)
{
	/* from now on nothing that happens to our mounts happens to the host's */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("sandbatch", NEW_ROOT, "tmpfs", MS_NOSUID | MS_NODEV,
		  "mode=0755,size=16m,nr_inodes=4096") != 0 ||
	    chdir(NEW_ROOT) != 0)
		return fail(w, "sandbox root: cannot mount a tmpfs: %m");
	return fill(s, w) && enter(w);
}
