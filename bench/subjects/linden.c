/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linden.c - the skiplist of J. Linden and B. Jonsson, "A Skiplist-Based Concurrent Priority Queue with Minimal Memory
 * Contention", OPODIS 2013 (revised as Technical Report 2018-003, Uppsala University), as a candidate for Pawl's strict
 * priority queue: it was measured beside the others and is not part of Pawl.
 *
 * The idea: a get marks the link *before* the first node that is not yet deleted (one fetch_or), and nothing else; so deleted
 * nodes form a prefix of the bottom list. Who finds that prefix longer than BOUND swings the head over it with one CAS, then
 * corrects the upper levels, then retires it. A put goes in behind the prefix.
 *
 * What is not the paper's:
 * - Nodes are ordered by (key, number), the number from a counter of the queue: equal keys come out first in, first out.
 * - Reclamation by ck_epoch instead of Fraser's epochs; used nodes return to the lists, one per height, of the thread that
 *   retired them.
 *
 * Lock-free, but: an epoch does not bound what a frozen thread retains; nothing is reclaimed while it is inside an
 * operation. And while a put is frozen with its `linking` set the head cannot pass its node, which the others delete
 * without end: every get then walks over all that was deleted since.
 *
 * It lost, on two processors and in the same runs as Pawl's heap. prio.pair by two threads: half of it at 1e3 and at 1e5.
 * prio.push: a tenth, for a search reads some forty lines that are in no cache. prio.drain: nearly level. In prio.stall gets
 * walked over up to 300,000 deleted nodes, more than a millisecond each.
 */
#include "../subject.h"
#include <ck_epoch.h>
#include <stdlib.h>

enum { HEIGHT = 20, BOUND = 32, CHUNK = 1 << 16, LINE = 64 };

struct node {
  int64_t key;
  uint64_t number;
  uint64_t item;
  unsigned height;
  unsigned linking; /* its put may still link it at upper levels: the head must not pass */
  ck_epoch_entry_t retired;
  struct node *owned; /* next in a list of used nodes */
  uintptr_t next[];   /* next[0] with MARK: the node that it points to is deleted */
};

#define MARK ((uintptr_t)1)

struct chunk {
  struct chunk *next;
  size_t taken;
  char memory[] __attribute__((aligned(LINE)));
};

/* What a thread has beside its record of epochs; kept until close, because the record must not go. */
struct keeper {
  ck_epoch_record_t record;
  struct node *used[HEIGHT + 1];
  struct chunk *chunks;
  uint64_t random;
  struct keeper *next;
};

struct queue {
  ck_epoch_t epoch;
  struct keeper *keepers;
  struct node *head; /* both with all levels; the tail has the greatest key and number */
  struct node *tail;
  uint64_t numbers __attribute__((aligned(128)));
};

static struct node *node_of(uintptr_t link)
{
  return (struct node *)(link & ~MARK);
}

static uintptr_t load(const uintptr_t *link)
{
  return __atomic_load_n(link, __ATOMIC_ACQUIRE);
}

