/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_faults_fork.c - the child of a fork uses the queues of its parent, whatever the parent's other threads were doing at
 * that moment: no call hangs, no item comes twice or from nowhere, only items of puts under way may be missing (QUE35).
 */
#include "kit.h"

#pragma GCC diagnostic ignored "-Wunused-function" /* of these only the layout is needed */
#include "fifo_segment.h"
#include "heap.h"
#include "lifo.h"
#include "relaxed.h"
#include "ring.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#if !defined(__has_feature)
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || __has_feature(thread_sanitizer) ||                        \
    __has_feature(address_sanitizer)
#define CHILD_HAS_THREADS false /* ThreadSanitizer cannot start threads in the child of several */
#define FORK_MAY_HANG true
#else
#define CHILD_HAS_THREADS !test_emulated() /* qemu neither */
#define FORK_MAY_HANG false
#endif

/* Runs `child` in a forked process, with a watchdog of its own; the test fails unless it returns. */
static _Atomic bool child_runs; /* the parent's other threads rest meanwhile */

static void in_child(void (*child)(void *), void *arg)
{
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    test_timeout(20);
    child(arg);
    _exit(0);
  }
  int status = 0;
  child_runs = true;
  test_waiting("the forked child");
  while (waitpid(pid, &status, 0) < 0)
    CHECK_EQ(errno, EINTR);
  test_waiting(NULL);
  child_runs = false;
  CHECK_EQ(status, 0);
}

/* Everything a child may do with a queue, with or without sleeping (in threads of its own); leaves it ended. */
static void use_everything(struct fixture *f, bool sleep)
{
  struct pawl_queue *q = &f->queue;
  uint64_t item, items[3] = {1, 2, 3};
  size_t done;
  int result;
  while ((result = pawl_queue_get(q, &item, PAWL_NOWAIT)) == 0)
    ;
  CHECK_CODE(result, PAWL_EMPTY);
  CHECK_CODE(pawl_queue_get(q, &item, pawl_after(PAWL_MS(1))), PAWL_EMPTY);
  note_empty(f);
  put_ok(f, 7);
  get_ok(f, 7);
  result = pawl_queue_put_many(q, items, 3, &done, pawl_after(PAWL_MS(1)));
  CHECK(result == 0 || result == PAWL_FULL);
  CHECK_CODE(pawl_queue_get_many(q, items, 3, &done, PAWL_FOREVER), 0);
  while (pawl_queue_get(q, &item, PAWL_NOWAIT) == 0)
    ;
  if (sleep && CHILD_HAS_THREADS) {
    struct call call;
    for (int i = 0; i < 2; i++) {
      call_begin(&call, run_get, q, 0, PAWL_FOREVER);
      call_wait_asleep(&call);
      CHECK_CODE(pawl_queue_put(q, 8, PAWL_FOREVER), 0);
      CHECK_CODE(call_end(&call), 0);
      CHECK_EQ(call.item, 8);
    }
    while (f->kind->traits & KIND_BOUNDED && (result = pawl_queue_put(q, 9, PAWL_NOWAIT)) == 0)
      ;
    if (f->kind->traits & KIND_BOUNDED) {
      CHECK_CODE(result, PAWL_FULL);
      call_begin(&call, run_put, q, 10, PAWL_FOREVER);
      call_wait_asleep(&call);
      CHECK_CODE(pawl_queue_get(q, &item, PAWL_FOREVER), 0);
      CHECK_CODE(call_end(&call), 0);
    }
    if (f->kind->traits & KIND_TRACKED) {
      call_begin(&call, run_join, q, 0, PAWL_FOREVER);
      call_wait_asleep(&call);
      while (pawl_queue_task_done(q) == 0)
        ;
      CHECK_CODE(call_end(&call), 0);
    }
  }
  while (f->kind->traits & KIND_TRACKED && pawl_queue_task_done(q) == 0)
    ;
  CHECK_EQ(pawl_queue_unfinished(q), 0);
  CHECK_CODE(pawl_queue_shutdown(q, true), 0);
  CHECK_CODE(pawl_queue_get(q, &item, PAWL_FOREVER), PAWL_SHUTDOWN);
  CHECK_CODE(pawl_queue_put(q, 9, PAWL_FOREVER), PAWL_SHUTDOWN);
  CHECK_CODE(pawl_queue_fini(q), 0);
}

