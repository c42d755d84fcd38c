/* SPDX-License-Identifier: BSD-2-Clause */
/* test_queue_custom.c - an order of the caller's own: callbacks under the lock, and callbacks that fail. */
#include "kit.h"

#include <errno.h>

#define EACH_CUSTOM(kind) EACH_KIND(kind, KIND_CUSTOM)

TEST(queue, QUE26_the_callbacks_decide_the_order)
{
  EACH_CUSTOM(kind)
  {
    struct fixture *f = fixture_open(kind, 10);
    f->stock.order = f->inside.order = PAWL_LIFO;
    fill(f, 0, 10);
    for (uint64_t i = 10; i > 0; i--)
      get_ok(f, i - 1);
    CHECK_EQ(f->stock.puts, 10);
    CHECK_EQ(f->stock.gets, 10);
    fixture_close(f);
  }
}

TEST(queue, QUE26_get_is_called_only_while_there_is_something)
{
  EACH_CUSTOM(kind)
  {
    struct fixture *f = fixture_open(kind, 2);
    uint64_t item;
    CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_NOWAIT), PAWL_EMPTY);
    CHECK_CODE(pawl_queue_get(&f->queue, &item, pawl_after(PAWL_MS(1))), PAWL_EMPTY);
    put_ok(f, 1);
    get_ok(f, 1);
    CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_NOWAIT), PAWL_EMPTY);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, true), 0);
    CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_NOWAIT), PAWL_SHUTDOWN);
    CHECK_EQ(f->stock.gets, 1);
    CHECK_EQ(f->stock.gets_when_empty, 0);
    fixture_close(f);
  }
}

TEST(queue, QUE26_a_full_queue_does_not_call_put)
{
  EACH_KIND(kind, KIND_CUSTOM | KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 1);
    put_ok(f, 1);
    CHECK_CODE(pawl_queue_put(&f->queue, 2, PAWL_NOWAIT), PAWL_FULL);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
    CHECK_CODE(pawl_queue_put(&f->queue, 2, PAWL_NOWAIT), PAWL_SHUTDOWN);
    CHECK_EQ(f->stock.puts, 1);
    fixture_close(f);
  }
}

TEST(queue, QUE26_a_failing_put_reaches_its_caller_and_changes_nothing)
{
  static const int codes[] = {-ENOMEM, -EIO, PAWL_FAILED, PAWL_COMPARE, -4095};
  EACH_CUSTOM(kind)
  {
    struct fixture *f = fixture_open(kind, 3);
    struct call get;
    call_begin(&get, run_get, &f->queue, 0, PAWL_FOREVER);
    call_wait_asleep(&get);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
      f->stock.put_result = codes[i];
      CHECK_CODE(pawl_queue_put(&f->queue, 1, PAWL_FOREVER), codes[i]);
      CHECK_CODE(pawl_queue_put(&f->queue, 1, PAWL_NOWAIT), codes[i]);
      CHECK_EQ(pawl_queue_was_size(&f->queue), 0);
      CHECK_EQ(pawl_queue_unfinished(&f->queue), 0);
      CHECK_CODE(pawl_queue_join(&f->queue, PAWL_NOWAIT), 0);
      CHECK_CODE(pawl_queue_task_done(&f->queue), -ERANGE);
    }
    call_wait_asleep(&get);
    CHECK_EQ(f->stock.gets, 0); /* nobody was notified */
    f->stock.put_result = 0;
    put_ok(f, 5);
    CHECK_CODE(call_end(&get), 0);
    CHECK_EQ(get.item, 5);
    note_get(f, 5);
    CHECK_EQ(pawl_queue_unfinished(&f->queue), 1);
    fixture_close(f);
  }
}

TEST(queue, QUE26_a_failing_get_reaches_its_caller_and_changes_nothing)
{
  EACH_KIND(kind, KIND_CUSTOM | KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 2);
    struct call put;
    uint64_t item = 77;
    fill(f, 0, 2);
    call_begin(&put, run_put, &f->queue, 2, PAWL_FOREVER);
    call_wait_asleep(&put);
    f->stock.get_result = -EIO;
    int puts = f->stock.puts;
    CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_FOREVER), -EIO);
    CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_NOWAIT), -EIO);
    CHECK_EQ(item, 77);
    CHECK_EQ(pawl_queue_was_size(&f->queue), 2);
    CHECK_EQ(pawl_queue_unfinished(&f->queue), 2);
    call_wait_asleep(&put);
    CHECK_EQ(f->stock.puts, puts);
    f->stock.get_result = 0;
    get_ok(f, 0);
    CHECK_CODE(call_end(&put), 0);
    note_put(f, 2);
    get_ok(f, 1);
    get_ok(f, 2);
    fixture_close(f);
  }
}

