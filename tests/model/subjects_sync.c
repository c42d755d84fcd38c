/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * subjects_sync.c - what sleeps: the lock, the eventcount behind a semaphore, and the last touch of an object that its waiter
 * frees (decision 5).
 */
#include "../../src/park.h"
#include "machine.h"
#include "subjects.h"

#include <errno.h>
#include <pawl/sync.h>

enum { SOON = 1000 };

static void calibrate(void)
{
  struct pawl_lock lock = PAWL_LOCK_INIT;
  if (pawl_lock_acquire(&lock, PAWL_NOWAIT) == 0 && pawl_lock_acquire(&lock, pawl_now() + SOON) == PAWL_TIMEOUT)
    (void)pawl_lock_release(&lock);
}

static int init_calibrated(void *object, const struct pawl_check_setup *setup)
{
  (void)object;
  (void)setup;
  calibrate();
  return 0;
}

/* ---- pawl_lock as a semaphore of one permit: anybody may release it */

static int acquire_now(void *lock, struct pawl_check_call *call)
{
  (void)call;
  return pawl_lock_acquire(lock, PAWL_NOWAIT);
}

static int acquire(void *lock, struct pawl_check_call *call)
{
  (void)call;
  return pawl_lock_acquire(lock, PAWL_FOREVER);
}

static int acquire_soon(void *lock, struct pawl_check_call *call)
{
  (void)call;
  return pawl_lock_acquire(lock, pawl_now() + SOON);
}

static int release(void *lock, struct pawl_check_call *call)
{
  (void)call;
  return pawl_lock_release(lock);
}

static const struct pawl_check_op lock_ops[] = {
    {'n', "acquire now", PAWL_CHECK_ACQUIRE, acquire_now, 1, 0},
    {'a', "acquire", PAWL_CHECK_ACQUIRE, acquire, 3, 0},
    {'b', "acquire until", PAWL_CHECK_ACQUIRE, acquire_soon, 2, 0},
    {'r', "release", PAWL_CHECK_RELEASE, release, 4, 1},
    {0, NULL, PAWL_CHECK_NONE, NULL, 0, 0},
};

/* ---- what a lock is for: a counter that is no atomic */

struct guarded {
  struct pawl_lock lock;
  uint64_t counter, expected;
};

static int count_one(void *object, struct pawl_check_call *call)
{
  struct guarded *g = object;
  int result = pawl_lock_acquire(&g->lock, call->index % 2 == 0 ? PAWL_FOREVER : pawl_now() + SOON);
  if (result != 0)
    return result;
  uint64_t seen = at_plain_load(&g->counter);
  (void)at_load_relaxed(&g->lock.word_); /* a point, so that others may come in between */
  at_plain_store(&g->counter, seen + 1);
  at_plain_store(&g->expected, g->expected + 1);
  return pawl_lock_release(&g->lock);
}

static const char *judge_guarded(void *object)
{
  struct guarded *g = object;
  return g->counter != g->expected ? "two threads were inside" : g->lock.word_ != 0 ? "the lock is left held" : NULL;
}

static const struct pawl_check_op guard_ops[] = {
    {'m', "lock, count, unlock", PAWL_CHECK_NONE, count_one, 1, 0},
    {0, NULL, PAWL_CHECK_NONE, NULL, 0, 0},
};

/* ---- the last touch: thread 0 releases what it holds, whoever acquires frees the memory */

struct last {
  struct pawl_lock *lock;
};

static int init_last(void *object, const struct pawl_check_setup *setup)
{
  struct last *l = object;
  (void)setup;
  calibrate();
  l->lock = pawl_check_alloc(sizeof(*l->lock));
  memset(l->lock, 0, sizeof(*l->lock));
  return pawl_lock_acquire(l->lock, PAWL_NOWAIT);
}

static int release_last(void *object, struct pawl_check_call *call)
{
  (void)call;
  return pawl_lock_release(((struct last *)object)->lock);
}

static int acquire_and_free(void *object, struct pawl_check_call *call)
{
  struct last *l = object;
  (void)call;
  if (pawl_lock_acquire(l->lock, PAWL_FOREVER) == 0)
    pawl_check_free(l->lock);
  return 0;
}

