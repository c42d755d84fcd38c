/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reclaim.h - when may a node that was unlinked from a structure be used again? Layer 1. Sticky hazard pointers.
 *
 * Hazard pointers (Michael, IEEE TPDS 15(6), 2004): before a thread follows a pointer it publishes it in a slot of its own
 * and looks whether the pointer is still current; nobody reuses a node that stands in some slot. Publishing costs a full
 * fence, so Pawl does not withdraw it: a slot keeps its node between operations ("sticky"), and as long as the structure
 * still leads to the same node, the next operation needs two loads and no fence.
 *
 * Facts:
 *  R1  A node in a slot since before it was unlinked is not handed to its `reuse` function. Publication (store slot, fence,
 *      load source again) and retirement (unlink, fence, load slots) are both split by a full fence: if the scan misses the
 *      slot, the second load of the source sees the unlinking. Pair [R].
 *  R2  A source that leads to the node in my slot has led to a live node all along: by R1 it could not be reused.
 *  R3  A thread stores into its slots with release and scans load with acquire: all accesses of the former owner of a slot
 *      happen before the reuse. Pair [S].
 *  R4  An idle or frozen thread retains at most one node per slot, RECLAIM_SLOTS in all, and in practice the two segments
 *      that it used last of each queue; a thread frozen inside reclaim_sort also the list that it is sorting, of at most as
 *      many nodes as there are slots, plus one. reclaim_forget withdraws, for those who cannot afford that.
 *  R5  Whoever ends a structure frees its nodes whatever stands in slots, and a new structure's node may come to lie where such a
 *      node lay: equal to a slot, yet never received. So the source is loaded with acquire even where it equals the slot.
 *
 * A thread owns several groups of slots and picks one by the structure's address, so that operations on a few structures in
 * turn stay sticky. Two structures in one group only cost fences, and two pools the search for a lane. Signal handlers use groups of their own.
 */
#ifndef PAWL_SRC_RECLAIM_H
#define PAWL_SRC_RECLAIM_H

#include "atomic.h"
#include "os.h"

enum {
#if defined(PAWL_WORLD_MODEL) || defined(PAWL_WORLD_GENMC)
  RECLAIM_GROUP_BITS = 0, /* fewer slots to scan, more schedules explored */
#else
  RECLAIM_GROUP_BITS = 3,
#endif
#if defined(PAWL_WORLD_GENMC)
  RECLAIM_HANDLERS = 0, /* there are no signals */
#else
  RECLAIM_HANDLERS = 2, /* nested signal handlers */
#endif
  RECLAIM_GROUPS = 1 << RECLAIM_GROUP_BITS, /* picked by address */
  RECLAIM_SLOTS = 3 * (RECLAIM_GROUPS + RECLAIM_HANDLERS),
};

struct reclaim_group {
  void *slot[3];
  const void *role[2]; /* the structures that this thread last put into and got from: a hint for backoff.h */
  uint64_t pool;       /* pool.h: the number of a pool, 0: none, */
  void *lane;          /* and this thread's lane in it */
  uint64_t last;       /* top.h: the word that this thread knows, or RECLAIM_UNKNOWN: whenever a slot is filled elsewhere */
};

#define RECLAIM_UNKNOWN UINT64_MAX

/* A random choice that a thread keeps for a while: relaxed.h. */
struct reclaim_choice {
  uint64_t bits;
  uint64_t left; /* uses */
};

struct reclaim_thread {
  struct reclaim_thread *next; /* all records that ever were; never unlinked */
  uint32_t used;               /* 1 while a thread owns the record */
  uint32_t handlers;           /* signal handlers' operations under way */
  uint64_t random;             /* never 0; this and the next: relaxed.h */
  struct reclaim_choice choice[2];
  struct reclaim_group group[RECLAIM_GROUPS + RECLAIM_HANDLERS];
};

/* What a structure's nodes begin with. `link` chains free and retired nodes. */
struct reclaim_node {
  struct reclaim_node *link;
};

/* The calling thread's record, made at the first call. NULL: no memory. */
struct reclaim_thread *reclaim_attach(void);

/* A record that no thread owns becomes the caller's, as if it were its own second one, until reclaim_return. False: it is in use. */
bool reclaim_borrow(struct reclaim_thread *record);
void reclaim_return(struct reclaim_thread *record);

static inline struct reclaim_thread *reclaim_self(void)
{
  struct reclaim_thread *me = os_self();
  return __builtin_expect(me != NULL, 1) ? me : reclaim_attach();
}

static inline unsigned reclaim_index(const void *structure)
{
  return ((uintptr_t)structure >> 6) * UINT64_C(0x9e3779b97f4a7c15) >> 32 & (RECLAIM_GROUPS - 1);
}

/* The slots for an operation on `structure` outside signal handlers. */
static inline struct reclaim_group *reclaim_usual_group(struct reclaim_thread *me, const void *structure)
{
  return &me->group[reclaim_index(structure)];
}

/* The slots for an operation on `structure`; NULL when signal handlers nest too deep. */
static inline struct reclaim_group *reclaim_group(struct reclaim_thread *me, const void *structure)
{
  if (__builtin_expect(me->handlers > 0, 0))
    return me->handlers <= RECLAIM_HANDLERS ? &me->group[RECLAIM_GROUPS + me->handlers - 1] : NULL;
  return reclaim_usual_group(me, structure);
}

/* What `source` leads to, safe to follow until the slot is used for something else. seq_cst, because FULL, EMPTY and SHUTDOWN
 * are decided on what is found there, and a waiter must not decide on what was there before it announced itself (park.h). */
static inline void *reclaim_protect(struct reclaim_group *g, unsigned index, void **source)
{
  void **slot = &g->slot[index], *seen = at_load_seq(source);
  while (seen != at_load_relaxed(slot)) {
    g->last = RECLAIM_UNKNOWN;
    at_store_release(slot, seen);          /* [S] with is_protected of reclaim.c */
    at_fence_seq();                        /* [R] with reclaim_sort */
    void *again = at_load_acquire(source); /* not older than `seen` */
    if (again == seen)
      break;
    seen = again;
  }
  return seen;
}

/* Takes nodes off and on a stack whose pops protect the top, so that it cannot come back meanwhile (ABA). */
struct reclaim_node *reclaim_pop(void **top, struct reclaim_group *g);
void reclaim_push(void **top, struct reclaim_node *node);

/* Withdraws what the group publishes: the next operation pays a fence, but no node is retained until then. */
static inline void reclaim_forget(struct reclaim_group *g)
{
  for (unsigned i = 0; i < 3; i++)
    at_store_release(&g->slot[i], (void *)NULL); /* [S] */
}

/*
 * Hands every node of `retired` that stands in no slot to `reuse(to, node)`, which may push or free it; the others stay. All operations
 * that may look at the nodes use the slots for `structure`. Lock-free but for what `reuse` does.
 */
void reclaim_sort(void **retired, const void *structure, void (*reuse)(void *to, struct reclaim_node *node), void *to);

/*
 * For who has many nodes to sort: after a full fence behind their unlinking [R], which of them may stand in a slot? A node whose
 * bit is not set in the filter does not; of the others reclaim_is_named knows.
 */
enum { RECLAIM_FILTER = 8 };

static inline unsigned reclaim_bit(const void *node)
{
  return (uintptr_t)node * UINT64_C(0x9e3779b97f4a7c15) >> 32 & (64 * RECLAIM_FILTER - 1);
}

void reclaim_filter(const void *structure, uint64_t filter[RECLAIM_FILTER]);
bool reclaim_is_named(const void *structure, const struct reclaim_node *node);

#endif
