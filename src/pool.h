/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.h - nodes of one size for the cores that hang on a single word (top.h): who has which free node. Layer 1.
 *
 * Source: magazines (Bonwick and Adams, "Magazines and Vmem", USENIX 2001). Deviations: a magazine is a list through the free
 * nodes themselves; its owner is not a processor but whoever holds the lane, for one operation; the depot is a lock-free stack.
 *
 * An operation takes a lane: the first that nobody has, beginning with the one that belongs to its thread, so that nobody
 * waits. It has two magazines, one in use and perhaps a full one; a lane with too many or too few exchanges full ones with
 * the depot. When other operations have all lanes, a guest lane on the stack serves for once.
 *
 *     new slab --> lane --> structure --> retired (by lane) --> lane     nobody's slot names the node: pool_retire
 *                   ^  |       |------------------------------^          no slot can name it: pool_give
 *                   |  v
 *      depot <-- spilled: full magazines, whose first node must be in nobody's slot (reclaim_pop, ABA)
 *
 * Facts:
 *  N1  A lane's fields belong to who has set `busy`: swap, seq_cst, and a release store. Pair [L].
 *  N2  A node's memory stays the pool's until pool_fini, or until a pool_trim that found no lane busy and no guest. So an
 *      operation that holds a lane may follow a pointer into memory that has been used again: it finds a node's fields, if
 *      not those it looked for. `link` and `rest` lead to nodes of the pool, or are NULL, whatever the node's life.
 *  N3  The look of pool_trim at `busy` and the swap that sets it are in one order [G]: an operation that trim did not see
 *      loads the structure's word after that swap, and what trim frees could not be reached from it any more.
 *  N4  A thread frozen with a lane retains that lane, its two magazines, at most POOL_BATCH retired nodes besides those in
 *      others' slots, one spilled list that it was sorting, and what it had in hand.
 */
#ifndef PAWL_SRC_POOL_H
#define PAWL_SRC_POOL_H

#include "atomic.h"
#include "base.h"
#include "os.h"
#include "reclaim.h"

enum {
#if defined(PAWL_WORLD_MODEL) || defined(PAWL_WORLD_GENMC)
  POOL_NODES = 2, /* per magazine, and per slab */
  POOL_BATCH = 2, /* retired nodes before somebody looks at all slots */
  POOL_LANES_MIN = 2,
  POOL_LANES_MAX = 2,
#else
  POOL_NODES = 32,
  POOL_BATCH = 32,
  POOL_LANES_MIN = 4,
  POOL_LANES_MAX = 64,
#endif
};

/* What a node begins with. Cores use `link` and `rest` for pointers to nodes, and `core` as they like, while it is theirs. */
struct pool_node {
  struct reclaim_node node; /* link: of free nodes, the next; of a magazine's first, the next magazine */
  void *rest;               /* of a magazine's first node, its second */
  uint16_t place;           /* in its slab */
  uint16_t count;           /* of a magazine's first node, how many */
  uint32_t core;
};

struct pool_slab {
  struct pool_slab *next;
  uint64_t idle; /* pool_trim: nodes found free */
  char pad[64 - 16];
  char node[];
};

struct pool_lane {
  uint32_t busy; /* 1: an operation has it */
  uint32_t count;
  void *first; /* `count` free nodes */
  void *full;  /* a magazine, or NULL */
  void *retired;
  uint64_t retirements; /* since the last look at the slots */
  uint64_t puts, gets;  /* of the structure, in operations that had this lane: for statistics */
  char pad[PAWL_LINE - 56];
};

struct pool {
  struct pool_lane *lane;
  uint32_t lanes; /* a power of two */
  uint32_t size;  /* of a node */
  char pad[PAWL_LINE - 16];
  void *slabs;         /* all of them */
  void *depot;         /* magazines to be had */
  void *spilled;       /* magazines that somebody may be about to take off the depot */
  uint64_t guests;     /* operations without a lane of the pool's */
  uint64_t bytes;      /* of slabs */
  uint64_t puts, gets; /* of guests */
};

/* What an operation has in hand. */
struct pool_hand {
  struct pool *pool;
  struct pool_lane *lane;
  struct reclaim_group *hazard;
  struct pool_lane guest;
};

