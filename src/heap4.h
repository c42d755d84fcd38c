/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap4.h - a 4-ary min-heap in one array, for one thread at a time. Layer 1. Serves locked.h and relaxed.h, under their locks.
 *
 * Source: d-ary heaps (Johnson, 1975); pop by Wegener's bottom-up variant (1993): the hole left by the top sinks to a leaf
 * along the smallest children, then the last entry rises from there. It saves a comparison per level, and that the last entry
 * nearly always belongs near the leaves makes the second loop short. Nothing is swapped: a hole moves, entries are copied once.
 *
 * Order: by (key, seq), where `seq` counts the pushes: first in, first out among equal keys. With `less` the items themselves
 * are compared, and equal are those of which neither is less: an older entry goes first unless the younger is less, so that
 * one call decides each comparison. A failed call counts as "not less": the top that a pop delivers is not touched by it; of
 * the rest, some may come later than it should.
 *
 * Layout: the top is entry[HEAP4_TOP]; the children of i are 4i - 8 .. 4i - 5. So the four children, 96 bytes, begin at a
 * multiple of 96 and lie on two cache lines, never three. Comparisons branch: a processor that guesses right runs ahead down
 * the tree; without branches each level waits for the one before, and takes twice as long (bench/RESULTS.md).
 *
 * Memory: what works on a heap does not allocate, because the heap's lock is held then, and that is no place for an allocator.
 * A larger array comes as a spare that was made before the lock was taken; the array that it replaces becomes the spare, and is
 * freed after the release.
 */
#ifndef PAWL_SRC_HEAP4_H
#define PAWL_SRC_HEAP4_H

#include "atomic.h"
#include "base.h"
#include <errno.h>

enum {
  HEAP4_TOP = 3, /* index of the top */
#if defined(PAWL_WORLD_MODEL)
  HEAP4_FIRST = 2, /* entries of the first array */
  HEAP4_KEPT = 4,
#else
  HEAP4_FIRST = 16,
  HEAP4_KEPT = 1024, /* an array of more is given back when the heap becomes empty: 24 KiB */
#endif
};

struct heap4_entry {
  int64_t key;
  uint64_t seq;
  uint64_t item;
};

struct heap4 {
  struct heap4_entry *entry; /* [HEAP4_TOP .. HEAP4_TOP + size) are in use */
  uint64_t room;             /* size <= room */
  uint64_t size;
  uint64_t next; /* seq of the next push */
};

/* An array that is no heap's: on its way to one, or from one. All zero: none. */
struct heap4_spare {
  struct heap4_entry *entry;
  uint64_t room;
  uint64_t wants; /* the room that a heap asked for which could not use this one */
};

/* What `less` of queue.h says of two items; NULL instead of this: the keys decide. */
struct heap4_order {
  int (*less)(void *ctx, uint64_t a, uint64_t b);
  void *ctx;
};

/* ---- memory */

static inline size_t heap4_bytes(uint64_t room)
{
  return room != 0 ? (size_t)(room + HEAP4_TOP) * sizeof(struct heap4_entry) : 0;
}

static inline void heap4_spare_free(struct heap4_spare *s)
{
  if (s->entry != NULL)
    pawl__free(s->entry, heap4_bytes(s->room), PAWL_LINE);
  *s = (struct heap4_spare){0};
}

/* Makes the spare that was wanted, in place of the one that there was. 0 or -ENOMEM. */
static inline int heap4_spare_renew(struct heap4_spare *s)
{
  uint64_t room = s->wants;
  heap4_spare_free(s);
  if (room > SIZE_MAX / sizeof(struct heap4_entry) - HEAP4_TOP)
    return -ENOMEM;
  s->entry = pawl__alloc(heap4_bytes(room), PAWL_LINE);
  s->room = s->entry != NULL ? room : 0;
  return s->entry != NULL ? 0 : -ENOMEM;
}

static inline void heap4_copy(struct heap4_entry *to, const struct heap4_entry *from)
{
  at_plain_store(&to->key, at_plain_load(&from->key));
  at_plain_store(&to->seq, at_plain_load(&from->seq));
  at_plain_store(&to->item, at_plain_load(&from->item));
}

/* Goes over to the spare, which has room for all; the array before becomes the spare. */
static inline void heap4_move(struct heap4 *h, struct heap4_spare *s)
{
  struct heap4_entry *from = at_plain_load(&h->entry);
  uint64_t room = at_plain_load(&h->room), size = at_plain_load(&h->size);
  for (uint64_t i = HEAP4_TOP; i < HEAP4_TOP + size; i++)
    heap4_copy(&s->entry[i], &from[i]);
  at_plain_store(&h->entry, s->entry);
  at_plain_store(&h->room, s->room);
  *s = (struct heap4_spare){.entry = from, .room = room};
}

/* Is there room for one more, if need be in the spare? False: another spare is wanted. */
static inline bool heap4_grow(struct heap4 *h, struct heap4_spare *s)
{
  uint64_t room = at_plain_load(&h->room);
  if (__builtin_expect(at_plain_load(&h->size) < room, 1))
    return true;
  if (s->room <= room) {
    s->wants = room == 0 ? HEAP4_FIRST : room <= UINT64_MAX / 2 ? 2 * room : UINT64_MAX;
    return false;
  }
  heap4_move(h, s);
  return true;
}

