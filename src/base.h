/* SPDX-License-Identifier: BSD-2-Clause */
/* base.h - allocation through the hook of pawl_set_allocator. Layer 0. */
#ifndef PAWL_SRC_BASE_H
#define PAWL_SRC_BASE_H

#include <pawl/base.h>

/* `size` zero bytes aligned to `align` (a power of two, at most 128), or NULL. */
void *pawl__alloc(size_t size, size_t align);
void pawl__free(void *memory, size_t size, size_t align);

#endif
