/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_checker.c - the checker of checker.c: histories made by hand, good and bad, for each rule of each model, and histories
 * made at random, compared with a search that is too simple to be wrong.
 *
 * Times in the histories are free: only which operation returned before which was invoked matters.
 */
#include "history.h"
#include "test.h"

#include <errno.h>
#include <stdio.h>

/* Histories by hand. */

static struct history_op operation(enum history_kind kind, int from, int to, uint64_t arg, int result)
{
  return (struct history_op){
      .kind = (uint8_t)kind, .invoked = (uint64_t)from, .returned = (uint64_t)to, .arg = arg, .result = result};
}

static struct history_op put(int from, int to, uint64_t item, int result)
{
  return operation(OP_PUT, from, to, item, result);
}

static struct history_op put_key(int from, int to, uint64_t item, int64_t key)
{
  struct history_op op = operation(OP_PUT, from, to, item, 0);
  op.key = key;
  return op;
}

static struct history_op got(int from, int to, uint64_t item)
{
  struct history_op op = operation(OP_GET, from, to, 0, 0);
  op.out = item;
  return op;
}

static struct history_op got_key(int from, int to, uint64_t item, int64_t key)
{
  struct history_op op = got(from, to, item);
  op.keyed = true;
  op.key = key;
  return op;
}

static struct history_op peeked(int from, int to, uint64_t item)
{
  struct history_op op = operation(OP_PEEK, from, to, 0, 0);
  op.out = item;
  return op;
}

static struct history_op get_failed(int from, int to, int result)
{
  return operation(OP_GET, from, to, 0, result);
}

static struct history_op call(enum history_kind kind, int from, int to, int result)
{
  return operation(kind, from, to, 0, result);
}

static struct history_op result_of(int from, int to, int result, uint64_t value)
{
  struct history_op op = operation(OP_RESULT, from, to, 0, result);
  op.out = value;
  return op;
}

/* Frozen in the middle: its last step is not known, or is `last`. */
static struct history_op pending(struct history_op op, int last)
{
  op.phase = OP_PENDING;
  op.returned = (uint64_t)last;
  return op;
}

static struct history_op blocked(struct history_op op)
{
  op.phase = OP_BLOCKED;
  op.returned = 0;
  return op;
}

static void order_by_time(struct history *h)
{
  for (int i = 0; i < h->n; i++) {
    h->op[i].before = 0;
    for (int j = 0; j < h->n; j++) {
      if (h->op[j].phase == OP_DONE && h->op[j].returned < h->op[i].invoked)
        h->op[i].before |= (uint64_t)1 << j;
    }
  }
}

static void check_history(int line, struct model_spec spec, const char *expected, int n, const struct history_op *ops)
{
  struct history h = {.n = n};
  const char *why = NULL;
  memcpy(h.op, ops, (size_t)n * sizeof(*ops));
  order_by_time(&h);
  bool good = history_check(&h, &spec, &why);
  if (good != (expected == NULL))
    test_fail(__FILE__, line, "%s", good ? "a bad history was accepted" : why);
  if (!good && strstr(why, expected) == NULL)
    test_fail(__FILE__, line, "rejected for another reason: %s", why);
}

#define OPS_(...)                                                                                                              \
  (int)(sizeof((struct history_op[]){__VA_ARGS__}) / sizeof(struct history_op)), (struct history_op[])                         \
  {                                                                                                                            \
    __VA_ARGS__                                                                                                                \
  }
#define ACCEPT(spec, ...) check_history(__LINE__, spec, NULL, OPS_(__VA_ARGS__))
#define REJECT(spec, why, ...) check_history(__LINE__, spec, why, OPS_(__VA_ARGS__))

static struct model_spec queue_of(enum model_kind kind, int64_t maxsize, bool two_point)
{
  return (struct model_spec){.kind = kind, .maxsize = maxsize, .two_point = two_point, .bound = -1};
}

#define FIFO(maxsize) queue_of(MODEL_FIFO, maxsize, false)
#define FIFO2(maxsize) queue_of(MODEL_FIFO, maxsize, true)
#define LIFO(maxsize) queue_of(MODEL_LIFO, maxsize, false)
#define PRIORITY(maxsize) queue_of(MODEL_PRIORITY, maxsize, false)
#define PRIORITY2(maxsize) queue_of(MODEL_PRIORITY, maxsize, true)
#define BAG(maxsize) queue_of(MODEL_BAG, maxsize, false)
#define BAG2(maxsize) queue_of(MODEL_BAG, maxsize, true)
#define SEMAPHORE(value_, bound_) ((struct model_spec){.kind = MODEL_SEMAPHORE, .value = (value_), .bound = (bound_)})
#define FUTURE ((struct model_spec){.kind = MODEL_FUTURE, .bound = -1})

TEST(checker, fifo_order)
{
  ACCEPT(FIFO(0), put(1, 2, 1, 0), put(3, 4, 2, 0), got(5, 6, 1), got(7, 8, 2));
  ACCEPT(FIFO(0), put(1, 4, 1, 0), put(2, 3, 2, 0), got(5, 6, 2), got(7, 8, 1));
  ACCEPT(FIFO(0), put(1, 2, 1, 0), put(3, 4, 2, 0), got(5, 8, 2), got(6, 7, 1));
  ACCEPT(FIFO(0), got(1, 4, 1), put(2, 3, 1, 0));
  ACCEPT(FIFO(0), put(1, 2, 7, 0), put(3, 4, 7, 0), got(5, 6, 7), got(7, 8, 7), get_failed(9, 10, PAWL_EMPTY));
  REJECT(FIFO(0), "no order", put(1, 2, 1, 0), put(3, 4, 2, 0), got(5, 6, 2), got(7, 8, 1));
  REJECT(FIFO(0), "no order", put(1, 2, 1, 0), put(3, 4, 2, 0), got(5, 6, 2));
  REJECT(FIFO(0), "nobody put", put(1, 2, 1, 0), got(3, 4, 9));
  REJECT(FIFO(0), "nobody put", put(1, 2, 1, -ENOMEM), got(3, 4, 1));
  REJECT(FIFO(0), "got twice", put(1, 2, 1, 0), got(3, 4, 1), got(5, 6, 1));
  REJECT(FIFO(0), "no order", got(1, 2, 1), put(3, 4, 1, 0));
}

TEST(checker, answers_that_no_such_operation_has)
{
  REJECT(FIFO(0), "none of its kind", get_failed(1, 2, -1));
  REJECT(FIFO(0), "none of its kind", get_failed(1, 2, PAWL_FULL));
  REJECT(FIFO(1), "none of its kind", put(1, 2, 1, PAWL_EMPTY));
  REJECT(FIFO(0), "none of its kind", call(OP_TASK_DONE, 1, 2, PAWL_STATE));
  REJECT(FIFO(0), "none of its kind", put(1, 2, 1, 0), call(OP_JOIN, 3, 4, PAWL_EMPTY));
  ACCEPT(FIFO(0), put(1, 2, 1, -ENOMEM), put(3, 4, 1, -EAGAIN));
}

TEST(checker, empty_needs_an_empty_instant)
{
  ACCEPT(FIFO(0), get_failed(1, 2, PAWL_EMPTY), put(3, 4, 1, 0));
  ACCEPT(FIFO(0), put(1, 4, 1, 0), get_failed(2, 3, PAWL_EMPTY));
  ACCEPT(FIFO(0), put(1, 2, 1, 0), got(3, 6, 1), get_failed(4, 5, PAWL_EMPTY));
  REJECT(FIFO(0), "EMPTY", put(1, 2, 1, 0), get_failed(3, 4, PAWL_EMPTY));
  REJECT(FIFO(0), "EMPTY", put(1, 2, 1, 0), get_failed(3, 4, PAWL_EMPTY), got(5, 6, 1));
  /* Never empty: 2 goes in before 1 comes out. */
  REJECT(FIFO(0), "EMPTY", put(1, 2, 1, 0), put(3, 4, 2, 0), got(5, 10, 1), got(11, 12, 2), get_failed(6, 9, PAWL_EMPTY));
  /* The naive EMPTY of an unpublished slot before a published one. */
  REJECT(FIFO2(0), "EMPTY", put(1, 10, 1, 0), put(2, 3, 2, 0), get_failed(4, 5, PAWL_EMPTY), got(11, 12, 1), got(13, 14, 2));
}

TEST(checker, full_needs_a_full_instant)
{
  ACCEPT(FIFO(1), put(1, 2, 1, 0), put(3, 4, 2, PAWL_FULL), got(5, 6, 1));
  ACCEPT(FIFO(1), put(1, 2, 1, 0), got(3, 6, 1), put(4, 5, 2, 0));
  REJECT(FIFO(2), "FULL", put(1, 2, 1, 0), put(3, 4, 2, PAWL_FULL));
  REJECT(FIFO(1), "FULL", put(1, 2, 1, 0), got(3, 4, 1), put(5, 6, 2, PAWL_FULL));
  REJECT(FIFO(0), "FULL", put(1, 2, 1, 0), put(3, 4, 2, PAWL_FULL));
  REJECT(FIFO(1), "beyond", put(1, 2, 1, 0), put(3, 4, 2, 0));
  REJECT(FIFO2(1), "beyond", put(1, 2, 1, 0), put(3, 4, 2, 0));
}

