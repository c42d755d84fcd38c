/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ck.c - Concurrency Kit: ck_ring for many threads and for two, ck_stack, and ck_fifo_mpmc, whose fault fifo.false-empty shows.
 *
 * ck_ring holds one item less than its size, a power of two: the next larger power is taken. ck_fifo wants nodes from the
 * caller and hands back used ones: each thread keeps what it got for its next put, and the nodes live until close, as
 * type-stable memory is what ck asks for. ck_stack likewise, with a list of used nodes per thread. Its pop is the one with a
 * count beside the head (16-byte CAS): pop_upmc, which has none, must not be used where nodes come back.
 */
#include "../subject.h"
#include <ck_fifo.h>
#include <ck_ring.h>
#include <ck_stack.h>
#include <stdlib.h>

struct ring {
  ck_ring_t ring;
  ck_ring_buffer_t *buffer;
};

static void *ring_open(const struct bench_shape *shape)
{
  size_t size = 4;
  while (size < shape->capacity + 1)
    size *= 2;
  struct ring *ring = aligned_alloc(128, (sizeof *ring + 127) / 128 * 128);
  if (ring == NULL || (ring->buffer = calloc(size, sizeof *ring->buffer)) == NULL)
    return NULL;
  ck_ring_init(&ring->ring, (unsigned)size);
  return ring;
}

static void ring_close(void *queue)
{
  struct ring *ring = queue;
  free(ring->buffer);
  free(ring);
}

struct ck_ring_handle {
  struct ring *ring;
};

static void ck_ring_attach(struct ck_ring_handle *handle, void *queue)
{
  handle->ring = queue;
}

static void ck_ring_detach(struct ck_ring_handle *handle)
{
  (void)handle;
}

static inline bool ck_ring_put(struct ck_ring_handle *handle, uint64_t item)
{
  return ck_ring_enqueue_mpmc(&handle->ring->ring, handle->ring->buffer, (void *)item);
}

static inline bool ck_ring_get(struct ck_ring_handle *handle, uint64_t *item)
{
  return ck_ring_dequeue_mpmc(&handle->ring->ring, handle->ring->buffer, item);
}

#define ck_ring_open ring_open
#define ck_ring_close ring_close
#define SUBJECT ck_ring
#define SUBJECT_NAME "ck-ring"
#define SUBJECT_LIBRARY "ck " BENCH_CK_VERSION
#define SUBJECT_NOTE "ck_ring mpmc; producers wait for each other"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_BOUNDED)
#include "../loops.h"

struct ck_ring_spsc_handle {
  struct ring *ring;
};

static void ck_ring_spsc_attach(struct ck_ring_spsc_handle *handle, void *queue)
{
  handle->ring = queue;
}

static void ck_ring_spsc_detach(struct ck_ring_spsc_handle *handle)
{
  (void)handle;
}

static inline bool ck_ring_spsc_put(struct ck_ring_spsc_handle *handle, uint64_t item)
{
  return ck_ring_enqueue_spsc(&handle->ring->ring, handle->ring->buffer, (void *)item);
}

static inline bool ck_ring_spsc_get(struct ck_ring_spsc_handle *handle, uint64_t *item)
{
  return ck_ring_dequeue_spsc(&handle->ring->ring, handle->ring->buffer, item);
}

#define ck_ring_spsc_open ring_open
#define ck_ring_spsc_close ring_close
#define SUBJECT ck_ring_spsc
#define SUBJECT_NAME "ck-ring-spsc"
#define SUBJECT_LIBRARY "ck " BENCH_CK_VERSION
#define SUBJECT_NOTE "ck_ring spsc"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_BOUNDED | BENCH_SPSC)
#include "../loops.h"

#ifdef CK_F_FIFO_MPMC

struct node {
  ck_fifo_mpmc_entry_t entry;
  struct node *all;
} __attribute__((aligned(128)));

struct fifo {
  ck_fifo_mpmc_t fifo;
  struct node *nodes;
} __attribute__((aligned(128)));

