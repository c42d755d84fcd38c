/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.h - world 3 of src/atomic.h: what a model needs below the library's real sources. A model is one translation unit
 * that includes this header, the sources it is about, and runs a few operations in a few threads. The same file serves
 *
 *   genmc        every execution that the C11 memory model (RC11) allows, up to the bounds named here
 *   PAWL_NATIVE  real threads, so that the models do not rot where the tool is not installed
 *
 * What is left out of the sources, and why nothing is lost by it:
 *  - waiting that only saves time (backoff.h, spins): a pause is no event, patience is at its end at once;
 *  - statistics (at_add_relaxed counts nothing that a decision other than keep or free depends on): they would multiply the
 *    executions by all orders of the counts. They stay 0, so that every segment is kept for use again;
 *  - the C library's allocator: each thread has a few blocks of its own, of zeros, and none is ever given back.
 *
 * The asymmetric pair. Between the call and the return of membarrier every other thread passes some point P at which it
 * executes a full fence, while at_fence_light() is no instruction. Let L be the place of a light fence. If P comes at or after
 * L, what precedes L is visible after the heavy fence; if P comes before L, what follows L sees what preceded the heavy one.
 * So each pair of a light and a heavy fence orders one way or the other, and light fences order nothing among themselves.
 *  - ASYMMETRIC_FENCE (default): both are seq_cst fences. Right for the pair, too strong for two light fences, or for a light
 *    one and another seq_cst fence.
 *  - ASYMMETRIC_HANDSHAKE: a light fence is a read-modify-write on a word of its thread, a heavy one a seq_cst fence, the same
 *    on the words of all others, and a fence again. One of the two comes first on that word and synchronizes with the other:
 *    exactly the either-or above, and nothing among light fences: no order is there that the machine does not give.
 */
#ifndef PAWL_TESTS_GENMC_WORLD_H
#define PAWL_TESTS_GENMC_WORLD_H

#define PAWL_WORLD_GENMC 1

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "atomic.h"
#include "backoff.h"
#include "base.h"
#include "os.h"
#include "reclaim.h"

enum { THREADS = 5 }; /* main is 0 */

static _Thread_local unsigned thread_index;

/* -- What is left out -------------------------------------------------------------------------------------------------- */

#define backoff_before_look(pauses, own) ((void)(pauses), (void)(own))
#define backoff_after_look(pauses, found, most) ((void)(pauses), (void)(found), (void)(most))
#define backoff_lost(losses) ((void)(losses))
#undef at_add_relaxed
static inline uint64_t count_nothing(uint64_t v)
{
  return v - v;
}
#define at_add_relaxed(p, v) count_nothing((uint64_t)sizeof(*(p)) + (v))

/* The tool (0.11.0) does not wrap a fetch-and-add at the field's width: what decrements by adding -1 has to subtract there. */
#undef at_add_seq
#define at_add_seq(p, v)                                                                                                       \
  ((v) == (uint32_t)-1 ? __atomic_fetch_sub((p), 1, __ATOMIC_SEQ_CST) : __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST))

/* -- Asymmetric fences ------------------------------------------------------------------------------------------------- */

#if defined(ASYMMETRIC_HANDSHAKE)
static uint32_t handshake[THREADS];

static inline void handshake_light(void)
{
  (void)__atomic_fetch_add(&handshake[thread_index], 1, __ATOMIC_ACQ_REL);
}

static inline void handshake_heavy(void)
{
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  for (unsigned i = 1; i < THREADS; i++)
    if (i != thread_index)
      (void)__atomic_fetch_add(&handshake[i], 1, __ATOMIC_ACQ_REL);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
#undef at_fence_light
#undef at_fence_heavy
#define at_fence_light() handshake_light()
#define at_fence_heavy() handshake_heavy()
#endif

/* -- The tool ---------------------------------------------------------------------------------------------------------- */

/*
 * Before try number `tries` (from 0) of something that depends on a peer: the tool follows RETRIES of them; more would read
 * nothing that the last one allowed cannot read, since a try in vain leaves nothing behind but cached bounds.
 */
#ifndef RETRIES
#define RETRIES 1
#endif
#if defined(PAWL_NATIVE)
#include <sched.h>
static inline void try_again(unsigned tries)
{
  if (tries > 0)
    (void)sched_yield();
}
#else
void __VERIFIER_assume(bool);
static inline void try_again(unsigned tries)
{
  __VERIFIER_assume(tries <= RETRIES);
}
#endif

/* -- base.c and os_linux.c --------------------------------------------------------------------------------------------- */

enum { BLOCKS = 10, BLOCK = 80 }; /* words, since the tool keeps book of each element */
static _Alignas(PAWL_LINE) uint64_t blocks[THREADS][BLOCKS][BLOCK];
static _Thread_local unsigned blocks_used;

void *pawl__alloc(size_t size, size_t align)
{
  assert(size <= sizeof blocks[0][0] && align <= PAWL_LINE && blocks_used < BLOCKS);
  return blocks[thread_index][blocks_used++];
}

void pawl__free(void *memory, size_t size, size_t align)
{
  (void)memory;
  (void)size;
  (void)align;
  assert(!"a model frees nothing");
}

_Thread_local void *pawl__self;

int os_set_self(void *self, void (*at_exit)(void *self))
{
  (void)at_exit;
  pawl__self = self;
  return 0;
}

bool os_parallel(void)
{
  return false;
}

pawl_time os_now(void)
{
  return 1;
}

void os_yield(void)
{
}

uint32_t os_fork_count(void)
{
  return 0;
}

/* -- Threads ----------------------------------------------------------------------------------------------------------- */

/* What a thread did, see history.h; given to pthread_join, so that no shared memory is needed for it. */
typedef uint64_t thread_body(void);

static struct {
  thread_body *body;
  void *self;
} started[THREADS];

static void *run(void *arg)
{
  thread_index = (unsigned)(uintptr_t)arg;
  pawl__self = started[thread_index].self;
  return (void *)(uintptr_t)started[thread_index].body();
}

static inline pthread_t start(unsigned index, thread_body *body, void *self)
{
  pthread_t thread;
  started[index].body = body;
  started[index].self = self;
  if (pthread_create(&thread, NULL, run, (void *)(uintptr_t)index) != 0)
    abort();
  return thread;
}

static inline uint64_t finish(pthread_t thread)
{
  void *history;
  if (pthread_join(thread, &history) != 0)
    abort();
  return (uint64_t)(uintptr_t)history;
}

#endif