/* H11: a put that holds a reservation makes others see FULL before anybody can see its item. */
TEST(checker, two_points_of_a_put)
{
  struct history_op h11[] = {put(1, 12, 1, 0), put(2, 3, 2, PAWL_FULL), get_failed(4, 5, PAWL_EMPTY), got(13, 14, 1)};
  check_history(__LINE__, FIFO2(1), NULL, 4, h11);
  ACCEPT(FIFO2(1), pending(put(1, 0, 1, 0), 0), put(2, 3, 2, PAWL_FULL), get_failed(4, 5, PAWL_EMPTY));
  ACCEPT(FIFO2(1), put(1, 6, 1, PAWL_FULL), put(2, 5, 2, PAWL_FULL), pending(put(1, 0, 3, 0), 0));
  ACCEPT(FIFO2(2), put(1, 2, 1, 0), put(3, 8, 2, 0), put(4, 5, 3, PAWL_FULL), got(6, 7, 1), got(9, 10, 2));
  /* One point only: 1 is in the queue or not. */
  REJECT(FIFO(1), "EMPTY", put(1, 12, 1, 0), get_failed(2, 3, PAWL_EMPTY), put(4, 5, 2, PAWL_FULL),
         get_failed(6, 7, PAWL_EMPTY), got(13, 14, 1));
  ACCEPT(FIFO2(1), put(1, 12, 1, 0), get_failed(2, 3, PAWL_EMPTY), put(4, 5, 2, PAWL_FULL), get_failed(6, 7, PAWL_EMPTY),
         got(13, 14, 1));
  /* Nobody else was in flight; two puts cannot fill a queue for one another; the one in flight had not begun. */
  REJECT(FIFO2(1), "FULL", put(1, 2, 1, PAWL_FULL));
  REJECT(FIFO2(1), "FULL", put(1, 6, 1, PAWL_FULL), put(2, 5, 2, PAWL_FULL));
  REJECT(FIFO2(1), "FULL", put(1, 2, 1, PAWL_FULL), put(3, 4, 2, 0));
  REJECT(FIFO2(2), "FULL", put(1, 6, 1, 0), put(2, 5, 2, PAWL_FULL));
}

/* A get that finds nothing has voided what frozen puts held, and whoever waits for room goes on. */
TEST(checker, voided_reservations_do_not_fill)
{
  ACCEPT(FIFO2(1), pending(put(1, 0, 1, 0), 2), blocked(put(3, 0, 2, 0)));
  ACCEPT(FIFO2(1), pending(put(1, 0, 1, 0), 8), blocked(put(3, 0, 2, 0)), get_failed(4, 5, PAWL_EMPTY));
  ACCEPT(FIFO2(1), pending(put(1, 0, 1, 0), 2), get_failed(4, 8, PAWL_EMPTY), put(5, 7, 2, PAWL_FULL));
  REJECT(FIFO2(1), "wake-up", pending(put(1, 0, 1, 0), 2), blocked(put(3, 0, 2, 0)), get_failed(4, 5, PAWL_EMPTY));
  REJECT(FIFO2(1), "wake-up", pending(put(1, 0, 1, 0), 2), blocked(put(3, 0, 2, 0)), blocked(get_failed(4, 0, 0)));
  REJECT(FIFO2(1), "", pending(put(1, 0, 1, 0), 2), get_failed(4, 5, PAWL_EMPTY), put(6, 7, 2, PAWL_FULL));
}

TEST(checker, pending_operations_may_have_happened)
{
  ACCEPT(FIFO(0), pending(put(1, 0, 1, 0), 0), got(2, 3, 1));
  ACCEPT(FIFO(0), pending(put(1, 0, 1, 0), 0), get_failed(2, 3, PAWL_EMPTY));
  ACCEPT(FIFO(0), put(1, 2, 1, 0), pending(got(3, 0, 0), 0), get_failed(4, 5, PAWL_EMPTY));
  ACCEPT(FIFO(1), put(1, 2, 1, 0), pending(got(3, 0, 0), 0), put(4, 5, 2, 0));
  ACCEPT(FIFO(0), pending(call(OP_CLOSE, 1, 0, 0), 0), put(2, 3, 1, PAWL_SHUTDOWN));
  REJECT(FIFO(0), "nobody put", put(1, 2, 1, 0), pending(put(5, 0, 2, 0), 0), got(3, 4, 3));
  REJECT(FIFO(0), "no order", got(1, 2, 1), pending(put(3, 0, 1, 0), 0), get_failed(4, 5, PAWL_EMPTY));
}

TEST(checker, lost_wake_ups)
{
  ACCEPT(FIFO(1), blocked(got(1, 0, 0)));
  ACCEPT(FIFO(1), put(1, 2, 1, 0), blocked(put(3, 0, 2, 0)));
  ACCEPT(FIFO(1), put(1, 2, 1, 0), got(3, 4, 1), blocked(got(5, 0, 0)), blocked(got(6, 0, 0)));
  ACCEPT(FIFO(0), put(1, 2, 1, 0), blocked(call(OP_JOIN, 3, 0, 0)));
  REJECT(FIFO(1), "wake-up", put(1, 2, 1, 0), blocked(got(1, 0, 0)));
  REJECT(FIFO(1), "wake-up", put(1, 2, 1, 0), got(3, 4, 1), blocked(put(3, 0, 2, 0)));
  REJECT(FIFO(1), "wake-up", blocked(got(1, 0, 0)), blocked(put(1, 0, 1, 0)));
  REJECT(FIFO(0), "wake-up", call(OP_CLOSE, 1, 2, 0), blocked(got(1, 0, 0)));
  REJECT(FIFO(1), "wake-up", put(1, 2, 1, 0), call(OP_CLOSE, 5, 6, 0), blocked(put(3, 0, 2, 0)));
  REJECT(FIFO(1), "wake-up", put(1, 2, 1, 0), operation(OP_RESIZE, 5, 6, 2, 0), blocked(put(3, 0, 2, 0)));
  REJECT(FIFO(0), "wake-up", put(1, 2, 1, 0), call(OP_TASK_DONE, 3, 4, 0), blocked(call(OP_JOIN, 1, 0, 0)));
  /* A put that sleeps may have been counted. */
  ACCEPT(FIFO2(1), put(1, 2, 1, 0), call(OP_TASK_DONE, 3, 4, 0), blocked(put(5, 0, 2, 0)), blocked(call(OP_JOIN, 6, 0, 0)));
  REJECT(FIFO2(1), "wake-up", put(1, 2, 1, 0), call(OP_TASK_DONE, 3, 4, 0), blocked(call(OP_JOIN, 6, 0, 0)));
  /* Each could sleep in some order, both in none: the pending get took the item, or it did not. */
  ACCEPT(FIFO(1), put(1, 2, 1, 0), pending(got(3, 0, 0), 0), blocked(put(4, 0, 2, 0)));
  ACCEPT(FIFO(1), put(1, 2, 1, 0), pending(got(3, 0, 0), 0), blocked(got(4, 0, 0)));
  REJECT(FIFO(1), "wake-up", put(1, 2, 1, 0), pending(got(3, 0, 0), 0), blocked(put(4, 0, 2, 0)), blocked(got(5, 0, 0)));
}

TEST(checker, shutdown)
{
  ACCEPT(FIFO(0), put(1, 2, 1, 0), call(OP_CLOSE, 3, 4, 0), put(5, 6, 2, PAWL_SHUTDOWN), got(7, 8, 1),
         get_failed(9, 10, PAWL_SHUTDOWN));
  ACCEPT(FIFO(0), put(1, 4, 1, 0), call(OP_CLOSE, 2, 3, 0), got(5, 6, 1));
  ACCEPT(FIFO(1), put(1, 2, 1, 0), call(OP_CLOSE, 3, 6, 0), put(4, 5, 2, PAWL_FULL));
  ACCEPT(FIFO2(1), put(1, 8, 1, PAWL_SHUTDOWN), put(2, 3, 2, PAWL_FULL), call(OP_CLOSE, 4, 5, 0));
  REJECT(FIFO(0), "SHUTDOWN though items", put(1, 2, 1, 0), call(OP_CLOSE, 3, 4, 0), get_failed(5, 6, PAWL_SHUTDOWN));
  REJECT(FIFO(0), "SHUTDOWN though items", get_failed(5, 6, PAWL_SHUTDOWN));
  REJECT(FIFO(0), "SHUTDOWN though nobody", put(1, 2, 1, PAWL_SHUTDOWN), call(OP_CLOSE, 3, 4, 0));
  REJECT(FIFO(0), "after shutdown", call(OP_CLOSE, 1, 2, 0), put(3, 4, 1, 0));
  REJECT(FIFO2(0), "after shutdown", call(OP_CLOSE, 1, 2, 0), put(3, 4, 1, 0), got(5, 6, 1));
  REJECT(FIFO(0), "or the queue was shut down", call(OP_CLOSE, 1, 2, 0), get_failed(3, 4, PAWL_EMPTY));
  REJECT(FIFO(1), "FULL", put(1, 2, 1, 0), call(OP_CLOSE, 3, 4, 0), put(5, 6, 2, PAWL_FULL));
}

