/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stress_queue.c - everything at once on a queue, for as long as asked: producers and consumers one by one and in bulk, with and
 * without deadlines, a manager who changes the bound, trims, joins and looks at sizes, and in the end a shutdown of either
 * kind, early or late.
 *
 *   stress_queue [--mode bounded|ring|unbounded|simple|spsc|lifo|priority|locked|relaxed] [--ops N] [--seconds S] [--items N]
 *                [--seed N]
 *
 * Without --mode all take turns; locked is a priority queue under a lock. A round is a fresh queue, up to 4 producers and 4 consumers, and --items items (2^20).
 * Checked in each round: every item accepted was got or dropped exactly once (a bit each), none other; each consumer sees each
 * producer's items in order, where the queue keeps it (an item is its own key); FULL and EMPTY come after their deadline only, and never without one; sizes stay within the
 * bound; what is unfinished ends at 0 and join returns. --ops counts puts, gets and failed attempts of all threads, 0: no
 * limit. Exit status 1 and a line per fault, or after five minutes in one round, when a wake-up must have been lost. Not a
 * benchmark, not a linearizability check (tests/histories).
 */
#include "../random.h"

#include <pawl.h>

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIDE_MAX = 4, ITEMS_MAX = 1 << 20, WORDS = ITEMS_MAX / 64, BULK_MAX = 32, BACKLOG_MAX = 100000 };

enum mode {
  MODE_BOUNDED,
  MODE_RING,
  MODE_UNBOUNDED,
  MODE_SIMPLE,
  MODE_SPSC,
  MODE_LIFO,
  MODE_PRIORITY,
  MODE_LOCKED,
  MODE_RELAXED,
  MODES,
};

static const struct {
  const char *name;
  unsigned order, progress, flags;
  bool in_order; /* a later item of one producer does not overtake an earlier one */
  bool rebound;  /* the manager changes the bound */
} modes[MODES] = {
    [MODE_BOUNDED] = {.name = "bounded", .in_order = true, .rebound = true},
    [MODE_RING] = {.name = "ring", .progress = PAWL_RING, .in_order = true, .rebound = true},
    [MODE_UNBOUNDED] = {.name = "unbounded", .in_order = true},
    [MODE_SIMPLE] = {.name = "simple", .in_order = true},
    [MODE_SPSC] = {.name = "spsc", .flags = PAWL_SPSC, .in_order = true},
    [MODE_LIFO] = {.name = "lifo", .order = PAWL_LIFO, .rebound = true},
    [MODE_PRIORITY] = {.name = "priority", .order = PAWL_PRIORITY, .in_order = true, .rebound = true},
    [MODE_LOCKED] = {.name = "locked", .order = PAWL_PRIORITY, .progress = PAWL_LOCKED, .in_order = true, .rebound = true},
    [MODE_RELAXED] = {.name = "relaxed", .order = PAWL_RELAXED, .rebound = true},
};

struct round;

struct worker {
  struct round *round;
  int index;
  uint64_t random;
  uint64_t operations;
  uint64_t accepted;       /* producer: how many of its items went in, in order */
  uint64_t next[SIDE_MAX]; /* consumer: lowest sequence number still to come from each producer */
  uint64_t seen[WORDS];    /* consumer, dropper: a bit per item */
  pthread_t thread;
};

struct round {
  enum mode mode;
  int producers, consumers;
  bool immediate; /* the shutdown drops what is inside */
  uint64_t items;
  uint64_t share;   /* items per producer */
  uint64_t stop_at; /* items of producer 0 after which the manager shuts down */
  int64_t capacity; /* of a ring */
  uint64_t random;  /* the manager's */
  int producing;    /* producers at work; atomic */
  int working;      /* all workers; atomic */
  uint64_t reached; /* items of producer 0; atomic */
  struct pawl_queue queue;
  struct pawl_simple_queue simple;
  struct worker producer[SIDE_MAX], consumer[SIDE_MAX], dropper;
};

static uint64_t faults; /* atomic */

__attribute__((format(printf, 2, 3))) static void fault(const struct round *r, const char *format, ...)
{
  va_list args;
  if (__atomic_add_fetch(&faults, 1, __ATOMIC_RELAXED) > 20)
    return;
  va_start(args, format);
  fprintf(stderr, "\nfault (%s, %d producers, %d consumers): ", modes[r->mode].name, r->producers, r->consumers);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
}

