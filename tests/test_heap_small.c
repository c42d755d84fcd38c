/* SPDX-License-Identifier: BSD-2-Clause */
/* test_heap_small.c - test_heap.c with chunks of three entries, so that heaps are deep, and chunks seldom full. */
#define HEAP_CHUNK_ 3
#define SUITE heap_small
#include "test_heap.c"
