/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loops.h - the inner loops of every workload, generated once per subject. Included several times: no include guard.
 *
 * The including file defines
 *   SUBJECT          an identifier; every name below is prefixed with it
 *   SUBJECT_NAME, SUBJECT_LIBRARY, SUBJECT_NOTE, SUBJECT_CAPS
 *   struct SUBJECT_handle                       what one thread needs to use the queue
 *   void *SUBJECT_open(const struct bench_shape *), void SUBJECT_close(void *queue)
 *   void SUBJECT_attach(struct SUBJECT_handle *, void *queue), void SUBJECT_detach(struct SUBJECT_handle *)
 *   bool SUBJECT_put(struct SUBJECT_handle *, uint64_t), bool SUBJECT_get(struct SUBJECT_handle *, uint64_t *)
 *   with BENCH_PRIO  bool SUBJECT_put(struct SUBJECT_handle *, int64_t key, uint64_t), and with `int64_t *key` in get alike
 *   with BENCH_WAIT  SUBJECT_put_wait, SUBJECT_get_wait: the same, but they sleep (void)
 *   with BENCH_TRIM  void SUBJECT_trim(void *queue)
 * and gets `bench_SUBJECT`, a struct bench_subject (BENCH_PREFIX, if defined, replaces `bench_`).
 *
 * Back-off. A non-blocking call that answers FULL or EMPTY is repeated by one policy for all: after the k-th failure in a
 * row 2^(k-1) pauses up to the sixth (63 pauses, some microseconds in all), then sched_yield() each time.
 * Stop. Producers look at the stop flag, on a line that nobody writes, after each item: a subject that collapses under more
 * threads than processors takes milliseconds per operation, and a batch of them is not to be waited for. The last producer to
 * finish puts one poison per consumer; what the consumers leave (queues that are FIFO per producer only) is drained
 * afterwards and verified, but not counted as passed.
 */
#ifndef BENCH_PREFIX
#define BENCH_PREFIX bench_
#endif
#define BENCH_CAT_(a, b) a##b
#define BENCH_CAT(a, b) BENCH_CAT_(a, b)
#define S(name) BENCH_CAT(SUBJECT, name)

/* What a thread has in a loop: its handle and, for a priority queue, the keys that it puts. */
struct S(_user) {
  struct S(_handle) handle;
#if SUBJECT_CAPS & BENCH_PRIO
  struct bench_keys keys;
#endif
};

static inline void S(_enter)(struct S(_user) * user, const struct bench_worker *worker, void *queue)
{
  S(_attach)(&user->handle, queue);
#if SUBJECT_CAPS & BENCH_PRIO
  bench_keys_open(&user->keys, worker);
#else
  (void)worker;
#endif
}

static inline void S(_leave)(struct S(_user) * user, struct bench_worker *worker)
{
  S(_detach)(&user->handle);
#if SUBJECT_CAPS & BENCH_PRIO
  worker->keys = user->keys;
#else
  (void)worker;
#endif
}

static inline bool S(_put_try)(struct S(_user) * user, uint64_t item)
{
#if SUBJECT_CAPS & BENCH_PRIO
  if (!S(_put)(&user->handle, user->keys.next, item))
    return false;
  user->keys.put += bench_bind(user->keys.next, item);
  bench_keys_draw(&user->keys);
  return true;
#else
  return S(_put)(&user->handle, item);
#endif
}

static inline bool S(_get_try)(struct S(_user) * user, uint64_t *item)
{
#if SUBJECT_CAPS & BENCH_PRIO
  if (!S(_get)(&user->handle, &user->keys.last, item))
    return false;
  user->keys.got += bench_bind(user->keys.last, *item);
  return true;
#else
  return S(_get)(&user->handle, item);
#endif
}

static inline void S(_put_retry)(struct S(_user) * user, uint64_t item)
{
  unsigned tries = 0;
  while (!S(_put_try)(user, item))
    bench_back_off(&tries);
}

/* Returns how often the queue said EMPTY. */
static inline unsigned S(_get_retry)(struct S(_user) * user, uint64_t *item)
{
  unsigned tries = 0;
  while (!S(_get_try)(user, item))
    bench_back_off(&tries);
  return tries;
}

/*
 * What can be said of an item got while others put. A stack's getter has put before, so that there is always an item above
 * those that were there from the start; of a priority queue nothing can be said here (but see drain and prio.rank).
 */
static inline void S(_audit)(struct bench_audit *audit, const struct bench_worker *worker, uint64_t item)
{
#if SUBJECT_CAPS & BENCH_STACK
  audit->disorder += bench_producer_of(item) == worker->run->filler;
  bench_audit_sum(audit, item);
#elif SUBJECT_CAPS & BENCH_PRIO
  (void)worker;
  bench_audit_sum(audit, item);
#else
  (void)worker;
  bench_audit_add(audit, item);
#endif
}

