/* SPDX-License-Identifier: BSD-2-Clause */
/* random.h - small, seeded numbers for tests and fuzz targets: xorshift64 (Marsaglia, 2003). Not for anything secret. */
#ifndef PAWL_TESTS_RANDOM_H
#define PAWL_TESTS_RANDOM_H

#include <stdint.h>

/* `*state` must not be 0. */
static inline uint64_t test_random(uint64_t *state)
{
  uint64_t x = *state;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return *state = x;
}

#endif
