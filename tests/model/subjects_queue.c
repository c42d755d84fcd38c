/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * subjects_queue.c - the queues of pawl/queue.h, through their public API. Two private fields are set: the cells of a segment
 * (--segment, default 2), so that segments turn over within a few operations, and the first ticket (--start).
 */
#include "../../src/ring.h"
#include "machine.h"
#include "os_model.h"
#include "subjects.h"

#include <errno.h>
#include <pawl/sync.h>

enum { SOON = 1000 }; /* ns; time passes by more than that when it passes */

static size_t alive;  /* blocks after the set-up: what is left at the end */
static bool has_keys; /* the queue under way */

/* Spinning is calibrated once per process; here, lest every schedule do it. */
static void calibrate(void)
{
  struct pawl_lock lock = PAWL_LOCK_INIT;
  if (pawl_lock_acquire(&lock, PAWL_NOWAIT) == 0 && pawl_lock_acquire(&lock, pawl_now() + SOON) == PAWL_TIMEOUT)
    (void)pawl_lock_release(&lock);
}

void queue_attach(void *object, int thread)
{
  (void)object;
  (void)thread;
  if (pawl_thread_attach() != 0)
    __builtin_trap();
  alive = arena_live();
}

/* ---- pawl_queue */

int queue_open(struct pawl_queue *q, const struct pawl_check_setup *setup, const struct pawl_queue_options *options)
{
  calibrate();
  has_keys = (options->order == PAWL_PRIORITY || options->order == PAWL_RELAXED) && options->less == NULL;
  int result = pawl_queue_init(q, options);
  q->segment_ = setup->segment != 0 ? (uint32_t)setup->segment : 2;
  q->fifo_.base = q->fifo_.head_seen = setup->start;
  if (result == 0 && options->progress == PAWL_RING && setup->start != 0) {
    ring_free(q->core_);
    q->core_ = ring_new(setup->capacity, setup->start);
  }
  return result;
}

static int init_queue(void *object, const struct pawl_check_setup *setup, unsigned progress, unsigned flags)
{
  const struct pawl_queue_options options = {.maxsize = setup->capacity, .progress = progress, .flags = flags};
  return queue_open(object, setup, &options);
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
  return arena_live() > alive + (M.config->late ? (size_t)M.threads : 0);
}

void queue_finish(void *object)
{
  if (pawl_queue_fini(object) != 0)
    pawl_check_fail("fini refuses");
  if (is_leaking())
    pawl_check_fail("fini leaves memory behind");
  if (os_model_open() != 0)
    pawl_check_fail("fini leaves a descriptor open");
}

/* By item, for an order that knows nothing but items. Written before the put, outside of the machine's sight. */
static int64_t keys[FIBERS + 1][256];

int64_t queue_key(uint64_t item)
{
  return keys[item >> 8][item & 255];
}

static void note_keys(const struct pawl_check_call *call, size_t n)
{
  for (size_t k = 0; k < n; k++)
    keys[call->bulk[k] >> 8][call->bulk[k] & 255] = call->keys[k];
}

static int put_one(struct pawl_queue *q, struct pawl_check_call *call, pawl_time until)
{
  note_keys(call, 1);
  return has_keys ? pawl_queue_put_key(q, call->key, call->item, until) : pawl_queue_put(q, call->item, until);
}

static int get_one(struct pawl_queue *q, struct pawl_check_call *call, pawl_time until)
{
  int result = has_keys ? pawl_queue_get_key(q, &call->key, &call->out, until) : pawl_queue_get(q, &call->out, until);
  call->keyed = has_keys && result == 0;
  *(uint64_t *)call->memory += result == 0;
  return result;
}

#define PUT(name, until)                                                                                                       \
  static int name(void *q, struct pawl_check_call *call)                                                                       \
  {                                                                                                                            \
    return put_one(q, call, until);                                                                                            \
  }
#define GET(name, until)                                                                                                       \
  static int name(void *q, struct pawl_check_call *call)                                                                       \
  {                                                                                                                            \
    return get_one(q, call, until);                                                                                            \
  }

PUT(put_now, PAWL_NOWAIT)
PUT(put_forever, PAWL_FOREVER)
PUT(put_soon, pawl_now() + SOON)
GET(get_now, PAWL_NOWAIT)
GET(get_forever, PAWL_FOREVER)
GET(get_soon, pawl_now() + SOON)

static int peek(void *q, struct pawl_check_call *call)
{
  int result = pawl_queue_peek(q, has_keys ? &call->key : NULL, &call->out);
  call->keyed = has_keys && result == 0;
  call->absent = result == -ENOTSUP;
  return result;
}

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

/* ---- several at once: the header's promises about `done`; the history has the rest */

