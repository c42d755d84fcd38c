/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl_prio.c - Pawl's priority queues as a user calls them: pawl_queue_put_key and pawl_queue_get_key in the shared library,
 * all PAWL_UNTRACKED. pawl-relaxed has as many heaps as Pawl chooses; pawl-relaxed-N shows what N of them cost and give.
 */
#include "../subject.h"
#include <pawl.h>
#include <stdlib.h>

static void *queue_open(struct pawl_queue_options options)
{
  options.flags = PAWL_UNTRACKED;
  struct pawl_queue *queue = aligned_alloc(128, (sizeof *queue + 127) / 128 * 128);
  if (queue == NULL || pawl_queue_init(queue, &options) != 0) {
    free(queue);
    return NULL;
  }
  return queue;
}

static void queue_close(void *queue)
{
  if (pawl_queue_fini(queue) != 0)
    abort();
  free(queue);
}

/* Handle and calls of one flavour; the flavours differ in the options, which may use `shape`. */
#define PAWL_FLAVOUR(flavour, ...)                                                                                             \
  struct flavour##_handle {                                                                                                    \
    struct pawl_queue *queue;                                                                                                  \
  };                                                                                                                           \
  static void *flavour##_open(const struct bench_shape *shape)                                                                 \
  {                                                                                                                            \
    (void)shape;                                                                                                               \
    return queue_open((struct pawl_queue_options){__VA_ARGS__});                                                               \
  }                                                                                                                            \
  static void flavour##_attach(struct flavour##_handle *handle, void *queue)                                                   \
  {                                                                                                                            \
    handle->queue = queue;                                                                                                     \
  }                                                                                                                            \
  static void flavour##_detach(struct flavour##_handle *handle)                                                                \
  {                                                                                                                            \
    (void)handle;                                                                                                              \
  }                                                                                                                            \
  static inline bool flavour##_put(struct flavour##_handle *handle, int64_t key, uint64_t item)                                \
  {                                                                                                                            \
    return pawl_queue_put_key(handle->queue, key, item, PAWL_NOWAIT) == 0;                                                     \
  }                                                                                                                            \
  static inline bool flavour##_get(struct flavour##_handle *handle, int64_t *key, uint64_t *item)                              \
  {                                                                                                                            \
    return pawl_queue_get_key(handle->queue, key, item, PAWL_NOWAIT) == 0;                                                     \
  }

PAWL_FLAVOUR(pawl_priority, .order = PAWL_PRIORITY)
#define pawl_priority_close queue_close
#define SUBJECT pawl_priority
#define SUBJECT_NAME "pawl-priority"
#define SUBJECT_LIBRARY "Pawl, libpawl.so"
#define SUBJECT_NOTE "pawl_queue with PAWL_PRIORITY, lock-free, PAWL_UNTRACKED"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_LOCK_FREE | BENCH_PRIO | BENCH_STABLE)
#include "../loops.h"

PAWL_FLAVOUR(pawl_priority_bounded, .order = PAWL_PRIORITY, .maxsize = (int64_t)shape->capacity)
#define pawl_priority_bounded_close queue_close
#define SUBJECT pawl_priority_bounded
#define SUBJECT_NAME "pawl-priority-bounded"
#define SUBJECT_LIBRARY "Pawl, libpawl.so"
#define SUBJECT_NOTE "the same with a maxsize"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_BOUNDED | BENCH_LOCK_FREE | BENCH_PRIO | BENCH_STABLE)
#include "../loops.h"

PAWL_FLAVOUR(pawl_priority_locked, .order = PAWL_PRIORITY, .progress = PAWL_LOCKED)
#define pawl_priority_locked_close queue_close
#define SUBJECT pawl_priority_locked
#define SUBJECT_NAME "pawl-priority-locked"
#define SUBJECT_LIBRARY "Pawl, libpawl.so"
#define SUBJECT_NOTE "pawl_queue with PAWL_PRIORITY and PAWL_LOCKED, PAWL_UNTRACKED"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_PRIO | BENCH_STABLE)
#include "../loops.h"

PAWL_FLAVOUR(pawl_relaxed, .order = PAWL_RELAXED)
#define pawl_relaxed_close queue_close
#define SUBJECT pawl_relaxed
#define SUBJECT_NAME "pawl-relaxed"
#define SUBJECT_LIBRARY "Pawl, libpawl.so"
#define SUBJECT_NOTE "pawl_queue with PAWL_RELAXED, four heaps per processor, PAWL_UNTRACKED"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_PRIO | BENCH_RELAXED)
#include "../loops.h"

PAWL_FLAVOUR(pawl_relaxed_2, .order = PAWL_RELAXED, .heaps = 2)
#define pawl_relaxed_2_close queue_close
#define SUBJECT pawl_relaxed_2
#define SUBJECT_NAME "pawl-relaxed-2"
#define SUBJECT_LIBRARY "Pawl, libpawl.so"
#define SUBJECT_NOTE "the same with 2 heaps"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_PRIO | BENCH_RELAXED | BENCH_PRICE)
#include "../loops.h"

PAWL_FLAVOUR(pawl_relaxed_4, .order = PAWL_RELAXED, .heaps = 4)
#define pawl_relaxed_4_close queue_close
#define SUBJECT pawl_relaxed_4
#define SUBJECT_NAME "pawl-relaxed-4"
#define SUBJECT_LIBRARY "Pawl, libpawl.so"
#define SUBJECT_NOTE "the same with 4 heaps"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_PRIO | BENCH_RELAXED | BENCH_PRICE)
#include "../loops.h"

PAWL_FLAVOUR(pawl_relaxed_8, .order = PAWL_RELAXED, .heaps = 8)
#define pawl_relaxed_8_close queue_close
#define SUBJECT pawl_relaxed_8
#define SUBJECT_NAME "pawl-relaxed-8"
#define SUBJECT_LIBRARY "Pawl, libpawl.so"
#define SUBJECT_NOTE "the same with 8 heaps"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_PRIO | BENCH_RELAXED | BENCH_PRICE)
#include "../loops.h"

PAWL_FLAVOUR(pawl_relaxed_16, .order = PAWL_RELAXED, .heaps = 16)
#define pawl_relaxed_16_close queue_close
#define SUBJECT pawl_relaxed_16
#define SUBJECT_NAME "pawl-relaxed-16"
#define SUBJECT_LIBRARY "Pawl, libpawl.so"
#define SUBJECT_NOTE "the same with 16 heaps"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_PRIO | BENCH_RELAXED | BENCH_PRICE)
#include "../loops.h"

PAWL_FLAVOUR(pawl_relaxed_32, .order = PAWL_RELAXED, .heaps = 32)
#define pawl_relaxed_32_close queue_close
#define SUBJECT pawl_relaxed_32
#define SUBJECT_NAME "pawl-relaxed-32"
#define SUBJECT_LIBRARY "Pawl, libpawl.so"
#define SUBJECT_NOTE "the same with 32 heaps"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_PRIO | BENCH_RELAXED | BENCH_PRICE)
#include "../loops.h"
