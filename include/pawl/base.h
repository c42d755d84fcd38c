/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/base.h - what every other header shares: results, deadlines, allocation, version.
 *
 * Results.   Functions that can fail return int: 0, or a negative code. -1 .. -4095 is -errno, below -5000 stand Pawl's own
 *            codes. On failure outputs are untouched and whatever was handed in stays the caller's (the one exception,
 *            PAWL_COMPARE, says so). Predicates (is_, was_) return bool.
 * Deadlines. One absolute point on CLOCK_MONOTONIC, in nanoseconds, bounds every wait, however often it is retried:
 *                pawl_queue_get(q, &item, pawl_after(PAWL_MS(250)));
 * Threads.   Everything here may be called from any thread at any time unless its comment says otherwise.
 */
#ifndef PAWL_BASE_H
#define PAWL_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PAWL_API __attribute__((visibility("default")))
#define PAWL_CHECK __attribute__((warn_unused_result))
#define PAWL_INLINE static inline __attribute__((unused)) /* of generating macros: not every function made is used */
#else
#define PAWL_API
#define PAWL_CHECK
#define PAWL_INLINE static inline
#endif

#define PAWL_VERSION_MAJOR 0
#define PAWL_VERSION_MINOR 1
#define PAWL_VERSION_PATCH 0

/* The library's version as "major.minor.patch". Never fails; async-signal-safe. */
PAWL_API const char *pawl_version(void);

/*
 * Pawl's own codes, their names and texts: one list, from which the enum and pawl_strerror() are made.
 */
#define PAWL_ERRORS(X)                                                                                                         \
  X(EMPTY, -5001, "queue is empty")                                                                                            \
  X(FULL, -5002, "queue is full")                                                                                              \
  X(TIMEOUT, -5003, "deadline has passed")                                                                                     \
  X(SHUTDOWN, -5004, "queue is shut down")                                                                                     \
  X(CANCELLED, -5005, "future is cancelled")                                                                                   \
  X(BROKEN, -5006, "object is broken")                                                                                         \
  X(STATE, -5007, "operation does not fit the object's state")                                                                 \
  X(FAILED, -5008, "task has failed")                                                                                          \
  X(STOP, -5009, "nothing is left")                                                                                            \
  X(COMPARE, -5010, "comparison failed, but the item was put")

enum pawl_error {
#define PAWL_ERROR_ENUM(name, code, text) PAWL_##name = code,
  PAWL_ERRORS(PAWL_ERROR_ENUM)
#undef PAWL_ERROR_ENUM
      PAWL_ERROR_LAST_ = -5010
};

/*
 * The text of a result: of 0, of a Pawl code, or of -errno; "unknown error" for anything else.
 * Returns a static string, never NULL. Async-signal-safe.
 */
PAWL_API const char *pawl_strerror(int result);

/* A point on CLOCK_MONOTONIC in nanoseconds. A point in the past, PAWL_NOWAIT and any negative value look once. */
typedef int64_t pawl_time;

#define PAWL_NOWAIT ((pawl_time)0)
#define PAWL_FOREVER INT64_MAX

#define PAWL_US(n) ((int64_t)(n)*1000)
#define PAWL_MS(n) ((int64_t)(n)*1000000)
#define PAWL_S(n) ((int64_t)(n)*1000000000)

/* Now, on the clock of all deadlines. Async-signal-safe. */
PAWL_API pawl_time pawl_now(void);

/*
 * The deadline `ns` nanoseconds from now. Saturates: a sum beyond the clock's range is PAWL_FOREVER, a negative `ns` is
 * a deadline in the past. Async-signal-safe.
 */
PAWL_API pawl_time pawl_after(int64_t ns);

/* How many threads can run at once here: processors by affinity, cut by a cgroup v1 or v2 quota, at least 1. */
PAWL_API unsigned pawl_cpu_count(void);

/*
 * Where Pawl takes its memory from. `alloc` returns `size` bytes aligned to `align` (a power of two, at most 128) or NULL;
 * the bytes need not be zero. `free` gets back the same size and alignment. Both are called from any thread, without any
 * Pawl lock held, and must not call Pawl on the object concerned.
 */
struct pawl_allocator {
  void *(*alloc)(void *ctx, size_t size, size_t align);
  void (*free)(void *ctx, void *memory, size_t size, size_t align);
  void *ctx;
};

/*
 * Replaces the allocator for the whole process (NULL: back to aligned_alloc and free). Must come before Pawl's first
 * allocation; afterwards, and while another thread is in this call, it answers PAWL_STATE. -EINVAL if either function is
 * NULL. The struct is copied.
 */
PAWL_API PAWL_CHECK int pawl_set_allocator(const struct pawl_allocator *allocator);

/*
 * Makes the calling thread known to Pawl now instead of at its first queue operation, which otherwise allocates a record
 * of about 700 bytes once per thread (records of ended threads are used again). After it no get of this thread from a FIFO
 * allocates, and signal handlers on it may put into simple queues. 0 or -ENOMEM. Idempotent.
 */
PAWL_API PAWL_CHECK int pawl_thread_attach(void);

/* Private to Pawl: what sleepers sleep on (src/park.h), here so that the objects that contain it have a size. */
struct pawl__park {
  uint32_t state;
  uint32_t epoch;
  uint32_t fork;
  uint32_t sleeps;
};

#ifdef __cplusplus
}
#endif

#endif
