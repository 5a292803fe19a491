/* service_fuzz -- bytes as what a stranger sends, for the fuzzer and for the replay of its corpus.
 */
#ifndef TESTS_UNIT_SERVICE_FUZZ_H
#define TESTS_UNIT_SERVICE_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/fs.h"
#include "service/auth.h"
#include "service/detect.h"
#include "service/range.h"

/* A request that is taken can be printed, and means the same when it is read again. */
static inline void fuzz_request(const char *text, size_t n)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf once = BUF(1 << 24), twice = BUF(1 << 24);
	struct wire_request r;
	struct err e = { 0 };

	if (!wire_request_parse(&a, text, n, &r, &e))
		return;
	if (!wire_request_print(&r, &once) ||
	    !wire_request_parse(&a, buf_text(&once), once.len, &r, &e) ||
	    !wire_request_print(&r, &twice) || once.len != twice.len ||
	    memcmp(buf_text(&once), buf_text(&twice), once.len) != 0)
		abort();
}

/* "AUTHORIZATION\nTIMESTAMP\nSIGNATURE", as headers are: without NUL. */
static inline void fuzz_claim(const char *text, size_t n)
{
	CLEAN_ARENA struct arena a = { 0 };
	char *head = arena_strndup(&a, text, n), *stamp, *signature;
	struct auth_claim c = { .authorization = head };
	char tenant[DIGEST_HEX];
	struct err e = { 0 };

	stamp = strchr(head, '\n');
	if (stamp) {
		*stamp++ = '\0';
		c.timestamp = stamp;
		signature = strchr(stamp, '\n');
		if (signature)
			*signature++ = '\0';
		c.signature = signature;
	}
	if (auth_check(NULL, &c, 0, tenant, &e) && *tenant && strlen(tenant) != DIGEST_HEX - 1)
		abort();
}

static inline void fuzz_range(const char *text, size_t n)
{
	CLEAN_ARENA struct arena a = { 0 };
	const size_t sizes[] = { 0, 1, 10, 1 << 20 };
	const char *header = arena_strndup(&a, text, n);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct range r = range_parse(header, sizes[i]);

		if (r.kind == RANGE_PART && (!r.n || r.from + r.n > sizes[i]))
			abort();
	}
}

/* What decodes is what encodes to the same text. */
static inline void fuzz_base64(const char *text, size_t n)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf again = BUF(1 << 24);
	size_t len = 0;
	const char *data = base64_decode(&a, text, n, &len);

	if (data && (!base64_encode(&again, data, len) || again.len != n ||
		     memcmp(buf_text(&again), text, n) != 0))
		abort();
}

static inline void fuzz_keys(const char *text, size_t n)
{
	CLEAN_FD int fd = memfd_create("keys", MFD_CLOEXEC);
	CLEAN_BUF struct buf tell = BUF(1 << 20);
	struct keys *k;
	struct err e = { 0 };
	char path[32];
	int wait_s;

	if (!fs_write_all(fd, text, n) || fchmod(fd, 0600) < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	k = keys_open(path, &tell, &e);
	if (k && keys_of_secret(k, "abc"))
		keys_take(k, keys_of_secret(k, "abc")->tenant, 1, 1, &wait_s);
	keys_close(k);
}

static inline void fuzz_detect(const char *text, size_t n)
{
	const char *names[] = { "python3", "bash" };
	struct language item[] = { { .name = "python", .shebangs = { &names[0], 1 } },
				   { .name = "bash", .shebangs = { &names[1], 1 } } };
	const struct languages l = { .item = item, .n = 2 };
	CLEAN_ARENA struct arena a = { 0 };
	struct detected d = detect_language(&l, (struct bytes){ arena_strndup(&a, text, n), n });

	if (d.ncandidate > DETECT_MAX)
		abort();
}

/* The first byte chooses what the rest is. */
static inline void fuzz_service(const char *data, size_t n)
{
	static void (*const as[])(const char *text, size_t n) = {
		fuzz_request, fuzz_claim, fuzz_range, fuzz_base64, fuzz_keys, fuzz_detect,
	};

	if (n)
		as[(unsigned char)data[0] % (sizeof(as) / sizeof(as[0]))](data + 1, n - 1);
}

#endif
