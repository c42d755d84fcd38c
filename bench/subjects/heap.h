/* SPDX-License-Identifier: BSD-2-Clause */
/* heap.h - a binary heap in an array that grows, as in any textbook; not first in, first out among equal keys. Has no lock. */
#ifndef PAWL_BENCH_HEAP_H
#define PAWL_BENCH_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct heap_entry {
  int64_t key;
  uint64_t item;
};

struct heap {
  struct heap_entry *entries;
  size_t count;
  size_t room;
};

static inline bool heap_push(struct heap *heap, int64_t key, uint64_t item)
{
  if (heap->count == heap->room) {
    size_t room = heap->room != 0 ? 2 * heap->room : 1024;
    struct heap_entry *entries = realloc(heap->entries, room * sizeof *entries);
    if (entries == NULL)
      return false;
    heap->entries = entries;
    heap->room = room;
  }
  size_t hole = heap->count++;
  for (size_t parent; hole > 0 && key < heap->entries[parent = (hole - 1) / 2].key; hole = parent)
    heap->entries[hole] = heap->entries[parent];
  heap->entries[hole] = (struct heap_entry){key, item};
  return true;
}

static inline bool heap_pop(struct heap *heap, int64_t *key, uint64_t *item)
{
  if (heap->count == 0)
    return false;
  *key = heap->entries[0].key;
  *item = heap->entries[0].item;
  struct heap_entry last = heap->entries[--heap->count];
  size_t hole = 0;
  for (size_t child; (child = 2 * hole + 1) < heap->count; hole = child) {
    child += child + 1 < heap->count && heap->entries[child + 1].key < heap->entries[child].key;
    if (last.key <= heap->entries[child].key)
      break;
    heap->entries[hole] = heap->entries[child];
  }
  heap->entries[hole] = last;
  return true;
}

#endif
