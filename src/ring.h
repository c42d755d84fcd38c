/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.h - the stamp ring: a bounded FIFO in one array, faster than fifo.h and not lock-free. Layer 1. Never enters the kernel.
 *
 * Source: Vyukov, "Bounded MPMC queue" (1024cores.net, 2010); stamps that tell "published" from "free for the next lap" and
 * exact FULL and EMPTY as in crossbeam's ArrayQueue. Deviations: tickets are 64-bit words that count by two, so that a ring
 * of one cell works (H1) and nothing special happens when they wrap (H5); the capacity is a limit on tail - head over a
 * power of two of cells, exact for any value and changeable while in use; close is the lowest bit of the tail word.
 *
 * A word w is twice a ticket. The cell of w carries a stamp:
 *     w      free for the put of w       w + 1    published by it       w + 2 * cells    free for the next lap
 * A put swaps tail from w to w + 2 while the stamp says "free", writes the value, stamps it published; a get swaps head from w to
 * w + 2 while the stamp says "published", reads, stamps it free for the next lap.
 *
 * Linearization points: the CAS on tail or head; EMPTY - the load of a tail equal to head (H2: the stamp alone proves
 * nothing); FULL - the load of head, or the load of tail before it. Index CASes and the loads of the opposite index are
 * seq_cst (H4) [E]. An operation's own index need only be no newer than what it is compared with: acquire [T].
 *
 * The usual case takes its ticket from a copy beside the index, written after each CAS: never newer than the index, and when it
 * is older, the stamp or the CAS tells. A CAS whose expected value was loaded from the word that it swaps takes 12.5 ns, from
 * another 8 to 10 (bench/RESULTS.md).
 *
 * Progress: a peer that stands between its CAS and its stamp stalls those who reach the same cell; they get RING_STALLED
 * after RING_SPINS pauses and the layer above lets others run and tries again: EMPTY or FULL would be a lie (H2), and a
 * sleeper told so would miss the wake-up of a neighbouring cell (H3).
 */
#ifndef PAWL_SRC_RING_H
#define PAWL_SRC_RING_H

#include "admit.h"
#include "atomic.h"
#include "backoff.h"
#include "base.h"
#include "reclaim.h"
#include <errno.h>

enum {
  RING_STALLED = -4095, /* internal: a peer is midway; run something else and try again */
  RING_SPINS = 64,
};

struct ring_cell {
  uint64_t stamp;
  uint64_t value;
};

struct ring {
  uint64_t mask;    /* cells - 1 */
  int64_t capacity; /* upper limit of maxsize */
  char pad0[PAWL_LINE - 16];
  uint64_t tail;         /* word of the next put, | 1 once closed */
  uint64_t head_seen;    /* puts' cached lower bound of head */
  uint64_t tail_hint;    /* a copy of tail without the lowest bit, perhaps old */
  uint32_t put_patience; /* backoff.h */
  char pad1[PAWL_LINE - 28];
  uint64_t head;         /* word of the next get */
  uint64_t tail_seen;    /* gets' cached lower bound of tail */
  uint64_t head_hint;    /* a copy of head, perhaps old */
  uint32_t get_patience; /* backoff.h */
  char pad2[PAWL_LINE - 28];
  struct ring_cell cell[];
};

static inline size_t ring_bytes(uint64_t mask)
{
  return sizeof(struct ring) + (mask + 1) * sizeof(struct ring_cell);
}

/* An open, empty ring whose tickets begin at `first`; NULL: no memory, or a size beyond the address space. */
static inline struct ring *ring_new(int64_t capacity, uint64_t first)
{
  uint64_t cells = 1;
  while ((int64_t)cells < capacity)
    if ((cells *= 2) > SIZE_MAX / 4 / sizeof(struct ring_cell))
      return NULL;
  struct ring *r = pawl__alloc(ring_bytes(cells - 1), PAWL_LINE);
  if (r == NULL)
    return NULL;
  r->mask = cells - 1;
  r->capacity = capacity;
  r->tail = r->head = r->head_seen = r->tail_seen = r->tail_hint = r->head_hint = 2 * first;
  for (uint64_t w = 2 * first, i = 0; i < cells; i++, w += 2)
    r->cell[(w >> 1) & r->mask].stamp = w;
  return r;
}

static inline void ring_free(struct ring *r)
{
  pawl__free(r, ring_bytes(r->mask), PAWL_LINE);
}

/* Reads an index anew. If it has not moved from w, a peer is midway: pauses, and answers false when patience is at its end. */
static inline bool ring_again(const uint64_t *index, uint64_t *w, unsigned *spins)
{
  uint64_t now = at_load_acquire(index); /* [T] */
  if (now != *w) {
    *w = now;
    return true;
  }
  at_pause();
  return (*spins)-- > 0;
}

