/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spsc.h - the FIFO core of a queue with one producer and one consumer: try_put, try_get, close, and discard for an immediate
 * shutdown beside the consumer. Layer 1. In the usual case neither side executes a locked instruction, a fence, or touches a
 * line that the other side writes, but those of the cells. Never blocks; enters the kernel as fifo.h does.
 *
 * Source: that a cell itself says whether it is full, so that the indices stay private, is FastForward's (Giacomoni, Moseley
 * and Vachharajani, PPoPP 2008). Deviations: segments of one-shot cells with turns (fifo_segment.h), so that it is unbounded
 * or exactly bounded by tickets; exact FULL and EMPTY; close by any thread; a second getting thread while a queue is discarded.
 *
 * Who writes what: the producer s->tail, f->head_seen and free cells; the consumer s->head. Both are plain stores; who
 * becomes producer or consumer after another thread received the queue from it (the promise of PAWL_SPSC).
 *
 *     put   room?  count [J]; closing?  value; state := FULL(turn) [V]; tail := t + 1; light fence [X][W]; closing? then voided?
 *     get   state == FULL(turn)? [V]  value; head := h + 1; light fence [C][W]; contested? then CAS of the state
 *
 *     cell of turn n:   older state --put--> FULL(n)                      h + 1 stored and not contested: the consumer's
 *                                            FULL(n) --get--> TAKEN(n)      contested: one CAS decides which get has it
 *                                            FULL(n) --put--> RETRACTED(n)  voided: or that it is not in the queue at all
 *
 * Pairs:
 *  [V]  state FULL (release) hands the value to the get (acquire).
 *  [E]  EMPTY and FULL. A put stores the state and may later look at head, a get stores head and later looks at a state: if
 *       each look could be from before the other's store, both would be refused at once. So each executes a full fence
 *       before it answers FULL or EMPTY, and looks again. Nobody who succeeds pays for it. Who looks how many puts there were
 *       (join, task_done) does the same (core_puts): "all done" must not be from before a put that later finds no room.
 *  [W]  Sleepers: the waker changes state or head, executes a light fence, and looks for waiters; who waits announces itself,
 *       executes a heavy fence, and attempts (queue.c). This stands in for the seq_cst change of P1 and P3 of park.h.
 *  [X]  Voiding, as in fifo.h: put - FULL, light fence, `closing` and the bits; get - bit, heavy fence, the state again. A get
 *       voids only after it has seen `closing`, so that a put which must see the bit must see `closing`, too (cumulativity).
 *  [C]  Discarding: get - head, light fence, `contested`; who discards - `contested`, heavy fence, head. Either the get sees
 *       that it is contested, or who discards sees a head behind that cell and leaves it alone.
 *  [B]  A bound of its own time: put - state, light fence, and the next one looks at maxsize; who sets maxsize - that, heavy
 *      fence. So a put that goes by the bound before this one comes after puts that everybody sees who knows of the change;
 *      else it could be too late for the new bound, and an earlier one not yet there for a get that answers EMPTY.
 *  [J]  Joining a closed queue: a put counts itself (tracked queues), executes a light fence, and looks at `closing`; who
 *       closes sets that, executes a heavy fence, and only then says that the queue is closed. So whoever joins then counts
 *       every put that may still succeed.
 *
 * Facts:
 *  S1  If the cell at the head is not FULL, nor TAKEN, then a put that is midway, if any, is at this very cell: there is only
 *      one producer, and it fills cells in order. At the end of a segment it is at `next`, in an empty queue at f->tail.
 *  S2  Every cell from the head on that was taken is TAKEN, once the queue is contested ([C]); an index stored by a late get
 *      can put the head back, but not below the cell that this get has not yet decided about. When all is quiet it is at a cell
 *      that was not taken: who has moved the head then looks at the cell there, who has taken a cell at the head, each
 *      behind a full fence, and whichever of two comes later moves the head on.
 *  S3  After SHUTDOWN has been answered no get succeeds (SPSC_DRY, or a tombstone), and no put either: what it might have
 *      published is voided ([X]), or its CAS meets the tombstone.
 *  S4  A put looks at `closing` after it has found room (or none): what it found, it found on an open queue. A put that looked
 *      first could be given a place that a get has freed after the close.
 *
 * Linearization points: put - the store of FULL, or the CAS that appends; if it comes after the queue was closed, just before
 * that: no get has answered EMPTY or SHUTDOWN in between without voiding the put (S1, S3). Get - the store of head, contested:
 * the CAS. EMPTY - the earlier of the last looks at `closing` and the cell. FULL - the load of maxsize before the last look at
 * the head (S4). close - the store of `closing`. There is no reservation: the plain model of a bounded queue holds, not only the
 * two-point one.
 *
 * Progress: put and get are wait-free but for the allocator and lost pushes and pops of the segment pool; close is wait-free;
 * discarding is lock-free. A frozen producer makes no get wait, a frozen consumer no put but by the bound. A consumer frozen
 * inside a get keeps at most that item. Reclamation: R4 of reclaim.h. The producer follows f->tail unprotected: its segment
 * cannot be retired before the producer itself has appended another.
 */
