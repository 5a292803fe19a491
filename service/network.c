#include "service/network.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"

/* A uid of no account and of no job: who has it may change the namespaces. */
#define STRANGER  63999
#define UP_MS     10000
#define RULES_MAX (1 << 20)
#define WORDS_MAX 4096

struct networking {
	struct loop *loop;
	struct arena arena;
	struct rules rules;
	struct forwarders forwarders;
	bool has_worked; /* the one in use connected a slot */
	int watch;       /* this host's addresses change */
	LIST_HEAD(, network) open;
};

static void on_addresses(void *ctx, uint32_t events);

/* Be told when this host's addresses change: rules name them. */
static bool watch_addresses(struct networking *n, struct err *e)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK,
				  .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	union {
		const struct sockaddr_nl *nl;
		const struct sockaddr *any;
	} u = { .nl = &to };

	n->watch = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (n->watch < 0 || bind(n->watch, u.any, sizeof(to)) < 0)
		return err_sys(e, "cannot watch this host's addresses");
	return loop_watch(n->loop, n->watch, EPOLLIN, on_addresses, n, e);
}

struct networking *networking_open(struct loop *loop, const char *const *allow, size_t nallow,
				   struct err *e)
{
	struct arena arena = { 0 };
	struct networking *n = ARENA_NEW(&arena, 1, struct networking);

	*n = (struct networking){ .loop = loop, .arena = arena, .watch = -1 };
	LIST_INIT(&n->open);
	forwarders_find(&n->arena, &n->forwarders);
	if (rules_open(&n->arena, allow, nallow, &n->rules, e) &&
	    (!n->forwarders.use || watch_addresses(n, e)))
		return n;
	networking_close(n);
	return NULL;
}

void networking_close(struct networking *n)
{
	struct arena arena;

	if (!n)
		return;
	loop_unwatch(n->loop, n->watch);
	fs_close(&n->watch);
	arena = n->arena;
	arena_free(&arena);
}

const char *networking_tool(const struct networking *n, const char **why)
{
	*why = n->forwarders.why;
	return n->forwarders.use ? n->forwarders.use->name : NULL;
}

/* In a child: as root no longer. */
static bool become_stranger(void)
{
	return geteuid() != 0 ||
	       (setgroups(0, NULL) == 0 && setresgid(STRANGER, STRANGER, STRANGER) == 0 &&
		setresuid(STRANGER, STRANGER, STRANGER) == 0);
}

/* In a child: keep this one capability over the namespaces across exec. */
static bool keep_net_admin(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	data[0].effective = data[0].permitted = data[0].inheritable = 1u << CAP_NET_ADMIN;
	return syscall(SYS_capset, &head, data) == 0 &&
	       prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0) == 0;
}

static bool write_text(const char *path, const char *text)
{
	CLEAN_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && fs_write_all(fd, text, strlen(text));
}

/* As an ordinary user the warden makes its own user namespace in ours, which must know its uid. */
static bool map_self(uid_t uid, gid_t gid)
{
	char uids[64], gids[64];

	snprintf(uids, sizeof(uids), "%u %u 1\n", uid, uid);
	snprintf(gids, sizeof(gids), "%u %u 1\n", gid, gid);
	return write_text("/proc/self/setgroups", "deny") &&
	       write_text("/proc/self/uid_map", uids) && write_text("/proc/self/gid_map", gids);
}

