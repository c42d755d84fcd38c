/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_queue_priority.c - PAWL_PRIORITY: keys, first in first out among equals, the caller's own comparison and its failures;
 * PAWL_RELAXED: everything once. What all orders have in common is proven by the tests that go over all kinds.
 */
#include "kit.h"

#include <errno.h>

/* The kinds whose keys decide: all with keys but PAWL_RELAXED. */
#define EACH_PRIORITY(kind) EACH_KIND(kind, KIND_KEYS | KIND_STRICT)

TEST(queue, QUE3_lowest_key_first_and_first_in_first_out_among_equals)
{
  EACH_PRIORITY(kind)
  {
    enum { N = 4000 };
    struct fixture *f = fixture_open(kind, N);
    uint64_t seed = 5;
    for (uint64_t keys = 1; keys <= 1000; keys *= 10) {
      for (uint64_t i = 0; i < N; i++)
        put_key_ok(f, (int64_t)(test_random(&seed) % keys), i);
      struct stock_entry last = get_key_next(f);
      for (int i = 1; i < N; i++) {
        struct stock_entry next = get_key_next(f);
        CHECK(next.key > last.key || (next.key == last.key && next.item > last.item));
        last = next;
      }
    }
    fixture_close(f);
  }
}

TEST(queue, QUE3_puts_and_gets_in_turn_keep_the_order)
{
  EACH_KIND(kind, KIND_KEYS)
  {
    enum { BOUND = 500 };
    struct fixture *f = fixture_open(kind, BOUND);
    uint64_t seed = 9, item = 0;
    for (int round = 0; round < 300 / test_scale(); round++) {
      for (uint64_t n = test_random(&seed) % 200; n > 0 && f->inside.size < BOUND; n--)
        put_key_ok(f, (int64_t)(test_random(&seed) % 40) - 20, item++);
      for (uint64_t n = test_random(&seed) % 200; n > 0 && f->inside.size > 0; n--)
        (void)get_key_next(f);
    }
    while (f->inside.size > 0)
      (void)get_key_next(f);
    CHECK(pawl_queue_was_empty(&f->queue));
    fixture_close(f);
  }
}

TEST(queue, QUE3_keys_are_signed_and_of_any_size)
{
  static const int64_t keys[] = {0, INT64_MAX, -1, INT64_MIN, 1, INT64_MIN, INT64_MAX, INT64_MIN + 1, -1, INT64_MAX - 1, 0};
  enum { KEYS = sizeof(keys) / sizeof(keys[0]) };
  EACH_KIND(kind, KIND_KEYS)
  {
    struct fixture *f = fixture_open(kind, KEYS);
    for (int lap = 0; lap < 3; lap++) {
      for (uint64_t i = 0; i < KEYS; i++)
        put_key_ok(f, keys[i], ~i); /* the item says nothing of the key */
      for (int i = 0; i < KEYS; i++)
        (void)get_key_next(f);
    }
    fixture_close(f);
  }
}

TEST(queue, QUE3_put_takes_the_item_as_its_own_signed_key)
{
  static const int64_t items[] = {5, -3, INT64_MAX, 0, INT64_MIN, -1, 7}, sorted[] = {INT64_MIN, -3, -1, 0, 5, 7, INT64_MAX};
  enum { ITEMS = sizeof(items) / sizeof(items[0]) };
  EACH_KIND(kind, KIND_KEYS)
  {
    bool strict = kind->traits & KIND_STRICT;
    struct fixture *f = fixture_open(kind, ITEMS);
    for (int by_key = 0; by_key < 2; by_key++) {
      for (int i = 0; i < ITEMS; i++)
        put_ok(f, (uint64_t)items[i]);
      for (int i = 0; i < ITEMS; i++) {
        struct stock_entry got = {by_key ? 0 : (int64_t)get_next(f), 0};
        if (by_key)
          got = get_key_next(f);
        CHECK(!strict || got.key == sorted[i]);
        CHECK(!by_key || got.item == (uint64_t)got.key);
      }
    }
    fixture_close(f);
  }
}

