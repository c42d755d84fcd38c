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
 *  - close, an SPSC mode, and sticky hazard pointers with a pool of segments (reclaim.h).
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
 *  F2  T - H <= the maxsize that the put has read, at each successful reservation (decision 2: it counts reservations not yet claimed).
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
 * Progress: lock-free. A CAS on an index fails only because another operation advanced it. The put that appends a segment has its item in
 * it, so that a get which voids one cell after another meets one that it takes. A put repeats after RETRACTED only
 * because a get claimed its cell and went on. Whoever is frozen, the others end within FIFO_SPINS + O(segments) steps of
 * their own unless others succeed. Reclamation: R4 of reclaim.h, a frozen thread retains a few segments.
 *
 * Who frees: segments go from the list to `retired`, from there to `spare` or to the allocator, by fifo_retire, fifo_sort and fifo_trim only.
 */
#ifndef PAWL_SRC_FIFO_H
#define PAWL_SRC_FIFO_H

#include "atomic.h"
#include "backoff.h"
#include "base.h"
#include "reclaim.h"
#include <errno.h>
#include <pawl/queue.h>

enum {
  FIFO_SPINS = 64,           /* pauses that a get grants a put that is midway: a microsecond or two */
  FIFO_CELLS_MIN = 64,       /* cells per segment: small ones stay in the caches, */
  FIFO_CELLS_MAX = 1024,     /* large ones amortise a fence, a scan and the header */
  FIFO_SPARES_PREALLOC = 32, /* beyond the items' own: what threads preempted inside operations may retain */
  FIFO_SPARES_UNBOUNDED = 4, /* segments an unbounded queue keeps for use again */
};

#define FIFO_SEALED (UINT64_C(1) << 63)

/* Stands in `next` of the last segment of a closed queue that was full when it was closed, or in `tail` of one never used. */
#define FIFO_TOMB ((void *)(uintptr_t)1)

struct fifo_cell {
  uint64_t state; /* see above, FULL(turn) and so on; anything older: free */
  uint64_t value;
};

enum { FIFO_FULL = 1, FIFO_TAKEN = 2, FIFO_RETRACTED = 3 };

static inline uint64_t fifo_state(uint64_t turn, int what)
{
  return turn << 2 | (uint64_t)what;
}

struct fifo_segment {
  struct reclaim_node node;
  void *next;    /* segment, NULL, or FIFO_TOMB */
  uint64_t base; /* ticket of cell 0 */
  uint64_t turn; /* of use of this memory, from 1 */
  uint32_t cells;
  uint32_t voids;                       /* 1: some bit of `voided` is set */
  uint64_t voided[FIFO_CELLS_MAX / 64]; /* cells whose get has lost patience */
  char pad0[2 * PAWL_LINE - 5 * 8 - FIFO_CELLS_MAX / 8];
  uint64_t tail;         /* next index to reserve, | FIFO_SEALED */
  uint32_t put_patience; /* backoff.h */
  char pad1[PAWL_LINE - 12];
  uint64_t head;         /* next index to claim */
  uint64_t tail_seen;    /* gets' cached lower bound of tail */
  uint32_t get_patience; /* backoff.h */
  char pad2[PAWL_LINE - 20];
  struct fifo_cell cell[];
};

/* What distinguishes queues that share this code; constant during an operation. */
struct fifo_mode {
  const int64_t *maxsize; /* changes while in use; NULL or <= 0: unbounded */
  uint32_t cells;         /* per new segment; 0: by maxsize */
  bool spsc;              /* one put and one get at a time */
  bool grow;              /* may allocate */
};

static inline int64_t fifo_maxsize(struct fifo_mode mode)
{
  return mode.maxsize != NULL ? at_load_seq(mode.maxsize) : 0; /* [E]: FULL is decided on it */
}

/* ---- segments */

