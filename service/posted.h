/* posted -- POST /run: a source text whose language is not told, and options in the query. */
#ifndef SERVICE_POSTED_H
#define SERVICE_POSTED_H

#include "service/detect.h"
#include "service/http.h"

/* A source is UTF-8 without NUL; ERR_MALFORMED else. */
bool posted_check(struct bytes source, struct err *e);
/*
 * The JSON request of the call's body in that language, with the options of its query: env (JSON),
 * network_mode, ttl, return_artifact, return_wasm_artifact. What cannot be right is left for
 * wire_request_parse to refuse, as in any request.
 */
bool posted_request(const struct call *c, const char *language, struct buf *out, struct err *e);
/* Those options as parameters of OpenAPI, a comma before each but the first. */
bool posted_print_options(bool is_first, struct buf *b);
/* Answers 422 with the candidates, in the sentence and as a list. */
bool posted_undetected(struct call *c, const struct detected *d, struct err *e);

#endif