TEST(queue, QUE3_the_key_may_be_left_away_in_a_get)
{
  EACH_KIND(kind, KIND_KEYS)
  {
    struct fixture *f = fixture_open(kind, 3);
    uint64_t item = 0;
    int64_t key = 77;
    CHECK_CODE(pawl_queue_put_key(&f->queue, 5, 50, PAWL_NOWAIT), 0);
    CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_NOWAIT), 0);
    CHECK_EQ(item, 50);
    CHECK_CODE(pawl_queue_put_key(&f->queue, 6, 60, PAWL_NOWAIT), 0);
    CHECK_CODE(pawl_queue_get_key(&f->queue, NULL, &item, PAWL_NOWAIT), 0);
    CHECK_EQ(item, 60);
    CHECK_CODE(pawl_queue_get_key(&f->queue, &key, &item, PAWL_NOWAIT), PAWL_EMPTY);
    CHECK_CODE(pawl_queue_get_key(&f->queue, &key, &item, pawl_after(PAWL_MS(1))), PAWL_EMPTY);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
    CHECK_CODE(pawl_queue_get_key(&f->queue, &key, &item, PAWL_FOREVER), PAWL_SHUTDOWN);
    CHECK_CODE(pawl_queue_put_key(&f->queue, 7, 70, PAWL_FOREVER), PAWL_SHUTDOWN);
    CHECK_EQ(item, 60);
    CHECK_EQ(key, 77); /* on failure nothing is written */
    fixture_close(f);
  }
}

TEST(queue, QUE3_a_queue_without_keys_says_so_and_changes_nothing)
{
  EACH_KIND(kind, 0)
  {
    if (kind->traits & KIND_KEYS)
      continue;
    struct fixture *f = fixture_open(kind, 2);
    uint64_t item = 77, items[2] = {1, 2};
    int64_t key = 77, keys[2] = {1, 2};
    size_t done = 99;
    for (size_t inside = 0; inside < 2; inside++) {
      CHECK_CODE(pawl_queue_put_key(&f->queue, 1, 5, PAWL_FOREVER), -EINVAL);
      CHECK_CODE(pawl_queue_get_key(&f->queue, &key, &item, PAWL_FOREVER), -EINVAL);
      CHECK_CODE(pawl_queue_get_key(&f->queue, NULL, &item, PAWL_FOREVER), -EINVAL);
      CHECK_CODE(pawl_queue_put_many_keys(&f->queue, keys, items, 2, &done, PAWL_FOREVER), -EINVAL);
      CHECK_EQ(done, 0);
      done = 99;
      CHECK_CODE(pawl_queue_get_many_keys(&f->queue, keys, items, 2, &done, PAWL_FOREVER), -EINVAL);
      CHECK_EQ(done, 0);
      CHECK_EQ(pawl_queue_was_size(&f->queue), inside);
      CHECK(key == 77 && item == 77 && items[0] == 1 && keys[0] == 1);
      if (inside == 0)
        put_ok(f, 1);
    }
    fixture_close(f);
  }
}

TEST(queue, misuse_null_beside_keys_gets_einval)
{
  uint64_t item = 5;
  int64_t key = 5;
  size_t done = 9;
  CHECK_CODE(pawl_queue_put_key(NULL, 1, 1, PAWL_FOREVER), -EINVAL);
  CHECK_CODE(pawl_queue_get_key(NULL, &key, &item, PAWL_FOREVER), -EINVAL);
  CHECK_CODE(pawl_queue_put_many_keys(NULL, &key, &item, 1, &done, PAWL_FOREVER), -EINVAL);
  CHECK_EQ(done, 0);
  CHECK_CODE(pawl_queue_get_many_keys(NULL, &key, &item, 1, &done, PAWL_FOREVER), -EINVAL);
  EACH_KIND(kind, KIND_KEYS)
  {
    struct fixture *f = fixture_open(kind, 3);
    put_ok(f, 1);
    CHECK_CODE(pawl_queue_get_key(&f->queue, &key, NULL, PAWL_NOWAIT), -EINVAL);
    done = 9;
    CHECK_CODE(pawl_queue_put_many_keys(&f->queue, NULL, &item, 1, &done, PAWL_NOWAIT), -EINVAL);
    CHECK_EQ(done, 0);
    done = 9;
    CHECK_CODE(pawl_queue_put_many_keys(&f->queue, &key, NULL, 1, &done, PAWL_NOWAIT), -EINVAL);
    CHECK_EQ(done, 0);
    done = 9;
    CHECK_CODE(pawl_queue_get_many_keys(&f->queue, &key, NULL, 1, &done, PAWL_NOWAIT), -EINVAL);
    CHECK_EQ(done, 0);
    CHECK_CODE(pawl_queue_get_many_keys(&f->queue, &key, &item, 1, NULL, PAWL_NOWAIT), -EINVAL);
    CHECK(item == 5 && key == 5);
    get_ok(f, 1);
    fixture_close(f);
  }
}

