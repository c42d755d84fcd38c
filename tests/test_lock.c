/* SPDX-License-Identifier: BSD-2-Clause */
/* test_lock.c - pawl_lock: exclusion, deadlines, misuse, one waiter woken per release, and memory freed by the waiter. */
#include "kit.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static int run_acquire(struct call *call)
{
  return pawl_lock_acquire(call->object, call->until);
}

static int run_release(struct call *call)
{
  return pawl_lock_release(call->object);
}

TEST(lock, LCK1_any_thread_may_release)
{
  struct pawl_lock lock = PAWL_LOCK_INIT;
  struct call call;
  CHECK_CODE(pawl_lock_acquire(&lock, PAWL_FOREVER), 0);
  call_begin(&call, run_release, &lock, 0, PAWL_NOWAIT);
  CHECK_CODE(call_end(&call), 0);
  CHECK_CODE(pawl_lock_acquire(&lock, PAWL_NOWAIT), 0);
  CHECK_CODE(pawl_lock_release(&lock), 0);
}

TEST(lock, LCK1_it_is_not_recursive)
{
  static struct pawl_lock lock; /* zero bytes are an unlocked lock */
  CHECK_CODE(pawl_lock_acquire(&lock, PAWL_NOWAIT), 0);
  CHECK_CODE(pawl_lock_acquire(&lock, PAWL_NOWAIT), PAWL_TIMEOUT);
  CHECK_CODE(pawl_lock_acquire(&lock, pawl_after(PAWL_MS(1))), PAWL_TIMEOUT);
  struct call call;
  call_begin(&call, run_acquire, &lock, 0, PAWL_FOREVER);
  call_wait_asleep(&call);
  CHECK_CODE(pawl_lock_release(&lock), 0);
  CHECK_CODE(call_end(&call), 0);
  CHECK_CODE(pawl_lock_release(&lock), 0);
}

TEST(lock, LCK2_deadlines)
{
  static const pawl_time past[] = {PAWL_NOWAIT, 1, -1, INT64_MIN};
  struct pawl_lock lock = PAWL_LOCK_INIT;
  for (size_t i = 0; i < sizeof(past) / sizeof(past[0]); i++) {
    CHECK_CODE(pawl_lock_acquire(&lock, past[i]), 0); /* a free lock beats a past deadline */
    CHECK_CODE(pawl_lock_acquire(&lock, past[i]), PAWL_TIMEOUT);
    CHECK_CODE(pawl_lock_release(&lock), 0);
  }
  CHECK_CODE(pawl_lock_acquire(&lock, PAWL_FOREVER), 0);
  for (int64_t wait = PAWL_US(1); wait <= PAWL_MS(10); wait *= 10) {
    pawl_time until = pawl_after(wait);
    CHECK_CODE(pawl_lock_acquire(&lock, until), PAWL_TIMEOUT);
    CHECK_GE(pawl_now(), until);
    CHECK_LE(pawl_now(), until + PAWL_S(5) * test_scale());
  }
}

TEST(lock, LCK2_THR9_the_longest_deadlines_wait)
{
  const pawl_time longest[] = {PAWL_FOREVER, PAWL_FOREVER - 1, pawl_after(INT64_MAX), pawl_after(PAWL_S(9223372035))};
  for (size_t i = 0; i < sizeof(longest) / sizeof(longest[0]); i++) {
    struct pawl_lock lock = PAWL_LOCK_INIT;
    struct call call;
    CHECK_CODE(pawl_lock_acquire(&lock, PAWL_NOWAIT), 0);
    call_begin(&call, run_acquire, &lock, 0, longest[i]);
    call_wait_asleep(&call);
    CHECK_CODE(pawl_lock_release(&lock), 0);
    CHECK_CODE(call_end(&call), 0);
  }
}

TEST(lock, LCK3_a_timed_out_acquire_leaves_the_lock_intact)
{
  struct pawl_lock lock = PAWL_LOCK_INIT;
  struct call call;
  for (int round = 0; round < 3; round++) {
    CHECK_CODE(pawl_lock_acquire(&lock, PAWL_NOWAIT), 0);
    CHECK_CODE(pawl_lock_acquire(&lock, pawl_after(PAWL_MS(2))), PAWL_TIMEOUT);
    CHECK(pawl_lock_was_locked(&lock));
    CHECK_CODE(pawl_lock_release(&lock), 0);
    CHECK_EQ(lock.word_, 0); /* no waiter's mark is left */
    CHECK_CODE(pawl_lock_release(&lock), -EPERM);
    CHECK_CODE(pawl_lock_acquire(&lock, PAWL_NOWAIT), 0);
    call_begin(&call, run_acquire, &lock, 0, PAWL_FOREVER);
    call_wait_asleep(&call);
    CHECK_CODE(pawl_lock_acquire(&lock, pawl_after(PAWL_MS(2))), PAWL_TIMEOUT); /* gives up beside one who does not */
    CHECK_CODE(pawl_lock_release(&lock), 0);
    CHECK_CODE(call_end(&call), 0);
    CHECK_CODE(pawl_lock_release(&lock), 0);
  }
}

