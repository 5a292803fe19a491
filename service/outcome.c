#include "service/outcome.h"

#define FILE_BYTES  16384
#define FILES_LEAST 4096
#define FILES_MOST  (1 << 20)

/* A limit of the request, or the service's default where the request has none. */
static uint64_t given(int64_t value, int64_t otherwise)
{
	return (uint64_t)(value > 0 ? value : otherwise);
}

static uint64_t at_least(uint64_t value, uint64_t least)
{
	return value < least ? least : value;
}

static uint64_t disk_bytes(const struct wire_request *r)
{
	return given(r->limits.disk_mb, WIRE_LIMITS_DEFAULT.disk_mb) * WIRE_MB;
}

struct jail_run outcome_limits(enum outcome_step step, const struct wire_request *r)
{
	uint64_t ttl_ms = given(r->ttl_s, WIRE_TTL_DEFAULT) * 1000;
	uint64_t memory_mb = given(r->limits.memory_mb, WIRE_LIMITS_DEFAULT.memory_mb);
	uint64_t processes = given(r->limits.processes, WIRE_LIMITS_DEFAULT.processes);
	struct jail_run run = { .op = JAIL_RUN, .file_bytes = disk_bytes(r) };

	if (step == OUTCOME_RUN) {
		run.wall_ms = ttl_ms;
		run.cpu_ms = given(r->limits.cpu_ms, (int64_t)ttl_ms);
	} else {
		run.wall_ms = (uint64_t)WIRE_COMPILE_TTL * 1000;
		memory_mb = at_least(memory_mb, OUTCOME_TOOL_MEMORY_MB);
		processes = at_least(processes, OUTCOME_TOOL_PROCESSES);
	}
	run.memory_bytes = memory_mb * WIRE_MB;
	run.processes = (uint32_t)processes;
	return run;
}

struct jail_prepare outcome_folder(const struct wire_request *r)
{
	uint64_t bytes = disk_bytes(r);
	uint64_t files = at_least(bytes / FILE_BYTES, FILES_LEAST);

	return (struct jail_prepare){ .op = JAIL_PREPARE,
				      .disk_bytes = bytes,
				      .max_files =
					      files > FILES_MOST ? FILES_MOST : (uint32_t)files };
}

size_t outcome_output_bytes(const struct wire_request *r)
{
	return (size_t)given(r->limits.output_bytes, WIRE_LIMITS_DEFAULT.output_bytes);
}

/* A cause as a row: what it makes of a result, but for exit and signal, whose status counts. */
static const struct kill {
	enum wire_status status;
	enum wire_limit limit;
} kills[] = {
	[JAIL_CAUSE_EXIT] = { WIRE_COMPLETED, WIRE_NO_LIMIT },
	[JAIL_CAUSE_SIGNAL] = { WIRE_COMPLETED, WIRE_NO_LIMIT },
	[JAIL_CAUSE_WALL] = { WIRE_TIMEOUT, WIRE_LIMIT_TTL },
	[JAIL_CAUSE_CPU] = { WIRE_TIMEOUT, WIRE_LIMIT_CPU },
	[JAIL_CAUSE_MEMORY] = { WIRE_COMPLETED, WIRE_LIMIT_MEMORY },
	[JAIL_CAUSE_KILLED] = { WIRE_CANCELLED, WIRE_NO_LIMIT },
	[JAIL_CAUSE_FAILED] = { WIRE_FAILED, WIRE_NO_LIMIT },
};

static enum wire_limit first_limit(const struct jail_ended *ended, const struct wire_result *out)
{
	if (ended->hit_processes)
		return WIRE_LIMIT_PROCESSES;
	if (out->out_truncated || out->err_truncated)
		return WIRE_LIMIT_OUTPUT;
	if (ended->hit_disk)
		return WIRE_LIMIT_DISK;
	return kills[ended->cause].limit;
}

/* What was under way, as the subject of a sentence. */
static const char *const subjects[] = {
	[OUTCOME_UNPACK] = "unpacking the archive",
	[OUTCOME_COMPILE] = "compiling",
	[OUTCOME_RUN] = "the program",
};

/* The sentence of "error": why we ended it; NULL when it ended by itself. */
static const char *sentence(struct arena *a, enum outcome_step step, const struct jail_ended *ended,
			    const struct wire_request *r)
{
	struct jail_run run = outcome_limits(step, r);

	switch ((enum jail_cause)ended->cause) {
	case JAIL_CAUSE_EXIT:
	case JAIL_CAUSE_SIGNAL:
		return NULL;
	case JAIL_CAUSE_WALL:
		return arena_printf(a, "%s was stopped after %llu seconds%s", subjects[step],
				    (unsigned long long)run.wall_ms / 1000,
				    step == OUTCOME_RUN ? " (ttl)" : "");
	case JAIL_CAUSE_CPU:
		return arena_printf(a, "%s was stopped after %.3g seconds of CPU time",
				    subjects[step], (double)run.cpu_ms / 1000);
	case JAIL_CAUSE_MEMORY:
		return arena_printf(a, "%s was stopped: it needed more than %llu MB of memory",
				    subjects[step], (unsigned long long)run.memory_bytes / WIRE_MB);
	case JAIL_CAUSE_KILLED:
		return "Job cancelled by user";
	case JAIL_CAUSE_FAILED:
		return arena_printf(a, "%s could not be started: %.*s", subjects[step],
				    (int)sizeof(ended->text), ended->text);
	}
	return NULL;
}

static int exit_code(const struct jail_ended *ended)
{
	if (ended->cause == JAIL_CAUSE_EXIT)
		return ended->status;
	return ended->cause == JAIL_CAUSE_SIGNAL ? 128 + ended->status : -1;
}

void outcome_tell(struct arena *a, enum outcome_step step, const struct jail_ended *ended,
		  const struct wire_request *r, struct wire_result *out)
{
	out->status = kills[ended->cause].status;
	out->limit = first_limit(ended, out);
	out->exit_code = exit_code(ended);
	out->signal = ended->cause == JAIL_CAUSE_SIGNAL ? ended->status : 0;
	out->error = sentence(a, step, ended, r);
	out->success = step == OUTCOME_RUN && ended->cause == JAIL_CAUSE_EXIT && !ended->status;
	if (step == OUTCOME_RUN) {
		out->cpu_time_ms = (int64_t)(ended->cpu_us / 1000);
		out->peak_memory_bytes = (int64_t)ended->peak_memory_bytes;
	}
}

void outcome_refuse(struct arena *a, const struct err *e, struct wire_result *out)
{
	bool is_full = e->kind == ERR_TOO_LARGE;

	out->status = is_full ? WIRE_COMPLETED : WIRE_FAILED;
	out->limit = is_full ? WIRE_LIMIT_DISK : WIRE_NO_LIMIT;
	out->exit_code = -1;
	out->success = false;
	out->error = arena_strdup(a, e->msg);
}
