/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap.h - the lock-free priority core: strict order, lowest key first, first in first out among equal keys. Layer 1. Never
 * blocks; enters the kernel only to allocate. heap_chunk.h has the merging of chunks.
 *
 * Source: Herlihy, "A methodology for implementing highly concurrent data objects" (ACM TOPLAS 15(5), 1993), whose protocol for
 * large objects copies what an operation changes and swings the root by one CAS; its example is a skew heap. Deviations:
 *  - a leftist heap (Crane 1972; Knuth, TAOCP 3, 5.2.3), so that a merge copies O(log n) nodes in the worst case, too;
 *  - nodes are chunks of sorted entries (as in Deo and Prasad's parallel heap, J. Supercomputing 6, 1992), so that most
 *    operations copy one chunk or none, and a cache line that is fetched serves several of them;
 *  - a version carries the size and the number of the next put, so that the bound is exact, equal keys leave in the order
 *    in which their puts took effect, and every answer is decided on one word (top.h);
 *  - chunks are read while they may be used again, and what was read counts only if the CAS succeeds (H3);
 *  - memory comes from a pool (pool.h), and who loses the CAS pauses (backoff.h).
 *
 *     version:  front[first ..]  the lowest entries, in order
 *               back             a chunk of later puts, in order, none lower than the last of the front
 *               heap             chunks, none of whose entries is lower than the last of the front
 *
 *     get   a version with first + 1; when the front is used up, the root chunk of the heap and what is not higher in the back
 *           become the front, and the root's two children are merged
 *     put   into a copy of the front or of the back; a full front leaves its upper half to the heap, a full back goes there
 *
 * Compared by measurement (bench/RESULTS.md): the same with single entries for chunks; Linden and Jonsson's skiplist by (key,
 * sequence); the heap under a lock.
 *
 * Invariants:
 *  H1  What can be reached from the word never changes; what an operation replaces, it copies.
 *  H2  A version is used again only when it is in nobody's slot, so that T1 of top.h holds. A chunk that was replaced is used
 *      again at once: no slot ever names one.
 *  H3  If the CAS succeeds, the version was the same since it was protected (T1); then no chunk that can be reached from it was
 *      used again meanwhile, and all that was read belonged to it. If the CAS fails, it is forgotten. What is read of a chunk
 *      used again are numbers, checked where they bound a loop or an index, and pointers to chunks of the pool or NULL (N2 of
 *      pool.h). For the rest relaxed loads suffice: the load of the word receives all that was written before that version was
 *      published, and two CASes never succeed on one version (peek's, which changes nothing, apart).
 *  H4  The front of a version has an entry behind `first`, or is NULL with the back and the heap: a version is never empty.
 *
 * Linearization points: put and get - the CAS; EMPTY and SHUTDOWN - the load of the word; FULL - top_room's second load of it.
 *
 * Progress: lock-free. A CAS fails only because another operation succeeded; one attempt is at most HEAP_CHUNK * O(log n)
 * steps. Retention: N4 of pool.h, R4 of reclaim.h. Memory: an operation needs the chunks that it copies until its CAS frees as
 * many, at most 2 log2(n / 32) + 3. Each put leaves in its thread's reach what the next get might need, or answers -ENOMEM; a
 * thread that only gets has a magazine of them from its first call and what its gets have freed. So where there is no memory, its
 * get may answer -ENOMEM, too, and the item stays.
 */
#ifndef PAWL_SRC_HEAP_H
#define PAWL_SRC_HEAP_H

#include "admit.h"
#include "backoff.h"
#include "base.h"
#include "heap_chunk.h"
#include "top.h"
#include <errno.h>
#include <pawl/base.h>

struct heap_version {
  struct pool_node pool; /* link: not used, for it changes when others may still be looking; rest: back, or NULL; core: first */
  struct heap_chunk *front;
  struct heap_chunk *heap;
  uint64_t size;
  uint64_t puts; /* sequence of the next one */
  uint64_t pad;
};
_Static_assert(sizeof(struct heap_version) == 64, "one line");

struct heap {
  uint64_t top;   /* struct heap_version, or 0: empty; and TOP_CLOSED */
  uint64_t first; /* sequence of the first put into an empty heap */
  char pad[PAWL_LINE - 16];
  struct pool pool;
};

static inline struct heap *heap_new(uint64_t first)
{
  struct heap *h = pawl__alloc(sizeof *h, PAWL_LINE);
  if (h != NULL) {
    pool_init(&h->pool, sizeof(struct heap_version), sizeof(struct heap_chunk), HEAP_NODES);
    h->first = first;
  }
  return h;
}

static inline void heap_free(struct heap *h)
{
  pool_fini(&h->pool);
  pawl__free(h, sizeof *h, PAWL_LINE);
}

/* ---- versions */

static inline uint64_t heap_size(const struct heap_version *v)
{
  return v != NULL ? at_load_relaxed(&v->size) : 0;
}

/* What an operation finds and what it makes of it; NULL in `front`: nothing. */
struct heap_state {
  struct heap_chunk *front, *back, *heap;
  uint32_t first;
};

static inline struct heap_state heap_state_of(struct heap_version *v)
{
  if (v == NULL)
    return (struct heap_state){NULL, NULL, NULL, 0};
  return (struct heap_state){at_load_relaxed(&v->front), at_load_relaxed(&v->pool.rest), at_load_relaxed(&v->heap),
                             at_load_relaxed(&v->pool.core)};
}

/* A version of this state, in the place of the one found: 0, PAWL_STATE if that is not the top any more, or -ENOMEM. */
static inline int heap_publish(struct heap *h, struct heap_work *w, uint64_t seen, struct heap_state s, uint64_t size,
                               uint64_t puts)
{
  struct heap_version *v = NULL;
  if (s.front != NULL) {
    if ((v = pool_take(w->hand, 0)) == NULL)
      return -ENOMEM;
    at_store_relaxed(&v->front, s.front);
    at_store_relaxed(&v->pool.rest, (void *)s.back);
    at_store_relaxed(&v->pool.core, s.first);
    at_store_relaxed(&v->heap, s.heap);
    at_store_relaxed(&v->size, size);
    at_store_relaxed(&v->puts, puts);
  }
  /* An allocator that uses other queues meanwhile may have taken the slots. */
  if (top_is_protected(w->hand->hazard, seen) && top_swing(w->hand->hazard, &h->top, seen, v)) {
    if (top_node(seen) != NULL)
      pool_retire(w->hand, top_node(seen)); /* H2 */
    return 0;
  }
  if (v != NULL)
    pool_give(w->hand, 0, v);
  return PAWL_STATE;
}

/* ---- put */

/* Into the front, whose last entry is higher, or which has room and nothing behind it. A full one leaves its upper half. */
static inline int heap_put_front(struct heap_work *w, struct heap_state *s, uint32_t count, const struct heap_entry *e)
{
  struct heap_chunk *front = s->front;
  struct heap_part *all = &w->part[0], *upper = &w->part[1];
  uint32_t first = s->first;
  s->first = 0;
  if (!heap_drop(w, front))
    return PAWL_STATE;
  if (count - first < HEAP_CHUNK)
    return heap_store_with(w, &s->front, front, first, count, e);
  if (!heap_load(all, front, first))
    return PAWL_STATE;
  heap_insert(all, e);
  heap_split(all, upper);
  int result = heap_store(w, &s->front, all);
  return result == 0 ? heap_push(w, &s->heap, upper) : result;
}

/* Into the back. A full one goes into the heap. */
static inline int heap_put_back(struct heap_work *w, struct heap_state *s, const struct heap_entry *e)
{
  struct heap_chunk *back = s->back;
  uint32_t count = back != NULL ? heap_count(back) : 0;
  if (count > HEAP_CHUNK || (back != NULL && !heap_drop(w, back)))
    return PAWL_STATE;
  if (count < HEAP_CHUNK)
    return heap_store_with(w, &s->back, back, 0, count, e);
  if (!heap_load(&w->part[1], back, 0))
    return PAWL_STATE;
  int result = heap_push(w, &s->heap, &w->part[1]);
  return result == 0 ? heap_store_with(w, &s->back, NULL, 0, 0, e) : result;
}

static inline int heap_put_in(struct heap_work *w, struct heap_state *s, const struct heap_entry *e)
{
  if (s->front == NULL)
    return heap_store_with(w, &s->front, NULL, 0, 0, e);
  uint32_t count = heap_count(s->front);
  if (count <= s->first || count > HEAP_CHUNK)
    return PAWL_STATE; /* used again: H3 */
  bool small = s->back == NULL && s->heap == NULL && count - s->first < HEAP_CHUNK;
  if (small || e->key < at_load_relaxed(&s->front->entry[count - 1].key)) /* its sequence is the highest */
    return heap_put_front(w, s, count, e);
  return heap_put_back(w, s, e);
}

/* One attempt: 0, FULL, SHUTDOWN, -ENOMEM, or PAWL_STATE: look again. */
static inline int heap_put_once(struct heap *h, const int64_t *maxsize, struct heap_work *w, struct heap_entry *e,
                                uint64_t *count, bool *admitted)
{
  uint64_t seen = top_protect(w->hand->hazard, &h->top);
  struct heap_version *v = top_node(seen);
  struct heap_state s = heap_state_of(v);
  int result = top_room(&h->top, maxsize, seen, heap_size(v));
  if (result != 0)
    return result;
  admit(count, admitted);
  e->sequence = v != NULL ? at_load_relaxed(&v->puts) : h->first;
  if ((result = heap_put_in(w, &s, e)) != 0)
    return result;
  if (!pool_reserve(w->hand, 1, heap_needs(s.heap)) || !pool_reserve(w->hand, 0, 2)) /* and for the next get */
    return -ENOMEM;
  return heap_publish(h, w, seen, s, heap_size(v) + 1, e->sequence + 1);
}

/* 0, FULL, SHUTDOWN, -ENOMEM. `count` and `admitted` as in admit.h. */
static __attribute__((noinline)) int heap_try_put(struct heap *h, const int64_t *maxsize, struct reclaim_thread *me,
                                                  int64_t key, uint64_t item, uint64_t *count, bool *admitted)
{
  struct heap_entry e = {key, 0, item};
  struct pool_hand hand;
  struct heap_work w;
  unsigned losses = 0;
  int result;
  if (!pool_enter(&hand, &h->pool, me))
    return -ENOMEM;
  pool_guard(&hand);
  for (;; backoff_lost(&losses)) {
    heap_work_begin(&w, &hand);
    result = heap_put_once(h, maxsize, &w, &e, count, admitted);
    heap_work_end(&w, result == 0);
    if (result != PAWL_STATE)
      break;
  }
  if (result == 0)
    pool_count(&hand.lane->puts, 1);
  pool_unguard(&hand);
  return result;
}

/* ---- get */

/* A new front from the root of the heap and what is not higher in the back; what is left of both is the new back. */
static inline int heap_refill(struct heap_work *w, struct heap_state *s)
{
  struct heap_part *root = &w->part[0], *back = &w->part[1], *left_over = &w->part[2];
  struct heap_chunk *chunk = s->heap;
  if (!heap_load_root(root, chunk) || (s->back != NULL && !heap_load(back, s->back, 0)))
    return PAWL_STATE;
  s->front = chunk;
  if (s->back != NULL && heap_before(&back->entry[0], &root->entry[root->n - 1])) {
    if (!heap_drop(w, chunk) || !heap_drop(w, s->back))
      return PAWL_STATE;
    int result = heap_lowest(w, &s->front, root, back, left_over);
    s->back = NULL;
    if (result == 0 && left_over->n > 0)
      result = heap_store(w, &s->back, left_over);
    if (result != 0)
      return result;
  }
  s->heap = root->left;
  return heap_merge(w, &s->heap, root->right);
}

/* The first entry. False: the chunk has been used again. */
static inline bool heap_first(const struct heap_state *s, struct heap_entry *e)
{
  uint32_t count = heap_count(s->front);
  if (count <= s->first || count > HEAP_CHUNK)
    return false;
  *e = heap_entry_of(s->front, s->first);
  return true;
}

/* Removes it: 0, -ENOMEM, PAWL_STATE. */
static inline int heap_take(struct heap_work *w, struct heap_state *s)
{
  if (++s->first < heap_count(s->front))
    return 0;
  if (!heap_drop(w, s->front))
    return PAWL_STATE;
  s->first = 0;
  if (s->heap != NULL)
    return heap_refill(w, s);
  s->front = s->back;
  s->back = NULL;
  return 0;
}

/* One attempt: 0, EMPTY, SHUTDOWN, -ENOMEM, or PAWL_STATE: look again. */
static inline int heap_get_once(struct heap *h, struct heap_work *w, struct heap_entry *e)
{
  uint64_t seen = top_protect(w->hand->hazard, &h->top);
  struct heap_version *v = top_node(seen);
  if (v == NULL)
    return seen & TOP_CLOSED ? PAWL_SHUTDOWN : PAWL_EMPTY;
  struct heap_state s = heap_state_of(v);
  if (!heap_first(&s, e))
    return PAWL_STATE;
  int result = heap_take(w, &s);
  return result != 0 ? result : heap_publish(h, w, seen, s, at_load_relaxed(&v->size) - 1, at_load_relaxed(&v->puts));
}

static inline void heap_tell(const struct heap_entry *e, int64_t *key, uint64_t *item)
{
  *item = e->item;
  if (key != NULL)
    *key = e->key;
}

/* 0, EMPTY, SHUTDOWN once closed and dry, or -ENOMEM. `key` may be NULL. */
static __attribute__((noinline)) int heap_try_get(struct heap *h, struct reclaim_thread *me, int64_t *key, uint64_t *item)
{
  struct heap_entry e;
  struct pool_hand hand;
  struct heap_work w;
  unsigned losses = 0;
  int result;
  if (!pool_enter(&hand, &h->pool, me))
    return -ENOMEM;
  pool_guard(&hand);
  for (;; backoff_lost(&losses)) {
    heap_work_begin(&w, &hand);
    result = heap_get_once(h, &w, &e);
    heap_work_end(&w, result == 0);
    if (result != PAWL_STATE)
      break;
  }
  if (result == 0) {
    heap_tell(&e, key, item);
    pool_count(&hand.lane->gets, 1);
  }
  pool_unguard(&hand);
  return result;
}

/* What a get would take now: 0, EMPTY, SHUTDOWN, or -ENOMEM. `key` may be NULL. The CAS changes nothing: it tells, as for a
 * get, that what was read belongs together (H3). Release: who swings the word next, and uses chunks again, does so behind the
 * reads before this CAS. */
static inline int heap_peek(struct heap *h, struct reclaim_thread *me, int64_t *key, uint64_t *item)
{
  struct heap_entry e;
  struct pool_hand hand;
  int result;
  if (!pool_enter(&hand, &h->pool, me))
    return -ENOMEM;
  pool_guard(&hand);
  do {
    uint64_t seen = top_protect(hand.hazard, &h->top);
    struct heap_version *v = top_node(seen);
    if (v == NULL) {
      result = seen & TOP_CLOSED ? PAWL_SHUTDOWN : PAWL_EMPTY;
    } else {
      struct heap_state s = heap_state_of(v);
      uint64_t same = seen;
      result = heap_first(&s, &e) && at_cas_release(&h->top, &same, seen) ? 0 : PAWL_STATE;
    }
  } while (result == PAWL_STATE);
  if (result == 0)
    heap_tell(&e, key, item);
  pool_unguard(&hand);
  return result;
}

/* Takes everything by one CAS and hands each item to `drop`, in no order. Needs no memory: without a lane the nodes wait for
 * heap_free. Returns how many. */
static inline uint64_t heap_drain(struct heap *h, struct reclaim_thread *me, void (*drop)(void *ctx, uint64_t item), void *ctx)
{
  struct reclaim_group *g = pool_group(&h->pool, me);
  struct heap_chunk *all = NULL, *next;
  struct pool_hand hand;
  uint64_t seen;
  do
    seen = top_protect(g, &h->top);
  while (top_node(seen) != NULL && !top_swing(g, &h->top, seen, NULL));
  struct heap_version *v = top_node(seen);
  if (v == NULL)
    return 0;
  struct heap_state s = heap_state_of(v);
  uint64_t n = heap_drop_heap(s.heap, &all, drop, ctx) + heap_drop_entries(s.front, s.first, drop, ctx);
  if (s.back != NULL)
    n += heap_drop_entries(s.back, 0, drop, ctx);
  if (!pool_enter(&hand, &h->pool, me))
    return n;
  pool_give(&hand, 1, s.front);
  if (s.back != NULL)
    pool_give(&hand, 1, s.back);
  for (; all != NULL; all = next) {
    next = (struct heap_chunk *)at_load_relaxed(&all->pool.node.link);
    pool_give(&hand, 1, all);
  }
  pool_retire(&hand, v);
  pool_count(&hand.lane->gets, n);
  return n;
}

static inline uint64_t heap_was_size(struct heap *h, struct reclaim_thread *me)
{
  return heap_size(top_node(top_protect(pool_group(&h->pool, me), &h->top)));
}

#endif
