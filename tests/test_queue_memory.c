/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_queue_memory.c - the end of a queue, what memory it holds meanwhile, when it allocates, and counters that start just
 * below their wrap. The last reach into private fields: nobody can count to 2^64 otherwise.
 */
#include "kit.h"

#pragma GCC diagnostic ignored "-Wunused-function" /* of these only the layout is needed */
#include "heap.h"
#include "locked.h"
#include "relaxed.h"
#include "ring.h"
#include <errno.h>
#include <fcntl.h>

/* --- the end --- */

TEST(queue, QUE33_fini_drops_what_is_left)
{
  EACH_KIND(kind, KIND_DROPS)
  {
    enum { N = 600 };
    struct fixture *f = fixture_open(kind, N);
    fill(f, 0, N);
    (void)get_next(f);
    CHECK_CODE(pawl_queue_fini(&f->queue), 0);
    CHECK_EQ(f->drops, N - 1);
    for (size_t i = 0; i < f->drops; i++)
      note_drop(f, f->dropped[i]);
    fixture_close(f);
  }
}

/* -EBUSY, and nothing has changed. */
static void fini_is_refused(struct fixture *f, size_t size, uint64_t unfinished)
{
  int fd = pawl_queue_fd(&f->queue);
  CHECK_CODE(pawl_queue_fini(&f->queue), -EBUSY);
  CHECK_EQ(pawl_queue_was_size(&f->queue), size);
  CHECK_EQ(pawl_queue_unfinished(&f->queue), unfinished);
  CHECK_EQ(pawl_queue_maxsize(&f->queue), 1);
  CHECK_EQ(pawl_queue_fd(&f->queue), fd);
  CHECK(fcntl(fd, F_GETFD) >= 0);
  CHECK(!pawl_queue_is_shutdown(&f->queue));
  CHECK_EQ(f->drops, 0);
}

TEST(queue, QUE33_fini_refuses_while_somebody_waits)
{
  EACH_KIND(kind, KIND_BOUNDED)
  {
    bool tracked = kind->traits & KIND_TRACKED;
    struct fixture *f = fixture_open(kind, 1);
    struct call call;
    call_begin(&call, run_get, &f->queue, 0, PAWL_FOREVER);
    call_wait_asleep(&call);
    fini_is_refused(f, 0, 0);
    put_ok(f, 1);
    CHECK_CODE(call_end(&call), 0);
    note_get(f, 1);
    put_ok(f, 2);
    call_begin(&call, run_put, &f->queue, 3, PAWL_FOREVER);
    call_wait_asleep(&call);
    fini_is_refused(f, 1, tracked ? 2 : 0);
    get_ok(f, 2);
    CHECK_CODE(call_end(&call), 0);
    if (tracked) {
      call_begin(&call, run_join, &f->queue, 0, PAWL_FOREVER);
      call_wait_asleep(&call);
      fini_is_refused(f, 1, 3);
      for (int i = 0; i < 3; i++)
        CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
      CHECK_CODE(call_end(&call), 0);
    }
    fixture_close(f);
  }
}

TEST(queue, QUE33_an_ended_queue_is_an_empty_one)
{
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 1);
    uint64_t item;
    put_ok(f, 1);
    CHECK(pawl_queue_fd(&f->queue) >= 0);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
    fixture_fini(f);
    fixture_fini(f); /* twice */
    CHECK(!pawl_queue_is_shutdown(&f->queue));
    CHECK_EQ(pawl_queue_unfinished(&f->queue), 0);
    CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_NOWAIT), PAWL_EMPTY);
    fill(f, 0, 600);
    take_out(f, 600);
    fixture_close(f);
  }
}

TEST(queue, QUE33_nothing_is_left_behind)
{
  hook_install();
  CHECK_CODE(pawl_thread_attach(), 0);
  size_t bytes = hook_live_bytes();
  long blocks = hook_live_blocks();
  EACH_KIND(kind, 0)
  {
    for (int shut = 0; shut < 3; shut++) {
      struct fixture *f = fixture_open(kind, 1500);
      for (uint64_t lap = 0; lap < 3; lap++) {
        fill(f, 0, 1500);
        take_out(f, 1400 + 50 * lap);
        if (lap == 1)
          (void)pawl_queue_trim(&f->queue);
        if (lap < 2)
          take_out(f, f->inside.size);
      }
      if (shut > 0)
        CHECK_CODE(pawl_queue_shutdown(&f->queue, shut == 2), 0);
      fixture_close(f);
      CHECK_EQ(hook_live_bytes(), bytes);
      CHECK_EQ(hook_live_blocks(), blocks);
    }
  }
}

