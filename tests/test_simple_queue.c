/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_simple_queue.c - pawl_simple_queue: order, waiting, close, end. Its put in signal handlers is in
 * test_faults_signal.c, its allocation failures are in test_faults_alloc.c.
 */
#include "kit.h"

#include <errno.h>

static struct pawl_simple_queue in_bss;
static struct pawl_simple_queue initialised = PAWL_SIMPLE_QUEUE_INIT;

static int run_simple_get(struct call *call)
{
  return pawl_simple_queue_get(call->object, &call->item, call->until);
}

static void simple_put_ok(struct pawl_simple_queue *queue, uint64_t item)
{
  CHECK_CODE(pawl_simple_queue_put(queue, item), 0);
}

static void simple_get_ok(struct pawl_simple_queue *queue, uint64_t expected)
{
  uint64_t item = ~expected;
  CHECK_CODE(pawl_simple_queue_get(queue, &item, PAWL_NOWAIT), 0);
  CHECK_EQ(item, expected);
}

static void end(struct pawl_simple_queue *queue)
{
  static const struct pawl_simple_queue zero;
  CHECK_CODE(pawl_simple_queue_fini(queue), 0);
  CHECK(memcmp(queue, &zero, sizeof(zero)) == 0);
}

TEST(simple_queue, QUE28_first_in_first_out_without_bound)
{
  static const uint64_t odd[] = {0, UINT64_MAX, 1ull << 63, 1, 2};
  struct pawl_simple_queue *queues[] = {&in_bss, &initialised};
  hook_install();
  for (int q = 0; q < 2; q++) {
    uint64_t seed = 5, in = 0, out = 0;
    for (int i = 0; i < 5; i++)
      simple_put_ok(queues[q], odd[i]);
    for (int i = 0; i < 5; i++)
      simple_get_ok(queues[q], odd[i]);
    for (int lap = 0; lap < 200; lap++) {
      for (uint64_t n = test_random(&seed) % 3000; n > 0; n--)
        simple_put_ok(queues[q], in++);
      for (uint64_t n = test_random(&seed) % 3000; n > 0 && out < in; n--)
        simple_get_ok(queues[q], out++);
    }
    while (out < in)
      simple_get_ok(queues[q], out++);
    end(queues[q]);
  }
}

TEST(simple_queue, QUE29_put_never_blocks_nor_refuses)
{
  struct pawl_simple_queue queue = PAWL_SIMPLE_QUEUE_INIT;
  hook_install();
  for (uint64_t i = 0; i < 200000; i++)
    simple_put_ok(&queue, i);
  CHECK_EQ(pawl_simple_queue_was_size(&queue), 200000);
  end(&queue);
}

TEST(simple_queue, QUE30_get_waits_until_there_is_an_item)
{
  enum { N = 4 };
  struct pawl_simple_queue queue = PAWL_SIMPLE_QUEUE_INIT;
  struct call get[N];
  uint64_t sum = 0;
  hook_install();
  for (int burst = 0; burst < 6; burst++) {
    for (int i = 0; i < N; i++)
      call_begin(&get[i], run_simple_get, &queue, 0, i % 2 ? PAWL_FOREVER : pawl_after(PAWL_S(1000)));
    for (int i = 0; i < N; i++)
      call_wait_asleep(&get[i]);
    for (int i = 0; i < N; i++)
      simple_put_ok(&queue, 1u << i);
    sum = 0;
    for (int i = 0; i < N; i++) {
      CHECK_CODE(call_end(&get[i]), 0);
      sum += get[i].item;
    }
    CHECK_EQ(sum, (1u << N) - 1);
  }
  end(&queue);
}

TEST(simple_queue, QUE30_each_put_lets_one_sleeping_getter_go)
{
  struct pawl_simple_queue queue = PAWL_SIMPLE_QUEUE_INIT;
  struct call get[3];
  hook_install();
  calls_asleep(get, 3, run_simple_get, &queue, 0);
  for (int n = 1; n <= 3; n++) {
    simple_put_ok(&queue, 5);
    EVENTUALLY(call_has_returned(&get[0]) + call_has_returned(&get[1]) + call_has_returned(&get[2]) == n);
  }
  for (int i = 0; i < 3; i++)
    CHECK_CODE(call_end(&get[i]), 0);
  end(&queue);
}