/* Mostly looks once or waits for ever, sometimes a little, once in a while with a deadline that has passed. */
static pawl_time some_deadline(uint64_t *random)
{
  uint64_t word = test_random(random) >> 32;
  switch (word % 16) {
  case 0:
    return pawl_after(PAWL_US(word >> 8 & 127));
  case 1:
    return pawl_after(-1 - (int64_t)(word >> 8));
  case 2:
  case 3:
  case 4:
    return PAWL_FOREVER;
  default:
    return PAWL_NOWAIT;
  }
}

static void check_deadline(const struct round *r, const char *answer, pawl_time until)
{
  if (until == PAWL_FOREVER)
    fault(r, "%s without a deadline", answer);
  else if (until > PAWL_NOWAIT && pawl_now() < until)
    fault(r, "%s before its deadline", answer);
}

/* --- producers --- */

static uint64_t item_of(const struct worker *w, uint64_t sequence)
{
  return (uint64_t)w->index << 32 | sequence;
}

static int put_some(struct worker *w, pawl_time until, size_t *done)
{
  struct round *r = w->round;
  uint64_t items[BULK_MAX], word = test_random(&w->random) >> 32;
  size_t n = word % 8 == 0 ? 1 + (word >> 8) % BULK_MAX : 1;
  if (n > r->share - w->accepted)
    n = (size_t)(r->share - w->accepted);
  for (size_t i = 0; i < n; i++)
    items[i] = item_of(w, w->accepted + i);
  if (n > 1 && r->mode != MODE_SIMPLE)
    return pawl_queue_put_many(&r->queue, items, n, done, until);
  int result =
      r->mode == MODE_SIMPLE ? pawl_simple_queue_put(&r->simple, items[0]) : pawl_queue_put(&r->queue, items[0], until);
  *done = result == 0;
  return result;
}

static void limit_backlog(struct round *r)
{
  if (r->mode != MODE_SIMPLE) {
    while (pawl_queue_was_size(&r->queue) > BACKLOG_MAX && !pawl_queue_is_shutdown(&r->queue))
      sched_yield();
  } else {
    while (pawl_simple_queue_was_size(&r->simple) > BACKLOG_MAX)
      sched_yield();
  }
}

static void *run_producer(void *arg)
{
  struct worker *w = arg;
  struct round *r = w->round;
  int result = 0;
  while (w->accepted < r->share && result != PAWL_SHUTDOWN) {
    pawl_time until = some_deadline(&w->random);
    size_t done = 0;
    result = put_some(w, until, &done);
    w->accepted += done;
    w->operations += done + (result != 0);
    if (result == PAWL_FULL) {
      check_deadline(r, "FULL", until);
      if (r->mode == MODE_UNBOUNDED || r->mode == MODE_SIMPLE)
        fault(r, "FULL of an unbounded queue");
      sched_yield();
    } else if (result != 0 && result != PAWL_SHUTDOWN) {
      fault(r, "put: %s", pawl_strerror(result));
    }
    if (w->index == 0)
      __atomic_store_n(&r->reached, w->accepted, __ATOMIC_RELAXED);
    if (w->accepted % 256 == 0)
      limit_backlog(r);
  }
  __atomic_fetch_sub(&r->producing, 1, __ATOMIC_RELEASE);
  __atomic_fetch_sub(&r->working, 1, __ATOMIC_RELEASE);
  return NULL;
}

/* --- consumers --- */

static void mark(struct worker *w, uint64_t item)
{
  const struct round *r = w->round;
  uint64_t producer = item >> 32, sequence = item & UINT32_MAX, bit = producer * r->share + sequence;
  if (producer >= (uint64_t)r->producers || sequence >= r->share) {
    fault(r, "an item that nobody put: %#" PRIx64, item);
    return;
  }
  bool in_order = modes[r->mode].in_order && (w != &r->dropper || modes[r->mode].order == PAWL_FIFO); /* drops need not be */
  if (sequence < w->next[producer] && in_order)
    fault(r, "item %" PRIu64 " of producer %" PRIu64 " came after item %" PRIu64, sequence, producer, w->next[producer] - 1);
  w->next[producer] = sequence + 1;
  if ((w->seen[bit / 64] >> bit % 64 & 1) != 0)
    fault(r, "an item came twice: %#" PRIx64, item);
  w->seen[bit / 64] |= UINT64_C(1) << bit % 64;
}

