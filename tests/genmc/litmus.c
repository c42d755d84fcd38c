/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * litmus.c - what the tool sees of the memory model, by shapes of which the answer is known. The assertion says that the weak
 * outcome does not happen; so "a fault found" means allowed. SHAPE:
 *   1  load buffering, relaxed: r1 = x; y = 1 | r2 = y; x = 1. Weak: both read 1
 *   2  2+2W: x = 1; y = 2 | y = 1; x = 2. Weak: each first store comes last
 *   3  IRIW: x = 1 | y = 1 | r1 = x; r2 = y | r3 = y; r4 = x. Weak: the readers disagree on the order
 *   4  store buffering: x = 1; r1 = y | y = 1; r2 = x. Weak: both read 0; FENCE between store and load forbids it
 * STORE and LOAD name the operations of atomic.h.
 */
#include "world.h"

static uint32_t x, y;

#define PROGRAM(name, statements)                                                                                              \
  static uint64_t name(void)                                                                                                   \
  {                                                                                                                            \
    uint64_t first = 0, second = 0;                                                                                            \
    statements;                                                                                                                \
    return first | second << 8;                                                                                                \
  }
#ifndef FENCE
#define FENCE
#endif

#if SHAPE == 1
#define NUMBER_OF_THREADS 2
#define THREAD1 first = LOAD(&x), STORE(&y, 1u)
#define THREAD2 first = LOAD(&y), STORE(&x, 1u)
#define WEAK a == 1 && b == 1
#elif SHAPE == 2
#define NUMBER_OF_THREADS 2
#define THREAD1 STORE(&x, 1u), STORE(&y, 2u)
#define THREAD2 STORE(&y, 1u), STORE(&x, 2u)
#define WEAK at_load_relaxed(&x) == 1 && at_load_relaxed(&y) == 1
#elif SHAPE == 3
#define NUMBER_OF_THREADS 4
#define THREAD1 STORE(&x, 1u)
#define THREAD2 STORE(&y, 1u)
#define THREAD3 first = LOAD(&x), second = LOAD(&y)
#define THREAD4 first = LOAD(&y), second = LOAD(&x)
#define WEAK c == 1 && d == 1
#else
#define NUMBER_OF_THREADS 2
#define THREAD1                                                                                                                \
  STORE(&x, 1u);                                                                                                               \
  FENCE;                                                                                                                       \
  first = LOAD(&y)
#define THREAD2                                                                                                                \
  STORE(&y, 1u);                                                                                                               \
  FENCE;                                                                                                                       \
  first = LOAD(&x)
#define WEAK a == 0 && b == 0
#endif
#include "programs.h"

static void prepare(void)
{
}

int main(void)
{
  uint64_t a, b, c, d;
  run_programs(prepare, &a, &b, &c, &d);
  (void)a, (void)b, (void)c, (void)d;
  assert(!(WEAK));
  return 0;
}
