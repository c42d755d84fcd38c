/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * locked.h - cores under the queue's own lock: an order of the caller's (Python: overriding _init, _qsize, _put, _get), or a
 * heap (PAWL_LOCKED: PAWL_PRIORITY for those who prefer throughput to lock-freedom). Layer 3.
 *
 * Not lock-free: whoever holds the lock stalls the others. The callbacks run with nothing of Pawl in use but that lock, so that
 * they may use other queues. Memory for a larger heap is allocated before the lock is taken and freed after it was released;
 * while the entries move over, at every doubling, the others wait.
 *
 * After a fork the lock is free again (fork.c).
 */
#ifndef PAWL_SRC_LOCKED_H
#define PAWL_SRC_LOCKED_H

#include "admit.h"
#include "atomic.h"
#include "heap4.h"
#include <pawl/queue.h>
#include <pawl/sync.h>

enum { LOCKED_CLOSED = 2 }; /* in state_, changed under the lock; bit 0 is the queue layer's */

enum { LOCKED_GROW = -4095 }; /* internal: the heap has no room */

/* What core_ leads to if the order is not the caller's. */
struct locked {
  struct heap4 heap;
  struct heap4_order order; /* `less` NULL: by keys */
};

/* NULL: no memory. */
static inline struct locked *locked_new(int (*less)(void *, uint64_t, uint64_t), void *less_ctx)
{
  struct locked *l = pawl__alloc(sizeof *l, PAWL_LINE);
  if (l != NULL)
    l->order = (struct heap4_order){less, less_ctx};
  return l;
}

static inline void locked_free(struct locked *l)
{
  heap4_fini(&l->heap);
  pawl__free(l, sizeof *l, PAWL_LINE);
}

static inline const struct heap4_order *locked_order(const struct locked *l)
{
  return l->order.less != NULL ? &l->order : NULL;
}

static inline struct pawl_lock *locked_enter(struct pawl_queue *q)
{
  struct pawl_lock *lock = (struct pawl_lock *)&q->lock_;
  (void)!pawl_lock_acquire(lock, PAWL_FOREVER); /* cannot fail */
  return lock;
}

/* ---- what is done under the lock, by the caller's functions or on the heap */

static inline uint64_t locked_size(const struct pawl_queue *q)
{
  return q->custom_ != NULL ? q->custom_->size(q->custom_ctx_) : at_plain_load(&((struct locked *)q->core_)->heap.size);
}

/* 0, LOCKED_GROW, COMPARE, or what the callback says. */
static inline int locked_push(struct pawl_queue *q, int64_t key, uint64_t item, struct heap4_spare *spare)
{
  if (q->custom_ != NULL)
    return q->custom_->put(q->custom_ctx_, item);
  struct locked *l = q->core_;
  if (!heap4_grow(&l->heap, spare))
    return LOCKED_GROW;
  return heap4_push(&l->heap, locked_order(l), key, item) ? PAWL_COMPARE : 0;
}

/* 0, or what the callback says. */
static inline int locked_pop(struct pawl_queue *q, int64_t *key, uint64_t *item, struct heap4_spare *spare)
{
  if (q->custom_ != NULL)
    return q->custom_->get(q->custom_ctx_, item);
  struct locked *l = q->core_;
  heap4_pop(&l->heap, locked_order(l), key, item);
  heap4_empty(&l->heap, spare);
  return 0;
}

/* Has the item gone in? A callback that fails has changed nothing, whatever it says. */
static inline bool locked_is_in(const struct pawl_queue *q, int result)
{
  return result == 0 || (result == PAWL_COMPARE && q->custom_ == NULL);
}

/* ---- the core contract */

static inline int locked_put_once(struct pawl_queue *q, int64_t key, uint64_t item, bool *admitted, struct heap4_spare *spare)
{
  struct pawl_lock *lock = locked_enter(q);
  int64_t maxsize = at_load_seq(&q->maxsize_); /* FULL is decided on it, perhaps before a sleep: P1 of park.h */
  int result = at_load_relaxed(&q->state_) & LOCKED_CLOSED        ? PAWL_SHUTDOWN
               : maxsize > 0 && locked_size(q) >= (size_t)maxsize ? PAWL_FULL
                                                                  : locked_push(q, key, item, spare);
  if (locked_is_in(q, result)) {
    q->custom_puts_++;
    admit(&q->fifo_.admitted, admitted);
  }
  (void)pawl_lock_release(lock);
  return result;
}