/* --- amid traffic --- */

enum { PUTTERS = 2, GETTERS = 2 };

struct traffic {
  struct fixture *f;
  _Atomic bool stop;
  _Atomic unsigned putters;
  _Atomic uint64_t got;
  int round;
};

static void put_always(void *arg)
{
  struct traffic *traffic = arg;
  uint64_t self = traffic->putters++, i = 0;
  while (!traffic->stop) {
    while (child_runs)
      kit_pause();
    int result = pawl_queue_put(&traffic->f->queue, self << 32 | (i + 1), pawl_after(PAWL_US(50)));
    if (result == 0)
      i++;
    else
      CHECK_CODE(result, PAWL_FULL);
    if ((traffic->f->kind->traits & KIND_UNBOUNDED) && pawl_queue_was_size(&traffic->f->queue) > 500)
      sched_yield();
  }
}

static void get_always(void *arg)
{
  struct traffic *traffic = arg;
  uint64_t item;
  while (!traffic->stop) {
    while (child_runs)
      kit_pause();
    if (pawl_queue_get(&traffic->f->queue, &item, pawl_after(PAWL_US(50))) != 0)
      continue;
    traffic->got++;
    if (traffic->f->kind->traits & KIND_TRACKED)
      CHECK_CODE(pawl_queue_task_done(&traffic->f->queue), 0);
  }
}

/* What the child finds inside are items of the parent, each producer's in order where the kind keeps it, not too many. */
static void look_and_use(void *arg)
{
  struct traffic *traffic = arg;
  uint64_t last[PUTTERS] = {0}, item;
  size_t most = pawl_queue_was_size(&traffic->f->queue), n = 0;
  int result;
  while ((result = pawl_queue_get(&traffic->f->queue, &item, PAWL_NOWAIT)) == 0) {
    CHECK(item >> 32 < PUTTERS);
    if (traffic->f->kind->traits & KIND_IN_TURN)
      CHECK((item & UINT32_MAX) > last[item >> 32]);
    last[item >> 32] = item & UINT32_MAX;
    n++;
  }
  CHECK_CODE(result, PAWL_EMPTY);
  CHECK_LE(n, most);
  use_everything(traffic->f, traffic->round == 0);
}

TEST(queue, QUE35_fork_amid_puts_and_gets)
{
  if (FORK_MAY_HANG)
    test_skip("the sanitizer's own locks (ASan: its allocator's) may be held in the child by threads that are not there");
  EACH_KIND(kind, KIND_MANY)
  {
    struct fixture *f = fixture_open(kind, 3);
    struct traffic traffic = {.f = f};
    struct test_thread threads[PUTTERS + GETTERS];
    for (int i = 0; i < PUTTERS + GETTERS; i++)
      test_start(&threads[i], i < PUTTERS ? "putter" : "getter", i < PUTTERS ? put_always : get_always, &traffic);
    for (int round = 0; round < 6; round++) {
      traffic.round = round;
      uint64_t before = traffic.got;
      EVENTUALLY(traffic.got > before + 10);
      in_child(look_and_use, &traffic);
    }
    traffic.stop = true;
    for (int i = 0; i < PUTTERS + GETTERS; i++)
      test_join(&threads[i]);
    fixture_close(f);
  }
}

/* --- the worst moments, one by one --- */

static void use_only(void *arg)
{
  use_everything(arg, true);
}

TEST(queue, QUE35_the_parents_sleepers_do_not_exist_in_the_child)
{
  EACH_KIND(kind, KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 1);
    struct call get, put, join;
    call_begin(&get, run_get, &f->queue, 0, PAWL_FOREVER);
    call_wait_asleep(&get);
    in_child(use_only, f);
    put_ok(f, 1);
    CHECK_CODE(call_end(&get), 0);
    note_get(f, 1);
    put_ok(f, 2);
    call_begin(&put, run_put, &f->queue, 3, PAWL_FOREVER);
    call_wait_asleep(&put);
    if (kind->traits & KIND_TRACKED) {
      call_begin(&join, run_join, &f->queue, 0, PAWL_FOREVER);
      call_wait_asleep(&join);
    }
    in_child(use_only, f);
    get_ok(f, 2);
    CHECK_CODE(call_end(&put), 0);
    if (kind->traits & KIND_TRACKED) {
      for (int i = 0; i < 3; i++)
        CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
      CHECK_CODE(call_end(&join), 0);
    }
    fixture_close(f);
  }
}

