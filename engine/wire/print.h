/*
 * print -- compact JSON straight into a buf, fields in the order they are put. For this room only.
 */
#ifndef ENGINE_WIRE_PRINT_H
#define ENGINE_WIRE_PRINT_H

#include "wire/wire.h"

/* One printing: after the first thing that does not fit, nothing more is added. */
struct wire_out {
	struct buf *b;
	bool is_full;  /* something did not fit */
	bool has_item; /* what comes next needs a comma */
};

/* In a list key is NULL; else it is a word that stands in JSON as it is. */
void wire_open(struct wire_out *o, const char *key, const char *bracket);
void wire_close(struct wire_out *o, const char *bracket);
void wire_put_bytes(struct wire_out *o, const char *key, struct bytes value);
void wire_put_text(struct wire_out *o, const char *key, const char *value); /* NULL: null */
void wire_put_pair(struct wire_out *o, const struct wire_pair *pair);       /* of any text */
void wire_put_base64(struct wire_out *o, const char *key, struct bytes value);
void wire_put_int(struct wire_out *o, const char *key, int64_t value);
void wire_put_bool(struct wire_out *o, const char *key, bool value);
void wire_put_raw(struct wire_out *o, const char *key, const char *json);
void wire_put_texts(struct wire_out *o, const char *key, const char *const *item, size_t n);

#endif
