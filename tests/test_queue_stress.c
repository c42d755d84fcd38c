/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_queue_stress.c - many threads: order per producer, nothing lost or doubled, payloads visible, sizes within bounds,
 * with deadlines that pass, bounds that change and a shutdown at the end. PAWL_STRESS_OPS in the environment sets how many
 * items each kind moves in the mixed run (a release moves 1e9 in all).
 */
#include "kit.h"

#include <errno.h>

enum { PRODUCERS = 3, CONSUMERS = 3 };

struct crowd {
  struct fixture *f;
  uint64_t items; /* per producer */
  int64_t most;   /* size that is never exceeded; 0: none */
  bool deadlines; /* some puts and gets give up */
  _Atomic unsigned producer;
  _Atomic uint64_t got, sum;
  _Atomic bool stop;
};

static pawl_time some_deadline(struct crowd *crowd, uint64_t *seed)
{
  uint64_t dice = test_random(seed);
  return !crowd->deadlines || dice % 4 != 0 ? PAWL_FOREVER : dice % 8 == 0 ? PAWL_NOWAIT : pawl_after((int64_t)(dice % 60000));
}

static void produce(void *arg)
{
  struct crowd *crowd = arg;
  uint64_t self = crowd->producer++, seed = self + 1;
  for (uint64_t i = 1; i <= crowd->items;) {
    int result = pawl_queue_put(&crowd->f->queue, self << 40 | i, some_deadline(crowd, &seed));
    if (result == 0)
      i++;
    else
      CHECK_CODE(result, PAWL_FULL);
  }
}

static void consume(void *arg)
{
  struct crowd *crowd = arg;
  uint64_t last[PRODUCERS] = {0}, item, seed = (uintptr_t)&seed | 1;
  for (;;) {
    int result = pawl_queue_get(&crowd->f->queue, &item, some_deadline(crowd, &seed));
    if (result == PAWL_SHUTDOWN)
      return;
    if (result == PAWL_EMPTY && crowd->deadlines)
      continue;
    CHECK_CODE(result, 0);
    uint64_t producer = item >> 40, number = item & ((UINT64_C(1) << 40) - 1);
    CHECK(producer < PRODUCERS);
    if (crowd->f->kind->traits & KIND_IN_TURN)
      CHECK(number > last[producer]); /* one producer's items come to one consumer in the order of their puts */
    last[producer] = number;
    crowd->got++;
    crowd->sum += number;
    if (crowd->f->kind->traits & KIND_TRACKED)
      CHECK_CODE(pawl_queue_task_done(&crowd->f->queue), 0);
  }
}

static void watch_sizes(void *arg)
{
  struct crowd *crowd = arg;
  struct pawl_queue *q = &crowd->f->queue;
  while (!crowd->stop) {
    size_t size = pawl_queue_was_size(q);
    CHECK(size <= (crowd->most > 0 ? (uint64_t)crowd->most : PRODUCERS * crowd->items));
    (void)pawl_queue_was_full(q);
    (void)pawl_queue_was_empty(q);
    CHECK_LE(pawl_queue_unfinished(q), PRODUCERS * crowd->items);
    sched_yield();
  }
}

static void change_maxsize(void *arg)
{
  struct crowd *crowd = arg;
  uint64_t seed = 5;
  while (!crowd->stop) {
    CHECK_CODE(pawl_queue_set_maxsize(&crowd->f->queue, 1 + (int64_t)(test_random(&seed) % (uint64_t)crowd->most)), 0);
    kit_pause();
  }
}

static void run_crowd(struct crowd *crowd, int producers, int consumers, bool resize)
{
  struct test_thread makers[PRODUCERS], takers[CONSUMERS], watcher, resizer;
  test_start(&watcher, "watcher", watch_sizes, crowd);
  for (int i = 0; i < consumers; i++)
    test_start(&takers[i], "consumer", consume, crowd);
  for (int i = 0; i < producers; i++)
    test_start(&makers[i], "producer", produce, crowd);
  if (resize)
    test_start(&resizer, "resizer", change_maxsize, crowd);
  for (int i = 0; i < producers; i++)
    test_join(&makers[i]);
  if (crowd->f->kind->traits & KIND_TRACKED)
    CHECK_CODE(pawl_queue_join(&crowd->f->queue, PAWL_FOREVER), 0);
  crowd->stop = true;
  if (resize)
    test_join(&resizer);
  test_join(&watcher);
  CHECK_CODE(pawl_queue_shutdown(&crowd->f->queue, false), 0);
  for (int i = 0; i < consumers; i++)
    test_join(&takers[i]);
  CHECK_EQ(crowd->got, (uint64_t)producers * crowd->items);
  CHECK_EQ(crowd->sum, (uint64_t)producers * (crowd->items * (crowd->items + 1) / 2));
}

