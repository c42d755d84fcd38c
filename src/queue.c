/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.c - the queue layer: deadlines, wake-ups, task_done and join, shutdown, statistics, descriptors; once, for every
 * order. Layer 3. The order and the bound are the core's business (core.h), sleeping is park.c's.
 *
 * Three parks: getters wait for items, putters for room, joiners for unfinished == 0. Every successful put wakes a getter,
 * every get (also one that only voided a stalled reservation) a putter; who leaves a park after its own success passes the
 * wake on while there is more (P5 of park.h). Conserved: admitted - done_ = unfinished >= 0, both monotone.
 */
#include "core.h"
#include "fork.h"
#include "park.h"
#include <pawl/queue.h>
#include <string.h>

enum { STATE_SHUTDOWN = 1, STATE_CLOSED = 4 /* and the core knows it; 2: locked.h */ };

_Static_assert(sizeof(struct pawl_queue) == 600, "part of the ABI");
_Static_assert(offsetof(struct pawl__fifo, head) - offsetof(struct pawl__fifo, tail) >= PAWL_LINE,
               "puts and gets share a line");
_Static_assert(offsetof(struct pawl__fifo, spare) - offsetof(struct pawl__fifo, head) >= PAWL_LINE,
               "gets and the pool share a line");

struct call {
  struct pawl_queue *q;
  struct reclaim_thread *me;
  int64_t *key; /* gets: may be NULL */
  uint64_t *item;
  bool *admitted; /* puts: NULL if untracked */
};

/* ---- waking */

static __attribute__((noinline)) void write_fd(struct pawl_queue *q)
{
  os_eventfd_write(at_load_acquire(&q->fd_) - 1);
}

/* Out of line, and with a result that put and get can return as theirs, because nearly always nobody waits. */
static __attribute__((noinline)) int wake_a_getter(struct pawl_queue *q)
{
  if (park_wake_slow(&q->getters_))
    write_fd(q);
  return 0;
}

static __attribute__((noinline)) int wake_a_putter(struct pawl_queue *q)
{
  (void)!park_wake_slow(&q->putters_);
  return 0;
}

static inline int wake_getter(struct pawl_queue *q)
{
  return at_step("queue.wake.getter") && park_is_awaited(&q->getters_) ? wake_a_getter(q) : 0;
}

static inline int wake_putter(struct pawl_queue *q)
{
  return at_step("queue.wake.putter") && park_is_awaited(&q->putters_) ? wake_a_putter(q) : 0;
}

/* ---- done and unfinished */

static bool tracked(const struct pawl_queue *q)
{
  return (q->flags_ & PAWL_UNTRACKED) == 0;
}

/* Counts up to n items as done, never more than were put. Returns how many. Wakes the joiners if that was the last. */
static uint64_t finish(struct pawl_queue *q, uint64_t n)
{
  uint64_t done = at_load_acquire(&q->done_), some; /* before `admitted`, lest the difference wrap */
  do {
    uint64_t unfinished = core_puts(q) - done;
    some = n < unfinished ? n : unfinished;
    if (some == 0)
      return 0;
  } while (!at_cas_seq(&q->done_, &done, done + some)); /* [D] */
  if (done + some == core_puts(q) && at_step("queue.wake.joiners"))
    (void)!park_wake_all(&q->joiners_);
  return some;
}

int pawl_queue_task_done(struct pawl_queue *q)
{
  if (q == NULL)
    return -EINVAL;
  if (!tracked(q))
    return PAWL_STATE;
  return finish(q, 1) == 1 ? 0 : -ERANGE;
}

/* done_ first: both are monotone and done_ never runs ahead, so equality held when `admitted` was read. */
uint64_t pawl_queue_unfinished(const struct pawl_queue *q)
{
  if (q == NULL || !tracked(q))
    return 0;
  uint64_t done = at_load_seq(&q->done_); /* [D] receives what went before the task_done calls */
  return core_puts(q) - done;
}

static int join_attempt(void *arg, uint32_t *key)
{
  (void)key;
  return pawl_queue_unfinished(arg) == 0 ? 0 : PAWL_TIMEOUT;
}

