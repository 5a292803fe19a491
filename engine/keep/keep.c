#include "keep/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "keep/folder.h"

#define MAX_PENDING (64 << 20)  /* bytes of journal between two syncs */
#define MAX_RESULT  (256 << 20) /* bytes of result.json */

struct keep {
	struct arena arena; /* holds this struct too */
	const char *folder;
	int dirfd, jobs, journal; /* jobs: -1 until the first result */
	struct buf pending;       /* noted, not yet written */
	off_t written;            /* bytes of the journal that are whole lines */
};

static bool journal_open(struct keep *k, struct err *e)
{
	k->journal = openat(k->dirfd, "journal.jsonl",
			    O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
	if (k->journal < 0 || fsync(k->dirfd) < 0)
		return err_sys(e, "cannot make '%s/journal.jsonl'", k->folder);
	return true;
}

struct keep *keep_open(const char *root, const char *folder, struct err *e)
{
	struct arena a = { 0 };
	struct keep *k = ARENA_NEW(&a, 1, struct keep);

	*k = (struct keep){
		.arena = a, .dirfd = -1, .jobs = -1, .journal = -1, .pending = BUF(MAX_PENDING)
	};
	if (folder_make(&k->arena, root, folder, &k->folder, &k->dirfd, e) && journal_open(k, e))
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
	if (k->pending.max - k->pending.len <= len && !keep_sync(k, e))
		return false;
	if (k->pending.max <= len)
		return err_set(e, ERR_SYSTEM, "a journal line of %zu bytes is too long", len);
	buf_add(&k->pending, json, len);
	return buf_puts(&k->pending, "\n");
}

bool keep_sync(struct keep *k, struct err *e)
{
	if (!k->pending.len)
		return true;
	if (!fs_write_all(k->journal, k->pending.data, k->pending.len) ||
	    fdatasync(k->journal) < 0) {
		err_sys(e, "cannot write '%s/journal.jsonl'", k->folder);
		/* Leave no half line in front of what is written next; it is all still pending. */
		if (ftruncate(k->journal, k->written) < 0)
			return err_sys(e, "cannot write '%s/journal.jsonl'", k->folder);
		return false;
	}
	k->written += (off_t)k->pending.len;
	buf_clear(&k->pending);
	return true;
}

bool keep_file(struct keep *k, const char *name, const void *data, size_t len, struct err *e)
{
	return fs_write_atomic(k->dirfd, name, data, len, e) || err_wrap(e, "%s", k->folder);
}

/* One cell's results on their way to disk. */
struct cell_writer {
	struct keep *keep;
	struct arena *arena;
	const char *folder; /* below jobs/ */
};

static bool cannot_write(const struct cell_writer *w, const char *name, struct err *e)
{
	return err_sys(e, "cannot write '%s/jobs/%s/%s'", w->keep->folder, w->folder, name);
}

static bool jobs_open(struct keep *k, struct err *e)
{
	if (k->jobs >= 0)
		return true;
	if (mkdirat(k->dirfd, "jobs", 0777) < 0 && errno != EEXIST)
		return err_sys(e, "cannot make the folder '%s/jobs'", k->folder);
	k->jobs = openat(k->dirfd, "jobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return k->jobs >= 0 || err_sys(e, "cannot open the folder '%s/jobs'", k->folder);
}

/* A fresh folder: one that is there is of an earlier try of the cell. */
static bool cell_folder_make(const struct cell_writer *w, struct err *e)
{
	if (mkdirat(w->keep->jobs, w->folder, 0777) == 0)
		return true;
	if (errno == EEXIST) {
		if (!fs_remove_tree(w->keep->jobs, w->folder, e))
			return err_wrap(e, "%s/jobs", w->keep->folder);
		if (mkdirat(w->keep->jobs, w->folder, 0777) == 0)
			return true;
	}
	return err_sys(e, "cannot make the folder '%s/jobs/%s'", w->keep->folder, w->folder);
}

/* Write a new file below dirfd; -1, with errno, and nothing left open on failure. */
static bool write_new(int dirfd, const char *path, const void *data, size_t len)
{
	int fd = fs_open_beneath(dirfd, path, O_WRONLY | O_CREAT | O_EXCL, 0666);
	bool ok = fd >= 0 && fs_write_all(fd, data, len);
	int code = errno;

	if (fd >= 0 && close(fd) < 0 && ok) {
		ok = false;
		code = errno;
	}
	errno = code;
	return ok;
}

static bool write_stream(const struct cell_writer *w, const char *name, const struct bytes *data,
			 struct err *e)
{
	if (!data->len)
		return true;
	return write_new(w->keep->jobs, arena_printf(w->arena, "%s/%s", w->folder, name),
			 data->data, data->len) ||
	       cannot_write(w, name, e);
}

/* Names and sizes stand in for the bytes, which lie in artifacts/. */
static cJSON *artifact_rows(const struct wire_result *r)
{
	cJSON *rows = cJSON_CreateArray();

	for (size_t i = 0; i < r->nartifact; i++) {
		cJSON *row = cJSON_CreateObject();

		json_add_bytes(row, "filename", r->artifact[i].name, strlen(r->artifact[i].name));
		cJSON_AddNumberToObject(row, "size_bytes", (double)r->artifact[i].data.len);
		cJSON_AddItemToArray(rows, row);
	}
	return rows;
}

/* The result as wire prints it, less what has files of its own. */
static bool write_result(const struct cell_writer *w, const struct wire_result *r, struct err *e)
{
	CLEAN_BUF struct buf b = BUF(MAX_RESULT);
	CLEAN_JSON cJSON *json = NULL;
	struct wire_result lean = *r;
	struct bytes text;

	lean.out = lean.err = (struct bytes){ "", 0 };
	lean.nartifact = 0;
	if (!wire_result_print(&lean, &b))
		return err_set(e, ERR_REMOTE, "the result of '%s' is too large to keep", w->folder);
	json = json_parse(b.data, b.len, JSON_NUL_REPLACE, e);
	if (!json)
		return err_wrap(e, "the result of '%s'", w->folder);
	cJSON_DeleteItemFromObjectCaseSensitive(json, "stdout");
	cJSON_DeleteItemFromObjectCaseSensitive(json, "stderr");
	cJSON_ReplaceItemInObjectCaseSensitive(json, "artifacts", artifact_rows(r));
	buf_clear(&b);
	if (!json_print(json, &b) || !buf_puts(&b, "\n"))
		return err_set(e, ERR_REMOTE, "the result of '%s' is too large to keep", w->folder);
	text = (struct bytes){ b.data, b.len };
	return write_stream(w, "result.json", &text, e);
}

static bool bad_artifact(const struct cell_writer *w, const char *name, const char *why,
			 struct err *e)
{
	CLEAN_BUF struct buf shown = BUF(400);

	if (!json_quote(&shown, name, strnlen(name, 60)))
		buf_clear(&shown);
	return err_set(e, ERR_REMOTE, "cannot keep the artifact %s of '%s': %s", buf_text(&shown),
		       w->folder, why);
}

static bool write_artifact(const struct cell_writer *w, int dirfd, const struct wire_artifact *art,
			   struct err *e)
{
	const char *slash;

	if (!fs_is_plain_path(art->name))
		return bad_artifact(w, art->name, "its name must be a plain relative path", e);
	slash = strrchr(art->name, '/');
	if (slash &&
	    !fs_mkdirs(dirfd, arena_strndup(w->arena, art->name, (size_t)(slash - art->name)), e))
		return err_wrap(e, "%s/jobs/%s/artifacts", w->keep->folder, w->folder);
	if (write_new(dirfd, art->name, art->data.data, art->data.len))
		return true;
	if (errno == EEXIST)
		return bad_artifact(w, art->name, "its name came twice", e);
	return cannot_write(w, arena_printf(w->arena, "artifacts/%s", art->name), e);
}

static bool write_artifacts(const struct cell_writer *w, const struct wire_result *r, struct err *e)
{
	const char *path = arena_printf(w->arena, "%s/artifacts", w->folder);
	CLEAN_FD int dirfd = -1;

	if (!r->nartifact)
		return true;
	if (mkdirat(w->keep->jobs, path, 0777) < 0)
		return cannot_write(w, "artifacts", e);
	dirfd = openat(w->keep->jobs, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return cannot_write(w, "artifacts", e);
	for (size_t i = 0; i < r->nartifact; i++)
		if (!write_artifact(w, dirfd, &r->artifact[i], e))
			return false;
	return true;
}

bool keep_result(struct keep *k, const char *cell_id, const struct wire_result *r, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct cell_writer w = { k, &a, keep_cell_folder(&a, cell_id) };

	return jobs_open(k, e) && cell_folder_make(&w, e) &&
	       write_stream(&w, "stdout", &r->out, e) && write_stream(&w, "stderr", &r->err, e) &&
	       write_result(&w, r, e) && write_artifacts(&w, r, e);
}
