/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.h - nodes of one or two sizes for the cores that hang on a single word (lifo.h, heap.h): who has which free node. Layer 1.
 *
 * Source: magazines (Bonwick and Adams, "Magazines and Vmem", USENIX 2001). Deviations: a magazine is a list through the free
 * nodes themselves; its owner is a thread, not a processor; the depot is a lock-free stack.
 *
 * Each thread that uses a pool has a lane in it, made at its first operation: of each size a magazine in use, and perhaps a full
 * one, and the nodes that it has retired. Lanes with too much or too little exchange magazines with the depot. So an operation touches
 * nothing that other threads write, but the depot once per magazine.
 *
 *     new slab --> lane --> structure --> retired (by lane) --> lane     nobody's slot names the node: pool_retire
 *                   ^  |       |------------------------------^          no slot can name it: pool_give
 *                   |  v
 *      depot <-- spilled: full magazines, whose first node must be in nobody's slot (reclaim_pop, ABA)
 *
 * Facts:
 *  N1  A lane's fields, `busy` apart, are its thread's own; a thread's record, and with it its lanes, goes to a later thread by
 *      [T] of reclaim.c.
 *  N2  A node's memory stays the pool's until pool_fini, or until a pool_trim that found no lane busy. So a guarded operation
 *      may follow a pointer into memory that has been used again: it finds a node's fields, if not those it looked for. `link` and `rest`
 *      lead to nodes of the pool of the same size, or are NULL, whatever the node's life (a version's `rest` does not, and nobody
 *      follows it there); with the pointer comes that the node
 *      was made: stores of them release, and who follows one acquires [W].
 *  N3  A guarded operation sets `busy`, executes a light fence, and then loads the structure's word; pool_trim takes what is free,
 *      executes a heavy fence, and then looks at `busy` [G]: it sees the operation, or the operation begins when nothing of
 *      that can be reached any more, neither from the structure nor from nodes on their way to another use: what is free leads to
 *      what is free with it (link), and has no `rest`, which might lead to what was free long before. When it is not busy any
 *      more, its accesses have happened before [L].
 *  N4  A thread, frozen or not, retains in its lane at most two magazines, POOL_BATCH retired nodes besides those in others'
 *      slots, and what it has in hand: in set_aside the magazines that wait for the depot, in pool_trim all that is free, in an
 *      immediate shutdown what it took out.
 */
#ifndef PAWL_SRC_POOL_H
#define PAWL_SRC_POOL_H

#include "atomic.h"
#include "reclaim.h"

enum {
#if defined(PAWL_WORLD_MODEL) || defined(PAWL_WORLD_GENMC)
  POOL_NODES = 2,
  POOL_BATCH = 2,
#else
  POOL_NODES = 64, /* of a few words, per magazine, and per slab */
  POOL_BATCH = 64, /* retired nodes before somebody looks at all slots */
#endif
  POOL_SIZES = 2,
};

/* What a node begins with. Cores use `link` and `rest` for pointers to nodes, and `core` as they like, while it is theirs. */
struct pool_node {
  struct reclaim_node node; /* link: of free nodes, the next; of a magazine's first, the next magazine */
  void *rest;               /* of a magazine's first node, its second */
  uint16_t place;           /* in its slab */
  uint16_t count;           /* of a magazine's first node, how many */
  uint32_t core;
};

/* Free nodes of one size in a lane. */
struct pool_stock {
  void *first; /* `count` nodes */
  void *full;  /* a magazine, or NULL */
  uint64_t count;
};

struct pool_lane {
  uint32_t busy; /* 1: an operation is under way */
  uint32_t pad0;
  struct pool_stock stock[POOL_SIZES];
  void *retired;                /* of the first size */
  uint64_t retirements;         /* since the last look at the slots */
  uint64_t puts, gets;          /* of the structure, for statistics */
  struct reclaim_thread *owner; /* once made, neither changes */
  struct pool_lane *next;
  char pad[PAWL_LINE - 104];
};
_Static_assert(sizeof(struct pool_lane) == PAWL_LINE, "lanes of different threads share a line");

struct pool_size {
  uint32_t bytes;
  uint32_t nodes; /* per magazine, and per slab; 0: there is no such size */
  void *slabs;    /* all of them */
  void *depot;    /* magazines to be had */
  void *spilled;  /* magazines that somebody may be about to take off the depot */
};

struct pool {
  uint64_t number; /* no other pool of the process ever has it */
  uint64_t group;  /* where a thread's record has the slots */
  uint64_t bytes;  /* of lanes and slabs */
  void *lanes;     /* all of them */
  struct pool_size size[POOL_SIZES];
};

/* What an operation has in hand. */
struct pool_hand {
  struct pool *pool;
  struct pool_lane *lane;
  struct reclaim_group *hazard;
};

