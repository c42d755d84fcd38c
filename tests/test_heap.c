/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_heap.c - the priority core alone, in one thread, beside a naive list: order, sizes, peek, bounds, its invariants after
 * every step, memory that fails and memory that goes back. test_heap_small.c has the same with small chunks.
 */
#include "kit.h"

#include "heap_valid.h"

#ifndef SUITE
#define SUITE heap
#endif
#define HEAP_TEST_(suite, name) TEST(suite, name)
#define HEAP_TEST(name) HEAP_TEST_EXPANDED_(SUITE, name)
#define HEAP_TEST_EXPANDED_(suite, name) HEAP_TEST_(suite, name)

enum { MOST = 1500 };

/* The naive list: entries in the order of their puts. */
static struct {
  int64_t key[MOST];
  uint64_t item[MOST];
  size_t n;
} list;

static const int64_t unbounded;

static size_t list_lowest(void)
{
  size_t lowest = 0;
  for (size_t i = 1; i < list.n; i++)
    if (list.key[i] < list.key[lowest])
      lowest = i;
  return lowest;
}

static void list_remove(size_t at)
{
  list.n--;
  memmove(&list.key[at], &list.key[at + 1], (list.n - at) * sizeof list.key[0]);
  memmove(&list.item[at], &list.item[at + 1], (list.n - at) * sizeof list.item[0]);
}

static void put_both(struct heap *h, int64_t key, uint64_t item)
{
  CHECK_CODE(heap_try_put(h, &unbounded, reclaim_self(), key, item, NULL, NULL), 0);
  list.key[list.n] = key;
  list.item[list.n++] = item;
}

static void get_both(struct heap *h)
{
  int64_t key = 1, seen_key = 2;
  uint64_t item = 3, seen = 4;
  size_t lowest = list_lowest();
  CHECK_CODE(heap_peek(h, reclaim_self(), &seen_key, &seen), 0);
  CHECK_CODE(heap_try_get(h, reclaim_self(), &key, &item), 0);
  CHECK_EQ(key, list.key[lowest]);
  CHECK_EQ(item, list.item[lowest]);
  CHECK_EQ(seen_key, key);
  CHECK_EQ(seen, item);
  list_remove(lowest);
}

static void both_agree(struct heap *h)
{
  CHECK_EQ(heap_was_size(h, reclaim_self()), list.n);
  CHECK(heap_is_valid(h));
}

enum keys { KEYS_EQUAL, KEYS_FEW, KEYS_MANY, KEYS_ASCENDING, KEYS_DESCENDING, KEYS_HELD, KEYS };

/* KEYS_HELD: a little above the last one that was got, as in a simulation by events. */
static int64_t draw(enum keys keys, uint64_t *random, uint64_t step)
{
  switch (keys) {
  case KEYS_EQUAL:
    return 7;
  case KEYS_FEW:
    return (int64_t)(test_random(random) % 3) - 1;
  case KEYS_MANY:
    return (int64_t)test_random(random);
  case KEYS_ASCENDING:
    return INT64_MAX - 10000000 + (int64_t)step;
  case KEYS_DESCENDING:
    return INT64_MIN + 10000000 - (int64_t)step;
  default:
    return (list.n > 0 ? list.key[list_lowest()] : 0) + (int64_t)(test_random(random) % 100);
  }
}

/* Grows to `most`, shrinks to nothing, and again: puts are likelier than gets by 2 to 1 or the other way round. */
static void run_beside_list(enum keys keys, size_t most, uint64_t first, uint64_t steps)
{
  struct heap *h = heap_new(first);
  uint64_t random = 88172645463325252u + keys;
  bool growing = true;
  list.n = 0;
  for (uint64_t step = 0; step < steps; step++) {
    if (list.n == 0 || list.n == most)
      growing = list.n == 0;
    if (list.n == 0 || (list.n < most && test_random(&random) % 3 < (growing ? 2 : 1)))
      put_both(h, draw(keys, &random, step), step);
    else
      get_both(h);
    both_agree(h);
  }
  while (list.n > 0)
    get_both(h);
  both_agree(h);
  pool_trim(&h->pool, reclaim_self());
  CHECK_EQ(h->pool.bytes, sizeof(struct pool_lane));
  heap_free(h);
}

