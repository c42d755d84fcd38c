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

struct costs {
  double xadd, cas, mutex_pair, pause, yield, system_call, futex_wake, clock;
};

/* In a thread of its own: glibc leaves the atomics out of mutexes while a process has only one. */
static void *alone(void *out)
{
  pin(0);
  *(struct costs *)out = (struct costs){cost(xadd),  cost(cas),         cost(mutex_pair), cost(pause_once),
                                        cost(yield), cost(system_call), cost(futex_wake), cost(read_clock)};
  return NULL;
}

void bench_limits_print(FILE *out, const struct bench_settings *settings)
{
  pthread_t thread;
  struct costs costs;
  if (pthread_create(&thread, NULL, alone, &costs) != 0)
    abort();
  pthread_join(thread, NULL);
  fprintf(out, "{\"unit\":\"ns\",\"xadd\":%.2f,\"cas\":%.2f,\"mutex_pair\":%.2f,\"pause\":%.2f,\"sched_yield\":%.1f,",
          costs.xadd, costs.cas, costs.mutex_pair, costs.pause, costs.yield);
  fprintf(out, "\"syscall\":%.1f,\"futex_wake_nobody\":%.1f,\"clock_gettime\":%.1f,\"ns_per_tick\":%.4f,", costs.system_call,
          costs.futex_wake, costs.clock, settings->ns_per_tick);
  if (bench_cpu_count() < 2)
    fputs("\"contended_xadd\":null,\"line_round_trip\":null}", out);
  else
    fprintf(out, "\"contended_xadd\":%.2f,\"line_round_trip\":%.1f}", together(contend), together(round_trips));
}
