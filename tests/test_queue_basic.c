/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_queue_basic.c - what one thread sees of every kind of queue: order, exact bounds, sizes, codes, misuse.
 * Waiting is in test_queue_wait.c, shutdown in test_queue_shutdown.c, join in test_queue_join.c.
 */
#include "kit.h"

#include <errno.h>

static const pawl_time past[] = {PAWL_NOWAIT, 1, -1, -PAWL_S(5), INT64_MIN, INT64_MIN + 1};

#define EACH_PAST(until) for (const pawl_time *until = past; until < past + sizeof(past) / sizeof(past[0]); until++)

/* Few different values, some of them negative as keys: there are always equals and always something between. */
TEST(queue, QUE1_QUE2_QUE3_items_leave_in_the_order_of_their_kind)
{
  EACH_KIND(kind, 0)
  {
    enum { BOUND = 1000 };
    struct fixture *f = fixture_open(kind, BOUND);
    uint64_t seed = 7, in = 0;
    for (int round = 0; round < 400 / test_scale(); round++) {
      for (uint64_t n = test_random(&seed) % 400; n > 0 && f->inside.size < BOUND; n--)
        put_ok(f, kind->traits & KIND_FIFO ? in++ : test_random(&seed) % 300 - 100);
      for (uint64_t n = test_random(&seed) % 400; n > 0 && f->inside.size > 0; n--)
        (void)get_next(f);
    }
    take_out(f, f->inside.size);
    CHECK(pawl_queue_was_empty(&f->queue));
    fixture_close(f);
  }
}

TEST(queue, QUE1_any_64_bit_value_is_an_item)
{
  static const uint64_t values[] = {0,          1, UINT64_MAX, UINT64_MAX - 1, 1ull << 63, (1ull << 63) - 1,
                                    1ull << 62, 2, 3,          0xffffffff,     1ull << 32};
  enum { VALUES = sizeof(values) / sizeof(values[0]) };
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, VALUES);
    for (int lap = 0; lap < 3; lap++) {
      for (int i = 0; i < VALUES; i++)
        put_ok(f, values[i]);
      take_out(f, VALUES);
    }
    fixture_close(f);
  }
}

TEST(queue, QUE1_capacity_is_exactly_maxsize)
{
  static const int64_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 31, 100, 255, 256, 257, 1000, 1025};
  EACH_KIND(kind, KIND_BOUNDED)
  {
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
      struct fixture *f = fixture_open(kind, sizes[s]);
      uint64_t in = 0;
      CHECK_EQ(pawl_queue_maxsize(&f->queue), sizes[s]);
      for (size_t lap = 0; lap < 5; lap++) {
        while (f->inside.size < (uint64_t)sizes[s])
          put_ok(f, in++);
        for (int again = 0; again < 3; again++) {
          CHECK_CODE(pawl_queue_put(&f->queue, 999999, PAWL_NOWAIT), PAWL_FULL);
          (void)get_next(f);
          put_ok(f, in++);
        }
        CHECK_CODE(pawl_queue_put(&f->queue, 999999, PAWL_NOWAIT), PAWL_FULL);
        while (f->inside.size > lap)
          (void)get_next(f);
      }
      fixture_close(f);
    }
  }
}

TEST(queue, QUE1_zero_or_negative_maxsize_is_unbounded)
{
  static const int64_t sizes[] = {0, -1, -1000, INT64_MIN};
  EACH_KIND(kind, KIND_BOUNDED)
  {
    if (kind->traits & (KIND_RING | KIND_PREALLOC))
      continue;
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
      struct fixture *f = fixture_open(kind, sizes[s]);
      CHECK_LE(pawl_queue_maxsize(&f->queue), 0);
      fill(f, 0, 2000);
      CHECK(!pawl_queue_was_full(&f->queue));
      CHECK_EQ(pawl_queue_was_size(&f->queue), 2000);
      take_out(f, 2000);
      fixture_close(f);
    }
  }
}

