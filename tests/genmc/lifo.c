/* SPDX-License-Identifier: BSD-2-Clause */
/* lifo.c - the stack of src/lifo.h, of MAXSIZE places, with top.h, pool.h and reclaim.h. */
#include "world.h"

#define ORDER LAST_IN

#include "lifo.h"

#include "../../src/pool.c"
#include "../../src/reclaim.c"

static struct lifo *lifo;
static int64_t maxsize = MAXSIZE;

static void queue_new(void)
{
  lifo = lifo_new();
}

static int queue_put(uint64_t item)
{
  enum quick quick = lifo_quick_put(lifo, &maxsize, pawl__self, item, NULL, false);
  if (quick == QUICK_THROUGH)
    return 0;
  return lifo_try_put(lifo, &maxsize, pawl__self, item, NULL, NULL);
}

static int queue_get(uint64_t *item)
{
  enum quick quick = lifo_quick_get(lifo, pawl__self, item);
  return quick == QUICK_THROUGH ? 0 : lifo_try_get(lifo, pawl__self, item);
}

static void queue_close(void)
{
  top_close(&lifo->top);
}

#include "queue.h"
