/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_queue_wait.c - waiting in put and get: who sleeps, who wakes, what a deadline does, and that a call that gives up
 * takes nothing with it, neither an item nor a wake-up.
 */
#include "kit.h"

#include <errno.h>

TEST(queue, QUE4_put_waits_until_there_is_room)
{
  EACH_KIND(kind, KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 2);
    struct call put;
    fill(f, 0, 2);
    call_begin(&put, run_put, &f->queue, 2, PAWL_FOREVER);
    call_wait_asleep(&put);
    CHECK_EQ(pawl_queue_was_size(&f->queue), 2);
    (void)get_next(f);
    CHECK_CODE(call_end(&put), 0);
    note_put(f, 2);
    CHECK_EQ(pawl_queue_was_size(&f->queue), 2);
    take_out(f, 2);
    fixture_close(f);
  }
}

TEST(queue, QUE8_get_waits_until_there_is_an_item)
{
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 2);
    struct call get;
    call_begin(&get, run_get, &f->queue, 0, PAWL_FOREVER);
    call_wait_asleep(&get);
    put_ok(f, 41);
    CHECK_CODE(call_end(&get), 0);
    CHECK_EQ(get.item, 41);
    CHECK_EQ(pawl_queue_was_size(&f->queue), 0);
    fixture_close(f);
  }
}

static int returned(struct call *calls, int n)
{
  int count = 0;
  for (int i = 0; i < n; i++)
    count += call_has_returned(&calls[i]);
  return count;
}

TEST(queue, QUE4_each_put_lets_one_sleeping_getter_go)
{
  EACH_KIND(kind, KIND_MANY)
  {
    enum { N = 4 };
    struct fixture *f = fixture_open(kind, N);
    struct call get[N];
    uint64_t sum = 0;
    calls_asleep(get, N, run_get, &f->queue, 0);
    for (int n = 0; n < N; n++) {
      put_ok(f, 1u << n);
      EVENTUALLY(returned(get, N) == n + 1);
    }
    for (int i = 0; i < N; i++) {
      CHECK_CODE(call_end(&get[i]), 0);
      sum += get[i].item;
    }
    CHECK_EQ(sum, (1u << N) - 1);
    fixture_close(f);
  }
}

TEST(queue, QUE4_a_burst_of_puts_lets_every_sleeping_getter_go)
{
  EACH_KIND(kind, KIND_MANY)
  {
    enum { N = 4 };
    struct fixture *f = fixture_open(kind, N);
    for (int round = 0; round < 5; round++) {
      struct call get[N];
      calls_asleep(get, N, run_get, &f->queue, 0);
      fill(f, 1, N);
      for (int i = 0; i < N; i++)
        CHECK_CODE(call_end(&get[i]), 0);
    }
    fixture_close(f);
  }
}

TEST(queue, QUE8_each_get_lets_one_sleeping_putter_go)
{
  EACH_KIND(kind, KIND_BOUNDED | KIND_MANY)
  {
    enum { N = 4 };
    struct fixture *f = fixture_open(kind, 1);
    struct call put[N];
    uint64_t item, sum = 0;
    put_ok(f, 0);
    for (int i = 0; i < N; i++)
      call_begin(&put[i], run_put, &f->queue, 1u << i, PAWL_FOREVER);
    for (int i = 0; i < N; i++)
      call_wait_asleep(&put[i]);
    for (int n = 0; n < N; n++) {
      CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_NOWAIT), 0);
      sum += item;
      EVENTUALLY(returned(put, N) == n + 1);
      CHECK_EQ(pawl_queue_was_size(&f->queue), 1);
    }
    CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_NOWAIT), 0);
    CHECK_EQ(sum + item, (1u << N) - 1);
    for (int i = 0; i < N; i++)
      CHECK_CODE(call_end(&put[i]), 0);
    fixture_close(f);
  }
}

TEST(queue, QUE1_raising_maxsize_lets_every_sleeping_putter_go)
{
  EACH_KIND(kind, KIND_BOUNDED | KIND_MANY)
  {
    struct fixture *f = fixture_open(kind, 4);
    struct call put[3];
    CHECK_CODE(pawl_queue_set_maxsize(&f->queue, 1), 0);
    put_ok(f, 0);
    for (int i = 0; i < 3; i++)
      call_begin(&put[i], run_put, &f->queue, 1 + (uint64_t)i, PAWL_FOREVER);
    for (int i = 0; i < 3; i++)
      call_wait_asleep(&put[i]);
    CHECK_CODE(pawl_queue_set_maxsize(&f->queue, 3), 0);
    EVENTUALLY(returned(put, 3) == 2);
    CHECK_EQ(pawl_queue_was_size(&f->queue), 3);
    CHECK_CODE(pawl_queue_set_maxsize(&f->queue, kind->traits & (KIND_RING | KIND_PREALLOC) ? 4 : 0), 0);
    for (int i = 0; i < 3; i++)
      CHECK_CODE(call_end(&put[i]), 0);
    CHECK_EQ(pawl_queue_was_size(&f->queue), 4);
    fixture_close(f);
  }
}

/* --- deadlines --- */

