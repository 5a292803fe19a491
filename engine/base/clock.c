#include "base/clock.h"

#include <stdio.h>

static int64_t read_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

int64_t clock_unix_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

void clock_iso(int64_t unix_s, char out[21])
{
	const int64_t last = 253402300799; /* the end of the year 9999: four digits */
	time_t t = unix_s < 0 ? 0 : unix_s > last ? last : unix_s;
	struct tm tm = { 0 };

	gmtime_r(&t, &tm);
	strftime(out, 21, "%Y-%m-%dT%H:%M:%SZ", &tm);
}
