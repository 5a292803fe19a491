/* What a cache of any bytes must hold to; for the fuzzer, and for its seeds as a unit test. */
#ifndef TESTS_UNIT_CACHE_FUZZ_H
#define TESTS_UNIT_CACHE_FUZZ_H

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "cache/store.h"

#define FUZZ_KEY "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"

/* A file whose one result has these bytes, and the right digest. */
static inline void fuzz_wrap(struct buf *out, const char *data, size_t len)
{
	char hex[DIGEST_HEX];

	digest_sha256(data, len, hex);
	buf_printf(out,
		   "{\"what\":\"put\",\"at\":1,\"spec\":\"s\",\"cell\":\"c\",\"key\":\"%s\","
		   "\"inputs\":[],\"size\":%zu,\"sha256\":\"%s\"}\n",
		   FUZZ_KEY, len, hex);
	buf_add(out, data, len);
}

/* Take what can be taken, tell all stories, trim. */
static inline void fuzz_open(const char *root)
{
	CLEAN_ARENA struct arena a = { 0 };
	struct cache_key key = { .hex = FUZZ_KEY };
	struct cache_story *story;
	struct wire_result res;
	struct err e = { 0 };
	struct cache *c = cache_open(root, "s", 1, &e);
	size_t n;

	assert(c);
	if (cache_get(c, &a, "c", &key, &res))
		assert(res.out.data && res.err.data);
	assert(cache_explain(c, &a, "c", &story, &n, &e));
	assert(cache_trim(c, (int64_t)1 << 20, 1, &e));
	cache_close(c);
}

/* The bytes as a file of the cache; behind a 'P' as those of a result. */
static inline void fuzz_cache(const char *data, size_t len)
{
	CLEAN_ARENA struct arena a = { 0 };
	CLEAN_BUF struct buf file = BUF((size_t)1 << 26);
	char root[] = "/tmp/fuzz-cache-XXXXXX";
	struct err e = { 0 };

	if (len && *data == 'P')
		fuzz_wrap(&file, data + 1, len - 1);
	else
		buf_add(&file, data, len);
	if (!mkdtemp(root) || !fs_mkdirs(AT_FDCWD, arena_printf(&a, "%s/cache", root), &e) ||
	    !fs_write(AT_FDCWD, arena_printf(&a, "%s/cache/1.log", root), buf_text(&file), file.len,
		      &e))
		abort();
	fuzz_open(root);
	if (!fs_remove_tree(AT_FDCWD, root, &e))
		abort();
}

#endif
