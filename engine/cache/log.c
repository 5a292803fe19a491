#include "cache/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fs.h"

#define NAME_END    ".log"
#define MAX_SIZE    (INT64_C(1) << 40)
#define MAX_TIME_MS (INT64_C(1) << 52)

static const char *const kind_names[] = { "put", "hit", "miss" };

static bool read_kind(const cJSON *line, enum event_kind *out)
{
	const cJSON *kind = json_get(line, "what");

	for (size_t i = 0; cJSON_IsString(kind) && i < 3; i++) {
		if (strcmp(kind->valuestring, kind_names[i]) != 0)
			continue;
		*out = (enum event_kind)i;
		return true;
	}
	return false;
}

static bool read_event(const cJSON *line, struct event *out)
{
	struct err ignored = { 0 };

	out->inputs = json_get(line, "inputs");
	if (!read_kind(line, &out->kind) ||
	    !json_get_int(line, "at", 0, MAX_TIME_MS, &out->at_ms, &ignored) ||
	    !json_get_int(line, "size", 0, MAX_SIZE, &out->size, &ignored) ||
	    !json_get_text(line, "spec", &out->spec, &ignored) ||
	    !json_get_text(line, "cell", &out->cell, &ignored) ||
	    !json_get_text(line, "key", &out->key, &ignored) ||
	    !json_get_text(line, "sha256", &out->sha256, &ignored))
		return false;
	return out->spec && out->cell && out->key && (out->kind != EVENT_PUT || out->sha256);
}

struct reading {
	FILE *file;
	char *line;
	size_t cap;
};

static void reading_close(struct reading *r)
{
	if (r->file)
		fclose(r->file);
	free(r->line);
}

bool log_read(const char *path, event_fn *fn, void *ctx)
{
	__attribute__((cleanup(reading_close))) struct reading r = { .file = fopen(path, "re") };
	off_t at = 0;
	ssize_t n;

	while (r.file && (n = getline(&r.line, &r.cap, r.file)) > 0 && r.line[n - 1] == '\n') {
		struct err ignored = { 0 };
		CLEAN_JSON cJSON *line =
			json_parse(r.line, (size_t)n - 1, JSON_NUL_REPLACE, &ignored);
		struct event event = { .start = at, .payload = at + n };

		if (!line || !read_event(line, &event))
			return true;
		event.end = event.payload + event.size;
		if (!fn(ctx, path, &event))
			return false;
		if (event.size && fseeko(r.file, event.size, SEEK_CUR) < 0)
			return true;
		at = event.end;
	}
	return true;
}

static int by_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static bool is_log(const char *name)
{
	size_t n = strlen(name), end = sizeof(NAME_END) - 1;

	return n > end && !strcmp(name + n - end, NAME_END);
}

bool log_list(struct arena *a, const char *folder, const char ***path, size_t *n, struct err *e)
{
	DIR *d = opendir(folder);
	const struct dirent *entry;
	size_t cap = 16;

	*path = ARENA_NEW(a, cap, const char *);
	*n = 0;
	if (!d)
		return errno == ENOENT || err_sys(e, "cannot read the folder '%s'", folder);
	while ((entry = readdir(d))) {
		if (!is_log(entry->d_name))
			continue;
		if (*n == cap) {
			const char **bigger = ARENA_NEW(a, cap * 2, const char *);

			memcpy(bigger, *path, cap * sizeof(*bigger));
			*path = bigger;
			cap *= 2;
		}
		(*path)[(*n)++] = arena_printf(a, "%s/%s", folder, entry->d_name);
	}
	closedir(d);
	qsort(*path, *n, sizeof(**path), by_name);
	return true;
}

static void print_inputs(struct buf *b, const struct cache_key *key)
{
	buf_puts(b, ",\"inputs\":[");
	for (size_t i = 0; i < key->ninput; i++) {
		buf_puts(b, i ? ",[" : "[");
		json_quote(b, key->input[i].name, strlen(key->input[i].name));
		buf_puts(b, ",");
		json_quote(b, key->input[i].value, strlen(key->input[i].value));
		buf_puts(b, "]");
	}
	buf_puts(b, "]");
}

bool log_print(struct buf *b, const struct event *event, const struct cache_key *key)
{
	size_t before = b->len;

	buf_printf(b, "{\"what\":\"%s\",\"at\":%" PRId64, kind_names[event->kind], event->at_ms);
	buf_puts(b, ",\"spec\":");
	json_quote(b, event->spec, strlen(event->spec));
	buf_puts(b, ",\"cell\":");
	json_quote(b, event->cell, strlen(event->cell));
	buf_printf(b, ",\"key\":\"%s\"", event->key);
	if (event->kind != EVENT_HIT)
		print_inputs(b, key);
	if (event->kind == EVENT_PUT)
		buf_printf(b, ",\"size\":%" PRId64 ",\"sha256\":\"%s\"", event->size,
			   event->sha256);
	if (buf_puts(b, "}\n"))
		return true;
	b->len = before;
	return false;
}

int log_make(struct arena *a, const char *folder, int64_t now_ms, const char **path, struct err *e)
{
	int fd;

	if (!fs_mkdirs(AT_FDCWD, folder, e))
		return -1;
	*path = arena_printf(a, "%s/%013" PRId64 "-%08x" NAME_END, folder, now_ms,
			     (unsigned)(random_u64() & 0xffffffff));
	fd = open(*path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
		err_sys(e, "cannot make '%s'", *path);
		fs_close(&fd);
		return -1;
	}
	return fd;
}