static int get_some(struct worker *w, pawl_time until, uint64_t *items, size_t *done)
{
  struct round *r = w->round;
  uint64_t word = test_random(&w->random) >> 32;
  if (word % 8 == 0 && r->mode != MODE_SIMPLE)
    return pawl_queue_get_many(&r->queue, items, 1 + (word >> 8) % BULK_MAX, done, until);
  int result =
      r->mode == MODE_SIMPLE ? pawl_simple_queue_get(&r->simple, items, until) : pawl_queue_get(&r->queue, items, until);
  *done = result == 0;
  return result;
}

static void *run_consumer(void *arg)
{
  struct worker *w = arg;
  struct round *r = w->round;
  int result = 0;
  while (result != PAWL_SHUTDOWN) {
    uint64_t items[BULK_MAX];
    pawl_time until = some_deadline(&w->random);
    size_t done = 0;
    result = get_some(w, until, items, &done);
    w->operations += done + (result != 0);
    for (size_t i = 0; i < done; i++) {
      mark(w, items[i]);
      int told = r->mode == MODE_SIMPLE ? 0 : pawl_queue_task_done(&r->queue);
      if (told != 0)
        fault(r, "task_done: %s", pawl_strerror(told));
    }
    if (result == PAWL_EMPTY) {
      check_deadline(r, "EMPTY", until);
      sched_yield();
    } else if (result != 0 && result != PAWL_SHUTDOWN) {
      fault(r, "get: %s", pawl_strerror(result));
    }
  }
  __atomic_fetch_sub(&r->working, 1, __ATOMIC_RELEASE);
  return NULL;
}

static void drop(void *ctx, uint64_t item)
{
  struct round *r = ctx;
  mark(&r->dropper, item);
}

/* --- the manager --- */

static void manage_bound(struct round *r, uint64_t word)
{
  int64_t maxsize = 1 + (int64_t)((word >> 8) % ((word & 128) != 0 ? 4 : 3000));
  if (r->mode == MODE_RING) {
    if (pawl_queue_set_maxsize(&r->queue, r->capacity + 1) != -EINVAL)
      fault(r, "a ring was raised beyond its capacity");
    if (maxsize > r->capacity)
      maxsize = r->capacity;
  }
  if (r->mode != MODE_RING && word >> 8 & 1 && (word & 112) == 0)
    maxsize = -1;
  int result = pawl_queue_set_maxsize(&r->queue, maxsize);
  if (result != 0)
    fault(r, "set_maxsize %" PRId64 ": %s", maxsize, pawl_strerror(result));
  if (pawl_queue_maxsize(&r->queue) != maxsize && !(maxsize < 0 && pawl_queue_maxsize(&r->queue) <= 0))
    fault(r, "maxsize is not what was set");
}

static void manage(struct round *r, uint64_t word)
{
  switch (word % 8) {
  case 0:
    pawl_queue_trim(&r->queue);
    break;
  case 1: {
    int result = pawl_queue_join(&r->queue, pawl_after(PAWL_US(word >> 8 & 255)));
    if (result != 0 && result != PAWL_TIMEOUT)
      fault(r, "join: %s", pawl_strerror(result));
    break;
  }
  case 2: {
    struct pawl_queue_stats stats;
    pawl_queue_stats(&r->queue, &stats);
    size_t size = pawl_queue_was_size(&r->queue);
    bool fixed = r->mode == MODE_RING || (r->mode != MODE_UNBOUNDED && !modes[r->mode].rebound);
    if (size > (fixed ? (size_t)r->capacity : r->items))
      fault(r, "was_size is %zu", size);
    break;
  }
  default:
    if (modes[r->mode].rebound)
      manage_bound(r, word);
  }
}

static int shut_down(struct round *r)
{
  return r->mode == MODE_SIMPLE ? pawl_simple_queue_close(&r->simple) : pawl_queue_shutdown(&r->queue, r->immediate);
}

static void *run_manager(void *arg)
{
  struct round *r = arg;
  while (__atomic_load_n(&r->producing, __ATOMIC_ACQUIRE) > 0 && __atomic_load_n(&r->reached, __ATOMIC_RELAXED) < r->stop_at) {
    if (r->mode != MODE_SIMPLE)
      manage(r, test_random(&r->random) >> 20);
    usleep(100);
  }
  int result = shut_down(r);
  if (result != 0)
    fault(r, "shutdown: %s", pawl_strerror(result));
  if (r->mode != MODE_SIMPLE && !pawl_queue_is_shutdown(&r->queue))
    fault(r, "not shut down after shutdown");
  return NULL;
}