int pawl_queue_join(struct pawl_queue *q, pawl_time until)
{
  if (q == NULL)
    return -EINVAL;
  if (!tracked(q))
    return PAWL_STATE;
  return park_until(park_on(&q->joiners_), PAWL_TIMEOUT, until, join_attempt, q);
}

/* ---- put and get */

static int put_attempt(void *arg, uint32_t *key)
{
  struct call *c = arg;
  if (key != NULL)
    core_before_sleep(c->q);
  return core_try_put(c->q, c->me, *c->key, *c->item, c->admitted, false);
}

/* Sleeps until there is room. */
static int put_waiting(struct call c, pawl_time until)
{
  int result = park_until(park_on(&c.q->putters_), PAWL_FULL, until, put_attempt, &c);
  if (park_was_waiting(&c.q->putters_) && !pawl_queue_was_full(c.q))
    (void)wake_putter(c.q); /* P5 */
  return result;
}

/* A put that was refused with `result`, and counted if `admitted`. */
static __attribute__((noinline)) int put_refused(struct pawl_queue *q, struct reclaim_thread *me, int64_t key, uint64_t item,
                                                 pawl_time until, int result, bool admitted)
{
  if (result == PAWL_FULL && until > PAWL_NOWAIT) {
    if (admitted)
      (void)finish(q, 1); /* asleep it is no put under way */
    admitted = false;
    result = put_waiting((struct call){q, me, &key, &item, tracked(q) ? &admitted : NULL}, until);
  }
  if (core_has_taken(q, result)) {
    (void)wake_getter(q);
    return result;
  }
  if (admitted)
    (void)finish(q, 1); /* it was counted when it saw room that then went to others */
  return result;
}

/* What a put has to do that did not get through at once. */
static __attribute__((noinline)) int put_rest(struct pawl_queue *q, struct reclaim_thread *me, int64_t key, uint64_t item,
                                              pawl_time until, enum quick quick)
{
  bool admitted = tracked(q) && quick != QUICK_UNUSUAL;
  int result = core_try_put(q, me, key, item, tracked(q) ? &admitted : NULL, quick == QUICK_LOST);
  return result == 0 ? wake_getter(q) : put_refused(q, me, key, item, until, result, admitted);
}

/* A put that tries a core's usual case first. One function each, so that none pays for the registers of another. */
#define QUICK_PUT(name, attempt)                                                                                               \
  static __attribute__((noinline)) int name(struct pawl_queue *q, struct reclaim_thread *me, int64_t key, uint64_t item,       \
                                            pawl_time until)                                                                   \
  {                                                                                                                            \
    enum quick quick = attempt;                                                                                                \
    return __builtin_expect(quick == QUICK_THROUGH, 1) ? wake_getter(q) : put_rest(q, me, key, item, until, quick);            \
  }
QUICK_PUT(put_spsc, spsc_quick_put(&q->fifo_, &q->maxsize_, item, tracked(q)))
QUICK_PUT(put_ring, ring_quick_put(q->core_, &q->maxsize_, item, &q->fifo_.admitted, tracked(q)))
QUICK_PUT(put_lifo, lifo_quick_put(q->core_, &q->maxsize_, me, item, &q->fifo_.admitted, tracked(q)))

static __attribute__((noinline)) int put_other(struct pawl_queue *q, struct reclaim_thread *me, int64_t key, uint64_t item,
                                               pawl_time until)
{
  switch (q->kind_) {
  case CORE_SPSC:
    return put_spsc(q, me, key, item, until);
  case CORE_RING:
    return put_ring(q, me, key, item, until);
  case CORE_LIFO:
    return put_lifo(q, me, key, item, until);
  default:
    return put_rest(q, me, key, item, until, QUICK_UNUSUAL);
  }
}

static inline __attribute__((always_inline)) int put_one(struct pawl_queue *q, struct reclaim_thread *me, int64_t key,
                                                         uint64_t item, pawl_time until)
{
  if (__builtin_expect(q->kind_ != CORE_FIFO, 0))
    return put_other(q, me, key, item, until);
  enum quick quick = fifo_quick_put(&q->fifo_, &q->maxsize_, me, item, tracked(q));
  return __builtin_expect(quick == QUICK_THROUGH, 1) ? wake_getter(q) : put_rest(q, me, key, item, until, quick);
}