TEST(simple_queue, QUE30_QUE31_empty_at_the_deadline_and_not_before)
{
  static const pawl_time past[] = {PAWL_NOWAIT, 1, -1, -PAWL_S(5), INT64_MIN};
  struct pawl_simple_queue queue = PAWL_SIMPLE_QUEUE_INIT;
  uint64_t item = 77;
  hook_install();
  for (int used = 0; used < 2; used++) {
    for (size_t i = 0; i < sizeof(past) / sizeof(past[0]); i++)
      CHECK_CODE(pawl_simple_queue_get(&queue, &item, past[i]), PAWL_EMPTY); /* a negative one is not "for ever" */
    for (int64_t wait = PAWL_US(1); wait <= PAWL_MS(10); wait *= 10) {
      pawl_time until = pawl_after(wait);
      CHECK_CODE(pawl_simple_queue_get(&queue, &item, until), PAWL_EMPTY);
      CHECK_GE(pawl_now(), until);
    }
    CHECK_EQ(item, 77);
    for (size_t i = 0; i < sizeof(past) / sizeof(past[0]); i++) {
      simple_put_ok(&queue, i);
      CHECK_CODE(pawl_simple_queue_get(&queue, &item, past[i]), 0); /* an item beats a past deadline */
      CHECK_EQ(item, i);
    }
    item = 77;
  }
  end(&queue);
}

/*
 * The trap of CPython 3.7 to 3.10: a getter that is woken again and again, its items taken by others, must still come back
 * at its deadline, and not wait for ever once the rest of its time has turned negative.
 */
struct robbery {
  struct pawl_simple_queue *queue;
  _Atomic bool stop;
  _Atomic uint64_t taken;
};

static void rob(void *arg)
{
  struct robbery *robbery = arg;
  uint64_t item;
  while (!robbery->stop) {
    simple_put_ok(robbery->queue, 1);
    if (pawl_simple_queue_get(robbery->queue, &item, PAWL_NOWAIT) == 0)
      robbery->taken++;
  }
}

TEST(simple_queue, QUE30_a_getter_woken_for_nothing_keeps_its_deadline)
{
  struct pawl_simple_queue queue = PAWL_SIMPLE_QUEUE_INIT;
  struct robbery robbery = {.queue = &queue};
  struct test_thread robber;
  hook_install();
  test_start(&robber, "robber", rob, &robbery);
  for (int round = 0; round < 200; round++) {
    uint64_t item;
    pawl_time until = pawl_after(PAWL_US(500));
    int result = pawl_simple_queue_get(&queue, &item, until);
    CHECK(result == 0 || (result == PAWL_EMPTY && pawl_now() >= until));
    CHECK_LE(pawl_now(), until + PAWL_S(5) * test_scale());
  }
  robbery.stop = true;
  test_join(&robber);
  end(&queue);
}

TEST(simple_queue, QUE31_size_and_empty_are_snapshots)
{
  struct pawl_simple_queue queue = PAWL_SIMPLE_QUEUE_INIT;
  hook_install();
  CHECK(pawl_simple_queue_was_empty(&queue));
  for (uint64_t i = 0; i < 1200; i++) {
    CHECK_EQ(pawl_simple_queue_was_size(&queue), i);
    simple_put_ok(&queue, i);
    CHECK(!pawl_simple_queue_was_empty(&queue));
  }
  for (uint64_t i = 0; i < 1200; i++) {
    simple_get_ok(&queue, i);
    CHECK_EQ(pawl_simple_queue_was_size(&queue), 1199 - i);
  }
  CHECK(pawl_simple_queue_was_empty(&queue));
  end(&queue);
}

