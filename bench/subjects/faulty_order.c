/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faulty_order.c - stacks and priority queues with one planted fault each, for test_bench.py; faulty.c has what all families
 * have in common. Linked into pawl-bench-faulty only. Every fault strikes at each 1000th get.
 */
#include "../subject.h"
#include "heap.h"

enum { SIZE = 1024 };

struct faulty {
  pthread_mutex_t lock;
  size_t gets;
  size_t depth; /* the stack */
  uint64_t items[SIZE];
  struct heap heap; /* the priority queue */
};

static void *faulty_open(const struct bench_shape *shape)
{
  (void)shape;
  struct faulty *queue = calloc(1, sizeof *queue);
  if (queue != NULL)
    pthread_mutex_init(&queue->lock, NULL);
  return queue;
}

static void faulty_close(void *memory)
{
  struct faulty *queue = memory;
  free(queue->heap.entries);
  free(queue);
}

struct faulty_handle {
  struct faulty *queue;
};

static void faulty_attach(struct faulty_handle *handle, void *queue)
{
  handle->queue = queue;
}

static void faulty_detach(struct faulty_handle *handle)
{
  (void)handle;
}

static bool stack_put(struct faulty *queue, uint64_t item)
{
  pthread_mutex_lock(&queue->lock);
  bool room = queue->depth < SIZE;
  if (room)
    queue->items[queue->depth++] = item;
  pthread_mutex_unlock(&queue->lock);
  return room;
}

/* `fault` is called with the lock held and two items or more. */
static bool stack_get(struct faulty *queue, uint64_t *item, void (*fault)(struct faulty *))
{
  pthread_mutex_lock(&queue->lock);
  if (queue->depth > 1 && ++queue->gets % 1000 == 0)
    fault(queue);
  bool some = queue->depth > 0;
  if (some)
    *item = queue->items[--queue->depth];
  pthread_mutex_unlock(&queue->lock);
  return some;
}

/* The lowest: what is above stays in order. */
static void stack_lose(struct faulty *queue)
{
  memmove(queue->items, queue->items + 1, --queue->depth * sizeof *queue->items);
}

static void stack_swap(struct faulty *queue)
{
  uint64_t *top = &queue->items[queue->depth - 1], item = *top;
  *top = top[-1];
  top[-1] = item;
}

static bool prio_put(struct faulty *queue, int64_t key, uint64_t item)
{
  pthread_mutex_lock(&queue->lock);
  bool done = heap_push(&queue->heap, key, item);
  pthread_mutex_unlock(&queue->lock);
  return done;
}

/* `fault` is called with the lock held when an item has been taken and others are there. */
static bool prio_get(struct faulty *queue, int64_t *key, uint64_t *item, void (*fault)(struct faulty *, int64_t *, uint64_t *))
{
  pthread_mutex_lock(&queue->lock);
  bool some = heap_pop(&queue->heap, key, item);
  if (queue->heap.count > 0 && ++queue->gets % 1000 == 0)
    fault(queue, key, item);
  pthread_mutex_unlock(&queue->lock);
  return some;
}

static void prio_lose(struct faulty *queue, int64_t *key, uint64_t *item)
{
  (void)heap_pop(&queue->heap, key, item);
}

static void prio_swap(struct faulty *queue, int64_t *key, uint64_t *item)
{
  int64_t first = *key;
  uint64_t first_item = *item;
  (void)heap_pop(&queue->heap, key, item);
  (void)heap_push(&queue->heap, first, first_item);
}

/* The right key with the wrong item. */
static void prio_mix(struct faulty *queue, int64_t *key, uint64_t *item)
{
  (void)key;
  uint64_t other = queue->heap.entries[0].item;
  queue->heap.entries[0].item = *item;
  *item = other;
}

/* A key that nobody put. */
static void prio_invent(struct faulty *queue, int64_t *key, uint64_t *item)
{
  (void)queue, (void)item;
  *key += 1;
}

/* None but that a plain heap is not first in, first out among equals, which this one claims. */
static void prio_unstable(struct faulty *queue, int64_t *key, uint64_t *item)
{
  (void)queue, (void)key, (void)item;
}

#define FAULTY_HANDLE(name)                                                                                                    \
  struct faulty_##name##_handle {                                                                                              \
    struct faulty_handle handle;                                                                                               \
  };                                                                                                                           \
  static inline void faulty_##name##_attach(struct faulty_##name##_handle *handle, void *queue)                                \
  {                                                                                                                            \
    faulty_attach(&handle->handle, queue);                                                                                     \
  }                                                                                                                            \
  static inline void faulty_##name##_detach(struct faulty_##name##_handle *handle)                                             \
  {                                                                                                                            \
    faulty_detach(&handle->handle);                                                                                            \
  }
