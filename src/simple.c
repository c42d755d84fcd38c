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

static inline int put(struct pawl_simple_queue *q, struct reclaim_thread *me, uint64_t item)
{
  int result = fifo_try_put(&q->fifo_, mode_of(q), me, item, NULL);
  if (result == 0 && at_step("simple.wake"))
    (void)!park_wake_one(&q->getters_);
  return result;
}

int pawl_simple_queue_put(struct pawl_simple_queue *q, uint64_t item)
{
  struct reclaim_thread *me;
  if (__builtin_expect(q == NULL, 0))
    return -EINVAL;
  if (__builtin_expect((me = reclaim_self()) == NULL, 0))
    return -ENOMEM;
  return put(q, me, item);
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
  int result = put(q, me, item);
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
  return fifo_try_get(&c->q->fifo_, mode_of(c->q), c->me, c->item, &moved);
}

static __attribute__((noinline)) int get_waiting(struct call c, pawl_time until)
{
  struct pawl__park *park = &c.q->getters_;
  int result = park_until(park_on(park), PAWL_EMPTY, until, get_attempt, &c);
  if (park_was_waiting(park) && fifo_was_size(&c.q->fifo_, mode_of(c.q), c.me) > 0)
    (void)!park_wake_one(park); /* P5 of park.h */
  return result;
}

int pawl_simple_queue_get(struct pawl_simple_queue *q, uint64_t *item, pawl_time until)
{
  struct reclaim_thread *me;
  bool moved;
  if (__builtin_expect(q == NULL || item == NULL, 0))
    return -EINVAL;
  if (__builtin_expect((me = reclaim_self()) == NULL, 0))
    return -ENOMEM;
  int result = fifo_try_get(&q->fifo_, mode_of(q), me, item, &moved);
  if (__builtin_expect(result == PAWL_EMPTY && until > PAWL_NOWAIT, 0))
    result = get_waiting((struct call){q, me, item}, until);
  return result;
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
