/*
 * Working folders where there are no namespaces to mount a tmpfs in: folders of /tmp.
 * One outlives JAIL_CLEAR, for the service may still read it, and goes with the next
 * JAIL_PREPARE. The trees that are removed are the program's work: no link is followed.
 */
#include <dirent.h>

#include "sandbox/warden.h"

#define PLACE     "/tmp"
#define MAX_DEPTH 100000u /* of a tree that is removed: each pass takes a level */

/* Open a folder, letting ourselves in should its owner have locked it. */
static DIR *open_dir(int at, const char *name)
{
	char path[32];
	int link = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (link < 0)
		return NULL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", link);
	int fd = access(path, R_OK | W_OK | X_OK) == 0 || chmod(path, 0700) == 0
			 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
			 : -1;
	close(link);
	return fd < 0 ? NULL : fdopendir(fd);
}

/* The next folder in d; what is none is removed on the way. NULL at the end. */
static const char *next_folder(DIR *d)
{
	for (const struct dirent *e; d && (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    unlinkat(dirfd(d), e->d_name, 0) != 0)
			return e->d_name;
	return NULL;
}

/*
 * Remove what is in the folder called name; folders in it move up to top instead, under numbers.
 * So a tree of any depth goes without recursion and without a path.
 */
static void flatten(int top, const char *name, unsigned long *number)
{
	DIR *d = open_dir(top, name);
	char fresh[32];
	for (const char *inner; (inner = next_folder(d));) {
		DIR *below = open_dir(dirfd(d), inner); /* it moves only if it may be written */
		if (below)
			closedir(below);
		snprintf(fresh, sizeof(fresh), ".%lu", (*number)++);
		if (renameat(dirfd(d), inner, top, fresh) != 0)
			break;
	}
	if (d)
		closedir(d);
	unlinkat(top, name, AT_REMOVEDIR);
}

bool folder_remove(int at, const char *name)
{
	DIR *d = open_dir(at, name);
	unsigned long number = 0;
	bool is_left = d != NULL;
	for (unsigned pass = 0; is_left && pass < MAX_DEPTH; pass++) {
		is_left = false;
		rewinddir(d);
		for (const char *inner; (inner = next_folder(d)); is_left = true)
			flatten(dirfd(d), inner, &number);
	}
	if (d)
		closedir(d);
	return unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

bool folder_sweep(const char *prefix, struct why *w)
{
	struct stat st;
	bool is_ok = true;
	DIR *d = opendir(PLACE);
	for (const struct dirent *e; d && (e = readdir(d));)
		if (strncmp(e->d_name, prefix, strlen(prefix)) == 0 &&
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_uid == geteuid() && !folder_remove(dirfd(d), e->d_name))
			is_ok = fail(w, "cannot remove " PLACE "/%s: %m", e->d_name);
	if (d)
		closedir(d);
	return is_ok;
}

bool folder_open(struct slot *s, struct why *w)
{
	snprintf(s->base, sizeof(s->base), PLACE "/%s.XXXXXX", s->name);
	/* of the warden before us, if it was killed; the point, for slot 1 is not slot 10 */
	char prefix[sizeof(s->name) + 1];
	snprintf(prefix, sizeof(prefix), "%s.", s->name);
	if (!folder_sweep(prefix, w))
		return false;
	if (!mkdtemp(s->base)) {
		s->base[0] = '\0';
		return fail(w, "cannot make a folder in " PLACE ": %m");
	}
	/* jobs of another uid must get through, not look around */
	return chmod(s->base, 0711) == 0 || fail(w, "cannot open up %s: %m", s->base);
}

bool folder_make(const struct slot *s, const char *path, struct why *w)
{
	return (folder_remove(AT_FDCWD, path) && mkdir(path, 0700) == 0 &&
		chown(path, s->uid, s->gid) == 0) ||
	       fail(w, "cannot make %s: %m", path);
}
