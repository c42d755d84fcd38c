/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_queue.c - the C half of the differential test: executes queue operations read from stdin, one per line, and answers
 * each with one line. diff_queue.py sends the same operations to Python's queue module and compares.
 *
 *   new KIND MAXSIZE    a fresh queue: fifo, ring, prealloc, spsc, custom, simple, lifo, priority, locked (priority under a
 *                       lock), less (the same by a comparison)
 *   put ITEM MS, get MS                 MS: deadline in milliseconds from now; 0 looks once
 *   task_done, join, qsize, empty, full, unfinished, maxsize N, shutdown 0|1
 * Answers: "ok", "ok VALUE", "full", "empty", "shutdown", "too many", "would block", else the error's text.
 */
#include <pawl.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pawl_queue queue;
static struct pawl_simple_queue simple;
static bool is_simple;

/* A FIFO of the caller's own. */
static uint64_t own[1 << 16];
static size_t own_first, own_last;

static int own_put(void *ctx, uint64_t item)
{
  (void)ctx;
  own[own_last++ % (1 << 16)] = item;
  return 0;
}

static int own_get(void *ctx, uint64_t *item)
{
  (void)ctx;
  *item = own[own_first++ % (1 << 16)];
  return 0;
}

static size_t own_size(void *ctx)
{
  (void)ctx;
  return own_last - own_first;
}

static const struct pawl_queue_ops own_ops = {own_put, own_get, own_size};

static int smaller(void *ctx, uint64_t a, uint64_t b)
{
  (void)ctx;
  return (int64_t)a < (int64_t)b;
}

static int make(const char *kind, int64_t maxsize)
{
  struct pawl_queue_options options = {.maxsize = maxsize};
  (void)pawl_queue_fini(&queue);
  (void)pawl_simple_queue_fini(&simple);
  is_simple = strcmp(kind, "simple") == 0;
  own_first = own_last = 0;
  if (is_simple)
    return pawl_simple_queue_init(&simple, NULL, NULL);
  if (strcmp(kind, "ring") == 0)
    options.progress = PAWL_RING;
  if (strcmp(kind, "prealloc") == 0)
    options.flags = PAWL_PREALLOC;
  if (strcmp(kind, "spsc") == 0)
    options.flags = PAWL_SPSC;
  if (strcmp(kind, "custom") == 0)
    options.custom = &own_ops;
  if (strcmp(kind, "lifo") == 0)
    options.order = PAWL_LIFO;
  bool by_less = strcmp(kind, "less") == 0, locked = by_less || strcmp(kind, "locked") == 0;
  if (locked || strcmp(kind, "priority") == 0)
    options.order = PAWL_PRIORITY;
  if (locked)
    options.progress = PAWL_LOCKED;
  if (by_less)
    options.less = smaller;
  return pawl_queue_init(&queue, &options);
}

static void answer(int result)
{
  switch (result) {
  case 0:
    puts("ok");
    break;
  case PAWL_FULL:
    puts("full");
    break;
  case PAWL_EMPTY:
    puts("empty");
    break;
  case PAWL_SHUTDOWN:
    puts("shutdown");
    break;
  case PAWL_TIMEOUT:
    puts("would block");
    break;
  case -ERANGE:
    puts("too many");
    break;
  default:
    puts(pawl_strerror(result));
  }
}

static pawl_time deadline(int64_t milliseconds)
{
  return milliseconds == 0 ? PAWL_NOWAIT : pawl_after(PAWL_MS(milliseconds));
}

static void get(int64_t milliseconds)
{
  uint64_t item = 0;
  int result = is_simple ? pawl_simple_queue_get(&simple, &item, deadline(milliseconds))
                         : pawl_queue_get(&queue, &item, deadline(milliseconds));
  if (result == 0)
    printf("ok %" PRId64 "\n", (int64_t)item);
  else
    answer(result);
}

static size_t size_now(void)
{
  return is_simple ? pawl_simple_queue_was_size(&simple) : pawl_queue_was_size(&queue);
}

static void execute(const char *op, int64_t a, int64_t b)
{
  if (strcmp(op, "put") == 0)
    answer(is_simple ? pawl_simple_queue_put(&simple, (uint64_t)a) : pawl_queue_put(&queue, (uint64_t)a, deadline(b)));
  else if (strcmp(op, "get") == 0)
    get(a);
  else if (strcmp(op, "task_done") == 0)
    answer(pawl_queue_task_done(&queue));
  else if (strcmp(op, "join") == 0)
    answer(pawl_queue_join(&queue, PAWL_NOWAIT));
  else if (strcmp(op, "qsize") == 0)
    printf("ok %zu\n", size_now());
  else if (strcmp(op, "empty") == 0)
    printf("ok %d\n", is_simple ? pawl_simple_queue_was_empty(&simple) : pawl_queue_was_empty(&queue));
  else if (strcmp(op, "full") == 0)
    printf("ok %d\n", pawl_queue_was_full(&queue));
  else if (strcmp(op, "unfinished") == 0)
    printf("ok %" PRIu64 "\n", pawl_queue_unfinished(&queue));
  else if (strcmp(op, "maxsize") == 0)
    answer(pawl_queue_set_maxsize(&queue, a));
  else if (strcmp(op, "shutdown") == 0)
    answer(pawl_queue_shutdown(&queue, a != 0));
  else
    printf("unknown operation %s\n", op);
}

int main(void)
{
  char line[256], word[32], kind[32];
  while (fgets(line, sizeof(line), stdin) != NULL) {
    int64_t a = 0, b = 0;
    if (sscanf(line, "new %31s %" SCNd64, kind, &a) == 2) {
      answer(make(kind, a));
    } else if (sscanf(line, "%31s %" SCNd64 " %" SCNd64, word, &a, &b) >= 1) {
      execute(word, a, b);
    }
    if (line[0] == '\n')
      fflush(stdout); /* an empty line ends a program */
  }
  return 0;
}
