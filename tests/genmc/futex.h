/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * futex.h - the kernel's futex as a model: a word with a bit for each thread that is asleep on `futex_word`, the only one that a
 * model has.
 *
 * The kernel compares and enqueues under a lock of its own, and wakes under the same. Here a thread sets its bit, then compares,
 * and takes the bit back if the value differs; a wake in between may spend itself on it. So this futex does all that the
 * kernel's does, and loses one wake more: no wake-up is lost in the library if none is lost over this one. As in the kernel, who
 * wakes looks for sleepers after a full fence and is done if there are none.
 *
 * Who is woken first is decided by the thread's number; the models' threads fall asleep in every order. A sleeper spins on
 * its bit, reading only: the tool (--check-liveness) reports an execution in which that can go on for ever, a thread that is
 * left asleep. With DEADLINE_THREAD=n thread n's deadline passes whenever it would sleep.
 */
#ifndef PAWL_TESTS_GENMC_FUTEX_H
#define PAWL_TESTS_GENMC_FUTEX_H

#ifndef DEADLINE_THREAD
#define DEADLINE_THREAD 0
#endif

static uint32_t *futex_word;
static uint32_t asleep;

#if defined(PAWL_NATIVE)
static void sleep_while(uint32_t bit)
{
  while (__atomic_load_n(&asleep, __ATOMIC_ACQUIRE) & bit)
    (void)sched_yield();
}
#else
void __VERIFIER_loop_begin(void);
void __VERIFIER_spin_start(void);
void __VERIFIER_spin_end(bool);

static void sleep_while(uint32_t bit)
{
  __VERIFIER_loop_begin();
  for (bool on = true; on;) {
    __VERIFIER_spin_start();
    on = (__atomic_load_n(&asleep, __ATOMIC_ACQUIRE) & bit) != 0;
    __VERIFIER_spin_end(!on);
  }
}
#endif

int os_futex_wait(uint32_t *word, uint32_t value, pawl_time until, bool shared)
{
  uint32_t mine = (uint32_t)1 << thread_index;
  (void)until;
  (void)shared;
  assert(word == futex_word);
  if (thread_index == DEADLINE_THREAD)
    return PAWL_TIMEOUT;
  (void)__atomic_fetch_or(&asleep, mine, __ATOMIC_ACQ_REL);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  if (__atomic_load_n(word, __ATOMIC_RELAXED) == value)
    sleep_while(mine);
  else
    (void)__atomic_fetch_and(&asleep, ~mine, __ATOMIC_ACQ_REL);
  return 0;
}

/* The n lowest of the bits in `set`. */
static inline uint32_t lowest(uint32_t set, int n)
{
  uint32_t chosen = 0;
  for (; n > 0 && set != 0; n--, set &= set - 1)
    chosen |= set & -set;
  return chosen;
}

int os_futex_wake(uint32_t *word, int n, bool shared)
{
  (void)shared;
  assert(word == futex_word);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  uint32_t seen = __atomic_load_n(&asleep, __ATOMIC_ACQUIRE);
  while (seen != 0 &&
         !__atomic_compare_exchange_n(&asleep, &seen, seen & ~lowest(seen, n), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    ;
  return 0; /* nobody asks how many */
}

#endif
