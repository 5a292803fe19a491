#include "api/fetch.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"

#define FORGIVE_BYTES (1 << 20)

bool fetch_is_needed(const struct wire_job *job)
{
	for (size_t i = 0; job->result && i < job->result->nartifact; i++)
		if (!job->result->artifact[i].data.data)
			return true;
	return false;
}

static bool check_missing(const struct wire_result *r, size_t *n, struct err *e)
{
	size_t bytes = 0;

	*n = 0;
	for (size_t i = 0; i < r->nartifact; i++) {
		const struct wire_artifact *it = &r->artifact[i];

		if (it->data.data)
			continue;
		if (++*n > FETCH_FILES_MAX)
			return err_set(e, ERR_REMOTE,
				       "it has more than %d artifacts to be fetched by their path",
				       FETCH_FILES_MAX);
		if (it->data.len > (size_t)FETCH_BYTES_MAX - bytes)
			return err_set(e, ERR_REMOTE,
				       "its artifacts to be fetched by their path are larger than "
				       "%lld bytes in all",
				       (long long)FETCH_BYTES_MAX);
		bytes += it->data.len;
	}
	return true;
}

/* It has no name: however we end, nothing is left of it. */
static bool file_open(struct fetch *f, struct arena *a, int64_t size, struct err *e)
{
	const char *dir = getenv("TMPDIR");
	char *path = arena_printf(a, "%s/sandbatch.XXXXXX", dir && *dir ? dir : "/var/tmp");

	f->file = (struct http_file){ .fd = mkostemp(path, O_CLOEXEC), .size = size };
	f->forgiven = 0;
	if (f->file.fd < 0)
		return err_sys(e, "cannot make '%s' for an artifact (TMPDIR tells where)", path);
	return unlink(path) == 0 || err_sys(e, "cannot unlink '%s'", path);
}

/* One byte more than there is, for the NUL behind. */
static bool map(struct fetch *f, struct bytes *out, struct err *e)
{
	size_t n = (size_t)f->file.size;
	void *data = MAP_FAILED;

	if (ftruncate(f->file.fd, (off_t)n + 1) == 0)
		data = mmap(NULL, n + 1, PROT_READ, MAP_PRIVATE, f->file.fd, 0);
	if (data == MAP_FAILED)
		return err_sys(e, "cannot read the %zu bytes of %s again", n, f->path);
	fs_close(&f->file.fd);
	*out = (struct bytes){ data, n };
	f->mapped[f->nmapped++] = *out;
	return true;
}

/* Turn to the first that is missing from at on; one of no bytes need not be asked for. */
static bool turn(struct fetch *f, struct arena *a, struct err *e)
{
	const struct wire_result *r = f->job.result;

	for (; f->at < r->nartifact; f->at++) {
		struct wire_artifact *it = &r->artifact[f->at];

		if (it->data.data)
			continue;
		if (it->data.len) {
			f->path = wire_artifact_path(a, f->job.id, it->name);
			return file_open(f, a, (int64_t)it->data.len, e);
		}
		it->data.data = "";
	}
	f->is_whole = true;
	return true;
}

struct fetch *fetch_begin(struct arena *a, const char *json, size_t len, struct err *e)
{
	struct fetch *f = ARENA_NEW(a, 1, struct fetch);
	size_t n;

	f->file.fd = -1;
	if (!wire_job_parse(a, json, len, &f->job, e) || !check_missing(f->job.result, &n, e))
		return NULL;
	f->mapped = ARENA_NEW(a, n, struct bytes);
	if (turn(f, a, e))
		return f;
	fetch_free(f);
	return NULL;
}

bool fetch_next(struct fetch *f, struct arena *a, struct err *e)
{
	assert(f->file.at == f->file.size);
	if (!map(f, &f->job.result->artifact[f->at].data, e))
		return false;
	f->at++;
	return turn(f, a, e);
}

bool fetch_advances(struct fetch *f)
{
	if (f->file.at - f->forgiven < FORGIVE_BYTES)
		return false;
	f->forgiven = f->file.at;
	return true;
}

void fetch_free(struct fetch *f)
{
	if (!f)
		return;
	fs_close(&f->file.fd);
	for (size_t i = 0; i < f->nmapped; i++)
		munmap((void *)(uintptr_t)f->mapped[i].data, f->mapped[i].len + 1);
}