/* Sleeps until all items are done, again and again, and once more after the shutdown. */
static void *run_joiner(void *arg)
{
  struct round *r = arg;
  bool last;
  do {
    last = pawl_queue_is_shutdown(&r->queue);
    int result = pawl_queue_join(&r->queue, PAWL_FOREVER);
    if (result != 0)
      fault(r, "join: %s", pawl_strerror(result));
    usleep(100);
  } while (!last);
  return NULL;
}

/* --- a round --- */

static void prepare(struct round *r, enum mode mode, uint64_t items, uint64_t seed)
{
  uint64_t random = seed * 0x9E3779B97F4A7C15u + 1;
  memset(r, 0, sizeof(*r));
  test_random(&random);
  r->mode = mode;
  r->producers = mode == MODE_SPSC ? 1 : 1 + (int)(test_random(&random) >> 20 & 3);
  r->consumers = mode == MODE_SPSC ? 1 : 1 + (int)(test_random(&random) >> 20 & 3);
  r->immediate = (test_random(&random) >> 20 & 3) == 0;
  r->items = items;
  r->share = items / (uint64_t)r->producers;
  r->stop_at = (test_random(&random) >> 20 & 1) == 0 ? UINT64_MAX : (test_random(&random) >> 20) % r->share;
  r->producing = r->producers;
  r->working = r->producers + r->consumers;
  r->dropper.round = r;
  static const int64_t sizes[] = {1, 2, 3, 5, 64, 1000, 4096};
  r->capacity = sizes[(test_random(&random) >> 20) % 7];
  struct pawl_queue_options options = {
      .order = modes[mode].order, .progress = modes[mode].progress, .flags = modes[mode].flags, .drop = drop, .drop_ctx = r};
  if (mode != MODE_UNBOUNDED)
    options.maxsize = r->capacity;
  if (pawl_queue_init(&r->queue, &options) != 0 || pawl_simple_queue_init(&r->simple, drop, r) != 0)
    fault(r, "init");
  r->random = test_random(&random);
  for (int i = 0; i < SIDE_MAX; i++) {
    r->producer[i].round = r->consumer[i].round = r;
    r->producer[i].index = i;
    r->producer[i].random = test_random(&random);
    r->consumer[i].random = test_random(&random);
  }
}

/* The queue is quiet and shut down: every item accepted is accounted for once. */
static void verify(struct round *r)
{
  for (uint64_t word = 0; word < WORDS; word++) {
    uint64_t once = r->dropper.seen[word], twice = 0, expected = 0;
    for (int c = 0; c < r->consumers; c++) {
      twice |= once & r->consumer[c].seen[word];
      once |= r->consumer[c].seen[word];
    }
    for (uint64_t bit = 64 * word; bit < 64 * word + 64 && bit / r->share < (uint64_t)r->producers; bit++)
      expected |= (uint64_t)(bit % r->share < r->producer[bit / r->share].accepted) << bit % 64;
    if (twice != 0)
      fault(r, "items came twice: %#" PRIx64 " of word %" PRIu64, twice, word);
    if (once != expected)
      fault(r, "lost %#" PRIx64 ", invented %#" PRIx64 " of word %" PRIu64, expected & ~once, once & ~expected, word);
  }
  if (r->mode == MODE_SIMPLE) {
    if (pawl_simple_queue_was_size(&r->simple) != 0 || pawl_simple_queue_put(&r->simple, 1) != PAWL_SHUTDOWN)
      fault(r, "after the close: size %zu, or a put was accepted", pawl_simple_queue_was_size(&r->simple));
    return;
  }
  if (pawl_queue_unfinished(&r->queue) != 0)
    fault(r, "%" PRIu64 " unfinished at the end", pawl_queue_unfinished(&r->queue));
  if (pawl_queue_task_done(&r->queue) != -ERANGE)
    fault(r, "one task_done too many was accepted");
  if (pawl_queue_was_size(&r->queue) != 0 || pawl_queue_put(&r->queue, 1, PAWL_NOWAIT) != PAWL_SHUTDOWN)
    fault(r, "after the shutdown: size %zu, or a put was accepted", pawl_queue_was_size(&r->queue));
}

