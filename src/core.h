/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core.h - the core contract: five operations, one switch over the cores. Layer 3. Knows nothing of sleeping.
 *
 *   core_try_put     0, FULL, SHUTDOWN, -ENOMEM, or what a custom order says
 *   core_try_get     0, EMPTY, or SHUTDOWN once closed and dry, or what a custom order says
 *   core_close       after it no put is admitted
 *   core_was_size    a stale hint, never negative, never above the larger of maxsize and what a shrink kept
 *   core_puts        items admitted so far, a monotone count (tracked queues)
 *
 * A ring can be stalled by a peer that was preempted midway: the core then lets other threads run and tries again, since
 * neither FULL nor EMPTY would be true.
 */
#ifndef PAWL_SRC_CORE_H
#define PAWL_SRC_CORE_H

#include "fifo.h"
#include "heap.h"
#include "lifo.h"
#include "locked.h"
#include "relaxed.h"
#include "ring.h"
#include "spsc.h"
#include <pawl/queue.h>

enum core_kind { CORE_FIFO, CORE_SPSC, CORE_RING, CORE_CUSTOM, CORE_LIFO, CORE_HEAP, CORE_LOCKED, CORE_RELAXED };

/* Is it made of fifo_segment.h's segments? */
static inline bool core_has_segments(const struct pawl_queue *q)
{
  return q->kind_ <= CORE_SPSC;
}

static inline struct fifo_mode core_fifo_mode(const struct pawl_queue *q)
{
  return (struct fifo_mode){
      .maxsize = &q->maxsize_,
      .cells = q->segment_,
      .grow = (q->flags_ & PAWL_PREALLOC) == 0,
  };
}

static inline int core_ring_put(struct pawl_queue *q, struct reclaim_thread *me, uint64_t item, bool *admitted, bool lost)
{
  struct reclaim_group *g = reclaim_group(me, q->core_);
  int result;
  while ((result = ring_try_put(q->core_, &q->maxsize_, g, item, &q->fifo_.admitted, admitted, lost)) == RING_STALLED) {
    os_yield();
    lost = false;
  }
  return result;
}

static inline int core_ring_get(struct pawl_queue *q, struct reclaim_thread *me, uint64_t *item, bool lost)
{
  struct reclaim_group *g = reclaim_group(me, q->core_);
  int result;
  while ((result = ring_try_get(q->core_, g, item, lost)) == RING_STALLED) {
    os_yield();
    lost = false;
  }
  return result;
}

static inline int core_relaxed_put(struct pawl_queue *q, struct reclaim_thread *me, int64_t key, uint64_t item, bool *admitted)
{
  int result;
  while ((result = relaxed_try_put(q->core_, &q->maxsize_, me, key, item, &q->fifo_.admitted, admitted)) == RELAXED_STALLED)
    os_yield();
  return result;
}

static inline int core_relaxed_get(struct pawl_queue *q, struct reclaim_thread *me, int64_t *key, uint64_t *item)
{
  int result;
  while ((result = relaxed_try_get(q->core_, me, key, item)) == RELAXED_STALLED)
    os_yield();
  return result;
}

static inline int core_relaxed_peek(struct pawl_queue *q, int64_t *key, uint64_t *item)
{
  int result;
  while ((result = relaxed_peek(q->core_, key, item)) == RELAXED_STALLED)
    os_yield();
  return result;
}

/* The other cores, out of line to keep the FIFO's path short. */
static __attribute__((noinline)) int core_put_other(struct pawl_queue *q, struct reclaim_thread *me, int64_t key, uint64_t item,
                                                    bool *admitted, bool lost)
{
  uint64_t *count = &q->fifo_.admitted;
  switch (q->kind_) {
  case CORE_SPSC:
    return spsc_try_put(&q->fifo_, core_fifo_mode(q), me, item, admitted);
  case CORE_RING:
    return core_ring_put(q, me, item, admitted, lost);
  case CORE_LIFO:
    return lifo_try_put(q->core_, &q->maxsize_, me, item, count, admitted);
  case CORE_HEAP:
    return heap_try_put(q->core_, &q->maxsize_, me, key, item, count, admitted);
  case CORE_RELAXED:
    return core_relaxed_put(q, me, key, item, admitted);
  default:
    return locked_try_put(q, key, item, admitted);
  }
}

static __attribute__((noinline)) int core_get_other(struct pawl_queue *q, struct reclaim_thread *me, int64_t *key,
                                                    uint64_t *item, bool *moved, bool lost)
{
  if (q->kind_ == CORE_SPSC)
    return spsc_try_get(&q->fifo_, core_fifo_mode(q), me, item, moved);
  int result = q->kind_ == CORE_LIFO      ? lifo_try_get(q->core_, me, item)
               : q->kind_ == CORE_HEAP    ? heap_try_get(q->core_, me, key, item)
               : q->kind_ == CORE_RING    ? core_ring_get(q, me, item, lost)
               : q->kind_ == CORE_RELAXED ? core_relaxed_get(q, me, key, item)
                                          : locked_try_get(q, key, item);
  *moved = result == 0;
  return result;
}