TEST(queue, QUE1_a_bound_may_be_as_large_as_the_type)
{
  EACH_KIND(kind, KIND_BOUNDED)
  {
    if (kind->traits & (KIND_RING | KIND_PREALLOC))
      continue;
    struct fixture *f = fixture_open(kind, INT64_MAX);
    CHECK_EQ(pawl_queue_maxsize(&f->queue), INT64_MAX);
    fill(f, 0, 300);
    CHECK(!pawl_queue_was_full(&f->queue));
    take_out(f, 300);
    CHECK_CODE(pawl_queue_set_maxsize(&f->queue, 1), 0);
    put_ok(f, 1);
    CHECK_CODE(pawl_queue_put(&f->queue, 2, PAWL_NOWAIT), PAWL_FULL);
    fixture_close(f);
  }
}

TEST(queue, QUE1_a_shrink_keeps_the_items_and_refuses_until_there_is_room)
{
  EACH_KIND(kind, KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 5);
    fill(f, 0, 5);
    CHECK_CODE(pawl_queue_set_maxsize(&f->queue, 2), 0);
    CHECK_EQ(pawl_queue_maxsize(&f->queue), 2);
    CHECK_EQ(pawl_queue_was_size(&f->queue), 5);
    for (int out = 0; out < 4; out++) {
      CHECK(pawl_queue_was_full(&f->queue));
      CHECK_CODE(pawl_queue_put(&f->queue, 9, PAWL_NOWAIT), PAWL_FULL);
      (void)get_next(f);
    }
    put_ok(f, 5);
    CHECK_CODE(pawl_queue_put(&f->queue, 9, PAWL_NOWAIT), PAWL_FULL);
    CHECK_CODE(pawl_queue_set_maxsize(&f->queue, 4), 0);
    fill(f, 6, 2);
    CHECK_CODE(pawl_queue_put(&f->queue, 9, PAWL_NOWAIT), PAWL_FULL);
    take_out(f, 4);
    fixture_close(f);
  }
}

TEST(queue, QUE1_a_bound_may_come_and_go)
{
  EACH_KIND(kind, 0)
  {
    if (kind->traits & (KIND_RING | KIND_PREALLOC))
      continue;
    struct fixture *f = fixture_open(kind, 3);
    CHECK_CODE(pawl_queue_set_maxsize(&f->queue, -3), 0);
    CHECK_LE(pawl_queue_maxsize(&f->queue), 0);
    fill(f, 0, 700);
    CHECK_CODE(pawl_queue_set_maxsize(&f->queue, 1), 0);
    for (int out = 0; out < 700; out++) {
      CHECK_CODE(pawl_queue_put(&f->queue, 9, PAWL_NOWAIT), PAWL_FULL);
      (void)get_next(f);
    }
    put_ok(f, 1);
    CHECK_CODE(pawl_queue_put(&f->queue, 9, PAWL_NOWAIT), PAWL_FULL);
    CHECK_CODE(pawl_queue_set_maxsize(&f->queue, 0), 0);
    fill(f, 2, 300);
    fixture_close(f);
  }
}

TEST(queue, QUE1_a_ring_grows_to_its_first_capacity_only)
{
  EACH_KIND(kind, KIND_RING)
  {
    struct fixture *f = fixture_open(kind, 3);
    static const int64_t refused[] = {4, 5, 1000, INT64_MAX, 0, -1};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
      CHECK_CODE(pawl_queue_set_maxsize(&f->queue, refused[i]), -EINVAL);
      CHECK_EQ(pawl_queue_maxsize(&f->queue), 3);
    }
    CHECK_CODE(pawl_queue_set_maxsize(&f->queue, 1), 0);
    fill(f, 0, 1);
    CHECK_CODE(pawl_queue_put(&f->queue, 9, PAWL_NOWAIT), PAWL_FULL);
    CHECK_CODE(pawl_queue_set_maxsize(&f->queue, 3), 0);
    fill(f, 1, 2);
    CHECK_CODE(pawl_queue_put(&f->queue, 9, PAWL_NOWAIT), PAWL_FULL);
    take_out(f, 3);
    fixture_close(f);
  }
}

