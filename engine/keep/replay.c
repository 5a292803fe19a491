#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "keep/folder.h"

struct replay {
	const char *path;
	FILE *file;
	char *line;
	size_t cap;
	unsigned long number; /* of the line, from 1 */
};

static void replay_close(struct replay *r)
{
	if (r->file)
		fclose(r->file);
	free(r->line);
}

static bool check_version(const cJSON *event, struct err *e)
{
	int64_t version = 0;

	if (!json_get_int(event, "version", 0, INT32_MAX, &version, e))
		return false;
	if (version == KEEP_VERSION)
		return true;
	return version ? err_set(e, ERR_SYSTEM,
				 "its format is version %d, this sandbatch knows version %d",
				 (int)version, KEEP_VERSION)
		       : err_set(e, ERR_SYSTEM, "the first line of a journal tells its version");
}

static bool take_line(const struct replay *r, size_t len, keep_event_fn *fn, void *ctx,
		      struct err *e)
{
	CLEAN_JSON cJSON *event = json_parse(r->line, len, JSON_NUL_REPLACE, e);

	if (!event)
		return false;
	if (!cJSON_IsObject(event))
		return err_set(e, ERR_SYSTEM, "an event must be an object");
	return (r->number > 1 || check_version(event, e)) && fn(ctx, event, e);
}

static bool replay_lines(struct replay *r, keep_event_fn *fn, void *ctx, struct err *e)
{
	ssize_t n;

	while (errno = 0, (n = getline(&r->line, &r->cap, r->file)) > 0) {
		r->number++;
		if (r->line[n - 1] != '\n')
			return true; /* torn: it never happened */
		if (take_line(r, (size_t)n - 1, fn, ctx, e))
			continue;
		e->kind = ERR_SYSTEM;
		return err_wrap(e, "%s, line %lu", r->path, r->number);
	}
	return feof(r->file) || err_sys(e, "cannot read '%s'", r->path);
}

bool keep_replay(const char *folder, keep_event_fn *fn, void *ctx, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	__attribute__((cleanup(replay_close))) struct replay r = {
		.path = arena_printf(&a, "%s/journal.jsonl", folder),
	};

	r.file = fopen(r.path, "re");
	if (!r.file)
		return errno == ENOENT || err_sys(e, "cannot read '%s'", r.path);
	return replay_lines(&r, fn, ctx, e);
}
