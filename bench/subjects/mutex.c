/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mutex.c - the baselines that are always there: a ring under a pthread mutex, without and with condition variables, and a
 * stack. (mutex_heap.c is that of priority queues.)
 *
 * What a C programmer writes in ten minutes; every ratio that Pawl claims is against these first. They are written to
 * be good: signals go out after the unlock and only if somebody waits, the indices sit beside the mutex.
 */
#include "../subject.h"
#include <stdlib.h>

struct ring {
  pthread_mutex_t lock;
  size_t head;
  size_t tail;
  size_t capacity;
  size_t mask;
  unsigned getters;
  unsigned putters;
  uint64_t *items;
  pthread_cond_t filled;
  pthread_cond_t freed;
};

static void *ring_open(const struct bench_shape *shape)
{
  size_t places = 1;
  while (places < shape->capacity)
    places *= 2;
  struct ring *ring = aligned_alloc(128, (sizeof *ring + 127) / 128 * 128);
  if (ring == NULL)
    return NULL;
  memset(ring, 0, sizeof *ring);
  ring->items = calloc(places, sizeof *ring->items);
  ring->capacity = shape->capacity;
  ring->mask = places - 1;
  pthread_mutex_init(&ring->lock, NULL);
  pthread_cond_init(&ring->filled, NULL);
  pthread_cond_init(&ring->freed, NULL);
  return ring;
}

static void ring_close(void *queue)
{
  struct ring *ring = queue;
  pthread_cond_destroy(&ring->filled);
  pthread_cond_destroy(&ring->freed);
  pthread_mutex_destroy(&ring->lock);
  free(ring->items);
  free(ring);
}

struct mutex_handle {
  struct ring *ring;
};

static void mutex_attach(struct mutex_handle *handle, void *queue)
{
  handle->ring = queue;
}

static void mutex_detach(struct mutex_handle *handle)
{
  (void)handle;
}

static inline bool mutex_put(struct mutex_handle *handle, uint64_t item)
{
  struct ring *ring = handle->ring;
  pthread_mutex_lock(&ring->lock);
  bool room = ring->tail - ring->head < ring->capacity;
  if (room)
    ring->items[ring->tail++ & ring->mask] = item;
  pthread_mutex_unlock(&ring->lock);
  return room;
}

static inline bool mutex_get(struct mutex_handle *handle, uint64_t *item)
{
  struct ring *ring = handle->ring;
  pthread_mutex_lock(&ring->lock);
  bool some = ring->tail != ring->head;
  if (some)
    *item = ring->items[ring->head++ & ring->mask];
  pthread_mutex_unlock(&ring->lock);
  return some;
}

#define mutex_open ring_open
#define mutex_close ring_close
#define SUBJECT mutex
#define SUBJECT_NAME "mutex"
#define SUBJECT_LIBRARY "pthread"
#define SUBJECT_NOTE "ring under a pthread mutex, try only"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_BOUNDED)
#include "../loops.h"

struct mutex_cond_handle {
  struct ring *ring;
};

static void mutex_cond_attach(struct mutex_cond_handle *handle, void *queue)
{
  handle->ring = queue;
}

static void mutex_cond_detach(struct mutex_cond_handle *handle)
{
  (void)handle;
}

static inline void mutex_cond_put_wait(struct mutex_cond_handle *handle, uint64_t item)
{
  struct ring *ring = handle->ring;
  pthread_mutex_lock(&ring->lock);
  while (ring->tail - ring->head == ring->capacity) {
    ring->putters++;
    pthread_cond_wait(&ring->freed, &ring->lock);
    ring->putters--;
  }
  ring->items[ring->tail++ & ring->mask] = item;
  bool wake = ring->getters != 0;
  pthread_mutex_unlock(&ring->lock);
  if (wake)
    pthread_cond_signal(&ring->filled);
}

static inline void mutex_cond_get_wait(struct mutex_cond_handle *handle, uint64_t *item)
{
  struct ring *ring = handle->ring;
  pthread_mutex_lock(&ring->lock);
  while (ring->tail == ring->head) {
    ring->getters++;
    pthread_cond_wait(&ring->filled, &ring->lock);
    ring->getters--;
  }
  *item = ring->items[ring->head++ & ring->mask];
  bool wake = ring->putters != 0;
  pthread_mutex_unlock(&ring->lock);
  if (wake)
    pthread_cond_signal(&ring->freed);
}

static bool mutex_cond_put(struct mutex_cond_handle *handle, uint64_t item)
{
  mutex_cond_put_wait(handle, item);
  return true;
}

static bool mutex_cond_get(struct mutex_cond_handle *handle, uint64_t *item)
{
  struct mutex_handle plain = {handle->ring};
  return mutex_get(&plain, item);
}

#define mutex_cond_open ring_open
#define mutex_cond_close ring_close
#define SUBJECT mutex_cond
#define SUBJECT_NAME "mutex-cond"
#define SUBJECT_LIBRARY "pthread"
#define SUBJECT_NOTE "the same ring with two condition variables"
#define SUBJECT_CAPS (BENCH_WAIT | BENCH_BOUNDED)
#include "../loops.h"

struct stack {
  pthread_mutex_t lock;
  size_t depth;
  size_t capacity;
  uint64_t items[];
};

static void *mutex_stack_open(const struct bench_shape *shape)
{
  size_t bytes = sizeof(struct stack) + shape->capacity * sizeof(uint64_t);
  struct stack *stack = aligned_alloc(128, (bytes + 127) / 128 * 128);
  if (stack == NULL)
    return NULL;
  pthread_mutex_init(&stack->lock, NULL);
  stack->depth = 0;
  stack->capacity = shape->capacity;
  return stack;
}

static void mutex_stack_close(void *queue)
{
  struct stack *stack = queue;
  pthread_mutex_destroy(&stack->lock);
  free(stack);
}

struct mutex_stack_handle {
  struct stack *stack;
};

static void mutex_stack_attach(struct mutex_stack_handle *handle, void *queue)
{
  handle->stack = queue;
}

static void mutex_stack_detach(struct mutex_stack_handle *handle)
{
  (void)handle;
}

static inline bool mutex_stack_put(struct mutex_stack_handle *handle, uint64_t item)
{
  struct stack *stack = handle->stack;
  pthread_mutex_lock(&stack->lock);
  bool room = stack->depth < stack->capacity;
  if (room)
    stack->items[stack->depth++] = item;
  pthread_mutex_unlock(&stack->lock);
  return room;
}

static inline bool mutex_stack_get(struct mutex_stack_handle *handle, uint64_t *item)
{
  struct stack *stack = handle->stack;
  pthread_mutex_lock(&stack->lock);
  bool some = stack->depth > 0;
  if (some)
    *item = stack->items[--stack->depth];
  pthread_mutex_unlock(&stack->lock);
  return some;
}

#define SUBJECT mutex_stack
#define SUBJECT_NAME "mutex-stack"
#define SUBJECT_LIBRARY "pthread"
#define SUBJECT_NOTE "array under a pthread mutex"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_BOUNDED | BENCH_STACK)
#include "../loops.h"
