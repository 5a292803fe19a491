#include "service/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/yaml.h"

#define TYPE (SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK)

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
	struct sockaddr_storage storage;
};

/* Whether somebody answers at that path. */
static bool is_answered(const union address *at)
{
	CLEAN_FD int fd = socket(AF_UNIX, TYPE, 0);

	return fd >= 0 && (connect(fd, &at->any, sizeof(at->un)) == 0 || errno == EAGAIN);
}

static bool clear_path(const char *path, const union address *at, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT || err_sys(e, "cannot look at %s", path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ERR_USAGE, "%s is there already and is not a socket", path);
	if (is_answered(at))
		return err_set(e, ERR_SYSTEM, "another service listens on unix:%s", path);
	return unlink(path) == 0 || err_sys(e, "cannot remove the old socket %s", path);
}

static bool open_unix(struct arena *a, const char *path, struct listener *out, struct err *e)
{
	union address at = { .un.sun_family = AF_UNIX };
	mode_t mask;
	int rc;

	if (!*path || strlen(path) >= sizeof(at.un.sun_path))
		return err_set(e, ERR_USAGE, "the path of a Unix socket is 1 to %zu bytes, not %zu",
			       sizeof(at.un.sun_path) - 1, strlen(path));
	memcpy(at.un.sun_path, path, strlen(path));
	if (!clear_path(path, &at, e))
		return false;
	out->fd = socket(AF_UNIX, TYPE, 0);
	if (out->fd < 0)
		return err_sys(e, "cannot make a socket");
	mask = umask(0177);
	rc = bind(out->fd, &at.any, sizeof(at.un));
	umask(mask);
	if (rc < 0)
		return err_sys(e, "cannot listen on unix:%s", path);
	out->path = arena_strdup(a, path);
	out->url = arena_printf(a, "unix:%s", path);
	return listen(out->fd, SOMAXCONN) == 0 || err_sys(e, "cannot listen on unix:%s", path);
}

static bool is_loopback(const union address *at)
{
	if (at->any.sa_family == AF_INET)
		return ntohl(at->v4.sin_addr.s_addr) >> 24 == 127;
	if (IN6_IS_ADDR_V4MAPPED(&at->v6.sin6_addr))
		return at->v6.sin6_addr.s6_addr[12] == 127;
	return IN6_IS_ADDR_LOOPBACK(&at->v6.sin6_addr);
}

/* "HOST:PORT" or "[ADDR]:PORT" in two. */
static bool split(struct arena *a, const char *address, const char **host, const char **port,
		  struct err *e)
{
	const char *colon = strrchr(address, ':');
	bool is_bracketed = address[0] == '[' && colon && colon > address + 1 && colon[-1] == ']';
	size_t skip = is_bracketed ? 1 : 0;
	int64_t number = 0;

	if (!colon || colon == address || !parse_int(colon + 1, strlen(colon + 1), &number) ||
	    number < 0 || number > 65535 ||
	    (!is_bracketed && memchr(address, ':', (size_t)(colon - address))))
		return err_set(e, ERR_USAGE,
			       "an address is HOST:PORT, [ADDR]:PORT (0 to 65535) or unix:PATH, "
			       "not '%s'",
			       address);
	*host = arena_strndup(a, address + skip, (size_t)(colon - address) - 2 * skip);
	*port = colon + 1;
	return true;
}

static bool resolve(struct arena *a, const char *address, union address *at, socklen_t *len,
		    struct err *e)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
					.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	const char *host = NULL, *port = NULL;
	struct addrinfo *found;
	int rc;

	if (!split(a, address, &host, &port, e))
		return false;
	rc = getaddrinfo(host, port, &hints, &found);
	if (rc != 0)
		return err_set(e, ERR_USAGE, "cannot listen on %s: %s", address, gai_strerror(rc));
	memcpy(&at->storage, found->ai_addr, found->ai_addrlen);
	*len = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

static const char *url_of(struct arena *a, const union address *at)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (at->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &at->v4.sin_addr, text, sizeof(text));
		return arena_printf(a, "http://%s:%u", text, ntohs(at->v4.sin_port));
	}
	inet_ntop(AF_INET6, &at->v6.sin6_addr, text, sizeof(text));
	return arena_printf(a, "http://[%s]:%u", text, ntohs(at->v6.sin6_port));
}

static bool open_tcp(struct arena *a, const char *address, bool allow_any, struct listener *out,
		     struct err *e)
{
	union address at = { 0 };
	socklen_t len = 0;
	int on = 1;

	if (!resolve(a, address, &at, &len, e))
		return false;
	if (!allow_any && !is_loopback(&at))
		return err_set(e, ERR_USAGE,
			       "listening on %s would let everyone who reaches it run programs "
			       "here: listen on loopback or a Unix socket, or give "
			       "--keys or --allow-anonymous",
			       address);
	out->fd = socket(at.any.sa_family, TYPE, 0);
	if (out->fd < 0)
		return err_sys(e, "cannot make a socket");
	setsockopt(out->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(out->fd, &at.any, len) < 0 || listen(out->fd, SOMAXCONN) < 0 ||
	    getsockname(out->fd, &at.any, &len) < 0)
		return err_sys(e, "cannot listen on %s", address);
	out->url = url_of(a, &at);
	return true;
}

bool listen_open(struct arena *a, const char *address, bool allow_any, struct listener *out,
		 struct err *e)
{
	static const char prefix[] = "unix:";
	bool ok;

	*out = (struct listener){ .fd = -1 };
	if (!strncmp(address, prefix, strlen(prefix)))
		ok = open_unix(a, address + strlen(prefix), out, e);
	else
		ok = open_tcp(a, address, allow_any, out, e);
	if (!ok)
		fs_close(&out->fd);
	return ok;
}
