/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_faults_alloc.c - memory runs out: each allocation of a scenario fails in turn, until the scenario gets through
 * without a failure. A failed call has its code, changes nothing and leaves the item with its caller.
 */
#include "kit.h"

#include <errno.h>

/* A put that failed must have left no trace. */
static void put_or_fail(struct fixture *f, uint64_t item, uint64_t bound)
{
  size_t size = pawl_queue_was_size(&f->queue);
  uint64_t unfinished = pawl_queue_unfinished(&f->queue);
  long failures = hook_failures();
  int result = pawl_queue_put(&f->queue, item, PAWL_NOWAIT);
  bool full = (f->kind->traits & KIND_BOUNDED) && f->inside.size >= bound;
  if (result == 0) {
    CHECK(!full);
    note_put(f, item);
    return;
  }
  CHECK_CODE(result, full ? PAWL_FULL : -ENOMEM);
  CHECK(full || hook_failures() > failures);
  CHECK_EQ(pawl_queue_was_size(&f->queue), size);
  CHECK_EQ(pawl_queue_unfinished(&f->queue), unfinished);
}

static void use_queue(struct fixture *f, uint64_t bound)
{
  uint64_t seed = 11, many[40], in = 0, taken = 0;
  for (int lap = 0; lap < 12; lap++) {
    for (uint64_t n = test_random(&seed) % 500; n > 0; n--)
      put_or_fail(f, in++, bound);
    size_t done = 99;
    for (uint64_t i = 0; i < 40; i++)
      many[i] = in++;
    int result = pawl_queue_put_many(&f->queue, many, 40, &done, PAWL_NOWAIT);
    CHECK(result == 0 || result == PAWL_FULL || result == -ENOMEM);
    CHECK(result == 0 ? done == 40 : done < 40);
    for (size_t i = 0; i < done; i++)
      note_put(f, many[i]);
    for (uint64_t n = test_random(&seed) % 600; n > 0 && f->inside.size > 0; n--, taken++)
      (void)get_next(f);
    if (lap == 6)
      (void)pawl_queue_trim(&f->queue);
  }
  CHECK_EQ(pawl_queue_was_size(&f->queue), f->inside.size);
  taken += f->inside.size;
  take_out(f, f->inside.size);
  if (f->kind->traits & KIND_TRACKED) {
    CHECK_EQ(pawl_queue_unfinished(&f->queue), taken);
    for (uint64_t i = 0; i < taken; i++)
      CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
    CHECK_CODE(pawl_queue_join(&f->queue, PAWL_NOWAIT), 0);
  }
}

static void sweep(const struct kind *kind, bool all)
{
  enum { BOUND = 700 };
  CHECK_CODE(pawl_thread_attach(), 0);
  size_t bytes = hook_live_bytes();
  long failed = 1, n = 0;
  for (; failed > 0; n++) {
    struct fixture *f = fixture_open(kind, BOUND);
    hook_fail(n, all);
    use_queue(f, BOUND);
    failed = hook_failures();
    hook_fail(-1, false);
    put_ok(f, 1); /* and all is well again */
    get_ok(f, 1);
    if (!(kind->traits & KIND_CUSTOM)) /* a failed call has mislaid nothing that fini would find again */
      CHECK_EQ(fixture_bytes(f), hook_live_bytes() - bytes);
    fixture_close(f);
    CHECK_EQ(hook_live_bytes(), bytes);
  }
  if (!(kind->traits & (KIND_CUSTOM | KIND_RING | KIND_PREALLOC)))
    CHECK(n > 2); /* it did allocate, and so did fail */
}

TEST(alloc, each_allocation_of_a_queues_life_fails_once)
{
  hook_install();
  EACH_KIND(kind, 0)
  sweep(kind, false);
}

TEST(alloc, all_allocations_fail_from_the_nth_on)
{
  hook_install();
  EACH_KIND(kind, 0)
  sweep(kind, true);
}