/* --- bulks with keys --- */

TEST(queue, QUE3_QUE34_a_bulk_carries_its_keys)
{
  EACH_KIND(kind, KIND_KEYS)
  {
    static const int64_t in_keys[] = {3, -1, 2, -1, 0};
    static const uint64_t in[] = {30, 11, 20, 12, 1};
    struct fixture *f = fixture_open(kind, 5);
    for (int keyless = 0; keyless < 2; keyless++) {
      int64_t keys[7] = {0};
      uint64_t items[7] = {0};
      size_t done = 9;
      CHECK_CODE(pawl_queue_put_many_keys(&f->queue, in_keys, in, 5, &done, PAWL_NOWAIT), 0);
      CHECK_EQ(done, 5);
      for (int i = 0; i < 5; i++)
        stock_add(&f->inside, in_keys[i], in[i]);
      CHECK_CODE(pawl_queue_get_many_keys(&f->queue, keyless ? NULL : keys, items, 2, &done, PAWL_NOWAIT), 0);
      CHECK_EQ(done, 2);
      CHECK_CODE(pawl_queue_get_many_keys(&f->queue, keyless ? NULL : keys + 2, items + 2, 5, &done, PAWL_NOWAIT), 0);
      CHECK_EQ(done, 3);
      CHECK(items[5] == 0 && keys[5] == 0); /* beyond *done nothing is written */
      for (int i = 0; i < 5 && !keyless; i++)
        CHECK(stock_take(&f->inside, (struct stock_entry){keys[i], items[i]}));
      note_empty(f);
    }
    fixture_close(f);
  }
}

TEST(queue, QUE3_QUE34_part_of_a_bulk_with_keys_goes_in)
{
  EACH_KIND(kind, KIND_KEYS | KIND_BOUNDED)
  {
    static const int64_t in_keys[] = {3, 2, 1};
    static const uint64_t in[] = {30, 20, 10};
    struct fixture *f = fixture_open(kind, 2);
    size_t done = 9;
    CHECK_CODE(pawl_queue_put_many_keys(&f->queue, in_keys, in, 3, &done, PAWL_NOWAIT), PAWL_FULL);
    CHECK_EQ(done, 2);
    CHECK_CODE(pawl_queue_put_many_keys(&f->queue, in_keys, in, 0, &done, PAWL_NOWAIT), 0);
    CHECK_EQ(done, 0);
    stock_add(&f->inside, 3, 30);
    stock_add(&f->inside, 2, 20);
    while (f->inside.size > 0)
      (void)get_key_next(f);
    int64_t key = 5;
    uint64_t item = 6;
    CHECK_CODE(pawl_queue_get_many_keys(&f->queue, &key, &item, 1, &done, PAWL_NOWAIT), PAWL_EMPTY);
    CHECK_EQ(done, 0);
    CHECK(key == 5 && item == 6);
    fixture_close(f);
  }
}

/* --- waiting with keys --- */

struct keyed {
  int64_t key;
};

static int run_put_key(struct call *call)
{
  struct keyed *keyed = call->more;
  return pawl_queue_put_key(call->object, keyed->key, call->item, call->until);
}

static int run_get_key(struct call *call)
{
  struct keyed *keyed = call->more;
  return pawl_queue_get_key(call->object, &keyed->key, &call->item, call->until);
}

