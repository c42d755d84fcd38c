/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relaxed.h - PAWL_RELAXED: many heaps, of which a get takes nearly the lowest key. Layer 1.
 *
 * Source: the MultiQueue (Rihani, Sanders and Dementiev, SPAA 2015; with stickiness: Williams, Sanders and Dementiev, ESA
 * 2021). Each heap (heap4.h) has a lock, which is only ever tried. A put takes a random heap that is free; a get looks at two
 * random heaps, takes the lock of the one whose top is lower, and pops. A thread keeps to its choice for RELAXED_PUTS puts and
 * RELAXED_GETS gets, unless it is held up, so that what it touches stays in its cache. Deviations: an exact bound, an exact
 * close, EMPTY only when it was true; no buffers in front of the heaps.
 *
 * What it is: threads meet on the same heap seldom, so that it goes on scaling where one heap, however fast, has one lock.
 * What it is not: a strict order. Items come out in the order of their heap, first in, first out among equal keys of one heap;
 * a get passes by items with lower keys in other heaps, on average five to nine times as many as there are
 * heaps (bench/RESULTS.md: rank error). So the number of heaps is the knob: one is the strict order, more cost order and gain
 * throughput. No item is passed by for ever: one that has no lower key before it goes as soon as its heap is chosen.
 *
 * A heap's `word` holds
 *     bit 0    RELAXED_HELD: its lock. Only the holder writes the rest of the heap.
 *     bit 1    RELAXED_CLOSED: no put is admitted any more. Never cleared.
 *     bits 2.. the version: counts the times that the heap was changed.
 *
 * Facts:
 *  M1  A word that is read twice, both times the same and not held, tells that the heap did not change in between, and that
 *      what was read of it in between belongs together. The holder takes the lock (acquire), then stores (release); a reader
 *      that saw such a store (acquire) sees at least HELD when it reads the word again. [H]
 *  M2  EMPTY: all heaps are seen not held and without an entry, then all words are seen again and are the same. At the instant
 *      between the two rounds all heaps were empty. From one release to the next words only grow, so that equal sums are
 *      equal words.
 *  M3  SHUTDOWN of a get: the same, with every heap closed. SHUTDOWN of a put: it met a closed heap, and closes the others
 *      before it says so. A close takes effect with the last heap: until then no put has been refused.
 *  M4  Bound: size = reserved - freed, both monotone; a put counts in `reserved` before its item is there, a get in `freed`
 *      before it is gone, each under the lock of the heap concerned. FULL is decided on a `reserved`, then a maxsize, then a
 *      `freed`: the room was gone when maxsize was read. It beats no SHUTDOWN: the heap that the put holds is open, so that
 *      the close is not over. A put counts for join before it counts in `reserved` (admit.h).
 *      FULL needs no memory: a heap without room for one more item asks for some only if there is room by the bound.
 *  M5  A queue that has never been bounded does not count; set_bound makes it count, with all heaps locked.
 *
 * Linearization points: put - its release of the heap, or for the bound M4; get - likewise; EMPTY, FULL, SHUTDOWN - M2 to M4.
 * Words are released, and decided on, by seq_cst operations: P1 of park.h [W].
 *
 * Progress: not lock-free. A thread that stands while it holds a heap stalls the items of that heap: puts and gets go to
 * others, but EMPTY cannot be told, and whoever has to lock every heap waits (close, set_bound, stats, trim, fork). Nobody
 * calls out or allocates while holding a heap. When every try has failed for a while the answer is RELAXED_STALLED; the layer
 * above lets others run and tries again.
 */
#ifndef PAWL_SRC_RELAXED_H
#define PAWL_SRC_RELAXED_H

#include "admit.h"
#include "atomic.h"
#include "base.h"
#include "heap4.h"
#include "os.h"
#include "reclaim.h"