static uint64_t stress_items(uint64_t standard)
{
  const char *wish = getenv("PAWL_STRESS_OPS");
  return wish ? strtoull(wish, NULL, 10) / PRODUCERS : standard / (uint64_t)test_scale();
}

TEST(queue, QUE25_QUE13_order_per_producer_and_sizes_within_bounds)
{
  static const int64_t sizes[] = {1, 2, 5, 64};
  EACH_KIND(kind, 0)
  {
    bool many = kind->traits & KIND_MANY;
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
      if (s > 0 && (kind->traits & KIND_UNBOUNDED))
        break;
      struct crowd crowd = {.f = fixture_open(kind, sizes[s]), .items = 1500 / (uint64_t)test_scale()};
      crowd.most = kind->traits & KIND_BOUNDED ? sizes[s] : 0;
      run_crowd(&crowd, many ? PRODUCERS : 1, many ? CONSUMERS : 1, false);
      fixture_close(crowd.f);
    }
  }
}

TEST(queue, QUE25_one_consumer_sees_each_producers_order)
{
  EACH_KIND(kind, KIND_MANY)
  {
    struct crowd crowd = {.f = fixture_open(kind, 100), .items = 10000 / (uint64_t)test_scale()};
    crowd.most = kind->traits & KIND_BOUNDED ? 100 : 0;
    run_crowd(&crowd, PRODUCERS, 1, false);
    fixture_close(crowd.f);
  }
}

TEST(queue, QUE25_QUE1_deadlines_and_changing_bounds_lose_nothing)
{
  test_timeout(getenv("PAWL_STRESS_OPS") ? 36000 : 60);
  EACH_KIND(kind, KIND_MANY)
  {
    enum { MOST = 40 };
    bool bounded = kind->traits & KIND_BOUNDED;
    struct crowd crowd = {.f = fixture_open(kind, MOST), .items = stress_items(20000), .deadlines = true};
    crowd.most = bounded ? MOST : 0;
    run_crowd(&crowd, PRODUCERS, CONSUMERS, bounded);
    fixture_close(crowd.f);
  }
}

/* --- what was written before a put is visible after the get of that item, and task_done's past after join --- */

struct parcel {
  uint64_t words[4]; /* plain: ThreadSanitizer reports the race, other builds the wrong value */
  uint64_t answer;
};

struct mail {
  struct fixture *f;
  struct parcel *parcels;
  uint64_t n;
};

static void answer_parcels(void *arg)
{
  struct mail *mail = arg;
  uint64_t item;
  while (pawl_queue_get(&mail->f->queue, &item, PAWL_FOREVER) == 0) {
    struct parcel *parcel = (struct parcel *)(uintptr_t)item;
    for (uint64_t i = 1; i < 4; i++)
      CHECK_EQ(parcel->words[i], parcel->words[0] + i);
    parcel->answer = parcel->words[3] * 2;
    CHECK_CODE(pawl_queue_task_done(&mail->f->queue), 0);
  }
}

TEST(queue, THR13_QUE25_put_happens_before_get_and_task_done_before_join)
{
  EACH_KIND(kind, KIND_TRACKED)
  {
    int workers = kind->traits & KIND_MANY ? 3 : 1;
    struct mail mail = {.f = fixture_open(kind, 20), .n = 3000 / (uint64_t)test_scale()};
    struct test_thread threads[3];
    mail.parcels = calloc(mail.n, sizeof(*mail.parcels));
    for (int i = 0; i < workers; i++)
      test_start(&threads[i], "worker", answer_parcels, &mail);
    for (uint64_t round = 1; round <= 3; round++) {
      for (uint64_t i = 0; i < mail.n; i++) {
        struct parcel *parcel = &mail.parcels[i];
        for (uint64_t w = 0; w < 4; w++)
          parcel->words[w] = round * 100000 + i + w;
        CHECK_CODE(pawl_queue_put(&mail.f->queue, (uintptr_t)parcel, PAWL_FOREVER), 0);
      }
      CHECK_CODE(pawl_queue_join(&mail.f->queue, PAWL_FOREVER), 0);
      for (uint64_t i = 0; i < mail.n; i++)
        CHECK_EQ(mail.parcels[i].answer, (round * 100000 + i + 3) * 2);
    }
    CHECK_CODE(pawl_queue_shutdown(&mail.f->queue, false), 0);
    for (int i = 0; i < workers; i++)
      test_join(&threads[i]);
    free(mail.parcels);
    fixture_close(mail.f);
  }
}