TEST(queue, QUE3_QUE4_QUE8_calls_with_keys_wait_and_wake)
{
  EACH_KIND(kind, KIND_KEYS | KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 1);
    struct keyed keyed = {0};
    struct call call = {.more = &keyed};
    call_begin(&call, run_get_key, &f->queue, 0, PAWL_FOREVER);
    call_wait_asleep(&call);
    put_key_ok(f, -4, 40);
    CHECK_CODE(call_end(&call), 0);
    CHECK(keyed.key == -4 && call.item == 40);
    note_empty(f);
    put_key_ok(f, 9, 90);
    keyed.key = 3;
    call_begin(&call, run_put_key, &f->queue, 30, PAWL_FOREVER);
    call_wait_asleep(&call);
    (void)get_key_next(f);
    CHECK_CODE(call_end(&call), 0);
    stock_add(&f->inside, 3, 30);
    CHECK_EQ(get_key_next(f).item, 30);
    fixture_close(f);
  }
}

/* --- an order by the caller's comparison --- */

/* Compares the tenths; the units tell equals apart. Fails as often as it is told to, and knows when it is called twice at once. */
struct judge {
  int failures; /* still to come */
  int code;
  long calls;
  _Atomic int inside;
};

static int tenths_less(void *ctx, uint64_t a, uint64_t b)
{
  struct judge *judge = ctx;
  CHECK_EQ(judge->inside++, 0);
  judge->calls++;
  int result = judge->failures > 0 ? judge->code : a / 10 < b / 10;
  judge->failures -= judge->failures > 0;
  judge->inside--;
  return result;
}

static struct pawl_queue_options judged(struct judge *judge, int64_t maxsize)
{
  return (struct pawl_queue_options){
      .maxsize = maxsize, .order = PAWL_PRIORITY, .progress = PAWL_LOCKED, .less = tenths_less, .less_ctx = judge};
}

static void open_judged(struct pawl_queue *queue, struct judge *judge, int64_t maxsize)
{
  struct pawl_queue_options options = judged(judge, maxsize);
  hook_install();
  CHECK_CODE(pawl_queue_init(queue, &options), 0);
}

TEST(queue, QUE3_a_comparison_decides_and_equals_keep_their_order)
{
  enum { N = 2000 };
  struct pawl_queue queue;
  struct judge judge = {0};
  uint64_t seed = 3, item, last = 0, counts[10] = {0};
  open_judged(&queue, &judge, 0);
  for (int i = 0; i < N; i++) {
    uint64_t tenth = test_random(&seed) % 10;
    CHECK_CODE(pawl_queue_put(&queue, tenth * 10000 + counts[tenth]++ % 10, PAWL_NOWAIT), 0);
  }
  memset(counts, 0, sizeof(counts));
  for (int i = 0; i < N; i++) {
    CHECK_CODE(pawl_queue_get(&queue, &item, PAWL_NOWAIT), 0);
    CHECK(item / 10 >= last / 10);
    CHECK_EQ(item % 10, counts[item / 10000]++ % 10);
    last = item;
  }
  CHECK(judge.calls > 0);
  CHECK_CODE(pawl_queue_get(&queue, &item, PAWL_NOWAIT), PAWL_EMPTY);
  CHECK_CODE(pawl_queue_fini(&queue), 0);
}

