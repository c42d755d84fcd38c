/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap_chunk.h - leftist heaps of sorted chunks, changed by copying: what heap.h is made of. Layer 1.
 *
 * A chunk has 1 to HEAP_CHUNK entries in order of (key, sequence), and two heaps, left and right, none of whose entries is lower
 * than its last. rank = length of the right spine; rank(left) >= rank(right), so that it is at most log2(chunks + 1).
 *
 * Merging heaps a and b, the last entry of a lower than that of b: the new root x has the lowest entries of both, as many as
 * fit, but none that is higher than a's last. So a's children are not lower than x. The others, y, end with b's last, so that
 * b's children are not lower than y. x gets a's left heap, and a's right heap merged with (y, b's children); and so on down
 * the right spines, of which each step leaves a chunk behind. y is never empty, for it has b's last; it stays on the stack
 * until a spine ends.
 *
 * All of this may run on chunks that are used again meanwhile (H3 of heap.h). Then the numbers may be any, so that counts are
 * checked when they are loaded, and loops end by them; results are useless, and the caller's CAS fails.
 */
#ifndef PAWL_SRC_HEAP_CHUNK_H
#define PAWL_SRC_HEAP_CHUNK_H

#include "atomic.h"
#include "pool.h"
#include <errno.h>
#include <pawl/base.h>

enum {
#if defined(PAWL_WORLD_MODEL) || defined(PAWL_WORLD_GENMC)
  HEAP_CHUNK = 2, /* entries */
  HEAP_NODES = 2,
#else
#ifndef HEAP_CHUNK_
#define HEAP_CHUNK_ 32
#endif
  HEAP_CHUNK = HEAP_CHUNK_, /* entries */
  HEAP_NODES = 16,          /* chunks per magazine and slab */
#endif
  HEAP_PATH = 128 + 4, /* chunks that an operation makes, or replaces: two right spines, and those beside them */
};

struct heap_entry {
  int64_t key;
  uint64_t sequence;
  uint64_t item;
};

struct heap_chunk {
  struct pool_node
      pool; /* link: left; rest: right; core: ranks of both, 8 bits each, and the count of entries from bit 16 on */
  struct heap_entry entry[HEAP_CHUNK];
};

/* A chunk on the stack; with room for one more. */
struct heap_part {
  struct heap_chunk *left, *right;
  uint32_t left_rank, right_rank;
  uint32_t n;
  struct heap_entry entry[HEAP_CHUNK + 1];
};

/* One attempt of an operation. */
struct heap_work {
  struct pool_hand *hand;
  uint32_t made, dropped;
  struct heap_chunk *new[HEAP_PATH]; /* to be given back if the CAS fails */
  struct heap_chunk *old[HEAP_PATH]; /* if it succeeds */
  struct heap_part part[4];
};

static inline void heap_work_begin(struct heap_work *w, struct pool_hand *hand)
{
  w->hand = hand;
  w->made = w->dropped = 0;
}

static inline void heap_work_end(struct heap_work *w, bool succeeded)
{
  struct heap_chunk **chunk = succeeded ? w->old : w->new;
  for (uint32_t n = succeeded ? w->dropped : w->made; n > 0; n--)
    pool_give(w->hand, 1, chunk[n - 1]);
}

/* Notes that a chunk is to be replaced. False: too many, they have been used again. */
static inline bool heap_drop(struct heap_work *w, struct heap_chunk *c)
{
  if (w->dropped == HEAP_PATH)
    return false;
  w->old[w->dropped++] = c;
  return true;
}

/* ---- chunks */

static inline uint32_t heap_count(struct heap_chunk *c)
{
  return at_load_relaxed(&c->pool.core) >> 16;
}

/* Of the heap whose root is c. */
static inline uint32_t heap_rank(struct heap_chunk *c)
{
  return c != NULL ? (at_load_relaxed(&c->pool.core) >> 8 & 0xff) + 1 : 0;
}

