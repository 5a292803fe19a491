#include "cmd/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Cut the last part off; false: there was but one, and the rest is "." or "/". */
static bool cut_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		return false;
	*slash = '\0';
	return slash != path;
}

/* Without its empty and "." parts: they mean nothing, and what is not there yet is compared as
 * text.
 */
static char *tidy(struct arena *a, const char *path)
{
	char *out = arena_zalloc(a, strlen(path) + 2, 1), *at = out;
	const char *end;

	for (; *path; path = end) {
		while (*path == '/')
			path++;
		end = path + strcspn(path, "/");
		if (end == path || (end == path + 1 && *path == '.'))
			continue;
		*at++ = '/';
		memcpy(at, path, (size_t)(end - path));
		at += end - path;
	}
	return out;
}

const char *path_whole(struct arena *a, const char *path)
{
	char *here = *path != '/' ? realpath(".", NULL) : NULL, *part, *real = NULL;
	const char *all = tidy(a, arena_printf(a, "%s/%s", here ? here : "", path));

	free(here);
	part = arena_strdup(a, all);
	while (*part && !(real = realpath(part, NULL)))
		cut_last(part);
	if (real)
		all = arena_printf(a, "%s%s", strcmp(real, "/") != 0 ? real : "",
				   all + strlen(part));
	free(real);
	return *all ? all : "/";
}

bool path_is_below(const char *path, const char *folder)
{
	CLEAN_ARENA struct arena a = { 0 };
	const char *whole = path_whole(&a, path), *above = path_whole(&a, folder);
	size_t n = strlen(above);

	if (n == 1) /* "/" */
		n = 0;
	return !strncmp(whole, above, n) && (whole[n] == '/' || whole[n] == '\0');
}

bool path_can_make(const char *folder)
{
	CLEAN_ARENA struct arena a = { 0 };
	char *part = arena_strdup(&a, folder);
	bool is_more = true;
	struct stat st;

	while (is_more && stat(part, &st) < 0 && errno == ENOENT)
		is_more = cut_last(part);
	if (!is_more)
		part = arena_strdup(&a, *folder == '/' ? "/" : ".");
	if (stat(part, &st) < 0)
		return false;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode) && access(part, W_OK | X_OK) == 0;
}