/* The child that is to be nft: in new namespaces, or in those that are there. */
static const char *enter_as_nft(const void *ctx)
{
	const struct network *w = ctx;
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (!become_stranger())
		return "become another user";
	if (w->net >= 0)
		return setns(w->user, CLONE_NEWUSER) == 0 && setns(w->net, CLONE_NEWNET) == 0 &&
				       keep_net_admin()
			       ? NULL
			       : "enter the network";
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return "make a network namespace";
	/* nobody else can have its address: else IPv6 would begin a second or two late */
	write_text("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
	return (uid == 0 || map_self(uid, gid)) && keep_net_admin() ? NULL
								    : "be heard in its namespace";
}

static const char *enter_as_forwarder(const void *ctx)
{
	(void)ctx;
	return become_stranger() ? NULL : "become another user";
}

/* Root keeps its user namespace, and is almighty in that one all the same. */
const char *network_enter(const void *ctx)
{
	const struct network *w = ctx;

	if (geteuid() != 0 && setns(w->user, CLONE_NEWUSER) != 0)
		return "enter its user namespace";
	return setns(w->net, CLONE_NEWNET) == 0 ? NULL : "enter its network";
}

static void end_child(struct network *w, struct child *c)
{
	if (!c->pid)
		return;
	loop_unwatch(w->all->loop, c->pidfd);
	syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	fs_close(&c->pidfd);
	c->pid = 0;
}

static void close_pipe(struct network *w, int *fd)
{
	loop_unwatch(w->all->loop, *fd);
	fs_close(fd);
	*fd = -1;
}

void network_close(struct network *w)
{
	if (!w->all)
		return;
	LIST_REMOVE(w, link);
	timer_stop(w->all->loop, &w->late);
	close_pipe(w, &w->ready);
	close_pipe(w, &w->rules);
	end_child(w, &w->nft);
	end_child(w, &w->forwarder);
	fs_close(&w->user);
	fs_close(&w->net);
	fs_close(&w->words);
	buf_close(&w->host);
	*w = (struct network){ 0 };
}

/* A forwarder that never worked here may be hindered by something that does not hinder another. */
static void try_another(const struct network *w)
{
	struct networking *n = w->all;

	if (w->is_up || n->has_worked || w->tool != n->forwarders.use ||
	    !forwarders_next(&n->arena, &n->forwarders))
		return;
	if (strcmp(w->tool->name, n->forwarders.use->name) != 0)
		log_warn("%s does not work here: %s is tried in its place", w->tool->name,
			 n->forwarders.use->name);
}

/* The last line that a child wrote before it gave up, or "". */
static void last_words(const struct network *w, char *line, size_t size)
{
	char text[WORDS_MAX + 1];
	ssize_t n = pread(w->words, text, WORDS_MAX, 0);
	size_t from;

	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\0'))
		n--;
	for (from = n > 0 ? (size_t)n : 0; from > 0 && text[from - 1] != '\n';)
		from--;
	snprintf(line, size, "%.*s", n > 0 ? (int)((size_t)n - from) : 0, text + from);
}

PRINTF(2, 3) static void fail(struct network *w, const char *fmt, ...)
{
	char why[100], words[120] = "", whole[sizeof(why) + sizeof(words) + 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (!w->is_up) /* later ones have said much that is no reason */
		last_words(w, words, sizeof(words));
	snprintf(whole, sizeof(whole), "%s%s%s", why, words[0] ? ": " : "", words);
	w->told(w->ctx, whole);
}

static void on_late(void *ctx)
{
	struct network *w = ctx;

	try_another(w);
	fail(w, "%s did not connect it within %d s", w->tool->name, UP_MS / 1000);
}

/* How it ended, in words; false if it has not. */
static bool reap(struct network *w, struct child *c, int *status, char *how, size_t size)
{
	if (waitpid(c->pid, status, WNOHANG) != c->pid)
		return false;
	loop_unwatch(w->all->loop, c->pidfd);
	fs_close(&c->pidfd);
	c->pid = 0;
	if (WIFSIGNALED(*status))
		snprintf(how, size, "by signal %d", WTERMSIG(*status));
	else
		snprintf(how, size, "with code %d", WEXITSTATUS(*status));
	return true;
}

static void on_forwarder_end(void *ctx, uint32_t events)
{
	struct network *w = ctx;
	char how[40];
	int status;

	(void)events;
	if (!reap(w, &w->forwarder, &status, how, sizeof(how)))
		return;
	try_another(w);
	fail(w, "its %s ended %s", w->tool->name, how);
}

static void up(struct network *w)
{
	timer_stop(w->all->loop, &w->late);
	w->is_up = w->all->has_worked = true;
	w->told(w->ctx, NULL);
}

static void on_nft_end(void *ctx, uint32_t events);

static bool start_child(struct network *w, struct child *c, struct proc *p, loop_fd_fn *on_end,
			struct err *e)
{
	static const char *const no_environment[] = { NULL };

	p->envp = no_environment;
	p->cwd = "/";
	p->fd[2] = w->words;
	p->dies_with_us = true;
	p->ctx = w;
	if (proc_spawn(p, &c->pid, &c->pidfd, e))
		return loop_watch(w->all->loop, c->pidfd, EPOLLIN, on_end, w, e);
	c->pid = 0;
	return false;
}

/* end[1] writes what end[0] reads; who becomes a stranger may open them by their names in /proc. */
static bool make_pipe(int end[2], struct err *e)
{
	if (pipe2(end, O_CLOEXEC) < 0)
		return err_sys(e, "cannot make a pipe");
	if (geteuid() == 0 && fchown(end[0], STRANGER, STRANGER) < 0)
		return err_sys(e, "cannot give a pipe away");
	return true;
}

/* It waits for its rules, on w->rules. */
static bool start_nft(struct network *w, struct err *e)
{
	static const char *const argv[] = { "nft", "-f", "-", NULL };
	struct proc p = { .path = w->all->forwarders.nft,
			  .argv = argv,
			  .fd = { -1, -1, -1 },
			  .nfd = 3,
			  .enter = enter_as_nft };
	bool is_ok;
	int end[2];

	if (!make_pipe(end, e))
		return false;
	p.fd[0] = end[0];
	w->rules = end[1];
	is_ok = start_child(w, &w->nft, &p, on_nft_end, e);
	fs_close(&end[0]);
	return is_ok;
}

/* It reads them to the end and then sets them, all or none. */
static bool send_rules(struct network *w, struct err *e)
{
	CLEAN_BUF struct buf text = BUF(RULES_MAX);
	bool ok;

	buf_clear(&w->host);
	ok = rules_host(&w->host, e) &&
	     (rules_print(&w->all->rules, buf_text(&w->host), &w->dns, &text) ||
	      err_set(e, ERR_SYSTEM, "its rules are larger than %d bytes", RULES_MAX));
	if (ok)
		ok = fs_write_all(w->rules, text.data, text.len) ||
		     err_sys(e, "cannot tell nft its rules");
	close_pipe(w, &w->rules);
	return ok;
}

static void on_ready(void *ctx, uint32_t events)
{
	struct network *w = ctx;
	struct err e;
	char word[32];
	ssize_t n = read(w->ready, word, sizeof(word));

	(void)events;
	close_pipe(w, &w->ready);
	if (n > 0 && !send_rules(w, &e)) /* nothing: its end will be told */
		fail(w, "%s", e.msg);
}

/* The rules anew, if they are about addresses that are this host's no longer, or not yet. */
static void refresh(struct network *w)
{
	CLEAN_BUF struct buf now = BUF(RULES_MAX);
	struct err e;

	if (!w->is_up || w->nft.pid)
		return; /* when this nft is done it is looked at again */
	if (!rules_host(&now, &e)) {
		fail(w, "%s", e.msg);
		return;
	}
	if (strcmp(buf_text(&now), buf_text(&w->host)) != 0 &&
	    !(start_nft(w, &e) && send_rules(w, &e)))
		fail(w, "%s", e.msg);
}

static void on_addresses(void *ctx, uint32_t events)
{
	struct networking *n = ctx;
	struct network *w, *next;
	char drain[4096];

	(void)events;
	while (recv(n->watch, drain, sizeof(drain), 0) > 0)
		;
	for (w = LIST_FIRST(&n->open); w; w = next) {
		next = LIST_NEXT(w, link);
		refresh(w);
	}
}

static void on_nft_end(void *ctx, uint32_t events)
{
	struct network *w = ctx;
	char how[40];
	int status;

	(void)events;
	if (!reap(w, &w->nft, &status, how, sizeof(how)))
		return;
	if (status != 0) {
		fail(w, "nft, which sets its rules, ended %s", how);
		return;
	}
	if (!w->is_up)
		up(w);
	refresh(w);
}

static bool open_namespaces(struct network *w, struct err *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)w->nft.pid);
	w->user = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)w->nft.pid);
	w->net = open(path, O_RDONLY | O_CLOEXEC);
	return (w->user >= 0 && w->net >= 0) || err_sys(e, "cannot open %s", path);
}

