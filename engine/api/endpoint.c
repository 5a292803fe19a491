#include "api/endpoint.h"

#include <assert.h>
#include <curl/curl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/un.h>

#include "base/digest.h"

#define SOCKET_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

static bool parse_socket(struct arena *a, const char *path, struct endpoint *out, struct err *e)
{
	size_t len = strlen(path);

	if (!len)
		return err_set(e, ERR_USAGE, "the endpoint 'unix:' must name a socket: unix:PATH");
	if (len > SOCKET_MAX)
		return err_set(e, ERR_USAGE,
			       "a Unix socket's path must be at most %zu bytes, not %zu: '%s'",
			       SOCKET_MAX, len, path);
	out->socket = arena_strdup(a, path);
	out->base = "http://localhost";
	out->prefix = "";
	return true;
}

static bool has_part(CURLU *u, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(u, part, &text, 0) == CURLUE_OK && text;

	curl_free(text);
	return has;
}

static bool is_http(CURLU *u)
{
	char *scheme = NULL;
	bool is = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		  (!strcmp(scheme, "http") || !strcmp(scheme, "https"));

	curl_free(scheme);
	return is;
}

/* Without the slashes it ends with: a path begins with one. */
static const char *trim_slashes(struct arena *a, const char *text)
{
	size_t n = strlen(text);

	while (n && text[n - 1] == '/')
		n--;
	return arena_strndup(a, text, n);
}

static bool check_url(CURLU *u, const char *text, struct err *e)
{
	if (curl_url_set(u, CURLUPART_URL, text, CURLU_PATH_AS_IS) != CURLUE_OK || !is_http(u))
		return err_set(e, ERR_USAGE,
			       "the endpoint must be http://HOST, https://HOST or unix:PATH, "
			       "not '%s'",
			       text);
	if (has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD))
		return err_set(e, ERR_USAGE, "the endpoint must not hold a user or a password");
	if (has_part(u, CURLUPART_QUERY) || has_part(u, CURLUPART_FRAGMENT))
		return err_set(e, ERR_USAGE, "the endpoint must not have a '?' or '#' part: '%s'",
			       text);
	return true;
}

static bool parse_url(struct arena *a, const char *text, struct endpoint *out, struct err *e)
{
	CURLU *u = curl_url();
	char *path = NULL;
	bool ok;

	if (!u)
		abort(); /* out of memory */
	ok = check_url(u, text, e);
	if (ok && curl_url_get(u, CURLUPART_PATH, &path, 0) != CURLUE_OK)
		abort();
	if (ok) {
		out->base = trim_slashes(a, text);
		out->prefix = trim_slashes(a, path);
	}
	curl_free(path);
	curl_url_cleanup(u);
	return ok;
}

/* A key goes into a header line: it must be nothing but visible ASCII. */
static bool check_key(const char *key, const char *what, struct err *e)
{
	if (key && !*key)
		return err_set(e, ERR_USAGE, "the %s must not be empty", what);
	for (const char *p = key; p && *p; p++)
		if (*p <= ' ' || *p > '~')
			return err_set(e, ERR_USAGE,
				       "the %s must be visible ASCII characters without spaces",
				       what);
	return true;
}

static const char *copy(struct arena *a, const char *s)
{
	return s ? arena_strdup(a, s) : NULL;
}

bool endpoint_parse(struct arena *a, const char *text, const struct api_options *o,
		    struct endpoint *out, struct err *e)
{
	*out = (struct endpoint){ .shown = arena_strdup(a, text) };
	if (!check_key(o->api_key, "API key", e) || !check_key(o->public_key, "public key", e) ||
	    !check_key(o->secret_key, "secret key", e))
		return false;
	if (!o->public_key != !o->secret_key)
		return err_set(e, ERR_USAGE,
			       "signing takes both a public and a secret key; the %s key is "
			       "missing",
			       o->public_key ? "secret" : "public");
	out->bearer = copy(a, o->public_key ? o->public_key : o->api_key);
	out->secret = copy(a, o->secret_key);
	if (!strncmp(text, "unix:", 5))
		return parse_socket(a, text + 5, out, e);
	return parse_url(a, text, out, e);
}

size_t endpoint_sign(struct arena *a, const struct endpoint *p, const struct signature *s,
		     const char **header)
{
	CLEAN_BUF struct buf text = BUF(SIZE_MAX / 2);
	char hex[DIGEST_HEX];
	size_t n = 0;

	if (p->bearer)
		header[n++] = arena_printf(a, "Authorization: Bearer %s", p->bearer);
	if (!p->secret)
		return n;
	buf_printf(&text, "%" PRId64 ":%s:%s%s:", s->unix_s, s->method, p->prefix, s->path);
	buf_add(&text, s->body.data, s->body.len);
	digest_hmac(p->secret, strlen(p->secret), text.data, text.len, hex);
	header[n++] = arena_printf(a, "X-Timestamp: %" PRId64, s->unix_s);
	header[n++] = arena_printf(a, "X-Signature: %s", hex);
	assert(n <= ENDPOINT_MAX_HEADERS);
	return n;
}
