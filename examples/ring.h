/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.h - somebody's ring for one producer and one consumer, as one finds it in programs; it knows nothing of Pawl. It has
 * run for years on x86 and loses an item now and then on other processors. ring_check.c finds out why.
 * Define RING_FIXED for the ring as it should be, RING_READ and RING_WRITE to watch the accesses that are not atomic.
 */
#ifndef RING_H
#define RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#ifndef RING_READ
#define RING_READ(p) (*(p))
#define RING_WRITE(p, v) (*(p) = (v))
#endif

/* Release and acquire would do for the items. That "full" and "empty" are true for both sides at once needs seq_cst. */
#ifdef RING_FIXED
#define RING_PUBLISH memory_order_seq_cst
#define RING_RETURN memory_order_seq_cst
#define RING_LOOK memory_order_seq_cst
#else
#define RING_PUBLISH memory_order_relaxed /* "the index is only a counter" */
#define RING_RETURN memory_order_release
#define RING_LOOK memory_order_acquire
#endif

enum { RING_SLOTS = 8 };

struct ring {
  _Atomic uint64_t head, tail;
  uint64_t capacity;
  uint64_t slot[RING_SLOTS];
};

static inline bool ring_put(struct ring *r, uint64_t item)
{
  uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
  if (tail - atomic_load_explicit(&r->head, RING_LOOK) == r->capacity)
    return false;
  RING_WRITE(&r->slot[tail % RING_SLOTS], item);
  atomic_store_explicit(&r->tail, tail + 1, RING_PUBLISH);
  return true;
}

static inline bool ring_get(struct ring *r, uint64_t *item)
{
  uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
  if (head == atomic_load_explicit(&r->tail, RING_LOOK))
    return false;
  *item = RING_READ(&r->slot[head % RING_SLOTS]);
  atomic_store_explicit(&r->head, head + 1, RING_RETURN);
  return true;
}

#endif
