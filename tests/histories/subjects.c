/* SPDX-License-Identifier: BSD-2-Clause */
/* subjects.c - the queues under test, see subjects.h. */
#include "subjects.h"

#include <ck_ring.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void *allocate(size_t size)
{
  void *memory = aligned_alloc(128, (size + 127) / 128 * 128);
  if (memory == NULL)
    abort();
  return memset(memory, 0, size);
}

/* --- Pawl --- */

static void *make_ordered(int64_t maxsize, unsigned order, unsigned progress, unsigned flags)
{
  struct pawl_queue *queue = allocate(sizeof(*queue));
  struct pawl_queue_options options = {.maxsize = maxsize, .order = order, .progress = progress, .flags = flags};
  if (pawl_queue_init(queue, &options) != 0)
    abort();
  return queue;
}

static void *make_queue(int64_t maxsize, unsigned progress, unsigned flags)
{
  return make_ordered(maxsize, PAWL_FIFO, progress, flags);
}

static void *make_pawl(int64_t maxsize)
{
  return make_queue(maxsize, PAWL_LOCK_FREE, 0);
}

static void *make_pawl_unbounded(int64_t maxsize)
{
  (void)maxsize;
  return make_queue(0, PAWL_LOCK_FREE, 0);
}

static void *make_pawl_ring(int64_t maxsize)
{
  return make_queue(maxsize, PAWL_RING, 0);
}

static void *make_pawl_spsc(int64_t maxsize)
{
  return make_queue(maxsize, PAWL_LOCK_FREE, PAWL_SPSC);
}

static void *make_pawl_lifo(int64_t maxsize)
{
  return make_ordered(maxsize, PAWL_LIFO, PAWL_LOCK_FREE, 0);
}

static void *make_pawl_lifo_unbounded(int64_t maxsize)
{
  (void)maxsize;
  return make_pawl_lifo(0);
}

static void *make_pawl_priority(int64_t maxsize)
{
  return make_ordered(maxsize, PAWL_PRIORITY, PAWL_LOCK_FREE, 0);
}

static void *make_pawl_priority_unbounded(int64_t maxsize)
{
  (void)maxsize;
  return make_pawl_priority(0);
}

static void *make_pawl_priority_locked(int64_t maxsize)
{
  return make_ordered(maxsize, PAWL_PRIORITY, PAWL_LOCKED, 0);
}

static int put_by_key(void *queue, uint64_t item, pawl_time until)
{
  return pawl_queue_put_key(queue, (int64_t)(item >> 32), item, until);
}

static int put_pawl(void *queue, uint64_t item, pawl_time until)
{
  return pawl_queue_put(queue, item, until);
}

static int get_pawl(void *queue, uint64_t *item, pawl_time until)
{
  return pawl_queue_get(queue, item, until);
}

static void destroy_pawl(void *queue)
{
  if (pawl_queue_fini(queue) != 0)
    abort();
  free(queue);
}

static void *make_simple(int64_t maxsize)
{
  (void)maxsize;
  struct pawl_simple_queue *queue = allocate(sizeof(*queue));
  if (pawl_simple_queue_init(queue, NULL, NULL) != 0)
    abort();
  return queue;
}

static int put_simple(void *queue, uint64_t item, pawl_time until)
{
  (void)until;
  return pawl_simple_queue_put(queue, item);
}

static int get_simple(void *queue, uint64_t *item, pawl_time until)
{
  return pawl_simple_queue_get(queue, item, until);
}

static void destroy_simple(void *queue)
{
  if (pawl_simple_queue_fini(queue) != 0)
    abort();
  free(queue);
}

/* --- the control: an array under a lock, in any order, never waiting; and its faults --- */

enum fault { FAULT_NONE, FAULT_ORDER, FAULT_EMPTY, FAULT_FULL, FAULT_OVER, FAULT_TWICE, FAULT_LOSE, FAULT_INVENT };

enum { LOCKED_SIZE = 1 << 16, FAULT_EVERY = 997 };

struct locked {
  pthread_mutex_t mutex;
  unsigned order; /* 0, SUBJECT_LIFO or SUBJECT_PRIORITY */
  enum fault fault;
  int64_t maxsize;
  size_t head, tail; /* LIFO and priority: head is 0 */
  uint64_t items[LOCKED_SIZE];
};

static uint64_t calls; /* of all queues with a fault; atomic */

static bool fault_is_due(void)
{
  return __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) % FAULT_EVERY == 0;
}