/* pool.c: what an operation seldom needs. */
struct pool_lane *pool_lane_of(struct pool *p, struct reclaim_thread *me, struct reclaim_group *g); /* NULL: no memory */
bool pool_refill(struct pool_hand *h, int size); /* a magazine in place of the empty one; false: no memory */
bool pool_reserve_slow(struct pool_hand *h, int size, uint32_t n);
void pool_unload(struct pool_hand *h, int size); /* sets the full magazine aside */
void pool_sort(struct pool_hand *h);             /* frees the retired nodes that stand in no slot */

/* The second size may be 0. */
void pool_init(struct pool *p, uint32_t bytes, uint32_t more_bytes, uint32_t more_nodes);
void pool_fini(struct pool *p); /* frees all nodes, wherever they are; nobody uses the structure any more */
void pool_trim(struct pool *p, struct reclaim_thread *me);
void pool_repair(struct pool *p); /* in a forked child */
void pool_stats(const struct pool *p, uint64_t *puts, uint64_t *gets);

/* As reclaim_usual_group. */
static inline struct reclaim_group *pool_group(const struct pool *p, struct reclaim_thread *me)
{
  return (struct reclaim_group *)((char *)me + p->group);
}

/* Begins an operation. Never waits. False: no memory for this thread's lane; never again once it was true. */
static inline bool pool_enter(struct pool_hand *h, struct pool *p, struct reclaim_thread *me)
{
  h->pool = p;
  h->hazard = pool_group(p, me);
  h->lane = h->hazard->lane;
  return __builtin_expect(h->hazard->pool == p->number, 1) || (h->lane = pool_lane_of(p, me, h->hazard)) != NULL;
}

/* Around steps that follow pointers to nodes which stand in no slot: N2. */
static inline void pool_guard(struct pool_hand *h)
{
  at_store_relaxed(&h->lane->busy, 1u);
  at_fence_light(); /* [G] */
}

static inline void pool_unguard(struct pool_hand *h)
{
  at_store_release(&h->lane->busy, 0u); /* [L] */
}

/* The node that pool_take would take from the magazine in use; NULL: that is empty. */
static inline void *pool_first(const struct pool_hand *h, int size)
{
  const struct pool_stock *stock = &h->lane->stock[size];
  return __builtin_expect(at_plain_load(&stock->count) > 0, 1) ? at_plain_load(&stock->first) : NULL;
}

/* Takes it, after which comes `next`. */
static inline void pool_took(struct pool_hand *h, int size, struct reclaim_node *next)
{
  struct pool_stock *stock = &h->lane->stock[size];
  at_plain_store(&stock->first, (void *)next);
  at_plain_store(&stock->count, at_plain_load(&stock->count) - 1);
}

/* A free node; NULL: no memory. */
static inline void *pool_take(struct pool_hand *h, int size)
{
  struct pool_node *n = pool_first(h, size);
  if (__builtin_expect(n == NULL, 0)) {
    if (!pool_refill(h, size))
      return NULL;
    n = pool_first(h, size);
  }
  pool_took(h, size, at_load_relaxed(&n->node.link));
  return n;
}

/* At least n free nodes in the lane, so that as many pool_take succeed. False: no memory. */
static inline bool pool_reserve(struct pool_hand *h, int size, uint32_t n)
{
  return __builtin_expect(at_plain_load(&h->lane->stock[size].count) >= n, 1) || pool_reserve_slow(h, size, n);
}

/* On top of the magazine in use, however full. */
static inline void pool_push(struct pool_stock *stock, struct reclaim_node *node)
{
  uint64_t count = at_plain_load(&stock->count);
  at_store_relaxed(&((struct pool_node *)node)->rest, (void *)NULL);                                     /* N3 */
  at_store_release(&node->link, count > 0 ? (struct reclaim_node *)at_plain_load(&stock->first) : NULL); /* [W] */
  at_plain_store(&stock->first, (void *)node);
  at_plain_store(&stock->count, count + 1);
}

/* Gives back a node that stands in nobody's slot as a node of the structure. */
static inline void pool_give(struct pool_hand *h, int size, void *node)
{
  if (__builtin_expect(at_plain_load(&h->lane->stock[size].count) >= h->pool->size[size].nodes, 0))
    pool_unload(h, size);
  pool_push(&h->lane->stock[size], node);
}

static inline void pool_keep(struct pool_lane *lane, struct reclaim_node *node)
{
  at_store_relaxed(&node->link, (struct reclaim_node *)at_load_relaxed(&lane->retired));
  at_store_relaxed(&lane->retired, (void *)node);
}

/* Gives back a node of the first size that others may have in a slot. */
static inline void pool_retire(struct pool_hand *h, void *node)
{
  struct pool_lane *lane = h->lane;
  pool_keep(lane, node);
  uint64_t retirements = at_plain_load(&lane->retirements) + 1;
  at_plain_store(&lane->retirements, retirements);
  if (__builtin_expect(retirements >= POOL_BATCH, 0))
    pool_sort(h);
}

/* For n more puts, or gets, of the structure. */
static inline void pool_count(uint64_t *count, uint64_t n)
{
  at_store_relaxed(count, at_load_relaxed(count) + n);
}

#endif
