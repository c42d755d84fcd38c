/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stamp.h - a point in time that all threads agree on, to order operations of different threads.
 *
 * An operation's effect must lie between its two stamps. The fences see to it: nothing that was stored before is still in
 * the store buffer when the counter is read, and nothing after is done early. A bare rdtsc is read while earlier stores
 * are invisible to others and later loads have been done already: then a correct queue looks violated (H10 of the tests of
 * this directory). Needs a counter that runs at one rate on all processors, which current x86-64 and aarch64 have.
 */
#ifndef PAWL_TESTS_STAMP_H
#define PAWL_TESTS_STAMP_H

#include <stdint.h>

static inline uint64_t stamp(void)
{
#if defined(__x86_64__)
  uint32_t low, high, processor;
  __asm__ volatile("mfence\n\trdtscp\n\tlfence" : "=a"(low), "=d"(high), "=c"(processor)::"memory");
  return (uint64_t)high << 32 | low;
#else
  uint64_t now;
  __asm__ volatile("dmb sy\n\tisb\n\tmrs %0, cntvct_el0\n\tisb" : "=r"(now)::"memory");
  return now;
#endif
}

/* What the fences are good for: the counter alone. */
static inline uint64_t stamp_unfenced(void)
{
#if defined(__x86_64__)
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
#else
  uint64_t now;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(now));
  return now;
#endif
}

#endif
