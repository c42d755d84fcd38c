/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_faults_signal.c - signals: waits go on after a handler with the time that is left (THR14), and a handler puts into a
 * simple queue whatever it interrupted (QUE29).
 */
#include "kit.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* --- a storm of handlers on one thread, without SA_RESTART --- */

static _Atomic uint64_t handled;

static void count_signal(int number)
{
  (void)number;
  handled++;
}

static void handle(int number, void (*handler)(int))
{
  struct sigaction action = {.sa_handler = handler}; /* no SA_RESTART; other signals may nest */
  sigemptyset(&action.sa_mask);
  CHECK_EQ(sigaction(number, &action, NULL), 0);
}

static timer_t storm_on_this_thread(int number, long interval_ns)
{
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = number};
  struct itimerspec every = {{0, interval_ns}, {0, interval_ns}};
  timer_t timer;
  event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
  CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
  CHECK_EQ(timer_settime(timer, 0, &every, NULL), 0);
  return timer;
}

/* Waits 60 ms for something that does not come, interrupted every 0.2 ms. */
static void keeps_its_deadline(struct call *call, int (*run)(struct call *), void *object, int expected)
{
  uint64_t before = handled;
  call->object = object;
  call->until = pawl_after(PAWL_MS(60));
  timer_t timer = storm_on_this_thread(SIGUSR1, 200000);
  int result = run(call);
  pawl_time end = pawl_now();
  timer_delete(timer);
  CHECK_CODE(result, expected);
  CHECK_GE(end, call->until);
  CHECK_LE(end, call->until + PAWL_MS(500) * test_scale());
  CHECK(handled > before); /* a busy machine and ThreadSanitizer make one of many */
}

static int run_simple_get(struct call *call)
{
  return pawl_simple_queue_get(call->object, &call->item, call->until);
}

static int run_acquire(struct call *call)
{
  return pawl_lock_acquire(call->object, call->until);
}

TEST(queue, THR14_interrupted_waits_keep_their_deadline)
{
  struct call call = {.item = 77};
  handle(SIGUSR1, count_signal);
  EACH_KIND(kind, KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 1);
    keeps_its_deadline(&call, run_get, &f->queue, PAWL_EMPTY);
    CHECK_EQ(call.item, 77);
    put_ok(f, 1);
    keeps_its_deadline(&call, run_put, &f->queue, PAWL_FULL);
    if (kind->traits & KIND_TRACKED)
      keeps_its_deadline(&call, run_join, &f->queue, PAWL_TIMEOUT);
    get_ok(f, 1);
    fixture_close(f);
  }
}

TEST(simple_queue, THR14_interrupted_waits_keep_their_deadline)
{
  struct pawl_simple_queue queue = PAWL_SIMPLE_QUEUE_INIT;
  struct pawl_lock lock = PAWL_LOCK_INIT;
  struct call call = {.item = 77};
  handle(SIGUSR1, count_signal);
  keeps_its_deadline(&call, run_simple_get, &queue, PAWL_EMPTY);
  CHECK_EQ(call.item, 77);
  CHECK_CODE(pawl_lock_acquire(&lock, PAWL_NOWAIT), 0);
  keeps_its_deadline(&call, run_acquire, &lock, PAWL_TIMEOUT);
  CHECK_CODE(pawl_simple_queue_fini(&queue), 0);
}

/* A call under a storm of its own until it is served. */
static int run_stormy(struct call *call)
{
  int (*run)(struct call *) = *(int (**)(struct call *))call->more;
  timer_t timer = storm_on_this_thread(SIGUSR1, 200000);
  int result = run(call);
  timer_delete(timer);
  return result;
}

static void until_interrupted(void)
{
  uint64_t before = handled;
  EVENTUALLY(handled > before + 20);
}

TEST(queue, THR14_interrupted_waits_go_on_until_they_are_served)
{
  static int (*get)(struct call *) = run_get, (*put)(struct call *) = run_put, (*join)(struct call *) = run_join;
  handle(SIGUSR1, count_signal);
  EACH_KIND(kind, KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 1);
    struct call call = {.more = &get};
    call_begin(&call, run_stormy, &f->queue, 0, PAWL_FOREVER);
    until_interrupted();
    put_ok(f, 1);
    CHECK_CODE(call_end(&call), 0);
    CHECK_EQ(call.item, 1);
    note_get(f, 1);
    put_ok(f, 2);
    call.more = &put;
    call_begin(&call, run_stormy, &f->queue, 3, PAWL_FOREVER);
    until_interrupted();
    get_ok(f, 2);
    CHECK_CODE(call_end(&call), 0);
    if (kind->traits & KIND_TRACKED) {
      call.more = &join;
      call_begin(&call, run_stormy, &f->queue, 0, PAWL_FOREVER);
      until_interrupted();
      for (int i = 0; i < 3; i++)
        CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
      CHECK_CODE(call_end(&call), 0);
    }
    fixture_close(f);
  }
}

