/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spsc.c - the FIFO core of src/spsc.h for one producer and one consumer, with CELLS per segment, bounded to MAXSIZE or not.
 */
#include "world.h"

#include "spsc.h"

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
