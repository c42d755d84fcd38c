/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * subjects_orders.c - the queue of subjects_queue.c in the orders beside first in, first out: last in, first out; by keys,
 * strictly, lock-free or under a lock, also by a comparison of the items; by keys, nearly.
 */
#include "../../src/atomic.h"
#pragma GCC diagnostic ignored "-Wunused-function" /* of heap.h only the struct is wanted */
#include "../../src/heap.h"
#include "machine.h"
#include "subjects.h"

#include <errno.h>

static int open_order(void *object, const struct pawl_check_setup *setup, unsigned order, unsigned flags)
{
  const struct pawl_queue_options options = {.maxsize = setup->capacity, .order = order, .flags = flags, .heaps = 2};
  int result = queue_open(object, setup, &options);
  if (result == 0 && order == PAWL_PRIORITY)
    ((struct heap *)((struct pawl_queue *)object)->core_)->first = setup->start; /* sequences wrap */
  return result;
}

static int init_lifo(void *object, const struct pawl_check_setup *setup)
{
  return open_order(object, setup, PAWL_LIFO, PAWL_UNTRACKED);
}

static int init_lifo_tracked(void *object, const struct pawl_check_setup *setup)
{
  return open_order(object, setup, PAWL_LIFO, 0);
}

static int init_priority(void *object, const struct pawl_check_setup *setup)
{
  return open_order(object, setup, PAWL_PRIORITY, PAWL_UNTRACKED);
}

static int init_priority_tracked(void *object, const struct pawl_check_setup *setup)
{
  return open_order(object, setup, PAWL_PRIORITY, 0);
}

static int init_relaxed(void *object, const struct pawl_check_setup *setup)
{
  return open_order(object, setup, PAWL_RELAXED, 0);
}

/* ---- a heap under a lock */

struct compared {
  struct pawl_queue q; /* first, for queue_ops */
  uint64_t calls;      /* of `less`, whom the lock keeps apart */
  bool fails;
};

static int less(void *ctx, uint64_t a, uint64_t b)
{
  struct compared *c = ctx;
  uint64_t calls = at_plain_load(&c->calls) + 1;
  at_plain_store(&c->calls, calls);
  return c->fails && calls % 3 == 0 ? -EAGAIN : queue_key(a) < queue_key(b);
}

static int open_locked(void *object, const struct pawl_check_setup *setup, int (*compare)(void *, uint64_t, uint64_t))
{
  const struct pawl_queue_options options = {.maxsize = setup->capacity,
                                             .order = PAWL_PRIORITY,
                                             .progress = PAWL_LOCKED,
                                             .less = compare,
                                             .less_ctx = compare != NULL ? object : NULL};
  return queue_open(object, setup, &options);
}

static int init_locked(void *object, const struct pawl_check_setup *setup)
{
  return open_locked(object, setup, NULL);
}

static int init_compared(void *object, const struct pawl_check_setup *setup)
{
  return open_locked(object, setup, less);
}

static int init_compared_failing(void *object, const struct pawl_check_setup *setup)
{
  ((struct compared *)object)->fails = true;
  return open_locked(object, setup, less);
}

/* ---- */

#define ORDER(title, words, type, function, list, order, more)                                                                 \
  .name = title, .about = words, .size = sizeof(type), .init = function, .attach = queue_attach, .ops = list, .model = order,  \
  .flags = PAWL_CHECK_DRAIN | (more), .finish = queue_finish

/* Two-point only where a join counts a put from its admission. */
const struct pawl_check_subject subjects_orders[] = {
    {ORDER("lifo", "lock-free, last in, first out: put, get, shutdown", struct pawl_queue, init_lifo, core_ops, PAWL_CHECK_LIFO,
           PAWL_CHECK_LOCK_FREE)},
    {ORDER("lifo-queue", "the queue layer over it", struct pawl_queue, init_lifo_tracked, queue_ops, PAWL_CHECK_LIFO,
           PAWL_CHECK_LOCK_FREE | PAWL_CHECK_TWO_POINT)},
    {ORDER("priority", "lock-free, lowest key first: put, get, shutdown", struct pawl_queue, init_priority, core_ops,
           PAWL_CHECK_PRIORITY, PAWL_CHECK_LOCK_FREE)},
    {ORDER("priority-queue", "the queue layer over it", struct pawl_queue, init_priority_tracked, queue_ops,
           PAWL_CHECK_PRIORITY, PAWL_CHECK_LOCK_FREE | PAWL_CHECK_TWO_POINT)},
    {ORDER("locked", "lowest key first, under a lock", struct pawl_queue, init_locked, queue_ops, PAWL_CHECK_PRIORITY, 0)},
    {ORDER("locked-less", "the same by a comparison of items", struct compared, init_compared, queue_ops, PAWL_CHECK_PRIORITY,
           0)},
    /* An item whose comparison failed lies anywhere. No put of several: it does not tell whether its last item is inside. */
    {ORDER("locked-fails", "the same with comparisons that fail", struct compared, init_compared_failing, queue_ops,
           PAWL_CHECK_BAG, 0),
     .roles = "pPtgGhdDJjcxrRnNefsyFiv"},
    {ORDER("relaxed", "nearly the lowest key, from two heaps", struct pawl_queue, init_relaxed, queue_ops, PAWL_CHECK_BAG,
           PAWL_CHECK_TWO_POINT)},
    {.name = NULL},
};