TEST(queue, QUE5_QUE6_room_beats_a_past_deadline)
{
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 1);
    EACH_PAST(until)
    {
      CHECK_CODE(pawl_queue_put(&f->queue, 5, *until), 0);
      note_put(f, 5);
      get_ok(f, 5);
    }
    CHECK_CODE(pawl_queue_put(&f->queue, 5, pawl_now() - 1), 0);
    fixture_close(f);
  }
}

TEST(queue, QUE6_QUE7_a_past_deadline_looks_once_and_says_full)
{
  EACH_KIND(kind, KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 1);
    put_ok(f, 1);
    EACH_PAST(until)
    CHECK_CODE(pawl_queue_put(&f->queue, 2, *until), PAWL_FULL);
    CHECK_CODE(pawl_queue_put(&f->queue, 2, pawl_now() - 1), PAWL_FULL);
    CHECK_EQ(pawl_queue_was_size(&f->queue), 1);
    get_ok(f, 1);
    fixture_close(f);
  }
}

TEST(queue, QUE9_an_item_beats_a_past_deadline)
{
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 1);
    EACH_PAST(until)
    {
      uint64_t item = 0;
      put_ok(f, 8);
      CHECK_CODE(pawl_queue_get(&f->queue, &item, *until), 0);
      CHECK_EQ(item, 8);
      note_get(f, item);
    }
    fixture_close(f);
  }
}

TEST(queue, QUE10_QUE11_a_past_deadline_looks_once_and_says_empty)
{
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 1);
    for (int used = 0; used < 2; used++) {
      uint64_t item = 77;
      EACH_PAST(until)
      CHECK_CODE(pawl_queue_get(&f->queue, &item, *until), PAWL_EMPTY);
      CHECK_CODE(pawl_queue_get(&f->queue, &item, pawl_now() - 1), PAWL_EMPTY);
      CHECK_EQ(item, 77);
      put_ok(f, 1);
      get_ok(f, 1);
    }
    fixture_close(f);
  }
}

TEST(queue, QUE8_QUE13_an_item_leaves_before_get_returns)
{
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 400);
    CHECK_EQ(pawl_queue_was_size(&f->queue), 0);
    for (size_t n = 0; n < 400; n++) {
      put_ok(f, n);
      CHECK_EQ(pawl_queue_was_size(&f->queue), n + 1);
    }
    for (size_t n = 400; n > 0; n--) {
      (void)get_next(f);
      CHECK_EQ(pawl_queue_was_size(&f->queue), n - 1);
    }
    fixture_close(f);
  }
}

TEST(queue, QUE14_empty_and_full_follow_the_size)
{
  EACH_KIND(kind, 0)
  {
    bool bounded = kind->traits & KIND_BOUNDED;
    struct fixture *f = fixture_open(kind, 2);
    CHECK(pawl_queue_was_empty(&f->queue) && !pawl_queue_was_full(&f->queue));
    put_ok(f, 1);
    CHECK(!pawl_queue_was_empty(&f->queue) && !pawl_queue_was_full(&f->queue));
    put_ok(f, 2);
    CHECK(!pawl_queue_was_empty(&f->queue));
    CHECK_EQ(pawl_queue_was_full(&f->queue), bounded);
    (void)get_next(f);
    CHECK(!pawl_queue_was_empty(&f->queue) && !pawl_queue_was_full(&f->queue));
    (void)get_next(f);
    CHECK(pawl_queue_was_empty(&f->queue) && !pawl_queue_was_full(&f->queue));
    fixture_close(f);
  }
}

