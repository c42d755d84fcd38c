/* SPDX-License-Identifier: BSD-2-Clause */
/* test_queue_join.c - task_done, join and the count of unfinished items: exact under any order of calls. */
#include "kit.h"

#include <errno.h>

TEST(queue, QUE17_unfinished_is_puts_less_task_done)
{
  EACH_KIND(kind, KIND_TRACKED)
  {
    struct fixture *f = fixture_open(kind, 3);
    CHECK_EQ(pawl_queue_unfinished(&f->queue), 0);
    for (uint64_t lap = 0; lap < 300; lap++) {
      for (uint64_t i = 0; i < 3; i++) {
        put_ok(f, i);
        CHECK_EQ(pawl_queue_unfinished(&f->queue), i + 1);
      }
      if (kind->traits & KIND_BOUNDED) {
        CHECK_CODE(pawl_queue_put(&f->queue, 9, PAWL_NOWAIT), PAWL_FULL); /* does not count */
        CHECK_EQ(pawl_queue_unfinished(&f->queue), 3);
      }
      for (uint64_t i = 0; i < 3; i++) {
        (void)get_next(f);
        CHECK_EQ(pawl_queue_unfinished(&f->queue), 3 - i); /* a get does not count either */
        CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
        CHECK_EQ(pawl_queue_unfinished(&f->queue), 2 - i);
      }
    }
    fixture_close(f);
  }
}

TEST(queue, QUE15_task_done_may_come_before_the_get_and_from_any_thread)
{
  EACH_KIND(kind, KIND_TRACKED)
  {
    struct fixture *f = fixture_open(kind, 2);
    struct call call;
    fill(f, 0, 2);
    CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
    call_begin(&call, run_task_done, &f->queue, 0, PAWL_NOWAIT);
    CHECK_CODE(call_end(&call), 0);
    CHECK_EQ(pawl_queue_unfinished(&f->queue), 0);
    CHECK_CODE(pawl_queue_join(&f->queue, PAWL_NOWAIT), 0);
    take_out(f, 2);
    CHECK_CODE(pawl_queue_task_done(&f->queue), -ERANGE);
    fixture_close(f);
  }
}

TEST(queue, QUE15_one_call_too_many_is_an_error_and_changes_nothing)
{
  EACH_KIND(kind, KIND_TRACKED)
  {
    struct fixture *f = fixture_open(kind, 4);
    for (int lap = 0; lap < 3; lap++) {
      for (int i = 0; i < 3; i++)
        CHECK_CODE(pawl_queue_task_done(&f->queue), -ERANGE);
      CHECK_EQ(pawl_queue_unfinished(&f->queue), 0);
      fill(f, 0, 2);
      CHECK_EQ(pawl_queue_unfinished(&f->queue), 2);
      CHECK_CODE(pawl_queue_join(&f->queue, PAWL_NOWAIT), PAWL_TIMEOUT);
      CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
      CHECK_CODE(pawl_queue_join(&f->queue, PAWL_NOWAIT), PAWL_TIMEOUT);
      CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
      CHECK_CODE(pawl_queue_join(&f->queue, PAWL_NOWAIT), 0);
      take_out(f, 2);
    }
    fixture_close(f);
  }
}

TEST(queue, QUE15_the_last_task_done_wakes_every_joiner)
{
  EACH_KIND(kind, KIND_TRACKED)
  {
    enum { N = 5 };
    struct fixture *f = fixture_open(kind, 2);
    for (int round = 0; round < 2; round++) {
      struct call join[N];
      fill(f, 0, 2);
      calls_asleep(join, N, run_join, &f->queue, 0);
      CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
      take_out(f, 2);
      for (int i = 0; i < N; i++)
        call_wait_asleep(&join[i]); /* neither the gets nor the first task_done let them go */
      CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
      for (int i = 0; i < N; i++)
        CHECK_CODE(call_end(&join[i]), 0);
    }
    fixture_close(f);
  }
}

/* The count cannot run ahead: of all task_done calls, as many succeed as items were put, whatever the timing. */
struct tally {
  struct pawl_queue *queue;
  _Atomic uint64_t done;
  _Atomic bool stop;
};

static void hammer_task_done(void *arg)
{
  struct tally *tally = arg;
  while (!tally->stop) {
    int result = pawl_queue_task_done(tally->queue);
    if (result == 0)
      tally->done++;
    else
      CHECK_CODE(result, -ERANGE);
    CHECK(pawl_queue_unfinished(tally->queue) <= 1u << 20); /* it would be huge, had it run below zero */
  }
}

TEST(queue, QUE15_task_done_never_runs_ahead_of_the_puts)
{
  EACH_KIND(kind, KIND_TRACKED)
  {
    struct fixture *f = fixture_open(kind, 8);
    struct tally tally = {.queue = &f->queue};
    struct test_thread threads[2];
    uint64_t puts = 20000 / (uint64_t)test_scale();
    for (int i = 0; i < 2; i++)
      test_start(&threads[i], "task_done", hammer_task_done, &tally);
    for (uint64_t i = 0; i < puts; i++) {
      put_ok(f, i);
      (void)get_next(f);
    }
    CHECK_CODE(pawl_queue_join(&f->queue, PAWL_FOREVER), 0);
    tally.stop = true;
    for (int i = 0; i < 2; i++)
      test_join(&threads[i]);
    CHECK_EQ(tally.done, puts);
    CHECK_EQ(pawl_queue_unfinished(&f->queue), 0);
    fixture_close(f);
  }
}

