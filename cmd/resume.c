#include "cmd/resume.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "cmd/path.h"
#include "keep/keep.h"

#define ARGS_MAX  1000
#define WAITS_MAX 100
#define WAIT_NS   20000000

/* Of the journal only what the first line says to us; a later one that begins again, likewise. */
struct reading {
	struct arena *arena;
	const char *root, *folder; /* of all runs, and the run's */
	struct resume *resume;
};

static void take_args(struct arena *a, const cJSON *list, struct strings *out)
{
	const cJSON *item;
	size_t n = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;

	if (n == 0 || n > ARGS_MAX)
		return;
	*out = (struct strings){ .item = ARENA_NEW(a, n + 1, const char *) };
	cJSON_ArrayForEach(item, list)
	{
		if (cJSON_IsString(item))
			out->item[out->n++] = arena_strdup(a, item->valuestring);
	}
}

/* The folder is emptied and removed in the end: it must be one that a run of ours made, whoever
 * wrote the journal. */
static bool is_ours(const struct reading *r, const char *service)
{
	const char *parents[] = { arena_printf(r->arena, "%s/service", r->root),
				  arena_printf(r->arena, "%s/" KEEP_SERVICE, r->folder) };
	const char *whole = path_whole(r->arena, service), *slash = strrchr(whole, '/');

	for (size_t i = 0; slash && i < sizeof(parents) / sizeof(parents[0]); i++) {
		const char *parent = path_whole(r->arena, parents[i]);
		size_t n = strlen(parent);

		if ((size_t)(slash - whole) == n && !strncmp(whole, parent, n) &&
		    fs_is_plain_path(slash + 1))
			return true;
	}
	return false;
}

static bool on_event(void *ctx, const cJSON *event, struct err *e)
{
	struct reading *r = ctx;
	const char *name = "", *service = NULL;

	if (!json_get_text(event, "event", &name, e))
		return false;
	if (strcmp(name, "run") != 0)
		return true;
	take_args(r->arena, json_get(event, "args"), &r->resume->args);
	if (json_get_text(event, "service", &service, &(struct err){ 0 }) && service &&
	    is_ours(r, service))
		r->resume->service = arena_strdup(r->arena, service);
	return true;
}

/* Told early: keep_resume asks again, and holds it. */
static bool is_free(struct arena *a, const char *folder, struct err *e)
{
	CLEAN_FD int fd = open(arena_printf(a, "%s/journal.jsonl", folder), O_RDONLY | O_CLOEXEC);

	return fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK ||
	       err_set(e, ERR_USAGE, "the run '%s' is still going on in another process", folder);
}

bool resume_load(struct arena *a, const char *root, const char *run, struct resume *out,
		 struct err *e)
{
	struct reading r = { .arena = a, .root = root, .resume = out };

	*out = (struct resume){ 0 };
	return keep_find(a, root, *run ? run : NULL, &r.folder, e) && is_free(a, r.folder, e) &&
	       history_load(a, r.folder, &out->history, e) &&
	       keep_replay(r.folder, on_event, &r, e);
}

void resume_compare(const struct resume *r, const struct spec *spec)
{
	CLEAN_ARENA struct arena a = { 0 };
	const char *now = r->history.spec_sha256 ? spec_digest(&a, spec) : NULL;

	if (now && strcmp(now, r->history.spec_sha256) != 0)
		fprintf(stderr,
			"sandbatch: %s has changed since that run: cells that ended keep their "
			"verdicts, the others run as it says now\n",
			spec->path);
}

static bool is_listening(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CLEAN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, strlen(path) + 1);
	return connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

/* It may be that its runner was killed just now, and it is about to end. */
static bool has_ended(const char *socket_path)
{
	for (int i = 0; i < WAITS_MAX; i++) {
		if (!is_listening(socket_path))
			return true;
		nanosleep(&(struct timespec){ .tv_nsec = WAIT_NS }, NULL);
	}
	return false;
}

void resume_clear(const struct resume *r)
{
	CLEAN_ARENA struct arena a = { 0 };
	const char *path;

	if (!r->service)
		return;
	path = arena_printf(&a, "%s/socket", r->service);
	has_ended(path);
	unlink(path);
}

const char *resume_service(struct arena *a, const char *root, const char *folder)
{
	struct resume found = { 0 };
	struct reading r = { a, root, folder, &found };

	return keep_replay(folder, on_event, &r, &(struct err){ 0 }) ? found.service : NULL;
}

void resume_discard(const char *service)
{
	CLEAN_ARENA struct arena a = { 0 };

	if (!has_ended(arena_printf(&a, "%s/socket", service)))
		return; /* of another spec of the same run, say */
	fs_remove_tree(AT_FDCWD, service, &(struct err){ 0 });
	rmdir(dirname(arena_strdup(&a, service))); /* if it was the last */
}