static bool start_forwarder(struct network *w, struct err *e)
{
	char pid[16];
	const char *argv[FORWARDER_ARGS + 1] = { NULL };
	struct proc p = { .path = w->all->forwarders.path,
			  .argv = argv,
			  .fd = { -1, -1, -1, -1, w->user, w->net },
			  .nfd = w->tool->nfd,
			  .enter = enter_as_forwarder };
	bool is_ok;
	int end[2];

	snprintf(pid, sizeof(pid), "%d", (int)w->nft.pid);
	for (size_t i = 0; i < FORWARDER_ARGS && w->tool->arg[i]; i++)
		argv[i] = strcmp(w->tool->arg[i], "PID") ? w->tool->arg[i] : pid;
	if (!make_pipe(end, e))
		return false;
	w->ready = end[0];
	p.fd[w->tool->ready] = end[1];
	is_ok = loop_watch(w->all->loop, w->ready, EPOLLIN, on_ready, w, e) &&
		start_child(w, &w->forwarder, &p, on_forwarder_end, e);
	fs_close(&end[1]);
	return is_ok;
}

/* Whether all name servers of this host have IPv6 addresses. */
static bool asks_by_ipv6(void)
{
	CLEAN_ARENA struct arena a = { 0 };
	bool found = false;
	struct err ignored;
	char *text;
	size_t len;

	if (!fs_read(&a, AT_FDCWD, "/etc/resolv.conf", 1 << 16, &text, &len, &ignored))
		return false;
	for (char *line = text; line; line = strchr(line, '\n')) {
		char address[64];

		line += *line == '\n';
		if (sscanf(line, "nameserver %63s", address) != 1)
			continue;
		if (!strchr(address, ':'))
			return false;
		found = true;
	}
	return found;
}