#ifndef PAWL_SRC_SPSC_H
#define PAWL_SRC_SPSC_H

#include "backoff.h"
#include "fifo_segment.h"

/* f->closing: no put is admitted any more; and who was admitted before is counted. */
enum { SPSC_CLOSING = 1, SPSC_CLOSED = 3 };

/* f->contested, bits: gets may be two; nothing will ever come out any more. */
enum { SPSC_CONTESTED = 1, SPSC_DRY = 2 };

/*
 * A get that has caught up, or a put that has filled all it knew to be free, comes to lines that the other side is writing. If
 * it comes for a few items at a time, they cost both sides the way there and back. So it pauses first, for as long as the
 * batches that it finds are small, so that there is a larger one. Batches of one or none end that: two threads that answer
 * each other, a queue so small that there are no others, or nobody in a hurry.
 */
enum {
  SPSC_PAUSES = 256,              /* at most before a look: a few microseconds */
  SPSC_BATCH = 64,                /* items that are worth the way */
  SPSC_AHEAD = 4 * CELLS_PER_LINE /* cells that a put asks for in advance: a line takes as long as eight puts or more */
};

static inline void spsc_learn(uint32_t *pauses, uint64_t batch, uint64_t enough)
{
  uint32_t n = at_load_relaxed(pauses);
  uint32_t next = batch <= 1 || batch > 4 * enough ? n / 2 : batch >= enough ? n : n == 0 ? BACKOFF_CAUGHT_UP : 2 * n;
  if (next != n)
    at_store_relaxed(pauses, next < SPSC_PAUSES ? next : SPSC_PAUSES);
}

/* ---- put */

/* Counts the put, once, before it looks whether the queue is open. Only one thread counts, hence no read-modify-write. */
static inline void spsc_admit(struct pawl__fifo *f, bool *admitted)
{
  if (admitted != NULL && !*admitted) {
    *admitted = true;
    at_store_relaxed(&f->admitted, at_load_relaxed(&f->admitted) + 1); /* [D] of queue.c, received with the item */
    at_fence_light();                                                  /* [J] with spsc_close */
  }
}

/* Fills cell t, which is free and the producer's. 0, or SHUTDOWN if a get has voided it meanwhile. */
static inline int spsc_publish(struct pawl__fifo *f, struct fifo_segment *s, uint64_t t, uint64_t item)
{
  struct fifo_cell *c = &s->cell[t];
  if (t % CELLS_PER_LINE == 0)
    at_expect_write(c, SPSC_AHEAD);
  at_plain_store(&c->value, item);
  at_store_release(&c->state, fifo_state(s->turn, FIFO_FULL)); /* [V] */
  at_store_relaxed(&s->tail, t + 1);
  at_fence_light(); /* [X], [W], [B] */
  if (__builtin_expect(at_load_relaxed(&f->closing) == 0, 1) || !fifo_retract(s, t))
    return 0;
  at_store_relaxed(&s->tail, t);
  return PAWL_SHUTDOWN;
}

/*
 * Is there no room for the put of `ticket`? The size only falls meanwhile: there is room if it is below a maxsize that was read
 * after the head, and there is none if it is not below one that was read before the head. So neither is decided on a bound that
 * another thread has changed since.
 */
