/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fifo_segment.h - what the FIFO cores are made of: one-shot cells in segments, the list of segments, their pool. Layer 1.
 * fifo.h puts and gets in them from any threads, spsc.h from one putting and one getting thread.
 *
 * Segments live in a list from `head` to `tail`. A put appends one with its item in it, by one CAS of `next` (of the queue's
 * `tail` for the first); the get that finds a segment used up moves the head on and retires it. F1 of fifo.h: the tail is
 * moved off a segment before the head is, so that neither word ever leads to a segment that may be in use again.
 *
 * Who frees: segments go from the list to `retired`, from there to `spare` or to the allocator, by fifo_retire, fifo_sort and
 * fifo_trim only; fifo_fini frees what is left when nobody uses the queue any more.
 */
#ifndef PAWL_SRC_FIFO_SEGMENT_H
#define PAWL_SRC_FIFO_SEGMENT_H

#include "admit.h"
#include "atomic.h"
#include "backoff.h"
#include "base.h"
#include "reclaim.h"
#include <errno.h>
#include <pawl/queue.h>

enum {
  FIFO_CELLS_MIN = 64,       /* cells per segment: small ones stay in the caches, */
  FIFO_CELLS_MAX = 1024,     /* large ones amortise a fence, a scan and the header */
  FIFO_SPARES_PREALLOC = 32, /* beyond the items' own: what threads preempted inside operations may retain */
  FIFO_SPARES_UNBOUNDED = 4, /* segments an unbounded queue keeps for use again */
};

#define FIFO_SEALED (UINT64_C(1) << 63)

/* Stands in `next` of the last segment of a closed queue that was full when it was closed, or in `tail` of one never used. */
#define FIFO_TOMB ((void *)(uintptr_t)1)

struct fifo_cell {
  uint64_t state; /* FULL(turn) and so on (fifo.h, spsc.h); anything older: free */
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
  uint64_t tail_seen;    /* gets' cached lower bound of tail; spsc.h: where the get last found nothing */
  uint32_t get_patience; /* backoff.h */
  char pad2[PAWL_LINE - 20];
  struct fifo_cell cell[];
};

/* What distinguishes queues that share this code; constant during an operation. */
struct fifo_mode {
  const int64_t *maxsize; /* changes while in use; NULL or <= 0: unbounded */
  uint32_t cells;         /* per new segment; 0: by maxsize */
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
  while (cells < FIFO_CELLS_MAX && cells < maxsize / 2)
    cells *= 2;
  return cells;
}

static inline size_t fifo_bytes(uint64_t cells)
{
  return sizeof(struct fifo_segment) + cells * sizeof(struct fifo_cell);
}

static inline void fifo_free(struct pawl__fifo *f, struct fifo_segment *s)
{
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
  reclaim_sort(&f->retired, f, mode.grow && fifo_maxsize(mode) <= 0 ? fifo_keep_some : fifo_keep, f);
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
  at_add_relaxed(&f->bytes, (uint64_t)fifo_bytes(cells));
  return s;
}

