/*
 * json -- cJSON, with its loose ends tied.
 *
 * cJSON stops at NUL, accepts bad escapes, rounds integers past 2^53 and looks
 * keys up without regard to case. So text is checked here first (RFC 8259, valid
 * UTF-8, nesting at most JSON_MAX_DEPTH, at most JSON_MAX_VALUES values, no key twice
 * in one object), and values are read by the functions below only.
 */
#ifndef ENGINE_BASE_JSON_H
#define ENGINE_BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define JSON_MAX_DEPTH  32
#define JSON_MAX_VALUES 1000000 /* in all: cJSON takes some 80 bytes for each */

enum json_nul {
	JSON_NUL_REFUSE,  /* an escaped NUL in a string is a mistake: what a client sends us */
	JSON_NUL_REPLACE, /* it becomes U+FFFD: what another service answered */
};

/*
 * Parse; NULL with e (ERR_MALFORMED, naming the byte offset) if it is not JSON. Free with
 * cJSON_Delete.
 */
cJSON *json_parse(const char *text, size_t len, enum json_nul nul, struct err *e);
/* The member of that exact name, or NULL; a null counts as absent. */
const cJSON *json_get(const cJSON *object, const char *key);
/*
 * Typed members: absent leaves *out alone; a wrong type fails with ERR_MALFORMED naming the field.
 */
bool json_get_text(const cJSON *object, const char *key, const char **out, struct err *e);
bool json_get_bool(const cJSON *object, const char *key, bool *out, struct err *e);
/* An integer between min and max, written as one; else fails naming field, found and wanted. */
bool json_get_int(const cJSON *object, const char *key, int64_t min, int64_t max, int64_t *out,
		  struct err *e);
/*
 * Add a string of any bytes: what is not UTF-8, and NUL, becomes U+FFFD (one for each maximal bad
 * part).
 */
void json_add_bytes(cJSON *object, const char *key, const void *data, size_t len);
/* The same, appended to b as a quoted JSON string. */
bool json_quote(struct buf *b, const void *data, size_t len);
/* Print compact into b. */
bool json_print(const cJSON *value, struct buf *b);

/* Whether the bytes can stand in JSON as they are: UTF-8 without NUL. */
bool json_is_text(const void *data, size_t len);

#define JSON_FOUND 64
/*
 * What a value is, for messages: "'soon'", "5", "true", "a list", "an object", "null" (NULL, too).
 */
void json_found(const cJSON *value, char out[JSON_FOUND]);

void json_free(cJSON **value); /* for CLEAN_JSON */

#define CLEAN_JSON __attribute__((cleanup(json_free)))

#endif