/* One thread puts one item and takes it back. */
static void S(_solo)(struct bench_worker *worker)
{
  struct S(_user) user;
  S(_enter)(&user, worker, worker->queue);
  uint64_t item = bench_first_item(worker);
  struct bench_audit got;
  memset(&got, 0, sizeof got);
  bench_begin(worker);
  do {
    for (int i = 0; i < 1024; i++, item += BENCH_STEP) {
      uint64_t back = 0;
      S(_put_retry)(&user, item);
      worker->empties += S(_get_retry)(&user, &back);
      S(_audit)(&got, worker, back);
    }
  } while (!bench_stopped(worker));
  bench_end(worker);
  worker->puts = item / BENCH_STEP - 1;
  worker->got = got;
  S(_leave)(&user, worker);
}

#if !(SUBJECT_CAPS & BENCH_FAMILY)

/* One place for the calls that sleep and those that do not; `wait` is a constant wherever this is inlined. */
static inline __attribute__((always_inline)) void S(_put_one)(struct S(_user) * user, uint64_t item, bool wait)
{
#if SUBJECT_CAPS & BENCH_WAIT
  if (wait) {
    S(_put_wait)(&user->handle, item);
    return;
  }
#endif
  (void)wait;
  S(_put_retry)(user, item);
}

static inline __attribute__((always_inline)) void S(_get_one)(struct S(_user) * user, uint64_t *item, bool wait)
{
#if SUBJECT_CAPS & BENCH_WAIT
  if (wait) {
    S(_get_wait)(&user->handle, item);
    return;
  }
#endif
  (void)wait;
  S(_get_retry)(user, item);
}

/* The last producer to finish tells every consumer to stop. */
static inline __attribute__((always_inline)) void S(_poison)(struct S(_user) * user, struct bench_worker *worker, bool wait)
{
  if (bench_last_producer(worker))
    for (unsigned i = 0; i < worker->run->consumers; i++)
      S(_put_one)(user, BENCH_POISON, wait);
}

static inline __attribute__((always_inline)) void S(_produce_by)(struct bench_worker *worker, bool wait)
{
  struct S(_user) user;
  S(_enter)(&user, worker, worker->queue);
  uint64_t item = bench_first_item(worker);
  bench_begin(worker);
  do {
    S(_put_one)(&user, item, wait);
    item += BENCH_STEP;
  } while (!bench_stopped(worker));
  worker->puts = item / BENCH_STEP - 1;
  S(_poison)(&user, worker, wait);
  bench_end(worker);
  S(_leave)(&user, worker);
}

static inline __attribute__((always_inline)) void S(_consume_by)(struct bench_worker *worker, bool wait)
{
  struct S(_user) user;
  S(_enter)(&user, worker, worker->queue);
  struct bench_audit got;
  memset(&got, 0, sizeof got);
  bench_begin(worker);
  for (;;) {
    uint64_t item = 0;
    S(_get_one)(&user, &item, wait);
    if (item == BENCH_POISON)
      break;
    bench_audit_add(&got, item);
  }
  bench_end(worker);
  worker->got = got;
  S(_leave)(&user, worker);
}

static void S(_produce)(struct bench_worker *worker)
{
  S(_produce_by)(worker, false);
}

static void S(_consume)(struct bench_worker *worker)
{
  S(_consume_by)(worker, false);
}

#define BENCH_STREAM_LOOPS S(_produce), S(_consume)
#else
#define BENCH_STREAM_LOOPS NULL, NULL
#endif

/* Each thread puts one item, then takes whichever is first: the queue never holds less than the threads inside get. */
static void S(_pairs)(struct bench_worker *worker)
{
  struct S(_user) user;
  S(_enter)(&user, worker, worker->queue);
  uint64_t item = bench_first_item(worker);
  struct bench_audit got;
  memset(&got, 0, sizeof got);
  uint64_t empties = 0;
  bench_begin(worker);
  do {
    uint64_t back = 0;
    S(_put_retry)(&user, item);
    empties += S(_get_retry)(&user, &back);
    S(_audit)(&got, worker, back);
    item += BENCH_STEP;
  } while (!bench_stopped(worker));
  bench_end(worker);
  worker->puts = item / BENCH_STEP - 1;
  worker->empties = empties;
  worker->got = got;
  S(_leave)(&user, worker);
}

