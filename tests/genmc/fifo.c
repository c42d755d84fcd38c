/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fifo.c - the lock-free FIFO core of src/fifo.h, with CELLS per segment, bounded to MAXSIZE or not. A get has no
 * patience in world 3, so that it voids the cell of every put that is midway.
 */
#include "world.h"

#include "fifo.h"

#include "../../src/reclaim.c"

#ifndef MAXSIZE
#define MAXSIZE 0
#endif

static struct pawl__fifo fifo;
static int64_t maxsize = MAXSIZE;
static _Thread_local bool moved; /* nobody asks */

static struct fifo_mode mode(void)
{
  return (struct fifo_mode){.maxsize = &maxsize, .cells = CELLS, .grow = true};
}

static void queue_new(void)
{
}

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
