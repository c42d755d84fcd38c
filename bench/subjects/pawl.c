/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl.c - Pawl's queues as a user calls them: pawl_queue_put and pawl_queue_get in the shared library.
 *
 * All but pawl-tracked are PAWL_UNTRACKED, because no peer counts tasks; pawl-tracked shows the price of counting. Compiled
 * a second time with BENCH_PAWL_STATIC, against libpawl.a with link-time optimisation, it gives the -static subjects: the
 * price of the calls into a shared library. The priority queues are in pawl_prio.c.
 */
#include "../subject.h"
#include <pawl.h>
#include <stdlib.h>

#if defined(BENCH_PAWL_STATIC)
#define BENCH_PREFIX bench_static_
#define PAWL_NAME(name) name "-static"
#define PAWL_LINKED "Pawl, libpawl.a with LTO"
#define PAWL_CAPS BENCH_PRICE
#else
#define PAWL_NAME(name) name
#define PAWL_LINKED "Pawl, libpawl.so"
#define PAWL_CAPS 0
#endif

static void *queue_open(const struct bench_shape *shape, unsigned order, unsigned progress, unsigned flags, bool bounded)
{
  struct pawl_queue_options options = {
      .maxsize = bounded ? (int64_t)shape->capacity : 0, .order = order, .progress = progress, .flags = flags};
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

static void queue_trim(void *queue)
{
  (void)pawl_queue_trim(queue);
}

/* Handle and calls of one flavour of pawl_queue; the flavours differ in how they are opened. */
#define PAWL_FLAVOUR(flavour, order, progress, flags, bounded)                                                                 \
  struct flavour##_handle {                                                                                                    \
    struct pawl_queue *queue;                                                                                                  \
  };                                                                                                                           \
  static void *flavour##_open(const struct bench_shape *shape)                                                                 \
  {                                                                                                                            \
    return queue_open(shape, order, progress, flags, bounded);                                                                 \
  }                                                                                                                            \
  static void flavour##_attach(struct flavour##_handle *handle, void *queue)                                                   \
  {                                                                                                                            \
    handle->queue = queue;                                                                                                     \
  }                                                                                                                            \
  static void flavour##_detach(struct flavour##_handle *handle)                                                                \
  {                                                                                                                            \
    (void)handle;                                                                                                              \
  }                                                                                                                            \
  static inline bool flavour##_put(struct flavour##_handle *handle, uint64_t item)                                             \
  {                                                                                                                            \
    return pawl_queue_put(handle->queue, item, PAWL_NOWAIT) == 0;                                                              \
  }                                                                                                                            \
  static inline bool flavour##_get(struct flavour##_handle *handle, uint64_t *item)                                            \
  {                                                                                                                            \
    return pawl_queue_get(handle->queue, item, PAWL_NOWAIT) == 0;                                                              \
  }                                                                                                                            \
  static inline void flavour##_put_wait(struct flavour##_handle *handle, uint64_t item)                                        \
  {                                                                                                                            \
    if (pawl_queue_put(handle->queue, item, PAWL_FOREVER) != 0)                                                                \
      abort();                                                                                                                 \
  }                                                                                                                            \
  static inline void flavour##_get_wait(struct flavour##_handle *handle, uint64_t *item)                                       \
  {                                                                                                                            \
    if (pawl_queue_get(handle->queue, item, PAWL_FOREVER) != 0)                                                                \
      abort();                                                                                                                 \
  }

PAWL_FLAVOUR(pawl_bounded, PAWL_FIFO, PAWL_LOCK_FREE, PAWL_UNTRACKED, true)
#define pawl_bounded_close queue_close
#define pawl_bounded_trim queue_trim
#define SUBJECT pawl_bounded
#define SUBJECT_NAME PAWL_NAME("pawl-bounded")
#define SUBJECT_LIBRARY PAWL_LINKED
#define SUBJECT_NOTE "pawl_queue with a maxsize, lock-free, PAWL_UNTRACKED"
#define SUBJECT_CAPS (PAWL_CAPS | BENCH_TRY | BENCH_WAIT | BENCH_BOUNDED | BENCH_LOCK_FREE | BENCH_TRIM)
#include "../loops.h"

PAWL_FLAVOUR(pawl_ring, PAWL_FIFO, PAWL_RING, PAWL_UNTRACKED, true)
#define pawl_ring_close queue_close
#define pawl_ring_trim queue_trim
#define SUBJECT pawl_ring
#define SUBJECT_NAME PAWL_NAME("pawl-ring")
#define SUBJECT_LIBRARY PAWL_LINKED
#define SUBJECT_NOTE "pawl_queue with PAWL_RING: not lock-free, PAWL_UNTRACKED"
#define SUBJECT_CAPS (PAWL_CAPS | BENCH_TRY | BENCH_WAIT | BENCH_BOUNDED | BENCH_TRIM)
#include "../loops.h"

PAWL_FLAVOUR(pawl_unbounded, PAWL_FIFO, PAWL_LOCK_FREE, PAWL_UNTRACKED, false)
#define pawl_unbounded_close queue_close
#define pawl_unbounded_trim queue_trim
#define SUBJECT pawl_unbounded
#define SUBJECT_NAME PAWL_NAME("pawl-unbounded")
#define SUBJECT_LIBRARY PAWL_LINKED
#define SUBJECT_NOTE "pawl_queue without a maxsize, lock-free, PAWL_UNTRACKED"
#define SUBJECT_CAPS (PAWL_CAPS | BENCH_TRY | BENCH_WAIT | BENCH_LOCK_FREE | BENCH_TRIM)
#include "../loops.h"

