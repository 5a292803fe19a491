/*
 * The working folder and /var/tmp, which /dev/shm is a link to: two folders of the slot's own
 * tmpfs, so that one size bounds them. They are made for each job and removed after it; where the
 * tmpfs is then not as empty as it was, it is mounted anew. Where there are no namespaces to mount
 * one in, it is a folder of /tmp. The trees that are removed are the program's work: no link is
 * followed, and nobody is left who could be writing there.
 */
#include <dirent.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "sandbox/warden.h"

static const struct {
	const char *name;
	mode_t mode;
} WORK[] = { { "var", 01777 }, { "work", 0700 } }; /* JAIL_VAR, JAIL_WORK; this one last */

#define LAST (COUNT(WORK) - 1)

/* Remove a folder, and what is in it but for folders: what most jobs leave. */
static bool remove_flat(const char *path)
{
	if (rmdir(path) == 0 || errno == ENOENT)
		return true;
	DIR *d = fdopendir(open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	for (const struct dirent *e; d && (e = readdir(d));)
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	return rmdir(path) == 0;
}

/* Remove it whatever is in it, however deep, and even if its owner has locked it. */
static bool remove_tree(char *path)
{
	char sh[] = "/bin/sh", option[] = "-c";
	char script[] = "chmod -R u+rwx -- \"$0\"; rm -rf -- \"$0\"";
	char *argv[] = { sh, option, script, path, NULL };
	int status = 1;
	pid_t pid;
	if (remove_flat(path))
		return true;
	errno = posix_spawn(&pid, sh, NULL, NULL, argv, environ);
	return errno == 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* -- the tmpfs -- */

/* Give it the size that the job may have, which is most often the last one's. */
static bool resize(struct slot *s, const struct jail_prepare *p, struct why *w)
{
	char options[128];
	if (s->is_mounted && p->disk_bytes == s->folder.disk_bytes &&
	    p->max_files == s->folder.max_files)
		return true;
	snprintf(options, sizeof(options), "mode=0711,size=%llu,nr_inodes=%llu",
		 (unsigned long long)p->disk_bytes,
		 (unsigned long long)p->max_files + COUNT(WORK) + 1);
	errno = EINVAL; /* of 0 bytes: to tmpfs that is without a limit */
	if (p->disk_bytes == 0 ||
	    jail_mount("work", JAIL_WORKDIR, "tmpfs",
		       MS_NOSUID | MS_NODEV | (s->is_mounted ? MS_REMOUNT : 0), options,
		       s->keys.mounts) != 0)
		return fail(w, "cannot mount a working folder of %llu bytes: %m",
			    (unsigned long long)p->disk_bytes);
	s->folder = *p;
	s->is_mounted = true;
	return true;
}

bool folder_leave(struct slot *s, struct why *w)
{
	bool is_mounted = s->is_mounted;
	inside_drop(s);
	close(s->work);
	s->work = -1;
	s->is_mounted = s->is_ahead = false;
	return !is_mounted || syscall(SYS_umount2, JAIL_WORKDIR, MNT_DETACH, s->keys.mounts) == 0 ||
	       fail(w, "cannot unmount the working folder: %m");
}

bool folder_is_new(const struct slot *s)
{
	struct statvfs v;
	return s->work >= 0 && fstatvfs(s->work, &v) == 0 && v.f_bfree == v.f_blocks &&
	       v.f_files - v.f_ffree == COUNT(WORK) + 1;
}

/* -- one job's -- */

bool folder_open(struct slot *s, struct why *w)
{
	struct stat st;
	snprintf(s->base, sizeof(s->base), JAIL_WORKDIR);
	if (s->mode == MODE_FULL)
		return true;
	snprintf(s->base, sizeof(s->base), "/tmp/%s", s->name);
	/* a namesake is left of the warden before us, which was killed, or it is not ours */
	if (lstat(s->base, &st) == 0 && st.st_uid == geteuid())
		remove_tree(s->base);
	/* jobs of another uid must get through, not look around */
	if (mkdir(s->base, 0711) == 0)
		return true;
	fail(w, "cannot make %s: %m", s->base);
	s->base[0] = '\0';
	return false;
}

bool folder_prepare(struct slot *s, const struct jail_prepare *p, struct why *w)
{
	char path[sizeof(s->base) + 16] = "";
	bool is_full = s->mode == MODE_FULL;
	if (is_full && !resize(s, p, w))
		return false;
	if (s->is_ahead)
		return !(s->is_ahead = false);
	for (size_t i = is_full ? 0 : LAST; i < COUNT(WORK); i++) {
		snprintf(path, sizeof(path), "%s/%s", s->base, WORK[i].name);
		if (mkdir(path, WORK[i].mode) != 0 ||
		    (s->is_root && chown(path, s->uid, s->gid) != 0))
			return fail(w, "cannot make %s: %m", path);
	}
	s->work = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return s->work >= 0 || fail(w, "cannot open %s: %m", path);
}

bool folder_clear(struct slot *s, struct why *w)
{
	char path[sizeof(s->base) + 16];
	bool is_flat = true;
	if (s->work < 0 || s->is_ahead)
		return true;
	inside_drop(s);
	close(s->work);
	s->work = -1;
	for (size_t i = s->mode == MODE_FULL ? 0 : LAST; i < COUNT(WORK); i++) {
		snprintf(path, sizeof(path), "%s/%s", s->base, WORK[i].name);
		is_flat = (s->mode == MODE_FULL ? remove_flat(path) : remove_tree(path)) && is_flat;
	}
	return is_flat ||
	       (s->mode == MODE_FULL ? folder_leave(s, w) : fail(w, "cannot remove %s: %m", path));
}

void folder_close(struct slot *s)
{
	if (s->mode != MODE_FULL && s->base[0])
		remove_tree(s->base);
}