TEST(queue, QUE5_a_full_queue_says_full_at_the_deadline_not_before)
{
  EACH_KIND(kind, KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 1);
    put_ok(f, 1);
    for (int64_t wait = PAWL_US(1); wait <= PAWL_MS(10); wait *= 10) {
      pawl_time until = pawl_after(wait);
      CHECK_CODE(pawl_queue_put(&f->queue, 2, until), PAWL_FULL);
      CHECK_GE(pawl_now(), until);
      CHECK_LE(pawl_now(), until + PAWL_S(5) * test_scale());
    }
    CHECK_EQ(pawl_queue_was_size(&f->queue), 1);
    get_ok(f, 1);
    fixture_close(f);
  }
}

TEST(queue, QUE9_an_empty_queue_says_empty_at_the_deadline_not_before)
{
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 1);
    for (int64_t wait = PAWL_US(1); wait <= PAWL_MS(10); wait *= 10) {
      uint64_t item = 77;
      pawl_time until = pawl_after(wait);
      CHECK_CODE(pawl_queue_get(&f->queue, &item, until), PAWL_EMPTY);
      CHECK_GE(pawl_now(), until);
      CHECK_LE(pawl_now(), until + PAWL_S(5) * test_scale());
      CHECK_EQ(item, 77);
    }
    fixture_close(f);
  }
}

TEST(queue, QUE5_QUE9_a_waiter_with_time_left_is_served)
{
  EACH_KIND(kind, KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 1);
    struct call call;
    call_begin(&call, run_get, &f->queue, 0, pawl_after(PAWL_S(1000)));
    call_wait_asleep(&call);
    put_ok(f, 6);
    CHECK_CODE(call_end(&call), 0);
    CHECK_EQ(call.item, 6);
    note_get(f, 6);
    put_ok(f, 7);
    call_begin(&call, run_put, &f->queue, 8, pawl_after(PAWL_S(1000)));
    call_wait_asleep(&call);
    get_ok(f, 7);
    CHECK_CODE(call_end(&call), 0);
    note_put(f, 8);
    get_ok(f, 8);
    fixture_close(f);
  }
}

TEST(queue, QUE12_one_deadline_says_whether_and_how_long)
{
  EACH_KIND(kind, KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 1);
    struct call call;
    uint64_t item = 3;
    CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_NOWAIT), PAWL_EMPTY);
    CHECK_CODE(pawl_queue_get(&f->queue, &item, pawl_after(PAWL_MS(1))), PAWL_EMPTY);
    CHECK_CODE(pawl_queue_get(&f->queue, &item, -1), PAWL_EMPTY); /* not "no timeout" */
    call_begin(&call, run_get, &f->queue, 0, PAWL_FOREVER);
    call_wait_asleep(&call);
    CHECK_CODE(pawl_queue_put(&f->queue, 1, PAWL_FOREVER), 0);
    CHECK_CODE(call_end(&call), 0);
    put_ok(f, 1);
    CHECK_CODE(pawl_queue_put(&f->queue, 2, PAWL_NOWAIT), PAWL_FULL);
    CHECK_CODE(pawl_queue_put(&f->queue, 2, pawl_after(PAWL_MS(1))), PAWL_FULL);
    CHECK_CODE(pawl_queue_put(&f->queue, 2, -1), PAWL_FULL);
    call_begin(&call, run_put, &f->queue, 2, PAWL_FOREVER);
    call_wait_asleep(&call);
    get_ok(f, 1);
    CHECK_CODE(call_end(&call), 0);
    fixture_close(f);
  }
}

/* --- giving up takes nothing --- */

/*
 * Two waiters, one patient and one whose deadline passes about when the only item comes. If the impatient one leaves
 * without it, the patient one must have been woken for it.
 */
static void race_item_against_deadline(const struct kind *kind, uint64_t *seed)
{
  struct fixture *f = fixture_open(kind, 1);
  struct call patient, hasty;
  call_begin(&patient, run_get, &f->queue, 0, PAWL_FOREVER);
  pawl_time until = pawl_after(PAWL_US(100) + (int64_t)(test_random(seed) % 100000));
  call_begin(&hasty, run_get, &f->queue, 0, until);
  while (pawl_now() < until - 40000 + (int64_t)(test_random(seed) % 50000))
    ;
  put_ok(f, 1);
  int result = call_end(&hasty);
  if (result == 0)
    CHECK_CODE(pawl_queue_put(&f->queue, 2, PAWL_FOREVER), 0);
  else
    CHECK_CODE(result, PAWL_EMPTY);
  CHECK_CODE(call_end(&patient), 0);
  CHECK_EQ(patient.item, result == 0 ? 2 : 1);
  CHECK_EQ(pawl_queue_was_size(&f->queue), 0);
  fixture_close(f);
}

TEST(queue, QUE9_a_getter_that_gives_up_swallows_neither_item_nor_wake)
{
  uint64_t seed = 99;
  EACH_KIND(kind, KIND_MANY)
  for (int round = 0; round < 150 / test_scale(); round++)
    race_item_against_deadline(kind, &seed);
}