/* Chunks that a get which empties the front may need beside those that it frees by then: all that heap_refill makes. */
static inline uint32_t heap_needs(struct heap_chunk *heap)
{
  uint32_t core = heap != NULL ? at_load_relaxed(&heap->pool.core) : 0;
  return heap != NULL ? (core & 0xff) + (core >> 8 & 0xff) + 3 : 0;
}

static inline bool heap_before(const struct heap_entry *a, const struct heap_entry *b)
{
  return a->key != b->key ? a->key < b->key : (int64_t)(a->sequence - b->sequence) < 0;
}

static inline struct heap_entry heap_entry_of(struct heap_chunk *c, uint32_t i)
{
  const struct heap_entry *e = &c->entry[i];
  return (struct heap_entry){at_load_relaxed(&e->key), at_load_relaxed(&e->sequence), at_load_relaxed(&e->item)};
}

static inline void heap_clear(struct heap_part *p)
{
  p->left = p->right = NULL;
  p->left_rank = p->right_rank = p->n = 0;
}

/* The entries of a chunk from `first` on, without heaps. False: it has been used again. */
static inline bool heap_load(struct heap_part *to, struct heap_chunk *c, uint32_t first)
{
  uint32_t count = heap_count(c);
  if (count <= first || count > HEAP_CHUNK)
    return false;
  heap_clear(to);
  to->n = count - first;
  for (uint32_t i = 0; i < to->n; i++)
    to->entry[i] = heap_entry_of(c, first + i);
  return true;
}

/* The whole of a chunk of a heap. */
static inline bool heap_load_root(struct heap_part *to, struct heap_chunk *c)
{
  if (!heap_load(to, c, 0))
    return false;
  uint32_t core = at_load_relaxed(&c->pool.core);
  to->left = (struct heap_chunk *)at_load_acquire(&c->pool.node.link); /* [W] of pool.h */
  to->right = at_load_acquire(&c->pool.rest);                          /* [W] */
  to->left_rank = core & 0xff;
  to->right_rank = core >> 8 & 0xff;
  return true;
}

static inline void heap_set_entry(struct heap_chunk *c, uint32_t i, const struct heap_entry *e)
{
  at_store_relaxed(&c->entry[i].key, e->key);
  at_store_relaxed(&c->entry[i].sequence, e->sequence);
  at_store_relaxed(&c->entry[i].item, e->item);
}

/* Gives c two heaps, the one of higher rank on the left. Returns the rank of the heap that c is then. */
static inline uint32_t heap_join(struct heap_chunk *c, uint32_t count, struct heap_chunk *a, uint32_t rank_a,
                                 struct heap_chunk *b, uint32_t rank_b)
{
  bool swap = rank_a < rank_b;
  uint32_t left = swap ? rank_b : rank_a, right = swap ? rank_a : rank_b;
  at_store_release(&c->pool.node.link, (struct reclaim_node *)(swap ? b : a)); /* [W] of pool.h */
  at_store_release(&c->pool.rest, (void *)(swap ? a : b));                     /* [W] */
  at_store_relaxed(&c->pool.core, left | right << 8 | count << 16);
  return right + 1;
}

/* A new chunk; NULL with *result = -ENOMEM, or PAWL_STATE if there have been too many. */
static inline struct heap_chunk *heap_make(struct heap_work *w, int *result)
{
  struct heap_chunk *c = w->made < HEAP_PATH ? pool_take(w->hand, 1) : NULL;
  *result = c != NULL ? 0 : w->made < HEAP_PATH ? -ENOMEM : PAWL_STATE;
  if (c != NULL)
    w->new[w->made++] = c;
  return c;
}