static const struct pawl_check_op last_ops[] = {
    {'r', "release", PAWL_CHECK_NONE, release_last, 1, 0},
    {'f', "acquire, free", PAWL_CHECK_NONE, acquire_and_free, 1, 0},
    {0, NULL, PAWL_CHECK_NONE, NULL, 0, 0},
};

/* ---- the eventcount: a semaphore made of a counter and a park */

struct counted {
  struct pawl__park park;
  uint64_t permits;
  bool shared;
};

static int init_counted(void *object, const struct pawl_check_setup *setup)
{
  struct counted *c = object;
  (void)setup;
  calibrate();
  c->permits = 1;
  return 0;
}

static int init_counted_shared(void *object, const struct pawl_check_setup *setup)
{
  struct counted *c = object;
  c->shared = true;
  return init_counted(object, setup);
}

static int take_permit(void *arg, uint32_t *key)
{
  struct counted *c = arg;
  (void)key;
  uint64_t n = at_load_seq(&c->permits);
  while (n > 0)
    if (at_cas_seq(&c->permits, &n, n - 1))
      return 0;
  return PAWL_TIMEOUT;
}

static int take(struct counted *c, pawl_time until)
{
  struct park_at at = {.kind = c->shared ? PARK_EVENT_SHARED : PARK_EVENT, .event = &c->park};
  int result = park_until(at, PAWL_TIMEOUT, until, take_permit, c);
  if (until != PAWL_NOWAIT && !c->shared && park_was_waiting(&c->park) && at_load_seq(&c->permits) > 0)
    (void)!park_wake_one(&c->park); /* P5 of park.h */
  return result;
}

static int take_now(void *object, struct pawl_check_call *call)
{
  (void)call;
  return take(object, PAWL_NOWAIT);
}

static int take_forever(void *object, struct pawl_check_call *call)
{
  (void)call;
  return take(object, PAWL_FOREVER);
}

static int take_soon(void *object, struct pawl_check_call *call)
{
  (void)call;
  return take(object, pawl_now() + SOON);
}

static int give(void *object, struct pawl_check_call *call)
{
  struct counted *c = object;
  (void)at_add_seq(&c->permits, call->item);
  if (c->shared)
    park_wake_shared(&c->park);
  else
    (void)!(call->item == 1 ? park_wake_one(&c->park) : park_wake_all(&c->park));
  return 0;
}

static const struct pawl_check_op park_ops[] = {
    {'n', "take now", PAWL_CHECK_ACQUIRE, take_now, 1, 0},     {'a', "take", PAWL_CHECK_ACQUIRE, take_forever, 4, 0},
    {'b', "take until", PAWL_CHECK_ACQUIRE, take_soon, 3, 0},  {'r', "give 1, wake one", PAWL_CHECK_RELEASE, give, 4, 1},
    {'w', "give 2, wake all", PAWL_CHECK_RELEASE, give, 1, 2}, {0, NULL, PAWL_CHECK_NONE, NULL, 0, 0},
};

const struct pawl_check_subject subjects_sync[] = {
    {.name = "lock",
     .about = "pawl_lock",
     .size = sizeof(struct pawl_lock),
     .init = init_calibrated,
     .ops = lock_ops,
     .model = PAWL_CHECK_SEMAPHORE,
     .permits = 1,
     .bound = 1},
    {.name = "lock-guard",
     .about = "a counter behind pawl_lock",
     .size = sizeof(struct guarded),
     .init = init_calibrated,
     .ops = guard_ops,
     .model = PAWL_CHECK_NO_MODEL,
     .judge = judge_guarded},
    {.name = "lock-last",
     .about = "the memory of a lock is freed by who acquires it",
     .size = sizeof(struct last),
     .init = init_last,
     .ops = last_ops,
     .model = PAWL_CHECK_NO_MODEL,
     .program = "r|f"},
    {.name = "park",
     .about = "a semaphore over the eventcount: wake one, wake all, deadlines",
     .size = sizeof(struct counted),
     .init = init_counted,
     .ops = park_ops,
     .model = PAWL_CHECK_SEMAPHORE,
     .permits = 1,
     .bound = -1},
    {.name = "park-shared",
     .about = "the same, between processes: a wake per event",
     .size = sizeof(struct counted),
     .init = init_counted_shared,
     .ops = park_ops,
     .model = PAWL_CHECK_SEMAPHORE,
     .permits = 1,
     .bound = -1},
    {.name = NULL},
};