TEST(queue, QUE26_a_failing_get_leaves_the_item_for_the_others)
{
  EACH_CUSTOM(kind)
  {
    struct fixture *f = fixture_open(kind, 2);
    struct call first, second;
    f->stock.get_result = -EIO;
    call_begin(&first, run_get, &f->queue, 0, PAWL_FOREVER);
    call_begin(&second, run_get, &f->queue, 0, PAWL_FOREVER);
    call_wait_asleep(&first);
    call_wait_asleep(&second);
    put_ok(f, 1); /* wakes one, whose callback fails: the item is there still, and so must be the wake-up */
    CHECK_CODE(call_end(&first), -EIO);
    CHECK_CODE(call_end(&second), -EIO);
    f->stock.get_result = 0;
    get_ok(f, 1);
    fixture_close(f);
  }
}

TEST(queue, QUE26_many_get_what_one_lock_protects)
{
  EACH_CUSTOM(kind)
  {
    struct fixture *f = fixture_open(kind, 3);
    struct call put[8], get[8];
    uint64_t sum = 0;
    for (int i = 0; i < 8; i++) {
      call_begin(&get[i], run_get, &f->queue, 0, PAWL_FOREVER);
      call_begin(&put[i], run_put, &f->queue, 1u << i, PAWL_FOREVER);
    }
    for (int i = 0; i < 8; i++) {
      CHECK_CODE(call_end(&put[i]), 0);
      CHECK_CODE(call_end(&get[i]), 0);
      sum += get[i].item;
    }
    CHECK_EQ(sum, 255);
    fixture_close(f);
  }
}

/* An order whose stock is in another Pawl queue. */
static struct pawl_queue stock_queue;

static int put_there(void *ctx, uint64_t item)
{
  (void)ctx;
  return pawl_queue_put(&stock_queue, item, PAWL_NOWAIT);
}

static int get_there(void *ctx, uint64_t *item)
{
  (void)ctx;
  return pawl_queue_get(&stock_queue, item, PAWL_NOWAIT);
}

static size_t size_there(void *ctx)
{
  (void)ctx;
  return pawl_queue_was_size(&stock_queue);
}

TEST(queue, QUE26_callbacks_may_use_other_queues)
{
  static const struct pawl_queue_ops ops = {put_there, get_there, size_there};
  struct pawl_queue queue;
  uint64_t item;
  hook_install();
  CHECK_CODE(pawl_queue_init(&queue, &(struct pawl_queue_options){.custom = &ops}), 0);
  for (uint64_t i = 0; i < 1500; i++)
    CHECK_CODE(pawl_queue_put(&queue, i, PAWL_FOREVER), 0);
  for (uint64_t i = 0; i < 1500; i++) {
    CHECK_CODE(pawl_queue_get(&queue, &item, PAWL_FOREVER), 0);
    CHECK_EQ(item, i);
  }
  CHECK_CODE(pawl_queue_fini(&queue), 0);
  CHECK_CODE(pawl_queue_fini(&stock_queue), 0);
}

/* A get that fails while the queue is shut down immediately must not make shutdown spin or lose its end. */
TEST(queue, QUE26_an_immediate_shutdown_survives_a_failing_get)
{
  EACH_CUSTOM(kind)
  {
    struct fixture *f = fixture_open(kind, 3);
    fill(f, 0, 3);
    f->stock.get_result = -EIO;
    CHECK_CODE(pawl_queue_shutdown(&f->queue, true), 0);
    CHECK(pawl_queue_is_shutdown(&f->queue));
    CHECK_CODE(pawl_queue_put(&f->queue, 9, PAWL_NOWAIT), PAWL_SHUTDOWN);
    f->stock.get_result = 0;
    fixture_close(f);
  }
}
