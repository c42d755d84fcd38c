/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rings.c - a bounded ring, right and with the faults that rings of the field have had. The machine must find each of them
 * within a stated number of schedules (planted.c), or it proves nothing by finding none elsewhere.
 *
 * The ring: cell {stamp, value}; in lap L a cell is free at stamp 2L, full at 2L + 1. A put claims a ticket by CAS on tail
 * when the cell is free, writes and stamps; a get likewise by head. Who finds the cell not ready compares with the opposite
 * index: FULL and EMPTY only if that says so, else somebody is midway and is waited for. The CASes and the loads of the
 * opposite index are seq_cst, for observers on both sides. It is linearizable and not lock-free. Source of the shape: Vyukov's bounded MPMC queue (1024cores.net), with two stamps a lap.
 */
#include "planted.h"

enum fault {
  ONE_STAMP = 1,       /* H1: Vyukov's own numbering: free at ticket t, full at t + 1, free for the next lap at t + capacity */
  NAIVE_EMPTY = 2,     /* H2: not ready means EMPTY, or FULL */
  WEAK_GETTER = 4,     /* H4: the getter's CAS is not in the one order of seq_cst operations */
  TURNS_32 = 8,        /* H5: 32-bit tickets, stamps by turn = ticket / capacity */
  NO_STAMP_CHECK = 16, /* a cell is taken by the indices alone */
  RELAXED_PUBLISH = 32,
  RELAXED_RECEIVE = 64,
  RELAXED_RETURN = 128,
  RELAXED_REUSE = 256,
  WAKE_ONE = 512, /* H3: who is woken for an item finds another one in front, unpublished, and sleeps again */
};

struct ring {
  unsigned fault;
  uint64_t capacity;
  uint64_t tail, head;
  uint32_t sleepers, epoch;
  struct {
    uint64_t stamp, value;
  } cell[8];
};

static uint64_t ticket(const struct ring *r, uint64_t t)
{
  return (r->fault & TURNS_32) != 0 ? (uint32_t)t : t;
}

static uint64_t free_stamp(const struct ring *r, uint64_t t)
{
  if ((r->fault & ONE_STAMP) != 0)
    return t;
  uint64_t stamp = 2 * (ticket(r, t) / r->capacity);
  return (r->fault & TURNS_32) != 0 ? (uint32_t)stamp : stamp;
}

static uint64_t full_stamp(const struct ring *r, uint64_t t)
{
  return free_stamp(r, t) + 1;
}

static uint64_t next_stamp(const struct ring *r, uint64_t t)
{
  return (r->fault & ONE_STAMP) != 0  ? t + r->capacity
         : (r->fault & TURNS_32) != 0 ? (uint32_t)(free_stamp(r, t) + 2)
                                      : free_stamp(r, t) + 2;
}

static unsigned place(const struct ring *r, uint64_t t)
{
  return (unsigned)(ticket(r, t) % r->capacity);
}

static uint64_t load_stamp(struct ring *r, unsigned i, unsigned relaxed)
{
  return (r->fault & relaxed) != 0 ? at_load_relaxed(&r->cell[i].stamp) : at_load_acquire(&r->cell[i].stamp);
}

static void store_stamp(struct ring *r, unsigned i, uint64_t stamp, unsigned relaxed)
{
  if ((r->fault & relaxed) != 0)
    at_store_relaxed(&r->cell[i].stamp, stamp);
  else
    at_store_release(&r->cell[i].stamp, stamp);
}

