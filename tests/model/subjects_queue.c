/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * subjects_queue.c - the queues of pawl/queue.h, through their public API. Two private fields are set: the cells of a segment
 * (--segment, default 2), so that segments turn over within a few operations, and the first ticket (--start).
 */
#include "../../src/ring.h"
#include "machine.h"
#include "subjects.h"

#include <pawl/queue.h>
#include <pawl/sync.h>

enum { SOON = 1000 }; /* ns; time passes by more than that when it passes */

static size_t alive; /* blocks after the set-up: what is left at the end */

/* Spinning is calibrated once per process; here, lest every schedule do it. */
static void calibrate(void)
{
  struct pawl_lock lock = PAWL_LOCK_INIT;
  if (pawl_lock_acquire(&lock, PAWL_NOWAIT) == 0 && pawl_lock_acquire(&lock, pawl_now() + SOON) == PAWL_TIMEOUT)
    (void)pawl_lock_release(&lock);
}

static void attach(void *object, int thread)
{
  (void)object;
  (void)thread;
  if (pawl_thread_attach() != 0)
    __builtin_trap();
  alive = heap_live();
}

/* ---- pawl_queue */

static int init_queue(void *object, const struct pawl_check_setup *setup, unsigned progress, unsigned flags)
{
  struct pawl_queue *q = object;
  struct pawl_queue_options options = {.maxsize = setup->capacity, .progress = progress, .flags = flags};
  calibrate();
  int result = pawl_queue_init(q, &options);
  q->segment_ = setup->segment != 0 ? (uint32_t)setup->segment : 2;
  q->fifo_.base = q->fifo_.head_seen = setup->start;
  if (result == 0 && progress == PAWL_RING && setup->start != 0) {
    ring_free(q->ring_);
    q->ring_ = ring_new(setup->capacity, setup->start);
  }
  return result;
}

static int init_fifo(void *object, const struct pawl_check_setup *setup)
{
  return init_queue(object, setup, PAWL_LOCK_FREE, PAWL_UNTRACKED);
}

static int init_tracked(void *object, const struct pawl_check_setup *setup)
{
  return init_queue(object, setup, PAWL_LOCK_FREE, 0);
}

static int init_spsc(void *object, const struct pawl_check_setup *setup)
{
  return init_queue(object, setup, PAWL_LOCK_FREE, PAWL_UNTRACKED | PAWL_SPSC);
}

static int init_spsc_tracked(void *object, const struct pawl_check_setup *setup)
{
  return init_queue(object, setup, PAWL_LOCK_FREE, PAWL_SPSC);
}

static int init_ring(void *object, const struct pawl_check_setup *setup)
{
  return init_queue(object, setup, PAWL_RING, 0);
}

/* A ring's cells were there from the beginning; records of threads stay, and late threads have made theirs since. */
static bool is_leaking(void)
{
  return heap_live() > alive + (M.config->late ? (size_t)M.threads : 0);
}

static void fini_queue(void *object)
{
  if (pawl_queue_fini(object) != 0)
    pawl_check_fail("fini refuses");
  if (is_leaking())
    pawl_check_fail("fini leaves memory behind");
}

#define PUT(name, until)                                                                                                       \
  static int name(void *q, struct pawl_check_call *call)                                                                       \
  {                                                                                                                            \
    return pawl_queue_put(q, call->item, until);                                                                               \
  }
#define GET(name, until)                                                                                                       \
  static int name(void *q, struct pawl_check_call *call)                                                                       \
  {                                                                                                                            \
    int result = pawl_queue_get(q, &call->out, until);                                                                         \
    *(uint64_t *)call->memory += result == 0;                                                                                  \
    return result;                                                                                                             \
  }

PUT(put_now, PAWL_NOWAIT)
PUT(put_forever, PAWL_FOREVER)
PUT(put_soon, pawl_now() + SOON)
GET(get_now, PAWL_NOWAIT)
GET(get_forever, PAWL_FOREVER)
GET(get_soon, pawl_now() + SOON)

