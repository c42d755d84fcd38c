/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * custom.h - a core whose order is the caller's: its functions under a lock (Python: overriding _init, _qsize, _put, _get).
 * Layer 3. Not lock-free: whoever holds the lock stalls the others. The callbacks run with nothing of Pawl in use but that
 * lock, so that they may use other queues. In a forked child the lock is free again (fork.c).
 */
#ifndef PAWL_SRC_CUSTOM_H
#define PAWL_SRC_CUSTOM_H

#include "admit.h"
#include "atomic.h"
#include <pawl/queue.h>
#include <pawl/sync.h>

enum { CUSTOM_CLOSED = 2 }; /* in state_, changed under the lock; bit 0 is the queue layer's */

static inline struct pawl_lock *custom_lock(struct pawl_queue *q)
{
  struct pawl_lock *lock = (struct pawl_lock *)&q->lock_;
  (void)!pawl_lock_acquire(lock, PAWL_FOREVER); /* cannot fail */
  return lock;
}

static __attribute__((noinline)) int custom_try_put(struct pawl_queue *q, uint64_t item, bool *admitted)
{
  struct pawl_lock *lock = custom_lock(q);
  int64_t maxsize = at_load_seq(&q->maxsize_); /* FULL is decided on it, perhaps before a sleep: P1 of park.h */
  int result = at_load_relaxed(&q->state_) & CUSTOM_CLOSED                          ? PAWL_SHUTDOWN
               : maxsize > 0 && q->custom_->size(q->custom_ctx_) >= (size_t)maxsize ? PAWL_FULL
                                                                                    : q->custom_->put(q->custom_ctx_, item);
  if (result == 0) {
    q->custom_puts_++;
    admit(&q->fifo_.admitted, admitted);
  }
  (void)pawl_lock_release(lock);
  return result;
}

static __attribute__((noinline)) int custom_try_get(struct pawl_queue *q, uint64_t *item)
{
  struct pawl_lock *lock = custom_lock(q);
  uint64_t value = 0;
  int result = q->custom_->size(q->custom_ctx_) > 0          ? q->custom_->get(q->custom_ctx_, &value)
               : at_load_relaxed(&q->state_) & CUSTOM_CLOSED ? PAWL_SHUTDOWN
                                                             : PAWL_EMPTY;
  if (result == 0) {
    *item = value;
    q->custom_gets_++;
  }
  (void)pawl_lock_release(lock);
  return result;
}

static inline void custom_close(struct pawl_queue *q)
{
  struct pawl_lock *lock = custom_lock(q);
  (void)at_or_seq(&q->state_, (uint32_t)CUSTOM_CLOSED);
  (void)pawl_lock_release(lock);
}

static inline uint64_t custom_was_size(struct pawl_queue *q)
{
  struct pawl_lock *lock = custom_lock(q);
  uint64_t size = q->custom_->size(q->custom_ctx_);
  (void)pawl_lock_release(lock);
  return size;
}

static inline void custom_stats(struct pawl_queue *q, uint64_t *puts, uint64_t *gets)
{
  struct pawl_lock *lock = custom_lock(q);
  *puts = q->custom_puts_;
  *gets = q->custom_gets_;
  (void)pawl_lock_release(lock);
}

#endif
