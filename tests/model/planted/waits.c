/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * waits.c - sleeping wrongly: an eventcount over a counter, right and with the faults of the field. As in rings.c, the machine
 * must find each within a stated number of schedules.
 */
#include "planted.h"

enum fault {
  NO_RECHECK = 1,   /* announces and sleeps without looking again */
  NO_FENCE = 2,     /* the waiter's announcement is not ordered before its look (weak) */
  LATE_EPOCH = 4,   /* reads the epoch after the look */
  WAKE_ONE_ALL = 8, /* gives two, wakes one, and nobody passes the wake on */
};

struct gate {
  unsigned fault;
  uint32_t waiters, epoch;
  uint64_t permits;
};

static bool try_take(struct gate *g)
{
  uint64_t n = at_load_acquire(&g->permits);
  while (n > 0)
    if (at_cas_seq(&g->permits, &n, n - 1))
      return true;
  return false;
}

static int take(void *object, struct pawl_check_call *call)
{
  struct gate *g = object;
  (void)call;
  while (!try_take(g)) {
    uint32_t epoch = 0;
    if ((g->fault & LATE_EPOCH) == 0)
      epoch = at_load_acquire(&g->epoch);
    (void)at_add_relaxed(&g->waiters, 1u);
    if ((g->fault & NO_FENCE) == 0)
      at_fence_seq();
    bool taken = (g->fault & NO_RECHECK) == 0 && try_take(g);
    if ((g->fault & LATE_EPOCH) != 0)
      epoch = at_load_acquire(&g->epoch);
    if (!taken)
      (void)pawl_check_futex_wait(&g->epoch, epoch, PAWL_FOREVER);
    (void)at_add_relaxed(&g->waiters, (uint32_t)-1);
    if (taken)
      break;
  }
  return 0;
}

static int give(void *object, struct pawl_check_call *call)
{
  struct gate *g = object;
  (void)at_add_release(&g->permits, call->item);
  at_fence_seq();
  if (at_load_relaxed(&g->waiters) == 0)
    return 0;
  (void)at_add_release(&g->epoch, 1u);
  (void)pawl_check_futex_wake(&g->epoch, (g->fault & WAKE_ONE_ALL) != 0 ? 1 : 100);
  return 0;
}

#define GATE(name, wrong)                                                                                                      \
  static int init_##name(void *object, const struct pawl_check_setup *setup)                                                   \
  {                                                                                                                            \
    (void)setup;                                                                                                               \
    ((struct gate *)object)->fault = (wrong);                                                                                  \
    return 0;                                                                                                                  \
  }

GATE(right, 0)
GATE(no_recheck, NO_RECHECK)
GATE(no_fence, NO_FENCE)
GATE(late_epoch, LATE_EPOCH)
GATE(wake_one_all, WAKE_ONE_ALL)

static const struct pawl_check_op ops[] = {
    {'a', "take", PAWL_CHECK_ACQUIRE, take, 2, 0},
    {'r', "give", PAWL_CHECK_RELEASE, give, 2, 1},
    {'w', "give two", PAWL_CHECK_RELEASE, give, 0, 2},
    {0, NULL, PAWL_CHECK_NONE, NULL, 0, 0},
};

/* ---- an event whose setter touches it after the waiter may have freed it */

struct event {
  uint32_t *set;
};

static int init_event(void *object, const struct pawl_check_setup *setup)
{
  struct event *e = object;
  (void)setup;
  e->set = pawl_check_alloc(64);
  memset(e->set, 0, 64);
  return 0;
}

static int set_event(void *object, struct pawl_check_call *call)
{
  struct event *e = object;
  (void)call;
  at_store_release(&e->set[0], 1u);
  if (at_load_relaxed(&e->set[1]) != 0) /* waiters: not ours to look at any more */
    (void)pawl_check_futex_wake(&e->set[0], 1);
  return 0;
}

static int wait_and_free(void *object, struct pawl_check_call *call)
{
  struct event *e = object;
  (void)call;
  while (at_load_acquire(&e->set[0]) == 0)
    at_pause();
  pawl_check_free(e->set);
  return 0;
}

static const struct pawl_check_op event_ops[] = {
    {'s', "set", PAWL_CHECK_NONE, set_event, 1, 0},
    {'f', "wait, free", PAWL_CHECK_NONE, wait_and_free, 1, 0},
    {0, NULL, PAWL_CHECK_NONE, NULL, 0, 0},
};

#define SUBJECT(title, words, function)                                                                                        \
  {                                                                                                                            \
    .name = title, .about = words, .size = sizeof(struct gate), .init = init_##function, .ops = ops,                           \
    .model = PAWL_CHECK_SEMAPHORE, .bound = -1                                                                                 \
  }

const struct pawl_check_subject planted_waits[] = {
    SUBJECT("gate-right", "a semaphore without a planted fault", right),
    SUBJECT("lost-wakeup", "sleeps without a second look", no_recheck),
    SUBJECT("waiter-fence", "the waiter's fence is missing (weak)", no_fence),
    SUBJECT("late-epoch", "the epoch is read after the look", late_epoch),
    SUBJECT("wake-too-few", "two permits, one wake, nobody passes it on", wake_one_all),
    {.name = "last-touch",
     .about = "the setter touches the event after its waiter may have freed it",
     .size = sizeof(struct event),
     .init = init_event,
     .ops = event_ops,
     .model = PAWL_CHECK_NO_MODEL,
     .program = "s|f"},
    {.name = NULL},
};
