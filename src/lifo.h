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
 * Linearization points: put and get - the CAS; EMPTY and SHUTDOWN - the load of the word; FULL - the load of maxsize between two
 * looks that find the same top: its node was inside meanwhile, so that the size was not below its depth. A put that sees room
 * goes by the bound that it read: that may be lowered before its CAS, while others come and go above the top that it found or
 * (lifo_quick_put) remembered. So beside set_maxsize, and only then, the size may be above the new bound by puts under way; it is
 * never above the one before.
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

/* FULL or SHUTDOWN, before memory is asked for which neither needs; else 0. */
static inline int lifo_refuses(struct lifo *l, const int64_t *maxsize, struct pool_hand *h)
{
  int result;
  do {
    uint64_t seen = top_protect(h->hazard, &l->top);
    result = top_room(&l->top, maxsize, seen, lifo_depth(top_node(seen)));
  } while (result == PAWL_STATE);
  return result;
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
  if (pool_first(&h, 0) == NULL && (result = lifo_refuses(l, maxsize, &h)) != 0)
    return result;
  struct lifo_node *node = pool_take(&h, 0);
  if (node == NULL)
    return -ENOMEM;
  at_plain_store(&node->item, item);
  while ((result = lifo_put_once(l, maxsize, &h, node, count, admitted)) == PAWL_STATE)
    backoff_lost(&losses);
  if (result == 0)
    pool_count(&h.lane->puts, 1);
  else
    pool_give(&h, 0, node);
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
    if (node == NULL)
      return seen & TOP_CLOSED ? PAWL_SHUTDOWN : PAWL_EMPTY;
    if (top_swing(h.hazard, &l->top, seen, lifo_below(node)))
      break;
  }
  *item = at_plain_load(&node->item);
  pool_retire(&h, node);
  pool_count(&h.lane->gets, 1);
  return 0;
}

/* ---- the usual cases, with few instructions: a top that is in a slot still, or none, a node at hand, room, and no rival */

static inline __attribute__((always_inline)) enum quick
lifo_quick_put(struct lifo *l, const int64_t *maxsize, struct reclaim_thread *me, uint64_t item, uint64_t *count, bool tracked)
{
  struct pool_hand h = {&l->pool, NULL, pool_group(&l->pool, me)};
  uint64_t seen = h.hazard->last;
  if (__builtin_expect(h.hazard->pool != l->pool.number || seen == RECLAIM_UNKNOWN, 0) || !top_is_protected(h.hazard, seen))
    return QUICK_UNUSUAL;
  h.lane = h.hazard->lane;
  struct lifo_node *below = top_node(seen), *node = pool_first(&h, 0);
  uint64_t depth = lifo_depth(below);
  int64_t limit = at_load_seq(maxsize); /* as top_room */
  if (__builtin_expect(node == NULL || (seen & TOP_CLOSED) || (limit > 0 && depth >= (uint64_t)limit), 0))
    return QUICK_UNUSUAL;
  bool admitted = false;
  admit(count, tracked ? &admitted : NULL);
  struct reclaim_node *next = at_load_relaxed(&node->pool.node.link);
  at_plain_store(&node->item, item);
  at_store_relaxed(&node->pool.node.link, (struct reclaim_node *)below);
  at_store_relaxed(&node->depth, depth + 1);
  bool through = top_swing(h.hazard, &l->top, seen, node);
  if (__builtin_expect(through, 1)) {
    pool_took(&h, 0, next);
    pool_count(&h.lane->puts, 1);
    return QUICK_THROUGH;
  }
  at_store_relaxed(&node->pool.node.link, next);
  return QUICK_VOIDED;
}

static inline __attribute__((always_inline)) enum quick lifo_quick_get(struct lifo *l, struct reclaim_thread *me,
                                                                       uint64_t *item)
{
  struct pool_hand h = {&l->pool, NULL, pool_group(&l->pool, me)};
  uint64_t seen = h.hazard->last;
  struct lifo_node *node = top_node(seen);
  if (__builtin_expect(h.hazard->pool != l->pool.number || seen == RECLAIM_UNKNOWN || node == NULL, 0) ||
      !top_is_protected(h.hazard, seen))
    return QUICK_UNUSUAL;
  h.lane = h.hazard->lane;
  if (__builtin_expect(!top_swing(h.hazard, &l->top, seen, lifo_below(node)), 0))
    return QUICK_UNUSUAL;
  *item = at_plain_load(&node->item);
  pool_retire(&h, node);
  pool_count(&h.lane->gets, 1);
  return QUICK_THROUGH;
}

/* What a get would take now: 0, EMPTY or SHUTDOWN. */
static inline int lifo_peek(struct lifo *l, struct reclaim_thread *me, uint64_t *item)
{
  uint64_t seen = top_protect(pool_group(&l->pool, me), &l->top);
  struct lifo_node *node = top_node(seen);
  if (node == NULL)
    return seen & TOP_CLOSED ? PAWL_SHUTDOWN : PAWL_EMPTY;
  *item = at_plain_load(&node->item); /* nobody writes it while the node stands in a slot */
  return 0;
}

/* As heap_drain, from the top down. */
static inline uint64_t lifo_drain(struct lifo *l, struct reclaim_thread *me, void (*drop)(void *ctx, uint64_t item), void *ctx)
{
  struct reclaim_group *g = pool_group(&l->pool, me);
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
  return n;
}

static inline uint64_t lifo_was_size(struct lifo *l, struct reclaim_thread *me)
{
  return lifo_depth(top_node(top_protect(pool_group(&l->pool, me), &l->top)));
}

/* For tests, while nobody else uses it: every node has the right depth. */
static inline bool lifo_is_valid(const struct lifo *l)
{
  const struct lifo_node *node = top_node(at_load_relaxed(&l->top));
  for (uint64_t depth = lifo_depth(node); node != NULL; node = lifo_below(node), depth--)
    if (depth == 0 || lifo_depth(node) != depth || (depth > 1) != (lifo_below(node) != NULL))
      return false;
  return true;
}

#endif