static ck_fifo_mpmc_entry_t *fifo_node(struct fifo *fifo)
{
  struct node *node = aligned_alloc(128, sizeof *node);
  if (node == NULL)
    abort();
  node->all = __atomic_load_n(&fifo->nodes, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(&fifo->nodes, &node->all, node, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
    ;
  return &node->entry;
}

static void *ck_fifo_open(const struct bench_shape *shape)
{
  (void)shape;
  struct fifo *fifo = aligned_alloc(128, sizeof *fifo);
  if (fifo == NULL)
    return NULL;
  fifo->nodes = NULL;
  ck_fifo_mpmc_init(&fifo->fifo, fifo_node(fifo));
  return fifo;
}

static void ck_fifo_close(void *queue)
{
  struct fifo *fifo = queue;
  for (struct node *node = fifo->nodes, *next; node != NULL; node = next) {
    next = node->all;
    free(node);
  }
  free(fifo);
}

struct ck_fifo_handle {
  struct fifo *fifo;
  ck_fifo_mpmc_entry_t *used;
};

static void ck_fifo_attach(struct ck_fifo_handle *handle, void *queue)
{
  handle->fifo = queue;
  handle->used = NULL;
}

static void ck_fifo_detach(struct ck_fifo_handle *handle)
{
  (void)handle;
}

static inline bool ck_fifo_put(struct ck_fifo_handle *handle, uint64_t item)
{
  ck_fifo_mpmc_entry_t *entry = handle->used != NULL ? handle->used : fifo_node(handle->fifo);
  handle->used = NULL;
  ck_fifo_mpmc_enqueue(&handle->fifo->fifo, entry, (void *)item);
  return true;
}

static inline bool ck_fifo_get(struct ck_fifo_handle *handle, uint64_t *item)
{
  return ck_fifo_mpmc_dequeue(&handle->fifo->fifo, item, &handle->used);
}

#define SUBJECT ck_fifo
#define SUBJECT_NAME "ck-fifo"
#define SUBJECT_LIBRARY "ck " BENCH_CK_VERSION
#define SUBJECT_NOTE "ck_fifo_mpmc; only in fifo.false-empty, which shows its fault"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_LOCK_FREE | BENCH_FAULTY)
#include "../loops.h"

#endif

#ifdef CK_F_STACK_POP_MPMC

struct stack_node {
  ck_stack_entry_t entry;
  uint64_t item;
  struct stack_node *all;
};

struct stack {
  ck_stack_t stack __attribute__((aligned(128)));
  struct stack_node *nodes __attribute__((aligned(128)));
};

static void *ck_stack_open(const struct bench_shape *shape)
{
  (void)shape;
  struct stack *stack = aligned_alloc(128, sizeof *stack);
  if (stack != NULL) {
    ck_stack_init(&stack->stack);
    stack->nodes = NULL;
  }
  return stack;
}

static void ck_stack_close(void *queue)
{
  struct stack *stack = queue;
  for (struct stack_node *node = stack->nodes, *next; node != NULL; node = next) {
    next = node->all;
    free(node);
  }
  free(stack);
}

struct ck_stack_handle {
  struct stack *stack;
  ck_stack_entry_t *used;
};

static void ck_stack_attach(struct ck_stack_handle *handle, void *queue)
{
  handle->stack = queue;
  handle->used = NULL;
}

static void ck_stack_detach(struct ck_stack_handle *handle)
{
  (void)handle;
}

static struct stack_node *stack_node(struct stack *stack)
{
  struct stack_node *node = aligned_alloc(64, 64);
  if (node == NULL)
    abort();
  node->all = __atomic_load_n(&stack->nodes, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(&stack->nodes, &node->all, node, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
    ;
  return node;
}

static inline bool ck_stack_put(struct ck_stack_handle *handle, uint64_t item)
{
  struct stack_node *node = (struct stack_node *)handle->used;
  if (node != NULL)
    handle->used = node->entry.next;
  else
    node = stack_node(handle->stack);
  node->item = item;
  ck_stack_push_mpmc(&handle->stack->stack, &node->entry);
  return true;
}

static inline bool ck_stack_get(struct ck_stack_handle *handle, uint64_t *item)
{
  ck_stack_entry_t *entry = ck_stack_pop_mpmc(&handle->stack->stack);
  if (entry == NULL)
    return false;
  *item = ((struct stack_node *)entry)->item;
  entry->next = handle->used;
  handle->used = entry;
  return true;
}

#define SUBJECT ck_stack
#define SUBJECT_NAME "ck-stack"
#define SUBJECT_LIBRARY "ck " BENCH_CK_VERSION
#define SUBJECT_NOTE "ck_stack push_mpmc, pop_mpmc; nodes by the caller"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_LOCK_FREE | BENCH_STACK)
#include "../loops.h"

#endif