TEST(checker, whether_it_is_shut_down)
{
  ACCEPT(FIFO(0), call(OP_IS_CLOSED, 1, 2, 0), call(OP_CLOSE, 3, 4, 0), call(OP_IS_CLOSED, 5, 6, 1));
  ACCEPT(FIFO(0), call(OP_CLOSE, 1, 4, 0), call(OP_IS_CLOSED, 2, 3, 1), put(5, 6, 1, PAWL_SHUTDOWN));
  ACCEPT(FIFO(0), call(OP_CLOSE, 1, 4, 0), call(OP_IS_CLOSED, 2, 3, 0), put(5, 6, 1, PAWL_SHUTDOWN));
  REJECT(FIFO(0), "whether it is shut down", call(OP_CLOSE, 1, 2, 0), call(OP_IS_CLOSED, 3, 4, 0));
  REJECT(FIFO(0), "whether it is shut down", call(OP_IS_CLOSED, 1, 2, 1), call(OP_CLOSE, 3, 4, 0));
  REJECT(FIFO(0), "whether it is shut down", call(OP_CLOSE, 1, 6, 0), call(OP_IS_CLOSED, 2, 3, 1), put(4, 5, 1, 0));
}

TEST(checker, a_get_of_several_found_nothing_more)
{
  struct history_op more = get_failed(5, 6, RESULT_NOTHING);
  ACCEPT(FIFO(0), more);
  ACCEPT(FIFO(0), call(OP_CLOSE, 1, 2, 0), more);
  REJECT(FIFO(0), "no order of the operations", put(1, 2, 1, 0), more);
}

TEST(checker, immediate_shutdown)
{
  ACCEPT(FIFO(0), put(1, 2, 1, 0), call(OP_CLOSE_NOW, 3, 4, 0), get_failed(5, 6, PAWL_SHUTDOWN), call(OP_JOIN, 7, 8, 0));
  ACCEPT(FIFO(0), put(1, 2, 1, 0), got(3, 4, 1), call(OP_CLOSE_NOW, 5, 6, 0), call(OP_JOIN, 7, 8, PAWL_TIMEOUT),
         call(OP_TASK_DONE, 9, 10, 0), call(OP_TASK_DONE, 11, 12, -ERANGE));
  /* It drops one by one: another thread may still get the second of two items. */
  ACCEPT(FIFO(0), put(1, 2, 1, 0), put(3, 4, 2, 0), call(OP_CLOSE_NOW, 5, 8, 0), got(6, 7, 2));
  ACCEPT(FIFO(0), put(1, 2, 1, 0), call(OP_CLOSE_NOW, 3, 10, 0), get_failed(4, 5, PAWL_SHUTDOWN), call(OP_TASK_DONE, 6, 7, 0));
  ACCEPT(FIFO(0), put(1, 2, 1, 0), pending(call(OP_CLOSE_NOW, 3, 0, 0), 0), got(4, 5, 1));
  ACCEPT(LIFO(0), put(1, 2, 1, 0), put(3, 4, 2, 0), call(OP_CLOSE_NOW, 5, 8, 0), got(6, 7, 1));
  REJECT(FIFO(0), "no order", put(1, 2, 1, 0), put(3, 4, 2, 0), call(OP_CLOSE_NOW, 5, 10, 0), got(6, 7, 2), got(8, 9, 1));
  REJECT(FIFO(0), "no order", put(1, 2, 1, 0), call(OP_CLOSE_NOW, 3, 4, 0), got(5, 6, 1));
  REJECT(FIFO(0), "join", put(1, 2, 1, 0), call(OP_CLOSE_NOW, 3, 4, 0), call(OP_JOIN, 7, 8, PAWL_TIMEOUT));
  REJECT(FIFO(0), "join", put(1, 2, 1, 0), got(3, 4, 1), call(OP_CLOSE_NOW, 5, 6, 0), call(OP_JOIN, 7, 8, 0));
  REJECT(FIFO(0), "wake-up", put(1, 2, 1, 0), call(OP_CLOSE_NOW, 3, 4, 0), blocked(call(OP_JOIN, 2, 0, 0)));
}

TEST(checker, task_done_and_join)
{
  ACCEPT(FIFO(0), call(OP_JOIN, 1, 2, 0), put(3, 4, 1, 0), call(OP_TASK_DONE, 5, 6, 0), call(OP_JOIN, 7, 8, 0), got(9, 10, 1));
  ACCEPT(FIFO(0), call(OP_TASK_DONE, 1, 2, -ERANGE), put(3, 4, 1, 0), call(OP_JOIN, 5, 6, PAWL_TIMEOUT));
  REJECT(FIFO(0), "join", put(1, 2, 1, 0), got(3, 4, 1), call(OP_JOIN, 5, 6, 0));
  REJECT(FIFO(0), "join", call(OP_JOIN, 5, 6, PAWL_TIMEOUT));
  REJECT(FIFO(0), "-ERANGE", put(1, 2, 1, 0), call(OP_TASK_DONE, 3, 4, -ERANGE));
  REJECT(FIFO(0), "task_done succeeded", put(1, 2, 1, 0), call(OP_TASK_DONE, 3, 4, 0), call(OP_TASK_DONE, 5, 6, 0));
  /* An item counts from its admission, before anybody can get it. */
  ACCEPT(FIFO2(0), put(1, 9, 1, 0), get_failed(2, 3, PAWL_EMPTY), call(OP_JOIN, 4, 5, PAWL_TIMEOUT),
         get_failed(6, 7, PAWL_EMPTY));
  ACCEPT(FIFO2(0), put(1, 9, 1, 0), call(OP_TASK_DONE, 2, 3, 0), get_failed(4, 5, PAWL_EMPTY));
  REJECT(FIFO(0), "", put(1, 9, 1, 0), call(OP_TASK_DONE, 2, 3, 0), get_failed(4, 5, PAWL_EMPTY));
  REJECT(FIFO2(0), "task_done", call(OP_TASK_DONE, 2, 3, 0), put(4, 9, 1, 0));
  /* After a shutdown, join counts every put that may still succeed, unless its task is said to be done already. */
  ACCEPT(FIFO2(0), put(1, 9, 1, 0), call(OP_CLOSE, 2, 3, 0), call(OP_JOIN, 4, 5, PAWL_TIMEOUT));
  ACCEPT(FIFO2(0), put(1, 9, 1, 0), call(OP_CLOSE, 2, 3, 0), call(OP_TASK_DONE, 4, 5, 0), call(OP_JOIN, 6, 7, 0),
         got(10, 11, 1));
  ACCEPT(FIFO2(0), put(1, 9, 1, PAWL_SHUTDOWN), call(OP_CLOSE, 2, 3, 0), call(OP_JOIN, 4, 5, 0));
  ACCEPT(FIFO2(0), put(1, 9, 1, 0), call(OP_CLOSE, 2, 6, 0), call(OP_JOIN, 4, 5, 0));
  REJECT(FIFO2(0), "", put(1, 9, 1, 0), call(OP_CLOSE, 2, 3, 0), call(OP_JOIN, 4, 5, 0));
  REJECT(FIFO2(0), "", put(1, 9, 1, 0), call(OP_CLOSE, 2, 3, 0), call(OP_JOIN, 4, 5, 0), got(10, 11, 1));
  /* A put that fails may have been counted meanwhile, once. */
  ACCEPT(FIFO2(1), put(1, 2, 1, 0), put(3, 9, 2, PAWL_FULL), call(OP_TASK_DONE, 4, 5, 0), call(OP_TASK_DONE, 6, 7, 0),
         call(OP_JOIN, 10, 11, 0));
  ACCEPT(FIFO2(1), put(1, 2, 1, 0), put(3, 9, 2, PAWL_FULL), call(OP_TASK_DONE, 4, 5, 0), call(OP_TASK_DONE, 6, 7, 0),
         got(10, 11, 1), put(12, 13, 3, 0), call(OP_JOIN, 14, 15, PAWL_TIMEOUT), call(OP_TASK_DONE, 16, 17, 0));
  REJECT(FIFO2(1), "", put(1, 2, 1, 0), put(3, 9, 2, PAWL_FULL), call(OP_TASK_DONE, 4, 5, 0), call(OP_TASK_DONE, 6, 7, 0),
         call(OP_TASK_DONE, 10, 11, 0));
  REJECT(FIFO2(1), "", put(1, 2, 1, 0), put(3, 4, 2, PAWL_FULL), call(OP_TASK_DONE, 5, 6, 0), call(OP_TASK_DONE, 7, 8, 0));
}

/* A put that fails is counted until it returns, also after the only instant at which its answer is right: item 2 is in the
 * queue of one place, between times 3 and 8. */
