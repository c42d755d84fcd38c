/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sync.c - locks. Layer 3: each is a word, a park and an attempt.
 *
 * pawl_lock is the three-state futex lock of Drepper ("Futexes Are Tricky", 2011). The word is FREE, HELD, or HELD with
 * perhaps somebody asleep. Legal to be CONTENDED with nobody asleep (a waiter timed out): costs one needless wake. Illegal
 * to be HELD while somebody sleeps. Release touches the object last by its one swap; the wake after it goes by address only
 * (the waiter may have freed the memory).
 */
#include "backoff.h"
#include "park.h"
#include <errno.h>
#include <pawl/sync.h>

enum { FREE, HELD, CONTENDED };

/*
 * Who finds the lock held pauses long before it looks again, as after a lost CAS (backoff.h), so that the holder may come back
 * several times without its lines being fetched in between: two to three times the throughput (bench/RESULTS.md). All pauses
 * together take about as long as being woken would.
 */
enum { LOCK_TRIES = 3 };

static inline bool try_lock(struct pawl_lock *lock)
{
  uint32_t seen = FREE;
  return at_load_relaxed(&lock->word_) == FREE && at_cas_acquire(&lock->word_, &seen, (uint32_t)HELD); /* [L] */
}

static __attribute__((noinline)) bool try_patiently(struct pawl_lock *lock, pawl_time until)
{
  unsigned losses = 0;
  for (unsigned n = at_spins(os_parallel() ? LOCK_TRIES : 0); n > 0 && (until == PAWL_FOREVER || os_now() < until); n--) {
    backoff_lost(&losses);
    if (try_lock(lock))
      return true;
  }
  return false;
}

static int lock_attempt(void *arg, uint32_t *key)
{
  struct pawl_lock *lock = arg;
  if (key == NULL) /* spinning */
    return try_lock(lock) ? 0 : PAWL_TIMEOUT;
  *key = CONTENDED;
  return at_swap_acquire(&lock->word_, (uint32_t)CONTENDED) == FREE ? 0 : PAWL_TIMEOUT;
}

int pawl_lock_acquire(struct pawl_lock *lock, pawl_time until)
{
  if (lock == NULL)
    return -EINVAL;
  uint32_t seen = FREE;
  if (at_cas_acquire(&lock->word_, &seen, (uint32_t)HELD)) /* [L] receives what the releaser wrote */
    return 0;
  if (try_patiently(lock, until))
    return 0;
  return park_until((struct park_at){.kind = PARK_WORD, .word = &lock->word_}, PAWL_TIMEOUT, until, lock_attempt, lock);
}

int pawl_lock_release(struct pawl_lock *lock)
{
  if (lock == NULL)
    return -EINVAL;
  uint32_t was = at_swap_release(&lock->word_, (uint32_t)FREE); /* [L] */
  if (was == CONTENDED && at_step("lock.wake"))
    (void)os_futex_wake(&lock->word_, 1, false);
  return was == FREE ? -EPERM : 0;
}

bool pawl_lock_was_locked(const struct pawl_lock *lock)
{
  return lock != NULL && at_load_relaxed(&lock->word_) != FREE;
}
