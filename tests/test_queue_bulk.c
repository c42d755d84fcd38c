/* SPDX-License-Identifier: BSD-2-Clause */
/* test_queue_bulk.c - put_many and get_many: order, partial success, counting, and that they wake as many as they serve. */
#include "kit.h"

#include <errno.h>

static uint64_t numbers[5000];

static void note_puts(struct fixture *f, const uint64_t *items, size_t n)
{
  for (size_t i = 0; i < n; i++)
    note_put(f, items[i]);
}

static void note_gets(struct fixture *f, const uint64_t *items, size_t n)
{
  for (size_t i = 0; i < n; i++)
    note_get(f, items[i]);
}

static const uint64_t *counted(void)
{
  for (uint64_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
    numbers[i] = i;
  return numbers;
}

struct bulk {
  uint64_t items[64];
  size_t n, done;
};

static int run_put_many(struct call *call)
{
  struct bulk *bulk = call->more;
  return pawl_queue_put_many(call->object, bulk->items, bulk->n, &bulk->done, call->until);
}

static int run_get_many(struct call *call)
{
  struct bulk *bulk = call->more;
  return pawl_queue_get_many(call->object, bulk->items, bulk->n, &bulk->done, call->until);
}

static void begin_bulk(struct call *call, int (*run)(struct call *), struct fixture *f, struct bulk *bulk, size_t n)
{
  for (size_t i = 0; i < n; i++)
    bulk->items[i] = 100 + i;
  bulk->n = n;
  bulk->done = 999;
  call->more = bulk;
  call_begin(call, run, &f->queue, 0, PAWL_FOREVER);
}

TEST(queue, QUE34_all_go_in_and_come_out_in_order)
{
  const uint64_t *in = counted();
  EACH_KIND(kind, 0)
  {
    enum { N = 1500 };
    struct fixture *f = fixture_open(kind, N);
    uint64_t out[N + 1];
    size_t done = 7;
    for (int lap = 0; lap < 4; lap++) {
      CHECK_CODE(pawl_queue_put_many(&f->queue, in, N - 100, &done, PAWL_NOWAIT), 0);
      CHECK_EQ(done, N - 100);
      CHECK_CODE(pawl_queue_put_many(&f->queue, in + N - 100, 100, NULL, PAWL_NOWAIT), 0);
      note_puts(f, in, N);
      CHECK_EQ(pawl_queue_was_size(&f->queue), N);
      if (kind->traits & KIND_TRACKED)
        CHECK_EQ(pawl_queue_unfinished(&f->queue), N * ((uint64_t)lap + 1));
      size_t at = 0;
      for (size_t want = 1; at < N; want = want * 3 + 1) {
        CHECK_CODE(pawl_queue_get_many(&f->queue, out + at, want < N + 1 - at ? want : N + 1 - at, &done, PAWL_NOWAIT), 0);
        CHECK(done >= 1);
        CHECK_EQ(done, want < N - at ? want : N - at); /* all that is there, up to n */
        at += done;
      }
      note_gets(f, out, N);
    }
    fixture_close(f);
  }
}

TEST(queue, QUE34_part_of_a_bulk_goes_in_and_the_rest_stays_the_callers)
{
  const uint64_t *in = counted();
  EACH_KIND(kind, KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 3);
    size_t done = 99;
    CHECK_CODE(pawl_queue_put_many(&f->queue, in, 5, &done, PAWL_NOWAIT), PAWL_FULL);
    CHECK_EQ(done, 3);
    note_puts(f, in, 3);
    CHECK_EQ(pawl_queue_was_size(&f->queue), 3);
    if (kind->traits & KIND_TRACKED)
      CHECK_EQ(pawl_queue_unfinished(&f->queue), 3);
    pawl_time until = pawl_after(PAWL_MS(2));
    CHECK_CODE(pawl_queue_put_many(&f->queue, in + done, 2, &done, until), PAWL_FULL);
    CHECK_GE(pawl_now(), until);
    CHECK_EQ(done, 0);
    (void)get_next(f);
    CHECK_CODE(pawl_queue_put_many(&f->queue, in + 3, 2, &done, -1), PAWL_FULL);
    CHECK_EQ(done, 1);
    note_puts(f, in + 3, 1);
    take_out(f, 3);
    if (kind->traits & KIND_TRACKED) {
      for (int i = 0; i < 4; i++)
        CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
      CHECK_CODE(pawl_queue_task_done(&f->queue), -ERANGE);
    }
    fixture_close(f);
  }
}