enum {
  RELAXED_STALLED = -4095, /* internal: as RING_STALLED */
  RELAXED_GROW = -4094,    /* internal: a heap has no room */
  RELAXED_PER_CPU = 4,     /* heaps */
  RELAXED_SPINS = 64,      /* tries before RELAXED_STALLED */
  RELAXED_PUTS = 64,       /* puts that keep to one choice, */
  RELAXED_GETS = 16,       /* and gets: what that gains and costs is in bench/RESULTS.md */
};

enum { RELAXED_HELD = 1, RELAXED_CLOSED = 2, RELAXED_VERSION = 4 };

struct relaxed_heap {
  uint64_t word;
  uint64_t size;   /* copies for those who do not hold it: of the heap's size, */
  int64_t top_key; /* and of its top, if there is one */
  uint64_t top_item;
  struct heap4 heap;
  bool forked; /* held for a fork by who forks */
  char pad[PAWL_LINE - 4 * 8 - sizeof(struct heap4) - 1];
};

struct relaxed {
  uint32_t heaps;
  uint32_t counting; /* M5; changes once, with all heaps held */
  uint64_t start;    /* where the two counters begin */
  char pad0[PAWL_LINE - 16];
  uint64_t reserved;
  uint64_t freed_seen; /* puts' cached lower bound of `freed` */
  char pad1[PAWL_LINE - 16];
  uint64_t freed;
  char pad2[PAWL_LINE - 8];
  struct relaxed_heap heap[];
};

static inline size_t relaxed_size_of(uint32_t heaps)
{
  return sizeof(struct relaxed) + heaps * sizeof(struct relaxed_heap);
}

/* `heaps` 0: RELAXED_PER_CPU for each processor. Counters begin at `start`. NULL: no memory. */
static inline struct relaxed *relaxed_new(uint32_t heaps, uint64_t start)
{
  if (heaps == 0)
    heaps = RELAXED_PER_CPU * pawl_cpu_count();
  struct relaxed *r = pawl__alloc(relaxed_size_of(heaps), PAWL_LINE);
  if (r == NULL)
    return NULL;
  r->heaps = heaps;
  r->start = r->reserved = r->freed_seen = r->freed = start;
  for (uint32_t i = 0; i < heaps; i++)
    r->heap[i].heap.next = start;
  return r;
}

static inline void relaxed_free(struct relaxed *r)
{
  for (uint32_t i = 0; i < r->heaps; i++)
    heap4_fini(&r->heap[i].heap);
  pawl__free(r, relaxed_size_of(r->heaps), PAWL_LINE);
}

/* ---- one heap */

/* `word` receives what to release it with. */
static inline bool relaxed_try_lock(struct relaxed_heap *h, uint64_t *word)
{
  *word = at_load_relaxed(&h->word);
  return !(*word & RELAXED_HELD) && at_cas_acquire(&h->word, word, *word | RELAXED_HELD); /* [H] */
}

/* Releases a heap that was not changed. */
static inline void relaxed_leave(struct relaxed_heap *h, uint64_t word)
{
  at_store_release(&h->word, word); /* [H] */
}

/* Releases a heap that was changed, or closed by `word`. */
static inline void relaxed_unlock(struct relaxed_heap *h, uint64_t word)
{
  at_store_seq(&h->word, word + RELAXED_VERSION); /* [H] [W] */
}

static inline uint64_t relaxed_lock(struct relaxed_heap *h)
{
  uint64_t word;
  for (unsigned spins = 0; !relaxed_try_lock(h, &word); spins++)
    if (spins % RELAXED_SPINS == RELAXED_SPINS - 1)
      os_yield();
    else
      at_pause();
  return word;
}

/* After a push or a pop: renews the copies. */
static inline void relaxed_publish(struct relaxed_heap *h)
{
  uint64_t size = at_plain_load(&h->heap.size);
  if (size > 0) {
    const struct heap4_entry *top = &at_plain_load(&h->heap.entry)[HEAP4_TOP];
    at_store_release(&h->top_key, at_plain_load(&top->key));   /* [H] */
    at_store_release(&h->top_item, at_plain_load(&top->item)); /* [H] */
  }
  at_store_release(&h->size, size); /* [H] */
}