TEST(queue, fini_of_a_queue_never_used)
{
  EACH_KIND(kind, 0)
  {
    fixture_close(fixture_open(kind, 5));
    struct fixture *f = fixture_open(kind, 5);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, true), 0);
    fixture_close(f);
  }
}

/* --- when it allocates --- */

static void laps(struct fixture *f, uint64_t bound, int n)
{
  uint64_t seed = 3, in = 0;
  for (int i = 0; i < n; i++) {
    for (uint64_t k = test_random(&seed) % (bound + 1); k > 0 && f->inside.size < bound; k--)
      put_ok(f, in++);
    for (uint64_t k = test_random(&seed) % (bound + 1); k > 0 && f->inside.size > 0; k--)
      (void)get_next(f);
  }
  take_out(f, f->inside.size);
}

/* Warm is who has met the rarest alignment of items to segments; when that comes, is chance. That it comes to an end is not. */
TEST(queue, memory_a_bounded_queue_stops_allocating_after_warm_up)
{
  static const uint64_t bounds[] = {1, 3, 64, 100, 257, 2000};
  enum { WARM_UPS = 8 };
  hook_install();
  CHECK_CODE(pawl_thread_attach(), 0);
  EACH_KIND(kind, KIND_BOUNDED)
  {
    if (!(kind->traits & (KIND_LOCK_FREE | KIND_RING)))
      continue; /* the array of a heap under a lock goes back when it becomes empty, if it is large */
    for (size_t b = 0; b < sizeof(bounds) / sizeof(bounds[0]); b++) {
      struct fixture *f = fixture_open(kind, (int64_t)bounds[b]);
      int n = 2000 / (1 + (int)bounds[b] / 100);
      long before = -1;
      for (int i = 0; i < WARM_UPS && before != hook_allocations(); i++) {
        before = hook_allocations();
        laps(f, bounds[b], n);
      }
      CHECK_EQ(hook_allocations(), before);
      fixture_close(f);
    }
  }
}

TEST(queue, memory_nothing_is_allocated_after_init_where_all_is_preallocated)
{
  static const uint64_t bounds[] = {1, 2, 63, 64, 65, 256, 257, 1000, 5000};
  hook_install();
  CHECK_CODE(pawl_thread_attach(), 0);
  EACH_KIND(kind, KIND_BOUNDED)
  {
    if (!(kind->traits & (KIND_RING | KIND_PREALLOC)))
      continue;
    for (size_t b = 0; b < sizeof(bounds) / sizeof(bounds[0]); b++) {
      struct fixture *f = fixture_open(kind, (int64_t)bounds[b]);
      long before = hook_allocations(), blocks = hook_live_blocks();
      for (int full = 0; full < 4; full++) {
        fill(f, 0, bounds[b]);
        CHECK_CODE(pawl_queue_put(&f->queue, 9, PAWL_NOWAIT), PAWL_FULL);
        take_out(f, bounds[b]);
      }
      int n = 500 / (1 + (int)bounds[b] / 100) / test_scale();
      laps(f, bounds[b], n);
      CHECK_EQ(pawl_queue_trim(&f->queue), 0);
      laps(f, bounds[b], n);
      CHECK_EQ(hook_allocations(), before);
      CHECK_EQ(hook_live_blocks(), blocks);
      fixture_close(f);
    }
  }
}

TEST(queue, memory_get_does_not_allocate_once_the_thread_is_known)
{
  hook_install();
  CHECK_CODE(pawl_thread_attach(), 0);
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 3000);
    fill(f, 0, 3000);
    hook_fail(0, true);
    take_out(f, 3000);
    CHECK_EQ(hook_failures(), 0);
    hook_fail(-1, false);
    fixture_close(f);
  }
}

