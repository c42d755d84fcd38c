/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limits.c - what this machine can do at best: the yardsticks by which figures of different machines can be compared.
 *
 * A queue between two processors cannot beat the transfer of a cache line, and one avoided futex_wake is worth hundreds of
 * operations. Each figure is the least of nine short trials: disturbances only ever add.
 */
#include "bench.h"
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TRIALS = 9, ROUNDS = 20000 };

static uint64_t word __attribute__((aligned(128)));
static uint64_t flag __attribute__((aligned(128)));
static unsigned ready __attribute__((aligned(128)));

int bench_nth_cpu(unsigned n)
{
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0)
    return -1;
  n %= (unsigned)CPU_COUNT(&set);
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &set) && n-- == 0)
      return cpu;
  return -1;
}

unsigned bench_cpu_count(void)
{
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static void xadd(void)
{
  __atomic_fetch_add(&word, 1, __ATOMIC_SEQ_CST);
}

static void cas(void)
{
  uint64_t seen = word;
  __atomic_compare_exchange_n(&word, &seen, seen + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static void pause_once(void)
{
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  __asm__ __volatile__("yield");
#endif
}

static void system_call(void)
{
  syscall(SYS_getppid);
}

static void futex_wake(void)
{
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void read_clock(void)
{
  bench_now();
}

static void yield(void)
{
  sched_yield();
}

static void mutex_pair(void)
{
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  pthread_mutex_unlock(&mutex);
}

/* Nanoseconds of one call; inlined per operation, so that the call itself costs nothing. */
static inline __attribute__((always_inline)) double cost(void (*operation)(void))
{
  double least = 1e18;
  for (int trial = 0; trial < TRIALS; trial++) {
    uint64_t begin = bench_now();
    for (int i = 0; i < ROUNDS; i++)
      operation();
    double each = (double)(bench_now() - begin) / ROUNDS;
    least = each < least ? each : least;
  }
  return least;
}

static void pin(unsigned n)
{
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(bench_nth_cpu(n), &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

/* Both threads are there before either begins. */
static void meet(void)
{
  __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < 2)
    pause_once();
}

static double contend(unsigned side)
{
  (void)side;
  uint64_t begin = bench_now();
  for (int i = 0; i < 10 * ROUNDS; i++)
    xadd();
  return (double)(bench_now() - begin) / (10 * ROUNDS);
}

/* Side 0 turns even numbers into the next odd one, side 1 odd into even: two transfers of the line make a round trip. */
static double round_trips(unsigned side)
{
  uint64_t begin = bench_now();
  for (uint64_t i = side; i < 2 * ROUNDS; i += 2) {
    while (__atomic_load_n(&flag, __ATOMIC_ACQUIRE) != i)
      ;
    __atomic_store_n(&flag, i + 1, __ATOMIC_RELEASE);
  }
  return (double)(bench_now() - begin) / ROUNDS;
}

struct side {
  double (*loop)(unsigned side);
  unsigned number;
  double ns;
};

static void *take_side(void *argument)
{
  struct side *side = argument;
  pin(side->number);
  meet();
  side->ns = side->loop(side->number);
  return NULL;
}

/* One figure of a loop run by two threads on two processors. */
static double together(double (*loop)(unsigned side))
{
  double least = 1e18;
  for (int trial = 0; trial < TRIALS; trial++) {
    pthread_t threads[2];
    struct side sides[2] = {{loop, 0, 0}, {loop, 1, 0}};
    ready = 0;
    flag = 0;
    for (int i = 0; i < 2; i++)
      if (pthread_create(&threads[i], NULL, take_side, &sides[i]) != 0)
        abort();
    for (int i = 0; i < 2; i++)
      pthread_join(threads[i], NULL);
    least = sides[0].ns < least ? sides[0].ns : least;
  }
  return least;
}

/* In a thread of its own: glibc leaves the atomics out of mutexes while a process has only one. */
static void *alone(void *out)
{
  struct bench_limits *limits = out;
  pin(0);
  limits->xadd = cost(xadd);
  limits->cas = cost(cas);
  limits->mutex_pair = cost(mutex_pair);
  limits->pause = cost(pause_once);
  limits->sched_yield = cost(yield);
  limits->syscall = cost(system_call);
  limits->futex_wake_nobody = cost(futex_wake);
  limits->clock_gettime = cost(read_clock);
  return NULL;
}

struct bench_limits bench_limits_measure(void)
{
  pthread_t thread;
  struct bench_limits limits = {0};
  if (pthread_create(&thread, NULL, alone, &limits) != 0)
    abort();
  pthread_join(thread, NULL);
  if (bench_cpu_count() >= 2) {
    limits.contended_xadd = together(contend);
    limits.line_round_trip = together(round_trips);
  }
  return limits;
}