/* What the copies said at one instant. False: the heap is held, or changed meanwhile. */
static inline bool relaxed_read(const struct relaxed_heap *h, struct relaxed_heap *copy)
{
  copy->word = at_load_seq(&h->word);     /* [W] */
  copy->size = at_load_acquire(&h->size); /* [H] and the following */
  copy->top_key = at_load_acquire(&h->top_key);
  copy->top_item = at_load_acquire(&h->top_item);
  return !(copy->word & RELAXED_HELD) && at_load_relaxed(&h->word) == copy->word; /* M1 */
}

/* ---- which heap */

enum relaxed_side { RELAXED_PUT, RELAXED_GET };

enum { RELAXED_BITS = 21 }; /* of a choice, for one heap */

/* Another choice from now on. */
static inline void relaxed_turn(struct reclaim_thread *me, enum relaxed_side side)
{
  uint64_t x = me->random; /* xorshift64 (Marsaglia, 2003) */
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  me->random = x;
  me->choice[side] = (struct reclaim_choice){x, side == RELAXED_PUT ? RELAXED_PUTS : RELAXED_GETS};
}

static inline uint64_t relaxed_random(struct reclaim_thread *me, enum relaxed_side side)
{
  struct reclaim_choice *c = &me->choice[side];
  if (c->left == 0)
    relaxed_turn(me, side);
  c->left--;
  return c->bits;
}

/* 0 .. n - 1 from the lowest bits of a choice. */
static inline uint32_t relaxed_below(uint64_t bits, uint32_t n)
{
  return (uint32_t)((bits & ((UINT64_C(1) << RELAXED_BITS) - 1)) * n >> RELAXED_BITS);
}

/* Two random heaps, or one if there is but one: the one whose top seems to be lower. NULL: both seem to be empty. */
static inline struct relaxed_heap *relaxed_choose(struct relaxed *r, struct reclaim_thread *me)
{
  uint64_t bits = relaxed_random(me, RELAXED_GET);
  uint32_t n = r->heaps, i = relaxed_below(bits, n);
  struct relaxed_heap *a = &r->heap[i];
  if (n > 1) {
    uint32_t j = relaxed_below(bits >> RELAXED_BITS, n - 1);
    struct relaxed_heap *b = &r->heap[j + (j >= i)];
    bool there = at_load_relaxed(&b->size) > 0;
    if (at_load_relaxed(&a->size) == 0 || (there && at_load_relaxed(&b->top_key) < at_load_relaxed(&a->top_key)))
      a = b;
  }
  return at_load_relaxed(&a->size) > 0 ? a : NULL;
}

/* A look at all heaps, one after the other. */
struct relaxed_view {
  uint64_t words;              /* their sum */
  struct relaxed_heap *lowest; /* whose top is the lowest; NULL: none has one */
  struct relaxed_heap copy;    /* of that heap */
  bool closed;                 /* are all closed? */
  bool unsure;                 /* has some heap been held, or changed meanwhile? */
};

static inline void relaxed_view(struct relaxed *r, struct relaxed_view *v)
{
  *v = (struct relaxed_view){.closed = true};
  for (uint32_t i = 0; i < r->heaps; i++) {
    struct relaxed_heap copy;
    bool sure = relaxed_read(&r->heap[i], &copy);
    v->words += copy.word;
    v->closed &= (copy.word & RELAXED_CLOSED) != 0;
    v->unsure |= !sure;
    if (sure && copy.size > 0 && (v->lowest == NULL || copy.top_key < v->copy.top_key)) {
      v->lowest = &r->heap[i];
      v->copy = copy;
    }
  }
}

/* 0: some heap had an entry, and `v` names the lowest; else EMPTY, SHUTDOWN or RELAXED_STALLED. */
static inline int relaxed_look(struct relaxed *r, struct relaxed_view *v)
{
  for (unsigned spins = at_spins(RELAXED_SPINS);; spins--) {
    relaxed_view(r, v);
    uint64_t words = v->words;
    bool closed = v->closed, unsure = v->unsure;
    if (v->lowest == NULL && !unsure && at_step("relaxed.collect"))
      relaxed_view(r, v); /* M2 */
    if (v->lowest != NULL)
      return 0;
    if (!unsure && !v->unsure && v->words == words)
      return closed ? PAWL_SHUTDOWN : PAWL_EMPTY;
    if (spins == 0)
      return RELAXED_STALLED;
    at_pause();
  }
}