/* The bearer of a wake in flight stays behind in the parent: as if it had been woken and not run yet. */
TEST(queue, QUE35_a_wake_in_flight_stays_with_the_parent)
{
  EACH_KIND(kind, KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 1);
    struct pawl__park *parks[] = {&f->queue.getters_, &f->queue.putters_, &f->queue.joiners_};
    for (int i = 0; i < 3; i++)
      parks[i]->state = UINT32_C(1) << 31 | 1;
    in_child(use_only, f);
    for (int i = 0; i < 3; i++)
      parks[i]->state = 0;
    fixture_close(f);
  }
}

/* A ring's putter between reservation and publication, a getter between claim and release. */
TEST(queue, QUE35_a_ring_whose_peers_stood_midway)
{
  EACH_KIND(kind, KIND_RING | KIND_MANY)
  {
    for (int getter = 0; getter < 2; getter++) {
      for (uint64_t inside = 0; inside < 3; inside++) {
        struct fixture *f = fixture_open(kind, 3);
        struct ring *ring = f->queue.core_;
        fill(f, 0, inside + (uint64_t)getter);
        if (getter)
          ring->head += 2;
        else
          ring->tail += 2;
        in_child(use_only, f);
        if (getter)
          ring->head -= 2;
        else
          ring->tail -= 2;
        fixture_close(f);
      }
    }
  }
}

/* The one producer of an SPSC queue between publication and the step of its index. */
TEST(queue, QUE35_an_spsc_producer_that_stood_midway)
{
  EACH_KIND(kind, KIND_LOCK_FREE)
  {
    for (uint64_t taken = 0; (kind->flags & PAWL_SPSC) && taken <= 2; taken++) {
      struct fixture *f = fixture_open(kind, 3);
      fill(f, 1, 2);
      for (uint64_t i = 1; i <= taken; i++)
        get_ok(f, i);
      struct fifo_segment *tail = f->queue.fifo_.tail;
      tail->tail--;
      in_child(use_only, f);
      tail->tail++;
      fixture_close(f);
    }
  }
}

/* A thread of the parent in the middle of an operation, as its lane of the pool tells: trim must not wait for its end. */
static struct pool *pool_of(struct fixture *f)
{
  return f->kind->order == PAWL_LIFO ? &((struct lifo *)f->queue.core_)->pool : &((struct heap *)f->queue.core_)->pool;
}

static void use_and_trim(void *arg)
{
  struct fixture *f = arg;
  struct pawl_queue_stats full, trimmed;
  fill(f, 10, 2000);
  pawl_queue_stats(&f->queue, &full);
  take_out(f, f->inside.size);
  CHECK(pawl_queue_trim(&f->queue) > 0);
  pawl_queue_stats(&f->queue, &trimmed);
  CHECK_LE(trimmed.bytes, full.bytes / 4);
  use_everything(f, true);
}

TEST(queue, QUE35_a_pool_in_use_by_a_thread_of_the_parent)
{
  EACH_KIND(kind, KIND_NODES | KIND_MANY)
  {
    struct fixture *f = fixture_open(kind, 3000);
    struct call put;
    call_begin(&put, run_put, &f->queue, 1, PAWL_NOWAIT);
    CHECK_CODE(call_end(&put), 0);
    note_put(f, 1);
    struct pool_lane *theirs = pool_of(f)->lanes;
    fill(f, 2, 2);
    CHECK_EQ(theirs->busy, 0);
    theirs->busy = 1;
    in_child(use_and_trim, f);
    theirs->busy = 0;
    take_out(f, 3);
    fixture_close(f);
  }
}

/* A custom order's callback that is running at the fork holds the lock. */
static struct test_latch entered, leave;

static int slow_put(void *ctx, uint64_t item)
{
  if (item == 42) {
    test_latch_arrive(&entered);
    test_latch_wait(&leave);
  }
  return stock_ops.put(ctx, item);
}