TEST(simple_queue, QUE32_close_refuses_puts_and_delivers_the_rest)
{
  hook_install();
  for (uint64_t n = 0; n < 1100; n = n * 3 + 1) {
    struct pawl_simple_queue queue = PAWL_SIMPLE_QUEUE_INIT;
    uint64_t item = 77;
    for (uint64_t i = 0; i < n; i++)
      simple_put_ok(&queue, i);
    CHECK_CODE(pawl_simple_queue_close(&queue), 0);
    CHECK_CODE(pawl_simple_queue_close(&queue), 0);
    CHECK_CODE(pawl_simple_queue_put(&queue, 5), PAWL_SHUTDOWN);
    for (uint64_t i = 0; i < n; i++)
      simple_get_ok(&queue, i);
    CHECK_CODE(pawl_simple_queue_get(&queue, &item, PAWL_NOWAIT), PAWL_SHUTDOWN);
    CHECK_CODE(pawl_simple_queue_get(&queue, &item, PAWL_FOREVER), PAWL_SHUTDOWN);
    CHECK_CODE(pawl_simple_queue_put(&queue, 5), PAWL_SHUTDOWN);
    CHECK_EQ(item, 77);
    end(&queue);
  }
}

TEST(simple_queue, QUE32_close_of_a_segment_just_filled)
{
  hook_install();
  for (uint64_t n = 500; n < 530; n++) {
    struct pawl_simple_queue queue = PAWL_SIMPLE_QUEUE_INIT;
    uint64_t item;
    for (uint64_t i = 0; i < n; i++)
      simple_put_ok(&queue, i);
    CHECK_CODE(pawl_simple_queue_close(&queue), 0);
    CHECK_CODE(pawl_simple_queue_put(&queue, 5), PAWL_SHUTDOWN);
    for (uint64_t i = 0; i < n; i++)
      simple_get_ok(&queue, i);
    CHECK_CODE(pawl_simple_queue_get(&queue, &item, PAWL_NOWAIT), PAWL_SHUTDOWN);
    end(&queue);
  }
}

TEST(simple_queue, QUE32_close_wakes_every_sleeping_getter)
{
  enum { N = 4 };
  struct pawl_simple_queue queue = PAWL_SIMPLE_QUEUE_INIT;
  struct call get[N];
  hook_install();
  calls_asleep(get, N, run_simple_get, &queue, 777);
  CHECK_CODE(pawl_simple_queue_close(&queue), 0);
  for (int i = 0; i < N; i++) {
    CHECK_CODE(call_end(&get[i]), PAWL_SHUTDOWN);
    CHECK_EQ(get[i].item, 777);
  }
  end(&queue);
}

static uint64_t drops, drop_sum;

static void count_drop(void *ctx, uint64_t item)
{
  CHECK(ctx == &drops);
  drops++;
  drop_sum += item;
}

TEST(simple_queue, QUE33_fini_drops_the_rest_and_refuses_while_somebody_waits)
{
  struct pawl_simple_queue queue;
  struct call get;
  hook_install();
  CHECK_CODE(pawl_thread_attach(), 0);
  size_t bytes = hook_live_bytes();
  memset(&queue, 0x5a, sizeof(queue));
  CHECK_CODE(pawl_simple_queue_init(&queue, count_drop, &drops), 0);
  call_begin(&get, run_simple_get, &queue, 0, PAWL_FOREVER);
  call_wait_asleep(&get);
  CHECK_CODE(pawl_simple_queue_fini(&queue), -EBUSY);
  simple_put_ok(&queue, 1);
  CHECK_CODE(call_end(&get), 0);
  size_t record = hook_live_bytes(); /* the other thread's record stays for the next thread */
  for (uint64_t i = 1; i <= 1000; i++)
    simple_put_ok(&queue, i);
  end(&queue);
  CHECK_EQ(drops, 1000);
  CHECK_EQ(drop_sum, 500500);
  end(&queue); /* twice */
  CHECK_LE(hook_live_bytes(), record);
  simple_put_ok(&queue, 1); /* and it is a queue again */
  simple_get_ok(&queue, 1);
  end(&queue);
  CHECK_LE(hook_live_bytes() - bytes, 1024);
}