TEST(queue, QUE16_join_returns_at_once_when_nothing_is_unfinished)
{
  EACH_KIND(kind, KIND_TRACKED)
  {
    struct fixture *f = fixture_open(kind, 1);
    CHECK_CODE(pawl_queue_join(&f->queue, PAWL_FOREVER), 0); /* never used */
    CHECK_CODE(pawl_queue_join(&f->queue, PAWL_NOWAIT), 0);
    CHECK_CODE(pawl_queue_join(&f->queue, -1), 0);
    put_ok(f, 1);
    CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
    CHECK_CODE(pawl_queue_join(&f->queue, PAWL_FOREVER), 0); /* although the item is still inside */
    CHECK_CODE(pawl_queue_join(&f->queue, PAWL_FOREVER), 0);
    fixture_close(f);
  }
}

TEST(queue, QUE16_join_counts_puts_not_gets_and_says_timeout)
{
  EACH_KIND(kind, KIND_TRACKED)
  {
    struct fixture *f = fixture_open(kind, 1);
    put_ok(f, 1);
    get_ok(f, 1);
    CHECK(pawl_queue_was_empty(&f->queue));
    CHECK_CODE(pawl_queue_join(&f->queue, PAWL_NOWAIT), PAWL_TIMEOUT);
    CHECK_CODE(pawl_queue_join(&f->queue, -1), PAWL_TIMEOUT);
    pawl_time until = pawl_after(PAWL_MS(5));
    CHECK_CODE(pawl_queue_join(&f->queue, until), PAWL_TIMEOUT);
    CHECK_GE(pawl_now(), until);
    CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
    CHECK_CODE(pawl_queue_join(&f->queue, PAWL_NOWAIT), 0);
    fixture_close(f);
  }
}

/*
 * A put between the last task_done and the joiner's waking keeps the joiner waiting. The joiner may also have seen the
 * zero and returned, which is right too; but not every time, since the put follows at once.
 */
TEST(queue, QUE16_a_put_before_the_joiner_wakes_keeps_it_waiting)
{
  EACH_KIND(kind, KIND_TRACKED)
  {
    int kept = 0;
    struct fixture *f = fixture_open(kind, 1);
    for (int round = 0; round < 500 && kept == 0; round++) {
      struct call join;
      put_ok(f, 1);
      get_ok(f, 1);
      call_begin(&join, run_join, &f->queue, 0, PAWL_FOREVER);
      call_wait_asleep(&join);
      CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
      put_ok(f, 2);
      nanosleep(&(struct timespec){0, 200000}, NULL); /* time to return wrongly; without it the test could only pass more */
      kept += !call_has_returned(&join);
      CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
      CHECK_CODE(call_end(&join), 0);
      get_ok(f, 2);
    }
    CHECK_GE(kept, 1);
    fixture_close(f);
  }
}

static void worker(void *arg)
{
  struct pawl_queue *queue = arg;
  uint64_t item;
  while (pawl_queue_get(queue, &item, PAWL_FOREVER) == 0)
    CHECK_CODE(pawl_queue_task_done(queue), 0);
}

static void joiner(void *arg)
{
  struct tally *tally = arg;
  while (!tally->stop)
    CHECK_CODE(pawl_queue_join(tally->queue, PAWL_FOREVER), 0);
}

TEST(queue, QUE16_many_joiners_again_and_again)
{
  EACH_KIND(kind, KIND_TRACKED | KIND_MANY)
  {
    struct fixture *f = fixture_open(kind, 5);
    struct tally tally = {.queue = &f->queue};
    struct test_thread workers[2], joiners[2];
    for (int i = 0; i < 2; i++) {
      test_start(&workers[i], "worker", worker, &f->queue);
      test_start(&joiners[i], "joiner", joiner, &tally);
    }
    for (uint64_t i = 0; i < 2000 / (uint64_t)test_scale(); i++) {
      for (uint64_t n = 0; n < i % 7; n++)
        CHECK_CODE(pawl_queue_put(&f->queue, i, PAWL_FOREVER), 0);
      CHECK_CODE(pawl_queue_join(&f->queue, PAWL_FOREVER), 0);
      CHECK_EQ(pawl_queue_unfinished(&f->queue), 0);
      CHECK_EQ(pawl_queue_was_size(&f->queue), 0);
    }
    tally.stop = true;
    for (int i = 0; i < 2; i++)
      test_join(&joiners[i]);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
    for (int i = 0; i < 2; i++)
      test_join(&workers[i]);
    fixture_close(f);
  }
}

TEST(queue, QUE15_QUE16_an_untracked_queue_says_so)
{
  EACH_KIND(kind, 0)
  {
    if (kind->traits & KIND_TRACKED)
      continue;
    struct fixture *f = fixture_open(kind, 2);
    CHECK_CODE(pawl_queue_task_done(&f->queue), PAWL_STATE);
    CHECK_CODE(pawl_queue_join(&f->queue, PAWL_FOREVER), PAWL_STATE);
    put_ok(f, 1);
    CHECK_CODE(pawl_queue_task_done(&f->queue), PAWL_STATE);
    CHECK_CODE(pawl_queue_join(&f->queue, PAWL_NOWAIT), PAWL_STATE);
    fixture_close(f);
  }
}
