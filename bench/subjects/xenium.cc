/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xenium.cc - three queues of the xenium library: Vyukov's bounded ring in its weak flavour, Ramalhete's FAAArrayQueue and,
 * where the installed version has it, Nikolaev's SCQ.
 *
 * The weak flavour answers EMPTY or FULL when a peer is midway, instead of waiting for it. FAAArrayQueue runs over xenium's
 * epochs, its fastest reclamation here (half the time of its hazard pointers alone), although these free nothing while a
 * thread is stopped.
 */
#include "../subject.h"
#include <array> /* xenium forgets it */
#include <xenium/policy.hpp>
#include <xenium/ramalhete_queue.hpp>
#include <xenium/reclamation/generic_epoch_based.hpp>
#include <xenium/vyukov_bounded_queue.hpp>
#if defined(BENCH_XENIUM_NIKOLAEV)
#include <xenium/nikolaev_bounded_queue.hpp>
#endif

namespace
{
struct Opaque;
using Vyukov = xenium::vyukov_bounded_queue<uint64_t, xenium::policy::default_to_weak<true>>;
using Ramalhete = xenium::ramalhete_queue<Opaque *, xenium::policy::reclaimer<xenium::reclamation::epoch_based<>>>;

template <class Q>
void *make_bounded(const bench_shape *shape)
{
  size_t capacity = 2;
  while (capacity < shape->capacity)
    capacity *= 2;
  return new Q(capacity);
}

template <class Q>
void *make(const bench_shape *)
{
  return new Q();
}

template <class Q>
void destroy(void *queue)
{
  delete static_cast<Q *>(queue);
}
} // namespace

struct xenium_vyukov_handle {
  Vyukov *queue;
};

static void xenium_vyukov_attach(xenium_vyukov_handle *handle, void *queue)
{
  handle->queue = static_cast<Vyukov *>(queue);
}

static void xenium_vyukov_detach(xenium_vyukov_handle *)
{
}

static inline bool xenium_vyukov_put(xenium_vyukov_handle *handle, uint64_t item)
{
  return handle->queue->try_push(item);
}

static inline bool xenium_vyukov_get(xenium_vyukov_handle *handle, uint64_t *item)
{
  return handle->queue->try_pop(*item);
}

#define xenium_vyukov_open make_bounded<Vyukov>
#define xenium_vyukov_close destroy<Vyukov>
#define SUBJECT xenium_vyukov
#define SUBJECT_NAME "xenium-vyukov"
#define SUBJECT_LIBRARY "xenium " BENCH_XENIUM_VERSION
#define SUBJECT_NOTE "vyukov_bounded_queue, weak; not lock-free"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_BOUNDED)
#include "../loops.h"

struct xenium_ramalhete_handle {
  Ramalhete *queue;
};

static void xenium_ramalhete_attach(xenium_ramalhete_handle *handle, void *queue)
{
  handle->queue = static_cast<Ramalhete *>(queue);
}

static void xenium_ramalhete_detach(xenium_ramalhete_handle *)
{
}

static inline bool xenium_ramalhete_put(xenium_ramalhete_handle *handle, uint64_t item)
{
  handle->queue->push(reinterpret_cast<Opaque *>(item));
  return true;
}

static inline bool xenium_ramalhete_get(xenium_ramalhete_handle *handle, uint64_t *item)
{
  Opaque *value;
  if (!handle->queue->try_pop(value))
    return false;
  *item = reinterpret_cast<uint64_t>(value);
  return true;
}

/* The queue's destructor deletes what is left, which is no pointer here: empty it first. */
static void xenium_ramalhete_close(void *queue)
{
  Opaque *value;
  while (static_cast<Ramalhete *>(queue)->try_pop(value))
    ;
  destroy<Ramalhete>(queue);
}

#define xenium_ramalhete_open make<Ramalhete>
#define SUBJECT xenium_ramalhete
#define SUBJECT_NAME "xenium-ramalhete"
#define SUBJECT_LIBRARY "xenium " BENCH_XENIUM_VERSION
#define SUBJECT_NOTE "ramalhete_queue (FAAArrayQueue) over epochs, unbounded"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_LOCK_FREE)
#include "../loops.h"

#if defined(BENCH_XENIUM_NIKOLAEV)

namespace
{
using Nikolaev = xenium::nikolaev_bounded_queue<uint64_t>;
}

struct xenium_nikolaev_handle {
  Nikolaev *queue;
};

static void xenium_nikolaev_attach(xenium_nikolaev_handle *handle, void *queue)
{
  handle->queue = static_cast<Nikolaev *>(queue);
}

static void xenium_nikolaev_detach(xenium_nikolaev_handle *)
{
}

static inline bool xenium_nikolaev_put(xenium_nikolaev_handle *handle, uint64_t item)
{
  return handle->queue->try_push(item);
}

static inline bool xenium_nikolaev_get(xenium_nikolaev_handle *handle, uint64_t *item)
{
  return handle->queue->try_pop(*item);
}

#define xenium_nikolaev_open make_bounded<Nikolaev>
#define xenium_nikolaev_close destroy<Nikolaev>
#define SUBJECT xenium_nikolaev
#define SUBJECT_NAME "xenium-nikolaev"
#define SUBJECT_LIBRARY "xenium " BENCH_XENIUM_VERSION
#define SUBJECT_NOTE "nikolaev_bounded_queue (SCQ)"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_BOUNDED | BENCH_LOCK_FREE)
#include "../loops.h"

#endif