TEST(queue, QUE24_outcomes_are_distinct_codes_with_texts)
{
  static const int codes[] = {0,          PAWL_EMPTY, PAWL_FULL, PAWL_SHUTDOWN, PAWL_TIMEOUT,
                              PAWL_STATE, -ERANGE,    -EINVAL,   -ENOMEM,       -EBUSY};
  enum { CODES = sizeof(codes) / sizeof(codes[0]) };
  for (int i = 0; i < CODES; i++) {
    CHECK(pawl_strerror(codes[i]) != NULL);
    for (int j = 0; j < i; j++) {
      CHECK_NE(codes[i], codes[j]);
      CHECK(strcmp(pawl_strerror(codes[i]), pawl_strerror(codes[j])) != 0);
    }
  }
  struct fixture *f = fixture_open(kind_next(NULL, KIND_BOUNDED), 1);
  uint64_t item;
  CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_NOWAIT), PAWL_EMPTY);
  put_ok(f, 1);
  CHECK_CODE(pawl_queue_put(&f->queue, 1, PAWL_NOWAIT), PAWL_FULL);
  pawl_queue_shutdown(&f->queue, false);
  CHECK_CODE(pawl_queue_put(&f->queue, 1, PAWL_NOWAIT), PAWL_SHUTDOWN);
  fixture_close(f);
}

/* --- misuse --- */

TEST(queue, misuse_null_gets_einval_and_changes_nothing)
{
  struct pawl_queue_stats stats;
  uint64_t item = 5;
  size_t done = 6;
  CHECK_CODE(pawl_queue_init(NULL, NULL), -EINVAL);
  CHECK_CODE(pawl_queue_fini(NULL), -EINVAL);
  CHECK_CODE(pawl_queue_new(NULL, NULL), -EINVAL);
  CHECK_CODE(pawl_queue_free(NULL), 0);
  CHECK_CODE(pawl_queue_put(NULL, 1, PAWL_FOREVER), -EINVAL);
  CHECK_CODE(pawl_queue_get(NULL, &item, PAWL_FOREVER), -EINVAL);
  CHECK_CODE(pawl_queue_put_many(NULL, &item, 1, &done, PAWL_FOREVER), -EINVAL);
  CHECK_CODE(pawl_queue_get_many(NULL, &item, 1, &done, PAWL_FOREVER), -EINVAL);
  CHECK_CODE(pawl_queue_task_done(NULL), -EINVAL);
  CHECK_CODE(pawl_queue_join(NULL, PAWL_FOREVER), -EINVAL);
  CHECK_CODE(pawl_queue_shutdown(NULL, true), -EINVAL);
  CHECK_CODE(pawl_queue_set_maxsize(NULL, 1), -EINVAL);
  CHECK_CODE(pawl_queue_fd(NULL), -EINVAL);
  CHECK_CODE(pawl_queue_arm(NULL), -EINVAL);
  CHECK_EQ(item, 5);
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 3);
    put_ok(f, 1);
    CHECK_CODE(pawl_queue_get(&f->queue, NULL, PAWL_NOWAIT), -EINVAL);
    CHECK_CODE(pawl_queue_put_many(&f->queue, NULL, 1, &done, PAWL_NOWAIT), -EINVAL);
    done = 6;
    CHECK_CODE(pawl_queue_get_many(&f->queue, NULL, 1, &done, PAWL_NOWAIT), -EINVAL);
    CHECK_EQ(done, 0);
    CHECK_CODE(pawl_queue_get_many(&f->queue, &item, 1, NULL, PAWL_NOWAIT), -EINVAL);
    pawl_queue_stats(&f->queue, &stats);
    CHECK_EQ(stats.puts, 1);
    CHECK_EQ(stats.gets, 0);
    get_ok(f, 1);
    fixture_close(f);
  }
}

static void refused(struct pawl_queue_options options, int code)
{
  struct pawl_queue queue, before, *out = &queue;
  memset(&queue, 0x3c, sizeof(queue));
  before = queue;
  CHECK_CODE(pawl_queue_init(&queue, &options), code);
  CHECK(memcmp(&queue, &before, sizeof(queue)) == 0);
  CHECK_CODE(pawl_queue_new(&out, &options), code);
  CHECK(out == &queue);
}