static bool swing(uintptr_t *link, uintptr_t from, uintptr_t to)
{
  return __atomic_compare_exchange_n(link, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Its successor at the bottom is deleted; as deleted nodes are a prefix, so is the node itself (unless it is the head). */
static bool passed_over(const struct node *node)
{
  return (load(&node->next[0]) & MARK) != 0;
}

static bool precedes(const struct node *node, int64_t key, uint64_t number)
{
  return node->key < key || (node->key == key && node->number < number);
}

static void *line_alloc(size_t bytes)
{
  void *memory = aligned_alloc(128, (bytes + 127) / 128 * 128);
  if (memory == NULL)
    abort();
  return memory;
}

static struct node *node_new(struct keeper *keeper, unsigned height)
{
  struct node *node = keeper->used[height];
  if (node != NULL) {
    keeper->used[height] = node->owned;
    return node;
  }
  size_t bytes = (sizeof *node + height * sizeof node->next[0] + LINE - 1) / LINE * LINE;
  struct chunk *chunk = keeper->chunks;
  if (chunk == NULL || chunk->taken + bytes > CHUNK) {
    chunk = line_alloc(sizeof *chunk + CHUNK);
    *chunk = (struct chunk){.next = keeper->chunks};
    keeper->chunks = chunk;
  }
  node = (struct node *)(chunk->memory + chunk->taken);
  chunk->taken += bytes;
  node->height = height;
  return node;
}

/* Takes back the nodes that this thread retired and nobody can still be looking at. */
static void collect(struct keeper *keeper)
{
  ck_stack_t safe = CK_STACK_INITIALIZER;
  (void)ck_epoch_poll_deferred(&keeper->record, &safe);
  for (ck_stack_entry_t *entry; (entry = ck_stack_pop_npsc(&safe)) != NULL;) {
    struct node *node = (struct node *)((char *)entry - offsetof(struct node, retired.stack_entry));
    node->owned = keeper->used[node->height];
    keeper->used[node->height] = node;
  }
}

/* Half of all nodes have one level, a quarter two, and so on. */
static unsigned random_height(struct keeper *keeper)
{
  keeper->random = keeper->random * 6364136223846793005u + 1442695040888963407u;
  return 1 + (unsigned)__builtin_ctzll(keeper->random >> 32 | (uint64_t)1 << (HEIGHT - 1));
}

static void *linden_open(const struct bench_shape *shape)
{
  (void)shape;
  struct queue *queue = line_alloc(sizeof *queue);
  size_t bytes = sizeof(struct node) + HEIGHT * sizeof(uintptr_t);
  memset(queue, 0, sizeof *queue);
  ck_epoch_init(&queue->epoch);
  queue->head = memset(line_alloc(bytes), 0, bytes);
  queue->tail = memset(line_alloc(bytes), 0, bytes);
  queue->head->key = INT64_MIN;
  queue->tail->key = INT64_MAX;
  queue->tail->number = UINT64_MAX;
  for (int i = 0; i < HEIGHT; i++)
    queue->head->next[i] = (uintptr_t)queue->tail;
  return queue;
}

static void linden_close(void *memory)
{
  struct queue *queue = memory;
  for (struct keeper *keeper = queue->keepers, *next; keeper != NULL; keeper = next) {
    next = keeper->next;
    for (struct chunk *chunk = keeper->chunks, *after; chunk != NULL; chunk = after) {
      after = chunk->next;
      free(chunk);
    }
    free(keeper);
  }
  free(queue->head);
  free(queue->tail);
  free(queue);
}

struct linden_handle {
  struct queue *queue;
  struct keeper *keeper;
};

static void linden_attach(struct linden_handle *handle, void *memory)
{
  struct queue *queue = handle->queue = memory;
  struct keeper *keeper = (struct keeper *)ck_epoch_recycle(&queue->epoch, NULL);
  if (keeper == NULL) {
    keeper = line_alloc(sizeof *keeper);
    memset(keeper, 0, sizeof *keeper);
    ck_epoch_register(&queue->epoch, &keeper->record, NULL);
    keeper->random = (uintptr_t)keeper;
    keeper->next = __atomic_load_n(&queue->keepers, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&queue->keepers, &keeper->next, keeper, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
      ;
  }
  handle->keeper = keeper;
}

static void linden_detach(struct linden_handle *handle)
{
  ck_epoch_unregister(&handle->keeper->record);
}

/*
 * The places for a node at every level: behind the deleted prefix, before the first node that is not before it. Returns the
 * last node of the prefix, if any: deleted, too, but one cannot tell from the node itself.
 */
static struct node *locate(struct queue *queue, int64_t key, uint64_t number, struct node **preds, struct node **succs)
{
  struct node *last_deleted = NULL, *node = queue->head;
  for (int i = HEIGHT - 1; i >= 0; i--) {
    for (;;) {
      uintptr_t link = load(&node->next[i]);
      struct node *next = node_of(link);
      bool deleted = i == 0 && (link & MARK) != 0;
      if (!precedes(next, key, number) && !passed_over(next) && !deleted) {
        preds[i] = node;
        succs[i] = next;
        break;
      }
      if (deleted)
        last_deleted = next;
      node = next;
    }
  }
  return last_deleted;
}

/* Linearizes at the CAS on the bottom level. Goes on above while its node and its successors are still in the queue. */
static bool linden_put(struct linden_handle *handle, int64_t key, uint64_t item)
{
  struct queue *queue = handle->queue;
  struct keeper *keeper = handle->keeper;
  struct node *preds[HEIGHT], *succs[HEIGHT];
  struct node *node = node_new(keeper, random_height(keeper)), *last_deleted;
  node->key = key;
  node->number = __atomic_fetch_add(&queue->numbers, 1, __ATOMIC_RELAXED);
  node->item = item;
  node->linking = 1;
  ck_epoch_begin(&keeper->record, NULL);
  do {
    last_deleted = locate(queue, key, node->number, preds, succs);
    node->next[0] = (uintptr_t)succs[0];
  } while (!swing(&preds[0]->next[0], (uintptr_t)succs[0], (uintptr_t)node));
  for (unsigned i = 1; i < node->height;) {
    if (passed_over(node) || passed_over(succs[i]) || succs[i] == last_deleted)
      break;
    __atomic_store_n(&node->next[i], (uintptr_t)succs[i], __ATOMIC_RELAXED);
    if (swing(&preds[i]->next[i], (uintptr_t)succs[i], (uintptr_t)node)) {
      i++;
      continue;
    }
    last_deleted = locate(queue, key, node->number, preds, succs);
    if (succs[0] != node)
      break; /* deleted meanwhile */
  }
  __atomic_store_n(&node->linking, 0, __ATOMIC_RELEASE);
  ck_epoch_end(&keeper->record, NULL);
  return true;
}

/* Swings the upper levels of the head over what is deleted. */
static void restructure(struct queue *queue)
{
  struct node *node = queue->head;
  for (int i = HEIGHT - 1; i > 0;) {
    uintptr_t first = load(&queue->head->next[i]);
    struct node *next = node_of(load(&node->next[i]));
    if (!passed_over(node_of(first))) {
      i--;
      continue;
    }
    while (passed_over(next)) {
      node = next;
      next = node_of(load(&node->next[i]));
    }
    if (swing(&queue->head->next[i], first, (uintptr_t)next))
      i--;
  }
}

/* Hands the nodes from `node` to before `end` back to the epochs. */
static void retire(struct keeper *keeper, struct node *node, const struct node *end)
{
  while (node != end) {
    struct node *next = node_of(load(&node->next[0]));
    ck_epoch_call(&keeper->record, &node->retired, NULL); /* collect does what a callback would */
    node = next;
  }
}

/* Linearizes at the fetch_or that sets the mark, or where it reads that the tail is next. */
static bool linden_get(struct linden_handle *handle, int64_t *key, uint64_t *item)
{
  struct queue *queue = handle->queue;
  struct keeper *keeper = handle->keeper;
  ck_epoch_begin(&keeper->record, NULL);
  uintptr_t first = load(&queue->head->next[0]), link;
  struct node *node = queue->head, *new_first = NULL;
  unsigned walked = 0;
  do {
    walked++;
    link = load(&node->next[0]);
    if (node_of(link) == queue->tail) {
      ck_epoch_end(&keeper->record, NULL);
      return false;
    }
    if (new_first == NULL && __atomic_load_n(&node->linking, __ATOMIC_ACQUIRE) != 0)
      new_first = node;
    if ((link & MARK) == 0)
      link = __atomic_fetch_or(&node->next[0], MARK, __ATOMIC_ACQ_REL);
    node = node_of(link);
  } while ((link & MARK) != 0);
  *key = node->key;
  *item = node->item;
  if (new_first == NULL)
    new_first = node;
  bool swung =
      walked > BOUND && node_of(first) != new_first && swing(&queue->head->next[0], first, (uintptr_t)new_first | MARK);
  if (swung) {
    restructure(queue);
    retire(keeper, node_of(first), new_first);
  }
  ck_epoch_end(&keeper->record, NULL);
  if (swung)
    collect(keeper);
  return true;
}

#define SUBJECT linden
#define SUBJECT_NAME "linden-jonsson"
#define SUBJECT_LIBRARY "ck " BENCH_CK_VERSION " for epochs"
#define SUBJECT_NOTE "a candidate: skiplist, FIFO among equals; frozen threads retain memory without bound"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_LOCK_FREE | BENCH_PRIO | BENCH_STABLE)
#include "../loops.h"