static inline uint32_t fifo_cells(struct fifo_mode mode)
{
  if (mode.cells != 0)
    return mode.cells < FIFO_CELLS_MAX ? mode.cells : FIFO_CELLS_MAX;
  int64_t maxsize = fifo_maxsize(mode);
  if (maxsize <= 0)
    return FIFO_CELLS_MAX;
  uint32_t cells = FIFO_CELLS_MIN;
  while (cells < FIFO_CELLS_MAX && cells < maxsize / 4)
    cells *= 2;
  return cells;
}

static inline size_t fifo_bytes(uint64_t cells)
{
  return sizeof(struct fifo_segment) + cells * sizeof(struct fifo_cell);
}

static inline void fifo_free(struct pawl__fifo *f, struct fifo_segment *s)
{
  at_add_relaxed(&f->segments, (uint64_t)-1);
  at_add_relaxed(&f->bytes, -(uint64_t)fifo_bytes(s->cells));
  pawl__free(s, fifo_bytes(s->cells), PAWL_LINE);
}

static inline void fifo_keep(void *fifo, struct reclaim_node *node)
{
  struct pawl__fifo *f = fifo;
  at_recycle(node);
  at_add_relaxed(&f->spares, UINT64_C(1));
  reclaim_push(&f->spare, node);
}

static inline void fifo_keep_some(void *fifo, struct reclaim_node *node)
{
  struct pawl__fifo *f = fifo;
  if (at_load_relaxed(&f->spares) >= FIFO_SPARES_UNBOUNDED)
    fifo_free(f, (struct fifo_segment *)node);
  else
    fifo_keep(f, node);
}

/* A bounded queue keeps every segment that it ever needed, and so stops allocating; trim gives them back. */
static inline void fifo_sort(struct pawl__fifo *f, struct fifo_mode mode)
{
  reclaim_sort(&f->retired, mode.grow && fifo_maxsize(mode) <= 0 ? fifo_keep_some : fifo_keep, f);
}

/* For a segment that no new operation can reach. Inside a signal handler, where the allocator must not be called, it only
 * waits for the next retirement. */
static inline void fifo_retire(struct pawl__fifo *f, struct fifo_mode mode, const struct reclaim_thread *me,
                               struct fifo_segment *s)
{
  reclaim_push(&f->retired, &s->node);
  if (me->handlers == 0)
    fifo_sort(f, mode);
}

static inline struct fifo_segment *fifo_allocate(struct pawl__fifo *f, uint32_t cells)
{
  struct fifo_segment *s = pawl__alloc(fifo_bytes(cells), PAWL_LINE);
  if (s == NULL)
    return NULL;
  s->cells = cells;
  at_add_relaxed(&f->segments, UINT64_C(1));
  at_add_relaxed(&f->bytes, (uint64_t)fifo_bytes(cells));
  return s;
}

static inline struct fifo_segment *fifo_spare(struct pawl__fifo *f, struct reclaim_group *hazard)
{
  struct fifo_segment *s = (struct fifo_segment *)reclaim_pop(&f->spare, &hazard->slot[2]);
  if (s != NULL)
    at_add_relaxed(&f->spares, (uint64_t)-1);
  return s;
}

/* An empty segment that only the caller knows; NULL: none to be had. Inside a signal handler only a spare one. */
static inline struct fifo_segment *fifo_fresh(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_thread *me,
                                              struct reclaim_group *hazard, uint64_t base)
{
  struct fifo_segment *s = fifo_spare(f, hazard);
  if (s == NULL && me->handlers == 0) {
    fifo_sort(f, mode);
    s = fifo_spare(f, hazard);
    if (s == NULL && mode.grow)
      s = fifo_allocate(f, fifo_cells(mode));
  }
  if (s == NULL)
    return NULL;
  s->turn++;
  s->base = base;
  at_store_relaxed(&s->next, (void *)NULL);
  at_store_relaxed(&s->tail, UINT64_C(0));
  at_store_relaxed(&s->head, UINT64_C(0));
  at_store_relaxed(&s->tail_seen, UINT64_C(0));
  if (at_load_relaxed(&s->voids) != 0) {
    at_store_relaxed(&s->voids, 0u);
    for (unsigned i = 0; i < FIFO_CELLS_MAX / 64; i++)
      at_store_relaxed(&s->voided[i], UINT64_C(0));
  }
  return s;
}