struct traffic {
  struct fixture *f;
  uint64_t items;
  _Atomic uint64_t got, sum;
};

static void put_in_storm(void *arg)
{
  struct traffic *traffic = arg;
  timer_t timer = storm_on_this_thread(SIGUSR1, 200000);
  for (uint64_t i = 1; i <= traffic->items; i++)
    CHECK_CODE(pawl_queue_put(&traffic->f->queue, i, PAWL_FOREVER), 0);
  timer_delete(timer);
}

static void get_in_storm(void *arg)
{
  struct traffic *traffic = arg;
  timer_t timer = storm_on_this_thread(SIGUSR1, 200000);
  uint64_t item;
  while (pawl_queue_get(&traffic->f->queue, &item, PAWL_FOREVER) == 0) {
    traffic->got++;
    traffic->sum += item;
  }
  timer_delete(timer);
}

TEST(queue, THR14_signals_lose_no_item)
{
  handle(SIGUSR1, count_signal);
  EACH_KIND(kind, KIND_MANY | KIND_BOUNDED)
  {
    struct fixture *f = fixture_open(kind, 2);
    struct traffic traffic = {.f = f, .items = 3000 / (uint64_t)test_scale()};
    struct test_thread putters[2], getters[2];
    for (int i = 0; i < 2; i++) {
      test_start(&putters[i], "putter", put_in_storm, &traffic);
      test_start(&getters[i], "getter", get_in_storm, &traffic);
    }
    for (int i = 0; i < 2; i++)
      test_join(&putters[i]);
    CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
    for (int i = 0; i < 2; i++)
      test_join(&getters[i]);
    CHECK_EQ(traffic.got, 2 * traffic.items);
    CHECK_EQ(traffic.sum, traffic.items * (traffic.items + 1));
    fixture_close(f);
  }
}

/* --- puts in handlers --- */

static struct pawl_simple_queue queue;
static volatile uint64_t handler_puts, handler_refusals, deep_puts,
    deep_refusals; /* of the one thread that takes the signals */
static volatile int deepest;

enum { BY_MAIN = 1, BY_HANDLER = 2, BY_DEEP_HANDLER = 3 };

static bool put_from_handler(uint64_t source, uint64_t number)
{
  int kept = errno;
  errno = 4711;
  int result = pawl_simple_queue_put_in_handler(&queue, source << 32 | number);
  if (errno != 4711)
    abort();
  errno = kept;
  if (result != 0 && result != -EAGAIN)
    abort();
  return result == 0;
}

/* Fire on this thread: each handler sets the timer of its signal anew, so that the thread itself gets on, however slow. */
static timer_t timers[2];
static volatile bool armed[2];
static uint64_t delays = 1;
static int slowness;

static void fire_again(int i)
{
  struct itimerspec once = {{0, 0}, {0, (long)(5000 + test_random(&delays) % 40000) * slowness}};
  if (armed[i])
    timer_settime(timers[i], 0, &once, NULL);
}

static void open_fire(int i, int number)
{
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = number};
  event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
  CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timers[i]), 0);
  slowness = test_scale();
  armed[i] = true;
  fire_again(i);
}

static void cease_fire(int i)
{
  armed[i] = false;
  timer_delete(timers[i]);
}

static void put_one(int number)
{
  (void)number;
  if (put_from_handler(BY_HANDLER, handler_puts + 1))
    handler_puts++;
  else
    handler_refusals++;
  fire_again(0);
}

static void put_one_deeper(int number)
{
  (void)number;
  if (put_from_handler(BY_DEEP_HANDLER, deep_puts + 1))
    deep_puts++;
  else
    deep_refusals++;
  fire_again(1);
}

/* Each source's items come in order, none lost, none twice. */
struct ledger {
  uint64_t last[4], main_puts;
};

static void account(struct ledger *ledger, uint64_t item)
{
  uint64_t source = item >> 32, number = item & UINT32_MAX;
  CHECK(source >= BY_MAIN && source <= BY_DEEP_HANDLER);
  CHECK_EQ(number, ledger->last[source] + 1);
  ledger->last[source] = number;
}

static void settle(struct ledger *ledger)
{
  uint64_t item;
  while (pawl_simple_queue_get(&queue, &item, PAWL_NOWAIT) == 0)
    account(ledger, item);
  CHECK_EQ(ledger->last[BY_MAIN], ledger->main_puts);
  CHECK_EQ(ledger->last[BY_HANDLER], handler_puts);
  CHECK_EQ(ledger->last[BY_DEEP_HANDLER], deep_puts);
}

