/* Any bytes that a hostile endpoint answers are a job, or are told what is wrong; a job survives
 * being printed. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/wire.h"

#define ANSWER_MAX ((size_t)1 << 26)

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void check_job(struct arena *a, const struct wire_job *job)
{
	CLEAN_BUF struct buf b = BUF(ANSWER_MAX);
	struct wire_job again;
	struct err e = { 0 };

	assert(job->id && *job->id);
	assert(!wire_has_ended(job->status) || job->result);
	if (!wire_job_print(job, &b))
		return;
	assert(wire_job_parse(a, buf_text(&b), b.len, &again, &e));
	assert(!strcmp(again.id, job->id) && again.status == job->status);
	if (!job->result)
		return;
	assert(again.result->nartifact == job->result->nartifact);
	for (size_t i = 0; i < job->result->nartifact; i++)
		assert(again.result->artifact[i].data.len == job->result->artifact[i].data.len);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	CLEAN_ARENA struct arena a = { 0 };
	const char *text = arena_strndup(&a, (const char *)data, n), *sentence;
	struct wire_job job;
	struct err e = { 0 };

	if (wire_job_parse(&a, text, n, &job, &e))
		check_job(&a, &job);
	else
		assert(e.kind != ERR_NONE && *e.msg);
	sentence = wire_error_parse(&a, text, n);
	assert(!sentence || strlen(sentence) < ANSWER_MAX);
	return 0;
}
