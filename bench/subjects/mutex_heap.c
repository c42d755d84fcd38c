/* SPDX-License-Identifier: BSD-2-Clause */
/* mutex_heap.c - the baseline of priority queues: a binary heap under a pthread mutex. Unbounded. */
#include "../subject.h"
#include "heap.h"

struct queue {
  pthread_mutex_t lock;
  struct heap heap; /* beside the mutex, as a programmer would write it */
};

static void *mutex_heap_open(const struct bench_shape *shape)
{
  (void)shape;
  struct queue *queue = aligned_alloc(128, (sizeof *queue + 127) / 128 * 128);
  if (queue == NULL)
    return NULL;
  queue->heap = (struct heap){0};
  pthread_mutex_init(&queue->lock, NULL);
  return queue;
}

static void mutex_heap_close(void *memory)
{
  struct queue *queue = memory;
  pthread_mutex_destroy(&queue->lock);
  free(queue->heap.entries);
  free(queue);
}

struct mutex_heap_handle {
  struct queue *queue;
};

static void mutex_heap_attach(struct mutex_heap_handle *handle, void *queue)
{
  handle->queue = queue;
}

static void mutex_heap_detach(struct mutex_heap_handle *handle)
{
  (void)handle;
}

static inline bool mutex_heap_put(struct mutex_heap_handle *handle, int64_t key, uint64_t item)
{
  pthread_mutex_lock(&handle->queue->lock);
  bool done = heap_push(&handle->queue->heap, key, item);
  pthread_mutex_unlock(&handle->queue->lock);
  return done;
}

static inline bool mutex_heap_get(struct mutex_heap_handle *handle, int64_t *key, uint64_t *item)
{
  pthread_mutex_lock(&handle->queue->lock);
  bool some = heap_pop(&handle->queue->heap, key, item);
  pthread_mutex_unlock(&handle->queue->lock);
  return some;
}

#define SUBJECT mutex_heap
#define SUBJECT_NAME "mutex-heap"
#define SUBJECT_LIBRARY "pthread"
#define SUBJECT_NOTE "binary heap under a pthread mutex; not FIFO among equals"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_PRIO)
#include "../loops.h"