TEST(queue, QUE35_a_custom_order_whose_lock_was_held)
{
  EACH_KIND(kind, KIND_CUSTOM)
  {
    struct pawl_queue_ops ops = stock_ops;
    struct fixture *f = fixture_open(kind, 3);
    struct call put;
    ops.put = slow_put;
    f->queue.custom_ = &ops;
    test_latch_init(&entered, 1);
    test_latch_init(&leave, 1);
    call_begin(&put, run_put, &f->queue, 42, PAWL_FOREVER);
    test_latch_wait(&entered);
    in_child(use_only, f);
    test_latch_arrive(&leave);
    CHECK_CODE(call_end(&put), 0);
    note_put(f, 42);
    get_ok(f, 42);
    fixture_close(f);
  }
}

/* The same in a comparison: what the heap holds is given up, because the push is midway. */
static int slow_less(void *ctx, uint64_t a, uint64_t b)
{
  (void)ctx;
  if (a == 42 || b == 42) {
    test_latch_arrive(&entered);
    test_latch_wait(&leave);
  }
  return a < b;
}

/* join does not wait for what was given up, nor can that be said to be done. */
static void count_what_is_left(struct fixture *f, uint64_t expected)
{
  CHECK_EQ(pawl_queue_unfinished(&f->queue), expected);
  for (uint64_t i = 0; i < expected; i++)
    CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
  CHECK_CODE(pawl_queue_task_done(&f->queue), -ERANGE);
  CHECK_CODE(pawl_queue_join(&f->queue, PAWL_FOREVER), 0);
}

static void find_nothing_unfinished(void *arg)
{
  struct fixture *f = arg;
  uint64_t item;
  CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_NOWAIT), PAWL_EMPTY);
  count_what_is_left(f, 0);
}

TEST(queue, QUE35_a_locked_heap_in_a_comparison)
{
  for (int midway = 0; midway < 2; midway++) {
    struct fixture f = {.kind = kind_next(NULL, KIND_BY_LESS)};
    struct pawl_queue_options options = fixture_options(&f, f.kind, 3);
    struct call put;
    uint64_t item, sum = 0;
    hook_install();
    options.less = slow_less;
    CHECK_CODE(pawl_queue_init(&f.queue, &options), 0);
    test_latch_init(&entered, midway);
    test_latch_init(&leave, 1);
    CHECK_CODE(pawl_queue_put(&f.queue, 41, PAWL_NOWAIT), 0);
    if (midway) {
      call_begin(&put, run_put, &f.queue, 42, PAWL_FOREVER);
      test_latch_wait(&entered);
    }
    in_child(use_only, &f);
    if (midway)
      in_child(find_nothing_unfinished, &f);
    test_latch_arrive(&leave);
    if (midway)
      CHECK_CODE(call_end(&put), 0);
    while (pawl_queue_get(&f.queue, &item, PAWL_NOWAIT) == 0)
      sum += item;
    CHECK_EQ(sum, midway ? 83 : 41); /* in the parent nothing has happened */
    CHECK_CODE(pawl_queue_fini(&f.queue), 0);
  }
}

/* Some of the heaps were held for longer than a fork waits: what is in them is given up, what is in the others is not. */
static void find_the_rest(void *arg)
{
  struct fixture *f = arg;
  struct relaxed *relaxed = f->queue.core_;
  uint64_t item, n = 0, expected = 0;
  for (uint32_t i = 1; i < relaxed->heaps; i += 2)
    expected += relaxed->heap[i].heap.size;
  CHECK_EQ(pawl_queue_was_size(&f->queue), expected);
  while (pawl_queue_get(&f->queue, &item, PAWL_NOWAIT) == 0)
    n++;
  CHECK_EQ(n, expected);
  if (f->kind->traits & KIND_TRACKED)
    count_what_is_left(f, expected);
  use_everything(f, true);
}

TEST(queue, QUE35_relaxed_heaps_that_were_held)
{
  EACH_KIND(kind, KIND_KEYS)
  {
    if (kind->traits & KIND_STRICT)
      continue;
    struct fixture *f = fixture_open(kind, 100);
    struct relaxed *relaxed = f->queue.core_;
    fill(f, 0, 100);
    for (uint32_t i = 0; i < relaxed->heaps; i += 2)
      relaxed->heap[i].word |= RELAXED_HELD;
    in_child(find_the_rest, f);
    for (uint32_t i = 0; i < relaxed->heaps; i += 2)
      relaxed->heap[i].word &= ~(uint64_t)RELAXED_HELD;
    take_out(f, 100);
    fixture_close(f);
  }
}