static inline struct pool_slab *pool_slab_of(const struct pool *p, struct pool_node *n)
{
  return (struct pool_slab *)((char *)n - (size_t)n->place * p->size - offsetof(struct pool_slab, node));
}

static inline size_t pool_slab_bytes(const struct pool *p)
{
  return sizeof(struct pool_slab) + (size_t)POOL_NODES * p->size;
}

/* ---- magazines */

/* A magazine of the `count` nodes from `first`, linked. */
static inline struct reclaim_node *pool_magazine(void *first, uint32_t count)
{
  struct pool_node *n = first;
  at_store_relaxed(&n->rest, (void *)at_load_relaxed(&n->node.link));
  at_store_relaxed(&n->count, (uint16_t)count);
  return &n->node;
}

static inline void pool_load(struct pool_lane *lane, struct reclaim_node *magazine)
{
  struct pool_node *n = (struct pool_node *)magazine;
  at_store_relaxed(&n->node.link, (struct reclaim_node *)at_load_relaxed(&n->rest));
  at_plain_store(&lane->first, (void *)n);
  at_plain_store(&lane->count, (uint32_t)at_load_relaxed(&n->count));
}

/* On top of the magazine in use, whatever its size. */
static inline void pool_push(struct pool_lane *lane, struct reclaim_node *node)
{
  uint32_t count = at_plain_load(&lane->count);
  at_store_relaxed(&node->link, count > 0 ? (struct reclaim_node *)at_plain_load(&lane->first) : NULL);
  at_plain_store(&lane->first, (void *)node);
  at_plain_store(&lane->count, count + 1);
}

static inline void pool_to_depot(void *pool, struct reclaim_node *magazine)
{
  reclaim_push(&((struct pool *)pool)->depot, magazine);
}

/* Gives a magazine away, for others to take once no reclaim_pop can be midway with its first node. */
static __attribute__((noinline, unused)) void pool_spill(struct pool *p, struct reclaim_node *magazine)
{
  reclaim_push(&p->spilled, magazine);
  reclaim_sort(&p->spilled, p, pool_to_depot, p);
}

static __attribute__((noinline, unused)) bool pool_grow(struct pool_hand *h)
{
  struct pool *p = h->pool;
  struct pool_slab *slab = pawl__alloc(pool_slab_bytes(p), 64);
  if (slab == NULL)
    return false;
  struct reclaim_node *last = NULL;
  for (uint32_t i = POOL_NODES; i-- > 0;) {
    struct pool_node *n = (struct pool_node *)(slab->node + (size_t)i * p->size);
    n->place = (uint16_t)i;
    n->node.link = last;
    last = &n->node;
  }
  at_plain_store(&h->lane->first, (void *)last);
  at_plain_store(&h->lane->count, (uint32_t)POOL_NODES);
  at_add_relaxed(&p->bytes, (uint64_t)pool_slab_bytes(p));
  void *first = at_load_relaxed(&p->slabs);
  do
    slab->next = first;
  while (!at_cas_release(&p->slabs, &first, (void *)slab)); /* [B] hands the slab on to pool_trim */
  return true;
}

/* ---- a lane in hand */

static __attribute__((noinline, unused)) void pool_enter_slow(struct pool_hand *h, uint32_t mine)
{
  struct pool *p = h->pool;
  for (uint32_t i = 1; i < p->lanes; i++) {
    h->lane = &p->lane[(mine + i) & (p->lanes - 1)];
    if (at_load_relaxed(&h->lane->busy) == 0 && at_swap_seq(&h->lane->busy, 1u) == 0) /* [L], [G] */
      return;
  }
  h->guest = (struct pool_lane){0};
  h->lane = &h->guest;
  (void)at_add_seq(&p->guests, UINT64_C(1)); /* [G] */
}

/* Takes a lane. Never fails and never waits. */
static inline void pool_enter(struct pool_hand *h, struct pool *p, struct reclaim_thread *me)
{
  uint32_t mine = (uint32_t)(((uintptr_t)me >> 7) * UINT64_C(0x9e3779b97f4a7c15) >> 40) & (p->lanes - 1);
  h->pool = p;
  h->hazard = reclaim_usual_group(me, p);
  h->lane = &p->lane[mine];
  if (__builtin_expect(at_swap_seq(&h->lane->busy, 1u) != 0, 0)) /* [L], [G] */
    pool_enter_slow(h, mine);
}