static uint64_t run_round(struct round *r, enum mode mode, uint64_t items, uint64_t seed)
{
  pthread_t manager, joiner;
  uint64_t operations = 0;
  prepare(r, mode, items, seed);
  alarm(300);
  for (int i = 0; i < r->producers; i++)
    pthread_create(&r->producer[i].thread, NULL, run_producer, &r->producer[i]);
  for (int i = 0; i < r->consumers; i++)
    pthread_create(&r->consumer[i].thread, NULL, run_consumer, &r->consumer[i]);
  pthread_create(&manager, NULL, run_manager, r);
  if (mode != MODE_SIMPLE)
    pthread_create(&joiner, NULL, run_joiner, r);
  for (int i = 0; i < r->producers; i++)
    pthread_join(r->producer[i].thread, NULL);
  for (int i = 0; i < r->consumers; i++)
    pthread_join(r->consumer[i].thread, NULL);
  pthread_join(manager, NULL);
  if (mode != MODE_SIMPLE)
    pthread_join(joiner, NULL);
  verify(r);
  if (pawl_queue_fini(&r->queue) != 0 || pawl_simple_queue_fini(&r->simple) != 0)
    fault(r, "fini");
  for (int i = 0; i < SIDE_MAX; i++)
    operations += r->producer[i].operations + r->consumer[i].operations;
  return operations;
}

static void progress(uint64_t operations, uint64_t rounds, pawl_time begin, bool last)
{
  static pawl_time shown;
  bool terminal = isatty(STDERR_FILENO);
  double seconds = (double)(pawl_now() - begin) / 1e9;
  if (!last && pawl_now() - shown < (terminal ? PAWL_MS(200) : PAWL_S(30)))
    return;
  shown = pawl_now();
  fprintf(last ? stdout : stderr, "%s%.3g operations, %" PRIu64 " rounds, %.1f s, %.1f million/s, %" PRIu64 " faults%s",
          terminal && !last ? "\r" : "", (double)operations, rounds, seconds, (double)operations / seconds / 1e6, faults,
          terminal && !last ? " " : "\n");
}

static const char usage[] =
    "usage: stress_queue [--mode bounded|ring|unbounded|simple|spsc|lifo|priority|locked|relaxed] [--ops N] [--seconds S] "
    "[--items N] [--seed N]\n";

static void give_up(int signal)
{
  static const char message[] = "\nfault: a round does not end: lost wake-up?\n";
  (void)signal;
  (void)!write(STDERR_FILENO, message, sizeof(message) - 1);
  _exit(1);
}

int main(int argc, char **argv)
{
  static const struct option options[] = {
      {"mode", required_argument, NULL, 'm'},    {"ops", required_argument, NULL, 'n'},
      {"seconds", required_argument, NULL, 't'}, {"items", required_argument, NULL, 'i'},
      {"seed", required_argument, NULL, 's'},    {NULL, 0, NULL, 0},
  };
  int only = -1;
  uint64_t limit = 0, seed = 1, items = ITEMS_MAX, operations = 0, rounds = 0;
  double seconds = 10;
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (option == 'm') {
      for (only = 0; only < MODES && strcmp(modes[only].name, optarg) != 0; only++)
        ;
    } else if (option == 'n') {
      limit = (uint64_t)strtod(optarg, NULL);
      seconds = 0;
    } else if (option == 't') {
      seconds = strtod(optarg, NULL);
    } else if (option == 's') {
      seed = strtoull(optarg, NULL, 0);
    }
    if (option == 'i')
      items = (uint64_t)strtod(optarg, NULL);
    if (option == '?' || only == MODES || items < SIDE_MAX || items > ITEMS_MAX)
      return fputs(usage, stderr), 2;
  }
  signal(SIGALRM, give_up);
  struct round *r = aligned_alloc(128, (sizeof(*r) + 127) / 128 * 128);
  if (r == NULL)
    abort();
  pawl_time begin = pawl_now(), end = seconds > 0 ? pawl_after((int64_t)(seconds * 1e9)) : PAWL_FOREVER;
  while (faults == 0 && pawl_now() < end && (limit == 0 || operations < limit)) {
    operations += run_round(r, only >= 0 ? (enum mode)only : (enum mode)(rounds % MODES), items, seed + rounds);
    rounds++;
    progress(operations, rounds, begin, false);
  }
  progress(operations, rounds, begin, true);
  free(r);
  return faults == 0 && rounds > 0 ? 0 : 1;
}
