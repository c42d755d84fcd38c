/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ticks.h - the clock of the inner loops and the histogram it feeds.
 *
 * A tick is one step of the processor's invariant counter: read without a system call and without a fence, which is right
 * for durations of tens of nanoseconds that are summed up over millions of operations, and wrong for ordering events of
 * different threads (tests/ has its own fenced clock for that). main.c measures how many nanoseconds a tick lasts.
 *
 * The histogram is log-linear (the idea of HdrHistogram): 32 buckets per power of two, so a value is known to about 3 %.
 */
#ifndef PAWL_BENCH_TICKS_H
#define PAWL_BENCH_TICKS_H

#include <stdint.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

static inline uint64_t bench_ticks(void)
{
#if defined(__x86_64__)
  return __rdtsc();
#else
  uint64_t ticks;
  __asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#endif
}

static inline uint64_t bench_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#define BENCH_BUCKETS (32 * 60)

struct bench_histogram {
  uint64_t count;
  uint64_t bucket[BENCH_BUCKETS];
};

static inline void bench_histogram_add(struct bench_histogram *histogram, uint64_t value)
{
  unsigned shift = value < 64 ? 0 : 58u - (unsigned)__builtin_clzll(value);
  histogram->bucket[32 * shift + (value >> shift)]++;
  histogram->count++;
}

#endif
