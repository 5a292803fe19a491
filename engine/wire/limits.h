/* limits -- the ranges a request must keep to, beside those of wire.h. For this room only. */
#ifndef ENGINE_WIRE_LIMITS_H
#define ENGINE_WIRE_LIMITS_H

#include "wire/wire.h"

#define LIMIT_MEMORY_MB    (1 << 20)
#define LIMIT_PROCESSES    (1 << 16)
#define LIMIT_DISK_MB      (1 << 20)
#define LIMIT_OUTPUT_BYTES (64 << 20)
#define LIMIT_CPU_MS       (INT64_C(1000) * WIRE_TTL_MAX)
#define LIMIT_ARGS         1024 /* of args, and of compile_args */
#define LIMIT_GLOBS        100
#define LIMIT_GLOB_BYTES   1024
#define LIMIT_ENV_NAMES    4096
#define LIMIT_STRING_BYTES (128 << 10) /* execve(2)'s MAX_ARG_STRLEN, NUL included */
#define LIMIT_EXEC_BYTES \
	(1 << 20) /* args and env: half of what execve(2) takes at the usual stack size */
#define LIMIT_LANGUAGE 64

#endif