/* What another lane has, while nobody has it in hand; for who finds no memory. */
static __attribute__((noinline, unused)) struct reclaim_node *pool_steal(struct pool *p)
{
  struct reclaim_node *magazine = NULL;
  for (uint32_t i = 0; i < p->lanes && magazine == NULL; i++) {
    struct pool_lane *lane = &p->lane[i];
    if (at_load_relaxed(&lane->busy) != 0 || at_swap_seq(&lane->busy, 1u) != 0) /* [L], [G] */
      continue;
    magazine = at_plain_load(&lane->full);
    uint32_t count = at_plain_load(&lane->count);
    if (magazine != NULL) {
      at_plain_store(&lane->full, (void *)NULL);
    } else if (count > 0) {
      magazine = pool_magazine(at_plain_load(&lane->first), count);
      at_plain_store(&lane->count, 0u);
    }
    at_store_release(&lane->busy, 0u); /* [L] */
  }
  return magazine;
}

/* Another magazine in place of the empty one. False: there is none, and no memory. */
static __attribute__((noinline, unused)) bool pool_refill(struct pool_hand *h)
{
  struct reclaim_node *magazine = at_plain_load(&h->lane->full);
  if (magazine != NULL)
    at_plain_store(&h->lane->full, (void *)NULL);
  else
    magazine = reclaim_pop(&h->pool->depot, &h->hazard->slot[2]);
  if (magazine == NULL && (pool_grow(h) || (magazine = pool_steal(h->pool)) == NULL))
    return at_plain_load(&h->lane->count) > 0; /* grown, or not */
  pool_load(h->lane, magazine);
  return true;
}

/* A free node; NULL: none to be had. */
static inline void *pool_take(struct pool_hand *h)
{
  struct pool_lane *lane = h->lane;
  if (__builtin_expect(at_plain_load(&lane->count) == 0, 0) && !pool_refill(h))
    return NULL;
  struct pool_node *n = at_plain_load(&lane->first);
  at_plain_store(&lane->first, (void *)at_load_relaxed(&n->node.link));
  at_plain_store(&lane->count, at_plain_load(&lane->count) - 1);
  return n;
}

/* The magazine in use is full. */
static __attribute__((noinline, unused)) void pool_unload(struct pool_hand *h)
{
  struct pool_lane *lane = h->lane;
  struct reclaim_node *older = at_plain_load(&lane->full);
  at_plain_store(&lane->full, (void *)pool_magazine(at_plain_load(&lane->first), at_plain_load(&lane->count)));
  at_plain_store(&lane->count, 0u);
  if (older != NULL)
    pool_spill(h->pool, older);
}

/* Gives back a node that stands in nobody's slot as a node of the structure. */
static inline void pool_give(struct pool_hand *h, void *node)
{
  if (__builtin_expect(at_plain_load(&h->lane->count) >= POOL_NODES, 0))
    pool_unload(h);
  pool_push(h->lane, node);
}

static inline void pool_reuse(void *hand, struct reclaim_node *node)
{
  pool_give(hand, node);
}

static __attribute__((noinline, unused)) void pool_sort(struct pool_hand *h)
{
  at_plain_store(&h->lane->retirements, UINT64_C(0));
  reclaim_sort(&h->lane->retired, h->pool, pool_reuse, h);
}

/* Gives back a node that others may have in a slot. */
static inline void pool_retire(struct pool_hand *h, void *node)
{
  struct pool_lane *lane = h->lane;
  struct pool_node *n = node;
  at_store_relaxed(&n->node.link, (struct reclaim_node *)at_load_relaxed(&lane->retired));
  at_store_relaxed(&lane->retired, (void *)n);
  uint64_t retirements = at_plain_load(&lane->retirements) + 1;
  at_plain_store(&lane->retirements, retirements);
  if (retirements >= POOL_BATCH)
    pool_sort(h);
}

