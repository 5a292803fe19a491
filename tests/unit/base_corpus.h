/* corpus -- the seeds of a fuzzer, and what it found before, as a unit test. */
#ifndef TESTS_UNIT_BASE_CORPUS_H
#define TESTS_UNIT_BASE_CORPUS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>

#include "base/fs.h"

typedef void corpus_fn(const char *data, size_t n);

struct corpus {
	const char *folder; /* fixtures/fuzz/NAME */
	corpus_fn *fn;
	bool is_cut; /* each of them at every byte too */
	size_t n;    /* so many there were */
};

static inline bool corpus_file(void *ctx, const char *path, const struct stat *st, struct err *e)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct corpus *c = ctx;
	char *data;
	size_t len;

	(void)st;
	if (!fs_read(&a, AT_FDCWD, arena_printf(&a, "%s/%s", c->folder, path), 1 << 20, &data, &len,
		     e))
		return false;
	for (size_t cut = c->is_cut ? 0 : len; cut <= len; cut++)
		c->fn(data, cut);
	c->n++;
	return true;
}

/* All of the folder, at least so many. */
static inline void corpus_replay(struct corpus c, size_t least)
{
	struct err e = { 0 };

	if (!fs_walk(AT_FDCWD, c.folder, 1000, corpus_file, &c, &e))
		fail_msg("%s", e.msg);
	assert_true(c.n >= least);
}

#endif
