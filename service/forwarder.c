#include "service/forwarder.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/proc.h"

#define PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define TUN  "/dev/net/tun"

/* No port of the host leads in, none of the namespace to the host, whose loopback is never meant.
 */
#define PASTA_ARGS                                                                          \
	"pasta", "--foreground", "--quiet", "--config-net", "--ns-ifname", "net0", "--pid", \
		"/dev/fd/1", "--no-map-gw", "--tcp-ports", "none", "--udp-ports", "none",   \
		"--tcp-ns", "none", "--udp-ns", "none", "--dns-forward", "192.0.0.8",       \
		"--dns-forward", "100::53"
/* An address that nobody has (RFC 7600), and one whose packets are discarded (RFC 6666). */
#define PASTA_DNS                      \
	{                              \
		"192.0.0.8", "100::53" \
	}

/* The forwarders, the preferred one first. */
static const struct forwarder table[] = {
	{ .name = "pasta",
	  /* Debian's AppArmor profile lets it look at no other process, */
	  .arg = { PASTA_ARGS, "--no-netns-quit", "--userns", "/proc/self/fd/4", "--netns",
		   "/proc/self/fd/5" },
	  .ready = 1,
	  .nfd = 6,
	  .dns = PASTA_DNS },
	{ .name = "pasta",
	  /* and later versions close what they are given. */
	  .arg = { PASTA_ARGS, "PID" },
	  .ready = 1,
	  .nfd = 4,
	  .dns = PASTA_DNS },
	{ .name = "slirp4netns",
	  .arg = { "slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback",
		   "--enable-seccomp", "--ready-fd=3", "PID", "net0" },
	  .ready = 3,
	  .nfd = 4,
	  .dns = { "10.0.2.3", "10.0.2.3" },
	  .dns_takes_tcp = true },
};

#define NTABLE (sizeof(table) / sizeof(table[0]))

static bool use_from(struct arena *a, struct forwarders *f, size_t i)
{
	for (; i < NTABLE; i++) {
		f->path = proc_find(a, table[i].name, PATH);
		f->use = &table[i];
		if (f->path)
			return true;
	}
	f->use = NULL;
	return false;
}

/* With root's service it is another user's to open. */
static bool has_tun(void)
{
	struct stat st;

	if (geteuid() != 0)
		return access(TUN, R_OK | W_OK) == 0;
	return stat(TUN, &st) == 0 && (st.st_mode & 0006) == 0006;
}

void forwarders_find(struct arena *a, struct forwarders *out)
{
	bool has_forwarder;

	*out = (struct forwarders){ .nft = proc_find(a, "nft", PATH) };
	has_forwarder = use_from(a, out, 0);
	if (!has_forwarder && !out->nft)
		out->why =
			"this host lacks the Debian packages passt (or slirp4netns) and nftables";
	else if (!has_forwarder)
		out->why = "this host lacks the Debian package passt (or slirp4netns)";
	else if (!out->nft)
		out->why = "this host lacks the Debian package nftables";
	else if (!has_tun())
		out->why = "this host lacks " TUN " for everybody: modprobe tun, chmod 666 " TUN;
	if (out->why)
		out->use = NULL;
}

bool forwarders_next(struct arena *a, struct forwarders *f)
{
	struct forwarders next = *f;

	if (!use_from(a, &next, (size_t)(f->use - table) + 1))
		return false;
	*f = next;
	return true;
}