TEST(queue, QUE34_nothing_asked_is_nothing_done)
{
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 1);
    uint64_t item = 5;
    size_t done = 9;
    CHECK_CODE(pawl_queue_get_many(&f->queue, &item, 0, &done, PAWL_FOREVER), 0);
    CHECK_EQ(done, 0);
    put_ok(f, 1);
    done = 9;
    CHECK_CODE(pawl_queue_put_many(&f->queue, &item, 0, &done, PAWL_FOREVER), 0);
    CHECK_EQ(done, 0);
    CHECK_CODE(pawl_queue_get_many(&f->queue, &item, 0, &done, PAWL_FOREVER), 0);
    CHECK_EQ(item, 5);
    get_ok(f, 1);
    done = 9;
    CHECK_CODE(pawl_queue_get_many(&f->queue, &item, 1, &done, PAWL_NOWAIT), PAWL_EMPTY);
    CHECK_EQ(done, 0);
    done = 9;
    CHECK_CODE(pawl_queue_get_many(&f->queue, &item, 1, &done, pawl_after(PAWL_MS(1))), PAWL_EMPTY);
    CHECK_EQ(done, 0);
    CHECK_EQ(item, 5);
    fixture_close(f);
  }
}

TEST(queue, QUE34_a_bulk_put_waits_for_room_item_by_item)
{
  EACH_KIND(kind, KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 2);
    struct call call;
    struct bulk bulk;
    begin_bulk(&call, run_put_many, f, &bulk, 6);
    call_wait_asleep(&call);
    CHECK_EQ(pawl_queue_was_size(&f->queue), 2);
    note_puts(f, bulk.items, 2);
    for (int i = 2; i < 5; i++) {
      (void)get_next(f);
      EVENTUALLY(pawl_queue_was_size(&f->queue) == 2);
      note_put(f, bulk.items[i]);
    }
    call_wait_asleep(&call);
    (void)get_next(f);
    CHECK_CODE(call_end(&call), 0);
    CHECK_EQ(bulk.done, 6);
    note_put(f, bulk.items[5]);
    take_out(f, 2);
    fixture_close(f);
  }
}

TEST(queue, QUE34_a_bulk_get_waits_for_one_and_takes_what_is_there)
{
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 9);
    struct call call;
    struct bulk bulk;
    begin_bulk(&call, run_get_many, f, &bulk, 8);
    call_wait_asleep(&call);
    put_ok(f, 1);
    CHECK_CODE(call_end(&call), 0);
    CHECK_EQ(bulk.done, 1);
    note_gets(f, bulk.items, 1);
    CHECK_EQ(bulk.items[1], 101); /* beyond *done nothing is written */
    fixture_close(f);
  }
}

TEST(queue, QUE34_QUE19_shutdown_ends_a_bulk_put_midway)
{
  EACH_KIND(kind, KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 2);
    struct call call;
    struct bulk bulk;
    begin_bulk(&call, run_put_many, f, &bulk, 6);
    call_wait_asleep(&call);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
    note_puts(f, bulk.items, 2);
    (void)get_next(f);
    CHECK_CODE(call_end(&call), PAWL_SHUTDOWN);
    CHECK_EQ(bulk.done, 2);
    (void)get_next(f);
    uint64_t item;
    CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_NOWAIT), PAWL_SHUTDOWN);
    size_t done = 9;
    CHECK_CODE(pawl_queue_put_many(&f->queue, bulk.items, 3, &done, PAWL_NOWAIT), PAWL_SHUTDOWN);
    CHECK_EQ(done, 0);
    fixture_close(f);
  }
}