/* A thread's first call, or a wrong one. */
static __attribute__((noinline)) int put_first(struct pawl_queue *q, int64_t key, uint64_t item, pawl_time until)
{
  struct reclaim_thread *me;
  if (q == NULL)
    return -EINVAL;
  return (me = reclaim_self()) != NULL ? put_rest(q, me, key, item, until, QUICK_UNUSUAL) : -ENOMEM;
}

int pawl_queue_put(struct pawl_queue *q, uint64_t item, pawl_time until)
{
  struct reclaim_thread *me = os_self();
  return __builtin_expect(q != NULL && me != NULL, 1) ? put_one(q, me, (int64_t)item, item, until)
                                                      : put_first(q, (int64_t)item, item, until);
}

int pawl_queue_put_key(struct pawl_queue *q, int64_t key, uint64_t item, pawl_time until)
{
  struct reclaim_thread *me = os_self();
  if (q == NULL || !core_has_keys(q))
    return -EINVAL;
  return me != NULL ? put_rest(q, me, key, item, until, QUICK_UNUSUAL) : put_first(q, key, item, until);
}

static int try_get(struct pawl_queue *q, struct reclaim_thread *me, int64_t *key, uint64_t *item, enum quick quick)
{
  bool moved = quick == QUICK_VOIDED;
  int result = core_try_get(q, me, key, item, &moved, quick == QUICK_LOST);
  if (moved)
    (void)wake_putter(q);
  return result;
}

static int get_attempt(void *arg, uint32_t *key)
{
  struct call *c = arg;
  if (key != NULL)
    core_before_sleep(c->q);
  return try_get(c->q, c->me, c->key, c->item, QUICK_UNUSUAL);
}

/* Sleeps until there is an item. */
static __attribute__((noinline)) int get_waiting(struct pawl_queue *q, struct reclaim_thread *me, int64_t *key, uint64_t *item,
                                                 pawl_time until)
{
  int result = park_until(park_on(&q->getters_), PAWL_EMPTY, until, get_attempt, &(struct call){q, me, key, item, NULL});
  if (park_was_waiting(&q->getters_) && core_was_size(q, me) > 0)
    (void)wake_getter(q); /* P5 */
  return result;
}

/* What a get has to do that did not get through at once. */
static __attribute__((noinline)) int get_rest(struct pawl_queue *q, struct reclaim_thread *me, int64_t *key, uint64_t *item,
                                              pawl_time until, enum quick quick)
{
  int result = try_get(q, me, key, item, quick);
  return result == PAWL_EMPTY && until > PAWL_NOWAIT ? get_waiting(q, me, key, item, until) : result;
}

#define QUICK_GET(name, attempt)                                                                                               \
  static __attribute__((noinline)) int name(struct pawl_queue *q, struct reclaim_thread *me, int64_t *key, uint64_t *item,     \
                                            pawl_time until)                                                                   \
  {                                                                                                                            \
    enum quick quick = attempt;                                                                                                \
    return __builtin_expect(quick == QUICK_THROUGH, 1) ? wake_putter(q) : get_rest(q, me, key, item, until, quick);            \
  }
QUICK_GET(get_spsc, spsc_quick_get(&q->fifo_, me, item))
QUICK_GET(get_ring, ring_quick_get(q->core_, me, item))
QUICK_GET(get_lifo, lifo_quick_get(q->core_, me, item))

static __attribute__((noinline)) int get_other(struct pawl_queue *q, struct reclaim_thread *me, int64_t *key, uint64_t *item,
                                               pawl_time until)
{
  switch (q->kind_) {
  case CORE_SPSC:
    return get_spsc(q, me, key, item, until);
  case CORE_RING:
    return get_ring(q, me, key, item, until);
  case CORE_LIFO:
    return get_lifo(q, me, key, item, until);
  default:
    return get_rest(q, me, key, item, until, QUICK_UNUSUAL);
  }
}

static inline __attribute__((always_inline)) int get_one(struct pawl_queue *q, struct reclaim_thread *me, int64_t *key,
                                                         uint64_t *item, pawl_time until)
{
  if (__builtin_expect(q->kind_ != CORE_FIFO, 0))
    return get_other(q, me, key, item, until);
  enum quick quick = fifo_quick_get(&q->fifo_, me, item);
  return __builtin_expect(quick == QUICK_THROUGH, 1) ? wake_putter(q) : get_rest(q, me, key, item, until, quick);
}

