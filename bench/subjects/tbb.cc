/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tbb.cc - oneTBB: concurrent_queue for the non-blocking calls, concurrent_bounded_queue for those that sleep, and
 * concurrent_priority_queue.
 *
 * The bounded queue sleeps and honours a capacity, the other is the faster one without sleeping; a sample uses one of them.
 */
#include "../subject.h"
#include <tbb/concurrent_priority_queue.h>
#include <tbb/concurrent_queue.h>

namespace
{
struct Both {
  tbb::concurrent_queue<uint64_t> loose;
  tbb::concurrent_bounded_queue<uint64_t> bounded;
};
} // namespace

static void *tbb_open(const bench_shape *shape)
{
  Both *both = new Both;
  both->bounded.set_capacity(static_cast<std::ptrdiff_t>(shape->capacity));
  return both;
}

static void tbb_close(void *queue)
{
  delete static_cast<Both *>(queue);
}

struct tbb_handle {
  Both *queue;
};

static void tbb_attach(tbb_handle *handle, void *queue)
{
  handle->queue = static_cast<Both *>(queue);
}

static void tbb_detach(tbb_handle *)
{
}

static inline bool tbb_put(tbb_handle *handle, uint64_t item)
{
  handle->queue->loose.push(item);
  return true;
}

static inline bool tbb_get(tbb_handle *handle, uint64_t *item)
{
  return handle->queue->loose.try_pop(*item);
}

static inline void tbb_put_wait(tbb_handle *handle, uint64_t item)
{
  handle->queue->bounded.push(item);
}

static inline void tbb_get_wait(tbb_handle *handle, uint64_t *item)
{
  handle->queue->bounded.pop(*item);
}

#define SUBJECT tbb
#define SUBJECT_NAME "tbb"
#define SUBJECT_LIBRARY "oneTBB " BENCH_TBB_VERSION
#define SUBJECT_NOTE "concurrent_queue (unbounded); concurrent_bounded_queue where threads sleep"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_WAIT)
#include "../loops.h"

namespace
{
struct Keyed {
  int64_t key;
  uint64_t item;
};

/* TBB gives the greatest first. */
struct Later {
  bool operator()(const Keyed &a, const Keyed &b) const
  {
    return a.key > b.key;
  }
};

using Priority = tbb::concurrent_priority_queue<Keyed, Later>;
} // namespace

static void *tbb_priority_open(const bench_shape *)
{
  return new Priority;
}

static void tbb_priority_close(void *queue)
{
  delete static_cast<Priority *>(queue);
}

struct tbb_priority_handle {
  Priority *queue;
};

static void tbb_priority_attach(tbb_priority_handle *handle, void *queue)
{
  handle->queue = static_cast<Priority *>(queue);
}

static void tbb_priority_detach(tbb_priority_handle *)
{
}

static inline bool tbb_priority_put(tbb_priority_handle *handle, int64_t key, uint64_t item)
{
  handle->queue->push(Keyed{key, item});
  return true;
}

static inline bool tbb_priority_get(tbb_priority_handle *handle, int64_t *key, uint64_t *item)
{
  Keyed keyed;
  if (!handle->queue->try_pop(keyed))
    return false;
  *key = keyed.key;
  *item = keyed.item;
  return true;
}

#define SUBJECT tbb_priority
#define SUBJECT_NAME "tbb-priority"
#define SUBJECT_LIBRARY "oneTBB " BENCH_TBB_VERSION
#define SUBJECT_NOTE "concurrent_priority_queue: one thread does the others' operations, too; not FIFO among equals"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_PRIO)
#include "../loops.h"