TEST(queue, memory_a_drained_queue_gives_back_what_it_took)
{
  hook_install();
  CHECK_CODE(pawl_thread_attach(), 0);
  EACH_KIND(kind, 0)
  {
    if (kind->traits & (KIND_PREALLOC | KIND_RING | KIND_CUSTOM))
      continue;
    enum { MANY = 30000 };
    size_t outside = hook_live_bytes();
    struct fixture *f = fixture_open(kind, MANY);
    fill(f, 0, MANY);
    uint64_t peak = fixture_bytes(f);
    CHECK_EQ(peak, hook_live_bytes() - outside);
    CHECK(peak >= MANY * 8);
    /* 16 bytes a cell, 40 a stack's node, 64 a heap's, 24 an array's place; the slack of the last segment, slab, or growth */
    CHECK(peak <= MANY * (kind->traits & KIND_SEGMENTS ? 24 : kind->traits & KIND_LIFO ? 48 : 72));
    take_out(f, MANY);
    if ((kind->traits & (KIND_UNBOUNDED | KIND_SEGMENTS)) == (KIND_UNBOUNDED | KIND_SEGMENTS))
      CHECK_LE(fixture_bytes(f), peak / 5); /* by itself */
    size_t before = hook_live_bytes(), back = pawl_queue_trim(&f->queue);
    CHECK_EQ(before - hook_live_bytes(), back);
    CHECK_EQ(fixture_bytes(f), hook_live_bytes() - outside);
    CHECK_LE(fixture_bytes(f), peak / 10);
    fill(f, 0, MANY); /* and goes on working */
    take_out(f, MANY);
    fixture_close(f);
  }
}

TEST(queue, memory_an_array_shrinks_to_what_is_inside)
{
  enum { MANY = 30000, FEW = 40 };
  hook_install();
  CHECK_CODE(pawl_thread_attach(), 0);
  EACH_KIND(kind, KIND_KEYS)
  {
    if (kind->traits & KIND_NODES)
      continue;
    struct fixture *f = fixture_open(kind, MANY);
    fill(f, 0, MANY);
    take_out(f, MANY - FEW);
    uint64_t peak = fixture_bytes(f);
    size_t before = hook_live_bytes(), back = pawl_queue_trim(&f->queue);
    CHECK_EQ(before - hook_live_bytes(), back);
    CHECK_LE(fixture_bytes(f), peak / 10);
    hook_fail(0, true); /* what it keeps at hand is for the items that are inside, not for none */
    take_out(f, FEW);
    hook_fail(-1, false);
    long allocations = hook_allocations();
    for (int lap = 0; lap < 50; lap++) { /* a small array stays while the queue runs empty again and again */
      fill(f, 0, FEW / 4);
      take_out(f, FEW / 4);
    }
    CHECK_LE(hook_allocations(), allocations + 8);
    fixture_close(f);
  }
}

/* A thread that used the queue once and now sleeps keeps a few segments from reuse, not all that come after. */
static void touch_and_wait(void *arg)
{
  struct call *call = arg;
  uint64_t item;
  CHECK_CODE(pawl_queue_put(call->object, 1, PAWL_NOWAIT), 0);
  CHECK_CODE(pawl_queue_get(call->object, &item, PAWL_NOWAIT), 0);
  call->phase = 1;
  test_latch_wait(call->more);
}

TEST(queue, memory_an_idle_thread_retains_a_few_segments)
{
  EACH_KIND(kind, KIND_LOCK_FREE | KIND_MANY)
  {
    enum { IDLE = 4, MAXSIZE = 100 };
    struct fixture *f = fixture_open(kind, MAXSIZE);
    struct test_latch end = TEST_LATCH(1);
    struct test_thread threads[IDLE];
    struct call idle[IDLE] = {0};
    for (int i = 0; i < IDLE; i++) {
      idle[i].object = &f->queue;
      idle[i].more = &end;
      test_start(&threads[i], "idle", touch_and_wait, &idle[i]);
      EVENTUALLY(idle[i].phase == 1);
    }
    laps(f, MAXSIZE, 20000 / test_scale());
    CHECK_LE(fixture_bytes(f),
             (uint64_t)(3 * (IDLE + 1) + 8) * 9000); /* three slots a thread, the list, some spares; 9 kB each */
    test_latch_arrive(&end);
    for (int i = 0; i < IDLE; i++)
      test_join(&threads[i]);
    fixture_close(f);
  }
}