static int put_several(struct pawl_queue *q, struct pawl_check_call *call, size_t n, pawl_time until)
{
  size_t done = n + 1;
  note_keys(call, n);
  int result = has_keys ? pawl_queue_put_many_keys(q, call->keys, call->bulk, n, &done, until)
                        : pawl_queue_put_many(q, call->bulk, n, &done, until);
  if (done > n || (result == 0) != (done == n))
    pawl_check_fail("put_many does not tell how many went in");
  call->done = (int)done;
  return result;
}

static int get_several(struct pawl_queue *q, struct pawl_check_call *call, size_t n, pawl_time until)
{
  size_t done = n + 1;
  int result = has_keys ? pawl_queue_get_many_keys(q, call->keys, call->bulk, n, &done, until)
                        : pawl_queue_get_many(q, call->bulk, n, &done, until);
  if (done > n || (result == 0) != (done > 0))
    pawl_check_fail("get_many does not tell how many came out");
  call->keyed = has_keys;
  *(uint64_t *)call->memory += done;
  call->done = (int)done;
  return result;
}

static int put_two_now(void *q, struct pawl_check_call *call)
{
  return put_several(q, call, 2, PAWL_NOWAIT);
}

static int put_three_soon(void *q, struct pawl_check_call *call)
{
  return put_several(q, call, 3, pawl_now() + SOON);
}

static int get_two_now(void *q, struct pawl_check_call *call)
{
  return get_several(q, call, 2, PAWL_NOWAIT);
}

static int get_three(void *q, struct pawl_check_call *call)
{
  return get_several(q, call, 3, PAWL_FOREVER);
}

/* ---- by the descriptor, as the header says: a get that sleeps in epoll_wait */

static int get_polled(struct pawl_queue *q, struct pawl_check_call *call, pawl_time until)
{
  bool readable = true;
  int result, fd = pawl_queue_fd(q);
  if (fd < 0)
    return fd == -EMFILE ? -ENOMEM : fd; /* refused, without any effect */
  while ((result = get_one(q, call, PAWL_NOWAIT)) == PAWL_EMPTY && readable) {
    if (pawl_queue_arm(q) != 0)
      pawl_check_fail("arm refuses");
    readable = os_model_poll(fd, until);
  }
  return result;
}

static int poll_forever(void *q, struct pawl_check_call *call)
{
  return get_polled(q, call, PAWL_FOREVER);
}

static int poll_soon(void *q, struct pawl_check_call *call)
{
  return get_polled(q, call, pawl_now() + SOON);
}

/* ---- questions, and trim */

/* 0 and its like of a thread for whose record there is no memory say nothing about the queue. */
static int unless_unknown(struct pawl_check_call *call, int answer, int unknown)
{
  call->absent = M.cur->self == NULL && answer == unknown;
  return answer;
}

static int was_size(void *q, struct pawl_check_call *call)
{
  return unless_unknown(call, (int)pawl_queue_was_size(q), 0);
}

static int was_empty(void *q, struct pawl_check_call *call)
{
  return unless_unknown(call, pawl_queue_was_empty(q), true);
}

static int was_full(void *q, struct pawl_check_call *call)
{
  return unless_unknown(call, pawl_queue_was_full(q), false);
}

static int is_shutdown(void *q, struct pawl_check_call *call)
{
  return unless_unknown(call, pawl_queue_is_shutdown(q), false);
}

static int trim(void *q, struct pawl_check_call *call)
{
  (void)call;
  return (int)pawl_queue_trim(q);
}

const struct pawl_check_op core_ops[] = {
    {'p', "put now", PAWL_CHECK_PUT, put_now, 4, 0},
    {'P', "put", PAWL_CHECK_PUT, put_forever, 2, 0},
    {'t', "put until", PAWL_CHECK_PUT, put_soon, 1, 0},
    {'g', "get now", PAWL_CHECK_GET, get_now, 4, 0},
    {'G', "get", PAWL_CHECK_GET, get_forever, 2, 0},
    {'h', "get until", PAWL_CHECK_GET, get_soon, 1, 0},
    {'c', "shutdown", PAWL_CHECK_CLOSE, shutdown_drain, 1, 0},
    {'v', "peek", PAWL_CHECK_PEEK, peek, 0, 0},
    {'s', "was_size", PAWL_CHECK_SIZE, was_size, 0, 0},
    {'k', "trim", PAWL_CHECK_NONE, trim, 0, 0},
    {0, NULL, PAWL_CHECK_NONE, NULL, 0, 0},
};

