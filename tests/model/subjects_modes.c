/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * subjects_modes.c - the queue of subjects_queue.c in two modes that keep more promises: preallocated, and with an order of the
 * caller's own.
 */
#include "../../src/core.h"
#include "machine.h"
#include "subjects.h"

#include <errno.h>

/* ---- PAWL_PREALLOC with only the segments that its items need: a put is refused while another call is under way, or not at
 * all, and nothing allocates or frees */

struct prealloc {
  struct pawl_queue q; /* first, for queue_ops */
  uint64_t bytes;
  unsigned active, begun; /* calls under way, and so far */
  clock8 past;            /* what the calls that have returned knew */
};

static int init_prealloc(void *object, const struct pawl_check_setup *setup)
{
  struct prealloc *p = object;
  struct pawl_queue *q = &p->q;
  const struct pawl_queue_options options = {.maxsize = setup->capacity, .flags = PAWL_PREALLOC};
  int result = queue_open(q, setup, &options);
  if (result != 0)
    return result;
  fifo_fini(&q->fifo_); /* those are of the usual size, and many */
  q->fifo_ = (struct pawl__fifo){.base = setup->start, .head_seen = setup->start};
  uint64_t segments = (uint64_t)(setup->capacity - 1) / q->segment_ + 2;
  result = fifo_prepare(&q->fifo_, core_fifo_mode(q), segments);
  p->bytes = q->fifo_.bytes;
  return result;
}

/* Does nobody know of the queue what this thread, which has a record, does not know? */
static bool is_alone(const struct prealloc *p)
{
  return p->active == 0 && M.cur->self != NULL && (!M.weak || clock_all_le(p->past, M.cur->vc));
}

static int watch(struct prealloc *p, struct pawl_check_call *call, char key)
{
  const struct pawl_check_op *op = queue_ops;
  while (op->key != key)
    op++;
  bool alone = is_alone(p);
  unsigned begun = ++p->begun;
  p->active++;
  int result = op->call(p, call);
  p->active--;
  p->past = clock_max(p->past, M.cur->vc);
  if (p->q.fifo_.bytes != p->bytes)
    pawl_check_fail("a preallocated queue allocates, or frees");
  if (result == -ENOMEM && alone && p->begun == begun)
    pawl_check_fail("a preallocated queue has no memory left although no other call holds any");
  return result;
}

#define WATCH(key)                                                                                                             \
  static int watch_##key(void *p, struct pawl_check_call *call)                                                                \
  {                                                                                                                            \
    return watch(p, call, #key[0]);                                                                                            \
  }
WATCH(p)
WATCH(P)
WATCH(t)
WATCH(g)
WATCH(G)
WATCH(h)
WATCH(c)
WATCH(x)
WATCH(s)
WATCH(k)

static const struct pawl_check_op prealloc_ops[] = {
    {'p', "put now", PAWL_CHECK_PUT, watch_p, 6, 0},
    {'P', "put", PAWL_CHECK_PUT, watch_P, 3, 0},
    {'t', "put until", PAWL_CHECK_PUT, watch_t, 1, 0},
    {'g', "get now", PAWL_CHECK_GET, watch_g, 6, 0},
    {'G', "get", PAWL_CHECK_GET, watch_G, 3, 0},
    {'h', "get until", PAWL_CHECK_GET, watch_h, 1, 0},
    {'c', "shutdown", PAWL_CHECK_CLOSE, watch_c, 1, 0},
    {'x', "shutdown now", PAWL_CHECK_CLOSE_NOW, watch_x, 1, 0},
    {'s', "was_size", PAWL_CHECK_SIZE, watch_s, 1, 0},
    {'k', "trim", PAWL_CHECK_NONE, watch_k, 1, 0},
    {0, NULL, PAWL_CHECK_NONE, NULL, 0, 0},
};

/* ---- an order of the caller's own: last in, first out; or first in, first out, with callbacks that fail now and then */

struct custom {
  struct pawl_queue q; /* first, for queue_ops */
  bool fails;
  uint64_t item[HISTORY_MAX], first, last; /* those in [first, last) are inside */
  uint64_t puts, gets;                     /* calls */
};

static int custom_put(void *ctx, uint64_t item)
{
  struct custom *c = ctx;
  uint64_t calls = at_plain_load(&c->puts) + 1, last = at_plain_load(&c->last);
  at_plain_store(&c->puts, calls);
  if (c->fails && calls % 3 == 0)
    return -ENOMEM;
  at_plain_store(&c->item[last], item);
  at_plain_store(&c->last, last + 1);
  return 0;
}

static int custom_get(void *ctx, uint64_t *item)
{
  struct custom *c = ctx;
  uint64_t calls = at_plain_load(&c->gets) + 1, first = at_plain_load(&c->first), last = at_plain_load(&c->last);
  at_plain_store(&c->gets, calls);
  if (first == last)
    pawl_check_fail("get is called though there is nothing");
  if (c->fails && calls % 3 == 1)
    return -EAGAIN;
  *item = at_plain_load(&c->item[c->fails ? first : last - 1]);
  if (c->fails)
    at_plain_store(&c->first, first + 1);
  else
    at_plain_store(&c->last, last - 1);
  return 0;
}

static size_t custom_size(void *ctx)
{
  struct custom *c = ctx;
  return (size_t)(at_plain_load(&c->last) - at_plain_load(&c->first));
}

static int init_custom(void *object, const struct pawl_check_setup *setup)
{
  static const struct pawl_queue_ops callbacks = {custom_put, custom_get, custom_size};
  const struct pawl_queue_options options = {.maxsize = setup->capacity, .custom = &callbacks, .custom_ctx = object};
  return queue_open(object, setup, &options);
}

static int init_custom_failing(void *object, const struct pawl_check_setup *setup)
{
  ((struct custom *)object)->fails = true;
  return init_custom(object, setup);
}

const struct pawl_check_subject subjects_modes[] = {
    {.name = "prealloc",
     .about = "PAWL_PREALLOC: no put allocates, nor is refused for others' idleness",
     .size = sizeof(struct prealloc),
     .init = init_prealloc,
     .attach = queue_attach,
     .ops = prealloc_ops,
     .model = PAWL_CHECK_FIFO,
     .flags = PAWL_CHECK_TWO_POINT | PAWL_CHECK_DRAIN | PAWL_CHECK_LOCK_FREE | PAWL_CHECK_BOUNDED,
     .finish = queue_finish},
    {.name = "custom",
     .about = "an order of the caller's own: last in, first out",
     .size = sizeof(struct custom),
     .init = init_custom,
     .attach = queue_attach,
     .ops = queue_ops,
     .model = PAWL_CHECK_LIFO,
     .flags = PAWL_CHECK_DRAIN,
     .finish = queue_finish},
    /* Neither gets of several nor an immediate shutdown: both end where a callback fails, and nobody is told. */
    {.name = "custom-fails",
     .about = "the same, first in, first out, with callbacks that fail",
     .size = sizeof(struct custom),
     .init = init_custom_failing,
     .attach = queue_attach,
     .ops = queue_ops,
     .model = PAWL_CHECK_FIFO,
     .flags = PAWL_CHECK_DRAIN,
     .roles = "pPtgGhdJjcrRmMefsyFi",
     .finish = queue_finish},
    {.name = NULL},
};