#define FULL_EARLY(returned) put(1, returned, 1, PAWL_FULL), put(2, 3, 2, 0), got(7, 8, 2)
TEST(checker, a_failed_put_counts_until_it_returns)
{
  ACCEPT(FIFO2(1), FULL_EARLY(20), call(OP_TASK_DONE, 9, 10, 0), call(OP_JOIN, 11, 12, PAWL_TIMEOUT));
  ACCEPT(FIFO2(1), FULL_EARLY(20), call(OP_TASK_DONE, 9, 10, 0), call(OP_JOIN, 11, 12, 0));
  ACCEPT(FIFO2(1), FULL_EARLY(20), call(OP_TASK_DONE, 9, 10, 0), call(OP_JOIN, 19, 22, PAWL_TIMEOUT));
  ACCEPT(FIFO2(1), FULL_EARLY(20), call(OP_TASK_DONE, 9, 10, 0), call(OP_JOIN, 21, 22, 0));
  REJECT(FIFO2(1), "join", FULL_EARLY(20), call(OP_TASK_DONE, 9, 10, 0), call(OP_JOIN, 21, 22, PAWL_TIMEOUT));
  REJECT(FIFO2(1), "join", FULL_EARLY(10), call(OP_TASK_DONE, 9, 13, 0), call(OP_JOIN, 14, 15, PAWL_TIMEOUT));
  REJECT(FIFO(1), "join", FULL_EARLY(20), call(OP_TASK_DONE, 9, 10, 0), call(OP_JOIN, 11, 12, PAWL_TIMEOUT));
  /* So a task_done may take that count, one of them. It is then as if one more item might be unfinished. */
  ACCEPT(FIFO2(1), FULL_EARLY(20), call(OP_TASK_DONE, 9, 10, 0), call(OP_TASK_DONE, 11, 12, 0));
  ACCEPT(FIFO2(1), FULL_EARLY(20), call(OP_TASK_DONE, 9, 10, 0), call(OP_TASK_DONE, 11, 12, 0), put(21, 22, 3, 0),
         call(OP_JOIN, 23, 24, PAWL_TIMEOUT), call(OP_TASK_DONE, 25, 26, 0), call(OP_TASK_DONE, 27, 28, -ERANGE));
  ACCEPT(FIFO2(1), FULL_EARLY(20), call(OP_TASK_DONE, 9, 10, 0), call(OP_TASK_DONE, 11, 12, 0), put(21, 22, 3, 0),
         call(OP_JOIN, 23, 24, 0));
  REJECT(FIFO2(1), "task_done", FULL_EARLY(20), call(OP_TASK_DONE, 9, 10, 0), call(OP_TASK_DONE, 11, 12, 0),
         call(OP_TASK_DONE, 13, 14, 0));
  REJECT(FIFO2(1), "task_done", FULL_EARLY(20), call(OP_TASK_DONE, 9, 10, 0), call(OP_TASK_DONE, 21, 22, 0));
  REJECT(FIFO2(1), "", FULL_EARLY(20), call(OP_TASK_DONE, 9, 10, 0), call(OP_TASK_DONE, 11, 12, 0), put(21, 22, 3, 0),
         call(OP_TASK_DONE, 25, 26, 0), call(OP_TASK_DONE, 27, 28, 0));
  /* Taken by a task_done before the put had to return; the join, which comes after its return, does not undo that. */
  ACCEPT(FIFO2(1), FULL_EARLY(20), call(OP_TASK_DONE, 9, 10, 0), call(OP_TASK_DONE, 18, 30, 0), call(OP_JOIN, 21, 22, 0));
  /* Where an operation shows that the put has returned, the others cannot be before and after it. */
  REJECT(FIFO2(1), "", FULL_EARLY(20), call(OP_JOIN, 21, 22, PAWL_TIMEOUT), call(OP_TASK_DONE, 9, 30, 0),
         call(OP_TASK_DONE, 23, 31, 0));
  /* Two that failed: one count is taken, the other goes on until its put returns. */
  ACCEPT(FIFO2(1), FULL_EARLY(20), put(1, 24, 4, PAWL_FULL), call(OP_TASK_DONE, 9, 10, 0), call(OP_TASK_DONE, 11, 12, 0),
         call(OP_JOIN, 22, 23, PAWL_TIMEOUT));
  ACCEPT(FIFO2(1), FULL_EARLY(20), put(1, 24, 4, PAWL_FULL), call(OP_TASK_DONE, 9, 10, 0), call(OP_TASK_DONE, 11, 12, 0),
         call(OP_TASK_DONE, 22, 23, 0));
  REJECT(FIFO2(1), "", FULL_EARLY(20), put(1, 24, 4, PAWL_FULL), call(OP_TASK_DONE, 9, 10, 0), call(OP_TASK_DONE, 11, 12, 0),
         call(OP_JOIN, 25, 26, PAWL_TIMEOUT));
  /* Other failures are no different; who sleeps at the end sleeps beside puts that have returned. */
  ACCEPT(FIFO2(0), call(OP_CLOSE, 2, 3, 0), put(1, 20, 1, PAWL_SHUTDOWN), call(OP_JOIN, 4, 5, PAWL_TIMEOUT));
  ACCEPT(FIFO2(0), put(1, 20, 1, -ENOMEM), call(OP_JOIN, 4, 5, PAWL_TIMEOUT));
  REJECT(FIFO2(0), "join", put(1, 2, 1, -ENOMEM), call(OP_JOIN, 4, 5, PAWL_TIMEOUT));
  REJECT(FIFO2(0), "wake-up", put(1, 20, 1, -ENOMEM), blocked(call(OP_JOIN, 4, 0, 0)));
}

TEST(checker, resize_and_no_memory)
{
  ACCEPT(FIFO(1), put(1, 2, 1, 0), operation(OP_RESIZE, 3, 4, 2, 0), put(5, 6, 2, 0), put(7, 8, 3, PAWL_FULL));
  ACCEPT(FIFO(3), put(1, 2, 1, 0), put(3, 4, 2, 0), operation(OP_RESIZE, 5, 6, 1, 0), got(7, 8, 1), put(9, 10, 3, PAWL_FULL),
         got(11, 12, 2));
  ACCEPT(FIFO(1), put(1, 2, 1, 0), operation(OP_RESIZE, 3, 4, (uint64_t)-1, 0), put(5, 6, 2, 0), put(7, 8, 3, 0));
  ACCEPT(FIFO(1), put(1, 2, 1, 0), operation(OP_RESIZE, 3, 4, 9, -EINVAL), put(5, 6, 2, PAWL_FULL));
  ACCEPT(FIFO(0), put(1, 2, 1, -ENOMEM), get_failed(3, 4, PAWL_EMPTY), get_failed(5, 6, -ENOMEM));
  REJECT(FIFO(2), "beyond", put(1, 2, 1, 0), operation(OP_RESIZE, 3, 4, 1, 0), put(5, 6, 2, 0));
  REJECT(FIFO(2), "", put(1, 2, 1, -EIO));
  REJECT(FIFO(2), "", get_failed(1, 2, -EIO));
}

TEST(checker, lifo_and_priority)
{
  ACCEPT(LIFO(0), put(1, 2, 1, 0), put(3, 4, 2, 0), got(5, 6, 2), put(7, 8, 3, 0), got(9, 10, 3), got(11, 12, 1));
  ACCEPT(LIFO(0), put(1, 4, 1, 0), put(2, 3, 2, 0), got(5, 6, 1), got(7, 8, 2));
  REJECT(LIFO(0), "no order", put(1, 2, 1, 0), put(3, 4, 2, 0), got(5, 6, 1), got(7, 8, 2));
  REJECT(LIFO(0), "EMPTY", put(1, 2, 1, 0), get_failed(3, 4, PAWL_EMPTY));
  REJECT(LIFO(1), "FULL", put(1, 2, 1, 0), got(3, 4, 1), put(5, 6, 2, PAWL_FULL));
  REJECT(LIFO(1), "wake-up", put(1, 2, 1, 0), got(3, 4, 1), blocked(put(3, 0, 2, 0)));
  ACCEPT(PRIORITY(0), put_key(1, 2, 1, 9), put_key(3, 4, 2, 5), put_key(5, 6, 3, 5), got(7, 8, 2), got(9, 10, 3),
         got(11, 12, 1));
  ACCEPT(PRIORITY(0), put_key(1, 4, 1, 5), put_key(2, 3, 2, 5), got(7, 8, 2), got(9, 10, 1));
  REJECT(PRIORITY(0), "no order", put_key(1, 2, 1, 9), put_key(3, 4, 2, 5), got(5, 6, 1));
  REJECT(PRIORITY(0), "no order", put_key(1, 2, 1, 5), put_key(3, 4, 2, 5), got(5, 6, 2), got(7, 8, 1));
  REJECT(PRIORITY(0), "EMPTY", put_key(1, 2, 1, 5), get_failed(3, 4, PAWL_EMPTY));
}

TEST(checker, priority_with_all_the_rest)
{
  /* Keys are signed. */
  ACCEPT(PRIORITY(0), put_key(1, 2, 1, 0), put_key(3, 4, 2, -1), put_key(5, 6, 3, INT64_MIN), got(7, 8, 3), got(9, 10, 2));
  REJECT(PRIORITY(0), "no order", put_key(1, 2, 1, 0), put_key(3, 4, 2, -1), got(5, 6, 1));
  /* A put between two gets: where it goes in depends on its key. */
  ACCEPT(PRIORITY(2), put_key(1, 2, 1, 5), put_key(3, 4, 2, 7), got(5, 6, 1), put_key(7, 8, 3, 6), got(9, 10, 3),
         got(11, 12, 2));
  REJECT(PRIORITY(2), "no order", put_key(1, 2, 1, 5), put_key(3, 4, 2, 7), got(5, 6, 1), put_key(7, 8, 3, 7), got(9, 10, 3));
  /* Bound, shrink, and what an immediate shutdown leaves: it drops the lowest first. */
  REJECT(PRIORITY(1), "beyond", put_key(1, 2, 1, 5), put_key(3, 4, 2, 1));
  ACCEPT(PRIORITY(2), put_key(1, 2, 1, 5), put_key(3, 4, 2, 1), operation(OP_RESIZE, 5, 6, 1, 0), got(7, 8, 2),
         put(9, 10, 3, PAWL_FULL), got(11, 12, 1));
  ACCEPT(PRIORITY(0), put_key(1, 2, 1, 5), put_key(3, 4, 2, 1), call(OP_CLOSE_NOW, 5, 8, 0), got(6, 7, 1));
  REJECT(PRIORITY(0), "no order", put_key(1, 2, 1, 5), put_key(3, 4, 2, 1), call(OP_CLOSE_NOW, 5, 10, 0), got(6, 7, 1),
         got(8, 9, 2));
  /* The order of equal keys is that of publications. A put that reserved before a shutdown may publish after it, and first. */
  ACCEPT(PRIORITY2(2), put_key(1, 10, 1, 5), put_key(2, 3, 2, 5), got(11, 12, 2), got(13, 14, 1));
  ACCEPT(PRIORITY2(2), put_key(1, 10, 1, 4), put_key(2, 3, 2, 5), call(OP_CLOSE, 4, 5, 0), got(11, 12, 1), got(13, 14, 2));
  REJECT(PRIORITY2(2), "no order", put_key(1, 10, 1, 4), put_key(2, 3, 2, 5), call(OP_CLOSE, 4, 5, 0), got(11, 12, 2));
  REJECT(PRIORITY2(1), "FULL", put_key(1, 2, 1, 5), got(3, 4, 1), put(5, 6, 2, PAWL_FULL));
}

