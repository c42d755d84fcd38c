/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fifo.h - the lock-free FIFO core: try_put, try_get, close on a list of segments of one-shot cells. Layer 1. Never blocks;
 * enters the kernel only to allocate, to free, and for the fence that voids the cell of a stalled put.
 *
 * Source: FAAArrayQueue (Correia and Ramalhete, 2016, "FAAArrayQueue: MPMC lock-free queue", concurrencyfreaks.blogspot.com);
 * the outer list is that of LCRQ (Morrison and Afek, PPoPP 2013). Deviations:
 *  - indices advance by compare-and-swap, not by fetch-and-add: a put that finds no room and a get that finds no item leave
 *    no trace, so that FULL and EMPTY are exact; and who loses the swap pauses while the winner runs a batch (backoff.h);
 *  - a cell is 16 bytes {state, value}, four to a cache line, and holds any 64-bit value;
 *  - a cell is published by a plain store and voided by an asymmetric fence, which saves one of three locked operations;
 *  - states carry the segment's turn, so that a segment is used again without clearing its cells;
 *  - a bound on tail - head, in tickets (segment's base + index), checked before the swap;
 *  - close, and sticky hazard pointers with a pool of segments (reclaim.h).
 *
 * Compared by measurement, after all had passed the same stress with FULL, EMPTY and sleepers (2 processors, bench/RESULTS.md):
 * cells published by a CAS 50 ns for a put and a get alone, by a store and an asymmetric fence 30; the stamp ring (ring.h), which
 * is not lock-free, 26 and in streams 50 million/s against 40; stale retries after a lost CAS 16 million pairs/s of two
 * threads, a long pause and a new look 25; indices by FAA (xenium's ramalhete_queue, no bound, no sleepers) 60 ns, 9 to 14.
 *
 * A put reserves index t of the tail segment by CAS, writes the value, and publishes by a store of FULL to the cell's state.
 * A get claims index h of the head segment by CAS, and takes the value if the cell is FULL. If it is not, the put is midway:
 * the get waits a little, then voids the cell and goes on with the next index; the put finds that and reserves again. So
 * nobody waits for a named peer, and a put and get without contention cost one CAS each.
 *
 *     cell of turn n:   older state --put--> FULL(n)                     a get reads the value; the cell is spent
 *                                            FULL(n) --get--> TAKEN(n)       both only if the get had lost patience before
 *                                            FULL(n) --put--> RETRACTED(n)   it saw FULL(n): one CAS decides
 *
 * Voiding [X]: the get sets the cell's bit in `voided`, executes a heavy fence, and looks at the state again; the put stores FULL,
 * executes a light fence, and looks at the bits. If the get still sees no FULL, the put will see the bit and retract: voided.
 * If it sees FULL, both may see each other, and the CAS on the state has one winner. If the put sees no bit, the get sees
 * FULL and its CAS has no rival. The heavy fence (membarrier, a microsecond or so) is paid only for a put that was preempted.
 *
 * Invariants, with T = base + index of the last segment's tail, H = likewise of the head's:
 *  F1  H <= T; tail segment is never before the head segment.
 *  F2  T - H <= the maxsize that the put has read, at each successful reservation (decision 2: those not yet claimed count).
 *  F3  An index is reserved by one put and claimed by one get; nobody else touches the cell in that turn.
 *  F4  A segment is retired by the get that moves the head off it; then all its indices are claimed.
 *  F5  A sealed segment's tail word never changes again, and nothing is ever linked behind a tombstone.
 *
 * Linearization points: put - the CAS on tail that reserves the cell which it then publishes; get - the CAS on head of the
 * cell it takes (by F3 after that put's); EMPTY - the load of tail that equals head, or of a NULL next; FULL - the load of
 * the head index; close - the CAS that seals a tail word or sets a tombstone; SHUTDOWN - the load of either, once dry.
 * That EMPTY and FULL hold at once for observers on both sides needs one order over both index CASes and both loads of the
 * opposite index: they are seq_cst [E]. An EMPTY while a put holds a reservation that a get voided is right because that
 * put's point is its last reservation; such a put counts against maxsize meanwhile (two-point model of a bounded queue).
 *
 * Progress: lock-free. A CAS on an index fails only because another operation advanced it. The put that appends a segment has
 * its item in it, so that a get which voids one cell after another meets one that it takes. A put repeats after RETRACTED only
 * because a get claimed its cell and went on. Whoever is frozen, the others end within FIFO_SPINS + O(segments) steps of
 * their own unless others succeed. Reclamation: R4 of reclaim.h, a frozen thread retains a few segments.
 */
#ifndef PAWL_SRC_FIFO_H
#define PAWL_SRC_FIFO_H

#include "backoff.h"
#include "fifo_segment.h"

enum { FIFO_SPINS = 64 }; /* pauses that a get grants a put that is midway: a microsecond or two */

/* ---- put */

static inline void fifo_expect_put(struct fifo_segment *s, uint64_t index)
{
  if (index % CELLS_PER_LINE == 0)
    at_expect_write(&s->cell[index], CELLS_AHEAD);
}

/* Publishes `item` in the cell that the caller reserved. False: a get has voided it. */
static inline bool fifo_publish(struct fifo_segment *s, uint64_t index, uint64_t item)
{
  struct fifo_cell *c = &s->cell[index];
  fifo_expect_put(s, index);
  at_plain_store(&c->value, item);
  at_store_release(&c->state, fifo_state(s->turn, FIFO_FULL)); /* [V] publishes the value */
  at_fence_light();                                            /* [X] with fifo_void */
  return __builtin_expect(at_load_relaxed(&s->voids) == 0, 1) || !fifo_retract(s, index);
}

/*
 * Is there no room at index t of segment s, which the tail has reached? The size only falls meanwhile: there is room if it is
 * below a maxsize that was read after the head [M], and there is none if it is not below one that was read before the head. So
 * neither is decided on a bound that another thread has changed since.
 */
static inline bool fifo_no_room(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_group *hazard,
                                struct fifo_segment *s, uint64_t t)
{
  for (bool looked = false;; looked = true) {
    uint64_t ticket = s->base + t, seen = at_load_acquire(&f->head_seen); /* [M] */
    int64_t maxsize = fifo_maxsize(mode);
    bool room = maxsize <= 0 || (int64_t)(ticket - seen) < maxsize;
    if (looked)
      backoff_after_look(&s->put_patience, room, backoff_full(maxsize));
    if (room)
      return false;
    if (!looked)
      backoff_before_look(&s->put_patience, hazard->role[1] == f);
    if (fifo_is_full(f, hazard, ticket, maxsize)) {
      backoff_after_look(&s->put_patience, false, 0);
      return true;
    }
  }
}

/*
 * Reserves and publishes in segment s: 0, FULL, or PAWL_STATE when s has no place left or is sealed (*end tells which).
 * Reads the ticket first (acquire [T]: the head and maxsize are no older), then the head and maxsize, then swaps that same
 * ticket (decision 3). FULL is answered only if a last look, seq_cst, finds neither a put nor a close since.
 */
static inline int fifo_put_in(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_group *hazard, struct fifo_segment *s,
                              uint64_t item, bool *admitted, unsigned *losses, uint64_t *end)
{
  uint64_t t = at_load_acquire(&s->tail); /* [T] */
  for (;;) {
    bool used_up = t >= s->cells;
    *end = t;
    if (used_up && (t & FIFO_SEALED || at_load_relaxed(&s->next) != NULL)) /* SHUTDOWN comes before FULL */
      return PAWL_STATE;
    if (fifo_no_room(f, mode, hazard, s, t)) {
      if (at_load_seq(&s->tail) == t && !(used_up && at_load_seq(&s->next) != NULL)) /* [E], P1 of park.h */
        return PAWL_FULL;
      t = at_load_acquire(&s->tail); /* perhaps closed since, and full only by a maxsize that came after that */
      continue;
    }
    if (used_up)
      return PAWL_STATE;
    fifo_admit(f, admitted);
    if (!at_cas_seq(&s->tail, &t, t + 1)) { /* [E] */
      backoff_lost(losses);
      t = at_load_acquire(&s->tail);
    } else if (fifo_publish(s, t, item)) {
      return 0;
    } else {
      t = at_load_acquire(&s->tail);
    }
  }
}

/*
 * Puts an item, whatever may come in between: 0, FULL, SHUTDOWN, -ENOMEM, or -EAGAIN inside a signal handler. `admitted`: set
 * once `f->admitted` counts the put, whatever becomes of it; NULL: not tracked. `lost`: by fifo_quick_put, just now.
 */
static __attribute__((noinline)) int fifo_try_put(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_thread *me,
                                                  uint64_t item, bool *admitted, bool lost)
{
  unsigned losses = 0;
  struct reclaim_group *hazard = reclaim_group(me, f);
  if (hazard == NULL)
    return -EAGAIN;
  backoff_role(&hazard->role[0], f);
  if (lost)
    backoff_lost(&losses);
  for (;;) {
    struct fifo_segment *s = reclaim_protect(hazard, 0, &f->tail);
    int result;
    if ((uintptr_t)s <= (uintptr_t)FIFO_TOMB) {
      result = s == NULL ? fifo_first(f, mode, me, hazard, item, admitted) : PAWL_SHUTDOWN;
    } else {
      uint64_t end;
      result = fifo_put_in(f, mode, hazard, s, item, admitted, &losses, &end);
      if (result == PAWL_STATE)
        result = end & FIFO_SEALED ? PAWL_SHUTDOWN : fifo_next_tail(f, mode, me, hazard, s, item, admitted);
    }
    if (result != PAWL_STATE)
      return fifo_leave(mode, hazard, result);
  }
}

/*
 * The usual case of a put outside signal handlers: a segment that is still protected, with a place and known room, and no
 * rival. If tracked, the put has been admitted unless the answer is QUICK_UNUSUAL. Few instructions: they are what an
 * uncontended put costs beside its CAS.
 */
static inline __attribute__((always_inline)) enum quick fifo_quick_put(struct pawl__fifo *f, const int64_t *maxsize,
                                                                       struct reclaim_thread *me, uint64_t item, bool tracked)
{
  struct fifo_segment *s = at_load_acquire(&f->tail); /* R5 of reclaim.h */
  if (__builtin_expect((void *)s != at_load_relaxed(&reclaim_usual_group(me, f)->slot[0]), 0) ||
      (uintptr_t)s <= (uintptr_t)FIFO_TOMB)
    return QUICK_UNUSUAL;
  uint64_t t = at_load_acquire(&s->tail);         /* [T]; the ticket first, then the head, then maxsize (fifo_no_room) */
  uint64_t seen = at_load_acquire(&f->head_seen); /* [M] of fifo_no_room */
  int64_t limit = maxsize != NULL ? at_load_seq(maxsize) : 0; /* [E] */
  if (t >= s->cells || (limit > 0 && (int64_t)(s->base + t - seen) >= limit))
    return QUICK_UNUSUAL;
  bool admitted = false;
  fifo_admit(f, tracked ? &admitted : NULL);
  if (__builtin_expect(!at_cas_seq(&s->tail, &t, t + 1), 0)) /* [E] */
    return QUICK_LOST;
  return __builtin_expect(fifo_publish(s, t, item), 1) ? QUICK_THROUGH : QUICK_VOIDED;
}

/* ---- get */

/* Waits a moment for a put that is midway, then voids its cell. True: it came through. */
static __attribute__((noinline)) bool fifo_await(struct fifo_segment *s, uint64_t index)
{
  for (unsigned spins = at_spins(FIFO_SPINS); spins > 0; spins--) {
    at_pause();
    if (at_load_acquire(&s->cell[index].state) == fifo_state(s->turn, FIFO_FULL)) /* [V] */
      return true;
  }
  return fifo_void(s, index);
}

/* Takes the value of the cell that the caller claimed. False: its put was midway and has been voided. */
static inline bool fifo_take(struct pawl__fifo *f, struct fifo_segment *s, uint64_t index, uint64_t *item)
{
  struct fifo_cell *c = &s->cell[index];
  if (index % CELLS_PER_LINE == 0 && index + CELLS_AHEAD + CELLS_PER_LINE < at_load_relaxed(&s->tail_seen))
    at_expect_read(&s->cell[index], CELLS_AHEAD);
  if (__builtin_expect(at_load_acquire(&c->state) != fifo_state(s->turn, FIFO_FULL), 0) && !fifo_await(s, index)) { /* [V] */
    at_add_relaxed(&f->voided, UINT64_C(1));
    return false;
  }
  *item = at_plain_load(&c->value);
  return true;
}

/* The first segment; NULL: none yet, or never one (closed). */
static inline struct fifo_segment *fifo_head(struct pawl__fifo *f, struct reclaim_group *hazard, int *result)
{
  for (;;) {
    struct fifo_segment *s = reclaim_protect(hazard, 1, &f->head);
    if (__builtin_expect(s != NULL, 1))
      return s;
    void *first = at_load_seq(&f->tail);
    if ((uintptr_t)first <= (uintptr_t)FIFO_TOMB) {
      *result = first == NULL ? PAWL_EMPTY : PAWL_SHUTDOWN;
      return NULL;
    }
    fifo_set_head(f, first);
  }
}

/* Looks at the tail: is there an item at index h, which the head has reached? 0, EMPTY or SHUTDOWN. */
static inline int fifo_look(struct pawl__fifo *f, struct reclaim_group *hazard, struct fifo_segment *s, uint64_t h)
{
  if (h < at_load_relaxed(&s->tail_seen))
    return 0;
  backoff_before_look(&s->get_patience, hazard->role[0] == f);
  uint64_t tail = at_load_seq(&s->tail); /* [E] */
  backoff_after_look(&s->get_patience, h < (tail & ~FIFO_SEALED), BACKOFF_EMPTY);
  if (h >= (tail & ~FIFO_SEALED))
    return tail & FIFO_SEALED ? PAWL_SHUTDOWN : PAWL_EMPTY;
  at_store_relaxed(&s->tail_seen, tail & ~FIFO_SEALED);
  return 0;
}

/* Claims and takes from segment s: 0, EMPTY, SHUTDOWN, or PAWL_STATE when s has nothing left to claim. */
static inline int fifo_get_from(struct pawl__fifo *f, struct reclaim_group *hazard, struct fifo_segment *s, uint64_t *item,
                                bool *moved, unsigned *losses)
{
  for (;;) {
    uint64_t h = at_load_acquire(&s->head); /* so that the looks at tail and next are no older than it */
    if (h >= s->cells)
      return PAWL_STATE;
    int result = fifo_look(f, hazard, s, h);
    if (result != 0)
      return result;
    if (!at_cas_seq(&s->head, &h, h + 1)) { /* [E] */
      backoff_lost(losses);
      continue;
    }
    *moved = true;
    if (fifo_take(f, s, h, item))
      return 0;
  }
}

/*
 * Takes the oldest item, whatever may come in between: 0, EMPTY, SHUTDOWN once closed and dry, or -EAGAIN when signal
 * handlers nest too deep. `moved` is set if the head moved, also past a voided cell: there is room for a put. `lost`: by
 * fifo_quick_get, just now.
 */
static __attribute__((noinline)) int fifo_try_get(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_thread *me,
                                                  uint64_t *item, bool *moved, bool lost)
{
  unsigned losses = 0;
  struct reclaim_group *hazard = reclaim_group(me, f);
  if (hazard == NULL)
    return -EAGAIN;
  backoff_role(&hazard->role[1], f);
  if (lost)
    backoff_lost(&losses);
  for (;;) {
    int result = 0;
    struct fifo_segment *s = fifo_head(f, hazard, &result);
    if (s == NULL)
      return result;
    result = fifo_get_from(f, hazard, s, item, moved, &losses);
    if (result != PAWL_STATE)
      return fifo_leave(mode, hazard, result);
    void *next = at_load_seq(&s->next); /* [N] */
    if ((uintptr_t)next <= (uintptr_t)FIFO_TOMB)
      return fifo_leave(mode, hazard, next == NULL ? PAWL_EMPTY : PAWL_SHUTDOWN);
    fifo_next_head(f, mode, me, hazard, s, next);
  }
}

/*
 * The usual case of a get: a segment that is still protected, an item known to be reserved or put by this very thread, and
 * no rival.
 */
static inline __attribute__((always_inline)) enum quick fifo_quick_get(struct pawl__fifo *f, struct reclaim_thread *me,
                                                                       uint64_t *item)
{
  struct reclaim_group *hazard = reclaim_usual_group(me, f);
  struct fifo_segment *s = at_load_acquire(&f->head); /* R5 */
  if (__builtin_expect((void *)s != at_load_relaxed(&hazard->slot[1]), 0) || s == NULL)
    return QUICK_UNUSUAL;
  uint64_t h = at_load_relaxed(&s->head);
  if (h >= s->cells || (h >= at_load_relaxed(&s->tail_seen) && hazard->role[0] != f) ||
      at_load_relaxed(&s->cell[h].state) != fifo_state(s->turn, FIFO_FULL)) /* fifo_take receives it */
    return QUICK_UNUSUAL;
  if (__builtin_expect(!at_cas_seq(&s->head, &h, h + 1), 0)) /* [E] */
    return QUICK_LOST;
  return __builtin_expect(fifo_take(f, s, h, item), 1) ? QUICK_THROUGH : QUICK_VOIDED;
}

/* ---- peek */

/* The first published item from index h of segment s on: what a get would take. False: none in this segment. */
static inline bool fifo_find(struct fifo_segment *s, uint64_t h, uint64_t tail, uint64_t *item)
{
  for (; h < tail; h++)
    if (at_load_acquire(&s->cell[h].state) == fifo_state(s->turn, FIFO_FULL)) { /* [V] */
      *item = at_plain_load(&s->cell[h].value); /* stays, whoever gets it, while the segment stands in a slot */
      return true;
    }
  return false;
}

/* A hint: 0, EMPTY, or SHUTDOWN once closed and dry. EMPTY also if all that the first segment holds is still being put. */
static inline int fifo_peek(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_thread *me, uint64_t *item)
{
  struct reclaim_group *hazard = reclaim_usual_group(me, f);
  for (;;) {
    int result = 0;
    struct fifo_segment *s = fifo_head(f, hazard, &result);
    if (s == NULL)
      return fifo_leave(mode, hazard, result);
    uint64_t value, h = at_load_acquire(&s->head), tail = at_load_seq(&s->tail);
    if (h < s->cells) {
      bool found = fifo_find(s, h, tail & ~FIFO_SEALED, &value);
      if (at_load_acquire(&s->head) != h)
        continue;
      if (found)
        *item = value;
      bool dry = (tail & FIFO_SEALED) && h >= (tail & ~FIFO_SEALED);
      return fifo_leave(mode, hazard, found ? 0 : dry ? PAWL_SHUTDOWN : PAWL_EMPTY);
    }
    void *next = at_load_seq(&s->next); /* [N] */
    if ((uintptr_t)next <= (uintptr_t)FIFO_TOMB)
      return fifo_leave(mode, hazard, next == NULL ? PAWL_EMPTY : PAWL_SHUTDOWN);
    fifo_next_head(f, mode, me, hazard, s, next);
  }
}

/* ---- close */

/* Admits no put any more. Idempotent. 0 or -EAGAIN. */
static inline int fifo_close(struct pawl__fifo *f, struct reclaim_thread *me)
{
  struct reclaim_group *hazard = reclaim_group(me, f);
  if (hazard == NULL)
    return -EAGAIN;
  for (;;) {
    void *none = NULL;
    if (at_load_relaxed(&f->tail) == NULL && at_cas_seq(&f->tail, &none, FIFO_TOMB))
      return 0;
    struct fifo_segment *s = reclaim_protect(hazard, 0, &f->tail);
    if ((void *)s == FIFO_TOMB)
      return 0;
    uint64_t t = at_load_relaxed(&s->tail);
    while (t < s->cells)
      if (at_cas_seq(&s->tail, &t, t | FIFO_SEALED))
        return 0;
    if (t & FIFO_SEALED)
      return 0;
    void *next = NULL;
    if (at_cas_seq(&s->next, &next, FIFO_TOMB) || next == FIFO_TOMB)
      return 0;
    void *expected = s;
    (void)at_cas_seq(&f->tail, &expected, next);
  }
}

#endif