static inline int fifo_no_segment(const struct reclaim_thread *me)
{
  return me->handlers == 0 ? -ENOMEM : -EAGAIN;
}

/* ---- put */

/* The tail of a queue is set before its head; everybody who needs the head sees to it that it is set. While it is not, the
 * tail cannot have moved (fifo_next_tail), so `first` is the first segment. */
static inline void fifo_set_head(struct pawl__fifo *f, void *first)
{
  void *none = NULL;
  if (at_load_relaxed(&f->head) == NULL)
    (void)at_cas_seq(&f->head, &none, first);
}

/* Counts the put, once, before its item can be reserved: whoever sees the reservation sees it counted (join, task_done). */
static inline void fifo_admit(struct pawl__fifo *f, bool *admitted)
{
  if (admitted != NULL && !*admitted) {
    *admitted = true;
    (void)at_add_seq(&f->admitted, UINT64_C(1)); /* [D] of queue.c */
  }
}

/* A fresh segment whose first place is the caller's, its item published in it: to append it is to put. */
static inline struct fifo_segment *fifo_filled(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_thread *me,
                                               struct reclaim_group *hazard, uint64_t base, uint64_t item)
{
  struct fifo_segment *s = fifo_fresh(f, mode, me, hazard, base);
  if (s == NULL)
    return NULL;
  at_plain_store(&s->cell[0].value, item);
  at_store_relaxed(&s->cell[0].state, fifo_state(s->turn, FIFO_FULL)); /* [N] publishes it */
  at_store_relaxed(&s->tail, UINT64_C(1));
  return s;
}

/* Makes the first segment, of which the item is the first. 0: put, PAWL_STATE: another thread was first, SHUTDOWN, or
 * fifo_no_segment(). */
static __attribute__((noinline)) int fifo_first(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_thread *me,
                                                struct reclaim_group *hazard, uint64_t item, bool *admitted)
{
  struct fifo_segment *s = fifo_filled(f, mode, me, hazard, f->base, item);
  if (s == NULL)
    return fifo_no_segment(me);
  void *none = NULL;
  fifo_admit(f, admitted);
  if (at_cas_seq(&f->tail, &none, (void *)s)) { /* [N] */
    fifo_set_head(f, s);
    return 0;
  }
  fifo_retire(f, mode, me, s);
  return none == FIFO_TOMB ? PAWL_SHUTDOWN : PAWL_STATE;
}

/*
 * Moves the tail from a used-up segment, at whose end there is room (fifo_put_in), to the next one, or appends that with the
 * item in it: so a get that voids whatever it claims cannot keep puts from succeeding. Results as of fifo_first.
 */
static __attribute__((noinline)) int fifo_next_tail(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_thread *me,
                                                    struct reclaim_group *hazard, struct fifo_segment *s, uint64_t item,
                                                    bool *admitted)
{
  fifo_set_head(f, s);
  int result = PAWL_STATE;
  void *next = at_load_seq(&s->next);
  if (next == NULL) {
    struct fifo_segment *fresh = fifo_filled(f, mode, me, hazard, s->base + s->cells, item);
    if (fresh == NULL)
      return fifo_no_segment(me);
    fifo_admit(f, admitted);
    if (at_cas_seq(&s->next, &next, (void *)fresh)) { /* [N], [E] */
      next = fresh;
      result = 0;
    } else {
      fifo_retire(f, mode, me, fresh);
    }
  }
  if (next == FIFO_TOMB)
    return PAWL_SHUTDOWN;
  void *expected = s;
  (void)at_cas_seq(&f->tail, &expected, next);
  return result;
}

/* Where gets are: a ticket that was the head at some instant of the call, or later. */
static inline uint64_t fifo_head_ticket(struct pawl__fifo *f, struct reclaim_group *hazard)
{
  struct fifo_segment *s = reclaim_protect(&hazard->slot[1], &f->head);
  return s == NULL ? f->base : s->base + at_load_seq(&s->head); /* [E] */
}

