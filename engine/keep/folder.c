#include "keep/folder.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/fs.h"

#define MAX_NAME   200 /* bytes of a cell's folder; file systems take 255 */
#define HASH_CHARS 16
#define MAX_TRIES  100 /* of runs that began in the same millisecond */

/* Plain in a folder's name: RFC 3986's unreserved, and what a cell's id is made with. */
static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~[]=,+@", c));
}

const char *keep_cell_folder(struct arena *a, const char *cell_id)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t len = strlen(cell_id), n = 0, cut = 0;
	char *out = arena_zalloc(a, len * 3 + 1, 1), hash[DIGEST_HEX];

	assert(len > 0);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)cell_id[i];

		if (n <= MAX_NAME - HASH_CHARS - 1)
			cut = n;
		/* A dot in front would hide the folder, or be ".." */
		if (is_plain((char)c) && (i || c != '.')) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '%';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	if (n <= MAX_NAME)
		return out;
	digest_sha256(cell_id, len, hash);
	return arena_printf(a, "%.*s~%.*s", (int)cut, out, HASH_CHARS, hash);
}

/*
 * "20261122-123456-3f9a": UTC, the millisecond in hex (so that ids sort by time), and a digit of
 * chance.
 */
static const char *make_id(struct arena *a)
{
	int64_t now_ms = clock_unix_ms();
	char iso[21];

	clock_iso(now_ms / 1000, iso);
	return arena_printf(a, "%.4s%.2s%.2s-%.2s%.2s%.2s-%03x%x", iso, iso + 5, iso + 8, iso + 11,
			    iso + 14, iso + 17, (unsigned)(now_ms % 1000),
			    (unsigned)(random_u64() & 15));
}

/* Replace the link by rename(2), so that latest always leads somewhere. */
static bool point_latest(struct arena *a, const char *runs, const char *id, struct err *e)
{
	const char *temporary = arena_printf(a, "%s/.latest-%s", runs, id);
	const char *latest = arena_printf(a, "%s/latest", runs);

	if (symlink(id, temporary) < 0)
		return err_sys(e, "cannot make the link '%s'", latest);
	if (rename(temporary, latest) < 0) {
		err_sys(e, "cannot make the link '%s'", latest);
		unlink(temporary);
		return false;
	}
	return true;
}

static bool make_numbered(struct arena *a, const char *root, const char **path, struct err *e)
{
	const char *runs = arena_printf(a, "%s/runs", root), *id = NULL;

	if (!fs_mkdirs(AT_FDCWD, runs, e))
		return false;
	for (int i = 0; i < MAX_TRIES; i++) {
		id = make_id(a);
		*path = arena_printf(a, "%s/%s", runs, id);
		if (mkdir(*path, 0777) == 0)
			return point_latest(a, runs, id, e);
		if (errno != EEXIST)
			break;
	}
	return err_sys(e, "cannot make the run's folder '%s'", *path);
}

/* But for what a service of the run's own left or has there. */
static bool find_any(const char *path, bool *found, struct err *e)
{
	DIR *d = opendir(path);
	const struct dirent *entry = NULL;

	*found = false;
	if (!d)
		return err_sys(e, "cannot read the folder '%s'", path);
	while (!*found && (entry = readdir(d)))
		*found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			 strcmp(entry->d_name, KEEP_SERVICE) != 0;
	closedir(d);
	return true;
}

static bool is_empty(const char *path, struct err *e)
{
	bool found;

	return find_any(path, &found, e) &&
	       (!found ||
		err_set(e, ERR_USAGE, "the run's folder '%s' must be empty or absent", path));
}

bool folder_is_run(const char *path, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	bool found;

	if (access(arena_printf(&a, "%s/journal.jsonl", path), F_OK) == 0)
		return true;
	return find_any(path, &found, e) &&
	       (!found || err_set(e, ERR_USAGE, "'%s' is no run: it has no journal", path));
}

bool folder_make(struct arena *a, const char *root, const char *wanted, const char **path,
		 int *dirfd, struct err *e)
{
	if (wanted) {
		*path = arena_strdup(a, wanted);
		if (!fs_mkdirs(AT_FDCWD, wanted, e) || !is_empty(wanted, e))
			return false;
	} else if (!make_numbered(a, root, path, e)) {
		return false;
	}
	return folder_open(*path, dirfd, e);
}

bool folder_open(const char *path, int *dirfd, struct err *e)
{
	*dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *dirfd >= 0 || err_sys(e, "cannot open the run's folder '%s'", path);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The one run below runs whose id begins so; NULL: none, or several (*n says which). */
static const char *find_begun(struct arena *a, const char *runs, const char *begin, size_t *n)
{
	DIR *d = opendir(runs);
	const struct dirent *entry;
	const char *found = NULL;

	*n = 0;
	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] == '.' || strncmp(entry->d_name, begin, strlen(begin)) != 0)
			continue;
		found = arena_printf(a, "%s/%s", runs, entry->d_name);
		++*n;
	}
	if (d)
		closedir(d);
	return *n == 1 ? found : NULL;
}