/* The same with each operation timed, retries included. */
static void S(_pairs_timed)(struct bench_worker *worker)
{
  struct S(_user) user;
  S(_enter)(&user, worker, worker->queue);
  uint64_t item = bench_first_item(worker);
  struct bench_audit got;
  memset(&got, 0, sizeof got);
  bench_begin(worker);
  uint64_t before = bench_ticks();
  do {
    uint64_t back = 0, between, after;
    S(_put_retry)(&user, item);
    between = bench_ticks();
    S(_get_retry)(&user, &back);
    after = bench_ticks();
    bench_histogram_add(worker->histogram, between - before);
    bench_histogram_add(worker->histogram, after - between);
    S(_audit)(&got, worker, back);
    item += BENCH_STEP;
    before = bench_ticks();
  } while (!bench_stopped(worker));
  bench_end(worker);
  worker->puts = item / BENCH_STEP - 1;
  worker->got = got;
  S(_leave)(&user, worker);
}

/* Pairs whose every operation is watched for stalls; time between operations is charged to the next one. */
static void S(_observe)(struct bench_worker *worker)
{
  struct S(_user) user;
  S(_enter)(&user, worker, worker->queue);
  uint64_t item = bench_first_item(worker), slow = worker->run->slow;
  bench_begin(worker);
  uint64_t before = bench_ticks();
  do {
    bench_observe(worker);
    for (int i = 0; i < 1024 && !bench_stopped(worker); i++, item += BENCH_STEP) {
      uint64_t back = 0, between, after;
      S(_put_retry)(&user, item);
      between = bench_ticks();
      if (between - before >= slow)
        bench_slow(worker, between - before);
      S(_get_retry)(&user, &back);
      after = bench_ticks();
      if (after - between >= slow)
        bench_slow(worker, after - between);
      S(_audit)(&worker->got, worker, back);
      before = after;
    }
  } while (!bench_stopped(worker));
  bench_end(worker);
  worker->puts = item / BENCH_STEP - 1;
  S(_leave)(&user, worker);
}

/* Puts run->fill items, and that is all. */
static void S(_fill)(struct bench_worker *worker)
{
  struct S(_user) user;
  S(_enter)(&user, worker, worker->queue);
  uint64_t item = bench_first_item(worker);
  bench_begin(worker);
  for (uint64_t i = 0; i < worker->run->fill; i++, item += BENCH_STEP)
    S(_put_retry)(&user, item);
  bench_end(worker);
  worker->puts = worker->run->fill;
  S(_leave)(&user, worker);
}

/* An item got while nobody puts: here the order is known. */
static inline void S(_audit_rest)(struct bench_audit *audit, struct S(_user) * user, uint64_t item)
{
#if SUBJECT_CAPS & BENCH_STACK
  (void)user;
  bench_audit_unwind(audit, item);
#elif SUBJECT_CAPS & BENCH_PRIO
  bench_audit_keys(audit, &user->keys, SUBJECT_CAPS, item);
#else
  (void)user;
  bench_audit_add(audit, item);
#endif
}

/* Takes what is left, when nobody puts any more. */
static void S(_drain)(struct bench_worker *worker)
{
  struct S(_user) user;
  S(_enter)(&user, worker, worker->queue);
  struct bench_audit got;
  memset(&got, 0, sizeof got);
  uint64_t item = 0;
  bench_begin(worker);
  while (S(_get_try)(&user, &item))
    if (item != BENCH_POISON)
      S(_audit_rest)(&got, &user, item);
  bench_end(worker);
  worker->got = got;
  S(_leave)(&user, worker);
}

#if SUBJECT_CAPS & BENCH_WAIT

static void S(_produce_wait)(struct bench_worker *worker)
{
  S(_produce_by)(worker, true);
}

static void S(_consume_wait)(struct bench_worker *worker)
{
  S(_consume_by)(worker, true);
}

/* Sends an item, waits for its echo. */
static void S(_ping_wait)(struct bench_worker *worker)
{
  struct S(_user) there, back;
  S(_enter)(&there, worker, worker->queue);
  S(_enter)(&back, worker, worker->reply);
  uint64_t item = bench_first_item(worker);
  bench_begin(worker);
  uint64_t before = bench_ticks();
  do {
    uint64_t echo = 0, after;
    S(_put_wait)(&there.handle, item);
    S(_get_wait)(&back.handle, &echo);
    after = bench_ticks();
    bench_histogram_add(worker->histogram, after - before);
    before = after;
    bench_audit_add(&worker->got, echo);
    item += BENCH_STEP;
  } while (!bench_stopped(worker));
  worker->puts = item / BENCH_STEP - 1;
  bench_end(worker);
  S(_put_wait)(&there.handle, BENCH_POISON);
  S(_leave)(&there, worker);
  S(_leave)(&back, worker);
}

