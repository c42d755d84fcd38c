/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_park.c - the wait loop and its wakers (src/park.h), by themselves: no wake lost, none wasted, deadlines, spurious
 * returns, descriptors, epochs that wrap, and parks that several processes share.
 */
#include "kit.h"

#include "park.h"
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BUSY = PAWL_EMPTY };

/* A counting semaphore over a park: the smallest structure that can be waited for. */
struct sema {
  struct pawl__park park;
  uint64_t count;
  uint64_t attempts;
  void (*on_attempt)(struct sema *);
};

static int take(void *arg, uint32_t *key)
{
  struct sema *sema = arg;
  (void)key;
  at_add_relaxed(&sema->attempts, UINT64_C(1));
  if (sema->on_attempt)
    sema->on_attempt(sema);
  uint64_t seen = at_load_seq(&sema->count);
  while (seen > 0)
    if (at_cas_seq(&sema->count, &seen, seen - 1))
      return 0;
  return BUSY;
}

static int down(struct sema *sema, pawl_time until, enum park_kind kind)
{
  return park_until((struct park_at){.kind = kind, .event = &sema->park}, BUSY, until, take, sema);
}

static int run_down(struct call *call)
{
  struct sema *sema = call->object;
  int result = down(sema, call->until, PARK_EVENT);
  if (park_was_waiting(&sema->park) && at_load_seq(&sema->count) > 0) /* P5 */
    CHECK(!park_wake_one(&sema->park));
  return result;
}

static void up(struct sema *sema, uint64_t n)
{
  (void)at_add_seq(&sema->count, n);
  CHECK(!park_wake_one(&sema->park));
}

TEST(park, no_wait_is_one_attempt)
{
  static const pawl_time past[] = {PAWL_NOWAIT, -1, INT64_MIN};
  for (int i = 0; i < 3; i++) {
    struct sema sema = {.count = 1};
    CHECK_CODE(down(&sema, past[i], PARK_EVENT), 0);
    CHECK_EQ(sema.attempts, 1);
    CHECK_CODE(down(&sema, past[i], PARK_EVENT), BUSY);
    CHECK_EQ(sema.attempts, 2);
    CHECK_EQ(sema.park.state, 0);
  }
}

TEST(park, the_deadline_is_kept_and_leaves_nothing)
{
  struct sema sema = {0};
  for (int64_t wait = 1; wait <= PAWL_MS(10); wait *= 10) {
    pawl_time until = pawl_after(wait);
    CHECK_CODE(down(&sema, until, PARK_EVENT), BUSY);
    CHECK_GE(pawl_now(), until);
    CHECK_EQ(park_was_waiting(&sema.park), 0);
  }
}

/* The item comes just before the last attempt, which is made after the deadline was found passed. */
static pawl_time late;

static void add_when_late(struct sema *sema)
{
  if (pawl_now() >= late)
    at_store_seq(&sema->count, UINT64_C(1));
}

TEST(park, the_last_attempt_comes_after_the_deadline)
{
  for (int i = 0; i < 20; i++) {
    struct sema sema = {.on_attempt = add_when_late};
    late = pawl_after(PAWL_US(300));
    CHECK_CODE(down(&sema, late, PARK_EVENT), 0);
  }
}

/* A waker that strikes between the waiter's last look and its sleep. */
static bool struck;

static int take_then_strike(void *arg, uint32_t *key)
{
  struct sema *sema = arg;
  int result = take(arg, key);
  if (key != NULL && result == BUSY && !struck) { /* announced, and about to sleep */
    struck = true;
    up(sema, 1);
  }
  return result;
}

TEST(park, a_wake_between_the_attempt_and_the_sleep_is_not_slept_through)
{
  for (int i = 0; i < 5; i++) {
    struct sema sema = {0};
    struct park_at at = {.kind = PARK_EVENT, .event = &sema.park};
    struck = false;
    CHECK_CODE(park_until(at, BUSY, PAWL_FOREVER, take_then_strike, &sema), 0);
    CHECK(struck);
    CHECK_EQ(park_was_waiting(&sema.park), 0);
  }
}