/* `admitted`: NULL on an untracked queue, else true once the item has been counted by core_puts, whatever becomes of it. */
static inline int core_try_put(struct pawl_queue *q, struct reclaim_thread *me, int64_t key, uint64_t item, bool *admitted,
                               bool lost)
{
  if (__builtin_expect(q->kind_ == CORE_FIFO, 1))
    return fifo_try_put(&q->fifo_, core_fifo_mode(q), me, item, admitted, lost);
  return core_put_other(q, me, key, item, admitted, lost);
}

/* Does the queue have the item now? */
static inline bool core_has_taken(const struct pawl_queue *q, int result)
{
  return result == 0 || (result == PAWL_COMPARE && q->kind_ == CORE_LOCKED);
}

/* `moved`: set if there is more room than before, also when no item was found. `key`: NULL, or of a queue that has keys. */
static inline int core_try_get(struct pawl_queue *q, struct reclaim_thread *me, int64_t *key, uint64_t *item, bool *moved,
                               bool lost)
{
  if (__builtin_expect(q->kind_ == CORE_FIFO, 1))
    return fifo_try_get(&q->fifo_, core_fifo_mode(q), me, item, moved, lost);
  return core_get_other(q, me, key, item, moved, lost);
}

static inline int core_close(struct pawl_queue *q, struct reclaim_thread *me)
{
  switch (q->kind_) {
  case CORE_FIFO:
    return fifo_leave(core_fifo_mode(q), reclaim_group(me, &q->fifo_), fifo_close(&q->fifo_, me));
  case CORE_SPSC:
    spsc_close(&q->fifo_);
    return 0;
  case CORE_RING:
    ring_close(q->core_);
    return 0;
  case CORE_LIFO:
    top_close(&((struct lifo *)q->core_)->top);
    return 0;
  case CORE_HEAP:
    top_close(&((struct heap *)q->core_)->top);
    return 0;
  case CORE_RELAXED:
    relaxed_close(q->core_);
    return 0;
  default:
    locked_close(q);
    return 0;
  }
}

/* Before a thread gets from a closed queue beside those that may. */
static inline void core_discard(struct pawl_queue *q)
{
  if (q->kind_ == CORE_SPSC)
    spsc_discard(&q->fifo_);
}

/* Takes everything out at once, where a core can; the others' items come out one by one. False: one of the others. */
static inline bool core_drain(struct pawl_queue *q, struct reclaim_thread *me, void (*drop)(void *ctx, uint64_t item),
                              void *ctx, uint64_t *n)
{
  if (q->kind_ == CORE_LIFO)
    *n = lifo_drain(q->core_, me, drop, ctx);
  else if (q->kind_ == CORE_HEAP)
    *n = heap_drain(q->core_, me, drop, ctx);
  else
    return false;
  return true;
}

/* After a change of maxsize. */
static inline void core_bound_changed(struct pawl_queue *q)
{
  if (q->kind_ == CORE_SPSC)
    at_fence_heavy(); /* [B] of spsc.h */
}

/* After announcing itself, before the decisive attempt, a thread that is about to sleep: see [W] of spsc.h. */
static inline void core_before_sleep(struct pawl_queue *q)
{
  if (q->kind_ == CORE_SPSC && at_step("spsc.sleep.fence"))
    at_fence_heavy();
}

static inline uint64_t core_was_size(struct pawl_queue *q, struct reclaim_thread *me)
{
  switch (q->kind_) {
  case CORE_FIFO:
  case CORE_SPSC:
    return fifo_was_size(&q->fifo_, core_fifo_mode(q), me);
  case CORE_RING:
    return ring_was_size(q->core_);
  case CORE_LIFO:
    return lifo_was_size(q->core_, me);
  case CORE_HEAP:
    return heap_was_size(q->core_, me);
  case CORE_RELAXED:
    return relaxed_was_size(q->core_);
  default:
    return locked_was_size(q);
  }
}

/* What a get would take now: 0, EMPTY, SHUTDOWN, or -ENOTSUP. */
static inline int core_peek(struct pawl_queue *q, struct reclaim_thread *me, int64_t *key, uint64_t *item)
{
  switch (q->kind_) {
  case CORE_FIFO:
    return fifo_peek(&q->fifo_, core_fifo_mode(q), me, item);
  case CORE_LIFO:
    return lifo_peek(q->core_, me, item);
  case CORE_HEAP:
    return heap_peek(q->core_, me, key, item);
  case CORE_LOCKED:
    return locked_peek(q, key, item);
  case CORE_RELAXED:
    return core_relaxed_peek(q, key, item);
  default:
    return -ENOTSUP;
  }
}

