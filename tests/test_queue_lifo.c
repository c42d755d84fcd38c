/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_queue_lifo.c - PAWL_LIFO: the newest item first. What it has in common with the other orders is proven by the tests
 * that go over all kinds (EACH_KIND); here stands what only a stack does.
 */
#include "kit.h"

#include <errno.h>

#define EACH_LIFO(kind) EACH_KIND(kind, KIND_LIFO)

TEST(queue, QUE2_the_newest_item_leaves_first)
{
  EACH_LIFO(kind)
  {
    enum { N = 3000 };
    struct fixture *f = fixture_open(kind, N);
    for (int lap = 0; lap < 3; lap++) {
      fill(f, 0, N);
      for (uint64_t i = N; i > 0; i--)
        get_ok(f, i - 1);
    }
    fixture_close(f);
  }
}

TEST(queue, QUE2_what_comes_later_goes_on_top)
{
  EACH_LIFO(kind)
  {
    struct fixture *f = fixture_open(kind, 4);
    fill(f, 1, 3);
    get_ok(f, 3);
    put_ok(f, 4);
    get_ok(f, 4);
    get_ok(f, 2);
    fill(f, 5, 2);
    get_ok(f, 6);
    get_ok(f, 5);
    get_ok(f, 1);
    fixture_close(f);
  }
}

TEST(queue, QUE2_a_full_stack_takes_one_for_each_that_leaves)
{
  EACH_KIND(kind, KIND_LIFO | KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 3);
    fill(f, 0, 3);
    for (uint64_t i = 3; i < 10; i++) {
      CHECK_CODE(pawl_queue_put(&f->queue, i, PAWL_NOWAIT), PAWL_FULL);
      get_ok(f, i - 1);
      put_ok(f, i);
    }
    get_ok(f, 9);
    get_ok(f, 1);
    get_ok(f, 0);
    fixture_close(f);
  }
}

TEST(queue, QUE2_QUE34_a_bulk_comes_back_newest_first)
{
  EACH_LIFO(kind)
  {
    static const uint64_t in[] = {1, 2, 3, 4, 5};
    struct fixture *f = fixture_open(kind, 5);
    uint64_t out[9] = {0};
    size_t done = 0;
    CHECK_CODE(pawl_queue_put_many(&f->queue, in, 5, &done, PAWL_NOWAIT), 0);
    CHECK_CODE(pawl_queue_get_many(&f->queue, out, 2, &done, PAWL_NOWAIT), 0);
    CHECK_CODE(pawl_queue_get_many(&f->queue, out + 2, 7, &done, PAWL_NOWAIT), 0);
    CHECK_EQ(done, 3);
    for (uint64_t i = 0; i < 5; i++)
      CHECK_EQ(out[i], 5 - i);
    fixture_close(f);
  }
}

/* A putter that waits for room gets its item on top of what is there then. */
TEST(queue, QUE2_QUE4_the_item_of_a_putter_that_waited_is_the_newest)
{
  EACH_KIND(kind, KIND_LIFO | KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 2);
    struct call put;
    fill(f, 1, 2);
    call_begin(&put, run_put, &f->queue, 3, PAWL_FOREVER);
    call_wait_asleep(&put);
    get_ok(f, 2);
    CHECK_CODE(call_end(&put), 0);
    note_put(f, 3);
    get_ok(f, 3);
    get_ok(f, 1);
    fixture_close(f);
  }
}

/*
 * A few items go round among many threads, which take and put back in any order and are stopped by signals anywhere: the nodes
 * of a stack come back to its top as fast as can be, which is where a compare-and-swap that looks at an address alone would
 * go wrong. Whoever got an item holds it alone.
 */
enum { ROUND_ITEMS = 4, ROUND_THREADS = 4 };

struct roundabout {
  struct pawl_queue *queue;
  _Atomic int held[ROUND_ITEMS];
  _Atomic int working;
  uint64_t turns;
};

static void take_one(struct roundabout *r, uint64_t *mine, size_t *n)
{
  uint64_t item;
  if (pawl_queue_get(r->queue, &item, PAWL_NOWAIT) != 0)
    return;
  CHECK(item < ROUND_ITEMS);
  CHECK_EQ(atomic_fetch_add(&r->held[item], 1), 0);
  mine[(*n)++] = item;
}

static void put_one_back(struct roundabout *r, uint64_t *mine, size_t *n)
{
  uint64_t item = mine[--*n];
  CHECK_EQ(atomic_fetch_sub(&r->held[item], 1), 1);
  CHECK_CODE(pawl_queue_put(r->queue, item, PAWL_NOWAIT), 0);
}

static void go_round(void *arg)
{
  struct roundabout *r = arg;
  uint64_t mine[2], seed = (uintptr_t)&mine | 1;
  size_t n = 0;
  for (uint64_t i = 0; i < r->turns; i++) {
    if (n == 0 || (n == 1 && test_random(&seed) >> 20 & 1))
      take_one(r, mine, &n);
    else
      put_one_back(r, mine, &n);
  }
  while (n > 0)
    put_one_back(r, mine, &n);
  r->working--;
}

TEST(queue, QUE2_items_that_go_round_are_held_by_one_thread_each)
{
  EACH_KIND(kind, KIND_MANY | KIND_NODES) /* the heap's nodes go round too */
  {
    struct fixture *f = fixture_open(kind, ROUND_ITEMS);
    struct roundabout r = {.queue = &f->queue, .working = ROUND_THREADS, .turns = 100000 / (uint64_t)test_scale()};
    struct test_thread threads[ROUND_THREADS];
    uint64_t item, sum = 0;
    fill(f, 0, ROUND_ITEMS);
    for (int i = 0; i < ROUND_THREADS; i++)
      test_start(&threads[i], "roundabout", go_round, &r);
    disturb(threads, ROUND_THREADS, &r.working);
    for (int i = 0; i < ROUND_THREADS; i++)
      test_join(&threads[i]);
    CHECK_EQ(pawl_queue_was_size(&f->queue), ROUND_ITEMS);
    while (pawl_queue_get(&f->queue, &item, PAWL_NOWAIT) == 0)
      sum += UINT64_C(1) << 8 * item;
    CHECK_EQ(sum, 0x01010101); /* each once */
    fixture_close(f);
  }
}
