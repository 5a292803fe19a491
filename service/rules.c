#include "service/rules.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/yaml.h"

/* IPv4 that is not a public host's: the IANA IPv4 Special-Purpose Address Registry (RFC 6890), and
 * what stands for a cloud's metadata service although it looks public. */
static const struct {
	const char *address;
	int bits;
} refused4[] = {
	{ "0.0.0.0", 8 },        /* this network */
	{ "10.0.0.0", 8 },       /* private */
	{ "100.64.0.0", 10 },    /* a provider's own, and Alibaba's metadata */
	{ "127.0.0.0", 8 },      /* loopback */
	{ "168.63.129.16", 32 }, /* Azure's metadata */
	{ "169.254.0.0", 16 },   /* link-local, and metadata almost everywhere */
	{ "172.16.0.0", 12 },    /* private */
	{ "192.0.0.0", 24 },     /* protocol assignments, and Oracle's metadata */
	{ "192.0.2.0", 24 },     /* documentation */
	{ "192.88.99.0", 24 },   /* 6to4 relays */
	{ "192.168.0.0", 16 },   /* private */
	{ "198.18.0.0", 15 },    /* benchmarks */
	{ "198.51.100.0", 24 },  /* documentation */
	{ "203.0.113.0", 24 },   /* documentation */
	{ "224.0.0.0", 4 },      /* multicast */
	{ "240.0.0.0", 4 },      /* reserved, broadcast */
};

/* IPv6 is public only in 2000::/3, and of that not what is in refused6. */
#define PUBLIC6 "2000::/3"
/* An IPv4 address behind a gateway of the network (RFC 6052): public if that is. */
#define NAT64 "64:ff9b::/96"

static const char *const refused6[] = {
	"2001::/23",     /* protocol assignments, Teredo */
	"2001:db8::/32", /* documentation */
	"2002::/16",     /* 6to4: an IPv4 address in disguise */
	"3fff::/20",     /* documentation */
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A forwarder may bind a UDP socket of the host to the job's own port: none that a service of the
 * host would want. */
#define UDP_PORT_LEAST 32768

static bool has_bits_beyond(const unsigned char *address, size_t size, size_t bits)
{
	for (size_t i = bits; i < size * 8; i++)
		if (address[i / 8] & (0x80 >> i % 8))
			return true;
	return false;
}

static bool add_allowed(struct arena *a, const char *cidr, struct rules *out, struct err *e)
{
	const char *slash = strchr(cidr, '/');
	const char *address = arena_strndup(a, cidr, slash ? (size_t)(slash - cidr) : strlen(cidr));
	bool is6 = strchr(address, ':') != NULL;
	size_t size = is6 ? 16 : 4;
	int64_t bits = (int64_t)size * 8;
	unsigned char bytes[16];

	if (inet_pton(is6 ? AF_INET6 : AF_INET, address, bytes) != 1 ||
	    (slash && (!parse_int(slash + 1, strlen(slash + 1), &bits) || bits < 0 ||
		       bits > (int64_t)size * 8)))
		return err_set(
			e, ERR_USAGE,
			"--allow-net must be a network as 10.1.0.0/16 or fd12::/48, not '%s'",
			cidr);
	if (has_bits_beyond(bytes, size, (size_t)bits))
		return err_set(e, ERR_USAGE,
			       "--allow-net %s: the address has bits beyond the first %d", cidr,
			       (int)bits);
	out->allowed[is6][out->nallowed[is6]++] = arena_printf(a, "%s/%d", address, (int)bits);
	return true;
}

bool rules_open(struct arena *a, const char *const *cidr, size_t n, struct rules *out,
		struct err *e)
{
	*out = (struct rules){ 0 };
	for (int i = 0; i < 2; i++)
		out->allowed[i] = ARENA_NEW(a, n + 1, const char *);
	for (size_t i = 0; i < n; i++)
		if (!add_allowed(a, cidr[i], out, e))
			return false;
	return true;
}

/* Elements of a set, with commas between them. */
static bool add_element(struct buf *b, const char *element)
{
	return buf_printf(b, "%s%s", b->len ? ", " : "", element);
}

/* An IPv4 network as it is behind NAT64, in hexadecimal: nftables knows no mixed notation. */
static bool add_nat64(struct buf *b, const char *address, int bits)
{
	struct in_addr in;
	unsigned long n;

	if (inet_pton(AF_INET, address, &in) != 1)
		return false;
	n = ntohl(in.s_addr);
	return buf_printf(b, "%s64:ff9b::%lx:%lx/%d", b->len ? ", " : "", n >> 16, n & 0xffff,
			  96 + bits);
}

/* nftables knows no empty list. */
static bool print_set(struct buf *out, const char *name, const struct buf *elements)
{
	bool is6 = name[strlen(name) - 1] == '6';

	return buf_printf(out, "set %s { type %s; flags interval; auto-merge; %s%s%s}\n", name,
			  is6 ? "ipv6_addr" : "ipv4_addr", elements->len ? "elements = { " : "",
			  buf_text(elements), elements->len ? " } " : "");
}

static bool print_list(struct buf *out, const char *name, const char *const *item, size_t n)
{
	CLEAN_BUF struct buf b = BUF(1 << 18);

	for (size_t i = 0; i < n; i++)
		if (!add_element(&b, item[i]))
			return false;
	return print_set(out, name, &b);
}

static bool print_refused6(struct buf *out)
{
	CLEAN_BUF struct buf b = BUF(1 << 18);
	bool ok = true;

	for (size_t i = 0; i < COUNT(refused6); i++)
		ok = ok && add_element(&b, refused6[i]);
	for (size_t i = 0; i < COUNT(refused4); i++)
		ok = ok && add_nat64(&b, refused4[i].address, refused4[i].bits);
	return ok && print_set(out, "refused6", &b);
}

static bool print_refused4(struct buf *out)
{
	CLEAN_BUF struct buf b = BUF(1 << 18);
	bool ok = true;

	for (size_t i = 0; i < COUNT(refused4); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s/%d", refused4[i].address, refused4[i].bits);
		ok = ok && add_element(&b, text);
	}
	return ok && print_set(out, "refused4", &b);
}

/* An address of this host, or nothing if it has another family. */
static bool add_address(const struct sockaddr *sa, struct buf *v4, struct buf *v6)
{
	union {
		const struct sockaddr *sa;
		const struct sockaddr_in *in;
		const struct sockaddr_in6 *in6;
	} u = { .sa = sa };
	char text[INET6_ADDRSTRLEN];

	if (!sa)
		return true;
	if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&u.in6->sin6_addr))
		return true; /* they come and go with every container */
	if (sa->sa_family == AF_INET6)
		return inet_ntop(AF_INET6, &u.in6->sin6_addr, text, sizeof(text)) &&
		       add_element(v6, text);
	return sa->sa_family != AF_INET ||
	       (inet_ntop(AF_INET, &u.in->sin_addr, text, sizeof(text)) && add_element(v4, text) &&
		add_nat64(v6, text, 32));
}

