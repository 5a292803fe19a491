/* Any bytes are a text with ${{ }}: what it says is said, or why it cannot be; never a crash. */
#include "spec/spec.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

/* A third of what is asked for is not known. */
static bool give(void *ctx, const char *job, const char *what, struct text *out)
{
	(void)ctx;
	*out = (struct text){ .s = "one\ntwo\n", .len = 8 };
	return (strlen(job) + strlen(what)) % 3 != 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	static struct pair vars[] = { { .key = "v", .value = { .s = "1", .len = 1 } },
				      { .key = NULL } };
	static struct pair env[] = {
		{ .key = "E",
		  .value = { .s = "${{ vars.v }}${{ env.E }}", .len = 25, .has_expr = true } }
	};
	static const struct pair matrix[] = {
		{ .key = "n", .value = { .s = "7", .len = 1 }, .path = "a/b.c" }
	};
	struct job_spec job = { .folder = "/nonexistent", .env = { env, 1 } };
	struct spec spec = { .folder = "/nonexistent", .vars = { vars, 1 } };
	struct scope scope = {
		.spec = &spec, .matrix = matrix, .nmatrix = 1, .job = &job, .needs = give
	};
	CLEAN_ARENA struct arena a = { 0 };
	struct text out,
		t = { .s = arena_strndup(&a, (const char *)data, n), .len = n, .has_expr = true };
	struct err e = { 0 };

	if (spec_eval(&a, &scope, &t, &out, &e) ? out.s[out.len] != 0 : e.kind == ERR_NONE)
		abort();
	return 0;
}