static int task_done(void *q, struct pawl_check_call *call)
{
  (void)call;
  return pawl_queue_task_done(q);
}

/* For an item that this thread got. */
static int own_task_done(void *q, struct pawl_check_call *call)
{
  uint64_t *got = call->memory;
  call->absent = *got == 0;
  return call->absent ? 0 : (*got -= 1, pawl_queue_task_done(q));
}

static int join_forever(void *q, struct pawl_check_call *call)
{
  (void)call;
  return pawl_queue_join(q, PAWL_FOREVER);
}

static int join_soon(void *q, struct pawl_check_call *call)
{
  (void)call;
  return pawl_queue_join(q, pawl_now() + SOON);
}

static int shutdown_drain(void *q, struct pawl_check_call *call)
{
  (void)call;
  return pawl_queue_shutdown(q, false);
}

static int shutdown_now(void *q, struct pawl_check_call *call)
{
  (void)call;
  return pawl_queue_shutdown(q, true);
}

static int resize(void *q, struct pawl_check_call *call)
{
  return pawl_queue_set_maxsize(q, (int64_t)call->item);
}

static const struct pawl_check_op fifo_ops[] = {
    {'p', "put now", PAWL_CHECK_PUT, put_now, 4, 0},           {'P', "put", PAWL_CHECK_PUT, put_forever, 2, 0},
    {'t', "put until", PAWL_CHECK_PUT, put_soon, 1, 0},        {'g', "get now", PAWL_CHECK_GET, get_now, 4, 0},
    {'G', "get", PAWL_CHECK_GET, get_forever, 2, 0},           {'h', "get until", PAWL_CHECK_GET, get_soon, 1, 0},
    {'c', "shutdown", PAWL_CHECK_CLOSE, shutdown_drain, 1, 0}, {0, NULL, PAWL_CHECK_NONE, NULL, 0, 0},
};

static const struct pawl_check_op queue_ops[] = {
    {'p', "put now", PAWL_CHECK_PUT, put_now, 4, 0},
    {'P', "put", PAWL_CHECK_PUT, put_forever, 3, 0},
    {'t', "put until", PAWL_CHECK_PUT, put_soon, 2, 0},
    {'g', "get now", PAWL_CHECK_GET, get_now, 4, 0},
    {'G', "get", PAWL_CHECK_GET, get_forever, 3, 0},
    {'h', "get until", PAWL_CHECK_GET, get_soon, 2, 0},
    {'d', "task_done", PAWL_CHECK_TASK_DONE, own_task_done, 3, 0},
    {'D', "any task_done", PAWL_CHECK_TASK_DONE, task_done, 0, 0},
    {'J', "join", PAWL_CHECK_JOIN, join_forever, 1, 0},
    {'j', "join until", PAWL_CHECK_JOIN, join_soon, 1, 0},
    {'c', "shutdown", PAWL_CHECK_CLOSE, shutdown_drain, 1, 0},
    {'x', "shutdown now", PAWL_CHECK_CLOSE_NOW, shutdown_now, 1, 0},
    {'r', "maxsize 1", PAWL_CHECK_RESIZE, resize, 1, 1},
    {'R', "maxsize 3", PAWL_CHECK_RESIZE, resize, 1, 3},
    {0, NULL, PAWL_CHECK_NONE, NULL, 0, 0},
};

/* ---- pawl_simple_queue */

static int init_simple(void *object, const struct pawl_check_setup *setup)
{
  struct pawl_simple_queue *q = object;
  calibrate();
  int result = pawl_simple_queue_init(q, NULL, NULL);
  q->segment_ = setup->segment != 0 ? (uint32_t)setup->segment : 2;
  q->fifo_.base = q->fifo_.head_seen = setup->start;
  return result;
}

static void fini_simple(void *object)
{
  if (pawl_simple_queue_fini(object) != 0)
    pawl_check_fail("fini refuses");
  if (is_leaking())
    pawl_check_fail("fini leaves memory behind");
}

static int simple_put(void *q, struct pawl_check_call *call)
{
  return pawl_simple_queue_put(q, call->item);
}