static int ring_put(struct ring *r, uint64_t value)
{
  for (;;) {
    uint64_t t = at_load_acquire(&r->tail);
    unsigned i = place(r, t);
    bool ready = (r->fault & NO_STAMP_CHECK) != 0 ? t - at_load_seq(&r->head) < r->capacity
                                                  : load_stamp(r, i, RELAXED_REUSE) == free_stamp(r, t);
    if (ready) {
      if (!at_cas_seq(&r->tail, &t, ticket(r, t + 1)))
        continue;
      at_plain_store(&r->cell[i].value, value);
      store_stamp(r, i, full_stamp(r, t), RELAXED_PUBLISH);
      return 0;
    }
    uint64_t head = at_load_seq(&r->head);
    if ((r->fault & NAIVE_EMPTY) != 0)
      return PAWL_FULL;
    if (at_load_acquire(&r->tail) != t)
      continue;
    if (ticket(r, t - head) >= r->capacity)
      return PAWL_FULL;
    at_pause();
  }
}

static bool claim(struct ring *r, uint64_t h)
{
  uint64_t next = ticket(r, h + 1);
  if ((r->fault & WEAK_GETTER) != 0)
    return PAWL_CHECK_CAS(&r->head, &h, next, __ATOMIC_ACQ_REL);
  return at_cas_seq(&r->head, &h, next);
}

static int ring_get(struct ring *r, uint64_t *value)
{
  for (;;) {
    uint64_t h = at_load_acquire(&r->head);
    unsigned i = place(r, h);
    bool ready =
        (r->fault & NO_STAMP_CHECK) != 0 ? h != at_load_seq(&r->tail) : load_stamp(r, i, RELAXED_RECEIVE) == full_stamp(r, h);
    if (ready) {
      if (!claim(r, h))
        continue;
      *value = at_plain_load(&r->cell[i].value);
      store_stamp(r, i, next_stamp(r, h), RELAXED_RETURN);
      return 0;
    }
    if ((r->fault & NAIVE_EMPTY) != 0)
      return PAWL_EMPTY;
    uint64_t tail = at_load_seq(&r->tail);
    if (at_load_acquire(&r->head) != h)
      continue;
    if (ticket(r, tail - h) == 0)
      return PAWL_EMPTY;
    at_pause();
  }
}

/* ---- H3: the ring behind a correct eventcount that wakes one sleeper per item. Its get, like the usual ones, takes "not
 * ready" for "wait". */

static int ring_try_ready(struct ring *r, uint64_t *value)
{
  uint64_t h = at_load_seq(&r->head);
  unsigned i = place(r, h);
  while (load_stamp(r, i, 0) == full_stamp(r, h)) {
    if (at_cas_seq(&r->head, &h, h + 1)) {
      *value = at_plain_load(&r->cell[i].value);
      store_stamp(r, i, next_stamp(r, h), 0);
      return 0;
    }
    i = place(r, h);
  }
  return PAWL_EMPTY;
}

static int sleeping_get(void *object, struct pawl_check_call *call)
{
  struct ring *r = object;
  for (;;) {
    if (ring_try_ready(r, &call->out) == 0)
      return 0;
    (void)at_add_seq(&r->sleepers, 1);
    uint32_t epoch = at_load_seq(&r->epoch);
    int result = ring_try_ready(r, &call->out);
    if (result != 0)
      (void)pawl_check_futex_wait(&r->epoch, epoch, PAWL_FOREVER);
    (void)at_add_seq(&r->sleepers, (uint32_t)-1);
    if (result == 0)
      return 0;
  }
}

static int waking_put(void *object, struct pawl_check_call *call)
{
  struct ring *r = object;
  int result = ring_put(r, call->item);
  if (result == 0 && at_load_seq(&r->sleepers) > 0) {
    (void)at_add_seq(&r->epoch, 1);
    (void)pawl_check_futex_wake(&r->epoch, (r->fault & WAKE_ONE) != 0 ? 1 : 100);
  }
  return result;
}

/* ---- subjects */

static int put(void *object, struct pawl_check_call *call)
{
  return ring_put(object, call->item);
}

static int get(void *object, struct pawl_check_call *call)
{
  return ring_get(object, &call->out);
}

