/*
 * Of a job that may reach public addresses, at all others. Whoever runs it says in its environment
 *
 *   ATTACK_HOST     the host's addresses but its loopback, blanks between
 *   ATTACK_PORT     a port of theirs, and of the loopback, where TCP and UDP are answered
 *   ATTACK_LISTEN   a port at which the host knocks on all of them while the job runs
 *
 * Nothing public is asked: where a rule is missing, only addresses that are this network's own or
 * nobody's hear of it.
 */
#include "tests/attacks/attacks.h"

#include <net/route.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define LISTEN_MS 1500

static int open_socket(const struct addrinfo *to)
{
	struct timeval patience = { 0, 300000 };
	int on = 1, fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	return fd;
}

/* It is this namespace's own, where nobody listens. */
static bool is_own(const struct addrinfo *to)
{
	struct sockaddr_storage at = { 0 };
	memcpy(&at, to->ai_addr, to->ai_addrlen);
	((struct sockaddr_in *)&at)->sin_port = 0; /* sin6_port lies there too */
	int fd = open_socket(to);
	bool is = bind(fd, (const void *)&at, to->ai_addrlen) == 0;
	close(fd);
	return is;
}

/* A packet that got away is not refused, be it never answered; a distant host may refuse as well.
 */
static bool is_refused(int error, const struct addrinfo *to)
{
	if (error == ECONNREFUSED && to->ai_socktype == SOCK_DGRAM)
		return is_own(to);
	return error == ECONNREFUSED || error == EPERM || error == ENETUNREACH ||
	       error == EADDRNOTAVAIL || error == EAFNOSUPPORT;
}

/* Whether the slot lets nothing out to there. */
static bool is_barred(const char *address, const char *port, int type)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
					.ai_socktype = type };
	struct addrinfo *to;
	char byte = 'x';
	if (getaddrinfo(address, port, &hints, &to) != 0)
		return false;
	int fd = open_socket(to);
	ssize_t rc = connect(fd, to->ai_addr, to->ai_addrlen);
	if (rc == 0 && type == SOCK_DGRAM)
		rc = send(fd, &byte, 1, 0) == 1 ? recv(fd, &byte, 1, 0) : -1;
	bool is = rc < 0 && is_refused(errno, to);
	close(fd);
	freeaddrinfo(to);
	return is;
}

/* UDP first: a rule refuses it otherwise than a host does. */
static long knock_at(const char *addresses, const char *port)
{
	static const struct {
		int type;
		const char *name;
	} BY[] = { { SOCK_DGRAM, "UDP" }, { SOCK_STREAM, "TCP" } };
	char list[2048], *at = list, *address;
	int n = 0;
	snprintf(list, sizeof(list), "%s", addresses);
	while ((address = strsep(&at, " ")))
		for (size_t i = 0; *address && i < COUNT(BY); i++, n++)
			if (!is_barred(address, port, BY[i].type))
				return reached("%s by %s", address, BY[i].name);
	return n ? held("all refused") : untried("this host has no address but its loopback");
}

static long host(void)
{
	const char *addresses = getenv("ATTACK_HOST"), *port = getenv("ATTACK_PORT");
	return addresses && port ? knock_at(addresses, port)
				 : untried("nobody said which are the host's addresses");
}

/* 10.0.2.2 is what slirp4netns would make the host's. */
static long loopback(void)
{
	const char *port = getenv("ATTACK_PORT");
	return port ? knock_at("127.0.0.1 ::1 ::ffff:127.0.0.1 10.0.2.2", port)
		    : untried("nobody said where the host listens");
}

static long private(void)
{
	return knock_at("10.0.0.1 172.16.0.1 192.168.0.1 100.64.0.1 fd00::1", "80");
}

static long metadata(void)
{
	return knock_at("169.254.169.254 168.63.129.16 192.0.0.192 100.100.100.200 fd00:ec2::254",
			"80");
}

/* By NAT64, by 6to4, and as an address of IPv4 in a socket of IPv6. */
static long disguised(void)
{
	return knock_at("64:ff9b::a00:1 64:ff9b::a9fe:a9fe 2002:a00:1::1 ::ffff:169.254.169.254",
			"80");
}

static long documentation(void)
{
	return knock_at("192.0.2.1 198.51.100.1 203.0.113.1 198.18.0.1 2001:db8::1", "443");
}

static long neighbours(void)
{
	return is_barred("224.0.0.251", "5353", SOCK_DGRAM) &&
			       is_barred("255.255.255.255", "9", SOCK_DGRAM)
		       ? held("all refused")
		       : reached("packets to all");
}

/* The only address that is not public and answers: names alone are to be had there. */
static long name_server(void)
{
	char line[256], address[64] = "";
	FILE *f = fopen("/etc/resolv.conf", "r");
	while (f && !address[0] && fgets(line, sizeof(line), f))
		if (sscanf(line, "nameserver %63s", address) != 1)
			address[0] = '\0';
	if (f)
		fclose(f);
	return address[0] ? knock_at(address, "80") : untried("no name server is told here");
}

static int listen_at(const char *port, int type)
{
	const struct sockaddr_in6 at = { .sin6_family = AF_INET6,
					 .sin6_port = htons((uint16_t)strtol(port, NULL, 10)) };
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
	if (bind(fd, (const void *)&at, sizeof(at)) != 0 ||
	    (type == SOCK_STREAM && listen(fd, 8) != 0))
		return -1;
	return fd;
}

/* The host knocks all the while. */
static long listens(void)
{
	const char *port = getenv("ATTACK_LISTEN");
	if (!port)
		return untried("nobody knocks");
	struct pollfd door[] = { { listen_at(port, SOCK_STREAM), POLLIN, 0 },
				 { listen_at(port, SOCK_DGRAM), POLLIN, 0 } };
	if (door[0].fd < 0 || door[1].fd < 0)
		return untried("no port to listen at");
	int n = poll(door, COUNT(door), LISTEN_MS);
	return n == 0 ? held("nobody came")
		      : reached("somebody came by %s", door[0].revents ? "TCP" : "UDP");
}

static long route(void)
{
	struct rtentry r = { .rt_flags = RTF_UP };
	const struct sockaddr_in any = { .sin_family = AF_INET };
	memcpy(&r.rt_dst, &any, sizeof(any));
	memcpy(&r.rt_gateway, &any, sizeof(any));
	memcpy(&r.rt_genmask, &any, sizeof(any));
	r.rt_dev = (char[]){ "lo" };
	return ioctl(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), SIOCADDRT, &r);
}

#define RULED(NAME, WHAT, RUN) \
	ATTACK(NAME, WHAT, "nftables", RUN, .needs = "network", .answer = "all refused")

const struct attack semitrusted_attacks[] = {
	/* the slowest comes first */
	ATTACK("semi_listen", "listens for others", "no port leads in", listens, .needs = "network",
	       .answer = "nobody came"),
	RULED("semi_host", "a port of this host, on its addresses", host),
	RULED("semi_loopback", "the same, on its loopback", loopback),
	RULED("semi_private", "private addresses", private),
	RULED("semi_metadata", "the clouds' metadata", metadata),
	RULED("semi_disguised", "both, disguised as others", disguised),
	RULED("semi_nobody", "addresses that are nobody's", documentation),
	RULED("semi_neighbours", "multicast and broadcast", neighbours),
	RULED("semi_names", "another port of the name server", name_server),
	ATTACK("semi_route", "another route", "no capabilities", route, .needs = "network",
	       .answer = "EPERM"),
	{ 0 },
};