TEST(alloc, a_failing_init_changes_nothing_and_leaks_nothing)
{
  hook_install();
  EACH_KIND(kind, KIND_DROPS)
  {
    struct fixture f = {.kind = kind};
    struct pawl_queue_options options = fixture_options(&f, kind, 1000);
    struct pawl_queue *out = (struct pawl_queue *)&f;
    for (long n = 0, failed = 1; failed > 0; n++) {
      struct pawl_queue before;
      memset(&f.queue, 0x5a, sizeof(f.queue));
      before = f.queue;
      hook_fail(n, false);
      int result = pawl_queue_init(&f.queue, &options);
      failed = hook_failures();
      hook_fail(-1, false);
      CHECK_CODE(result, failed ? -ENOMEM : 0);
      if (failed) {
        CHECK(memcmp(&f.queue, &before, sizeof(before)) == 0);
        CHECK_EQ(hook_live_bytes(), 0);
      } else {
        size_t record = hook_live_bytes();
        CHECK_CODE(pawl_thread_attach(), 0);
        record = hook_live_bytes() - record;
        CHECK_CODE(pawl_queue_fini(&f.queue), 0);
        CHECK_EQ(hook_live_bytes(), record);
      }
    }
    size_t bytes = hook_live_bytes();
    for (long n = 0, failed = 1; failed > 0; n++) {
      out = (struct pawl_queue *)&f;
      hook_fail(n, false);
      int result = pawl_queue_new(&out, &options);
      failed = hook_failures();
      hook_fail(-1, false);
      CHECK_CODE(result, failed ? -ENOMEM : 0);
      if (failed)
        CHECK(out == (struct pawl_queue *)&f);
      else
        CHECK_CODE(pawl_queue_free(out), 0);
      CHECK_EQ(hook_live_bytes(), bytes);
    }
    break; /* the first kind starts from a thread unknown to Pawl; the others below */
  }
  CHECK_CODE(pawl_thread_attach(), 0);
  size_t bytes = hook_live_bytes();
  EACH_KIND(kind, KIND_DROPS)
  {
    struct fixture f = {.kind = kind};
    struct pawl_queue_options options = fixture_options(&f, kind, 1000);
    for (long n = 0, failed = 1; failed > 0; n++) {
      hook_fail(n, n % 2);
      int result = pawl_queue_init(&f.queue, &options);
      failed = hook_failures();
      hook_fail(-1, false);
      CHECK_CODE(result, failed ? -ENOMEM : 0);
      if (!failed)
        CHECK_CODE(pawl_queue_fini(&f.queue), 0);
      CHECK_EQ(hook_live_bytes(), bytes);
    }
  }
}

/* --- a thread that Pawl does not know yet, and for which there is no memory --- */

static int run_without_memory(struct call *call)
{
  struct fixture *f = call->object;
  struct pawl_queue *q = &f->queue;
  uint64_t item = 77, items[2] = {1, 2};
  size_t done = 99;
  hook_fail(0, true);
  CHECK_CODE(pawl_thread_attach(), -ENOMEM);
  int result = pawl_queue_get(q, &item, PAWL_FOREVER);
  if (result == 0) { /* a kind that needs no record */
    CHECK(f->kind->traits & (KIND_CUSTOM | KIND_RING));
    CHECK_CODE(pawl_queue_put(q, item, PAWL_NOWAIT), 0);
  } else {
    CHECK_CODE(result, -ENOMEM);
    CHECK_EQ(item, 77);
    CHECK_CODE(pawl_queue_put(q, 9, PAWL_FOREVER), -ENOMEM);
    CHECK_CODE(pawl_queue_put_many(q, items, 2, &done, PAWL_FOREVER), -ENOMEM);
    CHECK_EQ(done, 0);
    done = 99;
    CHECK_CODE(pawl_queue_get_many(q, items, 2, &done, PAWL_FOREVER), -ENOMEM);
    CHECK_EQ(done, 0);
    CHECK_CODE(pawl_queue_shutdown(q, true), -ENOMEM);
    CHECK(!pawl_queue_is_shutdown(q));
  }
  hook_fail(-1, false);
  return 0;
}

TEST(alloc, a_new_thread_without_memory_changes_nothing)
{
  hook_install();
  CHECK_CODE(pawl_thread_attach(), 0);
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 5);
    struct call call;
    fill(f, 0, 1);
    call_begin(&call, run_without_memory, f, 0, PAWL_NOWAIT);
    CHECK_CODE(call_end(&call), 0);
    CHECK_EQ(pawl_queue_was_size(&f->queue), 1);
    if (kind->traits & KIND_TRACKED)
      CHECK_GE(pawl_queue_unfinished(&f->queue), 1);
    get_ok(f, 0);
    CHECK_EQ(f->drops, 0);
    fixture_close(f);
  }
}

/* --- a thread that Pawl knows, but not yet in this queue, whose nodes are shared out by thread --- */

/* An end that cannot drop what is inside must say so and leave it. */
static int run_first_end_without_memory(struct call *call)
{
  struct fixture *f = call->object;
  CHECK_CODE(pawl_thread_attach(), 0);
  hook_fail(0, true);
  int result = call->item ? pawl_queue_fini(&f->queue) : pawl_queue_shutdown(&f->queue, true);
  hook_fail(-1, false);
  return result;
}

