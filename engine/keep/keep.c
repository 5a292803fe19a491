#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "keep/folder.h"

#define MAX_PENDING (64 << 20) /* bytes of journal between two writes */

/*
 * Only one runner writes to a run. The lock is the open file's, so it ends with the runner however
 * that ends.
 */
static bool journal_lock(struct keep *k, struct err *e)
{
	struct stat st;

	if (flock(k->journal, LOCK_EX | LOCK_NB) == 0 && fstat(k->journal, &st) == 0) {
		k->written = st.st_size;
		if (st.st_nlink > 0)
			return true;
		errno = ENOENT; /* removed since it was opened */
	}
	if (errno == EWOULDBLOCK)
		return err_set(e, ERR_USAGE, "the run '%s' is still going on in another process",
			       k->folder);
	return err_sys(e, "cannot lock '%s/journal.jsonl'", k->folder);
}

static bool journal_open(struct keep *k, int flags, struct err *e)
{
	k->journal = openat(k->dirfd, "journal.jsonl",
			    O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | flags, 0666);
	if (k->journal < 0 || fsync(k->dirfd) < 0)
		return err_sys(e, "cannot make '%s/journal.jsonl'", k->folder);
	return journal_lock(k, e);
}

/* Cut off what follows the last newline: it was not synced, so nothing depends on it. */
static bool cut_torn(struct keep *k, struct err *e)
{
	char step[1 << 12];
	off_t end = k->written;

	while (end > 0) {
		size_t n = end < (off_t)sizeof(step) ? (size_t)end : sizeof(step);
		ssize_t got = pread(k->journal, step, n, end - (off_t)n);
		const char *newline;

		if (got != (ssize_t)n)
			return err_sys(e, "cannot read '%s/journal.jsonl'", k->folder);
		newline = memrchr(step, '\n', n);
		if (newline) {
			end -= (off_t)n - (newline + 1 - step);
			break;
		}
		end -= (off_t)n;
	}
	if (end < k->written && ftruncate(k->journal, end) < 0)
		return err_sys(e, "cannot write '%s/journal.jsonl'", k->folder);
	k->written = end;
	return true;
}

static struct keep *keep_new(void)
{
	struct arena a = { 0 };
	struct keep *k = ARENA_NEW(&a, 1, struct keep);

	*k = (struct keep){
		.arena = a, .dirfd = -1, .jobs = -1, .journal = -1, .pending = BUF(MAX_PENDING)
	};
	return k;
}

struct keep *keep_open(const char *root, const char *folder, struct err *e)
{
	struct keep *k = keep_new();

	if (folder_make(&k->arena, root, folder, &k->folder, &k->dirfd, e) &&
	    journal_open(k, O_EXCL, e))
		return k;
	keep_close(k);
	return NULL;
}

struct keep *keep_resume(const char *root, const char *run, struct err *e)
{
	struct keep *k = keep_new();

	if (keep_find(&k->arena, root, run, &k->folder, e) && folder_is_run(k->folder, e) &&
	    folder_open(k->folder, &k->dirfd, e) && journal_open(k, 0, e) && cut_torn(k, e))
		return k;
	keep_close(k);
	return NULL;
}

void keep_close(struct keep *k)
{
	struct arena a;

	if (!k)
		return;
	fs_close(&k->journal);
	fs_close(&k->jobs);
	fs_close(&k->dirfd);
	buf_close(&k->pending);
	a = k->arena;
	arena_free(&a);
}

const char *keep_folder(const struct keep *k)
{
	return k->folder;
}

int keep_dirfd(const struct keep *k)
{
	return k->dirfd;
}

bool keep_note(struct keep *k, const char *json, size_t len, struct err *e)
{
	if (k->pending.max - k->pending.len <= len && !keep_write(k, e))
		return false;
	if (k->pending.max <= len)
		return err_set(e, ERR_SYSTEM, "a journal line of %zu bytes is too long", len);
	buf_add(&k->pending, json, len);
	return buf_puts(&k->pending, "\n");
}

bool keep_write(struct keep *k, struct err *e)
{
	if (!k->pending.len)
		return true;
	if (!fs_write_all(k->journal, k->pending.data, k->pending.len)) {
		err_sys(e, "cannot write '%s/journal.jsonl'", k->folder);
		/* Leave no half line in front of what is written next; it is all still pending. */
		if (ftruncate(k->journal, k->written) < 0)
			return err_sys(e, "cannot write '%s/journal.jsonl'", k->folder);
		return false;
	}
	k->written += (off_t)k->pending.len;
	k->is_synced = false;
	buf_clear(&k->pending);
	return true;
}

bool keep_sync(struct keep *k, struct err *e)
{
	if (!keep_write(k, e))
		return false;
	if (!k->is_synced && fdatasync(k->journal) < 0)
		return err_sys(e, "cannot write '%s/journal.jsonl'", k->folder);
	k->is_synced = true;
	return true;
}

bool keep_file(struct keep *k, const char *name, const void *data, size_t len, struct err *e)
{
	return fs_write_atomic(k->dirfd, name, data, len, e) || err_wrap(e, "%s", k->folder);
}
