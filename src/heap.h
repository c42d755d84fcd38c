/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap.h - the lock-free priority core: strict order, lowest key first, first in first out among equal keys. Layer 1. Never
 * blocks; enters the kernel only to allocate.
 *
 * Source: Herlihy, "A methodology for implementing highly concurrent data objects" (ACM TOPLAS 15(5), 1993), whose protocol for
 * large objects copies what an operation changes and swings the root by one CAS; its example is a skew heap. Deviations:
 *  - a leftist heap (Crane 1972; Knuth, TAOCP 3, 5.2.3) in place of the skew heap: an operation copies at most
 *    log2(n + 1) nodes of each of two right spines, in the worst case too, which is what makes its steps countable;
 *  - the root node carries the size and the number of the next put, so that the bound is exact, equal keys leave in the order
 *    in which their puts took effect, and every answer is decided on one word (top.h);
 *  - nodes are read while they may be used again, and what was read counts only if the CAS succeeds (H3);
 *  - nodes come from a pool (pool.h), and who loses the CAS pauses (backoff.h).
 *
 *     root = the lowest (key, sequence); left and right: heaps; rank = length of the right spine; rank(left) >= rank(right)
 *     put: walks down the right spine past all keys that are not greater, and copies it back up, the new node at its end
 *     get: merges the root's two children along their right spines; the merged part is copied
 *
 * Compared by measurement (bench/RESULTS.md): Linden and Jonsson's skiplist by (key, sequence), and the heap under a lock.
 *
 * Invariants:
 *  H1  Nodes reachable from the root never change; what an operation replaces, it copies.
 *  H2  A node that was ever the root is marked HEAP_ROOTED, and is used again only when it is in nobody's slot; so T1 of top.h
 *      holds. Any other node that was replaced is used again at once.
 *  H3  If the CAS succeeds, the root was the same since it was protected (T1); then nothing reachable from it was used again
 *      meanwhile, and every value read belonged to that version of the heap. If it fails, the values are forgotten. What is read
 *      of a node used again is a pointer to a node of the pool or NULL (N2 of pool.h), and the walk has an end, HEAP_PATH.
 *      Relaxed loads suffice: the acquire load of the root receives all that was written before that version was published, and
 *      two CASes never succeed on one root.
 *
 * Linearization points: as of lifo.h: the CAS; the load of the word for EMPTY and SHUTDOWN; its second load for FULL.
 *
 * Progress: lock-free. A CAS fails only because another operation succeeded; one attempt is O(log n) steps. Retention: N4 of
 * pool.h, R4 of reclaim.h. Memory: an operation needs as many free nodes as it copies until its CAS frees as many. A thread's
 * first operation makes its lane, with a magazine; each put leaves in it what its next get would need, or answers -ENOMEM, and a get
 * leaves one more node than it found. So a get finds no memory only at a thread's first operation, and on a heap of 2^31 items.
 */
#ifndef PAWL_SRC_HEAP_H
#define PAWL_SRC_HEAP_H

#include "admit.h"
#include "backoff.h"
#include "pool.h"
#include "top.h"
#include <errno.h>
#include <pawl/base.h>

enum {
  HEAP_PATH = 128, /* two right spines of at most 64 nodes */
  HEAP_ROOTED = 1 << 16,
};

struct heap_node {
  struct pool_node pool; /* link: left; rest: right; core: ranks of both, 8 bits each, and HEAP_ROOTED */
  int64_t key;
  uint64_t sequence;
  uint64_t item;
  uint64_t size; /* of the root: nodes, */
  uint64_t puts; /* and the sequence of the next put */
};
_Static_assert(sizeof(struct heap_node) == 64, "one line");

struct heap {
  uint64_t root;  /* struct heap_node, or 0, and TOP_CLOSED */
  uint64_t first; /* sequence of the first put into an empty heap */
  char pad[PAWL_LINE - 16];
  struct pool pool;
};

static inline struct heap *heap_new(uint64_t first)
{
  struct heap *h = pawl__alloc(sizeof *h, PAWL_LINE);
  if (h != NULL) {
    pool_init(&h->pool, sizeof(struct heap_node));
    h->first = first;
  }
  return h;
}

static inline void heap_free(struct heap *h)
{
  pool_fini(&h->pool);
  pawl__free(h, sizeof *h, PAWL_LINE);
}

/* ---- nodes */

static inline struct heap_node *heap_left(struct heap_node *n)
{
  return (struct heap_node *)at_load_relaxed(&n->pool.node.link);
}

static inline struct heap_node *heap_right(struct heap_node *n)
{
  return at_load_relaxed(&n->pool.rest);
}

static inline uint32_t heap_left_rank(uint32_t core)
{
  return core & 0xff;
}

static inline uint32_t heap_right_rank(uint32_t core)
{
  return core >> 8 & 0xff;
}

/* Of a heap whose root is n. */
static inline uint32_t heap_rank(struct heap_node *n)
{
  return n != NULL ? heap_right_rank(at_load_relaxed(&n->pool.core)) + 1 : 0;
}

