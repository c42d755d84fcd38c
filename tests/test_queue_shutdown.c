/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_queue_shutdown.c - the two shutdowns: who wakes, what is still delivered, what is dropped and how often, what joins
 * go on waiting for. The races put each accepted item into exactly one of two places, got or dropped.
 */
#include "kit.h"

#include <errno.h>

TEST(queue, QUE18_QUE23_shutdown_is_idempotent_and_goes_one_way)
{
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 3);
    CHECK(!pawl_queue_is_shutdown(&f->queue));
    fill(f, 0, 3);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
    CHECK(pawl_queue_is_shutdown(&f->queue));
    CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
    CHECK(pawl_queue_is_shutdown(&f->queue));
    uint64_t first = get_next(f);
    CHECK_EQ(pawl_queue_was_size(&f->queue), 2);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, true), 0); /* from drain to immediate */
    CHECK(pawl_queue_is_shutdown(&f->queue));
    CHECK_EQ(pawl_queue_was_size(&f->queue), 0);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0); /* back is a no-op */
    CHECK_CODE(pawl_queue_shutdown(&f->queue, true), 0);
    CHECK(pawl_queue_is_shutdown(&f->queue));
    uint64_t item;
    CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_FOREVER), PAWL_SHUTDOWN);
    CHECK_CODE(pawl_queue_put(&f->queue, 1, PAWL_FOREVER), PAWL_SHUTDOWN);
    if (kind->traits & KIND_DROPS) {
      CHECK_EQ(f->drops, 2);
      for (uint64_t i = 0; i < 3; i++)
        CHECK_EQ(fixture_dropped(f, i), i != first);
    }
    fixture_close(f);
  }
}

static void shutdown_wakes_getters(const struct kind *kind, bool immediate)
{
  enum { MOST = 5 };
  int n = kind->traits & KIND_MANY ? MOST : 1;
  struct fixture *f = fixture_open(kind, 3);
  struct call get[MOST];
  calls_asleep(get, n, run_get, &f->queue, 777);
  CHECK_CODE(pawl_queue_shutdown(&f->queue, immediate), 0);
  for (int i = 0; i < n; i++) {
    CHECK_CODE(call_end(&get[i]), PAWL_SHUTDOWN);
    CHECK_EQ(get[i].item, 777);
  }
  fixture_close(f);
}

/* `room`: a get frees a place right after the shutdown, before the putters have run: it is too late for them. */
static void shutdown_wakes_putters(const struct kind *kind, bool immediate, bool room)
{
  enum { MOST = 5 };
  int n = kind->traits & KIND_MANY ? MOST : 1;
  struct fixture *f = fixture_open(kind, 2);
  struct call put[MOST];
  uint64_t item;
  fill(f, 0, 2);
  for (int i = 0; i < n; i++)
    call_begin(&put[i], run_put, &f->queue, 100 + (uint64_t)i, PAWL_FOREVER);
  for (int i = 0; i < n; i++)
    call_wait_asleep(&put[i]);
  CHECK_CODE(pawl_queue_shutdown(&f->queue, immediate), 0);
  if (room)
    (void)get_next(f);
  for (int i = 0; i < n; i++)
    CHECK_CODE(call_end(&put[i]), PAWL_SHUTDOWN);
  if (!immediate)
    take_out(f, f->inside.size);
  CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_NOWAIT), PAWL_SHUTDOWN);
  if (kind->traits & KIND_DROPS)
    CHECK_EQ(f->drops, immediate ? 2 : 0);
  if (kind->traits & KIND_TRACKED)
    CHECK_EQ(pawl_queue_unfinished(&f->queue), immediate ? 0 : 2); /* refused puts never counted */
  fixture_close(f);
}

TEST(queue, QUE18_shutdown_wakes_every_sleeping_getter)
{
  EACH_KIND(kind, 0)
  {
    shutdown_wakes_getters(kind, false);
    shutdown_wakes_getters(kind, true);
  }
}

TEST(queue, QUE18_QUE19_shutdown_wakes_every_sleeping_putter)
{
  EACH_KIND(kind, KIND_BOUNDED)
  {
    shutdown_wakes_putters(kind, false, false);
    shutdown_wakes_putters(kind, true, false);
  }
}

TEST(queue, QUE19_a_place_that_gets_free_at_the_shutdown_is_too_late)
{
  EACH_KIND(kind, KIND_BOUNDED)
  shutdown_wakes_putters(kind, false, true);
}