/* A guest leaves nothing on the stack. */
static __attribute__((noinline, unused)) void pool_leave_guest(struct pool_hand *h)
{
  struct pool_lane *lane = h->lane;
  pool_sort(h);
  if (lane->full != NULL)
    reclaim_push(&h->pool->spilled, lane->full);
  if (lane->count > 0)
    reclaim_push(&h->pool->spilled, pool_magazine(lane->first, lane->count));
  for (struct reclaim_node *n = lane->retired, *next; n != NULL; n = next) {
    next = at_load_relaxed(&n->link);
    at_store_relaxed(&n->link, (struct reclaim_node *)NULL);
    reclaim_push(&h->pool->spilled, pool_magazine(n, 1));
  }
  reclaim_sort(&h->pool->spilled, h->pool, pool_to_depot, h->pool);
  at_add_relaxed(&h->pool->puts, lane->puts);
  at_add_relaxed(&h->pool->gets, lane->gets);
  (void)at_add_seq(&h->pool->guests, (uint64_t)-1); /* [G] */
}

static inline void pool_leave(struct pool_hand *h)
{
  if (__builtin_expect(h->lane == &h->guest, 0))
    pool_leave_guest(h);
  else
    at_store_release(&h->lane->busy, 0u); /* [L] */
}

/* Free nodes that a lane has, the second magazine's included. */
static inline uint32_t pool_available(const struct pool_lane *lane)
{
  struct pool_node *full = at_plain_load(&lane->full);
  return at_plain_load(&lane->count) + (full != NULL ? at_load_relaxed(&full->count) : 0);
}

static __attribute__((noinline, unused)) bool pool_reserve_slow(struct pool_hand *h, uint32_t n)
{
  struct pool_lane *lane = h->lane;
  while (pool_available(lane) < n) {
    uint32_t count = at_plain_load(&lane->count);
    struct reclaim_node *mine = at_plain_load(&lane->first), *next, *full = at_plain_load(&lane->full);
    at_plain_store(&lane->count, 0u);
    at_plain_store(&lane->full, (void *)NULL);
    bool more = pool_refill(h);
    at_plain_store(&lane->full, (void *)full);
    for (; count > 0; count--, mine = next) {
      next = at_load_relaxed(&mine->link);
      pool_push(lane, mine);
    }
    if (!more)
      return false;
  }
  return true;
}

/* At least n free nodes in the lane, so that as many pool_take succeed. False: no memory. */
static inline bool pool_reserve(struct pool_hand *h, uint32_t n)
{
  return __builtin_expect(at_plain_load(&h->lane->count) >= n, 1) || pool_reserve_slow(h, n);
}

/* ---- statistics */

/* For one more put, or get. */
static inline void pool_count(uint64_t *count)
{
  at_store_relaxed(count, at_load_relaxed(count) + 1);
}

static inline void pool_stats(struct pool *p, uint64_t *puts, uint64_t *gets)
{
  *puts = at_load_relaxed(&p->puts);
  *gets = at_load_relaxed(&p->gets);
  for (uint32_t i = 0; i < p->lanes; i++) {
    *puts += at_load_relaxed(&p->lane[i].puts);
    *gets += at_load_relaxed(&p->lane[i].gets);
  }
}

/* ---- beginning and end */

static inline bool pool_init(struct pool *p, uint32_t node_size)
{
  uint32_t lanes = POOL_LANES_MIN;
  while (lanes < POOL_LANES_MAX && lanes < 2 * os_cpu_count())
    lanes *= 2;
  p->lane = pawl__alloc(lanes * sizeof(struct pool_lane), PAWL_LINE);
  p->lanes = lanes;
  p->size = node_size;
  return p->lane != NULL;
}

static inline void pool_free_slab(struct pool *p, struct pool_slab *slab)
{
  at_add_relaxed(&p->bytes, -(uint64_t)pool_slab_bytes(p));
  pawl__free(slab, pool_slab_bytes(p), 64);
}

/* Frees all nodes, wherever they are. Nobody uses the structure any more. */
static inline void pool_fini(struct pool *p)
{
  for (struct pool_slab *slab = p->slabs, *next; slab != NULL; slab = next) {
    next = slab->next;
    pool_free_slab(p, slab);
  }
  pawl__free(p->lane, p->lanes * sizeof(struct pool_lane), PAWL_LINE);
}