TEST(lock, LCK4_releasing_an_unlocked_lock_is_an_error_and_changes_nothing)
{
  struct pawl_lock lock = PAWL_LOCK_INIT;
  for (int i = 0; i < 3; i++)
    CHECK_CODE(pawl_lock_release(&lock), -EPERM);
  CHECK(!pawl_lock_was_locked(&lock));
  CHECK_CODE(pawl_lock_acquire(&lock, PAWL_NOWAIT), 0);
  CHECK_CODE(pawl_lock_release(&lock), 0);
  CHECK_CODE(pawl_lock_release(&lock), -EPERM);
  CHECK_CODE(pawl_lock_release(NULL), -EINVAL);
  CHECK_CODE(pawl_lock_acquire(NULL, PAWL_FOREVER), -EINVAL);
}

TEST(lock, LCK4_each_release_lets_one_waiter_in)
{
  enum { N = 4 };
  struct pawl_lock lock = PAWL_LOCK_INIT;
  struct call call[N];
  CHECK_CODE(pawl_lock_acquire(&lock, PAWL_NOWAIT), 0);
  for (int i = 0; i < N; i++)
    call_begin(&call[i], run_acquire, &lock, 0, i % 2 ? PAWL_FOREVER : pawl_after(PAWL_S(1000)));
  for (int i = 0; i < N; i++)
    call_wait_asleep(&call[i]);
  for (int n = 1; n <= N; n++) {
    int in = 0;
    CHECK_CODE(pawl_lock_release(&lock), 0);
    EVENTUALLY((in = call_has_returned(&call[0]) + call_has_returned(&call[1]) + call_has_returned(&call[2]) +
                     call_has_returned(&call[3])) >= n);
    CHECK_EQ(in, n);
    CHECK(pawl_lock_was_locked(&lock));
  }
  for (int i = 0; i < N; i++)
    CHECK_CODE(call_end(&call[i]), 0);
  CHECK_CODE(pawl_lock_release(&lock), 0);
  CHECK_CODE(pawl_lock_release(&lock), -EPERM);
}

TEST(lock, LCK5_was_locked_is_a_snapshot)
{
  struct pawl_lock lock = PAWL_LOCK_INIT;
  CHECK(!pawl_lock_was_locked(&lock));
  CHECK_CODE(pawl_lock_acquire(&lock, PAWL_NOWAIT), 0);
  CHECK(pawl_lock_was_locked(&lock));
  CHECK_CODE(pawl_lock_release(&lock), 0);
  CHECK(!pawl_lock_was_locked(&lock));
}

/* --- exclusion, with deadlines that pass and a plain counter that a race would spoil --- */

struct contest {
  struct pawl_lock lock;
  uint64_t rounds, counter;
  bool inside;
  _Atomic uint64_t entered;
};

static void contend(void *arg)
{
  struct contest *contest = arg;
  uint64_t seed = (uintptr_t)&seed | 1;
  for (uint64_t i = 0; i < contest->rounds; i++) {
    pawl_time until = test_random(&seed) % 4 == 0 ? pawl_after((int64_t)(test_random(&seed) % 20000)) : PAWL_FOREVER;
    int result = pawl_lock_acquire(&contest->lock, until);
    if (result != 0) {
      CHECK_CODE(result, PAWL_TIMEOUT);
      continue;
    }
    CHECK(!contest->inside);
    contest->inside = true;
    contest->counter++;
    if (test_random(&seed) % 64 == 0)
      sched_yield();
    contest->inside = false;
    contest->entered++;
    CHECK_CODE(pawl_lock_release(&contest->lock), 0);
  }
}

TEST(lock, LCK2_LCK3_THR13_one_at_a_time)
{
  enum { N = 4 };
  struct contest contest = {.rounds = 20000 / (uint64_t)test_scale()};
  struct test_thread threads[N];
  for (int i = 0; i < N; i++)
    test_start(&threads[i], "contender", contend, &contest);
  for (int i = 0; i < N; i++)
    test_join(&threads[i]);
  CHECK_EQ(contest.counter, contest.entered);
  CHECK(contest.entered > contest.rounds);
  CHECK_CODE(pawl_lock_release(&contest.lock), -EPERM);
}

/* The waiter unmaps the lock as soon as it is in; the release that let it in may still be on its way. */
static int run_acquire_and_unmap(struct call *call)
{
  int result = pawl_lock_acquire(call->object, call->until);
  munmap(call->object, (size_t)sysconf(_SC_PAGESIZE));
  return result;
}

TEST(lock, LCK4_release_touches_the_lock_for_the_last_time_by_freeing_it)
{
  for (int round = 0; round < 200 / test_scale(); round++) {
    struct pawl_lock *lock =
        mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct call call;
    CHECK(lock != MAP_FAILED);
    CHECK_CODE(pawl_lock_acquire(lock, PAWL_NOWAIT), 0);
    call_begin(&call, run_acquire_and_unmap, lock, 0, PAWL_FOREVER);
    if (round % 10 == 0)
      call_wait_asleep(&call);
    else
      EVENTUALLY(call.phase > 0);
    CHECK_CODE(pawl_lock_release(lock), 0);
    CHECK_CODE(call_end(&call), 0);
  }
}
