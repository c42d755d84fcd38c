/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * atomic.h - every access to memory that threads share. Layer 0. The only file that names memory orders.
 *
 * A closed list of operations, each with its order in its name, on plain fields of 4 or 8 bytes (integers or pointers).
 * `p` is the address of the field, `v` a value; macros, so that they work on any of these types.
 *
 *   at_load_{relaxed,acquire,seq}(p)
 *   at_store_{relaxed,release,seq}(p, v)
 *   at_cas_{acquire,release,seq}(p, &expected, v)   strong; bool; on failure `expected` receives what was there
 *   at_swap_{acquire,release,seq}(p, v), at_add_{relaxed,release,seq}(p, v), at_or_seq(p, v),
 *   at_and_{acquire,seq}(p, v)       old value
 *   at_fence_seq()                   full fence
 *   at_fence_light(), at_fence_heavy()   asymmetric pair: as if both were full fences; light costs nothing, heavy a system
 *                                    call that makes every running thread execute a fence (two full fences without it)
 *   at_fence_signal()                orders one thread's accesses for its own signal handlers; no instruction
 *   at_plain_load(p), at_plain_store(p, v)    payload: published by somebody else's release; racing on it is a fault
 *   at_recycle(p)                    memory of a pool begins a new life: nobody may still be looking at it (model only)
 *   at_pause()                       one spin iteration: tells the processor, and the model scheduler, to let others run
 *   at_expect_write(p, n), at_expect_read(p, n)   a hint to fetch the line of p[n], which may lie outside of any object
 *   at_step("name")                  true; the model scheduler and the fault build can make a named step be skipped
 *   at_spins(n)                      n; model checkers cut spin budgets down so that exploration stays small
 *   AT_GLOBAL                        marks a mutable global of the library; the model restores them before each schedule
 *
 * Four worlds stand behind the list:
 *   1  the compiler's atomics (default)
 *   2  PAWL_WORLD_MODEL: the deterministic scheduler of tests/model, which sees every operation with its site and order
 *   3  PAWL_WORLD_GENMC: for an outside model checker (tests/genmc); as 1 without inline assembly, hints and spins
 *   4  ThreadSanitizer: as 1, but a fence is a read-modify-write on one dummy word, because TSan does not model fences
 */
#ifndef PAWL_SRC_ATOMIC_H
#define PAWL_SRC_ATOMIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_THREAD__)
#define PAWL_WORLD_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PAWL_WORLD_TSAN 1
#endif
#endif

/* Two lines: the adjacent-line prefetcher of x86 moves lines in pairs. */
#define PAWL_LINE 128

#if defined(PAWL_WORLD_MODEL)

#include "model_atomic.h"

#else

#if !defined(PAWL_WORLD_GENMC)
#include <ck_md.h>
#include <ck_pr.h>
_Static_assert(CK_MD_CACHELINE <= PAWL_LINE, "fields of different threads would share a line");
#define at_pause() ck_pr_stall()
#else
#define at_pause() ((void)0)
#endif

#define at_load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define at_load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define at_load_seq(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)

#define at_store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define at_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define at_store_seq(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)

#define at_cas_(p, e, v, success, failure) __atomic_compare_exchange_n((p), (e), (v), false, (success), (failure))
#define at_cas_acquire(p, e, v) at_cas_(p, e, v, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)
#define at_cas_release(p, e, v) at_cas_(p, e, v, __ATOMIC_RELEASE, __ATOMIC_RELAXED)
#define at_cas_seq(p, e, v) at_cas_(p, e, v, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

#define at_swap_acquire(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE)
#define at_swap_release(p, v) __atomic_exchange_n((p), (v), __ATOMIC_RELEASE)
#define at_swap_seq(p, v) __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)

#define at_add_relaxed(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define at_add_release(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELEASE)
#define at_add_seq(p, v) __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define at_or_seq(p, v) __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST)
#define at_and_acquire(p, v) __atomic_fetch_and((p), (v), __ATOMIC_ACQUIRE)
#define at_and_seq(p, v) __atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST)

#if defined(PAWL_WORLD_TSAN)
extern uint32_t pawl__tsan_fence;
#define at_fence_seq() ((void)at_add_seq(&pawl__tsan_fence, 0))
#else
#define at_fence_seq() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

#define at_fence_signal() __atomic_signal_fence(__ATOMIC_SEQ_CST)

#if defined(PAWL_WORLD_GENMC) || defined(PAWL_WORLD_TSAN)
#define at_fence_light() at_fence_seq()
#define at_fence_heavy() at_fence_seq()
#else
/* os_linux.c: true once membarrier is known to work; the answer stands before the first operation of any thread. */
extern bool pawl__asymmetric __attribute__((visibility("hidden")));
bool os_membarrier(void);
static inline void at_fence_light(void)
{
  if (__builtin_expect(pawl__asymmetric, 1))
    at_fence_signal();
  else
    at_fence_seq();
}
static inline void at_fence_heavy(void)
{
  if (!os_membarrier())
    at_fence_seq();
}
#endif

#define at_plain_load(p) (*(p))
#define at_plain_store(p, v) ((void)(*(p) = (v)))

#if defined(PAWL_FAULTS)
/* The fault build: PAWL_FAULT=name in the environment makes the step of that name be skipped (tests/faults.txt). */
bool pawl__step(const char *name);
#define at_step(name) pawl__step(name)
#else
#define at_step(name) true
#endif

#if defined(PAWL_WORLD_GENMC)
#define at_spins(n) ((void)(n), 0u)
#else
#define at_spins(n) (n)
#endif

#define at_recycle(p) ((void)0)

#if defined(PAWL_WORLD_GENMC)
#define at_expect_write(p, n) ((void)(p), (void)(n))
#define at_expect_read(p, n) ((void)(p), (void)(n))
#else
/* By numbers: merely to form a pointer beyond an object is undefined. */
#define at_behind_(p, n) ((const void *)((uintptr_t)(p) + (uintptr_t)(n) * sizeof(*(p))))
#if defined(__x86_64__) && !defined(PAWL_WORLD_GENMC)
#define at_expect_write(p, n) __asm__ volatile("prefetchw (%0)" : : "r"(at_behind_(p, n))) /* gcc: only with -mprfchw */
#else
#define at_expect_write(p, n) __builtin_prefetch(at_behind_(p, n), 1)
#endif
#define at_expect_read(p, n) __builtin_prefetch(at_behind_(p, n), 0)
#endif

#define AT_GLOBAL

#endif

#endif
