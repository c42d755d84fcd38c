/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * history.h - what each thread of a model did, and whether one order of it all explains the answers.
 *
 * A history is a word, an operation a byte of it, the first one lowest, and the sequential queue is a word, too: so the check
 * needs no memory, and the tool no events for it. The threads of a model do not speak to each other but by the structure. Then
 * the answers are linearizable if some order of all operations, each thread's in its own order, is one of a queue of MAXSIZE
 * places (0: unbounded): nobody could see the difference between that order and the order in time. FULL and EMPTY must be exact in it, and
 * what is left must be what the queue then holds.
 *
 * A put of a bounded FIFO has two points, reserve and publish (fifo.h): with TWO_POINTS a reservation counts against MAXSIZE
 * before there is an item, and a put may lose it and answer FULL or SHUTDOWN in the end.
 */
#ifndef PAWL_TESTS_GENMC_HISTORY_H
#define PAWL_TESTS_GENMC_HISTORY_H

#include <pawl/base.h>

#ifndef TWO_POINTS
#define TWO_POINTS 0
#endif

/* ORDER: which item leaves next. */
#define FIRST_IN 0
#define LAST_IN 1
#define LOWEST 2
#ifndef ORDER
#define ORDER FIRST_IN
#endif

enum {
  OP_PUT = 0x10,
  OP_FULL = 0x20,
  OP_PUT_SHUTDOWN = 0x30,
  OP_GET = 0x40,
  OP_EMPTY = 0x50,
  OP_GET_SHUTDOWN = 0x60,
  OP_CLOSE = 0x70,
};

static inline uint64_t op_put(int result, uint64_t item)
{
  assert(result == 0 || result == PAWL_FULL || result == PAWL_SHUTDOWN);
  return result == 0 ? OP_PUT | item : result == PAWL_FULL ? OP_FULL : OP_PUT_SHUTDOWN;
}

static inline uint64_t op_get(int result, uint64_t item)
{
  assert(result == 0 || result == PAWL_EMPTY || result == PAWL_SHUTDOWN);
  assert(result != 0 || (item >= 1 && item <= 15));
  return result == 0 ? OP_GET | item : result == PAWL_EMPTY ? OP_EMPTY : OP_GET_SHUTDOWN;
}

/* The sequential queue: bits 0..31 items of 4 bits, who leaves next lowest; 32.. their number; 40.. threads with a reservation; 48 closed. */
#define Q_SIZE(q) ((unsigned)((q) >> 32) & 0xff)
#define Q_ONE (UINT64_C(1) << 32)
#define Q_RESERVED(t) (UINT64_C(1) << (40 + (t)))
#define Q_CLOSED (UINT64_C(1) << 48)
#define Q_NEVER UINT64_MAX

static inline bool q_has_room(uint64_t q)
{
  unsigned reserved = (unsigned)((q >> 40 & 1) + (q >> 41 & 1) + (q >> 42 & 1) + (q >> 43 & 1));
  return MAXSIZE == 0 || Q_SIZE(q) + reserved < MAXSIZE;
}

/* The items of a queue with one more. */
static uint64_t q_with(uint64_t items, unsigned size, uint64_t item)
{
  unsigned at = ORDER == LAST_IN ? 0 : size;
  while (ORDER == LOWEST && at > 0 && (items >> 4 * (at - 1) & 15) > item)
    at--;
  uint64_t before = items & ((UINT64_C(1) << 4 * at) - 1);
  return before | item << 4 * at | (items - before) << 4;
}

/* The queue after thread t's operation; Q_NEVER: it cannot have had this result now. */
static uint64_t q_after(uint64_t q, unsigned t, unsigned op)
{
  unsigned size = Q_SIZE(q), item = op & 15;
  bool mine = (q & Q_RESERVED(t)) != 0, closed = (q & Q_CLOSED) != 0;
  switch (op & 0xf0) {
  case OP_PUT:
    if (!mine && (closed || !q_has_room(q)))
      return Q_NEVER;
    return (q & ~(Q_RESERVED(t) | UINT64_C(0xffffffff))) + Q_ONE + q_with(q & 0xffffffff, size, item);
  case OP_FULL:
    return !closed && !q_has_room(q & ~Q_RESERVED(t)) ? q & ~Q_RESERVED(t) : Q_NEVER;
  case OP_PUT_SHUTDOWN:
    return closed ? q & ~Q_RESERVED(t) : Q_NEVER;
  case OP_GET:
    if (size == 0 || (q & 15) != item)
      return Q_NEVER;
    return (q & ~UINT64_C(0xffffffff)) - Q_ONE + ((q & 0xffffffff) >> 4);
  case OP_EMPTY:
    return size == 0 && !closed ? q : Q_NEVER;
  case OP_GET_SHUTDOWN:
    return size == 0 && closed ? q : Q_NEVER;
  default: /* OP_CLOSE */
    return q | Q_CLOSED;
  }
}

/* The queue after thread t reserved a place for its next operation; Q_NEVER: it is at no such point. */
static uint64_t q_reserved(uint64_t q, unsigned t, unsigned op)
{
  if (!TWO_POINTS || (op & 0xf0) > OP_PUT_SHUTDOWN || (q & (Q_RESERVED(t) | Q_CLOSED)) != 0 || !q_has_room(q))
    return Q_NEVER;
  return q | Q_RESERVED(t);
}

/* Can the histories, from the queue `q` on, be put in one order at the end of which the queue holds `left` (items, number)? */
static bool explain(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t q, uint64_t left)
{
  if ((a | b | c | d) == 0)
    return (q & (Q_RESERVED(0) - 1)) == left;
  for (unsigned t = 0; t < 4; t++) {
    unsigned op = (unsigned)((t == 0 ? a : t == 1 ? b : t == 2 ? c : d) & 0xff);
    if (op == 0)
      continue;
    uint64_t next = q_after(q, t, op);
    if (next != Q_NEVER &&
        explain(t == 0 ? a >> 8 : a, t == 1 ? b >> 8 : b, t == 2 ? c >> 8 : c, t == 3 ? d >> 8 : d, next, left))
      return true;
    next = q_reserved(q, t, op);
    if (next != Q_NEVER && explain(a, b, c, d, next, left))
      return true;
  }
  return false;
}

#endif