/* Makes a chunk of a part, with its heaps: 0, or as heap_make. */
static inline int heap_store(struct heap_work *w, struct heap_chunk **to, const struct heap_part *from)
{
  int result;
  struct heap_chunk *c = heap_make(w, &result);
  if (c == NULL)
    return result;
  for (uint32_t i = 0; i < from->n; i++)
    heap_set_entry(c, i, &from->entry[i]);
  (void)heap_join(c, from->n, from->left, from->left_rank, from->right, from->right_rank);
  *to = c;
  return 0;
}

/* A new chunk of the entries [first, count) of another, and of e, behind all that is not higher. As heap_store. */
static inline int heap_store_with(struct heap_work *w, struct heap_chunk **to, struct heap_chunk *from, uint32_t first,
                                  uint32_t count, const struct heap_entry *e)
{
  int result;
  struct heap_chunk *c = heap_make(w, &result);
  if (c == NULL)
    return result;
  uint32_t i = first, n = 0;
  for (; i < count; i++, n++) {
    struct heap_entry old = heap_entry_of(from, i);
    if (old.key > e->key)
      break;
    heap_set_entry(c, n, &old);
  }
  heap_set_entry(c, n++, e);
  for (; i < count; i++, n++) {
    struct heap_entry old = heap_entry_of(from, i);
    heap_set_entry(c, n, &old);
  }
  (void)heap_join(c, n, NULL, 0, NULL, 0);
  *to = c;
  return 0;
}

/* ---- parts */

/* Behind all that is not higher. There is room for one. */
static inline void heap_insert(struct heap_part *p, const struct heap_entry *e)
{
  uint32_t i = p->n++;
  for (; i > 0 && heap_before(e, &p->entry[i - 1]); i--)
    p->entry[i] = p->entry[i - 1];
  p->entry[i] = *e;
}

/* Leaves the lower half and moves the others. */
static inline void heap_split(struct heap_part *p, struct heap_part *upper)
{
  uint32_t half = p->n / 2;
  heap_clear(upper);
  for (uint32_t i = half; i < p->n; i++)
    upper->entry[upper->n++] = p->entry[i];
  p->n = half;
}

/*
 * A new chunk of the lowest entries of both, none higher than the last of `low`, whose last is the lower one. The others go to
 * `rest`, in order. 0, or as heap_make; PAWL_STATE also if they do not fit, since chunks have been used again.
 */
static inline int heap_lowest(struct heap_work *w, struct heap_chunk **to, const struct heap_part *low,
                              const struct heap_part *high, struct heap_part *rest)
{
  int result;
  struct heap_chunk *c = heap_make(w, &result);
  if (c == NULL)
    return result;
  uint32_t i = 0, j = 0, n = 0;
  while (i < low->n && n < HEAP_CHUNK) {
    bool from_high = j < high->n && heap_before(&high->entry[j], &low->entry[i]);
    heap_set_entry(c, n++, from_high ? &high->entry[j++] : &low->entry[i++]);
  }
  if (low->n - i + high->n - j > HEAP_CHUNK)
    return PAWL_STATE;
  heap_clear(rest);
  while (i < low->n || j < high->n) {
    bool from_high = i == low->n || (j < high->n && heap_before(&high->entry[j], &low->entry[i]));
    rest->entry[rest->n++] = from_high ? high->entry[j++] : low->entry[i++];
  }
  (void)heap_join(c, n, NULL, 0, NULL, 0);
  *to = c;
  return 0;
}

/* ---- merging */

/* The way down: a chain of new chunks, each of which has its left heap and waits for its right one; the last is complete. */
static inline int heap_merge_down(struct heap_work *w, struct heap_part *a, struct heap_part *b, struct heap_part *spare)
{
  for (;;) {
    struct heap_part *low = a, *high = b;
    if (heap_before(&b->entry[b->n - 1], &a->entry[a->n - 1])) {
      low = b;
      high = a;
    }
    struct heap_chunk *x = NULL, *next = low->right;
    int result = heap_lowest(w, &x, low, high, spare);
    if (result != 0)
      return result;
    (void)heap_join(x, heap_count(x), low->left, low->left_rank, NULL, 0);
    spare->left = high->left;
    spare->right = high->right;
    spare->left_rank = high->left_rank;
    spare->right_rank = high->right_rank;
    if (spare->n == 0)
      return PAWL_STATE; /* used again */
    if (next == NULL)
      return heap_store(w, &x, spare);
    if (!heap_load_root(low, next) || !heap_drop(w, next))
      return PAWL_STATE;
    a = low;
    b = spare;
    spare = high;
  }
}

