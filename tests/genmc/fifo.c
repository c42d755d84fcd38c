/* SPDX-License-Identifier: BSD-2-Clause */
/* fifo.c - the lock-free FIFO core of src/fifo.h; the first try of an operation is its quick path, as in core.h. */
#include "world.h"

#include "segments.h"

#include "fifo.h"

#include "../../src/reclaim.c"

static int queue_put(uint64_t item)
{
  enum quick quick = fifo_quick_put(&fifo, &maxsize, pawl__self, item, false);
  return quick == QUICK_THROUGH ? 0 : fifo_try_put(&fifo, mode(), pawl__self, item, NULL, quick == QUICK_LOST);
}

static int queue_get(uint64_t *item)
{
  enum quick quick = fifo_quick_get(&fifo, pawl__self, item);
  return quick == QUICK_THROUGH ? 0 : fifo_try_get(&fifo, mode(), pawl__self, item, &moved, quick == QUICK_LOST);
}

static void queue_close(void)
{
  (void)fifo_close(&fifo, pawl__self);
}

#include "queue.h"
