/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lifo.h - the lock-free LIFO core: try_put, try_get, close on a linked stack. Layer 1. Never blocks; enters the kernel only
 * to allocate.
 *
 * Source: Treiber, "Systems programming: coping with parallelism" (IBM RJ 5118, 1986). Deviations:
 *  - a node knows its depth, so that the bound is exact and the size is one look;
 *  - ABA is ruled out by hazard slots (top.h) and nodes come from a pool (pool.h): no double-width CAS;
 *  - who loses the CAS pauses while the winner runs a batch out of its own cache (backoff.h);
 *  - close is a bit of the word.
 * No elimination (Hendler, Shavit and Yerushalmi, SPAA 2004): bench/RESULTS.md tells what was measured.
 *
 * Invariants: depth of a node = 1 + depth of the next, 0 without one; what is below the top never changes. A node that is
 * inside has been there since its put.
 *
 * Linearization points: put and get - the CAS; EMPTY and SHUTDOWN - the load of the word; FULL - the second load of the word,
 * which finds the same top as the one before maxsize was read (T1: it was the top meanwhile). A put that sees room reads
 * maxsize between the load of the top and the CAS, during which the top was the same: there was room by that bound.
 *
 * Progress: lock-free. A CAS fails only because another operation succeeded. Retention: R4 of reclaim.h and N4 of pool.h.
 */
#ifndef PAWL_SRC_LIFO_H
#define PAWL_SRC_LIFO_H

#include "admit.h"
#include "backoff.h"
#include "base.h"
#include "pool.h"
#include "top.h"
#include <errno.h>
#include <pawl/base.h>

struct lifo_node {
  struct pool_node pool; /* link: the next below */
  uint64_t depth;
  uint64_t item;
};

struct lifo {
  uint64_t top; /* struct lifo_node, or 0, and TOP_CLOSED */
  char pad[PAWL_LINE - 8];
  struct pool pool;
};

static inline struct lifo *lifo_new(void)
{
  struct lifo *l = pawl__alloc(sizeof *l, PAWL_LINE);
  if (l != NULL)
    pool_init(&l->pool, sizeof(struct lifo_node), 0, 0);
  return l;
}

static inline void lifo_free(struct lifo *l)
{
  pool_fini(&l->pool);
  pawl__free(l, sizeof *l, PAWL_LINE);
}

static inline struct lifo_node *lifo_below(const struct lifo_node *node)
{
  return (struct lifo_node *)at_load_relaxed(&node->pool.node.link);
}

static inline uint64_t lifo_depth(const struct lifo_node *top)
{
  return top != NULL ? at_load_relaxed(&top->depth) : 0;
}

/* 0, FULL, SHUTDOWN, or PAWL_STATE: another top came in between. */
static inline int lifo_put_once(struct lifo *l, const int64_t *maxsize, struct pool_hand *h, struct lifo_node *node,
                                uint64_t *count, bool *admitted)
{
  uint64_t seen = top_protect(h->hazard, &l->top);
  struct lifo_node *below = top_node(seen);
  uint64_t depth = lifo_depth(below);
  int result = top_room(&l->top, maxsize, seen, depth);
  if (result != 0)
    return result;
  at_store_relaxed(&node->pool.node.link, (struct reclaim_node *)below);
  at_store_relaxed(&node->depth, depth + 1);
  admit(count, admitted);
  return top_swing(h->hazard, &l->top, seen, node) ? 0 : PAWL_STATE;
}

/* 0, FULL, SHUTDOWN, -ENOMEM. `count` and `admitted` as in admit.h. */
static __attribute__((noinline)) int lifo_try_put(struct lifo *l, const int64_t *maxsize, struct reclaim_thread *me,
                                                  uint64_t item, uint64_t *count, bool *admitted)
{
  struct pool_hand h;
  unsigned losses = 0;
  int result;
  if (!pool_enter(&h, &l->pool, me))
    return -ENOMEM;
  struct lifo_node *node = pool_take(&h, 0);
  if (node == NULL) {
    pool_leave(&h);
    return -ENOMEM;
  }
  at_plain_store(&node->item, item);
  while ((result = lifo_put_once(l, maxsize, &h, node, count, admitted)) == PAWL_STATE)
    backoff_lost(&losses);
  if (result == 0)
    pool_count(&h.lane->puts, 1);
  else
    pool_give(&h, 0, node);
  pool_leave(&h);
  return result;
}

/* 0, EMPTY, SHUTDOWN once closed and dry, or -ENOMEM. */
static __attribute__((noinline)) int lifo_try_get(struct lifo *l, struct reclaim_thread *me, uint64_t *item)
{
  struct pool_hand h;
  struct lifo_node *node;
  unsigned losses = 0;
  if (!pool_enter(&h, &l->pool, me))
    return -ENOMEM;
  for (;; backoff_lost(&losses)) {
    uint64_t seen = top_protect(h.hazard, &l->top);
    node = top_node(seen);
    if (node == NULL) {
      pool_leave(&h);
      return seen & TOP_CLOSED ? PAWL_SHUTDOWN : PAWL_EMPTY;
    }
    if (top_swing(h.hazard, &l->top, seen, lifo_below(node)))
      break;
  }
  *item = at_plain_load(&node->item);
  pool_retire(&h, node);
  pool_count(&h.lane->gets, 1);
  pool_leave(&h);
  return 0;
}

/* What a get would take now: 0, EMPTY or SHUTDOWN. */
static inline int lifo_peek(struct lifo *l, struct reclaim_thread *me, uint64_t *item)
{
  uint64_t seen = top_protect(reclaim_usual_group(me, &l->pool), &l->top);
  struct lifo_node *node = top_node(seen);
  if (node == NULL)
    return seen & TOP_CLOSED ? PAWL_SHUTDOWN : PAWL_EMPTY;
  *item = at_plain_load(&node->item); /* nobody writes it while the node stands in a slot */
  return 0;
}

/* As heap_drain, from the top down. */
static inline uint64_t lifo_drain(struct lifo *l, struct reclaim_thread *me, void (*drop)(void *ctx, uint64_t item), void *ctx)
{
  struct reclaim_group *g = reclaim_usual_group(me, &l->pool);
  struct pool_hand h;
  uint64_t seen, n = 0;
  do
    seen = top_protect(g, &l->top);
  while (top_node(seen) != NULL && !top_swing(g, &l->top, seen, NULL));
  struct lifo_node *top = top_node(seen), *next;
  for (struct lifo_node *node = top; node != NULL; node = lifo_below(node), n++)
    drop(ctx, at_plain_load(&node->item));
  if (top == NULL || !pool_enter(&h, &l->pool, me))
    return n;
  for (struct lifo_node *node = top; node != NULL; node = next) {
    next = lifo_below(node);
    pool_retire(&h, node);
  }
  pool_count(&h.lane->gets, n);
  pool_leave(&h);
  return n;
}

static inline uint64_t lifo_was_size(struct lifo *l, struct reclaim_thread *me)
{
  return lifo_depth(top_node(top_protect(reclaim_usual_group(me, &l->pool), &l->top)));
}

#endif