/* Merges two parts, in part[1] and part[2], into *heap, by new chunks from the first on: 0, -ENOMEM, PAWL_STATE. */
static inline int heap_merge_parts(struct heap_work *w, struct heap_chunk **heap)
{
  uint32_t first = w->made;
  int result = heap_merge_down(w, &w->part[1], &w->part[2], &w->part[3]);
  if (result != 0)
    return result;
  struct heap_chunk *below = w->new[w->made - 1];
  uint32_t rank = heap_rank(below);
  for (uint32_t i = w->made - 1; i-- > first;) {
    struct heap_chunk *c = w->new[i];
    uint32_t core = at_load_relaxed(&c->pool.core);
    rank = heap_join(c, core >> 16, (struct heap_chunk *)at_load_relaxed(&c->pool.node.link), core & 0xff, below, rank);
    below = c;
  }
  *heap = below;
  return 0;
}

/* *heap becomes that merged with another: 0, -ENOMEM, PAWL_STATE. Uses part[1 .. 3]. */
static inline int heap_merge(struct heap_work *w, struct heap_chunk **heap, struct heap_chunk *other)
{
  if (other == NULL)
    return 0;
  if (*heap == NULL) {
    *heap = other;
    return 0;
  }
  if (!heap_load_root(&w->part[1], *heap) || !heap_load_root(&w->part[2], other) || !heap_drop(w, *heap) ||
      !heap_drop(w, other))
    return PAWL_STATE;
  return heap_merge_parts(w, heap);
}

/* The same with entries that stand in part[1], without heaps. */
static inline int heap_push(struct heap_work *w, struct heap_chunk **heap, struct heap_part *entries)
{
  if (*heap == NULL)
    return heap_store(w, heap, entries);
  if (!heap_load_root(&w->part[2], *heap) || !heap_drop(w, *heap))
    return PAWL_STATE;
  return heap_merge_parts(w, heap);
}

/* ---- the end of a heap that nobody else can reach */

/* Hands every item of a chunk, from `first` on, to `drop`. */
static inline uint64_t heap_drop_entries(struct heap_chunk *c, uint32_t first, void (*drop)(void *ctx, uint64_t item),
                                         void *ctx)
{
  uint32_t count = heap_count(c);
  for (uint32_t i = first; i < count; i++)
    drop(ctx, at_load_relaxed(&c->entry[i].item));
  return count - first;
}

/* The same of all chunks of a heap, which end on the list `*all`. Turns left heaps to the right, so that it needs no stack. */
static inline uint64_t heap_drop_heap(struct heap_chunk *c, struct heap_chunk **all, void (*drop)(void *ctx, uint64_t item),
                                      void *ctx)
{
  uint64_t n = 0;
  while (c != NULL) {
    struct heap_chunk *left = (struct heap_chunk *)at_load_relaxed(&c->pool.node.link), *right = at_load_relaxed(&c->pool.rest);
    if (left != NULL) {
      at_store_release(&c->pool.node.link, (struct reclaim_node *)at_load_relaxed(&left->pool.rest)); /* [W] */
      at_store_release(&left->pool.rest, (void *)c);                                                  /* [W] */
      c = left;
    } else {
      n += heap_drop_entries(c, 0, drop, ctx);
      at_store_release(&c->pool.node.link, (struct reclaim_node *)*all); /* [W] */
      *all = c;
      c = right;
    }
  }
  return n;
}

#endif