TEST(queue, QUE3_a_failing_comparison_has_its_code_and_the_item_is_inside)
{
  static const int codes[] = {-1, -EIO, PAWL_FAILED, INT32_MIN};
  for (int i = 0; i < 4; i++) {
    struct pawl_queue queue;
    struct pawl_queue_stats stats;
    struct judge judge = {.code = codes[i]};
    uint64_t item = 0, sum = 0;
    open_judged(&queue, &judge, 3);
    CHECK_CODE(pawl_queue_put(&queue, 20, PAWL_NOWAIT), 0);
    judge.failures = 1;
    CHECK_CODE(pawl_queue_put(&queue, 10, PAWL_FOREVER), PAWL_COMPARE);
    CHECK_EQ(judge.failures, 0);
    CHECK_EQ(pawl_queue_was_size(&queue), 2);
    CHECK_EQ(pawl_queue_unfinished(&queue), 2); /* decision 8: it counts as a put */
    pawl_queue_stats(&queue, &stats);
    CHECK_EQ(stats.puts, 2);
    CHECK_CODE(pawl_queue_put(&queue, 30, PAWL_NOWAIT), 0); /* it stays usable, and its bound exact */
    CHECK_CODE(pawl_queue_put(&queue, 40, PAWL_NOWAIT), PAWL_FULL);
    for (int n = 0; n < 3; n++) {
      CHECK_CODE(pawl_queue_get(&queue, &item, PAWL_NOWAIT), 0);
      sum += item;
      CHECK_CODE(pawl_queue_task_done(&queue), 0);
    }
    CHECK_EQ(sum, 60);
    CHECK_CODE(pawl_queue_get(&queue, &item, PAWL_NOWAIT), PAWL_EMPTY);
    CHECK_CODE(pawl_queue_join(&queue, PAWL_NOWAIT), 0);
    CHECK_CODE(pawl_queue_fini(&queue), 0);
  }
}

/*
 * PAWL_RELAXED: how many lower keys a get passes by, on average. Items that were got come back with a higher key, so that a heap that
 * is not chosen falls behind ever further: gets that preferred the higher of two tops would have thousands here.
 */
TEST(queue, QUE3_relaxed_gets_take_nearly_the_lowest)
{
  enum { HEAPS = 8, ITEMS = 4000, GETS = 20000 };
  static int64_t inside[ITEMS];
  struct pawl_queue queue;
  struct pawl_queue_options options = {.order = PAWL_RELAXED, .heaps = HEAPS};
  uint64_t seed = 12, passed = 0, item;
  CHECK_CODE(pawl_queue_init(&queue, &options), 0);
  for (uint64_t i = 0; i < ITEMS; i++) {
    inside[i] = (int64_t)(test_random(&seed) >> 44);
    CHECK_CODE(pawl_queue_put_key(&queue, inside[i], i, PAWL_NOWAIT), 0);
  }
  for (int n = 0; n < GETS; n++) {
    int64_t key;
    CHECK_CODE(pawl_queue_get_key(&queue, &key, &item, PAWL_NOWAIT), 0);
    CHECK(item < ITEMS && inside[item] == key);
    for (int i = 0; i < ITEMS; i++)
      passed += inside[i] < key;
    inside[item] = key + (int64_t)(test_random(&seed) >> 44);
    CHECK_CODE(pawl_queue_put_key(&queue, inside[item], item, PAWL_NOWAIT), 0);
  }
  CHECK_LE(passed / GETS, 10 * HEAPS);
  CHECK_CODE(pawl_queue_fini(&queue), 0);
}

/* Two puts, so that the second has something to compare with, if it comes before the first has been taken: tried until it does. */
TEST(queue, QUE3_the_item_of_a_failing_comparison_wakes_a_getter)
{
  int result = 0;
  for (int attempt = 0; result == 0; attempt++) {
    struct pawl_queue queue;
    struct judge judge = {.code = -1};
    struct call get[2];
    open_judged(&queue, &judge, 0);
    calls_asleep(get, 2, run_get, &queue, 0);
    CHECK_CODE(pawl_queue_put(&queue, 20, PAWL_NOWAIT), 0);
    judge.failures = 1;
    result = pawl_queue_put(&queue, 10, PAWL_NOWAIT);
    CHECK(result == 0 || result == PAWL_COMPARE);
    CHECK_CODE(call_end(&get[0]), 0);
    CHECK_CODE(call_end(&get[1]), 0);
    CHECK_EQ(get[0].item + get[1].item, 30);
    CHECK(get[0].item == 10 || get[0].item == 20);
    CHECK_CODE(pawl_queue_fini(&queue), 0);
    CHECK(attempt < 10000);
  }
}