/* Is there no room at w, which the tail has reached? As fifo_no_room. */
static inline bool ring_no_room(struct ring *r, uint64_t w, const int64_t *maxsize, bool own)
{
  for (bool looked = false;; looked = true) {
    uint64_t seen = at_load_acquire(&r->head_seen); /* [M] */
    int64_t limit = at_load_seq(maxsize);           /* [E] */
    bool room = (int64_t)(w - seen) < 2 * limit;
    if (looked)
      backoff_after_look(&r->put_patience, room, backoff_full(limit));
    if (room)
      return false;
    if (!looked)
      backoff_before_look(&r->put_patience, own);
    uint64_t head = at_load_seq(&r->head); /* [E] */
    at_store_release(&r->head_seen, head); /* [M] */
    if ((int64_t)(w - head) >= 2 * limit) {
      backoff_after_look(&r->put_patience, false, 0);
      return true;
    }
  }
}

/* Fills the cell of w, which the caller reserved. */
static inline void ring_publish(struct ring *r, struct ring_cell *c, uint64_t w, uint64_t item)
{
  at_store_release(&r->tail_hint, w + 2); /* [T] */
  if ((w >> 1) % CELLS_PER_LINE == 0)
    at_expect_write(&r->cell[((w >> 1) + CELLS_AHEAD) & r->mask], 0);
  at_plain_store(&c->value, item);
  at_store_release(&c->stamp, w + 1); /* [V] publishes the value */
}

/* Empties the cell of w, which the caller claimed. */
static inline uint64_t ring_take(struct ring *r, struct ring_cell *c, uint64_t w)
{
  at_store_relaxed(&r->head_hint, w + 2);
  if ((w >> 1) % CELLS_PER_LINE == 0 && (int64_t)(at_load_relaxed(&r->tail_seen) - w) > 2 * (CELLS_AHEAD + CELLS_PER_LINE))
    at_expect_write(&r->cell[((w >> 1) + CELLS_AHEAD) & r->mask], 0);
  uint64_t item = at_plain_load(&c->value);
  at_store_release(&c->stamp, w + 2 * (r->mask + 1)); /* [F] the next lap's license to overwrite the cell */
  return item;
}

/* The usual case of a put: open, known room, a free cell, no rival. As fifo_quick_put. */
static inline __attribute__((always_inline)) enum quick ring_quick_put(struct ring *r, const int64_t *maxsize, uint64_t item,
                                                                       uint64_t *count, bool tracked)
{
  uint64_t w = at_load_acquire(&r->tail_hint);    /* [T]; the ticket first, then the head, then maxsize (fifo_no_room) */
  uint64_t seen = at_load_acquire(&r->head_seen); /* [M] of ring_no_room */
  int64_t limit = at_load_seq(maxsize);           /* [E] */
  struct ring_cell *c = &r->cell[(w >> 1) & r->mask];
  if ((int64_t)(w - seen) >= 2 * limit || at_load_acquire(&c->stamp) != w) /* [F] */
    return QUICK_UNUSUAL;
  bool admitted = false;
  admit(count, tracked ? &admitted : NULL);
  if (__builtin_expect(!at_cas_seq(&r->tail, &w, w + 2), 0)) /* [E] */
    return w & 1 ? QUICK_VOIDED : QUICK_LOST;                /* closed: nobody won, no pause */
  ring_publish(r, c, w, item);
  return QUICK_THROUGH;
}

/* 0, FULL, SHUTDOWN or RING_STALLED. `count` (NULL: untracked) and `admitted` as in fifo.h. */
static inline int ring_try_put(struct ring *r, const int64_t *maxsize, struct reclaim_group *g, uint64_t item, uint64_t *count,
                               bool *admitted, bool lost)
{
  unsigned losses = 0, spins = at_spins(RING_SPINS);
  if (lost)
    backoff_lost(&losses);
  uint64_t w = at_load_acquire(&r->tail); /* [T]; the ticket first, then the head and maxsize (decision 3) */
  backoff_role(&g->role[0], r);
  for (;;) {
    if (w & 1)
      return PAWL_SHUTDOWN;
    if (ring_no_room(r, w, maxsize, g->role[1] == r)) {
      uint64_t now = at_load_seq(&r->tail); /* perhaps closed since, and full only by a maxsize that came after that */
      if (now == w)
        return PAWL_FULL;
      w = now;
      continue;
    }
    struct ring_cell *c = &r->cell[(w >> 1) & r->mask];
    if (at_load_acquire(&c->stamp) != w) { /* [F] */
      if (!ring_again(&r->tail, &w, &spins))
        return RING_STALLED;
      continue;
    }
    admit(count, admitted);
    if (at_cas_seq(&r->tail, &w, w + 2)) { /* [E] */
      ring_publish(r, c, w, item);
      return 0;
    }
    backoff_lost(&losses);
    w = at_load_acquire(&r->tail); /* [T] */
  }
}

