/* retry -- which failures are tried again, and when; internal to api. */
#ifndef ENGINE_API_RETRY_H
#define ENGINE_API_RETRY_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

/* Whether trying again cannot help: a bad URL or certificate, an answer too large. */
bool retry_is_useless(CURLcode code);
/* Whether the service was not even reached. */
bool retry_is_unreached(CURLcode code);
/* Whether an HTTP status says: later. */
bool retry_is_later(long status);
/*
 * Milliseconds to wait after try number tries (from 1): backoff_ms doubled each time, at most 30 s,
 * of which a random half to whole is taken (chance: any 64 bits); never less than the service asked
 * for, at most 120 s of that, plus up to backoff_ms so that not all come back at one instant.
 */
int64_t retry_wait_ms(int tries, int64_t backoff_ms, int64_t retry_after_s, uint64_t chance);

#endif
