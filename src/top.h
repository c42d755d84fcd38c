/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * top.h - a structure that hangs on one word: the top node, and whether it is closed. Layer 1. Serves lifo.h and heap.h.
 *
 * Every change is one CAS of the word, every answer is decided on one load of it; so there is one order of all operations
 * without further argument. What remains is ABA: a CAS must not succeed because the top it expects went away and came back.
 *
 *  T1  A node that stands in a slot since it was the top is not used again: R1 of reclaim.h. So a CAS that expects it meets
 *      the same node in the same life. In the heap that node was the top all along; in the stack others may have come and gone
 *      above it, which changes nothing below.
 *  T2  Whoever makes a node the top has it in a slot before the CAS. Who unlinks it later does so by a CAS of the same word,
 *      later in its order, and receives that store: the scan behind it sees the slot. So a thread that finds its own top
 *      again needs no fence: pair [R] of reclaim.h, by the word instead of a fence. For that there are two slots in turn. `last` is
 *      the word of the last such CAS, until a slot is filled in another way, also by a structure of another kind (reclaim_protect):
 *      its node may then be used again, and even come to stand in a slot anew, unseen by who trusts `last`.
 *  T3  An empty structure has no node, so that nothing can be told apart and nothing needs to be.
 */
#ifndef PAWL_SRC_TOP_H
#define PAWL_SRC_TOP_H

#include "atomic.h"
#include "reclaim.h"
#include <pawl/base.h>

#define TOP_CLOSED UINT64_C(1) /* in the word: no put is admitted any more */

static inline void *top_node(uint64_t word)
{
  return (void *)(uintptr_t)(word & ~TOP_CLOSED);
}

/* Is its node, if any, in a slot of the group since it was the top? */
static inline bool top_is_protected(const struct reclaim_group *g, uint64_t word)
{
  void *node = top_node(word);
  return node == NULL || node == at_load_relaxed(&g->slot[0]) || node == at_load_relaxed(&g->slot[1]);
}

/* The word; its node, if any, is in a slot of the group. seq_cst as reclaim_protect. What `last` names may lose its slot. */
static inline uint64_t top_protect(struct reclaim_group *g, uint64_t *top)
{
  for (uint64_t seen = at_load_seq(top);;) {
    if (top_is_protected(g, seen))
      return seen;
    g->last = RECLAIM_UNKNOWN;
    at_store_release(&g->slot[0], top_node(seen)); /* [S] of reclaim.h */
    at_fence_seq();                                /* [R] with reclaim_sort */
    uint64_t again = at_load_acquire(top);         /* not older than `seen` */
    if (again == seen)
      return seen;
    seen = again;
  }
}

/*
 * Puts `node` (NULL: nothing) in the place of the top that top_protect has found. False: the top is another. Then the slot is
 * withdrawn: it was filled without a fence, and T2 does not hold for it.
 */
static inline __attribute__((always_inline)) bool top_swing(struct reclaim_group *g, uint64_t *top, uint64_t seen, void *node)
{
  void **other = &g->slot[top_node(seen) == at_load_relaxed(&g->slot[0])];
  uint64_t word = (uint64_t)(uintptr_t)node | (seen & TOP_CLOSED);
  if (node != NULL)
    at_store_release(other, node);             /* T2 */
  bool through = at_cas_seq(top, &seen, word); /* publishes the node */
  if (__builtin_expect(through, 1)) {
    g->last = word;
    return true;
  }
  g->last = RECLAIM_UNKNOWN;
  at_store_release(other, (void *)NULL); /* [S] of reclaim.h */
  return false;
}

/*
 * For a put that found `seen` with so many items: 0, FULL or SHUTDOWN, or PAWL_STATE: look again. maxsize is read after the word.
 * Room by it is room for the put if its CAS then finds the same word; FULL is answered only if a second look does.
 * That look is seq_cst like the first: a bound tells nothing of a swing that came before it but did not happen before it.
 */
static inline int top_room(const uint64_t *top, const int64_t *maxsize, uint64_t seen, uint64_t size)
{
  if (seen & TOP_CLOSED)
    return PAWL_SHUTDOWN;
  int64_t limit = at_load_seq(maxsize); /* FULL is decided on it: P1 of park.h */
  if (limit <= 0 || size < (uint64_t)limit)
    return 0;
  return at_load_seq(top) == seen ? PAWL_FULL : PAWL_STATE;
}

static inline void top_close(uint64_t *top)
{
  (void)at_or_seq(top, TOP_CLOSED);
}

#endif