static int init(struct ring *r, const struct pawl_check_setup *setup, unsigned fault)
{
  r->fault = fault;
  r->capacity = setup->capacity < 1 ? 1 : (uint64_t)setup->capacity;
  if (r->capacity > 8)
    return -1;
  r->head = r->tail = ticket(r, setup->start);
  for (uint64_t t = setup->start; t != setup->start + r->capacity; t++)
    r->cell[place(r, t)].stamp = free_stamp(r, t);
  return 0;
}

#define RING(name, fault)                                                                                                      \
  static int init_##name(void *object, const struct pawl_check_setup *setup)                                                   \
  {                                                                                                                            \
    return init(object, setup, fault);                                                                                         \
  }

RING(right, 0)
RING(one_stamp, ONE_STAMP)
RING(naive_empty, NAIVE_EMPTY)
RING(weak_getter, WEAK_GETTER)
RING(turns_32, TURNS_32)
RING(no_stamp_check, NO_STAMP_CHECK)
RING(relaxed_publish, RELAXED_PUBLISH)
RING(relaxed_receive, RELAXED_RECEIVE)
RING(relaxed_return, RELAXED_RETURN)
RING(relaxed_reuse, RELAXED_REUSE)
RING(wake_one, WAKE_ONE)

static const struct pawl_check_op ops[] = {
    {'p', "put", PAWL_CHECK_PUT, put, 1, 0}, {'g', "get", PAWL_CHECK_GET, get, 1, 0}, {0, NULL, 0, NULL, 0, 0}};
static const struct pawl_check_op sleeping_ops[] = {{'P', "put", PAWL_CHECK_PUT, waking_put, 1, 0},
                                                    {'G', "get", PAWL_CHECK_GET, sleeping_get, 1, 0},
                                                    {'g', "get now", PAWL_CHECK_GET, get, 0, 0},
                                                    {0, NULL, 0, NULL, 0, 0}};

#define SUBJECT(title, words, function, more)                                                                                  \
  {                                                                                                                            \
    .name = title, .about = words, .size = sizeof(struct ring), .init = init_##function, .ops = ops, .model = PAWL_CHECK_FIFO, \
    .flags = PAWL_CHECK_BOUNDED | PAWL_CHECK_DRAIN | (more), .handler = (more) != 0 ? 'p' : 0                                  \
  }

const struct pawl_check_subject planted_rings[] = {
    SUBJECT("ring-right", "a ring without a planted fault", right, 0),
    SUBJECT("h1", "H1: Vyukov's ring of capacity 1: published and free are one number", one_stamp, 0),
    SUBJECT("h2", "H2: EMPTY and FULL by the cell alone", naive_empty, 0),
    SUBJECT("h4", "H4: the getter's CAS is acq_rel (weak)", weak_getter, 0),
    SUBJECT("h5", "H5: 32-bit turn numbers at the wrap", turns_32, 0),
    SUBJECT("h6", "H6: a cure that waits for a peer midway (freeze, handlers)", right, PAWL_CHECK_LOCK_FREE),
    SUBJECT("no-stamp", "nobody looks at the cells' stamps", no_stamp_check, 0),
    SUBJECT("order-publish", "ordering mutant: the put's stamp is relaxed (weak)", relaxed_publish, 0),
    SUBJECT("order-receive", "ordering mutant: the get's look at the stamp is relaxed (weak)", relaxed_receive, 0),
    SUBJECT("order-return", "ordering mutant: the get's stamp is relaxed (weak)", relaxed_return, 0),
    SUBJECT("order-reuse", "ordering mutant: the put's look at the stamp is relaxed (weak)", relaxed_reuse, 0),
    {.name = "h3",
     .about = "H3: ring, correct eventcount, one wake per item",
     .size = sizeof(struct ring),
     .init = init_wake_one,
     .ops = sleeping_ops,
     .model = PAWL_CHECK_FIFO,
     .flags = PAWL_CHECK_BOUNDED | PAWL_CHECK_DRAIN},
    {.name = NULL},
};