bool rules_host(struct buf *out, struct err *e)
{
	CLEAN_BUF struct buf v4 = BUF(1 << 18), v6 = BUF(1 << 18);
	struct ifaddrs *all = NULL;
	bool ok = true;

	if (getifaddrs(&all) < 0)
		return err_sys(e, "cannot list this host's addresses");
	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		ok = ok && add_address(i->ifa_addr, &v4, &v6);
	freeifaddrs(all);
	return (ok && print_set(out, "host4", &v4) && print_set(out, "host6", &v6)) ||
	       err_set(e, ERR_SYSTEM, "this host has too many addresses");
}

static bool print_chains(const struct rules_dns *dns, struct buf *out)
{
	bool is6 = strchr(dns->address, ':') != NULL;

	return buf_puts(out, "chain refuse {\n"
			     "meta l4proto tcp reject with tcp reset\n"
			     "reject with icmpx type admin-prohibited\n"
			     "}\n"
			     "chain output {\n"
			     "type filter hook output priority 0; policy drop;\n"
			     /* its own loopback, on which nobody else listens */
			     "oifname \"lo\" accept\n"
			     "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n"
			     "meta l4proto != { tcp, udp } goto refuse\n") &&
	       buf_printf(out, "udp sport < %d goto refuse\n", UDP_PORT_LEAST) &&
	       buf_printf(out, "%s daddr %s meta l4proto %s th dport 53 accept\n",
			  is6 ? "ip6" : "ip", dns->address,
			  dns->takes_tcp ? "{ tcp, udp }" : "udp") &&
	       buf_puts(out, "ip daddr @host4 goto refuse\n"
			     "ip6 daddr @host6 goto refuse\n"
			     "ip daddr @allowed4 accept\n"
			     "ip6 daddr @allowed6 accept\n"
			     "ip daddr @refused4 goto refuse\n"
			     "ip6 daddr @refused6 goto refuse\n"
			     "ip6 daddr != { " PUBLIC6 ", " NAT64 " } goto refuse\n"
			     "accept\n"
			     "}\n"
			     "chain input {\n"
			     "type filter hook input priority 0; policy drop;\n"
			     "iifname \"lo\" accept\n"
			     "ct state established,related accept\n"
			     "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n"
			     "}\n");
}

bool rules_print(const struct rules *r, const char *host, const struct rules_dns *dns,
		 struct buf *out)
{
	return buf_puts(out, "flush ruleset\ntable inet sandbatch {\n") && buf_puts(out, host) &&
	       print_list(out, "allowed4", r->allowed[0], r->nallowed[0]) &&
	       print_list(out, "allowed6", r->allowed[1], r->nallowed[1]) && print_refused4(out) &&
	       print_refused6(out) && print_chains(dns, out) && buf_puts(out, "}\n");
}