/* Is the array no larger than the entries need, if need be in the spare? False: another spare is wanted. */
static inline bool heap4_shrink(struct heap4 *h, struct heap4_spare *s)
{
  uint64_t room = at_plain_load(&h->room), size = at_plain_load(&h->size), fits = size == 0 ? 0 : HEAP4_FIRST;
  while (fits < size)
    fits *= 2;
  if (fits >= room)
    return true;
  if (s->room < size || s->room >= room) {
    s->wants = fits;
    return false;
  }
  heap4_move(h, s);
  return true;
}

/* Takes the array of a heap that has become empty, if it is a large one. The spare is none yet. */
static inline void heap4_empty(struct heap4 *h, struct heap4_spare *s)
{
  if (at_plain_load(&h->size) == 0 && at_plain_load(&h->room) > HEAP4_KEPT)
    heap4_move(h, s);
}

static inline void heap4_fini(struct heap4 *h)
{
  pawl__free(h->entry, heap4_bytes(h->room), PAWL_LINE);
}

/* Empties a heap that may be midway in anything. Its array is lost, since nobody can tell which it is. */
static inline void heap4_forget(struct heap4 *h)
{
  *h = (struct heap4){.next = h->next};
}

/* ---- order */

/* Does a go before b? `failed` is set if the comparison failed. */
static inline __attribute__((always_inline)) bool heap4_before(const struct heap4_order *by, const struct heap4_entry *a,
                                                               const struct heap4_entry *b, bool *failed)
{
  int64_t a_key = at_plain_load(&a->key), b_key = at_plain_load(&b->key);
  if (by == NULL && a_key < b_key)
    return true;
  if (by == NULL && __builtin_expect(a_key > b_key, 1))
    return false;
  bool older = (int64_t)(at_plain_load(&a->seq) - at_plain_load(&b->seq)) < 0;
  if (by == NULL)
    return older;
  uint64_t left = at_plain_load(&a->item), right = at_plain_load(&b->item);
  int less = older ? by->less(by->ctx, right, left) : by->less(by->ctx, left, right);
  *failed |= less < 0;
  return older ? less <= 0 : less > 0;
}

/* The hole rises to where x belongs, and x falls into it. */
static inline __attribute__((always_inline)) bool heap4_rise(const struct heap4_order *by, struct heap4_entry *entry,
                                                             uint64_t hole, const struct heap4_entry *x)
{
  bool failed = false;
  while (hole > HEAP4_TOP) {
    struct heap4_entry *above = &entry[hole / 4 + 2];
    if (!heap4_before(by, x, above, &failed))
      break;
    heap4_copy(&entry[hole], above);
    hole = hole / 4 + 2;
  }
  heap4_copy(&entry[hole], x);
  return failed;
}

/* The hole sinks from the top to a leaf of the entries below `end`, along the first of each four. Returns the leaf. */
static inline __attribute__((always_inline)) uint64_t heap4_sink(const struct heap4_order *by, struct heap4_entry *entry,
                                                                 uint64_t end)
{
  bool failed = false; /* changes nothing here */
  uint64_t hole = HEAP4_TOP, below = 4 * HEAP4_TOP - 8;
  for (; below + 3 < end; below = 4 * hole - 8) {
    struct heap4_entry *c = &entry[below];
    uint64_t left = heap4_before(by, &c[1], &c[0], &failed), right = 2 + (uint64_t)heap4_before(by, &c[3], &c[2], &failed);
    uint64_t first = below + (heap4_before(by, &c[right], &c[left], &failed) ? right : left);
    heap4_copy(&entry[hole], &entry[first]);
    hole = first;
  }
  if (below < end) {
    uint64_t first = below;
    while (++below < end)
      if (heap4_before(by, &entry[below], &entry[first], &failed))
        first = below;
    heap4_copy(&entry[hole], &entry[first]);
    hole = first;
  }
  return hole;
}

static inline __attribute__((always_inline)) bool heap4_push_(const struct heap4_order *by, struct heap4 *h, int64_t key,
                                                              uint64_t item)
{
  uint64_t seq = at_plain_load(&h->next), size = at_plain_load(&h->size);
  const struct heap4_entry x = {key, seq, item};
  at_plain_store(&h->next, seq + 1);
  at_plain_store(&h->size, size + 1);
  return heap4_rise(by, at_plain_load(&h->entry), HEAP4_TOP + size, &x);
}

static inline __attribute__((always_inline)) void heap4_pop_(const struct heap4_order *by, struct heap4 *h, int64_t *key,
                                                             uint64_t *item)
{
  struct heap4_entry *entry = at_plain_load(&h->entry);
  uint64_t size = at_plain_load(&h->size) - 1, last = HEAP4_TOP + size;
  *key = at_plain_load(&entry[HEAP4_TOP].key);
  *item = at_plain_load(&entry[HEAP4_TOP].item);
  at_plain_store(&h->size, size);
  if (size == 0)
    return;
  uint64_t hole = heap4_sink(by, entry, last);
  (void)heap4_rise(by, entry, hole, &entry[last]);
}

/* There must be room (heap4_grow). `by` NULL: by keys. True: a comparison failed, and the entry is where it got to. */
static inline bool heap4_push(struct heap4 *h, const struct heap4_order *by, int64_t key, uint64_t item)
{
  return __builtin_expect(by == NULL, 1) ? heap4_push_(NULL, h, key, item) : heap4_push_(by, h, key, item);
}

/* There must be an entry. */
static inline void heap4_pop(struct heap4 *h, const struct heap4_order *by, int64_t *key, uint64_t *item)
{
  if (__builtin_expect(by == NULL, 1))
    heap4_pop_(NULL, h, key, item);
  else
    heap4_pop_(by, h, key, item);
}

#endif
