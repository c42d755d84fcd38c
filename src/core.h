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

#include "custom.h"
#include "fifo.h"
#include "ring.h"
#include "spsc.h"
#include <pawl/queue.h>

enum core_kind { CORE_FIFO, CORE_SPSC, CORE_RING, CORE_CUSTOM };

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

/* The other cores, out of line to keep the FIFO's path short. */
static __attribute__((noinline)) int core_put_other(struct pawl_queue *q, struct reclaim_thread *me, uint64_t item,
                                                    bool *admitted, bool lost)
{
  if (q->kind_ == CORE_CUSTOM)
    return custom_try_put(q, item, admitted);
  if (q->kind_ == CORE_SPSC)
    return spsc_try_put(&q->fifo_, core_fifo_mode(q), me, item, admitted);
  int result;
  struct reclaim_group *g = reclaim_group(me, q->core_);
  while ((result = ring_try_put(q->core_, &q->maxsize_, g, item, &q->fifo_.admitted, admitted, lost)) == RING_STALLED) {
    os_yield();
    lost = false;
  }
  return result;
}

static __attribute__((noinline)) int core_get_other(struct pawl_queue *q, struct reclaim_thread *me, uint64_t *item,
                                                    bool *moved, bool lost)
{
  if (q->kind_ == CORE_SPSC)
    return spsc_try_get(&q->fifo_, core_fifo_mode(q), me, item, moved);
  int result;
  if (q->kind_ == CORE_CUSTOM)
    result = custom_try_get(q, item);
  else
    while ((result = ring_try_get(q->core_, reclaim_group(me, q->core_), item, lost)) == RING_STALLED) {
      os_yield();
      lost = false;
    }
  *moved = result == 0;
  return result;
}

/* The usual cases, which need no more than a CAS each, or none. */
static inline __attribute__((always_inline)) enum quick core_quick_put(struct pawl_queue *q, struct reclaim_thread *me,
                                                                       uint64_t item)
{
  bool tracked = (q->flags_ & PAWL_UNTRACKED) == 0;
  if (__builtin_expect(q->kind_ == CORE_FIFO, 1))
    return fifo_quick_put(&q->fifo_, &q->maxsize_, me, item, tracked);
  if (__builtin_expect(q->kind_ == CORE_SPSC, 1))
    return spsc_quick_put(&q->fifo_, &q->maxsize_, item, tracked);
  return q->kind_ == CORE_RING ? ring_quick_put(q->core_, &q->maxsize_, item, &q->fifo_.admitted, tracked) : QUICK_UNUSUAL;
}

static inline __attribute__((always_inline)) enum quick core_quick_get(struct pawl_queue *q, struct reclaim_thread *me,
                                                                       uint64_t *item)
{
  if (__builtin_expect(q->kind_ == CORE_FIFO, 1))
    return fifo_quick_get(&q->fifo_, me, item);
  if (__builtin_expect(q->kind_ == CORE_SPSC, 1))
    return spsc_quick_get(&q->fifo_, me, item);
  return q->kind_ == CORE_RING ? ring_quick_get(q->core_, me, item) : QUICK_UNUSUAL;
}

/* `admitted`: NULL on an untracked queue, else true once the item has been counted by core_puts, whatever becomes of it. */
static inline int core_try_put(struct pawl_queue *q, struct reclaim_thread *me, uint64_t item, bool *admitted, bool lost)
{
  if (__builtin_expect(q->kind_ == CORE_FIFO, 1))
    return fifo_try_put(&q->fifo_, core_fifo_mode(q), me, item, admitted, lost);
  return core_put_other(q, me, item, admitted, lost);
}

/* `moved`: set if there is more room than before, also when no item was found. */
static inline int core_try_get(struct pawl_queue *q, struct reclaim_thread *me, uint64_t *item, bool *moved, bool lost)
{
  if (__builtin_expect(q->kind_ == CORE_FIFO, 1))
    return fifo_try_get(&q->fifo_, core_fifo_mode(q), me, item, moved, lost);
  return core_get_other(q, me, item, moved, lost);
}

static inline int core_close(struct pawl_queue *q, struct reclaim_thread *me)
{
  if (q->kind_ == CORE_FIFO) {
    int result = fifo_close(&q->fifo_, me);
    return fifo_leave(core_fifo_mode(q), reclaim_group(me, &q->fifo_), result);
  }
  if (q->kind_ == CORE_SPSC)
    spsc_close(&q->fifo_);
  else if (q->kind_ == CORE_RING)
    ring_close(q->core_);
  else
    custom_close(q);
  return 0;
}

/* Before a thread gets from a closed queue beside those that may. */
static inline void core_discard(struct pawl_queue *q)
{
  if (q->kind_ == CORE_SPSC)
    spsc_discard(&q->fifo_);
}

/* After announcing itself, before the decisive attempt, a thread that is about to sleep: see [W] of spsc.h. */
static inline void core_before_sleep(struct pawl_queue *q)
{
  if (q->kind_ == CORE_SPSC && at_step("spsc.sleep.fence"))
    at_fence_heavy();
}

static inline uint64_t core_was_size(struct pawl_queue *q, struct reclaim_thread *me)
{
  if (core_has_segments(q))
    return fifo_was_size(&q->fifo_, core_fifo_mode(q), me);
  return q->kind_ == CORE_RING ? ring_was_size(q->core_) : custom_was_size(q);
}

static inline uint64_t core_puts(const struct pawl_queue *q)
{
  if (q->kind_ == CORE_SPSC)
    at_fence_seq(); /* [E] of spsc.h: after this thread's gets; a put counts itself and later looks at the head */
  return at_load_seq(&q->fifo_.admitted);
}

#endif
