/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_lifo.c - the LIFO core alone, in one thread, beside an array; and the pool below it: nodes go from thread to thread, those
 * of an ended thread go back, and somebody who sleeps inside an operation retains few.
 */
#include "kit.h"

#include "lifo.h"

enum { MOST = 1000, SMALL = 32 * 1024 /* bytes: some slabs per thread */ };

static const int64_t unbounded;

static int put(struct lifo *l, const int64_t *maxsize, uint64_t item)
{
  return lifo_try_put(l, maxsize, reclaim_self(), item, NULL, NULL);
}

static int get(struct lifo *l, uint64_t *item)
{
  return lifo_try_get(l, reclaim_self(), item);
}

TEST(lifo, QUE2_most_recently_added_first)
{
  static uint64_t array[MOST];
  struct lifo *l = lifo_new();
  uint64_t random = 1, item = 0, seen = 1;
  size_t n = 0;
  bool growing = true;
  for (uint64_t step = 0; step < 20000; step++) {
    if (n == 0 || n == MOST)
      growing = n == 0;
    if (n == 0 || (n < MOST && test_random(&random) % 3 < (growing ? 2 : 1))) {
      CHECK_CODE(put(l, &unbounded, step), 0);
      array[n++] = step;
    } else {
      CHECK_CODE(lifo_peek(l, reclaim_self(), &seen), 0);
      CHECK_CODE(get(l, &item), 0);
      CHECK_EQ(item, array[--n]);
      CHECK_EQ(seen, item);
    }
    CHECK_EQ(lifo_was_size(l, reclaim_self()), n);
    CHECK(step % 50 != 0 || lifo_is_valid(l));
  }
  while (n > 0) {
    CHECK_CODE(get(l, &item), 0);
    CHECK_EQ(item, array[--n]);
  }
  CHECK_CODE(get(l, &item), PAWL_EMPTY);
  CHECK_CODE(lifo_peek(l, reclaim_self(), &item), PAWL_EMPTY);
  pool_trim(&l->pool, reclaim_self());
  CHECK_EQ(l->pool.bytes, sizeof(struct pool_lane));
  lifo_free(l);
}

TEST(lifo, the_bound_is_exact_and_closing_ends_puts)
{
  struct lifo *l = lifo_new();
  int64_t maxsize = 2;
  uint64_t item = 0;
  CHECK_CODE(put(l, &maxsize, 1), 0);
  CHECK_CODE(put(l, &maxsize, 2), 0);
  CHECK_CODE(put(l, &maxsize, 3), PAWL_FULL);
  maxsize = 3;
  CHECK_CODE(put(l, &maxsize, 3), 0);
  top_close(&l->top);
  CHECK_CODE(put(l, &unbounded, 4), PAWL_SHUTDOWN);
  for (uint64_t i = 3; i > 0; i--) {
    CHECK_CODE(get(l, &item), 0);
    CHECK_EQ(item, i);
  }
  CHECK_CODE(get(l, &item), PAWL_SHUTDOWN);
  CHECK_CODE(put(l, &unbounded, 4), PAWL_SHUTDOWN);
  CHECK_CODE(lifo_peek(l, reclaim_self(), &item), PAWL_SHUTDOWN);
  lifo_free(l);
}

static uint64_t dropped_sum;

static void add_dropped(void *ctx, uint64_t item)
{
  (void)ctx;
  dropped_sum += item;
}

/* A FIFO in the same group of slots fills one of them: what the thread knew of the top must be forgotten, for the node may be used
 * again from now on, and even come to stand in a slot once more. */
TEST(lifo, the_top_is_not_known_any_more_when_a_slot_was_filled_elsewhere)
{
  struct lifo *l = lifo_new();
  struct reclaim_group *g = pool_group(&l->pool, reclaim_self());
  for (unsigned slot = 0; slot < 2; slot++) {
    uint64_t item = 0;
    void *elsewhere = &item, *top;
    CHECK_CODE(put(l, &unbounded, 1), 0);
    CHECK_CODE(lifo_quick_put(l, &unbounded, reclaim_self(), 2, NULL, false), QUICK_THROUGH);
    top = top_node(l->top);
    (void)reclaim_protect(g, slot, &elsewhere);
    (void)reclaim_protect(g, slot, &top); /* lies where the node lay */
    CHECK_CODE(lifo_quick_get(l, reclaim_self(), &item), QUICK_UNUSUAL);
    CHECK_CODE(get(l, &item), 0);
    CHECK_EQ(item, 2);
    CHECK_CODE(get(l, &item), 0);
  }
  lifo_free(l);
}