TEST(checker, a_get_may_tell_the_key)
{
  ACCEPT(PRIORITY(0), put_key(1, 2, 1, 5), got_key(3, 4, 1, 5));
  ACCEPT(BAG(0), put_key(1, 2, 1, 5), put_key(3, 4, 2, -5), got_key(5, 6, 2, -5), got_key(7, 8, 1, 5));
  REJECT(PRIORITY(0), "told a key", put_key(1, 2, 1, 5), got_key(3, 4, 1, 6));
  REJECT(BAG(0), "told a key", put_key(1, 2, 1, 5), put_key(3, 4, 2, -5), got_key(5, 6, 2, 5), got_key(7, 8, 1, -5));
}

TEST(checker, bag)
{
  ACCEPT(BAG(0), put(1, 2, 1, 0), put(3, 4, 2, 0), put(5, 6, 3, 0), got(7, 8, 2), got(9, 10, 1), got(11, 12, 3),
         get_failed(13, 14, PAWL_EMPTY));
  ACCEPT(BAG(2), put(1, 2, 1, 0), put(3, 4, 2, 0), got(5, 6, 2), put(7, 8, 3, 0), put(9, 10, 4, PAWL_FULL), got(11, 12, 3));
  REJECT(BAG(0), "got twice", put(1, 2, 1, 0), put(3, 4, 2, 0), got(5, 6, 2), got(7, 8, 2));
  REJECT(BAG(0), "nobody put", put(1, 2, 1, 0), got(3, 4, 2));
  REJECT(BAG(0), "no order", got(1, 2, 1), put(3, 4, 1, 0));
  REJECT(BAG(0), "EMPTY", put(1, 2, 1, 0), put(3, 4, 2, 0), got(5, 6, 2), get_failed(7, 8, PAWL_EMPTY));
  REJECT(BAG(2), "FULL", put(1, 2, 1, 0), put(3, 4, 2, 0), got(5, 6, 2), put(7, 8, 3, PAWL_FULL));
  REJECT(BAG(1), "beyond", put(1, 2, 1, 0), put(3, 4, 2, 0));
  REJECT(BAG(0), "SHUTDOWN though items", put(1, 2, 1, 0), call(OP_CLOSE, 3, 4, 0), get_failed(5, 6, PAWL_SHUTDOWN));
  REJECT(BAG(0), "after shutdown", call(OP_CLOSE, 1, 2, 0), put(3, 4, 1, 0));
  REJECT(BAG(1), "wake-up", put(1, 2, 1, 0), blocked(got(1, 0, 0)));
  /* Which item a frozen get took shows later, and so does what an immediate shutdown has dropped. */
  ACCEPT(BAG(0), put(1, 2, 1, 0), put(3, 4, 2, 0), pending(got(5, 0, 0), 0), got(6, 7, 2), get_failed(8, 9, PAWL_EMPTY));
  ACCEPT(BAG(0), put(1, 2, 1, 0), put(3, 4, 2, 0), pending(got(5, 0, 0), 0), got(6, 7, 1), get_failed(8, 9, PAWL_EMPTY));
  ACCEPT(BAG(2), put(1, 2, 1, 0), put(3, 4, 2, 0), pending(got(5, 0, 0), 0), put(6, 7, 3, 0), got(8, 9, 1), got(10, 11, 3));
  ACCEPT(BAG(2), put(1, 2, 1, 0), put(3, 4, 2, 0), pending(got(5, 0, 0), 0), put(6, 7, 3, 0), got(8, 9, 2), got(10, 11, 3));
  REJECT(BAG(0), "EMPTY", put(1, 2, 1, 0), put(3, 4, 2, 0), put(3, 4, 3, 0), pending(got(5, 0, 0), 0), got(6, 7, 2),
         get_failed(8, 9, PAWL_EMPTY));
  ACCEPT(BAG(0), put(1, 2, 1, 0), put(3, 4, 2, 0), put(3, 4, 3, 0), call(OP_CLOSE_NOW, 5, 10, 0), got(6, 7, 2),
         get_failed(8, 9, PAWL_SHUTDOWN));
  REJECT(BAG(0), "no order", put(1, 2, 1, 0), call(OP_CLOSE_NOW, 3, 4, 0), got(5, 6, 1));
  /* Two points, as in the other orders. */
  ACCEPT(BAG2(1), put(1, 12, 1, 0), put(2, 3, 2, PAWL_FULL), get_failed(4, 5, PAWL_EMPTY), got(13, 14, 1));
  REJECT(BAG2(1), "FULL", put(1, 2, 1, PAWL_FULL));
}

/* A put whose comparison failed: the item is inside, where is nobody's promise. */
TEST(checker, a_failed_comparison_puts)
{
  ACCEPT(BAG(1), put(1, 2, 1, PAWL_COMPARE), put(3, 4, 2, PAWL_FULL), got(5, 6, 1));
  ACCEPT(BAG(0), put(1, 2, 1, PAWL_COMPARE), call(OP_JOIN, 3, 4, PAWL_TIMEOUT), call(OP_TASK_DONE, 5, 6, 0),
         call(OP_JOIN, 7, 8, 0));
  REJECT(BAG(0), "EMPTY", put(1, 2, 1, PAWL_COMPARE), get_failed(3, 4, PAWL_EMPTY));
  REJECT(BAG(1), "beyond", put(1, 2, 1, 0), put(3, 4, 2, PAWL_COMPARE));
  REJECT(BAG(0), "after shutdown", call(OP_CLOSE, 1, 2, 0), put(3, 4, 1, PAWL_COMPARE));
  REJECT(BAG(0), "wake-up", put(1, 2, 1, PAWL_COMPARE), blocked(got(1, 0, 0)));
  REJECT(PRIORITY(0), "none of its kind", put(1, 2, 1, PAWL_COMPARE));
}

TEST(checker, peek)
{
  struct history_op empty = call(OP_PEEK, 3, 4, PAWL_EMPTY), shut = call(OP_PEEK, 5, 6, PAWL_SHUTDOWN);
  ACCEPT(FIFO(0), put(1, 2, 1, 0), put(3, 4, 2, 0), peeked(5, 6, 1), peeked(7, 8, 1), got(9, 10, 1), peeked(11, 12, 2));
  ACCEPT(LIFO(0), put(1, 2, 1, 0), put(3, 4, 2, 0), peeked(5, 6, 2), got(7, 8, 2), peeked(9, 10, 1));
  ACCEPT(PRIORITY(0), put_key(1, 2, 1, 5), put_key(3, 4, 2, 4), peeked(5, 6, 2), got(7, 8, 2), peeked(9, 10, 1));
  ACCEPT(BAG(0), put(1, 2, 1, 0), put(3, 4, 2, 0), peeked(5, 6, 2), peeked(7, 8, 1), got(9, 10, 2));
  ACCEPT(FIFO(0), put(1, 2, 1, 0), got(3, 6, 1), peeked(4, 5, 1));
  ACCEPT(FIFO(0), empty, put(5, 6, 1, 0));
  ACCEPT(FIFO(0), call(OP_CLOSE, 1, 2, 0), shut);
  ACCEPT(FIFO(0), call(OP_PEEK, 1, 2, -ENOMEM));
  ACCEPT(FIFO(0), put(1, 2, 1, 0), pending(call(OP_PEEK, 3, 0, 0), 0), got(4, 5, 1));
  REJECT(FIFO(0), "peek", put(1, 2, 1, 0), put(3, 4, 2, 0), peeked(5, 6, 2));
  REJECT(LIFO(0), "peek", put(1, 2, 1, 0), put(3, 4, 2, 0), peeked(5, 6, 1));
  REJECT(PRIORITY(0), "peek", put_key(1, 2, 1, 5), put_key(3, 4, 2, 4), peeked(5, 6, 1));
  REJECT(BAG(0), "peek", put(1, 2, 1, 0), put(3, 4, 2, 0), got(5, 6, 1), peeked(7, 8, 1));
  REJECT(FIFO(0), "peek", put(1, 2, 1, 0), got(3, 4, 1), peeked(5, 6, 1));
  REJECT(FIFO(0), "peek", peeked(1, 2, 1), put(3, 4, 1, 0));
  REJECT(FIFO(0), "peek", put(1, 2, 1, 0), empty);
  REJECT(FIFO(0), "peek", put(1, 2, 1, 0), call(OP_CLOSE, 3, 4, 0), shut);
  REJECT(FIFO(0), "peek", call(OP_CLOSE, 1, 2, 0), empty);
  REJECT(FIFO(0), "peek", shut);
  REJECT(FIFO(0), "none of its kind", call(OP_PEEK, 1, 2, PAWL_FULL));
  /* What a peek showed first is got first, though both puts were under way. */
  REJECT(FIFO(0), "peek", put(1, 10, 1, 0), put(2, 9, 2, 0), peeked(5, 6, 1), got(11, 12, 2), got(13, 14, 1));
  /* An EMPTY takes no reservation away: that of the put under way outlives the shutdown. */
  ACCEPT(FIFO2(0), put(1, 9, 1, 0), call(OP_CLOSE, 2, 3, 0), call(OP_PEEK, 4, 5, PAWL_SHUTDOWN), got(10, 11, 1));
  REJECT(FIFO2(0), "", put(1, 9, 1, 0), call(OP_CLOSE, 2, 3, 0), get_failed(4, 5, PAWL_SHUTDOWN), got(10, 11, 1));
}