TEST(queue, QUE19_shutdown_beats_full)
{
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 2);
    fill(f, 0, 2);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
    for (int room = 0; room < 3; room++) { /* full, half full, empty */
      CHECK_CODE(pawl_queue_put(&f->queue, 9, PAWL_NOWAIT), PAWL_SHUTDOWN);
      CHECK_CODE(pawl_queue_put(&f->queue, 9, -1), PAWL_SHUTDOWN);
      CHECK_CODE(pawl_queue_put(&f->queue, 9, pawl_after(PAWL_S(1000))), PAWL_SHUTDOWN);
      CHECK_CODE(pawl_queue_put(&f->queue, 9, PAWL_FOREVER), PAWL_SHUTDOWN);
      if (room < 2)
        (void)get_next(f);
    }
    if (!(kind->traits & (KIND_RING | KIND_PREALLOC)))
      CHECK_CODE(pawl_queue_set_maxsize(&f->queue, 100), 0);
    CHECK_CODE(pawl_queue_put(&f->queue, 9, PAWL_NOWAIT), PAWL_SHUTDOWN);
    fixture_close(f);
  }
}

TEST(queue, QUE20_what_is_inside_is_delivered_then_shutdown_beats_empty)
{
  EACH_KIND(kind, 0)
  {
    enum { N = 700 };
    struct fixture *f = fixture_open(kind, N);
    uint64_t item = 5;
    fill(f, 0, N);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
    CHECK_EQ(pawl_queue_was_size(&f->queue), N);
    for (uint64_t i = 0; i < N; i++) {
      pawl_time until = i % 3 == 0 ? PAWL_NOWAIT : i % 3 == 1 ? pawl_after(PAWL_S(1000)) : PAWL_FOREVER;
      CHECK_CODE(pawl_queue_get(&f->queue, &item, until), 0);
      note_get(f, item);
    }
    item = 5;
    CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_NOWAIT), PAWL_SHUTDOWN);
    CHECK_CODE(pawl_queue_get(&f->queue, &item, -1), PAWL_SHUTDOWN);
    CHECK_CODE(pawl_queue_get(&f->queue, &item, pawl_after(PAWL_S(1000))), PAWL_SHUTDOWN);
    CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_FOREVER), PAWL_SHUTDOWN);
    CHECK_EQ(item, 5);
    fixture_close(f);
  }
}

TEST(queue, QUE20_the_last_item_lets_the_other_getters_go)
{
  EACH_KIND(kind, KIND_MANY)
  {
    struct fixture *f = fixture_open(kind, 3);
    struct call get[3];
    put_ok(f, 1);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
    int got = 0;
    for (int i = 0; i < 3; i++)
      call_begin(&get[i], run_get, &f->queue, 0, PAWL_FOREVER);
    for (int i = 0; i < 3; i++)
      got += call_end(&get[i]) == 0;
    CHECK_EQ(got, 1);
    fixture_close(f);
  }
}

TEST(queue, QUE21_immediate_shutdown_drops_each_item_once)
{
  EACH_KIND(kind, KIND_DROPS)
  {
    enum { N = 700 };
    struct fixture *f = fixture_open(kind, N);
    uint64_t item = 5;
    fill(f, 0, N);
    take_out(f, 2);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, true), 0);
    CHECK_EQ(f->drops, N - 2);
    for (size_t i = 0; i < f->drops; i++)
      note_drop(f, f->dropped[i]);
    CHECK_EQ(pawl_queue_was_size(&f->queue), 0);
    CHECK(pawl_queue_was_empty(&f->queue));
    CHECK_CODE(pawl_queue_get(&f->queue, &item, PAWL_FOREVER), PAWL_SHUTDOWN);
    CHECK_EQ(item, 5);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, true), 0);
    CHECK_EQ(f->drops, N - 2);
    fixture_close(f);
  }
}

TEST(queue, QUE21_QUE22_dropped_items_count_as_done_and_taken_ones_do_not)
{
  EACH_KIND(kind, KIND_TRACKED)
  {
    struct fixture *f = fixture_open(kind, 5);
    struct call join[3];
    fill(f, 0, 5);
    take_out(f, 2);
    calls_asleep(join, 3, run_join, &f->queue, 0);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, true), 0);
    CHECK_EQ(pawl_queue_unfinished(&f->queue), 2);
    for (int i = 0; i < 3; i++)
      call_wait_asleep(&join[i]); /* two are taken and not done */
    CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
    CHECK_CODE(pawl_queue_join(&f->queue, PAWL_NOWAIT), PAWL_TIMEOUT);
    CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
    for (int i = 0; i < 3; i++)
      CHECK_CODE(call_end(&join[i]), 0);
    CHECK_CODE(pawl_queue_task_done(&f->queue), -ERANGE); /* QUE22 */
    CHECK_EQ(pawl_queue_unfinished(&f->queue), 0);
    fixture_close(f);
  }
}