static void race_room_against_deadline(const struct kind *kind, uint64_t *seed)
{
  struct fixture *f = fixture_open(kind, 1);
  struct call patient, hasty;
  uint64_t item;
  put_ok(f, 0);
  call_begin(&patient, run_put, &f->queue, 1, PAWL_FOREVER);
  pawl_time until = pawl_after(PAWL_US(100) + (int64_t)(test_random(seed) % 100000));
  call_begin(&hasty, run_put, &f->queue, 2, until);
  while (pawl_now() < until - 40000 + (int64_t)(test_random(seed) % 50000))
    ;
  get_ok(f, 0);
  int result = call_end(&hasty);
  uint64_t expected = result == 0 ? 3 : 1, sum = 0;
  while (sum < expected) {
    CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_FOREVER), 0);
    sum += item;
  }
  CHECK_EQ(sum, expected);
  CHECK_CODE(call_end(&patient), 0);
  if (result != 0)
    CHECK_CODE(result, PAWL_FULL);
  CHECK_EQ(pawl_queue_was_size(&f->queue), 0);
  fixture_close(f);
}

TEST(queue, QUE5_a_putter_that_gives_up_swallows_neither_room_nor_wake)
{
  uint64_t seed = 77;
  EACH_KIND(kind, KIND_MANY | KIND_BOUNDED)
  for (int round = 0; round < 150 / test_scale(); round++)
    race_room_against_deadline(kind, &seed);
}

/* Many getters that give up all the time beside one that does not: the puts are counted, and all must arrive. */
struct crowd {
  struct pawl_queue *queue;
  _Atomic uint64_t got, sum;
  _Atomic bool stop;
};

static void hasty_getter(void *arg)
{
  struct crowd *crowd = arg;
  uint64_t item, seed = (uintptr_t)&item | 1;
  while (!crowd->stop) {
    int result = pawl_queue_get(crowd->queue, &item, pawl_after((int64_t)(test_random(&seed) % 30000)));
    if (result == 0) {
      crowd->got++;
      crowd->sum += item;
    } else {
      CHECK_CODE(result, PAWL_EMPTY);
    }
  }
}

TEST(queue, QUE9_nothing_is_lost_among_getters_that_keep_giving_up)
{
  EACH_KIND(kind, KIND_MANY)
  {
    enum { N = 3 };
    struct fixture *f = fixture_open(kind, 4);
    struct crowd crowd = {.queue = &f->queue};
    struct test_thread threads[N];
    uint64_t puts = 3000 / (uint64_t)test_scale();
    for (int i = 0; i < N; i++)
      test_start(&threads[i], "hasty getter", hasty_getter, &crowd);
    for (uint64_t i = 1; i <= puts; i++)
      CHECK_CODE(pawl_queue_put(&f->queue, i, PAWL_FOREVER), 0);
    EVENTUALLY(crowd.got == puts);
    crowd.stop = true;
    for (int i = 0; i < N; i++)
      test_join(&threads[i]);
    CHECK_EQ(crowd.sum, puts * (puts + 1) / 2);
    fixture_close(f);
  }
}

/* --- saturation --- */

TEST(time, THR9_deadlines_saturate_and_do_not_wrap)
{
  CHECK_EQ(pawl_after(INT64_MAX), PAWL_FOREVER);
  CHECK_EQ(pawl_after(INT64_MAX - 1), PAWL_FOREVER);
  CHECK_EQ(pawl_after(PAWL_FOREVER - pawl_now() + PAWL_S(1)), PAWL_FOREVER);
  CHECK(pawl_after(PAWL_S(9223372035)) > pawl_now());
  CHECK(pawl_after(-1) <= pawl_now());
  CHECK(pawl_after(INT64_MIN) <= pawl_now());
  CHECK(pawl_after(INT64_MIN + 1) <= pawl_now());
}

TEST(queue, THR9_the_longest_deadlines_wait)
{
  EACH_KIND(kind, KIND_BOUNDED)
  {
    const pawl_time longest[] = {PAWL_FOREVER, PAWL_FOREVER - 1, pawl_after(INT64_MAX), pawl_after(PAWL_S(9223372035)),
                                 pawl_after(PAWL_S(4000000000))};
    for (size_t i = 0; i < sizeof(longest) / sizeof(longest[0]); i++) {
      struct fixture *f = fixture_open(kind, 1);
      struct call call;
      call_begin(&call, run_get, &f->queue, 0, longest[i]);
      call_wait_asleep(&call);
      put_ok(f, 1);
      CHECK_CODE(call_end(&call), 0);
      note_get(f, 1);
      put_ok(f, 2);
      call_begin(&call, run_put, &f->queue, 3, longest[i]);
      call_wait_asleep(&call);
      get_ok(f, 2);
      CHECK_CODE(call_end(&call), 0);
      if (kind->traits & KIND_TRACKED) {
        call_begin(&call, run_join, &f->queue, 0, longest[i]);
        call_wait_asleep(&call);
        for (int n = 0; n < 3; n++)
          CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
        CHECK_CODE(call_end(&call), 0);
      }
      fixture_close(f);
    }
  }
}