/* After a fork: lanes of threads that are not there any more are empty and free; their nodes wait for pool_fini. */
static inline void pool_repair(struct pool *p)
{
  for (uint32_t i = 0; i < p->lanes; i++)
    if (p->lane[i].busy)
      p->lane[i] = (struct pool_lane){.puts = p->lane[i].puts, .gets = p->lane[i].gets};
  p->guests = 0;
}

/* ---- trim: slabs all of whose nodes are free go back to the allocator */

/* Everything that lies in the lane and in the depot, as one list. */
static inline struct reclaim_node *pool_gather(struct pool_hand *h, struct reclaim_node *all)
{
  for (;;) {
    while (at_plain_load(&h->lane->count) > 0) {
      struct pool_node *n = pool_take(h);
      at_store_relaxed(&n->node.link, all);
      all = &n->node;
    }
    struct reclaim_node *magazine = at_plain_load(&h->lane->full);
    at_plain_store(&h->lane->full, (void *)NULL);
    if (magazine == NULL)
      magazine = reclaim_pop(&h->pool->depot, &h->hazard->slot[2]);
    if (magazine == NULL)
      return all;
    pool_load(h->lane, magazine);
  }
}

/* Of these nodes, those whose slabs are not all there. The others' slabs are marked by `idle`. */
static inline struct reclaim_node *pool_sift(struct pool *p, struct reclaim_node *all)
{
  struct reclaim_node *kept = NULL, *next;
  for (struct reclaim_node *n = all; n != NULL; n = at_load_relaxed(&n->link))
    pool_slab_of(p, (struct pool_node *)n)->idle++;
  for (struct reclaim_node *n = all; n != NULL; n = next) {
    next = at_load_relaxed(&n->link);
    if (pool_slab_of(p, (struct pool_node *)n)->idle == POOL_NODES)
      continue;
    at_store_relaxed(&n->link, kept);
    kept = n;
  }
  return kept;
}

static inline void pool_free_idle(struct pool *p)
{
  struct pool_slab *slab = at_swap_acquire(&p->slabs, (void *)NULL), *next; /* [B] */
  for (; slab != NULL; slab = next) {
    next = slab->next;
    if (slab->idle == POOL_NODES) {
      pool_free_slab(p, slab);
      continue;
    }
    slab->idle = 0;
    void *first = at_load_relaxed(&p->slabs);
    do
      slab->next = first;
    while (!at_cas_release(&p->slabs, &first, (void *)slab)); /* [B] */
  }
}

/* Leaves the lanes of the set, the nodes in one of them, from which they overflow into the depot. */
static inline void pool_give_back(struct pool *p, struct pool_hand *h, uint64_t held, struct reclaim_node *all)
{
  for (; (held & (held - 1)) != 0; held &= held - 1)
    at_store_release(&p->lane[__builtin_ctzll(held)].busy, 0u); /* [L] */
  if (held == 0)
    return;
  h->lane = &p->lane[__builtin_ctzll(held)];
  for (struct reclaim_node *next; all != NULL; all = next) {
    next = at_load_relaxed(&all->link);
    pool_give(h, all);
  }
  pool_leave(h);
}

/*
 * Never waits: while other operations are under way, one of which may be looking at any node (N2), it frees nothing. All lanes
 * that can be had are held meanwhile; others are guests.
 */
static __attribute__((unused)) void pool_trim(struct pool *p, struct reclaim_thread *me)
{
  struct pool_hand h = {.pool = p, .hazard = reclaim_usual_group(me, p)};
  struct reclaim_node *all = NULL;
  uint64_t held = 0;
  reclaim_forget(h.hazard);
  for (uint32_t i = 0; i < p->lanes; i++) {
    h.lane = &p->lane[i];
    if (at_swap_seq(&h.lane->busy, 1u) != 0) /* [L], [G] */
      continue;
    held |= UINT64_C(1) << i;
    pool_sort(&h);
    all = pool_gather(&h, all);
  }
  bool alone = held == UINT64_MAX >> (64 - p->lanes) && at_load_seq(&p->guests) == 0; /* [G] */
  if (alone && at_step("pool.trim")) {
    all = pool_sift(p, all);
    pool_free_idle(p);
  }
  pool_give_back(p, &h, held, all);
}

#endif