TEST(queue, QUE21_dropping_the_last_unfinished_items_wakes_the_joiners)
{
  EACH_KIND(kind, KIND_TRACKED)
  {
    struct fixture *f = fixture_open(kind, 3);
    struct call join[3];
    fill(f, 0, 3);
    calls_asleep(join, 3, run_join, &f->queue, 0);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, true), 0);
    for (int i = 0; i < 3; i++)
      CHECK_CODE(call_end(&join[i]), 0);
    CHECK_EQ(pawl_queue_unfinished(&f->queue), 0);
    CHECK_CODE(pawl_queue_task_done(&f->queue), -ERANGE);
    fixture_close(f);
  }
}

TEST(queue, QUE21_unfinished_never_falls_below_zero)
{
  EACH_KIND(kind, KIND_TRACKED)
  {
    for (uint64_t early = 0; early <= 4; early++) {
      struct fixture *f = fixture_open(kind, 5);
      fill(f, 0, 4);
      for (uint64_t i = 0; i < early; i++)
        CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
      (void)get_next(f);
      CHECK_CODE(pawl_queue_shutdown(&f->queue, true), 0); /* drops three, of which some were said to be done */
      CHECK_EQ(pawl_queue_unfinished(&f->queue), early == 0);
      CHECK_CODE(pawl_queue_task_done(&f->queue), early == 0 ? 0 : -ERANGE);
      CHECK_CODE(pawl_queue_join(&f->queue, PAWL_NOWAIT), 0);
      CHECK_CODE(pawl_queue_task_done(&f->queue), -ERANGE);
      fixture_close(f);
    }
  }
}

TEST(queue, QUE22_task_done_after_an_immediate_shutdown_of_an_idle_queue)
{
  EACH_KIND(kind, KIND_TRACKED)
  {
    struct fixture *f = fixture_open(kind, 2);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, true), 0);
    CHECK_CODE(pawl_queue_task_done(&f->queue), -ERANGE);
    CHECK_CODE(pawl_queue_join(&f->queue, PAWL_FOREVER), 0);
    fixture_close(f);
  }
}

/* The drop callback runs outside any lock: it may look at the queue and use it. */
static void use_queue_in_drop(struct fixture *f)
{
  uint64_t item = 3;
  CHECK(pawl_queue_is_shutdown(&f->queue));
  CHECK_CODE(pawl_queue_put(&f->queue, 9, PAWL_FOREVER), PAWL_SHUTDOWN);
  (void)pawl_queue_was_size(&f->queue);
  (void)pawl_queue_unfinished(&f->queue);
  (void)pawl_queue_maxsize(&f->queue);
  struct call get;
  call_begin(&get, run_get, &f->queue, item, pawl_after(PAWL_MS(1)));
  int result = call_end(&get); /* another thread may take what has not been dropped yet */
  CHECK(result == 0 || result == PAWL_SHUTDOWN || result == PAWL_EMPTY);
  if (result == 0)
    *(int *)f->more += 1;
}

TEST(queue, QUE21_drop_is_called_outside_any_lock)
{
  EACH_KIND(kind, KIND_DROPS | KIND_MANY)
  {
    int got = 0;
    struct fixture *f = fixture_open(kind, 4);
    f->more = &got;
    fill(f, 0, 4);
    f->on_drop = use_queue_in_drop;
    CHECK_CODE(pawl_queue_shutdown(&f->queue, true), 0);
    f->on_drop = NULL;
    CHECK_EQ((int)f->drops + got, 4);
    fixture_close(f);
  }
}

/* A drop may hand its item to another queue, which then works as ever, new segments included. */
static void drop_into_other(struct fixture *f)
{
  CHECK_CODE(pawl_queue_put(f->more, f->dropped[f->drops - 1], PAWL_FOREVER), 0);
}

