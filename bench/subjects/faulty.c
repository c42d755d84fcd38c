/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faulty.c - queues with one planted fault each, for test_bench.py: a harness that lets one of them pass verifies nothing.
 *
 * Linked into pawl-bench-faulty only, never into what users run. Every fault strikes at each 1000th get.
 */
#include "../subject.h"
#include <stdlib.h>
#include <unistd.h>

enum { SIZE = 1024 };

struct faulty {
  pthread_mutex_t lock;
  size_t head, tail, gets;
  uint64_t items[SIZE];
};

static void *faulty_open(const struct bench_shape *shape)
{
  (void)shape;
  struct faulty *queue = calloc(1, sizeof *queue);
  if (queue != NULL)
    pthread_mutex_init(&queue->lock, NULL);
  return queue;
}

static void faulty_close(void *queue)
{
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

static inline bool faulty_put(struct faulty_handle *handle, uint64_t item)
{
  struct faulty *queue = handle->queue;
  pthread_mutex_lock(&queue->lock);
  bool room = queue->tail - queue->head < SIZE;
  if (room)
    queue->items[queue->tail++ % SIZE] = item;
  pthread_mutex_unlock(&queue->lock);
  return room;
}

/* `fault` is called with the lock held, on the item about to leave; some are told from the next one. */
static inline bool faulty_take(struct faulty_handle *handle, uint64_t *item, void (*fault)(struct faulty *))
{
  struct faulty *queue = handle->queue;
  pthread_mutex_lock(&queue->lock);
  if (queue->tail != queue->head && queue->items[queue->head % SIZE] != BENCH_POISON && ++queue->gets % 1000 == 0)
    fault(queue);
  bool some = queue->tail != queue->head;
  if (some)
    *item = queue->items[queue->head++ % SIZE];
  pthread_mutex_unlock(&queue->lock);
  return some;
}

static void lose(struct faulty *queue)
{
  queue->head++;
}

/* The item stays at the head for one more get: it is moved back to where it will be found again. */
static void repeat(struct faulty *queue)
{
  queue->items[(queue->head - 1) % SIZE] = queue->items[queue->head % SIZE];
  queue->head--;
}

/* Two gets later the sum is right again, the items were not. */
static void change(struct faulty *queue)
{
  queue->items[queue->head % SIZE] += queue->gets % 2000 == 0 ? BENCH_STEP / 2 : -(BENCH_STEP / 2);
}

/* The item comes out once its successor of the same producer is out: order broken, nothing lost. */
static void swap(struct faulty *queue)
{
  if (queue->tail - queue->head < 2 || queue->items[(queue->head + 1) % SIZE] == BENCH_POISON)
    return;
  uint64_t first = queue->items[queue->head % SIZE];
  queue->items[queue->head % SIZE] = queue->items[(queue->head + 1) % SIZE];
  queue->items[(queue->head + 1) % SIZE] = first;
}

static void crash(struct faulty *queue)
{
  (void)queue;
  abort();
}

static void hang(struct faulty *queue)
{
  (void)queue;
  for (;;)
    pause();
}

#define FAULTY(fault)                                                                                                          \
  struct faulty_##fault##_handle {                                                                                             \
    struct faulty_handle handle;                                                                                               \
  };                                                                                                                           \
  static inline void faulty_##fault##_attach(struct faulty_##fault##_handle *handle, void *queue)                              \
  {                                                                                                                            \
    faulty_attach(&handle->handle, queue);                                                                                     \
  }                                                                                                                            \
  static inline void faulty_##fault##_detach(struct faulty_##fault##_handle *handle)                                           \
  {                                                                                                                            \
    faulty_detach(&handle->handle);                                                                                            \
  }                                                                                                                            \
  static inline bool faulty_##fault##_put(struct faulty_##fault##_handle *handle, uint64_t item)                               \
  {                                                                                                                            \
    return faulty_put(&handle->handle, item);                                                                                  \
  }                                                                                                                            \
  static inline bool faulty_##fault##_get(struct faulty_##fault##_handle *handle, uint64_t *item)                              \
  {                                                                                                                            \
    return faulty_take(&handle->handle, item, fault);                                                                          \
  }

FAULTY(lose)
#define faulty_lose_open faulty_open
#define faulty_lose_close faulty_close
#define SUBJECT faulty_lose
#define SUBJECT_NAME "faulty-lose"
#define SUBJECT_LIBRARY "planted faults"
#define SUBJECT_NOTE "loses an item"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_BOUNDED)
#include "../loops.h"

FAULTY(repeat)
#define faulty_repeat_open faulty_open
#define faulty_repeat_close faulty_close
#define SUBJECT faulty_repeat
#define SUBJECT_NAME "faulty-repeat"
#define SUBJECT_LIBRARY "planted faults"
#define SUBJECT_NOTE "delivers an item twice"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_BOUNDED)
#include "../loops.h"

FAULTY(change)
#define faulty_change_open faulty_open
#define faulty_change_close faulty_close
#define SUBJECT faulty_change
#define SUBJECT_NAME "faulty-change"
#define SUBJECT_LIBRARY "planted faults"
#define SUBJECT_NOTE "changes two items, sum unchanged"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_BOUNDED)
#include "../loops.h"

FAULTY(swap)
#define faulty_swap_open faulty_open
#define faulty_swap_close faulty_close
#define SUBJECT faulty_swap
#define SUBJECT_NAME "faulty-swap"
#define SUBJECT_LIBRARY "planted faults"
#define SUBJECT_NOTE "swaps two items"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_BOUNDED)
#include "../loops.h"

FAULTY(crash)
#define faulty_crash_open faulty_open
#define faulty_crash_close faulty_close
#define SUBJECT faulty_crash
#define SUBJECT_NAME "faulty-crash"
#define SUBJECT_LIBRARY "planted faults"
#define SUBJECT_NOTE "aborts"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_BOUNDED)
#include "../loops.h"

FAULTY(hang)
#define faulty_hang_open faulty_open
#define faulty_hang_close faulty_close
#define SUBJECT faulty_hang
#define SUBJECT_NAME "faulty-hang"
#define SUBJECT_LIBRARY "planted faults"
#define SUBJECT_NOTE "never returns"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_BOUNDED)
#include "../loops.h"