/* Does a go before b? */
static inline bool heap_before(struct heap_node *a, struct heap_node *b)
{
  int64_t x = at_load_relaxed(&a->key), y = at_load_relaxed(&b->key);
  return x != y ? x < y : (int64_t)(at_load_relaxed(&a->sequence) - at_load_relaxed(&b->sequence)) < 0;
}

/* Gives n two children, the one with the longer right spine on the left. Returns n's rank. */
static inline uint32_t heap_join(struct heap_node *n, struct heap_node *a, uint32_t rank_a, struct heap_node *b,
                                 uint32_t rank_b)
{
  bool swap = rank_a < rank_b;
  uint32_t left = swap ? rank_b : rank_a, right = swap ? rank_a : rank_b;
  at_store_relaxed(&n->pool.node.link, (struct reclaim_node *)(swap ? b : a));
  at_store_relaxed(&n->pool.rest, (void *)(swap ? a : b));
  at_store_relaxed(&n->pool.core, left | right << 8);
  return right + 1;
}

/* ---- one attempt: a path of nodes to be copied, and a heap at its end */

struct heap_attempt {
  struct pool_hand hand;
  struct heap *heap;
  uint64_t seen;         /* the word */
  struct heap_node *top; /* its node */
  struct heap_node *end; /* heap at the end of the path, */
  uint32_t end_rank;     /* and its rank */
  uint32_t n;
  struct heap_node *path[HEAP_PATH];
  struct heap_node *copy[HEAP_PATH];
};

/* Begins, or begins anew: the root in a slot, the path empty. */
static inline void heap_look(struct heap_attempt *a)
{
  a->seen = top_protect(a->hand.hazard, &a->heap->root);
  a->top = top_node(a->seen);
  a->n = 0;
}

/* False: too long, the nodes have been used again meanwhile. */
static inline bool heap_walk_on(struct heap_attempt *a, struct heap_node *n)
{
  if (a->n == HEAP_PATH)
    return false;
  a->path[a->n++] = n;
  return true;
}

/* Copies the path from its end up, of nodes that are reserved. Returns the root of the new version. */
static inline struct heap_node *heap_copy(struct heap_attempt *a)
{
  struct heap_node *below = a->end;
  uint32_t rank = a->end_rank;
  for (uint32_t i = a->n; i-- > 0;) {
    struct heap_node *old = a->path[i], *new = a->copy[i] = pool_take(&a->hand);
    at_store_relaxed(&new->key, at_load_relaxed(&old->key));
    at_store_relaxed(&new->sequence, at_load_relaxed(&old->sequence));
    at_store_relaxed(&new->item, at_load_relaxed(&old->item));
    rank = heap_join(new, heap_left(old), heap_left_rank(at_load_relaxed(&old->pool.core)), below, rank);
    below = new;
  }
  return below;
}

static inline void heap_undo(struct heap_attempt *a)
{
  for (uint32_t i = 0; i < a->n; i++)
    pool_give(&a->hand, a->copy[i]);
}

/* Makes `root` the new version, which takes the place of the nodes on the path. */
static inline bool heap_swing(struct heap_attempt *a, struct heap_node *root, uint64_t size, uint64_t puts)
{
  if (root != NULL) {
    at_store_relaxed(&root->size, size);
    at_store_relaxed(&root->puts, puts);
    at_store_relaxed(&root->pool.core, at_load_relaxed(&root->pool.core) | HEAP_ROOTED);
  }
  if (!top_swing(a->hand.hazard, &a->heap->root, a->seen, root))
    return false;
  for (uint32_t i = 0; i < a->n; i++) {
    struct heap_node *old = a->path[i];
    if (at_load_relaxed(&old->pool.core) & HEAP_ROOTED)
      pool_retire(&a->hand, old); /* H2 */
    else
      pool_give(&a->hand, old);
  }
  return true;
}

/* ---- put */

static inline uint64_t heap_size(const struct heap_node *root)
{
  return root != NULL ? at_load_relaxed(&root->size) : 0;
}

/* 0, FULL or SHUTDOWN, or PAWL_STATE: look again. */
static inline int heap_room(struct heap *h, const int64_t *maxsize, uint64_t seen)
{
  return top_room(&h->root, maxsize, seen, heap_size(top_node(seen)));
}

/* The path past every key that is not greater, and the new node at its end. False: look again. */
static inline bool heap_way_in(struct heap_attempt *a, struct heap_node *node, int64_t key)
{
  struct heap_node *n = a->top;
  for (; n != NULL && at_load_relaxed(&n->key) <= key; n = heap_right(n))
    if (!heap_walk_on(a, n))
      return false;
  at_store_relaxed(&node->key, key);
  at_store_relaxed(&node->sequence, a->top != NULL ? at_load_relaxed(&a->top->puts) : a->heap->first);
  a->end = node;
  a->end_rank = heap_join(node, n, heap_rank(n), NULL, 0);
  return true;
}

