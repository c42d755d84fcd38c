/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * park.c - the eventcount of src/park.h over a counter of items: nobody stays asleep beside an item, or after close. THREAD1 to
 * THREAD4 are programs of GET (waits for an item, then looks whether more is left, P5), PUT, PUT_TWO (which wakes one getter, who
 * has to wake the next) and CLOSE.
 */
#include "world.h"

#include "futex.h"

#include "../../src/park.c"

static uint32_t items, closed;
static struct pawl__park event;

static int attempt(void *arg, uint32_t *key)
{
  (void)arg;
  (void)key;
  uint32_t n = at_load_seq(&items);
  while (n > 0)
    if (at_cas_seq(&items, &n, n - 1))
      return 0;
  return at_load_seq(&closed) != 0 ? PAWL_SHUTDOWN : PAWL_EMPTY;
}

static void get(void)
{
  int result = park_until((struct park_at){.kind = PARK_EVENT, .event = &event}, PAWL_EMPTY, PAWL_FOREVER, attempt, NULL);
  assert(result == 0 || result == PAWL_SHUTDOWN || (result == PAWL_EMPTY && thread_index == DEADLINE_THREAD));
  if (park_was_waiting(&event) && at_load_seq(&items) > 0)
    (void)!park_wake_one(&event); /* P5 */
}

static void put(uint32_t n)
{
  (void)at_add_seq(&items, n);
  (void)!park_wake_one(&event); /* [W] */
}

static void close_all(void)
{
  at_store_seq(&closed, 1u);
  (void)!park_wake_all(&event);
}

static void prepare(void)
{
  futex_word = &event.epoch;
#if defined(OLD_FLIGHT) /* a waker came when the last waiter was about to leave: nobody bears that wake any more */
  event.state = PARK_FLIGHT;
#endif
  (void)spin_budget();
}

#define GET get();
#define PUT put(1);
#define PUT_TWO put(2);
#define CLOSE close_all();
#include "programs.h"

int main(void)
{
  uint64_t unused;
  run_programs(prepare, &unused, &unused, &unused, &unused);
  assert(park_was_waiting(&event) == 0);
#if defined(ITEMS_LEFT)
  assert(at_load_seq(&items) == ITEMS_LEFT);
#endif
  return 0;
}