PAWL_FLAVOUR(pawl_tracked, PAWL_FIFO, PAWL_LOCK_FREE, 0, true)
#define pawl_tracked_close queue_close
#define pawl_tracked_trim queue_trim
#define SUBJECT pawl_tracked
#define SUBJECT_NAME PAWL_NAME("pawl-tracked")
#define SUBJECT_LIBRARY PAWL_LINKED
#define SUBJECT_NOTE "pawl-bounded with the count for task_done and join"
#define SUBJECT_CAPS (PAWL_CAPS | BENCH_TRY | BENCH_WAIT | BENCH_BOUNDED | BENCH_LOCK_FREE | BENCH_TRIM | BENCH_PRICE)
#include "../loops.h"

PAWL_FLAVOUR(pawl_spsc, PAWL_FIFO, PAWL_LOCK_FREE, PAWL_UNTRACKED | PAWL_SPSC, true)
#define pawl_spsc_close queue_close
#define pawl_spsc_trim queue_trim
#define SUBJECT pawl_spsc
#define SUBJECT_NAME PAWL_NAME("pawl-spsc")
#define SUBJECT_LIBRARY PAWL_LINKED
#define SUBJECT_NOTE "pawl_queue with PAWL_SPSC, PAWL_UNTRACKED"
#define SUBJECT_CAPS (PAWL_CAPS | BENCH_TRY | BENCH_WAIT | BENCH_BOUNDED | BENCH_SPSC | BENCH_LOCK_FREE | BENCH_TRIM)
#include "../loops.h"

PAWL_FLAVOUR(pawl_lifo, PAWL_LIFO, PAWL_LOCK_FREE, PAWL_UNTRACKED, false)
#define pawl_lifo_close queue_close
#define pawl_lifo_trim queue_trim
#define SUBJECT pawl_lifo
#define SUBJECT_NAME PAWL_NAME("pawl-lifo")
#define SUBJECT_LIBRARY PAWL_LINKED
#define SUBJECT_NOTE "pawl_queue with PAWL_LIFO, lock-free, PAWL_UNTRACKED"
#define SUBJECT_CAPS (PAWL_CAPS | BENCH_TRY | BENCH_LOCK_FREE | BENCH_TRIM | BENCH_STACK)
#include "../loops.h"

PAWL_FLAVOUR(pawl_lifo_bounded, PAWL_LIFO, PAWL_LOCK_FREE, PAWL_UNTRACKED, true)
#define pawl_lifo_bounded_close queue_close
#define pawl_lifo_bounded_trim queue_trim
#define SUBJECT pawl_lifo_bounded
#define SUBJECT_NAME PAWL_NAME("pawl-lifo-bounded")
#define SUBJECT_LIBRARY PAWL_LINKED
#define SUBJECT_NOTE "the same with a maxsize"
#define SUBJECT_CAPS (PAWL_CAPS | BENCH_TRY | BENCH_BOUNDED | BENCH_LOCK_FREE | BENCH_TRIM | BENCH_STACK)
#include "../loops.h"

static void *pawl_simple_open(const struct bench_shape *shape)
{
  (void)shape;
  struct pawl_simple_queue *queue = aligned_alloc(128, (sizeof *queue + 127) / 128 * 128);
  if (queue == NULL || pawl_simple_queue_init(queue, NULL, NULL) != 0) {
    free(queue);
    return NULL;
  }
  return queue;
}

static void pawl_simple_close(void *queue)
{
  if (pawl_simple_queue_fini(queue) != 0)
    abort();
  free(queue);
}

struct pawl_simple_handle {
  struct pawl_simple_queue *queue;
};

static void pawl_simple_attach(struct pawl_simple_handle *handle, void *queue)
{
  handle->queue = queue;
}

static void pawl_simple_detach(struct pawl_simple_handle *handle)
{
  (void)handle;
}

static inline bool pawl_simple_put(struct pawl_simple_handle *handle, uint64_t item)
{
  return pawl_simple_queue_put(handle->queue, item) == 0;
}

static inline bool pawl_simple_get(struct pawl_simple_handle *handle, uint64_t *item)
{
  return pawl_simple_queue_get(handle->queue, item, PAWL_NOWAIT) == 0;
}

static inline void pawl_simple_put_wait(struct pawl_simple_handle *handle, uint64_t item)
{
  if (pawl_simple_queue_put(handle->queue, item) != 0)
    abort();
}

static inline void pawl_simple_get_wait(struct pawl_simple_handle *handle, uint64_t *item)
{
  if (pawl_simple_queue_get(handle->queue, item, PAWL_FOREVER) != 0)
    abort();
}

#define SUBJECT pawl_simple
#define SUBJECT_NAME PAWL_NAME("pawl-simple")
#define SUBJECT_LIBRARY PAWL_LINKED
#define SUBJECT_NOTE "pawl_simple_queue: unbounded, put may run in signal handlers"
#define SUBJECT_CAPS (PAWL_CAPS | BENCH_TRY | BENCH_WAIT | BENCH_LOCK_FREE)
#include "../loops.h"