TEST(queue, QUE3_QUE34_a_bulk_ends_behind_the_item_whose_comparison_failed)
{
  static const uint64_t in[] = {30, 20, 10};
  struct pawl_queue queue;
  struct judge judge = {.code = -1, .failures = 1};
  uint64_t out[4], sum = 0;
  size_t done = 9;
  open_judged(&queue, &judge, 0);
  CHECK_CODE(pawl_queue_put_many(&queue, in, 3, &done, PAWL_NOWAIT), PAWL_COMPARE);
  CHECK_EQ(done, 2); /* the queue has that one */
  CHECK_EQ(pawl_queue_was_size(&queue), 2);
  CHECK_CODE(pawl_queue_get_many(&queue, out, 4, &done, PAWL_NOWAIT), 0);
  for (size_t i = 0; i < done; i++)
    sum += out[i];
  CHECK_EQ(sum, 50);
  CHECK_CODE(pawl_queue_fini(&queue), 0);
}

/* Comparisons fail now and then in puts and in gets: nothing is lost, nothing comes twice, nobody waits for what is there. */
TEST(queue, QUE3_failing_comparisons_lose_nothing)
{
  enum { N = 3000 };
  static _Atomic unsigned char seen[N];
  struct pawl_queue queue;
  struct judge judge = {.code = -1};
  uint64_t seed = 4, item, in = 0, out = 0;
  open_judged(&queue, &judge, 0);
  while (out < N) {
    judge.failures = test_random(&seed) % 5 == 0 ? (int)(test_random(&seed) % 3) : 0;
    if (in < N && test_random(&seed) % 2 == 0) {
      int result = pawl_queue_put(&queue, in++, PAWL_NOWAIT);
      CHECK(result == 0 || result == PAWL_COMPARE);
    } else {
      uint64_t before = item = UINT64_MAX;
      int result = pawl_queue_get(&queue, &item, PAWL_NOWAIT);
      if (result == PAWL_EMPTY) {
        CHECK_EQ(in, out);
        continue;
      }
      CHECK_CODE(result, 0);
      CHECK(item != before && item < N);
      CHECK_EQ(seen[item]++, 0);
      out++;
    }
    CHECK_EQ(pawl_queue_was_size(&queue), in - out);
    CHECK_EQ(pawl_queue_unfinished(&queue), in);
  }
  CHECK_CODE(pawl_queue_fini(&queue), 0);
}

static void put_judged(void *arg)
{
  for (uint64_t i = 0; i < 3000 / (uint64_t)test_scale(); i++)
    CHECK_CODE(pawl_queue_put(arg, i, PAWL_FOREVER), 0);
}

static void get_judged(void *arg)
{
  uint64_t item;
  while (pawl_queue_get(arg, &item, PAWL_FOREVER) == 0)
    CHECK_CODE(pawl_queue_task_done(arg), 0);
}

TEST(queue, QUE3_comparisons_run_one_at_a_time)
{
  struct pawl_queue queue;
  struct judge judge = {0};
  struct test_thread putters[2], getters[2];
  open_judged(&queue, &judge, 7);
  for (int i = 0; i < 2; i++) {
    test_start(&putters[i], "putter", put_judged, &queue);
    test_start(&getters[i], "getter", get_judged, &queue);
  }
  for (int i = 0; i < 2; i++)
    test_join(&putters[i]);
  CHECK_CODE(pawl_queue_join(&queue, PAWL_FOREVER), 0);
  CHECK_CODE(pawl_queue_shutdown(&queue, false), 0);
  for (int i = 0; i < 2; i++)
    test_join(&getters[i]);
  CHECK_CODE(pawl_queue_fini(&queue), 0);
}

/* --- PAWL_RELAXED --- */