/* --- threads' records --- */

static int run_attach(struct call *call)
{
  long before = hook_allocations();
  CHECK_CODE(pawl_thread_attach(), 0);
  long once = hook_allocations();
  CHECK_CODE(pawl_thread_attach(), 0);
  CHECK_EQ(hook_allocations(), once);
  call->item = (uint64_t)(once - before);
  uint64_t item;
  CHECK_CODE(pawl_queue_put(call->object, 1, PAWL_NOWAIT), 0);
  CHECK_CODE(pawl_queue_get(call->object, &item, PAWL_NOWAIT), 0);
  CHECK_EQ(hook_allocations(), once);
  return 0;
}

TEST(queue, memory_records_of_ended_threads_are_used_again)
{
  struct fixture *f = fixture_open(kind_next(NULL, KIND_BOUNDED), 5);
  struct call call;
  put_ok(f, 1);
  get_ok(f, 1);
  for (int i = 0; i < 50; i++) {
    call_begin(&call, run_attach, &f->queue, 0, PAWL_NOWAIT);
    CHECK_CODE(call_end(&call), 0);
    CHECK_EQ(call.item, i == 0);
  }
  fixture_close(f);
}

static int run_put_and_get(struct call *call)
{
  uint64_t item;
  CHECK_CODE(pawl_queue_put(call->object, 1, PAWL_NOWAIT), 0);
  return pawl_queue_get(call->object, &item, PAWL_NOWAIT);
}

/* What an ended thread had in its slots does not stay out of use: many threads come, use a few segments or nodes, and go. */
TEST(queue, memory_ended_threads_retain_nothing)
{
  EACH_KIND(kind, KIND_UNBOUNDED | KIND_LOCK_FREE | KIND_MANY)
  {
    struct fixture *f = fixture_open(kind, 0);
    uint64_t most = 0;
    put_ok(f, 1);
    get_ok(f, 1);
    for (int i = 0; i < 100; i++) {
      struct call call;
      call_begin(&call, run_put_and_get, &f->queue, 0, PAWL_NOWAIT);
      CHECK_CODE(call_end(&call), 0);
      fill(f, 0, 600);
      take_out(f, 600);
      if (i == 10)
        most = fixture_bytes(f);
    }
    CHECK_LE(fixture_bytes(f), most + 20000);
    fixture_close(f);
  }
}

/* --- trim beside traffic --- */

struct trimmer {
  struct pawl_queue *queue;
  _Atomic uint64_t calls, bytes;
  _Atomic bool stop;
};

static void trim_always(void *arg)
{
  struct trimmer *trimmer = arg;
  for (; !trimmer->stop; kit_pause()) {
    trimmer->bytes += pawl_queue_trim(trimmer->queue);
    trimmer->calls++;
  }
}

/* laps() looks at every item and at every answer; here it does so until memory has gone back beside it, often. */
TEST(queue, memory_trim_disturbs_nobody)
{
  EACH_KIND(kind, KIND_LOCK_FREE | KIND_MANY)
  {
    struct fixture *f = fixture_open(kind, 1000);
    struct trimmer trimmer = {.queue = &f->queue};
    struct test_thread thread;
    uint64_t enough = kind->traits & KIND_PREALLOC ? 0 : 100000;
    test_start(&thread, "trimmer", trim_always, &trimmer);
    while (trimmer.calls < 20 || trimmer.bytes < enough)
      laps(f, 1000, 10);
    trimmer.stop = true;
    test_join(&thread);
    CHECK(enough > 0 || trimmer.bytes == 0);
    fixture_close(f);
  }
}

/* --- counters that start just below their wrap --- */