TEST(queue, misuse_unknown_options_are_refused)
{
  struct pawl_queue_ops no_put = stock_ops, no_get = stock_ops, no_size = stock_ops;
  no_put.put = NULL;
  no_get.get = NULL;
  no_size.size = NULL;
  hook_install();
  refused((struct pawl_queue_options){.order = 4}, -EINVAL);
  refused((struct pawl_queue_options){.order = 1000}, -EINVAL);
  refused((struct pawl_queue_options){.progress = 3, .maxsize = 4}, -EINVAL);
  refused((struct pawl_queue_options){.flags = 8}, -EINVAL);
  refused((struct pawl_queue_options){.flags = 1u << 31}, -EINVAL);
  refused((struct pawl_queue_options){.progress = PAWL_RING}, -EINVAL);
  refused((struct pawl_queue_options){.progress = PAWL_RING, .maxsize = -1}, -EINVAL);
  refused((struct pawl_queue_options){.progress = PAWL_RING, .maxsize = 4, .custom = &stock_ops}, -EINVAL);
  refused((struct pawl_queue_options){.order = 1, .custom = &stock_ops}, -EINVAL);
  refused((struct pawl_queue_options){.custom = &no_put}, -EINVAL);
  refused((struct pawl_queue_options){.custom = &no_get}, -EINVAL);
  refused((struct pawl_queue_options){.custom = &no_size}, -EINVAL);
  CHECK_EQ(hook_live_blocks(), 0);
}

static int any_less(void *ctx, uint64_t a, uint64_t b)
{
  (void)ctx;
  return a < b;
}

TEST(queue, misuse_options_of_another_order_are_refused)
{
  hook_install();
  for (unsigned order = 0; order <= PAWL_RELAXED; order++) {
    for (unsigned progress = 0; progress <= PAWL_LOCKED; progress++) {
      bool known = progress == PAWL_LOCK_FREE || (progress == PAWL_RING && order == PAWL_FIFO) ||
                   (progress == PAWL_LOCKED && order == PAWL_PRIORITY);
      struct pawl_queue_options options = {.order = order, .progress = progress, .maxsize = 4};
      if (known) {
        struct pawl_queue queue;
        CHECK_CODE(pawl_queue_init(&queue, &options), 0);
        CHECK_CODE(pawl_queue_fini(&queue), 0);
      } else {
        refused(options, -EINVAL);
      }
      if (order != PAWL_PRIORITY || progress != PAWL_LOCKED) {
        options.less = any_less;
        refused(options, -EINVAL);
      }
      options.less = NULL;
      if (order != PAWL_FIFO) {
        options.flags = PAWL_SPSC;
        refused(options, -EINVAL);
        options.flags = PAWL_PREALLOC;
        refused(options, -EINVAL);
      }
      options.flags = 0;
      options.custom = &stock_ops;
      if (order != 0 || progress != 0)
        refused(options, -EINVAL);
    }
  }
  refused((struct pawl_queue_options){.order = PAWL_RELAXED, .heaps = 1025}, -EINVAL);
  refused((struct pawl_queue_options){.order = PAWL_RELAXED, .heaps = UINT32_MAX}, -EINVAL);
  refused((struct pawl_queue_options){.less = any_less, .custom = &stock_ops}, -EINVAL);
}

TEST(queue, misuse_a_size_beyond_memory_is_refused)
{
  static const int64_t sizes[] = {INT64_MAX, INT64_MAX / 16 + 2, (int64_t)1 << 60, (int64_t)1 << 59, (int64_t)1 << 44};
  hook_install();
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    refused((struct pawl_queue_options){.progress = PAWL_RING, .maxsize = sizes[i]}, -ENOMEM);
    refused((struct pawl_queue_options){.flags = PAWL_PREALLOC, .maxsize = sizes[i]}, -ENOMEM);
  }
  CHECK_EQ(hook_live_bytes(), 0);
}

/* --- static and zero queues, heap twins, statistics --- */

static struct pawl_queue in_bss;
static struct pawl_queue with_bound = PAWL_QUEUE_INIT(2);

