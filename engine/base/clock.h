/* clock -- the time. Code under test takes the time as an argument instead. */
#ifndef ENGINE_BASE_CLOCK_H
#define ENGINE_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

int64_t clock_mono_ms(void); /* CLOCK_MONOTONIC: for durations */
int64_t clock_unix_ms(void); /* CLOCK_REALTIME: for stamps */
/* unix_s as ISO 8601 UTC, "2026-11-22T12:00:00Z". */
void clock_iso(int64_t unix_s, char out[21]);

#endif