static void start_near_wrap(struct fixture *f, const struct kind *kind)
{
  uint64_t first = kind->traits & KIND_RING ? (UINT64_C(1) << 63) - 30 : 0 - (uint64_t)100;
  f->queue.fifo_.base = f->queue.fifo_.head_seen = first;
  f->queue.fifo_.admitted = f->queue.done_ = 0 - (uint64_t)50;
  if (kind->order == PAWL_PRIORITY && (kind->traits & KIND_NODES))
    ((struct heap *)f->queue.core_)->first = first;
  else if (kind->order == PAWL_PRIORITY)
    ((struct locked *)f->queue.core_)->heap.next = first;
  if (kind->order == PAWL_RELAXED) {
    relaxed_free(f->queue.core_);
    f->queue.core_ = relaxed_new(kind->heaps, first);
    if (kind->traits & KIND_BOUNDED)
      relaxed_set_bound(f->queue.core_);
  }
  f->queue.getters_.epoch = f->queue.putters_.epoch = f->queue.joiners_.epoch = UINT32_MAX - 1;
  if (kind->traits & KIND_RING) {
    int64_t capacity = ((struct ring *)f->queue.core_)->capacity;
    ring_free(f->queue.core_);
    f->queue.core_ = ring_new(capacity, first);
  }
}

TEST(queue, wrap_order_bounds_and_counts_survive_it)
{
  static const int64_t sizes[] = {1, 2, 3, 5, 7, 64, 100};
  EACH_KIND(kind, 0)
  {
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
      struct fixture *f = fixture_open(kind, sizes[s]);
      start_near_wrap(f, kind);
      uint64_t in = 0, out = 0;
      CHECK(pawl_queue_was_empty(&f->queue));
      for (int lap = 0; lap < 400; lap++) {
        while (f->inside.size < (uint64_t)sizes[s])
          put_ok(f, in++);
        CHECK_EQ(pawl_queue_was_size(&f->queue), sizes[s]);
        if (kind->traits & KIND_BOUNDED) {
          CHECK(pawl_queue_was_full(&f->queue));
          CHECK_CODE(pawl_queue_put(&f->queue, 9, PAWL_NOWAIT), PAWL_FULL);
        }
        for (int64_t n = 0; n < sizes[s]; n++)
          if (n <= lap % sizes[s])
            out += (get_next(f), 1);
        if (kind->traits & KIND_TRACKED) {
          CHECK_EQ(pawl_queue_unfinished(&f->queue), in);
          CHECK_CODE(pawl_queue_join(&f->queue, PAWL_NOWAIT), PAWL_TIMEOUT);
        }
        struct pawl_queue_stats stats;
        pawl_queue_stats(&f->queue, &stats);
        CHECK_EQ(stats.puts, in);
        CHECK_EQ(stats.gets, out);
      }
      for (uint64_t i = 0; i < in && (kind->traits & KIND_TRACKED); i++)
        CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
      if (kind->traits & KIND_TRACKED) {
        CHECK_CODE(pawl_queue_task_done(&f->queue), -ERANGE);
        CHECK_CODE(pawl_queue_join(&f->queue, PAWL_NOWAIT), 0);
      }
      fixture_close(f);
    }
  }
}

TEST(queue, QUE3_wrap_equals_keep_their_order_across_it)
{
  EACH_KIND(kind, KIND_KEYS | KIND_STRICT)
  {
    enum { BOUND = 600 };
    struct fixture *f = fixture_open(kind, BOUND);
    start_near_wrap(f, kind);
    uint64_t in = 0, seed = 2;
    put_key_ok(f, 1, in++); /* stays: the heap never runs empty, where it would begin its count anew */
    for (int lap = 0; lap < 10; lap++) {
      while (f->inside.size < BOUND)
        put_key_ok(f, -(int64_t)(test_random(&seed) % 3), in++);
      while (f->inside.size > 1 + 50 * (size_t)lap)
        (void)get_key_next(f);
    }
    fixture_close(f);
  }
}

TEST(queue, wrap_sleepers_survive_it)
{
  EACH_KIND(kind, KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 1);
    start_near_wrap(f, kind);
    for (uint64_t i = 0; i < 6; i++) {
      struct call get, put;
      call_begin(&get, run_get, &f->queue, 0, PAWL_FOREVER);
      call_wait_asleep(&get);
      put_ok(f, i);
      CHECK_CODE(call_end(&get), 0);
      note_get(f, get.item);
      put_ok(f, i);
      call_begin(&put, run_put, &f->queue, i + 1, PAWL_FOREVER);
      call_wait_asleep(&put);
      get_ok(f, i);
      CHECK_CODE(call_end(&put), 0);
      note_put(f, i + 1);
      get_ok(f, i + 1);
    }
    fixture_close(f);
  }
}