/* A thread's first call, or a wrong one. */
static __attribute__((noinline)) int get_first(struct pawl_queue *q, int64_t *key, uint64_t *item, pawl_time until)
{
  struct reclaim_thread *me;
  if (q == NULL || item == NULL)
    return -EINVAL;
  return (me = reclaim_self()) != NULL ? get_rest(q, me, key, item, until, QUICK_UNUSUAL) : -ENOMEM;
}

int pawl_queue_get(struct pawl_queue *q, uint64_t *item, pawl_time until)
{
  struct reclaim_thread *me = os_self();
  return __builtin_expect(q != NULL && item != NULL && me != NULL, 1) ? get_one(q, me, NULL, item, until)
                                                                      : get_first(q, NULL, item, until);
}

int pawl_queue_get_key(struct pawl_queue *q, int64_t *key, uint64_t *item, pawl_time until)
{
  struct reclaim_thread *me = os_self();
  if (q == NULL || item == NULL || !core_has_keys(q))
    return -EINVAL;
  return me != NULL ? get_rest(q, me, key, item, until, QUICK_UNUSUAL) : get_first(q, key, item, until);
}

int pawl_queue_peek(const struct pawl_queue *queue, int64_t *key, uint64_t *item)
{
  struct pawl_queue *q = (struct pawl_queue *)queue; /* as in pawl_queue_was_size */
  struct reclaim_thread *me;
  if (q == NULL || item == NULL || (key != NULL && !core_has_keys(q)))
    return -EINVAL;
  return (me = reclaim_self()) != NULL ? core_peek(q, me, key, item) : -ENOMEM;
}

/* ---- several at once; `keys` may be NULL */

static int put_several(struct pawl_queue *q, const int64_t *keys, const uint64_t *items, size_t n, size_t *done,
                       pawl_time until)
{
  struct reclaim_thread *me = reclaim_self();
  size_t i = 0;
  int result = me != NULL ? 0 : -ENOMEM;
  while (i < n && result == 0) {
    result = put_one(q, me, keys != NULL ? keys[i] : (int64_t)items[i], items[i], until);
    i += core_has_taken(q, result);
  }
  if (done != NULL)
    *done = i;
  return result;
}

static int get_several(struct pawl_queue *q, int64_t *keys, uint64_t *items, size_t n, size_t *done, pawl_time until)
{
  struct reclaim_thread *me = reclaim_self();
  size_t i = 0;
  int result = me != NULL ? 0 : -ENOMEM;
  while (i < n && result == 0) {
    result = get_one(q, me, keys != NULL ? &keys[i] : NULL, &items[i], i == 0 ? until : PAWL_NOWAIT);
    i += result == 0;
  }
  *done = i;
  return i > 0 ? 0 : result;
}

/* A wrong call: nothing is done. */
static int refuse(size_t *done)
{
  if (done != NULL)
    *done = 0;
  return -EINVAL;
}

int pawl_queue_put_many(struct pawl_queue *q, const uint64_t *items, size_t n, size_t *done, pawl_time until)
{
  return q != NULL && (items != NULL || n == 0) ? put_several(q, NULL, items, n, done, until) : refuse(done);
}

int pawl_queue_put_many_keys(struct pawl_queue *q, const int64_t *keys, const uint64_t *items, size_t n, size_t *done,
                             pawl_time until)
{
  bool fits = q != NULL && core_has_keys(q) && ((keys != NULL && items != NULL) || n == 0);
  return fits ? put_several(q, keys, items, n, done, until) : refuse(done);
}

int pawl_queue_get_many(struct pawl_queue *q, uint64_t *items, size_t n, size_t *done, pawl_time until)
{
  return q != NULL && done != NULL && (items != NULL || n == 0) ? get_several(q, NULL, items, n, done, until) : refuse(done);
}

int pawl_queue_get_many_keys(struct pawl_queue *q, int64_t *keys, uint64_t *items, size_t n, size_t *done, pawl_time until)
{
  bool fits = q != NULL && core_has_keys(q) && done != NULL && (items != NULL || n == 0);
  return fits ? get_several(q, keys, items, n, done, until) : refuse(done);
}