TEST(queue, QUE1_zero_bytes_and_the_initialiser_are_queues)
{
  uint64_t item = 0;
  hook_install();
  CHECK_EQ(pawl_queue_maxsize(&in_bss), 0);
  CHECK_CODE(pawl_queue_get(&in_bss, &item, PAWL_NOWAIT), PAWL_EMPTY);
  CHECK_CODE(pawl_queue_join(&in_bss, PAWL_FOREVER), 0);
  for (uint64_t i = 0; i < 600; i++)
    CHECK_CODE(pawl_queue_put(&in_bss, i, PAWL_NOWAIT), 0);
  for (uint64_t i = 0; i < 600; i++) {
    CHECK_CODE(pawl_queue_get(&in_bss, &item, PAWL_NOWAIT), 0);
    CHECK_EQ(item, i);
  }
  CHECK_EQ(pawl_queue_unfinished(&in_bss), 600);
  CHECK_EQ(pawl_queue_maxsize(&with_bound), 2);
  CHECK_CODE(pawl_queue_put(&with_bound, 1, PAWL_NOWAIT), 0);
  CHECK_CODE(pawl_queue_put(&with_bound, 2, PAWL_NOWAIT), 0);
  CHECK_CODE(pawl_queue_put(&with_bound, 3, PAWL_NOWAIT), PAWL_FULL);
  CHECK_CODE(pawl_queue_fini(&in_bss), 0);
  CHECK_CODE(pawl_queue_fini(&with_bound), 0);
}

TEST(queue, QUE20_a_zero_queue_may_be_shut_down_unused)
{
  static struct pawl_queue never_used;
  uint64_t item = 0;
  CHECK(!pawl_queue_is_shutdown(&never_used));
  CHECK_CODE(pawl_queue_shutdown(&never_used, false), 0);
  CHECK(pawl_queue_is_shutdown(&never_used));
  CHECK_CODE(pawl_queue_put(&never_used, 1, PAWL_NOWAIT), PAWL_SHUTDOWN);
  CHECK_CODE(pawl_queue_get(&never_used, &item, PAWL_FOREVER), PAWL_SHUTDOWN);
  CHECK_CODE(pawl_queue_shutdown(&never_used, true), 0);
  CHECK_CODE(pawl_queue_fini(&never_used), 0);
}

TEST(queue, heap_twins_make_and_free)
{
  hook_install();
  CHECK_CODE(pawl_thread_attach(), 0);
  size_t before = hook_live_bytes();
  struct pawl_queue *queue = NULL;
  uint64_t item = 0;
  CHECK_CODE(pawl_queue_new(&queue, &(struct pawl_queue_options){.maxsize = 3, .progress = PAWL_RING}), 0);
  for (uint64_t i = 0; i < 3; i++)
    CHECK_CODE(pawl_queue_put(queue, i, PAWL_NOWAIT), 0);
  CHECK_CODE(pawl_queue_put(queue, 3, PAWL_NOWAIT), PAWL_FULL);
  CHECK_CODE(pawl_queue_get(queue, &item, PAWL_NOWAIT), 0);
  CHECK_CODE(pawl_queue_free(queue), 0);
  CHECK_CODE(pawl_queue_new(&queue, NULL), 0);
  CHECK_CODE(pawl_queue_put(queue, 1, PAWL_NOWAIT), 0);
  CHECK_CODE(pawl_queue_free(queue), 0);
  CHECK_EQ(hook_live_bytes(), before);
}

TEST(queue, statistics_count_puts_and_gets)
{
  EACH_KIND(kind, 0)
  {
    struct pawl_queue_stats stats;
    struct fixture *f = fixture_open(kind, 10);
    for (int lap = 0; lap < 100; lap++) {
      fill(f, 0, 10);
      take_out(f, 10);
    }
    fill(f, 0, 4);
    (void)get_next(f);
    pawl_queue_stats(&f->queue, &stats);
    CHECK_EQ(stats.puts, 1004);
    CHECK_EQ(stats.gets, 1001);
    CHECK_EQ(stats.voided, 0);
    if (!(kind->traits & KIND_CUSTOM))
      CHECK(stats.bytes > 0);
    fixture_close(f);
  }
}
