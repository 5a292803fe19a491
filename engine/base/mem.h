/* mem -- malloc that ends the program instead of failing. For the files of this room only. */
#ifndef ENGINE_BASE_MEM_H
#define ENGINE_BASE_MEM_H

#include <stddef.h>

/* n * size bytes, zeroed. */
__attribute__((returns_nonnull)) void *mem_zalloc(size_t n, size_t size);
/* p made n * size bytes long; what is new is not zeroed. */
__attribute__((returns_nonnull)) void *mem_resize(void *p, size_t n, size_t size);

#endif