/* A file of that size which cannot grow: whatever is said later is lost. */
static bool open_words(struct network *w, struct err *e)
{
	w->words = memfd_create("words", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return (w->words >= 0 && ftruncate(w->words, WORDS_MAX) == 0 &&
		fcntl(w->words, F_ADD_SEALS, F_SEAL_GROW) == 0) ||
	       err_sys(e, "cannot make a file for what forwarders say");
}

bool network_open(struct network *w, struct networking *n, network_told_fn *told, void *ctx,
		  struct err *e)
{
	*w = (struct network){
		.all = n,
		.told = told,
		.ctx = ctx,
		.tool = n->forwarders.use,
		.ready = -1,
		.rules = -1,
		.user = -1,
		.net = -1,
		.words = -1,
		.late = { .fn = on_late, .ctx = w },
		.host = BUF(RULES_MAX),
	};
	w->dns = (struct rules_dns){ w->tool->dns[asks_by_ipv6()], w->tool->dns_takes_tcp };
	LIST_INSERT_HEAD(&n->open, w, link);
	timer_set(n->loop, &w->late, loop_now_ms(n->loop) + UP_MS);
	if (open_words(w, e) && start_nft(w, e) && open_namespaces(w, e) && start_forwarder(w, e))
		return true;
	network_close(w);
	return false;
}

const char *network_dns(const struct network *w)
{
	return w->dns.address;
}
