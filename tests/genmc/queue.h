/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.h - what the models of queues share: the words of their programs, a drain at the end, and the verdict. The includer
 * defines queue_new, queue_put, queue_get and queue_close.
 *
 * Words: PUT(item) GET CLOSE; items are 1 to 15. BEFORE is main's program, before the others start.
 */
#ifndef PAWL_TESTS_GENMC_QUEUE_H
#define PAWL_TESTS_GENMC_QUEUE_H

#include "history.h"

#define PUT(i) result = queue_put(i), history |= op_put(result, i) << 8 * done++;
#define GET item = 0, result = queue_get(&item), history |= op_get(result, item) << 8 * done++;
#define CLOSE queue_close(), history |= (uint64_t)OP_CLOSE << 8 * done++;

#define PROGRAM(name, statements)                                                                                              \
  static uint64_t name(void)                                                                                                   \
  {                                                                                                                            \
    uint64_t history = 0, item = 0;                                                                                            \
    unsigned done = 0;                                                                                                         \
    int result = 0;                                                                                                            \
    statements;                                                                                                                \
    (void)item, (void)result, (void)done;                                                                                      \
    return history;                                                                                                            \
  }
#define ATTACH
#include "programs.h"

#ifndef BEFORE
#define BEFORE
#endif
PROGRAM(before, BEFORE)

static uint64_t begin; /* the sequential queue after BEFORE */

static void prepare(void)
{
  queue_new();
  for (uint64_t history = before(); history != 0; history >>= 8)
    begin = q_after(begin, 0, (unsigned)(history & 0xff));
}

/* What the queue holds when all is over: items of 4 bits, in the order in which they leave, and their number as in Q_SIZE. */
static uint64_t drain(void)
{
  uint64_t left = 0, item = 0;
  while (queue_get(&item) == 0)
    left = (left | item << 4 * Q_SIZE(left)) + Q_ONE;
  return left;
}

int main(void)
{
  uint64_t a, b, c, d;
  run_programs(prepare, &a, &b, &c, &d);
  assert(explain(a, b, c, d, begin, drain()));
  return 0;
}

#endif