/* Those of weight 0 come in programs of their own (variations.c). */
const struct pawl_check_op queue_ops[] = {
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
    {'m', "put 2 now", PAWL_CHECK_PUT, put_two_now, 0, 2},
    {'M', "put 3 until", PAWL_CHECK_PUT, put_three_soon, 0, 3},
    {'n', "get 2 now", PAWL_CHECK_GET, get_two_now, 0, 2},
    {'N', "get 3", PAWL_CHECK_GET, get_three, 0, 3},
    {'e', "poll, get", PAWL_CHECK_GET, poll_forever, 0, 0},
    {'f', "poll, get until", PAWL_CHECK_GET, poll_soon, 0, 0},
    {'s', "was_size", PAWL_CHECK_SIZE, was_size, 0, 0},
    {'y', "was_empty", PAWL_CHECK_IS_EMPTY, was_empty, 0, 0},
    {'F', "was_full", PAWL_CHECK_IS_FULL, was_full, 0, 0},
    {'i', "is_shutdown", PAWL_CHECK_IS_CLOSED, is_shutdown, 0, 0},
    {'k', "trim", PAWL_CHECK_NONE, trim, 0, 0},
    {'v', "peek", PAWL_CHECK_PEEK, peek, 0, 0},
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

static int simple_was_size(void *q, struct pawl_check_call *call)
{
  (void)call;
  return (int)pawl_simple_queue_was_size(q);
}

static const struct pawl_check_op simple_ops[] = {
    {'p', "put", PAWL_CHECK_PUT, simple_put, 6, 0},
    {'g', "get now", PAWL_CHECK_GET, simple_get_now, 4, 0},
    {'G', "get", PAWL_CHECK_GET, simple_get_forever, 3, 0},
    {'h', "get until", PAWL_CHECK_GET, simple_get_soon, 2, 0},
    {'c', "close", PAWL_CHECK_CLOSE, simple_close, 1, 0},
    {'S', "put in a handler", PAWL_CHECK_PUT, simple_put_in_handler, 0, 0},
    {'s', "was_size", PAWL_CHECK_SIZE, simple_was_size, 0, 0},
    {0, NULL, PAWL_CHECK_NONE, NULL, 0, 0},
};

/* ---- */

#define QUEUE(title, words, function, list, more)                                                                              \
  .name = title, .about = words, .size = sizeof(struct pawl_queue), .init = function, .attach = queue_attach, .ops = list,     \
  .model = PAWL_CHECK_FIFO, .flags = PAWL_CHECK_TWO_POINT | PAWL_CHECK_DRAIN | (more), .finish = queue_finish

#define SPSC(title, words, function, who, more)                                                                                \
  .name = title, .about = words, .size = sizeof(struct pawl_queue), .init = function, .attach = queue_attach,                  \
  .ops = queue_ops, .model = PAWL_CHECK_FIFO, .flags = PAWL_CHECK_DRAIN | PAWL_CHECK_LOCK_FREE | (more),                       \
  .finish = queue_finish, .roles = who, .threads = 3

const struct pawl_check_subject subjects_queue[] = {
    {QUEUE("fifo", "lock-free FIFO core: put, get, shutdown; --capacity bounds it", init_fifo, core_ops, PAWL_CHECK_LOCK_FREE)},
    {QUEUE("ring", "the stamp ring", init_ring, core_ops, PAWL_CHECK_BOUNDED)},
    /* Not two-point: with one putting thread the plain model of a bounded queue holds. */
    {SPSC("spsc", "one putting and one getting thread, a third that closes, drops, resizes", init_spsc,
          "pPtcxrRmMsyFi|gGhcxnNefsyi|cxrRsyFik", 0)},
    /* Two-point, because join counts a put from its admission. */
    {SPSC("spsc-queue", "the same with task_done and join", init_spsc_tracked, "pPtcJjmMsyFi|gGhdxJjnNefsyi|cxrRJjsyFik",
          PAWL_CHECK_TWO_POINT)},
    {QUEUE("queue", "the whole queue layer: deadlines, task_done, join, shutdown, maxsize", init_tracked, queue_ops,
           PAWL_CHECK_LOCK_FREE)},
    {QUEUE("ring-queue", "the queue layer over the ring", init_ring, queue_ops, PAWL_CHECK_BOUNDED)},
    {.name = "simple",
     .about = "SimpleQueue, with handlers that put",
     .size = sizeof(struct pawl_simple_queue),
     .init = init_simple,
     .attach = queue_attach,
     .ops = simple_ops,
     .model = PAWL_CHECK_FIFO,
     .flags = PAWL_CHECK_DRAIN | PAWL_CHECK_LOCK_FREE | PAWL_CHECK_TWO_POINT | PAWL_CHECK_UNBOUNDED,
     .handler = 'S',
     .finish = fini_simple},
    {.name = NULL},
};