/* --- simple queues --- */

struct simple_traffic {
  struct pawl_simple_queue queue;
  _Atomic bool stop;
  _Atomic uint64_t got;
};

static void simple_put_always(void *arg)
{
  struct simple_traffic *traffic = arg;
  for (uint64_t i = 1; !traffic->stop; i++) {
    while (child_runs)
      kit_pause();
    CHECK_CODE(pawl_simple_queue_put(&traffic->queue, i), 0);
    if (pawl_simple_queue_was_size(&traffic->queue) > 2000)
      sched_yield();
  }
}

static void simple_get_always(void *arg)
{
  struct simple_traffic *traffic = arg;
  uint64_t item;
  while (!traffic->stop) {
    while (child_runs)
      kit_pause();
    traffic->got += pawl_simple_queue_get(&traffic->queue, &item, pawl_after(PAWL_US(50))) == 0;
  }
}

static int run_simple_get(struct call *call)
{
  return pawl_simple_queue_get(call->object, &call->item, call->until);
}

static void simple_use(void *arg)
{
  struct pawl_simple_queue *queue = arg;
  uint64_t item, last = 0;
  int result;
  while ((result = pawl_simple_queue_get(queue, &item, PAWL_NOWAIT)) == 0) {
    CHECK(item > last);
    last = item;
  }
  CHECK_CODE(result, PAWL_EMPTY);
  CHECK_CODE(pawl_simple_queue_get(queue, &item, pawl_after(PAWL_MS(1))), PAWL_EMPTY);
  for (uint64_t i = 0; i < 1200; i++)
    CHECK_CODE(pawl_simple_queue_put(queue, i), 0);
  for (uint64_t i = 0; i < 1200; i++) {
    CHECK_CODE(pawl_simple_queue_get(queue, &item, PAWL_FOREVER), 0);
    CHECK_EQ(item, i);
  }
  for (int i = 0; i < 3 && CHILD_HAS_THREADS; i++) {
    struct call call;
    call_begin(&call, run_simple_get, queue, 0, PAWL_FOREVER);
    call_wait_asleep(&call);
    CHECK_CODE(pawl_simple_queue_put(queue, 5), 0);
    CHECK_CODE(call_end(&call), 0);
  }
  CHECK_CODE(pawl_simple_queue_close(queue), 0);
  CHECK_CODE(pawl_simple_queue_get(queue, &item, PAWL_FOREVER), PAWL_SHUTDOWN);
  CHECK_CODE(pawl_simple_queue_fini(queue), 0);
}

TEST(simple_queue, QUE35_fork_amid_puts_and_gets)
{
  if (FORK_MAY_HANG)
    test_skip("the sanitizer's own locks (ASan: its allocator's) may be held in the child by threads that are not there");
  struct simple_traffic traffic = {.queue = PAWL_SIMPLE_QUEUE_INIT};
  struct test_thread putter, getters[2];
  hook_install();
  test_start(&putter, "putter", simple_put_always, &traffic);
  for (int i = 0; i < 2; i++)
    test_start(&getters[i], "getter", simple_get_always, &traffic);
  for (int round = 0; round < 15; round++) {
    uint64_t before = traffic.got;
    EVENTUALLY(traffic.got > before + 10);
    in_child(simple_use, &traffic.queue);
  }
  traffic.stop = true;
  test_join(&putter);
  for (int i = 0; i < 2; i++)
    test_join(&getters[i]);
  CHECK_CODE(pawl_simple_queue_fini(&traffic.queue), 0);
}

TEST(simple_queue, QUE35_the_parents_sleepers_do_not_exist_in_the_child)
{
  struct pawl_simple_queue queue = PAWL_SIMPLE_QUEUE_INIT;
  struct call get;
  hook_install();
  call_begin(&get, run_simple_get, &queue, 0, PAWL_FOREVER);
  call_wait_asleep(&get);
  in_child(simple_use, &queue);
  CHECK_CODE(pawl_simple_queue_put(&queue, 1), 0);
  CHECK_CODE(call_end(&get), 0);
  CHECK_CODE(pawl_simple_queue_fini(&queue), 0);
}