static inline bool core_has_keys(const struct pawl_queue *q)
{
  return q->kind_ == CORE_HEAP || q->kind_ == CORE_RELAXED || (q->kind_ == CORE_LOCKED && locked_order(q->core_) == NULL);
}

/* The pool of a core that has one. */
static inline struct pool *core_pool(const struct pawl_queue *q)
{
  return q->kind_ == CORE_LIFO   ? &((struct lifo *)q->core_)->pool
         : q->kind_ == CORE_HEAP ? &((struct heap *)q->core_)->pool
                                 : NULL;
}

/* Gives back what is kept for use again. */
static inline void core_trim(struct pawl_queue *q, struct reclaim_thread *me)
{
  if (core_has_segments(q) && !(q->flags_ & PAWL_PREALLOC))
    fifo_trim(&q->fifo_, me);
  else if (core_pool(q) != NULL)
    pool_trim(core_pool(q), me);
  else if (q->kind_ == CORE_LOCKED)
    locked_trim(q);
  else if (q->kind_ == CORE_RELAXED)
    relaxed_trim(q->core_);
}

/* ---- beginning and end */

/* Everything that a core has to have before the first call: 0 or -ENOMEM. */
static inline int core_new(struct pawl_queue *q, const struct pawl_queue_options *o)
{
  switch (q->kind_) {
  case CORE_RING:
    q->core_ = ring_new(q->maxsize_, q->fifo_.base);
    break;
  case CORE_LIFO:
    q->core_ = lifo_new();
    break;
  case CORE_HEAP:
    q->core_ = heap_new(q->fifo_.base);
    break;
  case CORE_LOCKED:
    q->core_ = locked_new(o->less, o->less_ctx);
    break;
  case CORE_RELAXED:
    q->core_ = relaxed_new(o->heaps, q->fifo_.base);
    if (q->core_ != NULL && q->maxsize_ > 0)
      relaxed_set_bound(q->core_);
    break;
  default:
    return 0;
  }
  return q->core_ != NULL ? 0 : -ENOMEM;
}

static inline void core_free(struct pawl_queue *q)
{
  if (core_has_segments(q))
    fifo_fini(&q->fifo_);
  else if (q->kind_ == CORE_RING)
    ring_free(q->core_);
  else if (q->kind_ == CORE_LIFO)
    lifo_free(q->core_);
  else if (q->kind_ == CORE_HEAP)
    heap_free(q->core_);
  else if (q->kind_ == CORE_LOCKED)
    locked_free(q->core_);
  else if (q->kind_ == CORE_RELAXED)
    relaxed_free(q->core_);
}

/* Before a fork, and after it in the parent, for cores with locks. */
static inline bool core_lock(struct pawl_queue *q, pawl_time until)
{
  if (q->kind_ == CORE_RELAXED)
    relaxed_before_fork(q->core_, until);
  return q->kind_ == CORE_RELAXED ||
         ((q->kind_ == CORE_CUSTOM || q->kind_ == CORE_LOCKED) && pawl_lock_acquire((struct pawl_lock *)&q->lock_, until) == 0);
}

static inline void core_release(struct pawl_queue *q)
{
  if (q->kind_ == CORE_RELAXED)
    relaxed_after_fork(q->core_);
  else
    (void)pawl_lock_release((struct pawl_lock *)&q->lock_);
}

/* In a forked child: what threads that are not there any more stood midway in. Items that had to be given up are done. */
static inline void core_repair(struct pawl_queue *q)
{
  uint64_t lost = 0;
  if (at_step("fork.lock"))
    q->lock_ = 0;
  if (q->kind_ == CORE_LOCKED)
    lost = locked_repair(q, q->fork_locked_);
  if (q->kind_ == CORE_RELAXED)
    lost = relaxed_repair(q->core_);
  if (q->kind_ == CORE_RING && at_step("fork.ring"))
    ring_repair(q->core_);
  if (q->kind_ == CORE_SPSC && at_step("fork.spsc"))
    spsc_repair(&q->fifo_);
  if (core_pool(q) != NULL && at_step("fork.pool"))
    pool_repair(core_pool(q));
  uint64_t unfinished = q->fifo_.admitted - q->done_;
  if (!(q->flags_ & PAWL_UNTRACKED))
    q->done_ += lost < unfinished ? lost : unfinished;
}

static inline uint64_t core_puts(const struct pawl_queue *q)
{
  if (q->kind_ == CORE_SPSC)
    at_fence_seq(); /* [E] of spsc.h: after this thread's gets; a put counts itself and later looks at the head */
  return at_load_seq(&q->fifo_.admitted);
}

#endif
