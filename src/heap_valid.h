/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap_valid.h - do the invariants of heap.h and heap_chunk.h hold? Layer 1. For tests, while nobody else uses the heap.
 */
#ifndef PAWL_SRC_HEAP_VALID_H
#define PAWL_SRC_HEAP_VALID_H

#include "heap.h"

/* Entries from `first` on: some, in order, put before the number `puts`, none lower than `least` (NULL: any). */
static inline bool heap_entries_are_valid(struct heap_chunk *c, uint32_t first, uint64_t puts, const struct heap_entry *least)
{
  uint32_t count = heap_count(c);
  if (count <= first || count > HEAP_CHUNK)
    return false;
  struct heap_entry last = least != NULL ? *least : heap_entry_of(c, first);
  for (uint32_t i = first; i < count; i++) {
    struct heap_entry e = heap_entry_of(c, i);
    if (heap_before(&e, &last) || (int64_t)(puts - e.sequence) <= 0)
      return false;
    last = e;
  }
  return true;
}

/* A heap, none of whose entries is lower than `least`. Counts its entries. Depth of recursion: the rank. */
static inline bool heap_chunks_are_valid(struct heap_chunk *c, uint64_t puts, struct heap_entry least, uint64_t *n)
{
  while (c != NULL) {
    struct heap_chunk *left = (struct heap_chunk *)at_load_relaxed(&c->pool.node.link), *right = at_load_relaxed(&c->pool.rest);
    uint32_t core = at_load_relaxed(&c->pool.core), left_rank = core & 0xff, right_rank = core >> 8 & 0xff;
    if (!heap_entries_are_valid(c, 0, puts, &least) || left_rank != heap_rank(left) || right_rank != heap_rank(right) ||
        left_rank < right_rank)
      return false;
    *n += heap_count(c);
    least = heap_entry_of(c, heap_count(c) - 1);
    if (!heap_chunks_are_valid(right, puts, least, n))
      return false;
    c = left;
  }
  return true;
}

static inline bool heap_is_valid(const struct heap *h)
{
  struct heap_version *v = top_node(at_load_relaxed(&h->top));
  if (v == NULL)
    return true;
  struct heap_state s = heap_state_of(v);
  uint64_t puts = at_load_relaxed(&v->puts), n = 0;
  if (s.front == NULL || !heap_entries_are_valid(s.front, s.first, puts, NULL))
    return false; /* H4 */
  struct heap_entry last = heap_entry_of(s.front, heap_count(s.front) - 1);
  if (!heap_chunks_are_valid(s.heap, puts, last, &n))
    return false;
  if (s.back != NULL && !heap_entries_are_valid(s.back, 0, puts, &last))
    return false;
  return n + heap_count(s.front) - s.first + (s.back != NULL ? heap_count(s.back) : 0) == heap_size(v);
}

#endif