/* The run that the link leads to, by its own name. */
static bool find_latest(struct arena *a, const char *runs, const char **folder, struct err *e)
{
	char id[256];
	const char *link = arena_printf(a, "%s/latest", runs);
	ssize_t n = readlink(link, id, sizeof(id));

	*folder = n > 0 && n < (ssize_t)sizeof(id) ? arena_printf(a, "%s/%.*s", runs, (int)n, id)
						   : link;
	return is_folder(*folder) || err_set(e, ERR_USAGE, "there is no run below '%s'", runs);
}

bool keep_find(struct arena *a, const char *root, const char *run, const char **folder,
	       struct err *e)
{
	const char *runs = arena_printf(a, "%s/runs", root);
	size_t n = 0;

	if (!run || !strcmp(run, "latest"))
		return find_latest(a, runs, folder, e);
	*folder = arena_printf(a, "%s/%s", runs, run);
	if (*run && !strchr(run, '/') && is_folder(*folder))
		return true;
	*folder = arena_strdup(a, run);
	if (is_folder(run))
		return true;
	if (*run && !strchr(run, '/'))
		*folder = find_begun(a, runs, run, &n);
	if (n > 1)
		return err_set(e, ERR_USAGE, "%zu runs below '%s' have an id that begins with '%s'",
			       n, runs, run);
	return n == 1 || err_set(e, ERR_USAGE, "there is no run '%s' below '%s'", run, runs);
}

static int by_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static void add_id(struct arena *a, const char ***id, size_t *n, const char *name)
{
	const char **bigger;

	if ((*n & (*n - 1)) == 0) { /* full: room for 1, 2, 4, 8... */
		bigger = ARENA_NEW(a, *n ? 2 * *n : 1, const char *);
		if (*n)
			memcpy(bigger, *id, *n * sizeof(*bigger));
		*id = bigger;
	}
	(*id)[(*n)++] = arena_strdup(a, name);
}

bool keep_list(struct arena *a, const char *root, const char *const **id, size_t *n, struct err *e)
{
	CLEAN_ARENA struct arena scratch = { 0 };
	const char *runs = arena_printf(&scratch, "%s/runs", root), **found = NULL;
	DIR *d = opendir(runs);
	const struct dirent *entry;

	*n = 0;
	*id = NULL;
	if (!d)
		return errno == ENOENT || err_sys(e, "cannot read the folder '%s'", runs);
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "latest") != 0 &&
		    is_folder(arena_printf(&scratch, "%s/%s", runs, entry->d_name)))
			add_id(a, &found, n, entry->d_name);
	closedir(d);
	if (*n)
		qsort(found, *n, sizeof(*found), by_text);
	*id = found;
	return true;
}

/* The link, if it led to what is gone. */
static bool repoint_latest(struct arena *a, const char *root, struct err *e)
{
	const char *runs = arena_printf(a, "%s/runs", root);
	const char *latest = arena_printf(a, "%s/latest", runs);
	const char *const *id;
	struct stat st;
	size_t n;

	if (lstat(latest, &st) < 0 || is_folder(latest))
		return true;
	if (!keep_list(a, root, &id, &n, e))
		return false;
	if (n)
		return point_latest(a, runs, id[n - 1], e);
	return unlink(latest) == 0 || err_sys(e, "cannot remove '%s'", latest);
}

/*
 * Nobody is at it, nor can be from now on: the lock is held until *fd is closed. Any folder can be
 * named by its path: one without a journal is none of ours, and stays.
 */
static bool lock_idle(struct arena *a, const char *folder, int *fd, struct err *e)
{
	*fd = open(arena_printf(a, "%s/journal.jsonl", folder), O_RDWR | O_CLOEXEC);
	if (*fd < 0 && errno == ENOENT)
		return err_set(e, ERR_USAGE, "'%s' is no run: it has no journal", folder);
	if (*fd >= 0 && flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (*fd >= 0 && errno == EWOULDBLOCK)
		return err_set(e, ERR_USAGE, "the run '%s' is still going on in another process",
			       folder);
	return err_sys(e, "cannot lock '%s/journal.jsonl'", folder);
}

bool keep_remove(const char *root, const char *run, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	const char *folder;
	CLEAN_FD int fd = -1;

	return keep_find(&a, root, run, &folder, e) && lock_idle(&a, folder, &fd, e) &&
	       fs_remove_tree(AT_FDCWD, folder, e) && repoint_latest(&a, root, e);
}