/* Are `maxsize` places between the head and `ticket`, which the tail has reached? Refreshes the cached head first. */
static __attribute__((noinline)) bool fifo_is_full(struct pawl__fifo *f, struct reclaim_group *hazard, uint64_t ticket,
                                                   int64_t maxsize)
{
  uint64_t head = fifo_head_ticket(f, hazard);
  at_store_relaxed(&f->head_seen, head);
  return (int64_t)(ticket - head) >= maxsize;
}

static inline uint64_t fifo_bit(uint64_t index)
{
  return UINT64_C(1) << (index & 63);
}

/* Has the get of this cell lost patience? Then it and the put decide by one CAS who has the item. */
static __attribute__((noinline)) bool fifo_retract(struct fifo_segment *s, uint64_t index)
{
  uint64_t full = fifo_state(s->turn, FIFO_FULL);
  return (at_load_relaxed(&s->voided[index / 64]) & fifo_bit(index)) != 0 &&
         at_cas_seq(&s->cell[index].state, &full, fifo_state(s->turn, FIFO_RETRACTED)); /* [X] */
}

/* At the end of an operation: a queue that may not allocate cannot afford that idle threads retain segments. */
static inline int fifo_leave(struct fifo_mode mode, struct reclaim_group *hazard, int result)
{
  if (!mode.grow)
    reclaim_forget(hazard);
  return result;
}

static inline void fifo_expect_put(struct fifo_segment *s, uint64_t index)
{
  if (index % CELLS_PER_LINE == 0)
    at_expect_write(&s->cell[index + CELLS_AHEAD]);
}