static inline bool spsc_is_full(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_group *hazard,
                                struct fifo_segment *s, uint64_t ticket)
{
  for (bool looked = false, fenced = false;;) {
    int64_t maxsize = fifo_maxsize(mode);
    if (maxsize <= 0 || (int64_t)(ticket - at_load_relaxed(&f->head_seen)) < maxsize)
      return false;
    if (!looked && hazard->role[1] != f)
      backoff_pause(at_load_relaxed(&s->put_patience));
    bool full = fifo_is_full(f, hazard, ticket, maxsize);
    if (full && fenced)
      return true;
    if (!looked) {
      int64_t room = maxsize - (int64_t)(ticket - at_load_relaxed(&f->head_seen));
      spsc_learn(&s->put_patience, full ? 0 : (uint64_t)room, (uint64_t)maxsize / 4);
    }
    looked = true;
    fenced |= full;
    if (full && at_step("spsc.full.fence"))
      at_fence_seq(); /* [E] */
  }
}

static inline int spsc_put_in(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_thread *me,
                              struct reclaim_group *hazard, uint64_t item, bool *admitted)
{
  struct fifo_segment *s = at_load_acquire(&f->tail); /* with a tombstone comes `closing` */
  uint64_t t = (uintptr_t)s > (uintptr_t)FIFO_TOMB ? at_load_relaxed(&s->tail) : 0;
  bool full = (uintptr_t)s > (uintptr_t)FIFO_TOMB && spsc_is_full(f, mode, hazard, s, s->base + t);
  if (!full)
    spsc_admit(f, admitted);
  if (at_load_relaxed(&f->closing) != 0) /* S4 */
    return PAWL_SHUTDOWN;
  if (full)
    return PAWL_FULL;
  if (s == NULL)
    return fifo_first(f, mode, me, hazard, item, admitted);
  if (t >= s->cells)
    return fifo_next_tail(f, mode, me, hazard, s, item, admitted);
  return spsc_publish(f, s, t, item);
}

static __attribute__((noinline)) int spsc_try_put(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_thread *me,
                                                  uint64_t item, bool *admitted)
{
  struct reclaim_group *hazard = reclaim_group(me, f);
  int result;
  backoff_role(&hazard->role[0], f);
  do
    result = spsc_put_in(f, mode, me, hazard, item, admitted);
  while (result == PAWL_STATE); /* a consumer moved the tail, or a producer did that a fork has left behind */
  return fifo_leave(mode, hazard, result);
}

/* As fifo_quick_put. */
static inline __attribute__((always_inline)) enum quick spsc_quick_put(struct pawl__fifo *f, const int64_t *maxsize,
                                                                       uint64_t item, bool tracked)
{
  struct fifo_segment *s = at_load_relaxed(&f->tail); /* appended by this side */
  if (__builtin_expect((uintptr_t)s <= (uintptr_t)FIFO_TOMB, 0))
    return QUICK_UNUSUAL;
  uint64_t t = at_load_relaxed(&s->tail);
  int64_t limit = at_load_acquire(maxsize); /* S4: before `closing` */
  if (t >= s->cells || (limit > 0 && (int64_t)(s->base + t - at_load_relaxed(&f->head_seen)) >= limit))
    return QUICK_UNUSUAL;
  bool admitted = false;
  spsc_admit(f, tracked ? &admitted : NULL);
  if (__builtin_expect(at_load_relaxed(&f->closing) != 0, 0)) /* S4 */
    return QUICK_VOIDED;
  return __builtin_expect(spsc_publish(f, s, t, item) == 0, 1) ? QUICK_THROUGH : QUICK_VOIDED;
}

/* ---- get */

/* Moves the head past cells that were taken: after a step of the head, or of a cell to TAKEN (S2). */
static void spsc_move_on(struct fifo_segment *s)
{
  for (;;) {
    at_fence_seq(); /* S2 */
    uint64_t h = at_load_relaxed(&s->head);
    if (h >= s->cells || at_load_relaxed(&s->cell[h].state) != fifo_state(s->turn, FIFO_TAKEN))
      return;
    (void)at_cas_release(&s->head, &h, h + 1); /* not a store, lest it put the head back for good */
  }
}