/* One attempt with a node in hand: 0, -ENOMEM, or PAWL_STATE: look again; `*lost`: because of a rival. */
static inline int heap_put_once(struct heap_attempt *a, struct heap_node *node, int64_t key, bool *lost)
{
  *lost = false;
  if (!heap_way_in(a, node, key))
    return PAWL_STATE;
  if (!pool_reserve(&a->hand, a->n))
    return -ENOMEM;
  uint64_t puts = at_load_relaxed(&node->sequence);
  struct heap_node *root = heap_copy(a);
  uint32_t core = at_load_relaxed(&root->pool.core);
  bool enough = pool_reserve(&a->hand, heap_left_rank(core) + heap_right_rank(core)); /* for the next get */
  if (enough && heap_swing(a, root, heap_size(a->top) + 1, puts + 1))
    return 0;
  heap_undo(a);
  *lost = enough;
  return enough ? PAWL_STATE : -ENOMEM;
}

/* 0, FULL, SHUTDOWN, -ENOMEM. `count` and `admitted` as in admit.h. */
static __attribute__((noinline)) int heap_try_put(struct heap *h, const int64_t *maxsize, struct reclaim_thread *me,
                                                  int64_t key, uint64_t item, uint64_t *count, bool *admitted)
{
  struct heap_attempt a;
  unsigned losses = 0;
  bool lost;
  int result;
  a.heap = h;
  if (!pool_enter(&a.hand, &h->pool, me))
    return -ENOMEM;
  struct heap_node *node = pool_take(&a.hand);
  if (node != NULL)
    at_store_relaxed(&node->item, item);
  do {
    heap_look(&a);
    result = node != NULL ? heap_room(h, maxsize, a.seen) : -ENOMEM;
    if (result == 0) {
      admit(count, admitted);
      result = heap_put_once(&a, node, key, &lost);
      if (lost)
        backoff_lost(&losses);
    }
  } while (result == PAWL_STATE);
  if (result == 0)
    pool_count(&a.hand.lane->puts);
  else if (node != NULL)
    pool_give(&a.hand, node);
  pool_leave(&a.hand);
  return result;
}

/* ---- get */

/* The two heaps below the root merged: their right spines in order. False: look again. */
static inline bool heap_way_out(struct heap_attempt *a)
{
  struct heap_node *x = heap_left(a->top), *y = heap_right(a->top);
  while (x != NULL && y != NULL) {
    struct heap_node **first = heap_before(y, x) ? &y : &x;
    if (!heap_walk_on(a, *first))
      return false;
    *first = heap_right(*first);
  }
  a->end = x != NULL ? x : y;
  if (a->n == 0 && a->end != NULL) { /* a root must be new */
    (void)heap_walk_on(a, a->end);
    a->end = heap_right(a->end);
  }
  a->end_rank = heap_rank(a->end);
  return true;
}

/* One attempt: 0, EMPTY, SHUTDOWN, -ENOMEM, or PAWL_STATE: look again; `*lost`: because of a rival. */
static inline int heap_get_once(struct heap_attempt *a, int64_t *key, uint64_t *item, bool *lost)
{
  *lost = false;
  heap_look(a);
  struct heap_node *top = a->top;
  if (top == NULL)
    return a->seen & TOP_CLOSED ? PAWL_SHUTDOWN : PAWL_EMPTY;
  if (!heap_way_out(a))
    return PAWL_STATE;
  if (!pool_reserve(&a->hand, a->n))
    return -ENOMEM;
  if (!heap_swing(a, heap_copy(a), at_load_relaxed(&top->size) - 1, at_load_relaxed(&top->puts))) {
    heap_undo(a);
    *lost = true;
    return PAWL_STATE;
  }
  *item = at_load_relaxed(&top->item);
  if (key != NULL)
    *key = at_load_relaxed(&top->key);
  pool_retire(&a->hand, top);
  pool_count(&a->hand.lane->gets);
  return 0;
}

/* 0, EMPTY, SHUTDOWN once closed and dry, or -ENOMEM. `key` may be NULL. */
static __attribute__((noinline)) int heap_try_get(struct heap *h, struct reclaim_thread *me, int64_t *key, uint64_t *item)
{
  struct heap_attempt a;
  unsigned losses = 0;
  bool lost;
  int result;
  a.heap = h;
  if (!pool_enter(&a.hand, &h->pool, me))
    return -ENOMEM;
  while ((result = heap_get_once(&a, key, item, &lost)) == PAWL_STATE)
    if (lost)
      backoff_lost(&losses);
  pool_leave(&a.hand);
  return result;
}

/* What a get would take now: 0, EMPTY or SHUTDOWN. `key` may be NULL. */
static inline int heap_peek(struct heap *h, struct reclaim_thread *me, int64_t *key, uint64_t *item)
{
  uint64_t seen = top_protect(reclaim_usual_group(me, &h->pool), &h->root);
  struct heap_node *top = top_node(seen); /* nobody writes it while it stands in a slot */
  if (top == NULL)
    return seen & TOP_CLOSED ? PAWL_SHUTDOWN : PAWL_EMPTY;
  *item = at_load_relaxed(&top->item);
  if (key != NULL)
    *key = at_load_relaxed(&top->key);
  return 0;
}

static inline uint64_t heap_was_size(struct heap *h, struct reclaim_thread *me)
{
  return heap_size(top_node(top_protect(reclaim_usual_group(me, &h->pool), &h->root)));
}

#endif
