/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * urcu.c - userspace RCU's wfcqueue: wait-free put, get under the queue's own mutex. Unbounded.
 *
 * Nodes come from malloc at put and are freed at get, which wfcqueue allows at once and is how it is used with messages.
 */
#include "../subject.h"
#include <stdlib.h>
#include <urcu/wfcqueue.h>

struct message {
  struct cds_wfcq_node node;
  uint64_t item;
};

struct queue {
  struct cds_wfcq_head head __attribute__((aligned(128)));
  struct cds_wfcq_tail tail __attribute__((aligned(128)));
};

static void *urcu_open(const struct bench_shape *shape)
{
  (void)shape;
  struct queue *queue = aligned_alloc(128, sizeof *queue);
  if (queue != NULL)
    cds_wfcq_init(&queue->head, &queue->tail);
  return queue;
}

static void urcu_close(void *memory)
{
  struct queue *queue = memory;
  cds_wfcq_destroy(&queue->head, &queue->tail);
  free(queue);
}

struct urcu_handle {
  struct queue *queue;
};

static void urcu_attach(struct urcu_handle *handle, void *queue)
{
  handle->queue = queue;
}

static void urcu_detach(struct urcu_handle *handle)
{
  (void)handle;
}

static inline bool urcu_put(struct urcu_handle *handle, uint64_t item)
{
  struct message *message = malloc(sizeof *message);
  if (message == NULL)
    return false;
  message->item = item;
  cds_wfcq_node_init(&message->node);
  cds_wfcq_enqueue(&handle->queue->head, &handle->queue->tail, &message->node);
  return true;
}

static inline bool urcu_get(struct urcu_handle *handle, uint64_t *item)
{
  struct cds_wfcq_node *node = cds_wfcq_dequeue_blocking(&handle->queue->head, &handle->queue->tail);
  if (node == NULL)
    return false;
  struct message *message = (struct message *)node;
  *item = message->item;
  free(message);
  return true;
}

#define SUBJECT urcu
#define SUBJECT_NAME "urcu"
#define SUBJECT_LIBRARY "liburcu " BENCH_URCU_VERSION
#define SUBJECT_NOTE "wfcqueue, a malloc'd node per item, get under its mutex"
#define SUBJECT_CAPS BENCH_TRY
#include "../loops.h"
