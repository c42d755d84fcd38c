/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * futex.c - what the kernel offers to fibers: futexes with value check, spurious returns, signals and a choice of the woken;
 * a clock that stands still until a deadline passes; a fence of all threads.
 */
#include "machine.h"

#include <errno.h>

/* A sleep that ends early, for no reason or for a signal, a few times in a schedule at most. */
static bool ends_early(int *result)
{
  if (M.faults_left == 0)
    return false;
  if (decide_index(D_SPURIOUS, 2, 16)) {
    M.faults_left--;
    trace_note("futex_wait returns for no reason");
    *result = 0;
    return true;
  }
  if (decide_index(D_INTR, 2, 32)) {
    M.faults_left--;
    trace_note("futex_wait is interrupted");
    *result = -EINTR;
    return true;
  }
  return false;
}

int pawl_check_futex_wait(uint32_t *word, uint32_t value, pawl_time until)
{
  int result = 0;
  if (!M.running)
    return PAWL_TIMEOUT;
  model_point();
  memory_fence(M.cur, true);
  uint32_t seen = (uint32_t)memory_futex_load(word);
  if (seen != value) {
    trace_note("futex_wait: %u, not %u", seen, value);
    return 0;
  }
  if (until <= M.now)
    return PAWL_TIMEOUT;
  if (ends_early(&result)) {
    decide_yield();
    return result;
  }
  trace_note("sleeps on %u", value);
  model_block(word, until);
  memory_fence(M.cur, true);
  trace_note(M.cur->wake_result == PAWL_TIMEOUT ? "its deadline passes" : "is awake");
  return M.cur->wake_result;
}

static uint32_t sleepers(const uint32_t *word)
{
  uint32_t set = 0;
  for (unsigned i = 0; i < FIBERS; i++)
    if (M.fiber[i].state == FIBER_BLOCKED && M.fiber[i].word == word)
      set |= 1u << i;
  return set;
}

int pawl_check_futex_wake(uint32_t *word, int n)
{
  int woken = 0;
  if (!M.running)
    return 0;
  model_point();
  memory_fence(M.cur, true);
  for (uint32_t set = sleepers(word); set != 0 && woken < n; woken++) {
    uint32_t rest = set;
    for (unsigned k = decide_index(D_WAKE, (unsigned)__builtin_popcount(set), 2); k > 0; k--)
      rest &= rest - 1;
    unsigned chosen = (unsigned)__builtin_ctz(rest);
    set &= ~(1u << chosen);
    trace_note("wakes thread %u", chosen);
    model_wake(&M.fiber[chosen], 0);
  }
  if (woken == 0)
    trace_note("futex_wake finds nobody");
  return woken;
}

pawl_time model_now(void)
{
  if (M.running && decide_index(D_TIME, 2, 12)) {
    M.now += PAWL_MS(1);
    trace_note("time passes");
  }
  return M.now;
}

/* All threads fence at one point of the schedule: first all publish, then all receive. */
void model_membarrier(void)
{
  if (!M.running)
    return;
  model_point();
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < FIBERS; i++)
      if (M.fiber[i].state != FIBER_NONE)
        memory_fence(&M.fiber[i], true);
  trace_note("membarrier");
}