TEST(queue, QUE34_QUE20_a_bulk_get_takes_the_rest_then_says_shutdown)
{
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 5);
    uint64_t out[8] = {0};
    size_t done = 9;
    fill(f, 0, 5);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
    CHECK_CODE(pawl_queue_get_many(&f->queue, out, 3, &done, PAWL_FOREVER), 0);
    CHECK_EQ(done, 3);
    CHECK_CODE(pawl_queue_get_many(&f->queue, out + 3, 5, &done, PAWL_FOREVER), 0);
    CHECK_EQ(done, 2);
    note_gets(f, out, 5);
    CHECK_CODE(pawl_queue_get_many(&f->queue, out, 3, &done, PAWL_FOREVER), PAWL_SHUTDOWN);
    CHECK_EQ(done, 0);
    fixture_close(f);
  }
}

TEST(queue, QUE34_a_bulk_wakes_as_many_as_it_serves)
{
  EACH_KIND(kind, KIND_BOUNDED | KIND_MANY)
  {
    enum { N = 4 };
    struct fixture *f = fixture_open(kind, N);
    struct call call[N];
    uint64_t items[N] = {1, 2, 3, 4}, sum = 0;
    size_t done = 0;
    calls_asleep(call, N, run_get, &f->queue, 0);
    CHECK_CODE(pawl_queue_put_many(&f->queue, items, N, &done, PAWL_NOWAIT), 0);
    for (int i = 0; i < N; i++) {
      CHECK_CODE(call_end(&call[i]), 0);
      sum += call[i].item;
    }
    CHECK_EQ(sum, 10);
    note_empty(f);
    fill(f, 10, N);
    calls_asleep(call, N, run_put, &f->queue, 0);
    CHECK_CODE(pawl_queue_get_many(&f->queue, items, N, &done, PAWL_NOWAIT), 0);
    CHECK_EQ(done, N);
    for (int i = 0; i < N; i++)
      CHECK_CODE(call_end(&call[i]), 0);
    CHECK_EQ(pawl_queue_was_size(&f->queue), N);
    fixture_close(f);
  }
}

/* --- bulks against bulks --- */

struct traffic {
  struct pawl_queue *queue;
  _Atomic uint64_t next, got, sum;
  uint64_t items;
};

static void bulk_putter(void *arg)
{
  struct traffic *traffic = arg;
  uint64_t items[17], seed = (uintptr_t)&items | 1;
  for (;;) {
    size_t n = 1 + test_random(&seed) % 17, done = 0;
    uint64_t first = atomic_fetch_add(&traffic->next, n);
    for (size_t i = 0; i < n; i++)
      items[i] = first + i < traffic->items ? first + i : 0;
    CHECK_CODE(pawl_queue_put_many(traffic->queue, items, n, &done, PAWL_FOREVER), 0);
    CHECK_EQ(done, n);
    if (first + n >= traffic->items)
      return;
  }
}

static void bulk_getter(void *arg)
{
  struct traffic *traffic = arg;
  uint64_t items[13];
  size_t done;
  while (pawl_queue_get_many(traffic->queue, items, 13, &done, PAWL_FOREVER) == 0) {
    CHECK(done >= 1 && done <= 13);
    for (size_t i = 0; i < done; i++)
      traffic->sum += items[i];
    traffic->got += done;
  }
}

TEST(queue, QUE34_bulks_lose_nothing_under_traffic)
{
  EACH_KIND(kind, KIND_MANY)
  {
    struct fixture *f = fixture_open(kind, 7);
    struct traffic traffic = {.queue = &f->queue, .items = 8000 / (uint64_t)test_scale()};
    struct test_thread putters[2], getters[2];
    for (int i = 0; i < 2; i++) {
      test_start(&putters[i], "bulk putter", bulk_putter, &traffic);
      test_start(&getters[i], "bulk getter", bulk_getter, &traffic);
    }
    for (int i = 0; i < 2; i++)
      test_join(&putters[i]);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
    for (int i = 0; i < 2; i++)
      test_join(&getters[i]);
    CHECK_EQ(traffic.got, traffic.next);
    CHECK_EQ(traffic.sum, traffic.items * (traffic.items - 1) / 2);
    fixture_close(f);
  }
}