TEST(queue, QUE3_one_heap_is_the_strict_order)
{
  struct pawl_queue queue;
  struct stock expected = {.order = PAWL_PRIORITY};
  uint64_t seed = 6, item;
  int64_t key;
  hook_install();
  CHECK_CODE(pawl_queue_init(&queue, &(struct pawl_queue_options){.order = PAWL_RELAXED, .heaps = 1}), 0);
  for (uint64_t i = 0; i < 2000; i++) {
    key = (int64_t)(test_random(&seed) % 500) - 100;
    CHECK_CODE(pawl_queue_put_key(&queue, key, i, PAWL_NOWAIT), 0);
    stock_add(&expected, key, i);
    if (i % 3 == 0) {
      CHECK_CODE(pawl_queue_get_key(&queue, &key, &item, PAWL_NOWAIT), 0);
      CHECK(stock_take(&expected, (struct stock_entry){key, item}));
    }
  }
  while (pawl_queue_get_key(&queue, &key, &item, PAWL_NOWAIT) == 0)
    CHECK(stock_take(&expected, (struct stock_entry){key, item}));
  CHECK_EQ(expected.size, 0);
  stock_clear(&expected);
  CHECK_CODE(pawl_queue_fini(&queue), 0);
}

TEST(queue, QUE3_any_number_of_heaps_delivers_everything_once)
{
  static const unsigned heaps[] = {0, 1, 2, 3, 7, 64, 1023, 1024};
  for (size_t h = 0; h < sizeof(heaps) / sizeof(heaps[0]); h++) {
    enum { N = 3000 };
    static unsigned char seen[N];
    struct pawl_queue queue;
    uint64_t item;
    hook_install();
    memset(seen, 0, sizeof(seen));
    CHECK_CODE(pawl_queue_init(&queue, &(struct pawl_queue_options){.order = PAWL_RELAXED, .heaps = heaps[h]}), 0);
    for (uint64_t i = 0; i < N; i++)
      CHECK_CODE(pawl_queue_put(&queue, i, PAWL_NOWAIT), 0);
    CHECK_EQ(pawl_queue_was_size(&queue), N);
    for (int i = 0; i < N; i++) {
      CHECK_CODE(pawl_queue_get(&queue, &item, PAWL_NOWAIT), 0);
      CHECK(item < N);
      CHECK_EQ(seen[item]++, 0);
    }
    CHECK_CODE(pawl_queue_get(&queue, &item, PAWL_NOWAIT), PAWL_EMPTY);
    CHECK_CODE(pawl_queue_fini(&queue), 0);
  }
}

/* --- any order: EMPTY is the truth --- */

struct keepers {
  struct pawl_queue *queue;
  _Atomic int working;
  uint64_t turns;
};

/* Whoever puts before it gets leaves at least as many inside as there are such threads at work. */
static void put_then_get(void *arg)
{
  struct keepers *keepers = arg;
  uint64_t item, seed = (uintptr_t)&item | 1;
  for (uint64_t i = 0; i < keepers->turns; i++) {
    CHECK_CODE(pawl_queue_put(keepers->queue, test_random(&seed), PAWL_FOREVER), 0);
    CHECK_CODE(pawl_queue_get(keepers->queue, &item, PAWL_NOWAIT), 0);
  }
  keepers->working--;
}

static void keep_something_inside(struct pawl_queue *queue, uint64_t turns)
{
  enum { N = 4 };
  struct keepers keepers = {.queue = queue, .working = N, .turns = turns / (uint64_t)test_scale()};
  struct test_thread threads[N];
  for (int i = 0; i < N; i++)
    test_start(&threads[i], "put, then get", put_then_get, &keepers);
  disturb(threads, N, &keepers.working);
  for (int i = 0; i < N; i++)
    test_join(&threads[i]);
  CHECK_EQ(pawl_queue_was_size(queue), 0);
}

TEST(queue, QUE11_never_empty_while_something_is_inside)
{
  EACH_KIND(kind, KIND_MANY)
  {
    struct fixture *f = fixture_open(kind, 4);
    keep_something_inside(&f->queue, 10000);
    fixture_close(f);
  }
}

/* Few items in many heaps: a look at all of them takes long, and items move meanwhile. */
TEST(queue, QUE3_QUE11_many_heaps_are_never_empty_while_something_is_inside)
{
  struct pawl_queue queue;
  hook_install();
  CHECK_CODE(pawl_queue_init(&queue, &(struct pawl_queue_options){.order = PAWL_RELAXED, .heaps = 500}), 0);
  keep_something_inside(&queue, 100000);
  CHECK_CODE(pawl_queue_fini(&queue), 0);
}
