/* What a journal of any bytes must hold to; for the fuzzer, and for its seeds as a unit test. */
#ifndef TESTS_UNIT_RUN_FUZZ_H
#define TESTS_UNIT_RUN_FUZZ_H

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "keep/keep.h"
#include "run/run.h"

/* A summary that was made counts its rows, and each has what reports read. */
static inline void fuzz_check_summary(const struct summary *s)
{
	size_t n = 0;

	for (int v = 0; v < NVERDICT; v++)
		n += s->count[v];
	assert(n == s->nrow);
	for (size_t i = 0; i < s->nrow; i++)
		assert(s->row[i].cell && s->row[i].job && s->row[i].reason);
}

/* Read the bytes as a journal; go on with the run, and read it again: the same comes out. */
static inline void fuzz_journal(const char *data, size_t len)
{
	CLEAN_ARENA struct arena a = { 0 };
	char folder[] = "/tmp/fuzz-run-XXXXXX";
	struct summary first, second;
	struct err e = { 0 };
	struct keep *k;
	bool ok;

	if (!mkdtemp(folder))
		abort();
	if (!fs_write(AT_FDCWD, arena_printf(&a, "%s/journal.jsonl", folder), data, len, &e))
		abort();
	ok = run_load(&a, folder, &first, &e);
	assert(ok || e.kind);
	if (ok)
		fuzz_check_summary(&first);
	k = keep_resume("/nowhere", folder, &e);
	assert(k);
	keep_close(k);
	assert(run_load(&a, folder, &second, &e) == ok);
	assert(!ok || first.nrow == second.nrow);
	if (!fs_remove_tree(AT_FDCWD, folder, &e))
		abort();
}

#endif