static void put_and_get_under_fire(struct ledger *ledger, uint64_t puts)
{
  uint64_t seed = 9, item;
  while (handler_puts < puts || deep_puts < puts) {
    for (uint64_t n = test_random(&seed) % 40; n > 0; n--) {
      ledger->main_puts++;
      CHECK_CODE(pawl_simple_queue_put(&queue, (uint64_t)BY_MAIN << 32 | ledger->main_puts), 0);
    }
    for (uint64_t n = test_random(&seed) % 60; n > 0 && pawl_simple_queue_get(&queue, &item, PAWL_NOWAIT) == 0; n--)
      account(ledger, item);
    if (test_scale() > 1)
      kit_pause(); /* ThreadSanitizer holds handlers back until a call that it knows */
  }
}

TEST(simple_queue, QUE29_a_handler_puts_whatever_it_interrupts)
{
  struct ledger ledger = {0};
  hook_install();
  CHECK_CODE(pawl_thread_attach(), 0);
  CHECK_CODE(pawl_simple_queue_put(&queue, (uint64_t)BY_MAIN << 32 | ++ledger.main_puts), 0);
  handle(SIGUSR1, put_one);
  handle(SIGUSR2, put_one_deeper); /* may interrupt the other handler, or be interrupted by it */
  open_fire(0, SIGUSR1);
  open_fire(1, SIGUSR2);
  put_and_get_under_fire(&ledger, 5000 / (uint64_t)(test_scale() * test_scale()));
  cease_fire(0);
  cease_fire(1);
  settle(&ledger);
  CHECK_CODE(pawl_simple_queue_fini(&queue), 0);
}

/* The interrupted operations need not be those of simple queues. */
TEST(simple_queue, QUE29_a_handler_puts_during_operations_of_other_queues)
{
  struct ledger ledger = {0};
  hook_install();
  CHECK_CODE(pawl_thread_attach(), 0);
  CHECK_CODE(pawl_simple_queue_put(&queue, (uint64_t)BY_MAIN << 32 | ++ledger.main_puts), 0);
  handle(SIGUSR1, put_one);
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 600);
    open_fire(0, SIGUSR1);
    uint64_t in = 0, item;
    for (uint64_t more = handler_puts + 300 / (uint64_t)(test_scale() * test_scale()); handler_puts < more;) {
      CHECK_CODE(pawl_simple_queue_put(&queue, (uint64_t)BY_MAIN << 32 | ++ledger.main_puts), 0); /* brings segments */
      for (int i = 0; i < 600; i++)
        put_ok(f, in++);
      for (int i = 0; i < 600; i++)
        (void)get_next(f);
      if (kind->traits & KIND_TRACKED)
        CHECK_CODE(pawl_queue_task_done(&f->queue), 0);
      CHECK_CODE(pawl_queue_get(&f->queue, &item, pawl_after(PAWL_US(100))), PAWL_EMPTY);
      (void)pawl_queue_trim(&f->queue);
    }
    CHECK_CODE(pawl_queue_shutdown(&f->queue, true), 0);
    cease_fire(0);
    settle(&ledger);
    fixture_close(f);
  }
  CHECK_CODE(pawl_simple_queue_fini(&queue), 0);
}

static volatile uint64_t nested_results[6];

/* Raises itself until depth 4, each depth puts. */
static void nest(int number)
{
  static int depth;
  depth++;
  if (depth > deepest)
    deepest = depth;
  nested_results[depth] = (uint64_t)(int64_t)pawl_simple_queue_put_in_handler(&queue, 100 + (uint64_t)depth);
  if (depth < 4) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
  }
  depth--;
}

TEST(simple_queue, QUE29_handlers_may_nest_and_deep_ones_keep_their_item)
{
  hook_install();
  CHECK_CODE(pawl_thread_attach(), 0);
  CHECK_CODE(pawl_simple_queue_put(&queue, 1), 0);
  handle(SIGUSR1, nest);
  raise(SIGUSR1);
  CHECK_EQ(deepest, 4);
  uint64_t item, expected = 101;
  CHECK_CODE(pawl_simple_queue_get(&queue, &item, PAWL_NOWAIT), 0);
  for (int depth = 1; depth <= 4; depth++) {
    int result = (int)nested_results[depth];
    CHECK(result == 0 || result == -EAGAIN);
    if (result == 0) {
      CHECK_CODE(pawl_simple_queue_get(&queue, &item, PAWL_NOWAIT), 0);
      CHECK_EQ(item, expected);
    }
    expected++;
  }
  CHECK_CODE((int)nested_results[1], 0);
  CHECK_CODE((int)nested_results[2], 0);
  CHECK_CODE(pawl_simple_queue_get(&queue, &item, PAWL_NOWAIT), PAWL_EMPTY);
  CHECK_CODE(pawl_simple_queue_fini(&queue), 0);
}

