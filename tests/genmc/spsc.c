/* SPDX-License-Identifier: BSD-2-Clause */
/* spsc.c - the FIFO core of src/spsc.h for one producer and one consumer. */
#include "world.h"

#include "segments.h"

#include "spsc.h"

#include "../../src/reclaim.c"

static int queue_put(uint64_t item)
{
  enum quick quick = spsc_quick_put(&fifo, &maxsize, item, false);
  return quick == QUICK_THROUGH ? 0 : spsc_try_put(&fifo, mode(), pawl__self, item, NULL);
}

static int queue_get(uint64_t *item)
{
  enum quick quick = spsc_quick_get(&fifo, pawl__self, item);
  return quick == QUICK_THROUGH ? 0 : spsc_try_get(&fifo, mode(), pawl__self, item, &moved);
}

static void queue_close(void)
{
  spsc_close(&fifo);
}

#include "queue.h"