static void S(_pong_wait)(struct bench_worker *worker)
{
  struct S(_user) there, back;
  S(_enter)(&there, worker, worker->queue);
  S(_enter)(&back, worker, worker->reply);
  bench_begin(worker);
  for (;;) {
    uint64_t item = 0;
    S(_get_wait)(&there.handle, &item);
    if (item == BENCH_POISON)
      break;
    S(_put_wait)(&back.handle, item);
  }
  bench_end(worker);
  S(_leave)(&there, worker);
  S(_leave)(&back, worker);
}

/* One item per period, each after a sleep. */
static void S(_trickle_wait)(struct bench_worker *worker)
{
  struct S(_user) user;
  S(_enter)(&user, worker, worker->queue);
  uint64_t item = bench_first_item(worker);
  struct timespec period = {0, (long)worker->run->period};
  bench_begin(worker);
  do {
    clock_nanosleep(CLOCK_MONOTONIC, 0, &period, NULL);
    S(_put_wait)(&user.handle, item);
    item += BENCH_STEP;
  } while (!bench_stopped(worker));
  worker->puts = item / BENCH_STEP - 1;
  S(_poison)(&user, worker, true);
  bench_end(worker);
  S(_leave)(&user, worker);
}

#define BENCH_WAIT_LOOPS S(_produce_wait), S(_consume_wait), S(_ping_wait), S(_pong_wait), S(_trickle_wait)
#else
#define BENCH_WAIT_LOOPS NULL, NULL, NULL, NULL, NULL
#endif

#if SUBJECT_CAPS & BENCH_PRIO

/* The "hold model" of event simulation: what comes out goes in again a little later, so never far from the front. */
static void S(_hold)(struct bench_worker *worker)
{
  struct S(_user) user;
  S(_enter)(&user, worker, worker->queue);
  uint64_t item = bench_first_item(worker), step = worker->run->step;
  struct bench_audit got;
  memset(&got, 0, sizeof got);
  bench_begin(worker);
  do {
    uint64_t back = 0;
    S(_get_retry)(&user, &back);
    bench_keys_behind(&user.keys, step);
    S(_put_retry)(&user, item);
    S(_audit)(&got, worker, back);
    item += BENCH_STEP;
  } while (!bench_stopped(worker));
  bench_end(worker);
  worker->puts = item / BENCH_STEP - 1;
  worker->got = got;
  S(_leave)(&user, worker);
}

/* Pairs or hold (with a step), one thread at a time, each operation told to the exact reference of rank.c. */
static void S(_rank)(struct bench_worker *worker)
{
  struct S(_user) user;
  S(_enter)(&user, worker, worker->queue);
  uint64_t item = bench_first_item(worker), step = worker->run->step;
  bench_begin(worker);
  for (; bench_rank_turn(worker); item += BENCH_STEP) {
    uint64_t back = 0;
    S(_get_retry)(&user, &back);
    bench_rank_got(worker, user.keys.last);
    if (step != 0)
      bench_keys_behind(&user.keys, step);
    bench_rank_put(worker, user.keys.next);
    S(_put_retry)(&user, item);
    S(_audit)(&worker->got, worker, back);
    bench_rank_pass(worker);
  }
  bench_end(worker);
  worker->puts = item / BENCH_STEP - 1;
  S(_leave)(&user, worker);
}

#define BENCH_PRIO_LOOPS S(_hold), S(_rank)
#else
#define BENCH_PRIO_LOOPS NULL, NULL
#endif

#if SUBJECT_CAPS & BENCH_TRIM
#define BENCH_TRIM_CALL S(_trim)
#else
#define BENCH_TRIM_CALL NULL
#endif

#ifdef __cplusplus
extern "C"
#endif
    const struct bench_subject BENCH_CAT(BENCH_PREFIX, SUBJECT);

const struct bench_subject BENCH_CAT(BENCH_PREFIX, SUBJECT) = {
    SUBJECT_NAME,    SUBJECT_LIBRARY, SUBJECT_NOTE,       SUBJECT_CAPS,    S(_open),        S(_close),
    BENCH_TRIM_CALL, S(_solo),        BENCH_STREAM_LOOPS, S(_pairs),       S(_pairs_timed), S(_observe),
    S(_fill),        S(_drain),       BENCH_WAIT_LOOPS,   BENCH_PRIO_LOOPS};

#undef BENCH_STREAM_LOOPS
#undef BENCH_PRIO_LOOPS
#undef BENCH_WAIT_LOOPS
#undef BENCH_TRIM_CALL
#undef S
#undef BENCH_CAT
#undef BENCH_CAT_
#undef SUBJECT
#undef SUBJECT_NAME
#undef SUBJECT_LIBRARY
#undef SUBJECT_NOTE
#undef SUBJECT_CAPS