static inline struct fifo_segment *fifo_spare(struct pawl__fifo *f, struct reclaim_group *hazard)
{
  struct fifo_segment *s = (struct fifo_segment *)reclaim_pop(&f->spare, hazard);
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

/* At the end of an operation: a queue that may not allocate cannot afford that idle threads retain segments. */
static inline int fifo_leave(struct fifo_mode mode, struct reclaim_group *hazard, int result)
{
  if (!mode.grow)
    reclaim_forget(hazard);
  return result;
}

/* ---- voiding the cell of a put that is midway: pair [X] of fifo.h */

static inline uint64_t fifo_bit(uint64_t index)
{
  return UINT64_C(1) << (index & 63);
}

static inline bool fifo_is_voided(struct fifo_segment *s, uint64_t index)
{
  return (at_load_acquire(&s->voided[index / 64]) & fifo_bit(index)) != 0; /* FULL needs the head of who did it */
}

/* Has the get of this cell lost patience? Then it and the put decide by one CAS who has the item. */
static __attribute__((noinline, unused)) bool fifo_retract(struct fifo_segment *s, uint64_t index)
{
  uint64_t full = fifo_state(s->turn, FIFO_FULL);
  return fifo_is_voided(s, index) && at_cas_seq(&s->cell[index].state, &full, fifo_state(s->turn, FIFO_RETRACTED)); /* [X] */
}

/*
 * The put of this cell is midway, perhaps frozen. Announces that the get has lost patience; after the fence either the put's
 * state is visible here, or the put will see the announcement. True: the put came through. Pair [X].
 */
static __attribute__((noinline, unused)) bool fifo_void(struct fifo_segment *s, uint64_t index)
{
  uint64_t full = fifo_state(s->turn, FIFO_FULL);
  (void)at_or_seq(&s->voided[index / 64], fifo_bit(index));
  at_store_relaxed(&s->voids, 1u);
  if (at_step("fifo.void.fence"))
    at_fence_heavy(); /* [X] with fifo_publish */
  return at_load_relaxed(&s->cell[index].state) == full &&
         at_cas_acquire(&s->cell[index].state, &full, fifo_state(s->turn, FIFO_TAKEN)); /* [X], [V] */
}

/* ---- the list */

/* The tail of a queue is set before its head; everybody who needs the head sees to it that it is set. While it is not, the
 * tail cannot have moved (fifo_next_tail), so `first` is the first segment. */
static inline void fifo_set_head(struct pawl__fifo *f, void *first)
{
  void *none = NULL;
  if (at_load_relaxed(&f->head) == NULL)
    (void)at_cas_seq(&f->head, &none, first);
}

static inline void fifo_admit(struct pawl__fifo *f, bool *admitted)
{
  admit(&f->admitted, admitted);
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
static __attribute__((noinline, unused)) int fifo_first(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_thread *me,
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
static __attribute__((noinline, unused)) int fifo_next_tail(struct pawl__fifo *f, struct fifo_mode mode,
                                                            struct reclaim_thread *me, struct reclaim_group *hazard,
                                                            struct fifo_segment *s, uint64_t item, bool *admitted)
{
  fifo_set_head(f, s);
  int result = PAWL_STATE;
  void *next = at_load_acquire(&s->next);
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

/* Moves the head from a used-up segment to `next` and retires it. The tail goes first (F1). */
static __attribute__((noinline, unused)) void fifo_next_head(struct pawl__fifo *f, struct fifo_mode mode,
                                                             struct reclaim_thread *me, struct reclaim_group *hazard,
                                                             struct fifo_segment *s, void *next)
{
  void *expected = s;
  if (at_load_relaxed(&f->tail) == (void *)s) /* not older than s, which led the head here */
    (void)at_cas_seq(&f->tail, &expected, next);
  expected = s;
  if (at_cas_seq(&f->head, &expected, next)) {
    (void)reclaim_protect(hazard, 1, &f->head);
    fifo_retire(f, mode, me, s);
  }
}

/* Where gets are: a ticket that was the head at some instant of the call, or later. */
static inline uint64_t fifo_head_ticket(struct pawl__fifo *f, struct reclaim_group *hazard)
{
  struct fifo_segment *s = reclaim_protect(hazard, 1, &f->head);
  return s == NULL ? f->base : s->base + at_load_seq(&s->head); /* [E] */
}

/* Are `maxsize` places between the head and `ticket`, which the tail has reached? Refreshes the cached head first. */
static __attribute__((noinline, unused)) bool fifo_is_full(struct pawl__fifo *f, struct reclaim_group *hazard, uint64_t ticket,
                                                           int64_t maxsize)
{
  uint64_t head = fifo_head_ticket(f, hazard);
  at_store_release(&f->head_seen, head); /* [M] */
  return (int64_t)(ticket - head) >= maxsize;
}

/* Reservations so far, and claims so far: tickets. */
static inline uint64_t fifo_tail_ticket(struct pawl__fifo *f, struct reclaim_group *hazard)
{
  struct fifo_segment *s = reclaim_protect(hazard, 0, &f->tail);
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

/* ---- beginning and end */

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
  reclaim_sort(&f->retired, f, fifo_free_node, f);
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