TEST(simple_queue, heap_twins_make_and_free)
{
  struct pawl_simple_queue *queue = NULL;
  hook_install();
  CHECK_CODE(pawl_thread_attach(), 0);
  size_t before = hook_live_bytes();
  CHECK_CODE(pawl_simple_queue_new(&queue, count_drop, &drops), 0);
  simple_put_ok(queue, 3);
  simple_put_ok(queue, 4);
  simple_get_ok(queue, 3);
  CHECK_CODE(pawl_simple_queue_free(queue), 0);
  CHECK_EQ(drop_sum, 4);
  CHECK_CODE(pawl_simple_queue_free(NULL), 0);
  CHECK_EQ(hook_live_bytes(), before);
}

TEST(simple_queue, misuse_null_gets_einval)
{
  struct pawl_simple_queue queue = PAWL_SIMPLE_QUEUE_INIT;
  uint64_t item = 5;
  CHECK_CODE(pawl_simple_queue_init(NULL, NULL, NULL), -EINVAL);
  CHECK_CODE(pawl_simple_queue_fini(NULL), -EINVAL);
  CHECK_CODE(pawl_simple_queue_new(NULL, NULL, NULL), -EINVAL);
  CHECK_CODE(pawl_simple_queue_put(NULL, 1), -EINVAL);
  CHECK_CODE(pawl_simple_queue_put_in_handler(NULL, 1), -EINVAL);
  CHECK_CODE(pawl_simple_queue_get(NULL, &item, PAWL_FOREVER), -EINVAL);
  CHECK_CODE(pawl_simple_queue_close(NULL), -EINVAL);
  simple_put_ok(&queue, 9);
  CHECK_CODE(pawl_simple_queue_get(&queue, NULL, PAWL_NOWAIT), -EINVAL);
  simple_get_ok(&queue, 9);
  CHECK_EQ(item, 5);
  end(&queue);
}

/* --- traffic: each producer's items in order, none lost, none twice; closed at the end --- */

enum { PRODUCERS = 3, CONSUMERS = 2 };

struct traffic {
  struct pawl_simple_queue *queue;
  uint64_t items;
  _Atomic uint64_t got, sum;
  _Atomic unsigned producer;
};

static void produce(void *arg)
{
  struct traffic *traffic = arg;
  uint64_t self = traffic->producer++;
  for (uint64_t i = 1; i <= traffic->items; i++)
    CHECK_CODE(pawl_simple_queue_put(traffic->queue, self << 32 | i), 0);
}

static void consume(void *arg)
{
  struct traffic *traffic = arg;
  uint64_t last[PRODUCERS] = {0}, item;
  int result;
  while ((result = pawl_simple_queue_get(traffic->queue, &item, PAWL_FOREVER)) == 0) {
    uint64_t producer = item >> 32, number = item & UINT32_MAX;
    CHECK(producer < PRODUCERS);
    CHECK(number > last[producer]);
    last[producer] = number;
    traffic->got++;
    traffic->sum += number;
  }
  CHECK_CODE(result, PAWL_SHUTDOWN);
}

TEST(simple_queue, QUE28_nothing_is_lost_under_traffic)
{
  struct pawl_simple_queue queue = PAWL_SIMPLE_QUEUE_INIT;
  struct traffic traffic = {.queue = &queue, .items = 60000 / (uint64_t)test_scale()};
  struct test_thread producers[PRODUCERS], consumers[CONSUMERS];
  hook_install();
  for (int i = 0; i < CONSUMERS; i++)
    test_start(&consumers[i], "consumer", consume, &traffic);
  for (int i = 0; i < PRODUCERS; i++)
    test_start(&producers[i], "producer", produce, &traffic);
  for (int i = 0; i < PRODUCERS; i++)
    test_join(&producers[i]);
  CHECK_CODE(pawl_simple_queue_close(&queue), 0);
  for (int i = 0; i < CONSUMERS; i++)
    test_join(&consumers[i]);
  CHECK_EQ(traffic.got, PRODUCERS * traffic.items);
  CHECK_EQ(traffic.sum, PRODUCERS * (traffic.items * (traffic.items + 1) / 2));
  end(&queue);
}