TEST(park, each_wake_lets_one_go)
{
  enum { N = 4 };
  struct sema sema = {0};
  struct call call[N];
  calls_asleep(call, N, run_down, &sema, 0);
  CHECK_EQ(park_was_waiting(&sema.park), N);
  for (int n = 1; n <= N; n++) {
    uint64_t before = at_load_seq(&sema.attempts);
    up(&sema, 1);
    EVENTUALLY(call_has_returned(&call[0]) + call_has_returned(&call[1]) + call_has_returned(&call[2]) +
                   call_has_returned(&call[3]) ==
               n);
    CHECK_EQ(at_load_seq(&sema.attempts), before + 1); /* the others were not even woken */
  }
  for (int i = 0; i < N; i++)
    CHECK_CODE(call_end(&call[i]), 0);
  CHECK_EQ(sema.park.state & PARK_WAITERS, 0);
}

TEST(park, one_wake_in_flight_is_handed_on)
{
  enum { N = 5 };
  for (int round = 0; round < 30; round++) {
    struct sema sema = {0};
    struct call call[N];
    for (int i = 0; i < N; i++)
      call_begin(&call[i], run_down, &sema, 0, PAWL_FOREVER);
    for (int i = 0; i < N; i++)
      if (round % 5 != i)
        call_wait_asleep(&call[i]);
    for (int i = 0; i < N; i++)
      up(&sema, 1);
    for (int i = 0; i < N; i++)
      CHECK_CODE(call_end(&call[i]), 0);
  }
}

TEST(park, wake_all_lets_everybody_look)
{
  enum { N = 4 };
  struct sema sema = {0};
  struct call call[N];
  calls_asleep(call, N, run_down, &sema, 0);
  (void)at_add_seq(&sema.count, (uint64_t)N);
  CHECK(!park_wake_all(&sema.park));
  for (int i = 0; i < N; i++)
    CHECK_CODE(call_end(&call[i]), 0);
}

TEST(park, spurious_returns_are_looked_through)
{
  struct sema sema = {0};
  struct call call;
  call_begin(&call, run_down, &sema, 0, PAWL_FOREVER);
  for (int i = 0; i < 20; i++) {
    call_wait_asleep(&call);
    (void)os_futex_wake(&sema.park.epoch, 1, false);
  }
  CHECK(!call_has_returned(&call));
  up(&sema, 1);
  CHECK_CODE(call_end(&call), 0);
}

TEST(park, the_epoch_may_wrap)
{
  struct sema sema = {.park.epoch = UINT32_MAX - 3};
  for (int i = 0; i < 10; i++) {
    struct call call;
    call_begin(&call, run_down, &sema, 0, PAWL_FOREVER);
    call_wait_asleep(&call);
    up(&sema, 1);
    CHECK_CODE(call_end(&call), 0);
  }
  CHECK(sema.park.epoch < 100);
}

TEST(park, an_armed_descriptor_is_told_once)
{
  struct sema sema = {0};
  (void)at_add_seq(&sema.count, UINT64_C(1));
  CHECK(!park_wake_one(&sema.park));
  park_arm(&sema.park);
  CHECK(park_wake_one(&sema.park));
  CHECK(!park_wake_one(&sema.park));
  park_arm(&sema.park);
  CHECK(park_wake_all(&sema.park));
  CHECK(!park_wake_all(&sema.park));
  park_arm(&sema.park);
  CHECK(park_disarm(&sema.park));
  CHECK(!park_disarm(&sema.park));
  CHECK(!park_wake_one(&sema.park));
  struct call call; /* beside a sleeper: both are told */
  CHECK_CODE(down(&sema, PAWL_NOWAIT, PARK_EVENT), 0);
  call_begin(&call, run_down, &sema, 0, PAWL_FOREVER);
  call_wait_asleep(&call);
  park_arm(&sema.park);
  (void)at_add_seq(&sema.count, UINT64_C(1));
  CHECK(park_wake_one(&sema.park));
  CHECK_CODE(call_end(&call), 0);
}

/* --- traffic: what goes up comes down, whoever gives up meanwhile --- */

struct traffic {
  struct sema sema;
  uint64_t rounds;
  _Atomic uint64_t taken;
  _Atomic bool stop;
};