TEST(checker, semaphore)
{
  ACCEPT(SEMAPHORE(1, -1), call(OP_ACQUIRE, 1, 2, 0), call(OP_ACQUIRE, 3, 4, PAWL_TIMEOUT), operation(OP_RELEASE, 5, 6, 2, 0),
         call(OP_ACQUIRE, 7, 8, 0), call(OP_ACQUIRE, 9, 10, 0), blocked(call(OP_ACQUIRE, 11, 0, 0)));
  ACCEPT(SEMAPHORE(1, 1), operation(OP_RELEASE, 1, 2, 1, -ERANGE), call(OP_ACQUIRE, 3, 4, 0),
         operation(OP_RELEASE, 5, 6, 1, 0));
  ACCEPT(SEMAPHORE(0, -1), pending(operation(OP_RELEASE, 1, 0, 1, 0), 0), call(OP_ACQUIRE, 2, 3, 0));
  REJECT(SEMAPHORE(1, -1), "acquire succeeded", call(OP_ACQUIRE, 1, 4, 0), call(OP_ACQUIRE, 2, 3, 0));
  REJECT(SEMAPHORE(1, -1), "acquire timed out", call(OP_ACQUIRE, 1, 2, PAWL_TIMEOUT));
  REJECT(SEMAPHORE(1, 1), "release", operation(OP_RELEASE, 1, 2, 1, 0));
  REJECT(SEMAPHORE(1, 2), "release", operation(OP_RELEASE, 1, 2, 1, -ERANGE));
  REJECT(SEMAPHORE(0, -1), "wake-up", operation(OP_RELEASE, 1, 2, 1, 0), blocked(call(OP_ACQUIRE, 1, 0, 0)));
  REJECT(SEMAPHORE(0, -1), "wake-up", operation(OP_RELEASE, 1, 2, 2, 0), call(OP_ACQUIRE, 1, 4, 0),
         blocked(call(OP_ACQUIRE, 1, 0, 0)));
}

TEST(checker, future)
{
  ACCEPT(FUTURE, result_of(1, 2, PAWL_TIMEOUT, 0), operation(OP_SET, 3, 4, 7, 0), operation(OP_SET, 5, 6, 8, PAWL_STATE),
         call(OP_CANCEL, 7, 8, 0), result_of(9, 10, 0, 7));
  ACCEPT(FUTURE, call(OP_CANCEL, 1, 2, 1), call(OP_CANCEL, 3, 4, 1), operation(OP_SET, 5, 6, 7, PAWL_STATE),
         result_of(7, 8, PAWL_CANCELLED, 0));
  ACCEPT(FUTURE, blocked(result_of(1, 0, 0, 0)));
  REJECT(FUTURE, "set twice", operation(OP_SET, 1, 4, 7, 0), operation(OP_SET, 2, 3, 8, 0));
  REJECT(FUTURE, "", operation(OP_SET, 1, 4, 7, 0), call(OP_CANCEL, 2, 3, 1));
  REJECT(FUTURE, "cancel", operation(OP_SET, 1, 4, 7, 0), call(OP_CANCEL, 5, 6, 1));
  REJECT(FUTURE, "result", operation(OP_SET, 1, 4, 7, 0), result_of(5, 6, 0, 8));
  REJECT(FUTURE, "result", operation(OP_SET, 1, 4, 7, 0), result_of(5, 6, PAWL_TIMEOUT, 8));
  REJECT(FUTURE, "wake-up", operation(OP_SET, 1, 4, 7, 0), blocked(result_of(1, 0, 0, 0)));
}

TEST(checker, precedence_is_what_before_says)
{
  struct model_spec spec = FIFO(0);
  struct history h = {.n = 2, .op = {put(1, 2, 1, 0), get_failed(3, 4, PAWL_EMPTY)}};
  const char *why;
  CHECK(history_check(&h, &spec, &why)); /* no happens-before: the get may come first */
  h.op[1].before = 1;
  CHECK(!history_check(&h, &spec, &why));
  CHECK(!history_check(&h, &spec, NULL));
}

/*
 * The same question answered by trying everything: all orders, the state copied at each step, nothing remembered, nothing
 * clever. Shares no code with checker.c.
 */
struct naive {
  struct history_op queue[16]; /* in the order of getting */
  int n;
  int64_t maxsize, value;
  bool closed, ahead;
  int puts, finished, lapsed, dropped, outcome;
  bool begun[16], granted[16];
  bool failed[16]; /* puts that have failed and may not have returned */
  int64_t limit;   /* of the puts granted */
};

struct naive_search {
  const struct history *h;
  const struct model_spec *spec;
};

static int naive_flights(const struct naive_search *s, uint64_t used, int self, bool pending_only)
{
  int n = 0;
  for (int i = 0; i < s->h->n; i++) {
    const struct history_op *op = &s->h->op[i];
    bool candidate = op->kind == OP_PUT && i != self && (used >> i & 1) == 0 && (op->before & ~used) == 0;
    n += candidate && (!pending_only || op->phase == OP_PENDING);
  }
  return s->spec->two_point ? n : 0;
}

static void naive_insert(const struct naive_search *s, struct naive *m, struct history_op op)
{
  int at = 0;
  if (s->spec->kind == MODEL_FIFO || s->spec->kind == MODEL_BAG)
    at = m->n;
  if (s->spec->kind == MODEL_PRIORITY) {
    while (at < m->n && m->queue[at].key <= op.key)
      at++;
  }
  for (int i = m->n++; i > at; i--)
    m->queue[i] = m->queue[i - 1];
  m->queue[at] = op;
}

static struct history_op naive_remove(struct naive *m, int which)
{
  struct history_op item = m->queue[which];
  m->n--;
  for (int i = which; i < m->n; i++)
    m->queue[i] = m->queue[i + 1];
  return item;
}

/* How many items may be the next to go. */
static int naive_choices(const struct naive_search *s, const struct naive *m)
{
  return s->spec->kind == MODEL_BAG ? m->n : m->n > 0;
}

static bool naive_told(const struct history_op *op, const struct history_op *item)
{
  return item->arg == op->out && (!op->keyed || item->key == op->key);
}

static void naive_count_dropped(struct naive *m)
{
  m->dropped--;
  if (m->finished < m->puts)
    m->finished++;
}

static bool naive_others_closing(const struct naive_search *s, const struct naive *m, uint64_t used, int self)
{
  for (int i = 0; i < s->h->n; i++) {
    if (i != self && m->begun[i] && (used >> i & 1) == 0)
      return true;
  }
  return false;
}

static void naive_grant(const struct naive_search *s, struct naive *m, uint64_t used)
{
  bool any = false;
  if (!s->spec->two_point || m->closed)
    return;
  for (int i = 0; i < s->h->n; i++)
    any |= m->granted[i];
  if (!any || m->maxsize <= 0 || (m->limit > 0 && m->limit < m->maxsize))
    m->limit = m->maxsize;
  for (int i = 0; i < s->h->n; i++) {
    const struct history_op *op = &s->h->op[i];
    m->granted[i] |= op->kind == OP_PUT && (used >> i & 1) == 0 && (op->before & ~used) == 0;
  }
}

static int naive_admitted(const struct naive_search *s, const struct naive *m, uint64_t used)
{
  int n = m->puts + m->lapsed + naive_flights(s, used, -1, false);
  for (int i = 0; i < s->h->n; i++)
    n += m->failed[i];
  return n;
}