/* Beside other gets: has this one the item of the full cell h? Not if it was voided and that was the end (S3). */
static __attribute__((noinline)) bool spsc_claim(struct pawl__fifo *f, struct fifo_segment *s, uint64_t h)
{
  uint64_t full = fifo_state(s->turn, FIFO_FULL);
  bool ended = at_load_relaxed(&f->contested) & SPSC_DRY && fifo_is_voided(s, h); /* by [X] the bit is seen, or was no DRY */
  bool mine = !ended && at_cas_release(&s->cell[h].state, &full, fifo_state(s->turn, FIFO_TAKEN)); /* [C], [X]; value is read */
  spsc_move_on(s);
  return mine;
}

/* Takes cell h, which is full and at the head. False: it is another's. */
static inline bool spsc_take(struct pawl__fifo *f, struct fifo_segment *s, uint64_t h, uint64_t *item)
{
  uint64_t value = at_plain_load(&s->cell[h].value);
  at_store_release(&s->head, h + 1); /* hands no cell over (reclaim.h), but that a discard came here */
  at_fence_light();                  /* [C], [W] */
  if (__builtin_expect(at_load_relaxed(&f->contested) != 0, 0) && !spsc_claim(f, s, h))
    return false;
  *item = value;
  return true;
}

/* Looks at the cell at the head: 0 and an item, EMPTY, or PAWL_STATE if it was out of the way, not there yet, or another's. */
static int spsc_look(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_thread *me, struct reclaim_group *hazard,
                     uint64_t *item, bool *moved)
{
  struct fifo_segment *s = reclaim_protect(hazard, 1, &f->head);
  if (s == NULL) {
    void *first = at_load_acquire(&f->tail);
    if ((uintptr_t)first <= (uintptr_t)FIFO_TOMB)
      return PAWL_EMPTY;
    fifo_set_head(f, first);
    return PAWL_STATE;
  }
  uint64_t h = at_load_acquire(&s->head); /* from a discard, then `closing` is seen, too */
  if (h >= s->cells) {
    void *next = at_load_acquire(&s->next); /* [N] */
    if ((uintptr_t)next <= (uintptr_t)FIFO_TOMB)
      return PAWL_EMPTY;
    fifo_next_head(f, mode, me, hazard, s, next);
    return PAWL_STATE;
  }
  uint64_t state = at_load_acquire(&s->cell[h].state); /* [V] */
  if (state == fifo_state(s->turn, FIFO_TAKEN)) {
    spsc_move_on(s);
    return PAWL_STATE;
  }
  if (state != fifo_state(s->turn, FIFO_FULL))
    return PAWL_EMPTY;
  *moved = true;
  return spsc_take(f, s, h, item) ? 0 : PAWL_STATE;
}

/* Voids cell h, in which nothing was, on a closed queue: 0 and an item that came through, SHUTDOWN, or PAWL_STATE. */
static int spsc_void(struct pawl__fifo *f, struct fifo_segment *s, uint64_t h, uint64_t *item, bool *moved)
{
  (void)at_or_seq(&f->contested, (uint64_t)SPSC_CONTESTED); /* from now on a full cell may be retracted */
  if (fifo_void(s, h)) {
    *item = at_plain_load(&s->cell[h].value);
    spsc_move_on(s);
    *moved = true;
    return 0;
  }
  return at_load_relaxed(&s->cell[h].state) == fifo_state(s->turn, FIFO_TAKEN) ? PAWL_STATE : PAWL_SHUTDOWN;
}

/* The queue is closed and nothing was at its head: makes sure that nothing comes (S1). As spsc_void. */
static __attribute__((noinline)) int spsc_seal(struct pawl__fifo *f, struct reclaim_group *hazard, uint64_t *item, bool *moved)
{
  struct fifo_segment *s = reclaim_protect(hazard, 1, &f->head);
  uint64_t h = s != NULL ? at_load_relaxed(&s->head) : 0;
  int result;
  if (s != NULL && h < s->cells) {
    result = spsc_void(f, s, h, item, moved);
  } else {
    void *last = NULL;
    result = at_cas_seq(s != NULL ? &s->next : &f->tail, &last, FIFO_TOMB) || last == FIFO_TOMB ? PAWL_SHUTDOWN : PAWL_STATE;
  }
  if (result == PAWL_SHUTDOWN)
    (void)at_or_seq(&f->contested, (uint64_t)SPSC_DRY);
  return result;
}