/* ---- shutdown */

static void drop_one(void *queue, uint64_t item)
{
  struct pawl_queue *q = queue;
  if (q->drop_ != NULL && at_step("queue.drop"))
    q->drop_(q->drop_ctx_, item);
}

static uint64_t drop_all(struct pawl_queue *q, struct reclaim_thread *me)
{
  uint64_t item, n = 0;
  if (core_drain(q, me, drop_one, q, &n))
    return n;
  for (; get_one(q, me, NULL, &item, PAWL_NOWAIT) == 0; n++)
    drop_one(q, item);
  return n;
}

/* Of a queue that is being shut down: 0, and no put succeeds any more. */
static int complete_close(struct pawl_queue *q, struct reclaim_thread *me)
{
  int result = at_step("queue.close") ? core_close(q, me) : 0;
  if (result == 0)
    (void)at_or_seq(&q->state_, (uint32_t)STATE_CLOSED);
  return result;
}

int pawl_queue_shutdown(struct pawl_queue *q, bool immediate)
{
  struct reclaim_thread *me;
  if (q == NULL)
    return -EINVAL;
  if ((me = reclaim_self()) == NULL)
    return -ENOMEM;
  (void)at_or_seq(&q->state_, (uint32_t)STATE_SHUTDOWN);
  int result = complete_close(q, me);
  if (park_wake_all(&q->getters_))
    write_fd(q);
  (void)!park_wake_all(&q->putters_);
  if (immediate)
    core_discard(q);
  if (immediate && tracked(q))
    (void)finish(q, drop_all(q, me));
  else if (immediate)
    (void)drop_all(q, me);
  return result;
}

/* A shutdown that is under way is helped to its end, so that nobody sees a put succeed after true; who cannot help says false. */
bool pawl_queue_is_shutdown(const struct pawl_queue *queue)
{
  struct pawl_queue *q = (struct pawl_queue *)queue;
  struct reclaim_thread *me;
  uint32_t state = q != NULL ? at_load_seq(&q->state_) : 0;
  if (state & STATE_CLOSED || !(state & STATE_SHUTDOWN))
    return (state & STATE_CLOSED) != 0;
  return (me = reclaim_self()) != NULL && complete_close(q, me) == 0;
}

/* ---- sizes */

size_t pawl_queue_was_size(const struct pawl_queue *queue)
{
  struct pawl_queue *q = (struct pawl_queue *)queue; /* looking at a segment writes hazard slots, never the queue */
  struct reclaim_thread *me;
  if (q == NULL || (me = reclaim_self()) == NULL)
    return 0;
  return (size_t)core_was_size(q, me);
}

bool pawl_queue_was_empty(const struct pawl_queue *q)
{
  return pawl_queue_was_size(q) == 0;
}

bool pawl_queue_was_full(const struct pawl_queue *q)
{
  int64_t maxsize = pawl_queue_maxsize(q);
  return maxsize > 0 && pawl_queue_was_size(q) >= (uint64_t)maxsize;
}

int64_t pawl_queue_maxsize(const struct pawl_queue *q)
{
  return q != NULL ? at_load_relaxed(&q->maxsize_) : 0;
}

int pawl_queue_set_maxsize(struct pawl_queue *q, int64_t maxsize)
{
  if (q == NULL)
    return -EINVAL;
  if (q->capacity_ > 0 && (maxsize <= 0 || maxsize > q->capacity_))
    return -EINVAL;
  if (q->kind_ == CORE_RELAXED && maxsize > 0)
    relaxed_set_bound(q->core_);
  at_store_seq(&q->maxsize_, maxsize);
  core_bound_changed(q);
  if (at_step("queue.wake.resize"))
    (void)!park_wake_all(&q->putters_);
  return 0;
}

static uint64_t memory(struct pawl_queue *q)
{
  if (q->kind_ == CORE_LOCKED)
    return locked_bytes(q);
  if (q->kind_ == CORE_RELAXED)
    return relaxed_bytes(q->core_);
  if (core_pool(q) != NULL)
    return (q->kind_ == CORE_LIFO ? sizeof(struct lifo) : sizeof(struct heap)) + at_load_relaxed(&core_pool(q)->bytes);
  return q->kind_ == CORE_RING ? ring_bytes(((struct ring *)q->core_)->mask) : at_load_relaxed(&q->fifo_.bytes);
}

