/*
 * banned -- what must not be called: unbounded copies, silent truncation, parsers
 * without errors (parse_int of yaml.h has them), static results (gmtime_r).
 * Every file of ours is compiled with it in front.
 */
#ifndef ENGINE_BASE_BANNED_H
#define ENGINE_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Without __va_arg_pack (clang) these are macros of _FORTIFY_SOURCE, which cannot be poisoned. */
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat sprintf vsprintf strtok strncpy strncat gets tmpnam mktemp
#pragma GCC poison atoi atol atoll atof gmtime localtime ctime asctime

#endif