static void *make_locked(int64_t maxsize, unsigned order, enum fault fault)
{
  struct locked *q = allocate(sizeof(*q));
  pthread_mutex_init(&q->mutex, NULL);
  q->order = order;
  q->fault = fault;
  q->maxsize = maxsize > 0 && maxsize < LOCKED_SIZE ? maxsize : LOCKED_SIZE;
  return q;
}

static uint64_t *locked_at(struct locked *q, size_t i)
{
  return &q->items[i % LOCKED_SIZE];
}

/* Where the next item comes from: the oldest, the youngest, the first of the lowest key. */
static size_t locked_next(struct locked *q)
{
  size_t best = q->order == SUBJECT_LIFO ? q->tail - 1 : q->head;
  if (q->order == SUBJECT_PRIORITY) {
    for (size_t i = q->head; i < q->tail; i++) {
      if (*locked_at(q, i) >> 32 < *locked_at(q, best) >> 32)
        best = i;
    }
  }
  return best;
}

static uint64_t locked_take(struct locked *q)
{
  size_t next = locked_next(q);
  uint64_t item = *locked_at(q, next);
  if (q->order == SUBJECT_LIFO) {
    q->tail--;
    return item;
  }
  for (size_t i = next; i > q->head; i--)
    *locked_at(q, i) = *locked_at(q, i - 1);
  q->head++;
  return item;
}

static int put_locked(void *queue, uint64_t item, pawl_time until)
{
  struct locked *q = queue;
  (void)until;
  pthread_mutex_lock(&q->mutex);
  bool now = q->fault != FAULT_NONE && fault_is_due();
  bool full = (int64_t)(q->tail - q->head) >= q->maxsize;
  if (now && q->fault == FAULT_OVER && q->maxsize < LOCKED_SIZE)
    full = false;
  if (now && q->fault == FAULT_FULL)
    full = true;
  if (!full && !(now && q->fault == FAULT_LOSE))
    *locked_at(q, q->tail++) = item;
  pthread_mutex_unlock(&q->mutex);
  return full ? PAWL_FULL : 0;
}

static int get_locked(void *queue, uint64_t *item, pawl_time until)
{
  struct locked *q = queue;
  (void)until;
  pthread_mutex_lock(&q->mutex);
  bool now = q->fault != FAULT_NONE && fault_is_due();
  size_t size = q->tail - q->head;
  if (now && q->fault == FAULT_ORDER && size > 1) {
    uint64_t first = *locked_at(q, q->head);
    *locked_at(q, q->head) = *locked_at(q, q->tail - 1);
    *locked_at(q, q->tail - 1) = first;
  }
  bool empty = size == 0 || (now && q->fault == FAULT_EMPTY);
  if (!empty && now && q->fault == FAULT_TWICE)
    *item = *locked_at(q, q->head);
  else if (!empty)
    *item = now && q->fault == FAULT_INVENT ? (locked_take(q), calls << 40) : locked_take(q);
  pthread_mutex_unlock(&q->mutex);
  return empty ? PAWL_EMPTY : 0;
}

#define LOCKED(name, order, fault)                                                                                             \
  static void *make_##name(int64_t maxsize)                                                                                    \
  {                                                                                                                            \
    return make_locked(maxsize, order, fault);                                                                                 \
  }
LOCKED(locked_fifo, 0, FAULT_NONE)
LOCKED(locked_lifo, SUBJECT_LIFO, FAULT_NONE)
LOCKED(locked_priority, SUBJECT_PRIORITY, FAULT_NONE)
LOCKED(bad_order, 0, FAULT_ORDER)
LOCKED(bad_empty, 0, FAULT_EMPTY)
LOCKED(bad_full, 0, FAULT_FULL)
LOCKED(bad_over, 0, FAULT_OVER)
LOCKED(bad_twice, 0, FAULT_TWICE)
LOCKED(bad_lose, 0, FAULT_LOSE)
LOCKED(bad_invent, 0, FAULT_INVENT)

/* --- ck_ring, many producers and consumers. Holds one item fewer than its size, which is a power of two --- */

struct ck {
  ck_ring_t ring;
  ck_ring_buffer_t buffer[];
};

static void *make_ck(int64_t maxsize)
{
  unsigned size = 2;
  while (size - 1 < maxsize)
    size *= 2;
  if (size - 1 != maxsize)
    abort();
  struct ck *q = allocate(sizeof(*q) + size * sizeof(q->buffer[0]));
  ck_ring_init(&q->ring, size);
  return q;
}

