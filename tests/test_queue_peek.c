/* SPDX-License-Identifier: BSD-2-Clause */
/* test_queue_peek.c - a look at the item that a get would take: every order, alone and beside traffic. */
#include "kit.h"

#include <errno.h>

TEST(queue, peek_shows_what_a_get_takes_and_leaves_it)
{
  EACH_KIND(kind, KIND_PEEK)
  {
    enum { N = 700 };
    struct fixture *f = fixture_open(kind, N);
    struct pawl_queue_stats before, after;
    uint64_t seed = 8, item, again;
    for (int i = 0; i < N; i++)
      put_ok(f, test_random(&seed) % 300 - 100);
    for (size_t n = N; n > 0; n--) {
      pawl_queue_stats(&f->queue, &before);
      CHECK_CODE(pawl_queue_peek(&f->queue, NULL, &item), 0);
      CHECK_CODE(pawl_queue_peek(&f->queue, NULL, &again), 0);
      pawl_queue_stats(&f->queue, &after);
      CHECK_EQ(pawl_queue_was_size(&f->queue), n);
      CHECK(after.puts == before.puts && after.gets == before.gets);
      if (kind->traits & KIND_STRICT) {
        CHECK_EQ(again, item);
        CHECK_EQ(get_next(f), item);
      } else {
        CHECK_EQ((int64_t)item,
                 stock_next(&f->inside).key); /* beside nobody else it is the lowest, if not the next to be got */
        (void)get_next(f);
      }
    }
    if (kind->traits & KIND_TRACKED)
      CHECK_EQ(pawl_queue_unfinished(&f->queue), N);
    fixture_close(f);
  }
}

TEST(queue, peek_tells_the_key)
{
  EACH_KIND(kind, KIND_PEEK | KIND_KEYS)
  {
    struct fixture *f = fixture_open(kind, 3);
    struct stock_entry seen = {77, 77};
    put_key_ok(f, INT64_MIN, 5);
    CHECK_CODE(pawl_queue_peek(&f->queue, &seen.key, &seen.item), 0);
    CHECK(seen.key == INT64_MIN && seen.item == 5);
    (void)get_key_next(f);
    put_key_ok(f, -7, 6);
    put_key_ok(f, -8, 7);
    CHECK_CODE(pawl_queue_peek(&f->queue, &seen.key, &seen.item), 0);
    CHECK(seen.key == -8 && seen.item == 7); /* of PAWL_RELAXED, too, beside nobody else */
    CHECK_CODE(pawl_queue_peek(&f->queue, NULL, &seen.item), 0);
    fixture_close(f);
  }
}

TEST(queue, peek_says_empty_then_shutdown_and_writes_nothing)
{
  EACH_KIND(kind, KIND_PEEK)
  {
    struct fixture *f = fixture_open(kind, 3);
    int64_t key = 77, *to_key = kind->traits & KIND_KEYS ? &key : NULL;
    uint64_t item = 77;
    for (int used = 0; used < 2; used++) {
      CHECK_CODE(pawl_queue_peek(&f->queue, to_key, &item), PAWL_EMPTY);
      put_ok(f, 5);
      get_ok(f, 5);
    }
    put_ok(f, 6);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
    CHECK_CODE(pawl_queue_peek(&f->queue, NULL, &item), 0); /* what is left is still delivered */
    CHECK_EQ(item, 6);
    get_ok(f, 6);
    item = 77;
    CHECK_CODE(pawl_queue_peek(&f->queue, to_key, &item), PAWL_SHUTDOWN);
    CHECK(key == 77 && item == 77);
    fixture_close(f);
    f = fixture_open(kind, 3);
    put_ok(f, 6);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, true), 0);
    CHECK_CODE(pawl_queue_peek(&f->queue, to_key, &item), PAWL_SHUTDOWN);
    CHECK(key == 77 && item == 77);
    fixture_close(f);
  }
}

TEST(queue, peek_of_rings_spsc_queues_and_custom_orders_is_not_supported)
{
  EACH_KIND(kind, 0)
  {
    if (kind->traits & KIND_PEEK)
      continue;
    struct fixture *f = fixture_open(kind, 3);
    uint64_t item = 77;
    CHECK_CODE(pawl_queue_peek(&f->queue, NULL, &item), -ENOTSUP);
    put_ok(f, 1);
    CHECK_CODE(pawl_queue_peek(&f->queue, NULL, &item), -ENOTSUP);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, true), 0);
    CHECK_CODE(pawl_queue_peek(&f->queue, NULL, &item), -ENOTSUP);
    CHECK_EQ(item, 77);
    fixture_close(f);
  }
}

TEST(queue, misuse_peek_with_null_or_an_unknown_key_gets_einval)
{
  uint64_t item = 77;
  int64_t key = 77;
  CHECK_CODE(pawl_queue_peek(NULL, NULL, &item), -EINVAL);
  EACH_KIND(kind, KIND_PEEK)
  {
    struct fixture *f = fixture_open(kind, 3);
    for (int inside = 0; inside < 2; inside++) {
      CHECK_CODE(pawl_queue_peek(&f->queue, NULL, NULL), -EINVAL);
      if (!(kind->traits & KIND_KEYS))
        CHECK_CODE(pawl_queue_peek(&f->queue, &key, &item), -EINVAL);
      put_ok(f, 1);
    }
    CHECK(key == 77 && item == 77);
    fixture_close(f);
  }
}

/* --- beside traffic: what is shown has been put, whatever others take meanwhile --- */

struct shop {
  struct pawl_queue *queue;
  _Atomic bool stop;
  _Atomic uint64_t looks;
};

enum { WARE = 0x5eed0000 };

static void trade(void *arg)
{
  struct shop *shop = arg;
  uint64_t item, seed = (uintptr_t)&item | 1;
  while (!shop->stop) {
    uint64_t n = 1 + test_random(&seed) % 6;
    for (uint64_t i = 0; i < n; i++)
      CHECK_CODE(pawl_queue_put(shop->queue, WARE + test_random(&seed) % 100, PAWL_FOREVER), 0);
    for (uint64_t i = 0; i < n; i++)
      CHECK_CODE(pawl_queue_get(shop->queue, &item, PAWL_FOREVER), 0);
  }
}

static void look(void *arg)
{
  struct shop *shop = arg;
  while (!shop->stop) {
    uint64_t item = 0;
    int result = pawl_queue_peek(shop->queue, NULL, &item);
    if (result == 0)
      CHECK(item >= WARE && item < WARE + 100);
    else
      CHECK_CODE(result, PAWL_EMPTY);
    shop->looks++;
  }
}

TEST(queue, peek_beside_traffic_shows_items_that_were_put)
{
  EACH_KIND(kind, KIND_PEEK | KIND_MANY)
  {
    struct fixture *f = fixture_open(kind, 12);
    struct shop shop = {.queue = &f->queue};
    struct test_thread traders[2], lookers[2];
    for (int i = 0; i < 2; i++) {
      test_start(&traders[i], "trader", trade, &shop);
      test_start(&lookers[i], "looker", look, &shop);
    }
    EVENTUALLY(shop.looks > 4000 / (uint64_t)test_scale());
    shop.stop = true;
    for (int i = 0; i < 2; i++) {
      test_join(&traders[i]);
      test_join(&lookers[i]);
    }
    CHECK_EQ(pawl_queue_was_size(&f->queue), 0);
    fixture_close(f);
  }
}