/* A first look has found nothing. Waits a moment for a batch, and then finds out whether that is the truth. */
static __attribute__((noinline)) int spsc_look_again(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_thread *me,
                                                     struct reclaim_group *hazard, uint64_t *item, bool *moved)
{
  struct fifo_segment *s = hazard->slot[1];
  if (s != NULL) {
    uint64_t h = at_load_relaxed(&s->head);
    int64_t maxsize = fifo_maxsize(mode);
    uint64_t enough = maxsize <= 0 || maxsize / 4 > SPSC_BATCH ? SPSC_BATCH : (uint64_t)maxsize / 4;
    spsc_learn(&s->get_patience, h - at_load_relaxed(&s->tail_seen), enough);
    at_store_relaxed(&s->tail_seen, h);
    if (hazard->role[0] != f)
      backoff_pause(at_load_relaxed(&s->get_patience));
  }
  if (at_step("spsc.empty.fence"))
    at_fence_seq(); /* [E] */
  int result;
  do {
    while ((result = spsc_look(f, mode, me, hazard, item, moved)) == PAWL_STATE) {
    }
    if (result == PAWL_EMPTY && at_load_relaxed(&f->closing) != 0) /* after the look: a discard may have made it so */
      result = spsc_seal(f, hazard, item, moved);
  } while (result == PAWL_STATE);
  return result;
}

static __attribute__((noinline)) int spsc_try_get(struct pawl__fifo *f, struct fifo_mode mode, struct reclaim_thread *me,
                                                  uint64_t *item, bool *moved)
{
  struct reclaim_group *hazard = reclaim_group(me, f);
  int result;
  backoff_role(&hazard->role[1], f);
  do
    result = at_load_acquire(&f->contested) & SPSC_DRY ? PAWL_SHUTDOWN : spsc_look(f, mode, me, hazard, item, moved);
  while (result == PAWL_STATE);
  if (result == PAWL_EMPTY)
    result = spsc_look_again(f, mode, me, hazard, item, moved);
  return fifo_leave(mode, hazard, result);
}

/* As fifo_quick_get: a segment that is still protected, and an item. */
static inline __attribute__((always_inline)) enum quick spsc_quick_get(struct pawl__fifo *f, struct reclaim_thread *me,
                                                                       uint64_t *item)
{
  struct fifo_segment *s = at_load_acquire(&f->head); /* R5 of reclaim.h */
  if (__builtin_expect((void *)s != at_load_relaxed(&reclaim_usual_group(me, f)->slot[1]), 0) || s == NULL)
    return QUICK_UNUSUAL;
  uint64_t h = at_load_relaxed(&s->head);
  if (h >= s->cells || at_load_acquire(&s->cell[h].state) != fifo_state(s->turn, FIFO_FULL)) /* [V] */
    return QUICK_UNUSUAL;
  return __builtin_expect(spsc_take(f, s, h, item), 1) ? QUICK_THROUGH : QUICK_VOIDED;
}

/* ---- close, discard, fork */

/* Admits no put any more. Idempotent. */
static inline void spsc_close(struct pawl__fifo *f)
{
  if (at_load_acquire(&f->closing) == SPSC_CLOSED)
    return;
  (void)at_or_seq(&f->closing, (uint64_t)SPSC_CLOSING);
  if (at_step("spsc.close.fence"))
    at_fence_heavy(); /* [J]; also if another thread has set it and not yet come to its fence */
  (void)at_or_seq(&f->closing, (uint64_t)SPSC_CLOSED);
}

/* Before a thread gets beside the consumer, from a closed queue. */
static inline void spsc_discard(struct pawl__fifo *f)
{
  (void)at_or_seq(&f->contested, (uint64_t)SPSC_CONTESTED);
  if (at_step("spsc.discard.fence"))
    at_fence_heavy(); /* [C] with spsc_take; also if another thread has set it and not yet come to its fence */
}

/* In a forked child: a producer that is not there may have filled a cell and not yet moved its index. */
static inline void spsc_repair(struct pawl__fifo *f)
{
  struct fifo_segment *s = f->tail;
  if ((uintptr_t)s > (uintptr_t)FIFO_TOMB && s->tail < s->cells && s->cell[s->tail].state >> 2 == s->turn)
    s->tail++;
}

#endif
