#include "service/target.h"

#include <microhttpd.h>
#include <string.h>
#include <strings.h>

/* How long "http://" or "https://" in front is; 0: it is not there. */
static size_t scheme_length(const char *sent)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (!strncasecmp(sent, schemes[i], strlen(schemes[i])))
			return strlen(schemes[i]);
	return 0;
}

const char *target_own(struct arena *a, const char *sent)
{
	size_t scheme = scheme_length(sent), host = strcspn(sent + scheme, "/?#");
	const char *rest = sent + scheme + host;

	if (!scheme || !host)
		return arena_strdup(a, sent);
	return arena_printf(a, "%s%s", *rest == '/' ? "" : "/", rest);
}

/* Not what libmicrohttpd has unescaped: of an absolute target that has the host in front, where an
 * escaped slash would move the path's begin away from what was signed. */
const char *target_path(struct arena *a, const char *own)
{
	char *path = arena_strndup(a, own, strcspn(own, "?"));

	MHD_http_unescape(path);
	return path;
}
