#include "tests/attacks/attacks.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Somebody has answered, be it by a refusal. */
static long connect_to(const char *address, uint16_t port, int type)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct timeval patience = { 1, 0 };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	inet_pton(AF_INET, address, &a.sin_addr);
	long rc = connect(fd, (const void *)&a, sizeof(a));
	if (rc < 0 && errno == ECONNREFUSED)
		return reached("%s answers", address);
	return rc;
}

static long tcp_world(void)
{
	return connect_to("192.0.2.1", 443, SOCK_STREAM);
}

static long udp_world(void)
{
	return connect_to("192.0.2.1", 53, SOCK_DGRAM);
}

static long tcp_private(void)
{
	return connect_to("10.0.0.1", 80, SOCK_STREAM);
}

static long tcp_metadata(void)
{
	return connect_to("169.254.169.254", 80, SOCK_STREAM);
}

static long tcp_loopback(void)
{
	return connect_to("127.0.0.1", 9, SOCK_STREAM);
}

static long tcp6_loopback(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
				  .sin6_port = htons(9),
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	long rc = fd < 0 ? -1 : connect(fd, (const void *)&a, sizeof(a));
	return rc < 0 && errno == ECONNREFUSED ? reached("::1 answers") : rc;
}

static long multicast(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(5353) };
	int on = 1, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	inet_pton(AF_INET, "224.0.0.251", &a.sin_addr);
	return sendto(fd, "x", 1, 0, (const void *)&a, sizeof(a));
}

static long icmp(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);
}

static long raw_ip(void)
{
	return socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
}

static long dns(void)
{
	struct addrinfo *found = NULL;
	int rc = getaddrinfo("example.com", "443", NULL, &found);
	return rc == 0 ? REACHED : held("%s", gai_strerror(rc));
}

/* Names without a file, which no mount hides; whoever runs this listens to one of them. */
static long abstract(void)
{
	static const char *const NAMES[] = { "sandbatch-attacks", "/tmp/.X11-unix/X0", "/tmp/dbus",
					     "ISCSIADM_ABSTRACT_NAMESPACE" };
	int error = 0;
	for (size_t i = 0; i < COUNT(NAMES); i++) {
		struct sockaddr_un a = { .sun_family = AF_UNIX };
		size_t n = strlen(NAMES[i]);
		memcpy(a.sun_path + 1, NAMES[i], n);
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fd, (const void *)&a,
			    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n)) == 0)
			return reached("%s", NAMES[i]);
		error = errno;
	}
	errno = error;
	return -1;
}

static long raise_loopback(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	return ioctl(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), SIOCSIFFLAGS, &r);
}

static long interfaces(void)
{
	char line[512];
	FILE *f = fopen("/proc/self/net/dev", "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (strchr(line, ':') && !strstr(line, " lo:"))
			return reached("%.20s", line);
	fclose(f);
	return held("lo alone");
}

#define BARRED .without = "netns", .weak_as = "root"

const struct attack network_attacks[] = {
	ATTACK("tcp_world", "TCP to the world", "network namespace", tcp_world,
	       .answer = "ENETUNREACH"),
	ATTACK("udp_world", "UDP to the world", "network namespace", udp_world,
	       .answer = "ENETUNREACH"),
	ATTACK("tcp_private", "TCP to a private address", "network namespace", tcp_private,
	       .answer = "ENETUNREACH"),
	ATTACK("tcp_metadata", "TCP to the cloud's metadata", "network namespace", tcp_metadata,
	       .answer = "ENETUNREACH"),
	ATTACK("tcp_loopback", "TCP to the host's loopback", "network namespace", tcp_loopback,
	       .answer = "ENETUNREACH", BARRED),
	ATTACK("tcp6_loopback", "the same by IPv6", "network namespace", tcp6_loopback),
	ATTACK("multicast", "multicast to the neighbours", "network namespace", multicast,
	       .answer = "ENETUNREACH"),
	ATTACK("icmp", "ICMP", "network namespace", icmp),
	ATTACK("raw_ip", "packets of its own making", "no capabilities", raw_ip),
	ATTACK("dns", "a name", "network namespace", dns),
	ATTACK("abstract", "abstract Unix sockets of the host", "network namespace", abstract,
	       .answer = "ECONNREFUSED", BARRED),
	ATTACK("raise_loopback", "brings the loopback up", "no capabilities", raise_loopback,
	       .answer = "EPERM"),
	ATTACK("interfaces", "the host's interfaces", "network namespace", interfaces,
	       .answer = "lo alone", BARRED),
	{ 0 },
};
