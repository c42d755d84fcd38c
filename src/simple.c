/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * simple.c - pawl_simple_queue: the unbounded FIFO core with a park, and nothing else. Layer 3.
 *
 * Reentrancy (QUE29): put holds nothing over anybody's code, and a handler's put works on hazard slots of its own nesting
 * level (reclaim.h), so that it may interrupt any operation of its thread between any two instructions.
 */
#include "fifo.h"
#include "park.h"
#include <pawl/queue.h>

_Static_assert(sizeof(struct pawl_simple_queue) == 456, "part of the ABI");

struct call {
  struct pawl_simple_queue *q;
  struct reclaim_thread *me;
  uint64_t *item;
};

static struct fifo_mode mode_of(const struct pawl_simple_queue *q)
{
  return (struct fifo_mode){.cells = q->segment_, .grow = true};
}

/* Out of line, and with a result that put can return as its own, because nearly always nobody waits. */
static __attribute__((noinline)) int wake_a_getter(struct pawl_simple_queue *q)
{
  (void)!park_wake_slow(&q->getters_);
  return 0;
}

static inline int wake_getter(struct pawl_simple_queue *q)
{
  return at_step("simple.wake") && park_is_awaited(&q->getters_) ? wake_a_getter(q) : 0;
}

static __attribute__((noinline)) int put_rest(struct pawl_simple_queue *q, struct reclaim_thread *me, uint64_t item, bool lost)
{
  int result = fifo_try_put(&q->fifo_, mode_of(q), me, item, NULL, lost);
  return result == 0 ? wake_getter(q) : result;
}

/* A thread's first call, or a wrong one. */
static __attribute__((noinline)) int put_first(struct pawl_simple_queue *q, uint64_t item)
{
  struct reclaim_thread *me;
  if (q == NULL)
    return -EINVAL;
  return (me = reclaim_self()) != NULL ? put_rest(q, me, item, false) : -ENOMEM;
}

int pawl_simple_queue_put(struct pawl_simple_queue *q, uint64_t item)
{
  struct reclaim_thread *me = os_self();
  if (__builtin_expect(q == NULL || me == NULL, 0))
    return put_first(q, item);
  enum quick quick = fifo_quick_put(&q->fifo_, NULL, me, item, false);
  return __builtin_expect(quick == QUICK_THROUGH, 1) ? wake_getter(q) : put_rest(q, me, item, quick == QUICK_LOST);
}

int pawl_simple_queue_put_in_handler(struct pawl_simple_queue *q, uint64_t item)
{
  struct reclaim_thread *me = os_self();
  if (q == NULL)
    return -EINVAL;
  if (me == NULL)
    return -EAGAIN;
  int kept = errno;
  me->handlers++; /* nobody's slots but a handler's */
  at_fence_signal();
  int result = put_rest(q, me, item, false);
  at_fence_signal(); /* a handler that comes after the next line uses the same slots */
  me->handlers--;
  errno = kept;
  return result;
}

static int get_attempt(void *arg, uint32_t *key)
{
  struct call *c = arg;
  bool moved;
  (void)key;
  return fifo_try_get(&c->q->fifo_, mode_of(c->q), c->me, c->item, &moved, false);
}

static __attribute__((noinline)) int get_rest(struct pawl_simple_queue *q, struct reclaim_thread *me, uint64_t *item,
                                              pawl_time until, bool lost)
{
  bool moved;
  int result = fifo_try_get(&q->fifo_, mode_of(q), me, item, &moved, lost);
  if (result != PAWL_EMPTY || until <= PAWL_NOWAIT)
    return result;
  result = park_until(park_on(&q->getters_), PAWL_EMPTY, until, get_attempt, &(struct call){q, me, item});
  if (park_was_waiting(&q->getters_) && fifo_was_size(&q->fifo_, mode_of(q), me) > 0)
    (void)wake_getter(q); /* P5 of park.h */
  return result;
}

/* A thread's first call, or a wrong one. */
static __attribute__((noinline)) int get_first(struct pawl_simple_queue *q, uint64_t *item, pawl_time until)
{
  struct reclaim_thread *me;
  if (q == NULL || item == NULL)
    return -EINVAL;
  return (me = reclaim_self()) != NULL ? get_rest(q, me, item, until, false) : -ENOMEM;
}

int pawl_simple_queue_get(struct pawl_simple_queue *q, uint64_t *item, pawl_time until)
{
  struct reclaim_thread *me = os_self();
  if (__builtin_expect(q == NULL || item == NULL || me == NULL, 0))
    return get_first(q, item, until);
  enum quick quick = fifo_quick_get(&q->fifo_, me, item);
  return __builtin_expect(quick == QUICK_THROUGH, 1) ? 0 : get_rest(q, me, item, until, quick == QUICK_LOST);
}

int pawl_simple_queue_close(struct pawl_simple_queue *q)
{
  struct reclaim_thread *me;
  if (q == NULL)
    return -EINVAL;
  if ((me = reclaim_self()) == NULL)
    return -ENOMEM;
  int result = fifo_close(&q->fifo_, me);
  (void)!park_wake_all(&q->getters_);
  return result;
}

size_t pawl_simple_queue_was_size(const struct pawl_simple_queue *queue)
{
  struct pawl_simple_queue *q = (struct pawl_simple_queue *)queue; /* looking writes hazard slots, never the queue */
  struct reclaim_thread *me;
  return q != NULL && (me = reclaim_self()) != NULL ? (size_t)fifo_was_size(&q->fifo_, mode_of(q), me) : 0;
}

bool pawl_simple_queue_was_empty(const struct pawl_simple_queue *q)
{
  return pawl_simple_queue_was_size(q) == 0;
}

int pawl_simple_queue_init(struct pawl_simple_queue *q, void (*drop)(void *ctx, uint64_t item), void *ctx)
{
  if (q == NULL)
    return -EINVAL;
  *q = (struct pawl_simple_queue){.drop_ = drop, .drop_ctx_ = ctx};
  return 0;
}

int pawl_simple_queue_fini(struct pawl_simple_queue *q)
{
  uint64_t item;
  if (q == NULL)
    return -EINVAL;
  if (park_count(&q->getters_))
    return -EBUSY;
  int result;
  while ((result = pawl_simple_queue_get(q, &item, PAWL_NOWAIT)) == 0)
    if (q->drop_ != NULL)
      q->drop_(q->drop_ctx_, item);
  if (result == -ENOMEM)
    return result;
  fifo_fini(&q->fifo_);
  *q = (struct pawl_simple_queue){0};
  return 0;
}

int pawl_simple_queue_new(struct pawl_simple_queue **out, void (*drop)(void *ctx, uint64_t item), void *ctx)
{
  if (out == NULL)
    return -EINVAL;
  struct pawl_simple_queue *q = pawl__alloc(sizeof *q, PAWL_LINE);
  if (q == NULL)
    return -ENOMEM;
  *out = q;
  return pawl_simple_queue_init(q, drop, ctx); /* cannot fail */
}

int pawl_simple_queue_free(struct pawl_simple_queue *q)
{
  if (q == NULL)
    return 0;
  int result = pawl_simple_queue_fini(q);
  if (result == 0)
    pawl__free(q, sizeof *q, PAWL_LINE);
  return result;
}