static int simple_put_in_handler(void *q, struct pawl_check_call *call)
{
  return pawl_simple_queue_put_in_handler(q, call->item);
}

static int simple_get_now(void *q, struct pawl_check_call *call)
{
  return pawl_simple_queue_get(q, &call->out, PAWL_NOWAIT);
}

static int simple_get_forever(void *q, struct pawl_check_call *call)
{
  return pawl_simple_queue_get(q, &call->out, PAWL_FOREVER);
}

static int simple_get_soon(void *q, struct pawl_check_call *call)
{
  return pawl_simple_queue_get(q, &call->out, pawl_now() + SOON);
}

static int simple_close(void *q, struct pawl_check_call *call)
{
  (void)call;
  return pawl_simple_queue_close(q);
}

static const struct pawl_check_op simple_ops[] = {
    {'p', "put", PAWL_CHECK_PUT, simple_put, 6, 0},
    {'g', "get now", PAWL_CHECK_GET, simple_get_now, 4, 0},
    {'G', "get", PAWL_CHECK_GET, simple_get_forever, 3, 0},
    {'h', "get until", PAWL_CHECK_GET, simple_get_soon, 2, 0},
    {'c', "close", PAWL_CHECK_CLOSE, simple_close, 1, 0},
    {'s', "put in a handler", PAWL_CHECK_PUT, simple_put_in_handler, 0, 0},
    {0, NULL, PAWL_CHECK_NONE, NULL, 0, 0},
};

/* ---- */

#define QUEUE(title, words, function, list, more)                                                                              \
  .name = title, .about = words, .size = sizeof(struct pawl_queue), .init = function, .attach = attach, .ops = list,           \
  .model = PAWL_CHECK_FIFO, .flags = PAWL_CHECK_TWO_POINT | PAWL_CHECK_DRAIN | (more), .finish = fini_queue

#define SPSC(title, words, function, who, more)                                                                                \
  .name = title, .about = words, .size = sizeof(struct pawl_queue), .init = function, .attach = attach, .ops = queue_ops,      \
  .model = PAWL_CHECK_FIFO, .flags = PAWL_CHECK_DRAIN | PAWL_CHECK_LOCK_FREE | (more), .finish = fini_queue, .roles = who,     \
  .threads = 3

const struct pawl_check_subject subjects_queue[] = {
    {QUEUE("fifo", "lock-free FIFO core: put, get, shutdown; --capacity bounds it", init_fifo, fifo_ops, PAWL_CHECK_LOCK_FREE)},
    {QUEUE("ring", "the stamp ring", init_ring, fifo_ops, PAWL_CHECK_BOUNDED)},
    /* Not two-point: with one putting thread the plain model of a bounded queue holds. */
    {SPSC("spsc", "one putting and one getting thread, a third that closes, drops, resizes", init_spsc, "pPtcxrR|gGhcx|cxrR",
          0)},
    /* Two-point, because join counts a put from its admission. */
    {SPSC("spsc-queue", "the same with task_done and join", init_spsc_tracked, "pPtcJj|gGhdxJj|cxrRJj", PAWL_CHECK_TWO_POINT)},
    {QUEUE("queue", "the whole queue layer: deadlines, task_done, join, shutdown, maxsize", init_tracked, queue_ops,
           PAWL_CHECK_LOCK_FREE)},
    {QUEUE("ring-queue", "the queue layer over the ring", init_ring, queue_ops, PAWL_CHECK_BOUNDED)},
    {.name = "simple",
     .about = "SimpleQueue, with handlers that put",
     .size = sizeof(struct pawl_simple_queue),
     .init = init_simple,
     .attach = attach,
     .ops = simple_ops,
     .model = PAWL_CHECK_FIFO,
     .flags = PAWL_CHECK_DRAIN | PAWL_CHECK_LOCK_FREE | PAWL_CHECK_TWO_POINT | PAWL_CHECK_UNBOUNDED,
     .handler = 's',
     .finish = fini_simple},
    {.name = NULL},
};