static void take_some(void *arg)
{
  struct traffic *traffic = arg;
  uint64_t seed = (uintptr_t)&seed | 1;
  while (!traffic->stop) {
    struct call call = {.object = &traffic->sema, .until = pawl_after((int64_t)(test_random(&seed) % 40000))};
    if (run_down(&call) == 0)
      traffic->taken++;
  }
}

static void give_some(void *arg)
{
  struct traffic *traffic = arg;
  uint64_t seed = (uintptr_t)&seed | 1;
  for (uint64_t i = 0; i < traffic->rounds; i++) {
    up(&traffic->sema, 1);
    if (test_random(&seed) % 8 == 0)
      sched_yield();
  }
}

TEST(park, nothing_is_lost_under_traffic)
{
  struct traffic traffic = {.rounds = 30000 / (uint64_t)test_scale()};
  struct test_thread takers[3], givers[2];
  for (int i = 0; i < 3; i++)
    test_start(&takers[i], "taker", take_some, &traffic);
  for (int i = 0; i < 2; i++)
    test_start(&givers[i], "giver", give_some, &traffic);
  for (int i = 0; i < 2; i++)
    test_join(&givers[i]);
  EVENTUALLY(traffic.taken == 2 * traffic.rounds);
  traffic.stop = true;
  for (int i = 0; i < 3; i++)
    test_join(&takers[i]);
  CHECK_EQ(traffic.sema.park.state & PARK_WAITERS, 0);
}

/* --- between processes --- */

static struct sema *shared_sema(void)
{
  struct sema *sema = mmap(NULL, sizeof(*sema), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(sema != MAP_FAILED);
  return sema;
}

static pid_t waiting_child(struct sema *sema)
{
  uint32_t before = park_was_waiting(&sema->park);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0)
    _exit(down(sema, pawl_after(PAWL_S(50)), PARK_EVENT_SHARED) == 0 ? 0 : 1);
  EVENTUALLY(park_was_waiting(&sema->park) == before + 1);
  return child;
}

static void expect_exit(pid_t child, int expected)
{
  int status;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(status, expected);
}

TEST(park, processes_wake_each_other)
{
  struct sema *sema = shared_sema();
  for (int round = 0; round < 20; round++) {
    pid_t child = waiting_child(sema);
    (void)at_add_seq(&sema->count, UINT64_C(1));
    park_wake_shared(&sema->park);
    expect_exit(child, 0);
    CHECK_EQ(park_was_waiting(&sema->park), 0);
  }
}

/* Ends when the word has changed from 0. */
static int changed(void *arg, uint32_t *key)
{
  uint32_t *word = arg;
  if (key != NULL)
    *key = 0;
  return at_load_seq(word) != 0 ? 0 : BUSY;
}

TEST(park, processes_wake_each_other_by_a_words_address)
{
  uint32_t *words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(words != MAP_FAILED);
  for (int round = 0; round < 20; round++) {
    uint32_t *word = &words[round];
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      struct park_at at = {.kind = PARK_WORD_SHARED, .word = word};
      _exit(park_until(at, BUSY, pawl_after(PAWL_S(50)), changed, word) == 0 ? 0 : 1);
    }
    EVENTUALLY(os_futex_wake(word, 1, true) == 1); /* it sleeps, and is woken for nothing */
    at_store_seq(word, 1u);
    (void)os_futex_wake(word, 1, true);
    expect_exit(child, 0);
  }
}

TEST(park, a_killed_process_takes_no_wake_with_it)
{
  struct sema *sema = shared_sema();
  for (int round = 0; round < 20; round++) {
    pid_t victim = waiting_child(sema), survivor = waiting_child(sema);
    (void)at_add_seq(&sema->count, UINT64_C(1));
    park_wake_shared(&sema->park);
    kill(victim, SIGKILL); /* on its way out with or without the item, perhaps woken and not yet running */
    int status;
    CHECK_EQ(waitpid(victim, &status, 0), victim);
    if (at_load_seq(&sema->count) == 0 && park_was_waiting(&sema->park) > 0) {
      (void)at_add_seq(&sema->count, UINT64_C(1));
      park_wake_shared(&sema->park);
    }
    expect_exit(survivor, 0);
    at_store_seq(&sema->count, UINT64_C(0));
    at_store_seq(&sema->park.state, 0u); /* the dead one's announcement */
  }
}