/* ---- the bound */

/* With so many reserved, is there no room? */
static inline bool relaxed_is_full(struct relaxed *r, const int64_t *maxsize, uint64_t reserved)
{
  uint64_t freed = at_load_acquire(&r->freed_seen); /* [M] what it counts happened before this put, for was_size */
  int64_t limit = at_load_seq(maxsize);             /* [W] */
  if (limit <= 0 || (int64_t)(reserved - freed) < limit)
    return false;
  freed = at_load_seq(&r->freed);          /* [W] */
  at_store_release(&r->freed_seen, freed); /* [M] */
  return (int64_t)(reserved - freed) >= limit;
}

/* Counts a put in, if there is room, and for join before that (admit.h). */
static inline bool relaxed_reserve(struct relaxed *r, const int64_t *maxsize, uint64_t *count, bool *admitted)
{
  uint64_t reserved = at_load_acquire(&r->reserved); /* M4: before maxsize, and that before `freed` */
  for (;;) {
    if (relaxed_is_full(r, maxsize, reserved))
      return false;
    admit(count, admitted);
    if (at_cas_seq(&r->reserved, &reserved, reserved + 1))
      return true;
  }
}

/* Locks every heap, so that nobody is between two of his steps. */
static inline void relaxed_lock_all(struct relaxed *r)
{
  for (uint32_t i = 0; i < r->heaps; i++)
    (void)relaxed_lock(&r->heap[i]);
}

static inline void relaxed_unlock_all(struct relaxed *r)
{
  for (uint32_t i = 0; i < r->heaps; i++)
    relaxed_leave(&r->heap[i], at_load_relaxed(&r->heap[i].word) & ~(uint64_t)RELAXED_HELD);
}

/* From now on the queue counts, for it has, or is about to have, a bound. */
static inline void relaxed_set_bound(struct relaxed *r)
{
  if (at_load_acquire(&r->counting))
    return;
  relaxed_lock_all(r);
  if (!at_load_relaxed(&r->counting)) {
    uint64_t inside = 0;
    for (uint32_t i = 0; i < r->heaps; i++)
      inside += at_plain_load(&r->heap[i].heap.size);
    at_store_relaxed(&r->reserved, r->start + inside);
    at_store_release(&r->counting, 1u);
  }
  relaxed_unlock_all(r);
}

/* ---- put and get */

/* Locks a random heap. NULL: it did not come to it. */
static inline struct relaxed_heap *relaxed_any(struct relaxed *r, struct reclaim_thread *me, uint64_t *word)
{
  for (unsigned spins = at_spins(RELAXED_SPINS);; spins--) {
    struct relaxed_heap *h = &r->heap[relaxed_below(relaxed_random(me, RELAXED_PUT), r->heaps)];
    if (relaxed_try_lock(h, word))
      return h;
    if (spins == 0)
      return NULL;
    relaxed_turn(me, RELAXED_PUT);
    at_pause();
  }
}

static inline int relaxed_put_once(struct relaxed *r, const int64_t *maxsize, struct reclaim_thread *me, int64_t key,
                                   uint64_t item, uint64_t *count, bool *admitted, struct heap4_spare *spare)
{
  uint64_t word;
  struct relaxed_heap *h = relaxed_any(r, me, &word);
  if (h == NULL)
    return RELAXED_STALLED;
  bool counting = at_load_relaxed(&r->counting) != 0;
  int result = word & RELAXED_CLOSED                                       ? PAWL_SHUTDOWN
               : !heap4_grow(&h->heap, spare)                              ? RELAXED_GROW
               : counting && !relaxed_reserve(r, maxsize, count, admitted) ? PAWL_FULL
                                                                           : 0;
  if (result == RELAXED_GROW && counting && relaxed_is_full(r, maxsize, at_load_acquire(&r->reserved)))
    result = PAWL_FULL; /* which needs no memory */
  if (result != 0) {
    relaxed_leave(h, word);
    return result;
  }
  admit(count, admitted);
  (void)heap4_push(&h->heap, NULL, key, item);
  relaxed_publish(h);
  relaxed_unlock(h, word);
  return 0;
}