TEST(alloc, an_end_without_memory_drops_everything_or_nothing)
{
  EACH_KIND(kind, KIND_NODES)
  {
    for (uint64_t fini = 0; fini < 2; fini++) {
      struct fixture *f = fixture_open(kind, 5);
      struct call call;
      fill(f, 0, 3);
      call_begin(&call, run_first_end_without_memory, f, fini, PAWL_NOWAIT);
      int result = call_end(&call);
      if (result == 0) {
        CHECK_EQ(f->drops, 3);
      } else {
        CHECK_CODE(result, -ENOMEM);
        CHECK_EQ(f->drops, 0);
        CHECK(!pawl_queue_is_shutdown(&f->queue));
        take_out(f, 3);
      }
      fixture_close(f);
    }
  }
}

static int run_first_get_without_memory(struct call *call)
{
  struct fixture *f = call->object;
  uint64_t item = 77;
  size_t done = 99;
  CHECK_CODE(pawl_thread_attach(), 0);
  hook_fail(0, true);
  CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_FOREVER), -ENOMEM);
  CHECK_CODE(pawl_queue_get_many(&f->queue, &item, 1, &done, PAWL_FOREVER), -ENOMEM);
  CHECK_EQ(done, 0);
  CHECK_CODE(pawl_queue_put(&f->queue, 9, PAWL_FOREVER), -ENOMEM);
  CHECK_EQ(item, 77);
  CHECK_EQ(pawl_queue_was_size(&f->queue), 1);
  hook_fail(-1, false);
  CHECK_CODE(pawl_queue_put(&f->queue, 9, PAWL_NOWAIT), 0);
  hook_fail(0, true); /* once there has been memory, gets need none */
  CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_NOWAIT), 0);
  CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_NOWAIT), 0);
  CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_NOWAIT), PAWL_EMPTY);
  hook_fail(-1, false);
  return 0;
}

TEST(alloc, a_first_get_without_memory_leaves_the_item)
{
  EACH_KIND(kind, KIND_NODES)
  {
    struct fixture *f = fixture_open(kind, 5);
    struct call call;
    put_ok(f, 1);
    call_begin(&call, run_first_get_without_memory, f, 0, PAWL_NOWAIT);
    CHECK_CODE(call_end(&call), 0);
    fixture_close(f);
  }
}

/* --- FULL needs no memory, and a refused put takes none --- */

TEST(alloc, full_is_full_without_memory)
{
  hook_install();
  CHECK_CODE(pawl_thread_attach(), 0);
  for (unsigned order = PAWL_FIFO; order <= PAWL_RELAXED; order++)
    for (int locked = 0; locked <= (order == PAWL_PRIORITY); locked++)
      for (int64_t maxsize = 1; maxsize <= 64; maxsize++) { /* an array that is full just then is among them */
        struct pawl_queue queue;
        uint64_t item;
        struct pawl_queue_options options = {.maxsize = maxsize, .order = order, .heaps = order == PAWL_RELAXED};
        options.progress = locked ? PAWL_LOCKED : PAWL_LOCK_FREE;
        CHECK_CODE(pawl_queue_init(&queue, &options), 0);
        for (int64_t i = 0; i < maxsize; i++)
          CHECK_CODE(pawl_queue_put(&queue, (uint64_t)i, PAWL_NOWAIT), 0);
        size_t bytes = hook_live_bytes();
        CHECK_CODE(pawl_queue_put(&queue, 9, PAWL_NOWAIT), PAWL_FULL);
        CHECK_EQ(hook_live_bytes(), bytes);
        hook_fail(0, true);
        CHECK_CODE(pawl_queue_put(&queue, 9, PAWL_NOWAIT), PAWL_FULL);
        CHECK_CODE(pawl_queue_put(&queue, 9, pawl_after(PAWL_US(50))), PAWL_FULL);
        CHECK_CODE(pawl_queue_get(&queue, &item, PAWL_NOWAIT), 0);
        hook_fail(-1, false);
        CHECK_CODE(pawl_queue_fini(&queue), 0);
      }
}

/* --- a put that succeeds has left its thread what the next get needs --- */

/* Gets what the other thread puts, so that its nodes are used up and none comes back to it; then leaves an item. */
static int run_take_all(struct call *call)
{
  uint64_t item;
  for (uint64_t i = 0; i < call->item; i++)
    CHECK_CODE(pawl_queue_get(call->object, &item, PAWL_FOREVER), 0);
  return pawl_queue_put(call->object, 7, PAWL_NOWAIT);
}

