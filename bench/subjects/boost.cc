/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * boost.cc - Boost.Lockfree: queue and stack with nodes allocated beforehand (bounded_push never allocates), and spsc_queue.
 */
#include "../subject.h"
#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <boost/lockfree/stack.hpp>

namespace
{
using Queue = boost::lockfree::queue<uint64_t>;
using Spsc = boost::lockfree::spsc_queue<uint64_t>;

template <class Q>
void *make(const bench_shape *shape)
{
  return new Q(shape->capacity);
}

template <class Q>
void destroy(void *queue)
{
  delete static_cast<Q *>(queue);
}
} // namespace

struct boost_queue_handle {
  Queue *queue;
};

static void boost_queue_attach(boost_queue_handle *handle, void *queue)
{
  handle->queue = static_cast<Queue *>(queue);
}

static void boost_queue_detach(boost_queue_handle *)
{
}

static inline bool boost_queue_put(boost_queue_handle *handle, uint64_t item)
{
  return handle->queue->bounded_push(item);
}

static inline bool boost_queue_get(boost_queue_handle *handle, uint64_t *item)
{
  return handle->queue->pop(*item);
}

#define boost_queue_open make<Queue>
#define boost_queue_close destroy<Queue>
#define SUBJECT boost_queue
#define SUBJECT_NAME "boost"
#define SUBJECT_LIBRARY "Boost " BOOST_LIB_VERSION
#define SUBJECT_NOTE "lockfree::queue, nodes allocated beforehand"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_BOUNDED | BENCH_LOCK_FREE)
#include "../loops.h"

struct boost_spsc_handle {
  Spsc *queue;
};

static void boost_spsc_attach(boost_spsc_handle *handle, void *queue)
{
  handle->queue = static_cast<Spsc *>(queue);
}

static void boost_spsc_detach(boost_spsc_handle *)
{
}

static inline bool boost_spsc_put(boost_spsc_handle *handle, uint64_t item)
{
  return handle->queue->push(item);
}

static inline bool boost_spsc_get(boost_spsc_handle *handle, uint64_t *item)
{
  return handle->queue->pop(*item);
}

#define boost_spsc_open make<Spsc>
#define boost_spsc_close destroy<Spsc>
#define SUBJECT boost_spsc
#define SUBJECT_NAME "boost-spsc"
#define SUBJECT_LIBRARY "Boost " BOOST_LIB_VERSION
#define SUBJECT_NOTE "lockfree::spsc_queue"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_BOUNDED | BENCH_SPSC | BENCH_LOCK_FREE)
#include "../loops.h"

namespace
{
using Stack = boost::lockfree::stack<uint64_t>;
}

struct boost_stack_handle {
  Stack *stack;
};

static void boost_stack_attach(boost_stack_handle *handle, void *queue)
{
  handle->stack = static_cast<Stack *>(queue);
}

static void boost_stack_detach(boost_stack_handle *)
{
}

static inline bool boost_stack_put(boost_stack_handle *handle, uint64_t item)
{
  return handle->stack->bounded_push(item);
}

static inline bool boost_stack_get(boost_stack_handle *handle, uint64_t *item)
{
  return handle->stack->pop(*item);
}

#define boost_stack_open make<Stack>
#define boost_stack_close destroy<Stack>
#define SUBJECT boost_stack
#define SUBJECT_NAME "boost-stack"
#define SUBJECT_LIBRARY "Boost " BOOST_LIB_VERSION
#define SUBJECT_NOTE "lockfree::stack, nodes allocated beforehand"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_BOUNDED | BENCH_LOCK_FREE | BENCH_STACK)
#include "../loops.h"