/* SPSC: the value alone; moving the tail publishes it. */
static inline void fifo_store(struct fifo_segment *s, uint64_t index, uint64_t item)
{
  fifo_expect_put(s, index);
  at_plain_store(&s->cell[index].value, item);
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

/* Is there no room at index t of segment s, which the tail has reached? */
static inline bool fifo_no_room(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_group *hazard,
                                struct fifo_segment *s, uint64_t t)
{
  int64_t maxsize = fifo_maxsize(mode);
  uint64_t ticket = s->base + t;
  if (maxsize <= 0 || (int64_t)(ticket - at_load_relaxed(&f->head_seen)) < maxsize)
    return false;
  backoff_before_look(&s->put_patience, hazard->role[1] == f);
  bool full = fifo_is_full(f, hazard, ticket, maxsize);
  backoff_after_look(&s->put_patience, !full, backoff_full(maxsize));
  return full;
}

/*
 * Reserves and publishes in segment s: 0, FULL, or PAWL_STATE when s has no place left or is sealed (*end tells which).
 * Reads the ticket first, then maxsize and the head, then swaps that same ticket (decision 3).
 */
static inline int fifo_put_in(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_group *hazard, struct fifo_segment *s,
                              uint64_t item, bool *admitted, unsigned *losses, uint64_t *end)
{
  uint64_t t = at_load_seq(&s->tail); /* [E] */
  for (;;) {
    bool used_up = t >= s->cells;
    *end = t;
    if (used_up && (t & FIFO_SEALED || at_load_seq(&s->next) != NULL)) /* SHUTDOWN comes before FULL */
      return PAWL_STATE;
    if (fifo_no_room(f, mode, hazard, s, t)) {
      if (at_load_seq(&s->tail) == t && !(used_up && at_load_seq(&s->next) != NULL))
        return PAWL_FULL;
      t = at_load_seq(&s->tail); /* perhaps closed since, and full only by a maxsize that came after that */
      continue;
    }
    if (used_up)
      return PAWL_STATE;
    fifo_admit(f, admitted);
    if (mode.spsc)
      fifo_store(s, t, item);
    if (!at_cas_seq(&s->tail, &t, t + 1)) { /* [E]; in SPSC mode [V], and fails only against close */
      backoff_lost(losses);
      t = at_load_seq(&s->tail);
    } else if (mode.spsc || fifo_publish(s, t, item)) {
      return 0;
    } else {
      t = at_load_seq(&s->tail);
    }
  }
}

/* Puts an item, whatever may come in between. `losses`: CASes that this put has lost so far. */
static __attribute__((noinline)) int fifo_put_slow(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_thread *me,
                                                   uint64_t item, bool *admitted, unsigned losses)
{
  struct reclaim_group *hazard = reclaim_group(me, f);
  if (hazard == NULL)
    return -EAGAIN;
  backoff_role(&hazard->role[0], f);
  if (losses > 0)
    backoff_lost(&losses);
  for (;;) {
    struct fifo_segment *s = reclaim_protect(&hazard->slot[0], &f->tail);
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
 * Puts an item: 0, FULL, SHUTDOWN, -ENOMEM, or -EAGAIN inside a signal handler. `admitted`: set once `f->admitted` counts the
 * put, whatever becomes of it; NULL: not tracked. Here only the usual case: a segment that is still protected, with a place
 * and known room, and no rival.
 */
static inline __attribute__((always_inline)) int fifo_try_put(struct pawl__fifo *f, struct fifo_mode mode,
                                                              struct reclaim_thread *me, uint64_t item, bool *admitted)
{
  unsigned losses = 0;
  if (__builtin_expect(me->handlers == 0, 1)) {
    struct fifo_segment *s = at_load_acquire(&f->tail);
    if (__builtin_expect((void *)s == at_load_relaxed(&reclaim_group(me, f)->slot[0]) && (uintptr_t)s > (uintptr_t)FIFO_TOMB,
                         1)) {
      uint64_t t = at_load_seq(&s->tail); /* [E]; the ticket first, as in fifo_put_in */
      int64_t maxsize = fifo_maxsize(mode);
      if (t < s->cells && (maxsize <= 0 || (int64_t)(s->base + t - at_load_relaxed(&f->head_seen)) < maxsize)) {
        fifo_admit(f, admitted);
        if (mode.spsc)
          fifo_store(s, t, item);
        if (__builtin_expect(!at_cas_seq(&s->tail, &t, t + 1), 0)) /* [E], [V] */
          losses = 1;
        else if (mode.spsc || fifo_publish(s, t, item))
          return 0;
      }
    }
  }
  return fifo_put_slow(f, mode, me, item, admitted, losses);
}

/* ---- get */

/* Moves the head from a used-up segment to `next` and retires it. The tail goes first (F1). */
static __attribute__((noinline)) void fifo_next_head(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_thread *me,
                                                     struct reclaim_group *hazard, struct fifo_segment *s, void *next)
{
  void *expected = s;
  if (at_load_seq(&f->tail) == (void *)s)
    (void)at_cas_seq(&f->tail, &expected, next);
  expected = s;
  if (at_cas_seq(&f->head, &expected, next)) {
    (void)reclaim_protect(&hazard->slot[1], &f->head);
    fifo_retire(f, mode, me, s);
  }
}

/*
 * The put of this cell is midway, perhaps frozen. Announces that the get has lost patience; after the fence either the put's
 * state is visible here, or the put will see the announcement. True: the put came through. Pair [X].
 */
static __attribute__((noinline)) bool fifo_void(struct fifo_segment *s, uint64_t index)
{
  uint64_t full = fifo_state(s->turn, FIFO_FULL);
  (void)at_or_seq(&s->voided[index / 64], fifo_bit(index));
  at_store_release(&s->voids, 1u);
  if (at_step("fifo.void.fence"))
    at_fence_heavy();                                                               /* [X] with fifo_publish */
  return at_load_acquire(&s->cell[index].state) == full &&                          /* [V] */
         at_cas_seq(&s->cell[index].state, &full, fifo_state(s->turn, FIFO_TAKEN)); /* [X] */
}

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
static inline bool fifo_take(struct fifo_segment *s, uint64_t index, uint64_t *item)
{
  struct fifo_cell *c = &s->cell[index];
  if (index % CELLS_PER_LINE == 0 && index + CELLS_AHEAD + CELLS_PER_LINE < at_load_relaxed(&s->tail_seen))
    at_expect_read(&s->cell[index + CELLS_AHEAD]);
  if (__builtin_expect(at_load_acquire(&c->state) != fifo_state(s->turn, FIFO_FULL), 0) && !fifo_await(s, index)) /* [V] */
    return false;
  *item = at_plain_load(&c->value);
  return true;
}

/* The first segment; NULL: none yet, or never one (closed). */
static inline struct fifo_segment *fifo_head(struct pawl__fifo *f, struct reclaim_group *hazard, int *result)
{
  for (;;) {
    struct fifo_segment *s = reclaim_protect(&hazard->slot[1], &f->head);
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
  uint64_t tail = at_load_seq(&s->tail); /* [E]; receives [V] in SPSC mode */
  backoff_after_look(&s->get_patience, h < (tail & ~FIFO_SEALED), BACKOFF_EMPTY);
  if (h >= (tail & ~FIFO_SEALED))
    return tail & FIFO_SEALED ? PAWL_SHUTDOWN : PAWL_EMPTY;
  at_store_relaxed(&s->tail_seen, tail & ~FIFO_SEALED);
  return 0;
}

/* Claims and takes from segment s: 0, EMPTY, SHUTDOWN, or PAWL_STATE when s has nothing left to claim. */
static inline int fifo_get_from(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_group *hazard,
                                struct fifo_segment *s, uint64_t *item, bool *moved, unsigned *losses)
{
  for (;;) {
    uint64_t h = at_load_relaxed(&s->head);
    if (h >= s->cells)
      return PAWL_STATE;
    int result = fifo_look(f, hazard, s, h);
    if (result != 0)
      return result;
    if (mode.spsc) {
      uint64_t value = at_plain_load(&s->cell[h].value);
      if (!at_cas_seq(&s->head, &h, h + 1)) /* [E]; hands the cell back; fails only against an immediate shutdown */
        continue;
      *item = value;
      *moved = true;
      return 0;
    }
    if (!at_cas_seq(&s->head, &h, h + 1)) { /* [E] */
      backoff_lost(losses);
      continue;
    }
    *moved = true;
    if (fifo_take(s, h, item))
      return 0;
    at_add_relaxed(&f->voided, UINT64_C(1));
  }
}

/* Takes the oldest item, whatever may come in between. `losses`: CASes that this get has lost so far. */
static __attribute__((noinline)) int fifo_get_slow(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_thread *me,
                                                   uint64_t *item, bool *moved, unsigned losses)
{
  struct reclaim_group *hazard = reclaim_group(me, f);
  if (hazard == NULL)
    return -EAGAIN;
  backoff_role(&hazard->role[1], f);
  if (losses > 0)
    backoff_lost(&losses);
  for (;;) {
    int result = 0;
    struct fifo_segment *s = fifo_head(f, hazard, &result);
    if (s == NULL)
      return result;
    result = fifo_get_from(f, mode, hazard, s, item, moved, &losses);
    if (result != PAWL_STATE)
      return fifo_leave(mode, hazard, result);
    void *next = at_load_seq(&s->next); /* [N] */
    if ((uintptr_t)next <= (uintptr_t)FIFO_TOMB)
      return fifo_leave(mode, hazard, next == NULL ? PAWL_EMPTY : PAWL_SHUTDOWN);
    fifo_next_head(f, mode, me, hazard, s, next);
  }
}

/*
 * Takes the oldest item: 0, EMPTY, SHUTDOWN once closed and dry, or -EAGAIN when signal handlers nest too deep. `moved` is
 * set if the head moved, also past a voided cell: there is room for a put. Here only the usual case: a segment that is still
 * protected, an item known to be reserved or put by this very thread, published, and no rival.
 */
static inline __attribute__((always_inline)) int fifo_try_get(struct pawl__fifo *f, struct fifo_mode mode,
                                                              struct reclaim_thread *me, uint64_t *item, bool *moved)
{
  unsigned losses = 0;
  if (__builtin_expect(me->handlers == 0 && !mode.spsc, 1)) {
    struct reclaim_group *hazard = reclaim_group(me, f);
    struct fifo_segment *s = at_load_acquire(&f->head);
    if (__builtin_expect((void *)s == at_load_relaxed(&hazard->slot[1]) && s != NULL, 1)) {
      uint64_t h = at_load_relaxed(&s->head);
      if (h < s->cells &&
          (h < at_load_relaxed(&s->tail_seen) || (hazard->role[0] == f && h < (at_load_seq(&s->tail) & ~FIFO_SEALED)))) {
        if (__builtin_expect(!at_cas_seq(&s->head, &h, h + 1), 0)) { /* [E] */
          losses = 1;
        } else {
          *moved = true;
          if (fifo_take(s, h, item))
            return 0;
          at_add_relaxed(&f->voided, UINT64_C(1));
        }
      }
    }
  }
  return fifo_get_slow(f, mode, me, item, moved, losses);
}

/* ---- close and the rest */

/* Admits no put any more. Idempotent. 0 or -EAGAIN. */
static inline int fifo_close(struct pawl__fifo *f, struct reclaim_thread *me)
{
  struct reclaim_group *hazard = reclaim_group(me, f);
  if (hazard == NULL)
    return -EAGAIN;
  for (;;) {
    void *none = NULL;
    if (at_load_acquire(&f->tail) == NULL && at_cas_seq(&f->tail, &none, FIFO_TOMB))
      return 0;
    struct fifo_segment *s = reclaim_protect(&hazard->slot[0], &f->tail);
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

/* Reservations so far, and claims so far: tickets. */
static inline uint64_t fifo_tail_ticket(struct pawl__fifo *f, struct reclaim_group *hazard)
{
  struct fifo_segment *s = reclaim_protect(&hazard->slot[0], &f->tail);
  return (uintptr_t)s <= (uintptr_t)FIFO_TOMB ? f->base : s->base + (at_load_seq(&s->tail) & ~FIFO_SEALED);
}

/* Reserved and not yet claimed. The tail is read first: never above the bound, and at least 0. */
static inline uint64_t fifo_was_size(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_thread *me)
{
  struct reclaim_group *hazard = reclaim_group(me, f);
  if (hazard == NULL)
    return 0;
  uint64_t tail = fifo_tail_ticket(f, hazard);
  uint64_t head = fifo_head_ticket(f, hazard);
  (void)fifo_leave(mode, hazard, 0);
  return (int64_t)(tail - head) > 0 ? tail - head : 0;
}

/* Makes `n` segments ready for use. 0 or -ENOMEM. */
static inline int fifo_prepare(struct pawl__fifo *f, struct fifo_mode mode, uint64_t n)
{
  for (; n > 0; n--) {
    struct fifo_segment *s = fifo_allocate(f, fifo_cells(mode));
    if (s == NULL)
      return -ENOMEM;
    fifo_keep(f, &s->node);
  }
  return 0;
}

static inline void fifo_free_node(void *fifo, struct reclaim_node *node)
{
  fifo_free(fifo, (struct fifo_segment *)node);
}

/* Frees what is kept for use again. */
static inline void fifo_trim(struct pawl__fifo *f, struct reclaim_thread *me)
{
  struct reclaim_group *hazard = reclaim_group(me, f);
  if (hazard == NULL)
    return;
  for (struct fifo_segment *s; (s = fifo_spare(f, hazard)) != NULL;)
    reclaim_push(&f->retired, &s->node); /* somebody may be about to pop it, too */
  reclaim_forget(hazard);
  reclaim_sort(&f->retired, fifo_free_node, f);
}

/* Frees everything. Nobody uses the queue any more. */
static inline void fifo_fini(struct pawl__fifo *f)
{
  void *lists[] = {f->spare, f->retired};
  for (unsigned i = 0; i < 2; i++)
    for (struct reclaim_node *n = lists[i], *link; n != NULL; n = link) {
      link = n->link;
      fifo_free_node(f, n);
    }
  struct fifo_segment *s = (uintptr_t)f->head > (uintptr_t)FIFO_TOMB ? f->head : f->tail;
  while ((uintptr_t)s > (uintptr_t)FIFO_TOMB) {
    struct fifo_segment *next = s->next;
    fifo_free(f, s);
    s = next;
  }
}

#endif
