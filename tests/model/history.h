/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * history.h - what a run of a structure did, operation by operation, and whether a sequential model explains it.
 *
 * The scheduler (or a real-thread harness) fills a history; checker.c says whether it is linearizable. `before` is the
 * precedence to respect: bit j of op i says that op j must come before op i (real time in sequentially consistent mode,
 * happens-before in weak mode).
 */
#ifndef PAWL_TESTS_HISTORY_H
#define PAWL_TESTS_HISTORY_H

#include <pawl/base.h>
#include <stdbool.h>
#include <stdint.h>

enum { HISTORY_MAX = 64 };

enum history_kind {
  OP_PUT,       /* arg: item, key; result: 0, COMPARE, FULL, SHUTDOWN, ENOMEM */
  OP_GET,       /* out: item, key if keyed; result: 0, EMPTY, SHUTDOWN */
  OP_TASK_DONE, /* result: 0, -ERANGE */
  OP_JOIN,      /* result: 0, TIMEOUT */
  OP_CLOSE,     /* shutdown, draining */
  OP_CLOSE_NOW, /* shutdown, immediate */
  OP_RESIZE,    /* arg: new maxsize */
  OP_ACQUIRE,   /* semaphore, lock; result: 0, TIMEOUT */
  OP_RELEASE,   /* arg: how many */
  OP_SET,       /* future: arg: value; result 0, STATE */
  OP_CANCEL,    /* future: result 1 / 0 */
  OP_RESULT,    /* future: out; result 0, TIMEOUT, CANCELLED */
  OP_IS_CLOSED, /* result: 1, 0 */
  OP_SIZE,      /* hints, nothing to the sequential model */
  OP_IS_EMPTY,
  OP_IS_FULL,
  OP_PEEK, /* as a get */
};

/* Whether an item is inside after a put that answered this. */
static inline bool history_went_in(int32_t result)
{
  return result == 0 || result == PAWL_COMPARE;
}

/* Of the get that ends a get of several: EMPTY or SHUTDOWN, nobody was told which. */
#define RESULT_NOTHING INT32_MIN

enum history_phase {
  OP_DONE,    /* returned */
  OP_PENDING, /* was still running, or frozen, at the end: may or may not have taken effect */
  OP_BLOCKED, /* was asleep at a standstill: must not be enabled in the state at the end (else a wake-up was lost) */
};

struct history_op {
  uint8_t thread, kind, phase;
  bool follows; /* in one call of several, the op before it in the history */
  bool keyed;   /* a get or peek that told the key */
  int32_t result;
  uint64_t arg, out;
  int64_t key;
  uint64_t invoked, returned; /* steps of the schedule, for printing and real-time precedence. Of a frozen (pending) put
                               * `returned` is its last step, 0 if unknown: see the head of checker.c */
  uint64_t reserved;          /* bounded puts of decision 2: nonzero if the put held a reservation when it was frozen */
  uint64_t before;            /* bit j: op j comes before this one */
};

struct history {
  int n;
  struct history_op op[HISTORY_MAX];
};

/* PRIORITY: lowest key first, first in first out among equal ones. BAG: any item that is inside. */
enum model_kind { MODEL_FIFO, MODEL_LIFO, MODEL_PRIORITY, MODEL_BAG, MODEL_SEMAPHORE, MODEL_FUTURE };

struct model_spec {
  enum model_kind kind;
  int64_t maxsize; /* queues: <= 0 unbounded */
  bool two_point;  /* a put reserves, then publishes: FULL counts reservations, EMPTY counts what is published */
  int64_t value;   /* semaphore: initial */
  int64_t bound;   /* semaphore: upper bound, < 0 none */
};

/* True if some order of the operations that respects `before` is a run of the model, blocked operations disabled at its
 * end. `why` (may be NULL) receives a static text naming the rule that failed. */
bool history_check(const struct history *history, const struct model_spec *spec, const char **why);

#endif