/* May operation i, with this result, happen now, upon item `which`? Does it. */
static bool naive_step(const struct naive_search *s, struct naive *m, uint64_t used, int i, int which)
{
  const struct history_op *op = &s->h->op[i];
  struct history_op item;
  int r = op->phase == OP_PENDING ? (op->kind == OP_CANCEL ? 1 : 0) : op->result;
  int flights = naive_flights(s, used, i, false);
  for (int k = 0; k < s->h->n; k++)
    m->failed[k] &= (op->before >> k & 1) == 0;
  switch (op->kind) {
  case OP_PUT:
    if (r == PAWL_COMPARE && s->spec->kind == MODEL_BAG)
      r = 0;
    m->failed[i] = s->spec->two_point && r != 0;
    if (r == PAWL_FULL)
      return !m->closed && m->maxsize > 0 && m->n + flights >= m->maxsize;
    if (r == PAWL_SHUTDOWN)
      return m->closed;
    if (r != 0)
      return r == -ENOMEM;
    if (m->closed || (m->maxsize > 0 && m->n >= m->maxsize)) {
      if (!m->granted[i] || (m->limit > 0 && m->n >= m->limit))
        return false;
    }
    naive_insert(s, m, *op);
    m->puts++;
    return true;
  case OP_GET:
    if (r != 0)
      memset(m->granted, 0, sizeof(m->granted));
    if (r == PAWL_EMPTY)
      return m->n == 0 && !m->closed;
    if (r == PAWL_SHUTDOWN)
      return m->n == 0 && m->closed;
    if (r != 0 || which >= m->n)
      return false;
    item = naive_remove(m, which);
    return op->phase == OP_PENDING || naive_told(op, &item);
  case OP_PEEK:
    if (r == PAWL_EMPTY || r == PAWL_SHUTDOWN)
      return m->n == 0 && m->closed == (r == PAWL_SHUTDOWN);
    return r == 0 && which < m->n && naive_told(op, &m->queue[which]);
  case OP_TASK_DONE:
    if (r != 0)
      return r == -ERANGE && m->finished >= m->puts;
    m->ahead |= m->finished >= m->puts;
    return m->finished++ < naive_admitted(s, m, used);
  case OP_JOIN:
    if (r == 0 && m->closed && !m->ahead)
      memset(m->granted, 0, sizeof(m->granted));
    if (r == 0)
      return m->finished >= m->puts;
    return r == PAWL_TIMEOUT && m->finished < naive_admitted(s, m, used);
  case OP_CLOSE:
    naive_grant(s, m, used);
    m->closed = true;
    return true;
  case OP_CLOSE_NOW:
    naive_grant(s, m, used);
    m->closed = true;
    if (!m->begun[i]) {
      m->begun[i] = true;
      return true;
    }
    memset(m->granted, 0, sizeof(m->granted));
    m->dropped += m->n;
    m->n = 0;
    while (m->dropped > 0 && !naive_others_closing(s, m, used, i))
      naive_count_dropped(m);
    return true;
  case OP_RESIZE:
    naive_grant(s, m, used);
    m->maxsize = (int64_t)op->arg;
    return true;
  case OP_ACQUIRE:
    return r == 0 ? m->value-- > 0 : r == PAWL_TIMEOUT && m->value <= 0;
  case OP_RELEASE:
    if (s->spec->bound >= 0 && m->value + (int64_t)op->arg > s->spec->bound)
      return r == -ERANGE;
    m->value += (int64_t)op->arg;
    return r == 0;
  case OP_SET:
    if (m->outcome != 0)
      return r == PAWL_STATE;
    m->outcome = 1;
    m->value = (int64_t)op->arg;
    return r == 0;
  case OP_CANCEL:
    if (m->outcome == 1)
      return r == 0;
    m->outcome = 2;
    return r == 1;
  default:
    if (r == PAWL_TIMEOUT)
      return m->outcome == 0;
    return r == 0 ? m->outcome == 1 && (uint64_t)m->value == op->out : r == PAWL_CANCELLED && m->outcome == 2;
  }
}

static bool naive_enabled(const struct naive_search *s, const struct naive *m, uint64_t used, int i)
{
  int flights = naive_flights(s, used, i, true);
  switch (s->h->op[i].kind) {
  case OP_PUT:
    return m->closed || !(m->maxsize > 0 && m->n + flights >= m->maxsize);
  case OP_GET:
    return m->closed || m->n > 0;
  case OP_JOIN:
    return m->finished >= m->puts && m->finished >= m->puts + m->lapsed + naive_flights(s, used, i, false);
  case OP_ACQUIRE:
    return m->value > 0;
  default:
    return m->outcome != 0;
  }
}

static bool naive_search(const struct naive_search *s, uint64_t used, struct naive m);

/* Goes on behind a step. If a task_done has run ahead, any of the failed puts may be the one whose count it has taken. */
static bool naive_lapse(const struct naive_search *s, uint64_t used, struct naive m)
{
  bool any = false;
  for (int i = 0; i < s->h->n && m.finished > m.puts + m.lapsed; i++) {
    struct naive next = m;
    any |= m.failed[i];
    if (!m.failed[i])
      continue;
    next.failed[i] = false;
    next.lapsed++;
    if (naive_search(s, used, next))
      return true;
  }
  return !any && naive_search(s, used, m);
}

static bool naive_search(const struct naive_search *s, uint64_t used, struct naive m)
{
  bool over = true, closing = false;
  for (int i = 0; i < s->h->n; i++) {
    enum history_phase phase = s->h->op[i].phase;
    over &= phase != OP_DONE || (used >> i & 1) != 0;
    over &= phase != OP_BLOCKED || !naive_enabled(s, &m, used, i);
    closing |= m.begun[i] && (used >> i & 1) == 0;
  }
  if (over)
    return true;
  for (int i = 0; i < s->h->n; i++) {
    const struct history_op *op = &s->h->op[i];
    if (op->phase == OP_BLOCKED || (used >> i & 1) != 0 || (op->before & ~used) != 0)
      continue;
    if (op->phase == OP_PENDING && (op->kind == OP_JOIN || op->kind == OP_RESULT || op->kind == OP_PEEK))
      continue;
    bool half = op->kind == OP_CLOSE_NOW && !m.begun[i];
    int which = 0;
    do {
      struct naive next = m;
      if (naive_step(s, &next, used, i, which) && naive_lapse(s, half ? used : used | (uint64_t)1 << i, next))
        return true;
    } while ((op->kind == OP_GET || op->kind == OP_PEEK) && ++which < naive_choices(s, &m));
  }
  for (int which = 0; closing && which < naive_choices(s, &m); which++) {
    struct naive next = m;
    naive_remove(&next, which);
    next.dropped++;
    if (naive_search(s, used, next))
      return true;
  }
  if (closing && m.dropped > 0) {
    naive_count_dropped(&m);
    return naive_search(s, used, m);
  }
  return false;
}

static bool naive_check(const struct history *h, const struct model_spec *spec)
{
  struct naive_search s = {h, spec};
  return naive_search(&s, 0,
                      (struct naive){.maxsize = spec->maxsize, .value = spec->kind == MODEL_SEMAPHORE ? spec->value : 0});
}

/*
 * Correct histories at random: a few threads, each operation with an invocation, an effect (two points for a bounded put
 * and for an immediate shutdown) and a return, in any interleaving; some are left in the middle, some asleep.
 */
struct run {
  struct history h;
  struct naive m;
  struct model_spec spec;
  int current[4]; /* each thread's operation, or -1 */
  enum { RUN_INVOKED, RUN_HALF, RUN_OVER } at[4];
  bool waits[HISTORY_MAX];
  int reserved;
  uint64_t clock, random;
};

enum { RUN_THREADS = 3 };

static int pick(struct run *run, int n)
{
  return (int)((test_random(&run->random) >> 20) % (uint64_t)n);
}

static void run_invoke(struct run *run, int thread)
{
  static const uint8_t queue_ops[] = {OP_PUT, OP_PUT,  OP_PUT,  OP_PUT,  OP_PUT,       OP_GET,   OP_GET,       OP_GET,   OP_GET,
                                      OP_GET, OP_PEEK, OP_PEEK, OP_JOIN, OP_TASK_DONE, OP_CLOSE, OP_CLOSE_NOW, OP_RESIZE};
  static const uint8_t semaphore_ops[] = {OP_ACQUIRE, OP_RELEASE};
  static const uint8_t future_ops[] = {OP_SET, OP_CANCEL, OP_RESULT, OP_RESULT};
  int i = run->h.n++;
  struct history_op *op = &run->h.op[i];
  *op = (struct history_op){.thread = (uint8_t)thread, .phase = OP_PENDING, .invoked = ++run->clock};
  if (run->spec.kind == MODEL_SEMAPHORE)
    op->kind = semaphore_ops[pick(run, 2)];
  else if (run->spec.kind == MODEL_FUTURE)
    op->kind = future_ops[pick(run, 4)];
  else
    op->kind = queue_ops[pick(run, sizeof(queue_ops))];
  op->arg = op->kind == OP_RESIZE    ? (uint64_t)pick(run, 4)
            : op->kind == OP_RELEASE ? (uint64_t)pick(run, 3)
                                     : (uint64_t)(10 + i);
  op->key = op->kind == OP_PUT ? pick(run, 3) - 1 : 0;
  run->waits[i] = op->kind != OP_PEEK && pick(run, 2) == 0;
  run->current[thread] = i;
  run->at[thread] = RUN_INVOKED;
}

/* A get that finds nothing takes all reservations away. */
static void run_void(struct run *run)
{
  run->reserved = 0;
  for (int t = 0; t < RUN_THREADS; t++) {
    if (run->current[t] >= 0 && run->at[t] == RUN_HALF && run->h.op[run->current[t]].kind == OP_PUT)
      run->at[t] = RUN_INVOKED;
  }
}

