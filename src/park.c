/* SPDX-License-Identifier: BSD-2-Clause */
/* park.c - the wait loop and the wakers. The only file that sleeps; park.h tells why no wake is lost. */
#include "park.h"
#include <limits.h>

/*
 * How long to spin before sleeping: waking a thread costs its waker 5-10 us and takes 25-50 us, an item that is about to
 * come comes within a microsecond or two. Longer spinning only burns processors that others may need (bench: fifo.trickle).
 */
enum { SPIN_NS = 3000, PAUSES_MAX = 8, CALIBRATION_ROUNDS = 8, CALIBRATION_PAUSES = 32 };

/*
 * Two threads that answer each other can fall into step: each sleeps while the other is being woken, for ever, although both
 * would answer within a microsecond. So every SPIN_PROBE-th wait of a park spins for as long as a wake-up takes; if the answer
 * comes meanwhile, they are out of it. For who waits in vain it adds some 2 us to each wait.
 */
enum { SPIN_PROBE = 32, SPIN_PROBE_FACTOR = 20 };

static AT_GLOBAL uint32_t spin_pauses; /* 0: not measured yet, else 1 + pauses in SPIN_NS; 1 on a single processor */

/* Measures how long a pause takes here: from 3 ns to 50 ns on processors of the last ten years. */
static uint32_t calibrate(void)
{
  uint32_t budget = 0;
  if (os_parallel()) {
    int64_t least = SPIN_NS; /* of several rounds: some may be interrupted */
    for (int round = 0; round < CALIBRATION_ROUNDS; round++) {
      pawl_time start = os_now();
      for (int i = 0; i < CALIBRATION_PAUSES; i++)
        at_pause();
      int64_t took = os_now() - start;
      if (took < least)
        least = took;
    }
    budget = (uint32_t)(CALIBRATION_PAUSES * (int64_t)SPIN_NS / (least > CALIBRATION_PAUSES ? least : CALIBRATION_PAUSES));
  }
  at_store_relaxed(&spin_pauses, 1 + budget); /* whoever else measures meanwhile stores much the same */
  return budget;
}

static inline uint32_t spin_budget(void)
{
  uint32_t known = at_load_relaxed(&spin_pauses);
  return at_spins(known != 0 ? known - 1 : calibrate());
}

/* Attempts between pauses that double, so that the lines the attempt reads stay with those who write them. */
static int spin(int busy, bool probe, park_attempt *attempt, void *arg)
{
  uint32_t left = spin_budget() * (probe ? SPIN_PROBE_FACTOR : 1);
  for (uint32_t pauses = 1; left > 0; pauses = pauses < PAUSES_MAX ? 2 * pauses : PAUSES_MAX) {
    uint32_t n = pauses < left ? pauses : left;
    for (uint32_t i = 0; i < n; i++)
      at_pause();
    left -= n;
    int result = attempt(arg, NULL);
    if (result != busy)
      return result;
  }
  return busy;
}

/* In the first wait after a fork, forgets the sleepers of the parent. Others who come meanwhile let it finish. */
static void settle(struct pawl__park *park)
{
  const uint32_t settling = (uint32_t)1 << 31;
  uint32_t now = os_fork_count(), seen = at_load_acquire(&park->fork);
  while (seen != now) {
    if (seen == (now | settling)) {
      os_yield();
    } else if (at_cas_acquire(&park->fork, &seen, now | settling)) {
      if (at_step("park.fork"))
        (void)at_and_seq(&park->state, PARK_ARMED);
      at_store_release(&park->fork, now);
      return;
    }
    seen = at_load_acquire(&park->fork);
  }
}

uint32_t park_count(struct pawl__park *park)
{
  settle(park);
  return park_was_waiting(park);
}

/* Attempts and sleeps in turn. The caller has announced itself. */
static int sleep_until(struct park_at at, int busy, pawl_time until, park_attempt *attempt, void *arg)
{
  bool shared = at.kind == PARK_EVENT_SHARED || at.kind == PARK_WORD_SHARED;
  uint32_t *word = at.event != NULL ? &at.event->epoch : at.word;
  for (int slept = 0;;) {
    uint32_t key = 0;
    if (at.event != NULL) {
      key = at_load_acquire(&at.event->epoch);             /* P2 */
      if (at_load_relaxed(&at.event->state) & PARK_FLIGHT) /* P4: I bear it */
        (void)at_and_seq(&at.event->state, ~PARK_FLIGHT);
    }
    int result = at_step("park.recheck") || slept != 0 ? attempt(arg, &key) : busy;
    if (result != busy || slept == PAWL_TIMEOUT)
      return result;
    slept = os_futex_wait(word, key, until, shared);
  }
}

int park_until(struct park_at at, int busy, pawl_time until, park_attempt *attempt, void *arg)
{
  int result = attempt(arg, NULL);
  if (result != busy || until <= PAWL_NOWAIT)
    return result;
  if (until != PAWL_FOREVER && os_now() >= until)
    return attempt(arg, NULL);
  result = spin(busy, at.event != NULL && at_load_relaxed(&at.event->sleeps) % SPIN_PROBE == 1, attempt, arg);
  if (result != busy)
    return result;
  if (at.kind == PARK_EVENT)
    settle(at.event);
  if (at.event != NULL) {
    at_add_relaxed(&at.event->sleeps, 1u);
    (void)at_add_seq(&at.event->state, 1u); /* P1 */
  }
  result = sleep_until(at, busy, until, attempt, arg);
  if (at.event != NULL)
    (void)at_add_seq(&at.event->state, (uint32_t)-1);
  return result;
}

bool park_wake_slow(struct pawl__park *park)
{
  uint32_t state = at_load_relaxed(&park->state); /* not older than what [W] saw */
  while ((state & PARK_WAITERS) != 0 && (state & PARK_FLIGHT) == 0)
    if (at_cas_seq(&park->state, &state, state | PARK_FLIGHT)) { /* P3 */
      (void)at_add_release(&park->epoch, 1u);                    /* P2 */
      if (at_step("park.wake.one"))
        (void)os_futex_wake(&park->epoch, 1, false);
      break;
    }
  return (state & PARK_ARMED) && park_disarm(park);
}

static uint32_t wake_everybody(struct pawl__park *park, bool shared)
{
  uint32_t state = at_load_seq(&park->state); /* [W] */
  if (state & PARK_WAITERS) {
    (void)at_add_release(&park->epoch, 1u); /* P2, for all */
    if (at_step("park.wake.all"))
      (void)os_futex_wake(&park->epoch, INT_MAX, shared);
  }
  return state;
}

bool park_wake_all(struct pawl__park *park)
{
  return (wake_everybody(park, false) & PARK_ARMED) && park_disarm(park);
}

void park_wake_shared(struct pawl__park *park)
{
  (void)wake_everybody(park, true);
}
