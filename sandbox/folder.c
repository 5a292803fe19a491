/*
 * Working folders where there are no namespaces to mount a tmpfs in: folders of /tmp.
 *
 * The service may read a folder after JAIL_CLEAR for as long as it keeps the fd. So the
 * fd it gets holds a lock (flock(2) belongs to the open file, whoever has it), and a
 * folder is removed once its lock can be had.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/warden.h"

#define PLACE     "/tmp"
#define MAX_DEPTH 100000u /* of a tree that is removed: each pass takes a level */

/* Let ourselves into a folder that its owner may have locked. Never through a link: it is the
 * program's tree. */
static void unlock(int at, const char *name)
{
	char path[32];
	int fd = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (chmod(path, 0700) != 0)
		errno = 0; /* then what follows fails and says so */
	close(fd);
}

static DIR *open_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? NULL : fdopendir(fd);
}

static bool is_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/*
 * Remove what is in the folder called name; folders in it move up to top instead, under numbers.
 * So a tree of any depth goes without recursion and without a path.
 */
static void flatten(int top, const char *name, unsigned long *number)
{
	unlock(top, name);
	DIR *d = open_dir(top, name);
	char fresh[32];
	for (const struct dirent *e; d && (e = readdir(d));) {
		if (is_dot(e->d_name) || unlinkat(dirfd(d), e->d_name, 0) == 0)
			continue;
		unlock(dirfd(d), e->d_name); /* a folder moves only if it may be written */
		snprintf(fresh, sizeof(fresh), ".%lu", (*number)++);
		if (unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR) != 0 &&
		    renameat(dirfd(d), e->d_name, top, fresh) != 0)
			break;
	}
	if (d)
		closedir(d);
	unlinkat(top, name, AT_REMOVEDIR);
}

/* Remove the folder base and all in it; nobody else may be writing there. */
static bool remove_tree(int at, const char *base)
{
	unlock(at, base);
	DIR *d = open_dir(at, base);
	unsigned long number = 0;
	bool is_left = d != NULL;
	for (unsigned pass = 0; is_left && pass < MAX_DEPTH; pass++) {
		is_left = false;
		rewinddir(d);
		for (const struct dirent *e; (e = readdir(d));) {
			if (is_dot(e->d_name) || unlinkat(dirfd(d), e->d_name, 0) == 0)
				continue;
			flatten(dirfd(d), e->d_name, &number);
			is_left = true;
		}
	}
	if (d)
		closedir(d);
	return unlinkat(at, base, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

bool folder_open(struct slot *s, struct why *w)
{
	snprintf(s->base, sizeof(s->base), PLACE "/sandbatch.%d.%u.XXXXXX", (int)s->service,
		 s->number);
	if (!mkdtemp(s->base)) {
		s->base[0] = '\0';
		return why_sys(w, "cannot make a folder in " PLACE);
	}
	/* jobs of another uid must get through, not look around */
	if (chmod(s->base, 0711) != 0)
		return why_sys(w, "cannot open up %s", s->base);
	return true;
}

bool folder_make(struct slot *s, struct why *w)
{
	char path[96];
	folder_tidy(s);
	snprintf(path, sizeof(path), "%s/%u", s->base, ++s->nwork);
	if (mkdir(path, 0700) != 0 || chown(path, s->uid, s->gid) != 0)
		return why_sys(w, "cannot make %s", path);
	s->work = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->work < 0 || flock(s->work, LOCK_EX | LOCK_NB) != 0)
		return why_sys(w, "cannot open %s", path);
	return true;
}

void folder_tidy(struct slot *s)
{
	DIR *d = open_dir(AT_FDCWD, s->base);
	for (const struct dirent *e; d && (e = readdir(d));) {
		int fd = is_dot(e->d_name)
				 ? -1
				 : openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		bool is_free = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
		if (fd >= 0)
			close(fd);
		if (is_free)
			remove_tree(dirfd(d), e->d_name);
	}
	if (d)
		closedir(d);
}

void folder_close(struct slot *s)
{
	remove_tree(AT_FDCWD, s->base);
}

bool folder_sweep(pid_t service, struct why *w)
{
	char prefix[40];
	struct stat st;
	bool is_ok = true;
	snprintf(prefix, sizeof(prefix), "sandbatch.%d.", (int)service);
	DIR *d = open_dir(AT_FDCWD, PLACE);
	for (const struct dirent *e; d && (e = readdir(d));) {
		/* /tmp is everyone's: only what is ours */
		if (strncmp(e->d_name, prefix, strlen(prefix)) == 0 &&
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_uid == geteuid() && S_ISDIR(st.st_mode) &&
		    !remove_tree(dirfd(d), e->d_name))
			is_ok = why_sys(w, "cannot remove " PLACE "/%s", e->d_name);
	}
	if (d)
		closedir(d);
	return is_ok;
}