/* 0, FULL, SHUTDOWN, -ENOMEM, what the callback says, or COMPARE, and then the item is in. */
static inline int locked_try_put(struct pawl_queue *q, int64_t key, uint64_t item, bool *admitted)
{
  struct heap4_spare spare = {0};
  int result;
  do
    result = locked_put_once(q, key, item, admitted, &spare);
  while (result == LOCKED_GROW && q->custom_ == NULL && (result = heap4_spare_renew(&spare)) == 0);
  heap4_spare_free(&spare);
  return result;
}

/* 0, EMPTY, SHUTDOWN, or what the callback says. `key`: NULL, or of a queue that has keys. */
static inline int locked_try_get(struct pawl_queue *q, int64_t *key, uint64_t *item)
{
  struct heap4_spare spare = {0};
  struct pawl_lock *lock = locked_enter(q);
  int64_t k = 0;
  uint64_t value = 0;
  int result = locked_size(q) > 0                            ? locked_pop(q, &k, &value, &spare)
               : at_load_relaxed(&q->state_) & LOCKED_CLOSED ? PAWL_SHUTDOWN
                                                             : PAWL_EMPTY;
  if (result == 0)
    q->custom_gets_++;
  (void)pawl_lock_release(lock);
  heap4_spare_free(&spare);
  if (result == 0) {
    *item = value;
    if (key != NULL)
      *key = k;
  }
  return result;
}

/* What a get would take: 0, EMPTY or SHUTDOWN. Not of an order of the caller's. */
static inline int locked_peek(struct pawl_queue *q, int64_t *key, uint64_t *item)
{
  struct pawl_lock *lock = locked_enter(q);
  struct locked *l = q->core_;
  int result = at_load_relaxed(&q->state_) & LOCKED_CLOSED ? PAWL_SHUTDOWN : PAWL_EMPTY;
  if (at_plain_load(&l->heap.size) > 0) {
    const struct heap4_entry *top = &at_plain_load(&l->heap.entry)[HEAP4_TOP];
    *item = at_plain_load(&top->item);
    if (key != NULL)
      *key = at_plain_load(&top->key);
    result = 0;
  }
  (void)pawl_lock_release(lock);
  return result;
}

static inline void locked_close(struct pawl_queue *q)
{
  struct pawl_lock *lock = locked_enter(q);
  (void)at_or_seq(&q->state_, (uint32_t)LOCKED_CLOSED);
  (void)pawl_lock_release(lock);
}

static inline uint64_t locked_was_size(struct pawl_queue *q)
{
  struct pawl_lock *lock = locked_enter(q);
  uint64_t size = locked_size(q);
  (void)pawl_lock_release(lock);
  return size;
}

static inline void locked_stats(struct pawl_queue *q, uint64_t *puts, uint64_t *gets)
{
  struct pawl_lock *lock = locked_enter(q);
  *puts = q->custom_puts_;
  *gets = q->custom_gets_;
  (void)pawl_lock_release(lock);
}

/* After a fork: if nobody could take the lock before it, the heap may be midway in something, and what is in it is given up.
 * Returns how many items. */
static inline uint64_t locked_repair(struct pawl_queue *q, bool was_locked)
{
  struct locked *l = q->core_;
  uint64_t lost = l != NULL && !was_locked ? l->heap.size : 0;
  if (l != NULL && !was_locked)
    heap4_forget(&l->heap);
  q->lock_ = 0;
  return lost;
}

/* Bytes of memory; none of it is for an order of the caller's. */
static inline uint64_t locked_bytes(struct pawl_queue *q)
{
  struct locked *l = q->core_;
  if (l == NULL)
    return 0;
  struct pawl_lock *lock = locked_enter(q);
  uint64_t bytes = sizeof *l + heap4_bytes(at_plain_load(&l->heap.room));
  (void)pawl_lock_release(lock);
  return bytes;
}

/* Gives back the memory that the heap does not need. */
static inline void locked_trim(struct pawl_queue *q)
{
  struct locked *l = q->core_;
  struct heap4_spare spare = {0};
  bool done = l == NULL;
  while (!done) {
    struct pawl_lock *lock = locked_enter(q);
    done = heap4_shrink(&l->heap, &spare);
    (void)pawl_lock_release(lock);
    done = done || heap4_spare_renew(&spare) != 0;
  }
  heap4_spare_free(&spare);
}

#endif
