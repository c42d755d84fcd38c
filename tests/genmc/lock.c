/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lock.c - pawl_lock of src/sync.c: one holder at a time, who sees what the last one wrote; nobody stays asleep; and the last
 * holder frees the lock as soon as it has released it, so that a release that touched it afterwards would be found.
 */
#include "world.h"

#include "futex.h"

#include "../../src/park.c"
#include "../../src/sync.c"

static struct pawl_lock *lock;
static unsigned holders; /* plain: two at once would be a race */

static void hold(void)
{
  if (pawl_lock_acquire(lock, PAWL_FOREVER) != 0)
    abort();
  struct pawl_lock *mine = lock;
  unsigned left = --holders;
  if (pawl_lock_release(mine) != 0)
    abort();
  if (left == 0)
    free(mine);
}

static void prepare(void)
{
  lock = malloc(sizeof *lock);
  lock->word_ = 0;
  futex_word = &lock->word_;
  (void)spin_budget();
  holders = NUMBER_OF_THREADS;
}

#define HOLD hold();
#include "programs.h"

int main(void)
{
  uint64_t unused;
  run_programs(prepare, &unused, &unused, &unused, &unused);
  assert(holders == 0);
  return 0;
}