static inline void relaxed_close(struct relaxed *r)
{
  for (uint32_t i = 0; i < r->heaps; i++) {
    struct relaxed_heap *h = &r->heap[i];
    if (at_load_acquire(&h->word) & RELAXED_CLOSED)
      continue;
    uint64_t word = relaxed_lock(h);
    if (word & RELAXED_CLOSED)
      relaxed_leave(h, word);
    else
      relaxed_unlock(h, word | RELAXED_CLOSED);
  }
}

/* 0, FULL, SHUTDOWN, -ENOMEM or RELAXED_STALLED. `count` (NULL: untracked) and `admitted` as in fifo.h. */
static inline int relaxed_try_put(struct relaxed *r, const int64_t *maxsize, struct reclaim_thread *me, int64_t key,
                                  uint64_t item, uint64_t *count, bool *admitted)
{
  struct heap4_spare spare = {0};
  int result;
  do
    result = relaxed_put_once(r, maxsize, me, key, item, count, admitted, &spare);
  while (result == RELAXED_GROW && (result = heap4_spare_renew(&spare)) == 0);
  heap4_spare_free(&spare);
  if (result == PAWL_SHUTDOWN && at_step("relaxed.help"))
    relaxed_close(r); /* M3 */
  return result;
}

/* Locks a heap that has an entry, and is likely to be low: 0, EMPTY, SHUTDOWN or RELAXED_STALLED. */
static inline int relaxed_find(struct relaxed *r, struct reclaim_thread *me, struct relaxed_heap **found, uint64_t *word)
{
  for (unsigned spins = at_spins(RELAXED_SPINS);; spins--) {
    struct relaxed_heap *h = relaxed_choose(r, me);
    if (h == NULL) {
      struct relaxed_view v;
      int result = relaxed_look(r, &v);
      if (result != 0)
        return result;
      h = v.lowest;
    }
    if (relaxed_try_lock(h, word)) {
      *found = h;
      if (at_plain_load(&h->heap.size) > 0)
        return 0;
      relaxed_leave(h, *word);
    }
    if (spins == 0)
      return RELAXED_STALLED;
    relaxed_turn(me, RELAXED_GET);
    at_pause();
  }
}

/* 0, EMPTY, SHUTDOWN or RELAXED_STALLED. `key` may be NULL. */
static inline int relaxed_try_get(struct relaxed *r, struct reclaim_thread *me, int64_t *key, uint64_t *item)
{
  struct relaxed_heap *h;
  struct heap4_spare spare = {0};
  uint64_t word;
  int64_t k;
  int result = relaxed_find(r, me, &h, &word);
  if (result != 0)
    return result;
  if (at_load_relaxed(&r->counting))
    (void)at_add_seq(&r->freed, UINT64_C(1)); /* M4 [W] */
  heap4_pop(&h->heap, NULL, key != NULL ? key : &k, item);
  heap4_empty(&h->heap, &spare);
  relaxed_publish(h);
  relaxed_unlock(h, word);
  heap4_spare_free(&spare);
  return 0;
}

/* An item that is inside and nearly the first: 0, EMPTY, SHUTDOWN or RELAXED_STALLED. */
static inline int relaxed_peek(struct relaxed *r, int64_t *key, uint64_t *item)
{
  struct relaxed_view v;
  int result = relaxed_look(r, &v);
  if (result != 0)
    return result;
  *item = v.copy.top_item; /* of one instant: M1 */
  if (key != NULL)
    *key = v.copy.top_key;
  return 0;
}

/* ---- sizes */

