/* The seccomp filter, as the kernel would run it, for this machine and for the other one. */
#include "jail/jail.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define DENIED(error) (SECCOMP_RET_ERRNO | (error))
#define ALLOWED       SECCOMP_RET_ALLOW
#define KILLED        SECCOMP_RET_KILL_PROCESS
#define HIGH          ((uint64_t)1 << 32) /* above what the kernel takes of an int */

/* What it answers: classic BPF, as far as libseccomp writes it (bpf(4), seccomp(2)). */
static uint32_t ask(const struct sock_fprog *f, const struct seccomp_data *d)
{
	uint32_t a = 0, x = 0;
	for (size_t i = 0; i < f->len; i++) {
		const struct sock_filter *s = &f->filter[i];
		switch (s->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(s->k % 4 == 0 && s->k < sizeof(*d));
			memcpy(&a, (const char *)d + s->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= s->k;
			break;
		case BPF_ALU | BPF_XOR | BPF_K:
			a ^= s->k;
			break;
		case BPF_ALU | BPF_OR | BPF_X:
			a |= x;
			break;
		case BPF_MISC | BPF_TAX:
			x = a;
			break;
		case BPF_JMP | BPF_JA:
			i += s->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			i += a == s->k ? s->jt : s->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			i += a > s->k ? s->jt : s->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			i += a >= s->k ? s->jt : s->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			i += a & s->k ? s->jt : s->jf;
			break;
		case BPF_RET | BPF_K:
			return s->k;
		default:
			fail_msg("instruction %zu has the code %#x", i, s->code);
		}
	}
	fail_msg("the program has no end");
	return 0;
}

static const struct machine {
	uint32_t seccomp, audit, other; /* other: an ABI that its kernels may take too */
} MACHINE[] = {
	{ SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 },
	{ SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM },
};

#define NMACHINE (sizeof(MACHINE) / sizeof(MACHINE[0]))

#define KEYS_MOUNTS 0x1234567890abcdef
#define KEYS_REST   0xfedcba0987654321

static const struct jail_keys KEYS = { KEYS_MOUNTS, KEYS_REST };

static struct sock_fprog build(const struct machine *m, bool is_counted)
{
	struct sock_fprog f = { 0 };
	char why[200] = "";
	uint32_t arch = seccomp_arch_native() == m->seccomp ? 0 : m->seccomp;
	if (!jail_filter(&f, &KEYS, arch, is_counted, why))
		fail_msg("%s", why);
	return f;
}

#define NARG 6

static struct seccomp_data data_of(const struct machine *m, const char *name,
				   const uint64_t arg[NARG])
{
	struct seccomp_data d = { .arch = m->audit };
	d.nr = seccomp_syscall_resolve_name_arch(m->seccomp, name);
	memcpy(d.args, arg, NARG * sizeof(*arg));
	assert_true(d.nr >= 0);
	return d;
}

static uint32_t call(const struct sock_fprog *f, const struct machine *m, const char *name,
		     const uint64_t arg[NARG])
{
	const struct seccomp_data d = data_of(m, name, arg);
	return ask(f, &d);
}

static const struct {
	const char *call;
	uint64_t arg[NARG];
	uint32_t answer;
} CALLS[] = {
	{ "openat", { 0 }, ALLOWED },
	{ "execve", { 0 }, ALLOWED },
	{ "futex", { 0 }, ALLOWED },
	{ "landlock_restrict_self", { 0 }, ALLOWED },
	{ "mount", { 0 }, DENIED(EPERM) },
	{ "move_mount", { 0 }, DENIED(EPERM) },
	{ "setns", { 0 }, DENIED(EPERM) },
	{ "unshare", { 0 }, DENIED(EPERM) },
	{ "ptrace", { 0 }, DENIED(EPERM) },
	{ "bpf", { 0 }, DENIED(EPERM) },
	{ "keyctl", { 0 }, DENIED(EPERM) },
	{ "shmget", { 0 }, DENIED(EPERM) },
	{ "mq_open", { 0 }, DENIED(EPERM) },
	{ "kexec_load", { 0 }, DENIED(EPERM) },
	{ "clone3", { 0 }, DENIED(ENOSYS) },
	{ "io_uring_setup", { 0 }, DENIED(ENOSYS) },
	{ "io_setup", { 0 }, DENIED(ENOSYS) },
	{ "clone", { SIGCHLD }, ALLOWED },
	{ "clone", { CLONE_VM | CLONE_THREAD | CLONE_SIGHAND }, ALLOWED },
	{ "clone", { CLONE_NEWUSER | SIGCHLD }, DENIED(EPERM) },
	{ "clone", { CLONE_NEWNET | CLONE_NEWNS }, DENIED(EPERM) },
	{ "ioctl", { 0, TCGETS }, ALLOWED },
	{ "ioctl", { 0, TIOCSTI }, DENIED(EPERM) },
	{ "ioctl", { 0, HIGH | TIOCSTI }, DENIED(EPERM) },
	{ "ioctl", { 0, HIGH | TIOCLINUX }, DENIED(EPERM) },
	{ "personality", { 0xffffffff }, ALLOWED },
	{ "personality", { 0x0400000 }, DENIED(EPERM) },
	{ "socket", { AF_INET, 0, IPPROTO_TCP }, ALLOWED },
	{ "socket", { AF_INET, 0, IPPROTO_SCTP }, DENIED(EPROTONOSUPPORT) },
	{ "socket", { AF_INET, 0, IPPROTO_DCCP }, DENIED(EPROTONOSUPPORT) },
	{ "socket", { AF_INET, 0, HIGH | IPPROTO_DCCP }, DENIED(EPROTONOSUPPORT) },
};

static void calls_are_answered_as_the_table_says_on_both_machines(void **state)
{
	(void)state;
	for (size_t k = 0; k < NMACHINE; k++) {
		struct sock_fprog f = build(&MACHINE[k], true);
		for (size_t i = 0; i < sizeof(CALLS) / sizeof(CALLS[0]); i++) {
			uint32_t answer = call(&f, &MACHINE[k], CALLS[i].call, CALLS[i].arg);
			if (answer != CALLS[i].answer)
				fail_msg("row %zu, %s, on machine %zu: %#x, wanted %#x", i,
					 CALLS[i].call, k, answer, CALLS[i].answer);
		}
		free(f.filter);
	}
}

static void unix_and_internet_sockets_are_all_that_is_left(void **state)
{
	(void)state;
	for (size_t k = 0; k < NMACHINE; k++) {
		struct sock_fprog f = build(&MACHINE[k], true);
		for (uint64_t family = 0; family < 100; family++) {
			bool is_left = family == AF_UNIX || family == AF_INET || family == AF_INET6;
			uint32_t want = is_left ? ALLOWED : DENIED(EAFNOSUPPORT);
			const uint64_t arg[NARG] = { family }, high[NARG] = { HIGH | family };
			assert_int_equal(call(&f, &MACHINE[k], "socket", arg), want);
			assert_int_equal(call(&f, &MACHINE[k], "socketpair", arg), want);
			/* not for the other families in disguise */
			assert_int_equal(call(&f, &MACHINE[k], "socket", high),
					 DENIED(EAFNOSUPPORT));
		}
		free(f.filter);
	}
}

static void calls_younger_than_the_table_are_unknown(void **state)
{
	(void)state;
	for (size_t k = 0; k < NMACHINE; k++) {
		struct sock_fprog f = build(&MACHINE[k], true);
		for (int nr = 451; nr < 1000; nr++) {
			const struct seccomp_data d = { .arch = MACHINE[k].audit, .nr = nr };
			assert_int_equal(ask(&f, &d), DENIED(ENOSYS));
		}
		free(f.filter);
	}
}

static void another_abi_is_killed(void **state)
{
	(void)state;
	for (size_t k = 0; k < NMACHINE; k++) {
		struct sock_fprog f = build(&MACHINE[k], true);
		for (int nr = 0; nr < 451; nr++) {
			struct seccomp_data d = { .arch = MACHINE[k].other, .nr = nr };
			assert_int_equal(ask(&f, &d), KILLED);
			d.arch = MACHINE[k].audit;
			d.nr |= 0x40000000;
			if (d.arch == AUDIT_ARCH_X86_64)
				assert_int_equal(ask(&f, &d), KILLED);
		}
		free(f.filter);
	}
}

static void memory_that_no_watcher_sees_is_denied_where_one_watches(void **state)
{
	(void)state;
	const uint64_t arg[NARG] = { 0 };
	for (size_t k = 0; k < NMACHINE; k++) {
		struct sock_fprog counted = build(&MACHINE[k], true);
		struct sock_fprog watched = build(&MACHINE[k], false);
		assert_int_equal(call(&counted, &MACHINE[k], "memfd_create", arg), ALLOWED);
		assert_int_equal(call(&watched, &MACHINE[k], "memfd_create", arg), DENIED(ENOSYS));
		free(counted.filter);
		free(watched.filter);
	}
}

/* By what namespaces are made with, and where the key goes: on the second machine clone's differs.
 */
static const struct {
	const char *call;
	uint64_t arg;
	unsigned at[NMACHINE];
	uint64_t key, other, also; /* that one as the second argument */
} KEYED[] = {
	{ "mount", 0, { 5, 5 }, KEYS_MOUNTS, KEYS_REST, 0 },
	{ "umount2", 0, { 2, 2 }, KEYS_MOUNTS, KEYS_REST, 0 },
	{ "unshare", CLONE_NEWCGROUP, { 1, 1 }, KEYS_MOUNTS, KEYS_REST, 0 },
	{ "unshare", CLONE_NEWNS | CLONE_NEWPID, { 1, 1 }, KEYS_MOUNTS, KEYS_REST, 0 },
	{ "unshare", CLONE_NEWUSER, { 2, 2 }, KEYS_REST, KEYS_MOUNTS, KEYS_MOUNTS },
	{ "unshare", CLONE_NEWUSER | CLONE_NEWNS, { 2, 2 }, KEYS_REST, KEYS_MOUNTS, KEYS_MOUNTS },
	{ "clone", CLONE_NEWPID, { 4, 3 }, KEYS_MOUNTS, KEYS_REST, 0 },
	{ "clone", CLONE_NEWPID | CLONE_NEWNS | CLONE_VM, { 4, 3 }, KEYS_MOUNTS, KEYS_REST, 0 },
	{ "clone3", 0, { 2, 2 }, KEYS_REST, KEYS_MOUNTS, 0 },
	{ "prlimit64", 1, { 4, 4 }, KEYS_REST, KEYS_MOUNTS, 0 },
};

static void who_has_the_key_may_make_namespaces_and_nobody_else(void **state)
{
	(void)state;
	for (size_t k = 0; k < NMACHINE; k++) {
		struct sock_fprog f = build(&MACHINE[k], true);
		for (size_t i = 0; i < sizeof(KEYED) / sizeof(KEYED[0]); i++) {
			/* none, half of it, the other one, one bit wrong */
			const uint64_t wrong[] = { 0,
						   KEYED[i].key & 0xffffffff,
						   KEYED[i].key & ~(uint64_t)0xffffffff,
						   KEYED[i].other,
						   KEYED[i].key ^ 1,
						   KEYED[i].key ^ HIGH };
			const unsigned at = KEYED[i].at[k];
			uint64_t arg[NARG] = { KEYED[i].arg, KEYED[i].also };
			for (size_t n = 0; n < sizeof(wrong) / sizeof(wrong[0]); n++) {
				arg[at] = wrong[n];
				assert_int_not_equal(call(&f, &MACHINE[k], KEYED[i].call, arg),
						     ALLOWED);
			}
			arg[at] = KEYED[i].key;
			assert_int_equal(call(&f, &MACHINE[k], KEYED[i].call, arg), ALLOWED);
			/* where the kernel would take it for an argument it is none */
			arg[at] = 0;
			for (unsigned other = 1; other < NARG; other++)
				if (other != at) {
					const uint64_t was = arg[other];
					arg[other] = KEYED[i].key;
					assert_int_not_equal(
						call(&f, &MACHINE[k], KEYED[i].call, arg), ALLOWED);
					arg[other] = was;
				}
		}
		free(f.filter);
	}
}

/* What nobody in the slot needs, no key opens. */
static void no_key_opens_the_rest(void **state)
{
	static const struct {
		const char *call;
		uint64_t arg;
	} SHUT[] = {
		{ "clone", CLONE_NEWUSER | CLONE_NEWNS },
		{ "clone", CLONE_NEWNET },
		{ "pivot_root", 0 },
		{ "setns", 0 },
		{ "fsmount", 0 },
		{ "ptrace", 0 },
	};
	(void)state;
	for (size_t k = 0; k < NMACHINE; k++) {
		struct sock_fprog f = build(&MACHINE[k], true);
		for (size_t i = 0; i < sizeof(SHUT) / sizeof(SHUT[0]); i++)
			for (unsigned at = 1; at < NARG; at++) {
				uint64_t arg[NARG] = { SHUT[i].arg };
				arg[at] = KEYS.mounts;
				assert_int_not_equal(call(&f, &MACHINE[k], SHUT[i].call, arg),
						     ALLOWED);
				arg[at] = KEYS.rest;
				assert_int_not_equal(call(&f, &MACHINE[k], SHUT[i].call, arg),
						     ALLOWED);
			}
		free(f.filter);
	}
}

int main(void)
{
	static const struct CMUnitTest test[] = {
		cmocka_unit_test(calls_are_answered_as_the_table_says_on_both_machines),
		cmocka_unit_test(unix_and_internet_sockets_are_all_that_is_left),
		cmocka_unit_test(calls_younger_than_the_table_are_unknown),
		cmocka_unit_test(another_abi_is_killed),
		cmocka_unit_test(who_has_the_key_may_make_namespaces_and_nobody_else),
		cmocka_unit_test(no_key_opens_the_rest),
		cmocka_unit_test(memory_that_no_watcher_sees_is_denied_where_one_watches),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("filter", test, NULL, NULL);
}