TEST(simple_queue, QUE29_without_a_segment_or_a_record_the_handler_keeps_its_item)
{
  uint64_t item;
  hook_install();
  handle(SIGUSR1, put_one);
  raise(SIGUSR1); /* this thread is not attached */
  CHECK_EQ(handler_refusals, 1);
  CHECK_CODE(pawl_thread_attach(), 0);
  raise(SIGUSR1); /* the queue has no segment yet */
  CHECK_EQ(handler_refusals, 2);
  CHECK_EQ(handler_puts, 0);
  CHECK(pawl_simple_queue_was_empty(&queue));
  CHECK_CODE(pawl_simple_queue_put(&queue, 5), 0);
  long allocations = hook_allocations();
  while (handler_refusals == 2) /* until the segment is used up: a handler allocates none */
    raise(SIGUSR1);
  CHECK(handler_puts > 0);
  CHECK_EQ(hook_allocations(), allocations);
  CHECK_EQ(pawl_simple_queue_was_size(&queue), handler_puts + 1);
  CHECK_CODE(pawl_simple_queue_put(&queue, 6), 0);
  raise(SIGUSR1);
  CHECK_EQ(handler_refusals, 3);
  for (uint64_t n = handler_puts + 2; n > 0; n--)
    CHECK_CODE(pawl_simple_queue_get(&queue, &item, PAWL_NOWAIT), 0);
  CHECK_CODE(pawl_simple_queue_get(&queue, &item, PAWL_NOWAIT), PAWL_EMPTY);
  CHECK_CODE(pawl_simple_queue_close(&queue), 0);
  CHECK_CODE(pawl_simple_queue_put_in_handler(&queue, 7), PAWL_SHUTDOWN);
  CHECK_CODE(pawl_simple_queue_fini(&queue), 0);
}

TEST(simple_queue, QUE29_a_handlers_put_wakes_a_sleeping_getter)
{
  hook_install();
  CHECK_CODE(pawl_thread_attach(), 0);
  uint64_t item;
  CHECK_CODE(pawl_simple_queue_put(&queue, 1), 0);
  CHECK_CODE(pawl_simple_queue_get(&queue, &item, PAWL_NOWAIT), 0);
  handle(SIGUSR1, put_one);
  for (int i = 0; i < 10; i++) {
    struct call get;
    call_begin(&get, run_simple_get, &queue, 0, PAWL_FOREVER);
    call_wait_asleep(&get);
    raise(SIGUSR1);
    CHECK_CODE(call_end(&get), 0);
  }
  CHECK_EQ(handler_puts, 10);
  CHECK_CODE(pawl_simple_queue_fini(&queue), 0);
}

/* Beside other threads: handlers put on each of them. */
static _Atomic uint64_t accepted, received;
static _Atomic bool stop;

static void put_and_count(int number)
{
  (void)number;
  int kept = errno;
  if (pawl_simple_queue_put_in_handler(&queue, 1) == 0)
    accepted++;
  errno = kept;
}

static void traffic_with_handlers(void *arg)
{
  (void)arg;
  uint64_t item;
  CHECK_CODE(pawl_thread_attach(), 0);
  timer_t timer = storm_on_this_thread(SIGUSR1, 50000);
  while (!stop) {
    for (int i = 0; i < 10; i++) {
      CHECK_CODE(pawl_simple_queue_put(&queue, 1), 0);
      accepted++;
    }
    for (int i = 0; i < 20 && pawl_simple_queue_get(&queue, &item, PAWL_NOWAIT) == 0; i++)
      received++;
    received += pawl_simple_queue_get(&queue, &item, pawl_after(PAWL_US(20))) == 0;
  }
  timer_delete(timer);
}

TEST(simple_queue, QUE29_handlers_on_several_threads_lose_nothing)
{
  struct test_thread threads[3];
  uint64_t item;
  hook_install();
  handle(SIGUSR1, put_and_count);
  for (int i = 0; i < 3; i++)
    test_start(&threads[i], "under fire", traffic_with_handlers, NULL);
  for (pawl_time until = pawl_after(PAWL_MS(500)); pawl_now() < until;)
    kit_pause();
  stop = true;
  for (int i = 0; i < 3; i++)
    test_join(&threads[i]);
  while (pawl_simple_queue_get(&queue, &item, PAWL_NOWAIT) == 0)
    received++;
  CHECK_EQ(received, accepted);
  CHECK_CODE(pawl_simple_queue_fini(&queue), 0);
}