#define FAULTY_STACK(name)                                                                                                     \
  FAULTY_HANDLE(name)                                                                                                          \
  static inline bool faulty_##name##_put(struct faulty_##name##_handle *handle, uint64_t item)                                 \
  {                                                                                                                            \
    return stack_put(handle->handle.queue, item);                                                                              \
  }                                                                                                                            \
  static inline bool faulty_##name##_get(struct faulty_##name##_handle *handle, uint64_t *item)                                \
  {                                                                                                                            \
    return stack_get(handle->handle.queue, item, name);                                                                        \
  }
#define FAULTY_PRIO(name)                                                                                                      \
  FAULTY_HANDLE(name)                                                                                                          \
  static inline bool faulty_##name##_put(struct faulty_##name##_handle *handle, int64_t key, uint64_t item)                    \
  {                                                                                                                            \
    return prio_put(handle->handle.queue, key, item);                                                                          \
  }                                                                                                                            \
  static inline bool faulty_##name##_get(struct faulty_##name##_handle *handle, int64_t *key, uint64_t *item)                  \
  {                                                                                                                            \
    return prio_get(handle->handle.queue, key, item, name);                                                                    \
  }

FAULTY_STACK(stack_lose)
#define faulty_stack_lose_open faulty_open
#define faulty_stack_lose_close faulty_close
#define SUBJECT faulty_stack_lose
#define SUBJECT_NAME "faulty-stack-lose"
#define SUBJECT_LIBRARY "planted faults"
#define SUBJECT_NOTE "loses the item at the bottom"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_BOUNDED | BENCH_STACK)
#include "../loops.h"

FAULTY_STACK(stack_swap)
#define faulty_stack_swap_open faulty_open
#define faulty_stack_swap_close faulty_close
#define SUBJECT faulty_stack_swap
#define SUBJECT_NAME "faulty-stack-swap"
#define SUBJECT_LIBRARY "planted faults"
#define SUBJECT_NOTE "swaps the two items on top"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_BOUNDED | BENCH_STACK)
#include "../loops.h"

FAULTY_PRIO(prio_lose)
#define faulty_prio_lose_open faulty_open
#define faulty_prio_lose_close faulty_close
#define SUBJECT faulty_prio_lose
#define SUBJECT_NAME "faulty-prio-lose"
#define SUBJECT_LIBRARY "planted faults"
#define SUBJECT_NOTE "loses an item"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_PRIO | BENCH_RELAXED)
#include "../loops.h"

FAULTY_PRIO(prio_swap)
#define faulty_prio_swap_open faulty_open
#define faulty_prio_swap_close faulty_close
#define SUBJECT faulty_prio_swap
#define SUBJECT_NAME "faulty-prio-swap"
#define SUBJECT_LIBRARY "planted faults"
#define SUBJECT_NOTE "swaps two items"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_PRIO)
#include "../loops.h"

FAULTY_PRIO(prio_mix)
#define faulty_prio_mix_open faulty_open
#define faulty_prio_mix_close faulty_close
#define SUBJECT faulty_prio_mix
#define SUBJECT_NAME "faulty-prio-mix"
#define SUBJECT_LIBRARY "planted faults"
#define SUBJECT_NOTE "swaps two items, not their keys"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_PRIO)
#include "../loops.h"

FAULTY_PRIO(prio_invent)
#define faulty_prio_invent_open faulty_open
#define faulty_prio_invent_close faulty_close
#define SUBJECT faulty_prio_invent
#define SUBJECT_NAME "faulty-prio-invent"
#define SUBJECT_LIBRARY "planted faults"
#define SUBJECT_NOTE "gives a key that nobody put"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_PRIO | BENCH_RELAXED)
#include "../loops.h"

FAULTY_PRIO(prio_unstable)
#define faulty_prio_unstable_open faulty_open
#define faulty_prio_unstable_close faulty_close
#define SUBJECT faulty_prio_unstable
#define SUBJECT_NAME "faulty-prio-unstable"
#define SUBJECT_LIBRARY "planted faults"
#define SUBJECT_NOTE "claims to be first in, first out among equals"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_PRIO | BENCH_STABLE)
#include "../loops.h"