size_t pawl_queue_trim(struct pawl_queue *q)
{
  struct reclaim_thread *me;
  if (q == NULL || (me = reclaim_self()) == NULL)
    return 0;
  uint64_t before = memory(q);
  core_trim(q, me);
  uint64_t after = memory(q);
  return before > after ? (size_t)(before - after) : 0;
}

static void tickets(struct pawl_queue *q, struct reclaim_thread *me, struct pawl_queue_stats *out)
{
  struct reclaim_group *hazard = reclaim_group(me, &q->fifo_);
  if (q->kind_ == CORE_RING) {
    struct ring *r = q->core_;
    out->gets = (at_load_seq(&r->head) - 2 * q->fifo_.base) / 2; /* words wrap at twice the ticket */
    out->puts = (at_load_seq(&r->tail) - 2 * q->fifo_.base) / 2;
  } else if (q->kind_ == CORE_RELAXED) {
    relaxed_stats(q->core_, &out->puts, &out->gets);
  } else if (q->kind_ == CORE_CUSTOM || q->kind_ == CORE_LOCKED) {
    locked_stats(q, &out->puts, &out->gets);
  } else if (core_pool(q) != NULL) {
    pool_stats(core_pool(q), &out->puts, &out->gets);
  } else if (hazard != NULL) {
    out->voided = at_load_relaxed(&q->fifo_.voided);
    out->gets = fifo_head_ticket(&q->fifo_, hazard) - q->fifo_.base - out->voided;
    out->puts = fifo_tail_ticket(&q->fifo_, hazard) - q->fifo_.base - out->voided;
    (void)fifo_leave(core_fifo_mode(q), hazard, 0);
  }
}

void pawl_queue_stats(const struct pawl_queue *queue, struct pawl_queue_stats *out)
{
  struct pawl_queue *q = (struct pawl_queue *)queue; /* as in pawl_queue_was_size */
  struct reclaim_thread *me;
  if (out == NULL)
    return;
  *out = (struct pawl_queue_stats){0};
  if (q == NULL || (me = reclaim_self()) == NULL)
    return;
  tickets(q, me, out);
  out->bytes = memory(q);
  out->put_sleeps = at_load_relaxed(&q->putters_.sleeps);
  out->get_sleeps = at_load_relaxed(&q->getters_.sleeps);
}

/* ---- the descriptor */

int pawl_queue_fd(struct pawl_queue *q)
{
  if (q == NULL)
    return -EINVAL;
  int32_t known = at_load_acquire(&q->fd_);
  if (known > 0)
    return known - 1;
  int fd = os_eventfd();
  if (fd < 0)
    return fd;
  known = 0;
  if (at_cas_seq(&q->fd_, &known, (int32_t)(fd + 1)))
    return fd;
  os_close(fd);
  return known - 1;
}

int pawl_queue_arm(struct pawl_queue *q)
{
  struct reclaim_thread *me;
  if (q == NULL)
    return -EINVAL;
  int32_t fd = at_load_acquire(&q->fd_);
  if (fd == 0)
    return PAWL_STATE;
  if ((me = reclaim_self()) == NULL)
    return -ENOMEM;
  os_eventfd_clear(fd - 1);
  park_arm(&q->getters_);
  core_before_sleep(q);
  bool there = core_was_size(q, me) > 0 || pawl_queue_is_shutdown(q);
  if (there && park_disarm(&q->getters_))
    write_fd(q);
  return 0;
}

/* ---- beginning and end */

static int check(const struct pawl_queue_options *o)
{
  const unsigned fifo_flags = PAWL_SPSC | PAWL_PREALLOC;
  if (o->order > PAWL_RELAXED || o->progress > PAWL_LOCKED || (o->flags & ~(PAWL_UNTRACKED | fifo_flags)))
    return -EINVAL;
  if (o->order != PAWL_FIFO && (o->progress == PAWL_RING || (o->flags & fifo_flags) || o->custom != NULL))
    return -EINVAL;
  if ((o->progress == PAWL_LOCKED && o->order != PAWL_PRIORITY) || (o->less != NULL && o->progress != PAWL_LOCKED))
    return -EINVAL;
  if (o->heaps > 1024)
    return -EINVAL;
  if (o->maxsize <= 0 && (o->progress == PAWL_RING || (o->flags & PAWL_PREALLOC)))
    return -EINVAL;
  if (o->custom != NULL &&
      (o->progress != 0 || !o->custom->put || !o->custom->get || !o->custom->size || (o->flags & fifo_flags)))
    return -EINVAL;
  return 0;
}

