#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "keep/folder.h"

#define MAX_RESULT (256 << 20) /* bytes of result.json */

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

/* Fill a new file and close it; false with errno. */
static bool fill(int fd, const void *data, size_t len)
{
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
	int fd;

	if (!data->len)
		return true;
	/* The name is ours, and so is the folder, which was made just now: plain openat(2). */
	fd = openat(w->keep->jobs, arena_printf(w->arena, "%s/%s", w->folder, name),
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	return fill(fd, data->data, data->len) || cannot_write(w, name, e);
}

/* Names and sizes stand in for the bytes, which lie in artifacts/. */
static bool add_artifacts(struct buf *b, const struct wire_result *r)
{
	bool ok = true;

	for (size_t i = 0; ok && i < r->nartifact; i++)
		ok = buf_puts(b, i ? ",{\"filename\":" : "{\"filename\":") &&
		     json_quote(b, r->artifact[i].name, strlen(r->artifact[i].name)) &&
		     buf_printf(b, ",\"size_bytes\":%zu}", r->artifact[i].data.len);
	return ok;
}

/*
 * The result as wire prints it, less what has files of its own. These members stand alone in the
 * print: within a string the quotes would have a backslash each.
 */
static bool lean_print(const struct wire_result *r, struct buf *full, struct buf *out)
{
	static const char streams[] = "\"stdout\":\"\",\"stderr\":\"\",";
	static const char artifacts[] = ",\"artifacts\":[";
	struct wire_result lean = *r;
	const char *text, *cut, *list;

	lean.out = lean.err = (struct bytes){ "", 0 };
	lean.nartifact = 0;
	if (!wire_result_print(&lean, full))
		return false;
	text = buf_text(full);
	cut = strstr(text, streams);
	assert(cut);
	list = strstr(cut, artifacts);
	assert(list);
	list += sizeof(artifacts) - 1;
	return buf_add(out, text, (size_t)(cut - text)) &&
	       buf_add(out, cut + sizeof(streams) - 1,
		       (size_t)(list - cut) - (sizeof(streams) - 1)) &&
	       add_artifacts(out, r) && buf_add(out, list, full->len - (size_t)(list - text)) &&
	       buf_puts(out, "\n");
}

static bool write_result(const struct cell_writer *w, const struct wire_result *r, struct err *e)
{
	CLEAN_BUF struct buf full = BUF(MAX_RESULT), lean = BUF(MAX_RESULT);
	struct bytes text;

	if (!lean_print(r, &full, &lean))
		return err_set(e, ERR_REMOTE, "the result of '%s' is too large to keep", w->folder);
	text = (struct bytes){ lean.data, lean.len };
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
	int fd;

	if (!fs_is_plain_path(art->name))
		return bad_artifact(w, art->name, "its name must be a plain relative path", e);
	slash = strrchr(art->name, '/');
	if (slash &&
	    !fs_mkdirs(dirfd, arena_strndup(w->arena, art->name, (size_t)(slash - art->name)), e)) {
		if (errno == EEXIST || errno == ENOTDIR)
			return bad_artifact(w, art->name, "it must not lie in one that is a file",
					    e);
		return err_wrap(e, "%s/jobs/%s/artifacts", w->keep->folder, w->folder);
	}
	fd = fs_open_beneath(dirfd, art->name, O_WRONLY | O_CREAT | O_EXCL, 0666);
	if (fill(fd, art->data.data, art->data.len))
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