/* Is nothing known to be published at w? Then looks at the tail: 0, EMPTY, or SHUTDOWN. */
static inline int ring_look(struct ring *r, uint64_t w, bool own)
{
  if ((int64_t)(at_load_relaxed(&r->tail_seen) - w) > 0)
    return 0;
  backoff_before_look(&r->get_patience, own);
  uint64_t tail = at_load_seq(&r->tail); /* [E] */
  bool found = (int64_t)((tail & ~UINT64_C(1)) - w) > 0;
  backoff_after_look(&r->get_patience, found, BACKOFF_EMPTY);
  if (!found)
    return tail & 1 ? PAWL_SHUTDOWN : PAWL_EMPTY;
  at_store_relaxed(&r->tail_seen, tail & ~UINT64_C(1));
  return 0;
}

/* The usual case of a get: an item known to be there, published, no rival. */
static inline __attribute__((always_inline)) enum quick ring_quick_get(struct ring *r, struct reclaim_thread *me,
                                                                       uint64_t *item)
{
  uint64_t w = at_load_relaxed(&r->head_hint); /* of an item that the stamp proves to be there */
  struct ring_cell *c = &r->cell[(w >> 1) & r->mask];
  if (((int64_t)(at_load_relaxed(&r->tail_seen) - w) <= 0 && reclaim_usual_group(me, r)->role[0] != r) ||
      at_load_acquire(&c->stamp) != w + 1) /* [V] */
    return QUICK_UNUSUAL;
  if (__builtin_expect(!at_cas_seq(&r->head, &w, w + 2), 0)) /* [E] */
    return QUICK_LOST;
  *item = ring_take(r, c, w);
  return QUICK_THROUGH;
}

/* 0, EMPTY, SHUTDOWN or RING_STALLED. */
static inline int ring_try_get(struct ring *r, struct reclaim_group *g, uint64_t *item, bool lost)
{
  unsigned losses = 0, spins = at_spins(RING_SPINS);
  if (lost)
    backoff_lost(&losses);
  uint64_t w = at_load_acquire(&r->head); /* [T] */
  backoff_role(&g->role[1], r);
  for (;;) {
    int result = ring_look(r, w, g->role[0] == r);
    if (result != 0)
      return result;
    struct ring_cell *c = &r->cell[(w >> 1) & r->mask];
    if (at_load_acquire(&c->stamp) != w + 1) { /* [V] */
      if (!ring_again(&r->head, &w, &spins))
        return RING_STALLED;
    } else if (at_cas_seq(&r->head, &w, w + 2)) { /* [E] */
      *item = ring_take(r, c, w);
      return 0;
    } else {
      backoff_lost(&losses);
      w = at_load_acquire(&r->head); /* [T] */
    }
  }
}

/*
 * After a fork: whoever else stood between CAS and stamp is not there any more. Moves the published items together and frees
 * all other cells. Nobody else uses the ring.
 */
static inline void ring_repair(struct ring *r)
{
  uint64_t closed = r->tail & 1, tail = r->tail & ~UINT64_C(1), out = r->head;
  for (uint64_t w = r->head; w != tail; w += 2) {
    struct ring_cell *from = &r->cell[(w >> 1) & r->mask];
    if (from->stamp != w + 1)
      continue;
    struct ring_cell *to = &r->cell[(out >> 1) & r->mask];
    to->value = from->value;
    to->stamp = out + 1;
    out += 2;
  }
  for (uint64_t w = out; w != r->head + 2 * (r->mask + 1); w += 2)
    r->cell[(w >> 1) & r->mask].stamp = w;
  r->tail = out | closed;
  r->tail_hint = out;
  r->head_seen = r->tail_seen = r->head_hint = r->head;
}

static inline void ring_close(struct ring *r)
{
  (void)at_or_seq(&r->tail, UINT64_C(1));
}

static inline uint64_t ring_was_size(const struct ring *r)
{
  uint64_t tail = at_load_seq(&r->tail) & ~UINT64_C(1);
  uint64_t head = at_load_seq(&r->head);
  return (int64_t)(tail - head) > 0 ? (tail - head) / 2 : 0;
}

#endif
