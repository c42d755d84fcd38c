/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * moodycamel.cc - moodycamel::ConcurrentQueue, without and with tokens, and BlockingConcurrentQueue.
 *
 * Not one FIFO but one per producer. With tokens each thread makes its own when it attaches, as its manual advises.
 */
#include "../subject.h"
#include <concurrentqueue/blockingconcurrentqueue.h>
#include <concurrentqueue/concurrentqueue.h>
#include <new>

namespace
{
using Queue = moodycamel::ConcurrentQueue<uint64_t>;
using Blocking = moodycamel::BlockingConcurrentQueue<uint64_t>;

template <class Q>
void *make(const bench_shape *shape)
{
  return new Q(shape->capacity, shape->producers + 1, shape->producers + 1);
}

template <class Q>
void destroy(void *queue)
{
  delete static_cast<Q *>(queue);
}
} // namespace

struct moodycamel_handle {
  Queue *queue;
};

static void moodycamel_attach(moodycamel_handle *handle, void *queue)
{
  handle->queue = static_cast<Queue *>(queue);
}

static void moodycamel_detach(moodycamel_handle *)
{
}

static inline bool moodycamel_put(moodycamel_handle *handle, uint64_t item)
{
  return handle->queue->enqueue(item);
}

static inline bool moodycamel_get(moodycamel_handle *handle, uint64_t *item)
{
  return handle->queue->try_dequeue(*item);
}

#define moodycamel_open make<Queue>
#define moodycamel_close destroy<Queue>
#define SUBJECT moodycamel
#define SUBJECT_NAME "moodycamel"
#define SUBJECT_LIBRARY "libconcurrentqueue " BENCH_MOODYCAMEL_VERSION
#define SUBJECT_NOTE "ConcurrentQueue; FIFO per producer only, unbounded"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_PRODUCER_FIFO | BENCH_LOCK_FREE)
#include "../loops.h"

struct moodycamel_tokens_handle {
  Queue *queue;
  alignas(moodycamel::ProducerToken) unsigned char put[sizeof(moodycamel::ProducerToken)];
  alignas(moodycamel::ConsumerToken) unsigned char get[sizeof(moodycamel::ConsumerToken)];
  moodycamel::ProducerToken &producer()
  {
    return *std::launder(reinterpret_cast<moodycamel::ProducerToken *>(put));
  }
  moodycamel::ConsumerToken &consumer()
  {
    return *std::launder(reinterpret_cast<moodycamel::ConsumerToken *>(get));
  }
};

static void moodycamel_tokens_attach(moodycamel_tokens_handle *handle, void *queue)
{
  handle->queue = static_cast<Queue *>(queue);
  new (handle->put) moodycamel::ProducerToken(*handle->queue);
  new (handle->get) moodycamel::ConsumerToken(*handle->queue);
}

static void moodycamel_tokens_detach(moodycamel_tokens_handle *handle)
{
  handle->producer().~ProducerToken();
  handle->consumer().~ConsumerToken();
}

static inline bool moodycamel_tokens_put(moodycamel_tokens_handle *handle, uint64_t item)
{
  return handle->queue->enqueue(handle->producer(), item);
}

static inline bool moodycamel_tokens_get(moodycamel_tokens_handle *handle, uint64_t *item)
{
  return handle->queue->try_dequeue(handle->consumer(), *item);
}

#define moodycamel_tokens_open make<Queue>
#define moodycamel_tokens_close destroy<Queue>
#define SUBJECT moodycamel_tokens
#define SUBJECT_NAME "moodycamel-tokens"
#define SUBJECT_LIBRARY "libconcurrentqueue " BENCH_MOODYCAMEL_VERSION
#define SUBJECT_NOTE "ConcurrentQueue with a producer and a consumer token per thread; FIFO per producer only, unbounded"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_PRODUCER_FIFO | BENCH_LOCK_FREE)
#include "../loops.h"

struct moodycamel_blocking_handle {
  Blocking *queue;
};

static void moodycamel_blocking_attach(moodycamel_blocking_handle *handle, void *queue)
{
  handle->queue = static_cast<Blocking *>(queue);
}

static void moodycamel_blocking_detach(moodycamel_blocking_handle *)
{
}

static inline bool moodycamel_blocking_put(moodycamel_blocking_handle *handle, uint64_t item)
{
  return handle->queue->enqueue(item);
}

static inline bool moodycamel_blocking_get(moodycamel_blocking_handle *handle, uint64_t *item)
{
  return handle->queue->try_dequeue(*item);
}

static inline void moodycamel_blocking_put_wait(moodycamel_blocking_handle *handle, uint64_t item)
{
  handle->queue->enqueue(item);
}

static inline void moodycamel_blocking_get_wait(moodycamel_blocking_handle *handle, uint64_t *item)
{
  handle->queue->wait_dequeue(*item);
}

#define moodycamel_blocking_open make<Blocking>
#define moodycamel_blocking_close destroy<Blocking>
#define SUBJECT moodycamel_blocking
#define SUBJECT_NAME "moodycamel-blocking"
#define SUBJECT_LIBRARY "libconcurrentqueue " BENCH_MOODYCAMEL_VERSION
#define SUBJECT_NOTE "BlockingConcurrentQueue; FIFO per producer only, unbounded: its put never waits"
#define SUBJECT_CAPS (BENCH_WAIT | BENCH_PRODUCER_FIFO)
#include "../loops.h"
