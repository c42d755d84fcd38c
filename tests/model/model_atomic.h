/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model_atomic.h - world 2 of src/atomic.h: the same list of operations, each a site of the deterministic scheduler.
 * Included by atomic.h when PAWL_WORLD_MODEL is defined; what the sites do is said in pawl/check.h.
 */
#ifndef PAWL_MODEL_ATOMIC_H
#define PAWL_MODEL_ATOMIC_H

#include <pawl/check.h>

#define at_load_relaxed(p) PAWL_CHECK_LOAD_(p, __ATOMIC_RELAXED, #p)
#define at_load_acquire(p) PAWL_CHECK_LOAD_(p, __ATOMIC_ACQUIRE, #p)
#define at_load_seq(p) PAWL_CHECK_LOAD_(p, __ATOMIC_SEQ_CST, #p)

#define at_store_relaxed(p, v) PAWL_CHECK_STORE_(p, v, __ATOMIC_RELAXED, #p)
#define at_store_release(p, v) PAWL_CHECK_STORE_(p, v, __ATOMIC_RELEASE, #p)
#define at_store_seq(p, v) PAWL_CHECK_STORE_(p, v, __ATOMIC_SEQ_CST, #p)

#define at_cas_acquire(p, e, v) PAWL_CHECK_CAS_(p, e, v, __ATOMIC_ACQUIRE, #p)
#define at_cas_release(p, e, v) PAWL_CHECK_CAS_(p, e, v, __ATOMIC_RELEASE, #p)
#define at_cas_seq(p, e, v) PAWL_CHECK_CAS_(p, e, v, __ATOMIC_SEQ_CST, #p)

#define at_swap_acquire(p, v) PAWL_CHECK_RMW_(PAWL_CHECK_A_SWAP, p, v, __ATOMIC_ACQUIRE, #p)
#define at_swap_release(p, v) PAWL_CHECK_RMW_(PAWL_CHECK_A_SWAP, p, v, __ATOMIC_RELEASE, #p)
#define at_swap_seq(p, v) PAWL_CHECK_RMW_(PAWL_CHECK_A_SWAP, p, v, __ATOMIC_SEQ_CST, #p)

#define at_add_relaxed(p, v) PAWL_CHECK_RMW_(PAWL_CHECK_A_ADD, p, v, __ATOMIC_RELAXED, #p)
#define at_add_release(p, v) PAWL_CHECK_RMW_(PAWL_CHECK_A_ADD, p, v, __ATOMIC_RELEASE, #p)
#define at_add_seq(p, v) PAWL_CHECK_RMW_(PAWL_CHECK_A_ADD, p, v, __ATOMIC_SEQ_CST, #p)
#define at_or_seq(p, v) PAWL_CHECK_RMW_(PAWL_CHECK_A_OR, p, v, __ATOMIC_SEQ_CST, #p)
#define at_and_acquire(p, v) PAWL_CHECK_RMW_(PAWL_CHECK_A_AND, p, v, __ATOMIC_ACQUIRE, #p)
#define at_and_seq(p, v) PAWL_CHECK_RMW_(PAWL_CHECK_A_AND, p, v, __ATOMIC_SEQ_CST, #p)

#define at_fence_seq() PAWL_CHECK_FENCE_(__ATOMIC_SEQ_CST, "fence")

/* Handlers run at scheduling points only. */
#define at_fence_signal() ((void)0)
#define at_expect_write(p, n) ((void)(p))
#define at_expect_read(p, n) ((void)(p))
#define at_fence_light() ((void)0)
#define at_fence_heavy() ((void)os_membarrier())
bool os_membarrier(void);

#define at_plain_load(p) PAWL_CHECK_PLAIN_LOAD(p)
#define at_plain_store(p, v) PAWL_CHECK_PLAIN_STORE(p, v)

#define at_pause() pawl_check_pause()
#define at_step(name) PAWL_CHECK_STEP(name)

/* One turn at most: a spin that fails costs schedules and finds nothing that the retry after it does not. */
#define at_spins(n) ((n) < 1 ? (n) : 1)

/* A node of a pool begins a new life: nobody may still be looking at it. */
#define at_recycle(p) pawl_check_recycle(p)

#define AT_GLOBAL __attribute__((section("pawl_check_globals")))

#endif
