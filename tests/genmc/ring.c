/* SPDX-License-Identifier: BSD-2-Clause */
/* ring.c - the stamp ring of src/ring.h, of MAXSIZE places. */
#include "world.h"

#include "ring.h"

#include "../../src/reclaim.c"

static struct ring *ring;
static int64_t maxsize = MAXSIZE;

static struct reclaim_group *group(void)
{
  return reclaim_group(pawl__self, ring);
}

static void queue_new(void)
{
  ring = ring_new(MAXSIZE, 0);
}

static int queue_put(uint64_t item)
{
  enum quick quick = ring_quick_put(ring, &maxsize, item, NULL, false);
  int result = quick == QUICK_THROUGH ? 0 : RING_STALLED;
  for (unsigned tries = 0; result == RING_STALLED; tries++) {
    try_again(tries);
    result = ring_try_put(ring, &maxsize, group(), item, NULL, NULL, quick == QUICK_LOST);
  }
  return result;
}

static int queue_get(uint64_t *item)
{
  enum quick quick = ring_quick_get(ring, pawl__self, item);
  int result = quick == QUICK_THROUGH ? 0 : RING_STALLED;
  for (unsigned tries = 0; result == RING_STALLED; tries++) {
    try_again(tries);
    result = ring_try_get(ring, group(), item, quick == QUICK_LOST);
  }
  return result;
}

static void queue_close(void)
{
  ring_close(ring);
}

#include "queue.h"