TEST(lifo, a_drain_takes_everything)
{
  struct lifo *l = lifo_new();
  for (uint64_t i = 0; i < 500; i++)
    CHECK_CODE(put(l, &unbounded, i), 0);
  CHECK_EQ(lifo_drain(l, reclaim_self(), add_dropped, NULL), 500);
  CHECK_EQ(dropped_sum, 500 * 499 / 2);
  CHECK_EQ(lifo_drain(l, reclaim_self(), add_dropped, NULL), 0);
  CHECK_EQ(lifo_was_size(l, reclaim_self()), 0);
  pool_trim(&l->pool, reclaim_self());
  CHECK_EQ(l->pool.bytes, sizeof(struct pool_lane));
  lifo_free(l);
}

TEST(lifo, without_memory_puts_fail_and_change_nothing)
{
  hook_install();
  struct lifo *l = lifo_new();
  uint64_t item = 0, n = 1;
  CHECK_CODE(put(l, &unbounded, 0), 0);
  hook_fail(0, true);
  while (put(l, &unbounded, n) == 0)
    n++;
  CHECK_CODE(put(l, &unbounded, n), -ENOMEM);
  CHECK_EQ(lifo_was_size(l, reclaim_self()), n);
  CHECK(lifo_is_valid(l));
  while (n-- > 0) {
    CHECK_CODE(get(l, &item), 0);
    CHECK_EQ(item, n);
  }
  CHECK_CODE(put(l, &unbounded, 7), 0);
  hook_fail(-1, false);
  lifo_free(l);
}

/* ---- the pool */

struct traffic {
  struct lifo *lifo;
  uint64_t rounds;
  _Atomic int gate; /* 0: not inside; 1: inside; 2: may go on */
};

static void get_rounds(void *arg)
{
  struct traffic *t = arg;
  uint64_t item;
  for (uint64_t got = 0; got < t->rounds;)
    if (get(t->lifo, &item) == 0)
      got++;
    else
      kit_pause();
}

/* One who only puts and one who only gets: magazines of free nodes come back by the depot. */
TEST(pool, nodes_come_back_from_a_thread_that_only_gets)
{
  const int64_t maxsize = 200;
  struct traffic t = {.lifo = lifo_new(), .rounds = 50000};
  struct test_thread thread;
  test_start(&thread, "gets", get_rounds, &t);
  for (uint64_t i = 0; i < t.rounds;)
    if (put(t.lifo, &maxsize, i) == 0)
      i++;
    else
      kit_pause();
  test_join(&thread);
  CHECK_LE(t.lifo->pool.bytes, SMALL);
  CHECK(t.lifo->pool.bytes > 2 * sizeof(struct pool_lane));
  pool_trim(&t.lifo->pool, reclaim_self()); /* takes the lane of the thread that has ended */
  CHECK_EQ(t.lifo->pool.bytes, 2 * sizeof(struct pool_lane));
  lifo_free(t.lifo);
}

static void sleep_inside(void *arg)
{
  struct traffic *t = arg;
  struct pool_hand hand;
  uint64_t item;
  CHECK_CODE(put(t->lifo, &unbounded, 1), 0);
  CHECK_CODE(get(t->lifo, &item), 0);
  CHECK(pool_enter(&hand, &t->lifo->pool, reclaim_self()));
  pool_guard(&hand);
  (void)top_protect(hand.hazard, &t->lifo->top);
  t->gate = 1;
  EVENTUALLY(t->gate == 2);
  pool_unguard(&hand);
  t->gate = 3;
  EVENTUALLY(t->gate == 4);
}

/* Memory stays small while it sleeps; nothing is freed under its hands; afterwards only what its lane has is kept. */
TEST(pool, somebody_asleep_inside_an_operation_retains_little)
{
  struct traffic t = {.lifo = lifo_new()};
  struct test_thread thread;
  uint64_t item;
  CHECK_CODE(put(t.lifo, &unbounded, 1), 0);
  test_start(&thread, "sleeps", sleep_inside, &t);
  EVENTUALLY(t.gate == 1);
  for (uint64_t i = 0; i < 100000; i++) {
    CHECK_CODE(put(t.lifo, &unbounded, i), 0);
    CHECK_CODE(get(t.lifo, &item), 0);
  }
  for (uint64_t i = 0; i < 300; i++)
    CHECK_CODE(put(t.lifo, &unbounded, i), 0);
  for (uint64_t i = 0; i < 301; i++)
    CHECK_CODE(get(t.lifo, &item), 0);
  CHECK_LE(t.lifo->pool.bytes, SMALL);
  uint64_t before = t.lifo->pool.bytes;
  pool_trim(&t.lifo->pool, reclaim_self());
  CHECK_EQ(t.lifo->pool.bytes, before);
  t.gate = 2;
  EVENTUALLY(t.gate == 3);
  pool_trim(&t.lifo->pool, reclaim_self());
  CHECK(t.lifo->pool.bytes > 2 * sizeof(struct pool_lane)); /* it lives */
  CHECK_LE(t.lifo->pool.bytes, before);
  t.gate = 4;
  test_join(&thread);
  pool_trim(&t.lifo->pool, reclaim_self());
  CHECK_EQ(t.lifo->pool.bytes, 2 * sizeof(struct pool_lane));
  lifo_free(t.lifo);
}