static int put_ck(void *queue, uint64_t item, pawl_time until)
{
  struct ck *q = queue;
  (void)until;
  return ck_ring_enqueue_mpmc(&q->ring, q->buffer, (void *)(uintptr_t)(item + 1)) ? 0 : PAWL_FULL;
}

static int get_ck(void *queue, uint64_t *item, pawl_time until)
{
  struct ck *q = queue;
  void *pointer;
  (void)until;
  if (!ck_ring_dequeue_mpmc(&q->ring, q->buffer, &pointer))
    return PAWL_EMPTY;
  *item = (uint64_t)(uintptr_t)pointer - 1;
  return 0;
}

enum {
  STACK = SUBJECT_QUEUE | SUBJECT_LIFO | SUBJECT_ONE_POINT,
  HEAP = SUBJECT_QUEUE | SUBJECT_PRIORITY | SUBJECT_ONE_POINT,
};

const struct subject subjects[] = {
    {"pawl-bounded", SUBJECT_QUEUE | SUBJECT_BOUNDED, make_pawl, put_pawl, get_pawl, destroy_pawl},
    {"pawl-ring", SUBJECT_QUEUE | SUBJECT_BOUNDED, make_pawl_ring, put_pawl, get_pawl, destroy_pawl},
    {"pawl-unbounded", SUBJECT_QUEUE, make_pawl_unbounded, put_pawl, get_pawl, destroy_pawl},
    {"pawl-lifo", STACK | SUBJECT_BOUNDED, make_pawl_lifo, put_pawl, get_pawl, destroy_pawl},
    {"pawl-lifo-unbounded", STACK, make_pawl_lifo_unbounded, put_pawl, get_pawl, destroy_pawl},
    {"pawl-priority", HEAP | SUBJECT_BOUNDED, make_pawl_priority, put_by_key, get_pawl, destroy_pawl},
    {"pawl-priority-unbounded", HEAP, make_pawl_priority_unbounded, put_by_key, get_pawl, destroy_pawl},
    {"pawl-priority-locked", HEAP | SUBJECT_BOUNDED, make_pawl_priority_locked, put_by_key, get_pawl, destroy_pawl},
    {"pawl-simple", 0, make_simple, put_simple, get_simple, destroy_simple},
    {"pawl-spsc", SUBJECT_QUEUE | SUBJECT_BOUNDED | SUBJECT_SPSC, make_pawl_spsc, put_pawl, get_pawl, destroy_pawl},
    {"locked", SUBJECT_BOUNDED, make_locked_fifo, put_locked, get_locked, free},
    {"locked-lifo", SUBJECT_BOUNDED | SUBJECT_LIFO, make_locked_lifo, put_locked, get_locked, free},
    {"locked-priority", SUBJECT_BOUNDED | SUBJECT_PRIORITY, make_locked_priority, put_locked, get_locked, free},
    {"bad-order", SUBJECT_BOUNDED | SUBJECT_FAULTY, make_bad_order, put_locked, get_locked, free},
    {"bad-empty", SUBJECT_BOUNDED | SUBJECT_FAULTY, make_bad_empty, put_locked, get_locked, free},
    {"bad-full", SUBJECT_BOUNDED | SUBJECT_FAULTY, make_bad_full, put_locked, get_locked, free},
    {"bad-over", SUBJECT_BOUNDED | SUBJECT_FAULTY, make_bad_over, put_locked, get_locked, free},
    {"bad-twice", SUBJECT_BOUNDED | SUBJECT_FAULTY, make_bad_twice, put_locked, get_locked, free},
    {"bad-lose", SUBJECT_BOUNDED | SUBJECT_FAULTY, make_bad_lose, put_locked, get_locked, free},
    {"bad-invent", SUBJECT_BOUNDED | SUBJECT_FAULTY, make_bad_invent, put_locked, get_locked, free},
    {"ck-ring", SUBJECT_BOUNDED | SUBJECT_PEER, make_ck, put_ck, get_ck, free},
    {NULL, 0, NULL, NULL, NULL, NULL},
};

const struct subject *subject_find(const char *name)
{
  const struct subject *subject = subjects;
  while (subject->name != NULL && strcmp(subject->name, name) != 0)
    subject++;
  return subject->name != NULL ? subject : NULL;
}