TEST(alloc, a_get_after_a_put_of_its_thread_needs_no_memory)
{
  EACH_KIND(kind, KIND_NODES)
  {
    for (uint64_t n = 1; n < 140; n++) { /* at some n this thread's nodes are used up */
      struct fixture *f = fixture_open(kind, 1000);
      struct call call;
      uint64_t item;
      call_begin(&call, run_take_all, &f->queue, n, PAWL_NOWAIT);
      for (uint64_t i = 0; i < n; i++) {
        CHECK_CODE(pawl_queue_put(&f->queue, 5, PAWL_NOWAIT), 0);
        while (pawl_queue_was_size(&f->queue) > 0 && i + 1 < n)
          sched_yield();
      }
      CHECK_CODE(call_end(&call), 0);
      hook_fail(0, true);
      for (int i = 0; i < 200; i++)
        if (pawl_queue_put(&f->queue, 6, PAWL_NOWAIT) == 0)
          CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_NOWAIT), 0);
      hook_fail(-1, false);
      fixture_close(f);
    }
  }
}

/* --- simple queues --- */

TEST(alloc, QUE29_a_simple_put_without_memory_keeps_the_item_out)
{
  hook_install();
  CHECK_CODE(pawl_thread_attach(), 0);
  for (int all = 0; all < 2; all++) {
    for (long n = 0, failed = 1; failed > 0; n++) {
      struct pawl_simple_queue queue = PAWL_SIMPLE_QUEUE_INIT;
      uint64_t in = 0, out = 0, item;
      hook_fail(n, all);
      for (int i = 0; i < 6000; i++) {
        size_t size = pawl_simple_queue_was_size(&queue);
        int result = pawl_simple_queue_put(&queue, in);
        CHECK(result == 0 || result == -ENOMEM);
        CHECK_EQ(pawl_simple_queue_was_size(&queue), size + (result == 0));
        in += result == 0;
        if (i % 3 == 0 && out < in) {
          CHECK_CODE(pawl_simple_queue_get(&queue, &item, PAWL_NOWAIT), 0);
          CHECK_EQ(item, out++);
        }
      }
      failed = hook_failures();
      hook_fail(-1, false);
      for (; out < in; out++) {
        CHECK_CODE(pawl_simple_queue_get(&queue, &item, PAWL_NOWAIT), 0);
        CHECK_EQ(item, out);
      }
      CHECK_CODE(pawl_simple_queue_get(&queue, &item, PAWL_NOWAIT), PAWL_EMPTY);
      CHECK_CODE(pawl_simple_queue_fini(&queue), 0);
    }
  }
}

/* --- memory that comes and goes while several threads work --- */

struct famine {
  struct fixture *f;
  uint64_t items;
  _Atomic uint64_t refused, accepted, sum, got, got_sum;
};

static void put_in_famine(void *arg)
{
  struct famine *famine = arg;
  for (uint64_t i = 1; i <= famine->items; i++) {
    int result = pawl_queue_put(&famine->f->queue, i, PAWL_FOREVER);
    if (result == 0) {
      famine->accepted++;
      famine->sum += i;
    } else {
      CHECK_CODE(result, -ENOMEM);
      famine->refused++;
      sched_yield();
    }
  }
}

static void get_in_famine(void *arg)
{
  struct famine *famine = arg;
  uint64_t item;
  int result;
  while ((result = pawl_queue_get(&famine->f->queue, &item, PAWL_FOREVER)) != PAWL_SHUTDOWN) {
    if (result == 0) {
      famine->got++;
      famine->got_sum += item;
    } else {
      CHECK_CODE(result, -ENOMEM); /* this thread's record */
    }
  }
}

TEST(alloc, nothing_is_lost_while_memory_comes_and_goes)
{
  EACH_KIND(kind, KIND_MANY | KIND_LOCK_FREE)
  {
    struct fixture *f = fixture_open(kind, 500);
    struct famine famine = {.f = f, .items = 20000 / (uint64_t)test_scale()};
    struct test_thread putters[2], getters[2];
    for (int i = 0; i < 2; i++) {
      test_start(&putters[i], "putter", put_in_famine, &famine);
      test_start(&getters[i], "getter", get_in_famine, &famine);
    }
    while (famine.accepted + famine.refused < 2 * famine.items) {
      hook_fail(0, true);
      kit_pause();
      hook_fail(-1, false);
      kit_pause();
    }
    for (int i = 0; i < 2; i++)
      test_join(&putters[i]);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
    for (int i = 0; i < 2; i++)
      test_join(&getters[i]);
    CHECK_EQ(famine.got, famine.accepted);
    CHECK_EQ(famine.got_sum, famine.sum);
    fixture_close(f);
  }
}