static enum core_kind kind_of(const struct pawl_queue_options *o)
{
  if (o->custom != NULL)
    return CORE_CUSTOM;
  if (o->order != PAWL_FIFO)
    return o->order == PAWL_LIFO        ? CORE_LIFO
           : o->order == PAWL_RELAXED   ? CORE_RELAXED
           : o->progress == PAWL_LOCKED ? CORE_LOCKED
                                        : CORE_HEAP;
  return o->progress == PAWL_RING ? CORE_RING : (o->flags & PAWL_SPSC) ? CORE_SPSC : CORE_FIFO;
}

/* All memory of a queue that takes it at once. More than the machine has is refused here: an allocator that overcommits would
 * promise it, and the process die of touching it. */
static int prepare(struct pawl_queue *q, const struct pawl_queue_options *o)
{
  if (q->capacity_ > 0 && (uint64_t)q->capacity_ > os_memory() / sizeof(struct fifo_cell))
    return -ENOMEM;
  if (!core_has_segments(q) || !(q->flags_ & PAWL_PREALLOC))
    return core_new(q, o);
  struct fifo_mode mode = core_fifo_mode(q);
  uint64_t segments = (uint64_t)(q->maxsize_ - 1) / fifo_cells(mode) + 2 + FIFO_SPARES_PREALLOC;
  int result = fifo_prepare(&q->fifo_, mode, segments);
  if (result != 0)
    fifo_fini(&q->fifo_);
  return result;
}

int pawl_queue_init(struct pawl_queue *q, const struct pawl_queue_options *options)
{
  const struct pawl_queue_options standard = {0};
  const struct pawl_queue_options *o = options != NULL ? options : &standard;
  if (q == NULL)
    return -EINVAL;
  int result = check(o);
  if (result != 0)
    return result;
  struct pawl_queue fresh = {
      .maxsize_ = o->maxsize,
      .capacity_ = o->progress == PAWL_RING || (o->flags & PAWL_PREALLOC) ? o->maxsize : 0,
      .kind_ = kind_of(o),
      .flags_ = o->flags,
      .drop_ = o->drop,
      .drop_ctx_ = o->drop_ctx,
      .custom_ = o->custom,
      .custom_ctx_ = o->custom_ctx,
  };
  result = prepare(&fresh, o);
  if (result != 0)
    return result;
  *q = fresh;
  if (q->kind_ != CORE_FIFO)
    fork_register(q);
  return 0;
}

int pawl_queue_fini(struct pawl_queue *q)
{
  struct reclaim_thread *me;
  if (q == NULL)
    return -EINVAL;
  if (park_count(&q->getters_) || park_count(&q->putters_) || park_count(&q->joiners_))
    return -EBUSY;
  if ((me = reclaim_self()) == NULL)
    return -ENOMEM;
  (void)drop_all(q, me);
  if (q->kind_ != CORE_FIFO)
    fork_unregister(q);
  core_free(q);
  if (q->fd_ > 0)
    os_close(q->fd_ - 1);
  *q = (struct pawl_queue){0};
  return 0;
}

int pawl_queue_new(struct pawl_queue **out, const struct pawl_queue_options *options)
{
  if (out == NULL)
    return -EINVAL;
  struct pawl_queue *q = pawl__alloc(sizeof *q, PAWL_LINE);
  if (q == NULL)
    return -ENOMEM;
  int result = pawl_queue_init(q, options);
  if (result == 0)
    *out = q;
  else
    pawl__free(q, sizeof *q, PAWL_LINE);
  return result;
}

int pawl_queue_free(struct pawl_queue *q)
{
  if (q == NULL)
    return 0;
  int result = pawl_queue_fini(q);
  if (result == 0)
    pawl__free(q, sizeof *q, PAWL_LINE);
  return result;
}
