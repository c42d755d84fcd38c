/* SPDX-License-Identifier: BSD-2-Clause */
/* priority.c - the heap of src/heap.h, of MAXSIZE places, with top.h, pool.h and reclaim.h. An item is its own key. */
#include "world.h"

#define ORDER LOWEST

#include "heap.h"

#include "../../src/pool.c"
#include "../../src/reclaim.c"

static struct heap *heap;
static int64_t maxsize = MAXSIZE;

static void queue_new(void)
{
  heap = heap_new(0);
}

static int queue_put(uint64_t item)
{
  return heap_try_put(heap, &maxsize, pawl__self, (int64_t)item, item, NULL, NULL);
}

static int queue_get(uint64_t *item)
{
  int64_t key = 0;
  int result = heap_try_get(heap, pawl__self, &key, item);
  assert(result != 0 || key == (int64_t)*item);
  return result;
}

static void queue_close(void)
{
  top_close(&heap->top);
}

#include "queue.h"