static void run_put(struct run *run, int thread, struct history_op *op)
{
  if (run->at[thread] == RUN_HALF) {
    run->reserved--;
    op->result = run->spec.kind == MODEL_BAG && run->waits[op - run->h.op] ? PAWL_COMPARE : 0;
    naive_insert(&(struct naive_search){&run->h, &run->spec}, &run->m, *op);
    run->m.puts++;
    run->at[thread] = RUN_OVER;
  } else if (run->m.closed) {
    op->result = PAWL_SHUTDOWN;
    run->at[thread] = RUN_OVER;
  } else if (run->m.maxsize <= 0 || run->m.n + run->reserved < run->m.maxsize) {
    run->reserved++;
    run->at[thread] = RUN_HALF;
    if (!run->spec.two_point)
      run_put(run, thread, op);
  } else if (!run->waits[op - run->h.op]) {
    op->result = PAWL_FULL;
    run->at[thread] = RUN_OVER;
  }
}

/* Which item goes next. */
static int run_which(struct run *run)
{
  int n = naive_choices(&(struct naive_search){&run->h, &run->spec}, &run->m);
  return n > 1 ? pick(run, n) : 0;
}

/* Some gets and peeks tell the key. */
static void run_tell(struct history_op *op, const struct naive *m, int which)
{
  op->keyed = op->invoked % 2 == 0 && m->n > 0;
  op->out = m->n > 0 ? m->queue[which].arg : 0;
  op->key = op->keyed ? m->queue[which].key : 0;
}

/* The operations of one point: the first result that the model allows. */
static void run_simple(struct run *run, int thread, struct history_op *op)
{
  static const int results[] = {0, 1, PAWL_SHUTDOWN, PAWL_CANCELLED, PAWL_STATE, -ERANGE, PAWL_EMPTY, PAWL_TIMEOUT};
  struct naive_search s = {&run->h, &run->spec};
  struct model_spec one_point = run->spec;
  one_point.two_point = false;
  s.spec = &one_point;
  op->phase = OP_DONE;
  int which = run_which(run);
  for (size_t k = 0; k < sizeof(results) / sizeof(results[0]); k++) {
    struct naive next = run->m;
    op->result = results[k];
    op->out = (uint64_t)next.value;
    if (op->kind == OP_GET || op->kind == OP_PEEK)
      run_tell(op, &next, which);
    bool gives_up = results[k] == PAWL_EMPTY || results[k] == PAWL_TIMEOUT;
    if ((results[k] == 1 && op->kind != OP_CANCEL) || (gives_up && run->waits[op - run->h.op]))
      continue;
    if (op->kind == OP_JOIN && results[k] == 0 && run->m.closed && run->reserved > 0)
      continue; /* it counts puts that may still succeed */
    if (!naive_step(&s, &next, 0, (int)(op - run->h.op), which))
      continue;
    run->m = next;
    run->at[thread] = RUN_OVER;
    if (op->kind == OP_GET && op->result != 0)
      run_void(run);
    break;
  }
  op->phase = OP_PENDING;
}

static void run_close_now(struct run *run, int thread)
{
  run->m.closed = true;
  if (run->at[thread] == RUN_INVOKED) {
    run->at[thread] = RUN_HALF;
  } else if (run->m.n > 0) {
    naive_remove(&run->m, run_which(run));
    run->m.dropped++;
  } else if (run->m.dropped > 0) {
    naive_count_dropped(&run->m);
  } else if (run->reserved > 0) {
    run_void(run);
  } else {
    run->at[thread] = RUN_OVER;
  }
}

static void run_effect(struct run *run, int thread)
{
  struct history_op *op = &run->h.op[run->current[thread]];
  if (op->kind == OP_PUT)
    run_put(run, thread, op);
  else if (op->kind == OP_CLOSE_NOW)
    run_close_now(run, thread);
  else
    run_simple(run, thread, op);
}

static void run_return(struct run *run, int thread)
{
  struct history_op *op = &run->h.op[run->current[thread]];
  op->phase = OP_DONE;
  op->returned = ++run->clock;
  run->current[thread] = -1;
}

/* At the end: who can go on does, once around is not enough; who cannot is asleep. Or the run just stops. */
static void run_end(struct run *run)
{
  if (pick(run, 3) == 0)
    return;
  for (int round = 0; round < 40; round++) {
    int t = round % RUN_THREADS;
    if (run->current[t] >= 0 && run->at[t] != RUN_OVER)
      run_effect(run, t);
  }
  for (int t = 0; t < RUN_THREADS; t++) {
    if (run->current[t] >= 0 && run->at[t] == RUN_OVER)
      run_return(run, t);
    else if (run->current[t] >= 0 && run->at[t] == RUN_INVOKED)
      run->h.op[run->current[t]].phase = OP_BLOCKED;
  }
}

static void run_make(struct run *run, uint64_t seed, int operations)
{
  memset(run, 0, sizeof(*run));
  run->random = seed * 0x9E3779B97F4A7C15u + 1;
  run->spec =
      (struct model_spec){.kind = (enum model_kind)pick(run, 6), .two_point = pick(run, 2) == 0, .bound = pick(run, 4) - 1};
  run->spec.maxsize = pick(run, 4);
  run->spec.value = run->spec.bound > 0 ? pick(run, (int)run->spec.bound + 1) : 0;
  run->m.maxsize = run->spec.maxsize;
  run->m.value = run->spec.kind == MODEL_SEMAPHORE ? run->spec.value : 0;
  memset(run->current, -1, sizeof(run->current));
  for (int step = 0; step < 8 * operations; step++) {
    int t = pick(run, RUN_THREADS);
    if (run->current[t] < 0 && run->h.n < operations)
      run_invoke(run, t);
    else if (run->current[t] >= 0 && run->at[t] == RUN_OVER)
      run_return(run, t);
    else if (run->current[t] >= 0)
      run_effect(run, t);
  }
  run_end(run);
  order_by_time(&run->h);
}

static bool is_told(const struct history_op *op)
{
  return (op->kind == OP_GET || op->kind == OP_PEEK) && op->phase == OP_DONE && op->result == 0;
}

/* One planted fault: another item or key, another answer, or a sleep instead of an answer. */
static bool run_spoil(struct run *run)
{
  static const int answers[] = {0, PAWL_EMPTY, PAWL_FULL, PAWL_SHUTDOWN, PAWL_TIMEOUT, PAWL_COMPARE, -ERANGE};
  struct history_op *a = &run->h.op[pick(run, run->h.n)], *b = &run->h.op[pick(run, run->h.n)];
  switch (pick(run, 4)) {
  case 0:
    if (!is_told(a) || !is_told(b) || a->out == b->out)
      return false;
    a->out = b->out;
    a->key = b->key;
    a->keyed = b->keyed;
    return true;
  case 1:
    if (!is_told(a) || !a->keyed)
      return false;
    a->key++;
    return true;
  case 2: {
    int answer = answers[pick(run, 7)];
    bool changed = a->phase == OP_DONE && a->result != answer && (a->kind <= OP_JOIN || a->kind == OP_PEEK);
    if (changed)
      a->result = answer;
    return changed;
  }
  default:
    if (a->phase != OP_DONE || a->result == 0 || !(a->kind == OP_GET || a->kind == OP_PUT || a->kind == OP_ACQUIRE))
      return false;
    a->phase = OP_BLOCKED;
    a->returned = 0;
    order_by_time(&run->h);
    return true;
  }
}

static void run_fail(const struct run *run, uint64_t seed, const char *what)
{
  fprintf(stderr, "model %d, maxsize %lld, two points: %d\n", run->spec.kind, (long long)run->spec.maxsize,
          run->spec.two_point);
  for (int i = 0; i < run->h.n; i++) {
    const struct history_op *op = &run->h.op[i];
    fprintf(stderr, "  thread %d kind %d phase %d [%llu %llu] arg %llu key %lld%s: %d, out %llu\n", op->thread, op->kind,
            op->phase, (unsigned long long)op->invoked, (unsigned long long)op->returned, (unsigned long long)op->arg,
            (long long)op->key, op->keyed ? " (told)" : "", op->result, (unsigned long long)op->out);
  }
  test_fail(__FILE__, __LINE__, "seed %llu: %s", (unsigned long long)seed, what);
}

TEST(checker, agrees_with_the_naive_search)
{
  int good = 0, spoiled = 0, rejected = 0;
  static struct run run;
  for (uint64_t seed = 1; seed <= 60000u / (unsigned)test_scale(); seed++) {
    const char *why = "";
    run_make(&run, seed, 2 + (int)(seed % 5));
    if (!history_check(&run.h, &run.spec, &why))
      run_fail(&run, seed, why);
    good++;
    if (!run_spoil(&run))
      continue;
    spoiled++;
    bool verdict = history_check(&run.h, &run.spec, &why);
    if (verdict != naive_check(&run.h, &run.spec))
      run_fail(&run, seed, verdict ? "accepted, against the naive search" : "rejected, against the naive search");
    rejected += !verdict;
  }
  CHECK_GE(spoiled, good / 8);
  CHECK_GE(rejected, spoiled / 2);
}

TEST(checker, accepts_long_correct_histories)
{
  static struct run run;
  for (uint64_t seed = 1; seed <= 3000u / (unsigned)test_scale(); seed++) {
    const char *why = "";
    run_make(&run, seed, 15);
    if (!history_check(&run.h, &run.spec, &why))
      run_fail(&run, seed, why);
  }
}