HEAP_TEST(QUE3_lowest_key_first_and_equal_keys_in_the_order_of_their_puts)
{
  for (enum keys keys = 0; keys < KEYS; keys++) {
    run_beside_list(keys, 3, 0, 500);
    run_beside_list(keys, 40, 0, 2000);
    run_beside_list(keys, MOST, 0, 6000);
  }
}

HEAP_TEST(equal_keys_keep_their_order_when_sequences_wrap)
{
  run_beside_list(KEYS_EQUAL, MOST, UINT64_MAX - 100, 3000);
  run_beside_list(KEYS_FEW, MOST, UINT64_MAX - 100, 3000);
}

HEAP_TEST(the_bound_is_exact_and_closing_ends_puts)
{
  struct heap *h = heap_new(0);
  int64_t maxsize = 3, key = 0;
  uint64_t item = 0;
  CHECK_CODE(heap_peek(h, reclaim_self(), NULL, &item), PAWL_EMPTY);
  for (int i = 0; i < 3; i++)
    CHECK_CODE(heap_try_put(h, &maxsize, reclaim_self(), -i, 10, NULL, NULL), 0);
  CHECK_CODE(heap_try_put(h, &maxsize, reclaim_self(), -9, 10, NULL, NULL), PAWL_FULL);
  maxsize = 0;
  CHECK_CODE(heap_try_put(h, &maxsize, reclaim_self(), 9, 10, NULL, NULL), 0);
  top_close(&h->top);
  CHECK_CODE(heap_try_put(h, &maxsize, reclaim_self(), 9, 10, NULL, NULL), PAWL_SHUTDOWN);
  for (int i = 0; i < 4; i++)
    CHECK_CODE(heap_try_get(h, reclaim_self(), &key, &item), 0);
  CHECK_EQ(key, 9);
  CHECK_CODE(heap_peek(h, reclaim_self(), NULL, &item), PAWL_SHUTDOWN);
  CHECK_CODE(heap_try_get(h, reclaim_self(), NULL, &item), PAWL_SHUTDOWN);
  CHECK_CODE(heap_try_put(h, &maxsize, reclaim_self(), 9, 10, NULL, NULL), PAWL_SHUTDOWN);
  heap_free(h);
}

static uint64_t dropped_sum;

static void add_dropped(void *ctx, uint64_t item)
{
  (void)ctx;
  dropped_sum += item;
}

HEAP_TEST(a_drain_takes_everything_and_its_nodes_are_used_again)
{
  struct heap *h = heap_new(0);
  uint64_t random = 1;
  for (uint64_t n = 0; n < 300; n += 1 + n / 4) {
    uint64_t sum = dropped_sum = 0;
    for (uint64_t i = 1; i <= n; sum += i++)
      CHECK_CODE(heap_try_put(h, &unbounded, reclaim_self(), (int64_t)(test_random(&random) % 9), i, NULL, NULL), 0);
    CHECK_EQ(heap_drain(h, reclaim_self(), add_dropped, NULL), n);
    CHECK_EQ(dropped_sum, sum);
    CHECK_EQ(heap_was_size(h, reclaim_self()), 0);
  }
  pool_trim(&h->pool, reclaim_self());
  CHECK_EQ(h->pool.bytes, sizeof(struct pool_lane));
  heap_free(h);
}

/* A put that finds no memory changes nothing; a thread that has put can get without any. */
HEAP_TEST(without_memory_puts_fail_and_gets_do_not)
{
  uint64_t random = 5;
  hook_install();
  for (int lap = 0; lap < 40; lap++) {
    struct heap *h = heap_new(0);
    list.n = 0;
    for (int i = 0; i < 1 + lap * 9; i++)
      put_both(h, (int64_t)(test_random(&random) % 50), (uint64_t)i);
    hook_fail(0, true);
    for (int failures = 0; failures < 3 && list.n < MOST;) {
      int64_t key = (int64_t)(test_random(&random) % 50);
      int result = heap_try_put(h, &unbounded, reclaim_self(), key, list.n, NULL, NULL);
      if (result == 0) {
        list.key[list.n] = key;
        list.item[list.n] = list.n;
        list.n++;
      } else {
        CHECK_CODE(result, -ENOMEM);
        failures++;
      }
      both_agree(h);
    }
    while (list.n > 0)
      get_both(h);
    hook_fail(-1, false);
    heap_free(h);
  }
}
