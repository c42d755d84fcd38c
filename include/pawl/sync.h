/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/sync.h - blocking primitives of one word each over the library's one wait loop.
 *
 * So far: pawl_lock. The holder may free the memory of a lock the moment its own acquire returns, even while the release
 * that let it in has not returned yet: release touches the word for the last time by the one atomic operation that frees it.
 */
#ifndef PAWL_SYNC_H
#define PAWL_SYNC_H

#include <pawl/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A lock that any thread may release. Not recursive. Zero bytes are an unlocked lock. */
struct pawl_lock {
  uint32_t word_;
};

/* clang-format off */
#define PAWL_LOCK_INIT {0}
/* clang-format on */

/* 0, or PAWL_TIMEOUT at the deadline, or -EINVAL for NULL. Synchronizes with the release before it. */
PAWL_API PAWL_CHECK int pawl_lock_acquire(struct pawl_lock *lock, pawl_time until);

/* Unlocks and wakes one waiter. -EPERM if it was not locked (always checked), -EINVAL for NULL. */
PAWL_API int pawl_lock_release(struct pawl_lock *lock);

PAWL_API bool pawl_lock_was_locked(const struct pawl_lock *lock);

#ifdef __cplusplus
}
#endif

#endif