static inline uint64_t relaxed_was_size(const struct relaxed *r)
{
  if (at_load_acquire(&r->counting)) {
    uint64_t reserved = at_load_seq(&r->reserved); /* first: M4 */
    int64_t size = (int64_t)(reserved - at_load_seq(&r->freed));
    return size > 0 ? (uint64_t)size : 0;
  }
  uint64_t size = 0;
  for (uint32_t i = 0; i < r->heaps; i++) {
    (void)at_load_seq(&r->heap[i].word); /* [W] what was released before is seen */
    size += at_load_acquire(&r->heap[i].size);
  }
  return size;
}

/* Puts and gets so far; each heap at an instant of its own. */
static inline void relaxed_stats(struct relaxed *r, uint64_t *puts, uint64_t *gets)
{
  *puts = *gets = 0;
  for (uint32_t i = 0; i < r->heaps; i++) {
    struct relaxed_heap *h = &r->heap[i];
    uint64_t word = relaxed_lock(h), n = at_plain_load(&h->heap.next) - r->start;
    *puts += n;
    *gets += n - at_plain_load(&h->heap.size);
    relaxed_leave(h, word);
  }
}

static inline uint64_t relaxed_bytes(struct relaxed *r)
{
  uint64_t bytes = relaxed_size_of(r->heaps);
  for (uint32_t i = 0; i < r->heaps; i++) {
    uint64_t word = relaxed_lock(&r->heap[i]);
    bytes += heap4_bytes(at_plain_load(&r->heap[i].heap.room));
    relaxed_leave(&r->heap[i], word);
  }
  return bytes;
}

/* Gives back the memory that the heaps do not need. */
static inline void relaxed_trim(struct relaxed *r)
{
  for (uint32_t i = 0; i < r->heaps; i++) {
    struct heap4_spare spare = {0};
    bool done = false;
    while (!done) {
      uint64_t word = relaxed_lock(&r->heap[i]);
      done = heap4_shrink(&r->heap[i].heap, &spare);
      relaxed_leave(&r->heap[i], word);
      done = done || heap4_spare_renew(&spare) != 0;
    }
    heap4_spare_free(&spare);
  }
}

/* ---- fork */

/*
 * Before a fork: locks every heap, so that the child finds them whole. One that is held until the deadline is left alone: the
 * child gets its pages while somebody writes on them. The others do not pay for it: each is tried again and again.
 */
static inline void relaxed_before_fork(struct relaxed *r, pawl_time until)
{
  for (bool all = false; !all;) {
    bool last = os_now() >= until;
    all = true;
    for (uint32_t i = 0; i < r->heaps; i++) {
      struct relaxed_heap *h = &r->heap[i];
      uint64_t word;
      h->forked = h->forked || relaxed_try_lock(h, &word);
      all &= h->forked;
    }
    if (last)
      return;
    if (!all)
      os_yield();
  }
}

static inline void relaxed_after_fork(struct relaxed *r)
{
  for (uint32_t i = 0; i < r->heaps; i++) {
    struct relaxed_heap *h = &r->heap[i];
    if (h->forked)
      relaxed_leave(h, at_load_relaxed(&h->word) & ~(uint64_t)RELAXED_HELD);
    h->forked = false;
  }
}

/*
 * In a forked child, where nobody else uses the queue: a heap that was not locked may be midway in something, and what is in it is
 * given up. Returns how many items.
 */
static inline uint64_t relaxed_repair(struct relaxed *r)
{
  uint64_t inside = 0, lost = 0;
  for (uint32_t i = 0; i < r->heaps; i++) {
    struct relaxed_heap *h = &r->heap[i];
    if (!h->forked) {
      lost += h->heap.size;
      heap4_forget(&h->heap);
      relaxed_publish(h);
      relaxed_unlock(h, h->word & ~(uint64_t)RELAXED_HELD);
    }
    inside += h->heap.size;
  }
  relaxed_after_fork(r);
  if (r->counting)
    r->reserved = r->freed + inside;
  return lost;
}

#endif
