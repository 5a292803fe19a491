/* openapi -- the routes as OpenAPI 3.1 describes them, with the schemas of all JSON. Pure. */
#ifndef SERVICE_OPENAPI_H
#define SERVICE_OPENAPI_H

#include "service/routes.h"

/* The whole description; the rows of a path stand one behind the other. False: b is full. */
bool openapi_print(const struct route *table, size_t n, struct buf *b);

#endif