TEST(queue, QUE21_drop_may_put_into_another_queue)
{
  EACH_KIND(kind, KIND_DROPS)
  {
    enum { N = 1200 };
    struct pawl_queue other = PAWL_QUEUE_INIT(0);
    struct fixture *f = fixture_open(kind, N);
    uint64_t item;
    f->more = &other;
    f->on_drop = drop_into_other;
    fill(f, 0, N);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, true), 0);
    for (uint64_t i = 0; i < N; i++) {
      CHECK_CODE(pawl_queue_get(&other, &item, PAWL_NOWAIT), 0);
      note_drop(f, item);
    }
    CHECK_CODE(pawl_queue_fini(&other), 0);
    fixture_close(f);
  }
}

/* --- races --- */

struct race {
  struct fixture *f;
  struct test_latch start;
  _Atomic bool closed; /* set when shutdown has returned */
  _Atomic uint64_t put, got;
  _Atomic unsigned char *seen; /* per item: how often it left */
  uint64_t items;
  _Atomic uint64_t next;
  bool immediate;
};

static void race_putter(void *arg)
{
  struct race *race = arg;
  test_latch_meet(&race->start);
  for (;;) {
    uint64_t item = race->next++;
    if (item >= race->items)
      return;
    bool closed = race->closed;
    int result = pawl_queue_put(&race->f->queue, item, PAWL_FOREVER);
    if (result != 0) {
      CHECK_CODE(result, PAWL_SHUTDOWN);
      return;
    }
    CHECK(!closed); /* no put after shutdown has returned */
    race->put++;
  }
}

static void race_getter(void *arg)
{
  struct race *race = arg;
  uint64_t item;
  int result;
  test_latch_meet(&race->start);
  while ((result = pawl_queue_get(&race->f->queue, &item, PAWL_FOREVER)) == 0) {
    CHECK(item < race->items);
    race->seen[item]++;
    race->got++;
    if (race->f->kind->traits & KIND_TRACKED)
      CHECK_CODE(pawl_queue_task_done(&race->f->queue), 0);
  }
  CHECK_CODE(result, PAWL_SHUTDOWN);
}

static void race_closer(void *arg)
{
  struct race *race = arg;
  test_latch_meet(&race->start);
  while (race->got < race->items / 8 && race->next < race->items / 2)
    ;
  CHECK_CODE(pawl_queue_shutdown(&race->f->queue, race->immediate), 0);
  race->closed = true;
}

static void race_shutdown(const struct kind *kind, int64_t maxsize, bool immediate)
{
  enum { PUTTERS = 2, GETTERS = 2, CLOSERS = 2, N = PUTTERS + GETTERS + CLOSERS };
  struct fixture *f = fixture_open(kind, maxsize);
  struct race race = {.f = f, .items = 4000 / (uint64_t)test_scale(), .immediate = immediate};
  struct test_thread threads[N];
  race.seen = calloc(race.items, 1);
  test_latch_init(&race.start, N);
  for (int i = 0; i < N; i++)
    test_start(&threads[i],
               i < PUTTERS             ? "putter"
               : i < PUTTERS + GETTERS ? "getter"
                                       : "closer",
               i < PUTTERS             ? race_putter
               : i < PUTTERS + GETTERS ? race_getter
                                       : race_closer,
               &race);
  for (int i = 0; i < N; i++)
    test_join(&threads[i]);
  if (kind->traits & KIND_TRACKED)
    CHECK_CODE(pawl_queue_join(&f->queue, PAWL_FOREVER), 0);
  for (size_t i = 0; i < f->drops; i++)
    race.seen[f->dropped[i]]++;
  if (!immediate)
    CHECK_EQ(f->drops, 0);
  CHECK_EQ(race.got + f->drops, race.put);
  for (uint64_t i = 0; i < race.items; i++)
    CHECK_LE(race.seen[i], 1);
  CHECK_EQ(pawl_queue_was_size(&f->queue), 0);
  fixture_close(f);
  free((void *)race.seen);
}

TEST(queue, QUE20_no_accepted_item_is_lost_in_a_draining_shutdown)
{
  EACH_KIND(kind, KIND_MANY | KIND_DROPS)
  for (int round = 0; round < 6; round++)
    race_shutdown(kind, round % 3 + 1, false);
}

TEST(queue, QUE21_each_accepted_item_is_got_or_dropped_in_an_immediate_shutdown)
{
  EACH_KIND(kind, KIND_MANY | KIND_DROPS)
  for (int round = 0; round < 6; round++)
    race_shutdown(kind, (round % 3) * 50 + 1, true);
}
