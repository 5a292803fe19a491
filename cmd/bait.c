#include "cmd/bait.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fs.h"

#define KNOCK_MS 50
#define TRIES    8

/* A name on this host that jobs must not reach: the attack "abstract" asks for it. */
static int listen_to_abstract(void)
{
	static const char name[] = "\0sandbatch-attacks";
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(to.sun_path, name, sizeof(name) - 1);
	if (bind(fd, (const void *)&to,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(name) - 1)) == 0)
		listen(fd, 8);
	return fd;
}

/* On all addresses, of IPv6 too where this host has that; port "0": any that is free. */
static int open_port(int type, char port[8])
{
	const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
					.ai_socktype = type };
	static const char *const any[] = { "::", "0.0.0.0" };
	struct sockaddr_storage at;
	struct addrinfo *to;
	int fd = -1;

	for (int i = 0; fd < 0 && i < 2; i++) {
		socklen_t size = sizeof(at);

		if (getaddrinfo(any[i], port, &hints, &to) != 0)
			continue;
		fd = socket(to->ai_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd >= 0 && (bind(fd, to->ai_addr, to->ai_addrlen) < 0 ||
				(type == SOCK_STREAM && listen(fd, 8) < 0) ||
				getsockname(fd, (void *)&at, &size) < 0 ||
				getnameinfo((void *)&at, size, NULL, 0, port, 8,
					    NI_NUMERICHOST | NI_NUMERICSERV) != 0))
			fs_close(&fd);
		freeaddrinfo(to);
	}
	return fd;
}

/* The same port of both. */
static bool open_ports(struct bait *b, struct err *e)
{
	for (int i = 0; i < TRIES && b->udp < 0; i++) {
		fs_close(&b->tcp);
		snprintf(b->port, sizeof(b->port), "0");
		b->tcp = open_port(SOCK_STREAM, b->port);
		if (b->tcp >= 0)
			b->udp = open_port(SOCK_DGRAM, b->port);
	}
	return b->udp >= 0 || err_sys(e, "cannot listen on this host's addresses");
}

/* One that is free now; if somebody takes it, the attack that would listen there is not tried. */
static bool choose_port(struct bait *b, struct err *e)
{
	int fd;

	snprintf(b->listens, sizeof(b->listens), "0");
	fd = open_port(SOCK_STREAM, b->listens);
	if (fd < 0)
		return err_sys(e, "cannot find a free port");
	fs_close(&fd);
	return true;
}

static void on_udp(void *ctx, uint32_t events)
{
	struct bait *b = ctx;
	struct sockaddr_storage who;
	socklen_t size = sizeof(who);
	char byte;

	(void)events;
	if (recvfrom(b->udp, &byte, 1, 0, (void *)&who, &size) >= 0)
		sendto(b->udp, &byte, 1, MSG_NOSIGNAL, (const void *)&who, size);
}

/* Another's interface may have it, lo too; link-local ones come and go with every container. */
static bool is_of_host(const struct ifaddrs *i, char *text, socklen_t size)
{
	union {
		const struct sockaddr *sa;
		const struct sockaddr_in *in;
		const struct sockaddr_in6 *in6;
	} u = { .sa = i->ifa_addr };

	if (u.sa && u.sa->sa_family == AF_INET)
		return ntohl(u.in->sin_addr.s_addr) >> 24 != IN_LOOPBACKNET &&
		       inet_ntop(AF_INET, &u.in->sin_addr, text, size);
	return u.sa && u.sa->sa_family == AF_INET6 && !IN6_IS_ADDR_LOOPBACK(&u.in6->sin6_addr) &&
	       !IN6_IS_ADDR_LINKLOCAL(&u.in6->sin6_addr) &&
	       inet_ntop(AF_INET6, &u.in6->sin6_addr, text, size);
}

/* As many as there is room for. */
static bool list_addresses(struct bait *b, struct err *e)
{
	struct ifaddrs *all = NULL;
	char text[INET6_ADDRSTRLEN];

	if (getifaddrs(&all) < 0)
		return err_sys(e, "cannot list this host's addresses");
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		size_t n = strlen(b->host);

		if (is_of_host(i, text, sizeof(text)) && n + strlen(text) + 2 < sizeof(b->host))
			snprintf(b->host + n, sizeof(b->host) - n, "%s%s", n ? " " : "", text);
	}
	freeifaddrs(all);
	return true;
}

static void leave(struct bait *b)
{
	while (b->ndoor > 0)
		fs_close(&b->door[--b->ndoor]);
}

static void knock_at(struct bait *b, const char *address, int type)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
					.ai_socktype = type };
	struct addrinfo *to;
	int fd;

	if (b->ndoor == BAIT_DOORS || getaddrinfo(address, b->listens, &hints, &to) != 0)
		return;
	fd = socket(to->ai_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) == 0 && type == SOCK_DGRAM)
		send(fd, "x", 1, MSG_NOSIGNAL);
	if (fd >= 0)
		b->door[b->ndoor++] = fd;
	freeaddrinfo(to);
}

/* Whoever forwards a port may take his time: nobody leaves before the next round. */
static void on_knock(void *ctx)
{
	struct bait *b = ctx;
	char list[sizeof(b->host) + 20], *at = list, *address;

	leave(b);
	snprintf(list, sizeof(list), "127.0.0.1 ::1 %s", b->host);
	while ((address = strsep(&at, " "))) {
		knock_at(b, address, SOCK_STREAM);
		knock_at(b, address, SOCK_DGRAM);
	}
	timer_set(b->loop, &b->knock, loop_now_ms(b->loop) + KNOCK_MS);
}

void bait_knock(struct bait *b)
{
	if (b->njob++ == 0)
		on_knock(b);
}

void bait_rest(struct bait *b)
{
	if (--b->njob == 0)
		timer_stop(b->loop, &b->knock);
}

bool bait_open(struct bait *b, struct loop *l, struct err *e)
{
	*b = (struct bait){
		.loop = l, .tcp = -1, .udp = -1, .knock = { .fn = on_knock, .ctx = b }
	};
	b->abstract = listen_to_abstract();
	return list_addresses(b, e) && open_ports(b, e) && choose_port(b, e) &&
	       loop_watch(l, b->udp, EPOLLIN, on_udp, b, e);
}

void bait_close(struct bait *b)
{
	timer_stop(b->loop, &b->knock);
	leave(b);
	if (b->udp >= 0)
		loop_unwatch(b->loop, b->udp);
	fs_close(&b->abstract);
	fs_close(&b->tcp);
	fs_close(&b->udp);
}

void bait_env(const struct bait *b, struct wire_pair out[BAIT_ENV])
{
	out[0] = (struct wire_pair){ "ATTACK_HOST", b->host };
	out[1] = (struct wire_pair){ "ATTACK_PORT", b->port };
	out[2] = (struct wire_pair){ "ATTACK_LISTEN", b->listens };
}
